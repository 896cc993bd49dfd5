"""A market region fed with messages, answering in words."""

import numpy as np

from exchange.book import Book
from exchange.depth_sync import APPLY, GAP, GREW, LOAD, NEEDED
from exchange.event_columns import WIDTH, write_row
from exchange.market import lose_market, market_step
from exchange.market_events import DepthDiff, MarketMessage, Snapshot
from exchange.market_layout import (
    GROWN,
    JOINED,
    NO_ID,
    RECORDED,
    RECORDED_SIZE,
    SYNCED_ID,
    new_region,
)
from exchange.types import Side


class SyncedMarket:
    """The book and synchroniser of one market.

    Args:
        recorded: May the book grow from diffs?
    """

    def __init__(self, *, recorded: bool = False) -> None:
        self.region = new_region(RECORDED_SIZE)
        self.region[RECORDED] = recorded
        self.book = Book(self.region)
        self._row = np.zeros(WIDTH, dtype=np.int64)

    def receive(self, message: MarketMessage) -> list[str]:
        """What became of a message, so that a test reads as a conversation."""
        levels = 0
        if isinstance(message, DepthDiff | Snapshot):
            levels = message.bid_ticks.size + message.ask_ticks.size
        ticks, lots = np.zeros((2, levels), dtype=np.int64)
        write_row(message, self._row, ticks, lots, 0)
        found = market_step(self.region, self._row, ticks, lots, 0)
        words = {GAP: "distrust", NEEDED: "fetch", GREW: "grew"}
        said = [word for bit, word in words.items() if found & bit]
        if isinstance(message, Snapshot):
            said += [f"reset {message.last_id}"] * bool(found & LOAD)
            said += [f"apply up to {self.last_id}"] * bool(found & APPLY)
        elif found & APPLY:
            said.append(f"apply {self.last_id}")
        return said

    def lose(self) -> None:
        lose_market(self.region)

    @property
    def trusted(self) -> bool:
        return bool(self.region[JOINED])

    @property
    def grown(self) -> bool:
        return bool(self.region[GROWN])

    @property
    def last_id(self) -> int | None:
        synced = int(self.region[SYNCED_ID])
        return None if synced == NO_ID else synced

    def ladder(self, side: Side) -> list[tuple[int, int]]:
        """Every level of a side, best first."""
        ticks, lots = np.zeros((2, self.book.level_count), dtype=np.int64)
        found = self.book.top(side, ticks.size, ticks, lots)
        return list(zip(ticks[:found].tolist(), lots[:found].tolist(), strict=True))
