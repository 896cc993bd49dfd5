"""Calibration of A, k and sigma: fitted again and again, and judged before they may be quoted.

A market order is counted from the mid just before it by the venue's stamps: the streams do
not arrive in order, and a mid of a moment later takes a sweep for a touch. Each side keeps
its own A; k is of both together, since they share it and either alone knows little. The pair
that is quoted is then exact but for an inventory skew of ln(A_bid/A_ask)/2k, which is mostly noise.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

import numpy as np

from engine.core.log import DeskLog
from engine.core.settings import STEP_NS, DeskSettings
from engine.models.acceptance import (
    ACCEPTED,
    POOR_FIT,
    REASONS,
    TOO_FEW,
    TOO_SHORT,
    FitInUse,
    choose_fit,
    judge_fit,
    misfit_limit,
)
from engine.models.chi_square import sigma_interval
from engine.models.intensity import SideFit
from engine.models.level_intensity import (
    LevelWindow,
    carry_to_mid,
    first_price,
    first_rate,
    first_rate_by_line,
    is_watched,
    level_misfit,
    side_fit,
    watched_s,
)
from engine.models.online_intensity import (
    FEWEST_EFFECTIVE,
    arrive,
    go_deeper,
    read_intensity,
    start_watching,
    watch,
)
from engine.models.volatility import (
    bipower_sigma,
    realised_sigma,
    start_ewma,
    two_scale,
    update_ewma,
)
from exchange.jit import FloatArray
from exchange.types import Severity, Side

_STALL_NS = 3 * STEP_NS // 2  # a change of the mid over a longer step is no change of 100 ms
_SAME_ORDER_NS = 1_000_000
"""Prints of one side this close together are one market order."""
_STEP_S = STEP_NS / 1e9
_LEAST_SEEN = 0.5
"""Share of the window in which the book must have been seen, or nothing is fitted to it."""
_LINE_SPREADS = {"ols": 3.1, "wls": 1.4}
"""Errors of least squares over those of the likelihood, from the share of simulated desks whose
narrower interval held the truth: of A 0.48 and 0.87 instead of 0.95."""
_SLOWEST_STEPS = 60
"""Slow scale of the two-scale sigma, where the window is long enough."""
_EWMA_SPREAD = 2.0  # an EWMA of decay tau is worth 2·tau/step changes
_BIPOWER_SPREAD = 1.3  # variance of bipower over that of realised
_TWO_SCALE_GAIN = 1.5  # overlapping grids against one grid

TouchTicks = tuple[int, int]
"""``(bid_ticks, ask_ticks)``."""


@dataclass(frozen=True, slots=True)
class Fit:
    """The market's numbers to quote with."""

    A_per_s: float
    k_per_tick: float
    sigma_ticks: float
    source: str
    """``prior`` or ``fit``."""
    mono_ns: int
    """When A and k were fitted."""
    arrivals: int
    widened: bool = False
    """The newest window gave no good fit; these are an older one's at their cautious end."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the newest window says, taken or refused."""

    bid: SideFit
    ask: SideFit
    both: SideFit
    """A: the geometric mean of the sides'; k: of all arrivals."""
    misfit: float
    max_misfit: float
    code: int
    """Of ``acceptance``."""
    sigma: float
    sigma_interval: tuple[float, float]
    noise_ratio: float
    """Sigma as sampled over sigma without the quotes' bounce; nan where that is unknown."""

    @property
    def n(self) -> int:
        """Arrivals on the side that has fewer."""
        return min(self.bid.n, self.ask.n)

    @property
    def problem(self) -> str:
        """Why it is refused, with the value against the limit; empty when it is not."""
        detail = {
            TOO_FEW: f" ({self.n} of {FEWEST_EFFECTIVE:.0f} on one side)",
            POOR_FIT: f" (misfit {self.misfit:.2f} of {self.max_misfit:.2f})",
        }
        return REASONS[self.code] + detail.get(self.code, "")


class MidWindow:
    """The last n mids, oldest first and contiguous: each is written twice, n places apart."""

    def __init__(self, n: int) -> None:
        self._room = np.full(2 * n, np.nan)
        self._n = n
        self._at = 0

    def add(self, mid_ticks: float) -> None:
        self._room[self._at] = self._room[self._at + self._n] = mid_ticks
        self._at = (self._at + 1) % self._n

    def last(self) -> FloatArray:
        """float64[n]: a view, with nan for what was not seen."""
        return self._room[self._at : self._at + self._n]

    def unbroken(self) -> FloatArray:
        """float64: the newest of them without a nan between."""
        mids = self.last()
        gaps = np.flatnonzero(np.isnan(mids))
        return mids[gaps[-1] + 1 :] if gaps.size else mids

    def every(self, steps: int) -> FloatArray:
        """float64: each ``steps``-th of them, the newest included."""
        return np.ascontiguousarray(self.last()[(self._n - 1) % steps :: steps])


