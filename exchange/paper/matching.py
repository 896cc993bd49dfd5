"""A price-time matching engine: who trades with whom, at which price, in which order.

Prices are integer ticks and sizes integer lots. A level is a queue, a taker meets the best
level first and the oldest order of a level first, and every fill happens at the price of
the order that rested. Nothing here knows money, accounts, clocks or sockets: what happened
is returned as a list of events, oldest first, and the caller stamps them with its time.
"""

import heapq
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable
from enum import Enum, StrEnum
from itertools import takewhile
from typing import TypeAlias

import msgspec

from exchange.errors import InvariantBroken
from exchange.types import Side, TimeInForce

Owner: TypeAlias = int
"""Whose order it is: an account's number, or ``BACKGROUND``."""

BACKGROUND: Owner = 0
"""Everybody else; the one owner whose orders trade with each other."""

INSURANCE: Owner = -1
"""The insurance fund. It takes over what nobody bought, and what it takes is no market trade."""


class SelfTrade(StrEnum):
    """What a taker wants done where it meets an order of its own account."""

    NONE = "NONE"
    EXPIRE_TAKER = "EXPIRE_TAKER"
    EXPIRE_MAKER = "EXPIRE_MAKER"
    EXPIRE_BOTH = "EXPIRE_BOTH"


class Expiry(Enum):
    """Why the rest of an order ended without its owner asking; the value is the venue's ``er``."""

    SELF_TRADE = "1"
    IOC_REMAINDER = "2"
    IOC_SELF_TRADE = "3"
    REDUCE_ONLY = "4"
    LIQUIDATED = "5"
    MARKET_REMAINDER = "9"


class Refusal(Enum):
    """Why an order was turned away with no trace."""

    WOULD_TAKE = "post-only would take"
    NOT_FILLABLE = "fill-or-kill cannot be filled"
    NOT_OPEN = "nothing can trade now"
    """A recorded market before its first snapshot, after a gap, and at its end."""


class Accepted(msgspec.Struct, frozen=True):
    """The order has an id and its turn; it may trade or end in the events that follow."""

    venue_order_id: int
    owner: Owner
    side: Side
    qty_lots: int


class Traded(msgspec.Struct, frozen=True):
    """One fill between one maker and one taker, at the maker's price."""

    trade_id: int
    price_ticks: int
    qty_lots: int
    taker_side: Side
    taker_order_id: int
    taker_owner: Owner
    maker_order_id: int
    maker_owner: Owner


class Amended(msgspec.Struct, frozen=True):
    """At another price or size from now on, and last in its queue."""

    venue_order_id: int
    owner: Owner
    price_ticks: int
    left_lots: int


class Cancelled(msgspec.Struct, frozen=True):
    """Taken off the book by its owner."""

    venue_order_id: int
    owner: Owner
    left_lots: int


class Expired(msgspec.Struct, frozen=True):
    """Ended by the rules of the market; what had been filled stays filled."""

    venue_order_id: int
    owner: Owner
    left_lots: int
    reason: Expiry


class Refused(msgspec.Struct, frozen=True):
    """Never was an order."""

    owner: Owner
    reason: Refusal


MatchEvent = Accepted | Traded | Amended | Cancelled | Expired | Refused


class Resting(msgspec.Struct):
    """One order in its queue."""

    venue_order_id: int
    owner: Owner
    side: Side
    price_ticks: int
    left_lots: int
    reduce_only: bool = False
    """Never trades more than ``Matching.room`` says."""


Room: TypeAlias = Callable[[Resting, "list[MatchEvent]"], int]
"""How much of a reduce-only order may trade, after what this turn has done already."""


def room_after(position_lots: int, order: Resting, events: "list[MatchEvent]") -> int:
    """A ``Room``: what is left to reduce of a position when the trades so far are booked.

    Args:
        position_lots: Of the order's owner, signed, before any of the events.
    """
    for event in events:
        if isinstance(event, Traded):
            bought = event.taker_side * event.qty_lots
            position_lots += bought * (event.taker_owner == order.owner)
            position_lots -= bought * (event.maker_owner == order.owner)
    return max(0, -position_lots * order.side)


