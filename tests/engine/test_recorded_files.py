"""Recorded files: their times, their order, and what cannot be played."""

import gzip
import re
from pathlib import Path

import pytest

from engine.config.desk import load_config
from engine.config.shipped_files import DEFAULT_CONFIG
from engine.errors import RecordingError
from engine.replay.event_window import EventWindow
from engine.replay.recorded_files import RecordedFiles
from exchange.binance import recorded_events
from exchange.event_columns import EXCH_NS, WIDTH
from exchange.recording.reader import Recording
from tests.places import BASE, COINM, SPOT, THIN, USDM

NEXO = ("desk.symbol=NEXOUSDT", "instrument.tick_size=0.001", "instrument.lot_size=0.01")
NEXO_ORDERS = ("strategy.order_qty=10.00", "strategy.max_position=100.00")
NEXO_START = ("paper.start_price=1.000",)
PERP = ("desk.symbol=BTCUSD_PERP", "instrument.lot_size=1")
PERP_ORDERS = ("strategy.order_qty=1", "strategy.max_position=40")
SPOT_GRID = ("instrument.tick_size=0.01", "instrument.lot_size=0.000001")


def recorded(*paths: Path, over: tuple[str, ...] = (), peers: bool = False) -> RecordedFiles:
    config = load_config(DEFAULT_CONFIG, list(over))
    return RecordedFiles(config, list(paths), lambda _done, _total: None, peers=peers)


@pytest.mark.parametrize("peers", [False, True], ids=["desk", "peers"])
@pytest.mark.parametrize(
    ("path", "over", "lines", "least_ms"),
    [
        (USDM, (), 93_954, -1272.2),
        (COINM, (*PERP, *PERP_ORDERS), 48_270, -1268.0),
        (SPOT, SPOT_GRID, 41_249, -1274.8),
        (THIN, (*NEXO, *NEXO_ORDERS, *NEXO_START), 1804, -54.5),
    ],
    ids=["usdm", "coinm", "spot", "thin"],
)
def test_the_shift_is_how_far_the_recorders_clock_was_behind(
    path: Path, over: tuple[str, ...], lines: int, least_ms: float, peers: bool
) -> None:
    """The figures are those that the recordings' README gives, tickers left out."""
    files = recorded(path, over=over, peers=peers)

    assert files.scan(0) / 1e6 == pytest.approx(-least_ms, abs=0.05)
    assert files.scan(5) == 5 - files.least_latency_ns
    assert files.lines == lines
    assert files.span_ns > 0


@pytest.mark.parametrize(("peers", "shift_ms"), [(False, 3), (True, 0)], ids=["desk", "peers"])
def test_a_latency_that_is_too_short_to_be_true_shifts_the_desks_times(
    tmp_path: Path, peers: bool, shift_ms: int
) -> None:
    """2 ms where 5 ms are asked for; hftbacktest leaves alone what is not negative."""
    path = tmp_path / "near.dat"
    trade = b'{"e":"trade","E":1723161255000,"T":1723161255000,"s":"BTCUSDT","t":1,"p":"58700.1",'
    path.write_bytes(b'1723161255002000000 %b"q":"1.000","m":true,"X":"MARKET"}\n' % trade)

    assert recorded(path, peers=peers).scan(5_000_000) == shift_ms * 1_000_000


def test_next_funding_time_is_no_latency(tmp_path: Path) -> None:
    """A mark price's T lies hours ahead; taken as a stamp it would shift the whole file."""
    mark = b'{"e":"markPriceUpdate","E":1723161255000,"s":"BTCUSDT","p":"58700.1","i":"58700.1",'
    mark += b'"P":"58700.1","r":"0.0001","T":1723190400000}'
    path = tmp_path / "mark.dat"
    path.write_bytes(b"1723161255001000000 %b\n" % mark)

    assert recorded(path).scan(0) == 0


def test_progress_goes_on_through_every_reading_to_its_end() -> None:
    """A day of 5 GB takes a while; a bar that stops short looks like a hang."""
    told: list[tuple[int, int]] = []
    config = load_config(DEFAULT_CONFIG, [])
    files = RecordedFiles(config, [USDM], lambda *progress: told.append(progress), peers=True)

    for reading in (1, 2):
        files.scan(0)
        assert told[-1] == (reading * USDM.stat().st_size,) * 2

    assert all(done <= total for done, total in told)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


@pytest.mark.parametrize("peers", [False, True], ids=["desk", "peers"])
def test_files_are_put_in_order_of_time(tmp_path: Path, peers: bool) -> None:
    lines = gzip.decompress(BASE.read_bytes()).splitlines(keepends=True)
    third = len(lines) // 3
    thirds = [tmp_path / name for name in ("b.dat", "c.dat", "a.dat")]
    for number, path in enumerate(thirds):
        path.write_bytes(b"".join(lines[number * third : (number + 1) * third]))

    given = recorded(thirds[2], thirds[0], thirds[1], peers=peers)
    given.put_in_order()
    kept = recorded(*thirds, peers=peers)
    kept.put_in_order()

    assert (given.paths, given.reordered) == (thirds, True)
    assert (kept.paths, kept.reordered) == (thirds, False)


