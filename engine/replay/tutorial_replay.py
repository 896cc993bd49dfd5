"""Replay of the tutorial strategy on hftbacktest's exchange: compiled from text to fills.

A recording is played while it is read, a stretch at a time, in constant memory. One that has a
message received before its venue time is read to its end for the constant that no receive time
may lie before its venue time without, and then played from the start.

Source: the replay rules.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.config.desk import Config
from engine.errors import RecordingError
from engine.replay import peer_loop as loop
from engine.replay.event_window import (
    T_EVENTS,
    T_FIRST_EXCH,
    T_FIRST_LOCAL,
    T_LAST_LOCAL,
    T_LEAST_LATENCY,
    T_LINES,
    TIMES,
    admit,
    drop_heard,
    scan_times,
)
from engine.replay.peer_run import PeerRun
from exchange.binance.recorded_events import RecordedEvents, Stretch
from exchange.binance.scanner import scan_lines
from exchange.event_columns import LINE, WIDTH
from exchange.jit import FloatArray, IntArray
from exchange.recording.reader import scan_latency

_NS_PER_MS = 1_000_000
_FAR_NS = 2**62

KERNELS = (scan_lines, scan_times, admit, drop_heard, loop.has_room, loop.run_peer)
"""All that this replay calls: to load the others takes longer than a short recording."""


@dataclass(slots=True)
class TutorialResult:
    """What became of the tutorial over some recordings."""

    files: list[str]
    lines: int
    events: int
    span_s: float
    clock_shift_ms: float
    tears: list[str]
    fills: IntArray
    """int64[fills, F_WIDTH], by the columns of ``peer_loop``, in the venue's order."""
    order_lots: int
    submits: int
    cancels: int
    position: float
    """As the strategy sees it, in contracts."""
    balance_usdt: float
    fees_usdt: float
    equity_usdt: float
    trace: FloatArray
    """float64[fits, TRACE_WIDTH], a row for each time that a fit was due."""


class _ReceivedEarly(Exception):
    """A message was received before its venue time: the receive times must be shifted."""