def lots_given(makers: Iterable[Resting], room: Room, given: Counter[Owner]) -> int:
    """What a queue of makers could trade in turn.

    Args:
        given: By owner what better makers would have traded; these are added.
    """
    lots = 0
    for maker in makers:
        gives = maker.left_lots
        if maker.reduce_only:
            gives = max(0, min(gives, room(maker, []) - given[maker.owner]))
        given[maker.owner] += gives
        lots += gives
    return lots


def no_room(_order: Resting, _events: "list[MatchEvent]") -> int:
    """For a book that nobody has a position in."""
    return 0


class Changes(msgspec.Struct, frozen=True):
    """The levels touched since they were last taken, and the update ids that touched them."""

    first_id: int
    last_id: int
    bid_ticks: frozenset[int]
    ask_ticks: frozenset[int]


class _Level:
    """The queue at one price. A dict keeps the order of arrival and forgets anyone at once."""

    __slots__ = ("lots", "queue")

    def __init__(self) -> None:
        self.lots = 0
        self.queue: dict[int, Resting] = {}


class _Half:
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


class OrderTurns(ABC):
    """What an order may do in its turn, on any book that can say who rests and who would trade.

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
    def resting(self, venue_order_id: int) -> Resting | None: ...

    @abstractmethod
    def _fillable(self, side: Side, qty_lots: int, price_ticks: int | None) -> bool: ...

    @abstractmethod
    def _take(
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
            return [Refused(owner, Refusal.NOT_OPEN)]
        if time_in_force is TimeInForce.GTX and self._crosses(side, price_ticks):
            return [Refused(owner, Refusal.WOULD_TAKE)]
        if time_in_force is TimeInForce.FOK:
            if not self._fillable(side, qty_lots, price_ticks):
                return [Refused(owner, Refusal.NOT_FILLABLE)]
            self_trade = SelfTrade.NONE
        self.last_order_id += 1
        venue_order_id = self.last_order_id
        events: list[MatchEvent] = [Accepted(venue_order_id, owner, side, qty_lots)]
        taker = Resting(venue_order_id, owner, side, price_ticks or 0, qty_lots, reduce_only)
        met_itself = self._take(taker, price_ticks, self_trade, events)
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
            No event when it does not rest; one ``Refused``, the order as it was, while nothing
            can trade.
        """
        order = self.resting(venue_order_id)
        if order is None:
            return []
        if not self.open:
            return [Refused(order.owner, Refusal.NOT_OPEN)]
        if post_only and self._crosses(order.side, price_ticks):
            return self.cancel(venue_order_id)
        self._remove(order)
        order.price_ticks, order.left_lots = price_ticks, left_lots
        events: list[MatchEvent] = [Amended(venue_order_id, order.owner, price_ticks, left_lots)]
        met_itself = self._take(order, price_ticks, self_trade, events)
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


class Matching(OrderTurns):
    """Price-time priority among resting orders.

    Args:
        first_id: As of ``OrderTurns``.
    """

    def __init__(self, first_id: int = 1) -> None:
        super().__init__(first_id)
        self._resting: dict[int, Resting] = {}
        self._halves = {Side.BUY: _Half(Side.BUY), Side.SELL: _Half(Side.SELL)}

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

    def _take(
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

    def _note_change(self, half: _Half, price_ticks: int) -> None:
        half.dirty.add(price_ticks)
        self._count_change()

    def _dirty(self, side: Side) -> set[int]:
        return self._halves[side].dirty


def reaches(side: Side, price_ticks: int | None, best_ticks: int) -> bool:
    """Whether a limit is at least as good as the best price against it."""
    return price_ticks is None or side * price_ticks >= side * best_ticks


def same_account(taker: Resting, maker: Resting) -> bool:
    """Whether self-trade prevention applies; the background may trade with itself."""
    return taker.owner == maker.owner != BACKGROUND


def end_of_taker(
    price_ticks: int | None, time_in_force: TimeInForce, *, met_itself: bool
) -> Expiry | None:
    """Why what is left of a taker ends; None when it rests."""
    if time_in_force is TimeInForce.IOC and price_ticks is not None:
        return Expiry.IOC_SELF_TRADE if met_itself else Expiry.IOC_REMAINDER
    if met_itself:
        return Expiry.SELF_TRADE
    return Expiry.MARKET_REMAINDER if price_ticks is None else None
