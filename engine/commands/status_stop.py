"""``engine status`` and ``engine stop``: requests to a desk's engine from outside."""

import asyncio
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import msgspec
from rich.console import Console as Terminal
from rich.table import Table

from engine.console.client import ConsoleClient
from engine.console.protocol import Goodbye, Role, ViewMessage
from engine.core.actions import Action
from engine.desks.desks import desk_meant, not_running
from engine.desks.launch import end_exchange, wait_for_exit
from engine.errors import NoEngine, NotFlat, NotVerified, ProtocolError
from engine.process.lock import lock_owner
from engine.process.paths import DeskPaths
from engine.view.desk_view import DeskView, SideView
from exchange.instrument import DecimalGrid

_VIEW_PATIENCE_S = 3.0
"""Views come ten times a second: an engine silent for so long starts or hangs."""
_STOP_PATIENCE_S = 30.0  # the engine itself gives up after some 21 s: 5 s to cancel, 16 s to prove
_FLATTEN_PATIENCE_S = 60.0  # and 20 s more for closing the position, with some to spare
_EXIT_PATIENCE_S = 5.0
"""Its last message is out: only sockets and the interpreter are left to close."""
_SOCKET_PATIENCE_S = 5.0  # an engine that runs makes a deleted socket anew within a second
_SIGNAL_PATIENCE_S = 25.0  # longer than the some 21 s in which an engine that is signalled ends
_LOOK_AGAIN_S = 0.1  # a person waits for it


class EndedBySignal(NoEngine):
    """The engine ended, and its final report did not arrive: somebody must look for orders."""


def show_status(
    name: str | None, config_path: Path | None, overrides: list[str], *, as_json: bool
) -> None:
    """Print what the engine of a desk is doing.

    Args:
        name: Of the desk; None for the desk of the config, or else the usual one.

    Raises:
        NoEngine: When none runs, or it does not answer.
    """
    desk = desk_meant(name, config_path, overrides)
    owner = desk.engine_pid
    if owner is None:
        raise not_running(desk)
    try:
        view = asyncio.run(_one_view(desk.paths))
    except NoEngine as error:
        raise NoEngine(
            f"the engine of desk {desk.name} (process {owner}) does not answer: it starts or "
            f"hangs; see {desk.paths.engine_log}"
        ) from error
    if as_json:
        print(msgspec.json.encode(view).decode())
    else:
        Terminal().print(_status_table(view))


async def _one_view(paths: DeskPaths) -> DeskView:
    client = await ConsoleClient.connect(paths.socket, Role.WATCHER)
    try:
        async with asyncio.timeout(_VIEW_PATIENCE_S):
            async for message in client.messages():
                if isinstance(message, ViewMessage):
                    return message.view
    except TimeoutError:
        pass
    finally:
        await client.close()
    raise NoEngine("the engine answers but shows nothing; it hangs")


def _status_table(view: DeskView) -> Table:
    qty = DecimalGrid(view.lot_size)
    money = view.money
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_row("desk", f"{view.mode} {view.symbol} ({view.config}), up {view.uptime_s:.0f} s")
    table.add_row("risk", f"{view.risk} {view.risk_detail}".strip())
    table.add_row("bid", _side_line(view.bid))
    table.add_row("ask", _side_line(view.ask))
    held = qty.text(view.inventory.position_lots)
    doubt = f", not known: {view.inventory.doubt}" if view.inventory.doubt else ""
    table.add_row("inventory", f"q {view.inventory.q:+g} ({held}){doubt}")
    table.add_row(
        "orders", f"{sum(order.state != 'foreign' for order in view.orders)} of ours open"
    )
    table.add_row("profit", f"{money.total_usdt:+.4f} USDT over {money.fills} fills")
    links = ", ".join(f"{link.name} {'up' if link.up else 'DOWN'}" for link in view.links)
    table.add_row("links", links)
    seen = [f"{error.code} x{error.count}" for error in view.errors if error.count]
    table.add_row("refusals", ", ".join(seen) or "none")
    return table


def _side_line(side: SideView) -> str:
    parts = [side.reason.value, side.detail, f"clears: {side.clears}" if side.clears else ""]
    return "; ".join(part for part in parts if part)


