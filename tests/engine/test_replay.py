"""Replay on real bytes: fills, money that adds up, the same twice, and clear errors when not."""

import csv
import gzip
import itertools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zstandard

from engine.cli import app, guarded
from engine.config.desk import load_config
from engine.core.inputs import FILL_EXCH_NS, OF_QTY_LOTS, OF_SIDE
from engine.core.ledger import Ledger
from engine.replay.driver import Replay
from tests.places import THIN, USDM

STUDY = Path(__file__).parents[2] / "configs" / "study.toml"
NEAR = (
    *("--set", "calibration.window_s=10"),
    *("--set", "strategy.adj1=0.2"),
    *("--set", "strategy.adj2=0.2"),
)


@pytest.fixture(scope="module")
def minute(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first 16,000 messages of the real recording: about a minute."""
    path = tmp_path_factory.mktemp("recording") / "minute.dat"
    with gzip.open(USDM) as lines:
        path.write_bytes(b"".join(itertools.islice(lines, 16_000)))
    return path


def replay(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    """Exit code and what was printed on either stream."""
    code = guarded(lambda **_: app(["replay", *map(str, arguments)], standalone_mode=False))
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def ticker_of(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Every best bid and offer of a recording: the venue's time in ns, and the mid in USDT."""
    rows = []
    with gzip.open(path) as lines:
        for line in lines:
            word = json.loads(line.split(b" ", 1)[1]).get("data", {})
            if word.get("e") == "bookTicker":
                rows.append((word["T"] * 1_000_000, (float(word["b"]) + float(word["a"])) / 2))
    rows.sort(key=lambda row: row[0])
    times_ns, mids = zip(*rows, strict=True)
    return np.array(times_ns), np.array(mids)


def test_a_desk_near_the_touch_is_filled_and_its_money_adds_up(
    minute: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Total, position and the file of fills agree."""
    fills_path = tmp_path / "fills.csv"

    code, out, _ = replay(capsys, minute, *NEAR, "--json", "--fills", fills_path)

    result = json.loads(out)
    with fills_path.open(encoding="ascii") as stream:
        rows = list(csv.DictReader(stream))
    signed = [float(row["qty"]) * (1 if row["side"] == "B" else -1) for row in rows]
    money = result["pnl_usdt"]
    assert code == 0
    assert len(rows) == result["fills"] > 10
    assert list(rows[0]) == ["exch_ns", "side", "price", "qty", "maker"]
    assert sum(signed) == pytest.approx(float(result["position"]), abs=1e-9)
    assert money["total"] == pytest.approx(
        money["spread"] + money["inventory"] + money["fees"] + money["funding"], abs=1e-9
    )


def test_statistics_say_what_the_money_says(
    minute: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two ways to each figure: counted by the desk as it went, and from the file of fills."""
    fills_path = tmp_path / "fills.csv"

    _, out, _ = replay(capsys, minute, *NEAR, "--json", "--fills", fills_path)

    result = json.loads(out, parse_constant=pytest.fail)
    found, maker = result["statistics"], result["statistics"]["maker"]
    with fills_path.open(encoding="ascii") as stream:
        bought = [float(row["qty"]) for row in csv.DictReader(stream)]
    new = found["hftbacktest_2"]
    assert maker["fill_ratio"] == pytest.approx(sum(bought) / (0.003 * result["orders_placed"]))
    assert maker["orders_per_fill"] == pytest.approx(result["orders_placed"] / len(bought))
    assert maker["post_only_refused"] == pytest.approx(
        result["refusals"].get("-5022", 0) / result["orders_placed"]
    )
    # A fill in the last moments comes after the last record.
    assert new["volume_per_day"] / new["trades_per_day"] == pytest.approx(np.mean(bought), rel=0.01)
    assert new["return_over_trade_bps"] == pytest.approx(
        result["pnl_usdt"]["total"] / result["volume_usdt"] * 1e4, rel=0.1
    )
    for split in found["markouts"].values():
        assert split["n"] + split["left_out"] <= len(bought)
        assert split["effective_bps"] == pytest.approx(split["realised_bps"] + split["adverse_bps"])
    quoting_s = min(side["quoting"] for side in result["reasons_s"].values())
    assert 0.1 < maker["uptime"] <= quoting_s / result["span_s"]
    assert found["capital_usdt"] == 5000.0
    assert found["audit"]["holds"]
    assert found["audit"]["ledger_usdt"] == result["pnl_usdt"]["total"]


def test_markouts_agree_with_the_recording_s_own_ticker(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Read apart from the desk: the best prices in the raw lines, by the venue's own clock.

    The desk's clock runs some milliseconds behind it, which is worth a tick or two.
    """
    fills_path = tmp_path / "fills.csv"
    _, out, _ = replay(capsys, USDM, "--json", "--fills", fills_path)
    times_ns, mids = ticker_of(USDM)
    with fills_path.open(encoding="ascii") as stream:
        fills = [
            (
                int(row["exch_ns"]),
                1 if row["side"] == "B" else -1,
                *map(float, list(row.values())[2:4]),
            )
            for row in csv.DictReader(stream)
        ]

    found = json.loads(out)["statistics"]["markouts"]

    for horizon_s in (1, 5, 30):
        later = [(ns + horizon_s * 10**9, *rest) for ns, *rest in fills]
        kept = [row for row in later if row[0] <= times_ns[-1]]
        at = np.searchsorted(times_ns, [row[0] for row in kept], side="right") - 1
        _, side, price, qty = np.array(kept).T
        realised = np.average(side * (mids[at] - price), weights=qty)
        assert found[f"{horizon_s}_s"]["realised_ticks"] == pytest.approx(10 * realised, abs=2.0)


def test_the_run_ends_with_both_slides_under_their_own_names(
    minute: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A minute is no two 5-minute samples, so one of the two has no Sharpe ratio to show."""
    _, out, _ = replay(capsys, minute, *NEAR)

    lines = out.splitlines()
    assert max(map(len, lines)) <= 100
    assert "Stat.summary, 5 min  metrics, 10 s, 365 days" in out
    sharpe = next(line for line in lines if line.startswith(" Sharpe"))
    assert "does NOT add up" not in out
    assert sharpe.count("undefined") == 1
    assert "both sides within 5 bp of the mid" in out


def test_a_desk_too_far_out_to_be_filled_gets_one_sentence(
    minute: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A page of undefined would say less."""
    _, out, _ = replay(capsys, minute, *NEAR, "--set", "strategy.adj1=100")

    assert "no fill, hence no statistics; both sides within 5 bp of the mid: 0.0% of" in out
    assert "Sharpe" not in out


def test_fills_lie_within_what_the_recording_traded(
    minute: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A fill at a price that the market never came near would be a present, not a fill."""
    fills_path = tmp_path / "fills.csv"
    replay(capsys, minute, *NEAR, "--fills", fills_path)
    lines = (json.loads(line.split(b" ", 1)[1]) for line in minute.read_bytes().splitlines())
    traded = [float(m["data"]["p"]) for m in lines if m.get("data", {}).get("e") == "trade"]

    with fills_path.open(encoding="ascii") as stream:
        filled = [float(row["price"]) for row in csv.DictReader(stream)]

    assert min(traded) <= min(filled)
    assert max(filled) <= max(traded)


def test_twice_gives_the_same_bytes(
    minute: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing in a replay depends on when or where it runs."""
    first, second = (
        (replay(capsys, minute, *NEAR, "--json", "--fills", path)[1], path.read_bytes())
        for path in (tmp_path / "a.csv", tmp_path / "b.csv")
    )

    assert first == second


def test_the_whole_recording_plays(capsys: pytest.CaptureFixture[str]) -> None:
    """345 s of the real market, with the paper desk's own parameters."""
    code, out, _ = replay(capsys, USDM)

    assert code == 0
    assert "BTCUSDT with paper.toml: 93954 lines, 344.8 s" in out
    assert "receive times moved by +1277.2 ms" in out
    assert "BUY " in out
    assert "SELL" in out


def test_the_study_s_window_is_too_long_for_a_short_recording_and_it_says_so(
    minute: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A strategy that never quoted without a warning is the classic waste of an evening."""
    code, out, _ = replay(capsys, minute, "--config", STUDY)

    assert code == 0
    assert "nothing was quoted" in out
    assert "s of the 600 s window seen" in out
    assert "--set calibration.window_s=" in out


def test_a_spot_recording_plays_with_its_own_symbol_and_grid(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Microsecond stamps, no venue time on depth, ids that count by one: it must still chain."""
    code, out, _ = replay(
        capsys,
        THIN,
        *("--set", "desk.symbol=NEXOUSDT"),
        *("--set", "instrument.tick_size=0.001", "--set", "instrument.lot_size=0.01"),
        *("--set", "strategy.order_qty=10.00", "--set", "strategy.max_position=100.00"),
        *("--set", "paper.start_price=1.000", "--json"),
    )

    result = json.loads(out)
    assert code == 0
    assert result["lines"] == 1804
    assert result["orders_placed"] > 0


@pytest.mark.parametrize(
    ("path", "extra", "message"),
    [
        (THIN, (), "holds NEXOUSDT, but desk.symbol is BTCUSDT"),
        (
            USDM,
            ("--set", "instrument.tick_size=0.5"),
            "line 1: '58710.20' is not a decimal on the grid of BTCUSDT (tick size 0.5",
        ),
        (Path("none.gz"), (), "none.gz: no such file"),
        (Path("/dev/null"), (), "/dev/null: is no regular file; save a stream to one first"),
        (THIN, ("--fills", THIN), "is to be replayed; give --fills another name"),
        (THIN, ("--fills", "/nowhere/out.csv"), "/nowhere/out.csv: cannot be written: No such"),
        (THIN, ("--set", "replay.queue=logg"), "engine: --set: replay.queue: invalid enum value"),
        (
            THIN,
            ("--set", "strategy.order_qty=-1"),
            '--set: strategy.order_qty: must be a decimal such as "0.003", with at most 12',
        ),
        (Path(__file__), (), "test_replay.py, line 1:"),
    ],
)
def test_a_recording_that_does_not_fit_gets_one_line(
    path: Path, extra: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It names the file, what is wrong and what would mend it."""
    code, out, err = replay(capsys, path, *extra)

    assert code == 1
    assert out == ""
    assert message in err
    assert err.count("\n") == 1


def test_a_torn_recording_plays_up_to_its_tear_and_says_so(
    minute: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """kill -9 on a recorder loses its last second and nothing before it."""
    torn = tmp_path / "torn.dat.gz"
    torn.write_bytes(gzip.compress(minute.read_bytes())[:-50_000])

    code, out, _ = replay(capsys, torn, *NEAR)

    assert code == 0
    assert "TORN" in out
    assert "fills " in out


def test_a_recording_without_a_snapshot_grows_its_book_and_says_so(
    minute: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only the first file of a session holds one; every later day must play alone."""
    without = without_snapshots(minute, tmp_path)

    code, out, _ = replay(capsys, without, *NEAR)
    result = json.loads(replay(capsys, without, *NEAR, "--json")[1])

    assert code == 0
    assert (
        "no snapshot: book grown from diffs, trusted after 10.0 s; depth not seen yet is unknown"
    ) in out
    assert result["books_grown_s"] == [pytest.approx(10.0, abs=0.1)]
    assert 9 < result["reasons_s"]["bid"]["no book"] < 11
    assert result["fills"] > 10
    assert result["statistics"]["audit"]["holds"]


def test_a_gap_without_a_snapshot_after_it_is_grown_over(
    minute: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One diff lost at the 20th second once meant no book to the end of the day."""
    torn = tmp_path / "torn.dat"
    lines = minute.read_bytes().splitlines(keepends=True)
    diffs = [number for number, line in enumerate(lines) if b"@depth@" in line]
    del lines[diffs[400]]
    torn.write_bytes(b"".join(lines))

    result = json.loads(replay(capsys, torn, *NEAR, "--json")[1])

    assert result["books_grown_s"] == [pytest.approx(10.0, abs=0.1)]
    assert 9 < result["reasons_s"]["bid"]["no book"] < 11


def without_snapshots(recording: Path, folder: Path) -> Path:
    lines = recording.read_bytes().splitlines(keepends=True)
    bare = folder / "without.dat"
    bare.write_bytes(b"".join(line for line in lines if b'{"lastUpdateId"' not in line))
    return bare


def test_files_in_the_wrong_order_play_in_order_of_time_and_it_says_so(
    minute: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They continue one another; given backwards the session once lasted -0.0 s."""
    lines = minute.read_bytes().splitlines(keepends=True)
    first, second = tmp_path / "zulu.dat", tmp_path / "alpha.dat"
    first.write_bytes(b"".join(lines[:9_000]))
    second.write_bytes(b"".join(lines[9_000:]))

    right = json.loads(replay(capsys, first, second, *NEAR, "--json")[1])
    wrong = json.loads(replay(capsys, second, first, *NEAR, "--json")[1])
    _, out, _ = replay(capsys, second, first, *NEAR)

    assert wrong == right
    assert right["span_s"] > 60
    assert f"files put in order of time: {first}, {second}\n" in out


def test_two_files_of_one_session_play_as_one(
    minute: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A session is recorded in one file a day."""
    lines = minute.read_bytes().splitlines(keepends=True)
    parts = [tmp_path / "day1.dat", tmp_path / "day2.dat"]
    parts[0].write_bytes(b"".join(lines[:9_000]))
    parts[1].write_bytes(b"".join(lines[9_000:]))

    whole, halves = (
        json.loads(replay(capsys, *files, *NEAR, "--json")[1]) for files in ([minute], parts)
    )

    assert {**halves, "files": []} == {**whole, "files": []}


def test_one_file_given_twice_is_refused(
    minute: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By whatever name: time would begin anew in the middle of a session."""
    again = tmp_path / "again.dat"
    again.symlink_to(minute)

    code, out, err = replay(capsys, minute, again)

    assert (code, out) == (1, "")
    assert "again.dat: is given twice" in err


def test_the_replayed_wallet_is_explained_to_the_last_unit(minute: Path) -> None:
    """Realised profit and fees are all that ever move it."""
    config = load_config(STUDY.with_name("paper.toml"), ["calibration.window_s=10"])

    money = Replay(config, [minute], lambda _done, _total: None).run().view.money

    assert money.fills > 10
    assert money.residual_usdt == pytest.approx(0.0, abs=1e-6)


def venue_ms(line: bytes) -> int:
    """When a line was received, by the venue's clock: the recorder's was 1,272 ms behind."""
    return int(line.split(b" ", 1)[0]) // 10**6 + 1272


@pytest.mark.parametrize("silent_ms", [0, 3000])
def test_funding_is_paid_at_the_recorded_mark(minute: Path, tmp_path: Path, silent_ms: int) -> None:
    """On what is held at its time, once: marks go on naming a time that has just passed.

    The desk hears of it in its turn, also where the market is silent just then, books it, and
    the wallet is still explained.
    """
    lines = minute.read_bytes().splitlines(keepends=True)
    half = len(lines) // 2
    due_ms = venue_ms(lines[half])
    mark: dict[str, Any] = {"e": "markPriceUpdate", "s": "BTCUSDT", "p": "61800.50000000"}
    mark |= {"i": "61800.00000000", "P": "61800.00000000", "r": "0.01000000", "T": due_ms}
    marked = tmp_path / "marked.dat"
    for at in (half + 4000, half + 2000, half - 2000):
        data = mark | {"E": venue_ms(lines[at])}
        frame = json.dumps({"stream": "btcusdt@markPrice", "data": data}, separators=(",", ":"))
        lines.insert(at, lines[at].split(b" ", 1)[0] + f" {frame}\n".encode())
    told = [line for line in lines if not due_ms - 50 < venue_ms(line) < due_ms + silent_ms]
    marked.write_bytes(b"".join(told if silent_ms else lines))
    config = load_config(STUDY.with_name("paper.toml"), ["calibration.window_s=10"])

    result = Replay(config, [marked], lambda _done, _total: None).run()

    before = result.fills[result.fills[:, FILL_EXCH_NS] < due_ms * 10**6]
    held_lots = int((before[:, OF_SIDE] * before[:, OF_QTY_LOTS]).sum())
    assert held_lots != 0
    expected_usdt = -held_lots * 0.001 * 61_800.5 * 0.01
    assert result.view.money.funding_usdt == pytest.approx(expected_usdt, abs=1e-7)
    assert result.view.money.residual_usdt == pytest.approx(0.0, abs=1e-6)
    assert result.unfunded == 0


def test_a_ledger_that_counts_wrongly_shows_in_a_replay(
    minute: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A venue that keeps its wallet by the desk's own ledger would agree with any mistake."""
    monkeypatch.setattr(Ledger, "realised_e8", property(lambda _ledger: 0))
    config = load_config(STUDY.with_name("paper.toml"), ["calibration.window_s=10"])

    money = Replay(config, [minute], lambda _done, _total: None).run().view.money

    assert money.fills > 10
    assert money.residual_usdt is not None
    assert abs(money.residual_usdt) > 1e-3


def test_fills_that_cannot_be_written_leave_the_report_and_what_stood_there(
    minute: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A full disk after a long run: the report is printed, and no half file takes the place."""
    code, out, err = replay(capsys, minute, *NEAR, "--fills", "/dev/full")

    assert code == 1
    assert "fills" in out
    assert "/dev/full: cannot be written: No space left on device" in err

    kept = tmp_path / "kept.csv"
    kept.write_text("older\n")
    code, _, _ = replay(capsys, tmp_path / "none.gz", "--fills", kept)
    assert (code, kept.read_text(), list(tmp_path.glob("*.part"))) == (1, "older\n", [])


# ------------------------------------------------------------ checkpoints


def test_a_replay_is_the_one_that_it_dumps_and_not_another(
    minute: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every number of the desk's memory, each ten seconds; another gamma shows in its grid."""
    dump = tmp_path / "desk.checkpoints"
    replay(capsys, minute, *NEAR, "--dump", dump, "--dump-every", "10")

    same, _, said = replay(capsys, minute, *NEAR, "--compare", dump)
    other, _, told = replay(capsys, minute, *NEAR, "--compare", dump, "--set", "strategy.gamma=0.9")

    assert (same, other) == (0, 1)
    assert re.search(r"all [67] checkpoints of .*desk.checkpoints are equal", said)
    assert re.search(r"differs from .* at 2024-08-0\d .* UTC: GRID_INTERVAL is \d+, not \d+", told)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda whole: b"no dump at all", "is no file of checkpoints"),
        (lambda whole: b"", "is no file of checkpoints"),
        (lambda whole: zstandard.compress(b"\xff" * 2_000), "is no file of checkpoints"),
        (lambda whole: whole[: len(whole) // 2], "ends in the middle of a checkpoint"),
    ],
    ids=["another file", "empty", "another zst", "torn"],
)
def test_what_is_no_dump_is_refused_by_name(
    spoil: Callable[[bytes], bytes],
    said: str,
    minute: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A torn one would pass for a shorter one that is equal."""
    dump = tmp_path / "desk.checkpoints"
    replay(capsys, minute, *NEAR, "--dump", dump, "--dump-every", "10")
    dump.write_bytes(spoil(dump.read_bytes()))

    code, _, err = replay(capsys, minute, *NEAR, "--compare", dump)

    assert code == 1
    assert f"{dump}: {said}" in err


def test_a_dump_takes_no_recording_s_place(
    minute: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = replay(capsys, minute, "--dump", minute)

    assert (code, "is to be replayed; give --dump another name" in err) == (1, True)


def test_the_tutorial_has_no_desk_to_dump(
    minute: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tutorial = STUDY.with_name("tutorial.toml")

    code, _, err = replay(capsys, minute, "--config", tutorial, "--dump", tmp_path / "x")

    assert code == 1
    assert "of the desk's own strategy only" in err
    assert not (tmp_path / "x").exists()
