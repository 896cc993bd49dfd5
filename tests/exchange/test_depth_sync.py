"""Depth synchroniser: the venue's procedure for a local book, case by case and on lossy streams."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.binance.depth_sync import (
    ApplyDiff,
    DepthSync,
    DistrustBook,
    ResetBook,
    SnapshotNeeded,
    SyncAction,
)
from exchange.binance.frames import decode
from exchange.book import Book
from exchange.instrument import Instrument
from exchange.market_events import DepthDiff, Snapshot, TouchUpdate
from exchange.recording.reader import Recording
from tests.places import COINM, SPOT, SPOT_NEXT_DAY, USDM

NONE = np.zeros(0, dtype=np.int64)


def diff(first_id: int, last_id: int, prev_last_id: int) -> DepthDiff:
    return DepthDiff(first_id, last_id, prev_last_id, 0, NONE, NONE, NONE, NONE)


def snapshot(last_id: int) -> Snapshot:
    return Snapshot(last_id, 0, NONE, NONE, NONE, NONE)


def spoken(actions: list[SyncAction]) -> list[str]:
    """Actions as short texts, so that a test reads as a conversation."""
    words = []
    for action in actions:
        match action:
            case ApplyDiff(diff=d):
                words.append(f"apply {d.last_id}")
            case ResetBook(snapshot=s):
                words.append(f"reset {s.last_id}")
            case SnapshotNeeded():
                words.append("fetch")
            case DistrustBook():
                words.append("distrust")
    return words


def joined_at(last_id: int) -> DepthSync:
    """A sync whose book is trusted up to ``last_id``."""
    sync = DepthSync()
    sync.receive_diff(diff(last_id - 5, last_id, last_id - 9))
    sync.receive_snapshot(snapshot(last_id - 2))
    return sync


def test_first_diff_asks_for_a_snapshot_once() -> None:
    """Each snapshot costs request weight."""
    sync = DepthSync()

    asked = [spoken(sync.receive_diff(d)) for d in (diff(10, 19, 8), diff(22, 29, 19))]

    assert asked == [["fetch"], []]


def test_snapshot_releases_what_was_held_from_its_id_on() -> None:
    """Older diffs are inside it; the one that straddles it is applied whole."""
    sync = DepthSync()
    for held in (diff(10, 19, 8), diff(22, 29, 19), diff(31, 39, 29)):
        sync.receive_diff(held)

    actions = sync.receive_snapshot(snapshot(25))

    assert spoken(actions) == ["reset 25", "apply 29", "apply 39"]
    assert sync.trusted
    assert sync.last_id == 39


def test_snapshot_alone_is_not_trusted() -> None:
    """Until a diff meets it, nothing says that the stream carries on from there."""
    sync = DepthSync()

    assert spoken(sync.receive_snapshot(snapshot(25))) == ["reset 25"]
    assert not sync.trusted


def test_diffs_inside_the_snapshot_are_passed_over() -> None:
    """REST ran ahead of the stream: wait for the stream to catch up."""
    sync = DepthSync()
    sync.receive_snapshot(snapshot(25))

    said = [spoken(sync.receive_diff(d)) for d in (diff(10, 19, 8), diff(22, 29, 19))]

    assert said == [[], ["apply 29"]]


@pytest.mark.parametrize("snapshot_id", [22, 29], ids=["first id", "last id"])
def test_diff_straddles_a_snapshot_at_its_edges(snapshot_id: int) -> None:
    """U <= L and u >= L, both inclusive."""
    sync = DepthSync()
    sync.receive_diff(diff(22, 29, 19))

    assert spoken(sync.receive_snapshot(snapshot(snapshot_id)))[-1] == "apply 29"


def test_diff_that_names_the_snapshot_as_predecessor_meets_it() -> None:
    """Nothing lies between them, though the diff begins behind the snapshot."""
    sync = DepthSync()
    sync.receive_diff(diff(22, 29, 19))

    assert spoken(sync.receive_snapshot(snapshot(19))) == ["reset 19", "apply 29"]


def test_snapshot_older_than_the_first_held_diff_is_refused() -> None:
    """REST may lag the stream several times in a row; what is held is kept meanwhile."""
    sync = DepthSync()
    sync.receive_diff(diff(22, 29, 19))

    assert spoken(sync.receive_snapshot(snapshot(15))) == ["fetch"]
    assert spoken(sync.receive_snapshot(snapshot(24))) == ["reset 24", "apply 29"]


def test_gap_distrusts_the_book_and_asks_again() -> None:
    """One lost diff makes every later level doubtful."""
    sync = joined_at(30)

    said = spoken(sync.receive_diff(diff(45, 49, 41)))

    assert said == ["distrust", "fetch"]
    assert not sync.trusted


def test_sparse_ids_are_no_gap() -> None:
    """Futures ids skip; only the named predecessor counts, never U == u + 1."""
    assert spoken(joined_at(30).receive_diff(diff(45, 49, 30))) == ["apply 49"]


def test_repeated_diff_is_a_broken_sequence() -> None:
    """A socket does not repeat itself. Were the venue's ids reset, skipping old ones would
    leave a dead book trusted for ever."""
    sync = joined_at(30)

    assert spoken(sync.receive_diff(diff(25, 30, 21))) == ["distrust", "fetch"]


def test_stream_that_starts_behind_the_snapshot_asks_for_a_newer_one() -> None:
    """The book was never trusted, so there is nothing to distrust."""
    sync = DepthSync()
    sync.receive_snapshot(snapshot(25))

    assert spoken(sync.receive_diff(diff(40, 49, 38))) == ["fetch"]
    assert spoken(sync.receive_snapshot(snapshot(41))) == ["reset 41", "apply 49"]


def test_snapshot_behind_a_trusted_book_changes_nothing() -> None:
    """A slow answer to an old question must not turn the book back."""
    sync = joined_at(30)

    assert sync.receive_snapshot(snapshot(28)) == []
    assert sync.trusted


def test_newer_snapshot_refreshes_a_trusted_book() -> None:
    """The far side of a book thins wrongly as price travels; a refresh mends it."""
    sync = joined_at(30)

    assert spoken(sync.receive_snapshot(snapshot(35))) == ["reset 35"]
    assert spoken(sync.receive_diff(diff(32, 38, 30))) == ["apply 38"]


def test_lost_connection_starts_over() -> None:
    """The new socket's first diff continues nothing, even if its numbers fit."""
    sync = joined_at(30)

    sync.lost()

    assert not sync.trusted
    assert sync.last_id is None
    assert spoken(sync.receive_diff(diff(32, 38, 30))) == ["fetch"]


