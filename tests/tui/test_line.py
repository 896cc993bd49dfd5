"""Connection to the engine: detaching, stopping, and losing it."""

from pathlib import Path

from engine.console.protocol import Goodbye
from engine.core.actions import Action
from tests.tui.conftest import Desk, open_desk
from tests.tui.fake_engine import FakeEngine
from tui.app import DeskApp


async def test_a_lost_engine_is_said_in_big_words(socket: Path) -> None:
    """The last view must not pass for the present: quotes may rest that nobody minds."""
    async with open_desk(socket) as desk:
        desk.engine.cut()

        await desk.sees("E N G I N E   G O N E", "may still rest", "stop --desk", "cancels them in")
        assert "LAST SEEN QUOTING" in desk.text()
        assert "LAST SEEN ACTIVE" in desk.text()
        assert "links were 3/3 up" in desk.text()


async def test_the_desk_attaches_again_by_itself(socket: Path) -> None:
    async with open_desk(socket) as desk:
        desk.engine.cut()
        await desk.sees("G O N E")
        desk.engine = FakeEngine(socket, pid=4243)
        await desk.engine.open()

        await desk.sees("attached again, engine 4243")
        await desk.until(lambda: "G O N E" not in desk.text(), "the line again")
        await desk.engine.close()


async def test_the_first_engine_on_the_line_is_not_attached_again(socket: Path) -> None:
    """A console that opens before its engine has only waited."""
    app = DeskApp(socket, retry_s=0.05)
    engine = FakeEngine(socket)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        desk = Desk(app, pilot, engine)
        await desk.sees("no engine on the line")
        await engine.open()
        await desk.sees("QUOTING")

        assert not app._notifications
    await engine.close()


async def test_another_engine_tells_its_log_from_the_start(socket: Path) -> None:
    """Records are numbered by each engine from one; the old number is no place in the new log."""
    async with open_desk(socket) as desk:
        for number in range(5):
            desk.engine.say(f"old line {number}")
        await desk.sees("old line 4")
        desk.engine.cut()
        await desk.sees("G O N E")
        desk.engine = FakeEngine(socket, pid=4243)
        desk.engine.say("first line of the new engine")
        await desk.engine.open()

        await desk.sees("first line of the new engine")
        await desk.engine.close()


async def test_panic_without_an_engine_says_that_it_went_nowhere(socket: Path) -> None:
    async with open_desk(socket) as desk:
        desk.engine.cut()
        await desk.sees("G O N E")
        await desk.press("ctrl+x")

        await desk.sees("panic not delivered")


async def test_a_goodbye_shows_its_text(socket: Path) -> None:
    async with open_desk(socket) as desk:
        await desk.engine.close(Goodbye(verified=True, text="stopped by a signal"))

        await desk.sees("ENGINE STOPPED", "stopped by a signal")


async def test_detaching_leaves_the_engine_alone(socket: Path) -> None:
    async with open_desk(socket) as desk:
        await desk.press("q")
        await desk.pilot.pause()

        assert desk.engine.commands == []
        assert "the engine (pid 4242, paper.toml) goes on" in desk.app.farewell


async def test_stop_keeps_the_position_with_one_more_key(socket: Path) -> None:
    """The screen leaves only after the engine's final report, and repeats it."""
    async with open_desk(socket) as desk:
        await desk.press("Q")
        await desk.settled()
        assert "q is +3.33: long 0.010 BTC" in desk.text()
        await desk.press("k")
        await desk.until(lambda: desk.engine.actions() == [Action.STOP], "stop")
        assert desk.engine.orders[-1].name == "keep"
        await desk.engine.close(Goodbye(verified=True, text="all cancelled"))
        await desk.until(lambda: desk.app.return_code is not None, "the exit")

        assert desk.app.return_code == 0
        assert "zero open orders verified" in desk.app.farewell


async def test_an_unverified_stop_exits_non_zero(socket: Path) -> None:
    async with open_desk(socket) as desk:
        await desk.press("Q")
        await desk.settled()
        await desk.press("k")
        await desk.until(lambda: desk.engine.actions() == [Action.STOP], "stop")
        await desk.engine.close(Goodbye(verified=False, text="the venue did not answer"))
        await desk.until(lambda: desk.app.return_code is not None, "the exit")

        assert desk.app.return_code == 4
        assert "NOT VERIFIED" in desk.app.farewell


async def test_flatten_wants_the_symbol_typed(socket: Path) -> None:
    async with open_desk(socket) as desk:
        await desk.press("Q")
        await desk.settled()
        await desk.press("f", "enter")
        assert desk.engine.actions() == []
        await desk.press(*"BTCUSDT", "enter")

        await desk.until(lambda: desk.engine.actions() == [Action.STOP], "stop")
        assert desk.engine.orders[-1].name == "flatten"
