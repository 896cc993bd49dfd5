"""Replay of the tutorial strategy on hftbacktest's exchange: compiled from text to fills.

A first pass over the text finds the constant that no receive time may lie before its venue
time without; the second plays it, a stretch at a time, in constant memory.

Source: the replay rules.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from engine.config.desk import Config
from engine.core.settings import STEP_NS
from engine.errors import ConfigError, RecordingError
from engine.replay import peer_loop as loop
from engine.replay import tutorial
from engine.replay.event_window import EventWindow, admit, drop_heard, scan_times
from exchange.binance.recorded_events import RecordedEvents
from exchange.binance.scanner import scan_lines
from exchange.event_columns import LINE, WIDTH
from exchange.jit import FloatArray, IntArray
from exchange.market_layout import BEST_ASK, BEST_BID, BOOK_SIZE, NO_ASK, NO_BID, new_region
from exchange.recording.reader import scan_latency

_NS_PER_MS = 1_000_000
_FAR_NS = 2**62
_RESTING = loop.MOST_ORDERS
_FILLS, _TRACED = 1 << 14, 1 << 10
"""Rows that are made free at a time."""

_Array = TypeVar("_Array", IntArray, FloatArray)


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


KERNELS = (scan_lines, scan_times, admit, drop_heard, loop.has_room, loop.run_peer)
"""All that this replay calls: to load the others takes longer than a short recording."""


class _Span(NamedTuple):
    """What the first pass finds in a file."""

    path: Path
    events: int
    least_latency_ns: int
    first_recv_ns: int
    first_exch_ns: int
    last_recv_ns: int
    lines: int


class TutorialReplay:
    """The tutorial over one or more recordings.

    Args:
        report: Called with bytes read and bytes in all, both passes together.
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
        self._grid = config.grid()
        self._total_bytes = 2 * sum(path.stat().st_size for path in files)
        self._read_bytes = 0
        self._order_lots = config.desk_settings(replay=True).order_lots
        self._window = EventWindow()
        self._tears: list[str] = []
        window = max(round(config.calibration.window_s * 1e9 / STEP_NS), 1)
        self._clock: IntArray = np.zeros(loop.CLOCK, dtype=np.int64)
        self._settings: IntArray = np.zeros(loop.SETTINGS, dtype=np.int64)
        strategy, replay = config.strategy, config.replay
        model, self._power = replay.queue_model
        self._settings[loop.M_STEP_NS] = STEP_NS
        self._settings[loop.M_ENTRY_NS] = round(replay.order_latency_ms * _NS_PER_MS)
        self._settings[loop.M_RESPONSE_NS] = round(replay.response_latency_ms * _NS_PER_MS)
        self._settings[loop.M_MODEL] = int(model)
        self._settings[loop.M_STRATEGY] = quotes
        self._settings[loop.M_ORDER_LOTS] = self._order_lots
        self._params = np.zeros(tutorial.PARAMS)
        self._params[tutorial.P_TICK] = self._grid.price.value
        self._params[tutorial.P_GAMMA], self._params[tutorial.P_DELTA] = (
            strategy.gamma,
            strategy.delta,
        )
        self._params[tutorial.P_ADJ1], self._params[tutorial.P_ADJ2] = strategy.adj1, strategy.adj2
        self._params[tutorial.P_ORDER_QTY] = float(strategy.order_qty)
        self._params[tutorial.P_MAX_POSITION] = float(strategy.max_position)
        self._params[tutorial.P_STEP_S] = STEP_NS / 1e9
        self._counts = np.array(
            [
                strategy.grid_num,
                window,
                max(round(config.calibration.recalibrate_s * 1e9 / STEP_NS), 1),
                config.calibration.levels,
            ],
            dtype=np.int64,
        )
        self._state = tutorial.new_state()
        self._depths, self._changes = np.full((2, window), np.nan)
        self._buckets = np.zeros(tutorial.BUCKETS)
        self._trace: FloatArray = np.zeros(0)
        self._fills: IntArray = np.zeros(0, dtype=np.int64)
        self._requests = np.zeros(loop.IN_FLIGHT * loop.R_WIDTH, dtype=np.int64)
        self._answers = np.zeros(loop.IN_FLIGHT * loop.A_WIDTH, dtype=np.int64)
        self._orders = np.zeros(loop.MOST_ORDERS * loop.O_ROW, dtype=np.int64)
        self._local_book, self._exch_book = new_region(BOOK_SIZE), new_region(BOOK_SIZE)
        self._ints, self._out = (np.zeros(4 * _RESTING, dtype=np.int64) for _ in range(2))
        self._floats = np.zeros(2 * _RESTING)
        self._count, self._none = np.zeros((2, 1), dtype=np.int64)

    def run(self) -> TutorialResult:
        """Play everything.

        Raises:
            ConfigError: When more orders or requests are under way than there is room for.
            RecordingError: When a file is not of this config's symbol, or a line reaches back
                too far.
            RecordingGarbled: When a line is no message.
        """
        spans, shift_ns = self._prepare()
        for span in spans:
            for safe_ns in self._read(span.path, shift_ns):
                self._play(safe_ns)
        self._play(loop.NEVER_NS)
        last_ns = max(span.last_recv_ns for span in spans)
        return self._result(spans, shift_ns, (last_ns - spans[0].first_recv_ns) / 1e9)

    def time_in_memory(self) -> float:
        """Seconds that the loop alone takes, every event in memory before it begins.

        Raises:
            RecordingError: As ``run``.
            RecordingGarbled: As ``run``.
        """
        spans, shift_ns = self._prepare()
        for span in spans:
            for _ in self._read(span.path, shift_ns):
                pass
        began_s = time.perf_counter()
        self._play(loop.NEVER_NS)
        return time.perf_counter() - began_s

    @property
    def position(self) -> float:
        """In contracts, as the strategy sees it."""
        return float(self._state[tutorial.S_POSITION])

    def _prepare(self) -> tuple[list[_Span], int]:
        """The files in order of time, and what is added to every receive time."""
        spans = sorted(map(self._scan, self._files), key=lambda span: span.first_recv_ns)
        base_ns = round(self._config.replay.feed_latency_ms * _NS_PER_MS)
        least_ns = min(span.least_latency_ns for span in spans)
        shift_ns = base_ns - least_ns if least_ns < 0 else 0
        first_ns = min(
            *(span.first_exch_ns for span in spans),
            *(span.first_recv_ns + shift_ns for span in spans),
        )
        self._settings[loop.M_SHIFT_NS] = shift_ns
        self._clock[loop.C_NOW] = first_ns
        self._clock[loop.C_STEP_AT] = first_ns + STEP_NS
        self._clock[loop.C_NEXT_KEY] = 1
        return spans, shift_ns

    def _scan(self, path: Path) -> _Span:
        seen = np.array([0, _FAR_NS, _FAR_NS, _FAR_NS, 0, 0], dtype=np.int64)
        events = RecordedEvents(path, self._grid)
        for count in events:
            scan_times(events.rows, count, seen)
            self._report(self._read_bytes + events.recording.consumed_bytes, self._total_bytes)
        self._read_bytes += path.stat().st_size
        if not seen[0]:
            if events.recording.tear is not None:
                raise RecordingError(path, None, f"is TORN: {events.recording.tear.text}")
            held = ", ".join(scan_latency(path).symbols) or "no symbol"
            raise RecordingError(
                path, None, f"holds {held}, and no book or single trades of {self._grid.symbol}"
            )
        found, latency_ns, first_recv_ns, first_exch_ns, last_recv_ns, lines = seen.tolist()
        return _Span(path, found, latency_ns, first_recv_ns, first_exch_ns, last_recv_ns, lines)

    def _read(self, path: Path, shift_ns: int) -> Iterator[int]:
        """Take a file in, a stretch at a time; up to when it is safe to play after each."""
        events = RecordedEvents(path, self._grid)
        for count in events:
            late = self._window.admit(events.rows, events.ticks, events.lots, count)
            if late >= 0:
                line = int(events.rows[late * WIDTH + LINE])
                raise RecordingError(
                    path, line, "lies more than 10 s before a line above it; put lines in order"
                )
            yield self._window.safe_ns(shift_ns)
            self._report(self._read_bytes + events.recording.consumed_bytes, self._total_bytes)
        self._read_bytes += path.stat().st_size
        if events.recording.tear is not None:
            self._tears.append(f"{path}: {events.recording.tear.text}")

    def _play(self, safe_ns: int) -> None:
        self._play_on(safe_ns)
        while not loop.has_room(self._clock, self._fills, self._trace):
            self._play_on(safe_ns)
        clock = self._clock
        gone = self._window.drop_heard(int(clock[loop.C_LOCAL]), int(clock[loop.C_EXCH]))
        clock[loop.C_LOCAL] -= gone
        clock[loop.C_EXCH] -= gone

    def _play_on(self, safe_ns: int) -> None:
        """Play until ``safe_ns``, or as long as there is room."""
        clock, window = self._clock, self._window
        self._fills = _with_room(self._fills, int(clock[loop.C_FILLS]), _FILLS, loop.F_WIDTH)
        self._trace = _with_room(
            self._trace, int(clock[loop.C_TRACED]), _TRACED, tutorial.TRACE_WIDTH
        )
        loop.run_peer(
            clock,
            self._settings,
            self._power,
            self._grid.qty.value,
            self._params,
            self._counts,
            self._state,
            self._depths,
            self._changes,
            self._buckets,
            self._trace,
            self._requests,
            self._answers,
            self._orders,
            self._fills,
            self._local_book,
            self._exch_book,
            self._ints,
            self._floats,
            self._count,
            self._none,
            self._out,
            window.rows,
            window.ticks,
            window.lots,
            window.by_local,
            window.by_exch,
            window.events,
            safe_ns,
        )
        if clock[loop.C_FULL]:
            raise ConfigError(
                self._config.source,
                "replay.order_latency_ms",
                f"lets more than {loop.MOST_ORDERS} orders or {loop.IN_FLIGHT} requests be under "
                "way at once; lower it, replay.response_latency_ms or strategy.grid_num",
            )

    def _result(self, spans: list[_Span], shift_ns: int, span_s: float) -> TutorialResult:
        clock = self._clock
        rows = self._fills.reshape(-1, loop.F_WIDTH)[: int(clock[loop.C_FILLS])]
        money = (
            rows[:, loop.F_PRICE] * self._grid.price.value * float(self._config.strategy.order_qty)
        )
        balance = -float((money * rows[:, loop.F_SIDE]).sum())
        fees = float(money.sum()) * self._config.replay.maker_fee_rate
        position = float(rows[:, loop.F_SIDE].sum()) * float(self._config.strategy.order_qty)
        bid, ask = self._exch_book[BEST_BID], self._exch_book[BEST_ASK]
        mid = (bid + ask) / 2 * self._grid.price.value if bid != NO_BID and ask != NO_ASK else 0.0
        trace = self._trace.reshape(-1, tutorial.TRACE_WIDTH)[: int(clock[loop.C_TRACED])]
        return TutorialResult(
            files=[str(span.path) for span in spans],
            lines=sum(span.lines for span in spans),
            events=sum(span.events for span in spans),
            span_s=span_s,
            clock_shift_ms=shift_ns / _NS_PER_MS,
            tears=self._tears,
            fills=rows,
            order_lots=self._order_lots,
            submits=int(clock[loop.C_SUBMITS]),
            cancels=int(clock[loop.C_CANCELS]),
            position=self.position,
            balance_usdt=balance,
            fees_usdt=fees,
            equity_usdt=balance + position * mid - fees,
            trace=trace,
        )


def _with_room(array: _Array, used: int, free: int, width: int) -> _Array:
    """The array, or a larger one, with so many free rows."""
    if (used + free) * width <= array.size:
        return array
    larger = np.zeros(2 * (used + free) * width, dtype=array.dtype)
    larger[: used * width] = array[: used * width]
    return larger
