"""Overdispersion: how much more than Poisson a window's counts vary, from the window itself.

Market orders come in bursts: variance over mean of their counts is 10 to 150 on a busy future,
and an interval from the count alone is that many times too sure of itself. So the window's
own slots are asked. Bursts reach from slot to slot, hence the long-run variance, and it is
itself uncertain, hence Student's quantile. Nothing is narrowed: calmer than Poisson is luck.

What lasts longer than a fifteenth of the window cannot be seen in it, and is not allowed for.
"""

import math

from exchange.jit import FloatArray, njit

_LAG = 3  # bursts reach into the slots that follow; see the module
_UNSURE = (2.069 / 1.960) ** 2
"""Student's 97.5 % point over the normal one, squared: 60 slots in fours are worth 23."""


@njit
def long_run_variance(strayed: FloatArray) -> float:
    """Variance of the sum of deviations that neighbours share.

    Args:
        strayed: float64[n], deviations from a fitted mean, in order of time; n well above 4.

    Source:
        Newey & West (1987) with Bartlett weights over 3 lags; over its mean for white noise
        of which the mean was taken out.
    """
    n = strayed.size
    total = white = 0.0
    for lag in range(_LAG + 1):
        weight = (1.0 if lag == 0 else 2.0) * (1.0 - lag / (_LAG + 1.0))
        shared = 0.0
        for i in range(lag, n):
            shared += strayed[i] * strayed[i - lag]
        total += weight * shared
        white += weight * (n - lag)
    return total / (1.0 - white / (n * n))


@njit
def dispersion(strayed: FloatArray, due: float) -> float:
    """Variance over that of the model, so that an interval widened by its root holds.

    Args:
        strayed: As for ``long_run_variance``.
        due: Variance of their sum by the model.

    Returns:
        At least 1, and 1 where the model gives no variance.
    """
    if not due > 0.0:
        return 1.0
    seen = long_run_variance(strayed) / due
    return max(1.0, _UNSURE * seen) if not math.isnan(seen) else 1.0
