"""Connection list: each link to the venue, up or down, how long silent, how often rebuilt."""

from rich.text import Text

from tui.render.draw import ink
from tui.render.draw.format import age
from tui.render.draw.lines import Piece, fit, line
from tui.render.frame import Frame


def links(frame: Frame, width: int, height: int) -> list[Text]:
    """One row a link."""
    glyphs = frame.glyphs
    rows = []
    for link in frame.view.links:
        silent = None if link.age_ms is None else link.age_ms / 1000 + frame.silent_s
        rebuilt = f"{link.reconnects} reconnects" if link.reconnects != 1 else "1 reconnect"
        rows.append(
            fit(
                line(
                    f"{link.name:<9}",
                    _state(frame, up=link.up),
                    f"{age(silent):>8}",
                    (f"  {rebuilt}", ink.LABEL if not link.reconnects else ink.WARN),
                    (f"  {link.detail}", ink.DIM),
                ),
                width,
                glyphs.cut,
            )
        )
    return rows[:height]


def _state(frame: Frame, *, up: bool) -> Piece:
    if frame.stale:
        return f"{frame.glyphs.unknown} {'was up' if up else 'down'}".ljust(8), ink.WARN
    if up:
        return f"{frame.glyphs.quoting} up  ", ink.GOOD
    return f"{frame.glyphs.stopped} DOWN", ink.ALARM
