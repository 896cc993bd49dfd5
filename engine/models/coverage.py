"""Do the 95 % intervals of A, k and sigma hold the truth in 95 % of markets?

Run on the synthetic market of the reference: one side's arrivals with exponential gaps and
depths, and a mid that diffuses. All randomness is handed in.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.models.chi_square import count_interval, decay_interval, sigma_interval
from engine.models.intensity import tally_depths
from engine.models.volatility import realised_sigma
from exchange.jit import FloatArray, njit

Draws = NDArray[np.float64]


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
    if (gaps.sum(axis=1) < A * exposure_s).any():
        raise ValueError("too few gaps to fill the exposure")
    step_s = exposure_s / steps.shape[1]
    held = np.array(
        [
            intervals_hold(
                gap / A,
                depth / k,
                np.cumsum(np.append(0.0, step)) * sigma * np.sqrt(step_s),
                *(A, k, sigma, exposure_s, step_s),
            )
            for gap, depth, step in zip(gaps, depths, steps, strict=True)
        ]
    )
    share_A, share_k, share_sigma = held.mean(axis=0).tolist()
    return Coverage(share_A, share_k, share_sigma, len(held))
