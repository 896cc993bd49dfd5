"""Price-time priority matching engine: a book of orders, and of nothing else.

Prices are integer ticks and sizes integer lots. A level is a queue, a taker meets the best
level first and the oldest order of a level first, and every fill happens at the price of
the order that rested. Nothing here knows money, accounts, clocks or sockets.
"""

from itertools import takewhile

from exchange.paper.matching.events import reaches
from exchange.paper.matching.order_book import OrderBook
from exchange.types import Side


class Matching(OrderBook):
    """Price-time priority among resting orders.

    Args:
        first_id: As of ``OrderBook``.
    """

    @property
    def open(self) -> bool:
        return True

    def best_ticks(self, side: Side) -> int | None:
        return self._queues[side].best_ticks

    def lots_at(self, side: Side, price_ticks: int) -> int:
        return self._queues[side].lots_at(price_ticks)

    def levels(self, side: Side, limit: int | None = None) -> list[tuple[int, int]]:
        queues = self._queues[side]
        return [(price, queues.lots_at(price)) for price in queues.best_first()[:limit]]

    def levels_within(self, side: Side, limit_ticks: int) -> list[int]:
        """Lots of each level that a taker with this limit would reach, best first."""
        queues, taker = self._queues[side], Side(-side)
        reached = takewhile(lambda p: reaches(taker, limit_ticks, p), queues.best_first())
        return [queues.lots_at(price) for price in reached]

    def queue(self, side: Side, price_ticks: int) -> list[tuple[int, int]]:
        """``(venue_order_id, left_lots)`` at a price, the next to trade first."""
        return [(o.venue_order_id, o.left_lots) for o in self._queues[side].orders_at(price_ticks)]
