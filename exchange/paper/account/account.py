"""One account's money: wallet, positions, realised profit and fees, exact to 1e-8.

Cross margin, one-way mode: every position answers with the whole wallet. A position carries
what it cost rather than an average price, so that splitting and closing it never loses or
makes a unit: when part of it is closed, a part of the cost leaves with it, and the roundings
of the parts sum to the whole.
"""

from dataclasses import dataclass

from exchange.errors import Refused
from exchange.instrument import E8, Instrument, e8_from_text
from exchange.paper.account.margin import DEFAULT_LEVERAGE, bracket_of, most_notional_e8
from exchange.types import Side


@dataclass(frozen=True, slots=True)
class Booked:
    """What one fill did to the money."""

    realised_e8: int
    """Profit of the closed part, before the fee."""
    fee_e8: int
    """Paid if positive, a rebate if negative."""


@dataclass(slots=True)
class Mark:
    """The mark price of one symbol, shared by all who hold it."""

    price_e8: int = 0
    """Of one whole unit."""


class Holding:
    """An account's position in one symbol, with its open orders.

    Its owner keeps ``bids_lots``, ``asks_lots`` and ``updated_ms`` current, the market its mark.
    """

    def __init__(self, instrument: Instrument, mark: Mark) -> None:
        self.lots = 0
        """Signed, long positive."""
        self.cost_e8 = 0
        """What the open position was bought for; negative for a short's proceeds."""
        self.realised_e8 = 0
        """Profit of everything closed so far, before fees."""
        self.round_e8 = 0
        """Profit less fees since the position was last flat."""
        self.updated_ms = 0
        """When the position last changed; 0 when it never did."""
        self.bids_lots = 0
        self.asks_lots = 0
        self.mark = mark
        self.leverage = DEFAULT_LEVERAGE
        self._tick_lot_e8 = instrument.tick_lot_e8
        self._lot_e8 = e8_from_text(instrument.qty.step)

    # ------------------------------------------------------------ worth

    @property
    def entry_price_e8(self) -> int:
        """Average entry price of one whole unit, rounded to 1e-8; 0 when flat."""
        return self._unit_price_e8(self.cost_e8)

    @property
    def break_even_price_e8(self) -> int:
        """Where closing the rest ends the round at zero, its own fee aside; 0 when flat."""
        return self._unit_price_e8(self.cost_e8 - self.round_e8)

    def value_e8(self, lots: int) -> int:
        """Signed notional of so many lots at the mark."""
        return divide_rounded(lots * self._lot_e8 * self.mark.price_e8, E8)

    @property
    def notional_e8(self) -> int:
        """Signed."""
        return self.value_e8(self.lots)

    @property
    def unrealised_e8(self) -> int:
        return self.notional_e8 - self.cost_e8

    @property
    def maintenance_e8(self) -> int:
        """Margin that the position must keep."""
        notional_e8 = abs(self.notional_e8)
        return bracket_of(notional_e8).maintenance_e8(notional_e8)

    def order_value_e8(self, qty_lots: int, price_ticks: int | None) -> int:
        """Notional of an order at its limit, or at the mark where it has none."""
        if price_ticks is None:
            return self.value_e8(qty_lots)
        return price_ticks * qty_lots * self._tick_lot_e8

    def open_loss_e8(self, side: Side, qty_lots: int, price_e8: int) -> int:
        """What an order that trades at a price is worth less at the mark; never negative."""
        worse_e8 = max(0, side * (price_e8 - self.mark.price_e8))
        return divide_rounded(qty_lots * self._lot_e8 * worse_e8, E8)

    def initial_margin_e8(self, lots: int) -> int:
        """Margin bound by a position of so many lots, either sign."""
        return divide_rounded(abs(self.value_e8(lots)), self.leverage)

    @property
    def worst_lots(self) -> int:
        """The larger position, unsigned, that filling one whole side would leave."""
        return self.worst_lots_with(Side.BUY, 0)

    def worst_lots_with(self, side: Side, more_lots: int) -> int:
        """``worst_lots`` with one more order open."""
        bids = self.bids_lots + (more_lots if side is Side.BUY else 0)
        asks = self.asks_lots + (more_lots if side is Side.SELL else 0)
        return max(abs(self.lots + bids), abs(self.lots - asks))

    def reducible_lots(self, side: Side, covered_lots: int) -> int:
        """How much a reduce-only order on this side may still close.

        Args:
            covered_lots: Already covered by resting reduce-only orders on the same side.
        """
        return max(0, abs(self.lots) - covered_lots) if self.lots * side < 0 else 0

    def check_size(self, lots: int, leverage: int) -> None:
        """Raises ``Refused`` with -2027 where a leverage does not allow so large a position."""
        if abs(self.value_e8(lots)) > most_notional_e8(leverage):
            raise Refused(-2027, "Exceeded the maximum allowable position at current leverage.")

    # ------------------------------------------------------------ fills

    def book(self, side: Side, price_ticks: int, qty_lots: int, rate_e8: int) -> Booked:
        """Take one execution; one that flips the position is closed first, then opened.

        Args:
            qty_lots: At least 1.
            rate_e8: Fee over notional, to 1e-8.
        """
        fee_e8 = divide_rounded(price_ticks * qty_lots * self._tick_lot_e8 * rate_e8, E8)
        closing = min(qty_lots, self.reducible_lots(side, 0))
        realised_e8 = self._close(side, price_ticks, closing) if closing else 0
        opening = qty_lots - closing
        # A new round pays the fee of the part that opens it.
        if self.lots == 0:
            self.round_e8 = -divide_rounded(fee_e8 * opening, qty_lots)
        else:
            self.round_e8 += realised_e8 - fee_e8
        self.cost_e8 += side * price_ticks * opening * self._tick_lot_e8
        self.lots += side * opening
        self.realised_e8 += realised_e8
        return Booked(realised_e8, fee_e8)

    def _close(self, side: Side, price_ticks: int, qty_lots: int) -> int:
        """Close part of the position; the profit made."""
        cost_e8 = divide_rounded(self.cost_e8 * qty_lots, abs(self.lots))
        self.cost_e8 -= cost_e8
        self.lots += side * qty_lots
        proceeds_e8 = -side * price_ticks * qty_lots * self._tick_lot_e8
        return proceeds_e8 - cost_e8

    def _unit_price_e8(self, cost_e8: int) -> int:
        return divide_rounded(cost_e8 * E8, self.lots * self._lot_e8) if self.lots else 0

    def liquidation_price_e8(self, backing_e8: int) -> int:
        """The mark at which the position's margin no longer covers its maintenance.

        Args:
            backing_e8: What stands behind it: the wallet, with the profit and without the
                maintenance of every other position.

        Returns:
            Of one whole unit; 0 when flat, or when no price above zero does it.

        Source:
            ``backing + p size - cost = rate |size| p - cum``, solved for ``p``.
        """
        if self.lots == 0:
            return 0
        bracket = bracket_of(abs(self.notional_e8))
        sign = 1 if self.lots > 0 else -1
        kept_ppm = 1_000_000 - sign * bracket.maintenance_ppm
        short_of_e8 = self.cost_e8 - backing_e8 - bracket.cum_e8
        price_e8 = divide_rounded(short_of_e8 * E8 * 1_000_000, self.lots * self._lot_e8 * kept_ppm)
        return max(0, price_e8)


