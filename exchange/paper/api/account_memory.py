"""What the accounts looked like: for answers from a replica that lags behind.

A past state is the venue with other seats and members in it, and so the same endpoints answer
from it. Finished orders, trades and incomes only ever grow, so of those it is kept how many there
were; what is open, held and owned is copied.
"""

from collections import deque
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeVar

from exchange.paper.account.account import Account, Holding, Mark
from exchange.paper.account.orders import OrderLog, OrderRecord
from exchange.paper.venue.client import Member
from exchange.paper.venue.symbol_account import Seat
from exchange.paper.venue.venue import PaperVenue

EVERY_MS = 5
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class _SeatThen:
    """One account in one market at an instant."""

    open_orders: tuple[OrderRecord, ...]
    finished: int
    trades: int
    holding: Holding


@dataclass(frozen=True, slots=True)
class _Then:
    """Every account at an instant."""

    time_ns: int
    seats: dict[tuple[int, str], _SeatThen]
    accounts: dict[int, Account]
    """By the member's number, as copies."""
    incomes: dict[int, int]
    """How many there were, likewise."""


class AccountMemory:
    """The states of the last while, as far back as was asked for when they were kept."""

    def __init__(self, venue: PaperVenue) -> None:
        self._venue = venue
        self._seen: deque[_Then] = deque()

    def keep(self, longest_ms: float) -> None:
        """Remember the present, and forget what is older than anybody will ask for.

        Args:
            longest_ms: How far back an answer may look; 0 forgets everything.
        """
        now_ns = self._venue.now_ns
        if longest_ms <= 0:
            self._seen.clear()
            return
        if self._seen and now_ns - self._seen[-1].time_ns < EVERY_MS * 1_000_000:
            return
        self._seen.append(self._now())
        while len(self._seen) > 1 and now_ns - self._seen[1].time_ns >= longest_ms * 1e6:
            self._seen.popleft()

    def recall(self, age_ms: float, member: Member) -> tuple[PaperVenue, Member] | None:
        """The venue at least so long ago, else as far back as is known, and the member in it.

        It may only be read. None when nothing was kept.
        """
        if not self._seen:
            return None
        due_ns = self._venue.now_ns - age_ms * 1e6
        found = self._seen[0]
        for then in self._seen:
            if then.time_ns > due_ns:
                break
            found = then
        return self._venue_of(found, member)

    def _now(self) -> _Then:
        before = self._seen[-1] if self._seen else None
        return _Then(
            self._venue.now_ns,
            {
                (member.number, seat.market.symbol): _seat_now(seat, before)
                for member in self._venue.members
                for seat in self._venue.seats_of(member)
            },
            {member.number: copy(member.account) for member in self._venue.members},
            {member.number: member.income_number for member in self._venue.members},
        )

    def _venue_of(self, then: _Then, member: Member) -> tuple[PaperVenue, Member]:
        past = copy(member)
        past.account = copy(then.accounts[member.number])
        more = member.income_number - then.incomes[member.number]
        past.incomes = deque(_first(member.incomes, more))
        seats = {}
        past.account.holdings = {}
        for seat in self._venue.seats_of(member):
            symbol = seat.market.symbol
            seats[member.number, symbol] = _past_seat(seat, then.seats[member.number, symbol], past)
            past.account.holdings[symbol] = seats[member.number, symbol].holding
        return self._venue.with_seats(seats, then.time_ns), past


def _seat_now(seat: Seat, before: _Then | None) -> _SeatThen:
    known = before.seats[seat.member.number, seat.market.symbol].open_orders if before else ()
    held = {order.venue_order_id: order for order in known}
    orders = []
    for order in seat.orders.open.values():
        same = held.get(order.venue_order_id)
        # Most have not changed since, and are shared.
        orders.append(same if same == order else replace(order, amendments=list(order.amendments)))
    holding = copy(seat.holding)
    holding.mark = Mark(holding.mark.price_e8)
    return _SeatThen(tuple(orders), seat.orders.finished, seat.traded, holding)


def _past_seat(seat: Seat, then: _SeatThen, member: Member) -> Seat:
    past = copy(seat)
    past.member = member
    past.orders = OrderLog.of(
        _first(seat.orders.ended, seat.orders.finished - then.finished), then.open_orders
    )
    past.trades = deque(_first(seat.trades, seat.traded - then.trades))
    past.holding = then.holding
    return past


def _first(rows: deque[Row], but: int) -> Iterator[Row]:
    """All but the newest few."""
    return islice(rows, max(0, len(rows) - but))
