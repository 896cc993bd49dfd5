"""Calibration panel: what the newest window says, how surely, and whether it is used."""

import pytest
from rich.text import Text

from engine.core.states import FitKind
from engine.view.desk_view import DeskView, SideFitView
from tests.tui.fake_engine import desk_view, quote
from tests.tui.fake_market import calibration
from tui.render.frame import Frame
from tui.render.model import model

NARROW, WIDE, ROOMY = (37, 16), (68, 9), (97, 31)
SEEN = "23 s of the 60 s window seen"
GAP = "depths are far from exponential (misfit 0.12 of 0.07)"
STEEP = SideFitView(12.3, 11.1, 13.4, 0.0412, 0.037, 0.0453, 10412)


def drawn(view: DeskView, size: tuple[int, int]) -> list[Text]:
    return model(Frame(view), *size)


def said(view: DeskView, size: tuple[int, int]) -> str:
    return "\n".join(line.plain for line in drawn(view, size))


def inks_of(lines: list[Text], words: str) -> set[str]:
    """Inks of the line that holds this text."""
    line = next(line for line in lines if words in line.plain)
    return {str(span.style) for span in line.spans}


@pytest.mark.parametrize("size", [NARROW, WIDE, ROOMY])
def test_each_side_has_both_numbers_with_intervals_and_a_count(size: tuple[int, int]) -> None:
    text = said(desk_view(), size)

    for numbers in (
        ("0.961", "0.868–1.061", "0.312", "0.286–0.338", "412"),
        ("0.881", "0.793–0.976", "0.308", "0.281–0.335", "378"),
        ("0.430", "0.310–0.580", "0.270", "0.170–0.370", "37"),
    ):
        assert all(number in text for number in numbers)
    assert "4.80  4.51–5.13 ticks/√s" in text
    assert "noise ratio 1.08" in text


@pytest.mark.parametrize("size", [NARROW, WIDE])
def test_a_column_has_its_points_under_each_other(size: tuple[int, int]) -> None:
    """Numbers that are compared are read down, not across."""
    view = desk_view(calibration=calibration(bid=STEEP))
    rows = [line.plain for line in drawn(view, size) if line.plain.startswith(("bid", "ask"))]

    assert len({row.index(".") for row in rows}) == 1
    assert len({row.index("–") for row in rows}) == 1


@pytest.mark.parametrize("size", [NARROW, (55, 32), WIDE, ROOMY])
def test_nothing_is_cut(size: tuple[int, int]) -> None:
    """Even a busy market with five digits of orders, or a long refusal."""
    for view in (
        desk_view(calibration=calibration(bid=STEEP)),
        desk_view(quote=quote(fit=FitKind.WIDENED, fit_note=GAP)),
    ):
        assert "…" not in said(view, size)


@pytest.mark.parametrize("size", [NARROW, WIDE])
def test_a_refused_fit_is_told_once_and_in_warning_ink(size: tuple[int, int]) -> None:
    """The engine's sentence holds the reason already; twice would read as two troubles."""
    view = desk_view(
        quote=quote(fit=FitKind.WIDENED, fit_note=GAP), calibration=calibration(misfit=0.121)
    )
    lines = drawn(view, size)
    text = " ".join(" ".join(line.plain for line in lines).split())

    assert text.count("far from exponential") == 1
    assert "fit of 12 s ago, widened; " in text
    assert "warn" in inks_of(lines, "far from exponential")
    assert "warn" in inks_of(lines, "misfit 0.121, over 0.070")


def test_a_prior_whose_window_is_full_says_why_it_still_stands() -> None:
    """The first window gave nothing good: that is not the same as a window still filling."""
    view = desk_view(quote=quote(fit=FitKind.PRIOR, fit_note="the fit is not a number"))

    assert "from the prior; the fit is not a number" in said(view, WIDE)


@pytest.mark.parametrize("size", [NARROW, WIDE])
def test_the_first_window_fills_a_bar(size: tuple[int, int]) -> None:
    """Until it is full the prior quotes, and a trader wants to know how long still."""
    filling = calibration(window_s=60.0, seen_s=23.0, bid=None, ask=None, own=None, misfit=None)
    view = desk_view(quote=quote(fit=FitKind.PRIOR, fit_note=SEEN), calibration=filling)
    text = said(view, size)

    assert "█─" in text
    assert "23 of 60 s" in text
    assert "from the prior" in text
    assert "█" not in said(desk_view(), size)


def test_the_prior_is_not_put_inside_the_newest_interval() -> None:
    """Sigma in use is the prior's then; the interval is of another number."""
    assert "6.00  newest 4.80  4.51–5.13" in said(
        desk_view(quote=quote(sigma_ticks=6.0, fit=FitKind.PRIOR)), WIDE
    )


def test_with_room_the_rates_are_drawn_and_our_half_spread_marked() -> None:
    text = said(desk_view(), ROOMY)

    assert "bid solid  ask dashed  own dotted" in text
    assert "▲ half 4" in text
    assert "0.961/s" in text


def test_a_side_that_does_not_decay_is_not_drawn() -> None:
    """A refused fit may have a k of nought or less, and no depth where orders end."""
    flat = SideFitView(0.9, 0.8, 1.0, -0.01, -0.05, 0.03, 80)
    text = said(desk_view(calibration=calibration(bid=flat, ask=None, own=None)), ROOMY)

    assert "−0.01" in text or "-0.01" in text
    assert "orders that reach" not in text
