"""Calibration of A, k and sigma: fitted again and again, and judged before they may be quoted.

Each 100 ms the touch is sampled; prints are counted as they come. At a steady pace the last window
is fitted, by ``engine.core.fill_intensity`` and ``engine.core.volatility``. A fit that is refused
leaves the last good one in use, at its cautious end, for a while; before the first good one the
prior quotes, if there is one, until the market had its chance.
"""

import math
from dataclasses import dataclass

import numpy as np

from engine.core import fill_intensity, volatility
from engine.core.desk_layout import (
    ASK_FIT,
    BID_FIT,
    BOTH_FIT,
    COUNTS_ARRIVALS,
    FIT_A,
    FIT_ARRIVALS,
    FIT_EVERY_NS,
    FIT_K,
    FIT_NS,
    FIT_SIGMA,
    FIT_SOURCE,
    FIT_TOLD_CODE,
    FIT_TOLD_NONE,
    FIT_WIDENED,
    FROM_PRIOR,
    FROM_WINDOW,
    GOOD_FIT,
    GOOD_NS,
    HOLD_S,
    INTENSITY_BY,
    LEVELS,
    LINE_SPREAD,
    MIDS_KEPT,
    MISFIT_BORNE,
    NEAREST_TICKS,
    NEVER_NS,
    NEXT_FIT_NS,
    NO_FIT,
    READ_CODE,
    READ_MAX_MISFIT,
    READ_MISFIT,
    READ_NOISE,
    READ_NS,
    READ_SIGMA,
    READ_SIGMA_HIGH,
    READ_SIGMA_LOW,
    ROW_A,
    ROW_A_LOW,
    ROW_K,
    ROW_K_DISPERSION,
    ROW_K_LOW,
    ROW_N,
    SAMPLED_FIRST_NS,
    SAMPLED_NS,
    VOLATILITY_BY,
    VOLATILITY_STEPS,
    WINDOW_NS,
    WINDOW_S,
    WINDOW_SEEN_NS,
    fit_row,
)
from engine.core.fill_intensity import read_intensities, start_counting, watch_sides
from engine.core.notes import FIT_JUDGED, note
from engine.core.settings import STEP_NS, DeskSettings
from engine.core.volatility import add_mid, read_volatility
from engine.models.acceptance import (
    ACCEPTED,
    POOR_FIT,
    REASONS,
    TOO_FEW,
    TOO_SHORT,
    fit_to_quote,
    judge_fit,
    misfit_limit,
)
from engine.models.intensity import SideFit
from engine.models.level_intensity import side_fit_of
from engine.models.online_intensity import FEWEST_EFFECTIVE
from exchange.jit import FloatArray, IntArray, in_python, njit, piece
from exchange.market_layout import NO_BID

_STALL_NS = 3 * STEP_NS // 2  # a change of the mid over a longer step is no change of 100 ms
_STEP_S = STEP_NS / 1e9
_LEAST_SEEN = 0.5
"""Share of the window in which the book must have been seen, or nothing is fitted to it."""


# ---------------------------------------------------------------- the step


@njit
def sample(
    desk: IntArray, reals: FloatArray, bid: int, ask: int, tape_up: bool, mono_ns: int
) -> bool:
    """One 100 ms sample; refits when it is time.

    Args:
        desk: int64[DESK_SIZE], as ``reals`` of ``engine.core.desk_layout``.
        bid: Others' best, as ``ask``; ``NO_BID`` without a touch.
        tape_up: Would prints reach us? Time in which they would not is not counted.

    Returns:
        True when the fit to quote with has changed, perhaps to none.
    """
    now_s, seen = mono_ns / 1e9, bid != NO_BID
    if desk[SAMPLED_FIRST_NS] == NEVER_NS:
        desk[SAMPLED_FIRST_NS] = desk[NEXT_FIT_NS] = mono_ns
        start_counting(reals, mono_ns)
    elif mono_ns - desk[SAMPLED_NS] > _STALL_NS:
        add_mid(desk, reals, np.nan, now_s)  # a change over a stall is no 100 ms change
    counted_s = (mono_ns - desk[SAMPLED_NS]) / 1e9 if desk[COUNTS_ARRIVALS] == 1 else 0.0
    desk[SAMPLED_NS] = mono_ns
    add_mid(desk, reals, 0.5 * (bid + ask) if seen else np.nan, now_s)
    desk[COUNTS_ARRIVALS] = seen and tape_up
    if desk[COUNTS_ARRIVALS] == 1:
        watch_sides(desk, reals, bid, ask, counted_s)  # prints were counted for so long
    if mono_ns < desk[NEXT_FIT_NS]:
        return False
    desk[NEXT_FIT_NS] = max(desk[NEXT_FIT_NS] + desk[FIT_EVERY_NS], mono_ns)
    desk[WINDOW_SEEN_NS] = mono_ns - desk[SAMPLED_FIRST_NS]
    if desk[WINDOW_SEEN_NS] < desk[WINDOW_NS]:
        return False
    _refit(desk, reals, mono_ns)
    return True


