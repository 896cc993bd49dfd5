"""Benchmark of the models: what a requote and a recalibration cost, beside the targets.

A full requote is the fair price, the volatility after one more mid, the intensity of both
sides and the grid of prices from a cached table. A recalibration is everything from the ring of
arrivals and the window of mids to a new table. Each is timed twice: inside one compiled loop,
and called from Python as the desk calls it. Medians of many batches, since machines are busy.
"""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import count
from time import perf_counter_ns
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from engine.core.calibration import Calibrator, Fit, sample
from engine.core.desk_layout import MONO_NS, new_desk, new_reals
from engine.core.fill_intensity import count_print
from engine.core.quoter import Offsets, Tuning, offsets, requote
from engine.core.settings import STEP_NS, DeskSettings
from engine.errors import ConfigError
from engine.models.acceptance import judge_fit, misfit_limit
from engine.models.fair import mid, weighted_mid
from engine.models.level_intensity import (
    LEVEL_SLOTS,
    LevelWindow,
    carry_to_mid,
    first_price,
    first_rate,
    level_misfit,
    tally_levels,
)
from engine.models.online_intensity import FEWEST_EFFECTIVE, arrive, fade, read_intensity, watch
from engine.models.policy import empty_table
from engine.models.ring import sum_rows
from engine.models.simulate import exponential, generator, normal, uniform
from engine.models.spectral import spectral_table
from engine.models.volatility import realised_sigma, start_ewma, two_scale, update_ewma
from engine.process.warm_up import warm_up
from exchange.jit import FloatArray, IntArray, njit

REQUOTE_NS, REQUOTE_CALLED_NS, RECALIBRATION_NS = 2_000.0, 5_000.0, 100_000.0
BOUND, GRID = 40, 4
TOO_SLOW = 3.0
"""A promise missed by more than this fails the command; less may be the machine's mood."""

COMPILED, CALLED = "compiled", "Python"

_BATCHES = 31  # medians of many, since machines are busy
_BATCH_NS = 2e6  # calls to a batch until it lasts so long, so that reading the clock costs nothing
_QUOTES = 2000
_STEP_S = STEP_NS / 1e9
_STEPS_A_SAMPLE = 10  # volatility samples the mid once a second, as the desk does by default
_SLOW_STEPS = 60  # the slow scale of the two-scale sigma, as the calibration has it
_SHORTEST_WINDOW_S = 60.0
_A, _K, _SIGMA = 1.5, 0.12, 6.0
"""The synthetic market of ``configs/paper.toml``."""


# ---------------------------------------------------------------- the work, compiled


@njit
def read_faded(state: FloatArray, time_s: float, tau_s: float) -> tuple[float, float, float]:
    """A, k and their worth as a requote reads them: grown older by a step."""
    fade(state, time_s, tau_s)
    return read_intensity(state)


@njit
def full_requote(
    touch: IntArray,
    at: int,
    time_s: float,
    tau_s: float,
    ewma: FloatArray,
    arrivals: FloatArray,
    table: FloatArray,
    fills: float,
    interval: int,
    grid: IntArray,
) -> float:
    """Everything between one touch and the prices wanted for it.

    Args:
        touch: int64[4n], bid, its lots, ask, its lots.
        at: Which touch.
        arrivals: float64[10], both sides' states of ``online_intensity``.
        grid: int64[2·GRID], overwritten: bids, then asks.

    Returns:
        A sum in which everything that was read takes part.
    """
    bid, bid_lots = touch[4 * at], touch[4 * at + 1]
    ask, ask_lots = touch[4 * at + 2], touch[4 * at + 3]
    fair = weighted_mid(bid, bid_lots, ask, ask_lots)
    sigma = update_ewma(ewma, mid(bid, ask), time_s, tau_s)
    bid_A, bid_k, _ = read_faded(arrivals[:5], time_s, tau_s)
    ask_A, ask_k, _ = read_faded(arrivals[5:], time_s, tau_s)
    bids, asks = grid[:GRID], grid[GRID:]
    half_spread, _ = requote(
        table, fills, 1.0, 1.0, fair, bid, ask, interval, GRID, GRID, bids, asks
    )
    read = sigma + bid_A + bid_k + ask_A + ask_k
    return float(read + half_spread + bids[0] - asks[GRID - 1])


