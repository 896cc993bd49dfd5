"""Benchmark of latency: from a market message to the commands that follow, and to their socket.

Inside the engine a recording is replayed with the desk's own strategy and each message is timed
from the call of ``Trader.receive`` to its return: as the desk hears it live, decision included.
What of it is spent on the way into a kernel and on reading the message is measured on the same
messages afterwards, apart. Each figure has two readings of the clock in it; what they take is a row
of its own. From socket to socket a live desk is timed in ``engine.bench.tick_to_order``.
"""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from engine.bench import tick_to_order
from engine.config.desk import Config
from engine.core.trader import Trader
from engine.errors import StartError
from engine.process.progress import reading_bar
from engine.process.warm_up import warm_up
from engine.replay.driver import Replay
from exchange.binance.frame_scanner import FrameScanner
from exchange.instrument import Instrument
from exchange.jit import IntArray, njit
from exchange.types import Command, MarketFrame

_KEPT = 20_000
"""Messages that are read again."""

UNCHANGED_US, NEW_TOUCH_US = 2.5, 5.0
"""Targets of the medians."""


@dataclass(frozen=True, slots=True)
class Latency:
    """How long one kind of step took, over all of its kind."""

    name: str
    count: int
    median_us: float
    p99_us: float
    most_us: float | None = None
    """What the median is promised not to be above."""

    @property
    def holds(self) -> bool | None:
        """None where nothing is promised, or nothing was measured."""
        if self.most_us is None or not self.count:
            return None
        return self.median_us <= self.most_us


@njit
def _nothing(desk: IntArray, number: int) -> int:
    return int(desk[number])


class Timing:
    """Times each market message of a replay."""

    def __init__(self) -> None:
        self.spent_ns: dict[str, list[int]] = {"unchanged": [], "quotes stay": [], "orders": []}
        self.kept: list[bytes] = []

    def receive(self, trader: Trader, frame: MarketFrame) -> list[Command]:
        """The trader receives one."""
        before = trader.market.touch
        began_ns = time.perf_counter_ns()
        commands = trader.receive(frame)
        spent_ns = time.perf_counter_ns() - began_ns
        moved = trader.market.touch != before
        kind = ("orders" if commands else "quotes stay") if moved else "unchanged"
        self.spent_ns[kind].append(spent_ns)
        if len(self.kept) < _KEPT:
            self.kept.append(frame.raw)
        return commands


def measure(
    config: Config, file: Path, report: Callable[[int, int], None]
) -> tuple[list[Latency], str]:
    """Replay a recording; every figure, and a word on what the desk did.

    Args:
        report: Called with bytes read and bytes in all.

    Raises:
        StartError: When the recording has no market message.
        RecordingError, RecordingGarbled: As the replay.
    """
    warm_up("desk replay")
    timing = Timing()
    replay = Replay(config, [file], report, listener=timing)
    result = replay.run()
    if not timing.kept:
        raise StartError(f"{file}: holds no message of a market stream")
    spent = timing.spent_ns
    table = [
        _latency("nothing changes", spent["unchanged"], UNCHANGED_US),
        _latency("a new touch", spent["quotes stay"] + spent["orders"], NEW_TOUCH_US),
        _latency("  of them, our quotes stay", spent["quotes stay"]),
        _latency("  of them, orders go out", spent["orders"]),
        *_parts(config.grid(), replay.trader, timing.kept),
    ]
    done = f"{len(result.fills):,} fills, {result.orders_placed:,} orders"
    return table, f"{result.span_s:,.0f} s of {file.name}: {done}."


def _parts(grid: Instrument, trader: Trader, kept: list[bytes]) -> list[Latency]:
    """Where the time of a message goes, as far as it can be measured apart."""
    scanner, desk = FrameScanner(grid), trader.desk
    _nothing(desk, 0)
    return [
        _latency("reading the message", _times(kept, scanner.scan_fast)),
        _latency("a kernel that does nothing", _times(kept, lambda _raw: _nothing(desk, 0))),
        _latency("reading the clock", _times(kept, lambda _raw: None)),
    ]


def _times(kept: list[bytes], work: Callable[[bytes], object]) -> list[int]:
    spent_ns = []
    for raw in kept:
        began_ns = time.perf_counter_ns()
        work(raw)
        spent_ns.append(time.perf_counter_ns() - began_ns)
    return spent_ns


def _latency(name: str, spent_ns: list[int], most_us: float | None = None) -> Latency:
    if not spent_ns:
        return Latency(name, 0, float("nan"), float("nan"), most_us)
    median, p99 = np.percentile(np.array(spent_ns) / 1e3, [50, 99]).tolist()
    return Latency(name, len(spent_ns), median, p99, most_us)


def show_latency(
    config: Config, live: Config, file: Path, *, pairs: int, steps: int, as_json: bool
) -> bool:
    """Print every figure; True when all that is promised holds.

    Args:
        live: Settings of the desk that trades, with ``tick_to_order.SETTINGS`` over them.
        pairs: Turns of desk and echo; 0 leaves the sockets out.
        steps: Of the touch in a turn.
    """
    with reading_bar("replaying") as report:
        table, word = measure(config, file, report)
    sockets = None
    if pairs:
        with reading_bar("socket to socket, in turns with an echo") as report:
            sockets = tick_to_order.measure(live, pairs, steps, report)
    if as_json:
        figures = [{**asdict(each), "holds": each.holds} for each in table]
        told = {"figures": figures, "word": word, "sockets": sockets and sockets.as_json()}
        print(json.dumps(told, indent=1))
    else:
        console = Console()
        console.print(_table(table, word))
        if sockets is not None:
            console.print(tick_to_order.socket_table(sockets))
    holds = not any(each.holds is False for each in table)
    return holds and (sockets is None or sockets.holds)


def _table(latencies: list[Latency], word: str) -> Table:
    table = Table(box=None, pad_edge=False, caption=Text(word, "italic dim"))
    table.add_column("inside the engine", no_wrap=True)
    for head in ("count", "median", "p99", "target", "holds"):
        table.add_column(head, justify="right", no_wrap=True)
    for each in latencies:
        target = f"≤ {each.most_us:g} µs" if each.most_us is not None else ""
        holds = {None: "", True: "yes", False: "no"}[each.holds]
        median, p99 = f"{each.median_us:.1f} µs", f"{each.p99_us:.1f} µs"
        table.add_row(each.name, f"{each.count:,}", median, p99, target, holds)
    return table
