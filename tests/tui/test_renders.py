"""Panel renders: what each says, and that it fits."""

from typing import Any

import msgspec
import pytest
from rich.text import Text

from engine.core.log import Record, RecordKind
from engine.core.states import Mode, RiskState, SideReason
from engine.process.hints import DeskCommands
from engine.view.desk_view import DeskView, ErrorView, InventoryView, Preview, SideView
from tests.tui.fake_engine import (
    EMPTY_QUOTE,
    MID_TICKS,
    desk_view,
    money,
    record,
    table_quote,
)
from tests.tui.fake_market import EMPTY_WATCH
from tui.render.banner import banner, gone
from tui.render.draw import ink
from tui.render.draw.chart import Curve, History, plot
from tui.render.draw.glyphs import ASCII, UNICODE, Glyphs, glyphs_for
from tui.render.frame import EngineLink, Frame
from tui.render.header import header
from tui.render.inventory import inventory
from tui.render.ladder import ladder
from tui.render.links import links
from tui.render.log import record_lines
from tui.render.market import market
from tui.render.model import model
from tui.render.money import money as money_panel
from tui.render.orders import orders
from tui.render.preview import preview_lines
from tui.render.quote import quote as quote_panel
from tui.render.venue import venue


def everything(frame: Frame, width: int, height: int) -> list[Text]:
    """Every panel of a frame at one size."""
    fill = record(1, "BUY 0.003 @ 64249.8", kind=RecordKind.FILL, side=1)
    alarm = record(2, "word " * 40, severity="alarm", kind=RecordKind.ALERT)
    return [
        *header(frame, width),
        *ladder(frame, width, height, {})[0],
        *inventory(frame, width, height),
        *quote_panel(frame, width, height),
        *model(frame, width, height),
        *market(frame, width, height),
        *money_panel(frame, width, height),
        *venue(frame, width, height),
        *orders(frame, width, height),
        *links(frame, width, height),
        *banner(frame, width),
        *record_lines(fill, width, frame.glyphs),
        *record_lines(alarm, width, frame.glyphs),
    ]


def said(lines: list[Text]) -> str:
    return "\n".join(line.plain for line in lines)


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
@pytest.mark.parametrize("width", [36, 40, 66, 118, 200])
@pytest.mark.parametrize("height", [2, 3, 5, 9, 20])
def test_every_panel_fits_its_size(width: int, height: int, glyphs: Glyphs) -> None:
    for quoted in (EMPTY_QUOTE, table_quote()):
        view = desk_view(paused=True, quote=quoted)
        lines = everything(Frame(view, glyphs=glyphs), width, height)

        assert max(line.cell_len for line in lines) <= width


def test_an_ascii_terminal_gets_only_ascii() -> None:
    for view in (
        desk_view(),
        desk_view(quote=table_quote()),
        desk_view(quote=EMPTY_QUOTE, orders=[], watch=EMPTY_WATCH),
    ):
        frame = Frame(view, glyphs=ASCII, frozen=True)
        assert said(everything(frame, 110, 14)).isascii()
        assert said(gone(Frame(view, line=EngineLink.LOST, glyphs=ASCII), 78)).isascii()


def test_a_side_that_does_not_quote_says_the_rule_and_what_clears_it() -> None:
    at_limit = SideView(SideReason.AT_LIMIT, "0.120 of 0.120", "a buy fill")
    text = header(Frame(desk_view(ask=at_limit)), 100)[2].plain

    assert text.startswith(" ASK ■ AT LIMIT  0.120 of 0.120  → clears: a buy fill")


def test_a_silent_engine_is_not_quoting_as_far_as_anyone_knows() -> None:
    text = said(header(Frame(desk_view(), silent_s=3.0), 100))

    assert "LAST SEEN QUOTING" in text
    assert "feed 3 s" in text


def test_a_link_that_is_down_is_named() -> None:
    down = [msgspec.structs.replace(link, up=link.name != "private") for link in desk_view().links]

    assert "2/3 DOWN private" in said(header(Frame(desk_view(links=down)), 100))


@pytest.mark.parametrize(
    ("view", "word"),
    [
        (desk_view(stopping=True, paused=True), "STOPPING"),
        (desk_view(risk=RiskState.HALTED, risk_detail="loss 501 of 500", paused=True), "HALTED"),
        (desk_view(paused=True), "PAUSED"),
    ],
)
def test_the_banner_says_what_matters_most(view: DeskView, word: str) -> None:
    assert word in said(banner(Frame(view), 78))


