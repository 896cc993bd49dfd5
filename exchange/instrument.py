"""Instrument grid: ticks and lots of one contract, decimal text to integers and back, exactly."""

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

from exchange.errors import OffGrid, SettingsError

_PLAIN_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)", re.ASCII)

E8 = 100_000_000
"""How many of the smallest money unit make one unit of the quote asset."""


class DecimalGrid:
    """Whole multiples of one decimal step, such as 0.1 or 0.001.

    Args:
        step: The step as decimal text; positive.

    Raises:
        SettingsError: When the step is not a positive decimal.
    """

    __slots__ = ("_scale_digits", "_step_units", "step")

    def __init__(self, step: str) -> None:
        try:
            exact = Decimal(step).normalize()
        except InvalidOperation:
            raise SettingsError(f"{step!r} is not a decimal step") from None
        if not exact.is_finite() or exact <= 0:
            raise SettingsError(f"a step must be positive, not {step}")
        self.step = format(exact, "f")
        self._scale_digits = max(0, -int(exact.as_tuple().exponent))
        self._step_units = int(exact.scaleb(self._scale_digits))

    @property
    def decimals(self) -> int:
        """Digits after the point that the step needs."""
        return self._scale_digits

    @property
    def value(self) -> float:
        """The step as a float, for display and statistics only."""
        return float(self.step)

    def count(self, text: str) -> int:
        """How many steps a decimal text is.

        Args:
            text: Plain decimal digits with an optional sign and point; trailing zeros are fine.

        Raises:
            OffGrid: When the text is not plain decimal digits or not a whole multiple.
        """
        whole, _, fraction = text.partition(".")
        digits = self._scale_digits
        if not (whole or fraction):
            raise OffGrid(text, self.step)
        if len(fraction) > digits:
            if fraction[digits:].strip("0"):
                raise OffGrid(text, self.step)
            fraction = fraction[:digits]
        try:
            units = int((whole + fraction).ljust(len(whole) + digits, "0"))
        except ValueError:
            raise OffGrid(text, self.step) from None
        steps, rest = divmod(units, self._step_units)
        if rest or not text.isascii() or "_" in text or " " in text:
            raise OffGrid(text, self.step)
        return steps

    def nearest(self, text: str) -> tuple[int, int]:
        """The nearest number of steps, and what the text lies beyond it in 1e-8.

        Raises:
            OffGrid: When the text is not plain decimal digits.
        """
        if not _PLAIN_DECIMAL.fullmatch(text):
            raise OffGrid(text, self.step)
        exact = Decimal(text)
        count = int((exact / Decimal(self.step)).to_integral_value(ROUND_HALF_EVEN))
        return count, int((exact - count * Decimal(self.step)) * E8)

    def text(self, count: int) -> str:
        """The shortest fixed-point text of ``count`` steps, with the step's own decimals."""
        units = count * self._step_units
        digits = self._scale_digits
        if digits == 0:
            return str(units)
        sign = "-" if units < 0 else ""
        body = str(abs(units)).rjust(digits + 1, "0")
        return f"{sign}{body[:-digits]}.{body[-digits:]}"


@dataclass(frozen=True, slots=True)
class Instrument:
    """One linear perpetual and its grid."""

    symbol: str
    """Upper case, as the venue spells it."""
    price: DecimalGrid
    qty: DecimalGrid
    min_notional_e8: int = 0

    @classmethod
    def from_steps(cls, symbol: str, tick_size: str, lot_size: str) -> "Instrument":
        return cls(symbol.upper(), DecimalGrid(tick_size), DecimalGrid(lot_size))

    def value_e8(self, lots: int, price_e8: int) -> int:
        """Money of so many lots at a price of one whole unit, rounded to 1e-8."""
        return round(lots * Decimal(self.qty.step) * price_e8)

    @property
    def tick_lot_e8(self) -> int:
        """Money of one tick times one lot, in 1e-8 of the quote asset.

        Raises:
            SettingsError: When a tick-lot is not a whole number of 1e-8.
        """
        exact = Decimal(self.price.step) * Decimal(self.qty.step) * E8
        if exact != int(exact):
            raise SettingsError(f"{self.symbol}: tick times lot is finer than 1e-8")
        return int(exact)


def e8_from_text(text: str) -> int:
    """Money text to integers of 1e-8, digits beyond that cut towards zero.

    Raises:
        OffGrid: When the text is not a decimal number.
    """
    try:
        return int(Decimal(text) * E8)
    except (InvalidOperation, ValueError, OverflowError):
        raise OffGrid(text, "0.00000001") from None


def e8_text(amount_e8: int) -> str:
    """Integers of 1e-8 as fixed-point text with eight decimals."""
    sign = "-" if amount_e8 < 0 else ""
    whole, fraction = divmod(abs(amount_e8), E8)
    return f"{sign}{whole}.{fraction:08d}"
