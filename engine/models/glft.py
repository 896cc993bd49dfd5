"""Guéant–Lehalle–Fernandez-Tapia quotes in closed form, for a distant horizon.

Units: depths in ticks, time in seconds, inventory ``q`` in order quantities, so that one
fill changes ``q`` by ``delta`` = 1; ``gamma`` per tick and order quantity.
"""

import numpy as np

from exchange.jit import njit

_SERIES_BELOW = 1e-6


@njit
def growth_exponent(x: float) -> float:
    """ln of ``(1+x)**(1+1/x)``, which tends to 1 as x vanishes.

    Args:
        x: gamma·delta/k, dimensionless, not negative.

    Source:
        Series by hand; the plain power loses all digits below x = 1e-16.
    """
    if x < _SERIES_BELOW:
        return 1.0 + 0.5 * x - x * x / 6.0
    return float((1.0 + x) * np.log1p(x) / x)


@njit
def glft_c1(k: float, gamma: float, delta: float) -> float:
    """Static half spread in ticks: ``ln(1+x)/(gamma·delta)``, which tends to 1/k.

    Args:
        k: Decay of the fill intensity, per tick; positive.
        gamma: Risk aversion, per tick and order quantity; not negative.
        delta: Fill size, in order quantities; positive.

    Source:
        Guéant, "Optimal market making" (2017), eq. (4.6) with xi = gamma.
    """
    x = gamma * delta / k
    if x < _SERIES_BELOW:
        return (1.0 - 0.5 * x + x * x / 3.0) / k
    return float(np.log1p(x) / (gamma * delta))


@njit
def glft_c2(A: float, k: float, gamma: float, delta: float) -> float:
    """Skew per unit of volatility: square-root seconds per order quantity.

    Args:
        A: Fill intensity at depth zero on one side, per second; positive.
        k: Its decay, per tick; positive.
        gamma: Risk aversion, per tick and order quantity; not negative.
        delta: Fill size, in order quantities; positive.

    Source:
        Guéant, "Optimal market making" (2017), eq. (4.7) with xi = gamma.
    """
    growth = np.exp(growth_exponent(gamma * delta / k))
    return float(np.sqrt(gamma / (2.0 * A * delta * k) * growth))


@njit
def glft_quote(
    sigma: float, A: float, k: float, gamma: float, delta: float, adj1: float, adj2: float
) -> tuple[float, float, float, float]:
    """Half spread and inventory skew as quoted.

    Args:
        sigma: Mid volatility, ticks per square-root second.
        adj1: Multiplies the half spread.
        adj2: Multiplies the skew.

    Returns:
        ``(half_spread, skew, c1, c2)``: ticks, ticks per order quantity, and the two
        coefficients they were made of.

    Source:
        Guéant (2017), eqs. (4.6)-(4.9); with delta = 1 and both factors 1 it is the closed
        form of Guéant, Lehalle & Fernandez-Tapia, "Dealing with the inventory risk" (2013).
    """
    c1 = glft_c1(k, gamma, delta)
    c2 = glft_c2(A, k, gamma, delta)
    half_spread = (c1 + 0.5 * delta * c2 * sigma) * adj1
    return half_spread, c2 * sigma * adj2, c1, c2
