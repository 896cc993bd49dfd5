"""Volatility of the mid, in ticks per square-root second.

Sample the mid by the clock, never by the trade. The bounce of a quote between two prices is
noise that a slow sample hardly sees and a fast one takes for volatility: realised² tends to
``sigma² + 2·omega²/step``. The two-scale figure takes it out, and the ratio of the two says
how much of it there is.
"""

import math

import numpy as np

from exchange.jit import FloatArray, njit

SHORTEST_STEP_S = 1e-3
"""Changes closer together than this are one change."""

_LAST_PRICE, _LAST_S, _VARIANCE = range(3)


@njit
def realised_sigma(mids_ticks: FloatArray, step_s: float) -> float:
    """Realised volatility in ticks per square-root second.

    Args:
        mids_ticks: float64[n], sampled every ``step_s``, oldest first; nan where there was
            no two-sided book. A change with a nan end is left out.
        step_s: Seconds between samples.

    Returns:
        nan with fewer than two usable changes.

    Source:
        Sum of squared changes over their time; standard error of sigma is sigma/sqrt(2n).
    """
    squares = 0.0
    n = 0
    for i in range(1, mids_ticks.size):
        change = mids_ticks[i] - mids_ticks[i - 1]
        if not np.isnan(change):
            squares += change * change
            n += 1
    if n < 2:
        return np.nan
    return float(np.sqrt(squares / (n * step_s)))


@njit
def demeaned_sigma(mids_ticks: FloatArray, step_s: float) -> float:
    """The same about the changes' own mean: the tutorial's ``nanstd(chg)·sqrt(1/step)``.

    Returns:
        nan with fewer than two usable changes.

    Source:
        Population standard deviation: ``nanstd`` of the tutorial, over sqrt(step).
    """
    total = squares = 0.0
    n = 0
    for i in range(1, mids_ticks.size):
        change = mids_ticks[i] - mids_ticks[i - 1]
        if not np.isnan(change):
            total += change
            squares += change * change
            n += 1
    if n < 2:
        return np.nan
    return math.sqrt(max(squares / n - (total / n) ** 2, 0.0) / step_s)


@njit
def bipower_sigma(mids_ticks: FloatArray, step_s: float) -> float:
    """Volatility between jumps: a jump meets an ordinary neighbour, and nothing squares it.

    No cure for a coarse grid, where most neighbours are zero: sample at 1 s or slower.

    Args:
        mids_ticks: As for ``realised_sigma``.

    Returns:
        nan without two usable changes in a row.

    Source:
        Barndorff-Nielsen & Shephard, "Power and bipower variation with stochastic
        volatility and jumps" (2004).
    """
    products = 0.0
    pairs = 0
    for i in range(2, mids_ticks.size):
        change = mids_ticks[i] - mids_ticks[i - 1]
        before = mids_ticks[i - 1] - mids_ticks[i - 2]
        if not np.isnan(change * before):
            products += abs(change * before)
            pairs += 1
    if pairs == 0:
        return np.nan
    return math.sqrt(0.5 * math.pi * products / (pairs * step_s))


@njit
def lagged_variation(mids_ticks: FloatArray, lag: int) -> float:
    """Sum of squared changes over ``lag`` steps, averaged over the grids they form."""
    squares = 0.0
    for i in range(lag, mids_ticks.size):
        change = mids_ticks[i] - mids_ticks[i - lag]
        squares += change * change
    return squares / lag


@njit
def two_scale(
    mids_ticks: FloatArray, step_s: float, slow: int
) -> tuple[float, float, float, float]:
    """Volatility with the quote's bounce taken out.

    Args:
        mids_ticks: float64[n], evenly sampled and without nan.
        slow: Steps in the slow scale: at least 2, well below n.

    Returns:
        ``(sigma, noise_variance, raw, adjusted)``: ticks per square-root second, ticks²,
        and the two variations in ticks². Where the window is too short for ``adjusted`` to
        be positive, sigma is that of the slow scale alone. nan four times when n is not
        above ``slow``.

    Source:
        Zhang, Mykland & Aït-Sahalia, "A tale of two time scales" (2005), eqs. (55) and (64);
        adjusted/(n·step) as printed there leaves out the edges, which ``(n+1)/(n-slow+1)``
        makes up for: without it sigma is 5 % low at 600 steps and 60.
    """
    n = mids_ticks.size - 1
    if n <= slow:
        return np.nan, np.nan, np.nan, np.nan
    fast_variation = lagged_variation(mids_ticks, 1)
    slow_variation = lagged_variation(mids_ticks, slow)
    per_grid = (n - slow + 1) / slow
    raw = slow_variation - per_grid / n * fast_variation
    adjusted = raw / (1.0 - per_grid / n)
    variance = adjusted * (n + 1) / (n * (n - slow + 1) * step_s)
    if not adjusted > 0.0:
        variance = slow_variation / (per_grid * slow * step_s)
    return math.sqrt(variance), fast_variation / (2.0 * n), raw, adjusted


@njit
def parkinson_sigma(high_ticks: float, low_ticks: float, span_s: float) -> float:
    """Volatility from a range, free of drift; low where the path was only sampled.

    Source:
        Parkinson, "The extreme value method for estimating the variance of the rate of
        return" (1980).
    """
    return (high_ticks - low_ticks) / math.sqrt(4.0 * math.log(2.0) * span_s)


@njit
def blend_variance(variance: float, change_ticks: float, step_s: float, tau_s: float) -> float:
    """Exponentially weighted variance after one more change, over any time.

    Source:
        ``v ← w·v + (1-w)·r²/dt`` with ``w = exp(-dt/tau)``; the standard error of sigma is
        about ``sigma·sqrt(dt/(4·tau))``.
    """
    share = -math.expm1(-step_s / tau_s)
    return variance + share * (change_ticks * change_ticks / step_s - variance)


@njit
def start_ewma(state: FloatArray, mid_ticks: float, time_s: float, sigma: float) -> None:
    """Begin from a guess of sigma, which fades with the decay time.

    Args:
        state: float64[3], overwritten.
    """
    state[_LAST_PRICE] = mid_ticks
    state[_LAST_S] = time_s
    state[_VARIANCE] = sigma * sigma


@njit
def update_ewma(state: FloatArray, mid_ticks: float, time_s: float, tau_s: float) -> float:
    """Sigma after one more mid, at whatever time it came.

    A mid within a millisecond of the last one taken is passed over; its change is not lost,
    but belongs to the next.

    Args:
        state: float64[3], updated.
        mid_ticks: nan is passed over.

    Source:
        ``blend_variance``, over whatever time has passed.
    """
    step_s = time_s - state[_LAST_S]
    if step_s >= SHORTEST_STEP_S and not np.isnan(mid_ticks):
        change = mid_ticks - state[_LAST_PRICE]
        state[_VARIANCE] = blend_variance(state[_VARIANCE], change, step_s, tau_s)
        state[_LAST_PRICE] = mid_ticks
        state[_LAST_S] = time_s
    return math.sqrt(state[_VARIANCE])