@dataclass(slots=True)
class _Sweep:
    """A market order whose prints may still be coming in."""

    exch_ns: int
    height: int
    """side times price of the last print: it falls as the order goes deeper."""
    first_ticks: int
    """The first level that it could reach."""
    j: int = -1
    at: int = 0

    def goes_on(self, height: int, exch_ns: int) -> bool:
        return 0 <= exch_ns - self.exch_ns < _SAME_ORDER_NS and height <= self.height


class Intensity:
    """Both sides' arrivals, counted by level and also with exponential weights."""

    def __init__(self, settings: DeskSettings) -> None:
        self._nearest_ticks = settings.nearest_ticks
        self._estimator = settings.intensity
        self._spread = _LINE_SPREADS.get(settings.intensity, 1.0)
        self._tau_s = settings.window_s
        self._levels = LevelWindow(round(settings.window_s * 1e9), settings.levels)
        self._reaching = np.zeros(settings.levels)
        self._weighted = {key: np.zeros(5) for key in (Side.BUY, Side.SELL, 0)}  # 0: both
        self._sweeps: dict[Side, _Sweep] = {}

    def start(self, mono_ns: int) -> None:
        for state in self._weighted.values():
            start_watching(state, mono_ns / 1e9)

    def receive_print(
        self,
        aggressor: Side,
        price_ticks: int,
        exch_ns: int,
        touch_before: Callable[[int], TouchTicks | None],
        mono_ns: int,
    ) -> None:
        """One print; several prints of one market order count once, at the deepest.

        A market order only goes deeper: a print nearer to the touch begins another.
        """
        side = Side(-aggressor)
        sweep = self._sweeps.get(side)
        if sweep is None or not sweep.goes_on(side * price_ticks, exch_ns):
            touch = touch_before(exch_ns)
            if touch is None:
                return
            first_ticks = first_price(int(side), *touch, self._nearest_ticks)
            if not is_watched(side * (0.5 * sum(touch) - first_ticks)):
                return
            sweep = self._sweeps[side] = _Sweep(exch_ns, side * price_ticks, first_ticks)
        sweep.height = side * price_ticks
        j = side * (sweep.first_ticks - price_ticks)
        if j <= sweep.j:
            return
        if sweep.j < 0:
            sweep.at = self._levels.arrive(side, j, mono_ns)
            for state in (self._weighted[side], self._weighted[0]):
                arrive(state, mono_ns / 1e9, j, self._tau_s)
        else:
            self._levels.recount(sweep.at, sweep.j, j)
            for state in (self._weighted[side], self._weighted[0]):
                go_deeper(state, j - sweep.j)
        sweep.j = j

    def watch(self, touch: TouchTicks, span_s: float, mono_ns: int) -> None:
        """A stretch of time, up to now, during which this touch stood."""
        mid = 0.5 * sum(touch)
        for side in Side:
            depth = side * (mid - first_price(int(side), *touch, self._nearest_ticks))
            self._levels.watch(side, depth, span_s, mono_ns)
            if is_watched(depth):
                for state in (self._weighted[side], self._weighted[0]):
                    watch(state, mono_ns / 1e9, span_s, self._tau_s)

    def read(self, mono_ns: int) -> tuple[SideFit, SideFit, SideFit, float, float]:
        """``(bid, ask, both, misfit, watched_s)`` as of now."""
        bid_numbers, ask_numbers = self._levels.read(mono_ns)
        all_numbers = bid_numbers + ask_numbers
        sides = ((bid_numbers, Side.BUY), (ask_numbers, Side.SELL))
        rates = [self._first_rate(numbers, side) for numbers, side in sides]
        _, k = self._first_rate(all_numbers, 0)
        *strayed, both_strayed = self._levels.dispersions(k)
        bid, ask = (
            side_fit(numbers, carry_to_mid(rate, side_k, numbers), side_k, None, self._spread, of)
            for (rate, side_k), (numbers, _), of in zip(rates, sides, strayed, strict=True)
        )
        both_A = [
            carry_to_mid(rate, k, numbers)
            for (rate, _), (numbers, _) in zip(rates, sides, strict=True)
        ]
        # The geometric mean is as uncertain as its poorer half, not as all arrivals together.
        evenly = 4.0 / (1.0 / max(bid.n, 1) + 1.0 / max(ask.n, 1))
        A = math.sqrt(both_A[0] * both_A[1])
        both = side_fit(all_numbers, A, k, evenly, self._spread, both_strayed)
        return bid, ask, both, level_misfit(all_numbers, k), watched_s(bid_numbers)

    def _first_rate(self, numbers: FloatArray, key: int) -> tuple[float, float]:
        """Arrivals a second at the first level or beyond, and k."""
        match self._estimator:
            case "mle":
                return first_rate(numbers)
            case "online":
                rate, per_level, _ = read_intensity(self._weighted[key])
                return rate, math.log1p(per_level)
            case "ols" | "wls" as line:
                return first_rate_by_line(numbers, line == "wls", self._reaching)


