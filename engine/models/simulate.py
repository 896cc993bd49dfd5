"""Market-maker simulator: paths of one maker in the model's own market, from a seed.

Two markets. In ``play`` time is continuous: between fills both rates are constant, so the
next fill and the mid's move until then are drawn exactly, without a time grid. In
``avellaneda_path`` time steps, as in the paper whose table it reproduces.

Random numbers come from SplitMix64, whose state is the one element of an int64 array.
"""

from dataclasses import dataclass

import numpy as np

from engine.models.avellaneda import finite_quote
from engine.models.glft import GlftModel
from engine.models.policy import Policy, bound_of
from engine.models.stationary import rates_of
from exchange.jit import FloatArray, IntArray, njit

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)  # these three and the shifts are SplitMix64's own
_S11, _S27, _S30, _S31 = np.uint64(11), np.uint64(27), np.uint64(30), np.uint64(31)

P_HALF_PROFIT, P_PROFIT, P_FILLS, P_INCOME, P_LOTS = range(5)
"""What is noted of a path: profit at half time and at the end; fills and spread income of
the second half; last inventory."""
P_WIDTH = 5


@njit
def uniform(state: IntArray) -> float:
    """Strictly between 0 and 1.

    Args:
        state: int64[1]; the seed before the first draw.

    Source:
        Steele, Lea & Flood, "Fast splittable pseudorandom number generators" (2014).
    """
    z = np.uint64(state[0]) + _GOLDEN
    state[0] = np.int64(z)
    z = (z ^ (z >> _S30)) * _MIX_1
    z = (z ^ (z >> _S27)) * _MIX_2
    z ^= z >> _S31
    return (float(z >> _S11) + 0.5) / 9007199254740992.0


@njit
def exponential(rate: float, state: IntArray) -> float:
    """A waiting time; one uniform.

    Source:
        ``-ln(u)/rate``, the inverse of its distribution.
    """
    return float(-np.log(uniform(state)) / rate)


@njit
def normal(state: IntArray) -> float:
    """A standard normal; two uniforms.

    Source:
        Box & Muller (1958), the cosine branch.
    """
    radius = np.sqrt(-2.0 * np.log(uniform(state)))
    return float(radius * np.cos(2.0 * np.pi * uniform(state)))


@njit
def play(
    table: FloatArray,
    rates: FloatArray,
    sigma: float,
    drift: float,
    duration_s: float,
    start_lots: int,
    state: IntArray,
) -> tuple[int, float, int, float]:
    """One stretch of one path under a stationary policy.

    Args:
        table: float64[2(2Q+1)], depths.
        rates: The same shape, fills a second.
        sigma: Ticks per square-root second.
        drift: Ticks per second.
        duration_s: Seconds.
        start_lots: Inventory at the start, in fills.
        state: int64[1], the generator; moved on.

    Returns:
        ``(lots, profit, fills, income)``: inventory at the end; profit marked at the mid and
        the part of it that is spread, in tick·fills.

    Source:
        Gillespie (1977), with a Brownian mid between the fills.
    """
    q, left = start_lots, duration_s
    moved = income = 0.0
    fills = 0
    while True:
        row = 2 * (q + bound_of(table))
        both = rates[row] + rates[row + 1]
        wait = exponential(both, state)
        held_s = min(wait, left)
        moved += q * (drift * held_s + sigma * np.sqrt(held_s) * normal(state))
        if wait >= left:
            return q, moved + income, fills, income
        left -= wait
        fills += 1
        if uniform(state) * both < rates[row]:
            income += table[row]
            q += 1
        else:
            income += table[row + 1]
            q -= 1


