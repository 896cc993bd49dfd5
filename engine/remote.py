"""What ``engine status`` and ``engine stop`` do: talk to a running engine from outside."""

import asyncio
import os
import signal
import time
from pathlib import Path

import msgspec
from rich.console import Console as Terminal
from rich.table import Table

from engine.config import load_config
from engine.console import ConsoleClient
from engine.core.actions import Action
from engine.core.view import DeskView, SideView
from engine.errors import EngineError, NoEngine, NotFlat, NotVerified
from engine.launch import desk_places
from engine.lock import lock_owner
from engine.places import Places
from engine.protocol import Goodbye, Role, ViewMessage
from exchange.instrument import DecimalGrid

_VIEW_PATIENCE_S = 3.0
_STOP_PATIENCE_S = 30.0
_FLATTEN_PATIENCE_S = 60.0
_EXIT_PATIENCE_S = 5.0


def show_status(config_path: Path, overrides: list[str], *, as_json: bool) -> None:
    """Print what the engine of this config is doing.

    Raises:
        NoEngine: When none runs.
    """
    places = desk_places(load_config(config_path, overrides))
    view = asyncio.run(_one_view(places))
    if as_json:
        print(msgspec.json.encode(view).decode())
    else:
        Terminal().print(_status_table(view))


async def _one_view(places: Places) -> DeskView:
    client = await ConsoleClient.connect(places.socket, Role.WATCHER)
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
    table.add_row("inventory", f"q {view.inventory.q:+g} ({held})")
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


def stop_desk(config_path: Path, overrides: list[str], *, flatten: bool) -> None:
    """Stop the engine of this config, then its paper exchange; says how each ended.

    Raises:
        NotVerified: When the engine could not prove that no order is left.
        NotFlat: When the position was to be closed and is still there.
    """
    places = desk_places(load_config(config_path, overrides))
    goodbye = None
    try:
        goodbye = asyncio.run(_stop_engine(places, flatten=flatten))
    except NoEngine as error:
        owner = lock_owner(places.engine_lock)
        if owner is not None:
            raise NotVerified(
                f"the engine (process {owner}) holds this desk but does not answer. Kill it "
                f"(kill -9 {owner}): the exchange then cancels within 30 s, and the next start "
                "looks for leftovers first"
            ) from error
        print(f"engine: {error}; nothing to stop")
    else:
        print(f"engine: stopped; {goodbye.text}")
        _wait_for_exit(places.engine_lock)
        if not goodbye.verified:
            raise NotVerified(goodbye.text)
    owner = lock_owner(places.exchange_lock)
    if owner is not None:
        os.kill(owner, signal.SIGTERM)
        _wait_for_exit(places.exchange_lock)
        print("exchange: stopped")
    if goodbye is not None and not goodbye.flat:
        raise NotFlat(goodbye.text)


async def _stop_engine(places: Places, *, flatten: bool) -> Goodbye:
    client = await ConsoleClient.connect(places.socket, Role.REDUCER)
    patience_s = _FLATTEN_PATIENCE_S if flatten else _STOP_PATIENCE_S
    try:
        async with asyncio.timeout(patience_s), asyncio.TaskGroup() as tasks:
            asked = tasks.create_task(
                client.ask(Action.STOP, "flatten" if flatten else "keep"), name="ask"
            )
            async for message in client.messages():
                if isinstance(message, Goodbye):
                    await asked
                    return message
    except TimeoutError:
        raise NotVerified(f"the engine did not end within {patience_s:.0f} s") from None
    finally:
        await client.close()
    raise NotVerified("the engine went away without a word; look at its log")


def _wait_for_exit(lock: Path) -> None:
    deadline_s = time.monotonic() + _EXIT_PATIENCE_S
    while lock_owner(lock) is not None:
        if time.monotonic() > deadline_s:
            raise EngineError(f"the process that holds {lock} does not end")
        time.sleep(0.02)
