"""Depth synchroniser: the venue's procedure for a local book, case by case and on lossy streams."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from exchange.binance.frames import decode
from exchange.instrument import Instrument
from exchange.jit import IntArray
from exchange.market_events import DepthDiff, MarketMessage, Snapshot, TouchUpdate
from exchange.market_layout import HELD_LEVELS, HELD_LIMIT
from exchange.recording.reader import Recording
from exchange.types import Side
from tests.exchange.synced import SyncedMarket
from tests.naive.market import NaiveMarket
from tests.places import COINM, SPOT, SPOT_NEXT_DAY, USDM

NONE = np.zeros(0, dtype=np.int64)


def diff(first_id: int, last_id: int, prev_last_id: int) -> DepthDiff:
    return DepthDiff(first_id, last_id, prev_last_id, 0, NONE, NONE, NONE, NONE)


def snapshot(last_id: int) -> Snapshot:
    return Snapshot(last_id, 0, NONE, NONE, NONE, NONE)


def joined_at(last_id: int) -> SyncedMarket:
    """A sync whose book is trusted up to ``last_id``."""
    sync = SyncedMarket()
    sync.receive(diff(last_id - 5, last_id, last_id - 9))
    sync.receive(snapshot(last_id - 2))
    return sync


def test_first_diff_asks_for_a_snapshot_once() -> None:
    """Each snapshot costs request weight."""
    sync = SyncedMarket()

    asked = [sync.receive(d) for d in (diff(10, 19, 8), diff(22, 29, 19))]

    assert asked == [["fetch"], []]


def test_snapshot_releases_what_was_held_from_its_id_on() -> None:
    """Older diffs are inside it; the one that straddles it is applied whole."""
    sync = SyncedMarket()
    for held in (diff(10, 19, 8), diff(22, 29, 19), diff(31, 39, 29)):
        sync.receive(held)

    actions = sync.receive(snapshot(25))

    assert actions == ["reset 25", "apply up to 39"]
    assert sync.trusted
    assert sync.last_id == 39


def test_snapshot_alone_is_not_trusted() -> None:
    """Until a diff meets it, nothing says that the stream carries on from there."""
    sync = SyncedMarket()

    assert sync.receive(snapshot(25)) == ["reset 25"]
    assert not sync.trusted


def test_diffs_inside_the_snapshot_are_passed_over() -> None:
    """REST ran ahead of the stream: wait for the stream to catch up."""
    sync = SyncedMarket()
    sync.receive(snapshot(25))

    said = [sync.receive(d) for d in (diff(10, 19, 8), diff(22, 29, 19))]

    assert said == [[], ["apply 29"]]


@pytest.mark.parametrize("snapshot_id", [22, 29], ids=["first id", "last id"])
def test_diff_straddles_a_snapshot_at_its_edges(snapshot_id: int) -> None:
    """U <= L and u >= L, both inclusive."""
    sync = SyncedMarket()
    sync.receive(diff(22, 29, 19))

    assert sync.receive(snapshot(snapshot_id))[-1] == "apply up to 29"


def test_diff_that_names_the_snapshot_as_predecessor_meets_it() -> None:
    """Nothing lies between them, though the diff begins behind the snapshot."""
    sync = SyncedMarket()
    sync.receive(diff(22, 29, 19))

    assert sync.receive(snapshot(19)) == ["reset 19", "apply up to 29"]


def test_snapshot_older_than_the_first_held_diff_is_refused() -> None:
    """REST may lag the stream several times in a row; what is held is kept meanwhile."""
    sync = SyncedMarket()
    sync.receive(diff(22, 29, 19))

    assert sync.receive(snapshot(15)) == ["fetch"]
    assert sync.receive(snapshot(24)) == ["reset 24", "apply up to 29"]


def test_gap_distrusts_the_book_and_asks_again() -> None:
    """One lost diff makes every later level doubtful."""
    sync = joined_at(30)

    said = sync.receive(diff(45, 49, 41))

    assert said == ["distrust", "fetch"]
    assert not sync.trusted


def test_sparse_ids_are_no_gap() -> None:
    """Futures ids skip; only the named predecessor counts, never U == u + 1."""
    assert joined_at(30).receive(diff(45, 49, 30)) == ["apply 49"]


def test_repeated_diff_is_a_broken_sequence() -> None:
    """A socket does not repeat itself. Were the venue's ids reset, skipping old ones would
    leave a dead book trusted for ever."""
    sync = joined_at(30)

    assert sync.receive(diff(25, 30, 21)) == ["distrust", "fetch"]


def test_stream_that_starts_behind_the_snapshot_asks_for_a_newer_one() -> None:
    """The book was never trusted, so there is nothing to distrust."""
    sync = SyncedMarket()
    sync.receive(snapshot(25))

    assert sync.receive(diff(40, 49, 38)) == ["fetch"]
    assert sync.receive(snapshot(41)) == ["reset 41", "apply up to 49"]


def test_snapshot_behind_a_trusted_book_changes_nothing() -> None:
    """A slow answer to an old question must not turn the book back."""
    sync = joined_at(30)

    assert sync.receive(snapshot(28)) == []
    assert sync.trusted


def test_newer_snapshot_refreshes_a_trusted_book() -> None:
    """The far side of a book thins wrongly as price travels; a refresh mends it."""
    sync = joined_at(30)

    assert sync.receive(snapshot(35)) == ["reset 35"]
    assert sync.receive(diff(32, 38, 30)) == ["apply 38"]


def test_lost_connection_starts_over() -> None:
    """The new socket's first diff continues nothing, even if its numbers fit."""
    sync = joined_at(30)

    sync.lose()

    assert not sync.trusted
    assert sync.last_id is None
    assert sync.receive(diff(32, 38, 30)) == ["fetch"]


