"""Money of a recorded venue: our account there, where every fill is a maker's.

Counted without the desk's ledger, so that the desk's reconciliation compares two counts that were
made apart. A position carries what it cost rather than an average price: when part of it is closed,
a part of the cost leaves with it. All of it is in whole 1e-8 of the quote asset, rounded to the
nearest, halves away from zero; products that may not fit 64 bits are split.

- ``money[MONEY]``: the ``M_`` indices.
"""

import numpy as np

from exchange.instrument import E8, Instrument, e8_from_text
from exchange.jit import IntArray, njit, piece

(
    M_TICK_LOT_E8,  # of one tick times one lot
    M_LOT_E8,  # one lot, of a whole unit
    M_MAKER_RATE_E8,
    M_WALLET_E8,
    M_WALLET_CHANGED_NS,  # by the venue's clock; 0 before the first fill or funding
    M_LOTS,  # signed, long positive
    M_COST_E8,  # what the position was bought for; negative for a short's proceeds
) = range(7)
MONEY = 7
_HALF_E8 = 10_000
"""Two of these make a whole unit, when multiplied."""


def new_money(instrument: Instrument, wallet_e8: int, maker_fee_rate: float) -> IntArray:
    """An account that holds nothing."""
    money: IntArray = np.zeros(MONEY, dtype=np.int64)
    money[M_TICK_LOT_E8] = instrument.tick_lot_e8
    money[M_LOT_E8] = e8_from_text(instrument.qty.step)
    money[M_MAKER_RATE_E8] = round(maker_fee_rate * E8)
    money[M_WALLET_E8] = wallet_e8
    return money


@njit
def book_fill(money: IntArray, side: int, price_ticks: int, lots: int, exch_ns: int) -> int:
    """Book one fill; one that flips the position closes it first.

    Returns:
        The fee that was paid.
    """
    value_e8 = price_ticks * money[M_TICK_LOT_E8]  # of one lot
    fee_e8 = share_e8(value_e8 * lots, money[M_MAKER_RATE_E8])
    held = money[M_LOTS]
    closed = min(lots, abs(held)) if held * side < 0 else 0
    realised_e8 = 0
    if closed > 0:
        cost_e8 = part_of(money[M_COST_E8], closed, abs(held))
        money[M_COST_E8] -= cost_e8
        realised_e8 = -side * value_e8 * closed - cost_e8
    money[M_COST_E8] += side * value_e8 * (lots - closed)
    money[M_LOTS] += side * lots
    money[M_WALLET_E8] += realised_e8 - fee_e8
    money[M_WALLET_CHANGED_NS] = exch_ns
    return int(fee_e8)


@njit
def pay_funding(money: IntArray, mark_e8: int, rate_e8: int, at_ns: int) -> int:
    """On what is held.

    Args:
        mark_e8: The mark price of one whole unit.

    Returns:
        What was paid.
    """
    paid_e8 = share_e8(share_e8(money[M_LOTS] * money[M_LOT_E8], mark_e8), rate_e8)
    if paid_e8 != 0:
        money[M_WALLET_E8] -= paid_e8
        money[M_WALLET_CHANGED_NS] = at_ns
    return paid_e8


@njit
def told_cost_e8(money: IntArray) -> int:
    """What the position cost, as one reckons it from the entry price that the venue tells."""
    if money[M_LOTS] == 0:
        return 0
    units_e8 = money[M_LOTS] * money[M_LOT_E8]
    return share_e8(units_e8, unit_price_e8(money[M_COST_E8], units_e8))


@njit
def unit_price_e8(cost_e8: int, units_e8: int) -> int:
    """Price of one whole unit, of so many for this cost.

    Args:
        units_e8: Signed as the cost, not 0, below 9e14.
    """
    cost, units = abs(cost_e8), abs(units_e8)
    price, left = cost // units, cost % units
    for _ in range(2):
        price = price * _HALF_E8 + left * _HALF_E8 // units
        left = left * _HALF_E8 % units
    price += int(2 * left >= units)
    return int(price if (cost_e8 < 0) == (units_e8 < 0) else -price)


@njit
def share_e8(amount: int, rate_e8: int) -> int:
    """An amount times a rate of 1e-8."""
    size, rate = abs(amount), abs(rate_e8)
    whole, left = size // E8, size % E8
    more, of_left = rate // E8, rate % E8
    share = whole * rate + left * more + _rounded(left * of_left, E8)
    return int(share if (amount < 0) == (rate_e8 < 0) else -share)


@njit
def part_of(amount: int, part: int, of: int) -> int:
    """The part of an amount that so many of so many have, each below 3e9."""
    size = abs(amount)
    share = size // of * part + _rounded(size % of * part, of)
    return int(share if amount >= 0 else -share)


@piece
def _rounded(numerator: int, denominator: int) -> int:
    return int((2 * numerator + denominator) // (2 * denominator))