@njit
def play_paths(
    table: FloatArray,
    rates: FloatArray,
    sigma: float,
    drift: float,
    horizon_s: float,
    state: IntArray,
    out: FloatArray,
) -> None:
    """Independent paths from flat, each in two halves.

    Args:
        out: float64[P_WIDTH * paths], overwritten, row by row (``P_`` indices).
    """
    half_s = 0.5 * horizon_s
    for row in range(0, out.size, P_WIDTH):
        q, early, _, _ = play(table, rates, sigma, drift, half_s, 0, state)
        q, late, fills, income = play(table, rates, sigma, drift, half_s, q, state)
        out[row + P_HALF_PROFIT] = early
        out[row + P_PROFIT] = early + late
        out[row + P_FILLS] = fills
        out[row + P_INCOME] = income
        out[row + P_LOTS] = q


@njit
def avellaneda_path(
    sigma: float,
    A: float,
    k: float,
    gamma: float,
    horizon_s: float,
    steps: int,
    skewed: bool,
    state: IntArray,
) -> tuple[float, int]:
    """One path of the paper's simulation.

    Args:
        leans: True for the inventory strategy; False for its average spread around the mid.

    Returns:
        ``(profit, lots)``: profit marked at the mid, ticks of one order quantity.

    Source:
        Avellaneda & Stoikov (2008), section 3.3.
    """
    dt = horizon_s / steps
    move = sigma * np.sqrt(dt)
    q = 0
    profit = 0.0
    _, mean_spread = finite_quote(sigma, k, gamma, 0.0, 0.5 * horizon_s)
    shift, spread = 0.0, mean_spread
    for step in range(steps):
        if skewed:
            shift, spread = finite_quote(sigma, k, gamma, q, horizon_s - step * dt)
        held = q
        for side in (1, -1):
            depth = 0.5 * spread + side * shift
            if uniform(state) < A * np.exp(-k * depth) * dt:
                q += side
                profit += depth
        profit += held * (move if uniform(state) < 0.5 else -move)
    return profit, q


@njit
def avellaneda_paths(
    sigma: float,
    A: float,
    k: float,
    gamma: float,
    horizon_s: float,
    steps: int,
    skewed: bool,
    state: IntArray,
    out: FloatArray,
) -> None:
    """Independent paths of the paper's simulation.

    Args:
        out: float64[2 * paths], overwritten: profit and last inventory of each in turn.
    """
    for row in range(0, out.size, 2):
        profit, q = avellaneda_path(sigma, A, k, gamma, horizon_s, steps, skewed, state)
        out[row] = profit
        out[row + 1] = q


@dataclass(frozen=True, slots=True, eq=False)
class Paths:
    """What was noted of each path: one float64[paths] a name."""

    half_profit: FloatArray
    profit: FloatArray
    fills: FloatArray
    income: FloatArray
    lots: FloatArray


def generator(seed: int) -> IntArray:
    """The state from which a seed's numbers come; the kernels move it on."""
    return np.array([seed], dtype=np.int64)


def simulate(
    policy: Policy, model: GlftModel, horizon_s: float, paths: int, state: IntArray
) -> Paths:
    """Paths from flat in the model's own market."""
    out = np.empty(P_WIDTH * paths)
    rates, sigma, drift = rates_of(policy, model), model.sigma_ticks, model.drift
    with np.errstate(over="ignore"):  # uncompiled, the generator's wrap-around would warn
        play_paths(policy.table, rates, sigma, drift, horizon_s, state, out)
    return Paths(*np.ascontiguousarray(out.reshape(paths, P_WIDTH).T))


def simulate_avellaneda(
    sigma: float,
    A: float,
    k: float,
    gamma: float,
    horizon_s: float,
    steps: int,
    skewed: bool,
    paths: int,
    state: IntArray,
) -> tuple[FloatArray, FloatArray]:
    """Profits and last inventories of the paper's simulation, float64[paths] each."""
    out = np.empty(2 * paths)
    with np.errstate(over="ignore"):
        avellaneda_paths(sigma, A, k, gamma, horizon_s, steps, skewed, state, out)
    return out[::2].copy(), out[1::2].copy()
