"""Fill intensity from our own quotes: A and k where queue and size have had their say.

Market orders show how deep others reached; only our own fills show how often somebody at our
place in the queue is reached.
"""

import math

import numpy as np

from engine.models.chi_square import chi_square_quantile
from exchange.jit import FloatArray, IntArray, njit

_STEPS = 100  # a bound on the loop: bisection alone would be done by then


@njit
def tilted_moments(
    depths_ticks: FloatArray, exposure_s: FloatArray, k: float
) -> tuple[float, float, float]:
    """Total, mean and variance of depth under the weights ``E·exp(-k·depth)``.

    Returns:
        The total is that of ``E·exp(-k·(depth - depths_ticks[0]))``, so that it cannot
        overflow where the mean is wanted.

    Source:
        Moments of depth under ``E·exp(-k·depth)``, as the score equation needs them.
    """
    total = first = second = 0.0
    for j in range(depths_ticks.size):
        depth = depths_ticks[j] - depths_ticks[0]
        w = exposure_s[j] * math.exp(-k * depth)
        total += w
        first += w * depth
        second += w * depth * depth
    mean = first / total
    return total, mean + depths_ticks[0], second / total - mean * mean


@njit
def fit_own_fills(
    depths_ticks: FloatArray, exposure_s: FloatArray, fills: IntArray
) -> tuple[float, float, float]:
    """Maximum likelihood of A and k from quotes held at several depths.

    Args:
        depths_ticks: float64[n], ascending and distinct.
        exposure_s: float64[n], how long we quoted at each in all; positive.
        fills: int64[n], how many fills each brought.

    Returns:
        ``(A, k, se_k)``; nan thrice when the fills show no slope: none, or all of
        them at the nearest depth, or all at the farthest.

    Source:
        Score equation: the fills' mean depth is the tilted mean. The mean falls as k
        grows, so Newton inside a bracket cannot miss.
    """
    n = fills.sum()
    if n == 0 or n == fills[0] or n == fills[-1]:
        return np.nan, np.nan, np.nan
    goal = (fills * depths_ticks).sum() / n
    span = depths_ticks[-1] - depths_ticks[0]
    low, high, k = -700.0 / span, 700.0 / span, 0.0
    for _ in range(_STEPS):
        _, mean, variance = tilted_moments(depths_ticks, exposure_s, k)
        low, high = (k, high) if mean > goal else (low, k)
        step = (mean - goal) / variance if variance > 0.0 else np.inf
        if abs(step) <= 1e-15 + 1e-14 * abs(k):
            break
        k = k + step if low < k + step < high else 0.5 * (low + high)
    total, _, variance = tilted_moments(depths_ticks, exposure_s, k)
    return n / total * math.exp(k * depths_ticks[0]), k, 1.0 / math.sqrt(n * variance)


@njit
def fit_waits(n_filled: int, total_wait_s: float) -> tuple[float, float, float, float]:
    """Fill rate at one depth from waiting times, censored ones included.

    Args:
        n_filled: Waits that ended in a fill; a cancelled or moved quote is censored.
        total_wait_s: Sum of all waits, censored included; positive.

    Returns:
        ``(rate, unbiased, low, high)`` per second: the likelihood's, the one without bias
        (nan without a fill), and a 95 % interval on the safe side.

    Source:
        Rate of a Poisson stream observed for a time; ``(n-1)/T`` is unbiased, Garwood the interval.
    """
    unbiased = (n_filled - 1) / total_wait_s if n_filled > 0 else np.nan
    low = chi_square_quantile(0.025, 2.0 * n_filled) / (2.0 * total_wait_s)
    high = chi_square_quantile(0.975, 2.0 * n_filled + 2.0) / (2.0 * total_wait_s)
    return n_filled / total_wait_s, unbiased, low, high


@njit
def fit_rates(
    depths_ticks: FloatArray, rates: FloatArray, fills: IntArray
) -> tuple[float, float, float]:
    """Line through log rates of several depths, each weighed by its fills.

    Args:
        rates: float64[n], per second, from ``fit_waits``.
        fills: int64[n]; depths without a fill are left out.

    Returns:
        ``(A, k, se_k)``; nan thrice with fewer than two depths that filled.

    Source:
        The log of a rate seen n times has variance 1/n.
    """
    sum_w = sum_x = sum_y = sum_xx = sum_xy = 0.0
    for j in range(rates.size):
        if fills[j] > 0:
            x, y = depths_ticks[j], math.log(rates[j])
            sum_w += fills[j]
            sum_x += fills[j] * x
            sum_y += fills[j] * y
            sum_xx += fills[j] * x * x
            sum_xy += fills[j] * x * y
    spread = sum_w * sum_xx - sum_x * sum_x
    if not spread > 0.0:
        return np.nan, np.nan, np.nan
    k = (sum_x * sum_y - sum_w * sum_xy) / spread
    return math.exp((sum_y + k * sum_x) / sum_w), k, math.sqrt(sum_w / spread)


@njit
def virtual_waits(
    times_s: FloatArray,
    prices_ticks: FloatArray,
    mids_ticks: FloatArray,
    side: int,
    depth_ticks: float,
    through: bool,
) -> tuple[int, float]:
    """Waits of an imagined quote, one after another and never overlapping.

    Each quote is placed ``depth_ticks`` from the mid of a print and waits for a later print
    to reach it; the next is placed at the print that filled it. Overlapping waits would
    count the same luck many times and make any interval a lie.

    Args:
        times_s: float64[n], prints in order.
        mids_ticks: float64[n], the mid at each print.
        side: +1 for a bid, -1 for an ask.
        through: A print beyond the quote fills it; otherwise one at its price does, which
            is the luck of the front of the queue.

    Returns:
        ``(n_filled, total_wait_s)``, the last wait censored, for ``fit_waits``.
    """
    filled, start = 0, 0
    for i in range(1, times_s.size):
        quote = mids_ticks[start] - side * depth_ticks
        beyond = side * (quote - prices_ticks[i])
        if beyond > 0.0 or (beyond == 0.0 and not through):
            filled, start = filled + 1, i
    return filled, times_s[-1] - times_s[0] if times_s.size else 0.0
