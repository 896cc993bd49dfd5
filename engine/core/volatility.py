"""Volatility of the mid, by the estimator that was chosen, from samples 100 ms apart."""

import math
from typing import get_args

import numpy as np

from engine.core.desk_layout import (
    MIDS_AT,
    MIDS_KEPT,
    MIDS_SEEN,
    READ_NOISE,
    READ_SIGMA,
    READ_SIGMA_HIGH,
    READ_SIGMA_LOW,
    VOLATILITY_BY,
    VOLATILITY_STEPS,
    WINDOW_S,
    ewma,
    mid_ring,
)
from engine.core.settings import STEP_NS, VolatilityName
from engine.models.chi_square import sigma_interval
from engine.models.volatility import (
    bipower_sigma,
    realised_sigma,
    start_ewma,
    two_scale,
    update_ewma,
)
from exchange.jit import FloatArray, IntArray, njit, piece

ESTIMATORS: tuple[VolatilityName, ...] = get_args(VolatilityName)
_BIPOWER, _TWO_SCALE, _EWMA = map(ESTIMATORS.index, ("bipower", "two_scale", "ewma"))
_STEP_S = STEP_NS / 1e9
_SLOWEST_STEPS = 60
"""Slow scale of the two-scale sigma, where the window is long enough."""
_EWMA_SPREAD = 2.0  # an EWMA of decay tau is worth 2·tau/step changes
_BIPOWER_SPREAD = 1.3  # variance of bipower over that of realised
_TWO_SCALE_GAIN = 1.5  # overlapping grids against one grid


@njit
def add_mid(desk: IntArray, reals: FloatArray, mid_ticks: float, time_s: float) -> None:
    """One more mid; nan where none was seen.

    Args:
        desk: int64[DESK_SIZE], as ``reals`` of ``engine.core.desk_layout``.
    """
    kept = desk[MIDS_KEPT]
    ring = mid_ring(reals, kept)
    ring[desk[MIDS_AT]] = ring[desk[MIDS_AT] + kept] = mid_ticks
    desk[MIDS_AT] = (desk[MIDS_AT] + 1) % kept
    desk[MIDS_SEEN] += 1
    if desk[MIDS_SEEN] % desk[VOLATILITY_STEPS] == 0:
        _update_ewma(desk, reals, mid_ticks, time_s)


@piece
def _update_ewma(desk: IntArray, reals: FloatArray, mid_ticks: float, time_s: float) -> None:
    state = ewma(reals)
    if not np.isnan(state[0]):
        update_ewma(state, mid_ticks, time_s, reals[WINDOW_S])
    elif desk[MIDS_SEEN] >= desk[MIDS_KEPT]:
        # A guess from two changes would still weigh a third when the window is full.
        first = realised_sigma(sampled_mids(desk, reals), desk[VOLATILITY_STEPS] * _STEP_S)
        if not np.isnan(mid_ticks + first):
            start_ewma(state, mid_ticks, time_s, first)


@njit
def last_mids(desk: IntArray, reals: FloatArray) -> FloatArray:
    """The window, oldest first: float64[MIDS_KEPT], nan for what was not seen."""
    return mid_ring(reals, desk[MIDS_KEPT])[desk[MIDS_AT] : desk[MIDS_AT] + desk[MIDS_KEPT]]


@njit
def sampled_mids(desk: IntArray, reals: FloatArray) -> FloatArray:
    """Each ``VOLATILITY_STEPS``-th of them, the newest included: float64[n]."""
    mids, steps = last_mids(desk, reals), desk[VOLATILITY_STEPS]
    first = (mids.size - 1) % steps
    sampled = np.empty((mids.size - 1 - first) // steps + 1)
    for i in range(sampled.size):
        sampled[i] = mids[first + i * steps]
    return sampled


@njit
def unbroken_mids(desk: IntArray, reals: FloatArray) -> FloatArray:
    """The newest of them without a nan between: float64[n]."""
    mids = last_mids(desk, reals)
    first = mids.size
    while first > 0 and not np.isnan(mids[first - 1]):
        first -= 1
    return mids[first:]


@njit
def read_volatility(desk: IntArray, reals: FloatArray) -> None:
    """Write sigma, its 95 % interval and the noise ratio; nan where there is nothing yet."""
    step_s = desk[VOLATILITY_STEPS] * _STEP_S
    sampled, unbroken = sampled_mids(desk, reals), unbroken_mids(desk, reals)
    realised = realised_sigma(sampled, step_s)
    slow = max(min(_SLOWEST_STEPS, desk[MIDS_KEPT] // 10), 2)
    clean, _, _, _ = two_scale(unbroken, _STEP_S, slow)
    sigma, n, by = realised, float(_changes(sampled)), desk[VOLATILITY_BY]
    # The last two fall back on the realised one while they have seen too little.
    if by == _BIPOWER:
        sigma, n = bipower_sigma(sampled, step_s), n / _BIPOWER_SPREAD
    elif by == _TWO_SCALE and not np.isnan(clean):
        sigma, n = clean, _TWO_SCALE_GAIN * unbroken.size / slow
    elif by == _EWMA and not np.isnan(ewma(reals)[0]):
        sigma = math.sqrt(ewma(reals)[2])
        n = min(_EWMA_SPREAD * reals[WINDOW_S], desk[MIDS_SEEN] * _STEP_S) / step_s
    reals[READ_SIGMA] = sigma
    reals[READ_NOISE] = realised / clean if clean > 0.0 else np.nan
    reals[READ_SIGMA_LOW] = reals[READ_SIGMA_HIGH] = np.nan
    if sigma > 0.0:
        low, high = sigma_interval(sigma, max(round(n), 1))
        reals[READ_SIGMA_LOW], reals[READ_SIGMA_HIGH] = low, high


@piece
def _changes(mids: FloatArray) -> int:
    """How many neighbours were both seen."""
    count = 0
    for i in range(1, mids.size):
        if not np.isnan(mids[i] - mids[i - 1]):
            count += 1
    return count
