"""Volatility regime panel: which of the four kinds of day it is, and the study's advice on it."""

from rich.text import Text

from engine.core.market_readings import RegimeView
from engine.view.desk_view import DeskView
from tui.render.draw import ink
from tui.render.draw.glyphs import Glyphs
from tui.render.draw.lines import line, spread, wrapped

_NAME = 11
_CELL = 10


def regime(view: DeskView, width: int, glyphs: Glyphs, *, brief: bool = False) -> list[Text]:
    """The matrix with its live cell; the advice, or how little was seen.

    Args:
        brief: Without a heading, and one thing said.
    """
    day = view.watch.regime
    rows = [
        line((f"{'intraday':<{_NAME}}{'low':^{_CELL}}{'high':^{_CELL}}", ink.LABEL)),
        *(_row(name, high, day, glyphs) for name, high in (("low", False), ("high", True))),
    ]
    if brief:
        last = (day.advice, ink.STRONG) if day.known else (_unknown(day), ink.WARN)
        return [*rows, *wrapped(line(last), width)]
    head = line(("regime", ink.TITLE))
    if day.efficiency is not None:
        efficiency = line(("efficiency ", ink.LABEL), f"{day.efficiency:.2f}")
        head = spread(head, efficiency, width, glyphs.cut)
    advice_ink = ink.STRONG if day.known else ink.LABEL
    prefix = "advice: " if len(day.advice) + len("advice: ") <= width else ""
    rows += wrapped(line((f"{prefix}{day.advice}", advice_ink)), width)
    if not day.known:
        rows += wrapped(line((_unknown(day), ink.WARN)), width)
    return [head, *rows]


def _row(name: str, high: bool, day: RegimeView, glyphs: Glyphs) -> Text:
    row = line((f"daily {name:<{_NAME - 6}}", ink.LABEL))
    for intraday_high in (False, True):
        if (high, intraday_high) != (day.daily_high, day.intraday_high):
            row.append(f"{glyphs.dot:^{_CELL}}", ink.DIM)
        elif day.known:
            row.append(f"{f'{glyphs.quoting} now':^{_CELL}}", ink.ICE_BLOCK)
        else:
            row.append(f"{f'{glyphs.unknown} cautious':^{_CELL}}", ink.WARN_BLOCK)
    return row


def _unknown(day: RegimeView) -> str:
    return f"unknown, {day.history_days:.1f} of {day.wanted_days:g} days seen"
