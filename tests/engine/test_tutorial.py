"""The tutorial on hftbacktest's exchange: its fills are the peer's, one by one."""

import csv
import gzip
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from engine.config.desk import load_config
from engine.config.shipped_files import SHIPPED
from engine.errors import ConfigError, RecordingError
from engine.replay import peer_run
from engine.replay.peer_loop import FILL_EXCH, FILL_PRICE, FILL_SIDE, FILL_STEP, MOST_ORDERS
from engine.replay.tutorial_replay import TutorialReplay, TutorialResult
from engine.replay.tutorial_report import as_dict, print_report
from exchange.binance import recorded_events
from exchange.errors import RecordingGarbled
from tests.engine.recorded_desks import engine_command
from tests.places import BASE, COINM, INPUTS, PARITY, USDM

TUTORIAL = SHIPPED / "tutorial.toml"
INVERSE = (
    "desk.symbol=BTCUSD_PERP",
    "instrument.lot_size=1",
    "strategy.order_qty=1",
    "strategy.max_position=20",
)
RUNS = {
    "usdm_touch_risk": ("strategy.adj1=0.005", "strategy.adj2=0.001", "replay.queue=risk_averse"),
    "usdm_touch_log": ("strategy.adj1=0.005", "strategy.adj2=0.001", "replay.queue=log"),
    "usdm_near_log": ("strategy.adj1=0.05", "strategy.adj2=0.01", "replay.queue=log"),
}


def replayed(*files: Path, over: tuple[str, ...] = ()) -> TutorialResult:
    config = load_config(TUTORIAL, list(over))
    return TutorialReplay(config, list(files), lambda _done, _total: None).run()


def rows_of(name: str) -> list[dict[str, str]]:
    with gzip.open(PARITY / f"{name}.csv.gz", "rt") as file:
        return list(csv.DictReader(file))


def peer_fills(run: str) -> list[list[int]]:
    """By the columns of ours."""
    return sorted(
        [
            int(row["exch_ts"]),
            1 if row["side"] == "B" else -1,
            *(int(row[column]) for column in ("price_tick", "req_ts", "seen_ts", "step")),
        ]
        for row in rows_of(f"fills_{run}")
    )


@pytest.mark.parametrize("run", RUNS)
def test_fills_and_calibration_are_the_peers(run: str) -> None:
    """To the nanosecond: when each was asked for, filled and heard of, and at which step."""
    result = replayed(USDM, over=RUNS[run])

    assert sorted(result.fills.tolist()) == peer_fills(run)
    rows = rows_of(f"calibration_{run}")
    expected = np.array([[float(value) for value in row.values()] for row in rows])
    np.testing.assert_allclose(result.trace, expected, rtol=1e-9)
    assert result.position == pytest.approx(result.fills[:, FILL_SIDE].sum() * 0.003)


EMPTY_FIRST = "da4d53c3ec82955908f4cbd7df42d423edffad18d5258c8605e035366cbe6476"
"""Of venue's time, side and price of hftbacktest 2.4.4's 278 fills, sorted, as int64."""


def test_a_step_before_the_first_book_is_the_peers_too(tmp_path: Path) -> None:
    """Its mid of an empty book is -0.5 ticks, and the first window's volatility remembers it."""
    path = tmp_path / "ahead.dat"
    lines = gzip.decompress(USDM.read_bytes()).splitlines()
    heard = [line for line in lines if b"bookTicker" not in line][:18_000]
    path.write_bytes(b"".join(moved(line, 2 * 10**9) for line in heard))

    fills = replayed(path, over=("calibration.window_s=10",)).fills[
        :, [FILL_EXCH, FILL_SIDE, FILL_PRICE]
    ]

    assert len(fills) == 278
    ordered = np.array(sorted(map(tuple, fills.tolist())), dtype=np.int64)
    assert hashlib.sha256(ordered.tobytes()).hexdigest() == EMPTY_FIRST


def moved(line: bytes, by_ns: int) -> bytes:
    """A line, received so much later."""
    stamp, message = line.split(b" ", 1)
    return b"%d %s\n" % (int(stamp) + by_ns, message)


@pytest.mark.parametrize("by_s", [-16, 16])
def test_a_snapshot_without_a_time_and_a_clock_far_off_play(by_s: int, tmp_path: Path) -> None:
    """How far a line reaches back is told by the venue's times, where it has one."""
    path = tmp_path / "far-off.dat"
    lines = gzip.decompress(BASE.read_bytes()).splitlines()
    untimed = [re.sub(rb'("lastUpdateId":\d+),"E":\d+,"T":\d+', rb"\1", line) for line in lines]
    path.write_bytes(b"".join(moved(line, by_s * 10**9) for line in untimed))
    over = ("calibration.window_s=10", "strategy.adj1=0.01")

    result = replayed(path, over=over)

    assert sum(untimed[i] != lines[i] for i in range(len(lines))) == 1
    assert result.submits > 10
    assert (result.clock_shift_ms > 0) is (by_s < 0)


