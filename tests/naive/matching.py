"""Naive matching engine, so plain that it is its own proof: one list, searched each time."""

from collections import defaultdict
from dataclasses import dataclass

from exchange.paper.matching.events import BACKGROUND, SelfTrade
from exchange.types import Side, TimeInForce


@dataclass
class Order:
    number: int
    owner: int
    side: Side
    price_ticks: int
    left_lots: int
    reduce_only: bool = False


class NaiveMatching:
    """Keeps every resting order in the order of arrival."""

    def __init__(self) -> None:
        self.book: list[Order] = []
        self.trades: list[tuple[int, int, int, int]] = []
        """Maker, taker, price, size."""
        self.expired: list[tuple[int, int]] = []
        """Order and what was left of it."""
        self.positions: defaultdict[int, int] = defaultdict(int)
        self._number = 0

    def submit(
        self,
        owner: int,
        side: Side,
        qty_lots: int,
        price_ticks: int | None,
        time_in_force: TimeInForce = TimeInForce.GTC,
        self_trade: SelfTrade = SelfTrade.EXPIRE_MAKER,
        *,
        reduce_only: bool = False,
    ) -> bool:
        """Whether the order was accepted."""
        makers = self._makers(side, price_ticks)
        if time_in_force is TimeInForce.GTX and makers:
            return False
        if time_in_force is TimeInForce.FOK:
            self_trade = SelfTrade.NONE
            if self._could_give(makers) < qty_lots:
                return False
        self._number += 1
        taker = Order(self._number, owner, side, price_ticks or 0, qty_lots, reduce_only)
        goes_on = self._take(taker, price_ticks, self_trade)
        if taker.left_lots:
            rests = price_ticks is not None and time_in_force is not TimeInForce.IOC
            if rests and goes_on:
                self.book.append(taker)
            else:
                self.expired.append((taker.number, taker.left_lots))
        return True

    def amend(
        self,
        number: int,
        price_ticks: int,
        left_lots: int,
        self_trade: SelfTrade,
        *,
        post_only: bool,
    ) -> bool:
        """Whether there was such an order; it leaves its place, and may trade or go."""
        found = [order for order in self.book if order.number == number]
        if not found:
            return False
        order = found[0]
        self.book.remove(order)
        if post_only and self._makers(order.side, price_ticks):
            return True
        order.price_ticks, order.left_lots = price_ticks, left_lots
        goes_on = self._take(order, price_ticks, self_trade)
        if order.left_lots and goes_on:
            self.book.append(order)
        elif order.left_lots:
            self.expired.append((order.number, order.left_lots))
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

    def _take(self, taker: Order, price_ticks: int | None, self_trade: SelfTrade) -> bool:
        """Whether the taker may go on after meeting what it met."""
        while taker.left_lots and (makers := self._makers(taker.side, price_ticks)):
            maker = makers[0]
            if self_trade is not SelfTrade.NONE and maker.owner == taker.owner != BACKGROUND:
                if self_trade in (SelfTrade.EXPIRE_MAKER, SelfTrade.EXPIRE_BOTH):
                    self.book.remove(maker)
                    self.expired.append((maker.number, maker.left_lots))
                if self_trade in (SelfTrade.EXPIRE_TAKER, SelfTrade.EXPIRE_BOTH):
                    return False
                continue
            lots = min(taker.left_lots, maker.left_lots)
            if maker.reduce_only:
                lots = min(lots, max(0, -maker.side * self.positions[maker.owner]))
            if lots == 0:
                self.book.remove(maker)
                self.expired.append((maker.number, maker.left_lots))
                continue
            self.positions[taker.owner] += taker.side * lots
            self.positions[maker.owner] += maker.side * lots
            self.trades.append((maker.number, taker.number, maker.price_ticks, lots))
            taker.left_lots -= lots
            maker.left_lots -= lots
            if not maker.left_lots:
                self.book.remove(maker)
        return True

    def _could_give(self, makers: list[Order]) -> int:
        held = self.positions.copy()
        total = 0
        for maker in makers:
            lots = maker.left_lots
            if maker.reduce_only:
                lots = min(lots, max(0, -maker.side * held[maker.owner]))
            held[maker.owner] += maker.side * lots
            total += lots
        return total

    def _makers(self, side: Side, price_ticks: int | None) -> list[Order]:
        """Who would trade with a taker, first to trade first; sorting keeps arrival order."""
        makers = [
            order
            for order in self.book
            if order.side is not side
            and (price_ticks is None or side * price_ticks >= side * order.price_ticks)
        ]
        return sorted(makers, key=lambda order: side * order.price_ticks)
