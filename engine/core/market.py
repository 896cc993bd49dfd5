"""Market state of one symbol: book, touch and tape, from raw frames.

The depth stream carries the book, the ticker stream runs ahead of it at the touch. A
ticker newer than the book is written into it; a depth message older than the newest
ticker never undoes it.
"""

from collections import deque
from typing import Any

import numpy as np

from engine.core.log import DeskLog
from engine.core.orders import CAPACITY, FREE, OrderTable
from exchange import market_events
from exchange.binance import depth_sync, frames
from exchange.binance.depth_sync import DepthSync
from exchange.binance.growing_book import growth_in_words
from exchange.book import Book
from exchange.errors import Garbled
from exchange.instrument import Instrument
from exchange.jit import IntArray, njit
from exchange.types import Command, FetchSnapshot, Link, Severity, Side

_RESYNC_WAITS_MS = (0, 250, 500, 1000, 2000, 4000)
"""A snapshot costs 20 of the minute's weight, so gaps in a row are spaced out."""
_TOUCHES_KEPT = 512  # memory is bounded: before these the touch is not known
_LEVELS = 50


@njit
def take_out(
    side: int,
    price_ticks: IntArray,
    lots: IntArray,
    own_side: IntArray,
    own_price_ticks: IntArray,
    own_lots: IntArray,
) -> None:
    """Take our own working size out of one side's levels, leaving at least nothing.

    Args:
        price_ticks: int64[n], one side's levels.
        lots: int64[n], updated.
        own_side: int64[m], +1 or -1, as of the other two.
    """
    for i in range(own_lots.size):
        if own_lots[i] > 0 and own_side[i] == side:
            for j in range(price_ticks.size):
                if price_ticks[j] == own_price_ticks[i]:
                    lots[j] = max(lots[j] - own_lots[i], 0)


