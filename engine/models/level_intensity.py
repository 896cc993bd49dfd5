"""Fill intensity from how many price levels market orders went through, over a rolling window.

Prices are discrete and nothing prints inside the spread. So of an arrival's depth one sees
only how many levels j it went beyond the first that it could reach, which lay at a depth l.
Exponential depths have no memory: whatever l was, j is geometric,

    P(j or more) = exp(-k·j)        arrivals at l or beyond come at the rate A·exp(-k·l)

and two sums hold all there is to know of k, at any tick size, where the continuous form is
off by k²/12. Where the touch is no part of the exponential, as on a future whose spread is
one tick for hours, let the first level lie some ticks from the mid.

A side's numbers are float64[levels + 1 + 128]: arrivals by j, those that went further than
the levels counted, and the seconds during which l was 0, ½, 1, … ticks. A first level farther
out than these is not watched, and what arrives there is not counted.
"""

import math

import numpy as np

from engine.models.chi_square import count_interval, log_normal_interval
from engine.models.dispersion import dispersion
from engine.models.intensity import SideFit, fit_binned, fit_levels, worst_misfit
from engine.models.ring import sum_rows, turn_ring
from exchange.jit import FloatArray, IntArray, njit

LEVEL_SLOTS = 60
"""Of a window, which loses a sixtieth at a time."""
LEVEL_DEPTHS = 128
"""Half ticks of depth at which a first level is watched."""


@njit
def first_price(side: int, bid_ticks: int, ask_ticks: int, nearest_ticks: float) -> int:
    """The first price that a market order can reach and that is counted.

    Args:
        side: +1 for our bids, which sellers reach; -1 for our asks.
        nearest_ticks: Least depth counted; 0 begins at the touch.
    """
    mid = 0.5 * (bid_ticks + ask_ticks)
    if side > 0:
        return int(min(bid_ticks, math.floor(mid - nearest_ticks)))
    return int(max(ask_ticks, math.ceil(mid + nearest_ticks)))


@njit
def levels_of(numbers: FloatArray) -> int:
    """How many levels are counted one by one."""
    return numbers.size - 1 - LEVEL_DEPTHS


@njit
def tally_levels(numbers: FloatArray) -> tuple[int, int, int]:
    """The sufficient statistics of one side.

    Returns:
        ``(n_seen, n_beyond, steps)``: arrivals of known j, arrivals beyond the levels
        counted, and the sum of all their j.
    """
    levels = levels_of(numbers)
    seen = steps = 0.0
    for j in range(levels):
        seen += numbers[j]
        steps += j * numbers[j]
    beyond = numbers[levels]
    return int(seen), int(beyond), int(steps + levels * beyond)


@njit
def reach(numbers: FloatArray, k: float) -> tuple[float, float]:
    """Share of the market's orders that got as far as the first level, and how deep that lay.

    Returns:
        ``(share, depth)``: the mean over time of exp(-k·l), and the mean of l with those
        weights, ticks; nan twice for no time.
    """
    seconds = share = depth = 0.0
    for b in range(LEVEL_DEPTHS):
        span_s = numbers[numbers.size - LEVEL_DEPTHS + b]
        if span_s > 0.0:
            weight = span_s * np.exp(-0.5 * k * b)
            seconds += span_s
            share += weight
            depth += 0.5 * b * weight
    if not share > 0.0:
        return np.nan, np.nan
    return share / seconds, depth / share


@njit
def carry_to_mid(rate_per_s: float, k: float, numbers: FloatArray) -> float:
    """A, given the rate of arrivals at the first level or beyond: ``rate / mean(exp(-k·l))``."""
    return rate_per_s / reach(numbers, k)[0]


@njit
def watched_s(numbers: FloatArray) -> float:
    """Seconds of the window in which the side's first level was seen."""
    return float(numbers[numbers.size - LEVEL_DEPTHS :].sum())


