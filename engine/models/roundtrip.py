"""Round-trip cost and break-even prices, rebates included.

``rate`` is positive for a rebate and negative for a fee, as a share of value, and always the
maker's: what the other side pays is the other side's affair. Prices in any one unit.
"""

import math

import numpy as np

from exchange.jit import FloatArray, njit

_SLACK = 1e-6
"""Ticks by which a break-even may miss a tick and still be on it: rounding of doubles."""


@njit
def unit_cost(price: float, rate: float) -> float:
    """What one unit bought at ``price`` took from us.

    Source:
        ``P·(1-rate)``.
    """
    return price * (1.0 - rate)


@njit
def unit_proceeds(price: float, rate: float) -> float:
    """What one unit sold at ``price`` brought us.

    Source:
        ``P·(1+rate)``.
    """
    return price * (1.0 + rate)


@njit
def average_cost(prices: FloatArray, quantities: FloatArray, rate: float) -> float:
    """Mean cost of a unit over several buys; nan for no quantity.

    Averaging down lowers it and raises the inventory: the limits on both still rule.

    Source:
        ``sum P(1-rate)Q / sum Q``.
    """
    total = quantities.sum()
    if total == 0.0:
        return np.nan
    return float((prices * quantities).sum() * (1.0 - rate) / total)


@njit
def break_even_ask(cost: float, rate: float) -> float:
    """The sale price at which a unit of that cost gains nothing.

    Source:
        ``average/(1+rate)``.
    """
    return cost / (1.0 + rate)


@njit
def break_even_bid(proceeds: float, rate: float) -> float:
    """The purchase price at which a unit sold short for ``proceeds`` gains nothing.

    Source:
        ``average/(1-rate)``, the mirror of the ask.
    """
    return proceeds / (1.0 - rate)


@njit
def break_even_ask_ticks(cost: float, rate: float, tick_size: float) -> int:
    """The nearest tick that loses nothing: always rounded up."""
    return math.ceil(break_even_ask(cost, rate) / tick_size - _SLACK)


@njit
def break_even_bid_ticks(proceeds: float, rate: float, tick_size: float) -> int:
    """The nearest tick that loses nothing on a short: always rounded down."""
    return math.floor(break_even_bid(proceeds, rate) / tick_size + _SLACK)
