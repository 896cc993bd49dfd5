"""Bars of cells, and scales for them that rarely move."""

import math

from tui.render.draw import ink
from tui.render.draw.glyphs import Glyphs
from tui.render.draw.lines import Piece


def meter(share: float, room: int, name: str, glyphs: Glyphs) -> list[Piece]:
    """A rail of ``room`` cells filled to a share of it, with one cell at least for anything."""
    share = min(1.0, share)
    full = min(room, round(share * room) or int(share > 0))
    return [(glyphs.bar * full, name), (glyphs.rail * (room - full), ink.DIM)]


def round_up(value: float) -> float:
    """To 1, 2 or 5 times a power of ten, so that a scale made of it rarely moves."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next((lead * power for lead in (1, 2, 5) if lead * power >= value), 10 * power)
