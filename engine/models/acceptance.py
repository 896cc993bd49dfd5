"""Fit acceptance: whether a fresh fit of A and k may move quotes, or the last good one stays.

A refused fit is not an error: quiet minutes and torn books happen every day. What must not
happen is a quote made of one, or an old fit passing for a new one.
"""

import math

import numpy as np

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


@njit
def fit_to_quote(
    code: int, A: float, k: float, low_A: float, low_k: float, age_s: float, max_age_s: float
) -> tuple[float, float]:
    """The fresh A and k when they were accepted, else the last good ones at their cautious end.

    An aging fit is quoted with the low end of A and the low end of k, which is the high end
    of the depth 1/k: both widen the quotes by as much as the data leave open.

    Args:
        code: What the fresh fit was judged.
        A: The fresh fit's, as ``k``.
        low_A: Of the last good fit, as ``low_k``.
        age_s: Of that; inf where there was none.

    Returns:
        nan twice when there is nothing fit to quote: no good fit ever, or none young enough.
    """
    if code == ACCEPTED:
        return A, k
    return (np.nan, np.nan) if age_s > max_age_s else (low_A, low_k)
