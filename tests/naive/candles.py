"""Naive candles, slow and obvious: every trade is kept, every answer starts from all of them."""

from datetime import UTC, datetime, timedelta

from exchange.paper.matching.events import Traded
from exchange.types import Side

Row = tuple[int, ...]
"""Opening time; open, high, low, close; lots, tick-lots, both of buying takers; number of trades,
first id, last id."""

_STEPS = {
    **{f"{n}m": timedelta(minutes=n) for n in (1, 3, 5, 15, 30)},
    **{f"{n}h": timedelta(hours=n) for n in (1, 2, 4, 6, 8, 12)},
    **{f"{n}d": timedelta(days=n) for n in (1, 3)},
    "1w": timedelta(weeks=1),
}


class NaiveCandles:
    """Candles as ``Candles`` promises them, without a limit of memory."""

    def __init__(self) -> None:
        self.tape: list[tuple[int, Traded]] = []
        """Time in ms with each trade, oldest first."""

    def rows(self, name: str, now_ms: int) -> list[Row]:
        """Every candle of an interval from the first trade to now, the running one too."""
        if not self.tape:
            return []
        opened_ms = opening_ms(name, self.tape[0][0])
        rows: list[Row] = []
        while opened_ms <= now_ms:
            end_ms = next_opening_ms(name, opened_ms)
            within = [t for time_ms, t in self.tape if opened_ms <= time_ms < end_ms]
            rows.append(_row(opened_ms, within, rows[-1][4] if rows else 0))
            opened_ms = end_ms
        return rows

    def since(self, opened_ms: int) -> Row:
        """All trades from an instant on as one candle."""
        before = [t.price_ticks for time_ms, t in self.tape if time_ms < opened_ms]
        within = [t for time_ms, t in self.tape if time_ms >= opened_ms]
        return _row(opened_ms, within, before[-1] if before else 0)


def opening_ms(name: str, time_ms: int) -> int:
    """By the calendar, from an opening long ago."""
    time = datetime.fromtimestamp(time_ms / 1000, UTC)
    if name == "1M":
        return _ms(datetime(time.year, time.month, 1, tzinfo=UTC))
    monday = datetime(1970, 1, 5, tzinfo=UTC)
    epoch = monday if name == "1w" else datetime(1970, 1, 1, tzinfo=UTC)
    return _ms(epoch + (time - epoch) // _STEPS[name] * _STEPS[name])


def next_opening_ms(name: str, opened_ms: int) -> int:
    opened = datetime.fromtimestamp(opened_ms / 1000, UTC)
    if name != "1M":
        return _ms(opened + _STEPS[name])
    year, month = divmod(opened.year * 12 + opened.month, 12)
    return _ms(datetime(year, month + 1, 1, tzinfo=UTC))


def _ms(time: datetime) -> int:
    return round(time.timestamp() * 1000)


def _row(opened_ms: int, trades: list[Traded], close_before: int) -> Row:
    prices = [t.price_ticks for t in trades] or [close_before]
    bought = [t for t in trades if t.taker_side is Side.BUY]
    return (
        opened_ms,
        prices[0],
        max(prices),
        min(prices),
        prices[-1],
        sum(t.qty_lots for t in trades),
        sum(t.qty_lots * t.price_ticks for t in trades),
        sum(t.qty_lots for t in bought),
        sum(t.qty_lots * t.price_ticks for t in bought),
        len(trades),
        trades[0].trade_id if trades else -1,
        trades[-1].trade_id if trades else -1,
    )
