"""Fill intensity ``A·exp(-k·depth)`` from how deep market orders reached.

One side is meant: the sample pools both, so its rate is halved.
"""

import numpy as np

from exchange.jit import FloatArray, njit

LEVEL_TICKS = 0.5
"""Width of a depth level: the mid moves by half ticks, so depths do too."""


@njit
def count_reaching(depths_ticks: FloatArray, counts: FloatArray) -> int:
    """Count, level by level, the arrivals that would have filled a quote there.

    Args:
        depths_ticks: float64[n], depth from the mid just before each arrival; any order.
        counts: float64[levels], overwritten: ``counts[j]`` arrivals at least ``(j+1)/2``
            ticks deep.

    Returns:
        How many leading levels have at least one arrival.
    """
    counts[:] = 0.0
    for depth in depths_ticks:
        level = min(int(depth / LEVEL_TICKS + 1e-9), counts.size)
        if level >= 1:
            counts[level - 1] += 1.0
    for j in range(counts.size - 2, -1, -1):
        counts[j] += counts[j + 1]
    reached = 0
    while reached < counts.size and counts[reached] > 0.0:
        reached += 1
    return reached


@njit
def fit_log_linear(counts: FloatArray, levels: int, exposure_s: float) -> tuple[float, float]:
    """Least squares of log intensity on depth over the levels nearest the mid.

    Args:
        counts: float64[>= levels], arrivals of both sides reaching each level; positive.
        levels: How many leading levels to use, at least 2.
        exposure_s: Length of the window, seconds.

    Returns:
        ``(A, k)``: per second on one side, per tick; both nan when the levels do not
        decay, since no quote can be made of that.

    Source:
        hftbacktest's "GLFT Market Making Model and Grid Trading" as seed of the method,
        with levels labelled by their true depth in ticks and both sides parted.
    """
    sum_x = sum_y = sum_xx = sum_xy = 0.0
    for j in range(levels):
        x = (j + 1) * LEVEL_TICKS
        y = np.log(0.5 * counts[j] / exposure_s)
        sum_x += x
        sum_y += y
        sum_xx += x * x
        sum_xy += x * y
    slope = (levels * sum_xy - sum_x * sum_y) / (levels * sum_xx - sum_x * sum_x)
    if not slope < 0.0:
        return np.nan, np.nan
    return float(np.exp((sum_y - slope * sum_x) / levels)), -slope
