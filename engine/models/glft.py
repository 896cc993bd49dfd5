"""GLFT (Guéant–Lehalle–Fernandez-Tapia) quotes in closed form, for a distant horizon.

Units: depths in ticks, time in seconds, inventory ``q`` in order quantities; one fill
changes ``q`` by ``delta``; ``gamma`` and ``xi`` per tick and order quantity. ``xi = gamma``
is the model with exponential utility, ``xi = 0`` the one that only fears inventory
(Guéant's models A and B).

The closed form takes the stationary solution for a Gaussian. The validity number

    a = k · delta · skew = sqrt(alpha / eta)

says how far one fill moves the quotes, in units of 1/k, and so where that is honest.
"""

from dataclasses import dataclass

import numpy as np

from engine.models.policy import Policy, bound_of, empty_table
from exchange.jit import FloatArray, njit

_SERIES_BELOW = 1e-6  # where the series' next term is below the rounding of doubles


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
def skew_per_sigma(A: float, k: float, gamma: float, xi: float, delta: float) -> float:
    """Skew per unit of volatility, in the general model.

    Args:
        A: Fill intensity at depth zero on one side, per second; positive.
        k: Its decay, per tick; positive.
        gamma: Aversion to inventory, per tick and order quantity; not negative.
        xi: Aversion to the chance of fills, in the same unit; not negative.
        delta: Fill size, in order quantities; positive.

    Returns:
        Square-root seconds per order quantity.

    Source:
        Guéant, "Optimal market making" (2017), eq. (4.7).
    """
    growth = np.exp(growth_exponent(xi * delta / k))
    return float(np.sqrt(gamma / (2.0 * A * delta * k) * growth))


@njit
def glft_c2(A: float, k: float, gamma: float, delta: float) -> float:
    """``skew_per_sigma`` with xi = gamma.

    Source:
        Guéant, "Optimal market making" (2017), eq. (4.7) with xi = gamma.
    """
    return skew_per_sigma(A, k, gamma, gamma, delta)


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


@njit
def glft_rates(
    sigma: float, A: float, k: float, gamma: float, xi: float, delta: float
) -> tuple[float, float]:
    """The two rates of which the exact solution is made.

    Returns:
        ``(alpha, eta)`` per second: the cost of one fill of inventory, and the pace of fills.

    Source:
        Guéant, Lehalle & Fernandez-Tapia (2013), Proposition 1; Guéant (2017), section 4.
    """
    alpha = 0.5 * k * gamma * sigma * sigma * delta
    eta = A * np.exp(-growth_exponent(xi * delta / k))
    return alpha, float(eta)


@njit
def validity(sigma: float, A: float, k: float, gamma: float, xi: float, delta: float) -> float:
    """The number a = k·delta·skew of the model itself, before any adjusting factor.

    Source:
        ``sqrt(alpha/eta)``, the one number that the stationary equation depends on but for scale.
    """
    return k * delta * sigma * skew_per_sigma(A, k, gamma, xi, delta)


@njit
def needs_table(a: float, bound: int) -> bool:
    """Is the closed form too far off, so that the spectral table must quote?

    It is where all fills together move the quotes too far for a straight line, and where the
    bound is felt at every inventory: below ``least_bound``. Between the two a is at most
    0.0135, so that one fill alone never is too much.

    Args:
        a: The validity number.
        bound: Largest inventory that may be reached, in fills.

    Returns:
        Also True when ``a`` is nan.

    Source:
        Where the Gaussian stands for the eigenvector: ``a·Q <= 1/2`` and ``Q >= 4.3/sqrt(a)``.
    """
    return not (a * bound <= 0.5 and bound * np.sqrt(a) >= 4.3)


@njit
def least_bound(a: float) -> int:
    """Q*: the inventory limit from which on the bound no longer widens the quotes at zero.

    Args:
        a: The validity number; positive.

    Source:
        Six standard deviations of inventory, ``(eta/alpha)**(1/4)/sqrt(2)`` each.
    """
    return int(np.ceil(4.3 / np.sqrt(a)))


