"""Depth charts: lines over ticks from the middle of the market, one place marked."""

from bisect import bisect_right
from collections.abc import Sequence
from enum import Enum

from rich.text import Text

from tui.render.draw import ink
from tui.render.draw.chart import Curve, labelled, plot_width
from tui.render.draw.format import decimals_of, figure, signed
from tui.render.draw.glyphs import Glyphs
from tui.render.draw.lines import line, pad

Points = Sequence[tuple[float, float]]
"""``(depth_ticks, value)``, depths ascending."""


class Stroke(Enum):
    """How a line is drawn, so that two need not differ by hue: dots on, then dots off."""

    SOLID = (1, 0)
    DASHED = (6, 4)
    DOTTED = (1, 3)


def depth_chart(
    drawn: Sequence[tuple[Points, str, Stroke]],
    width: int,
    height: int,
    *,
    mark: tuple[float, str] | None,
    unit: str,
    glyphs: Glyphs,
) -> list[Text]:
    """Lines from depth 0 to the farthest depth of any, over a row that marks one depth.

    Args:
        drawn: Each line's points, ink and stroke; at least one point in all.
        mark: A depth and its label, or none.
        unit: Of the values.
    """
    reach = max(points[-1][0] for points, _, _ in drawn if points) or 1.0
    values = [value for points, _, _ in drawn for _, value in points]
    bounds = min(0.0, *values), max(values)
    decimals = decimals_of(bounds[1])
    low = signed(bounds[0], decimals, glyphs.minus) if bounds[0] else "0"
    labels = f"{bounds[1]:.{decimals}f}{unit}", low.strip()
    dots = 2 * plot_width(width, labels)
    curves = [Curve(_sampled(points, reach, dots, stroke), name) for points, name, stroke in drawn]
    rows, across = labelled(curves, width, height - 1, labels=labels, bounds=bounds, glyphs=glyphs)
    return [*rows, _foot(across, reach, mark, glyphs)]


def _sampled(points: Points, reach: float, dots: int, stroke: Stroke) -> list[float | None]:
    """A value for every dot between 0 and the reach, straight between points."""
    depths = [depth for depth, _ in points]
    on, off = stroke.value
    sampled: list[float | None] = []
    for i in range(dots):
        depth = reach * i / max(1, dots - 1)
        inside = bool(points) and depths[0] <= depth <= depths[-1]
        drawn = inside and i % (on + off) < on
        sampled.append(_between(points, depths, depth) if drawn else None)
    return sampled


def _between(points: Points, depths: Sequence[float], depth: float) -> float:
    i = min(bisect_right(depths, depth), len(points) - 1)
    (x0, y0), (x1, y1) = points[max(0, i - 1)], points[i]
    return y0 if x1 == x0 else y0 + (y1 - y0) * (depth - x0) / (x1 - x0)


def _foot(across: int, reach: float, mark: tuple[float, str] | None, glyphs: Glyphs) -> Text:
    """The axis: nought, the mark with its label, the reach."""
    end = f"{figure(reach)} ticks"
    if mark is None or not 0 <= mark[0] <= reach:
        return pad(line(("0", ink.LABEL)), across - len(end)).append(end, ink.LABEL)
    depth, words = mark
    at = round(depth / reach * (across - 1))
    nought = line(("0" if at > 1 else "", ink.LABEL))
    if at + 2 + len(words) > across:
        before = nought if at <= len(words) else pad(Text(), at - len(words) - 1).append(words)
        return pad(before, at).append(glyphs.up, ink.STRONG)
    foot = pad(nought, at).append(glyphs.up, ink.STRONG).append(f" {words}")
    if foot.cell_len + 2 + len(end) <= across:
        foot = pad(foot, across - len(end)).append(end, ink.LABEL)
    return foot
