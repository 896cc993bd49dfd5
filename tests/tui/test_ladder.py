"""Price ladder: it shows the book, and every order of ours wherever it is."""

from itertools import pairwise

import pytest

from engine.view.desk_view import DeskView
from tests.tui.fake_engine import MID_TICKS, book, desk_view, order, quote
from tui.render.frame import Frame
from tui.render.ladder import Rows, ladder

WIDTH = 40


def drawn(view: DeskView, height: int = 20, before: Rows | None = None) -> list[str]:
    lines, _ = ladder(Frame(view), WIDTH, height, before or {})
    return [line.plain for line in lines]


def row_with(lines: list[str], price: str) -> str:
    return next(line for line in lines if price in line)


def test_asks_stand_above_bids_with_the_spread_between() -> None:
    lines = drawn(desk_view())
    spread = next(i for i, line in enumerate(lines) if "spread 0.2" in line)

    assert "64250.4" in lines[spread - 1]
    assert "64250.2" in lines[spread + 1]


def test_the_last_price_points_where_its_aggressor_went() -> None:
    lines = drawn(desk_view(book=book(last_ticks=MID_TICKS - 1, last_side=-1)))

    assert "last 64250.2 ▼" in row_with(lines, "spread")


def test_sizes_add_up_away_from_the_touch() -> None:
    thin = book(bids=[(MID_TICKS - 1, 100), (MID_TICKS - 2, 250)])
    lines = drawn(desk_view(book=thin))

    assert row_with(lines, "64250.1").split()[:2] == ["0.350", "0.250"]


@pytest.mark.parametrize(
    ("state", "sign"),
    [("resting", "●"), ("placed", "‥"), ("acked", "‥"), ("cancelling", "×"), ("unknown", "?")],
)
def test_an_order_of_ours_shows_its_state(state: str, sign: str) -> None:
    lines = drawn(desk_view(orders=[order(+1, MID_TICKS - 3, state)]))

    assert f"▸64250.0 {sign} 0.003" in row_with(lines, "64250.0")


def test_a_price_wanted_but_not_placed_is_an_empty_ring() -> None:
    lines = drawn(desk_view(orders=[]))

    assert "▸64249.8 ○ 0.003" in row_with(lines, "64249.8")


def test_the_worst_state_at_a_price_is_shown() -> None:
    """An unknown order must not hide behind a resting one."""
    both = [order(+1, MID_TICKS - 3), order(+1, MID_TICKS - 3, "unknown")]
    lines = drawn(desk_view(orders=both))

    assert "? 0.006" in row_with(lines, "64250.0")


def test_a_foreign_order_is_not_marked_as_ours() -> None:
    lines = drawn(desk_view(orders=[order(+1, MID_TICKS - 3, "foreign")]))

    assert "◌ 0.003" in row_with(lines, "64250.0")
    assert "▸" not in row_with(lines, "64250.0")


def test_ours_beyond_the_rows_are_pinned_to_the_edge() -> None:
    """Our orders far away may rest longer than anyone watches; they stay in sight."""
    far = [order(-1, MID_TICKS + 500), order(-1, MID_TICKS + 900), order(+1, MID_TICKS - 800)]
    lines = drawn(desk_view(orders=far, quote=quote(bid_ticks=[], ask_ticks=[])))

    assert "▲ 2 asks above, to 64340.3" in lines[1]
    assert "▼ 1 bid below, to 64170.3" in lines[-1]


@pytest.mark.parametrize("height", [4, 5, 8, 20, 33, 60])
def test_no_order_of_ours_is_out_of_sight(height: int) -> None:
    view = desk_view()
    lines = drawn(view, height)
    counted = sum("▸" in line for line in lines)
    pinned = sum(int(line.split()[1]) for line in lines if "above" in line or "below" in line)

    assert counted + pinned == len(view.orders) or height < 6


def test_prices_keep_their_rows_while_the_touch_moves() -> None:
    """The eye follows a price, and a slow line sends few cells."""
    before: Rows = {}
    placed = []
    for step in range(3):
        _, before = ladder(Frame(desk_view(MID_TICKS + step)), WIDTH, 20, before)
        placed.append(before)

    for old, new in pairwise(placed):
        stayed = [key for key in old.keys() & new.keys() if old[key] == new[key]]
        assert len(stayed) >= len(old) - 3


def test_a_run_of_the_market_brings_the_spread_back_to_the_middle() -> None:
    before: Rows = {}
    for step in range(40):
        lines, before = ladder(Frame(desk_view(MID_TICKS + step)), WIDTH, 20, before)
        spread = next(i for i, line in enumerate(lines) if "spread" in line.plain)
        assert 6 <= spread <= 14


@pytest.mark.parametrize("width", range(20, 60))
def test_no_line_is_wider_than_the_panel(width: int) -> None:
    lines, _ = ladder(Frame(desk_view()), width, 20, {})

    assert all(line.cell_len <= width for line in lines)
