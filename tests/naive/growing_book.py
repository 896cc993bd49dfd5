"""Book without a snapshot, grown from diffs where none comes.

A collector writes one snapshot when it starts, so every day file but the first begins in the
middle of a sequence. Each diff gives the size of some levels exactly; all others are unknown.
The levels near the touch change all the time, so that soon everything that matters is
known; how soon was measured on recordings whose snapshot was taken away. With a ticker the
touch was right within a second at BTCUSDT, and within 20 s in a market of one change a second,
whose first ticker comes late; from diffs alone that market took up to 70 s.
"""

import numpy as np

from exchange.book import Book
from exchange.jit import IntArray
from exchange.market_events import DepthDiff, Snapshot, TouchUpdate
from exchange.types import Side

STANDS_NS = 10_000_000_000
"""How long both sides must have stood uncrossed once a ticker has set the touch."""
STANDS_UNTOLD_NS = 120_000_000_000
"""The same where no ticker has come."""


class GrowingBook:
    """Book of every level that was reported since a sequence of diffs began.

    Args:
        begun_ns: The venue's time of the first diff.
    """

    def __init__(self, begun_ns: int) -> None:
        self.begun_ns = begun_ns
        self._book = Book()
        self._known: dict[Side, set[int]] = {Side.BUY: set(), Side.SELL: set()}
        self._standing_ns: int | None = None  # since when both sides stand uncrossed
        self._touch_told = False

    def write_diff(self, diff: DepthDiff) -> None:
        """Write levels over what was known of them before."""
        self._book.apply(diff.bid_ticks, diff.bid_lots, diff.ask_ticks, diff.ask_lots)
        self._known[Side.BUY].update(diff.bid_ticks.tolist())
        self._known[Side.SELL].update(diff.ask_ticks.tolist())

    def write_touch(self, touch: TouchUpdate) -> None:
        """Nothing stands better than this."""
        self._book.set_touch(touch.bid_ticks, touch.bid_lots, touch.ask_ticks, touch.ask_lots)
        if touch.bid_lots:
            self._known[Side.BUY].add(touch.bid_ticks)
        if touch.ask_lots:
            self._known[Side.SELL].add(touch.ask_ticks)
        self._touch_told |= bool(touch.bid_lots and touch.ask_lots)

    def stands(self, now_ns: int) -> bool:
        """May it be trusted? Ask after every diff, with the diff's own time."""
        bid, ask = self._book.best_bid_ticks, self._book.best_ask_ticks
        if bid is None or ask is None or bid >= ask:
            self._standing_ns = None
            return False
        if self._standing_ns is None:
            self._standing_ns = now_ns
        enough_ns = STANDS_NS if self._touch_told else STANDS_UNTOLD_NS
        return now_ns - self._standing_ns >= enough_ns

    def snapshot(self, last_id: int, exch_ns: int) -> Snapshot:
        """Every level known, best first, 0 lots where nobody stands."""
        return Snapshot(last_id, exch_ns, *self._side(Side.BUY), *self._side(Side.SELL))

    def _side(self, side: Side) -> tuple[IntArray, IntArray]:
        ticks = sorted(self._known[side], reverse=side is Side.BUY)
        lots = [self._book.lots_at(side, price_ticks) for price_ticks in ticks]
        return np.array(ticks, dtype=np.int64), np.array(lots, dtype=np.int64)
