"""End-to-end tests of the desk: real processes, a real terminal, the exchange's own records."""

import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from engine.core.actions import Action
from engine.process.lock import lock_owner
from tests.processes import BIN, DeskProcesses, asked_for, desk_processes, free_port
from tests.terminal import Terminal, wait_for

pytestmark = pytest.mark.timeout(240)

SMALL, LARGE = (80, 24), (200, 60)


@pytest.fixture
def desk() -> Iterator[DeskProcesses]:
    with desk_processes() as desk:
        yield desk


def open_tui(desk: DeskProcesses, size: tuple[int, int], *arguments: str) -> Terminal:
    command = " ".join(map(str, (BIN / "tui", *desk.arguments, *arguments)))
    return Terminal(desk.folder, *size, command, desk.environment)


def gamma_on(screen: str) -> float:
    found = re.search(r"γ ([\d.]+)", screen)
    assert found is not None
    return float(found[1])


def press_until_it_counts(terminal: Terminal, key: str, text: str) -> None:
    """A dialog takes no answer in its first quarter second."""

    def counted() -> bool:
        terminal.press(key)
        return text in terminal.text()

    wait_for(counted, terminal.text)


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "200x60"])
def test_one_command_opens_a_desk_that_quotes_and_fills(
    desk: DeskProcesses, size: tuple[int, int]
) -> None:
    """Exchange and engine start by themselves; the mode cannot be mistaken; money moves."""
    with open_tui(desk, size) as terminal:
        terminal.shows("PAPER", "BTCUSDT", "BID", "ASK", "QUOTING", "-2011", "-1021", "-5022")
        wait_for(lambda: desk.status()["money"]["fills"] > 0, lambda: "no fill in 30 s")
        terminal.shows("PnL")

        assert len(desk.our_orders()) > 0


def test_pause_empties_our_side_of_the_book_and_says_so(desk: DeskProcesses) -> None:
    """One key; the exchange is asked, not the engine."""
    with open_tui(desk, SMALL) as terminal:
        terminal.shows("QUOTING")
        terminal.press("p")
        terminal.shows("PAUSED")

        wait_for(lambda: desk.our_orders() == [], lambda: str(desk.our_orders()), 2.0)


def test_gamma_moves_only_after_enter_and_then_the_prices_follow(desk: DeskProcesses) -> None:
    """A key, a preview of old and new quotes, enter; then panel and exchange agree."""
    with open_tui(desk, LARGE) as terminal:
        before = gamma_on(terminal.shows("QUOTING", "γ 0.01"))
        terminal.press(*["]"] * 40)
        terminal.shows("now", "then", "enter")
        assert desk.status()["quote"]["gamma"] == before

        terminal.press("Enter")
        wait_for(lambda: desk.status()["quote"]["gamma"] > 5 * before, lambda: "gamma stayed")
        wait_for(lambda: gamma_on(terminal.text()) > 5 * before, terminal.text)

        wide = desk.status()["quote"]
        best_ask, best_bid = wide["ask_ticks"][0], wide["bid_ticks"][0]
        assert best_ask - best_bid >= 2 * wide["half_spread_ticks"] - 2
        assert wide["skew_ticks_per_lot"] > 3


def test_closing_the_terminal_leaves_the_engine_quoting(desk: DeskProcesses) -> None:
    """ssh drops; the desk does not. A second screen attaches to the same engine."""
    with open_tui(desk, SMALL) as terminal:
        terminal.shows("QUOTING")
    first = lock_owner(desk.paths.engine_lock)
    wait_for(lambda: desk.quotes, lambda: str(desk.status()))

    with open_tui(desk, SMALL) as terminal:
        terminal.shows("QUOTING")

    assert first is not None
    assert lock_owner(desk.paths.engine_lock) == first


def test_stopping_from_the_screen_leaves_no_order_at_the_exchange(desk: DeskProcesses) -> None:
    """Q, keep; the exchange survives to be asked."""
    with open_tui(desk, SMALL) as terminal:
        terminal.shows("QUOTING")
        wait_for(lambda: len(desk.our_orders()) > 0, lambda: "nothing rests")
        terminal.press("Q")
        terminal.shows("keep", "flatten")
        press_until_it_counts(terminal, "k", "zero open orders verified")

    assert desk.our_orders() == []
    assert lock_owner(desk.paths.engine_lock) is None
    assert lock_owner(desk.exchange_lock) is not None


def test_numbers_behind_a_dialog_stay_whole(desk: DeskProcesses) -> None:
    """Half-painted cells once made sizes of 0.75p and 1. 97 beside the question."""
    with open_tui(desk, SMALL) as terminal:
        terminal.shows("QUOTING")
        terminal.press("Q")
        terminal.shows("keep", "flatten")
        before = desk.status()["uptime_s"]
        seen: list[str] = []
        while desk.status()["uptime_s"] < before + 8:
            seen += re.findall(r"^┃│(.{5})┃", terminal.text(), re.MULTILINE)

    torn = [cell for cell in seen if not re.fullmatch(r"\s*[\d.]+\s*|── sp|\s*", cell)]
    assert seen
    assert not torn


