"""Rolling 24-hour statistics, whole minutes at a time."""

from exchange.paper.tape.candles import DAY_MS, MINUTE, Candle, Candles


class RollingDay:
    """One market's statistics of a day.

    The day reaches back to the opening of the minute 24 hours ago, as the venue's does: it
    is longer than a day by less than a minute, and made of the minutes' candles, exactly.
    """

    def __init__(self, candles: Candles) -> None:
        self._candles = candles
        self._over: Candle | None = None
        """The day's minutes that are over; put together once a minute, if anybody asks."""

    def at(self, now_ms: int) -> Candle:
        """All of it as one candle; its prices are 0 before the first trade."""
        self._candles.advance(now_ms)
        opened_ms = MINUTE.opening_ms(now_ms - DAY_MS)
        if self._over is None or self._over.opened_ms != opened_ms:
            self._over = Candle(opened_ms)
            for minute in self._candles.closed(MINUTE.name, opened_ms):
                self._over.add(minute)
        day = Candle(opened_ms)
        day.add(self._over)
        running = self._candles.running(MINUTE.name)
        if running is not None:
            day.add(running)
        return day
