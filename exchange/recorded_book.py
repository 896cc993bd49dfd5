"""Recorded order book: a market that was recorded without us, in which orders of ours rest.

Each message moves the book, and fills by the rules of ``exchange.simulation`` what it
reaches: a print by queue position, a touch that moved onto us in full. Orders of ours move
nothing here.

A book that began with a snapshot follows the diffs alone. One that has grown, for want of a
snapshot, takes its touch from the ticker too, and an order at a level that is not known
yet stands behind more than will ever trade, until its size is known.

Source: the replay rules, sections 4 to 7, with partial fills done right (section 9).
"""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np

from exchange import market_events
from exchange.binance import depth_sync
from exchange.binance.depth_sync import DepthSync
from exchange.book import Book
from exchange.jit import IntArray
from exchange.simulation import RestingOrders
from exchange.types import Side

Filled: TypeAlias = tuple[int, int, int]
"""Key of an order of ours, lots filled, lots left."""

UNKNOWN_LOTS = 1 << 40
"""Stands for what is not known to rest at a level: more than will ever trade there."""


class RecordedBook:
    """The recorded book, and our orders' places in it.

    Args:
        resting: Our orders. The caller accepts into it, behind ``queue_lots``, and cancels.
    """

    def __init__(self, resting: RestingOrders) -> None:
        self.book = Book()
        self.sync = DepthSync(recorded=True)
        self.resting = resting
        self.grown_ns: list[int] = []
        """How long each book grew that no snapshot began."""
        self._known: dict[Side, set[int]] = {}
        """Prices whose sizes are known; empty for a book that a snapshot began."""

    @property
    def mid_ticks(self) -> float | None:
        """None while a side is empty."""
        bid, ask = self.book.best_bid_ticks, self.book.best_ask_ticks
        return None if bid is None or ask is None else (bid + ask) / 2

    def queue_lots(self, side: Side, price_ticks: int) -> int:
        """Lots that would stand before an order that came now."""
        if not self._known or price_ticks in self._known[side] or self._improves(side, price_ticks):
            return self.book.lots_at(side, price_ticks)
        return UNKNOWN_LOTS

    def on_message(self, message: market_events.MarketMessage) -> list[Filled]:
        """One message of the recording takes effect; what it fills, in the venue's order.

        Prints fill whether or not the book is trusted.
        """
        if isinstance(message, market_events.TradePrint):
            print_ = (message.aggressor, message.price_ticks, message.qty_lots)
            return self.resting.fills(self.resting.on_trade(*print_))
        return [fill for action in self.receive(message) for fill in self.write(action)]

    def receive(self, message: market_events.MarketMessage) -> Iterator[depth_sync.SyncAction]:
        """What a depth message asks to be written; nothing for any other.

        Write each before asking for the next.
        """
        for action in self._asked(message):
            if not isinstance(action, depth_sync.SetTouch):
                yield action
            elif self.sync.grown:
                yield depth_sync.ApplyDiff(self._as_diff(action.touch))

    def write(self, action: depth_sync.SyncAction) -> list[Filled]:
        """Do one of these; what it fills. Read it before the next is written."""
        match action:
            case depth_sync.ResetBook(snapshot=snapshot, grown_ns=grown_ns):
                self._known = {}
                if grown_ns is not None:
                    self.grown_ns.append(grown_ns)
                    self._known = {side: set() for side in Side}
                    self._note_told(snapshot)
                return list(self._change(self.book.load, snapshot))
            case depth_sync.ApplyDiff(diff=diff):
                self._show_queues(diff)
                self._note_told(diff)
                return list(self._change(self.book.apply, diff))
        return []

    def _asked(self, message: market_events.MarketMessage) -> list[depth_sync.SyncAction]:
        match message:
            case market_events.DepthDiff():
                return self.sync.receive_diff(message)
            case market_events.Snapshot():
                return self.sync.receive_snapshot(message)
            case market_events.TouchUpdate():
                return self.sync.receive_touch(message)
        return []

    def _as_diff(self, touch: market_events.TouchUpdate) -> market_events.DepthDiff:
        """What the ticker says of levels: nobody stands better than the touch."""
        return market_events.DepthDiff(
            touch.update_id,
            touch.update_id,
            touch.update_id,
            touch.exch_ns,
            *self._up_to(Side.BUY, touch.bid_ticks, touch.bid_lots),
            *self._up_to(Side.SELL, touch.ask_ticks, touch.ask_lots),
        )

    def _up_to(self, side: Side, touch_ticks: int, touch_lots: int) -> tuple[IntArray, IntArray]:
        """Levels of one side down to its touch, none when the side is empty."""
        gone: list[int] = []
        if touch_lots:
            best = self._best(side)
            while best is not None and side * best > side * touch_ticks:
                gone.append(best)
                best = self.book.beyond(side, best)
        ticks = [*gone, touch_ticks] if touch_lots else []
        lots = np.zeros(len(ticks), dtype=np.int64)
        lots[len(gone) :] = touch_lots
        return np.array(ticks, dtype=np.int64), lots

    def _best(self, side: Side) -> int | None:
        return self.book.best_bid_ticks if side is Side.BUY else self.book.best_ask_ticks

    def _improves(self, side: Side, price_ticks: int) -> bool:
        best = self._best(side)
        return best is not None and side * price_ticks > side * best

    def _note_told(self, levels: market_events.DepthDiff | market_events.Snapshot) -> None:
        if self._known:
            self._known[Side.BUY].update(levels.bid_ticks.tolist())
            self._known[Side.SELL].update(levels.ask_ticks.tolist())

    def _change(
        self, write: Callable[..., None], levels: market_events.DepthDiff | market_events.Snapshot
    ) -> Iterator[Filled]:
        """Write levels into the book; a touch that moved onto our orders fills them."""
        bid, ask = self.book.best_bid_ticks, self.book.best_ask_ticks
        write(levels.bid_ticks, levels.bid_lots, levels.ask_ticks, levels.ask_lots)
        new_bid, new_ask = self.book.best_bid_ticks, self.book.best_ask_ticks
        if new_ask is not None and (ask is None or new_ask < ask):
            yield from self.resting.fills(self.resting.on_best_ask_lowered(new_ask))
        if new_bid is not None and (bid is None or new_bid > bid):
            yield from self.resting.fills(self.resting.on_best_bid_raised(new_bid))

    def _show_queues(self, diff: market_events.DepthDiff) -> None:
        """Update the queue models at every changed level where an order of ours rests."""
        if not len(self.resting):
            return
        sides = (
            (Side.BUY, diff.bid_ticks, diff.bid_lots),
            (Side.SELL, diff.ask_ticks, diff.ask_lots),
        )
        for side, ticks, lots in sides:
            if not (ours := self.resting.prices(side)):
                continue
            for price, new_lots in zip(ticks.tolist(), lots.tolist(), strict=True):
                if price in ours:
                    self.resting.on_level(side, price, self.queue_lots(side, price), new_lots)
