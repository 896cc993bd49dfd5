"""Market panel: volatility, flicker, the noise model and the kind of day, apart from any quote."""

from rich.text import Text

from engine.view.desk_view import DeskView
from tui.render.draw.glyphs import Glyphs
from tui.render.draw.lines import beside, fit
from tui.render.flicker import flicker
from tui.render.frame import Frame
from tui.render.noise import noise, noise_chart
from tui.render.regime import regime
from tui.render.volatility import FEWER, FEWEST, volatility

_TWO_COLUMNS = 64
_GAP = 2
_MOST_CHART_ROWS = 16

Sections = list[list[Text]]


def market(frame: Frame, width: int, height: int) -> list[Text]:
    """Two columns where they fit beside each other, else one, briefer the fewer rows there are."""
    view, glyphs = frame.view, frame.glyphs
    columns = _beside if width >= _TWO_COLUMNS else _below
    rows = columns(view, width, height, glyphs)
    return [fit(row, width, glyphs.cut) for row in rows[:height]]


def _beside(view: DeskView, width: int, height: int, glyphs: Glyphs) -> list[Text]:
    left_width = (width - _GAP) // 2 - 1
    right_width = width - _GAP - left_width
    left = _spaced([volatility(view, left_width, glyphs), regime(view, left_width, glyphs)], height)
    right = _with_chart(
        view, [flicker(view, right_width, glyphs), noise(view, right_width, glyphs)],
        right_width, height, glyphs,
    )  # fmt: skip
    return beside(left, right, left_width, " " * _GAP)


def _below(view: DeskView, width: int, height: int, glyphs: Glyphs) -> list[Text]:
    """One column: the fullest wording that fits, and the chart under the noise model."""
    for windows, briefly in (((), 0), ((), 1), (FEWER, 1), (FEWER, 2), (FEWEST, 3), (FEWEST, 4)):
        day = regime(view, width, glyphs, brief=briefly >= 2)
        above = [
            volatility(view, width, glyphs, windows),
            flicker(view, width, glyphs, brief=briefly >= 3),
            noise(view, width, glyphs, brief=briefly >= 1) if briefly < 4 else [],
        ]
        if sum(map(len, [*above, day])) <= height:
            break
    rows = _with_chart(view, above, width, height - len(day) - 1, glyphs)
    return _spaced([rows, day], height)


def _with_chart(
    view: DeskView, sections: Sections, width: int, height: int, glyphs: Glyphs
) -> list[Text]:
    rows = _spaced(sections, height)
    return rows + noise_chart(view, width, min(height - len(rows), _MOST_CHART_ROWS), glyphs)


def _spaced(sections: Sections, height: int) -> list[Text]:
    """Sections below each other, with a blank row between them where there is room."""
    spare = height - sum(map(len, sections))
    rows: list[Text] = []
    for section in sections:
        if rows and spare > 0:
            rows.append(Text())
            spare -= 1
        rows += section
    return rows