def test_a_message_without_levels_is_no_event_of_the_peer(tmp_path: Path) -> None:
    """It replays levels: a diff of none, or an empty snapshot, does not start its clock."""
    path, start = timed_prints(tmp_path / "thin.dat", (50, 10)), 1_723_161_255_000
    nothing = (
        b'{"e":"depthUpdate","E":%d,"T":%d,"s":"BTCUSDT","U":1,"u":2,"pu":0,"b":[],"a":[]}',
        b'{"lastUpdateId":2,"E":%d,"T":%d,"bids":[],"asks":[]}',
    )
    lines = (b"%d %b\n" % (start, each % (start, start)) for each in nothing)
    path.write_bytes(b"".join(lines) + path.read_bytes())
    of_peer, of_desk = recorded(path, peers=True), recorded(path)
    of_peer.scan(0)
    of_desk.scan(0)

    assert (of_peer.least_latency_ns, of_desk.least_latency_ns) == (40_000_000, 0)
    assert of_peer.first_ns(0) == (start + 10) * 1_000_000


def test_a_recorded_refusal_is_passed_over(tmp_path: Path) -> None:
    """Collectors write whatever a request for a snapshot was answered with."""
    path = timed_prints(tmp_path / "refused.dat", (0, 0), (60, 50))
    refusal = b'1723161255010 {"code":-1003,"msg":"Too many requests."}\n'
    path.write_bytes(refusal + path.read_bytes())
    files = recorded(path)

    files.scan(0)
    assert files.lines == 3


def test_what_a_file_lacks_is_said(tmp_path: Path) -> None:
    """An empty one, one of another symbol, one of nothing that the tutorial could play."""
    empty, aggregates = tmp_path / "empty.dat", tmp_path / "aggregates.dat"
    empty.write_bytes(b"\n\n")
    lines = (line for line in Recording(BASE) if b'"bookTicker"' in line.raw)
    aggregates.write_bytes(b"".join(b"%d %b\n" % (line.recv_ns, line.raw) for line in lines))

    with pytest.raises(RecordingError, match=r"empty\.dat: holds no line"):
        recorded(empty).scan(0)
    with pytest.raises(RecordingError, match=r"holds BTCUSDT, but desk\.symbol is ETHUSDT; give"):
        recorded(BASE, over=("desk.symbol=ETHUSDT",)).scan(0)
    with pytest.raises(RecordingError, match="holds no book and no single trades of BTCUSDT"):
        recorded(aggregates, peers=True).scan(0)


DAY_MS = 86_400_000


def timed_prints(path: Path, *times_ms: tuple[int, int]) -> Path:
    """A file of prints received and happened so long after a start."""
    start = 1_723_161_255_000
    trade = b'{"e":"trade","E":%d,"T":%d,"s":"BTCUSDT","t":1,"p":"58700.1","q":"1.000","m":true}'
    path.write_bytes(
        b"".join(
            b"%d %b\n" % (start + local_ms, trade % ((start + exch_ms,) * 2))
            for local_ms, exch_ms in times_ms
        )
    )
    return path


@pytest.mark.parametrize("peers", [False, True], ids=["desk", "peers"])
@pytest.mark.parametrize(
    ("times_ms", "said"),
    [
        (((0, 0), (10_001, 0), (0, 0)), "line 3: was received 10.0 s before line 2"),
        (((0, 0), (0, 10_001), (0, 0)), "line 3: happened 10.0 s before line 2"),
        (((0, 0), (400 * DAY_MS, 9)), "line 2: was received 400.0 days after what is above it"),
        (((0, 0), (400 * DAY_MS,) * 2), "line 2: was received 400.0 days after what is above it"),
        (((50, 0), (60, 3_600_000)), "line 2: has a venue time 3600.0 s ahead of what is above it"),
        (((400 * DAY_MS, 0), (0, 0)), "line 2: was received 34560000.0 s before line 1"),
        (((0, 3_600_000), (0, 0)), "line 2: happened 3600.0 s before line 1"),
        (((40_000 * DAY_MS, 0), (0, 0)), "line 1: has a time beyond the year 2116"),
    ],
)
def test_a_wild_time_ends_the_replay_with_both_lines_named(
    tmp_path: Path, times_ms: tuple[tuple[int, int], ...], said: str, peers: bool
) -> None:
    """Played, it would step through years of silence, or move all receive times by an hour."""
    path = timed_prints(tmp_path / "wild.dat", *times_ms)

    with pytest.raises(RecordingError, match=rf"wild\.dat, {re.escape(said)}"):
        recorded(path, peers=peers).scan(0)