@njit
def drift_skew(sigma: float, gamma: float, skew: float, drift: float) -> float:
    """How far a drift of the mid shifts both quotes, in ticks; up for a rising mid.

    Args:
        gamma: Positive: without fear of inventory a drift is followed to the bound.
        drift: Ticks per second.

    Source:
        Guéant, Lehalle & Fernandez-Tapia (2013), section 5, closed form with drift.
    """
    return drift * skew / (gamma * sigma * sigma)


@njit
def write_closed_form(
    half_spread: float, skew: float, delta: float, shift: float, out: FloatArray
) -> None:
    """Closed-form depths for every inventory: straight lines in q.

    Args:
        half_spread: Ticks at q = 0, without drift.
        skew: Ticks per order quantity.
        delta: Order quantities a fill.
        shift: What ``drift_skew`` gives, ticks.
        out: float64[2(2Q+1)], overwritten.

    Source:
        Guéant (2017), eqs. (4.8)-(4.9).
    """
    bound = bound_of(out)
    for i in range(2 * bound + 1):
        inventory_skew = skew * delta * (i - bound) - shift
        out[2 * i] = half_spread + inventory_skew
        out[2 * i + 1] = half_spread - inventory_skew
    out[1] = np.nan
    out[-2] = np.nan


@dataclass(frozen=True, slots=True)
class GlftModel:
    """One market and one appetite for risk, in the engine's units.

    Raises:
        ValueError: Naming the first field that is out of range.
    """

    A_per_s: float
    """Market orders a second, on one side."""
    k_per_tick: float
    sigma_ticks: float
    """Ticks per square-root second."""
    gamma: float
    """Per tick and order quantity."""
    bound: int
    """Largest inventory, in fills."""
    delta: float = 1.0
    """Order quantities a fill."""
    xi: float | None = None
    """None: the same as gamma."""
    drift: float = 0.0
    """Ticks per second."""

    def __post_init__(self) -> None:
        for name in ("A_per_s", "k_per_tick", "sigma_ticks", "gamma", "delta"):
            value = getattr(self, name)
            if not 0.0 < value < np.inf:
                raise ValueError(f"{name} is {value}; it must be positive and finite")
        if self.xi is not None and not 0.0 <= self.xi < np.inf:
            raise ValueError(f"xi is {self.xi}; it must not be negative")
        if not np.isfinite(self.drift):
            raise ValueError(f"drift is {self.drift}; it must be finite")
        if self.bound < 1:
            raise ValueError(f"bound is {self.bound}; it must be at least 1")

    @classmethod
    def from_prices(
        cls,
        *,
        tick_size: float,
        order_qty: float,
        A_per_s: float,
        k_per_price: float,
        sigma_price: float,
        gamma_per_money: float,
        bound: int,
    ) -> "GlftModel":
        """The same market stated in prices and money; one fill is one order quantity."""
        return cls(
            A_per_s=A_per_s,
            k_per_tick=k_per_price * tick_size,
            sigma_ticks=sigma_price / tick_size,
            gamma=gamma_per_money * tick_size * order_qty,
            bound=bound,
        )

    @property
    def numbers(self) -> tuple[float, float, float, float, float, float]:
        """``(sigma, A, k, gamma, xi, delta)``, in the order of the kernels."""
        xi = self.gamma if self.xi is None else self.xi
        return (self.sigma_ticks, self.A_per_s, self.k_per_tick, self.gamma, xi, self.delta)

    @property
    def a(self) -> float:
        """The validity number."""
        return validity(*self.numbers)

    @property
    def least_bound(self) -> int:
        """Q*, in fills."""
        return least_bound(self.a)

    @property
    def needs_table(self) -> bool:
        """Must the spectral table quote, somewhere within the bound?"""
        return needs_table(self.a, self.bound)


def closed_policy(model: GlftModel) -> Policy:
    """The closed form's depths, whether or not it is honest here."""
    sigma, A, k, gamma, xi, delta = model.numbers
    skew = sigma * skew_per_sigma(A, k, gamma, xi, delta)
    half_spread = glft_c1(k, xi, delta) + 0.5 * delta * skew
    table = empty_table(model.bound)
    shift = drift_skew(sigma, gamma, skew, model.drift)
    write_closed_form(half_spread, skew, delta, shift, table)
    return Policy(table)
