"""Abstract order book: the rules that both matching engines share.

What an order may do in its turn, who trades with whom, self-trade prevention and the making of
trades stand here, with the queues; an engine says what is published beside them.
"""

from abc import ABC, abstractmethod
from collections import Counter

from exchange.errors import InvariantBroken
from exchange.paper.matching.events import (
    BACKGROUND,
    NO_ORDER_ID,
    Accepted,
    Amended,
    Cancelled,
    Changes,
    Expired,
    Expiry,
    MatchEvent,
    Owner,
    Refusal,
    Rejected,
    Resting,
    Room,
    SelfTrade,
    Traded,
    end_of_taker,
    lots_given,
    no_room,
    reaches,
    same_account,
)
from exchange.paper.matching.queues import OrderQueues
from exchange.types import Side, TimeInForce


class OrderBook(ABC):
    """The turns of one book, to which all its orders go.

    Args:
        first_id: Where order, trade and update ids start; hand in one that grows from start
            to start, and no id is ever given twice.
    """

    def __init__(self, first_id: int = 1) -> None:
        self.last_update_id = first_id
        """Id of the newest change of any level."""
        self.next_trade_id = first_id
        self.last_order_id = first_id - 1
        """Given to the newest order."""
        self.room: Room = no_room
        self._orders: dict[int, Resting] = {}
        """What rests, by the venue's id."""
        self._queues = {side: OrderQueues(side) for side in Side}
        """The same by side, price and age."""
        self._dirty: dict[Side, set[int]] = {Side.BUY: set(), Side.SELL: set()}
        """Prices whose level has changed since ``take_changes``."""
        self._first_change_id: int | None = None
        self._skip_ids = 0

    # ------------------------------------------------------------ what an engine must know

    @property
    @abstractmethod
    def open(self) -> bool:
        """Whether anything can trade."""

    @abstractmethod
    def best_ticks(self, side: Side) -> int | None:
        """The best price of a side; None when nobody is there."""

    @abstractmethod
    def lots_at(self, side: Side, price_ticks: int) -> int:
        """Everything that is published at a price; 0 when nobody rests there."""

    @abstractmethod
    def levels(self, side: Side, limit: int | None = None) -> list[tuple[int, int]]:
        """``(price_ticks, lots)``, best first."""

    def _anonymous_lots(self, _side: Side, _price_ticks: int) -> int:
        """Lots at a price that belong to no order and trade before all orders there."""
        return 0

    def _take_anonymous(self, side: Side, price_ticks: int, lots: int) -> None:
        """So many of the ``_anonymous_lots`` have traded."""
        raise InvariantBroken(f"no {lots} lots without an order at {price_ticks} {side.name}")

    # ------------------------------------------------------------ questions

    @property
    def best_bid_ticks(self) -> int | None:
        return self.best_ticks(Side.BUY)

    @property
    def best_ask_ticks(self) -> int | None:
        return self.best_ticks(Side.SELL)

    def resting(self, venue_order_id: int) -> Resting | None:
        return self._orders.get(venue_order_id)

    def touch(self) -> tuple[int, int, int, int]:
        """Best bid and its lots, best ask and its lots; zeros for an empty side."""
        bid, ask = self.best_bid_ticks, self.best_ask_ticks
        return (
            bid or 0,
            self.lots_at(Side.BUY, bid) if bid is not None else 0,
            ask or 0,
            self.lots_at(Side.SELL, ask) if ask is not None else 0,
        )

    def take_changes(self, skip_ids: int = 0) -> Changes | None:
        """The levels changed since the last call, or None.

        Args:
            skip_ids: How many update ids the next change leaves out; the venue's are sparse.
        """
        if self._first_change_id is None:
            return None
        bids, asks = self._dirty[Side.BUY], self._dirty[Side.SELL]
        changes = Changes(
            self._first_change_id, self.last_update_id, frozenset(bids), frozenset(asks)
        )
        bids.clear()
        asks.clear()
        self._first_change_id = None
        self._skip_ids = skip_ids
        return changes

    # ------------------------------------------------------------ orders

    def submit(
        self,
        owner: Owner,
        side: Side,
        qty_lots: int,
        price_ticks: int | None,
        time_in_force: TimeInForce = TimeInForce.GTC,
        self_trade: SelfTrade = SelfTrade.EXPIRE_MAKER,
        *,
        reduce_only: bool = False,
    ) -> list[MatchEvent]:
        """Give one order its turn.

        Args:
            qty_lots: At least 1.
            price_ticks: The limit, or None for a market order.
            self_trade: Without effect on a fill-or-kill order.
            reduce_only: While it rests it trades no more than ``room`` allows, and expires
                where that is nothing; the caller sees to it that the rest may take.
        """
        if not self.open:
            return [Rejected(owner, Refusal.NOT_OPEN)]
        if time_in_force is TimeInForce.GTX and self._crosses(side, price_ticks):
            return [Rejected(owner, Refusal.WOULD_TAKE)]
        if time_in_force is TimeInForce.FOK:
            if not self._fillable(side, qty_lots, price_ticks):
                return [Rejected(owner, Refusal.NOT_FILLABLE)]
            self_trade = SelfTrade.NONE
        self.last_order_id += 1
        venue_order_id = self.last_order_id
        events: list[MatchEvent] = [Accepted(venue_order_id, owner, side, qty_lots)]
        taker = Resting(venue_order_id, owner, side, price_ticks or 0, qty_lots, reduce_only)
        met_itself = self._match(taker, price_ticks, self_trade, events)
        if taker.left_lots == 0:
            return events
        ended = end_of_taker(price_ticks, time_in_force, met_itself=met_itself)
        if ended is None:
            self._rest(taker)
        else:
            events.append(Expired(venue_order_id, owner, taker.left_lots, ended))
        return events

    def amend(
        self,
        venue_order_id: int,
        price_ticks: int,
        left_lots: int,
        *,
        post_only: bool,
        self_trade: SelfTrade = SelfTrade.EXPIRE_MAKER,
    ) -> list[MatchEvent]:
        """Give a resting order another price and size, last in the queue there.

        Args:
            left_lots: At least 1, what is to be left of it.
            post_only: Where it would take, it is cancelled instead.

        Returns:
            No event when it does not rest; one ``Rejected``, the order as it was, while nothing
            can trade.
        """
        order = self.resting(venue_order_id)
        if order is None:
            return []
        if not self.open:
            return [Rejected(order.owner, Refusal.NOT_OPEN)]
        if post_only and self._crosses(order.side, price_ticks):
            return self.cancel(venue_order_id)
        self._remove(order)
        order.price_ticks, order.left_lots = price_ticks, left_lots
        events: list[MatchEvent] = [Amended(venue_order_id, order.owner, price_ticks, left_lots)]
        met_itself = self._match(order, price_ticks, self_trade, events)
        if order.left_lots and met_itself:
            events.append(Expired(venue_order_id, order.owner, order.left_lots, Expiry.SELF_TRADE))
        elif order.left_lots:
            self._rest(order)
        return events

    def cancel(self, venue_order_id: int) -> list[MatchEvent]:
        """Take an order off the book; no event when it does not rest."""
        order = self.resting(venue_order_id)
        if order is None:
            return []
        left_lots = order.left_lots
        self._remove(order)
        return [Cancelled(venue_order_id, order.owner, left_lots)]

    def expire(self, venue_order_id: int, reason: Expiry) -> list[MatchEvent]:
        """End a resting order by rule; no event when it does not rest."""
        order = self.resting(venue_order_id)
        if order is None:
            return []
        left_lots = order.left_lots
        self._remove(order)
        return [Expired(venue_order_id, order.owner, left_lots, reason)]

    def shrink(self, venue_order_id: int, left_lots: int) -> None:
        """Lower what is left of a resting order; its place in the queue stays.

        Args:
            left_lots: At least 1, and no more than is left now.
        """
        order = self._orders[venue_order_id]
        if not 1 <= left_lots <= order.left_lots:
            raise InvariantBroken(f"cannot shrink {order.left_lots} lots to {left_lots}")
        self._lower(order, left_lots)

    def take_over(self, order: Resting, buyer: Owner) -> Traded:
        """All of an order trades at its price with somebody who has none, away from the book."""
        price_ticks, lots = order.price_ticks, order.left_lots
        maker = Resting(NO_ORDER_ID, buyer, Side(-order.side), price_ticks, lots)
        return self._trade(price_ticks, lots, order.side, order, maker)

    # ------------------------------------------------------------ the rules

    def _crosses(self, side: Side, price_ticks: int | None) -> bool:
        best = self.best_ticks(Side(-side))
        return best is not None and reaches(side, price_ticks, best)

    def _fillable(self, side: Side, qty_lots: int, price_ticks: int | None) -> bool:
        against = Side(-side)
        queues = self._queues[against]
        left, given = qty_lots, Counter[Owner]()
        for best, _ in self.levels(against):
            if not reaches(side, price_ticks, best):
                break
            left -= self._anonymous_lots(against, best)
            left -= lots_given(queues.orders_at(best), self.room, given)
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
        """Trade against the other side while the limit reaches.

        Returns:
            Whether the taker met an order of its own account and must not go on.
        """
        against = Side(-taker.side)
        queues = self._queues[against]
        while taker.left_lots:
            best = self.best_ticks(against)
            if best is None or not reaches(taker.side, price_ticks, best):
                break
            anonymous = self._anonymous_lots(against, best)
            if anonymous:
                lots = min(taker.left_lots, anonymous)
                self._take_anonymous(against, best, lots)
                taker.left_lots -= lots
                events.append(self._trade(best, lots, taker.side, taker, None))
                continue
            maker = queues.first_at(best)
            if self_trade is SelfTrade.NONE or not same_account(taker, maker):
                self._meet(taker, maker, events)
                continue
            if self_trade is not SelfTrade.EXPIRE_TAKER:
                events += self.expire(maker.venue_order_id, Expiry.SELF_TRADE)
            if self_trade is not SelfTrade.EXPIRE_MAKER:
                return True
        return False

    def _meet(self, taker: Resting, maker: Resting, events: list[MatchEvent]) -> None:
        """Two orders trade what both have left; a maker that may not trade expires."""
        lots = self._tradable(maker, min(taker.left_lots, maker.left_lots), events)
        if lots == 0:
            events += self.expire(maker.venue_order_id, Expiry.REDUCE_ONLY)
            return
        taker.left_lots -= lots
        events.append(self._trade(maker.price_ticks, lots, taker.side, taker, maker))
        self._take_from(maker, lots)

    def _tradable(self, order: Resting, lots: int, events: list[MatchEvent]) -> int:
        """So many lots, or what a reduce-only order may still trade of them."""
        return min(lots, self.room(order, events)) if order.reduce_only else lots

    def _trade(
        self,
        price_ticks: int,
        lots: int,
        taker_side: Side,
        taker: Resting | None,
        maker: Resting | None,
    ) -> Traded:
        """The next trade; None is the background, without an order."""
        trade_id = self.next_trade_id
        self.next_trade_id += 1
        return Traded(
            trade_id,
            price_ticks,
            lots,
            taker_side,
            taker.venue_order_id if taker else NO_ORDER_ID,
            taker.owner if taker else BACKGROUND,
            maker.venue_order_id if maker else NO_ORDER_ID,
            maker.owner if maker else BACKGROUND,
        )

    # ------------------------------------------------------------ what rests

    def _take_from(self, maker: Resting, lots: int) -> None:
        """So many lots of a resting order have traded."""
        if lots == maker.left_lots:
            self._remove(maker)
        else:
            self.shrink(maker.venue_order_id, maker.left_lots - lots)

    def _rest(self, order: Resting) -> None:
        self._orders[order.venue_order_id] = order
        self._queues[order.side].add(order)
        self._note_change(order.side, order.price_ticks)

    def _remove(self, order: Resting) -> None:
        self._lower(order, 0)

    def _lower(self, order: Resting, left_lots: int) -> None:
        """Leave fewer lots of an order; one of which nothing is left no longer rests."""
        self._queues[order.side].lower(order, left_lots)
        if not left_lots:
            del self._orders[order.venue_order_id]
        self._note_change(order.side, order.price_ticks)

    def _note_change(self, side: Side, price_ticks: int) -> None:
        self._dirty[side].add(price_ticks)
        self._count_change()

    def _count_change(self) -> None:
        self.last_update_id += 1 + self._skip_ids
        self._skip_ids = 0
        if self._first_change_id is None:
            self._first_change_id = self.last_update_id
