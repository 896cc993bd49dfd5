"""Candles against every trade ever made, and against the calendar."""

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.paper.matching.events import BACKGROUND, Traded
from exchange.paper.tape.candles import DAY_MS, INTERVALS, KEPT_CANDLES, MINUTE_MS, Candle, Candles
from exchange.paper.tape.rolling_day import RollingDay
from exchange.types import Side
from tests.naive.candles import NaiveCandles, Row, opening_ms


def at(text: str) -> int:
    """Milliseconds of a time such as ``2024-06-30 20:00``."""
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


EVENING = at("2024-06-30 22:00")
"""Two hours before every interval opens at once: July began on a Monday, the first of three days.
"""


def row(candle: Candle) -> Row:
    return msgspec.structs.astuple(candle)


def rows(candles: Candles, name: str) -> list[Row]:
    running = candles.running(name)
    return [row(c) for c in candles.closed(name) + ([running] if running else [])]


def trade(trade_id: int, price_ticks: int, lots: int = 1, side: Side = Side.BUY) -> Traded:
    return Traded(trade_id, price_ticks, lots, side, 1, BACKGROUND, 2, BACKGROUND)


def note(candles: Candles, trades: list[Traded], now_ms: int) -> None:
    candles.advance(now_ms)
    for made in trades:
        candles.note(made, now_ms)


pauses_ms = st.sampled_from([0, 1, 250, 59_999, 60_000, 60_001, 300_000, 900_000])
turns = st.lists(
    st.tuples(
        pauses_ms,
        st.lists(
            st.tuples(st.integers(90, 110), st.integers(1, 50), st.sampled_from(Side)), max_size=3
        ),
    ),
    max_size=30,
)


class Both:
    """The candles and their twin, fed the same."""

    def __init__(self) -> None:
        self.candles, self.twin = Candles(), NaiveCandles()
        self.now_ms = EVENING
        self._trade_id = 1

    def live(self, turns: list[tuple[int, list[tuple[int, int, Side]]]]) -> Iterator[None]:
        for gap_ms, made in turns:
            self.now_ms += gap_ms
            trades = []
            for price_ticks, lots, side in made:
                trades.append(trade(self._trade_id, price_ticks, lots, side))
                self._trade_id += 1
            note(self.candles, trades, self.now_ms)
            self.twin.tape += [(self.now_ms, made_now) for made_now in trades]
            yield


@settings(max_examples=60, deadline=None)
@given(turns=turns)
def test_every_interval_is_what_all_its_trades_say(
    turns: list[tuple[int, list[tuple[int, int, Side]]]],
) -> None:
    both = Both()
    for _ in both.live(turns):
        pass

    for name in INTERVALS:
        assert rows(both.candles, name) == both.twin.rows(name, both.now_ms)


@settings(max_examples=30, deadline=None)
@given(turns=turns)
def test_a_day_is_what_all_its_trades_say(
    turns: list[tuple[int, list[tuple[int, int, Side]]]],
) -> None:
    """Also a day later, when all that went before drops out of it minute by minute."""
    both = Both()
    day = RollingDay(both.candles)
    for _ in both.live(turns):
        from_ms = opening_ms("1m", both.now_ms - DAY_MS)
        assert row(day.at(both.now_ms)) == both.twin.since(from_ms)
    for later_ms in range(both.now_ms, both.now_ms + DAY_MS + 1, DAY_MS // 7):
        from_ms = opening_ms("1m", later_ms - DAY_MS)
        assert row(day.at(later_ms)) == both.twin.since(from_ms)


@pytest.mark.parametrize(
    ("name", "time", "opened", "end"),
    [
        ("1m", "2024-02-29 23:59:59.999", "2024-02-29 23:59", "2024-03-01 00:00"),
        ("5m", "2024-02-29 23:59", "2024-02-29 23:55", "2024-03-01 00:00"),
        ("8h", "2024-02-29 08:00", "2024-02-29 08:00", "2024-02-29 16:00"),
        ("1d", "2024-02-29 08:00", "2024-02-29 00:00", "2024-03-01 00:00"),
        ("3d", "2024-07-03 23:59", "2024-07-01 00:00", "2024-07-04 00:00"),
        ("1w", "2024-03-03 23:59", "2024-02-26 00:00", "2024-03-04 00:00"),
        ("1w", "2024-03-04 00:00", "2024-03-04 00:00", "2024-03-11 00:00"),
        ("1M", "2024-02-29 23:59", "2024-02-01 00:00", "2024-03-01 00:00"),
        ("1M", "2023-12-31 23:59", "2023-12-01 00:00", "2024-01-01 00:00"),
    ],
)
def test_candles_open_by_the_calendar(name: str, time: str, opened: str, end: str) -> None:
    """Weeks on Mondays, months on their first."""
    interval = INTERVALS[name]

    assert interval.opening_ms(at(time)) == at(opened)
    assert interval.end_ms(at(opened)) == at(end)


def test_there_are_no_candles_before_the_first_trade() -> None:
    candles = Candles()
    note(candles, [], EVENING)
    candles.advance(EVENING + DAY_MS)

    assert candles.running("1m") is None
    assert candles.closed("1m") == []


def test_a_minute_without_a_trade_stands_at_the_close_before() -> None:
    candles = Candles()
    note(candles, [trade(1, 100), trade(2, 105)], EVENING + 1)
    candles.advance(EVENING + 2 * MINUTE_MS)

    _, flat = candles.closed("1m")

    assert flat == Candle(EVENING + MINUTE_MS, 105, 105, 105, 105)


def test_a_candle_opens_at_its_own_first_trade_and_not_at_the_close_before() -> None:
    candles = Candles()
    note(candles, [trade(1, 100)], EVENING)
    note(candles, [trade(2, 103)], EVENING + MINUTE_MS)

    running = candles.running("1m")

    assert running is not None
    assert (running.open_ticks, running.low_ticks, running.close_ticks) == (103, 103, 103)


def test_only_the_newest_candles_are_kept() -> None:
    candles = Candles()
    note(candles, [trade(1, 100)], EVENING)

    candles.advance(EVENING + (KEPT_CANDLES + 5) * MINUTE_MS)

    kept = candles.closed("1m")
    assert len(kept) == KEPT_CANDLES
    assert kept[0].opened_ms == EVENING + 5 * MINUTE_MS


def test_closed_candles_can_be_asked_for_from_an_opening_on() -> None:
    candles = Candles()
    note(candles, [trade(1, 100)], EVENING)
    candles.advance(EVENING + 4 * MINUTE_MS)

    since = candles.closed("1m", EVENING + 2 * MINUTE_MS)

    assert [c.opened_ms for c in since] == [EVENING + n * MINUTE_MS for n in (2, 3)]


def test_a_running_candle_that_was_handed_out_does_not_change() -> None:
    candles = Candles()
    note(candles, [trade(1, 100)], EVENING)
    before = candles.running("1h")

    note(candles, [trade(2, 200)], EVENING)

    assert before is not None
    assert (before.close_ticks, before.trades) == (100, 1)
