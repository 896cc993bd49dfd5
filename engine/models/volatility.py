"""Volatility of the mid from evenly sampled prices."""

import numpy as np

from exchange.jit import FloatArray, njit


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
