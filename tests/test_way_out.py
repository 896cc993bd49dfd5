"""Stop path: whatever fails, and whoever asks, orders end cancelled and proven gone."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import cycle

import pytest

from engine.console.client import ConsoleClient
from engine.console.protocol import Role
from engine.core.actions import Action
from engine.errors import NoEngine
from engine.process.lock import lock_owner
from tests.processes import DeskProcesses, desk_processes, lagging_exchange
from tests.terminal import wait_for

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def desk() -> Iterator[DeskProcesses]:
    with desk_processes() as desk:
        yield desk


def start_broken(
    desk: DeskProcesses, fault: str, come: Callable[[], bool] | None = None
) -> "subprocess.Popen[str]":
    """The engine with this fault, once its orders rest, or something else has come."""
    engine = desk.start_program(sys.executable, "-m", "tests.broken_engine", fault, "run")
    wait_for(come or (lambda: orders_rest(desk)), lambda: "it never began to quote", 90)
    return engine


def orders_rest(desk: DeskProcesses) -> bool:
    with suppress(Exception):  # the exchange is still coming up
        return len(desk.our_orders()) > 0
    return False


def wait_until_orders_rest(desk: DeskProcesses) -> None:
    wait_for(lambda: orders_rest(desk), lambda: "no order ever rested", 90)


def say(desk: DeskProcesses, action: Action, name: str = "", value: float = 0.0) -> None:
    """Ask it of the engine, care for no answer, and stay until it closes the line."""

    async def ask() -> None:
        client = await ConsoleClient.connect(desk.paths.socket, Role.WRITER)

        async def listen() -> None:
            async for _ in client.messages():
                pass

        listening = asyncio.create_task(listen())
        with suppress(NoEngine, TimeoutError):
            async with asyncio.timeout(20):
                await client.ask(action, name, value)
                await listening
        listening.cancel()
        await client.close()

    asyncio.run(ask())


@pytest.mark.parametrize(
    ("fault", "action"),
    [
        ("deciding after a pause", Action.PAUSE),
        ("deciding after a panic", Action.PANIC),
        ("deciding after a stop", Action.STOP),
        ("preview", Action.PREVIEW),
        ("drawing", Action.PING),
    ],
)
def test_a_failure_behind_a_console_command_ends_with_nothing_resting(
    desk: DeskProcesses, fault: str, action: Action
) -> None:
    """It was logged by the loop and noticed by nobody; the desk quoted on."""
    engine = start_broken(desk, fault)

    say(desk, action, "gamma", 0.02)
    told, _ = engine.communicate(timeout=60)

    assert engine.returncode == 1
    assert "verified: no open order of ours" in told
    assert desk.our_orders() == []


def test_a_crash_leaves_no_order_that_no_list_shows_yet(desk: DeskProcesses) -> None:
    """As it began to quote, at an exchange whose lists are 4 s old: two looks at them said
    "verified" and took the switch away, and the orders rested."""
    with lagging_exchange(desk, age_s=4.0) as heal:
        engine = start_broken(desk, "deciding after a pause", lambda: desk.quotes)

        say(desk, Action.PAUSE)
        told, _ = engine.communicate(timeout=60)
        heal()

        assert "verified: no open order of ours" in told
        assert desk.our_orders() == []


def test_a_signal_stops_an_engine_whose_strategy_fails_at_the_stop(desk: DeskProcesses) -> None:
    """SIGTERM did nothing, twice."""
    engine = start_broken(desk, "deciding after a stop")

    engine.terminate()
    told, _ = engine.communicate(timeout=60)

    assert engine.returncode == 1
    assert "verified: no open order of ours" in told
    assert desk.our_orders() == []


def test_a_log_that_fails_on_the_way_out_changes_nothing_of_it(desk: DeskProcesses) -> None:
    """Not even the line that says "verified" can be written."""
    engine = start_broken(desk, "log")

    engine.terminate()
    told, _ = engine.communicate(timeout=60)

    assert engine.returncode == 1  # the trader's own line was lost, and that is a failure
    assert "verified: no open order of ours" in told
    assert desk.our_orders() == []


def test_signals_that_go_on_to_the_end_do_not_kill_the_engine(desk: DeskProcesses) -> None:
    """One after "verified" did: exit -15, as if nothing had been proven."""
    engine = desk.start("run")
    wait_until_orders_rest(desk)

    numbers = cycle((signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT))
    told = None
    while told is None:
        engine.send_signal(next(numbers))
        with suppress(subprocess.TimeoutExpired):
            told, _ = engine.communicate(timeout=0.005)  # a pipe that is full loses lines

    assert engine.returncode == 0
    assert "verified: no open order of ours" in told


def test_a_log_that_nobody_reads_holds_no_stop_up(desk: DeskProcesses) -> None:
    """A terminal stopped with ctrl+s, a pager: the engine stood still and took no signal."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with suppress(BlockingIOError):
        while os.write(writer, b"x" * 4096):
            pass
    os.set_blocking(writer, True)
    engine = desk.start("run", stdout=writer, stderr=subprocess.DEVNULL)
    os.close(writer)
    try:
        wait_until_orders_rest(desk)
        engine.terminate()
        assert engine.wait(60) == 0
        assert desk.our_orders() == []
    finally:
        os.close(reader)


