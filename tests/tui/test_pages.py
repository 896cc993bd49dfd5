"""Pages of the screen: what each shows, and that every one of them can pause and panic."""

from pathlib import Path

import pytest

from engine.core.actions import Action
from engine.core.states import SideReason
from engine.view.desk_view import SideView
from tests.tui.conftest import LARGE, SMALL, USUAL, Desk, open_desk
from tui.render.draw.glyphs import ASCII

SIZES = [SMALL, USUAL, LARGE]


def titles(desk: Desk) -> list[str]:
    """Which of some panels are on the screen."""
    text = desk.text()
    names = ("book", "inventory", "quote", "profit since start", "model", "market", "log")
    return [name for name in names if f"─ {name} ─" in text]


async def open_page(desk: Desk) -> None:
    await desk.press("2")
    await desk.sees("─ model ─", "─ market ─")


@pytest.mark.parametrize("size", SIZES)
async def test_the_second_page_shows_model_and_market_whole(
    socket: Path, size: tuple[int, int]
) -> None:
    """Also at 80x24, with no number cut."""
    at_limit = SideView(SideReason.AT_LIMIT, "0.120 of 0.120", "a buy fill")
    async with open_desk(socket, size, ask=at_limit) as desk:
        await open_page(desk)
        await desk.sees("0.868–1.061", "0.281–0.335", "noise ratio 1.08")
        await desk.sees("each update", "noise model, not", "daily high", "2.1 of 7 days")
        await desk.sees("PAPER", "BID ● QUOTING", "ASK ■ AT LIMIT", "ctrl+x PANIC", "1 desk")

        assert "book" not in titles(desk)
        assert "…" not in desk.text()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("key", ["1", "escape"])
async def test_there_are_two_ways_back(socket: Path, size: tuple[int, int], key: str) -> None:
    async with open_desk(socket, size) as desk:
        before = titles(desk)
        await open_page(desk)
        await desk.press(key)

        await desk.until(lambda: titles(desk) == before, f"{before}")


@pytest.mark.parametrize("size", [SMALL, USUAL])
async def test_the_desk_has_no_room_for_them_but_tells_their_key(
    socket: Path, size: tuple[int, int]
) -> None:
    async with open_desk(socket, size) as desk:
        await desk.sees("2 model")

        assert titles(desk)[:4] == ["book", "inventory", "quote", "profit since start"]
        assert "market" not in titles(desk)


async def test_a_large_desk_shows_them_beside_everything_else(socket: Path) -> None:
    async with open_desk(socket, LARGE) as desk:
        await desk.sees("─ model ─", "─ market ─", "─ book ─", "─ orders ─", "─ log ─")
        await desk.sees("mid and our quotes", "─ profit ─", "─ links ─", "▲ best")

        await desk.until(lambda: "…" not in desk.text(), "nothing cut")


@pytest.mark.parametrize(
    ("keys", "action"),
    [
        (("p",), Action.PAUSE),
        (("x",), Action.PANIC),
        (("ctrl+x",), Action.PANIC),
        (("b",), Action.SIDE_OFF),
        (("a",), Action.SIDE_OFF),
    ],
)
async def test_every_brake_works_on_the_second_page(
    socket: Path, keys: tuple[str, ...], action: Action
) -> None:
    async with open_desk(socket, SMALL) as desk:
        await open_page(desk)
        await desk.press(*keys)

        await desk.until(lambda: desk.engine.actions() == [action], f"{action}")


async def test_a_change_of_gamma_is_previewed_over_the_second_page(socket: Path) -> None:
    """The preview has the quotes; whoever studies the model may act on it."""
    async with open_desk(socket) as desk:
        await open_page(desk)
        await desk.press("right_square_bracket")
        await desk.previewed()
        await desk.press("enter")

        await desk.until(lambda: desk.engine.actions() == [Action.SET], "a set gamma")


async def test_the_second_page_tells_of_a_lost_engine(socket: Path) -> None:
    async with open_desk(socket, SMALL) as desk:
        await open_page(desk)
        desk.engine.cut()

        await desk.sees("E N G I N E   G O N E", "LAST SEEN QUOTING")


async def test_the_second_page_stays_alive_in_a_frozen_display(socket: Path) -> None:
    """Lists and tape are held; what the model says of the market is neither."""
    async with open_desk(socket) as desk:
        await open_page(desk)
        await desk.press("space")
        await desk.sees("FROZEN", "STILL QUOTING", "▲ half 4")


async def test_the_log_key_leads_to_where_the_log_is(socket: Path) -> None:
    async with open_desk(socket) as desk:
        await open_page(desk)
        await desk.press("l")

        await desk.until(lambda: "log" in titles(desk), "the log")
        focused = desk.app.screen.focused
        assert focused is not None
        assert focused.id == "log"


async def test_help_lists_the_pages(socket: Path) -> None:
    """The open page's key too, which the bar leaves out."""
    async with open_desk(socket) as desk:
        await desk.press("question_mark")

        await desk.sees("desk: book, quotes", "model: model and market")


async def test_the_second_page_in_plain_ascii(socket: Path) -> None:
    async with open_desk(socket, USUAL, glyphs=ASCII) as desk:
        await desk.press("2")
        await desk.sees("- model -", "each second", "half 4")

        assert desk.text().isascii(), desk.text()


@pytest.mark.parametrize("size", [(40, 10), (60, 20), (100, 30), (150, 40), (240, 70)])
async def test_any_size_draws_the_second_page(socket: Path, size: tuple[int, int]) -> None:
    async with open_desk(socket, size) as desk:
        await desk.press("2")

        await desk.sees("PANIC", "─ model ─")
