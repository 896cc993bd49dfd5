"""Page layout: which panels are on which page at which size, in the order in which they drop."""

from enum import StrEnum
from typing import NamedTuple


class Page(StrEnum):
    """What the screen's body shows. Header, banner and keys are on every page."""

    DESK = "desk"
    MODEL = "model"
    """Model and market, as large as they can be."""


class Need(NamedTuple):
    """The smallest terminal in which a panel is still shown."""

    columns: int
    rows: int


_DESK = {
    "market": Need(196, 54),
    "money-chart": Need(150, 54),
    "links": Need(150, 53),
    "model": Need(196, 46),
    "orders": Need(150, 40),
    "price-chart": Need(150, 30),
    "log": Need(80, 30),
    "ladder": Need(76, 23),
    "venue": Need(40, 22),
    "quote": Need(40, 17),
    "money": Need(40, 13),
    "inventory": Need(40, 9),
}
_MODEL = {
    "log": Need(80, 54),
    "market": Need(76, 14),
    "model": Need(40, 9),
}
NEEDS = {Page.DESK: _DESK, Page.MODEL: _MODEL}
"""First to drop is first in its table. Header and keys, PANIC among them, never drop."""
PANELS = frozenset(_DESK) | frozenset(_MODEL)

NARROW = Need(110, 0)
WIDE = Need(150, 30)


def dropped(columns: int, rows: int, page: Page = Page.DESK) -> set[str]:
    """The panels that are not on a page, or have no room there in a terminal of this size."""
    shown = {
        name for name, need in NEEDS[page].items() if columns >= need.columns and rows >= need.rows
    }
    return set(PANELS - shown)


def shape(columns: int, rows: int) -> str:
    """Class of the arrangement: ``-tight`` one column of numbers, ``-usual``, or ``-wide``."""
    if columns >= WIDE.columns and rows >= WIDE.rows:
        return "-wide"
    if columns < NARROW.columns or rows < 34:
        return "-tight"
    return "-usual"
