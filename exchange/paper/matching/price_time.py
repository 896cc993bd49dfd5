"""A price-time matching engine: who trades with whom, at which price, in which order.

Prices are integer ticks and sizes integer lots. A level is a queue, a taker meets the best
level first and the oldest order of a level first, and every fill happens at the price of
the order that rested. Nothing here knows money, accounts, clocks or sockets.
"""

import heapq
from collections import Counter
from itertools import takewhile

from exchange.errors import InvariantBroken
from exchange.paper.matching.events import (
    Expiry,
    MatchEvent,
    Owner,
    Resting,
    SelfTrade,
    Traded,
    lots_given,
    reaches,
    same_account,
)
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

    __slots__ = ("_heap", "_heaped", "_sign", "dirty", "levels")

    def __init__(self, side: Side) -> None:
        self.levels: dict[int, _Level] = {}
        self.dirty: set[int] = set()
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
        self._resting: dict[int, Resting] = {}
        self._halves = {Side.BUY: _BookSide(Side.BUY), Side.SELL: _BookSide(Side.SELL)}

    # ------------------------------------------------------------ questions

    @property
    def open(self) -> bool:
        return True

    @property
    def best_bid_ticks(self) -> int | None:
        return self._halves[Side.BUY].best_ticks

    @property
    def best_ask_ticks(self) -> int | None:
        return self._halves[Side.SELL].best_ticks

    def lots_at(self, side: Side, price_ticks: int) -> int:
        """Everything that rests at a price; 0 when nobody does."""
        level = self._halves[side].levels.get(price_ticks)
        return level.lots if level else 0

    def levels(self, side: Side, limit: int | None = None) -> list[tuple[int, int]]:
        """``(price_ticks, lots)``, best first."""
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

    def resting(self, venue_order_id: int) -> Resting | None:
        return self._resting.get(venue_order_id)

    # ------------------------------------------------------------ orders

    def shrink(self, venue_order_id: int, left_lots: int) -> None:
        """Lower what is left of a resting order; its place in the queue stays.

        Args:
            left_lots: At least 1, and no more than is left now.
        """
        order = self._resting[venue_order_id]
        if not 1 <= left_lots <= order.left_lots:
            raise InvariantBroken(f"cannot shrink {order.left_lots} lots to {left_lots}")
        half = self._halves[order.side]
        half.levels[order.price_ticks].lots -= order.left_lots - left_lots
        order.left_lots = left_lots
        self._note_change(half, order.price_ticks)

    # ------------------------------------------------------------ the rules

    def _fillable(self, side: Side, qty_lots: int, price_ticks: int | None) -> bool:
        half = self._halves[Side(-side)]
        left, given = qty_lots, Counter[Owner]()
        for best in half.best_first():
            if not reaches(side, price_ticks, best):
                break
            left -= lots_given(half.levels[best].queue.values(), self.room, given)
            if left <= 0:
                return True
        return False

    def _match(
        self,
        taker: Resting,
        price_ticks: int | None,
        self_trade: SelfTrade,
        events: list[MatchEvent],
    ) -> bool:
        half = self._halves[Side(-taker.side)]
        while taker.left_lots:
            best = half.best_ticks
            if best is None or not reaches(taker.side, price_ticks, best):
                break
            maker = next(iter(half.levels[best].queue.values()))
            if self_trade is not SelfTrade.NONE and same_account(taker, maker):
                if self_trade is not SelfTrade.EXPIRE_TAKER:
                    events += self.expire(maker.venue_order_id, Expiry.SELF_TRADE)
                if self_trade is not SelfTrade.EXPIRE_MAKER:
                    return True
            else:
                self._trade(taker, maker, events)
        return False

    def _trade(self, taker: Resting, maker: Resting, events: list[MatchEvent]) -> None:
        lots = min(taker.left_lots, maker.left_lots)
        if maker.reduce_only:
            lots = min(lots, self.room(maker, events))
        if lots == 0:
            events += self.expire(maker.venue_order_id, Expiry.REDUCE_ONLY)
            return
        taker.left_lots -= lots
        events.append(
            Traded(
                self.next_trade_id,
                maker.price_ticks,
                lots,
                taker.side,
                taker.venue_order_id,
                taker.owner,
                maker.venue_order_id,
                maker.owner,
            )
        )
        self.next_trade_id += 1
        if lots == maker.left_lots:
            self._remove(maker)
            maker.left_lots = 0
        else:
            self.shrink(maker.venue_order_id, maker.left_lots - lots)

    def _rest(self, order: Resting) -> None:
        half = self._halves[order.side]
        level = half.level(order.price_ticks)
        level.queue[order.venue_order_id] = order
        level.lots += order.left_lots
        self._resting[order.venue_order_id] = order
        self._note_change(half, order.price_ticks)

    def _remove(self, order: Resting) -> None:
        half = self._halves[order.side]
        level = half.levels[order.price_ticks]
        del level.queue[order.venue_order_id]
        del self._resting[order.venue_order_id]
        level.lots -= order.left_lots
        if not level.queue:
            del half.levels[order.price_ticks]
        self._note_change(half, order.price_ticks)

    def _note_change(self, half: _BookSide, price_ticks: int) -> None:
        half.dirty.add(price_ticks)
        self._count_change()

    def _dirty(self, side: Side) -> set[int]:
        return self._halves[side].dirty
