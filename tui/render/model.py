"""Calibration panel: what the newest window says, how surely, and what is quoted."""

import math

from rich.text import Text

from engine.core.states import FitKind
from engine.view.desk_view import CalibrationView, DeskView
from tui.render.draw import ink
from tui.render.draw.bars import meter
from tui.render.draw.depth_chart import Stroke, depth_chart
from tui.render.draw.format import decimals_of, figure
from tui.render.draw.glyphs import Glyphs
from tui.render.draw.lines import fit, flowed, line, wrapped
from tui.render.fit_table import NAME, filling, fit_table, interval, sides
from tui.render.frame import Frame
from tui.render.quote import fit_source

_CHART_ROWS = 6
"""Fewer show no shape."""
_MOST_CHART_ROWS = 20
_LEGEND_ROWS = 14
_LEGEND = "bid: sellers' orders, which fill bids; own: our fills, queue and size included"
_POINTS = 60
_REACH = 3.0
"""Depths drawn, in units of 1/k: to where one order in twenty reaches."""


def model(frame: Frame, width: int, height: int) -> list[Text]:
    """A and k by side, what they rest on, sigma; with room, the rates drawn over depth."""
    view, glyphs = frame.view, frame.glyphs
    rows = [
        *fit_table(view, width, glyphs),
        *_notes(view, width),
        *flowed(_goodness(view.calibration), width),
        *flowed(_sigma(view, glyphs), width),
        *_window(view.calibration, width, glyphs),
    ]
    left = min(height - len(rows) - 2, _MOST_CHART_ROWS)
    if left >= _CHART_ROWS:
        rows += _rates(view, width, left, glyphs)
    return [fit(row, width, glyphs.cut) for row in rows[:height]]


def _notes(view: DeskView, width: int) -> list[Text]:
    """What is wrong, in the engine's own sentences."""
    if not view.quote.fit_note or filling(view.calibration):
        return []
    return wrapped(fit_source(view.quote), width)


def _goodness(c: CalibrationView) -> list[Text]:
    """How A and k were found, and how well they describe the depths seen."""
    chips = [line(("A, k by ", ink.LABEL), c.intensity)]
    if c.misfit is not None and c.misfit > c.max_misfit:
        chips.append(line((f"misfit {c.misfit:.3f}, over {c.max_misfit:.3f}", ink.WARN)))
    elif c.misfit is not None:
        limit = (f" of {c.max_misfit:.3f} borne", ink.LABEL)
        chips.append(line(("misfit ", ink.LABEL), f"{c.misfit:.3f}", limit))
    if not filling(c):
        chips.append(line(("window ", ink.LABEL), f"{c.window_s:.0f} s"))
    return chips


def _sigma(view: DeskView, glyphs: Glyphs) -> list[Text]:
    """Sigma as quoted, the newest window's interval, and what bounce there is."""
    q, c = view.quote, view.calibration
    digits = decimals_of(q.sigma_ticks or 0.0)
    unit = (f" ticks/{glyphs.root_s}", ink.LABEL)
    quoted = "n/a" if q.sigma_ticks is None else f"{q.sigma_ticks:.{digits}f}"
    sigma = line((f"{glyphs.sigma} ", ink.LABEL), (quoted, ink.STRONG))
    if c.sigma_low is not None and c.sigma_high is not None:
        sigma.append("  ")
        if q.fit is FitKind.PRIOR and c.sigma_ticks is not None:
            sigma.append("newest ", ink.LABEL).append(f"{c.sigma_ticks:.{digits}f}  ")
        sigma.append(interval(c.sigma_low, c.sigma_high, digits, glyphs))
    chips = [
        sigma.append(*unit),
        line(("by ", ink.LABEL), c.volatility.replace("_", " ")),
    ]
    if c.noise_ratio is not None:
        chips.append(line(("noise ratio ", ink.LABEL), f"{c.noise_ratio:.2f}"))
    return chips


def _window(c: CalibrationView, width: int, glyphs: Glyphs) -> list[Text]:
    """How far the first window has filled; nothing once it has."""
    if not filling(c):
        return []
    tail = f" {c.seen_s:.0f} of {c.window_s:.0f} s"
    head = f"{'window':<{NAME}}"
    bar = meter(c.seen_s / c.window_s, width - len(head) - len(tail), ink.ACCENT, glyphs)
    return [line((head, ink.LABEL), *bar, tail)]


def _rates(view: DeskView, width: int, height: int, glyphs: Glyphs) -> list[Text]:
    """A exp(-k depth) of each side, and where our half spread stands on it."""
    strokes = (Stroke.SOLID, Stroke.DASHED, Stroke.DOTTED)
    seen = [
        (name, side, side_ink, stroke)
        for (name, side, side_ink), stroke in zip(sides(view.calibration), strokes, strict=True)
        if side is not None and side.k_per_tick > 0
    ]
    if not seen:
        return []
    half = view.quote.half_spread_ticks
    flattest = min(side.k_per_tick for name, side, _, _ in seen if name != "own" or len(seen) == 1)
    reach = max(_REACH / flattest, 1.2 * (half or 0.0))
    depths = [reach * i / _POINTS for i in range(_POINTS + 1)]
    drawn = [
        ([(x, side.A_per_s * math.exp(-side.k_per_tick * x)) for x in depths], side_ink, stroke)
        for _, side, side_ink, stroke in seen
    ]
    strokes_said = [
        line((f"{name} ", side_ink), (stroke.name.lower(), ink.LABEL))
        for name, _, side_ink, stroke in seen
    ]
    head = flowed([line(("orders that reach a depth:", ink.LABEL)), *strokes_said], width)
    mark = None if half is None else (half, f"half {figure(half)}")
    legend = wrapped(line((_LEGEND, ink.DIM)), width) if height >= _LEGEND_ROWS else []
    chart_rows = height + 1 - len(head) - len(legend)
    chart = depth_chart(drawn, width, chart_rows, mark=mark, unit="/s", glyphs=glyphs)
    return [Text(), *head, *chart, *legend]