def test_a_frozen_display_does_not_claim_quotes_that_are_not_there() -> None:
    off = SideView(SideReason.SIDE_OFF, "", "b")
    text = said(banner(Frame(desk_view(bid=off, ask=off), frozen=True), 78))

    assert "FROZEN" in text
    assert "STILL QUOTING" not in text


def test_the_gauge_fills_from_zero_and_marks_the_worst_cases() -> None:
    short = InventoryView(-20.0, -60, 120, 30, -90, None)
    gauge = inventory(Frame(desk_view(inventory=short)), 58, 2)[0].plain
    zero = gauge.index("┼")

    assert gauge[zero - 1] == "█"
    assert gauge[zero + 1] != "█"
    assert gauge.index("◁") < gauge.index("█") < zero < gauge.index("▷")


@pytest.mark.parametrize("width", range(30, 120))
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_position_at_its_limit_fills_the_gauge_at_any_width(width: int, sign: int) -> None:
    """The marks of the worst case stand beyond it, and are not drawn outside."""
    held = desk_view().inventory
    most = held.max_position_lots
    full = msgspec.structs.replace(
        held, position_lots=sign * most, worst_short_lots=-2 * most, worst_long_lots=2 * most
    )

    gauge = inventory(Frame(desk_view(inventory=full)), width, 2)[0].plain

    rail = gauge.split(" ")[1]
    assert len(gauge) <= width
    assert len(rail) % 2 == 1
    assert rail[0 if sign < 0 else -1] == "█"


@pytest.mark.parametrize("width", [36, 40, 58, 68])
def test_the_break_even_price_stands_beside_the_position(width: int) -> None:
    """A long sells there, or higher, without a loss; the sign of q says which way it is."""
    numbers = inventory(Frame(desk_view()), width, 2)[1].plain

    assert "even 64248.0" in numbers
    assert "+0.010" in numbers


def test_a_flat_desk_has_no_break_even() -> None:
    flat = InventoryView(0.0, 0, 120, 9, -9, None)

    assert "even" not in inventory(Frame(desk_view(inventory=flat)), 68, 2)[1].plain


def test_the_parts_of_profit_add_up_on_the_screen() -> None:
    """Each part is a third of a cent below what rounding shows; the total is not."""
    sums = money(
        total_usdt=0.00012,
        spread_usdt=0.00004,
        inventory_usdt=0.00004,
        fees_usdt=0.00004,
        funding_usdt=0.0,
    )
    lines = money_panel(Frame(desk_view(money=sums)), 40, 8)
    parts = [float(line.plain.split()[1].replace("−", "-")) for line in lines[1:5]]

    assert "+0.0001 USDT" in lines[0].plain
    assert sum(parts) == pytest.approx(0.0001)


def test_a_residual_is_an_alarm() -> None:
    lines = money_panel(Frame(desk_view(money=money(residual_usdt=-0.5))), 50, 8)
    wallet = next(line for line in lines if "residual" in line.plain)

    assert "-0.5000" in wallet.plain
    assert any(span.style == "alarm" for span in wallet.spans)


def test_the_three_daily_refusals_are_always_there() -> None:
    """Zero is news too: it says that the counter is alive."""
    text = said(venue(Frame(desk_view(errors=[])), 40, 8))

    assert all(code in text for code in ("-2011", "-1021", "-5022"))


def test_any_other_code_is_shown_with_the_venues_words() -> None:
    errors = [ErrorView(-4400, 2, "trading quota reached", 3.0)]
    text = said(venue(Frame(desk_view(errors=errors)), 50, 8))

    assert "-4400 trading quota reached" in text


def test_codes_that_do_not_fit_are_counted() -> None:
    errors = [ErrorView(-9000 - i, 1, "odd", 1.0) for i in range(9)]

    assert "9 more codes" in said(venue(Frame(desk_view(errors=errors)), 40, 6))


def test_a_fill_has_glyph_and_word() -> None:
    fill = record(1, "sell 0.003 @ 64250.8", kind=RecordKind.FILL, side=-1)

    assert "▼ SELL 0.003 @ 64250.8" in record_lines(fill, 60, UNICODE)[0].plain


def test_a_long_line_wraps_under_its_own_text() -> None:
    lines = record_lines(Record(1, 0, RecordKind.LOG, "info", "word " * 30), 40, UNICODE)

    assert len(lines) > 3
    assert all(line.plain.startswith(" " * 11 + "word") for line in lines[1:])


def test_wide_characters_are_measured_in_cells() -> None:
    lines = record_lines(Record(1, 0, RecordKind.LOG, "info", "주문 취소 " * 20), 40, UNICODE)

    assert max(line.cell_len for line in lines) <= 40


