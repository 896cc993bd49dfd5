"""Recorded market on the venue's clock: when each message happens, and what cannot be played."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from exchange.errors import RecordingGarbled, SettingsError
from exchange.instrument import Instrument
from exchange.market_events import DepthDiff, MarkPrice, Snapshot, TradePrint
from exchange.paper.background.recorded import (
    LOOKAHEAD_NS,
    NumberedLine,
    RecordedFlow,
    in_venue_order,
    open_recording,
)
from exchange.paper.background.source import LONGEST_LEAP_NS
from exchange.paper.matching.events import Rejected, Traded
from exchange.paper.matching.recorded import RecordedMatching
from exchange.paper.pubsub.pubsub import PubSub
from exchange.paper.settings import Listing, RecordedMarket
from exchange.paper.venue.market import Market
from exchange.recording.reader import Recording
from exchange.types import Side
from tests.exchange.paper.recordings import GRID
from tests.naive.growing_book import STANDS_NS
from tests.places import COINM, SPOT, SPOT_NEXT_DAY, THIN, USDM

MS = 1_000_000
START_MS = 1_700_000_000_000
AS_RECORDED = RecordedMarket(Path("day.dat"))
LATENCY_MS = 5
NEXO = Instrument.from_steps("NEXOUSDT", "0.001", "0.01")
SPOT_BTC = Instrument.from_steps("BTCUSDT", "0.01", "0.000001")
SPOT_EIGHTHS = Instrument.from_steps("BTCUSDT", "0.01", "0.00000001")
"""As fine as the oldest orders that still rest."""


class Tape:
    """Recording builder: lines as a recorder would write them; times in ms from the start."""

    def __init__(self) -> None:
        self.lines: list[NumberedLine] = []
        self._last_id = 1

    def add(self, at_ms: int, message: object, latency_ms: int = LATENCY_MS) -> "Tape":
        recv_ns = (START_MS + at_ms + latency_ms) * MS
        self.lines.append((len(self.lines) + 1, recv_ns, orjson.dumps(message)))
        return self

    def snapshot(self, at_ms: int = 0, *, timed: bool = True) -> "Tape":
        """60,000.0 to 60,000.4, ten lots each."""
        times = {"E": START_MS + at_ms, "T": START_MS + at_ms} if timed else {}
        sides = {"bids": [["60000.0", "0.010"]], "asks": [["60000.4", "0.010"]]}
        return self.add(at_ms, {"lastUpdateId": 1} | times | sides)

    def diff(self, at_ms: int, bid: str = "59999.0", latency_ms: int = LATENCY_MS) -> "Tape":
        before, self._last_id = self._last_id, self._last_id + 1
        ids = {"U": self._last_id, "u": self._last_id, "pu": before}
        levels: dict[str, object] = {"b": [[bid, "0.001"]], "a": []}
        return self._event("depthUpdate", at_ms, ids | levels, latency_ms)

    def missing_diff(self) -> "Tape":
        self._last_id += 1
        return self

    def sold(self, at_ms: int, price: str = "60000.0", latency_ms: int = LATENCY_MS) -> "Tape":
        print_ = {"t": 1, "p": price, "q": "0.001", "X": "MARKET", "m": True}
        return self._event("trade", at_ms, print_, latency_ms)

    def mark(self, at_ms: int, price: str) -> "Tape":
        return self._event("markPriceUpdate", at_ms, {"p": price, "r": "0.0001"}, LATENCY_MS)

    def _event(self, kind: str, at_ms: int, fields: dict[str, object], latency_ms: int) -> "Tape":
        # Of a mark price T is the next funding, hours ahead.
        ahead_ms = 3_600_000 if kind == "markPriceUpdate" else 0
        head = {"e": kind, "E": START_MS + at_ms, "T": START_MS + at_ms + ahead_ms, "s": "BTCUSDT"}
        return self.add(at_ms, head | fields, latency_ms)


def lively() -> Tape:
    """Opens at 0 ms; prints at 100 and 300 ms."""
    return Tape().snapshot().diff(0).sold(100).sold(300)


def opened(tape: Tape, **changes: float) -> tuple[RecordedMatching, RecordedFlow]:
    market = replace(AS_RECORDED, **changes)  # type: ignore[arg-type]  # of numbers alone
    return open_recording(market, GRID, tape.lines)


def prints_until(flow: RecordedFlow, now_ms: float) -> int:
    """How many prints there were on the way."""
    events = [event for lot in flow.advance(round(now_ms * MS)) for event in lot]
    return sum(isinstance(event, Traded) for event in events)


# ---------------------------------------------------------------- the clock


@pytest.mark.parametrize("speed", [0.5, 1.0, 8.0])
def test_each_message_happens_at_its_own_distance_from_the_opening(speed: float) -> None:
    """Wherever the venue's clock stood when the market opened."""
    matching, flow = opened(lively(), speed=speed)
    opening_ms = 5_000_000

    assert prints_until(flow, opening_ms) == 0
    assert matching.open
    assert prints_until(flow, opening_ms + 100 / speed - 0.01) == 0
    assert prints_until(flow, opening_ms + 100 / speed) == 1
    assert prints_until(flow, opening_ms + 300 / speed - 0.01) == 0
    assert prints_until(flow, opening_ms + 300 / speed) == 1


