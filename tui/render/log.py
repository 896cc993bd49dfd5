"""Log of the desk: fills, alerts and lines, oldest first, each with its time."""

from rich.text import Text

from engine.core.log import Record, RecordKind
from tui.render.draw import ink
from tui.render.draw.format import clock
from tui.render.draw.glyphs import Glyphs
from tui.render.draw.lines import line, wrapped

_INDENT = 11  # the rest of a long line stands under its text, not under its time
_NARROW = 40
"""Below this many cells the time has a line of its own, so that figures stay whole."""


def record_lines(record: Record, width: int, glyphs: Glyphs) -> list[Text]:
    """One record, wrapped to a width under a hanging indent."""
    body = _body(record, glyphs)
    if width < _NARROW:
        stamp = line((f"{clock(record.recv_ns)} ", ink.LABEL), *_mark(record, glyphs))
        return [stamp, *(line(" ").append_text(each) for each in wrapped(body, width - 1))]
    room = width - _INDENT
    first, *rest = wrapped(body, room)
    rows = [line((f"{clock(record.recv_ns)} ", ink.LABEL), *_mark(record, glyphs))]
    rows[0].append_text(first)
    rows += [line(" " * _INDENT).append_text(each) for each in rest]
    return rows


def _mark(record: Record, glyphs: Glyphs) -> list[tuple[str, str]]:
    if record.kind is RecordKind.FILL and record.side:
        return [(f"{glyphs.side(record.side)} ", ink.side_ink(record.side))]
    return {
        "alarm": [("! ", ink.ALARM)],
        "warning": [("! ", ink.WARN)],
    }.get(record.severity, [(f"{glyphs.dot} ", ink.DIM)])


def _body(record: Record, glyphs: Glyphs) -> Text:
    if record.kind is RecordKind.FILL and record.side:
        word = "BUY" if record.side > 0 else "SELL"
        text = record.text
        for said in (word, word.lower(), word.title()):
            text = text.removeprefix(f"{said} ")
        return line((f"{word:<4} ", ink.side_ink(record.side)), text)
    if record.severity == "alarm":
        return line(("ALARM ", ink.ALARM_BLOCK), (f" {record.text}", ink.ALARM))
    if record.severity == "warning":
        return line((record.text, ink.WARN))
    return line(record.text)
