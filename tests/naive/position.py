"""Naive position keeping at average cost, of trades in order: slow, obvious, without memory."""

from collections.abc import Sequence
from typing import NamedTuple


class Trade(NamedTuple):
    """One execution, as the venue orders them."""

    trade_id: int
    exch_ns: int
    signed_lots: int
    money_e8: int
    """Notional, signed as the lots."""


def position_after(trades: Sequence[Trade]) -> tuple[int, int, int]:
    """``(lots, cost_e8, realised_e8)``: one lot at a time can only open or close."""
    lots = cost_e8 = realised_e8 = 0
    for trade in trades:
        signed, left_e8 = trade.signed_lots, trade.money_e8
        closing = min(abs(signed), abs(lots)) if lots * signed < 0 else 0
        if closing:
            share = closing if signed > 0 else -closing
            leaving_e8 = cost_e8 * share // lots
            paid_e8 = left_e8 * closing // abs(signed)
            realised_e8 += leaving_e8 - paid_e8
            cost_e8 += leaving_e8
            left_e8 -= paid_e8
        cost_e8 += left_e8
        lots += signed
    return lots, cost_e8, realised_e8
