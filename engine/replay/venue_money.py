"""Money of a recorded venue: our account there, where every fill is a maker's.

Counted without the desk's ledger, so that the desk's reconciliation compares two counts that were
made apart. A position carries what it cost rather than an average price: when part of it is closed,
a part of the cost leaves with it. All of it is in whole 1e-8 of the quote asset, rounded to the
nearest, halves away from zero, and exact for every position that the settings allow.

- ``money[MONEY]``: the ``M_`` indices.
"""

import math

import numpy as np

from exchange.instrument import E8, Instrument, e8_from_text
from exchange.jit import IntArray, njit, piece

(
    M_TICK_LOT_E8,  # of one tick times one lot
    M_UNIT_LOTS,  # lots in one whole unit, over ``M_LOT_UNITS``
    M_LOT_UNITS,
    M_MAKER_RATE_E8,
    M_WALLET_E8,
    M_WALLET_CHANGED_NS,  # by the venue's clock; 0 before the first fill or funding
    M_LOTS,  # signed, long positive
    M_COST_E8,  # what the position was bought for; negative for a short's proceeds
) = range(8)
MONEY = 8
_BITS = 63


def new_money(instrument: Instrument, wallet_e8: int, maker_fee_rate: float) -> IntArray:
    """An account that holds nothing."""
    money: IntArray = np.zeros(MONEY, dtype=np.int64)
    money[M_TICK_LOT_E8] = instrument.tick_lot_e8
    lot_e8 = e8_from_text(instrument.qty.step)
    common = math.gcd(lot_e8, E8)
    money[M_UNIT_LOTS], money[M_LOT_UNITS] = E8 // common, lot_e8 // common
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
    fee_e8 = scaled(value_e8 * lots, money[M_MAKER_RATE_E8], E8)
    held = money[M_LOTS]
    closed = min(lots, abs(held)) if held * side < 0 else 0
    realised_e8 = 0
    if closed > 0:
        cost_e8 = scaled(money[M_COST_E8], closed, abs(held))
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
    value_e8 = scaled(mark_e8, money[M_LOTS] * money[M_LOT_UNITS], money[M_UNIT_LOTS])
    paid_e8 = scaled(value_e8, rate_e8, E8)
    if paid_e8 != 0:
        money[M_WALLET_E8] -= paid_e8
        money[M_WALLET_CHANGED_NS] = at_ns
    return paid_e8


@njit
def reported_cost_e8(money: IntArray) -> int:
    """What the position cost, as one reckons it from the entry price that the venue reports.

    That product is rounded as ``Instrument.value_e8`` does, halves to the even.
    """
    lots = money[M_LOTS] * money[M_LOT_UNITS]
    if lots == 0:
        return 0
    price_e8 = scaled(money[M_COST_E8], money[M_UNIT_LOTS], lots)
    size, left = _mul_div(price_e8, abs(lots), money[M_UNIT_LOTS])
    half = 2 * left - money[M_UNIT_LOTS]
    size += int(half > 0 or (half == 0 and size % 2 == 1))
    return int(size if lots > 0 else -size)


@njit
def scaled(amount: int, factor: int, divisor: int) -> int:
    """``amount * factor / divisor``, rounded; the result must fit 64 bits, the product need not.

    Args:
        divisor: Not 0, below 2**62.
    """
    size, left = _mul_div(abs(amount), abs(factor), abs(divisor))
    size += int(2 * left >= abs(divisor))
    negative = (amount < 0) != ((factor < 0) != (divisor < 0))
    return int(-size if negative else size)


@piece
def _mul_div(amount: int, factor: int, divisor: int) -> tuple[int, int]:
    """Quotient and remainder of a product, bit by bit of the factor."""
    whole, part = amount // divisor, amount % divisor
    size = left = 0
    for bit in range(_BITS - 1, -1, -1):
        size, left = 2 * size, 2 * left
        if left >= divisor:
            size, left = size + 1, left - divisor
        if (factor >> bit) & 1:
            size, left = size + whole, left + part
            if left >= divisor:
                size, left = size + 1, left - divisor
    return size, left
