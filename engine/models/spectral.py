"""Exact stationary quotes, from the lowest eigenvector of the model's matrix.

M is tridiagonal over the inventories n = -Q..Q (in fills): alpha·n² - beta·n on the
diagonal, -eta beside it, with beta = k·drift. With f its positive eigenvector,

    bid_depth(n) = c1 + ln(f_n / f_(n+1)) / k        ask_depth(n) = c1 + ln(f_n / f_(n-1)) / k

f falls like exp(-a·n²/2), so a vector of it drowns in rounding where quotes still matter.
Here only the ratios are computed, inward from both ends, where every term is positive.
"""

import numpy as np

from engine.models.glft import (
    GlftModel,
    glft_c1,
    glft_c2,
    glft_rates,
    needs_table,
    validity,
    write_closed_form,
)
from engine.models.policy import Policy, bound_of, empty_table
from exchange.jit import FloatArray, njit

_HALVINGS = 64  # more than the bits of a double's fraction
_NO_PIVOT = 1e-300
"""Stands for a pivot of exactly zero."""


@njit
def least_diagonal(alpha: float, beta: float, bound: int) -> float:
    """Smallest alpha·n² - beta·n over whole n within the bound."""
    n = float(bound) if beta > 0.0 else -float(bound)
    if 2.0 * alpha * bound > abs(beta):
        n = np.rint(beta / (2.0 * alpha))
    return float(alpha * n * n - beta * n)


@njit
def eigenvalues_below(
    level: float, alpha: float, beta: float, eta: float, bound: int, enough: int
) -> int:
    """How many eigenvalues of M lie below a level; stops counting at ``enough``.

    Source:
        Sturm's theorem: as many as there are negative pivots of M - level.
    """
    count = 0
    pivot = np.inf
    for n in range(-bound, bound + 1):
        pivot = n * (alpha * n - beta) - level - eta * eta / pivot
        if pivot == 0.0:
            pivot = -_NO_PIVOT
        if pivot < 0.0:
            count += 1
            if count == enough:
                return count
    return count


@njit
def eigenvalue(index: int, alpha: float, beta: float, eta: float, bound: int) -> float:
    """An eigenvalue of M by bisection, counted from 0 upwards.

    Args:
        index: 0 or more; every step costs one pass over the inventories.
        alpha: Per second; not negative.
        beta: k·drift, per second.
        eta: Per second; positive.
        bound: Q, at least 1.

    Returns:
        Per second, never above the true value by more than one rounding.

    Source:
        Sturm bisection between bounds of Gershgorin: ``[m - 2·eta, m]`` for the lowest.
    """
    low = least_diagonal(alpha, beta, bound) - 2.0 * eta
    high = low + 2.0 * eta
    if index > 0:
        high = alpha * bound * bound + abs(beta) * bound + 2.0 * eta
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        if eigenvalues_below(middle, alpha, beta, eta, bound, index + 1) > index:
            high = middle
        else:
            low = middle
    return low


@njit
def write_pair(i: int, c1: float, step: float, out: FloatArray) -> None:
    """Set the bid of row i and the ask of the row above it: the two sides of one fill."""
    out[2 * i] = c1 + step
    out[2 * i + 3] = c1 - step


@njit
def write_stationary(
    c1: float, k: float, alpha: float, beta: float, eta: float, lowest: float, out: FloatArray
) -> None:
    """Depths for every inventory, given the lowest eigenvalue.

    Args:
        c1: Static half spread, ticks.
        lowest: The lowest eigenvalue of M, per second.
        out: float64[2(2Q+1)], overwritten.

    Source:
        Guéant, Lehalle & Fernandez-Tapia (2013), Theorem 2.
    """
    bound = bound_of(out)
    out[1] = np.nan
    out[-2] = np.nan
    peak = 0
    falling = 0.0  # f_n / f_(n-1), from the right end
    for n in range(bound, -bound, -1):
        falling = eta / (n * (alpha * n - beta) - lowest - eta * falling)
        if falling >= 1.0:
            peak = n + bound
            break
        write_pair(n - 1 + bound, c1, -np.log(falling) / k, out)
    rising = 0.0  # f_n / f_(n+1), from the left end
    for i in range(peak):
        n = i - bound
        rising = eta / (n * (alpha * n - beta) - lowest - eta * rising)
        write_pair(i, c1, np.log(rising) / k, out)


@njit
def spectral_table(
    sigma: float,
    A: float,
    k: float,
    gamma: float,
    xi: float,
    delta: float,
    drift: float,
    out: FloatArray,
) -> float:
    """The exact stationary depths, one table a recalibration.

    Args:
        sigma: Ticks per square-root second.
        A: Market orders a second on one side, at depth zero.
        k: Their decay, per tick.
        gamma: Aversion to inventory, per tick and order quantity.
        xi: Aversion to the chance of fills, in the same unit.
        delta: Order quantities a fill.
        drift: Of the mid, ticks per second.
        out: float64[2(2Q+1)], overwritten; its size says Q.

    Returns:
        The lowest eigenvalue, per second; certainty grows by minus this over k, in tick·fills
        per second.

    Source:
        Guéant, Lehalle & Fernandez-Tapia (2013), Theorem 2; Guéant (2017), section 4.
    """
    alpha, eta = glft_rates(sigma, A, k, gamma, xi, delta)
    lowest = eigenvalue(0, alpha, k * drift, eta, bound_of(out))
    write_stationary(glft_c1(k, xi, delta), k, alpha, k * drift, eta, lowest, out)
    return lowest


@njit
def glft_table(
    sigma: float, A: float, k: float, gamma: float, delta: float, out: FloatArray
) -> tuple[float, bool]:
    """The depths to quote by: the closed form where it is honest, else the spectral table.

    Args:
        sigma, A, k, gamma, delta: As for ``spectral_table``, with xi = gamma and no drift.
        out: float64[2(2Q+1)], overwritten; its size says Q.

    Returns:
        ``(a, spectral)``: the validity number, and whether the table is the spectral one.

    Source:
        Closed form of Guéant (2017), eqs. (4.8)-(4.9), or Theorem 2 of Guéant et al. (2013).
    """
    a = validity(sigma, A, k, gamma, gamma, delta)
    spectral = needs_table(a, bound_of(out))
    if spectral:
        spectral_table(sigma, A, k, gamma, gamma, delta, 0.0, out)
    else:
        skew = sigma * glft_c2(A, k, gamma, delta)
        write_closed_form(glft_c1(k, gamma, delta) + 0.5 * delta * skew, skew, delta, 0.0, out)
    return a, spectral


def stationary_policy(model: GlftModel) -> Policy:
    """The exact depths that quote for ever."""
    table = empty_table(model.bound)
    spectral_table(*model.numbers, model.drift, table)
    return Policy(table)
