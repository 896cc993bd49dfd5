"""Live driver: owns the sockets, the timer, the console and the stop path of one desk.

Paper, demo and live differ only in the address that the venue answers at. Whatever ends a
session, one path leads out: the gate is closed, then a REST session of its own cancels
what is ours and proves that nothing is left.
"""

import asyncio
import contextlib
import os
import signal
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import TypeAlias

import structlog

from engine.console.protocol import VERSION, Answer, CommandMessage, Goodbye, Role, Welcome
from engine.console.server import ConsoleServer
from engine.core.actions import Action
from engine.core.explain import evidence
from engine.core.flatten import PATIENCE_NS
from engine.core.operator import OperatorCommand, OperatorRefusal, refusal_among
from engine.core.order_names import is_ours
from engine.core.settings import STEP_NS
from engine.core.trader import Trader
from engine.errors import NotFlat, NotVerified, SessionCrashed, StartError
from engine.process.lock import KEEP_EVERY_NS, ProcessLock
from engine.process.paths import DeskPaths
from engine.view.desk_view import Preview
from engine.view.view_builder import ViewBuilder, preview
from exchange.binance.signing import Credentials
from exchange.binance.trading import BinanceVenue, StopSession, VenueSettings
from exchange.errors import InvariantBroken, VenueError
from exchange.types import Alert, Command, Event, Tick

_STOP_PATIENCE_S = 5.0
"""How long a stop waits for the trader to cancel, before the session of its own does it."""
_FLATTEN_PATIENCE_S = PATIENCE_NS / 1e9 + _STOP_PATIENCE_S
"""A flatten gives up by itself; this waits a little longer."""
_LAST_WORD_S = 10.0  # for the stop session, and as long again as an order may take to be listed
_QUEUE_LIMIT = 50_000
"""Unhandled events beyond which the engine is too far behind to be trusted with orders."""
_TOGETHER_LIMIT = 1_000
"""Events of one turn; after so many a stop or a panic has its turn."""
_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_URGENT = frozenset({Action.STOP, Action.PANIC})

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Asked:
    """Queued command: it waits for its turn, and knows where its answer goes."""

    message: CommandMessage
    answer: Callable[[Answer], None]


@dataclass(frozen=True, slots=True)
class Failed:
    """A failure outside the session's own tasks; it ends the session as one inside would."""

    error: Exception


Turn: TypeAlias = Asked | Failed | list[Event]


class Inputs:
    """Input queue of the trader, with an urgent lane that goes before the rest."""

    def __init__(self) -> None:
        self._first: deque[Asked | Failed] = deque()
        self._waiting: deque[Event | Asked] = deque()
        self._arrived = asyncio.Event()

    def put(self, item: Event | Asked) -> None:
        if len(self._waiting) >= _QUEUE_LIMIT:
            raise InvariantBroken(f"{_QUEUE_LIMIT} events wait unhandled")
        self._waiting.append(item)
        self._arrived.set()

    def put_first(self, item: Asked | Failed) -> None:
        self._first.append(item)
        self._arrived.set()

    def strike_out(self) -> list[Asked]:
        """Take back every command that still waits: a resume must not follow a later panic."""
        struck = [item for item in self._waiting if isinstance(item, Asked)]
        self._waiting = deque(item for item in self._waiting if not isinstance(item, Asked))
        return struck

    async def take(self) -> Turn:
        """What comes next; events that wait already come together, in order."""
        await asyncio.sleep(0)  # however much waits, sockets and signals have their turn
        while not (self._first or self._waiting):
            self._arrived.clear()
            await self._arrived.wait()
        if self._first:
            return self._first.popleft()
        together: list[Event] = []
        while self._waiting and len(together) < _TOGETHER_LIMIT:
            if isinstance(item := self._waiting[0], Asked):
                break
            together.append(item)
            self._waiting.popleft()
        if together:
            return together
        asked = self._waiting.popleft()
        assert isinstance(asked, Asked)
        return asked