@njit
def first_rate(numbers: FloatArray) -> tuple[float, float]:
    """Arrivals a second at the first level or beyond, and k, by maximum likelihood.

    Returns:
        ``(rate, k)``; nan twice without arrivals or time, k inf if none went further.
    """
    seen, beyond, steps = tally_levels(numbers)
    span_s = watched_s(numbers)
    if not span_s > 0.0:
        return np.nan, np.nan
    _, k, _ = fit_binned(seen, steps, 1.0, span_s)
    return (seen + beyond) / span_s, k


@njit
def fit_level_side(numbers: FloatArray) -> tuple[float, float]:
    """``(A, k)`` of one side by maximum likelihood; nan where there is nothing to fit."""
    rate, k = first_rate(numbers)
    return carry_to_mid(rate, k, numbers), k


@njit
def relative_errors(
    numbers: FloatArray, k: float, n: float, rate_dispersion: float, level_dispersion: float
) -> tuple[float, float]:
    """Standard errors of ln A and ln k, as small as these arrivals allow.

    Args:
        n: Arrivals that A rests on.
        rate_dispersion: Of the counts, see ``dispersion``; 1 for a Poisson stream.
        level_dispersion: The same of how deep they went; 1 where each goes by itself.

    Source:
        Cramér-Rao for a geometric j, and A carried to the mid along k, whose error comes
        with it; both as quasi-likelihood has them, times the root of the dispersion.
    """
    seen, _, _ = tally_levels(numbers)
    if seen == 0:
        return np.nan, np.nan
    _, depth = reach(numbers, k)
    rho = math.exp(-k)
    error_k = (1.0 - rho) / (k * math.sqrt(rho * seen)) * math.sqrt(level_dispersion)
    return math.sqrt(rate_dispersion / n + (k * depth * error_k) ** 2), error_k


@njit
def sum_slots(
    ring: FloatArray, newest: IntArray, side: int, k: float, out: FloatArray
) -> tuple[float, float]:
    """One side slot by slot: how its arrivals strayed from an even stream, and their levels.

    Args:
        ring: float64[slots·2·width], of a window.
        newest: int64[1], its newest slot.
        side: +1 for the bid, -1 for the ask.
        k: Weighs the time by who gets to the first level.
        out: float64[3·slots], overwritten, oldest slot first: arrivals, their levels summed,
            and the arrivals due.

    Returns:
        ``(n, steps)`` of the window.
    """
    slots = out.size // 3
    width = ring.size // (2 * slots)
    levels = width - 1 - LEVEL_DEPTHS
    n = steps = due = 0.0
    for i in range(slots):
        row = (newest[0] + 1 + i) % slots * 2 * width + (0 if side > 0 else width)
        arrived = stepped = weight = 0.0
        for j in range(levels + 1):
            arrived += ring[row + j]
            stepped += j * ring[row + j]
        for b in range(LEVEL_DEPTHS):
            if ring[row + levels + 1 + b] > 0.0:
                weight += ring[row + levels + 1 + b] * math.exp(-0.5 * k * b)
        out[i], out[slots + i], out[2 * slots + i] = arrived, stepped, weight
        n, steps, due = n + arrived, steps + stepped, due + weight
    out[2 * slots :] *= n / due if due > 0.0 else 0.0
    return n, steps


@njit
def level_misfit(numbers: FloatArray, k: float) -> float:
    """``worst_misfit`` of the levels reached; nan without arrivals."""
    levels = levels_of(numbers)
    return worst_misfit(numbers[:levels], numbers[levels], k, 1.0)


@njit
def first_rate_by_line(
    numbers: FloatArray, weighted: bool, reaching: FloatArray
) -> tuple[float, float]:
    """The same by least squares of the log rate on depth, for comparison with others.

    Args:
        weighted: Weigh each level by its arrivals, which tames the tail.
        reaching: float64[levels], overwritten with the arrivals reaching each level.

    Returns:
        ``(rate, k)``; nan twice with fewer than two levels reached, without time or decay.
    """
    levels = levels_of(numbers)
    left = numbers[levels]
    reached = 0
    for j in range(levels - 1, -1, -1):
        left += numbers[j]
        reaching[j] = left
        reached += left > 0.0
    span_s = watched_s(numbers)
    if reached < 2 or not span_s > 0.0:
        return np.nan, np.nan
    return fit_levels(reaching, reached, span_s, weighted, 0.0, 1.0)


