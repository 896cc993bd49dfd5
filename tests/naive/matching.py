"""A matching engine so slow and plain that it is its own proof: one list, searched each time."""

from dataclasses import dataclass

from exchange.paper.matching import Owner
from exchange.types import Side, TimeInForce


@dataclass
class Order:
    number: int
    owner: Owner
    side: Side
    price_ticks: int
    left_lots: int


class NaiveMatching:
    """Keeps every resting order in the order of arrival."""

    def __init__(self) -> None:
        self.book: list[Order] = []
        self.trades: list[tuple[int, int, int, int]] = []
        """Maker, taker, price, size."""
        self.expired: list[int] = []
        self._number = 0

    def submit(
        self,
        owner: Owner,
        side: Side,
        qty_lots: int,
        price_ticks: int | None,
        time_in_force: TimeInForce = TimeInForce.GTC,
    ) -> bool:
        """Whether the order was accepted."""
        if time_in_force is TimeInForce.GTX and self._makers(side, price_ticks):
            return False
        others = [
            order
            for order in self._makers(side, price_ticks)
            if not owner == order.owner == Owner.ACCOUNT
        ]
        if time_in_force is TimeInForce.FOK and sum(o.left_lots for o in others) < qty_lots:
            return False
        self._number += 1
        left = qty_lots
        while left and (makers := self._makers(side, price_ticks)):
            maker = makers[0]
            if owner == maker.owner == Owner.ACCOUNT:
                self.book.remove(maker)
                self.expired.append(maker.number)
                continue
            lots = min(left, maker.left_lots)
            self.trades.append((maker.number, self._number, maker.price_ticks, lots))
            left -= lots
            maker.left_lots -= lots
            if not maker.left_lots:
                self.book.remove(maker)
        if left:
            if price_ticks is None or time_in_force is TimeInForce.IOC:
                self.expired.append(self._number)
            else:
                self.book.append(Order(self._number, owner, side, price_ticks, left))
        return True

    def cancel(self, number: int) -> bool:
        before = len(self.book)
        self.book = [order for order in self.book if order.number != number]
        return len(self.book) < before

    def queue(self, side: Side, price_ticks: int) -> list[tuple[int, int]]:
        return [
            (order.number, order.left_lots)
            for order in self.book
            if order.side is side and order.price_ticks == price_ticks
        ]

    def _makers(self, side: Side, price_ticks: int | None) -> list[Order]:
        """Who would trade with a taker, first to trade first; sorting keeps arrival order."""
        against = [
            order
            for order in self.book
            if order.side is not side
            and (price_ticks is None or side * order.price_ticks <= side * price_ticks)
        ]
        return sorted(against, key=lambda order: side * order.price_ticks)
