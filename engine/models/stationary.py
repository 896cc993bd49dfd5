"""Stationary value of a quoting policy: what it is worth for ever or for a time, without a path.

Money is in tick·fills: ticks of profit on one fill. Risk aversion ``gamma_fill`` is
per tick·fill, that is gamma·delta. The tests of every simulator start here, because nothing
is fitted.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.models.glft import GlftModel, glft_rates
from engine.models.policy import Policy, bound_of
from engine.models.spectral import eigenvalue
from engine.models.tridiagonal import apply_exponential
from exchange.jit import FloatArray, njit


@njit
def fill_rates(A: float, k: float, table: FloatArray, out: FloatArray) -> None:
    """Fills a second on each side at each inventory; 0 where nothing is quoted.

    Args:
        table: float64[2(2Q+1)], depths.
        out: The same shape, overwritten.

    Source:
        ``A·exp(-k·depth)``, Guéant, Lehalle & Fernandez-Tapia (2013), section 2.
    """
    for i in range(table.size):
        out[i] = 0.0 if np.isnan(table[i]) else A * np.exp(-k * table[i])


@njit
def inventory_law(rates: FloatArray, out: FloatArray) -> None:
    """Long-run share of time at each inventory.

    Args:
        rates: float64[2(2Q+1)], from ``fill_rates``.
        out: float64[2Q+1], overwritten; sums to 1.

    Source:
        Detailed balance of a birth and death chain; under the spectral quotes it is f².
    """
    out[0] = 0.0
    for i in range(1, out.size):
        out[i] = out[i - 1] + np.log(rates[2 * i - 2] / rates[2 * i + 1])
    largest = np.max(out)
    total = 0.0
    for i in range(out.size):
        out[i] = np.exp(out[i] - largest)
        total += out[i]
    out /= total


@njit
def long_run_flow(table: FloatArray, rates: FloatArray, law: FloatArray) -> tuple[float, float]:
    """Fills a second, and the spread they earn, in tick·fills a second.

    Source:
        Ergodic means: the sums of ``law·rate`` and ``law·rate·depth`` over both sides.
    """
    fills = 0.0
    income = 0.0
    for i in range(table.size):
        if rates[i] > 0.0:
            share = law[i // 2] * rates[i]
            fills += share
            income += share * table[i]
    return fills, income


@njit
def log_moment(
    table: FloatArray,
    rates: FloatArray,
    sigma: float,
    drift: float,
    g: float,
    horizon_s: float,
    work: FloatArray,
) -> float:
    """ln E[exp(-g·profit)] from flat over a horizon.

    Args:
        table: float64[2(2Q+1)], depths.
        rates: Of the same shape, from ``fill_rates``.
        sigma: Ticks per square-root second.
        drift: Ticks per second.
        g: Per tick·fill.
        horizon_s: Seconds.
        work: float64[5(2Q+1)], scratch.

    Source:
        Feynman–Kac: dw/dtau = G w, w = 1 at the end.
    """
    bound = bound_of(table)
    n = 2 * bound + 1
    lower, diagonal, upper = work[:n], work[n : 2 * n], work[2 * n : 3 * n]
    v, term = work[3 * n : 4 * n], work[4 * n : 5 * n]
    v[:] = 1.0
    for i in range(n):
        bid, ask = rates[2 * i], rates[2 * i + 1]
        q = i - bound
        diagonal[i] = g * q * (0.5 * g * sigma * sigma * q - drift) - bid - ask
        upper[i] = bid * np.exp(-g * table[2 * i]) if bid > 0.0 else 0.0
        lower[i] = ask * np.exp(-g * table[2 * i + 1]) if ask > 0.0 else 0.0
    log_scale = apply_exponential(lower, diagonal, upper, horizon_s, v, term)
    return float(log_scale + np.log(v[bound]))


@njit
def pull_half_life(
    sigma: float,
    A: float,
    k: float,
    gamma: float,
    xi: float,
    delta: float,
    drift: float,
    bound: int,
) -> float:
    """Seconds in which the spectral quotes halve the expected inventory, in the long run.

    Source:
        The quotes' generator is -(1 + xi·delta/k)(M - lowest eigenvalue), seen through f.
    """
    alpha, eta = glft_rates(sigma, A, k, gamma, xi, delta)
    lowest = eigenvalue(0, alpha, k * drift, eta, bound)
    gap = eigenvalue(1, alpha, k * drift, eta, bound) - lowest
    return float(np.log(2.0) / ((1.0 + xi * delta / k) * gap))


@dataclass(frozen=True, slots=True)
class LongRun:
    """A policy in its steady state."""

    sd_lots: float
    """Of the inventory, in fills."""
    fills_per_s: float
    income_per_s: float
    """Spread earned, tick·fills a second."""


@dataclass(frozen=True, slots=True)
class Worth:
    """A policy's profit from flat over a horizon, in tick·fills."""

    certain: float
    """The certainty equivalent at the model's own risk aversion."""
    mean: float
    sd: float