def test_not_verified_is_exit_4_also_where_nothing_can_be_written(desk: DeskProcesses) -> None:
    """With a full disk behind stderr the line is lost; the exit code must not be."""
    with open("/dev/full", "w", encoding="ascii") as full:
        engine = desk.start("run", stdout=full.fileno(), stderr=full.fileno())
    wait_until_orders_rest(desk)
    desk.kill(desk.exchange_lock)

    engine.terminate()

    assert engine.wait(60) == 4


def test_a_second_engine_elsewhere_keeps_its_quotes_when_the_first_ends(
    desk: DeskProcesses,
) -> None:
    """Same exchange, another state folder: the older halts, and its end takes only its own."""
    older = desk.start("run")
    wait_until_orders_rest(desk)
    with desk_processes() as other:
        other.port, other.arguments = desk.port, desk.arguments
        other.paths = type(desk.paths)(other.folder / "makers-desk" / desk.paths.folder.name)
        younger = other.start("run")
        wait_for(lambda: other.quotes, lambda: str(other.status()), 60)
        wait_for(lambda: desk.status()["risk"] == "HALTED", lambda: str(desk.status()), 30)
        theirs = {order.client_order_id.rsplit("-", 1)[0] for order in desk.our_orders()}

        older.terminate()
        told, _ = older.communicate(timeout=60)

        assert older.returncode == 0
        assert "verified: no open order of ours" in told
        assert "of another run of this desk left alone" in told
        assert len(theirs) == 1
        assert other.quotes
        younger.terminate()
        told, _ = younger.communicate(timeout=60)
    assert younger.returncode == 0
    assert "left alone" not in told
    assert desk.our_orders() == []


def test_a_deleted_lock_and_socket_come_back_and_let_no_second_engine_in(
    desk: DeskProcesses,
) -> None:
    """Somebody tidies the state folder while the desk trades."""
    engine = desk.start("run")
    wait_until_orders_rest(desk)
    desk.paths.engine_lock.unlink()
    second = desk.engine("run")
    desk.paths.socket.unlink()

    wait_for(lambda: lock_owner(desk.paths.engine_lock) == engine.pid, lambda: "no lock")
    wait_for(lambda: bool(desk.status()), lambda: "no socket")

    assert second.returncode == 1
    assert desk.our_orders()
    engine.terminate()
    told, _ = engine.communicate(timeout=60)
    assert engine.returncode == 0
    assert "left alone" not in told


def test_a_stop_finds_an_engine_whose_socket_was_deleted(desk: DeskProcesses) -> None:
    """It advised kill -9 of an engine that was well; the socket is back within a second."""
    engine = desk.start("run")
    wait_until_orders_rest(desk)
    desk.paths.socket.unlink()

    done = desk.engine("stop")

    assert done.returncode == 0, done.stderr
    assert "verified: no open order of ours" in done.stdout
    engine.communicate(timeout=20)
    assert engine.returncode == 0


def test_a_stop_signals_an_engine_that_cannot_have_a_socket(desk: DeskProcesses) -> None:
    """A folder stands in its place; a signal is a stop all the same."""
    engine = desk.start("run")
    wait_until_orders_rest(desk)
    desk.paths.socket.unlink()
    desk.paths.socket.mkdir()

    stopped = desk.engine("stop")
    told, _ = engine.communicate(timeout=20)

    assert stopped.returncode == 0, stopped.stderr
    assert "verified: no open order of ours" in stopped.stdout
    assert engine.returncode == 0
    assert "verified: no open order of ours" in told
