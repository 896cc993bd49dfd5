"""Margin brackets: how much leverage a position of a given size may have, and what it must keep.

Source: the venue's leverage brackets; maintenance margin is ``notional * rate - cum``, where
``cum`` makes it continuous from one bracket to the next.
"""

from dataclasses import dataclass
from itertools import accumulate

from exchange.instrument import E8

DEFAULT_LEVERAGE = 20


@dataclass(frozen=True, slots=True)
class Bracket:
    """One step of the ladder, for positions from ``floor_e8`` up to ``cap_e8``."""

    number: int
    leverage: int
    """The most allowed while the position may grow to ``cap_e8``."""
    floor_e8: int
    cap_e8: int
    maintenance_ppm: int
    """Of the notional, in millionths."""
    cum_e8: int

    def maintenance_e8(self, notional_e8: int) -> int:
        return notional_e8 * self.maintenance_ppm // 1_000_000 - self.cum_e8


_STEPS = (
    # leverage, cap in USDT, maintenance in millionths
    (125, 300_000, 4_000),
    (100, 800_000, 5_000),
    (75, 3_000_000, 6_500),
    (50, 12_000_000, 10_000),
    (25, 70_000_000, 20_000),
    (20, 100_000_000, 25_000),
    (10, 230_000_000, 50_000),
    (5, 480_000_000, 100_000),
    (4, 600_000_000, 125_000),
    (3, 800_000_000, 150_000),
    (2, 1_200_000_000, 250_000),
    (1, 1_800_000_000, 500_000),
)


def _ladder() -> tuple[Bracket, ...]:
    floors = [0, *(cap for _, cap, _ in _STEPS[:-1])]
    rates = [ppm for *_, ppm in _STEPS]
    steps = zip(floors, rates, [0, *rates], strict=False)
    cums = accumulate(floor * (rate - before) for floor, rate, before in steps)
    return tuple(
        Bracket(number, leverage, floor * E8, cap * E8, ppm, cum * E8 // 1_000_000)
        for number, ((leverage, cap, ppm), floor, cum) in enumerate(
            zip(_STEPS, floors, cums, strict=True), start=1
        )
    )


BRACKETS = _ladder()
MOST_LEVERAGE = BRACKETS[0].leverage


def bracket_of(notional_e8: int) -> Bracket:
    """The bracket of a position's unsigned notional; beyond the last cap, the last."""
    return next((b for b in BRACKETS if notional_e8 <= b.cap_e8), BRACKETS[-1])


def most_notional_e8(leverage: int) -> int:
    """The largest position that this leverage allows.

    Args:
        leverage: 1 to ``MOST_LEVERAGE``.
    """
    return max(b.cap_e8 for b in BRACKETS if b.leverage >= leverage)
