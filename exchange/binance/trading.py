"""Trading client: the venue as the trader knows it, commands in and events out, never a wait.

``BinanceVenue`` owns the sockets and the requests of one session. ``StopSession`` cancels and
verifies after it: it shares nothing with it, so that it works when all of it has failed.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from functools import partial
from types import TracebackType
from typing import NamedTuple, Self, TypeVar
from urllib.parse import quote

from exchange.binance.clock import VenueClock
from exchange.binance.connection import Backoff
from exchange.binance.errors import NotSent, Unproven
from exchange.binance.limits import BudgetCounts, RequestBudget
from exchange.binance.rest import BATCH_SIZE, Rest
from exchange.binance.settings import VenueSettings
from exchange.binance.signing import Credentials
from exchange.binance.streams import Stream
from exchange.binance.user_events import decode, fill_from_rest
from exchange.errors import Garbled, InvariantBroken, Refused, Unreachable, VenueError
from exchange.instrument import Instrument
from exchange.types import (
    AccountSnapshot,
    Alert,
    Cancel,
    ClockMeasured,
    Command,
    DepthSnapshot,
    Event,
    FetchAccount,
    FetchSnapshot,
    FetchTrades,
    Fill,
    Link,
    LinkDown,
    LinkUp,
    MarketFrame,
    OrderUpdate,
    Outcome,
    Place,
    QueryOrder,
    Reconnect,
    RefreshCountdown,
    Reply,
    Request,
    SyncClock,
    TradesSnapshot,
)

__all__ = ["BinanceVenue", "StopSession", "VenueSettings"]

PLACE_WORKERS = 4
CANCEL_WORKERS = 4
POLL_WORKERS = 2
"""Requests of a lane on their way at once, each on a connection of its own so that none waits
behind another."""
PLACE_PATIENCE_MS = 200
"""How long a placing may wait for a worker before it is too old to be sent."""
LANE_LENGTH = 256
"""Requests of one lane that may wait; beyond it a request is refused, not delayed."""
CLOCK_REFRESH_S = 180.0  # clocks drift, so it is measured every few minutes
PRIVATE_PING_S = 4.0  # silence is normal there: only an unanswered ping shows a dead connection
MARKET_FRESHNESS_MS = 5000  # the mark price comes every second, whatever happens
NAMES_KEPT = 20_000  # memory is bounded; the oldest is forgotten
DISARM_TIMEOUT_S = 2.0
"""Nothing of ours rests by then, so a process that ends waits no longer for it."""

Item = TypeVar("Item")


def _ignore(_trouble: str) -> None:
    pass


def _every(_client_order_id: str) -> bool:
    return True


class _Queued(NamedTuple):
    """A request that waits for a worker of its lane."""

    request: Request
    queued_ns: int


class BinanceVenue:
    """One symbol of one account: its three streams and its requests.

    Every ``Request`` sent ends as exactly one ``Reply``, unless the session is cancelled
    first. Placing, cancelling and asking have lanes of their own, each with its own workers
    and connections, so that none waits behind another.

    Args:
        settings: Where the venue is.
        credentials: Whose account.
        instrument: The symbol's grid.
        emit: Takes each event at once and in order.
        on_trouble: Takes a line of text for troubles that no event reports: a clock, listen
            key or snapshot request that failed and will be tried again.
    """

    def __init__(
        self,
        settings: VenueSettings,
        credentials: Credentials,
        instrument: Instrument,
        emit: Callable[[Event], None],
        on_trouble: Callable[[str], None] = _ignore,
    ) -> None:
        self._settings = settings
        self._credentials = credentials
        self._instrument = instrument
        self._emit = emit
        self._on_trouble = on_trouble
        self._clock = VenueClock(time.time_ns(), time.monotonic_ns())
        self._budget = RequestBudget()
        self._paths: asyncio.Queue[_Queued] = asyncio.Queue(LANE_LENGTH)
        self._cancels: asyncio.Queue[_Queued] = asyncio.Queue(LANE_LENGTH)
        self._polls: asyncio.Queue[_Queued] = asyncio.Queue(LANE_LENGTH)
        self._countdowns: asyncio.Queue[_Queued] = asyncio.Queue(LANE_LENGTH)
        # Of these only the newest matters.
        self._snapshots: asyncio.Queue[FetchSnapshot] = asyncio.Queue(1)
        self._clock_asks: asyncio.Queue[SyncClock] = asyncio.Queue(1)
        self._names: dict[int, str] = {}  # venue order id to client order id
        self._streams = {
            Link.PUBLIC: self._market_stream(
                Link.PUBLIC, "depth@100ms bookTicker", settings.freshness_ms
            ),
            Link.MARKET: self._market_stream(
                Link.MARKET,
                "aggTrade markPrice@1s",
                max(settings.freshness_ms, MARKET_FRESHNESS_MS),
            ),
        }

    # ------------------------------------------------------------ what the engine calls

    async def run(self) -> None:
        """Own every socket and request of the session; ends only by being cancelled."""
        async with (
            self._opened(PLACE_WORKERS) as orders,
            self._opened(CANCEL_WORKERS + 1) as cancels,  # the countdown's worker too
            self._opened(POLL_WORKERS + 3) as polls,  # listen key, clock and snapshots too
            asyncio.TaskGroup() as tasks,
        ):
            private = self._private_stream(polls)
            self._streams[Link.PRIVATE] = private
            for link, stream in self._streams.items():
                tasks.create_task(stream.run(), name=f"{link} stream")
            tasks.create_task(self._keep_listen_key(polls, private), name="listen key")
            tasks.create_task(self._keep_clock(polls), name="venue clock")
            tasks.create_task(self._fetch_snapshots(polls), name="depth snapshots")
            for lane, queue, rest, workers in (
                ("place", self._paths, orders, PLACE_WORKERS),
                ("cancel", self._cancels, cancels, CANCEL_WORKERS),
                ("poll", self._polls, polls, POLL_WORKERS),
                # A single worker, so that no arming ever overtakes a disarming.
                ("countdown", self._countdowns, cancels, 1),
            ):
                for number in range(workers):
                    tasks.create_task(self._answer_all(queue, rest), name=f"{lane} {number}")

    def send(self, command: Command) -> None:
        """Take a command; its answer, where it has one, comes as an event."""
        match command:
            case Place():
                self._queue(self._paths, command)
            case Cancel():
                self._queue(self._cancels, command)
            case QueryOrder() | FetchAccount() | FetchTrades():
                self._queue(self._polls, command)
            case FetchSnapshot():
                _replace(self._snapshots, command)
            case SyncClock():
                _replace(self._clock_asks, command)
            case RefreshCountdown():
                self._queue(self._countdowns, command)
            case Reconnect():
                if stream := self._streams.get(command.link):
                    stream.drop(command.reason)
            case Alert():
                pass  # for people
            case _:
                raise InvariantBroken(f"no venue can do {command!r}")

    def clock_offset_ms(self) -> float:
        """The venue's clock less ours; positive when ours is behind."""
        return self._clock.offset_ms(time.time_ns(), time.monotonic_ns())

    def clock_error_ms(self) -> float:
        """How wrong that may be; infinite until the venue's clock was asked."""
        return self._clock.error_ms

    def budget_counts(self) -> BudgetCounts:
        return self._budget.counts(self._clock.now_ms(time.monotonic_ns()))

    # ------------------------------------------------------------ requests

    def _queue(self, lane: asyncio.Queue[_Queued], request: Request) -> None:
        now_ns = time.monotonic_ns()
        try:
            lane.put_nowait(_Queued(request, now_ns))
        except asyncio.QueueFull:
            self._reply(request, now_ns, Outcome.REFUSED, 0, "too many requests are waiting")

    async def _answer_all(self, lane: asyncio.Queue[_Queued], rest: Rest) -> None:
        while True:
            request, queued_ns = await lane.get()
            await self._answer(request, queued_ns, rest)

    async def _answer(self, request: Request, queued_ns: int, rest: Rest) -> None:
        """Do one request and emit the one reply that ends it."""
        started_ns = time.monotonic_ns()
        waited_ms = (started_ns - queued_ns) // 1_000_000
        if isinstance(request, Place) and waited_ms > PLACE_PATIENCE_MS:
            # The venue's own guard counts from the stamp, which this order does not have yet;
            # and the trader may have panicked since.
            message = f"stale: waited {waited_ms} ms for its turn"
            self._reply(request, started_ns, Outcome.REFUSED, 0, message)
            return
        outcome, code, message, order = Outcome.DONE, 0, "", None
        try:
            order = await self._do(request, rest)
        except Refused as refusal:
            outcome, code, message = (
                Outcome.REFUSED,
                refusal.code,
                _described(refusal, refusal.message),
            )
        except NotSent as error:
            outcome, message = Outcome.REFUSED, _described(error, str(error))
        except Unproven as error:
            outcome, code, message = Outcome.UNKNOWN, error.code, _described(error, str(error))
        except (Unreachable, Garbled) as error:
            outcome, message = Outcome.UNKNOWN, _described(error, str(error))
        self._reply(request, started_ns, outcome, code, message, order)

    async def _do(self, request: Request, rest: Rest) -> OrderUpdate | None:
        match request:
            case Place():
                return self._noted(await rest.place(self._instrument, request))
            case Cancel():
                return self._noted(await rest.cancel(self._instrument, request.client_order_id))
            case QueryOrder():
                return self._noted(await rest.query(self._instrument, request.client_order_id))
            case RefreshCountdown():
                await rest.countdown(self._instrument.symbol, request.countdown_ms)
            case FetchAccount():
                self._emit(await self._account(rest))
            case FetchTrades():
                self._emit(await self._trades(rest, request.since_ms))
        return None

    async def _account(self, rest: Rest) -> AccountSnapshot:
        asked_ns = time.monotonic_ns()
        with _naming("open orders"):
            open_orders = await rest.open_orders(self._instrument)
        with _naming("position"):
            position = await rest.position(self._instrument)
        with _naming("wallet"):
            wallet = await rest.wallet(self._instrument)
        for order in open_orders:
            self._noted(order)
        return AccountSnapshot(
            recv_ns=time.time_ns(),
            mono_ns=time.monotonic_ns(),
            position_lots=position.lots,
            position_exch_ns=position.exch_ns,
            entry_price_e8=position.entry_price_e8,
            wallet_e8=wallet.balance_e8,
            wallet_exch_ns=wallet.exch_ns,
            open_orders=open_orders,
            asked_mono_ns=asked_ns,
        )

    async def _trades(self, rest: Rest, since_ms: int) -> TradesSnapshot:
        asked_ns = time.monotonic_ns()
        with _naming("own trades"):
            rows = await rest.user_trades(self._instrument.symbol, since_ms)
        fills: list[Fill] = []
        for row in rows:
            stamps = time.time_ns(), time.monotonic_ns()
            nameless = fill_from_rest(row, "", self._instrument, *stamps)
            with _naming("order of a trade"):
                number = row.get("orderId", 0)
                name = await self._client_order_id(rest, number, nameless.exch_ns)
            fills.append(fill_from_rest(row, name, self._instrument, *stamps))
        return TradesSnapshot(
            recv_ns=time.time_ns(),
            mono_ns=time.monotonic_ns(),
            fills=tuple(fills),
            since_ms=since_ms,
            asked_mono_ns=asked_ns,
        )

    async def _client_order_id(self, rest: Rest, venue_order_id: int, traded_ns: int) -> str:
        """Name of the order of a trade, or "" when the venue has forgotten it.

        Raises:
            Refused: Also with -2013 while a node that lags may not know the order yet:
                a trade booked without its name would leave its order waiting for it.
        """
        if venue_order_id not in self._names:
            age_ms = self._clock.now_ms(time.monotonic_ns()) - traded_ns // 1_000_000
            try:
                self._noted(await rest.query_by_venue_id(self._instrument, venue_order_id))
            except Refused as refusal:
                if refusal.code != -2013 or age_ms <= self._settings.rest_lag_ms:
                    raise
                return ""
        return self._names[venue_order_id]

    def _noted(self, order: OrderUpdate) -> OrderUpdate:
        """Remember the order's name, since lists of trades do not carry it."""
        self._names[order.venue_order_id] = order.client_order_id
        if len(self._names) > NAMES_KEPT:
            del self._names[next(iter(self._names))]
        return order

    def _reply(
        self,
        request: Request,
        started_ns: int,
        outcome: Outcome,
        code: int,
        message: str,
        order: OrderUpdate | None = None,
    ) -> None:
        now_ns = time.monotonic_ns()
        self._emit(
            Reply(
                recv_ns=time.time_ns(),
                mono_ns=now_ns,
                request_id=request.request_id,
                outcome=outcome,
                code=code,
                message=message,
                order=order,
                round_trip_ns=now_ns - started_ns,
            )
        )

    # ------------------------------------------------------------ what is kept up

    async def _fetch_snapshots(self, rest: Rest) -> None:
        while True:
            asked = await self._snapshots.get()
            await asyncio.sleep(asked.wait_ms / 1000)
            raw = await self._insist(
                "depth snapshot", lambda: rest.depth_snapshot(self._instrument.symbol)
            )
            self._emit(DepthSnapshot(recv_ns=time.time_ns(), mono_ns=time.monotonic_ns(), raw=raw))

    async def _keep_clock(self, rest: Rest) -> None:
        while True:
            await self._insist("clock", rest.sync_clock)
            now_ns = time.monotonic_ns()
            self._emit(
                ClockMeasured(
                    recv_ns=time.time_ns(),
                    mono_ns=now_ns,
                    venue_minus_mono_ns=self._clock.venue_minus_mono_ns,
                )
            )
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOCK_REFRESH_S):
                    await self._clock_asks.get()

    async def _keep_listen_key(self, rest: Rest, private: Stream) -> None:
        while True:
            await asyncio.sleep(self._settings.listen_key_refresh_s)
            try:
                await self._insist("listen key", rest.listen_key_keepalive, hopeless=(-1125,))
            except Refused as refusal:
                private.drop(str(refusal))  # the next connection asks for a new key

    async def _insist(
        self, what: str, ask: Callable[[], Awaitable[Item]], hopeless: tuple[int, ...] = ()
    ) -> Item:
        """Ask until it is answered, with growing waits; a hopeless code is raised instead."""
        backoff = Backoff(random.random)
        while True:
            try:
                return await ask()
            except VenueError as error:
                if isinstance(error, Refused) and error.code in hopeless:
                    raise
                self._on_trouble(f"{what}: {error}")
            await asyncio.sleep(backoff.next_ms() / 1000)

    # ------------------------------------------------------------ streams

    def _market_stream(self, link: Link, kinds: str, freshness_ms: int) -> Stream:
        symbol = quote(self._settings.symbol.lower())
        names = "/".join(f"{symbol}@{kind}" for kind in kinds.split())
        return Stream(
            f"{self._settings.stream_url.rstrip('/')}/{link}/stream?streams={names}",
            self._market_frame,
            partial(self._link_up, link),
            partial(self._link_down, link),
            freshness_ms=freshness_ms,
        )

    def _private_stream(self, rest: Rest) -> Stream:
        return Stream(
            partial(self._private_address, rest),
            self._private_frame,
            partial(self._link_up, Link.PRIVATE),
            partial(self._link_down, Link.PRIVATE),
            ping_interval_s=PRIVATE_PING_S,
        )

    async def _private_address(self, rest: Rest) -> str:
        key = await rest.listen_key_create()
        # Without a list of events some clients have received none.
        events = "ORDER_TRADE_UPDATE/ACCOUNT_UPDATE/listenKeyExpired"
        base = self._settings.stream_url.rstrip("/")
        return f"{base}/private/ws?listenKey={quote(key)}&events={events}"

    def _market_frame(self, raw: bytes, recv_ns: int, mono_ns: int) -> None:
        self._emit(MarketFrame(recv_ns=recv_ns, mono_ns=mono_ns, raw=raw))

    def _private_frame(self, raw: bytes, recv_ns: int, mono_ns: int) -> None:
        for event in decode(raw, self._instrument, recv_ns, mono_ns):
            if isinstance(event, OrderUpdate):
                self._noted(event)
            self._emit(event)

    def _link_up(self, link: Link) -> None:
        self._emit(LinkUp(recv_ns=time.time_ns(), mono_ns=time.monotonic_ns(), link=link))

    def _link_down(self, link: Link, reason: str) -> None:
        stamps = time.time_ns(), time.monotonic_ns()
        self._emit(LinkDown(recv_ns=stamps[0], mono_ns=stamps[1], link=link, reason=reason))

    def _opened(self, connections: int) -> AbstractAsyncContextManager[Rest]:
        return Rest.opened(
            self._settings, self._credentials, self._clock, self._budget, connections
        )


