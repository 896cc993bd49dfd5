"""Naive market: the synchroniser as objects, its book as dicts."""

from exchange.market_events import DepthDiff, MarketMessage, Snapshot, TouchUpdate
from exchange.types import Side
from tests.naive.book import NaiveBook
from tests.naive.depth_sync import ApplyDiff, DepthSync, DistrustBook, ResetBook, SetTouch


class NaiveMarket:
    """What ``exchange.market`` promises of book and trust."""

    def __init__(self, *, recorded: bool) -> None:
        self.sync = DepthSync(recorded=recorded)
        self.book = NaiveBook()

    def receive(self, message: MarketMessage) -> tuple[bool, bool]:
        """Take a message; ``(a gap was found, a snapshot is needed)``."""
        actions = []
        match message:
            case DepthDiff():
                actions = self.sync.receive_diff(message)
            case Snapshot():
                actions = self.sync.receive_snapshot(message)
            case TouchUpdate():
                actions = self.sync.receive_touch(message)
        gap = needed = False
        for action in actions:
            match action:
                case ResetBook(snapshot=snapshot):
                    self.book = NaiveBook()
                    self._write(snapshot)
                case ApplyDiff(diff=diff):
                    self._write(diff)
                case SetTouch(touch=touch):
                    self._set_touch(touch)
                case DistrustBook():
                    gap = True
                case _:
                    needed = True
        return gap, needed

    def _write(self, levels: DepthDiff | Snapshot) -> None:
        for side, ticks, lots in (
            (Side.BUY, levels.bid_ticks, levels.bid_lots),
            (Side.SELL, levels.ask_ticks, levels.ask_lots),
        ):
            for price_ticks, size in zip(ticks.tolist(), lots.tolist(), strict=True):
                self.book.set(side, price_ticks, size)

    def _set_touch(self, touch: TouchUpdate) -> None:
        """A side without lots is left as it is."""
        for side, touch_ticks, size in (
            (Side.BUY, touch.bid_ticks, touch.bid_lots),
            (Side.SELL, touch.ask_ticks, touch.ask_lots),
        ):
            if size:
                for price_ticks, _ in self.book.ladder(side):
                    if side * price_ticks > side * touch_ticks:
                        self.book.set(side, price_ticks, 0)
                self.book.set(side, touch_ticks, size)