def preview(**changes: float | str | None) -> Preview:
    same = Preview(
        "gamma", 0.05, 0.055, MID_TICKS - 5, MID_TICKS + 5, MID_TICKS - 5, MID_TICKS + 5,
        4.0, 4.0, 0.072, 0.072, False,
    )  # fmt: skip
    return msgspec.structs.replace(same, **changes)


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "No quote moves"),
        ({"new_bid_ticks": MID_TICKS - 4}, "nearer"),
        ({"new_ask_ticks": MID_TICKS + 4}, "nearer"),
        ({"new_bid_ticks": MID_TICKS - 7, "new_ask_ticks": MID_TICKS + 7}, "move away"),
        ({"old_bid_ticks": None}, "appears"),
        ({"new_bid_ticks": MID_TICKS - 6, "nearer": True}, "nearer"),
    ],
)
def test_a_preview_says_whether_risk_grows(changes: dict[str, int | None], verdict: str) -> None:
    """Judged by the quotes that result: a larger gamma can bring a quote nearer."""
    assert verdict in said(preview_lines(preview(**changes), desk_view(), 60, UNICODE))


def test_a_curve_rises_from_left_to_right() -> None:
    rows = plot([Curve([0.0, 1.0, 2.0, 3.0], "accent")], 2, 1, 0.0, 3.0, UNICODE)

    assert rows[0].plain == "⡠⠊"


def test_history_leaves_a_hole_where_nothing_was_seen() -> None:
    """A chart must not draw a line through minutes that nobody watched."""
    history = History(("mid",))
    for half_second in (0, 1, 5):
        history.note(half_second * 500_000_000, mid=1.0)

    assert history.window("mid", 6) == [1.0, 1.0, None, None, None, 1.0]
    assert history.span_s(6) == 3


def test_a_longer_history_is_drawn_with_longer_stretches() -> None:
    history = History(("mid",))
    for half_second in range(400):
        history.note(half_second * 500_000_000, mid=float(half_second))

    assert history.stride(100) == 4
    assert history.window("mid", 100)[-1] == 399.0
    assert history.span_s(100) == 200


@pytest.mark.parametrize(
    ("environ", "glyphs"),
    [
        ({}, UNICODE),
        ({"LANG": "ko_KR.UTF-8"}, UNICODE),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "C"}, ASCII),
        ({"LANG": "de_DE.ISO-8859-1"}, ASCII),
    ],
)
def test_the_locale_chooses_the_signs(environ: dict[str, str], glyphs: Glyphs) -> None:
    assert glyphs_for(environ) is glyphs


@pytest.mark.parametrize("mode", list(Mode))
def test_every_mode_is_a_word(mode: Mode) -> None:
    assert header(Frame(desk_view(mode=mode)), 78)[0].plain.startswith(f" {mode} ")


def lost(silent_s: float = 0.0, **changes: Any) -> Frame:
    commands = DeskCommands.of("paper-btcusdt-8611")
    return Frame(desk_view(**changes), silent_s, EngineLink.LOST, commands=commands)


@pytest.mark.parametrize(
    ("silent_s", "words"),
    [(0.0, "cancels them in 24 s"), (20.0, "cancels them in 4 s"), (28.5, "was due 5 s ago")],
)
def test_a_lost_engine_counts_down_the_venues_own_switch(silent_s: float, words: str) -> None:
    """Refreshed 6.5 s before the last view; what it has done by then only a stop can prove."""
    text = said(gone(lost(silent_s), 200))

    assert words in text
    assert "refreshed 22:13:13" in text


def test_a_lost_engine_whose_switch_was_not_armed_promises_nothing() -> None:
    assert "nothing cancels them by itself" in said(gone(lost(switch=None), 200))


@pytest.mark.parametrize("width", range(40, 240, 20))
def test_the_commands_of_a_lost_desk_can_be_pasted(
    width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However narrow: whole, or folded as a shell reads it."""
    monkeypatch.setenv("MAKERS_DESK_RUN", "/home/trader/desk/run")
    frame = lost()
    lines = [row.plain for row in gone(frame, width)]

    pasted = " ".join(line.strip() for line in lines).replace(" \\ ", " ")
    assert frame.commands.stop in pasted
    assert frame.commands.status in pasted
    assert max(map(len, lines)) <= width


def test_nothing_of_a_lost_engine_looks_alive() -> None:
    """A green ACTIVE and links that are up would be the last view passing for the present."""
    frame = lost(silent_s=1.0)
    rows = [*header(frame, 200)[:1], *links(frame, 80, 3)]

    assert "LAST SEEN ACTIVE" in said(rows)
    assert "was up" in said(rows)
    assert all(span.style != ink.GOOD for row in rows for span in row.spans)
