"""Naive fits of A and k, the traps: each looks right, and each is some other quantity."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def fit_half_ticks_as_ticks(counts: Floats, exposure_s: float) -> tuple[float, float]:
    """Level j is (j+1)/2 ticks deep, but labelled j + 0.5."""
    x = np.arange(counts.size) + 0.5
    slope, intercept = np.polyfit(x, np.log(counts / exposure_s), 1)
    return float(np.exp(intercept)), float(-slope)


def fit_increments_without_empty_bins(counts: NDArray[np.int64]) -> float:
    """k from the counts of half-tick bins, the empty ones dropped: only the lucky tail is left."""
    seen = np.flatnonzero(counts)
    slope, _ = np.polyfit(0.5 * seen, np.log(counts[seen]), 1)
    return float(-slope)


def fit_every_level(depths: Floats, exposure_s: float) -> tuple[float, float]:
    """Ordinary least squares down to the last lone event."""
    levels = 0.5 * np.arange(1, int(depths.max() / 0.5) + 1)
    counts = np.array([(depths >= level).sum() for level in levels])
    slope, intercept = np.polyfit(levels, np.log(counts / exposure_s), 1)
    return float(np.exp(intercept)), float(-slope)


def windows_with_an_arrival_per_s(times_s: Floats, window_s: float, exposure_s: float) -> float:
    """The rate of windows that saw something, taken for the rate of arrivals."""
    return np.unique((times_s / window_s).astype(np.int64)).size / exposure_s


def exposure_without_warm_up(arrival_s: Floats, now_s: float, tau_s: float) -> float:
    """A with tau as exposure from the first second on."""
    return float(np.exp(-(now_s - arrival_s) / tau_s).sum() / tau_s)


def tilted_slope_by_scan(depths: Floats, exposure_s: Floats, fills: Floats) -> float:
    """k of the own-fill likelihood by trying every one."""
    ks = np.linspace(-3, 3, 60_001)
    total = np.exp(-np.outer(ks, depths)) @ exposure_s
    likelihood = -fills.sum() * np.log(total) - ks * (fills @ depths)
    return float(ks[np.argmax(likelihood)])
