"""Flicker of the touch (D-measure): how much more one side moves; about the book, about nobody."""

from rich.text import Text

from engine.core.market_readings import FlickerView
from engine.view.desk_view import DeskView
from tui.render.draw import ink
from tui.render.draw.format import figure
from tui.render.draw.glyphs import Glyphs
from tui.render.draw.lines import Piece, flowed, line, spread, widest, wrapped

_NAME = 12
_LEVELS = {
    "notice": (ink.WARN, ink.WARN),
    "warning": (ink.WARN_BLOCK, ink.WARN),
    "alarm": (ink.ALARM_BLOCK, ink.ALARM),
}
"""Ink of a level's name and of its text."""


def flicker(view: DeskView, width: int, glyphs: Glyphs, *, brief: bool = False) -> list[Text]:
    """Level and text, D and D* at both paces; then chance and what is usual.

    Args:
        brief: Without what is usual.
    """
    seen = view.watch.flicker
    title = ("flicker", ink.TITLE)
    head = widest(
        (line(title, (" of the touch, 1 min", ink.LABEL)), line(title, (", 1 min", ink.LABEL))),
        width - 10,
        glyphs.cut,
    )
    if seen is None:
        return [head, line(("not measured yet", ink.DIM))]
    name_ink, words_ink = _LEVELS.get(seen.level, (ink.LABEL, ink.LABEL))
    name = seen.level if seen.level not in _LEVELS else f" {seen.level.upper()} "
    words = wrapped(line((seen.words, words_ink)), width) if seen.words else []
    return [
        spread(head, line((name, name_ink)), width, glyphs.cut),
        *words,
        line((f"{'':{_NAME}}{'D bid':>6}{'D* bid':>7}{'D* ask':>7}", ink.LABEL)),
        _row("each second", seen.bid, seen.star_bid, seen.star_ask),
        _row("each update", seen.update_bid, seen.update_star_bid, seen.update_star_ask),
        *flowed(_chance(seen), width),
        *([] if brief else _usual(seen, width, glyphs)),
    ]


def _row(name: str, d_bid: float, star_bid: float, star_ask: float) -> Text:
    numbers: list[Piece] = [f"{_ratio(star_bid):>7}", f"{_ratio(star_ask):>7}"]
    return line((f"{name:<{_NAME}}", ink.LABEL), (f"{_ratio(d_bid):>6}", ink.STRONG), *numbers)


def _ratio(d: float) -> str:
    return f"{d:.2f}" if d < 100 else f"{d:.0f}" if d < 1e5 else f"{d:.0e}"


def _chance(seen: FlickerView) -> list[Text]:
    unjudged = [line((f"{seen.unjudged} ticks without tape", ink.WARN))] if seen.unjudged else []
    return [
        *unjudged,
        line(("moves ", ink.LABEL), f"{seen.moves_bid}", (" bid ", ink.LABEL),
             f"{seen.moves_ask}", (" ask", ink.LABEL)),
        line(("chance ", ink.LABEL), figure(seen.chance, 2)),
    ]  # fmt: skip


def _usual(seen: FlickerView, width: int, glyphs: Glyphs) -> list[Text]:
    """This market's own cut, and how it compares with the study's."""
    usual = Text()
    if seen.usual is not None:
        usual = line(("usual to ", ink.LABEL), f"{seen.usual:.1f}  ")
    if seen.share_inside is None:
        return [usual] if usual else []
    usual.append(f"{seen.share_inside:.0%}")
    of, inside = f" of {seen.minutes} min", f" in 0.1{glyphs.reach}3.1"
    wordings = (usual.copy().append(words, ink.LABEL) for words in (of + inside, inside))
    return [widest(wordings, width, glyphs.cut)]
