"""Figure fitting: at any width a number stands whole, or its field is left out."""

import re
from collections.abc import Callable, Iterator

import msgspec
import pytest
from rich.text import Text

from engine.core.log import RecordKind
from engine.view.desk_view import DeskView, ErrorView, InventoryView, LinkView
from tests.tui.fake_engine import book, desk_view, money, order, quote, record
from tui.render.draw.glyphs import ASCII, UNICODE, Glyphs
from tui.render.draw.lines import fit, line
from tui.render.frame import Frame
from tui.render.header import header
from tui.render.inventory import inventory
from tui.render.ladder import ladder
from tui.render.links import links
from tui.render.log import record_lines
from tui.render.market import market
from tui.render.model import model
from tui.render.money import money as money_panel
from tui.render.orders import orders
from tui.render.quote import quote as quote_panel
from tui.render.venue import venue

MID_TICKS = 987_654_321
COUNT = 543_210
MONEY = -1_234_567.8901
FILL = "SELL 7654.321 @ 98765432.1"
LONG_FIGURES = ("98765432.1", f"{COUNT}", "1234567.8901", "7654.321")
SHORTER_BY_DESIGN = {"1234567", "1234567.89", "1234567.9", "7654"}
"""Money with two decimals where four have no room; sizes as the ladder abbreviates them."""


def widest_view() -> DeskView:
    """Prices of nine digits, counts of six, ages of days, money of millions."""
    quoted = quote(MID_TICKS, order_qty_lots=7_654_321)
    sums = money(
        total_usdt=MONEY,
        spread_usdt=MONEY,
        inventory_usdt=-MONEY,
        fees_usdt=MONEY,
        wallet_usdt=-MONEY,
        residual_usdt=MONEY,
        max_drawdown_usdt=-MONEY,
        fills=COUNT,
        maker_fills=COUNT,
    )
    sides = [order(side, MID_TICKS - 5 * side, qty_lots=7_654_321) for side in (1, -1)]
    return desk_view(
        MID_TICKS,
        book=book(MID_TICKS),
        orders=[msgspec.structs.replace(each, age_ms=10**12) for each in sides],
        quote=msgspec.structs.replace(quoted, bid_clamped=True, ask_clamped=True),
        money=sums,
        inventory=InventoryView(-12345.67, -7_654_321, 7_654_321, 0, -7_654_321, MID_TICKS),
        links=[LinkView("private", False, 10**12, COUNT, "closed")],
        errors=[
            ErrorView(-2011, COUNT, "", 0.945),
            ErrorView(-1021, COUNT, "", 8_640_000.0),
            ErrorView(-9999, COUNT, "a code with 98765432.1 in its words", 0.945),
        ],
        round_trip_ms=98_765.4,
        uptime_s=8_640_000.0,
        orders_10s=COUNT,
        orders_10s_limit=COUNT,
        orders_1m=COUNT,
        orders_1m_limit=COUNT,
    )


PANELS: dict[str, Callable[[Frame, int, int], list[Text]]] = {
    "header": lambda f, w, h: header(f, w),
    "ladder": lambda f, w, h: ladder(f, w, h, {})[0],
    "inventory": inventory,
    "quote": quote_panel,
    "model": model,
    "market": market,
    "money": money_panel,
    "venue": venue,
    "orders": orders,
    "links": links,
    "log": lambda f, w, h: record_lines(
        record(1, FILL, kind=RecordKind.FILL, side=-1), w, f.glyphs
    ),
}


def halves(text: str) -> Iterator[str]:
    """Figures on the screen that are the beginning of a longer one, or run into another."""
    for token in re.findall(r"\d[\d.]*", text):
        for figure in LONG_FIGURES:
            half = len(token) > 2 and figure.startswith(token.rstrip(".")) and token != figure
            glued = figure in token and len(token) > len(figure) + 1
            if glued or (half and token not in SHORTER_BY_DESIGN):
                yield token


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
@pytest.mark.parametrize("panel", PANELS)
def test_every_figure_is_whole_at_every_width(panel: str, glyphs: Glyphs) -> None:
    """``x18945 ms ago`` was 18 refusals 945 ms ago, ``SELL 0.`` a fill of 0.003."""
    frame = Frame(widest_view(), glyphs=glyphs)
    cut = re.compile(rf"\d[.,]?{re.escape(glyphs.cut)}")
    for width in range(16 if panel == "log" else 30, 241):
        for height in (4, 8, 15):
            for row in PANELS[panel](frame, width, height):
                where = f"{panel} at {width}x{height}: {row.plain!r}"
                assert not cut.search(row.plain), where
                assert not list(halves(row.plain)), where
                if width >= 34 or panel == "log":
                    assert row.cell_len <= width, where


@pytest.mark.parametrize("width", range(1, 24))
def test_a_line_is_cut_before_a_figure(width: int) -> None:
    said = fit(line("price 98765432.1 taker"), width).plain

    assert "98765432.1" in said or not any(map(str.isdigit, said))


def test_a_count_and_an_age_never_touch() -> None:
    view = desk_view(errors=[ErrorView(-2011, 18, "", 0.945)])
    for width in range(30, 80):
        assert "×18  945 ms ago" in venue(Frame(view), width, 8)[0].plain


def test_the_drawdown_shown_is_the_deepest() -> None:
    sums = money(drawdown_usdt=1.0, max_drawdown_usdt=7.5)

    assert "max drawdown 7.50" in money_panel(Frame(desk_view(money=sums)), 60, 8)[0].plain
