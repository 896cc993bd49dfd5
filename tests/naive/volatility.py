"""Naive volatility, written out, and the traps of sampling it."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def two_scale_variation(prices: Floats, slow: int) -> tuple[float, float]:
    """Raw and adjusted variation, the grids averaged one by one."""
    n = prices.size - 1
    grids = [np.square(np.diff(prices[start::slow])).sum() for start in range(slow)]
    per_grid = (n - slow + 1) / slow
    raw = np.mean(grids) - per_grid / n * np.square(np.diff(prices)).sum()
    return float(raw), float(raw / (1 - per_grid / n))


def sigma_per_trade(mids_at_trades: Floats) -> float:
    """Mid changes between trades, scaled as if they came every 100 ms."""
    return float(np.std(np.diff(mids_at_trades)) * np.sqrt(10))


def sigma_of_window(times_s: Floats, mids: Floats, now_s: float, window_s: float) -> float:
    """Realised volatility of the changes that ended within a window, by going through them all."""
    inside = times_s[1:] > now_s - window_s
    squares = np.square(np.diff(mids))[inside].sum()
    return float(np.sqrt(squares / np.diff(times_s)[inside].sum()))
