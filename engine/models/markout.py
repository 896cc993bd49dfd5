"""Markouts: what a fill was worth a while later, and how well the quotes did their work.

    s·(mid - price)  =  s·(later mid - price)  +  s·(mid - later mid)
    effective        =  realised               +  adverse

s is +1 for a maker's buy. The identity holds fill by fill, so it holds for any means of the
same fills; a fill of which either mid is not known takes part in none of them.
"""

import math
from dataclasses import dataclass

import numpy as np

from exchange.jit import FloatArray, IntArray, njit

HORIZONS_S = (1.0, 5.0, 30.0)


@njit
def later_mids(
    fill_ns: IntArray, path_ns: IntArray, path_mids: FloatArray, horizon_ns: int, out: FloatArray
) -> None:
    """The mid in force ``horizon_ns`` after each fill.

    Args:
        fill_ns: int64[n], ascending.
        path_ns: int64[m], ascending, when each mid came into force.
        out: float64[n], overwritten; nan where the path had not yet begun or ended before:
            the last mid known is no later mid.
    """
    i = 0
    for fill in range(fill_ns.size):
        when = fill_ns[fill] + horizon_ns
        while i < path_ns.size and path_ns[i] <= when:
            i += 1
        known = i > 0 and when <= path_ns[-1]
        out[fill] = path_mids[i - 1] if known else np.nan


@njit
def weighted_mean(values: FloatArray, weights: FloatArray) -> tuple[float, float]:
    """Mean with its standard error.

    Args:
        weights: float64[n], positive.

    Returns:
        ``(mean, error)``: mean is nan without a value, error with fewer than two.

    Source:
        ``error² = n/(n-1)·sum(w²·(x-mean)²)/(sum w)²``; with equal weights, s/sqrt(n).
    """
    n = values.size
    if n == 0:
        return np.nan, np.nan
    total = weights.sum()
    mean = (weights * values).sum() / total
    if n == 1:
        return mean, np.nan
    squares = ((weights * (values - mean)) ** 2).sum()
    return mean, math.sqrt(squares * n / (n - 1)) / total


@dataclass(frozen=True, slots=True)
class Markout:
    """Volume-weighted means of one horizon, in the prices' own unit."""

    effective: float
    realised: float
    adverse: float
    realised_error: float
    """Standard error; nan with fewer than two fills.

    It takes the fills for independent. Those nearer to each other than the horizon share most
    of their move, so that in a busy session the truth is wider.
    """
    n: int
    left_out: int
    """Fills without a mid at the fill or at the horizon."""


def markout(
    sides: FloatArray, prices: FloatArray, lots: FloatArray, mids: FloatArray, later: FloatArray
) -> Markout:
    """Split what the fills earned into what was kept and what was lost to the move.

    Args:
        sides: float64[n], +1 for our buys, -1 for our sells.
        mids: At each fill; nan where there was none.
        later: From ``later_mids``.
    """
    known = np.isfinite(mids) & np.isfinite(later)
    s, p, m, m_later, weights = (x[known] for x in (sides, prices, mids, later, lots))
    effective, _ = weighted_mean(s * (m - p), weights)
    realised, error = weighted_mean(s * (m_later - p), weights)
    adverse, _ = weighted_mean(s * (m - m_later), weights)
    return Markout(effective, realised, adverse, error, weights.size, later.size - weights.size)


def in_bps(amount: float, mid: float) -> float:
    """An amount of price as hundredths of a per cent of the mid."""
    return amount / mid * 1e4
