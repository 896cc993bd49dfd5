"""``engine status``: what it prints of an engine on a real socket, and what it ends with."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import msgspec
import pytest
from rich.console import Console as Terminal

from engine.commands import status_stop
from engine.commands.status_stop import _status_table
from engine.console.client import ConsoleClient
from engine.console.protocol import Role
from engine.core.states import RiskState, SideReason
from engine.errors import NoEngine
from engine.process.lock import ProcessLock
from engine.process.paths import DeskPaths
from engine.view.desk_view import DeskView, ErrorView, InventoryView, LinkView, SideView
from tests.engine.recorded_desks import engine_command, started, state_folder
from tests.tui.fake_engine import FakeEngine, desk_view, order

PATIENCE_S = 60.0
SHOWN = """\
desk       PAPER BTCUSDT (paper.toml), up 754 s
risk       ACTIVE
bid        quoting
ask        quoting
inventory  q +3.33333 (0.010)
orders     6 of ours open
profit     +12.3457 USDT over 128 fills
links      public up, market up, private up
refusals   -5022 x12
"""


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("COLUMNS", "120")
    with state_folder(monkeypatch):
        yield


@contextmanager
def living(paths: DeskPaths) -> Iterator[None]:
    """An engine holds the desk's lock, whatever else it does."""
    with ProcessLock(paths.engine_lock, "an engine", ""):
        yield


@asynccontextmanager
async def serving(paths: DeskPaths) -> AsyncIterator[FakeEngine]:
    """An engine that answers on the desk's socket."""
    engine = FakeEngine(paths.socket)
    with living(paths):
        await engine.open()
        yield engine
        await engine.close()
    assert not engine.failures


def status_here(*arguments: str) -> int:
    return engine_command("status", "--desk", "btc", *arguments)


async def status_beside(engine: FakeEngine, *arguments: str, shows: bool = True) -> int:
    """Run ``engine status`` in a thread, while this loop's engine shows its view."""
    asking = asyncio.ensure_future(asyncio.to_thread(status_here, *arguments))
    async with asyncio.timeout(PATIENCE_S):
        while not asking.done():
            if shows:
                engine.publish()
            await asyncio.wait({asking}, timeout=0.01)
    return await asking


def as_lines(view: DeskView) -> dict[str, str]:
    """The table as a terminal shows it, by the name of each line."""
    terminal = Terminal(width=120)
    with terminal.capture() as capture:
        terminal.print(_status_table(view))
    lines = [line.split(maxsplit=1) for line in capture.get().splitlines()]
    return {name: text.rstrip() for name, text in lines}


async def test_a_desk_that_quotes_is_told_in_nine_lines(capsys: pytest.CaptureFixture[str]) -> None:
    async with serving(started("desk.name=btc")) as engine:
        code = await status_beside(engine)

    printed = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert code == 0
    assert printed == SHOWN.splitlines()


async def test_the_whole_view_is_told_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    async with serving(started("desk.name=btc")) as engine:
        code = await status_beside(engine, "--json")

    assert code == 0
    assert msgspec.json.decode(capsys.readouterr().out, type=DeskView) == desk_view()


async def test_looking_takes_nobody_s_keys() -> None:
    """Whoever watches would otherwise lock the trader's own screen out."""
    paths = started("desk.name=btc")
    async with serving(paths) as engine:
        looking = asyncio.ensure_future(asyncio.to_thread(status_here))
        async with asyncio.timeout(PATIENCE_S):
            while not engine._server.attached:
                await asyncio.wait({looking}, timeout=0.01)
            trader = await ConsoleClient.connect(paths.socket, Role.WRITER)
            await trader.close()
            engine.publish()
            await looking

    assert trader.welcome.role is Role.WRITER


async def test_looking_commands_nothing() -> None:
    async with serving(started("desk.name=btc")) as engine:
        await status_beside(engine)

        assert engine.commands == []


def test_a_halt_is_told_with_what_ends_it() -> None:
    halted = SideView(SideReason.HALTED, "loss 100.50 of 100.00 USDT", "a restart")

    said = as_lines(
        desk_view(
            risk=RiskState.HALTED, risk_detail="loss 100.50 of 100.00 USDT", bid=halted, ask=halted
        )
    )

    assert said["risk"] == "HALTED loss 100.50 of 100.00 USDT"
    assert said["bid"] == said["ask"]
    assert said["bid"] == "halted; loss 100.50 of 100.00 USDT; clears: a restart"


def test_a_position_that_is_not_certain_is_not_told_as_if_it_were() -> None:
    inventory = InventoryView(-1.0, -3, 120, 0, -9, None, doubt="the venue says 0.000")

    said = as_lines(desk_view(inventory=inventory))

    assert said["inventory"] == "q -1 (-0.003), not known: the venue says 0.000"


def test_orders_of_others_are_not_counted_as_ours() -> None:
    said = as_lines(desk_view(orders=[order(+1, 642_500), order(-1, 642_600, "foreign")]))

    assert said["orders"] == "1 of ours open"


def test_a_link_that_is_down_cries_and_no_refusals_are_none() -> None:
    said = as_lines(
        desk_view(
            links=[LinkView("public", False, None, 0, "cut"), LinkView("private", True, 1, 0, "")],
            errors=[ErrorView(-2011, 0, "", 0.0)],
        )
    )

    assert said["links"] == "public DOWN, private up"
    assert said["refusals"] == "none"


# ------------------------------------------------------------ exit codes


def test_no_engine_is_exit_code_3(capsys: pytest.CaptureFixture[str]) -> None:
    started("desk.name=btc")

    assert status_here() == NoEngine.exit_code == 3
    assert capsys.readouterr().err.startswith("engine: no engine runs for desk btc")


def test_a_dead_engine_is_exit_code_3_and_says_what_to_do(
    capsys: pytest.CaptureFixture[str],
) -> None:
    started("desk.name=btc", die=True)

    assert status_here() == 3
    assert "is dead; cancel what it left: ./run engine stop --desk btc" in capsys.readouterr().err


def test_an_engine_without_a_socket_is_told_to_start_or_hang(
    capsys: pytest.CaptureFixture[str],
) -> None:
    paths = started("desk.name=btc")

    with living(paths):
        assert status_here() == 3

    assert f"does not answer: it starts or hangs; see {paths.engine_log}" in (
        capsys.readouterr().err
    )


async def test_an_engine_that_shows_nothing_hangs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(status_stop, "_VIEW_PATIENCE_S", 0.05)
    async with serving(started("desk.name=btc")) as engine:
        assert await status_beside(engine, shows=False) == 3

    assert "does not answer: it starts or hangs" in capsys.readouterr().err
