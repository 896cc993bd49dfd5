"""Price-time priority matching engine: the queue at every price, and the best price of a side.

Prices are integer ticks and sizes integer lots. A level is a queue, a taker meets the best
level first and the oldest order of a level first, and every fill happens at the price of
the order that rested. Nothing here knows money, accounts, clocks or sockets.
"""

import heapq
from collections.abc import Iterable
from itertools import takewhile

from exchange.paper.matching.events import Resting, reaches
from exchange.paper.matching.order_book import OrderBook
from exchange.types import Side


class _Level:
    """The queue at one price. A dict keeps the order of arrival and forgets anyone at once."""

    __slots__ = ("lots", "queue")

    def __init__(self) -> None:
        self.lots = 0
        self.queue: dict[int, Resting] = {}


class _BookSide:
    """One side of the book, its best price found through a heap with lazy deletion."""

    __slots__ = ("_heap", "_heaped", "_sign", "levels")

    def __init__(self, side: Side) -> None:
        self.levels: dict[int, _Level] = {}
        self._sign = -int(side)  # the heap serves its smallest: the highest bid, the lowest ask
        self._heap: list[int] = []
        self._heaped: set[int] = set()  # so that a price that comes and goes is heaped once

    @property
    def best_ticks(self) -> int | None:
        while self._heap:
            price_ticks = self._sign * self._heap[0]
            if price_ticks in self.levels:
                return price_ticks
            heapq.heappop(self._heap)
            self._heaped.discard(price_ticks)
        return None

    def level(self, price_ticks: int) -> _Level:
        """The level at a price, made when nobody rests there yet."""
        found = self.levels.get(price_ticks)
        if found is None:
            found = self.levels[price_ticks] = _Level()
            if price_ticks not in self._heaped:
                self._heaped.add(price_ticks)
                heapq.heappush(self._heap, self._sign * price_ticks)
        return found

    def best_first(self) -> list[int]:
        return sorted(self.levels, key=self._sign.__mul__)


class Matching(OrderBook):
    """Price-time priority among resting orders.

    Args:
        first_id: As of ``OrderBook``.
    """

    def __init__(self, first_id: int = 1) -> None:
        super().__init__(first_id)
        self._halves = {Side.BUY: _BookSide(Side.BUY), Side.SELL: _BookSide(Side.SELL)}

    # ------------------------------------------------------------ questions

    @property
    def open(self) -> bool:
        return True

    def best_ticks(self, side: Side) -> int | None:
        return self._halves[side].best_ticks

    def lots_at(self, side: Side, price_ticks: int) -> int:
        level = self._halves[side].levels.get(price_ticks)
        return level.lots if level else 0

    def levels(self, side: Side, limit: int | None = None) -> list[tuple[int, int]]:
        half = self._halves[side]
        return [(price, half.levels[price].lots) for price in half.best_first()[:limit]]

    def levels_within(self, side: Side, limit_ticks: int) -> list[int]:
        """Lots of each level that a taker with this limit would reach, best first."""
        half = self._halves[side]
        taker = Side(-side)
        reached = takewhile(lambda p: reaches(taker, limit_ticks, p), half.best_first())
        return [half.levels[price].lots for price in reached]

    def queue(self, side: Side, price_ticks: int) -> list[tuple[int, int]]:
        """``(venue_order_id, left_lots)`` at a price, the next to trade first."""
        level = self._halves[side].levels.get(price_ticks)
        return [(o.venue_order_id, o.left_lots) for o in level.queue.values()] if level else []

    # ------------------------------------------------------------ the queues

    def _orders_at(self, side: Side, price_ticks: int) -> Iterable[Resting]:
        return self._halves[side].levels[price_ticks].queue.values()

    def _enqueue(self, order: Resting) -> None:
        level = self._halves[order.side].level(order.price_ticks)
        level.queue[order.venue_order_id] = order
        level.lots += order.left_lots

    def _dequeue(self, order: Resting) -> None:
        half = self._halves[order.side]
        level = half.levels[order.price_ticks]
        del level.queue[order.venue_order_id]
        level.lots -= order.left_lots
        if not level.queue:
            del half.levels[order.price_ticks]

    def _lower(self, order: Resting, left_lots: int) -> None:
        level = self._halves[order.side].levels[order.price_ticks]
        level.lots -= order.left_lots - left_lots
        order.left_lots = left_lots
