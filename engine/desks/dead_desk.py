"""Clean-up after a dead engine: cancel what it left, prove that nothing rests, close if asked.

It holds the locks of the desk and of its account meanwhile: no engine of ours runs there
then, and whatever bears our prefix was left behind.
"""

import asyncio
import socket
import sys
import time
from contextlib import suppress

from engine.config.desk import Config
from engine.console.line import somebody_listens
from engine.core.account import REST_LAG_NS
from engine.core.order_names import OrderName, client_order_id, is_ours
from engine.desks.desks import Desk
from engine.desks.venue import desk_venue
from engine.errors import EngineError, NotFlat, NotVerified
from engine.process.hints import pasteable
from engine.process.lock import ProcessLock
from engine.process.paths import made_private
from exchange.binance.rest import Rest
from exchange.binance.settings import VenueSettings
from exchange.binance.signing import Credentials
from exchange.binance.trading import StopSession
from exchange.errors import Refused, VenueError
from exchange.instrument import Instrument
from exchange.types import Place, Side

_VERIFIED = "verified: no open order of ours"
_VERIFY_S = 10.0  # and as long again as an order may take to be listed
_FLATTEN_S = 15.0
_POSITION_S = 3.0  # nothing rests by then; without an answer the position is not known
_PROBE_S = 1.0  # loopback: whoever has the port open accepts at once
_LOOK_AGAIN_S = 0.5
_OLDEST_ANSWER_S = REST_LAG_NS / 1e9
"""A venue's node may answer from as long ago: flat is what is still flat after it."""
_TOO_LARGE = -4005  # the quantity is above the maximum of one order


def last_word(desk: Desk, *, flatten: bool) -> str:
    """Cancel what a dead engine left and prove that none is left; close its position if asked.

    Returns:
        What is proven, in one line.

    Raises:
        NotVerified: When orders of ours remain, or the venue cannot be asked.
        NotFlat: When the position was to be closed and may remain.
    """
    config = desk.config
    if config is None:
        raise NotVerified(
            f"no record tells which venue desk {desk.name} traded on; name its config instead "
            "of its name (--config, --set)"
        )
    paths = made_private(desk.paths)
    account = paths.account_lock(config.desk.mode, config.desk.symbol, config.paper.port)
    others = pasteable("engine", "list")
    try:
        with (
            ProcessLock(paths.engine_lock, "an engine", f"stop that: {desk.commands.stop}"),
            ProcessLock(account, "an engine of another name", f"stop that one: {others}"),
        ):
            if somebody_listens(paths.socket):  # its lock was deleted; it makes it anew
                raise NotVerified(f"an engine listens on {paths.socket}; {desk.commands.stop}")
            text = asyncio.run(_last_word(desk, config, flatten=flatten))
            with suppress(OSError):  # it is only tidied away
                paths.socket.unlink()
            return text
    except (NotVerified, NotFlat):
        raise
    except EngineError as error:
        raise NotVerified(str(error)) from error


async def _last_word(desk: Desk, config: Config, *, flatten: bool) -> str:
    port = config.paper.port
    if desk.exchange_pid is None and _nobody_listens(port):
        return (
            f"nothing to stop: no paper exchange runs on port {port}, and with its process "
            "its orders and positions ended"
        )
    settings, credentials = desk_venue(config)
    with suppress(OSError):  # a full disk must keep no order resting
        wait_s = settings.listed_within_s
        text = (
            f"cancelling what is left, then {wait_s:.0f} s until no list of orders can lag behind"
        )
        print(f"engine: {text}", file=sys.stderr, flush=True)
    await _cancel_and_verify(settings, credentials)
    async with Rest.opened(settings, credentials) as venue:
        try:
            async with asyncio.timeout(_POSITION_S):
                instrument = await venue.instrument(settings.symbol)
                held_lots = (await venue.position(instrument)).lots
        except (VenueError, TimeoutError) as error:
            if flatten:
                raise NotFlat(f"{_VERIFIED}; NOT FLAT: position not known ({error})") from error
            return f"{_VERIFIED}; position not known ({error})"
        if flatten:
            await _flatten(venue, instrument)
            return f"{_VERIFIED}; flat"
    held = instrument.qty.text(held_lots)
    return f"{_VERIFIED}; position {held}" + (" stays" if held_lots else "")


def _nobody_listens(port: int) -> bool:
    """Does this machine refuse connections to a port? Then no process has it open."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=_PROBE_S):
            return False
    except ConnectionRefusedError:
        return True
    except OSError:
        return False


async def _cancel_and_verify(settings: VenueSettings, credentials: Credentials) -> None:
    troubles: list[str] = []
    session = StopSession(settings, credentials, troubles.append)
    try:
        async with session:
            # Nobody knows what the dead engine sent last, nor when: it may have been just now.
            left = await session.cancel_ours_and_verify(
                is_ours, _VERIFY_S + settings.listed_within_s
            )
    except VenueError as error:
        why = troubles[-1] if troubles else str(error)
        raise NotVerified(
            f"NOT VERIFIED: the venue cannot be asked ({why}); orders of ours may rest there, "
            "until its own switch cancels them 30 s after the engine's last word to it"
        ) from error
    if left:
        raise NotVerified(f"NOT VERIFIED: still open: {', '.join(left)}")


async def _flatten(venue: Rest, instrument: Instrument) -> None:
    """Close the position at market, until two looks in a row show none.

    Every order is reduce-only: one that is sent on an old answer, or twice because its state
    is unknown, can close less than it says but never open anything.

    Raises:
        NotFlat: When that is not proven in time.
    """
    seen, trouble, flat_looks, number = "unknown", "", 0, 0
    epoch = time.time_ns() // 1_000_000  # a younger run's, so that an engine that still lives halts
    held_lots, largest_lots = 0, 1 << 62
    deadline_s = time.monotonic() + _FLATTEN_S
    while time.monotonic() < deadline_s:
        try:
            held_lots = (await venue.position(instrument)).lots
            seen = instrument.qty.text(held_lots)
            flat_looks = 0 if held_lots else flat_looks + 1
            if flat_looks == 2:
                return
            if held_lots:
                number += 1
                lots = min(abs(held_lots), largest_lots)
                await venue.place(instrument, _closing(held_lots, lots, OrderName(epoch, number)))
        except Refused as refusal:
            trouble, flat_looks = str(refusal), 0
            if refusal.code == _TOO_LARGE:
                largest_lots = max(1, min(largest_lots, abs(held_lots)) // 2)
        except VenueError as error:
            trouble, flat_looks = str(error), 0
        await asyncio.sleep(_OLDEST_ANSWER_S if flat_looks else _LOOK_AGAIN_S)
    raise NotFlat(f"{_VERIFIED}; NOT FLAT: position {seen} stays ({trouble or 'not closed'})")


def _closing(held_lots: int, lots: int, name: OrderName) -> Place:
    return Place(
        request_id=name.number,
        client_order_id=client_order_id(name),
        side=Side.SELL if held_lots > 0 else Side.BUY,
        qty_lots=lots,
        price_ticks=0,
        market=True,
        reduce_only=True,
    )
