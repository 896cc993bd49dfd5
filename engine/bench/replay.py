"""Benchmark of the replay: raw text to report, and the loop alone, beside hftbacktest.

Both programs play the same file with the same strategy, its public GLFT grid, in turn, round after
round; of each figure the best round counts. What is measured of hftbacktest is in its favour: of
its two books the faster, and of its way from text to result only conversion and loop, without the
start of its process and its compiling. Ours is the whole process, from start to report. Nothing
counts unless every fill of the one is a fill of the other.

Beside the tutorial, which decides every 100 ms, the desk's own strategy is played, which decides
whenever the touch or an order of ours changes: the whole process too, with the shipped settings and
so much capital that no loss ends its day.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from engine.bench.text_rate import RecordedText
from engine.config.desk import Config
from engine.config.shipped_files import DEFAULT_CONFIG
from engine.core.settings import STEP_NS
from engine.errors import ConfigError, StartError
from engine.process.warm_up import compile_first, warm_up
from engine.replay.peer_loop import FILL_EXCH, FILL_PRICE, FILL_SIDE
from engine.replay.recorded_files import check_recording
from engine.replay.tutorial_replay import TutorialReplay
from exchange.jit import IntArray
from exchange.recording.reader import GZIP_MAGIC, Recording

_PEER = Path(__file__).with_name("peer_process.py")
_NS_PER_MS = 1_000_000
_PEER_VERSION = "2.4.4"
_BOOKS = ("hash", "roi")
_TIMES = 2  # in a round either program plays from memory so often: the first finds it cold
_LOOK_S = 0.005
_SHORT_S = 1000.0
"""Of a recording longer than this, the start of a process is no matter."""
_DESK_RATIO, _DESK_SHORT_S = 2.0, 1.5
"""What the desk's own strategy may take: so many times the tutorial's process, or of a short
recording so many seconds."""
_DESK_SETTINGS = ("desk.capital_usdt=100000000",)


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing measured."""

    name: str
    ours: float
    peer: float | None
    """None where hftbacktest is not installed, or has nothing of the kind."""
    unit: str
    least_ratio: float | None = None
    """How many times as fast it is promised to be."""
    most: float | None = None
    """What ours must not be above."""
    least: float | None = None
    """What ours must not be below."""

    @property
    def ratio(self) -> float | None:
        """How many times as fast ours is."""
        return None if self.peer is None else self.peer / self.ours

    @property
    def holds(self) -> bool | None:
        """None where there is no promise, or nobody to compare with."""
        if self.most is not None:
            return self.ours <= self.most
        if self.least is not None:
            return self.ours >= self.least
        if self.least_ratio is None or self.ratio is None:
            return None
        return self.ratio >= self.least_ratio


@dataclass(slots=True)
class _Ours:
    walk_s: float = float("inf")
    tutorial_s: float = float("inf")
    report_s: float = float("inf")
    desk_s: float = float("inf")
    peak_mb: float = 0.0
    span_s: float = 0.0
    text_mb_s: float = 0.0


@dataclass(slots=True)
class _Peer:
    convert_s: float = float("inf")
    walk_s: float = float("inf")
    tutorial_s: float = float("inf")
    peak_mb: float = 0.0


