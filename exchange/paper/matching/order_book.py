"""What an order may do in its turn, on any book that can say who rests and who would trade."""

from abc import ABC, abstractmethod

from exchange.paper.matching.events import (
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
    end_of_taker,
    no_room,
    reaches,
)
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
        self._first_change_id: int | None = None
        self._skip_ids = 0

    # ------------------------------------------------------------ what a book must know

    @property
    @abstractmethod
    def open(self) -> bool:
        """Whether anything can trade."""

    @property
    @abstractmethod
    def best_bid_ticks(self) -> int | None: ...

    @property
    @abstractmethod
    def best_ask_ticks(self) -> int | None: ...

    @abstractmethod
    def lots_at(self, side: Side, price_ticks: int) -> int:
        """Everything that rests at a price; 0 when nobody does."""

    @abstractmethod
    def levels(self, side: Side, limit: int | None = None) -> list[tuple[int, int]]:
        """``(price_ticks, lots)``, best first."""

    @abstractmethod
    def shrink(self, venue_order_id: int, left_lots: int) -> None:
        """Lower what is left of a resting order; its place in the queue stays.

        Args:
            left_lots: At least 1, and no more than is left now.
        """

    @abstractmethod
    def resting(self, venue_order_id: int) -> Resting | None: ...

    @abstractmethod
    def _fillable(self, side: Side, qty_lots: int, price_ticks: int | None) -> bool: ...

    @abstractmethod
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

    @abstractmethod
    def _rest(self, order: Resting) -> None: ...

    @abstractmethod
    def _remove(self, order: Resting) -> None: ...

    @abstractmethod
    def _dirty(self, side: Side) -> set[int]:
        """Prices whose level has changed since ``take_changes``."""

    # ------------------------------------------------------------ questions

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
        bids, asks = self._dirty(Side.BUY), self._dirty(Side.SELL)
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

    def _crosses(self, side: Side, price_ticks: int | None) -> bool:
        best = self.best_ask_ticks if side is Side.BUY else self.best_bid_ticks
        return best is not None and reaches(side, price_ticks, best)

    def _count_change(self) -> None:
        self.last_update_id += 1 + self._skip_ids
        self._skip_ids = 0
        if self._first_change_id is None:
            self._first_change_id = self.last_update_id