def rates_of(policy: Policy, model: GlftModel) -> FloatArray:
    """Fills a second for every entry of the policy's table."""
    rates = np.empty_like(policy.table)
    fill_rates(model.A_per_s, model.k_per_tick, policy.table, rates)
    return rates


def law_of(policy: Policy, model: GlftModel) -> FloatArray:
    """Long-run share of time at the inventories -Q..Q."""
    law = np.empty(2 * policy.bound + 1)
    inventory_law(rates_of(policy, model), law)
    return law


def long_run(policy: Policy, model: GlftModel) -> LongRun:
    """Exact facts of the steady state."""
    law = law_of(policy, model)
    lots = np.arange(-policy.bound, policy.bound + 1)
    mean = float(law @ lots)
    variance = float(law @ (lots - mean) ** 2)
    return LongRun(variance**0.5, *long_run_flow(policy.table, rates_of(policy, model), law))


def certainty_growth(model: GlftModel) -> float:
    """What the stationary quotes are worth for certain, tick·fills a second: -lowest/k."""
    alpha, eta = glft_rates(*model.numbers)
    beta = model.k_per_tick * model.drift
    return -eigenvalue(0, alpha, beta, eta, model.bound) / model.k_per_tick


def half_life_s(model: GlftModel) -> float:
    """Seconds in which the stationary quotes halve the expected inventory."""
    return pull_half_life(*model.numbers, model.drift, model.bound)


def worth(policy: Policy, model: GlftModel, horizon_s: float) -> Worth:
    """Certainty equivalent, mean and standard deviation of profit from flat."""
    gamma_fill = model.gamma * model.delta
    sigma, drift = model.sigma_ticks, model.drift
    work = np.empty(5 * (2 * policy.bound + 1))
    rates = rates_of(policy, model)
    log_w = log_moment(policy.table, rates, sigma, drift, gamma_fill, horizon_s, work)
    mean, sd = profit_moments(policy, rates, sigma, drift, horizon_s)
    return Worth(-log_w / gamma_fill, mean, sd)


def profit_moments(
    policy: Policy, rates: FloatArray, sigma: float, drift: float, horizon_s: float
) -> tuple[float, float]:
    """Mean and standard deviation of profit from flat, in tick·fills.

    Differentiating dw/dtau = G(g) w twice at g = 0 gives linear equations for the first two
    moments m1, m2 of profit; with a constant 1 appended they are one matrix, whose
    exponential is applied in small steps.
    """
    bound = policy.bound
    n = 2 * bound + 1
    depth = np.nan_to_num(policy.table).reshape(n, 2)
    rate = rates.reshape(n, 2)
    lots = np.arange(-bound, bound + 1)
    chain = np.diag(rate[:-1, 0], 1) + np.diag(rate[1:, 1], -1) - np.diag(rate.sum(axis=1))
    earned = rate * depth
    generator = np.zeros((2 * n + 1, 2 * n + 1))
    first, second = slice(0, n), slice(n, 2 * n)
    generator[first, first] = generator[second, second] = chain
    generator[first, -1] = earned.sum(axis=1) + drift * lots
    generator[second, first] = 2 * (
        np.diag(earned[:-1, 0], 1) + np.diag(earned[1:, 1], -1) + np.diag(drift * lots)
    )
    generator[second, -1] = (earned * depth).sum(axis=1) + (sigma * lots) ** 2
    start = np.zeros(2 * n + 1)
    start[-1] = 1.0
    moments = _carried(generator, start, horizon_s, pace=2 * float(rate.sum(axis=1).max()))
    mean = float(moments[bound])
    return mean, float(np.sqrt(moments[n + bound] - mean * mean))


def _carried(
    generator: NDArray[np.float64], start: NDArray[np.float64], tau: float, pace: float
) -> NDArray[np.float64]:
    """exp(generator·tau)·start by Taylor series, in steps of at most one over the pace."""
    steps = int(np.ceil(pace * tau)) or 1
    v = start
    for _ in range(steps):
        term = v
        j = 0
        while True:
            j += 1
            term = generator @ term * (tau / steps / j)
            grown = v + term
            if np.array_equal(grown, v):
                break
            v = grown
    return v