def test_gap_among_held_diffs_drops_what_came_before_it() -> None:
    """A snapshot cannot bridge a gap, so only the newest unbroken run can be joined."""
    sync = SyncedMarket()
    for held in (diff(10, 19, 8), diff(42, 49, 39)):
        sync.receive(held)

    assert sync.receive(snapshot(15)) == ["fetch"]


def test_overflow_drops_the_oldest_held_diff() -> None:
    """Bounded memory: a snapshot from before what is left is refused, not half applied."""
    sync, last = SyncedMarket(), HELD_LIMIT + 1
    for number in range(1, last + 1):
        sync.receive(diff(10 * number + 2, 10 * number + 9, 10 * number - 1))

    assert sync.receive(snapshot(15)) == ["fetch"]
    assert sync.receive(snapshot(29)) == ["reset 29", f"apply up to {10 * last + 9}"]


def test_levels_of_held_diffs_outlive_the_ring_that_they_lie_in() -> None:
    """The ring of levels is shorter than that of diffs when each brings many."""
    market, count = SyncedMarket(), HELD_LEVELS // 1000 + 7
    for number in range(count):
        ticks = np.arange(1 + number, 1001 + number, dtype=np.int64)
        lots = np.full(1000, number + 1, dtype=np.int64)
        market.receive(DepthDiff(number, number, number - 1, 0, ticks, lots, NONE, NONE))
    kept = HELD_LEVELS // 1000

    assert market.receive(snapshot(count - kept - 2)) == ["fetch"]
    assert market.receive(snapshot(count - kept)) == [
        f"reset {count - kept}",
        f"apply up to {count - 1}",
    ]
    assert market.ladder(Side.BUY)[0] == (1000 + count - 1, count)
    assert market.ladder(Side.BUY)[-1] == (count - kept + 1, count - kept + 1)


def test_a_diff_too_large_to_wait_begins_anew() -> None:
    """It leaves no diff to hold the next ticker against, and the next diff joins nothing."""
    market = SyncedMarket(recorded=True)
    ticks = np.arange(1, HELD_LEVELS + 2, dtype=np.int64)
    market.receive(diff(101, 101, 100))
    market.receive(DepthDiff(102, 102, 101, 0, ticks, np.ones_like(ticks), NONE, NONE))

    assert market.receive(TouchUpdate(103, 0, 100, 1, 101, 2)) == []
    assert market.receive(diff(200, 200, 199)) == ["fetch"]


def test_a_ticker_among_held_diffs_undoes_none_that_came_after_it() -> None:
    """Written after them all, it took newer levels off the book: the touch was an old one."""
    market = SyncedMarket()
    for message in (
        diff(101, 101, 100),
        diff(102, 102, 101),
        TouchUpdate(102, 0, 100, 1, 101, 2),
        DepthDiff(103, 103, 102, 0, NONE, NONE, *columns([(95, 1)])),
        snapshot(101),
    ):
        market.receive(message)

    assert market.ladder(Side.SELL) == [(95, 1), (101, 2)]


S = 1_000_000_000
_ids = st.integers(1, 12)
_sides = st.lists(st.tuples(st.integers(95, 105), st.integers(0, 3)), max_size=4)
_events = st.one_of(
    st.tuples(st.just("diff"), _ids, _sides, _sides),
    st.tuples(st.just("diff"), _ids, _sides, _sides),
    st.tuples(st.just("gap"), _ids, _sides, _sides),
    st.tuples(st.just("snapshot"), st.integers(-30, 20), _sides, _sides),
    st.tuples(st.just("ticker"), st.integers(-15, 15), _sides, _sides),
    st.tuples(st.just("lose"), _ids, _sides, _sides),
)


