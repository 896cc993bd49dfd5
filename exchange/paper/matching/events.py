"""What can happen to orders in a book, and the words for it.

What a matching engine did is a list of these events, oldest first; the caller stamps them with
its time.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from enum import Enum, StrEnum
from typing import TypeAlias

import msgspec

from exchange.types import Side, TimeInForce

Owner: TypeAlias = int
"""Whose order it is: an account's number, or ``BACKGROUND``."""

BACKGROUND: Owner = 0
"""Everybody else; the one owner whose orders trade with each other."""

INSURANCE: Owner = -1
"""The insurance fund. It takes over what nobody bought, and what it takes is no market trade."""

NO_ORDER_ID = 0
"""Stands in a trade for a side that has no order: a recording's lots, the insurance fund."""


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


class Rejected(msgspec.Struct, frozen=True):
    """Never was an order."""

    owner: Owner
    reason: Refusal


MatchEvent = Accepted | Traded | Amended | Cancelled | Expired | Rejected


class Resting(msgspec.Struct):
    """One order in its queue."""

    venue_order_id: int
    owner: Owner
    side: Side
    price_ticks: int
    left_lots: int
    reduce_only: bool = False
    """Never trades more than ``OrderBook.room`` says."""


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
