"""Avellaneda–Stoikov quotes, from "High-frequency trading in a limit order book" (2008).

Kept as the theory's first form and for its published table. Its finite-horizon quotes are
the first order in the time left: right near the end, growing without limit far from it.
Units: ticks, seconds, inventory in order quantities of one fill each.
"""

import numpy as np

from engine.models.glft import glft_c1
from exchange.jit import njit


@njit
def finite_quote(sigma: float, k: float, gamma: float, q: float, tau: float) -> tuple[float, float]:
    """Shift of the reservation price, and the whole spread.

    Args:
        sigma: Ticks per square-root second.
        k: Decay of the fill intensity, per tick.
        gamma: Risk aversion, per tick and order quantity; not negative.
        q: Inventory.
        tau: Seconds to the end.

    Returns:
        ``(shift, spread)`` in ticks: bid = mid - shift - spread/2, ask = mid - shift + spread/2.

    Source:
        Eqs. (29) and (30).
    """
    risk = gamma * sigma * sigma * tau
    return q * risk, risk + 2.0 * glft_c1(k, gamma, 1.0)


@njit
def least_omega(sigma: float, gamma: float, q_max: float) -> float:
    """The smallest discount rate for which inventories up to ``q_max`` have a price.

    Source:
        Section 2.3.
    """
    return 0.5 * (gamma * sigma * (q_max + 1.0)) ** 2


@njit
def indifference_bid(sigma: float, gamma: float, omega: float, q: float) -> float:
    """Where one more unit leaves a maker who trades for ever no worse off.

    Args:
        sigma: Ticks per square-root second.
        gamma: Per tick and order quantity; positive.
        omega: Discount rate, at least ``least_omega``.
        q: Inventory before the purchase.

    Returns:
        Ticks from the mid, negative below it; nan where no price is low enough.

    Source:
        Section 2.3, from its Definition 1.
    """
    risk = (gamma * sigma) ** 2
    share = (1.0 + 2.0 * q) * risk / (2.0 * omega - risk * q * q)
    if not share < 1.0:
        return np.nan
    return float(np.log1p(-share) / gamma)


@njit
def indifference_ask(sigma: float, gamma: float, omega: float, q: float) -> float:
    """Where one unit less leaves a maker who trades for ever no worse off.

    Selling from q undoes buying from q - 1, so this is that bid. The formula printed for
    the ask agrees with its own definition only to first order.

    Returns:
        Ticks from the mid; nan where no price is high enough.

    Source:
        Section 2.3, from its Definition 1.
    """
    return indifference_bid(sigma, gamma, omega, q - 1.0)


@njit
def symmetric_moments(
    sigma: float, A: float, k: float, depth: float, horizon_s: float, steps: int
) -> tuple[float, float, float]:
    """Exact profit of constant depths in the paper's simulation, which steps through time.

    Args:
        depth: Ticks from the mid, either side.
        horizon_s: Seconds.
        steps: Time steps in it.

    Returns:
        ``(mean, sd, sd_q)``: of the profit, in ticks of one order quantity, and of the last
        inventory.

    Source:
        Section 3.3's scheme; each step fills either side with probability ``A·exp(-k·depth)·dt``.
    """
    dt = horizon_s / steps
    p = A * np.exp(-k * depth) * dt
    spread_of_step = 2.0 * p * (1.0 - p)
    filled = depth * depth * steps * spread_of_step
    carried = sigma * sigma * dt * spread_of_step * steps * (steps - 1) / 2.0
    sd, sd_q = np.sqrt(filled + carried), np.sqrt(steps * spread_of_step)
    return float(2.0 * steps * p * depth), float(sd), float(sd_q)
