"""Line charts in braille; over time, what this screen itself has seen and no more."""

from collections import deque
from dataclasses import dataclass, field

from rich.text import Text

from tui.render.draw import ink
from tui.render.draw.glyphs import Glyphs
from tui.render.draw.lines import line, pad, spread

BUCKET_S = 0.5
_BUCKET_NS = 500_000_000
_KEPT = 8192  # an hour and a bit of half seconds; memory is bounded
_STRIDES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
"""Whole buckets a dot, few of them, so that the scale of time rarely changes."""
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))  # left and right column, top down
_BRAILLE = 0x2800  # first code point of the patterns; the dots are its low bits

Values = list[float | None]


@dataclass(slots=True)
class History:
    """The last value of each half second, with holes where nothing was seen."""

    names: tuple[str, ...]
    last_bucket: int | None = None
    series: dict[str, deque[float | None]] = field(default_factory=dict)

    def note(self, recv_ns: int, **values: float | None) -> None:
        """Take in what a view says; a view older than the last is left out."""
        bucket = recv_ns // _BUCKET_NS
        if self.last_bucket is None:
            self.series = {name: deque([None], maxlen=_KEPT) for name in self.names}
            self.last_bucket = bucket
        for _ in range(min(_KEPT, bucket - self.last_bucket)):
            for kept in self.series.values():
                kept.append(None)
        self.last_bucket = max(self.last_bucket, bucket)
        if bucket == self.last_bucket:
            for name, value in values.items():
                self.series[name][-1] = value

    def stride(self, dots: int) -> int:
        """Buckets behind one dot: as few as show all that was seen."""
        return next((s for s in _STRIDES if s * dots >= len(self)), _STRIDES[-1])

    def window(self, name: str, dots: int) -> Values:
        """The newest dots, each the last value of its stretch.

        A chart moves on by whole cells of two dots only, so that it rarely shifts.
        """
        kept = self.series.get(name)
        if kept is None or self.last_bucket is None:
            return [None] * dots
        stride = self.stride(dots)
        cell = 2 * stride
        ahead = cell - 1 - self.last_bucket % cell
        newest: Values = [*kept, *([None] * ahead)][-dots * stride :]
        newest = [*([None] * (dots * stride - len(newest))), *newest]
        return [_last_seen(newest[i : i + stride]) for i in range(0, len(newest), stride)]

    def __len__(self) -> int:
        """How many buckets are remembered."""
        return max((len(kept) for kept in self.series.values()), default=0)

    def span_s(self, dots: int) -> int:
        """Seconds that a window of so many dots really shows."""
        return int(BUCKET_S * min(len(self), dots * self.stride(dots)))


def _last_seen(values: Values) -> float | None:
    return next((value for value in reversed(values) if value is not None), None)


@dataclass(frozen=True, slots=True)
class Curve:
    """One series and its ink; later curves are drawn under earlier ones."""

    values: Values
    ink: str


def plot(
    curves: list[Curve], width: int, height: int, low: float, high: float, glyphs: Glyphs
) -> list[Text]:
    """Curves in a box of ``width`` by ``height`` cells; values are two a cell."""
    masks = [[0] * width for _ in range(height)]
    inks = [[""] * width for _ in range(height)]
    dots = 4 * height
    reach = (high - low) or 1.0
    for curve in curves:
        before: int | None = None
        for x, value in enumerate(curve.values[: 2 * width]):
            if value is None:
                before = None
                continue
            share = min(1.0, max(0.0, (value - low) / reach))
            at = round((1 - share) * (dots - 1))
            for y in _run(before, at):
                row, column = y // 4, x // 2
                masks[row][column] |= _DOTS[x % 2][y % 4]
                inks[row][column] = inks[row][column] or curve.ink
            before = at
    return [_row(masks[y], inks[y], glyphs) for y in range(height)]


def _run(before: int | None, at: int) -> range:
    """The dots of one column, joined to the dot before."""
    if before is None or abs(before - at) < 2:
        return range(at, at + 1)
    return range(before + 1, at + 1) if before < at else range(at, before)


def _row(masks: list[int], inks: list[str], glyphs: Glyphs) -> Text:
    text = Text(no_wrap=True, end="")
    for mask, name in zip(masks, inks, strict=True):
        if not mask:
            text.append(" ")
        else:
            text.append(chr(_BRAILLE + mask) if glyphs.braille else "*", name)
    return text


def labelled(
    curves: list[Curve],
    width: int,
    height: int,
    *,
    labels: tuple[str, str],
    bounds: tuple[float, float],
    glyphs: Glyphs,
) -> tuple[list[Text], int]:
    """A plot with its upper and lower bound written at the right, and how wide the plot itself is.

    Args:
        labels: Texts of the upper and the lower bound.
        bounds: Lower and upper value.
    """
    across = plot_width(width, labels)
    rows = [pad(row, across) for row in plot(curves, across, max(1, height), *bounds, glyphs)]
    rows[0].append(f" {labels[0]}", ink.LABEL)
    if len(rows) > 1:
        rows[-1].append(f" {labels[1]}", ink.LABEL)
    return rows, across


def plot_width(width: int, labels: tuple[str, str]) -> int:
    """The cells that labels at the right leave to a plot."""
    return max(1, width - max(len(label) for label in labels) - 1)


def chart(
    curves: list[Curve],
    width: int,
    height: int,
    *,
    labels: tuple[str, str],
    bounds: tuple[float, float],
    span_s: int,
    glyphs: Glyphs,
) -> list[Text]:
    """A labelled plot over time, with its true span underneath.

    Args:
        span_s: How long the screen has watched, of what is shown; no more is claimed.
    """
    rows, across = labelled(curves, width, height - 1, labels=labels, bounds=bounds, glyphs=glyphs)
    minutes, seconds = divmod(span_s, 60)
    foot = spread(
        line((f"{glyphs.minus}{minutes}:{seconds:02d} seen by this screen", ink.LABEL)),
        line(("now", ink.LABEL)),
        across,
        glyphs.cut,
    )
    return [*rows, foot]