class Account:
    """The account's books over all symbols.

    Args:
        capital_e8: The wallet at the start.
        maker_fee_rate: Fee over notional; both rates are kept to 1e-8.
    """

    def __init__(self, capital_e8: int, maker_fee_rate: float, taker_fee_rate: float) -> None:
        self.wallet_e8 = capital_e8
        self.updated_ms = 0
        """When the wallet last changed, kept by who changes it; 0 when it never did."""
        self.fees_e8 = 0
        self.maker_rate_e8 = round(maker_fee_rate * E8)
        self.taker_rate_e8 = round(taker_fee_rate * E8)
        self.holdings: dict[str, Holding] = {}
        """By symbol; every symbol of the venue has one."""

    def book_fill(
        self, symbol: str, side: Side, price_ticks: int, qty_lots: int, *, maker: bool
    ) -> Booked:
        """Take one execution into the books.

        Args:
            qty_lots: At least 1.
        """
        rate_e8 = self.maker_rate_e8 if maker else self.taker_rate_e8
        booked = self.holdings[symbol].book(side, price_ticks, qty_lots, rate_e8)
        self.wallet_e8 += booked.realised_e8 - booked.fee_e8
        self.fees_e8 += booked.fee_e8
        return booked

    # ------------------------------------------------------------ margin

    @property
    def unrealised_e8(self) -> int:
        return sum(h.unrealised_e8 for h in self.holdings.values())

    @property
    def margin_balance_e8(self) -> int:
        return self.wallet_e8 + self.unrealised_e8

    @property
    def maintenance_e8(self) -> int:
        return sum(h.maintenance_e8 for h in self.holdings.values())

    @property
    def position_margin_e8(self) -> int:
        """Initial margin of the positions alone."""
        return sum(h.initial_margin_e8(h.lots) for h in self.holdings.values())

    @property
    def initial_margin_e8(self) -> int:
        """Of positions and open orders: what each symbol's worst case would bind."""
        return sum(h.initial_margin_e8(h.worst_lots) for h in self.holdings.values())

    @property
    def available_e8(self) -> int:
        return max(0, self.margin_balance_e8 - self.initial_margin_e8)

    def carries(self, symbol: str, side: Side, qty_lots: int, price_e8: int | None = None) -> bool:
        """Whether the margin carries one more order, with what it loses at once.

        What counts is the larger of the two positions that could result if every order on
        one side filled; an order that does not make it larger is always carried.

        Args:
            price_e8: Of one whole unit; the worst that it may trade at. None for the mark.
        """
        holding = self.holdings[symbol]
        before, after = holding.worst_lots, holding.worst_lots_with(side, qty_lots)
        if after <= before:
            return True
        more_e8 = holding.initial_margin_e8(after) - holding.initial_margin_e8(before)
        lost_e8 = 0 if price_e8 is None else holding.open_loss_e8(side, qty_lots, price_e8)
        return self.initial_margin_e8 + more_e8 + lost_e8 <= self.margin_balance_e8

    def check_margin(
        self, symbol: str, side: Side, qty_lots: int, price_e8: int | None = None
    ) -> None:
        """Whether one more order may be opened; one that makes no position larger always may.

        Args:
            price_e8: As of ``carries``.

        Raises:
            Refused: With -2027 beyond the leverage's bracket, with -2019 beyond the margin.
        """
        holding = self.holdings[symbol]
        after = holding.worst_lots_with(side, qty_lots)
        if after > holding.worst_lots:
            holding.check_size(after, holding.leverage)
        if not self.carries(symbol, side, qty_lots, price_e8):
            raise Refused(-2019, "Margin is insufficient.")

    def liquidation_price_e8(self, symbol: str) -> int:
        """The mark of one symbol that ends it, all others standing still; 0 when none does."""
        others = [h for name, h in self.holdings.items() if name != symbol]
        profit_e8 = sum(h.unrealised_e8 - h.maintenance_e8 for h in others)
        return self.holdings[symbol].liquidation_price_e8(self.wallet_e8 + profit_e8)

    @property
    def must_be_liquidated(self) -> bool:
        """Whether a position is open that the margin no longer maintains, or money is owed."""
        holds = any(h.lots for h in self.holdings.values())
        return self.margin_balance_e8 < self.maintenance_e8 if holds else self.wallet_e8 < 0


def divide_rounded(numerator: int, denominator: int) -> int:
    """Integer division to the nearest, halves away from zero."""
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    quotient = (2 * abs(numerator) + denominator) // (2 * denominator)
    return -quotient if numerator < 0 else quotient
