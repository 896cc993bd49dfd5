"""Fit acceptance: whether a fresh fit of A and k may move quotes, or the last good one stays.

A refused fit is not an error: quiet minutes and torn books happen every day. What must not
happen is a quote made of one, or an old fit passing for a new one.
"""

import math
from dataclasses import dataclass

import numpy as np

from engine.models.intensity import SideFit
from exchange.jit import njit

ACCEPTED, TOO_SHORT, TOO_FEW, NO_DECAY, POOR_FIT, NOT_A_NUMBER = range(6)

REASONS = {
    ACCEPTED: "",
    TOO_SHORT: "the book was not seen long enough",
    TOO_FEW: "too few market orders",
    NO_DECAY: "intensity does not decay with depth",
    POOR_FIT: "depths are far from exponential",
    NOT_A_NUMBER: "the fit is not a number",
}
"""What a trader reads about each code."""


@njit
def misfit_limit(n: float, max_misfit: float) -> float:
    """The largest distance from the exponential that is borne with so many arrivals.

    Args:
        max_misfit: Beyond what chance explains.

    Source:
        1.36/sqrt(n) is the 95 % point of Kolmogorov's distance.
    """
    return max_misfit + 1.36 / math.sqrt(n) if n > 0.0 else np.inf


@njit
def judge_fit(n: float, A: float, k: float, misfit: float, fewest: float, max_misfit: float) -> int:
    """May this fit be quoted?

    Args:
        n: Arrivals it rests on, of the side that saw fewer, or effective arrivals.
        misfit: From ``worst_misfit``; nan when it was not measured.
        fewest: Arrivals wanted.
        max_misfit: From ``misfit_limit``, of all the arrivals that the misfit was measured on.

    Returns:
        ``ACCEPTED`` or the first thing wrong with it.
    """
    if n < fewest:
        return TOO_FEW
    if np.isnan(A) or np.isnan(k) or np.isinf(A) or A <= 0.0:
        return NOT_A_NUMBER
    if k <= 0.0 or np.isinf(k):
        return NO_DECAY
    if misfit > max_misfit:
        return POOR_FIT
    return ACCEPTED


@dataclass(frozen=True, slots=True)
class FitInUse:
    """The A and k to quote with, and how they came to be in use."""

    A_per_s: float
    k_per_tick: float
    fit: SideFit
    fitted_at_s: float
    code: int
    """What the newest fit was refused for; ``ACCEPTED`` when this is the newest."""


def choose_fit(
    fresh: SideFit, code: int, last: FitInUse | None, now_s: float, max_age_s: float
) -> FitInUse | None:
    """The fresh fit when it was accepted, else the last good one at its cautious end.

    An aging fit is quoted with the low end of A and the low end of k, which is the high end
    of the depth 1/k: both widen the quotes by as much as the data leave open.

    Returns:
        None when there is nothing fit to quote: no good fit ever, or none young enough.
    """
    if code == ACCEPTED:
        return FitInUse(fresh.A_per_s, fresh.k_per_tick, fresh, now_s, ACCEPTED)
    if last is None or now_s - last.fitted_at_s > max_age_s:
        return None
    A, k = last.fit.A_interval[0], last.fit.k_interval[0]
    return FitInUse(A, k, last.fit, last.fitted_at_s, code)
