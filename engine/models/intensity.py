"""Fill intensity ``A·exp(-k·depth)`` from how deep market orders reached.

A market order of one side that reached depth D from the mid just before it would have
filled every quote nearer than D. Under the model such orders arrive at rate A and their
depths are exponential with rate k, so that two sums hold all there is to know: how many
came, and how far they reached altogether.

Units: depths in ticks, A per second and one side, k per tick.
"""

import math
from dataclasses import dataclass

import numpy as np

from engine.models.chi_square import (
    count_interval,
    decay_interval,
    log_normal_interval,
)
from exchange.jit import FloatArray, njit


@njit
def tally_depths(depths_ticks: FloatArray, nearest: float, cap: float) -> tuple[int, int, float]:
    """The sufficient statistics of one side's arrivals.

    Args:
        depths_ticks: float64[n], depth from the mid just before each arrival; any order.
        nearest: Depths at or below it are left out: inside the spread nothing can print,
            and a stale mid even makes them negative. 0 to use all.
        cap: Where the visible book ended: deeper arrivals are only known to be deeper.
            inf for no cap.

    Returns:
        ``(n_seen, n_capped, excess)``: arrivals of known depth, arrivals at the cap, and
        the sum of all their depths beyond ``nearest``.
    """
    seen = capped = 0
    excess = 0.0
    for depth in depths_ticks:
        if depth >= cap:
            capped += 1
            excess += cap - nearest
        elif depth > nearest:
            seen += 1
            excess += depth - nearest
    return seen, capped, excess


@njit
def fit_tally(
    n_seen: int, n_capped: int, excess: float, nearest: float, exposure_s: float
) -> tuple[float, float]:
    """Maximum likelihood of A and k from one side's tally.

    Returns:
        ``(A, k)``; nan twice when no depth was seen.

    Source:
        Likelihood of a Poisson stream with exponential marks, censored at the cap:
        ``k = n_seen/excess``, ``A = n/T·exp(k·nearest)``.
    """
    if n_seen == 0:
        return np.nan, np.nan
    k = n_seen / excess
    return (n_seen + n_capped) / exposure_s * math.exp(k * nearest), k


@njit
def fit_binned(
    n: int, bins_sum: int, width_ticks: float, exposure_s: float
) -> tuple[float, float, float]:
    """Maximum likelihood when depths are only known to a bin: two counters are enough.

    Args:
        n: Arrivals; those of bin j lie in ``[j·width, (j+1)·width)``.
        bins_sum: Sum of j over the arrivals.
        width_ticks: Half a tick where the spread changes parity, else one.

    Returns:
        ``(A, k, se_k)``; k is inf when every arrival fell into bin 0, nan without any.

    Source:
        The bin number is geometric with ``rho = exp(-k·width)``.
    """
    if n == 0:
        return np.nan, np.nan, np.nan
    if bins_sum == 0:
        return n / exposure_s, np.inf, np.nan
    k = math.log1p(n / bins_sum) / width_ticks
    rho = bins_sum / (n + bins_sum)
    return n / exposure_s, k, (1.0 - rho) / (width_ticks * math.sqrt(rho * n))


@njit
def shrink(
    n: int, excess: float, exposure_s: float, prior_n: float, prior_A: float, prior_k: float
) -> tuple[float, float]:
    """A and k drawn towards a prior that is worth ``prior_n`` arrivals.

    Args:
        excess: Sum of the n depths, ticks.
        prior_n: Positive; the fit is all prior without arrivals.

    Source:
        Posterior means under conjugate gamma priors.
    """
    A = (n + prior_n) / (exposure_s + prior_n / prior_A)
    return A, (n + prior_n) / (excess + prior_n / prior_k)