class TutorialReplay:
    """The tutorial over one or more recordings.

    Args:
        report: Called with bytes read and bytes in all, which grow when a shift must be found.
        quotes: Without, the market plays and nobody decides: for measuring.
    """

    def __init__(
        self,
        config: Config,
        files: list[Path],
        report: Callable[[int, int], None],
        *,
        quotes: bool = True,
    ) -> None:
        self._config = config
        self._files = files
        self._report = report
        self._quotes = quotes
        self._grid = config.grid()
        self._total_bytes = sum(path.stat().st_size for path in files)
        self._read_bytes = 0
        self._times = _no_times()
        self._tears: list[str] = []

    def run(self) -> TutorialResult:
        """Play everything.

        Raises:
            ConfigError: When more orders or requests are under way than there is room for.
            RecordingError: When a file is not of this config's symbol, or a line reaches back
                too far.
            RecordingGarbled: When a line is no message.
        """
        if len(self._files) > 1:
            self._files = sorted(self._files, key=self._first_local_ns)
            self._read_bytes = 0
        try:
            return self._play(0)
        except _ReceivedEarly:
            # Reading for the shift, and then again, comes on top of what was read until now.
            self._total_bytes = self._read_bytes + 2 * self._total_bytes
            return self._play(self._find_shift_ns())

    def time_in_memory(self) -> float:
        """Seconds that the loop alone takes, every event in memory before it begins.

        Raises:
            RecordingError: As ``run``.
            RecordingGarbled: As ``run``.
        """
        shift_ns = self._find_shift_ns()
        run = PeerRun(self._config, shift_ns, quotes=self._quotes)
        for _ in self._admitted(run, shift_ns):
            pass
        run.begin(self._first_ns(shift_ns))
        began_s = time.perf_counter()
        run.play(loop.NEVER_NS)
        return time.perf_counter() - began_s

    def _play(self, shift_ns: int) -> TutorialResult:
        run = PeerRun(self._config, shift_ns, quotes=self._quotes)
        begun = False
        for safe_ns in self._admitted(run, shift_ns):
            if not begun and safe_ns > self._first_ns(shift_ns):
                run.begin(self._first_ns(shift_ns))
                begun = True
            if begun:
                run.play(safe_ns)
        if not begun:
            run.begin(self._first_ns(shift_ns))
        run.play(loop.NEVER_NS)
        return self._result(run, shift_ns)

    # ------------------------------------------------------------ reading

    def _stretches(self, path: Path) -> Iterator[Stretch]:
        """A file's events, their times noted; a file that has none is refused at its end."""
        self._report(self._read_bytes, self._total_bytes)
        before, known = self._read_bytes, int(self._times[T_EVENTS])
        events = RecordedEvents(path, self._grid)
        for stretch in events:
            scan_times(stretch.rows, stretch.count, self._times)
            yield stretch
            self._read_bytes = before + events.recording.consumed_bytes
            self._report(self._read_bytes, self._total_bytes)
        tear = events.recording.tear
        if self._times[T_EVENTS] == known:
            if tear is not None:
                raise RecordingError(path, None, f"is TORN: {tear.text}")
            held = ", ".join(scan_latency(path).symbols) or "no symbol"
            raise RecordingError(
                path, None, f"holds {held}, and no book or single trades of {self._grid.symbol}"
            )
        if tear is not None:
            self._tears.append(f"{path}: {tear.text}")

    def _first_local_ns(self, path: Path) -> int:
        """When its first event was received."""
        self._times = _no_times()
        for _ in self._stretches(path):
            if self._times[T_EVENTS]:
                break
        return int(self._times[T_FIRST_LOCAL])

    def _find_shift_ns(self) -> int:
        """What is added to every receive time, so that none lies before its venue time."""
        self._times = _no_times()
        for path in self._files:
            for _ in self._stretches(path):
                pass
        least_ns = int(self._times[T_LEAST_LATENCY])
        base_ns = round(self._config.replay.feed_latency_ms * _NS_PER_MS)
        return base_ns - least_ns if least_ns < 0 else 0

    def _admitted(self, run: PeerRun, shift_ns: int) -> Iterator[int]:
        """Take the files in, a stretch at a time; up to when it is safe to play after each."""
        self._times, self._tears = _no_times(), []
        for path in self._files:
            for stretch in self._stretches(path):
                if self._times[T_LEAST_LATENCY] + shift_ns < 0:
                    raise _ReceivedEarly
                window = run.window
                late = window.admit(stretch.rows, stretch.ticks, stretch.lots, stretch.count)
                if late >= 0:
                    line = int(stretch.rows[late * WIDTH + LINE])
                    raise RecordingError(
                        path, line, "lies more than 10 s before a line above it; put lines in order"
                    )
                yield window.safe_ns(shift_ns)

    def _first_ns(self, shift_ns: int) -> int:
        """When the first event happened, on the clock of either side."""
        return int(min(self._times[T_FIRST_EXCH], self._times[T_FIRST_LOCAL] + shift_ns))

    # ------------------------------------------------------------ the result

    def _result(self, run: PeerRun, shift_ns: int) -> TutorialResult:
        config, rows, times = self._config, run.fills, self._times
        money = rows[:, loop.F_PRICE] * self._grid.price.value * float(config.strategy.order_qty)
        balance = -float((money * rows[:, loop.F_SIDE]).sum())
        fees = float(money.sum()) * config.replay.maker_fee_rate
        position = float(rows[:, loop.F_SIDE].sum()) * float(config.strategy.order_qty)
        return TutorialResult(
            files=[str(path) for path in self._files],
            lines=int(times[T_LINES]),
            events=int(times[T_EVENTS]),
            span_s=int(times[T_LAST_LOCAL] - times[T_FIRST_LOCAL]) / 1e9,
            clock_shift_ms=shift_ns / _NS_PER_MS,
            tears=self._tears,
            fills=rows,
            order_lots=config.desk_settings(replay=True).order_lots,
            submits=run.submits,
            cancels=run.cancels,
            position=run.position,
            balance_usdt=balance,
            fees_usdt=fees,
            equity_usdt=balance + position * run.mid - fees,
            trace=run.trace,
        )


def _no_times() -> IntArray:
    times = np.full(TIMES, _FAR_NS, dtype=np.int64)
    times[T_EVENTS] = times[T_LAST_LOCAL] = times[T_LINES] = 0
    return times
