"""Key bindings: what the trader's keys send to the engine, and what they do not."""

from pathlib import Path

import pytest
from textual import events

from engine.core.actions import Action
from engine.core.states import SideReason
from engine.view.desk_view import SideView
from tests.tui.conftest import Desk, open_desk
from tests.tui.fake_engine import desk_view


async def told(desk: Desk, *actions: Action) -> None:
    """Wait until the engine was sent exactly these, previews left out."""
    await desk.until(lambda: desk.engine.actions() == list(actions), f"{actions}")


@pytest.mark.parametrize("key", ["p", "P", "ㅔ", "ㅖ"])
async def test_pause_goes_out_at_once(socket: Path, key: str) -> None:
    """One key, no question, under either input method."""
    async with open_desk(socket) as desk:
        await desk.press(key)

        await told(desk, Action.PAUSE)


@pytest.mark.parametrize("key", ["ctrl+x", "x", "X", "ㅌ"])
async def test_panic_goes_out_at_once(socket: Path, key: str) -> None:
    async with open_desk(socket) as desk:
        await desk.press(key)

        await told(desk, Action.PANIC)


async def test_gamma_is_set_after_a_preview_with_the_value_expected(socket: Path) -> None:
    """The old value travels along, so that a change made meanwhile is not overwritten."""
    async with open_desk(socket) as desk:
        await desk.press("right_square_bracket")
        await desk.previewed()
        assert "0.055" in desk.text()
        await desk.press("enter")

        await told(desk, Action.SET)
        command = desk.engine.orders[-1]
        assert (command.name, command.value, command.expected) == ("gamma", 0.055, 0.05)


async def test_pressing_again_moves_the_proposal_further(socket: Path) -> None:
    async with open_desk(socket) as desk:
        await desk.press("right_square_bracket")
        await desk.previewed()
        await desk.press("right_square_bracket")
        await desk.previewed()

        assert desk.engine.commands[-1].value == pytest.approx(0.0605)
        assert desk.engine.actions() == []


async def test_esc_drops_a_change(socket: Path) -> None:
    async with open_desk(socket) as desk:
        await desk.press("left_square_bracket")
        await desk.previewed()
        await desk.press("escape")
        await desk.press("p")

        await told(desk, Action.PAUSE)


async def test_enter_in_the_same_breath_agrees_to_nothing(socket: Path) -> None:
    """A burst pasted without brackets is keys: ``]`` and a newline must not move gamma."""
    async with open_desk(socket) as desk:
        desk.app.post_message(events.Key("right_square_bracket", "]"))
        desk.app.post_message(events.Key("enter", "\r"))
        await desk.previewed()

        assert desk.engine.actions() == []


async def test_resume_needs_enter(socket: Path) -> None:
    paused = SideView(SideReason.PAUSED, "", "r")
    async with open_desk(socket, paused=True, bid=paused, ask=paused) as desk:
        await desk.press("r")
        await desk.previewed()
        assert "A quote comes nearer or appears" in desk.text()
        assert desk.engine.actions() == []
        await desk.press("enter")

        await told(desk, Action.RESUME)


async def test_a_side_goes_off_at_once_and_on_after_a_preview(socket: Path) -> None:
    async with open_desk(socket) as desk:
        await desk.press("b")
        await told(desk, Action.SIDE_OFF)
        desk.engine.show(bid=SideView(SideReason.SIDE_OFF, "", "b"))
        await desk.sees("SIDE OFF")
        await desk.press("b")
        await desk.previewed()
        await desk.press("enter")

        await told(desk, Action.SIDE_OFF, Action.SIDE_ON)
        assert desk.engine.orders[-1].name == "bid"


@pytest.mark.parametrize("opens", ["right_square_bracket", "r", "Q", "question_mark", "ctrl+p"])
async def test_panic_works_inside_every_dialog(socket: Path, opens: str) -> None:
    async with open_desk(socket) as desk:
        await desk.press(opens)
        await desk.until(lambda: len(desk.app.screen_stack) == 2, "a dialog")
        await desk.press("ctrl+x")

        await told(desk, Action.PANIC)


@pytest.mark.parametrize("opens", ["right_square_bracket", "r", "Q", "question_mark"])
async def test_pause_works_inside_every_dialog(socket: Path, opens: str) -> None:
    async with open_desk(socket) as desk:
        await desk.press(opens)
        await desk.until(lambda: len(desk.app.screen_stack) == 2, "a dialog")
        await desk.press("p")

        await told(desk, Action.PAUSE)


async def test_panic_works_while_typing(socket: Path) -> None:
    """In a text field ``x`` is a letter; ``ctrl+x`` is never the toolkit's cut."""
    async with open_desk(socket) as desk:
        await desk.press("Q")
        await desk.settled()
        await desk.press("f", "x", "ctrl+x")

        await told(desk, Action.PANIC)


async def test_a_paste_commands_nothing(socket: Path) -> None:
    async with open_desk(socket) as desk:
        desk.app.post_message(events.Paste("pxrQb]\n"))
        await desk.press("a")

        await told(desk, Action.SIDE_OFF)
        assert desk.engine.orders[-1].name == "ask"


async def test_a_pasted_symbol_flattens_nothing(socket: Path) -> None:
    async with open_desk(socket) as desk:
        await desk.press("Q")
        await desk.settled()
        await desk.press("f")
        desk.app.post_message(events.Paste("BTCUSDT"))
        await desk.press("enter", "ctrl+x")

        await told(desk, Action.PANIC)


async def test_freezing_the_display_says_nothing_to_the_engine(socket: Path) -> None:
    """The book stands still; the head of the desk goes on, and says that quotes do too."""
    async with open_desk(socket) as desk:
        await desk.press("space")
        await desk.sees("FROZEN", "STILL QUOTING")
        later = desk_view(642_900, uptime_s=4000.0)
        desk.engine.view = later
        await desk.sees("1:06:40")

        assert "64250.2" in desk.text()
        assert "64290.2" not in desk.text()
        assert desk.engine.actions() == []


async def test_a_watcher_is_refused_with_a_line(socket: Path) -> None:
    async with open_desk(socket, read_only=True) as desk:
        await desk.press("p")
        await desk.sees("pause refused, watch only")

        assert desk.engine.actions() == []


async def test_a_second_console_may_only_brake(socket: Path) -> None:
    async with open_desk(socket) as first:
        second = type(first.app)(socket, retry_s=0.05)
        async with second.run_test(size=(120, 40), notifications=True) as pilot:
            desk = Desk(second, pilot, first.engine)
            await desk.sees("may only reduce risk")
            await desk.press("right_square_bracket")
            await desk.sees("set refused")
            await desk.press("p")

            await told(desk, Action.PAUSE)


async def test_a_refusal_by_the_engine_is_shown(socket: Path) -> None:
    async with open_desk(socket) as desk:
        desk.engine.refuse[Action.PAUSE] = "cannot pause while stopping"
        await desk.press("p")

        await desk.sees("cannot pause while stopping")


async def test_help_is_made_from_the_live_bindings(socket: Path) -> None:
    async with open_desk(socket) as desk:
        await desk.press("question_mark")

        await desk.sees("p P ㅔ ㅖ", "pull all our quotes", "ctrl+x")