def test_panic_from_the_screen_halts_and_cancels(desk: DeskProcesses) -> None:
    """ctrl+x, from anywhere."""
    with open_tui(desk, SMALL) as terminal:
        terminal.shows("QUOTING")
        terminal.press("C-x")
        terminal.shows("HALTED")

        wait_for(lambda: desk.our_orders() == [], lambda: str(desk.our_orders()), 2.0)


def test_an_exchange_that_dies_and_returns_finds_the_desk_waiting(desk: DeskProcesses) -> None:
    """Notices, stops quoting, reconnects, resynchronises, resumes; nothing stays behind."""
    engine = desk.start("run")
    wait_for(lambda: desk.quotes, lambda: str(desk.status()))
    desk.kill(desk.exchange_lock)
    wait_for(
        lambda: desk.status()["bid"]["reason"] == "link down",
        lambda: str(desk.status()["bid"]),
        30,
    )

    exchange = desk.start("exchange")
    wait_for(lambda: desk.quotes, lambda: str(desk.status()))
    stopped = desk.engine("stop")
    engine.wait(20)
    exchange.wait(20)
    assert stopped.returncode == 0
    assert "verified: no open order of ours" in stopped.stdout
    for process in (engine, exchange):
        assert process.stdout is not None
        process.stdout.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_every_signal_takes_the_one_way_out(desk: DeskProcesses, number: signal.Signals) -> None:
    """Cancel ours, verify, say so, exit 0."""
    engine = desk.start("run")
    wait_for(lambda: desk.quotes and len(desk.our_orders()) > 0, lambda: str(desk.status()))

    engine.send_signal(number)
    out, _ = engine.communicate(timeout=20)

    assert engine.returncode == 0
    assert "verified: no open order of ours" in out
    assert desk.our_orders() == []


def test_a_stop_that_cannot_verify_says_so_and_fails(desk: DeskProcesses) -> None:
    """The exchange is gone: whether orders rest there is unknown, and exit 0 would be a lie."""
    engine = desk.start("run")
    wait_for(lambda: desk.quotes, lambda: str(desk.status()))
    desk.kill(desk.exchange_lock)

    engine.send_signal(signal.SIGTERM)
    out, _ = engine.communicate(timeout=40)

    assert engine.returncode == 4
    assert "NOT VERIFIED" in out


def test_leftovers_of_a_killed_engine_are_cancelled_by_the_next(desk: DeskProcesses) -> None:
    """kill -9 leaves orders resting; the next start finds and cancels them first.

    What they filled in their last moments may be reported late: it waits that long to quote.
    """
    engine = desk.start("run")
    wait_for(lambda: desk.quotes and len(desk.our_orders()) > 0, lambda: str(desk.status()))
    engine.kill()
    engine.communicate(timeout=10)
    left = {order.client_order_id for order in desk.our_orders()}
    assert left

    again = desk.start("run")
    wait_for(
        lambda: "fills before this start may be told" in str(desk.status()),
        lambda: str(desk.status()),
    )
    wait_for(lambda: desk.quotes, lambda: str(desk.status()))

    assert not left & {order.client_order_id for order in desk.our_orders()}
    again.send_signal(signal.SIGTERM)
    again.communicate(timeout=20)


def test_a_second_engine_for_one_desk_is_refused(desk: DeskProcesses) -> None:
    """Two engines on one account would each cancel the other's idea of the world."""
    engine = desk.start("run")
    wait_for(lambda: bool(desk.status()), lambda: "no engine")

    second = desk.engine("run")

    assert second.returncode == 1
    assert "already runs for this desk" in second.stderr
    assert second.stderr.count("\n") == 1
    engine.send_signal(signal.SIGTERM)
    engine.communicate(timeout=20)


def test_stopping_an_engine_that_hangs_claims_nothing_and_spares_the_exchange(
    desk: DeskProcesses,
) -> None:
    """Its orders may rest: to end the exchange and exit with 0 would hide them."""
    engine = desk.start("run")
    wait_for(lambda: desk.quotes, lambda: str(desk.status()))
    engine.send_signal(signal.SIGSTOP)

    done = desk.engine("stop")

    assert done.returncode == 4
    assert f"process {engine.pid}" in done.stderr
    assert done.stderr.count("\n") == 1
    assert lock_owner(desk.exchange_lock) is not None
    engine.send_signal(signal.SIGCONT)
    engine.send_signal(signal.SIGTERM)
    engine.communicate(timeout=20)


