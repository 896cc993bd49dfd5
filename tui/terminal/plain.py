"""ASCII update of the terminal, whatever a widget drew.

The desk draws with signs that a terminal has. What it is given to show, and what Textual
draws by itself, may hold others; a terminal that cannot show them loses its columns.
"""

import re
from dataclasses import fields

from rich.cells import cell_len
from rich.console import Console, RenderableType
from textual._compositor import CompositorUpdate

from tui.render.draw.glyphs import ASCII, UNICODE

_UNREADABLE = "?"
_FOREIGN = re.compile(r"[^\x00-\x7f]")
_SIGNS = {
    str(getattr(UNICODE, field.name)): str(getattr(ASCII, field.name))
    for field in fields(UNICODE)
    if len(str(getattr(UNICODE, field.name))) == len(str(getattr(ASCII, field.name))) == 1
}


def in_ascii(text: str) -> str:
    """The same text in as many cells: our signs in their plain form, others as ``?``."""
    return _FOREIGN.sub(lambda found: _plain(found[0]), text)


def plain(update: RenderableType | None) -> RenderableType | None:
    """The same update, of which only ASCII is sent."""
    return PlainUpdate(update) if isinstance(update, CompositorUpdate) else update


class PlainUpdate(CompositorUpdate):
    """Sends what another update would, in ASCII."""

    def __init__(self, update: CompositorUpdate) -> None:
        self._update = update

    def render_segments(self, console: Console) -> str:
        return in_ascii(self._update.render_segments(console))


def _plain(sign: str) -> str:
    return _SIGNS.get(sign, _UNREADABLE * cell_len(sign))
