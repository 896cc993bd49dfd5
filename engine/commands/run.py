"""``engine run``: start-up and clean-up around the live loop, with the exchange that it needs."""

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

from engine.config.desk import Config, load_config
from engine.console.line import somebody_listens
from engine.desks.desks import own_paths
from engine.desks.launch import start_detached, wait_until
from engine.desks.record import config_arguments, write_record
from engine.desks.venue import desk_venue
from engine.errors import Interrupted, StartError
from engine.process.hints import DeskCommands, pasteable
from engine.process.interruption import Interruption
from engine.process.lock import ProcessLock
from engine.process.paths import DeskPaths
from exchange.binance.settings import VenueSettings
from exchange.binance.signing import Credentials
from exchange.errors import VenueError
from exchange.paper.server.stdout_writer import StdoutWriter

_PING_TIMEOUT_S = 0.5  # loopback; an exchange that is slower does not serve yet and is asked again
_LEFTOVER_DEADLINE_S = 10.0
"""The start waits for it: nothing is compiled or quoted before the account is clean."""
_LEFTOVER_LOOK_AGAIN_S = 0.05
"""A dead run sends nothing more; what it sent last is found again by the trader."""
_LAST_LINES_S = 1.0  # a reader of stdout that hangs must not keep the process alive
_RECENT_NS = 60_000_000_000
"""By then the venue's switch has cancelled what an earlier run left, and no node lags so far."""


def run_engine(config_path: Path, overrides: list[str]) -> None:
    """Run the engine of this config until it is told to stop.

    Raises:
        EngineError: When it cannot start, or ends without proof that no order is left.
    """
    config = load_config(config_path, overrides)
    paths = own_paths(config)
    commands = DeskCommands.of(paths.name)
    remedy = f"attach to it: {commands.attach}; or end it: {commands.stop}"
    others = pasteable("engine", "list")
    account = paths.account_lock(config.desk.mode, config.desk.symbol, config.paper.port)
    with (
        Interruption() as interruption,
        ProcessLock(paths.engine_lock, "an engine", remedy) as engine_lock,
        ProcessLock(account, "an engine of another name", others) as account_lock,
    ):
        if somebody_listens(paths.socket):  # its lock was deleted; it is about to make it anew
            raise StartError(f"an engine listens on {paths.socket}; {remedy}")
        stdout = _log_to_stdout()
        write_record(paths, config, config_path, overrides)
        with start_exchange(
            config, paths, config_arguments(config_path, overrides), interruption
        ) as exchange:
            import uvloop

            import engine.live  # noqa: F401  # slow: loaded while the exchange starts

            exchange.wait()
            try:
                uvloop.run(_trade(config, paths, engine_lock, account_lock, exchange, interruption))
            except asyncio.CancelledError:
                raise Interrupted("interrupted before it traded") from None
            finally:
                stdout.drain(_LAST_LINES_S)


async def _trade(
    config: Config,
    paths: DeskPaths,
    engine_lock: ProcessLock,
    account_lock: ProcessLock,
    exchange: "StartedExchange",
    interruption: Interruption,
) -> None:
    from exchange.binance.rest import Rest

    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None

    def give_up() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(task.cancel)

    interruption.then(give_up)  # until the desk is up and handles signals itself
    venue, credentials = desk_venue(config)
    # Leftovers of a run that died go first: before any compiling, before any data.
    epoch = _new_epoch()
    await _cancel_leftovers(venue, credentials, epoch)

    from engine.core.trader import Trader
    from engine.live import LiveDesk
    from engine.process.warm_up import warm_up

    warm_up()
    async with Rest.opened(venue, credentials) as rest:
        instrument = await rest.instrument(config.desk.symbol)
    venue_steps, wanted = (instrument.price.step, instrument.qty.step), config.grid()
    if venue_steps != (wanted.price.step, wanted.qty.step):
        raise StartError(
            f"{config.source}: instrument: the venue says tick_size {venue_steps[0]} and lot_size "
            f"{venue_steps[1]} for {config.desk.symbol}; correct the [instrument] section"
        )
    trader = Trader(
        config.desk_settings(),
        instrument,
        config.mode,
        epoch=epoch,
        own_in_book=True,
        recent_run=account_lock.idle_ns < _RECENT_NS,
    )
    exchange.keep()
    await LiveDesk(
        trader, venue, credentials, paths, engine_lock, account_lock, config.digest
    ).run()


async def _cancel_leftovers(venue: VenueSettings, credentials: Credentials, epoch: int) -> None:
    """Cancel what earlier runs left; whichever of them still lives halts when it meets this one.

    Raises:
        StartError: When they will not go, or a run that began after this one has orders there.
    """
    from engine.core.order_names import is_ours, order_name
    from exchange.binance.trading import StopSession

    def is_leftover(client_order_id: str) -> bool:
        name = order_name(client_order_id)
        return name is not None and name.epoch <= epoch

    troubles: list[str] = []
    session = StopSession(venue, credentials, troubles.append, _LEFTOVER_LOOK_AGAIN_S)
    try:
        async with session:
            # The switch stays armed: a run that still lives relies on it, and this one arms
            # it anew before its first quote. What a lagging node hides yet the trader finds.
            left = await session.cancel_ours_and_verify(
                is_ours,
                _LEFTOVER_DEADLINE_S,
                is_leftover,
                unnamed_until_ns=0,
                keep_armed=True,
            )
    except VenueError as error:
        why = troubles[-1] if troubles else str(error)
        raise StartError(
            f"the venue cannot be asked for orders of an earlier run: {why}"
        ) from error
    if left:
        raise StartError(f"orders of an earlier run cannot be cancelled: {', '.join(left)}")
    if session.others:
        raise StartError(
            f"a run that began after this one has orders here ({', '.join(session.others)}): "
            "another engine trades this account, or the clock was set back. End that engine; "
            "orders of a dead one are cancelled by the venue within 30 s"
        )


def _new_epoch() -> int:
    """Wall clock in ms: never given twice on one account, unless that clock is set back."""
    return time.time_ns() // 1_000_000


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
    config: Config, paths: DeskPaths, arguments: list[str], interruption: Interruption
) -> StartedExchange:
    """Start the paper exchange unless one answers already."""
    url = f"http://127.0.0.1:{config.paper.port}/fapi/v1/ping"
    process = None
    if not _pings(url):
        process = start_detached(["exchange", "--strict", *arguments], paths.exchange_log)
    return StartedExchange(process, url, paths.exchange_log, interruption)


def _pings(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=_PING_TIMEOUT_S) as response:
            return bool(response.read() == b"{}")
    except (urllib.error.URLError, OSError, ValueError):
        return False


class UncrashableLog:
    """Logger that never raises and never waits: it takes each line, whatever becomes of it.

    A desk must not end because its log cannot grow, nor stand still because nobody reads it.
    """

    def __init__(self, stdout: StdoutWriter) -> None:
        self._stdout = stdout

    def msg(self, line: str) -> None:
        self._stdout.say(line)

    log = debug = info = warning = error = critical = exception = msg


def _log_to_stdout() -> StdoutWriter:
    stdout = StdoutWriter(name="engine")
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
        logger_factory=lambda *_names: UncrashableLog(stdout),
    )
    return stdout
