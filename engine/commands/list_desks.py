"""``engine list``: every desk of this machine that runs, or died."""

import asyncio
from dataclasses import dataclass

from rich.console import Console as Terminal
from rich.table import Table

from engine.console.client import ConsoleClient
from engine.console.protocol import Role, ViewMessage, Welcome
from engine.desks.desks import Desk, every_desk
from engine.errors import EngineError
from engine.process.paths import DeskPaths
from engine.view.desk_view import DeskView

_VIEW_PATIENCE_S = 3.0
"""Views come ten times a second: an engine silent for so long starts or hangs."""
_WIDEST = 1000
_S_A_MINUTE, _S_AN_HOUR = 60, 3600


@dataclass(frozen=True, slots=True)
class Look:
    """Status of one engine, as it answered over its console socket."""

    welcome: Welcome
    view: DeskView | None
    """None when it said welcome and then nothing."""


def show_list() -> None:
    """Print the desks that run and those that died, and how to end the dead."""
    desks = every_desk()
    running = [desk for desk in desks if desk.engine_pid is not None]
    dead = [desk for desk in desks if desk.is_dead]
    if running or dead:
        looks = asyncio.run(_look_at_all(running))
        # Whole, whatever the terminal's width: a name that is cut addresses nothing.
        Terminal(width=_WIDEST).print(_table(running, looks, dead))
    if not running:
        print("no desk runs")
    for desk in dead:
        print(f"cancel what the engine of {desk.name} left: {desk.commands.stop}")


async def _look_at_all(desks: list[Desk]) -> list[Look | None]:
    return list(await asyncio.gather(*(_look(desk.paths) for desk in desks)))


async def _look(paths: DeskPaths) -> Look | None:
    """One view of a desk, as a watcher; None when nobody answers."""
    try:
        client = await ConsoleClient.connect(paths.socket, Role.WATCHER)
    except (EngineError, OSError):
        return None
    view = None
    try:
        async with asyncio.timeout(_VIEW_PATIENCE_S):
            async for message in client.messages():
                if isinstance(message, ViewMessage):
                    view = message.view
                    break
    except (TimeoutError, EngineError):
        pass
    finally:
        await client.close()
    return Look(client.welcome, view)


def _table(running: list[Desk], looks: list[Look | None], dead: list[Desk]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    for column in ("desk", "mode", "symbol", "pid", "up", "config", "consoles", "state"):
        table.add_column(column, no_wrap=True)
    for desk, look in zip(running, looks, strict=True):
        table.add_row(*_row(desk, look))
    for desk in dead:
        table.add_row(*_named(desk), "-", "-", _config(desk), "-", "DEAD: orders may rest")
    return table


def _row(desk: Desk, look: Look | None) -> list[str]:
    pid = str(desk.engine_pid)
    if look is None or look.view is None:
        consoles = "-" if look is None else str(look.welcome.consoles)
        state = "does not answer: it starts or hangs"
        return [*_named(desk), pid, "-", _config(desk), consoles, state]
    view = look.view
    return [
        desk.name,
        view.mode,
        view.symbol,
        pid,
        _span(view.uptime_s),
        view.config,
        str(look.welcome.consoles),
        _state(view),
    ]


def _named(desk: Desk) -> tuple[str, str, str]:
    config = desk.config
    return desk.name, config.mode if config else "-", config.desk.symbol if config else "-"


def _config(desk: Desk) -> str:
    return desk.config.name if desk.config else "-"


def _state(view: DeskView) -> str:
    """What each side does; once where both do the same, as in a halt."""
    bid, ask = view.bid.reason.value, view.ask.reason.value
    return bid if bid == ask else f"bid {bid}, ask {ask}"


def _span(seconds: float) -> str:
    hours, rest = divmod(int(seconds), _S_AN_HOUR)
    return f"{hours}:{rest // _S_A_MINUTE:02d}:{rest % _S_A_MINUTE:02d}"