def measure(
    config: Config,
    overrides: list[str],
    file: Path,
    peer_python: str,
    rounds: int,
    tell: Callable[[str], None],
) -> tuple[list[Figure], int | None]:
    """Play the file with both programs, in turn.

    Args:
        config: Of the tutorial.
        overrides: The texts that were set over its file.
        peer_python: An interpreter that has hftbacktest.
        tell: Called with what is being done.

    Returns:
        The figures, and how many fills both have; None where hftbacktest is not installed.

    Raises:
        ConfigError: When the config is not the tutorial's.
        StartError: When hftbacktest fails, or its fills or requests are not ours.
        RecordingError, RecordingGarbled: As the replay.
    """
    if config.strategy.name != "tutorial":
        raise ConfigError(config.source, "strategy.name", 'must be "tutorial" to be compared')
    check_recording(file)
    ours, peer = _Ours(), _Peer() if _has_peer(peer_python) else None
    if peer is not None and not _is_gzip(file):
        raise StartError(f"{file}: hftbacktest converts nothing but gzip; compress it first")
    warm_up("tutorial")
    compile_first("desk replay")
    text = RecordedText(Recording(file), config.grid())
    text.rate_mb_s()  # compiles
    with tempfile.TemporaryDirectory(prefix="makers-desk-bench-") as folder:
        events = Path(folder) / "events.npz"
        for number in range(1, rounds + 1):
            tell(f"round {number} of {rounds}: ours, in memory")
            _play_ours(ours, config, file)
            ours.text_mb_s = max(ours.text_mb_s, text.rate_mb_s())
            tell(f"round {number} of {rounds}: ours, raw to report")
            _report(ours, config, overrides, file)
            tell(f"round {number} of {rounds}: the desk's own strategy, raw to report")
            _report_desk(ours, config, file)
            if peer is None:
                continue
            tell(f"round {number} of {rounds}: hftbacktest's conversion")
            convert_s, peak_mb = convert(config, file, peer_python, events)
            peer.convert_s = min(peer.convert_s, convert_s)
            peer.peak_mb = max(peer.peak_mb, peak_mb)
            for book in _BOOKS:
                tell(f"round {number} of {rounds}: hftbacktest, book {book}")
                arguments = ["replay", str(events), book, str(_TIMES)]
                told, peak_mb = _run_peer(peer_python, arguments, _peer_settings(config))
                peer.walk_s = min(peer.walk_s, told["walk_s"])
                peer.tutorial_s = min(peer.tutorial_s, told["tutorial_s"])
                peer.peak_mb = max(peer.peak_mb, peak_mb)
        tell("the fills of both")
        filled = None if peer is None else equal_fills(config, file, peer_python, events)
    return list(_figures(ours, peer)), filled


def _has_peer(python: str) -> bool:
    """Does an interpreter have hftbacktest?

    Raises:
        StartError: When it is no interpreter, or has another version.
    """
    say = "import hftbacktest; print(hftbacktest.__version__)"
    try:
        told = subprocess.run([python, "-c", say], capture_output=True, text=True, check=False)
    except OSError as error:
        raise StartError(f"--peer {python}: {error.strerror}") from error
    if told.returncode:
        return False
    if (version := told.stdout.strip()) != _PEER_VERSION:
        found = f"hftbacktest {version}" if version else "no Python"
        raise StartError(f"--peer {python}: is {found}; hftbacktest {_PEER_VERSION} is compared")
    return True


