"""Intensity of hftbacktest's GLFT tutorial: A and k exactly as it measures them, faults included.

For matching its published traces, not for quoting: it keeps only the deepest arrival of both
sides in every 100 ms, calls half ticks ticks, and fits cumulative counts. What can be undone
of that afterwards, ``repair_half_ticks`` and ``unsaturated_rate`` undo.
"""

import math

import numpy as np

from exchange.jit import FloatArray, IntArray, njit

WINDOW_S = 0.1
"""The tutorial's step; at most one arrival of both sides is counted in each."""


@njit
def tutorial_maxima(steps: IntArray, depths_ticks: FloatArray, maxima: FloatArray) -> None:
    """The deepest arrival of each 100 ms step.

    Args:
        steps: int64[n], the step in which each arrival fell, below ``maxima.size``.
        depths_ticks: float64[n], from the mid at the start of that step, both sides together.
        maxima: float64[steps], overwritten; -inf where nothing arrived.
    """
    maxima[:] = -np.inf
    for i in range(steps.size):
        maxima[steps[i]] = max(maxima[steps[i]], depths_ticks[i])


@njit
def tutorial_counts(maxima: FloatArray, counts: FloatArray) -> int:
    """How many steps' deepest arrival went beyond each level.

    Args:
        maxima: float64[steps], ticks; not finite where nothing arrived.
        counts: float64[levels], overwritten: ``counts[j]`` steps strictly deeper than
            ``(j+1)/2`` ticks. Deeper than the last level counts nowhere, as in the original.

    Returns:
        How many leading levels were reached by any step.

    Source:
        ``measure_trading_intensity`` of "GLFT Market Making Model and Grid Trading".
    """
    counts[:] = 0.0
    reached = 0
    for depth in maxima:
        if not np.isfinite(depth):
            continue
        level = int(np.rint(depth / 0.5)) - 1
        if 0 <= level < counts.size:
            counts[:level] += 1.0
            reached = max(reached, level)
    return reached


@njit
def tutorial_fit(counts: FloatArray, levels: int, exposure_s: float) -> tuple[float, float]:
    """Its least squares, with level j at depth j + 0.5 and both sides in one rate.

    Args:
        counts: float64[>= levels], positive over the levels used.
        levels: At least 2; the tutorial slices 70, the study that we follow 40.

    Returns:
        ``(A, k)`` as the tutorial prints them: k may be negative, and nothing is guarded.

    Source:
        ``linear_regression`` of "GLFT Market Making Model and Grid Trading".
    """
    sum_x = sum_y = sum_xx = sum_xy = 0.0
    for j in range(levels):
        x = j + 0.5
        y = math.log(counts[j] / exposure_s)
        sum_x += x
        sum_y += y
        sum_xx += x * x
        sum_xy += x * y
    slope = (levels * sum_xy - sum_x * sum_y) / (levels * sum_xx - sum_x * sum_x)
    return math.exp((sum_y - slope * sum_x) / levels), -slope


@njit
def repair_half_ticks(A: float, k: float) -> tuple[float, float]:
    """The same fit with its levels at their true depths, (j+1)/2 ticks.

    Source:
        Both lines through the same counts: ``k = 2k'``, ``A = A'·exp(k'/2)``. Halve A
        besides, to have one side.
    """
    return A * math.exp(0.5 * k), 2.0 * k


@njit
def unsaturated_rate(share: float, window_s: float) -> float:
    """The arrival rate behind a share of windows that saw at least one.

    Args:
        share: From 0 to below 1; at 1 the window says nothing and the answer is inf.

    Source:
        A window stays empty with probability ``exp(-rate·window)``.
    """
    return -math.log1p(-share) / window_s if share < 1.0 else np.inf