class StopSession:
    """Cancels what is ours and proves it, over connections of its own.

    Used as ``async with``. It reads nothing of an order but its client id, and it never
    touches an order that is not the desk's, nor one that the caller does not own.

    Args:
        settings: Where the venue is.
        credentials: Whose account.
        on_trouble: Takes a line of text for each request that failed on the way.
        look_again_s: Pause between two looks at the list of open orders.
    """

    def __init__(
        self,
        settings: VenueSettings,
        credentials: Credentials,
        on_trouble: Callable[[str], None] = _ignore,
        look_again_s: float = 0.5,
    ) -> None:
        self._settings = settings
        self._opened = Rest.opened(settings, credentials)
        self._on_trouble = on_trouble
        self._look_again_s = look_again_s
        self._left: list[str] | None = None  # what the last look showed; None if it failed
        self._unproven: dict[str, None] = {}  # ours by name that may rest; keeps its order
        self._ended: set[str] = set()  # of those, the ones whose end the venue itself reported
        self.others: list[str] = []
        """Client ids of the desk's that the last look showed and the caller does not own."""

    async def __aenter__(self) -> Self:
        self._venue = await self._opened.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._opened.__aexit__(kind, error, trace)

    async def cancel_ours_and_verify(
        self,
        is_ours: Callable[[str], bool],
        deadline_s: float,
        owns: Callable[[str], bool] = _every,
        *,
        may_rest: Iterable[str] = (),
        unnamed_until_ns: int | None = None,
        keep_armed: bool = False,
    ) -> list[str]:
        """Cancel our open orders until it is proven that none rests, then disarm the countdown.

        An order that we can name is proven gone by the venue's report of it: its answer to the
        cancel, or a query that shows its end. What lists of open orders leave out says nothing
        of an order sent within ``listed_within_s`` before, since the node that lists may lag;
        so for what has no such report, and what we cannot name, it takes two looks in a row,
        begun later than that, which show none.

        The countdown is the symbol's, not ours: while orders of ``others`` rest, it stays as
        it is.

        Args:
            is_ours: Which client ids are the desk's, of whatever run.
            deadline_s: When to give up; more than ``listed_within_s``, which it may take.
            owns: Which of those are the caller's; the rest is left alone, see ``others``.
            may_rest: Client ids of the caller's that may rest; cancelled without being seen.
            unnamed_until_ns: Monotonic: the last moment at which an order of the desk's can
                have been sent that ``may_rest`` does not name; by default now.
            keep_armed: Never disarm: somebody else may rely on it.

        Returns:
            Client ids of ours that the last look still showed; empty means verified.

        Raises:
            Unreachable: When at the deadline it is not known what is open.
        """
        if is_ours(""):
            raise InvariantBroken(
                "a rule that takes an empty id for ours would make every order ours"
            )
        self._unproven = {each: None for each in may_rest if is_ours(each)}
        if unnamed_until_ns is None:
            unnamed_until_ns = time.monotonic_ns()
        try:
            async with asyncio.timeout(deadline_s):
                await self._cancel_until_proven(is_ours, owns, unnamed_until_ns)
        except TimeoutError:
            if not self._left:
                raise Unreachable(
                    f"{self._settings.symbol}: open orders not verified in {deadline_s} s"
                ) from None
            return self._left
        if not keep_armed and not self.others:
            with suppress(TimeoutError):
                async with asyncio.timeout(DISARM_TIMEOUT_S):
                    await self._disarm()
        return []

    async def _cancel_until_proven(
        self,
        is_ours: Callable[[str], bool],
        owns: Callable[[str], bool],
        unnamed_until_ns: int,
    ) -> None:
        within_ns = round(self._settings.listed_within_s * 1e9)
        began_ns = time.monotonic_ns()
        self._left, clean_looks = None, 0
        await self._cancel_by_name()
        while True:
            looked_ns = time.monotonic_ns()
            try:
                self._left = await self._look(is_ours, owns)
            except VenueError as error:
                self._left = None
                self._on_trouble(f"stop: {error}")
            self._unproven.update(dict.fromkeys(self._left or ()))
            await self._cancel_by_name()
            sent_until_ns = max(began_ns, unnamed_until_ns) if self._unproven else unnamed_until_ns
            clean = self._left == [] and looked_ns >= sent_until_ns + within_ns
            clean_looks = clean_looks + 1 if clean else 0
            if clean_looks == 2:
                return
            await asyncio.sleep(self._look_again_s)

    async def _look(self, is_ours: Callable[[str], bool], owns: Callable[[str], bool]) -> list[str]:
        client_order_ids = await self._venue.open_client_ids(self._settings.symbol)
        desks = [each for each in client_order_ids if is_ours(each)]
        self.others = [each for each in desks if not owns(each)]
        return [each for each in desks if owns(each) and each not in self._ended]

    async def _cancel_by_name(self) -> None:
        """Cancel each that may rest; those whose end the venue reports are proven gone."""
        names = list(self._unproven)
        async with asyncio.TaskGroup() as tasks:
            for start in range(0, len(names), BATCH_SIZE):
                batch = names[start : start + BATCH_SIZE]
                tasks.create_task(self._cancel_batch(batch), name=f"cancel from {start}")

    async def _cancel_batch(self, names: list[str]) -> None:
        codes: list[int] = []
        try:
            codes = await self._venue.batch_cancel(self._settings.symbol, names)
        except VenueError as error:
            self._on_trouble(f"stop: {error}")
        cancelled = {name for name, code in zip(names, codes, strict=False) if code == 0}
        for name in names:
            # A refusal is no proof: the order may be over, or not have arrived yet.
            if name in cancelled or await self._has_ended(name):
                self._ended.add(name)
                self._unproven.pop(name, None)

    async def _has_ended(self, name: str) -> bool:
        try:
            return await self._venue.has_ended(self._settings.symbol, name)
        except Refused:
            return False  # not known there, or not yet
        except VenueError as error:
            self._on_trouble(f"stop: {error}")
            return False

    async def _disarm(self) -> None:
        while True:
            try:
                return await self._venue.countdown(self._settings.symbol, 0)
            except VenueError as error:
                self._on_trouble(f"countdown still armed: {error}")
            await asyncio.sleep(self._look_again_s)


@contextmanager
def _naming(call: str) -> Iterator[None]:
    """Let a failure inside say which of several calls it was."""
    try:
        yield
    except VenueError as error:
        error.add_note(call)
        raise


def _described(error: VenueError, message: str) -> str:
    return ": ".join([*getattr(error, "__notes__", ()), message])


def _replace(newest: asyncio.Queue[Item], item: Item) -> None:
    """Put an item where only the newest counts."""
    if newest.full():
        newest.get_nowait()
    newest.put_nowait(item)
