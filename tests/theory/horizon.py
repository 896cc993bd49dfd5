"""Finite-horizon quotes: exact, with a set time at which what is held must be closed.

With M as in the stationary solution and v = exp(-M·tau)·exp(-k·close·|n|),

    bid_depth(n) = c1 + ln(v_n / v_(n+1)) / k        ask_depth(n) = c1 + ln(v_n / v_(n-1)) / k

and ln(v_0) / k is what being flat with tau seconds left is worth for certain. The papers'
own problem has close = 0: what is left may be kept at the mid, so the quotes forget the
inventory as the end draws near. With a cost of closing they become "be flat by then".
"""

import numpy as np

from engine.models.glft import GlftModel, glft_c1, glft_rates
from engine.models.policy import Policy, bound_of, empty_table
from engine.models.spectral import write_pair
from engine.models.tridiagonal import apply_exponential
from exchange.jit import FloatArray, njit


@njit
def write_ratios(c1: float, k: float, v: FloatArray, out: FloatArray) -> None:
    """Depths from the values v of all inventories.

    Source:
        Guéant, Lehalle & Fernandez-Tapia (2013), Theorem 1.
    """
    out[1] = np.nan
    out[-2] = np.nan
    for i in range(v.size - 1):
        write_pair(i, c1, np.log(v[i] / v[i + 1]) / k, out)


@njit
def horizon_table(
    sigma: float,
    A: float,
    k: float,
    gamma: float,
    xi: float,
    delta: float,
    drift: float,
    tau: float,
    close: float,
    work: FloatArray,
    out: FloatArray,
) -> float:
    """Depths for every inventory with ``tau`` seconds left.

    The cost grows with tau; a few dozen half-lives from the end the stationary table is
    the same to the last digit.

    Args:
        sigma .. drift: As for ``spectral_table``.
        tau: Seconds to the end; not negative.
        close: Ticks that each order quantity held at the end costs; half the spread and a
            taker's fee, for one closed at market. Depths are nan where k·close·Q nears 700.
        work: float64[4(2Q+1)], scratch.
        out: float64[2(2Q+1)], overwritten; its size says Q.

    Returns:
        ln(v_0): k times the certainty equivalent of starting flat, in tick·fills.

    Source:
        Guéant, Lehalle & Fernandez-Tapia (2013), Propositions 1-2, Theorem 1.
    """
    bound = bound_of(out)
    n = 2 * bound + 1
    alpha, eta = glft_rates(sigma, A, k, gamma, xi, delta)
    beside, diagonal, v, term = work[:n], work[n : 2 * n], work[2 * n : 3 * n], work[3 * n : 4 * n]
    beside[:] = eta
    for i in range(n):
        v[i] = np.exp(-k * close * abs(i - bound))
        diagonal[i] = (i - bound) * (k * drift - alpha * (i - bound))
    log_scale = apply_exponential(beside, diagonal, beside, tau, v, term)
    write_ratios(glft_c1(k, xi, delta), k, v, out)
    return float(log_scale + np.log(v[bound]))


def horizon_policy(
    model: GlftModel, tau_s: float, close_ticks: float = 0.0
) -> tuple[Policy, float]:
    """The best depths with ``tau_s`` left, and what starting flat is worth.

    Args:
        close_ticks: See ``close`` of ``horizon_table``.

    Returns:
        The depths at this moment, and the certainty equivalent in tick·fills.
    """
    table = empty_table(model.bound)
    work = np.empty(2 * table.size)
    log_value = horizon_table(*model.numbers, model.drift, tau_s, close_ticks, work, table)
    return Policy(table), log_value / model.k_per_tick
