"""Desk names: which desk a command means, and what becomes of one whose engine died."""

import asyncio
import os
import re
import signal
import subprocess
from collections.abc import Iterator

import pytest

from engine.config.desk import Config
from engine.desks.dead_desk import last_word
from engine.desks.desks import Desk, desk_called
from engine.desks.venue import desk_venue
from engine.process.lock import lock_owner
from exchange.binance.rest import Rest
from exchange.types import Place, Side
from tests.processes import (
    BIN,
    GRID,
    ROOT,
    DeskProcesses,
    asked_for,
    desk_processes,
    free_port,
    lagging_exchange,
)
from tests.terminal import Terminal, wait_for

pytestmark = pytest.mark.timeout(240)

SMALL, LARGE = (80, 24), (200, 60)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[DeskProcesses]:
    with desk_processes() as desk:
        monkeypatch.setenv("XDG_STATE_HOME", str(desk.folder))
        yield desk


def quoting(desk: DeskProcesses, *arguments: str) -> "subprocess.Popen[str]":
    """An engine that has orders resting."""
    engine = desk.start("run", *arguments)
    wait_for(
        lambda: desk.quotes and len(desk.our_orders()) > 0, lambda: str(desk.status()), within_s=60
    )
    return engine


def killed(desk: DeskProcesses, *arguments: str) -> Desk:
    """A desk whose engine was killed while its orders rest."""
    engine = quoting(desk, *arguments)
    engine.kill()
    engine.communicate(timeout=10)
    assert desk.our_orders()
    return desk_called(desk.paths.name)


def position_lots(desk: Desk) -> int:
    """What the exchange says is held."""

    async def ask() -> int:
        assert desk.config is not None
        async with Rest.opened(*desk_venue(desk.config)) as venue:
            return (await venue.position(GRID)).lots

    return asyncio.run(ask())