@piece
def _refit(desk: IntArray, reals: FloatArray, mono_ns: int) -> None:
    misfit, watched_s = read_intensities(desk, reals)
    read_volatility(desk, reals)
    desk[READ_NS], reals[READ_MISFIT] = mono_ns, misfit
    desk[READ_CODE] = _judge(reals, watched_s)
    _choose(desk, reals, mono_ns)
    _tell(desk, reals)


@piece
def _judge(reals: FloatArray, watched_s: float) -> int:
    """May the newest window's fit be quoted? A code of ``engine.models.acceptance``."""
    both = fit_row(reals, BOTH_FIT)
    fewer = min(fit_row(reals, BID_FIT)[ROW_N], fit_row(reals, ASK_FIT)[ROW_N])
    limit = misfit_limit(both[ROW_N] / both[ROW_K_DISPERSION], reals[MISFIT_BORNE])
    reals[READ_MAX_MISFIT] = limit
    if watched_s < _LEAST_SEEN * reals[WINDOW_S]:
        return TOO_SHORT
    # Counted, not weighed by their bursts: a burst is refused for a prior that knows less.
    A, k, misfit = both[ROW_A], both[ROW_K], reals[READ_MISFIT]
    return judge_fit(fewer, A, k, misfit, FEWEST_EFFECTIVE, limit)


@piece
def _choose(desk: IntArray, reals: FloatArray, mono_ns: int) -> None:
    """Choose the numbers to quote with from now on; none when nothing good is young enough."""
    code, both, good = desk[READ_CODE], fit_row(reals, BOTH_FIT), fit_row(reals, GOOD_FIT)
    if code == ACCEPTED:
        desk[GOOD_NS] = mono_ns
        good[:] = both
    ever = desk[GOOD_NS] != NEVER_NS
    age_s = (mono_ns - desk[GOOD_NS]) / 1e9 if ever else np.inf
    A, k = fit_to_quote(
        code, both[ROW_A], both[ROW_K], good[ROW_A_LOW], good[ROW_K_LOW], age_s, reals[HOLD_S]
    )
    sigma = reals[READ_SIGMA]
    if not sigma > 0.0:
        sigma = reals[FIT_SIGMA] if desk[FIT_SOURCE] != NO_FIT else np.nan
    if ((ever and age_s <= reals[HOLD_S]) or code == ACCEPTED) and sigma > 0.0:
        reals[FIT_A], reals[FIT_K], reals[FIT_SIGMA] = A, k, sigma
        desk[FIT_SOURCE], desk[FIT_NS] = FROM_WINDOW, desk[GOOD_NS]
        desk[FIT_ARRIVALS], desk[FIT_WIDENED] = int(good[ROW_N]), code != ACCEPTED
    elif ever or mono_ns - desk[SAMPLED_FIRST_NS] > _prior_ns(desk, reals):
        desk[FIT_SOURCE] = NO_FIT


@piece
def _prior_ns(desk: IntArray, reals: FloatArray) -> int:
    """How long the prior may quote before there was a good fit."""
    return int(desk[WINDOW_NS] + round(reals[HOLD_S] * 1e9))


@piece
def _tell(desk: IntArray, reals: FloatArray) -> None:
    """Note what is wrong, whenever that changes."""
    none = desk[FIT_SOURCE] == NO_FIT
    if desk[FIT_TOLD_CODE] == desk[READ_CODE] and (desk[FIT_TOLD_NONE] == 1) == none:
        return
    worse = desk[READ_CODE] != ACCEPTED or not reals[READ_SIGMA] > 0.0
    if worse or desk[FIT_TOLD_CODE] != ACCEPTED:
        note(desk, FIT_JUDGED, worse, 0, 0, 0)
    desk[FIT_TOLD_CODE], desk[FIT_TOLD_NONE] = desk[READ_CODE], none


