"""What ``engine run`` and ``engine exchange`` do before and around their loops."""

import asyncio
import logging
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from engine.config import Config, load_config
from engine.desk_record import config_arguments, write_record
from engine.desk_venue import desk_venue
from engine.desks import own_places
from engine.errors import Interrupted, StartError
from engine.hints import DeskCommands, pasteable
from engine.interruption import Interruption
from engine.launch import start_detached, wait_until
from engine.lock import ProcessLock
from engine.places import Places
from exchange.errors import VenueError

_PING_TIMEOUT_S = 0.5
_LEFTOVER_DEADLINE_S = 5.0
_LEFTOVER_LOOK_AGAIN_S = 0.05
"""A dead run sends nothing more; what it sent last is found again by the trader."""


def run_engine(config_path: Path, overrides: list[str]) -> None:
    """Run the engine of this config until it is told to stop.

    Raises:
        EngineError: When it cannot start, or ends without proof that no order is left.
    """
    config = load_config(config_path, overrides)
    places = own_places(config)
    commands = DeskCommands.of(places.name)
    remedy = f"attach to it: {commands.attach}; or end it: {commands.stop}"
    account_lock = places.account_lock(config.desk.mode, config.desk.symbol, config.paper.port)
    with (
        Interruption() as interruption,
        ProcessLock(places.engine_lock, "an engine", remedy),
        ProcessLock(account_lock, "an engine of another name", pasteable("engine", "list")),
    ):
        _log_to_stdout()
        write_record(places, config, config_path, overrides)
        with start_exchange(
            config, places, config_arguments(config_path, overrides), interruption
        ) as exchange:
            import uvloop

            import engine.live  # noqa: F401

            exchange.wait()
            try:
                uvloop.run(_trade(config, places, exchange, interruption))
            except asyncio.CancelledError:
                raise Interrupted("interrupted before it traded") from None


async def _trade(
    config: Config, places: Places, exchange: "StartedExchange", interruption: Interruption
) -> None:
    from exchange.binance.rest import Rest
    from exchange.binance.trading import StopSession

    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None

    def give_up() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(task.cancel)

    interruption.then(give_up)  # until the desk is up and hears signals itself
    venue, credentials = desk_venue(config)
    # Leftovers of a run that died go first: before any compiling, before any data.
    from engine.core.trader import OUR_PREFIX, Trader

    troubles: list[str] = []
    session = StopSession(venue, credentials, troubles.append, _LEFTOVER_LOOK_AGAIN_S)
    try:
        async with session:
            left = await session.cancel_ours_and_verify(OUR_PREFIX, _LEFTOVER_DEADLINE_S)
    except VenueError as error:
        why = troubles[-1] if troubles else str(error)
        raise StartError(
            f"the venue cannot be asked for orders of an earlier run: {why}"
        ) from error
    if left:
        raise StartError(f"orders of an earlier run cannot be cancelled: {', '.join(left)}")

    from engine.live import LiveDesk
    from engine.warm import warm_up

    warm_up()
    async with Rest.opened(venue, credentials) as rest:
        instrument = await rest.instrument(config.desk.symbol)
    told, wanted = (instrument.price.step, instrument.qty.step), config.grid()
    if told != (wanted.price.step, wanted.qty.step):
        raise StartError(
            f"{config.source}: instrument: the venue says tick_size {told[0]} and lot_size "
            f"{told[1]} for {config.desk.symbol}; correct the [instrument] section"
        )
    trader = Trader(
        config.desk_settings(),
        instrument,
        config.mode,
        epoch=_new_epoch(),
        own_in_book=True,
    )
    exchange.keep()
    await LiveDesk(trader, venue, credentials, places, config.digest).run()


def _new_epoch() -> str:
    """Milliseconds in base 36: short, and never given twice on one account."""
    number, digits = time.time_ns() // 1_000_000, ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits


class StartedExchange:
    """The paper exchange of a desk that starts; one that this engine started ends with it
    unless the desk came up.

    Args:
        process: None when one answered already.
    """

    def __init__(
        self,
        process: "subprocess.Popen[bytes] | None",
        url: str,
        log: Path,
        interruption: Interruption,
    ) -> None:
        self._process = process
        self._url = url
        self._log = log
        self._interruption = interruption

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()

    def wait(self) -> None:
        """Wait until it answers.

        Raises:
            StartError: When it does not come up, with its own last line.
            Interrupted: When a signal came first.
        """
        if self._process is not None:
            wait_until(
                lambda: _pings(self._url),
                self._process,
                self._log,
                "paper exchange",
                self._interruption,
            )

    def keep(self) -> None:
        """The desk is up: the exchange outlives this engine, as a real one would."""
        self._process = None


def start_exchange(
    config: Config, places: Places, arguments: list[str], interruption: Interruption
) -> StartedExchange:
    """Start the paper exchange unless one answers already."""
    url = f"http://127.0.0.1:{config.paper.port}/fapi/v1/ping"
    process = None
    if not _pings(url):
        process = start_detached(["exchange", "--strict", *arguments], places.exchange_log)
    return StartedExchange(process, url, places.exchange_log, interruption)


def _pings(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=_PING_TIMEOUT_S) as response:
            return bool(response.read() == b"{}")
    except (urllib.error.URLError, OSError, ValueError):
        return False


class UncrashableLog:
    """Prints lines; where that fails (a full disk) it counts them and says so when it can again.

    A desk must not end because its log cannot grow.
    """

    def __init__(self, *_arguments: object) -> None:
        self._lost = 0

    def msg(self, line: str) -> None:
        try:
            if self._lost:
                print(f"[{self._lost} lines lost: the log could not be written]")
            print(line, flush=True)
            self._lost = 0
        except OSError:
            self._lost += 1

    log = debug = info = warning = error = critical = exception = msg


def _log_to_stdout() -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.dev.ConsoleRenderer(
                colors=sys.stdout.isatty() and "NO_COLOR" not in os.environ
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
        logger_factory=UncrashableLog,
    )
