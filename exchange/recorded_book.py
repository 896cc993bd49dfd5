"""A market that was recorded without us, in which orders of ours rest.

Each message moves the book, and fills by the rules of ``exchange.simulation`` what it
reaches: a print by queue position, a touch that moved onto us in full. Orders of ours move
nothing here.

Source: the replay rules, sections 4 to 7, with partial fills done right (section 9).
"""

from collections.abc import Callable, Iterator
from typing import TypeAlias

from exchange.binance import depth_sync, frames
from exchange.binance.depth_sync import DepthSync
from exchange.book import Book
from exchange.simulation import QueueModel, RestingOrders
from exchange.types import Side

Filled: TypeAlias = tuple[int, int, int]
"""Key of an order of ours, lots filled, lots left."""

QUEUES = {
    "risk_averse": (QueueModel.RISK_AVERSE, 1.0),
    "log": (QueueModel.LOG, 1.0),
    "power2": (QueueModel.POWER2, 2.0),
    "power3": (QueueModel.POWER3, 3.0),
}
"""The queue models by the names of settings, each with its exponent."""


class RecordedBook:
    """The recorded book, and our orders' places in it.

    Args:
        resting: Our orders. The caller accepts into it, at ``book.lots_at``, and cancels.
    """

    def __init__(self, resting: RestingOrders) -> None:
        self.book = Book()
        self.sync = DepthSync()
        self.resting = resting

    def see(self, word: frames.Word) -> list[Filled]:
        """One message of the recording takes effect; what it fills, in the venue's order.

        Prints fill whether or not the book is trusted.
        """
        if isinstance(word, frames.TradePrint):
            print_ = (word.aggressor, word.price_ticks, word.qty_lots)
            return self.resting.fills(self.resting.on_trade(*print_))
        return [fill for action in self.receive(word) for fill in self.write(action)]

    def receive(self, word: frames.Word) -> list[depth_sync.Action]:
        """What a depth message asks to be written, one after another; nothing for any other."""
        match word:
            case frames.DepthDiff():
                return self.sync.receive_diff(word)
            case frames.Snapshot():
                return self.sync.receive_snapshot(word)
        return []

    def write(self, action: depth_sync.Action) -> list[Filled]:
        """Do one of these; what it fills. Read it before the next is written."""
        match action:
            case depth_sync.ResetBook(snapshot=snapshot):
                return list(self._change(self.book.load, snapshot))
            case depth_sync.ApplyDiff(diff=diff):
                self._show_queues(diff)
                return list(self._change(self.book.apply, diff))
        return []

    def _change(
        self, write: Callable[..., None], levels: frames.DepthDiff | frames.Snapshot
    ) -> Iterator[Filled]:
        """Write levels into the book; a touch that moved onto our orders fills them."""
        bid, ask = self.book.best_bid_ticks, self.book.best_ask_ticks
        write(levels.bid_ticks, levels.bid_lots, levels.ask_ticks, levels.ask_lots)
        new_bid, new_ask = self.book.best_bid_ticks, self.book.best_ask_ticks
        if new_ask is not None and (ask is None or new_ask < ask):
            yield from self.resting.fills(self.resting.on_best_ask_lowered(new_ask))
        if new_bid is not None and (bid is None or new_bid > bid):
            yield from self.resting.fills(self.resting.on_best_bid_raised(new_bid))

    def _show_queues(self, diff: frames.DepthDiff) -> None:
        """Tell the queue models of every changed level where an order of ours rests."""
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
                    self.resting.on_level(side, price, self.book.lots_at(side, price), new_lots)