def stop_desk(
    name: str | None, config_path: Path | None, overrides: list[str], *, flatten: bool
) -> None:
    """Stop the engine of a desk, then its paper exchange; says how each ended.

    A dead engine's orders are cancelled and verified in its place.

    Args:
        name: Of the desk; None for the desk of the config, or else the usual one.

    Raises:
        NotVerified: When it is not proven that no order of ours is left.
        NotFlat: When the position was to be closed and may remain.
    """
    desk = desk_meant(name, config_path, overrides)
    goodbye = None
    try:
        goodbye = asyncio.run(_stop_engine(desk.paths, flatten=flatten))
    except NoEngine as error:
        owner = desk.engine_pid
        if owner is not None:
            raise NotVerified(
                f"the engine of desk {desk.name} (process {owner}) does not answer, nor end by "
                f"SIGTERM. Kill it (kill -9 {owner}), then cancel what it left: "
                f"{desk.commands.stop}"
            ) from error
        from engine.desks.dead_desk import last_word

        how = "is dead" if desk.is_dead else "does not run"
        text = last_word(desk, flatten=flatten)
        print(f"engine: the engine of desk {desk.name} {how}; {text}")
    else:
        if not goodbye.verified:
            raise NotVerified(goodbye.text)
        print(f"engine: stopped; {goodbye.text}")
        wait_for_exit(desk.paths.engine_lock, _EXIT_PATIENCE_S)
    if ended := end_exchange(desk):
        print(f"exchange: {ended}")
    if goodbye is not None and not goodbye.flat:
        raise NotFlat(goodbye.text)


async def _stop_engine(paths: DeskPaths, *, flatten: bool) -> Goodbye:
    """Have the engine end, by its socket or else by a signal, which is a stop to it too.

    Raises:
        EndedBySignal: When it did, without a report to us.
        NoEngine: When none runs, or it runs on and obeys neither.
        NotVerified: When it did not end in time, or without a report.
    """
    try:
        client = await _reached(paths)
    except (NoEngine, ProtocolError) as error:  # or it is of another version of the protocol
        if await _signal(paths):
            raise EndedBySignal(
                "the engine could not be reached and was ended by SIGTERM; whether it verified "
                f"its stop only its log tells ({paths.engine_log})"
            ) from error
        raise NoEngine(str(error)) from error
    patience_s = _FLATTEN_PATIENCE_S if flatten else _STOP_PATIENCE_S
    try:
        async with asyncio.timeout(patience_s):
            return await _goodbye(client, flatten=flatten)
    except ProtocolError as error:
        raise NotVerified(str(error)) from error
    except TimeoutError:
        raise NotVerified(f"the engine did not end within {patience_s:.0f} s") from None
    finally:
        await client.close()


async def _reached(paths: DeskPaths) -> ConsoleClient:
    """Attach; an engine that runs makes a deleted socket anew, so that is waited for."""
    deadline_s = time.monotonic() + _SOCKET_PATIENCE_S
    while True:
        try:
            return await ConsoleClient.connect(paths.socket, Role.REDUCER)
        except NoEngine:
            alive = lock_owner(paths.engine_lock) is not None
            if not alive or paths.socket.exists() or time.monotonic() > deadline_s:
                raise
        await asyncio.sleep(_LOOK_AGAIN_S)


async def _goodbye(client: ConsoleClient, *, flatten: bool) -> Goodbye:
    """Ask for the stop and wait for the final report; the answer in between adds nothing."""
    client.say(Action.STOP, "flatten" if flatten else "keep")
    async for message in client.messages():
        if isinstance(message, Goodbye):
            return message
    raise NotVerified("the engine went away without a word; look at its log")


async def _signal(paths: DeskPaths) -> bool:
    """Stop the engine by a signal, if one runs; True when it ended."""
    owner = lock_owner(paths.engine_lock)
    if owner is None:
        return False
    with suppress(ProcessLookupError):
        os.kill(owner, signal.SIGTERM)
    deadline_s = time.monotonic() + _SIGNAL_PATIENCE_S
    while True:
        if lock_owner(paths.engine_lock) is None:
            return True
        if time.monotonic() > deadline_s:
            return False
        await asyncio.sleep(_LOOK_AGAIN_S)
