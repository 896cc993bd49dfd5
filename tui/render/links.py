"""Each connection to the venue: up or down, how long silent, how often rebuilt."""

from rich.text import Text

from tui.render import ink
from tui.render.frame import Frame
from tui.render.lines import fit, line
from tui.render.words import age


def links(frame: Frame, width: int, height: int) -> list[Text]:
    """One row a link."""
    glyphs = frame.glyphs
    rows = []
    for link in frame.view.links:
        silent = None if link.age_ms is None else link.age_ms / 1000 + frame.silent_s
        rebuilt = f"{link.reconnects} reconnects" if link.reconnects != 1 else "1 reconnect"
        state = (
            (f"{glyphs.quoting} up  ", ink.GOOD)
            if link.up
            else (f"{glyphs.stopped} DOWN", ink.ALARM)
        )
        rows.append(
            fit(
                line(
                    f"{link.name:<9}",
                    state,
                    f"{age(silent):>8}",
                    (f"  {rebuilt}", ink.LABEL if not link.reconnects else ink.WARN),
                    (f"  {link.detail}", ink.DIM),
                ),
                width,
                glyphs.cut,
            )
        )
    return rows[:height]