A_TICKER_OF_ONE_SIDE = [
    ("diff", 1, [], [(96, 1)]),
    ("diff", 1, [(95, 1)], []),
    ("diff", 1, [], []),
    ("ticker", 1, [], []),
    ("ticker", 4, [], []),
    ("diff", 1, [], []),
]


@settings(max_examples=2000, deadline=None)
@given(events=st.lists(_events, max_size=40), recorded=st.booleans())
@example(events=A_TICKER_OF_ONE_SIDE, recorded=True)
def test_market_equals_its_naive_twin(
    events: list[tuple[str, int, list[tuple[int, int]], list[tuple[int, int]]]], recorded: bool
) -> None:
    """Whatever is lost, late or out of order: the same trust, the same questions, the same book."""
    market, naive = SyncedMarket(recorded=recorded), NaiveMarket(recorded=recorded)
    last_id = 100
    for number, (kind, step, bids, asks) in enumerate(events):
        at_ns, sides = number * 3 * S, [*columns(bids), *columns(asks)]
        message: MarketMessage
        match kind:
            case "lose":
                market.lose()
                naive.sync.lost()
                continue
            case "snapshot":
                message = Snapshot(last_id + step, at_ns, *sides)
            case "ticker":
                bid, ask = 100 - step % 3, 101 + step % 2
                message = TouchUpdate(last_id + step, at_ns, bid, step % 4, ask, 2)
            case _:
                previous = last_id + (kind == "gap")
                last_id = previous + step
                message = DepthDiff(previous + 1, last_id, previous, at_ns, *sides)
        said = market.receive(message)

        assert ("distrust" in said, "fetch" in said) == naive.receive(message)
        assert (market.trusted, market.grown) == (naive.sync.trusted, naive.sync.grown)
        assert market.last_id == naive.sync.last_id
        assert all(market.ladder(side) == naive.book.ladder(side) for side in Side)


def columns(levels: list[tuple[int, int]]) -> tuple[IntArray, IntArray]:
    ticks, lots = np.array(levels or np.zeros((0, 2)), dtype=np.int64).T.copy()
    return ticks, lots


def replayed(paths: list[Path], instrument: Instrument) -> tuple[int, int, int, int]:
    """``(diffs applied, messages that left the book crossed, tickers met, tickers agreed)``."""
    market = SyncedMarket()
    applied = crossed = met = agreed = 0
    tickers: dict[int, TouchUpdate] = {}
    for path in paths:
        for line in Recording(path):
            message = decode(line.raw, instrument)
            if isinstance(message, TouchUpdate):
                tickers[message.update_id] = message
                continue
            said = market.receive(message)
            assert "distrust" not in said
            if not isinstance(message, DepthDiff) or said != [f"apply {message.last_id}"]:
                continue
            applied += 1
            crossed += market.book.crossed
            if ticker := tickers.get(message.last_id):
                met += 1
                agreed += (market.book.best_bid_ticks, market.book.best_ask_ticks) == (
                    ticker.bid_ticks,
                    ticker.ask_ticks,
                )
    return applied, crossed, met, agreed


def test_recorded_futures_book_stays_uncrossed_and_agrees_with_the_ticker() -> None:
    """The whole way from file to book, judged by the venue's other stream."""
    applied, crossed, met, agreed = replayed(
        [USDM], Instrument.from_steps("BTCUSDT", "0.1", "0.001")
    )

    assert (applied, crossed) == (
        6551 - 4 - 2,
        0,
    )  # four lie inside the snapshot, two waited for it
    assert met > 100
    assert agreed == met


def test_recorded_coin_margined_book_stays_uncrossed() -> None:
    """Another contract, with ids of its own sequence."""
    _, crossed, met, agreed = replayed([COINM], Instrument.from_steps("BTCUSD_PERP", "0.1", "1"))

    assert crossed == 0
    assert agreed == met > 0


def test_recorded_spot_book_carries_on_past_midnight() -> None:
    """Spot names no predecessor, and the second file has no snapshot: one session, two files."""
    # Orders from before the lot was 0.00001 still rest with eight decimals.
    instrument = Instrument.from_steps("BTCUSDT", "0.01", "0.00000001")

    _, crossed, met, agreed = replayed([SPOT, SPOT_NEXT_DAY], instrument)

    assert crossed == 0
    assert agreed == met > 0