@njit
def fit_levels(
    counts: FloatArray,
    levels: int,
    exposure_s: float,
    weighted: bool,
    first_ticks: float,
    step_ticks: float,
) -> tuple[float, float]:
    """Least squares of one side's log intensity on depth, over the levels nearest the mid.

    Cumulative counts share their arrivals and the deep ones are one or two events each, so
    this needs 2 to 37 times the data of ``fit_tally``. It serves comparison with others.

    Args:
        counts: float64[>= levels], arrivals of one side reaching each level; positive.
        levels: How many leading levels to use, at least 2.
        weighted: Weigh each level by its count, which tames the tail.
        first_ticks: True depth of the first level; where half ticks pass for ticks, k halves.
        step_ticks: From one level to the next.

    Returns:
        ``(A, k)``; both nan when the levels do not decay, since no quote can be made of that.

    Source:
        Normal equations of ``ln(n/T) = ln A - k·depth``.
    """
    sum_w = sum_x = sum_y = sum_xx = sum_xy = 0.0
    for j in range(levels):
        w = counts[j] if weighted else 1.0
        x = first_ticks + j * step_ticks
        y = math.log(counts[j] / exposure_s)
        sum_w += w
        sum_x += w * x
        sum_y += w * y
        sum_xx += w * x * x
        sum_xy += w * x * y
    slope = (sum_w * sum_xy - sum_x * sum_y) / (sum_w * sum_xx - sum_x * sum_x)
    if not slope < 0.0:
        return np.nan, np.nan
    return math.exp((sum_y - slope * sum_x) / sum_w), -slope


@njit
def worst_misfit(counts: FloatArray, n_beyond: float, k: float, width_ticks: float) -> float:
    """How far the arrivals' depths lie from an exponential: 0 for one, at most 1.

    Args:
        counts: float64[bins], arrivals by bin of depth, not cumulative, nearest first.
        n_beyond: Arrivals deeper than the last bin.

    Returns:
        The largest distance of seen and fitted share beyond any bin; nan without arrivals.

    Source:
        Kolmogorov's distance, at the bins' edges. A chi-square test would refuse every
        real market, given enough arrivals; a distance asks how wrong, not how surely.
    """
    total = deeper = counts.sum() + n_beyond
    if total == 0.0:
        return np.nan
    misfit = 0.0
    for j in range(counts.size):
        deeper -= counts[j]
        misfit = max(misfit, abs(deeper / total - math.exp(-k * width_ticks * (j + 1))))
    return misfit


@dataclass(frozen=True, slots=True)
class DepthTally:
    """One side's arrivals over a stretch of time, reduced to what the likelihood needs."""

    n_seen: int
    n_capped: int
    excess_ticks: float
    nearest_ticks: float
    exposure_s: float
    n_left_out: int
    """Arrivals at or inside ``nearest_ticks``: stale mids, when that is 0."""

    @property
    def n(self) -> int:
        return self.n_seen + self.n_capped

    def pooled(self, other: "DepthTally") -> "DepthTally":
        """Both sides of one stretch as one: the first remedy for few arrivals.

        Take k from it and nothing else: its A is that of both sides together.
        """
        return DepthTally(
            self.n_seen + other.n_seen,
            self.n_capped + other.n_capped,
            self.excess_ticks + other.excess_ticks,
            self.nearest_ticks,
            self.exposure_s,
            self.n_left_out + other.n_left_out,
        )


@dataclass(frozen=True, slots=True)
class SideFit:
    """A and k of one side, each with its 95 % interval."""

    A_per_s: float
    k_per_tick: float
    n: int
    A_interval: tuple[float, float]
    k_interval: tuple[float, float]
    A_dispersion: float = 1.0
    """Variance of the counts over a Poisson stream's; the intervals allow for it."""
    k_dispersion: float = 1.0
    """The same of how deep they went."""


def tally(
    depths_ticks: FloatArray, exposure_s: float, nearest: float = 0.0, cap: float = math.inf
) -> DepthTally:
    """Reduce one side's depths; see ``tally_depths`` for ``nearest`` and ``cap``."""
    n_seen, n_capped, excess = tally_depths(depths_ticks, nearest, cap)
    left_out = depths_ticks.size - n_seen - n_capped
    return DepthTally(n_seen, n_capped, excess, nearest, exposure_s, left_out)


def fit_side(side: DepthTally) -> SideFit:
    """Maximum likelihood with intervals: exact, except for A where it leans on k.

    Returns:
        All nan, with n, when no depth was seen.
    """
    A, k = fit_tally(
        side.n_seen, side.n_capped, side.excess_ticks, side.nearest_ticks, side.exposure_s
    )
    A_interval = count_interval(side.n, side.exposure_s)
    if side.nearest_ticks != 0.0 and side.n_seen > 0:
        # A at the mid is carried there along k, whose error comes with it.
        error = math.sqrt(1.0 / side.n + (k * side.nearest_ticks) ** 2 / side.n_seen)
        A_interval = log_normal_interval(A, error)
    return SideFit(A, k, side.n, A_interval, decay_interval(side.n_seen, side.excess_ticks))
