"""Request budget: what the venue still lets us ask, by weight an address and orders an account.

The venue counts in fixed windows that begin at whole multiples of their length on its own
clock, and reports its counts in response headers. Ours run ahead of those, since a request is
counted when it leaves; a header may raise a count but never lower it. Cancels cost weight
and no order count; a part of the weight is theirs alone, so neither placing nor polling can
ever be the reason why an order cannot be cancelled.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

MINUTE_MS = 60_000
ORDER_WINDOW_MS = 10_000
FIRST_BAN_MS = 120_000  # the shortest that the venue is known to give

_BAN_END = re.compile(r"\b(\d{13})\b")  # the text of a 418 holds the ban's end in milliseconds


class Lane(StrEnum):
    """What a request is for, and so which part of the budget it may use."""

    CANCEL = "cancel"
    """Reduces risk: may use all of it."""
    PLACE = "place"
    POLL = "poll"


class RequestCost(NamedTuple):
    """What one request counts for."""

    weight: int = 0
    orders_10s: int = 0
    orders_1m: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """The venue's limits, and what we keep back of them."""

    weight_1m: int = 2400
    orders_10s: int = 300
    orders_1m: int = 1200
    """These three as exchangeInfo documents them."""
    cancel_weight_1m: int = 600
    """Part of ``weight_1m`` that only cancels may use."""


@dataclass(frozen=True, slots=True)
class BudgetCounts:
    """How much of each limit is used, for the screen."""

    weight_1m: int
    orders_10s: int
    orders_1m: int
    limits: Limits
    blocked_ms: int
    """How long the venue takes no request at all; 0 normally."""


class _Window:
    """One counter that the venue sets back to zero at whole multiples of its length."""

    def __init__(self, length_ms: int, limit: int) -> None:
        self._length_ms = length_ms
        self.limit = limit
        self._number = 0  # which window the count belongs to
        self._used = 0

    def used(self, now_ms: int) -> int:
        return self._used if self._number >= now_ms // self._length_ms else 0

    def spend(self, now_ms: int, units: int) -> None:
        self._used = self.used(now_ms) + units
        self._number = max(self._number, now_ms // self._length_ms)

    def raise_to(self, asked_ms: int, now_ms: int, used: int) -> None:
        # A count that was true before the window turned says nothing of this one.
        if asked_ms // self._length_ms == now_ms // self._length_ms:
            self.spend(now_ms, max(0, used - self.used(now_ms)))

    def exhaust(self, now_ms: int) -> None:
        self.raise_to(now_ms, now_ms, self.limit)

    def wait_ms(self, now_ms: int, units: int, kept_back: int = 0) -> int:
        if units == 0 or self.used(now_ms) + units <= self.limit - kept_back:
            return 0
        return self._length_ms - now_ms % self._length_ms


class RequestBudget:
    """Counts what we ask and says how long a request must wait.

    All times are milliseconds of the venue's clock, whose windows these are.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._weight_1m = _Window(MINUTE_MS, self._limits.weight_1m)
        self._orders_10s = _Window(ORDER_WINDOW_MS, self._limits.orders_10s)
        self._orders_1m = _Window(MINUTE_MS, self._limits.orders_1m)
        self._blocked_until_ms = 0
        self._ban_ms = FIRST_BAN_MS

    def wait_ms(self, now_ms: int, cost: RequestCost, lane: Lane) -> int:
        """How long until a request of this cost may leave; 0 when it may leave now."""
        kept_back = 0 if lane is Lane.CANCEL else self._limits.cancel_weight_1m
        return max(
            self._blocked_until_ms - now_ms,
            self._weight_1m.wait_ms(now_ms, cost.weight, kept_back),
            self._orders_10s.wait_ms(now_ms, cost.orders_10s),
            self._orders_1m.wait_ms(now_ms, cost.orders_1m),
            0,
        )

    def spend(self, now_ms: int, cost: RequestCost) -> None:
        """Count a request that leaves now, however it will end."""
        self._weight_1m.spend(now_ms, cost.weight)
        self._orders_10s.spend(now_ms, cost.orders_10s)
        self._orders_1m.spend(now_ms, cost.orders_1m)

    def correct(self, asked_ms: int, now_ms: int, headers: Mapping[str, str]) -> None:
        """Take over what the venue has counted, other clients of ours included.

        Args:
            asked_ms: When the request left.
            now_ms: When its answer came.
            headers: Of the answer, names in any case; the weight is -1 on order calls.
        """
        lower = {name.lower(): value for name, value in headers.items()}
        for name, window in (
            ("x-mbx-used-weight-1m", self._weight_1m),
            ("x-mbx-order-count-10s", self._orders_10s),
            ("x-mbx-order-count-1m", self._orders_1m),
        ):
            text = lower.get(name, "")
            if text.isdecimal():  # false for -1
                window.raise_to(asked_ms, now_ms, int(text))

    def refused(
        self, now_ms: int, http_status: int, code: int, message: str, retry_after_s: float | None
    ) -> None:
        """The venue says that a limit is broken: be silent for as long as it asks.

        Args:
            now_ms: When it said so.
            http_status: 429; or 418 and 403, which are bans.
            code: -1015 for order counts, which leaves cancels possible.
            message: May end a ban's text with its end in milliseconds.
            retry_after_s: The header of that name, if there was one.
        """
        if http_status in (403, 418):
            self._block(self._ban_end_ms(now_ms, message, retry_after_s))
        elif code == -1015:
            self._fuller_order_window(now_ms).exhaust(now_ms)
        elif retry_after_s is not None:
            self._block(now_ms + int(retry_after_s * 1000))
        else:
            self._block(now_ms + MINUTE_MS - now_ms % MINUTE_MS)

    def counts(self, now_ms: int) -> BudgetCounts:
        return BudgetCounts(
            weight_1m=self._weight_1m.used(now_ms),
            orders_10s=self._orders_10s.used(now_ms),
            orders_1m=self._orders_1m.used(now_ms),
            limits=self._limits,
            blocked_ms=max(0, self._blocked_until_ms - now_ms),
        )

    def _ban_end_ms(self, now_ms: int, message: str, retry_after_s: float | None) -> int:
        ban_end = _BAN_END.search(message)
        if ban_end is not None and int(ban_end[1]) > now_ms:
            return int(ban_end[1])
        if retry_after_s is not None:
            return now_ms + int(retry_after_s * 1000)
        wait_ms, self._ban_ms = self._ban_ms, 2 * self._ban_ms  # bans grow, so do our guesses
        return now_ms + wait_ms

    def _block(self, until_ms: int) -> None:
        self._blocked_until_ms = max(self._blocked_until_ms, until_ms)

    def _fuller_order_window(self, now_ms: int) -> _Window:
        """The order window that is probably meant: the venue does not say which one broke."""
        return max(
            (self._orders_10s, self._orders_1m),
            key=lambda window: window.used(now_ms) / window.limit,
        )
