"""Noise model: how wide to quote around a price that always comes back.

Each period the price deviates from a fixed fair value by a normal amount; a quote that is
passed fills, and its edge is measured from the fair value. This is a calculus of mean
reversion. Where the price is Brownian a fill at the quote is worth nothing at the touch and
less at the close, so none of this may be added to a GLFT spread.

Symbols: x the half spread and c the fee per fill, rebate positive, both in sigmas; m how far
the fair value has moved from the quotes' centre, in sigmas.
"""

import math
from dataclasses import dataclass

import numpy as np

from exchange.jit import FloatArray, njit

WINDOW = 60
"""One-second samples in the window."""
_SERIES_BELOW = 6.0
_FRACTION_TERMS = 80  # for full precision from 6 on, where it converges slowest
_SCAN = 200  # the curve may have two hills; finer than either
_GOLDEN = 0.6180339887498949  # golden section search


@njit
def tail(x: float) -> float:
    """P(Z > x) of a standard normal, without loss far out."""
    return 0.5 * math.erfc(x / math.sqrt(2.0))


@njit
def mills(x: float) -> float:
    """Mills' ratio, the normal's tail over its density.

    Args:
        x: Not negative.

    Source:
        The plain ratio up to 6, where neither part is small; beyond it Laplace's continued
        fraction ``1/(x + 1/(x + 2/(x + ...)))``. The plain one is 0/0 from x = 38.
    """
    if x < _SERIES_BELOW:
        return math.sqrt(0.5 * math.pi) * math.erfc(x / math.sqrt(2.0)) * math.exp(0.5 * x * x)
    rest = x
    for n in range(_FRACTION_TERMS, 0, -1):
        rest = x + n / rest
    return 1.0 / rest


@njit
def expected_gain(x: float, c: float, m: float) -> float:
    """Expected gain per period in sigmas, both sides together.

    Source:
        ``(x-m+c)·tail(x-m) + (x+m+c)·tail(x+m)``; with c = m = 0, ``2x·tail(x)``.
    """
    return (x - m + c) * tail(x - m) + (x + m + c) * tail(x + m)


@njit
def best_half_spread(c: float) -> float:
    """The half spread in sigmas that gains most when the centre is right.

    Args:
        c: Fee or rebate per fill, sigmas, rebate positive.

    Returns:
        0 when the rebate alone pays, from sqrt(pi/2) sigmas.

    Source:
        ``mills(x) - x = c``. The left side is convex and falls, so Newton from below climbs
        to the root without ever passing it.
    """
    if c >= math.sqrt(0.5 * math.pi):
        return 0.0
    x = max(0.0, -c)
    for _ in range(60):
        ratio = mills(x)
        step = (ratio - x - c) / (2.0 - x * ratio)
        x += step
        if step <= 1e-15 * x:
            break
    return x


@njit
def best_off_centre(c: float, m: float) -> float:
    """The same when the fair value has moved by m sigmas: scanned, then refined.

    The curve may have two hills, one for each side, so no root finder is to be trusted.

    Returns:
        Good to about 1e-8 sigmas, all that the flat top of a curve allows.
    """
    reach = 2.0 + 2.0 * abs(c) + 2.0 * abs(m)
    best = 0
    for i in range(_SCAN + 1):
        if expected_gain(reach * i / _SCAN, c, m) > expected_gain(reach * best / _SCAN, c, m):
            best = i
    low, high = reach * max(best - 1, 0) / _SCAN, reach * (best + 1) / _SCAN
    while high - low > 1e-9:
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        if expected_gain(left, c, m) < expected_gain(right, c, m):
            low = left
        else:
            high = right
    return 0.5 * (low + high)


@njit
def gain_curve(
    half_spreads: FloatArray, sigma: float, fee: float, shift: float, out: FloatArray
) -> None:
    """Expected gain per period at each half spread, everything in ticks.

    Args:
        sigma: Positive.
        fee: Per fill, rebate positive.
        shift: How far the fair value has moved from the quotes' centre.
        out: float64[n], overwritten.
    """
    for i in range(half_spreads.size):
        out[i] = sigma * expected_gain(half_spreads[i] / sigma, fee / sigma, shift / sigma)


@njit
def sample_gain(
    deviations: FloatArray, half_spreads: FloatArray, fee: float, out: FloatArray
) -> None:
    """The same from the window's own deviations, without assuming them normal.

    Args:
        deviations: float64[n], price less fair value, ticks; n at least 1.
        out: float64[spreads], overwritten: ``(x + fee)`` times the share that passed x.
    """
    for i in range(half_spreads.size):
        passed = 0
        for deviation in deviations:
            passed += abs(deviation) > half_spreads[i]
        out[i] = (half_spreads[i] + fee) * passed / deviations.size


@dataclass(frozen=True, slots=True)
class NoiseSpread:
    """What the noise model makes of one window; to be shown under that name."""

    sigma_ticks: float
    """Standard deviation of the window about its mean."""
    shift_ticks: float
    """How far the window's later half lies from its earlier: the model wants 0."""
    half_spread_ticks: float
    gain_ticks: float
    """Expected per period at that half spread."""
    n: int


def noise_spread(mids_ticks: FloatArray, fee_ticks: float) -> NoiseSpread | None:
    """Read one window of evenly sampled mids, a minute of seconds by default.

    Args:
        fee_ticks: Per fill, rebate positive.

    Returns:
        None where there is nothing to gain from: fewer than two samples, or all alike.
    """
    n = mids_ticks.size
    sigma = float(np.std(mids_ticks, ddof=1)) if n >= 2 else 0.0
    if not sigma > 0.0:
        return None
    shift = float(mids_ticks[n // 2 :].mean() - mids_ticks[: n // 2].mean())
    x = best_half_spread(fee_ticks / sigma)
    gain = sigma * expected_gain(x, fee_ticks / sigma, 0.0)
    return NoiseSpread(sigma, shift, sigma * x, gain, n)