# ---------------------------------------------------------------- what is shown


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


class Calibrator:
    """The fit in use and the newest reading, in words: a reader of the desk block.

    Args:
        desk: int64[DESK_SIZE].
        reals: float64[REALS_SIZE].
        settings: Window, pace, estimators, what is accepted, and the prior.
    """

    def __init__(self, desk: IntArray, reals: FloatArray, settings: DeskSettings) -> None:
        self._desk, self._reals, self._settings = desk, reals, settings
        desk[INTENSITY_BY] = fill_intensity.ESTIMATORS.index(settings.intensity)
        desk[VOLATILITY_BY] = volatility.ESTIMATORS.index(settings.volatility)
        desk[LEVELS] = settings.levels
        desk[VOLATILITY_STEPS] = max(round(settings.volatility_step_s / _STEP_S), 1)
        desk[MIDS_KEPT] = round(settings.window_s / _STEP_S) + 1
        desk[WINDOW_NS] = round(settings.window_s * 1e9)
        desk[FIT_EVERY_NS] = round(settings.recalibrate_s * 1e9)
        reals[NEAREST_TICKS], reals[WINDOW_S] = settings.nearest_ticks, settings.window_s
        reals[HOLD_S], reals[MISFIT_BORNE] = settings.hold_s, settings.max_misfit
        reals[LINE_SPREAD] = fill_intensity.LINE_SPREADS.get(settings.intensity, 1.0)
        if settings.prior is not None:
            desk[FIT_SOURCE] = FROM_PRIOR
            reals[[FIT_A, FIT_K, FIT_SIGMA]] = settings.prior

    @property
    def fit(self) -> Fit | None:
        """What is quoted with; None without a good fit that is young enough."""
        desk, reals = self._desk, self._reals
        if desk[FIT_SOURCE] == NO_FIT:
            return None
        A, k, sigma = reals[[FIT_A, FIT_K, FIT_SIGMA]].tolist()
        source = "prior" if desk[FIT_SOURCE] == FROM_PRIOR else "fit"
        at_ns, arrivals = int(desk[FIT_NS]), int(desk[FIT_ARRIVALS])
        return Fit(A, k, sigma, source, at_ns, arrivals, bool(desk[FIT_WIDENED]))

    @property
    def reading(self) -> Reading | None:
        """What the newest window says; None before the first is full."""
        if not self._desk[READ_NS]:
            return None
        bid, ask, both = (
            side_fit_of(in_python(fit_row)(self._reals, which))
            for which in (BID_FIT, ASK_FIT, BOTH_FIT)
        )
        misfit, max_misfit, sigma, low, high, noise = self._reals[
            [READ_MISFIT, READ_MAX_MISFIT, READ_SIGMA, READ_SIGMA_LOW, READ_SIGMA_HIGH, READ_NOISE]
        ].tolist()
        code = int(self._desk[READ_CODE])
        return Reading(bid, ask, both, misfit, max_misfit, code, sigma, (low, high), noise)

    @property
    def seen_s(self) -> float:
        """How much of the market was seen when it was last time to fit."""
        return float(self._desk[WINDOW_SEEN_NS] / 1e9)

    @property
    def note(self) -> str:
        """Why there is no newer fit, as a text; empty after a good one."""
        reading = self.reading
        if reading is None:
            begun = self._desk[SAMPLED_FIRST_NS] != NEVER_NS
            window_s = self._desk[WINDOW_NS] / 1e9
            return f"{self.seen_s:.0f} s of the {window_s:.0f} s window seen" if begun else ""
        problem = reading.problem
        if not problem and math.isnan(reading.sigma):
            problem = "no sigma yet: too few samples of the mid"
        elif not problem and reading.sigma == 0.0:
            problem = "the mid stood still"
        good = self._desk[GOOD_NS] != NEVER_NS
        if self.fit is None and problem and (good or self._settings.prior is not None):
            since = "last good fit" if good else "prior"
            began_ns = self._desk[GOOD_NS] if good else self._desk[SAMPLED_FIRST_NS]
            held_s = (self._desk[READ_NS] - began_ns) / 1e9
            return f"{since} {held_s:.0f} s old, hold_s {self._settings.hold_s:g}; {problem}"
        return problem

    @property
    def quoted(self) -> str:
        """What is quoted in place of a fit that was refused."""
        fit = self.fit
        if fit is None:
            return "nothing"
        return "the prior" if fit.source == "prior" else "the last good fit, widened"
