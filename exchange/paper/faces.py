"""The faces that a market shows to the venue, whichever market it is.

Orders go to its ``Matcher``; its ``Background`` is everybody else, and lives as time passes.
"""

from collections.abc import Iterator
from typing import Protocol

from exchange.paper.match_events import Changes, Expiry, MatchEvent, Owner, Resting, Room, SelfTrade
from exchange.types import Side, TimeInForce

LONGEST_LEAP_NS = 30_000_000_000
"""After a longer sleep of the process a market goes on as if it had slept too."""


class Matcher(Protocol):
    """The published book, and the rules by which accounts trade in it.

    ``Matching`` tells what each method does. Where nothing can trade now, ``submit`` and
    ``amend`` answer with one ``Refused`` for ``NOT_OPEN``; everything else works always.
    """

    room: Room
    """The venue's word on what reduce-only orders may still trade."""

    next_trade_id: int
    """Whoever reports a trade of its own takes it from here."""

    @property
    def open(self) -> bool:
        """Whether anything can trade."""

    @property
    def last_update_id(self) -> int:
        """Id of the newest change of any level."""

    @property
    def last_order_id(self) -> int: ...

    @property
    def best_bid_ticks(self) -> int | None: ...

    @property
    def best_ask_ticks(self) -> int | None: ...

    def lots_at(self, side: Side, price_ticks: int) -> int: ...

    def levels(self, side: Side, limit: int | None = None) -> list[tuple[int, int]]: ...

    def touch(self) -> tuple[int, int, int, int]: ...

    def take_changes(self, skip_ids: int = 0) -> Changes | None: ...

    def resting(self, venue_order_id: int) -> Resting | None: ...

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
    ) -> list[MatchEvent]: ...

    def amend(
        self,
        venue_order_id: int,
        price_ticks: int,
        left_lots: int,
        *,
        post_only: bool,
        self_trade: SelfTrade = SelfTrade.EXPIRE_MAKER,
    ) -> list[MatchEvent]: ...

    def cancel(self, venue_order_id: int) -> list[MatchEvent]: ...

    def expire(self, venue_order_id: int, reason: Expiry) -> list[MatchEvent]: ...

    def shrink(self, venue_order_id: int, left_lots: int) -> None: ...


class Background(Protocol):
    """Everybody in the market but the accounts."""

    @property
    def mark_ticks(self) -> float:
        """The mark price: always positive, and not on the tick grid."""

    @property
    def ending(self) -> str:
        """Why the market is over, so that nothing will ever trade again; empty before."""

    def advance(self, now_ns: int) -> Iterator[list[MatchEvent]]:
        """Live up to now, one lot of events after another.

        Exhaust it, and book each lot of events before asking for the next: the next order
        meets the book as it then is. An empty lot says that the book moved without a trade.
        The first call only opens the market. How often it is called makes no difference to
        what happens, short of ``LONGEST_LEAP_NS``.
        """
