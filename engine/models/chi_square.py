"""Chi-square probabilities, for exact intervals of counts, waits and variances.

A count of n arrivals, a sum of n exponential depths and a sum of n squared changes are all
chi-square in disguise; the normal rule is poor for the few dozen events of a quiet market.
"""

import math

import numpy as np

from exchange.jit import njit

_LAST_TERM = 1e-17  # of the sum: below the rounding of doubles
_TINY = 1e-300  # stands for a denominator of zero
_MOST_TERMS = 100_000  # a bound on the loop; the terms shrink long before
_STEPS = 200  # a bound on the loop: bisection alone would be done by then
_MANY = 1_000  # exact takes too long for more, and the approximation is right to a millionth
_TWO_SIDED = 1.959963984540054
"""97.5 % point of the standard normal."""


@njit
def _gamma_front(a: float, x: float) -> float:
    """The factor ``x**a·exp(-x)/Gamma(a)`` that both expansions share."""
    return math.exp(a * math.log(x) - x - math.lgamma(a))


@njit
def _gamma_series(a: float, x: float) -> float:
    """P(a, x) by its power series, quick for x below a + 1."""
    term = total = 1.0 / a
    for n in range(1, _MOST_TERMS):
        term *= x / (a + n)
        total += term
        if term < total * _LAST_TERM:
            break
    return total * _gamma_front(a, x)


@njit
def _gamma_fraction(a: float, x: float) -> float:
    """1 - P(a, x) by its continued fraction, quick for x above a + 1."""
    b = x + 1.0 - a
    c = 1.0 / _TINY
    d = 1.0 / b
    value = d
    for n in range(1, _MOST_TERMS):
        b += 2.0
        d = 1.0 / (b - n * (n - a) * d)
        c = b - n * (n - a) / c
        value *= c * d
        if abs(c * d - 1.0) < 1e-15:
            break
    return value * _gamma_front(a, x)


@njit
def chi_square_below(x: float, dof: float) -> float:
    """P(chi-square ≤ x): the regularised incomplete gamma function P(dof/2, x/2).

    Args:
        x: Any number.
        dof: Degrees of freedom, positive.

    Source:
        Abramowitz & Stegun 6.5.29 (series) and 6.5.31 (fraction, by Lentz's method).
    """
    if x <= 0.0:
        return 0.0
    if x < dof + 2.0:
        return _gamma_series(0.5 * dof, 0.5 * x)
    return 1.0 - _gamma_fraction(0.5 * dof, 0.5 * x)


@njit
def chi_square_quantile(p: float, dof: float) -> float:
    """The x below which a chi-square falls with probability p.

    Newton from the mean, kept inside a bracket by bisection.

    Args:
        p: Strictly between 0 and 1.
        dof: Degrees of freedom; with none the answer is 0.

    Returns:
        Good to about 1e-12 of itself for p up to 0.9999.

    Source:
        Newton on the distribution function, whose slope is the density.
    """
    if dof <= 0.0:
        return 0.0
    low, high = 0.0, dof + 10.0
    while chi_square_below(high, dof) < p:
        low, high = high, 2.0 * high
    x = max(min(dof, high), low)
    for _ in range(_STEPS):
        miss = chi_square_below(x, dof) - p
        low, high = (low, x) if miss > 0.0 else (x, high)
        step = miss * x / _gamma_front(0.5 * dof, 0.5 * x)
        if abs(step) <= 1e-14 * x:
            break
        x = x - step if low < x - step < high else 0.5 * (low + high)
    return x


@njit
def count_interval(n: int, exposure: float) -> tuple[float, float]:
    """Exact 95 % interval of a Poisson rate from n events in ``exposure``.

    Args:
        n: Not negative; with none the low end is 0.
        exposure: Positive; the rate is per its unit.

    Source:
        Garwood, "Fiducial limits for the Poisson distribution" (1936).
    """
    low = chi_square_quantile(0.025, 2.0 * n)
    high = chi_square_quantile(0.975, 2.0 * n + 2.0)
    return low / (2.0 * exposure), high / (2.0 * exposure)


@njit
def decay_interval(n: int, total: float) -> tuple[float, float]:
    """Exact 95 % interval of an exponential's rate from n draws that sum to ``total``.

    Returns:
        nan twice without a draw.
    """
    if n < 1:
        return np.nan, np.nan
    low = chi_square_quantile(0.025, 2.0 * n)
    high = chi_square_quantile(0.975, 2.0 * n)
    return low / (2.0 * total), high / (2.0 * total)


@njit
def sigma_interval(sigma: float, n: int) -> tuple[float, float]:
    """95 % interval of a standard deviation from n independent normal changes.

    Returns:
        nan twice with fewer than two changes. Exact up to a thousand changes; beyond, where
        exact takes too long, right to a millionth.

    Source:
        n·sigma² over its truth is chi-square; Wilson & Hilferty, "The distribution of
        chi-square" (1931), for many changes.
    """
    if n < 2:
        return np.nan, np.nan
    if n > _MANY:
        spread = _TWO_SIDED * math.sqrt(2.0 / (9.0 * n))
        middle = 1.0 - 2.0 / (9.0 * n)
        return sigma * (middle + spread) ** -1.5, sigma * (middle - spread) ** -1.5
    low = math.sqrt(n / chi_square_quantile(0.975, n))
    high = math.sqrt(n / chi_square_quantile(0.025, n))
    return sigma * low, sigma * high


@njit
def log_normal_interval(estimate: float, relative_error: float) -> tuple[float, float]:
    """95 % interval of a positive estimate whose logarithm is about normal.

    Args:
        relative_error: Standard error of the logarithm: ``1/sqrt(n)`` for A and for k.
    """
    factor = math.exp(_TWO_SIDED * relative_error)
    return estimate / factor, estimate * factor
