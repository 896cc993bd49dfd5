"""Rate limits of the venue: fixed windows of the clock; who goes on beyond them is banned."""

import math

from exchange.errors import Refused

WEIGHT_PER_MINUTE = 2400  # this and the next two as exchangeInfo documents them
ORDERS_PER_10S = 300
ORDERS_PER_MINUTE = 1200

MINUTE_MS = 60_000
REFUSALS_BEFORE_BAN = 10
"""Answers with 429 in one minute that are borne: what was on its way when the first came."""

FIRST_BAN_MS = 120_000
LONGEST_BAN_MS = 3 * 86_400_000
"""Bans at the venue grow from 2 minutes to 3 days."""


class OverLimit(Refused):
    """A limit is used up, or was broken so often that the address is banned."""

    def __init__(
        self, code: int, message: str, http_status: int, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(code, message, http_status)
        self.headers = headers or {}


class Window:
    """A counter that starts again whenever the clock enters a new window."""

    def __init__(self, length_ms: int, limit: int) -> None:
        self.limit = limit
        self._length_ms = length_ms
        self._number = -1
        self._used = 0

    def used(self, now_ms: int) -> int:
        number = now_ms // self._length_ms
        if number != self._number:
            self._number, self._used = number, 0
        return self._used

    def spend(self, units: int, now_ms: int) -> bool:
        """Count some units, or count nothing and answer False when they do not fit."""
        if self.used(now_ms) + units > self.limit:
            return False
        self._used += units
        return True


class Banishment:
    """IP ban: shuts out an address that goes on asking after a 429, each time for longer."""

    def __init__(self) -> None:
        self._refusals = Window(MINUTE_MS, REFUSALS_BEFORE_BAN)
        self._next_ms = FIRST_BAN_MS
        self._ends_ms = 0

    def check(self, now_ms: int) -> None:
        """Raises ``OverLimit`` with -1003 and status 418 while a ban lasts."""
        if now_ms < self._ends_ms:
            raise banned(self._ends_ms - now_ms, now_ms)

    def note_refusal(self, now_ms: int) -> None:
        """A request was answered with 429."""
        if not self._refusals.spend(1, now_ms):
            self._ends_ms = now_ms + self._next_ms
            self._next_ms = min(2 * self._next_ms, LONGEST_BAN_MS)
            self._refusals = Window(MINUTE_MS, REFUSALS_BEFORE_BAN)


class WeightLimit:
    """What one address may ask in a minute."""

    def __init__(self) -> None:
        self._weight = Window(MINUTE_MS, WEIGHT_PER_MINUTE)

    def used(self, now_ms: int) -> int:
        return self._weight.used(now_ms)

    def spend(self, weight: int, now_ms: int) -> None:
        """Count a request by its weight.

        Raises:
            OverLimit: With -1003 and status 429 when the minute is used up.
        """
        if not self._weight.spend(weight, now_ms):
            raise too_many_requests(MINUTE_MS - now_ms % MINUTE_MS)


class OrderLimits:
    """How many orders one account may send."""

    def __init__(self) -> None:
        self._orders_10s = Window(10_000, ORDERS_PER_10S)
        self._orders_minute = Window(MINUTE_MS, ORDERS_PER_MINUTE)

    def spend_orders(self, in_10s: int, in_minute: int, now_ms: int) -> None:
        """Count new orders on both windows.

        Args:
            in_10s: Units of the short window: the orders sent.
            in_minute: Units of the long window: a batch is one.

        Raises:
            OverLimit: With -1015 and status 429 when either window is used up.
        """
        if self._orders_10s.used(now_ms) + in_10s > ORDERS_PER_10S:
            raise _too_many_orders(ORDERS_PER_10S, "TEN_SECONDS")
        if not self._orders_minute.spend(in_minute, now_ms):
            raise _too_many_orders(ORDERS_PER_MINUTE, "MINUTE")
        self._orders_10s.spend(in_10s, now_ms)

    def used(self, now_ms: int) -> tuple[int, int]:
        """Units of the present 10 seconds and of the present minute."""
        return self._orders_10s.used(now_ms), self._orders_minute.used(now_ms)


def too_many_requests(left_ms: int) -> OverLimit:
    """The refusal of a request beyond the weight of a minute, of which so much is left."""
    return _retry_after(
        left_ms,
        429,
        f"Too many requests; current limit of IP(127.0.0.1) is {WEIGHT_PER_MINUTE} requests per "
        "minute. Please use the websocket for live updates to avoid polling the API.",
    )


def banned(left_ms: int, now_ms: int) -> OverLimit:
    """The refusal of any request while a ban lasts."""
    return _retry_after(
        left_ms,
        418,
        f"Way too many requests; IP(127.0.0.1) banned until {now_ms + left_ms}. "
        "Please use the websocket for live updates to avoid bans.",
    )


def _retry_after(left_ms: int, http_status: int, text: str) -> OverLimit:
    """The refusal of an address, which is told how long to wait."""
    return OverLimit(-1003, text, http_status, {"Retry-After": str(math.ceil(left_ms / 1000))})


def _too_many_orders(limit: int, interval: str) -> OverLimit:
    text = f"Too many new orders; current limit is {limit} orders per {interval}."
    return OverLimit(-1015, text, 429)


def weight_row() -> dict[str, object]:
    """How exchangeInfo states the limit of an address."""
    return _row("REQUEST_WEIGHT", "MINUTE", 1, WEIGHT_PER_MINUTE)


def order_rows() -> list[dict[str, object]]:
    """How exchangeInfo states the limits of an account."""
    return [
        _row("ORDERS", "MINUTE", 1, ORDERS_PER_MINUTE),
        _row("ORDERS", "SECOND", 10, ORDERS_PER_10S),
    ]


def _row(kind: str, interval: str, number: int, limit: int) -> dict[str, object]:
    return {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}
