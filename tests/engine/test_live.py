"""The live driver with real parts in one process: an exchange on loopback, a trader, a console.

Whatever ends a session, the exchange itself is asked whether anything of ours still rests.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

import engine.console.server
import engine.live
from engine.console.client import ConsoleClient
from engine.console.protocol import (
    CommandMessage,
    Goodbye,
    RecordsMessage,
    Role,
    ViewMessage,
)
from engine.core.actions import Action
from engine.core.log import Record
from engine.core.operator import OperatorCommand
from engine.core.order_names import is_ours
from engine.core.states import Mode, RiskState, SideReason
from engine.core.trader import Trader
from engine.errors import NotVerified, SessionCrashed
from engine.live import Asked, Failed, Inputs, LiveDesk
from engine.process.lock import ProcessLock
from engine.process.paths import DeskPaths
from engine.view.desk_view import DeskView
from engine.view.view_builder import ViewBuilder
from exchange.binance.settings import VenueSettings
from exchange.binance.signing import Credentials
from exchange.binance.trading import BinanceVenue, StopSession
from exchange.errors import InvariantBroken
from exchange.paper.settings import SyntheticMarket
from exchange.types import Cancel, Command, Event, Tick
from tests.engine.virtual_desk import CALM, GRID, MARKET, SETTINGS
from tests.exchange.paper.bench import KEY, SECRET
from tests.exchange.paper.live import Client, fragile_exchange

PATIENCE_S = 90.0
"""How long a session waits for what it expects; far beyond need, for a loaded machine."""
BUSY = replace(MARKET, A_per_s=30.0)
"""So many market orders that our quotes are filled within seconds."""
UNHURRIED = replace(SETTINGS, freshness_ms=30_000)
"""A busy machine makes the market data old; that is another test's concern."""
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class Fault(Exception):
    """What a part of the engine might raise."""


class Session:
    """One desk that runs, the exchange that it trades on, and a console that holds its keys."""

    def __init__(
        self, running: "asyncio.Task[None]", venue: Client, console: ConsoleClient
    ) -> None:
        self.running = running
        self.venue = venue
        self.console = console
        self.view: DeskView | None = None
        self.records: list[Record] = []
        self.goodbye: Goodbye | None = None
        self._heard = asyncio.Event()

    async def listen(self) -> None:
        """Hear what the engine says until it closes the line."""
        async for message in self.console.messages():
            match message:
                case ViewMessage():
                    self.view = message.view
                case RecordsMessage():
                    self.records += message.records
                case Goodbye():
                    self.goodbye = message
            self._heard.set()

    async def until(self, condition: Callable[[DeskView], bool]) -> DeskView:
        """The first view that meets a condition."""
        while self.view is None or not condition(self.view):
            await self._hear_more()
        return self.view

    async def until_read(self, text: str) -> None:
        """Until a record that ends so has come."""
        while not any(record.text.endswith(text) for record in self.records):
            await self._hear_more()

    async def last_word(self) -> Goodbye:
        """What the console is told as the session ends."""
        while self.goodbye is None:
            await self._hear_more()
        return self.goodbye

    async def _hear_more(self) -> None:
        self._heard.clear()
        await self._heard.wait()

    async def stop(self, position: str = "keep") -> Goodbye:
        """End the session as an operator does."""
        await self.console.ask(Action.STOP, position)
        await self.running
        return await self.last_word()

    async def open_orders(self) -> list[str]:
        """The client ids that the exchange holds open for the account."""
        orders = await self.venue.call("GET", "/fapi/v1/openOrders")
        return [order["clientOrderId"] for order in orders]

    async def held(self) -> str:
        """The position as the exchange has it."""
        (position,) = await self.venue.call("GET", "/fapi/v2/positionRisk")
        return str(position["positionAmt"])


def rests(view: DeskView) -> bool:
    """Do both sides quote, with orders that the venue has told of?"""
    resting = {order.side for order in view.orders if order.state == "resting"}
    reasons = {view.bid.reason, view.ask.reason}
    return reasons == {SideReason.QUOTING} and resting == {+1, -1}


def new_desk(paths: DeskPaths, port: int, locks: tuple[ProcessLock, ProcessLock]) -> LiveDesk:
    venue = VenueSettings(
        rest_url=f"http://127.0.0.1:{port}",
        stream_url=f"ws://127.0.0.1:{port}",
        symbol=GRID.symbol,
        recv_window_ms=5000,
        freshness_ms=UNHURRIED.freshness_ms,
        rest_lag_ms=0,
    )
    trader = Trader(UNHURRIED, GRID, Mode.PAPER, epoch=int("live", 36), own_in_book=True)
    return LiveDesk(trader, venue, Credentials(KEY, SECRET), paths, *locks, digest="d1")


