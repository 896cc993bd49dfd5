"""The live driver: owns the sockets, the timer and the console of one desk, and its last word.

Paper, demo and live differ only in the address that the venue answers at. Whatever ends a
session, one path leads out: the gate is closed, then a REST session of its own cancels
what is ours and proves that nothing is left.
"""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator

import structlog

from engine.console import ConsoleServer
from engine.core.actions import Action
from engine.core.explain import evidence
from engine.core.flatten import PATIENCE_NS
from engine.core.operator import OperatorCommand
from engine.core.orders import PLACED, UNKNOWN
from engine.core.portrait import Portraitist, preview
from engine.core.settings import STEP_NS
from engine.core.trader import OUR_PREFIX, Trader
from engine.core.view import Preview
from engine.errors import NotFlat, NotVerified, SessionCrashed
from engine.places import Places
from engine.protocol import VERSION, Answer, CommandMessage, Goodbye, Role, Welcome
from exchange.binance.signing import Credentials
from exchange.binance.trading import BinanceVenue, StopSession, VenueSettings
from exchange.errors import InvariantBroken, VenueError
from exchange.types import Alert, Command, Event, Tick

_STOP_PATIENCE_S = 5.0
"""How long a stop waits for the trader to cancel, before the last word does it."""
_FLATTEN_PATIENCE_S = PATIENCE_NS / 1e9 + _STOP_PATIENCE_S
"""A flatten gives up by itself; this waits a little longer."""
_LAST_WORD_S = 10.0
_LOOK_AGAIN_S = 0.5
_QUEUE_LIMIT = 50_000
"""Unhandled events beyond which the engine is too far behind to be trusted with orders."""

log = structlog.get_logger()