def engine(desk: DeskProcesses, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """``engine ARGUMENTS`` without the settings that the desk was started with."""
    return subprocess.run(
        [BIN / "engine", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, **desk.environment},
    )


def tui(desk: DeskProcesses, size: tuple[int, int], *arguments: str) -> Terminal:
    return Terminal(desk.folder, *size, " ".join((f"{BIN}/tui", *arguments)), desk.environment)


# ---------------------------------------------------------------- a dead engine


def test_a_stop_cancels_what_a_dead_engine_left(desk: DeskProcesses) -> None:
    """It once said "nothing to stop" and exited with 0 while eight orders rested."""
    dead = killed(desk)

    said = last_word(dead, flatten=False)

    assert said.startswith("verified: no open order of ours; position ")
    assert desk.our_orders() == []
    assert not desk_called(dead.name).is_dead


def test_orders_of_a_dead_engine_that_no_list_shows_yet_do_not_stay(desk: DeskProcesses) -> None:
    """It was killed as it began to quote, at an exchange whose lists are 4 s old: two looks at
    them said "verified" and took the switch away, and the orders rested."""
    with lagging_exchange(desk, age_s=4.0) as heal:
        started = desk.start("run")
        wait_for(lambda: desk.quotes, lambda: str(desk.status()), within_s=60)
        started.kill()
        started.communicate(timeout=10)

        said = last_word(desk_called(desk.paths.name), flatten=False)
        heal()

        assert said.startswith("verified: no open order of ours; position ")
        assert desk.our_orders() == []


def test_a_stop_of_a_dead_desk_by_its_name_needs_no_settings(desk: DeskProcesses) -> None:
    """Venue and symbol are in the desk's folder, readable by its owner alone, without a secret."""
    dead = killed(desk, "--set", "strategy.gamma=0.02")
    record = dead.paths.record

    listed = engine(desk, "list")
    done = engine(desk, "stop", "--desk", dead.name)

    assert "DEAD: orders may rest" in listed.stdout
    assert f"stop --desk {dead.name}" in listed.stdout
    assert done.returncode == 0
    assert "is dead; verified: no open order of ours" in done.stdout
    assert "exchange: stopped" in done.stdout
    assert done.stderr == (
        "engine: cancelling what is left, then 6 s until no list of orders can lag behind\n"
    )
    assert record.stat().st_mode & 0o077 == 0
    assert "secret" not in record.read_text(encoding="utf-8")


def test_a_stop_of_a_dead_desk_needs_nothing_written(desk: DeskProcesses) -> None:
    """A line that finds a full disk must not stand before the cancel."""
    dead = killed(desk)

    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(
            [BIN / "engine", "stop", "--desk", dead.name],
            stdout=subprocess.PIPE,
            stderr=full,
            text=True,
            check=False,
            timeout=60,
            env={**os.environ, **desk.environment},
        )

    assert done.returncode == 0
    assert "verified: no open order of ours" in done.stdout


def test_a_dead_engine_at_a_venue_that_does_not_answer_is_not_verified(
    desk: DeskProcesses,
) -> None:
    dead = killed(desk)
    exchange = dead.exchange_pid
    assert exchange is not None
    os.kill(exchange, signal.SIGSTOP)

    done = engine(desk, "stop", "--desk", dead.name)

    os.kill(exchange, signal.SIGCONT)
    assert done.returncode == 4
    assert "NOT VERIFIED" in done.stderr
    assert lock_owner(desk.exchange_lock) == exchange


def test_with_neither_engine_nor_exchange_there_is_nothing_to_stop(desk: DeskProcesses) -> None:
    """The paper exchange keeps its orders in its process alone; both are seen to be gone."""
    killed(desk)
    desk.kill(desk.exchange_lock)

    done = desk.engine("stop")

    assert done.returncode == 0
    assert f"nothing to stop: no paper exchange runs on port {desk.port}" in done.stdout


def holding(desk: DeskProcesses) -> Desk:
    """A desk whose engine was killed while it held more than its resting orders can undo."""
    dead = killed(desk)
    assert dead.config is not None
    place = Place(
        request_id=1,
        client_order_id="bought",
        side=Side.BUY,
        price_ticks=0,
        qty_lots=200,
        market=True,
    )

    async def buy(config: Config) -> None:
        async with Rest.opened(*desk_venue(config)) as venue:
            await venue.place(GRID, place)

    asyncio.run(buy(dead.config))
    return dead


def test_flatten_closes_the_position_of_a_dead_desk(desk: DeskProcesses) -> None:
    dead = holding(desk)

    said = last_word(dead, flatten=True)

    assert said == "verified: no open order of ours; flat"
    assert position_lots(dead) == 0
    assert desk.our_orders() == []


def test_a_position_that_the_venue_will_not_close_is_not_flat(desk: DeskProcesses) -> None:
    """To exit with 0 would send the trader home with it."""
    admin_port = free_port()
    exchange = desk.start("exchange", "--admin-port", str(admin_port))
    try:
        wait_for(lambda: lock_owner(desk.exchange_lock) is not None, lambda: "no exchange")
        dead = holding(desk)
        fault = {"kind": "refuse", "code": -1008, "text": "overloaded", "rate": 1.0}
        asked_for(admin_port, "/faults", {**fault, "calls": ["POST /fapi/v1/order"]})

        done = engine(desk, "stop", "--desk", dead.name, "--flatten")

        assert done.returncode == 5
        assert re.search(r"NOT FLAT: position -?0\.\d+ stays .*overloaded", done.stderr)
        assert desk.our_orders() == []
        assert position_lots(dead) != 0
    finally:
        exchange.kill()
        exchange.communicate()


# ---------------------------------------------------------------- two desks


def test_one_account_has_one_engine_whatever_the_desk_is_called(desk: DeskProcesses) -> None:
    """Two would each take the other's orders for leftovers."""
    first = quoting(desk)

    second = desk.engine("run", "--set", "desk.name=other")

    assert second.returncode == 1
    assert "already runs" in second.stderr
    assert f"process {first.pid}" in second.stderr
    first.terminate()
    first.communicate(timeout=30)


def test_stopping_one_desk_spares_the_exchange_that_another_trades_on(
    desk: DeskProcesses,
) -> None:
    """Each is addressed by its name, and the one that is not named goes on quoting."""
    config = desk.folder / "two.toml"
    symbol = '[[paper.symbols]]\nsymbol = "ETHUSDT"\ntick_size = "0.1"\nlot_size = "0.001"\n'
    plain = (ROOT / "configs" / "paper.toml").read_text(encoding="utf-8")
    config.write_text(plain + "\n" + symbol, encoding="utf-8")
    first = quoting(desk, "--config", str(config))
    second = desk.start(
        "run", "--config", str(config), "--set", "desk.symbol=ETHUSDT", "--set", "desk.name=eth"
    )
    wait_for(
        lambda: "quoting" in engine(desk, "status", "--desk", "eth").stdout, lambda: "no eth", 60
    )

    listed = engine(desk, "list").stdout
    done = engine(desk, "stop", "--desk", "eth")

    assert re.search(rf"^eth +PAPER +ETHUSDT +{second.pid} ", listed, re.MULTILINE)
    assert re.search(rf"^{desk.paths.name} +PAPER +BTCUSDT +{first.pid} ", listed, re.MULTILINE)
    assert done.returncode == 0, done.stderr
    assert f"exchange: goes on, for {desk.paths.name}" in done.stdout
    assert desk.quotes
    for process in (first, second):
        process.terminate()
        process.communicate(timeout=30)


# ---------------------------------------------------------------- attaching


def test_attaching_needs_the_desk_and_not_its_settings(desk: DeskProcesses) -> None:
    """A setting on the command line is refused only where the engine runs with another value."""
    running = quoting(desk, "--set", "strategy.gamma=0.02", "--set", "strategy.grid_num=3")

    for arguments in (
        desk.arguments,
        (*desk.arguments, "--set", "strategy.gamma=0.02"),
        ("--desk", desk.paths.name),
        ("--read-only", "--desk", desk.paths.name),
    ):
        with tui(desk, SMALL, *arguments) as terminal:
            terminal.shows("PAPER", "QUOTING")
    with tui(desk, LARGE, *desk.arguments, "--set", "strategy.gamma=0.03") as terminal:
        terminal.shows("not with strategy.gamma=0.03", f"engine stop --desk {desk.paths.name}")

    assert lock_owner(desk.paths.engine_lock) == running.pid
    running.terminate()
    running.communicate(timeout=30)


def test_watching_never_starts_anything(desk: DeskProcesses) -> None:
    """A look at a desk that does not run once started an engine that traded."""
    for arguments in ("--read-only", *desk.arguments), ("--desk", "nobody"):
        command = f"sh -c '{BIN}/tui {' '.join(arguments)}; echo exit $?; read _'"
        with Terminal(desk.folder, *LARGE, command, desk.environment) as terminal:
            terminal.shows("no desk runs", "exit 3")

    assert lock_owner(desk.paths.engine_lock) is None
    assert lock_owner(desk.exchange_lock) is None


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "200x60"])
def test_what_the_screen_says_at_its_end_can_be_pasted(
    desk: DeskProcesses, size: tuple[int, int]
) -> None:
    """Into the same shell, whatever was given to start the desk."""
    with Terminal(desk.folder, *size, "sh", desk.environment | {"PS1": "$ "}) as shell:
        start = f"cd {ROOT}; MAKERS_DESK_RUN= {BIN}/tui {' '.join(desk.arguments)}"
        shell.press(f"clear; {start} --set strategy.gamma=0.02", "Enter")
        shell.shows("QUOTING", within_s=90)
        shell.press("q")
        said = shell.shows("goes on", f"--desk {desk.paths.name}")
        command = re.search(r"stop it:\n(.*(?:\n.*)?--desk [\w-]+)", said)
        assert command is not None

        shell.press(command[1].replace("\n", ""), "Enter")
        shell.shows("verified: no open order of ours", "exchange: stopped", within_s=60)


@pytest.mark.parametrize("come", ["engine_lock", "exchange_lock", "socket"])
def test_an_interrupted_start_leaves_nothing_behind(desk: DeskProcesses, come: str) -> None:
    """ctrl+c once printed ^C while engine and exchange came up and quoted, unseen."""
    awaited = {
        "engine_lock": lambda: lock_owner(desk.paths.engine_lock) is not None,
        "exchange_lock": lambda: lock_owner(desk.exchange_lock) is not None,
        "socket": desk.paths.socket.exists,
    }
    with tui(desk, SMALL, *desk.arguments) as terminal:
        wait_for(awaited[come], lambda: f"never came: {come}", 60)
        terminal.press("C-c")
        said = ""

        def told() -> bool:
            nonlocal said
            said = terminal.text()
            return "nothing quotes on" in said or "QUOTING" in said

        wait_for(told, terminal.text, 90)

    # The screen may have been first: there ctrl+c is a key like others, and closes nothing.
    ended = "nothing quotes on" in said
    assert ended or come == "socket"
    assert (lock_owner(desk.paths.engine_lock) is None) == ended
    assert (lock_owner(desk.exchange_lock) is None) == ended