@njit
def fit_errors(
    numbers: FloatArray,
    A: float,
    k: float,
    n_of_A: float,
    spread: float,
    rate_dispersion: float,
    level_dispersion: float,
    out: FloatArray,
) -> None:
    """A fit by whatever means, with its 95 % intervals.

    Args:
        n_of_A: Arrivals that A rests on; 0: all of them.
        spread: How much wider than the likelihood's the estimator's errors are.
        rate_dispersion: As of ``relative_errors``, as ``level_dispersion``.
        out: float64[9], overwritten: A, k, n, both ends of A's interval and of k's, and the two
            dispersions.
    """
    seen, beyond, _ = tally_levels(numbers)
    n = seen + beyond
    out[0], out[1], out[2] = A, k, n
    out[7], out[8] = rate_dispersion, level_dispersion
    if n == 0:
        out[3] = out[4] = out[5] = out[6] = np.nan
        span_s = watched_s(numbers)
        if span_s > 0.0:
            out[3], out[4] = count_interval(0, span_s)
        out[7] = out[8] = 1.0
        return
    rests_on = n_of_A if n_of_A > 0.0 else float(n)
    error_A, error_k = relative_errors(numbers, k, rests_on, rate_dispersion, level_dispersion)
    out[3], out[4] = log_normal_interval(A, spread * error_A)
    out[5], out[6] = log_normal_interval(k, spread * error_k)


def side_fit_of(row: FloatArray) -> SideFit:
    """A row that ``fit_errors`` wrote, by names."""
    A, k, n, A_low, A_high, k_low, k_high, *strayed = row.tolist()
    return SideFit(A, k, int(n), (A_low, A_high), (k_low, k_high), *strayed)


def side_fit(
    numbers: FloatArray, A: float, k: float, strayed: tuple[float, float] = (1.0, 1.0)
) -> SideFit:
    """One side's fit, with its intervals.

    Args:
        strayed: Dispersions of the counts and of the depths, see ``dispersions``.
    """
    row = np.zeros(9)
    fit_errors(numbers, A, k, 0.0, 1.0, *strayed, row)
    return side_fit_of(row)


@njit
def is_watched(depth_ticks: float) -> bool:
    """Is a first level at this depth near enough to be watched?"""
    return 0.0 <= depth_ticks < 0.5 * LEVEL_DEPTHS


# ---------------------------------------------------------------- the rolling window


@njit
def ring_width(levels: int) -> int:
    """Numbers of one side in one slot of the window's ring."""
    return levels + 1 + LEVEL_DEPTHS


@njit
def watch_level(ring: FloatArray, row: int, levels: int, depth_ticks: float, span_s: float) -> None:
    """A stretch of time in which the first level of a side lay at this depth.

    Args:
        ring: float64[slots·2·width], of a window.
        row: Of the side, from ``side_row``.
        levels: Counted one by one.
    """
    if is_watched(depth_ticks):
        ring[row + levels + 1 + round(2.0 * depth_ticks)] += span_s


