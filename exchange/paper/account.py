"""One account's money: wallet, position, realised profit and fees, exact to 1e-8.

Cross margin, one-way mode. The position carries what it cost rather than an average price,
so that splitting and closing it never loses or makes a unit: when part of it is closed, a
part of the cost leaves with it, and the roundings of the parts sum to the whole.
"""

from dataclasses import dataclass

from exchange.instrument import E8, Instrument, e8_from_text
from exchange.types import Side

LEVERAGE = 20


@dataclass(frozen=True, slots=True)
class Booked:
    """What one fill did to the money."""

    realised_e8: int
    """Profit of the closed part, before the fee."""
    fee_e8: int
    """Paid if positive, a rebate if negative."""


class Account:
    """The account's books.

    Args:
        capital_e8: The wallet at the start.
        maker_fee_rate: Fee over notional; both rates are kept to 1e-8.
    """

    def __init__(
        self,
        instrument: Instrument,
        capital_e8: int,
        maker_fee_rate: float,
        taker_fee_rate: float,
    ) -> None:
        self.wallet_e8 = capital_e8
        self.position_lots = 0
        """Signed, long positive."""
        self.cost_e8 = 0
        """What the open position was bought for; negative for a short's proceeds."""
        self.realised_e8 = 0
        """Profit of everything closed so far, before fees."""
        self.fees_e8 = 0
        self.maker_rate_e8 = round(maker_fee_rate * E8)
        self.taker_rate_e8 = round(taker_fee_rate * E8)
        self._tick_lot_e8 = instrument.tick_lot_e8
        self._lot_e8 = e8_from_text(instrument.qty.step)

    def book_fill(self, side: Side, price_ticks: int, qty_lots: int, *, maker: bool) -> Booked:
        """Take one execution into the books; a fill that flips is closed first, then opened.

        Args:
            qty_lots: At least 1.
        """
        notional_e8 = price_ticks * qty_lots * self._tick_lot_e8
        fee_e8 = divide_rounded(
            notional_e8 * (self.maker_rate_e8 if maker else self.taker_rate_e8), E8
        )
        closing = min(qty_lots, abs(self.position_lots)) if self._reduces(side) else 0
        realised_e8 = self._close(side, price_ticks, closing) if closing else 0
        opening = qty_lots - closing
        self.cost_e8 += side * price_ticks * opening * self._tick_lot_e8
        self.position_lots += side * opening
        self.wallet_e8 += realised_e8 - fee_e8
        self.realised_e8 += realised_e8
        self.fees_e8 += fee_e8
        return Booked(realised_e8, fee_e8)

    @property
    def entry_price_e8(self) -> int:
        """Average entry price of one whole unit, rounded to 1e-8; 0 when flat."""
        if self.position_lots == 0:
            return 0
        return divide_rounded(self.cost_e8 * E8, self.position_lots * self._lot_e8)

    def value_e8(self, lots: int, mark_price_e8: int) -> int:
        """Signed notional of so many lots at a price of one whole unit."""
        return divide_rounded(lots * self._lot_e8 * mark_price_e8, E8)

    def unrealised_e8(self, mark_price_e8: int) -> int:
        return self.value_e8(self.position_lots, mark_price_e8) - self.cost_e8

    def margin_balance_e8(self, mark_price_e8: int) -> int:
        return self.wallet_e8 + self.unrealised_e8(mark_price_e8)

    def initial_margin_e8(self, lots: int, mark_price_e8: int) -> int:
        """Margin bound by a position of so many lots, either sign."""
        return divide_rounded(abs(self.value_e8(lots, mark_price_e8)), LEVERAGE)

    def can_open(
        self, side: Side, qty_lots: int, buys_lots: int, sells_lots: int, mark_price_e8: int
    ) -> bool:
        """Whether the margin carries one more order.

        What counts is the larger of the two positions that could result if every order on
        one side filled; an order that does not make it larger is always carried.

        Args:
            buys_lots: Open on the bid side already, the new order not included.
            sells_lots: The same on the ask side.
        """
        before = self.worst_lots(buys_lots, sells_lots)
        if side is Side.BUY:
            after = self.worst_lots(buys_lots + qty_lots, sells_lots)
        else:
            after = self.worst_lots(buys_lots, sells_lots + qty_lots)
        return after <= before or (
            self.initial_margin_e8(after, mark_price_e8) <= self.margin_balance_e8(mark_price_e8)
        )

    def worst_lots(self, buys_lots: int, sells_lots: int) -> int:
        """The larger position, unsigned, that filling one whole side would leave."""
        return max(abs(self.position_lots + buys_lots), abs(self.position_lots - sells_lots))

    def reducible_lots(self, side: Side, covered_lots: int) -> int:
        """How much a reduce-only order on this side may still close.

        Args:
            covered_lots: Already covered by resting reduce-only orders on the same side.
        """
        return max(0, abs(self.position_lots) - covered_lots) if self._reduces(side) else 0

    def _reduces(self, side: Side) -> bool:
        return self.position_lots * side < 0

    def _close(self, side: Side, price_ticks: int, qty_lots: int) -> int:
        """Close part of the position; the profit made."""
        cost_e8 = divide_rounded(self.cost_e8 * qty_lots, abs(self.position_lots))
        self.cost_e8 -= cost_e8
        self.position_lots += side * qty_lots
        proceeds_e8 = -side * price_ticks * qty_lots * self._tick_lot_e8
        return proceeds_e8 - cost_e8


def divide_rounded(numerator: int, denominator: int) -> int:
    """Integer division to the nearest, halves away from zero."""
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    quotient = (2 * abs(numerator) + denominator) // (2 * denominator)
    return -quotient if numerator < 0 else quotient