def test_gap_among_held_diffs_drops_what_came_before_it() -> None:
    """A snapshot cannot bridge a gap, so only the newest unbroken run can be joined."""
    sync = DepthSync()
    for held in (diff(10, 19, 8), diff(42, 49, 39)):
        sync.receive_diff(held)

    assert spoken(sync.receive_snapshot(snapshot(15))) == ["fetch"]


def test_overflow_drops_the_oldest_held_diff() -> None:
    """Bounded memory: a snapshot from before what is left is refused, not half applied."""
    sync = DepthSync(held_limit=2)
    for held in (diff(10, 19, 8), diff(22, 29, 19), diff(31, 39, 29)):
        sync.receive_diff(held)

    assert spoken(sync.receive_snapshot(snapshot(15))) == ["fetch"]
    assert spoken(sync.receive_snapshot(snapshot(29))) == ["reset 29", "apply 29", "apply 39"]


@given(
    steps=st.lists(st.integers(1, 20), min_size=5, max_size=60),
    happenings=st.lists(st.sampled_from(["pass", "pass", "pass", "lose", "repeat", "snapshot"])),
    lag=st.integers(-3, 3),
)
def test_every_applied_diff_continues_the_one_before(
    steps: list[int], happenings: list[str], lag: int
) -> None:
    """Whatever the network loses or repeats, the book never bridges a gap."""
    ends = np.cumsum([100, *steps]).tolist()
    stream = [diff(a + 1, b, a) for a, b in pairwise(ends)]
    sync = DepthSync()
    actions: list[SyncAction] = []

    for i, current in enumerate(stream):
        happens = happenings[i] if i < len(happenings) else "snapshot"
        if happens == "snapshot":
            actions += sync.receive_snapshot(snapshot(ends[max(0, min(i + lag, len(steps)))]))
        for _ in range({"lose": 0, "repeat": 2}.get(happens, 1)):
            actions += sync.receive_diff(current)

    assert_never_bridges_a_gap(actions)


def assert_never_bridges_a_gap(actions: list[SyncAction]) -> None:
    last_id: int | None = None
    joined = False
    for action in actions:
        match action:
            case ResetBook(snapshot=s):
                last_id, joined = s.last_id, False
            case DistrustBook():
                last_id = None
            case ApplyDiff(diff=d):
                assert last_id is not None
                assert d.prev_last_id == last_id if joined else d.prev_last_id <= last_id
                assert d.last_id >= last_id
                last_id, joined = d.last_id, True


def replayed(paths: list[object], instrument: Instrument) -> tuple[int, int, int, int]:
    """``(diffs applied, messages that left the book crossed, tickers met, tickers agreed)``."""
    sync, book = DepthSync(), Book()
    applied = crossed = met = agreed = 0
    tickers: dict[int, TouchUpdate] = {}
    for path in paths:
        for line in Recording(path):  # type: ignore[arg-type]  # paths come from parametrize
            actions: list[SyncAction] = []
            match decode(line.raw, instrument):
                case DepthDiff() as word:
                    actions = sync.receive_diff(word)
                case Snapshot() as word:
                    actions = sync.receive_snapshot(word)
                case TouchUpdate() as word:
                    tickers[word.update_id] = word
            for action in actions:
                match action:
                    case ApplyDiff(diff=d):
                        book.apply(d.bid_ticks, d.bid_lots, d.ask_ticks, d.ask_lots)
                        applied += 1
                        if ticker := tickers.get(d.last_id):
                            met += 1
                            agreed += (book.best_bid_ticks, book.best_ask_ticks) == (
                                ticker.bid_ticks,
                                ticker.ask_ticks,
                            )
                        crossed += book.crossed
                    case ResetBook(snapshot=s):
                        book.load(s.bid_ticks, s.bid_lots, s.ask_ticks, s.ask_lots)
                    case DistrustBook():
                        pytest.fail("a gap in a recording that has none")
    return applied, crossed, met, agreed


def test_recorded_futures_book_stays_uncrossed_and_agrees_with_the_ticker() -> None:
    """The whole way from file to book, judged by the venue's other stream."""
    applied, crossed, met, agreed = replayed(
        [USDM], Instrument.from_steps("BTCUSDT", "0.1", "0.001")
    )

    assert (applied, crossed) == (6551 - 4, 0)  # four lie inside the snapshot
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