class LiveDesk:
    """One trader on one venue, with its console.

    Args:
        trader: Fresh; this driver is its only feeder.
        venue_settings: Where the venue answers.
        paths: Socket of the console.
        engine_lock: Held by the caller, as is ``account_lock``.
        digest: Of the settings, sent to every console.
    """

    def __init__(
        self,
        trader: Trader,
        venue_settings: VenueSettings,
        credentials: Credentials,
        paths: DeskPaths,
        engine_lock: ProcessLock,
        account_lock: ProcessLock,
        digest: str,
    ) -> None:
        self._trader = trader
        self._settings = venue_settings
        self._credentials = credentials
        self._engine_lock, self._account_lock = engine_lock, account_lock
        self._alone_since_ns = time.monotonic_ns() - account_lock.idle_ns
        """Before that, orders of another engine of this desk may have been sent."""
        self._inputs = Inputs()
        self._venue = BinanceVenue(
            venue_settings, credentials, trader.instrument, self._inputs.put, _log_trouble
        )
        self._view_builder = ViewBuilder(trader)
        settings = trader.settings
        welcome = Welcome(
            version=VERSION,
            role=Role.WATCHER,
            pid=os.getpid(),
            config=settings.config,
            symbol=settings.symbol,
            digest=digest,
        )
        self._console = ConsoleServer(
            paths.socket, welcome, self._on_command, self._on_failure, trader.log.since
        )
        self._stopping = asyncio.Event()
        self._patience_s = _STOP_PATIENCE_S
        self._ending = False
        self._finished = asyncio.Event()

    async def run(self) -> None:
        """Trade until a stop; ends with no order of ours resting, proven.

        Raises:
            NotVerified: When that could not be proven.
            NotFlat: When it was, but a position that was to be closed is left.
        """
        await self._console.open()
        self._hear_signals(asyncio.get_running_loop())
        goodbye = Goodbye(verified=False, text="the engine was cut off before its last word")
        crash: BaseException | None = None
        try:
            await self._trade()
        except* Exception as group:
            crash = innermost(group)
            _tell("alarm", f"crashed: {crash!r}", crash)
        finally:
            self._end_commands()
            try:
                goodbye = await self._last_word()
            finally:
                await self._say_goodbye(goodbye)
                for number in _ENDING_SIGNALS:  # all is said; Python itself would reset a handler
                    signal.signal(number, signal.SIG_IGN)
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
                tasks.create_task(self._keep_files(), name="locks and socket"),
            ]
            await self._stopping.wait()
            await self._let_trader_finish()
            for child in children:
                child.cancel()

    async def _drive(self) -> None:
        """Feed the trader, whatever comes: all that reaches it comes through here."""
        while True:
            match await self._inputs.take():
                case Asked() as asked:
                    asked.answer(self._answer(asked.message))
                case Failed() as failed:
                    raise failed.error
                case list() as together:
                    self._carry_out(self._trader.receive(*together))
            if self._trader.finished:
                self._finished.set()

    def _carry_out(self, commands: list[Command]) -> None:
        for command in commands:
            if isinstance(command, Alert):
                log.log(_LEVELS[command.severity], command.text)
            elif not isinstance(command, OperatorRefusal):
                self._venue.send(command)

    async def _tick(self) -> None:
        """The 100 ms step, on a steady grid, and after each the view for the consoles."""
        next_ns = time.monotonic_ns()
        while True:
            next_ns += STEP_NS
            await asyncio.sleep(max(next_ns - time.monotonic_ns(), 0) / 1e9)
            now_ns = time.monotonic_ns()
            next_ns = max(next_ns, now_ns - STEP_NS)  # after a pause, no burst of late steps
            self._inputs.put(Tick(recv_ns=time.time_ns(), mono_ns=now_ns))
            if self._console.attached:
                self._console.publish(self._view_builder.build(time.time_ns(), now_ns))

    async def _keep_files(self) -> None:
        """Make locks and socket anew when somebody deleted them: the desk must stay reachable.

        The locks' first note of life comes before the first order: compiling may have taken
        minutes since they were taken.
        """
        reported = ""
        while True:
            trouble = ""
            try:
                self._engine_lock.keep()
                self._account_lock.keep()
                await self._console.keep()
            except (StartError, OSError) as error:
                trouble = str(error)
            if trouble and trouble != reported:
                log.warning(trouble)
            reported = trouble
            await asyncio.sleep(KEEP_EVERY_NS / 1e9)

    # ------------------------------------------------------------ the operator

    def _on_command(self, message: CommandMessage, answer: Callable[[Answer], None]) -> None:
        """Take a command in. Nothing that can fail stands before the note of a stop."""
        if message.action is Action.STOP:
            flattens = message.name == "flatten"
            self._patience_s = _FLATTEN_PATIENCE_S if flattens else _STOP_PATIENCE_S
            self._stopping.set()
        if self._ending:
            answer(_too_late(message))
        elif message.action in _URGENT:
            self._inputs.put_first(Asked(message, answer))
            for earlier in self._inputs.strike_out():
                earlier.answer(_overtaken(earlier.message, message.action))
        else:
            self._inputs.put(Asked(message, answer))

    def _on_failure(self, error: Exception) -> None:
        self._inputs.put_first(Failed(error))

    def _answer(self, message: CommandMessage) -> Answer:
        match message.action:
            case Action.PING:
                return Answer(message.command_id, accepted=True, text="here")
            case Action.PREVIEW:
                found = preview(self._trader, message.name, message.value)
                if isinstance(found, Preview):
                    return Answer(message.command_id, accepted=True, text="", preview=found)
                return Answer(message.command_id, accepted=False, text=found)
        commands = self._trader.receive(
            OperatorCommand(
                recv_ns=time.time_ns(),
                mono_ns=time.monotonic_ns(),
                action=message.action,
                name=message.name,
                value=message.value,
                expected=message.expected,
            )
        )
        self._carry_out(commands)
        problem = refusal_among(commands)
        return Answer(message.command_id, problem is None, problem or self._said(message.action))

    def _said(self, action: Action) -> str:
        """What was done by now; what has still to be proven is not said as done."""
        left = self._trader.left
        if left is None or action in (Action.SIDE_OFF, Action.SIDE_ON, Action.SET):
            return f"{action}: done"
        return f"{action}: {evidence(left)}"

    def _hear_signals(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let every signal that ends a process end the session instead.

        The handlers are Python's own: the loop's give way to killing as it closes, and a
        second signal would take a process that has only its exit code left to give.
        """

        def hear(number: int, _frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(self._stop_by_signal, number)

        for number in _ENDING_SIGNALS:
            signal.signal(number, hear)

    def _stop_by_signal(self, number: int) -> None:
        self._on_command(CommandMessage(0, Action.STOP, "keep"), lambda _answer: None)
        _tell("warning", f"{signal.Signals(number).name}: stopping")

    # ------------------------------------------------------------ the way out

    async def _let_trader_finish(self) -> None:
        """Give the trader's own cancels their time; the stop session follows in any case."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._finished.wait(), self._patience_s)

    def _end_commands(self) -> None:
        """Nobody obeys from here on: whoever waits for an answer gets this one."""
        self._ending = True
        for asked in self._inputs.strike_out():
            asked.answer(_too_late(asked.message))

    async def _last_word(self) -> Goodbye:
        """Cancel what is ours over a session of its own and prove that none is left."""
        try:
            goodbye = await self._cancel_and_verify()
        except (VenueError, TimeoutError) as error:
            text = f"NOT VERIFIED: the venue does not answer ({error}); orders may rest there"
            goodbye = Goodbye(verified=False, text=text)
        except Exception as error:  # whatever it is, nothing is proven
            text = f"NOT VERIFIED: the last word failed ({error!r}); orders may rest there"
            goodbye = Goodbye(verified=False, text=text)
        if not_flat := self._trader.not_flat:
            text = f"{goodbye.text}; {not_flat}"
            goodbye = Goodbye(verified=goodbye.verified, text=text, flat=False)
        proven = goodbye.verified and goodbye.flat
        _tell("info" if proven else "alarm", goodbye.text)
        return goodbye

    async def _cancel_and_verify(self) -> Goodbye:
        trader = self._trader
        patience_s = _LAST_WORD_S + self._settings.listed_within_s
        session = StopSession(self._settings, self._credentials)
        async with asyncio.timeout(patience_s + 1), session:
            left = await session.cancel_ours_and_verify(
                is_ours,
                patience_s,
                trader.owns,
                may_rest=trader.table.may_rest,
                unnamed_until_ns=self._alone_since_ns,
                keep_armed=trader.met_younger_run,
            )
        if left:
            return Goodbye(verified=False, text=f"NOT VERIFIED: still open: {', '.join(left)}")
        text = "verified: no open order of ours"
        if not trader.not_flat:
            text += f"; {trader.held_words}"
        if session.others:
            n, names = len(session.others), ", ".join(session.others)
            text += f"; {n} of another run of this desk left alone: {names}"
        return Goodbye(verified=True, text=text)

    async def _say_goodbye(self, goodbye: Goodbye) -> None:
        """Send it to the consoles; a failure there must not change what this process ends with."""
        try:
            await self._console.close(goodbye)
        except Exception as error:
            _tell("warning", f"the consoles could not be told: {error!r}")


def _too_late(message: CommandMessage) -> Answer:
    text = "the engine is ending: it cancels what is ours and verifies"
    return Answer(message.command_id, accepted=message.action in _URGENT, text=text)


def _overtaken(message: CommandMessage, by: Action) -> Answer:
    return Answer(message.command_id, accepted=False, text=f"{message.action}: overtaken by {by}")


def innermost(error: BaseException) -> BaseException:
    """The first failure inside nested groups: what started the fall."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


_LEVELS = {"info": 20, "warning": 30, "alarm": 40}


def _tell(severity: str, text: str, error: BaseException | None = None) -> None:
    """Log a line on the way out, where not even a log that fails may stand in the way."""
    with contextlib.suppress(Exception):
        log.log(_LEVELS[severity], text, exc_info=error)


def _log_trouble(text: str) -> None:
    log.warning(text)
