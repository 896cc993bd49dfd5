"""Page layout: what is on the screen at which size."""

from pathlib import Path

import pytest

from engine.core.states import Mode, SideReason
from engine.view.desk_view import SideView
from tests.tui.conftest import LARGE, SMALL, USUAL, open_desk
from tests.tui.fake_engine import book
from tui.render.draw.glyphs import ASCII
from tui.screens.layout import NEEDS, PANELS, Page, dropped


async def test_the_smallest_desk_still_says_what_must_be_known(socket: Path) -> None:
    """80x24: state per side, q, quotes, profit, refusals and the panic key."""
    at_limit = SideView(SideReason.AT_LIMIT, "0.120 of 0.120", "a buy fill")
    async with open_desk(socket, SMALL, ask=at_limit) as desk:
        await desk.sees("PAPER", "ACTIVE", "BID ● QUOTING", "ASK ■ AT LIMIT", "a buy fill")
        await desk.sees("q +3.33", "64249.8", "PnL +12.35", "ctrl+x PANIC")
        await desk.sees("-2011 ×0", "-1021 ×0", "-5022 ×12", "12/300", "40/1200")


async def test_the_usual_desk_has_formula_parts_and_log(socket: Path) -> None:
    async with open_desk(socket, USUAL) as desk:
        desk.engine.say("book joined")
        await desk.sees("(c1 + δ/2·c2·σ)·adj1 = (2.80 + 1.20)·1 = 4.00 ticks")
        await desk.sees("+20.1200", "−5.1943", "−2.5800", "would take", "book joined")


async def test_the_large_desk_fills_itself(socket: Path) -> None:
    async with open_desk(socket, LARGE) as desk:
        await desk.sees("mid and our quotes", "seen by this screen", "md7-642498", "1 reconnect")
        await desk.sees("64252.8", "64247.8")


@pytest.mark.parametrize("mode", list(Mode))
async def test_the_mode_is_a_word_at_three_places(socket: Path, mode: Mode) -> None:
    """In the header and twice in the border around everything."""
    async with open_desk(socket, SMALL, mode=mode) as desk:
        await desk.until(lambda: desk.text().count(f" {mode} ") == 3, mode)


async def test_an_untrusted_book_says_so(socket: Path) -> None:
    async with open_desk(socket, book=book(trusted=False)) as desk:
        await desk.sees("BOOK NOT TRUSTED")

        assert desk.app.screen.query_one("#ladder").has_class("-stale")


async def test_the_log_keeps_a_readers_place(socket: Path) -> None:
    async with open_desk(socket) as desk:
        for number in range(60):
            desk.engine.say(f"line {number}.")
        await desk.sees("line 59.")
        await desk.press("l", "home")
        await desk.sees("line 0.")
        desk.engine.say("line 60.")
        await desk.sees("newer lines below")
        assert "line 0." in desk.text()
        await desk.press("end")

        await desk.sees("line 60.")


EVERY_SIZE = [(40, 10), (60, 20), SMALL, (80, 60), USUAL, (200, 24), LARGE, (240, 70)]


@pytest.mark.parametrize("size", EVERY_SIZE)
async def test_a_plain_terminal_is_sent_only_ascii(socket: Path, size: tuple[int, int]) -> None:
    """Borders, dialogs, notes and scroll bars, at every step: one sign once stood in the keys."""
    async with open_desk(socket, size, glyphs=ASCII) as desk:
        await desk.sees("PANIC")
        assert desk.text().isascii(), desk.text()
        for severity in ("information", "warning", "error"):
            desk.app.notify("told", severity=severity, timeout=600)
        await desk.sees("told")
        assert desk.text().isascii(), desk.text()
        for key in ("question_mark", "right_square_bracket", "Q"):
            await desk.press(key)
            await desk.settled()
            assert desk.text().isascii(), desk.text()
            await desk.press("escape")


@pytest.mark.parametrize("size", EVERY_SIZE)
async def test_the_desk_never_scrolls(socket: Path, size: tuple[int, int]) -> None:
    """A scroll bar would stand on the last column of every panel, the keys among them."""
    async with open_desk(socket, size) as desk:
        await desk.sees("PANIC")
        sizes = [SMALL, size, LARGE, size]
        for columns, rows in sizes:
            await desk.pilot.resize_terminal(columns, rows)

            assert desk.app.screen.scrollbars_enabled == (False, False)


@pytest.mark.parametrize("size", [(40, 10), (60, 20), (240, 70), (80, 60), (200, 24)])
async def test_any_size_draws(socket: Path, size: tuple[int, int]) -> None:
    async with open_desk(socket, size) as desk:
        await desk.sees("PANIC")


async def test_every_panel_of_the_body_says_what_room_it_needs(socket: Path) -> None:
    """One that is not in the table is never dropped, and pushes the others off a small screen."""
    async with open_desk(socket) as desk:
        panels = desk.app.screen_stack[0].query("#body Panel")

        assert {panel.id for panel in panels} == PANELS


@pytest.mark.parametrize("page", list(Page))
@pytest.mark.parametrize("columns", [80, 110, 160, 200])
def test_panels_drop_in_the_order_of_the_table(page: Page, columns: int) -> None:
    """Whatever is still there at a size, so is everything below it in the table."""
    table = NEEDS[page]
    names = [name for name, need in table.items() if need.columns <= columns]
    for rows in range(10, 70):
        out = dropped(columns, rows, page)
        shown = [name not in out for name in names]
        assert shown == sorted(shown), f"at {columns}x{rows}"
