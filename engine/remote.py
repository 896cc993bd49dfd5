"""What ``engine status`` and ``engine stop`` do: talk to a desk's engine from outside."""

import asyncio
from pathlib import Path

import msgspec
from rich.console import Console as Terminal
from rich.table import Table

from engine.console import ConsoleClient
from engine.core.actions import Action
from engine.core.view import DeskView, SideView
from engine.desks import desk_meant, not_running
from engine.errors import NoEngine, NotVerified
from engine.launch import end_exchange, wait_for_exit
from engine.places import Places
from engine.protocol import Goodbye, Role, ViewMessage
from exchange.instrument import DecimalGrid

_VIEW_PATIENCE_S = 3.0
_STOP_PATIENCE_S = 30.0
_EXIT_PATIENCE_S = 5.0


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
        view = asyncio.run(_one_view(desk.places))
    except NoEngine as error:
        raise NoEngine(
            f"the engine of desk {desk.name} (process {owner}) does not answer: it starts or "
            f"hangs; see {desk.places.engine_log}"
        ) from error
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


def stop_desk(
    name: str | None, config_path: Path | None, overrides: list[str], *, flatten: bool
) -> None:
    """Stop the engine of a desk, then its paper exchange; says how each ended.

    A dead engine's last word is said in its place.

    Args:
        name: Of the desk; None for the desk of the config, or else the usual one.

    Raises:
        NotVerified: When it is not proven that no order of ours is left.
        NotFlat: When the position was to be closed and may remain.
    """
    desk = desk_meant(name, config_path, overrides)
    try:
        goodbye = asyncio.run(_stop_engine(desk.places, flatten=flatten))
    except NoEngine as error:
        owner = desk.engine_pid
        if owner is not None:
            raise NotVerified(
                f"the engine of desk {desk.name} (process {owner}) does not answer. Kill it "
                f"(kill -9 {owner}), then cancel what it left: {desk.commands.stop}"
            ) from error
        from engine.dead_desk import last_word

        how = "is dead" if desk.is_dead else "does not run"
        text = last_word(desk, flatten=flatten)
        print(f"engine: the engine of desk {desk.name} {how}; {text}")
    else:
        print(f"engine: stopped; {goodbye.text}")
        wait_for_exit(desk.places.engine_lock, _EXIT_PATIENCE_S)
        if not goodbye.verified:
            raise NotVerified(goodbye.text)
    if ended := end_exchange(desk):
        print(f"exchange: {ended}")


async def _stop_engine(places: Places, *, flatten: bool) -> Goodbye:
    client = await ConsoleClient.connect(places.socket, Role.REDUCER)
    try:
        async with asyncio.timeout(_STOP_PATIENCE_S), asyncio.TaskGroup() as tasks:
            asked = tasks.create_task(
                client.ask(Action.STOP, "flatten" if flatten else "keep"), name="ask"
            )
            async for message in client.messages():
                if isinstance(message, Goodbye):
                    await asked
                    return message
    except TimeoutError:
        raise NotVerified(f"the engine did not end within {_STOP_PATIENCE_S:.0f} s") from None
    finally:
        await client.close()
    raise NotVerified("the engine went away without a word; look at its log")
