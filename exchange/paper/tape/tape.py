"""Tape of one market: everybody's executions, one by one, in a row, by candle and by day."""

from collections import deque
from collections.abc import Iterable

import msgspec

from exchange.paper.matching.events import Traded
from exchange.paper.tape.candles import Candles
from exchange.paper.tape.rolling_day import RollingDay
from exchange.types import Side

KEPT_TRADES = 20_000  # memory is bounded; requests for older ones find none

GATHERING_MS = 100
"""How long the venue waits for more of the same before it publishes them."""


class Print(msgspec.Struct, frozen=True, gc=False):
    """One execution."""

    trade_id: int
    price_ticks: int
    qty_lots: int
    taker_side: Side
    time_ms: int


class Aggregate(msgspec.Struct, frozen=True, gc=False):
    """Executions in a row at one price and with takers on one side, within a moment."""

    aggregate_id: int
    price_ticks: int
    qty_lots: int
    first_trade_id: int
    last_trade_id: int
    taker_side: Side
    time_ms: int
    """Of the first."""


class Tape:
    """The market's trades; lists are oldest first.

    Args:
        first_id: Where the ids of aggregates start.
    """

    def __init__(self, first_id: int) -> None:
        self.prints: deque[Print] = deque(maxlen=KEPT_TRADES)
        self.aggregates: deque[Aggregate] = deque(maxlen=KEPT_TRADES)
        """Those that nothing joins any more."""
        self.candles = Candles()
        self.day = RollingDay(self.candles)
        self._next_aggregate_id = first_id
        self._gathered: list[Print] = []

    @property
    def newest(self) -> Print | None:
        """The last execution."""
        return self.prints[-1] if self.prints else None

    def note(self, trades: Iterable[Traded], now_ms: int) -> list[Aggregate]:
        """Take the executions of one turn; the aggregates that they ended."""
        self.candles.advance(now_ms)
        ended = []
        for trade in trades:
            self.candles.note(trade, now_ms)
            made = Print(
                trade.trade_id, trade.price_ticks, trade.qty_lots, trade.taker_side, now_ms
            )
            self.prints.append(made)
            if self._gathered and not _alike(made, self._gathered[0]):
                ended.append(self._end())
            self._gathered.append(made)
        return ended

    def advance(self, now_ms: int) -> list[Aggregate]:
        """Let time pass; the aggregate that has waited long enough, if there is one."""
        self.candles.advance(now_ms)
        if self._gathered and now_ms - self._gathered[0].time_ms >= GATHERING_MS:
            return [self._end()]
        return []

    def _end(self) -> Aggregate:
        first, last = self._gathered[0], self._gathered[-1]
        ended = Aggregate(
            self._next_aggregate_id,
            first.price_ticks,
            sum(made.qty_lots for made in self._gathered),
            first.trade_id,
            last.trade_id,
            first.taker_side,
            first.time_ms,
        )
        self._next_aggregate_id += 1
        self._gathered.clear()
        self.aggregates.append(ended)
        return ended


def _alike(made: Print, first: Print) -> bool:
    return (
        made.price_ticks == first.price_ticks
        and made.taker_side is first.taker_side
        and made.time_ms - first.time_ms < GATHERING_MS
    )