@njit
def side_row(
    ring: FloatArray, newest: IntArray, slot_ns: int, levels: int, side: int, time_ns: int
) -> int:
    """Where a side's numbers of this moment begin; what left the window is emptied.

    Args:
        ring: As of ``watch_level``.
        slot_ns: A sixtieth of the window.
    """
    at = turn_ring(ring, newest, 2 * ring_width(levels), time_ns // slot_ns)
    return at if side > 0 else at + ring_width(levels)


@njit
def recount_level(ring: FloatArray, row: int, levels: int, j: int, deeper: int) -> None:
    """The order counted there a moment ago, at level j, turned out to go deeper."""
    ring[row + min(j, levels)] -= 1.0
    ring[row + min(deeper, levels)] += 1.0


@njit
def dispersions(ring: FloatArray, newest: IntArray, k: float, out: FloatArray) -> None:
    """Of counts and of depths: variances over those of the model.

    Both sides' A is their geometric mean: orders that come on both at once stray together.

    Args:
        ring: As of ``watch_level``.
        k: Per tick, of both sides; nan gives dispersions of 1.
        out: float64[6], overwritten: counts and depths of the bid, of the ask, and of both.
    """
    bid, ask = np.zeros(3 * LEVEL_SLOTS), np.zeros(3 * LEVEL_SLOTS)
    n_bid, _ = sum_slots(ring, newest, 1, k, bid)
    n_ask, _ = sum_slots(ring, newest, -1, k, ask)
    bid_rate = (bid[:LEVEL_SLOTS] - bid[2 * LEVEL_SLOTS :]) / max(n_bid, 1.0)
    ask_rate = (ask[:LEVEL_SLOTS] - ask[2 * LEVEL_SLOTS :]) / max(n_ask, 1.0)
    bid_due = 1.0 / n_bid if n_bid > 0.0 else np.nan
    ask_due = 1.0 / n_ask if n_ask > 0.0 else np.nan
    out[0], out[1] = dispersion(bid_rate, bid_due), _level_dispersion(bid, k)
    out[2], out[3] = dispersion(ask_rate, ask_due), _level_dispersion(ask, k)
    out[4] = dispersion(0.5 * (bid_rate + ask_rate), 0.25 * (bid_due + ask_due))
    out[5] = _level_dispersion(bid + ask, k)


@njit
def _level_dispersion(slots: FloatArray, k: float) -> float:
    """How much more depths vary from slot to slot than if each order went by itself."""
    arrived, stepped = slots[:LEVEL_SLOTS], slots[LEVEL_SLOTS : 2 * LEVEL_SLOTS]
    n = arrived.sum()
    if n == 0.0 or not 0.0 < k < math.inf:
        return 1.0
    rho = math.exp(-k)
    strayed = stepped - stepped.sum() / n * arrived
    return dispersion(strayed, n * rho / (1.0 - rho) ** 2)


class LevelWindow:
    """Both sides' arrivals over the last ``window_ns``, in slots of a sixtieth of it.

    Args:
        levels: Price levels counted one by one; deeper arrivals are only known to be deeper.
    """

    def __init__(self, window_ns: int, levels: int) -> None:
        self._slot_ns = max(window_ns // LEVEL_SLOTS, 1)
        self._width = ring_width(levels)
        self._levels = levels
        self._ring = np.zeros(LEVEL_SLOTS * 2 * self._width)
        self._newest = np.full(1, -1, np.int64)
        self._sums = np.zeros(2 * self._width)

    def watch(self, side: int, depth_ticks: float, span_s: float, time_ns: int) -> None:
        """A stretch of time in which the first level of a side lay at this depth."""
        row = self._row(side, time_ns)
        watch_level(self._ring, row, self._levels, depth_ticks, span_s)

    def arrive(self, side: int, j: int, time_ns: int) -> int:
        """A market order that went j levels beyond the first; its place, for ``recount``."""
        at = self._row(side, time_ns)
        self._ring[at + min(j, self._levels)] += 1.0
        return at

    def recount(self, at: int, j: int, deeper: int) -> None:
        """The order counted there a moment ago turned out to go deeper."""
        recount_level(self._ring, at, self._levels, j, deeper)

    def read(self, time_ns: int) -> tuple[FloatArray, FloatArray]:
        """The bid's and the ask's numbers as of now; views that the next call overwrites."""
        self._row(1, time_ns)
        sum_rows(self._ring, self._sums)
        return self._sums[: self._width], self._sums[self._width :]

    def dispersions(
        self, k: float
    ) -> tuple[tuple[float, float], tuple[float, float], tuple[float, float]]:
        """``dispersions`` of the bid, of the ask and of both."""
        found = np.zeros(6)
        dispersions(self._ring, self._newest, k, found)
        bid_rate, bid_level, ask_rate, ask_level, rate, level = found.tolist()
        return (bid_rate, bid_level), (ask_rate, ask_level), (rate, level)

    def _row(self, side: int, time_ns: int) -> int:
        return side_row(self._ring, self._newest, self._slot_ns, self._levels, side, time_ns)