@pytest.fixture
def paths() -> Iterator[DeskPaths]:
    """A folder short enough for a socket's path, which pytest's own are not."""
    with TemporaryDirectory(prefix="md") as folder:
        yield DeskPaths(Path(folder) / "desk")


@pytest.fixture
def locks(paths: DeskPaths) -> Iterator[tuple[ProcessLock, ProcessLock]]:
    paths.folder.mkdir()
    account = paths.account_lock("paper", GRID.symbol, 1)
    with (
        ProcessLock(paths.engine_lock, "an engine", "") as engine_lock,
        ProcessLock(account, "an engine", "") as account_lock,
    ):
        yield engine_lock, account_lock


@pytest.fixture
def signals() -> Iterator[None]:
    """A session takes the process's signals for good; the suite wants them back."""
    before = {number: signal.getsignal(number) for number in ENDING_SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def log() -> Iterator[list[EventDict]]:
    """What the engine logs, in place of its writing it."""
    with capture_logs() as lines:
        yield lines


Start = Callable[..., AbstractAsyncContextManager[Session]]


@pytest.fixture
def start(paths: DeskPaths, locks: tuple[ProcessLock, ProcessLock], signals: None) -> Start:
    """Begins a session; whatever of it is left at the end of the block is ended."""

    @asynccontextmanager
    async def session(market: SyntheticMarket = CALM) -> AsyncIterator[Session]:
        async with asyncio.timeout(PATIENCE_S), fragile_exchange(market) as venue:
            desk = new_desk(paths, venue.port, locks)
            running = asyncio.create_task(desk.run(), name="desk")
            try:
                console = await attached(paths, running)
                session = Session(running, venue, console)
                listening = asyncio.create_task(session.listen(), name="console")
                try:
                    yield session
                finally:
                    running.cancel()
                    await asyncio.wait([running, listening])
                    await console.close()
            finally:
                running.cancel()
                await asyncio.wait([running])  # also where no console could attach

    return session


async def attached(paths: DeskPaths, running: "asyncio.Task[None]") -> ConsoleClient:
    """A console of the engine that starts."""
    while not paths.socket.exists():
        assert not running.done(), running
        await asyncio.sleep(0)
    return await ConsoleClient.connect(paths.socket, Role.WRITER)


# ------------------------------------------------------------ trading


async def test_a_session_quotes_and_is_filled_and_knows_what_it_holds(start: Start) -> None:
    async with start(BUSY) as session:
        await session.until(rests)
        resting = await session.open_orders()
        await session.until(lambda view: view.money.maker_fills > 0)
        goodbye = await session.stop()
        held = await session.held()

    assert len(resting) > 0
    assert all(is_ours(name) for name in resting)
    assert goodbye.text == f"verified: no open order of ours; position {held}"


async def test_views_follow_each_other_and_every_record_comes_once(start: Start) -> None:
    async with start() as session:
        first = await session.until(rests)
        for gamma in (0.02, 0.03):
            await session.console.ask(Action.SET, "gamma", gamma)
            await session.until_read(f"-> {gamma}")
        second = await session.until(lambda view: view.quote.gamma == 0.03)
        await session.stop()

    assert second.uptime_s > first.uptime_s
    numbers = [record.number for record in session.records]
    assert numbers == list(range(1, len(numbers) + 1))


# ------------------------------------------------------------ the operator


async def test_a_command_is_obeyed_and_answered_and_seen_in_the_next_view(start: Start) -> None:
    async with start() as session:
        await session.until(rests)

        answer = await session.console.ask(Action.SET, "gamma", 0.02, UNHURRIED.gamma)
        view = await session.until(lambda view: view.quote.gamma != UNHURRIED.gamma)
        await session.stop()

    assert (answer.accepted, answer.text) == (True, "set: done")
    assert view.quote.gamma == 0.02


async def test_a_command_that_is_refused_says_why_and_changes_nothing(start: Start) -> None:
    async with start() as session:
        answer = await session.console.ask(Action.SET, "gamma", 0.02, 0.5)
        view = await session.until(rests)
        await session.stop()

    assert not answer.accepted
    assert "gamma is 0.01 by now" in answer.text
    assert view.quote.gamma == UNHURRIED.gamma


async def test_a_preview_is_answered_with_prices_and_changes_nothing(start: Start) -> None:
    async with start() as session:
        await session.until(rests)

        answer = await session.console.ask(Action.PREVIEW, "gamma", 1.0)
        nonsense = await session.console.ask(Action.PREVIEW, "gamma", -1.0)
        view = await session.until(rests)
        await session.stop()

    assert answer.preview is not None
    assert (answer.preview.old_value, answer.preview.new_value) == (0.01, 1.0)
    assert not nonsense.accepted
    assert view.quote.gamma == UNHURRIED.gamma


async def test_a_pause_sends_its_cancels_and_says_only_what_is_proven_by_then(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That nothing is left only the venue's own list tells."""
    sent: list[Command] = []
    send = BinanceVenue.send

    def note_and_send(venue: BinanceVenue, command: Command) -> None:
        sent.append(command)
        send(venue, command)

    monkeypatch.setattr(BinanceVenue, "send", note_and_send)
    async with start() as session:
        await session.until(rests)

        sent.clear()
        answer = await session.console.ask(Action.PAUSE)
        cancels = [command for command in sent if isinstance(command, Cancel)]
        await session.until(lambda view: view.left is not None and view.left.proven)
        resting = await session.open_orders()
        await session.stop()

    assert len(cancels) > 0
    assert answer.text.startswith("pause: gate closed; ")
    assert answer.text.endswith(" of ours being cancelled")
    assert resting == []


async def test_a_panic_overtakes_every_command_that_waits(start: Start) -> None:
    """All came in one breath; a resume that followed the panic would undo it."""
    async with start() as session:
        await session.until(rests)

        tuned, resumed, panicked, after = await asyncio.gather(
            session.console.ask(Action.SET, "gamma", 0.02),
            session.console.ask(Action.RESUME),
            session.console.ask(Action.PANIC),
            session.console.ask(Action.PING),
        )
        view = await session.until(lambda view: view.left is not None and view.left.proven)
        resting = await session.open_orders()
        await session.stop()

    assert (tuned.accepted, tuned.text) == (False, "set: overtaken by panic")
    assert (resumed.accepted, resumed.text) == (False, "resume: overtaken by panic")
    assert panicked.accepted
    assert (after.accepted, after.text) == (True, "here")
    assert view.quote.gamma == UNHURRIED.gamma
    assert view.risk is RiskState.HALTED
    assert resting == []


async def test_a_stop_overtakes_every_command_that_waits(start: Start) -> None:
    async with start() as session:
        await session.until(rests)

        tuned, stopped = await asyncio.gather(
            session.console.ask(Action.SET, "gamma", 0.02),
            session.console.ask(Action.STOP, "keep"),
        )
        await session.running

    assert (tuned.accepted, tuned.text) == (False, "set: overtaken by stop")
    assert stopped.accepted


async def test_a_command_while_the_session_ends_is_told_that_it_is_too_late(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stop is what happens already, so it counts as obeyed."""
    ending, may_end = asyncio.Event(), asyncio.Event()
    cancel_and_verify = LiveDesk._cancel_and_verify

    async def held_up(desk: LiveDesk) -> Goodbye:
        ending.set()
        await may_end.wait()
        return await cancel_and_verify(desk)

    monkeypatch.setattr(LiveDesk, "_cancel_and_verify", held_up)
    async with start() as session:
        await session.until(rests)
        await session.console.ask(Action.STOP, "keep")
        await ending.wait()

        answers = [await session.console.ask(action) for action in (Action.RESUME, Action.STOP)]
        may_end.set()
        await session.running

    assert [answer.accepted for answer in answers] == [False, True]
    assert {answer.text for answer in answers} == {
        "the engine is ending: it cancels what is ours and verifies"
    }


# ------------------------------------------------------------ the way out


async def test_a_stop_ends_with_nothing_of_ours_at_the_venue_and_spares_the_rest(
    start: Start, paths: DeskPaths
) -> None:
    async with start() as session:
        await session.until(rests)
        await session.venue.place("58000.0", newClientOrderId="web-1")

        goodbye = await session.stop()
        resting = await session.open_orders()

    assert (goodbye.verified, goodbye.flat) == (True, True)
    assert resting == ["web-1"]
    assert not paths.socket.exists()


async def test_a_stop_waits_no_longer_than_the_traders_own_cancels_take(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine.live, "_STOP_PATIENCE_S", 10 * PATIENCE_S)
    async with start() as session:
        await session.until(rests)

        goodbye = await session.stop()

    assert goodbye.verified


async def test_a_stop_that_flattens_ends_with_nothing_held(start: Start) -> None:
    async with start(BUSY) as session:
        await session.until(lambda view: view.inventory.position_lots != 0)

        goodbye = await session.stop("flatten")
        resting, held = await session.open_orders(), await session.held()

    assert goodbye.text == "verified: no open order of ours; position 0.000"
    assert resting == []
    assert float(held) == 0.0


async def test_a_signal_is_a_stop_and_later_ones_kill_nothing(start: Start) -> None:
    """By then the process has only its exit code left to give."""
    async with start() as session:
        await session.until(rests)

        signal.raise_signal(signal.SIGTERM)
        await session.running
        goodbye = await session.last_word()
        resting = await session.open_orders()

    assert goodbye.verified
    assert resting == []
    assert {signal.getsignal(number) for number in ENDING_SIGNALS} == {signal.SIG_IGN}


async def test_a_session_that_is_cancelled_takes_the_same_way_out(start: Start) -> None:
    async with start() as session:
        await session.until(rests)

        session.running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await session.running
        goodbye = await session.last_word()
        resting = await session.open_orders()

    assert goodbye.verified
    assert resting == []


def fail(*_arguments: object) -> None:
    raise Fault("told by the test")


@pytest.mark.parametrize(
    ("owner", "name"),
    [(Trader, "_decide"), (ViewBuilder, "build"), (Trader, "receive")],
    ids=["deciding", "drawing", "receiving"],
)
async def test_a_failure_of_any_part_cancels_what_rests_and_is_told(
    start: Start, monkeypatch: pytest.MonkeyPatch, owner: type, name: str
) -> None:
    async with start() as session:
        await session.until(rests)
        before = await session.open_orders()

        monkeypatch.setattr(owner, name, fail)
        with pytest.raises(SessionCrashed, match="verified: no open order of ours") as crash:
            await session.running
        goodbye = await session.last_word()
        after = await session.open_orders()

    assert isinstance(crash.value.__cause__, Fault)
    assert goodbye.verified
    assert len(before) > 0
    assert after == []


async def test_a_failure_at_the_stop_itself_ends_no_worse(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command that ends the session is the one that the strategy fails at."""
    async with start() as session:
        await session.until(rests)

        whole = Trader._apply

        def apply(trader: Trader, event: Event) -> None:
            if isinstance(event, OperatorCommand):
                fail()
            whole(trader, event)

        monkeypatch.setattr(Trader, "_apply", apply)
        session.console.say(Action.STOP, "keep")
        with pytest.raises(SessionCrashed, match="verified: no open order of ours"):
            await session.running
        resting = await session.open_orders()

    assert resting == []


async def test_a_failure_in_serving_a_console_ends_the_session(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop would have logged it and heard nobody; the desk quoted on."""
    async with start() as session:
        await session.until(rests)

        monkeypatch.setattr(engine.console.server, "_may", fail)
        session.console.say(Action.PAUSE)
        with pytest.raises(SessionCrashed) as crash:
            await session.running
        resting = await session.open_orders()

    assert isinstance(crash.value.__cause__, Fault)
    assert resting == []


async def test_an_engine_too_far_behind_gives_up_its_orders(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with start() as session:
        await session.until(rests)

        monkeypatch.setattr(engine.live, "_QUEUE_LIMIT", 0)
        with pytest.raises(SessionCrashed, match="events wait unhandled"):
            await session.running
        resting = await session.open_orders()

    assert resting == []


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("GET /fapi/v1/openOrders", "NOT VERIFIED: the venue does not answer"),
        ("DELETE *", "NOT VERIFIED: still open: mdesk-"),
    ],
    ids=["lists fail", "cancels fail"],
)
async def test_a_stop_that_proves_nothing_says_so(
    start: Start, monkeypatch: pytest.MonkeyPatch, call: str, said: str
) -> None:
    monkeypatch.setattr(engine.live, "_STOP_PATIENCE_S", 0.2)
    monkeypatch.setattr(engine.live, "_LAST_WORD_S", 0.0)  # beyond the receive window
    async with start() as session:
        await session.until(rests)
        await session.venue.arm(
            "refuse", at_s=0, rate=1.0, code=-1001, status=503, text="no", calls=[call]
        )

        with pytest.raises(NotVerified, match=said):
            await session.stop()
        goodbye = await session.last_word()

    assert not goodbye.verified
    assert goodbye.text.startswith(said)


async def test_a_failure_and_an_end_that_proves_nothing_are_both_told(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Orders that may rest come first: it is exit code 4, and the crash its cause."""
    monkeypatch.setattr(StopSession, "cancel_ours_and_verify", fail)
    async with start() as session:
        await session.until(rests)

        monkeypatch.setattr(Trader, "_decide", fail)
        with pytest.raises(NotVerified, match="NOT VERIFIED: the last word failed") as end:
            await session.running

    assert isinstance(end.value.__cause__, Fault)


async def test_a_socket_and_a_lock_that_are_deleted_come_back_while_it_trades(
    start: Start, paths: DeskPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever tidies the folder must not leave an engine that nobody can stop."""
    monkeypatch.setattr(engine.live, "KEEP_EVERY_NS", 10_000_000)
    async with start() as session:
        paths.socket.unlink()
        paths.engine_lock.unlink()
        await session.until(lambda _view: paths.socket.exists() and paths.engine_lock.exists())

        second = await attached(paths, session.running)
        await second.close()
        await session.stop()

    assert second.welcome.digest == "d1"


async def test_a_socket_that_cannot_be_made_anew_is_told_once_and_ends_nothing(
    start: Start, paths: DeskPaths, monkeypatch: pytest.MonkeyPatch, log: list[EventDict]
) -> None:
    monkeypatch.setattr(engine.live, "KEEP_EVERY_NS", 10_000_000)
    async with start() as session:
        first = await session.until(rests)
        paths.socket.unlink()
        paths.socket.mkdir()
        await session.until(lambda view: view.uptime_s > first.uptime_s + 0.5)
        goodbye = await session.stop()

    assert goodbye.verified
    assert [line["event"][:16] for line in log if line["log_level"] == "warning"] == [
        "cannot listen on",
        "stopping, positi",
    ]


# ------------------------------------------------------------ what waits for the trader


def tick(number: int) -> Event:
    return Tick(recv_ns=number, mono_ns=number)


def asked(action: Action) -> Asked:
    return Asked(CommandMessage(0, action), lambda _answer: None)


async def test_events_that_wait_come_together_and_commands_keep_their_place() -> None:
    inputs, pause = Inputs(), asked(Action.PAUSE)
    for item in (tick(1), tick(2), pause, tick(3)):
        inputs.put(item)

    turns = [await inputs.take() for _ in range(3)]

    assert turns == [[tick(1), tick(2)], pause, [tick(3)]]


async def test_what_goes_first_goes_before_all_that_waits() -> None:
    inputs = Inputs()
    panic, failed = asked(Action.PANIC), Failed(Fault())
    inputs.put(tick(1))
    inputs.put(asked(Action.RESUME))
    inputs.put_first(panic)
    inputs.put_first(failed)

    turns = [await inputs.take() for _ in range(3)]

    assert turns == [panic, failed, [tick(1)]]


async def test_a_stop_has_its_turn_within_a_thousand_events() -> None:
    inputs, stop = Inputs(), asked(Action.STOP)
    for number in range(1500):
        inputs.put(tick(number))

    first = await inputs.take()
    inputs.put_first(stop)
    second = await inputs.take()
    third = await inputs.take()

    assert isinstance(first, list)
    assert isinstance(third, list)
    assert (len(first), second, len(third)) == (1000, stop, 500)


async def test_commands_that_are_struck_out_are_given_back_and_events_stay() -> None:
    inputs = Inputs()
    tune, resume = asked(Action.SET), asked(Action.RESUME)
    for item in (tick(1), tune, tick(2), resume):
        inputs.put(item)

    assert inputs.strike_out() == [tune, resume]
    assert await inputs.take() == [tick(1), tick(2)]


async def test_taking_waits_for_what_comes() -> None:
    inputs = Inputs()
    taking = asyncio.create_task(inputs.take())
    for _ in range(5):
        await asyncio.sleep(0)
    waited = not taking.done()

    inputs.put(tick(1))

    assert waited
    assert await taking == [tick(1)]


def test_a_queue_that_nobody_empties_says_so() -> None:
    inputs = Inputs()
    for number in range(engine.live._QUEUE_LIMIT):
        inputs.put(tick(number))

    with pytest.raises(InvariantBroken, match="50000 events wait unhandled"):
        inputs.put(tick(0))
