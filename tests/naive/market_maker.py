"""Naive market-maker theory: the obvious ways, some slow and right, some short and wrong.

The wrong ones are what one writes first. They are kept so that each has a test which it
fails and the engine passes.
"""

import math
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# ---------------------------------------------------------------- slow and right


def utility_depths(
    sigma: float,
    A: float,
    k: float,
    gamma: float,
    drift: float,
    bound: int,
    tau: float,
    close: float = 0.0,
) -> Array:
    """Best depths from the Hamilton–Jacobi–Bellman equation itself, by classic Runge–Kutta.

    No change of variables and no first-order condition: the best depth at each inventory is
    searched for. Returns rows of bid and ask for -bound..bound.
    """
    lots = np.arange(-bound, bound + 1)
    steps = max(100, math.ceil(40 * tau))

    def gain(depth: float, worth: float) -> float:
        return A * math.exp(-k * depth) / gamma * (1 - math.exp(-gamma * (depth + worth)))

    def slope(theta: Array) -> Array:
        change = drift * lots - 0.5 * gamma * (sigma * lots) ** 2
        for i in range(2 * bound + 1):
            for j in (i - 1, i + 1):
                if 0 <= j <= 2 * bound:
                    worth = theta[j] - theta[i]
                    best = highest(partial(gain, worth=worth))
                    change[i] += gain(best, worth)
        return change

    theta = -close * np.abs(lots).astype(float)
    h = tau / steps
    for _ in range(steps):
        s1 = slope(theta)
        s2 = slope(theta + h / 2 * s1)
        s3 = slope(theta + h / 2 * s2)
        s4 = slope(theta + h * s3)
        theta = theta + h / 6 * (s1 + 2 * s2 + 2 * s3 + s4)
    depths = np.full((2 * bound + 1, 2), math.nan)
    for i in range(2 * bound + 1):
        for side, j in enumerate((i + 1, i - 1)):
            if 0 <= j <= 2 * bound:
                worth = theta[j] - theta[i]
                depths[i, side] = highest(partial(gain, worth=worth))
    return depths


def highest(f: Callable[[float], float], low: float = -20.0, high: float = 40.0) -> float:
    """Where a function of one peak is highest, by golden section."""
    golden = (math.sqrt(5) - 1) / 2
    a, b = high - golden * (high - low), low + golden * (high - low)
    at_a, at_b = f(a), f(b)
    while high - low > 1e-7:
        if at_a > at_b:
            high, b, at_b = b, a, at_a
            a = high - golden * (high - low)
            at_a = f(a)
        else:
            low, a, at_a = a, b, at_b
            b = low + golden * (high - low)
            at_b = f(b)
    return (low + high) / 2


# ---------------------------------------------------------------- short and wrong


def static_half_spread(k: float, gamma: float) -> float:
    """The formula as printed: 1 + x forgets a small x."""
    return math.log(1 + gamma / k) / gamma


def growth(x: float) -> float:
    """The formula as printed: 1 below x = 1e-16, where e is right."""
    return float((1 + x) ** (1 + 1 / x))


def risk_matrix(alpha: float, eta: float, bound: int) -> Array:
    lots = np.arange(-bound, bound + 1)
    beside = np.full(2 * bound, -eta)
    return np.diag(alpha * lots**2.0) + np.diag(beside, 1) + np.diag(beside, -1)


def eigenvector_bids(alpha: float, eta: float, k: float, c1: float, bound: int) -> Array:
    """Depths from the eigenvector as a library returns it: noise where it is small."""
    _, vectors = np.linalg.eigh(risk_matrix(alpha, eta, bound))
    f = np.abs(vectors[:, 0])
    return np.asarray(c1 + np.log(f[:-1] / f[1:]) / k)


def expansion_bids(alpha: float, eta: float, k: float, c1: float, bound: int, tau: float) -> Array:
    """Depths from exp(-M·tau)·1 summed over eigenvectors: noise in the same places."""
    values, vectors = np.linalg.eigh(risk_matrix(alpha, eta, bound))
    v = vectors @ (np.exp(-(values - values[0]) * tau) * vectors.sum(axis=0))
    return np.asarray(c1 + np.log(np.abs(v[:-1] / v[1:])) / k)


def printed_ask(sigma: float, gamma: float, omega: float, q: float) -> float:
    """Avellaneda and Stoikov's stationary ask as printed."""
    risk = (gamma * sigma) ** 2
    return math.log(1 + (1 - 2 * q) * risk / (2 * omega - risk * q * q)) / gamma


def sampled_certainty(profit: Array, gamma: float) -> float:
    """The certainty equivalent of a sample, however heavy the tail that it lacks."""
    centre = profit.mean()
    return float(centre - np.log(np.exp(-gamma * (profit - centre)).mean()) / gamma)