@njit
def requote_all(
    touch: IntArray,
    tau_s: float,
    ewma: FloatArray,
    arrivals: FloatArray,
    table: FloatArray,
    interval: int,
    grid: IntArray,
) -> float:
    """``full_requote`` of every touch, 10 ms apart, at inventories that go up and down."""
    time_s = ewma[1]  # of the last mid: a clock that stood still would cost nothing
    total = 0.0
    for i in range(touch.size // 4):
        fills = float(i % 21 - 10)
        time_s += 0.01
        total += full_requote(touch, i, time_s, tau_s, ewma, arrivals, table, fills, interval, grid)
    return total


@njit
def price_all(touch: IntArray) -> float:
    """The fair price of every touch."""
    total = 0.0
    for i in range(0, touch.size, 4):
        total += weighted_mid(touch[i], touch[i + 1], touch[i + 2], touch[i + 3])
    return total


@njit
def follow_all(touch: IntArray, tau_s: float, ewma: FloatArray) -> float:
    """The volatility after every touch."""
    time_s = ewma[1]
    total = 0.0
    for i in range(0, touch.size, 4):
        time_s += 0.01
        total += update_ewma(ewma, mid(touch[i], touch[i + 2]), time_s, tau_s)
    return total


@njit
def read_all(n: int, time_s: float, tau_s: float, arrivals: FloatArray) -> float:
    """Both sides' intensity, n times."""
    total = 0.0
    for _ in range(n):
        time_s += 0.01
        bid_A, bid_k, _ = read_faded(arrivals[:5], time_s, tau_s)
        ask_A, ask_k, _ = read_faded(arrivals[5:], time_s, tau_s)
        total += bid_A + bid_k + ask_A + ask_k
    return total


@njit
def lay_all(touch: IntArray, table: FloatArray, interval: int, grid: IntArray) -> float:
    """The grid around every touch, from a cached table."""
    bids, asks = grid[:GRID], grid[GRID:]
    total = 0.0
    for i in range(0, touch.size, 4):
        bid, ask = touch[i], touch[i + 2]
        fills = float(i % 21 - 10)
        half_spread, _ = requote(
            table, fills, 1.0, 1.0, mid(bid, ask), bid, ask, interval, GRID, GRID, bids, asks
        )
        total += half_spread + bids[0] - asks[GRID - 1]
    return total


@njit
def fit_sides(ring: FloatArray, sums: FloatArray, max_misfit: float) -> tuple[float, float, int]:
    """Both sides' arrivals to one A and k, and whether they may be quoted.

    Args:
        ring: float64[slots·2·width], as ``LevelWindow`` keeps it.
        sums: float64[3·width], overwritten: bid, ask, both.

    Returns:
        ``(A, k, code)``; the code is one of ``acceptance``.
    """
    width = sums.size // 3
    bid, ask, both = sums[:width], sums[width : 2 * width], sums[2 * width :]
    sum_rows(ring, sums[: 2 * width])
    for i in range(width):
        both[i] = bid[i] + ask[i]
    bid_rate, _ = first_rate(bid)
    ask_rate, _ = first_rate(ask)
    _, k = first_rate(both)
    A = math.sqrt(carry_to_mid(bid_rate, k, bid) * carry_to_mid(ask_rate, k, ask))
    fewest = min(tally_levels(bid)[0], tally_levels(ask)[0])
    limit = misfit_limit(tally_levels(both)[0], max_misfit)
    return A, k, judge_fit(fewest, A, k, level_misfit(both, k), FEWEST_EFFECTIVE, limit)


@njit
def volatilities(mids: FloatArray, slow_mids: FloatArray) -> tuple[float, float]:
    """Sigma as sampled every second, and without the quotes' bounce."""
    clean, _, _, _ = two_scale(mids, _STEP_S, _SLOW_STEPS)
    return realised_sigma(slow_mids, _STEPS_A_SAMPLE * _STEP_S), clean


@njit
def recalibrate(
    ring: FloatArray,
    sums: FloatArray,
    max_misfit: float,
    mids: FloatArray,
    slow_mids: FloatArray,
    gamma: float,
    delta: float,
    table: FloatArray,
) -> float:
    """From what the window holds to a new table, by the desk's default estimators.

    The table is the spectral one, even where the closed form would do.

    Args:
        mids: float64[n], every 100 ms, for the two scales of volatility.
        slow_mids: float64[m], every second of the same.
        table: float64[2(2Q+1)], overwritten.

    Returns:
        A sum in which everything that was read takes part.
    """
    A, k, code = fit_sides(ring, sums, max_misfit)
    sigma, clean = volatilities(mids, slow_mids)
    lowest = spectral_table(sigma, A, k, gamma, gamma, delta, 0.0, table)
    return float(code + clean + lowest + table[0])


# ---------------------------------------------------------------- the market it is done to


class Scene:
    """Benchmark input: a seeded market as the desk remembers it after one window.

    Args:
        settings: The desk's; its calibrator refits at every step, over a minute at least.
    """

    def __init__(self, settings: DeskSettings, seed: int = 42) -> None:
        window_s = max(settings.window_s, _SHORTEST_WINDOW_S)
        market = (_A, _K, _SIGMA)
        self.settings = replace(settings, window_s=window_s, recalibrate_s=1e-9, prior=market)
        window_ns = round(window_s * 1e9)
        self.touch = np.empty(4 * _QUOTES, np.int64)
        self.desk, self.reals = new_desk(), new_reals()
        self.calibrator = Calibrator(self.desk, self.reals, self.settings)
        self.window = LevelWindow(window_ns, settings.levels)
        self.arrivals = np.zeros(10)
        self.now_ns = 0
        self._state = generator(seed)
        self._fair = 600_000.0
        with np.errstate(over="ignore"):  # uncompiled, the generator's wrap-around would warn
            mids = [self._play_step(i) for i in range(max(_QUOTES, window_ns // STEP_NS + 1))]
        self.mids = np.array(mids[-(window_ns // STEP_NS + 1) :])
        """float64[n], every 100 ms of the window."""

    @property
    def now_s(self) -> float:
        return self.now_ns / 1e9

    def new_ewma(self) -> FloatArray:
        """A volatility's state, as of now."""
        ewma = np.empty(3)
        start_ewma(ewma, float(self.mids[-1]), self.now_s, _SIGMA)
        return ewma

    def step(self, i: int) -> Fit:
        """One more step, and with it one recalibration."""
        self.now_ns += 1
        at = i % _QUOTES * 4
        self._sample(int(self.touch[at]), int(self.touch[at + 2]))
        return self.calibrator.fit or Fit(_A, _K, _SIGMA, "prior", 0, 0)

    def _play_step(self, i: int) -> float:
        self.now_ns = i * STEP_NS
        self._fair += _SIGMA * _STEP_S**0.5 * normal(self._state)
        touch = (round(self._fair) - 4, round(self._fair) + 4)
        for side in (1, -1):
            self._trade(side, touch)
        self._sample(*touch)
        at = i % _QUOTES * 4
        self.touch[at : at + 4] = (touch[0], self._lots(), touch[1], self._lots())
        return 0.5 * sum(touch)

    def _sample(self, bid: int, ask: int) -> None:
        self.desk[MONO_NS] = self.now_ns
        sample(self.desk, self.reals, bid, ask, True, self.now_ns)

    def _lots(self) -> int:
        return 100 + int(800 * uniform(self._state))

    def _trade(self, side: int, touch: tuple[int, int]) -> None:
        """A step of one side, with perhaps a market order against it."""
        nearest, now_ns = self.settings.nearest_ticks, self.now_ns
        first = first_price(side, *touch, nearest)
        to_first = side * (0.5 * sum(touch) - first)
        self.window.watch(side, to_first, _STEP_S, now_ns)
        half = self.arrivals[:5] if side > 0 else self.arrivals[5:]
        watch(half, now_ns / 1e9, _STEP_S, self.settings.window_s)
        if uniform(self._state) > _A * _STEP_S:
            return
        beyond = exponential(_K, self._state) - to_first
        if beyond >= 0.0:
            j = int(beyond)
            self.window.arrive(side, j, now_ns)
            arrive(half, now_ns / 1e9, float(j), self.settings.window_s)
            self.desk[MONO_NS] = now_ns
            count_print(self.desk, self.reals, -side, first - side * j, now_ns, *touch)


# ---------------------------------------------------------------- the stopwatch


@dataclass(frozen=True, slots=True)
class Timing:
    """One piece of work, timed."""

    work: str
    where: str
    """``COMPILED`` or ``CALLED``."""
    best_ns: float
    median_ns: float
    promise_ns: float | None = None

    @property
    def ratio(self) -> float | None:
        """The median in units of the promise."""
        return None if self.promise_ns is None else self.median_ns / self.promise_ns

    @property
    def holds(self) -> bool | None:
        """None where nothing was promised."""
        return None if self.ratio is None else self.ratio <= 1.0

    @property
    def broken(self) -> bool:
        """Missed in compiled code, and by more than a busy machine explains."""
        return self.where == COMPILED and self.ratio is not None and self.ratio > TOO_SLOW


def timed(work: Callable[[], object], quotes: int = 1) -> tuple[float, float]:
    """Best and median of many batches, nanoseconds for one of the quotes in a call."""
    work()
    started = perf_counter_ns()
    work()
    calls = max(int(_BATCH_NS / max(perf_counter_ns() - started, 1)), 1)
    spent = []
    for _ in range(_BATCHES):
        started = perf_counter_ns()
        for _ in range(calls):
            work()
        spent.append((perf_counter_ns() - started) / calls / quotes)
    return min(spent), float(np.median(spent))


def costs(settings: DeskSettings) -> Iterator[Timing]:
    """Every figure, one after another; takes some seconds.

    Raises:
        ConfigError: When the model has no quotes with these settings.
    """
    scene = Scene(settings)
    tuning = Tuning(settings.gamma, settings.delta, settings.adj1, settings.adj2)
    at = offsets(scene.step(0), tuning, BOUND)
    if at is None:
        raise ConfigError(settings.config, "strategy", "leaves the model without a quote")
    yield from _compiled_requotes(scene, at)
    yield from _called_requotes(scene, at)
    yield from _compiled_recalibrations(scene)
    yield _called_recalibration(scene, tuning)


def _compiled_requotes(scene: Scene, at: Offsets) -> Iterator[Timing]:
    touch, arrivals, tau_s = scene.touch, scene.arrivals, scene.settings.window_s
    ewma, grid, laid = scene.new_ewma(), np.empty(2 * GRID, np.int64), (at.table, at.interval)

    def loop(work: str, kernel: Callable[..., float], *inputs: Any) -> Timing:
        return Timing(work, COMPILED, *timed(partial(kernel, *inputs), _QUOTES))

    whole = loop("full requote", requote_all, touch, tau_s, ewma, arrivals, *laid, grid)
    yield replace(whole, promise_ns=REQUOTE_NS)
    yield loop("  fair price", price_all, touch)
    yield loop("  volatility, a mid later", follow_all, touch, tau_s, ewma)
    yield loop("  intensity of both sides", read_all, _QUOTES, scene.now_s, tau_s, arrivals)
    yield loop(f"  grid of {GRID} a side", lay_all, touch, *laid, grid)


def _called_requotes(scene: Scene, at: Offsets) -> Iterator[Timing]:
    touch, arrivals, tau_s = scene.touch, scene.arrivals, scene.settings.window_s
    ewma, grid = scene.new_ewma(), np.empty(2 * GRID, np.int64)
    quotes = [tuple(quote) for quote in touch.reshape(_QUOTES, 4).tolist()]
    bid_side, ask_side, bids, asks = arrivals[:5], arrivals[5:], grid[:GRID], grid[GRID:]
    clock, start_s = count(1), scene.now_s

    def one_call() -> None:
        i = next(clock)
        fills, now_s = float(i % 21 - 10), start_s + 0.01 * i
        now = (i % _QUOTES, now_s, tau_s)
        full_requote(touch, *now, ewma, arrivals, at.table, fills, at.interval, grid)

    def kernel_by_kernel() -> None:
        i = next(clock)
        fills, now_s = at.fills(i % 21 - 10), start_s + 0.01 * i
        bid, bid_lots, ask, ask_lots = quotes[i % _QUOTES]
        fair = weighted_mid(bid, bid_lots, ask, ask_lots)
        update_ewma(ewma, mid(bid, ask), now_s, tau_s)
        read_faded(bid_side, now_s, tau_s)
        read_faded(ask_side, now_s, tau_s)
        adj1, adj2 = at.tuning.adj1, at.tuning.adj2
        requote(at.table, fills, adj1, adj2, fair, bid, ask, at.interval, GRID, GRID, bids, asks)

    yield Timing("full requote, one call", CALLED, *timed(one_call), REQUOTE_CALLED_NS)
    yield Timing("full requote as run", CALLED, *timed(kernel_by_kernel), REQUOTE_CALLED_NS)


def _compiled_recalibrations(scene: Scene) -> Iterator[Timing]:
    gamma, delta, misfit = scene.settings.gamma, scene.settings.delta, scene.settings.max_misfit
    numbers = np.concatenate(scene.window.read(scene.now_ns))
    ring, sums = np.zeros(LEVEL_SLOTS * numbers.size), np.empty(numbers.size // 2 * 3)
    ring[: numbers.size] = numbers
    mids, table = scene.mids, empty_table(BOUND)
    slow_mids = np.ascontiguousarray(mids[::_STEPS_A_SAMPLE])

    def once(work: str, kernel: Callable[..., object], *inputs: Any) -> Timing:
        return Timing(work, COMPILED, *timed(partial(kernel, *inputs)))

    seen = (ring, sums, misfit, mids, slow_mids)
    whole = once(f"recalibration, Q = {BOUND}", recalibrate, *seen, gamma, delta, table)
    yield replace(whole, promise_ns=RECALIBRATION_NS)
    yield once("  arrivals to A and k", fit_sides, ring, sums, misfit)
    yield once("  volatility, two ways", volatilities, mids, slow_mids)
    yield once("  spectral table", spectral_table, _SIGMA, _A, _K, gamma, gamma, delta, 0.0, table)


def _called_recalibration(scene: Scene, tuning: Tuning) -> Timing:
    clock = count()

    def as_the_desk() -> None:
        offsets(scene.step(next(clock)), tuning, BOUND)

    return Timing("recalibration as run", CALLED, *timed(as_the_desk), RECALIBRATION_NS)


# ---------------------------------------------------------------- the command


def show_costs(settings: DeskSettings, *, as_json: bool) -> bool:
    """Print every cost beside its promise; True unless compiled code misses one by far."""
    warm_up()
    found = list(costs(settings))
    if as_json:
        print(json.dumps([_as_json(cost) for cost in found], indent=1))
    else:
        Console().print(_table(found))
    return not any(cost.broken for cost in found)


def _as_json(cost: Timing) -> dict[str, object]:
    return {**asdict(cost), "ratio": cost.ratio, "holds": cost.holds}


def _table(found: list[Timing]) -> Table:
    table = Table(
        box=None, pad_edge=False, caption=f"{_BATCHES} batches each; a quote is one of {_QUOTES}"
    )
    table.add_column("work", no_wrap=True)
    table.add_column("from", no_wrap=True)
    for head in ("best", "median", "promise", "holds"):
        table.add_column(head, justify="right", no_wrap=True)
    for cost in found:
        verdict = {None: "", True: "yes", False: "no"}[cost.holds]
        share = ""
        if cost.promise_ns is not None:
            share = f"{cost.ratio:.2f} of {cost.promise_ns / 1e3:g} µs"
        times = _span(cost.best_ns), _span(cost.median_ns)
        table.add_row(cost.work, cost.where, *times, share, verdict)
    return table


def _span(ns: float) -> str:
    if ns < 1e3:
        return f"{ns:.1f} ns"
    return f"{ns / 1e3:.2f} µs"