def test_settings_that_a_running_engine_cannot_take_are_refused(desk: DeskProcesses) -> None:
    """A limit given by the operator and dropped in silence would be worse than none."""
    engine = desk.start("run")
    wait_for(lambda: bool(desk.status()), lambda: "no engine")

    with open_tui(desk, LARGE, "--set", "strategy.max_position=0.03") as terminal:
        terminal.shows("not with strategy.max_position=0.03", "--desk")

    engine.send_signal(signal.SIGTERM)
    engine.communicate(timeout=20)


def test_a_relative_state_folder_is_refused(desk: DeskProcesses) -> None:
    """The engine's own processes start elsewhere and would make another folder of it."""
    desk.environment["XDG_STATE_HOME"] = "here"

    done = desk.engine("run")

    assert done.returncode == 1
    assert "XDG_STATE_HOME must be an absolute path" in done.stderr


def test_status_without_an_engine_is_one_line_and_exit_code_3(desk: DeskProcesses) -> None:
    """For scripts that watch a desk."""
    done = desk.engine("status")

    assert done.returncode == 3
    assert done.stderr.startswith(f"engine: no engine runs for desk {desk.paths.name}; ")
    assert done.stderr.count("\n") == 1


def pauses_with_a_position(desk: DeskProcesses) -> bool:
    """Pauses the desk with a position; its last fills may undo the one that was seen."""
    if not desk.quotes or desk.status()["inventory"]["position_lots"] == 0:
        return False
    desk.command(Action.PAUSE)
    wait_for(lambda: not desk.our_orders(), lambda: "orders rest though paused", 20)
    if desk.status()["inventory"]["position_lots"] != 0:
        return True
    desk.command(Action.RESUME)
    return False


def test_a_closing_order_whose_fate_is_unknown_is_proven_and_sent_again(
    desk: DeskProcesses,
) -> None:
    """Nobody executed it; the stop waits until that is certain, and closes all the same."""
    admin_port = free_port()
    exchange = desk.start("exchange", "--admin-port", str(admin_port))
    try:
        wait_for(lambda: answers(f"http://127.0.0.1:{admin_port}/faults"), lambda: "no exchange")
        engine = desk.start("run")
        wait_for(lambda: pauses_with_a_position(desk), lambda: f"no position: {desk.status()}", 60)
        fault = {"kind": "refuse", "code": -1000, "status": 503, "rate": 1.0, "count": 1}
        asked_for(admin_port, "/faults", {**fault, "calls": ["POST /fapi/v1/order"]})

        done = desk.engine("stop", "--flatten", timeout_s=60)
        told, _ = engine.communicate(timeout=20)

        assert done.returncode == 0, done.stderr
        assert "outcome unknown, asking" in told
        assert "verified: no open order of ours; position 0.000" in done.stdout
    finally:
        exchange.kill()
        exchange.communicate()


@pytest.mark.timeout(300)
def test_the_desk_lives_through_a_bad_minute(desk: DeskProcesses) -> None:
    """Lost answers, cuts, gaps and a restart of the venue; then it stops with nothing open."""
    admin_port = free_port()
    plan = str(Path(__file__).with_name("bad_minute.toml"))
    exchange = desk.start("exchange", "--faults", plan, "--admin-port", str(admin_port))
    back_door = f"http://127.0.0.1:{admin_port}"
    try:
        wait_for(lambda: answers(f"{back_door}/faults"), lambda: "the exchange never came up")
        engine = desk.start("run")
        kinds = {"drop_reply", "refuse", "cut", "depth_gap", "listen_key_loss", "restart"}
        wait_for(
            lambda: kinds <= {strike["kind"] for strike in asked(f"{back_door}/log")},
            lambda: "not everything went wrong in time",
        )
        asked(f"{back_door}/faults", "DELETE")
        wait_for(lambda: desk.quotes, lambda: f"it never quoted again: {desk.status()}")

        engine.terminate()
        told, _ = engine.communicate(timeout=60)

        assert engine.returncode == 0, told
        assert "verified: no open order of ours" in told
        assert desk.our_orders() == []
    finally:
        exchange.kill()
        exchange.communicate()


def asked(url: str, method: str = "GET") -> Any:
    with urlopen(Request(url, method=method), timeout=5) as answer:
        return json.loads(answer.read())


def answers(url: str) -> bool:
    try:
        asked(url)
    except OSError:
        return False
    return True


def test_a_port_in_use_is_named_with_the_way_out(desk: DeskProcesses) -> None:
    """Something else listens there and is not our exchange."""
    with socket.create_server(("127.0.0.1", desk.port)):
        done = desk.engine("run")

    assert done.returncode == 1
    assert f"port {desk.port} on 127.0.0.1 is taken" in done.stderr
    assert "--set paper.port=" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_screen_needs_a_terminal(desk: DeskProcesses) -> None:
    """In a pipe or a cron job it says what to run instead."""
    done = subprocess.run(
        [BIN / "tui", *desk.arguments],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=30,
        env={**os.environ, **desk.environment},
    )

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "no terminal" in done.stderr
