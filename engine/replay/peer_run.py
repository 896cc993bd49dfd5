"""Run of the tutorial on hftbacktest's exchange: the compiled loop's memory, and its result."""

from typing import TypeVar

import numpy as np

from engine.config.desk import Config
from engine.core.settings import STEP_NS
from engine.errors import ConfigError
from engine.replay import peer_loop as loop
from engine.replay import tutorial
from engine.replay.event_window import NEVER_NS, EventWindow
from exchange.jit import FloatArray, IntArray
from exchange.market_layout import BEST_ASK, BEST_BID, BOOK_SIZE, NO_ASK, NO_BID, new_region

_NS_PER_MS = 1_000_000
_FILLS, _TRACED = 1 << 14, 1 << 10
"""Rows that are made free at a time."""

_Array = TypeVar("_Array", IntArray, FloatArray)


class PeerRun:
    """One playing of events, from a strategy that has seen nothing.

    Args:
        shift_ns: Added to every receive time.
        quotes: Without, the market plays to its end and no step stops it: for measuring.
    """

    def __init__(self, config: Config, shift_ns: int, *, quotes: bool) -> None:
        self.window = EventWindow()
        self._config = config
        self._grid = config.grid()
        self._clock: IntArray = np.zeros(loop.CLOCK, dtype=np.int64)
        self._clock[loop.C_NEXT_KEY] = 1
        self._decides = quotes
        self._settings = _settings(config, shift_ns)
        self._power = config.replay.queue_model[1]
        self._params = _params(config)
        self._counts = _counts(config)
        window = self._counts[tutorial.N_WINDOW]
        self._state = tutorial.new_state()
        self._depths, self._changes = np.full((2, window), np.nan)
        self._buckets = np.zeros(tutorial.BUCKETS)
        self._trace: FloatArray = np.zeros(0)
        self._fills: IntArray = np.zeros(0, dtype=np.int64)
        self._requests = np.zeros(loop.IN_FLIGHT * loop.R_WIDTH, dtype=np.int64)
        self._answers = np.zeros(loop.IN_FLIGHT * loop.A_WIDTH, dtype=np.int64)
        self._orders = np.zeros(loop.MOST_ORDERS * loop.ORDER_WIDTH, dtype=np.int64)
        self._local_book, self._exch_book = new_region(BOOK_SIZE), new_region(BOOK_SIZE)
        self._ints, self._out = (np.zeros(4 * loop.MOST_ORDERS, dtype=np.int64) for _ in range(2))
        self._floats = np.zeros(2 * loop.MOST_ORDERS)
        self._count, self._none = np.zeros((2, 1), dtype=np.int64)

    @property
    def fills(self) -> IntArray:
        """int64[fills, FILL_WIDTH], by the columns of ``peer_loop``, in the venue's order."""
        return self._fills.reshape(-1, loop.FILL_WIDTH)[: int(self._clock[loop.C_FILLS])]

    @property
    def trace(self) -> FloatArray:
        """float64[fits, TRACE_WIDTH], a row for each time that a fit was due."""
        rows = self._trace.reshape(-1, tutorial.TRACE_WIDTH)
        return rows[: int(self._clock[loop.C_TRACED])]

    @property
    def submits(self) -> int:
        return int(self._clock[loop.C_SUBMITS])

    @property
    def cancels(self) -> int:
        return int(self._clock[loop.C_CANCELS])

    @property
    def endless(self) -> bool:
        """Did orders go to and fro after the last event, until that was ended?"""
        return bool(self._clock[loop.C_ENDLESS])

    @property
    def position(self) -> float:
        """In contracts, as the strategy sees it."""
        return float(self._state[tutorial.S_POSITION])

    @property
    def mid(self) -> float | None:
        """Of the exchange's book, in money; None where a side is empty."""
        bid, ask = int(self._exch_book[BEST_BID]), int(self._exch_book[BEST_ASK])
        if bid == NO_BID or ask == NO_ASK:
            return None
        return (bid + ask) / 2 * self._grid.price.value

    def begin(self, first_ns: int) -> None:
        """The clock starts: nothing happens before this on either side."""
        self._clock[loop.C_NOW] = first_ns
        self._clock[loop.C_STEP_AT] = first_ns + STEP_NS if self._decides else NEVER_NS

    def play(self, safe_ns: int) -> None:
        """Play what is in the window up to a time, or all of it at ``NEVER_NS``.

        Raises:
            ConfigError: When more orders or requests are under way than there is room for.
        """
        if safe_ns == NEVER_NS:
            shift_ns = int(self._settings[loop.M_SHIFT_NS])
            way_ns = self._settings[loop.M_ENTRY_NS] + self._settings[loop.M_RESPONSE_NS]
            self._settings[loop.M_END_NS] = self.window.last_ns(shift_ns) + 2 * way_ns
        self._play_on(safe_ns)
        while not loop.has_room(self._clock, self._fills, self._trace):
            self._play_on(safe_ns)
        clock = self._clock
        gone = self.window.drop_heard(int(clock[loop.C_LOCAL]), int(clock[loop.C_EXCH]))
        clock[loop.C_LOCAL] -= gone
        clock[loop.C_EXCH] -= gone

    def _play_on(self, safe_ns: int) -> None:
        """Play until ``safe_ns``, or as long as there is room."""
        clock, window = self._clock, self.window
        self._fills = _with_room(self._fills, int(clock[loop.C_FILLS]), _FILLS, loop.FILL_WIDTH)
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


def _settings(config: Config, shift_ns: int) -> IntArray:
    replay = config.replay
    settings = np.zeros(loop.SETTINGS, dtype=np.int64)
    settings[loop.M_STEP_NS] = STEP_NS
    settings[loop.M_ENTRY_NS] = round(replay.order_latency_ms * _NS_PER_MS)
    settings[loop.M_RESPONSE_NS] = round(replay.response_latency_ms * _NS_PER_MS)
    settings[loop.M_SHIFT_NS] = shift_ns
    settings[loop.M_MODEL] = int(replay.queue_model[0])
    settings[loop.M_ORDER_LOTS] = config.desk_settings(replay=True).order_lots
    return settings


def _params(config: Config) -> FloatArray:
    strategy = config.strategy
    params = np.zeros(tutorial.PARAMS)
    params[tutorial.P_TICK] = config.grid().price.value
    params[tutorial.P_GAMMA], params[tutorial.P_DELTA] = strategy.gamma, strategy.delta
    params[tutorial.P_ADJ1], params[tutorial.P_ADJ2] = strategy.adj1, strategy.adj2
    params[tutorial.P_ORDER_QTY] = float(strategy.order_qty)
    params[tutorial.P_MAX_POSITION] = float(strategy.max_position)
    params[tutorial.P_STEP_S] = STEP_NS / 1e9
    return params


def _counts(config: Config) -> IntArray:
    calibration = config.calibration
    counts = np.zeros(tutorial.COUNTS, dtype=np.int64)
    counts[tutorial.N_GRID] = config.strategy.grid_num
    counts[tutorial.N_WINDOW] = max(round(calibration.window_s * 1e9 / STEP_NS), 1)
    counts[tutorial.N_RECALIBRATE] = max(round(calibration.recalibrate_s * 1e9 / STEP_NS), 1)
    counts[tutorial.N_FIT] = calibration.levels
    return counts


def _with_room(array: _Array, used: int, free: int, width: int) -> _Array:
    """The array, or a larger one, with so many free rows."""
    if (used + free) * width <= array.size:
        return array
    larger = np.zeros(2 * (used + free) * width, dtype=array.dtype)
    larger[: used * width] = array[: used * width]
    return larger
