"""Order queues of one side of a book: by price and age, and the best price among them."""

import heapq
from collections.abc import Iterable, KeysView

from exchange.paper.matching.events import Resting
from exchange.types import Side


class _Level:
    """The queue at one price. A dict keeps the order of arrival and forgets anyone at once."""

    __slots__ = ("lots", "queue")

    def __init__(self) -> None:
        self.lots = 0
        self.queue: dict[int, Resting] = {}


class OrderQueues:
    """One side; its best price is found through a heap with lazy deletion."""

    __slots__ = ("_heap", "_heaped", "_levels", "_sign")

    def __init__(self, side: Side) -> None:
        self._levels: dict[int, _Level] = {}
        self._sign = -int(side)  # the heap serves its smallest: the highest bid, the lowest ask
        self._heap: list[int] = []
        self._heaped: set[int] = set()  # so that a price that comes and goes is heaped once

    # ------------------------------------------------------------ questions

    @property
    def best_ticks(self) -> int | None:
        while self._heap:
            price_ticks = self._sign * self._heap[0]
            if price_ticks in self._levels:
                return price_ticks
            heapq.heappop(self._heap)
            self._heaped.discard(price_ticks)
        return None

    @property
    def prices(self) -> KeysView[int]:
        """Where anybody rests, in no order."""
        return self._levels.keys()

    def best_first(self) -> list[int]:
        return sorted(self._levels, key=self._sign.__mul__)

    def lots_at(self, price_ticks: int) -> int:
        """Everything that rests at a price; 0 when nobody does."""
        level = self._levels.get(price_ticks)
        return level.lots if level else 0

    def orders_at(self, price_ticks: int) -> Iterable[Resting]:
        """The queue at a price, the next to trade first."""
        level = self._levels.get(price_ticks)
        return level.queue.values() if level else ()

    def first_at(self, price_ticks: int) -> Resting:
        """The next to trade at a price where somebody rests."""
        return next(iter(self._levels[price_ticks].queue.values()))

    # ------------------------------------------------------------ changes

    def add(self, order: Resting) -> None:
        """Put an order last in the queue at its price."""
        price_ticks = order.price_ticks
        level = self._levels.get(price_ticks)
        if level is None:
            level = self._levels[price_ticks] = _Level()
            if price_ticks not in self._heaped:
                self._heaped.add(price_ticks)
                heapq.heappush(self._heap, self._sign * price_ticks)
        level.queue[order.venue_order_id] = order
        level.lots += order.left_lots

    def lower(self, order: Resting, left_lots: int) -> None:
        """Leave fewer lots of an order; its place stays, unless nothing is left of it."""
        level = self._levels[order.price_ticks]
        level.lots -= order.left_lots - left_lots
        order.left_lots = left_lots
        if left_lots:
            return
        del level.queue[order.venue_order_id]
        if not level.queue:
            del self._levels[order.price_ticks]