class MarketState:
    """Book, touch and last print of one symbol.

    Args:
        own_in_book: Does the feed show our own orders? A recording does not.
        recorded: As of ``DepthSync``.
    """

    def __init__(
        self,
        instrument: Instrument,
        log: DeskLog,
        *,
        own_in_book: bool,
        recorded: bool = False,
    ) -> None:
        self.book = Book()
        self.touch: tuple[int, int] | None = None
        """Others' best bid and ask in ticks, our own size taken out; None: no trusted book."""
        self.touch_lots = (0, 0)
        """Others' sizes there."""
        self.last_print: tuple[int, Side] | None = None
        self.feed_latency_ns: int | None = None
        """How late the newest book message came, by the venue's clock."""
        self.venue_minus_mono_ns: int | None = None
        """Added to our monotonic clock it is the venue's time; None: our wall clock must do."""
        self.book_exch_ns = 0
        """The venue's stamp on the newest depth message in the book."""
        self.touch_exch_ns = 0
        """The venue's stamp on the newest message of either book stream."""
        self.mark_exch_ns = 0
        """The venue's stamp on the newest mark price, which shares the tape's link."""
        self.heard_ns: dict[Link, int] = {}
        """Monotonic time of the last message on each link."""
        self._instrument = instrument
        self._log = log
        self._own_in_book = own_in_book
        self._sync = DepthSync(recorded=recorded)
        self._resyncs = 0
        self._own_lots = np.zeros(CAPACITY, dtype=np.int64)
        self._touches: deque[tuple[int, int, int]] = deque(maxlen=_TOUCHES_KEPT)
        self._levels = np.zeros((4, _LEVELS), dtype=np.int64)

    @property
    def trusted(self) -> bool:
        return self._sync.trusted

    def receive_frame(
        self, raw: bytes, recv_ns: int, mono_ns: int
    ) -> tuple[market_events.TradePrint | None, list[Command]]:
        """Apply one market message; the print that it was, if it was one, and what to ask."""
        try:
            message = frames.decode(raw, self._instrument)
        except Garbled as error:
            self._distrust(f"nonsense on a market stream: {error}")
            return None, []
        match message:
            case market_events.TouchUpdate():
                self._hear_book(message.exch_ns, recv_ns, mono_ns)
                return None, self._follow(self._sync.receive_touch(message))
            case market_events.DepthDiff():
                self._hear_book(message.exch_ns, recv_ns, mono_ns)
                return None, self._follow(self._sync.receive_diff(message))
            case market_events.TradePrint():
                self.heard_ns[Link.MARKET] = mono_ns
                self.last_print = (message.price_ticks, message.aggressor)
                return message, []
            case market_events.MarkPrice():
                self.heard_ns[Link.MARKET] = mono_ns
                self.mark_exch_ns = message.exch_ns
        return None, []

    def receive_snapshot(self, raw: bytes, mono_ns: int) -> list[Command]:
        try:
            snapshot = frames.decode_snapshot(raw, self._instrument)
        except Garbled as error:
            self._distrust(f"nonsense instead of a depth snapshot: {error}")
            return []
        self.heard_ns[Link.PUBLIC] = mono_ns
        return self._follow(self._sync.receive_snapshot(snapshot))

    def lose(self) -> None:
        """The public link is down: whatever comes next does not continue this book."""
        self._sync.lost()
        self._resyncs = 0

    def read_touch(self, table: OrderTable) -> None:
        """Find others' best prices under our own working size."""
        bid: int | None = None
        ask: int | None = None
        if self.trusted:
            bid, bid_lots, ask, ask_lots = self.book.touch_without_ours(
                table.side, table.price_ticks, self._ours(table), CAPACITY
            )
            self.touch_lots = (bid_lots, ask_lots)
        touch = None if bid is None or ask is None else (bid, ask)
        if touch is None:
            self._touches.clear()  # what stood before a gap says nothing of what follows it
        elif touch != self.touch:
            self._touches.append((self.touch_exch_ns, *touch))
        self.touch = touch

    def touch_before(self, exch_ns: int) -> tuple[int, int] | None:
        """Others' touch just before a moment of the venue's clock.

        Returns:
            None where that is not known: too long ago, or before the last gap in the book.
        """
        for stamp_ns, bid, ask in reversed(self._touches):
            if stamp_ns < exch_ns:
                return bid, ask
        return None

    def others(self, table: OrderTable) -> tuple[IntArray, IntArray, IntArray, IntArray]:
        """Bids and asks, best first, our size taken out: ``(ticks, lots, ticks, lots)``.

        Views that the next call overwrites; no lots where nothing is left, at any price.
        """
        ours, levels = self._ours(table), self._levels
        for side, row in ((Side.BUY, 0), (Side.SELL, 2)):
            found = self.book.top(side, _LEVELS, levels[row], levels[row + 1])
            levels[row + 1, found:] = 0
            take_out(int(side), levels[row], levels[row + 1], table.side, table.price_ticks, ours)
        return levels[0], levels[1], levels[2], levels[3]

    def _ours(self, table: OrderTable) -> IntArray:
        """Lots of ours that the feed may show, by slot.

        Whole sizes and every order still known: a late book shows what was filled or
        cancelled a moment ago, and it may show an order before its placing is answered.
        """
        if self._own_in_book:
            np.multiply(table.qty_lots, table.state != FREE, out=self._own_lots)
        return self._own_lots

    def _hear_book(self, exch_ns: int, recv_ns: int, mono_ns: int) -> None:
        self.heard_ns[Link.PUBLIC] = mono_ns
        if exch_ns:
            self.touch_exch_ns = exch_ns
            self.feed_latency_ns = self.venue_ns(recv_ns, mono_ns) - exch_ns

    def venue_ns(self, recv_ns: int, mono_ns: int) -> int:
        """The venue's time at a moment of ours, by our wall clock until its own was measured."""
        offset_ns = self.venue_minus_mono_ns
        return recv_ns if offset_ns is None else mono_ns + offset_ns

    def _follow(self, actions: list[Any]) -> list[Command]:
        commands: list[Command] = []
        for action in actions:
            match action:
                case depth_sync.ResetBook(snapshot=s, grown_ns=grown_ns):
                    self.book.load(s.bid_ticks, s.bid_lots, s.ask_ticks, s.ask_lots)
                    self.book_exch_ns = s.exch_ns
                    if grown_ns is not None:
                        self._log.note(Severity.INFO, growth_in_words([grown_ns]))
                case depth_sync.ApplyDiff(diff=d):
                    self.book.apply(d.bid_ticks, d.bid_lots, d.ask_ticks, d.ask_lots)
                    self.book_exch_ns = d.exch_ns
                case depth_sync.SetTouch(touch=t):
                    self.book.set_touch(t.bid_ticks, t.bid_lots, t.ask_ticks, t.ask_lots)
                case depth_sync.DistrustBook():
                    self._log.note(Severity.WARNING, "a gap in the book: resynchronising")
                case depth_sync.SnapshotNeeded():
                    commands.append(self._fetch_snapshot())
        if self.trusted:
            self._resyncs = 0
            if self.book.crossed:
                self._distrust("bid at or above ask")
        return commands

    def _distrust(self, why: str) -> None:
        """Bad market data is worse than none: no book until a fresh snapshot."""
        self._log.note(Severity.WARNING, f"book distrusted: {why}")
        self._sync.lost()  # the next diff asks for the snapshot

    def _fetch_snapshot(self) -> Command:
        wait_ms = _RESYNC_WAITS_MS[min(self._resyncs, len(_RESYNC_WAITS_MS) - 1)]
        self._resyncs += 1
        return FetchSnapshot(wait_ms=wait_ms)
