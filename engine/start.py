"""What ``engine run`` and ``engine exchange`` do before and around their loops."""

import logging
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import structlog

from engine.config import Config, load_config
from engine.console import somebody_listens
from engine.errors import StartError
from engine.launch import config_arguments, desk_places, start_detached, wait_until
from engine.lock import ProcessLock
from engine.paper_config import PAPER_API_KEY, PAPER_API_SECRET
from engine.places import Places
from exchange.binance.settings import VenueSettings
from exchange.binance.signing import Credentials
from exchange.errors import VenueError
from exchange.paper.printer import Printer

_PING_TIMEOUT_S = 0.5
_LEFTOVER_DEADLINE_S = 5.0
_LEFTOVER_LOOK_AGAIN_S = 0.05
"""A dead run sends nothing more; what it sent last is found again by the trader."""
_LAST_LINES_S = 1.0
_RECV_WINDOW_MS = 1000
"""Short: it is also what keeps a quote that was held up from being executed late."""


def run_engine(config_path: Path, overrides: list[str]) -> None:
    """Run the engine of this config until it is told to stop.

    Raises:
        EngineError: When it cannot start, or ends without proof that no order is left.
    """
    config = load_config(config_path, overrides)
    places = desk_places(config)
    with ProcessLock(
        places.engine_lock, "an engine", "attach to it with ./run, or end it: ./run engine stop"
    ) as lock:
        if somebody_listens(places.socket):  # its lock was deleted; it is about to make it anew
            raise StartError(f"an engine listens on {places.socket}; end it: ./run engine stop")
        printer = _log_to_stdout()
        wait_for_exchange = start_exchange(config, places, config_arguments(config_path, overrides))
        import uvloop

        import engine.live  # noqa: F401

        wait_for_exchange()
        try:
            uvloop.run(_trade(config, places, lock))
        finally:
            printer.drain(_LAST_LINES_S)


async def _trade(config: Config, places: Places, lock: ProcessLock) -> None:
    from exchange.binance.rest import Rest

    venue = VenueSettings(
        rest_url=f"http://127.0.0.1:{config.paper.port}",
        stream_url=f"ws://127.0.0.1:{config.paper.port}",
        symbol=config.desk.symbol,
        recv_window_ms=_RECV_WINDOW_MS,
        freshness_ms=config.risk.freshness_ms,
    )
    credentials = Credentials(PAPER_API_KEY, PAPER_API_SECRET)
    # Leftovers of a run that died go first: before any compiling, before any data.
    epoch = _new_epoch()
    await _cancel_leftovers(venue, credentials, epoch)

    from engine.core.trader import Trader
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
        epoch=epoch,
        own_in_book=True,
    )
    await LiveDesk(trader, venue, credentials, places, lock, config.digest).run()


async def _cancel_leftovers(venue: VenueSettings, credentials: Credentials, epoch: str) -> None:
    """Cancel what earlier runs left; whichever of them still lives halts when it meets this one.

    Raises:
        StartError: When they will not go, or a run that began after this one has orders there.
    """
    from engine.core.trader import OUR_PREFIX, is_younger
    from exchange.binance.trading import StopSession

    def is_leftover(client_order_id: str) -> bool:
        return not is_younger(client_order_id, f"{OUR_PREFIX}{epoch}-")

    troubles: list[str] = []
    session = StopSession(venue, credentials, troubles.append, _LEFTOVER_LOOK_AGAIN_S)
    try:
        async with session:
            # The switch stays armed: a run that still lives relies on it, and this one arms
            # it anew before its first quote.
            left = await session.cancel_ours_and_verify(
                OUR_PREFIX, _LEFTOVER_DEADLINE_S, is_leftover, keep_armed=True
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


def _new_epoch() -> str:
    """Milliseconds in base 36: short, and never given twice on one account."""
    number, digits = time.time_ns() // 1_000_000, ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits


def start_exchange(config: Config, places: Places, arguments: list[str]) -> Callable[[], None]:
    """Start the paper exchange unless one answers already.

    Returns:
        What waits until it answers; it raises ``StartError`` with the exchange's own last
        line when it does not come up.
    """
    url = f"http://127.0.0.1:{config.paper.port}/fapi/v1/ping"
    if _pings(url):
        return lambda: None
    process = start_detached(["exchange", "--strict", *arguments], places.exchange_log)
    return lambda: wait_until(lambda: _pings(url), process, places.exchange_log, "paper exchange")


def _pings(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=_PING_TIMEOUT_S) as response:
            return bool(response.read() == b"{}")
    except (urllib.error.URLError, OSError, ValueError):
        return False


class UncrashableLog:
    """Takes each line at once, whatever becomes of it.

    A desk must not end because its log cannot grow, nor stand still because nobody reads it.
    """

    def __init__(self, printer: Printer) -> None:
        self._printer = printer

    def msg(self, line: str) -> None:
        self._printer.say(line)

    log = debug = info = warning = error = critical = exception = msg


def _log_to_stdout() -> Printer:
    printer = Printer(name="engine")
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
        logger_factory=lambda *_names: UncrashableLog(printer),
    )
    return printer
