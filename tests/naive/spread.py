"""Naive optimum of the noise model, as one would first write it."""

import math


def mills_by_division(x: float) -> float:
    """Tail over density: both are 0 from x = 38 on."""
    density = math.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
    return 0.5 * math.erfc(x / math.sqrt(2)) / density if density else math.nan


def best_half_spread_by_difference(c: float) -> float:
    """Bisect tail - (x+c)·density, whose sign is lost when both vanish."""
    low, high = max(0.0, -c), 2 + 2 * abs(c)
    while high - low > 1e-9:
        x = 0.5 * (low + high)
        density = math.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
        if 0.5 * math.erfc(x / math.sqrt(2)) - (x + c) * density > 0:
            low = x
        else:
            high = x
    return low
