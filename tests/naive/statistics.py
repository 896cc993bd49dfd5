"""Naive performance figures, the careless way, each with the trap it falls into."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def mean_markout_with_last_mid(sides: Floats, prices: Floats, later: Floats, last: float) -> float:
    """A fill of the last seconds is marked at the last mid, as if its time had passed."""
    return float(np.mean(sides * (np.where(np.isnan(later), last, later) - prices)))


def split_with_mids_off_the_path(
    mids: Floats, fills: list[tuple[int, float, float, float]]
) -> float:
    """Spread against a fill's own mid, inventory along another path: the sum is not the profit.

    Args:
        fills: ``(index into mids, dq, price, mid at the fill)``.
    """
    spread = sum(dq * (mid - price) for _, dq, price, mid in fills)
    q = np.zeros(mids.size)
    for at, dq, _, _ in fills:
        q[at:] += dq
    return float(spread + (q[:-1] * np.diff(mids)).sum())


def pandas_like_rolling_day(times_s: Floats, amounts: Floats) -> float:
    """``rolling('1d').sum().mean()``, every window summed anew."""
    sums = [amounts[(times_s > time_s - 86400) & (times_s <= time_s)].sum() for time_s in times_s]
    return float(np.mean(sums))