class LiveDesk:
    """One trader on one venue, with its console.

    Args:
        trader: Fresh; this driver is its only feeder.
        venue_settings: Where the venue answers.
        places: Socket of the console; the engine's lock is held by the caller.
        digest: Of the settings, told to every console.
    """

    def __init__(
        self,
        trader: Trader,
        venue_settings: VenueSettings,
        credentials: Credentials,
        places: Places,
        digest: str,
    ) -> None:
        self._trader = trader
        self._settings = venue_settings
        self._credentials = credentials
        self._inputs: asyncio.Queue[Event] = asyncio.Queue()
        self._venue = BinanceVenue(
            venue_settings, credentials, trader.instrument, self._emit, _log_trouble
        )
        self._portraitist = Portraitist(trader)
        settings = trader.settings
        welcome = Welcome(
            version=VERSION,
            role=Role.WATCHER,
            pid=os.getpid(),
            config=settings.config,
            symbol=settings.symbol,
            digest=digest,
        )
        self._console = ConsoleServer(places.socket, welcome, self._on_command, trader.log.since)
        self._stopping = asyncio.Event()
        self._finished = asyncio.Event()

    async def run(self) -> None:
        """Trade until a stop; ends with no order of ours resting, proven.

        Raises:
            NotVerified: When that could not be proven.
            NotFlat: When it was, but a position that was to be closed is left.
        """
        await self._console.open()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            loop.add_signal_handler(number, self._stop_by_signal, number)
        goodbye = Goodbye(verified=False, text="the engine was cut off before its last word")
        crash: BaseException | None = None
        try:
            await self._trade()
        except* Exception as group:
            crash = innermost(group)
            log.exception("crashed")
        finally:
            try:
                goodbye = await self._last_word()
            finally:
                await self._console.close(goodbye)
        if not goodbye.verified:
            raise NotVerified(goodbye.text) from crash
        if crash is not None:
            raise SessionCrashed(f"crashed ({crash!r}); {goodbye.text}") from crash
        if not goodbye.flat:
            raise NotFlat(goodbye.text)

    async def _trade(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            children = [
                tasks.create_task(self._venue.run(), name="venue"),
                tasks.create_task(self._tick(), name="timer"),
                tasks.create_task(self._drive(), name="session"),
            ]
            await self._stopping.wait()
            await self._let_trader_finish()
            for child in children:
                child.cancel()

    async def _drive(self) -> None:
        """Feed the trader, whatever comes, in the order it came."""
        async for together in self._arrivals():
            self._carry_out(self._trader.receive(*together))
            if self._trader.finished:
                self._finished.set()

    async def _arrivals(self) -> AsyncIterator[list[Event]]:
        """Events as they come; those that wait already come together."""
        while True:
            together = [await self._inputs.get()]
            while not self._inputs.empty():
                together.append(self._inputs.get_nowait())
            yield together

    def _carry_out(self, commands: list[Command]) -> None:
        for command in commands:
            if isinstance(command, Alert):
                log.log(_LEVELS[command.severity], command.text)
            else:
                self._venue.send(command)

    async def _tick(self) -> None:
        """The 100 ms step, on a steady grid, and after each the view for the consoles."""
        next_ns = time.monotonic_ns()
        while True:
            next_ns += STEP_NS
            await asyncio.sleep(max(next_ns - time.monotonic_ns(), 0) / 1e9)
            now_ns = time.monotonic_ns()
            next_ns = max(next_ns, now_ns - STEP_NS)  # after a pause, no burst of late steps
            self._emit(Tick(recv_ns=time.time_ns(), mono_ns=now_ns))
            if self._console.attached:
                self._console.publish(self._portraitist.draw(time.time_ns(), now_ns))

    def _emit(self, event: Event) -> None:
        if self._inputs.qsize() >= _QUEUE_LIMIT:
            raise InvariantBroken(f"{_QUEUE_LIMIT} events wait unhandled")
        self._inputs.put_nowait(event)

    # ------------------------------------------------------------ the operator

    def _on_command(self, message: CommandMessage) -> Answer:
        match message.action:
            case Action.PING:
                return Answer(message.command_id, accepted=True, text="here")
            case Action.PREVIEW:
                found = preview(self._trader, message.name, message.value)
                if isinstance(found, Preview):
                    return Answer(message.command_id, accepted=True, text="", preview=found)
                return Answer(message.command_id, accepted=False, text=found)
        problem = self._operate(message.action, message.name, message.value, message.expected)
        return Answer(message.command_id, problem is None, problem or self._said(message.action))

    def _said(self, action: Action) -> str:
        """What was done by now; what has still to be proven is not said as done."""
        left = self._trader.left
        if left is None or action in (Action.SIDE_OFF, Action.SIDE_ON, Action.SET):
            return f"{action}: done"
        return f"{action}: {evidence(left)}"

    def _operate(
        self, action: Action, name: str = "", value: float = 0.0, expected: float | None = None
    ) -> str | None:
        command = OperatorCommand(
            recv_ns=time.time_ns(),
            mono_ns=time.monotonic_ns(),
            action=action,
            name=name,
            value=value,
            expected=expected,
        )
        problem, commands = self._trader.operate(command)
        self._carry_out(commands)
        if action is Action.STOP:
            self._stopping.set()
        return problem

    def _stop_by_signal(self, number: int) -> None:
        log.warning(f"{signal.Signals(number).name}: stopping")
        self._operate(Action.STOP, "keep")

    # ------------------------------------------------------------ the way out

    async def _let_trader_finish(self) -> None:
        """Give the trader's own cancels their time; the last word comes in any case."""
        patience_s = _FLATTEN_PATIENCE_S if self._trader.flatten.closing else _STOP_PATIENCE_S
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._finished.wait(), patience_s)

    async def _last_word(self) -> Goodbye:
        """Cancel what is ours over a session of its own and prove that none is left."""
        not_flat = self._trader.not_flat
        held = self._trader.instrument.qty.text(self._trader.ledger.position_lots)
        # A placing whose fate is open may still arrive until its stamp is too old.
        open_fates = self._trader.table.count(PLACED, UNKNOWN) > 0
        look_again_s = self._settings.recv_window_ms / 1000 if open_fates else _LOOK_AGAIN_S
        patience_s = _LAST_WORD_S + look_again_s
        session = StopSession(self._settings, self._credentials, look_again_s=look_again_s)
        try:
            async with asyncio.timeout(patience_s + 1), session:
                left = await session.cancel_ours_and_verify(OUR_PREFIX, patience_s)
        except (VenueError, TimeoutError) as error:
            text = f"NOT VERIFIED: the venue does not answer ({error}); orders may rest there"
            return _last_words(False, text, not_flat, flat=not not_flat)
        if left:
            text = f"NOT VERIFIED: still open: {', '.join(left)}"
            return _last_words(False, text, not_flat, flat=not not_flat)
        proof = "verified: no open order of ours"
        return _last_words(True, proof, not_flat or f"position {held}", flat=not not_flat)


def _last_words(verified: bool, proof: str, position: str, *, flat: bool) -> Goodbye:
    """The engine's end, told to its log and to every console."""
    text = f"{proof}; {position}" if position else proof
    log.log(_LEVELS["info" if verified and flat else "alarm"], text)
    return Goodbye(verified=verified, text=text, flat=flat)


def innermost(error: BaseException) -> BaseException:
    """The first failure inside nested groups: what started the fall."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


_LEVELS = {"info": 20, "warning": 30, "alarm": 40}


def _log_trouble(text: str) -> None:
    log.warning(text)