def _is_gzip(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(len(GZIP_MAGIC)) == GZIP_MAGIC


def convert(config: Config, file: Path, peer_python: str, events: Path) -> tuple[float, float]:
    """Make of a recording what hftbacktest replays; the seconds that it takes, and the peak in MB.

    Raises:
        StartError: When hftbacktest fails.
    """
    events.unlink(missing_ok=True)
    base_ns = round(config.replay.feed_latency_ms * _NS_PER_MS)
    arguments = ["convert", str(file), str(events), str(base_ns)]
    converted, peak_mb = _run_peer(peer_python, arguments, "")
    return float(converted["convert_s"]), peak_mb


def equal_fills(config: Config, file: Path, peer_python: str, events: Path) -> int:
    """How many fills both have, each at one time, side and price.

    Args:
        events: The file as hftbacktest converted it; its fills are written beside it.

    Raises:
        StartError: When hftbacktest fails, or its fills or requests are not ours.
    """
    noted = events.with_name("fills.npy")
    told, _ = _run_peer(peer_python, ["fills", str(events), str(noted)], _peer_settings(config))
    theirs = _in_order(np.load(noted))
    result = TutorialReplay(config, [file], lambda _done, _total: None).run()
    ours = _in_order(result.fills[:, [FILL_EXCH, FILL_SIDE, FILL_PRICE]])
    if not np.array_equal(ours, theirs):
        shared = min(len(ours), len(theirs))
        differ = np.flatnonzero((ours[:shared] != theirs[:shared]).any(axis=1))
        at = int(differ[0]) if differ.size else shared
        raise StartError(
            f"the two do not agree: hftbacktest has {len(theirs)} fills and this {len(ours)}, the "
            f"same up to number {at}; nothing that was measured counts"
        )
    requests = (result.submits, result.cancels)
    if requests != (told["submits"], told["cancels"]):
        raise StartError(
            f"the two do not agree: hftbacktest sent {told['submits']} orders and "
            f"{told['cancels']} cancels, and this {requests[0]} and {requests[1]}; nothing that "
            "was measured counts"
        )
    return len(ours)


def _in_order(fills: IntArray) -> IntArray:
    """Rows by time, then side, then price: those of one instant have no order of their own."""
    order: IntArray = np.lexsort(fills.T[::-1])
    return fills[order]


def _figures(ours: _Ours, peer: _Peer | None) -> list[Figure]:
    short = ours.span_s < _SHORT_S
    most_s = _DESK_SHORT_S if short else _DESK_RATIO * ours.report_s
    walk_s = tutorial_s = raw_s = peak_mb = None
    if peer is not None:
        walk_s, tutorial_s, peak_mb = peer.walk_s, peer.tutorial_s, peer.peak_mb
        raw_s = peer.convert_s + peer.tutorial_s
    return [
        Figure("in memory, no strategy", ours.walk_s, walk_s, "s", 6.0),
        Figure("in memory, tutorial", ours.tutorial_s, tutorial_s, "s", 3.0),
        Figure("raw text to report", ours.report_s, raw_s, "s", None if short else 15.0),
        Figure("text through scanner and book", ours.text_mb_s, None, "MB/s", least=800.0),
        Figure("its whole process", ours.report_s, None, "s", most=1.2 if short else None),
        Figure("the desk's own strategy", ours.desk_s, None, "s", most=most_s),
        Figure("peak memory", ours.peak_mb, peak_mb, "MB", most=400.0),
    ]


def _play_ours(ours: _Ours, config: Config, file: Path) -> None:
    for quotes in (False, True) * _TIMES:
        replay = TutorialReplay(config, [file], lambda _done, _total: None, quotes=quotes)
        seconds = replay.time_in_memory()
        if quotes:
            ours.tutorial_s = min(ours.tutorial_s, seconds)
        else:
            ours.walk_s = min(ours.walk_s, seconds)


def _report(ours: _Ours, config: Config, overrides: list[str], file: Path) -> None:
    seconds, told = _replay(ours, config.source, overrides, file)
    ours.report_s = min(ours.report_s, seconds)
    ours.span_s = told["span_s"]


def _report_desk(ours: _Ours, config: Config, file: Path) -> None:
    grid = config.grid()
    of_market = (
        f"desk.symbol={grid.symbol}",
        f"instrument.tick_size={grid.price.step}",
        f"instrument.lot_size={grid.qty.step}",
    )
    seconds, told = _replay(ours, str(DEFAULT_CONFIG), [*of_market, *_DESK_SETTINGS], file)
    if not told["orders_placed"]:
        raise StartError(f"{file}: {told['never_quoted']}")
    ours.desk_s = min(ours.desk_s, seconds)


def _replay(ours: _Ours, source: str, overrides: list[str], file: Path) -> tuple[float, Any]:
    """The command itself, in a process of its own: how long it took, and what it told."""
    command = [sys.executable, "-m", "engine", "replay", str(file), "--json", "--config", source]
    for text in overrides:
        command += ["--set", text]
    began_s = time.perf_counter()
    text, peak_mb = _run(command, "")
    ours.peak_mb = max(ours.peak_mb, peak_mb)
    return time.perf_counter() - began_s, json.loads(text)


def _peer_settings(config: Config) -> str:
    strategy, replay, calibration = config.strategy, config.replay, config.calibration
    _, power = replay.queue_model
    return json.dumps(
        {
            "step_ns": STEP_NS,
            "tick_size": config.grid().price.value,
            "lot_size": config.grid().qty.value,
            "entry_ns": round(replay.order_latency_ms * _NS_PER_MS),
            "response_ns": round(replay.response_latency_ms * _NS_PER_MS),
            "maker_fee_rate": replay.maker_fee_rate,
            "taker_fee_rate": replay.taker_fee_rate,
            "queue": replay.queue,
            "queue_power": power,
            "strategy": [
                strategy.gamma,
                strategy.delta,
                strategy.adj1,
                strategy.adj2,
                float(strategy.order_qty),
                float(strategy.max_position),
                strategy.grid_num,
                round(calibration.window_s * 1e9 / STEP_NS),
                round(calibration.recalibrate_s * 1e9 / STEP_NS),
                calibration.levels,
            ],
        }
    )


def _run_peer(python: str, arguments: list[str], stdin: str) -> tuple[Any, float]:
    """Its answer, after which nothing is printed; hftbacktest prints remarks of its own."""
    text, peak_mb = _run([python, str(_PEER), *arguments], stdin)
    return json.loads(text.splitlines()[-1]), peak_mb


def _run(command: list[str], stdin: str) -> tuple[str, float]:
    """What a process prints, and its peak memory in MB.

    Raises:
        StartError: When it fails, with the last line of what it complains of.
    """
    with (
        tempfile.TemporaryFile("w+") as said,
        tempfile.TemporaryFile("w+") as wrong,
        tempfile.TemporaryFile("w+") as given,
    ):
        given.write(stdin)
        given.seek(0)
        process = subprocess.Popen(command, stdin=given, stdout=said, stderr=wrong)
        peak_mb = 0.0
        while process.poll() is None:
            # Of a finished process the system tells a peak that counts its parent's memory in.
            peak_mb = max(peak_mb, _peak_mb(process.pid))
            time.sleep(_LOOK_S)
        said.seek(0)
        wrong.seek(0)
        text, last = said.read(), (wrong.read().strip().splitlines() or [""])[-1]
    if process.returncode:
        raise StartError(f"{' '.join(command[:4])} ... failed: {last}")
    return text, peak_mb


def _peak_mb(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0.0
    peaks = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return int(peaks[0]) / 1024 if peaks else 0.0


def show_replay(
    config: Config,
    overrides: list[str],
    file: Path,
    *,
    peer_python: str,
    rounds: int,
    as_json: bool,
) -> bool:
    """Print every figure; True when all that is promised holds."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    quiet = not sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), disable=quiet, transient=True) as bar:
        task = bar.add_task("", total=None)
        figures, filled = measure(
            config,
            overrides,
            file,
            peer_python,
            rounds,
            lambda text: bar.update(task, description=text),
        )
    if as_json:
        table = [_as_json(figure) for figure in figures]
        print(json.dumps({"figures": table, "equal_fills": filled}, indent=1))
    else:
        Console().print(_table(figures, filled, file))
    return not any(figure.holds is False for figure in figures)


def _as_json(figure: Figure) -> dict[str, object]:
    return {**asdict(figure), "ratio": figure.ratio, "holds": figure.holds}


def _table(figures: list[Figure], filled: int | None, file: Path) -> Table:
    caption = f"{file.name}; the best of each figure's rounds. "
    if filled is None:
        caption += "\nNo hftbacktest here: pip install 'makers-desk[bench]', or give --peer."
    else:
        caption += f"Both have the same {filled:,} fills."
    table = Table(box=None, pad_edge=False, caption=Text(caption, "italic dim"))
    table.add_column("", no_wrap=True)
    for head in ("ours", "hftbacktest", "ratio", "target", "holds"):
        table.add_column(head, justify="right", no_wrap=True)
    for figure in figures:
        target = f"≥ {figure.least_ratio:g} ×" if figure.least_ratio else ""
        target = f"≤ {figure.most:g} {figure.unit}" if figure.most else target
        target = f"≥ {figure.least:g} {figure.unit}" if figure.least else target
        table.add_row(
            figure.name,
            _text(figure.ours, figure.unit),
            "" if figure.peer is None else _text(figure.peer, figure.unit),
            "" if figure.ratio is None else f"{figure.ratio:.1f} ×",
            target,
            {None: "", True: "yes", False: "no"}[figure.holds],
        )
    return table


def _text(value: float, unit: str) -> str:
    return f"{value:,.0f} {unit}" if unit.startswith("MB") else f"{value:.4g} {unit}"