@pytest.mark.parametrize(
    ("name", "most"), [("_STRETCH_BYTES", 1 << 14), ("_ROWS", 50), ("_STRETCHES_AHEAD", 1)]
)
def test_a_stretch_of_any_length_gives_the_same_fills(
    name: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Constant memory: most of the recording is forgotten before the rest is read."""
    whole = replayed(USDM)
    monkeypatch.setattr(recorded_events, name, most)

    assert replayed(USDM).fills.tolist() == whole.fills.tolist()


def test_a_message_received_early_far_into_the_file_shifts_all_of_it(tmp_path: Path) -> None:
    """A recorder that was 0.2 ms behind: what it had played by then is played anew."""
    late_by_ns = 1_272_000_000  # the recording's own clock was 1,272.2 ms behind
    path = tmp_path / "nearly.dat"
    lines = gzip.decompress(USDM.read_bytes()).splitlines()
    path.write_bytes(b"".join(moved(line, late_by_ns) for line in lines))
    progress: list[tuple[int, int]] = []
    config = load_config(TUTORIAL, [])
    result = TutorialReplay(config, [path], lambda *told: progress.append(told)).run()

    asked = replayed(USDM)
    columns = [FILL_EXCH, FILL_SIDE, FILL_PRICE, FILL_STEP]
    assert result.fills[:, columns].tolist() == asked.fills[:, columns].tolist() != []
    assert 0.0 < result.clock_shift_ms < 0.2
    assert progress[-1][0] == progress[-1][1] > 2 * path.stat().st_size


def test_fills_beyond_the_room_that_was_made_lose_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole recording in memory fills more often than anybody guessed."""
    touch = RUNS["usdm_touch_log"]
    whole = replayed(USDM, over=touch)
    monkeypatch.setattr(peer_run, "_FILLS", MOST_ORDERS)
    monkeypatch.setattr(peer_run, "_TRACED", 1)

    result = replayed(USDM, over=touch)

    assert len(whole.fills) > MOST_ORDERS
    assert result.fills.tolist() == whole.fills.tolist()
    np.testing.assert_array_equal(result.trace, whole.trace)


def test_two_files_of_one_session_play_as_one(tmp_path: Path) -> None:
    """Whatever the order in which they are given."""
    lines = gzip.decompress(USDM.read_bytes()).splitlines(keepends=True)[:60_000]
    whole, first, second = (tmp_path / name for name in ("whole.dat", "a.dat", "b.dat"))
    whole.write_bytes(b"".join(lines))
    first.write_bytes(b"".join(lines[:30_000]))
    second.write_bytes(b"".join(lines[30_000:]))

    assert replayed(second, first).fills.tolist() == replayed(whole).fills.tolist() != []


def test_what_was_whole_before_a_tear_is_played(tmp_path: Path) -> None:
    """A recorder that was killed in the middle of a line has lost that line alone."""
    raw = gzip.decompress(USDM.read_bytes())[:9_000_000]
    torn, whole = tmp_path / "torn.dat", tmp_path / "whole.dat"
    torn.write_bytes(raw)
    whole.write_bytes(raw[: raw.rindex(b"\n") + 1])

    result = replayed(torn)

    assert result.fills.tolist() == replayed(whole).fills.tolist()
    assert [tear.split(": ")[1][:12] for tear in result.tears] == ["nothing from"]


SPELT = ("line-ends", "json-spelt-otherwise", "trade-and-aggtrade")
SPELT_OTHERWISE = sorted(
    path
    for folder in SPELT
    for path in (INPUTS / folder).glob("*.gz")
    if path.stem != "every-print-twice"  # the peer looks at no id
)


@pytest.mark.parametrize("path", SPELT_OTHERWISE, ids=lambda path: path.stem)
def test_what_says_the_same_gives_the_same_fills(path: Path) -> None:
    """Line ends, white space, other keys first, aggregates beside the prints."""
    over = ("calibration.window_s=10", "strategy.adj1=0.01")
    base = replayed(BASE, over=over).fills.tolist()

    assert replayed(path, over=over).fills.tolist() == base != []


def test_a_recording_that_is_torn_before_its_first_message_says_so(tmp_path: Path) -> None:
    torn = tmp_path / "killed.gz"
    torn.write_bytes(BASE.read_bytes()[:60])

    with pytest.raises(RecordingError, match="is TORN: nothing from line 1 on"):
        replayed(torn)


def test_a_recorder_that_started_over_its_own_file_leaves_what_it_wrote() -> None:
    """The tail of the file that was there before is damage, behind lines that are whole."""
    torn = INPUTS / "gzip-overwritten" / "restarted-and-killed.gz"

    result = replayed(torn)

    assert (result.lines, len(result.tears)) == (350, 1)
    assert "nothing from line 351 on, the gzip data is damaged" in result.tears[0]


def trade_line(at_ms: int, exch_ms: int) -> bytes:
    message = {"e": "trade", "E": exch_ms, "T": exch_ms, "s": "BTCUSDT", "t": 1, "p": "1.0"}
    return b"%d " % (at_ms * 10**6) + orjson.dumps({**message, "q": "1.000", "m": True}) + b"\n"


def test_a_line_that_is_no_message_is_named(tmp_path: Path) -> None:
    path = tmp_path / "garbled.dat"
    path.write_bytes(trade_line(1_723_161_255_000, 1_723_161_255_000) + b"nonsense\n" * 2)

    with pytest.raises(RecordingGarbled, match="line 2"):
        replayed(path)


def test_a_receive_time_that_is_no_time_is_named(tmp_path: Path) -> None:
    """Nineteen digits say ns; these say the year 2286 and more than an int64."""
    path = tmp_path / "huge.dat"
    line = trade_line(1_723_161_255_000, 1_723_161_255_000)
    path.write_bytes(line + b"9" * 19 + b" " + line.split(b" ", 1)[1])

    with pytest.raises(RecordingGarbled, match="line 2: a number does not fit 64 bits"):
        replayed(path)


def test_a_symbol_that_is_not_ascii_is_a_symbol(tmp_path: Path) -> None:
    """The venue lists some; its frames spell them in UTF-8 or escaped."""
    path = tmp_path / "chinese.dat"
    line = trade_line(1_723_161_255_000, 1_723_161_255_000)
    spelt = ("币安人生USDT", json.dumps("币安人生USDT")[1:-1])
    path.write_bytes(b"".join(line.replace(b"BTCUSDT", name.encode()) for name in spelt))

    assert replayed(path, over=("desk.symbol=币安人生USDT",)).events == 2


def test_a_recording_of_another_symbol_is_refused(tmp_path: Path) -> None:
    """With what it holds instead."""
    with pytest.raises(RecordingError, match=r"holds BTCUSDT, but desk\.symbol is ETHUSDT"):
        replayed(USDM, over=("desk.symbol=ETHUSDT",))


def test_only_a_replay_takes_the_tutorial() -> None:
    """It has none of the desk's safety rules."""
    config = load_config(TUTORIAL)

    with pytest.raises(ConfigError, match="only engine replay runs it"):
        config.desk_settings()


def test_the_tutorial_is_filled_by_hftbacktests_rules_alone() -> None:
    with pytest.raises(ConfigError, match=r"replay\.fills: must be \"hftbacktest\""):
        load_config(TUTORIAL, ["replay.fills=desk"]).desk_settings(replay=True)


def test_the_command_prints_and_writes_what_came_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As JSON, and each fill as a line."""
    fills = tmp_path / "fills.csv"
    arguments = ("replay", str(USDM), "--config", str(TUTORIAL))

    assert engine_command(*arguments, "--json", "--fills", str(fills)) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (told["fills"], told["submits"], told["cancels"]) == (667, 2011, 1263)
    with fills.open() as file:
        assert len(list(csv.DictReader(file))) == 667

    assert engine_command(*arguments) == 0
    assert "667 of 2011 orders" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("left_out", "window_s", "said"),
    [
        (b"nothing", 60, "the first fit comes after 60.1 s, 20.0 s are recorded"),
        (b'"trade"', 10, "no print of the last 10 s went two ticks"),
        (b'"depthUpdate"', 10, "a side of the book is empty"),
    ],
)
def test_a_tutorial_that_never_quoted_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], left_out: bytes, window_s: int, said: str
) -> None:
    path = tmp_path / "quiet.dat"
    lines = gzip.decompress(BASE.read_bytes()).splitlines(keepends=True)
    kept = (line for line in lines if left_out not in line and b"lastUpdateId" not in line)
    path.write_bytes(b"".join(kept))
    config = load_config(TUTORIAL, [f"calibration.window_s={window_s}"])
    result = TutorialReplay(config, [path], lambda _done, _total: None).run()

    print_report(result, config)

    assert said in capsys.readouterr().out
    assert said in as_dict(result, config)["never_quoted"]


def test_the_strategy_does_not_act_once_nothing_is_left(tmp_path: Path) -> None:
    """The peer's loop ends with its last event, on a step's own time too."""
    path = tmp_path / "second.dat"
    start = 1_723_161_255_000
    path.write_bytes(b"".join(trade_line(start + ms, start + ms) for ms in (0, 1000)))

    steps = replayed(path, over=("calibration.recalibrate_s=0.1",)).trace

    assert (steps[:, 1] / 1e6 - start).round().tolist() == [100.0 * step for step in range(1, 10)]


def test_prices_far_out_of_reach_stay_apart(tmp_path: Path) -> None:
    """A fit of next to no slope: as many orders as hftbacktest sends, none of them twice."""
    lines = gzip.decompress(USDM.read_bytes()).splitlines(keepends=True)
    path = tmp_path / "flat.dat"
    path.write_bytes(b"".join(lines[6699:21099]))
    over = (
        "replay.queue=log2",
        "replay.order_latency_ms=0",
        "replay.response_latency_ms=0",
        "strategy.adj1=0.005",
        "strategy.adj2=0.05",
        "strategy.gamma=0.2",
        "strategy.grid_num=5",
        "calibration.window_s=5",
    )
    result = replayed(path, over=over)

    assert (len(result.fills), result.submits, result.cancels) == (180, 382, 192)


def test_prices_that_fit_no_integer_are_one_order() -> None:
    """A bid and an ask among them are one too. Counted by hftbacktest."""
    result = replayed(COINM, over=(*INVERSE, "strategy.adj1=1e6"))

    assert (result.submits, result.cancels) == (442, 434)


def test_orders_that_the_exchange_refuses_for_ever_end_with_the_replay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last diffs happen in one order and arrive in another: the two books end apart.

    Ours shows bids again that a low ask at the exchange has hidden; quotes there would take, and
    of two groups that are sent half a second apart one is always under way.
    """
    lines = gzip.decompress(BASE.read_bytes()).splitlines(keepends=True)
    last = next(line for line in reversed(lines) if b"depthUpdate" in line)
    stamp, message = int(last.split(b" ", 1)[0]), orjson.loads(last.split(b" ", 1)[1])
    at = message["data"]["E"]

    def diff(received: int, happened: int, bids: list[list[str]], asks: list[list[str]]) -> bytes:
        data = message["data"] | {"E": at + happened, "T": at + happened, "b": bids, "a": asks}
        return b"%d %b\n" % (stamp + received * 10**6, orjson.dumps({"data": data}))

    def bids_up_to(ticks: int) -> list[list[str]]:
        return [[f"{price / 10:.1f}", "5"] for price in range(ticks - 200, ticks + 1)]

    lines += [
        diff(400, 430, [], [["61700.00", "5"]]),
        diff(401, 410, [], [["61700.00", "0"]]),
        diff(402, 420, bids_up_to(618_050), []),
        diff(902, 425, bids_up_to(618_060), []),
    ]
    path = tmp_path / "apart.dat"
    path.write_bytes(b"".join(lines))
    over = (
        "calibration.window_s=10",
        "replay.order_latency_ms=700",
        "replay.response_latency_ms=300",
        "strategy.adj1=0.005",
        "strategy.adj2=0.001",
        "strategy.grid_num=20",
    )
    result = replayed(path, over=over)
    print_report(result, load_config(TUTORIAL, list(over)))

    assert result.endless
    assert not replayed(BASE, over=over).endless
    assert "ended     100 s after the last message" in capsys.readouterr().out


def test_an_order_that_is_long_on_its_way_is_waited_for() -> None:
    """It ends of itself, later than the tail of a recording whose orders never end."""
    over = ("calibration.window_s=10", "replay.order_latency_ms=150000")
    result = replayed(BASE, over=over)

    assert result.submits > 0
    assert not result.endless


def test_what_it_never_looks_at_does_not_refuse_it() -> None:
    """The desk's own bounds on the model's table, and its sampled sigma."""
    over = ("calibration.window_s=1", "strategy.delta=0.000001")

    assert replayed(BASE, over=over).lines > 0


def test_money_that_cannot_be_counted_is_not_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An inverse contract pays in coins; a book that ends on one side has no mid."""
    config = load_config(TUTORIAL, list(INVERSE))
    of_coins = TutorialReplay(config, [COINM], lambda _done, _total: None).run()
    print_report(of_coins, config)
    emptied = tmp_path / "emptied.dat"
    lines = gzip.decompress(BASE.read_bytes()).splitlines(keepends=True)
    stamp, venue_ms = lines[-1].split(b" ", 1)[0], orjson.loads(lines[-1].split(b" ", 1)[1])
    at = venue_ms["data"]["E"]
    gone = {"lastUpdateId": 1, "E": at, "T": at, "bids": [["0.1", "0"]], "asks": [["1.0", "1"]]}
    emptied.write_bytes(b"".join(lines) + b"%b %b\n" % (stamp, orjson.dumps(gone)))
    over = ("calibration.window_s=10", "strategy.adj1=0.01")
    print_report(replayed(emptied, over=over), load_config(TUTORIAL, list(over)))

    said = capsys.readouterr().out
    assert of_coins.submits > 0
    assert "equity    not counted: BTCUSD_PERP is an inverse or dated contract" in said
    assert "USDT; the book ends without a mid" in said
