"""The venue's request limits: fixed windows of the clock, counted and refused."""

from exchange.errors import Refused

WEIGHT_PER_MINUTE = 2400
ORDERS_PER_10S = 300
ORDERS_PER_MINUTE = 1200


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


class WeightLimit:
    """What one address may ask in a minute."""

    def __init__(self) -> None:
        self._weight = Window(60_000, WEIGHT_PER_MINUTE)

    def used(self, now_ms: int) -> int:
        return self._weight.used(now_ms)

    def spend(self, weight: int, now_ms: int) -> None:
        """Count a request by its weight.

        Raises:
            Refused: With -1003 and status 429 when the minute is used up.
        """
        if not self._weight.spend(weight, now_ms):
            raise Refused(
                -1003,
                f"Too many requests; current limit of IP(127.0.0.1) is {WEIGHT_PER_MINUTE} "
                "requests per minute. Please use the websocket for live updates to avoid "
                "polling the API.",
                429,
            )


class OrderLimits:
    """How many orders one account may send."""

    def __init__(self) -> None:
        self._orders_10s = Window(10_000, ORDERS_PER_10S)
        self._orders_minute = Window(60_000, ORDERS_PER_MINUTE)

    def spend_orders(self, in_10s: int, in_minute: int, now_ms: int) -> None:
        """Count new orders on both windows.

        Args:
            in_10s: Units of the short window: the orders sent.
            in_minute: Units of the long window: a batch is one.

        Raises:
            Refused: With -1015 and status 429 when either window is used up.
        """
        if self._orders_10s.used(now_ms) + in_10s > ORDERS_PER_10S:
            raise _too_many_orders(ORDERS_PER_10S, "TEN_SECONDS")
        if not self._orders_minute.spend(in_minute, now_ms):
            raise _too_many_orders(ORDERS_PER_MINUTE, "MINUTE")
        self._orders_10s.spend(in_10s, now_ms)

    def used(self, now_ms: int) -> tuple[int, int]:
        """Units of the present 10 seconds and of the present minute."""
        return self._orders_10s.used(now_ms), self._orders_minute.used(now_ms)


def _too_many_orders(limit: int, interval: str) -> Refused:
    text = f"Too many new orders; current limit is {limit} orders per {interval}."
    return Refused(-1015, text, 429)


def weight_row() -> dict[str, object]:
    """How exchangeInfo tells the limit of an address."""
    return _row("REQUEST_WEIGHT", "MINUTE", 1, WEIGHT_PER_MINUTE)


def order_rows() -> list[dict[str, object]]:
    """How exchangeInfo tells the limits of an account."""
    return [
        _row("ORDERS", "MINUTE", 1, ORDERS_PER_MINUTE),
        _row("ORDERS", "SECOND", 10, ORDERS_PER_10S),
    ]


def _row(kind: str, interval: str, number: int, limit: int) -> dict[str, object]:
    return {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}