def test_how_often_the_market_is_asked_makes_no_difference() -> None:
    seldom, often = opened(lively())[1], opened(lively())[1]
    prints_until(seldom, 0)

    assert prints_until(seldom, 300) == sum(prints_until(often, ms) for ms in range(0, 301, 7)) + 1


def test_a_clock_that_goes_back_moves_nothing() -> None:
    _, flow = opened(lively())
    prints_until(flow, 0)
    prints_until(flow, 299)

    assert prints_until(flow, 100) == 0
    assert prints_until(flow, 300) == 1


def test_after_a_long_sleep_the_recording_has_slept_too() -> None:
    leap_ms = LONGEST_LEAP_NS // MS
    tape = lively().sold(leap_ms).sold(leap_ms + 1_000)
    _, flow = opened(tape)
    prints_until(flow, 0)

    assert prints_until(flow, 86_400_000) == 3
    assert prints_until(flow, 86_400_999) == 0
    assert prints_until(flow, 86_401_000) == 1


def test_a_message_that_moves_the_book_without_a_trade_gives_an_empty_lot() -> None:
    """So the venue publishes the new touch when it is new."""
    _, flow = opened(lively())

    assert list(flow.advance(0)) == [[], []]


def test_the_newest_message_that_took_effect_tells_the_recording_s_time() -> None:
    _, flow = opened(lively())
    prints_until(flow, 0)
    prints_until(flow, 150)

    assert flow.played_ns == (START_MS + 100) * MS


# ---------------------------------------------------------------- the order


