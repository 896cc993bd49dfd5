"""Text line helpers that the panels share: lines, numbers and bars."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.render.draw.bars import meter, round_up
from tui.render.draw.depth_chart import Stroke, depth_chart
from tui.render.draw.format import decimals_of
from tui.render.draw.glyphs import ASCII, UNICODE, Glyphs
from tui.render.draw.lines import flowed, line, widest

WORDS = ["the whole sentence", "a sentence", "word"]


@pytest.mark.parametrize(
    ("width", "said"), [(40, WORDS[0]), (17, WORDS[1]), (9, "word"), (3, "wo…")]
)
def test_the_fullest_wording_that_fits_is_taken(width: int, said: str) -> None:
    assert widest([line(word) for word in WORDS], width).plain == said


def test_no_chip_is_left_out_of_a_flow() -> None:
    rows = flowed([line("one"), line("two"), line("three")], 9)

    assert [row.plain for row in rows] == ["one  two", "three"]


@given(st.floats(1e-6, 1e9))
def test_a_scale_is_1_2_or_5_times_a_power_of_ten(value: float) -> None:
    """And holds the value without being thrice as large."""
    scale = round_up(value)

    assert f"{scale:e}"[0] in "125"
    assert 0.999 * value <= scale <= 2.501 * value


@pytest.mark.parametrize(("share", "cells"), [(0.0, 0), (0.001, 1), (0.5, 5), (7.0, 10)])
def test_a_meter_shows_anything_at_all_and_no_more_than_everything(
    share: float, cells: int
) -> None:
    bar = line(*meter(share, 10, "accent", UNICODE)).plain

    assert bar.count("█") == cells
    assert len(bar) == 10


@pytest.mark.parametrize(
    ("value", "decimals"), [(0.961, 3), (12.3, 1), (640.0, 0), (0.0412, 4), (2e-7, 4), (0.0, 2)]
)
def test_decimals_show_three_digits_where_four_decimals_can(value: float, decimals: int) -> None:
    assert decimals_of(value) == decimals


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
@given(st.integers(12, 90), st.floats(0.0, 10.0))
def test_the_mark_under_a_chart_stands_at_its_depth(
    glyphs: Glyphs, width: int, depth: float
) -> None:
    """Its label goes to the other side rather than off the edge."""
    points = [(0.0, 1.0), (10.0, 0.0)]
    rows = depth_chart(
        [(points, "accent", Stroke.SOLID)], width, 5, mark=(depth, "best"), unit="", glyphs=glyphs
    )
    across = width - len("1.00") - 1

    assert max(row.cell_len for row in rows) <= width
    assert rows[-1].plain.index(glyphs.up) == round(depth / 10 * (across - 1))


def test_lines_differ_by_their_strokes() -> None:
    """Without colour a dashed line is still no solid one."""
    points = [(0.0, 1.0), (10.0, 1.0)]
    drawn = {
        stroke: depth_chart([(points, "accent", stroke)], 60, 3, mark=None, unit="", glyphs=ASCII)[
            0
        ].plain.count("*")
        for stroke in Stroke
    }

    assert drawn[Stroke.SOLID] > drawn[Stroke.DASHED] > drawn[Stroke.DOTTED] > 0
