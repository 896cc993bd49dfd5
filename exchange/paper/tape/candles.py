"""Candles of one market, from minutes to months, as far back as the exchange was open.

Only the running minute is fed by trades. When it ends it joins the running candle of every
longer interval, so that all intervals agree to the last lot. A candle's first price is that
of its first trade; one without a trade stands at the close before it, with no volume.
Before the first trade there are none.
"""

from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import dropwhile

import msgspec

from exchange.paper.matching.events import Traded
from exchange.types import Side

KEPT_CANDLES = 1500
"""Closed candles of each interval: as many as one answer may hold, and more than a day of minutes.
"""

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

NO_TRADE = -1
"""Stands for the ids of a candle without a trade."""


@dataclass(frozen=True, slots=True)
class Interval:
    """One length of candles."""

    name: str
    length_ms: int | None
    """None for a calendar month."""
    offset_ms: int = 0
    """An instant, counted from the epoch, at which one of them opens."""

    def opening_ms(self, time_ms: int) -> int:
        """When the candle that holds this instant opened."""
        if self.length_ms is not None:
            return time_ms - (time_ms - self.offset_ms) % self.length_ms
        date = datetime.fromtimestamp(time_ms // 1000, UTC)
        return int(datetime(date.year, date.month, 1, tzinfo=UTC).timestamp()) * 1000

    def end_ms(self, opened_ms: int) -> int:
        """When the candle that opened then is over, and the next one opens."""
        if self.length_ms is not None:
            return opened_ms + self.length_ms
        return self.opening_ms(opened_ms + 31 * DAY_MS)


MINUTE = Interval("1m", MINUTE_MS)
INTERVALS = {
    interval.name: interval
    for interval in (
        MINUTE,
        *(Interval(f"{n}m", n * MINUTE_MS) for n in (3, 5, 15, 30)),
        *(Interval(f"{n}h", n * HOUR_MS) for n in (1, 2, 4, 6, 8, 12)),
        *(Interval(f"{n}d", n * DAY_MS) for n in (1, 3)),
        Interval("1w", 7 * DAY_MS, 4 * DAY_MS),  # the epoch was a Thursday
        Interval("1M", None),
    )
}
"""By the venue's name."""


class Candle(msgspec.Struct):
    """What was traded from one instant on."""

    opened_ms: int
    open_ticks: int = 0
    high_ticks: int = 0
    low_ticks: int = 0
    close_ticks: int = 0
    lots: int = 0
    tick_lots: int = 0
    """Sum of price times size."""
    bought_lots: int = 0
    """The part in which the taker bought."""
    bought_tick_lots: int = 0
    trades: int = 0
    first_trade_id: int = NO_TRADE
    last_trade_id: int = NO_TRADE

    def note(self, trade: Traded) -> None:
        """Take the next trade."""
        price_ticks, lots = trade.price_ticks, trade.qty_lots
        if not self.trades:
            self.open_ticks = self.high_ticks = self.low_ticks = price_ticks
            self.first_trade_id = trade.trade_id
        elif price_ticks > self.high_ticks:
            self.high_ticks = price_ticks
        elif price_ticks < self.low_ticks:
            self.low_ticks = price_ticks
        self.close_ticks = price_ticks
        self.lots += lots
        self.tick_lots += price_ticks * lots
        if trade.taker_side is Side.BUY:
            self.bought_lots += lots
            self.bought_tick_lots += price_ticks * lots
        self.trades += 1
        self.last_trade_id = trade.trade_id

    def add(self, later: "Candle") -> None:
        """Take what was traded right after."""
        self.close_ticks = later.close_ticks
        if not self.trades:
            self.open_ticks, self.first_trade_id = later.open_ticks, later.first_trade_id
            self.high_ticks, self.low_ticks = later.high_ticks, later.low_ticks
        elif later.trades:
            self.high_ticks = max(self.high_ticks, later.high_ticks)
            self.low_ticks = min(self.low_ticks, later.low_ticks)
        if later.trades:
            self.lots += later.lots
            self.tick_lots += later.tick_lots
            self.bought_lots += later.bought_lots
            self.bought_tick_lots += later.bought_tick_lots
            self.trades += later.trades
            self.last_trade_id = later.last_trade_id


class _Series:
    """The candles of one interval, but for the running minute."""

    def __init__(self, interval: Interval) -> None:
        self.closed: deque[Candle] = deque(maxlen=KEPT_CANDLES)
        self._interval = interval
        self._growing: Candle | None = None

    def add_minute(self, minute: Candle) -> None:
        """A minute is over."""
        grown = self.with_minute(minute)
        if self._interval.end_ms(grown.opened_ms) > minute.opened_ms + MINUTE_MS:
            self._growing = grown
        else:
            self.closed.append(grown)
            self._growing = None

    def with_minute(self, minute: Candle) -> Candle:
        """The running candle as it is with the running minute; the caller's own."""
        if self._growing is None:
            opened_ms = self._interval.opening_ms(minute.opened_ms)
            return msgspec.structs.replace(minute, opened_ms=opened_ms)
        grown = msgspec.structs.replace(self._growing)
        grown.add(minute)
        return grown


class Candles:
    """Every interval's candles of one market."""

    def __init__(self) -> None:
        self._minute: Candle | None = None
        self._minute_ends_ms = 0
        self._series = {name: _Series(interval) for name, interval in INTERVALS.items()}

    def note(self, trade: Traded, now_ms: int) -> None:
        """Take a trade of this instant, to which ``advance`` has come."""
        minute = self._minute or self._open(MINUTE.opening_ms(now_ms), trade.price_ticks)
        minute.note(trade)

    def advance(self, now_ms: int) -> None:
        """Close the minutes that are over by now."""
        while self._minute is not None and now_ms >= self._minute_ends_ms:
            for series in self._series.values():
                series.add_minute(self._minute)
            self._open(self._minute_ends_ms, self._minute.close_ticks)

    def running(self, name: str) -> Candle | None:
        """The newest candle of an interval as it stands, or None before the first trade.

        Args:
            name: One of ``INTERVALS``.
        """
        return None if self._minute is None else self._series[name].with_minute(self._minute)

    def closed(self, name: str, since_ms: int = 0) -> list[Candle]:
        """The closed candles of an interval that opened then or later, oldest first.

        Args:
            name: One of ``INTERVALS``.
        """
        return list(dropwhile(lambda c: c.opened_ms < since_ms, self._series[name].closed))

    def _open(self, opened_ms: int, price_ticks: int) -> Candle:
        """A new minute, without a trade as yet."""
        self._minute = Candle(opened_ms, price_ticks, price_ticks, price_ticks, price_ticks)
        self._minute_ends_ms = opened_ms + MINUTE_MS
        return self._minute
