"""Fit table: A and k by side with their intervals; under it what is quoted, and its source."""

from collections.abc import Sequence
from typing import NamedTuple

from rich.text import Text

from engine.core.states import FitKind
from engine.view.desk_view import CalibrationView, DeskView, SideFitView
from tui.render.draw import ink
from tui.render.draw.format import decimals_of
from tui.render.draw.glyphs import Glyphs
from tui.render.draw.lines import flowed, line, spread
from tui.render.quote import fit_source

NAME = 7
"""Width of the column of names."""


class _Row(NamedTuple):
    """Table row of one side; padded, so that texts stand under each other."""

    name: str
    ink: str
    a: str
    a_interval: str
    k: str
    k_interval: str
    n: str


def fit_table(view: DeskView, width: int, glyphs: Glyphs) -> list[Text]:
    """A and k beside each other where they fit, else k below A."""
    rows = _rows(view, glyphs)
    wide = _wide(rows, view, width, glyphs)
    return wide if max(row.cell_len for row in wide) <= width else _narrow(rows, view, width)


def sides(c: CalibrationView) -> tuple[tuple[str, SideFitView | None, str], ...]:
    """Each side's name, fit and ink."""
    return ("bid", c.bid, ink.BID), ("ask", c.ask, ink.ASK), ("own", c.own, ink.LABEL)


def interval(low: float, high: float, decimals: int, glyphs: Glyphs) -> str:
    return f"{low:.{decimals}f}{glyphs.reach}{high:.{decimals}f}"


def filling(c: CalibrationView) -> bool:
    """Has the first window not been seen in full yet?"""
    return c.seen_s < c.window_s


def _rows(view: DeskView, glyphs: Glyphs) -> list[_Row]:
    """The three sides, then what is quoted."""
    q, seen = view.quote, sides(view.calibration)
    fits = [side for _, side, _ in seen]
    a, a_intervals = _column(
        [(s.A_per_s, s.A_low, s.A_high) if s else None for s in fits], q.A_per_s, glyphs
    )
    k, k_intervals = _column(
        [(s.k_per_tick, s.k_low, s.k_high) if s else None for s in fits], q.k_per_tick, glyphs
    )
    n = _padded([f"{side.n}" if side else "" for side in fits])
    names = [(name, side_ink) for name, _, side_ink in seen]
    columns = (a, a_intervals, k, k_intervals, n)
    rows = [
        _Row(*name, *cells) for name, cells in zip(names, zip(*columns, strict=False), strict=True)
    ]
    return [*rows, _Row("quoted", ink.LABEL, a[-1], "", k[-1], "", "")]


def _column(
    seen: Sequence[tuple[float, float, float] | None], quoted: float | None, glyphs: Glyphs
) -> tuple[list[str], list[str]]:
    """Values and intervals of three sides, bid and ask deciding the decimals; the quoted last."""
    market = [each[0] for each in seen[:2] if each]
    decimals = max([2, *(decimals_of(value) for value in market)])
    values = [None if each is None else each[0] for each in seen]
    texts = ["n/a" if v is None else f"{v:.{decimals}f}" for v in (*values, quoted)]
    lows = _padded(["" if each is None else f"{each[1]:.{decimals}f}" for each in seen])
    highs = ["" if each is None else f"{each[2]:.{decimals}f}" for each in seen]
    width = max(map(len, highs))
    intervals = [
        f"{low}{glyphs.reach if high else ' '}{high:<{width}}"
        for low, high in zip(lows, highs, strict=True)
    ]
    return _padded(texts), intervals


def _padded(texts: list[str]) -> list[str]:
    width = max(map(len, texts))
    return [text.rjust(width) for text in texts]


def _wide(rows: list[_Row], view: DeskView, width: int, glyphs: Glyphs) -> list[Text]:
    first = rows[0]
    head = line(
        (" " * NAME, ink.LABEL),
        (f"{'A /s':>{len(first.a)}}  {'95%':^{len(first.a_interval)}}", ink.LABEL),
        (f"{'k /tick':>{len(first.k) + 3}}  {'95%':^{len(first.k_interval)}}", ink.LABEL),
        (f"  {'n':>{len(first.n)}}", ink.LABEL),
    )
    *market, quoted = rows
    table = [head]
    for row in market:
        text = line((f"{row.name:<{NAME}}", row.ink))
        text.append(row.a, ink.STRONG).append(f"  {row.a_interval}   ")
        text.append(row.k, ink.STRONG).append(f"  {row.k_interval}  {row.n}")
        table.append(text)
    gap = " " * (len(first.a_interval) + 5)
    last = line((f"{quoted.name:<{NAME}}", quoted.ink), quoted.a, gap, quoted.k)
    return [*table, spread(last, _source(view, width - last.cell_len - 2), width, glyphs.cut)]


def _narrow(rows: list[_Row], view: DeskView, width: int) -> list[Text]:
    *market, quoted = rows
    first = market[0]
    value, reach = (
        max(len(first.a), len(first.k)),
        max(len(first.a_interval), len(first.k_interval)),
    )
    indent = 8 + value + 2
    table = [line((f"{'':{indent}}{'95%':^{reach}}  {'n':>{len(first.n)}}", ink.LABEL))]
    for row in market:
        for name, unit, number, span, n in (
            (row.name, "A/s", row.a, row.a_interval, row.n),
            ("", "k/t", row.k, row.k_interval, ""),
        ):
            text = line((f"{name:<4}", row.ink), (f"{unit} ", ink.LABEL))
            text.append(f"{number:>{value}}", ink.STRONG)
            table.append(text.append(f"  {span:^{reach}}  {n}"))
    chips = [
        line(("quoted", ink.LABEL)),
        line(("A ", ink.LABEL), f"{quoted.a.strip()}/s"),
        line(("k ", ink.LABEL), f"{quoted.k.strip()}/tick"),
    ]
    source = _source(view, width)
    return [*table, *flowed([*chips, source] if source else chips, width)]


def _source(view: DeskView, room: int) -> Text:
    """Where the quoted numbers come from, if that can be said in so many cells."""
    q = view.quote
    if q.fit is FitKind.PRIOR:
        return line(("from the ", ink.LABEL), ("prior", ink.WARN))
    source = fit_source(q)
    return source if q.fit is FitKind.FIT and source.cell_len <= room else Text()
