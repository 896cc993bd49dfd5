"""Evidence on screen: after a panic, a halt or a stop it says what is proven, and no more."""

from pathlib import Path
from typing import Any

import pytest

from engine.console.protocol import Goodbye
from engine.core.actions import Action
from engine.core.explain import LeftView
from engine.core.states import FlattenState, RiskState, SideReason
from engine.view.desk_view import DeskView, FlattenView, InventoryView, SideView
from tests.tui.conftest import SMALL, Desk, open_desk
from tests.tui.fake_engine import desk_view
from tui.render.banner import banner
from tui.render.frame import Frame

UNKNOWN = LeftView(live=8, unknown=8, proven=False)
EMPTY = LeftView(live=0, unknown=0, proven=True)
LOSS = "loss 501.00 of 500.00 USDT"
CURE = "a restart with a higher risk.max_loss_pct"
FLAT = InventoryView(0.0, 0, 120, 0, 0, None)


def halted(**changes: Any) -> DeskView:
    said = SideView(SideReason.HALTED, "panic by the operator", "r")
    fields: dict[str, Any] = {
        "risk": RiskState.HALTED,
        "risk_detail": "panic by the operator",
        "risk_cure": "r",
        "left": UNKNOWN,
        "orders": [],
        "bid": said,
        "ask": said,
    }
    return desk_view(**fields | changes)


def words(view: DeskView, width: int = 78) -> str:
    rows = banner(Frame(view), width)
    assert max(row.cell_len for row in rows) <= width
    return " ".join(" ".join(row.plain for row in rows).split())


@pytest.mark.parametrize("width", [40, 78, 118, 198])
def test_a_halt_says_what_is_proven_what_is_not_what_is_held_and_its_cure(width: int) -> None:
    said = words(halted(), width)

    assert "HALTED: panic by the operator" in said
    assert "8 orders of ours unknown, asking" in said
    assert "long 0.010: F closes it" in said
    assert "r ends it" in said


def test_verified_is_said_only_when_it_is() -> None:
    assert "verified" not in words(halted())
    assert "no order of ours left, verified" in words(halted(left=EMPTY))


def test_a_pause_does_not_claim_that_nothing_rests() -> None:
    """It once said "no quotes of ours" the moment that the key was pressed."""
    said = words(desk_view(paused=True, left=UNKNOWN))

    assert "no quotes" not in said
    assert "unknown, asking" in said


def test_a_loss_halt_names_its_true_cure() -> None:
    said = words(halted(risk_detail=LOSS, risk_cure=CURE))

    assert CURE in said
    assert "r resumes" not in said


@pytest.mark.parametrize(
    ("flatten", "expected"),
    [
        (FlattenView(FlattenState.CLOSING, 3, "-1008 overloaded", 12.4), "try 3, 12 s left"),
        (FlattenView(FlattenState.NOT_FLAT, 9, "-1008 overloaded", 0.0), "NOT FLAT: long 0.010"),
        (FlattenView(FlattenState.NOT_FLAT, 9, "-1008 overloaded", 0.0), "F tries again"),
        (FlattenView(FlattenState.CLOSING, 3, "-1008 overloaded", 12.4), "-1008 overloaded"),
    ],
)
def test_a_flatten_shows_how_far_it_is(flatten: FlattenView, expected: str) -> None:
    assert expected in words(desk_view(paused=True, left=EMPTY, flatten=flatten))


def test_flat_is_said_when_it_is() -> None:
    done = FlattenView(FlattenState.FLAT, 1, "", 0.0)

    assert "FLAT, confirmed" in words(
        desk_view(paused=True, left=EMPTY, flatten=done, inventory=FLAT)
    )


async def test_the_banner_grows_with_what_it_has_to_say(socket: Path) -> None:
    """All of it is there at 80x24 too."""
    view = halted()
    changes = {name: getattr(view, name) for name in ("risk", "risk_detail", "risk_cure", "left")}
    async with open_desk(socket, SMALL, **changes) as desk:
        await desk.sees(
            "HALTED: panic", "8 orders of ours unknown, asking", "F closes it", "ends it"
        )