def test_a_wild_time_of_damaged_data_is_the_tear(tmp_path: Path) -> None:
    """A digit of a stamp turned over: the checksum at the end knows."""
    path = timed_prints(tmp_path / "plain.dat", *((ms, ms) for ms in range(0, 5000, 100)))
    stored = bytearray(gzip.compress(path.read_bytes(), compresslevel=0))
    at = stored.rindex(b'"T":17231612') + len(b'"T":1')
    stored[at] ^= 1  # 7 to 6: three years back
    damaged = tmp_path / "damaged.gz"
    damaged.write_bytes(stored)
    files = recorded(damaged)

    assert files.scan(0) == 0
    assert files.lines == 49
    assert "nothing from line 50 on, the gzip data is damaged" in files.tears[0]
    assert "that line: happened" in files.tears[0]


def test_what_is_ignored_has_no_time_of_the_rows_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stretches are used again: a row that is passed over kept the venue time of an old one."""
    monkeypatch.setattr(recorded_events, "_ROWS", 8)
    path = timed_prints(tmp_path / "old.dat", *((ms, ms) for ms in range(0, 600_000, 1000)))
    lines = path.read_bytes().splitlines(keepends=True)
    fund = lines[-1].replace(b'"m":true', b'"m":true,"X":"INSURANCE_FUND"')
    lines[::7] = [fund.replace(fund[:13], line[:13]) for line in lines[::7]]
    path.write_bytes(b"".join(lines))
    files, window = recorded(path), EventWindow()

    for _ in files.read_into(window, 0):
        pass

    assert files.lines == 600


@pytest.mark.parametrize("peers", [False, True], ids=["desk", "peers"])
def test_a_stream_is_no_sooner_than_a_snapshot_of_long_ago(tmp_path: Path, peers: bool) -> None:
    """A collector's first line: the market was last touched two minutes before it."""
    path, start = timed_prints(tmp_path / "thin.dat", (50, 0), (60, 10)), 1_723_161_255_000
    snapshot = b'{"lastUpdateId":1,"E":%d,"T":%d,"bids":[["58700.0","1"]],"asks":[]}'
    snapshot %= (start, start - 120_000)
    path.write_bytes(b"%d %b\n" % (start, snapshot) + path.read_bytes())

    assert recorded(path, peers=peers).scan(0) == 0


def test_a_snapshot_of_a_quiet_market_happens_with_its_stream(tmp_path: Path) -> None:
    """Its time is that of the last change, which may be long ago; the mark's clock goes on."""
    path, start = tmp_path / "quiet.dat", 1_723_161_255_000
    snapshot = b'{"lastUpdateId":1,"E":%d,"T":%d,"bids":[["58700.1","1"]],"asks":[["58700.2","1"]]}'
    path.write_bytes(
        b'%d {"e":"markPriceUpdate","E":%d,"s":"BTCUSDT","p":"58700.1","r":"0.0001","T":0}\n'
        % (start, start)
        + b"%d %b\n" % (start, snapshot % (start, start - 60_000))
    )
    files, window = recorded(path), EventWindow()

    for _ in files.read_into(window, 0):
        pass

    exch_ns = window.rows.reshape(-1, WIDTH)[:2, EXCH_NS]
    assert exch_ns.tolist() == [start * 1_000_000, (start - 10_000) * 1_000_000]


@pytest.mark.parametrize("peers", [False, True], ids=["desk", "peers"])
def test_files_that_overlap_are_refused_at_the_line(tmp_path: Path, peers: bool) -> None:
    first = timed_prints(tmp_path / "first.dat", (0, 0), (60_000, 60_000))
    second = timed_prints(tmp_path / "second.dat", (30_000, 30_000), (90_000, 90_000))

    with pytest.raises(RecordingError, match=r"second\.dat, line 1: .* the end of the file before"):
        recorded(first, second, peers=peers).scan(0)


def test_a_weekend_without_a_recorder_and_a_late_stream_are_played(tmp_path: Path) -> None:
    """A gap of two days, a message half a minute late, and others at most 10 s back."""
    times_ms = ((30_000, 0), (30_001, 29_000), (20_001, 19_500), (2 * DAY_MS, 2 * DAY_MS))
    path = timed_prints(tmp_path / "odd.dat", *times_ms)

    assert recorded(path).scan(0) == 0


def test_the_desk_s_window_has_every_line_and_the_peer_s_what_it_plays() -> None:
    for peers, events in ((False, 94_000), (True, 28_000)):
        files, window = recorded(USDM, peers=peers), EventWindow()
        for _ in files.read_into(window, 0):
            pass

        assert abs(window.events - events) < 200
        assert sorted(window.by_local[: window.events].tolist()) == list(range(window.events))