def order_of(tape: Tape) -> list[tuple[int, type]]:
    """Each message's ms from the start, and what it was."""
    return [
        (at_ns // MS - START_MS, type(word)) for at_ns, word in in_venue_order("", GRID, tape.lines)
    ]


def test_streams_that_travelled_differently_are_put_in_the_venue_s_order() -> None:
    tape = Tape().snapshot().diff(0).sold(20, latency_ms=30).diff(10, latency_ms=45)

    assert order_of(tape) == [(0, Snapshot), (0, DepthDiff), (10, DepthDiff), (20, TradePrint)]


def test_messages_of_one_instant_keep_the_order_of_the_file() -> None:
    tape = Tape().snapshot().diff(0).sold(50).diff(50).sold(50)

    assert [kind for at_ms, kind in order_of(tape) if at_ms == 50] == [
        TradePrint,
        DepthDiff,
        TradePrint,
    ]


def test_a_snapshot_without_a_time_stays_where_it_was_received() -> None:
    """As on spot: at the very beginning, or within the stream."""
    first = Tape().snapshot(timed=False).diff(0).sold(10)
    amid = Tape().sold(0).snapshot(7, timed=False).diff(20)

    assert order_of(first) == [(0, Snapshot), (0, DepthDiff), (10, TradePrint)]
    assert order_of(amid) == [(0, TradePrint), (0, Snapshot), (20, DepthDiff)]


def test_a_snapshot_of_a_market_long_still_does_not_hold_up_the_opening() -> None:
    """Its time is that of the last change, which may be an hour ago."""
    tape = Tape().snapshot(-3_600_000).diff(0).sold(10)

    assert order_of(tape)[0] == (-LOOKAHEAD_NS // MS, Snapshot)


def test_the_mark_price_s_time_is_not_the_funding_s() -> None:
    tape = Tape().snapshot().diff(0).mark(40, "60000.17").sold(50)

    assert order_of(tape)[2:] == [(40, MarkPrice), (50, TradePrint)]


def test_a_recording_is_read_only_a_little_ahead() -> None:
    """A day of it never comes into memory."""
    tape = lively()
    for second in range(1, 3_600):
        tape.sold(1_000 * second)
    read = 0

    def lines() -> Iterator[NumberedLine]:
        nonlocal read
        for line in tape.lines:
            read += 1
            yield line

    words = in_venue_order("", GRID, lines())
    for _ in range(100):
        next(words)

    assert read == 100 + LOOKAHEAD_NS // (1_000 * MS) + 1


def test_a_message_that_came_far_too_late_happens_at_once() -> None:
    """Time never goes back for it."""
    tape = lively().sold(5_000).sold(8_000).sold(400, latency_ms=9_000).sold(9_500)
    _, flow = opened(tape)

    assert prints_until(flow, 0) == 0
    assert prints_until(flow, 4_999) == 2
    assert prints_until(flow, 5_000) == 2
    assert flow.played_ns == (START_MS + 5_000) * MS
    assert prints_until(flow, 9_500) == 2


# ---------------------------------------------------------------- mark and end


def test_the_mark_is_the_mid_until_the_recording_tells_one() -> None:
    tape = Tape().snapshot().diff(0).diff(50, bid="60000.2").mark(100, "60000.17").diff(150)
    _, flow = opened(tape)
    before = flow.mark_ticks
    marks = []
    for now_ms in (0, 50, 100, 150):
        prints_until(flow, now_ms)
        marks.append(flow.mark_ticks)

    assert before == 600_002.0
    assert marks == pytest.approx([600_002.0, 600_003.0, 600_001.7, 600_001.7])


def test_the_market_closes_when_the_recording_is_over() -> None:
    matching, flow = opened(lively())
    prints_until(flow, 0)
    prints_until(flow, 299)
    order = matching.submit(1, Side.BUY, 1, 599_000)
    before = flow.ending
    prints_until(flow, 300)

    assert not before
    assert flow.ending
    assert flow.ending == "the recording is over"
    assert not isinstance(order[0], Rejected)
    assert isinstance(matching.submit(1, Side.BUY, 1, 599_000)[0], Rejected)
    assert prints_until(flow, 400) == 0


def test_every_change_of_standing_is_told_however_short() -> None:
    """An exchange that was held up still reports the gap that came before the end."""
    tape = lively()
    tape.missing_diff().diff(400).sold(500)
    market = Market(
        Listing(GRID, AS_RECORDED),
        PubSub(),
        START_MS,
        lambda recorded, grid, first_id: open_recording(recorded, grid, tape.lines, first_id),
    )
    market.advance(START_MS * MS)
    market.take_news()

    market.advance((START_MS + 1000) * MS)

    assert [news[:20] for news in market.take_news()] == [
        "takes cancels alone:",
        "is closed: the recor",
    ]
    assert market.take_news() == []


def test_a_line_that_is_damaged_closes_the_market_and_says_where() -> None:
    """Found when it is reached: an exchange does not die of it."""
    tape = lively().sold(3_000)
    tape.lines.append((6, (START_MS + 3_100) * MS, b'{"e":"trade","s":"BTCUSDT"}'))
    matching, flow = opened(tape)
    prints_until(flow, 0)
    prints_until(flow, 3_000)

    assert flow.ending
    assert flow.ending.startswith("day.dat, line 6: it has no field 'q'")
    assert not matching.open


# ---------------------------------------------------------------- what cannot be played


@pytest.mark.parametrize(
    ("path", "grid", "message"),
    [
        (THIN, GRID, "nexousdt_20240723.dat: no message about BTCUSDT"),
        (
            COINM,
            Instrument.from_steps("BTCUSD_PERP", "0.1", "1"),
            "BTCUSD_PERP is an inverse or dated contract",
        ),
    ],
)
def test_a_recording_that_does_not_fit_is_refused_at_the_door(
    path: Path, grid: Instrument, message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        open_recording(replace(AS_RECORDED, path=path), grid, Recording(path))


def test_a_recording_of_another_grid_is_refused_at_its_first_line() -> None:
    grid = Instrument.from_steps("BTCUSDT", "0.5", "0.001")

    with pytest.raises(RecordingGarbled, match=r"line 1: '58710\.20' is not a decimal on the grid"):
        open_recording(replace(AS_RECORDED, path=USDM), grid, Recording(USDM))


def test_a_recording_that_never_shows_both_sides_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"day\.dat: no book of BTCUSDT in its first .* lines"):
        opened(Tape().diff(0).diff(10).sold(20))


def test_a_day_that_begins_without_a_snapshot_opens_once_its_book_has_grown() -> None:
    """Every file of a collector but its first is such a day."""
    market = replace(AS_RECORDED, path=SPOT_NEXT_DAY)
    matching, flow = open_recording(market, SPOT_EIGHTHS, Recording(SPOT_NEXT_DAY))
    prints_until(flow, 0)
    prints_until(flow, STANDS_NS / MS - 1_000)
    early = matching.open

    prints_until(flow, STANDS_NS / MS + 1_000)

    assert not early
    assert matching.open
    assert matching.best_bid_ticks is not None
    assert matching.best_ask_ticks is not None
    assert matching.best_bid_ticks < flow.mark_ticks < matching.best_ask_ticks


def test_an_empty_recording_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"day\.dat: no message about BTCUSDT"):
        opened(Tape())


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan"), float("inf")])
def test_a_speed_that_plays_nothing_is_refused(speed: float) -> None:
    with pytest.raises(SettingsError, match=r"day\.dat: cannot be played at a speed of"):
        opened(lively(), speed=speed)


@pytest.mark.parametrize(("path", "grid"), [(THIN, NEXO), (SPOT, SPOT_BTC)])
def test_spot_recordings_play_with_their_own_grid(path: Path, grid: Instrument) -> None:
    """Microsecond stamps, snapshots without a time, ids that count by one."""
    market = replace(AS_RECORDED, path=path)
    matching, flow = open_recording(market, grid, Recording(path))
    prints_until(flow, 0)
    prints = prints_until(flow, 20_000)

    assert matching.open
    assert matching.best_bid_ticks is not None
    assert matching.best_ask_ticks is not None
    assert matching.best_bid_ticks < flow.mark_ticks < matching.best_ask_ticks
    assert prints > 0