class Volatility:
    """Sigma of the mid by the estimator that was chosen, from samples 100 ms apart."""

    def __init__(self, settings: DeskSettings) -> None:
        self._estimator = settings.volatility
        self._steps = max(round(settings.volatility_step_s / _STEP_S), 1)
        self._tau_s = settings.window_s
        self._mids = MidWindow(round(settings.window_s / _STEP_S) + 1)
        self._slow = max(min(_SLOWEST_STEPS, self._mids.last().size // 10), 2)
        self._ewma = np.full(3, np.nan)
        self._seen = 0

    @property
    def _step_s(self) -> float:
        return self._steps * _STEP_S

    def add(self, mid_ticks: float, mono_ns: int) -> None:
        self._mids.add(mid_ticks)
        self._seen += 1
        if self._seen % self._steps == 0:
            self._update_ewma(mid_ticks, mono_ns / 1e9)

    def _update_ewma(self, mid_ticks: float, time_s: float) -> None:
        if not math.isnan(self._ewma[0]):
            update_ewma(self._ewma, mid_ticks, time_s, self._tau_s)
        elif self._seen >= self._mids.last().size:
            # A guess from two changes would still weigh a third when the window is full.
            first = realised_sigma(self._mids.every(self._steps), self._step_s)
            if not math.isnan(mid_ticks + first):
                start_ewma(self._ewma, mid_ticks, time_s, first)

    def read(self) -> tuple[float, tuple[float, float], float]:
        """``(sigma, its 95 % interval, noise ratio)``; nan where there is nothing yet."""
        sampled = self._mids.every(self._steps)
        realised = realised_sigma(sampled, self._step_s)
        unbroken = self._mids.unbroken()
        clean, *_ = two_scale(unbroken, _STEP_S, self._slow)
        sigma, n = realised, float(np.count_nonzero(~np.isnan(np.diff(sampled))))
        match self._estimator:
            case "bipower":
                sigma, n = bipower_sigma(sampled, self._step_s), n / _BIPOWER_SPREAD
            case "two_scale" if not math.isnan(clean):
                sigma, n = clean, _TWO_SCALE_GAIN * unbroken.size / self._slow
            case "ewma" if not math.isnan(self._ewma[0]):
                sigma = math.sqrt(self._ewma[2])
                n = min(_EWMA_SPREAD * self._tau_s, self._seen * _STEP_S) / self._step_s
            case "realised" | "two_scale" | "ewma":
                pass  # the latter two while they have seen too little
            case unknown:
                assert_never(unknown)
        noise = realised / clean if clean > 0.0 else math.nan
        if not sigma > 0.0:
            return sigma, (math.nan, math.nan), noise
        return sigma, sigma_interval(sigma, max(round(n), 1)), noise


class Calibrator:
    """Samples the market, and fits A, k and sigma to the last window at a steady pace.

    Args:
        settings: Window, pace, estimators, what is accepted, and the prior.
    """

    def __init__(self, settings: DeskSettings, log: DeskLog) -> None:
        self._settings = settings
        self._log = log
        self._window_ns = round(settings.window_s * 1e9)
        self._pace_ns = round(settings.recalibrate_s * 1e9)
        self._intensity = Intensity(settings)
        self._volatility = Volatility(settings)
        self._in_use: FitInUse | None = None
        self._counting = False
        self._good_ns: int | None = None
        self._prior_ns = round((settings.window_s + settings.hold_s) * 1e9)
        self._reported = (ACCEPTED, False)
        self._first_ns: int | None = None
        self._next_fit_ns = self._stepped_ns = 0
        self.seen_s = 0.0
        self.reading: Reading | None = None
        self.note = ""
        """Why there is no newer fit, as a text; empty after a good one."""
        self.fit: Fit | None = None
        if settings.prior is not None:
            self.fit = Fit(*settings.prior, source="prior", mono_ns=0, arrivals=0)

    def receive_print(
        self,
        aggressor: Side,
        price_ticks: int,
        exch_ns: int,
        touch_before: Callable[[int], TouchTicks | None],
        mono_ns: int,
    ) -> None:
        """One print of the tape, to be seen against the touch just before it.

        While no book is seen none counts: the time in which it came is not counted either.
        """
        if not self._counting:
            return
        self._intensity.receive_print(aggressor, price_ticks, exch_ns, touch_before, mono_ns)

    def step(self, touch: TouchTicks | None, mono_ns: int, *, tape_up: bool = True) -> bool:
        """One 100 ms sample; refits when it is time.

        Args:
            tape_up: Would prints reach us? Time in which they would not is not counted.

        Returns:
            True when the fit to quote with has changed, perhaps to none.
        """
        if self._first_ns is None:
            self._first_ns = self._next_fit_ns = mono_ns
            self._intensity.start(mono_ns)
        elif mono_ns - self._stepped_ns > _STALL_NS:
            self._volatility.add(math.nan, mono_ns)  # a change over a stall is no 100 ms change
        seen_s = (mono_ns - self._stepped_ns) / 1e9 if self._counting else 0.0
        self._stepped_ns = mono_ns
        self._volatility.add(0.5 * sum(touch) if touch else math.nan, mono_ns)
        self._counting = touch is not None and tape_up
        if touch is not None and tape_up:
            self._intensity.watch(touch, seen_s, mono_ns)  # prints were counted for so long
        if mono_ns < self._next_fit_ns:
            return False
        self._next_fit_ns = max(self._next_fit_ns + self._pace_ns, mono_ns)
        self.seen_s = (mono_ns - self._first_ns) / 1e9
        if mono_ns - self._first_ns < self._window_ns:
            self.note = f"{self.seen_s:.0f} s of the {self._window_ns / 1e9:.0f} s window seen"
            return False
        return self._refit(mono_ns)

    def _refit(self, mono_ns: int) -> bool:
        settings = self._settings
        bid, ask, both, misfit, seen_s = self._intensity.read(mono_ns)
        A, k = both.A_per_s, both.k_per_tick
        limit = misfit_limit(both.n / both.k_dispersion, settings.max_misfit)
        # Counted, not weighed by their bursts: a burst is refused for a prior that knows less.
        code = judge_fit(min(bid.n, ask.n), A, k, misfit, FEWEST_EFFECTIVE, limit)
        if seen_s < _LEAST_SEEN * settings.window_s:
            code = TOO_SHORT
        reading = Reading(bid, ask, both, misfit, limit, code, *self._volatility.read())
        now_s = mono_ns / 1e9
        self.reading = reading
        last = self._in_use
        self._in_use = choose_fit(both, code, last, now_s, settings.hold_s)
        if code == ACCEPTED:
            self._good_ns = mono_ns
        self.fit = self._next_fit(reading.sigma, mono_ns)
        self._tell(reading, mono_ns)
        return True

    def _next_fit(self, sigma_ticks: float, mono_ns: int) -> Fit | None:
        """The numbers to quote with from now on; None when nothing good is young enough."""
        held = self.fit
        if not sigma_ticks > 0.0:
            sigma_ticks = held.sigma_ticks if held is not None else math.nan
        if self._in_use is not None and sigma_ticks > 0.0:
            return self._to_quote(self._in_use, sigma_ticks)
        waiting = self._good_ns is None and mono_ns - (self._first_ns or 0) <= self._prior_ns
        return held if waiting else None  # the prior, until the market had its chance

    def _to_quote(self, used: FitInUse, sigma_ticks: float) -> Fit:
        return Fit(
            used.A_per_s,
            used.k_per_tick,
            sigma_ticks,
            "fit",
            round(used.fitted_at_s * 1e9),
            used.fit.n,
            widened=used.code != ACCEPTED,
        )

    def _tell(self, reading: Reading, mono_ns: int) -> None:
        """Say what is wrong, and log it whenever that changes."""
        self.note = reading.problem
        if not self.note and math.isnan(reading.sigma):
            self.note = "no sigma yet: too few samples of the mid"
        elif not self.note and reading.sigma == 0.0:
            self.note = "the mid stood still"
        ever = self._good_ns is not None or self._settings.prior is not None
        if self.fit is None and self.note and ever:
            held_s = (mono_ns - (self._good_ns or self._first_ns or 0)) / 1e9
            since = "last good fit" if self._good_ns else "prior"
            self.note = f"{since} {held_s:.0f} s old, hold_s {self._settings.hold_s:g}; {self.note}"
        report = (reading.code, self.fit is None)
        if report == self._reported:
            return
        worse = bool(self.note)
        if worse or self._reported[0] != ACCEPTED:
            remedy = f"; quoting {self._source()}" if worse else ""
            severity = Severity.WARNING if worse else Severity.INFO
            self._log.note(severity, f"calibration: {self.note or 'fitted again'}{remedy}")
        self._reported = report

    def _source(self) -> str:
        if self.fit is None:
            return "nothing"
        return "the prior" if self.fit.source == "prior" else "the last good fit, widened"
