"""Everybody's executions in one market, one by one and put together as the venue tells them."""

from collections import deque
from dataclasses import dataclass
from itertools import groupby

from exchange.paper.matching import Traded
from exchange.types import Side

KEPT_TRADES = 10_000


@dataclass(frozen=True, slots=True)
class Print:
    """One execution."""

    trade_id: int
    price_ticks: int
    qty_lots: int
    taker_side: Side
    time_ms: int


@dataclass(frozen=True, slots=True)
class Aggregate:
    """What one taker did at one price."""

    aggregate_id: int
    price_ticks: int
    qty_lots: int
    first_trade_id: int
    last_trade_id: int
    taker_side: Side
    time_ms: int


class Tape:
    """The latest executions, oldest first."""

    def __init__(self, first_id: int) -> None:
        self.prints: deque[Print] = deque(maxlen=KEPT_TRADES)
        self.aggregates: deque[Aggregate] = deque(maxlen=KEPT_TRADES)
        self._next_aggregate_id = first_id

    def note(self, trades: list[Traded], now_ms: int) -> list[Aggregate]:
        """Take the executions of one turn; they come aggregated in the order of their prices."""
        made = []
        for _, same in groupby(trades, key=lambda t: (t.taker_order_id, t.price_ticks)):
            together = list(same)
            first, last = together[0], together[-1]
            made.append(
                Aggregate(
                    aggregate_id=self._next_aggregate_id,
                    price_ticks=first.price_ticks,
                    qty_lots=sum(trade.qty_lots for trade in together),
                    first_trade_id=first.trade_id,
                    last_trade_id=last.trade_id,
                    taker_side=first.taker_side,
                    time_ms=now_ms,
                )
            )
            self._next_aggregate_id += 1
        self.aggregates.extend(made)
        self.prints.extend(
            Print(t.trade_id, t.price_ticks, t.qty_lots, t.taker_side, now_ms) for t in trades
        )
        return made
