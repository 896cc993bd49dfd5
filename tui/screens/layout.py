"""Which panels are on the screen at which size: the order in which they drop is written here."""

from typing import NamedTuple


class Need(NamedTuple):
    """The smallest terminal in which a panel is still shown."""

    columns: int
    rows: int


NEEDS = {
    "price-chart": Need(150, 30),
    "money-chart": Need(150, 54),
    "links": Need(150, 53),
    "orders": Need(150, 40),
    "log": Need(80, 30),
    "ladder": Need(76, 23),
    "venue": Need(40, 22),
    "quote": Need(40, 17),
    "money": Need(40, 13),
    "inventory": Need(40, 9),
}
"""First to drop is first in the table. Header and keys, PANIC among them, never drop."""

NARROW = Need(110, 0)
WIDE = Need(150, 30)


def dropped(columns: int, rows: int) -> set[str]:
    """The panels that have no room in a terminal of this size."""
    return {name for name, need in NEEDS.items() if columns < need.columns or rows < need.rows}


def shape(columns: int, rows: int) -> str:
    """Class of the arrangement: ``-tight`` one column of numbers, ``-usual``, or ``-wide``."""
    if columns >= WIDE.columns and rows >= WIDE.rows:
        return "-wide"
    if columns < NARROW.columns or rows < 34:
        return "-tight"
    return "-usual"
