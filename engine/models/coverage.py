"""Interval coverage: do the 95 % intervals of A, k and sigma hold the truth in 95 % of markets?

Run on the synthetic market of the reference: one side's arrivals with exponential gaps and
depths, and a mid that diffuses. Once with every depth and mid known exactly, and once as a
desk sees them: in whole price levels beyond the best price, and to the half tick. All
randomness is handed in.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.models.chi_square import count_interval, decay_interval, sigma_interval
from engine.models.intensity import SideFit, tally_depths
from engine.models.level_intensity import LevelWindow, fit_level_side, side_fit
from engine.models.volatility import realised_sigma
from exchange.jit import FloatArray, njit

Draws = NDArray[np.float64]

_LEVELS = 20
_WATCHES = 60
_S_NS = 1_000_000_000


@njit
def count_until(gaps: FloatArray, end: float) -> int:
    """How many arrivals come before ``end``, given the gaps between them; -1 if gaps run out."""
    time = 0.0
    for n in range(gaps.size):
        time += gaps[n]
        if time > end:
            return n
    return -1


@njit
def intervals_hold(
    gaps: FloatArray,
    depths: FloatArray,
    mids: FloatArray,
    A: float,
    k: float,
    sigma: float,
    exposure_s: float,
    step_s: float,
) -> tuple[bool, bool, bool]:
    """One market: does each interval hold its truth?

    Args:
        gaps: float64[n], seconds between arrivals, enough to pass ``exposure_s``.
        depths: float64[n], ticks.
        mids: float64[m], ticks, every ``step_s``.

    Returns:
        For A, k and sigma, in this order.
    """
    n = count_until(gaps, exposure_s)
    seen, _, excess = tally_depths(depths[:n], 0.0, np.inf)
    A_low, A_high = count_interval(n, exposure_s)
    k_low, k_high = decay_interval(seen, excess)
    low, high = sigma_interval(realised_sigma(mids, step_s), mids.size - 1)
    return A_low <= A <= A_high, k_low <= k <= k_high, low <= sigma <= high


@dataclass(frozen=True, slots=True)
class Coverage:
    """Shares of runs whose 95 % interval held the truth."""

    A: float
    k: float
    sigma: float
    runs: int

    @property
    def error(self) -> float:
        """Standard error of each share, if 95 % is right."""
        return float(np.sqrt(0.95 * 0.05 / self.runs))


def coverage(
    gaps: Draws, depths: Draws, steps: Draws, A: float, k: float, sigma: float, exposure_s: float
) -> Coverage:
    """Calibrate one market for each row of draws, and count how often the intervals hold.

    Args:
        gaps: [runs, n], standard exponentials; n well above ``A·exposure_s``.
        depths: [runs, n], standard exponentials.
        steps: [runs, m], standard normals, spread evenly over the exposure.

    Raises:
        ValueError: When a row's gaps do not fill the exposure.
    """
    _check_filled(gaps, A * exposure_s)
    step_s = exposure_s / steps.shape[1]
    return _shares(
        [
            intervals_hold(gap / A, depth / k, mids, A, k, sigma, exposure_s, step_s)
            for gap, depth, mids in zip(gaps, depths, _mids(steps, sigma, step_s), strict=True)
        ]
    )


def level_coverage(
    gaps: Draws,
    depths: Draws,
    steps: Draws,
    A: float,
    k: float,
    sigma: float,
    half_spread: float,
    exposure_s: float,
    together: int = 1,
    lasting_s: float = 0.0,
) -> Coverage:
    """The same by what the desk sees and fits: ``LevelWindow``, and mids to the half tick.

    Args:
        gaps, depths, steps: As for ``coverage``; a depth for each order, also of a burst.
        half_spread: Depth of the first price at which anything can print, ticks.
        together: Orders that come in one burst; each goes as deep as it likes.
        lasting_s: From the first of them to the last, evenly spread.

    Raises:
        ValueError: When a row's gaps do not fill the exposure.
    """
    _check_filled(gaps, A * exposure_s / together)
    step_s = exposure_s / steps.shape[1]
    within_s = np.linspace(0.0, lasting_s, together)
    held = []
    for gap, depth, mids in zip(gaps, depths, _mids(steps, sigma, step_s), strict=True):
        bursts = np.cumsum(gap * (together / A)) - lasting_s  # some have begun before we look
        times_s = (bursts[:, None] + within_s).ravel()
        fit = _level_fit(times_s, depth / k, half_spread, exposure_s)
        seen = realised_sigma(np.rint(2.0 * mids) / 2.0, step_s)
        low, high = sigma_interval(seen, mids.size - 1)
        held.append((_holds(fit.A_interval, A), _holds(fit.k_interval, k), low <= sigma <= high))
    return _shares(held)


def _level_fit(times_s: Draws, depths: Draws, half_spread: float, exposure_s: float) -> SideFit:
    """One side's fit from what goes through the first price; the rest never prints."""
    last_ns = round(exposure_s * _S_NS) - 1
    window = LevelWindow(last_ns + 1, _LEVELS)
    span_s = exposure_s / _WATCHES
    seen = (times_s >= 0.0) & (times_s < exposure_s) & (depths >= half_spread)
    order = np.argsort(times_s[seen])
    beyond = depths[seen][order] - half_spread
    watches = (times_s[seen][order] / span_s).astype(np.int64)
    for watch in range(_WATCHES):
        time_ns = round(watch * span_s * _S_NS)
        window.watch(1, half_spread, span_s, time_ns)
        for ticks in beyond[watches == watch]:
            window.arrive(1, int(ticks), time_ns)
    numbers, _ = window.read(last_ns)
    A, k = fit_level_side(numbers)
    return side_fit(numbers, A, k, strayed=window.dispersions(k)[0])


def _check_filled(gaps: Draws, arrivals: float) -> None:
    if (gaps.sum(axis=1) < arrivals).any():
        raise ValueError("too few gaps to fill the exposure")


def _mids(steps: Draws, sigma: float, step_s: float) -> Draws:
    """[runs, m + 1], ticks."""
    paths = np.zeros((len(steps), steps.shape[1] + 1))
    np.cumsum(steps * (sigma * np.sqrt(step_s)), axis=1, out=paths[:, 1:])
    return paths


def _holds(interval: tuple[float, float], truth: float) -> bool:
    return interval[0] <= truth <= interval[1]


def _shares(held: list[tuple[bool, bool, bool]]) -> Coverage:
    share_A, share_k, share_sigma = np.mean(held, axis=0).tolist()
    return Coverage(share_A, share_k, share_sigma, len(held))
