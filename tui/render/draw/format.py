"""Number formats as a trader reads them: ages, money, sizes, prices between two ticks."""

import math
from functools import lru_cache

from exchange.instrument import DecimalGrid

_MINUTE_S = 60
_HOUR_S = 3600
_DAY_S = 86400
_NS_PER_S = 1_000_000_000
_MOST_DECIMALS = 4


@lru_cache(maxsize=32)
def grid(step: str) -> DecimalGrid:
    """The grid of a step given as text."""
    return DecimalGrid(step)


def age(seconds: float | None) -> str:
    """How long ago, in two or three characters and a unit; ``never`` for None."""
    if seconds is None:
        return "never"
    if seconds < 1:
        return f"{max(0.0, seconds) * 1000:.0f} ms"
    if seconds < _MINUTE_S:
        return f"{seconds:.0f} s"
    if seconds < _HOUR_S:
        return f"{seconds / _MINUTE_S:.0f} min"
    if seconds < _DAY_S:
        return f"{seconds / _HOUR_S:.0f} h"
    return f"{seconds / _DAY_S:.0f} d"


def span(seconds: float) -> str:
    """A stretch of time as ``h:mm:ss``, days in front where there are any."""
    days, rest = divmod(max(0, int(seconds)), _DAY_S)
    hours, rest = divmod(rest, _HOUR_S)
    minutes, left = divmod(rest, _MINUTE_S)
    text = f"{hours}:{minutes:02d}:{left:02d}"
    return f"{days}d {text}" if days else text


def clock(recv_ns: int) -> str:
    """Time of day, UTC."""
    return span(recv_ns // _NS_PER_S % _DAY_S).rjust(8, "0")


def compact(amount: float) -> str:
    """At most five characters and four digits: ``0.123``, ``12.34``, ``12.3k``."""
    for limit, divisor, letter in ((1e4, 1.0, ""), (1e7, 1e3, "k"), (1e10, 1e6, "M")):
        if abs(amount) < limit:
            scaled = amount / divisor
            digits = 3 if abs(scaled) < 10 else 2 if abs(scaled) < 100 else 1
            if letter:
                digits -= 1
            return f"{scaled:.{0 if abs(scaled) >= 1000 else max(0, digits)}f}{letter}"
    return f"{amount:.1e}"


def signed(amount: float, decimals: int, minus: str = "−") -> str:
    """Always with its sign, so that colour need not say it; nothing has none."""
    text = f"{abs(amount):.{decimals}f}"
    if not text.strip("0."):
        return f" {text}"
    return f"{minus if amount < 0 else '+'}{text}"


def figure(value: float | None, digits: int = 3) -> str:
    """A parameter with so many significant digits; ``n/a`` where there is none."""
    if value is None:
        return "n/a"
    if value and not 1e-3 <= abs(value) < 1e5:
        return f"{value:.{digits - 1}e}".replace("e-0", "e-").replace("e+0", "e")
    return f"{value:.{digits}g}" if abs(value) < 10**digits else f"{value:.0f}"


def decimals_of(value: float, digits: int = 3) -> int:
    """Decimals that show so many significant digits of a value, four at most."""
    if not value:
        return digits - 1
    return max(0, min(_MOST_DECIMALS, digits - 1 - math.floor(math.log10(abs(value)))))


def price_between(ticks: float | None, tick_size: str) -> str:
    """A price that need not stand on a tick, with one decimal more than the grid."""
    if ticks is None:
        return "n/a"
    step = grid(tick_size)
    return f"{ticks * step.value:.{step.decimals + 1}f}"


def base_asset(symbol: str, quote_asset: str) -> str:
    """What is bought with the quote asset: ``BTC`` of ``BTCUSDT``."""
    return symbol.removesuffix(quote_asset) or symbol


def parts_that_sum(total: float, parts: list[float], decimals: int) -> tuple[float, list[float]]:
    """Total and parts rounded so that the rounded parts still sum to the rounded total.

    The units that rounding leaves over go to the parts that it moved most.
    """
    scale = 10**decimals
    whole = round(total * scale)
    units = [round(part * scale) for part in parts]
    left = whole - sum(units)
    step = 1 if left > 0 else -1
    by_error = sorted(
        range(len(parts)), key=lambda i: step * (parts[i] * scale - units[i]), reverse=True
    )
    for i in by_error[: abs(left)]:
        units[i] += step
    return whole / scale, [unit / scale for unit in units]