async def test_flatten_wants_the_symbol_and_says_so_to_the_engine(socket: Path) -> None:
    async with open_desk(socket) as desk:
        await desk.press("F")
        await desk.settled()
        assert "long 0.010 BTC" in desk.text()
        await desk.press("enter", *"BTC", "enter")
        assert desk.engine.actions() == []
        await desk.press(*"USDT", "enter")

        await desk.until(lambda: desk.engine.actions() == [Action.FLATTEN], "flatten")
        assert desk.engine.orders[-1].name == "BTCUSDT"


async def test_a_second_console_may_flatten_and_a_watcher_may_not(socket: Path) -> None:
    """Flattening only reduces risk, and the symbol is typed; ``stop --flatten`` may do it too."""
    async with open_desk(socket) as first:
        second = type(first.app)(socket, retry_s=0.05)
        async with second.run_test(size=(120, 40), notifications=True) as pilot:
            desk = Desk(second, pilot, first.engine)
            await desk.sees("may only reduce risk")
            await desk.press("F")
            await desk.settled()
            await desk.press(*"BTCUSDT", "enter")
            await desk.until(lambda: desk.engine.actions() == [Action.FLATTEN], "flatten")


async def test_a_watcher_flattens_nothing(socket: Path) -> None:
    async with open_desk(socket, read_only=True) as desk:
        await desk.press("F")
        await desk.sees("flatten refused, watch only")


async def test_no_preview_is_offered_for_a_resume_that_would_be_refused(socket: Path) -> None:
    async with open_desk(socket, resume_refused=f"halted for good: {LOSS}") as desk:
        await desk.press("r")
        await desk.sees("resume refused", "halted for good")

        assert len(desk.app.screen_stack) == 1


async def test_a_preview_goes_away_when_resuming_becomes_impossible(socket: Path) -> None:
    """The loss limit was reached while the trader read."""
    async with open_desk(socket, paused=True) as desk:
        await desk.press("r")
        await desk.previewed()
        desk.engine.show(resume_refused="halted for good: loss")
        await desk.until(lambda: not desk.app.screen.has_class("-previewed"), "no preview")
        await desk.press("enter")
        await desk.sees("halted for good: loss")

        assert desk.engine.actions() == []


async def test_panic_puts_the_question_of_a_resume_away(socket: Path) -> None:
    """Pause, r, panic, enter once quoted again within two seconds."""
    async with open_desk(socket, paused=True) as desk:
        await desk.press("r")
        await desk.previewed()
        await desk.press("ctrl+x", "enter")
        await desk.until(lambda: desk.engine.actions() == [Action.PANIC], "panic")

        assert len(desk.app.screen_stack) == 1


async def test_a_halt_puts_the_question_of_a_resume_away(socket: Path) -> None:
    """The venue refused our key while the trader read."""
    async with open_desk(socket, paused=True) as desk:
        await desk.press("r")
        await desk.previewed()
        desk.engine.show(halts=1)
        await desk.until(lambda: len(desk.app.screen_stack) == 1, "no question")
        await desk.press("enter")
        await desk.until(lambda: desk.engine.actions() == [], "nothing sent")


async def test_leaving_a_desk_that_is_not_flat_exits_with_5(socket: Path) -> None:
    async with open_desk(socket) as desk:
        await desk.press("Q")
        await desk.settled()
        await desk.press("f", *"BTCUSDT", "enter")
        await desk.until(lambda: desk.engine.actions() == [Action.STOP], "stop")
        text = "verified: no open order of ours; NOT FLAT: 0.010 held"
        await desk.engine.close(Goodbye(verified=True, text=text, flat=False))
        await desk.until(lambda: desk.app.return_code is not None, "the exit")

        assert desk.app.return_code == 5
        assert "NOT FLAT: 0.010 held" in desk.app.farewell
