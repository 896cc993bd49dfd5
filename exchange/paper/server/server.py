"""Loopback server of the embedded exchange: sockets, clock and tasks around ``venue``."""

import asyncio
import gc
import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial

import orjson
from aiohttp import WSCloseCode, WSMsgType, web

from exchange.errors import Refused, SettingsError
from exchange.paper.api.dispatcher import Dispatcher
from exchange.paper.api.params import Params, error
from exchange.paper.api.rest import HttpAnswer, HttpRequest, RestApi
from exchange.paper.api.ws import WsSession
from exchange.paper.faults import plan
from exchange.paper.faults.delay_queue import DelayQueue
from exchange.paper.faults.depth_memory import DepthMemory
from exchange.paper.faults.faults import FaultHit, Faults, LostRequest, ServerFault, aims
from exchange.paper.faults.frame_faults import FrameFaults, label
from exchange.paper.faults.plan import FaultPlan
from exchange.paper.pubsub.pubsub import PubSub
from exchange.paper.server.admin import Admin
from exchange.paper.server.frame_writer import FrameWriter, Outlet, ping_frame, text_frame
from exchange.paper.server.half_sent import HalfSent, read_body
from exchange.paper.server.race import Race
from exchange.paper.server.stdout_writer import StdoutWriter
from exchange.paper.settings import PaperSettings
from exchange.paper.streams.stream_socket import (
    Close,
    Conversation,
    Due,
    Lifetime,
    StreamSocket,
)
from exchange.paper.venue.market import OpenRecorded, no_recordings
from exchange.paper.venue.venue import PaperVenue

HOST = "127.0.0.1"
TICK_S = 0.005
"""How often the venue's time advances; its dead man's switch is as fine as this."""

SLICE_NS = 2_000_000
"""How much of the past the market goes through before others have their turn."""

LONGEST_SLICED_NS = 30_000_000_000
"""After a longer sleep of the process the market's time advances at once, and it leaps."""

TRADING_PATH = "/ws-fapi/v1"
LONGEST_LINE = 65_536
"""Of a request: a batch of five orders may stand in the query."""

WATCH_S = 1.0  # what it watches for lasts ten seconds at least
STOP_S = 1.0  # a client that answers no close frame must not hold up the end

_STREAM_PATH = re.compile(r"/(?:(public|market|private)/)?(ws|stream)(?:/(.*))?")
_DEPTH = "GET /fapi/v1/depth"
_NAMED_ORDER = re.compile(r"(?:newClientOrderId|origClientOrderId)=([^&]*)")


_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""The first runs on while the machine sleeps, where there is such a clock."""


def _steady_ns() -> int:
    return time.clock_gettime_ns(_STEADY)


class SteadyClock:
    """Wall time at the start, carried on by a clock that nobody sets and that runs in suspend."""

    def __init__(self) -> None:
        self._offset_ns = time.time_ns() - _steady_ns()

    def now_ns(self) -> int:
        return _steady_ns() + self._offset_ns

    def now_ms(self) -> int:
        return self.now_ns() // 1_000_000


class Connection:
    """One open socket: who is connected, its outlet, and how long it may live."""

    def __init__(
        self, socket: web.WebSocketResponse, outlet: Outlet, talk: Conversation, now_ms: int
    ) -> None:
        self.socket = socket
        self.outlet = outlet
        self.talk = talk
        self.lifetime = Lifetime(now_ms)
        self.inward, self.outward = object(), object()
        """Lanes of what is late."""


class PaperServer:
    """One venue and everyone connected to it.

    Args:
        open_recorded: Opens markets that are recordings.
    """

    def __init__(
        self, settings: PaperSettings, open_recorded: OpenRecorded = no_recordings
    ) -> None:
        self.writer = FrameWriter()
        self._stdout = StdoutWriter()
        self.clock = SteadyClock()
        self.faults = Faults(settings.faults or FaultPlan(), self.clock.now_ms(), self._tell)
        self._pubsub = PubSub(strict=settings.strict, frame=text_frame)
        self.venue = PaperVenue(settings, self._pubsub, self.clock.now_ns(), open_recorded)
        self._dispatcher = Dispatcher(settings, self.venue, self.faults)
        self._api = RestApi(self._dispatcher, self.venue)
        self._port, self._admin_port = settings.port, settings.admin_port
        self._site: web.TCPSite | None = None
        self._log = _one_line_logger(self._stdout)
        self._admin = Admin(self.faults, self.venue.markets, self._log)
        self._half_sent = HalfSent()
        self._connections: set[Connection] = set()
        self._depths = {symbol: DepthMemory() for symbol in self.venue.markets}
        self._sooner = asyncio.Event()
        self._later = DelayQueue(self._sooner.set)
        self._race = Race(settings.seed, self._later, self._pubsub.publish, self.clock.now_ns)
        for client in self.venue.clients:
            client.user_stream.carry = self._race.carry
        if settings.faults is not None or settings.admin_port is not None:
            frame_faults = FrameFaults(
                self.faults, self._later, self._pubsub.deliver, self.clock.now_ns
            )
            self._pubsub.detour = frame_faults.carry

    def _tell(self, hit: FaultHit) -> None:
        self._stdout.say(f"fault {orjson.dumps(hit.as_row()).decode()}")

    async def run(self, ready: Callable[[], None]) -> None:
        """Serve until cancelled; see ``serve``."""
        self._http = web.Server(
            self.handle,
            access_log=None,
            logger=self._log,
            max_line_size=LONGEST_LINE,
            max_field_size=LONGEST_LINE,
        )
        self._runner = web.ServerRunner(self._http, shutdown_timeout=STOP_S)
        await self._runner.setup()
        admin = self._admin
        try:
            self._site = await self._open_port()
            if self._admin_port is not None:
                await admin.open(HOST, self._admin_port)
            async with asyncio.TaskGroup() as self._tasks:
                self._tasks.create_task(self._run_market(), name="paper market")
                self._tasks.create_task(self.writer.run(), name="paper frame writer")
                self._tasks.create_task(self._run_later(), name="paper delay queue")
                self._tasks.create_task(self._watch_connections(), name="paper connections")
                ready()
        finally:
            try:
                async with asyncio.timeout(3 * STOP_S):  # once for each of the three
                    await self._close_sockets()
                    await self._runner.cleanup()
                    await admin.close()
            finally:
                self._stdout.drain(STOP_S)

    async def _open_port(self) -> web.TCPSite:
        site = web.TCPSite(self._runner, HOST, self._port)
        try:
            await site.start()
        except OSError as error:
            raise SettingsError(
                f"port {self._port} on {HOST} is taken; choose another one with "
                f"--set paper.port={self._port + 1}"
            ) from error
        return site

    # ------------------------------------------------------------ time

    async def _run_market(self) -> None:
        """Advance the venue's time, for ever."""
        while True:
            await self._catch_up()
            self.writer.deliver()  # the market says nothing more until the next tick
            for symbol, market in self.venue.markets.items():
                for news in market.take_news():
                    self._stdout.say(f"exchange: {symbol} {news}")
            self._dispatcher.remember()
            if self.faults.remembers_depth:
                self._remember_depths()
            await asyncio.sleep(TICK_S)

    def _remember_depths(self) -> None:
        now_ms = self.venue.now_ms
        for symbol, memory in self._depths.items():
            if memory.due(now_ms):
                memory.keep(now_ms, self.venue.markets[symbol].market_data.depth(1000, now_ms))

    async def _catch_up(self) -> None:
        """Bring faults and venue to the present; what lies far behind it in slices."""
        for server_fault in self.faults.advance(self.clock.now_ms()):
            self._apply_fault(server_fault)
        while SLICE_NS < self.clock.now_ns() - self.venue.now_ns < LONGEST_SLICED_NS:
            self.venue.advance(self.venue.now_ns + SLICE_NS)
            self.writer.hurry()
            await asyncio.sleep(0)
        self.venue.advance(self.clock.now_ns())
        self.writer.hurry()

    async def _run_later(self) -> None:
        """Do what a fault has made late, for ever."""
        while True:
            self._sooner.clear()
            self._later.run(self.clock.now_ns())
            due_ns = self._later.next_ns
            wait_s = None if due_ns is None else max(due_ns - self.clock.now_ns(), 0) / 1e9
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._sooner.wait()

    async def _watch_connections(self) -> None:
        """Ping the quiet, give up the dead and end the old, for ever."""
        while True:
            self._half_sent.sweep(self._http, time.monotonic())
            self._admin.sweep(time.monotonic())
            now_ms = self.clock.now_ms()
            for connection in list(self._connections):
                outlet = connection.outlet
                match connection.lifetime.due(now_ms):
                    case Due.PING if not self._mutes(outlet):
                        outlet.transport.write(ping_frame(b"%d" % now_ms))
                    case Due.DROP:
                        outlet.transport.abort()
                    case Due.GOODBYE:
                        self._tasks.create_task(self._end(connection), name="a day is over")
            await asyncio.sleep(WATCH_S)

    # ------------------------------------------------------------ requests

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Any request on any path."""
        self._half_sent.served(request)
        try:
            return await self._respond(request)
        except ConnectionError:
            return web.Response()  # the client broke off, and nobody will read it
        except web.RequestPayloadError as error:
            answer = _json_error(Refused(-1000, f"The request's body cannot be read: {error}"))
            answer.force_close()  # whatever still comes is no request
            return answer

    async def _respond(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            if request.path == TRADING_PATH:
                return await self._serve_trading(request)
            if (stream_path := _STREAM_PATH.fullmatch(request.path)) is not None:
                return await self._serve_stream(request, stream_path)
        # Whatever is not ASCII was not percent-encoded, and no client signs it that way.
        path, _, query = request.raw_path.encode("ascii", "replace").decode().partition("?")
        body = (
            (await read_body(request)).decode("utf-8", "replace") if request.can_read_body else ""
        )
        asked = HttpRequest(request.method, path, query, body, request.headers.get("X-MBX-APIKEY"))
        if self.faults.triggers:
            answer = await self._answer_through_faults(request, asked)
        else:
            await self._catch_up()
            with self._race.call():
                answer = self._api.answer(asked)
        return web.Response(
            status=answer.status,
            body=answer.body,
            content_type="application/json",
            headers=answer.headers,
        )

    async def _answer_through_faults(
        self, request: web.BaseRequest, asked: HttpRequest
    ) -> HttpAnswer:
        call, named = f"{asked.method} {asked.path}", _NAMED_ORDER.search(asked.query + asked.body)
        order = named[1] if named else ""
        await self._catch_up()
        lost = self.faults.lost_request(call, order)
        if lost is not None:
            _abort(request)
            self._carry_out_unheard(lost, partial(self._api.answer, asked))
            raise ConnectionResetError("cut off by a fault")
        await asyncio.sleep(self.faults.delay_ms("request", call, order) / 1000)
        await self._catch_up()
        with self._race.call():
            answer = self._api.answer(asked)
        if call == _DEPTH and answer.status == 200:
            answer = self._perhaps_stale(asked, answer)
        if self.faults.drops_reply(call, order):
            _abort(request)
        await asyncio.sleep(self.faults.delay_ms("reply", call, order) / 1000)
        return answer

    def _carry_out_unheard(self, lost: LostRequest, answer: Callable[[], object]) -> None:
        """Let a request whose connection is gone arrive after all, where it does."""

        def arrive() -> None:
            self.venue.advance(self.clock.now_ns())
            answer()

        if lost.arrives_ms is not None:
            due_ns = self.clock.now_ns() + round(lost.arrives_ms * 1e6)
            self._later.put(arrive, due_ns, arrive)

    def _perhaps_stale(self, asked: HttpRequest, answer: HttpAnswer) -> HttpAnswer:
        age_ms = self.faults.stale_depth_ms(_DEPTH)
        if age_ms is None:
            return answer
        params = Params.from_form(asked.query, asked.body)
        memory = self._depths[params.need("symbol")]
        old = memory.recall(age_ms, params.number("limit") or 500, self.venue.now_ms)
        return answer if old is None else HttpAnswer(200, orjson.dumps(old), answer.headers)

    # ------------------------------------------------------------ sockets

    async def _serve_stream(
        self, request: web.BaseRequest, stream_path: re.Match[str]
    ) -> web.WebSocketResponse:
        prefix, framing, tail = stream_path.groups()
        names, events = _asked_for(request, tail or "")
        socket, transport = await _shake_hands(request)
        outlet = Outlet(
            self.writer,
            transport,
            prefix or "",
            combined=framing == "stream",
            events=events,
            muted=self._mutes,
        )
        talk = StreamSocket(self._pubsub, outlet.queue, self.clock.now_ms())
        connection = Connection(socket, outlet, talk, self.clock.now_ms())
        try:
            opening = talk.open(names)
            if opening.frame is not None:
                outlet.say(opening.frame)
            if opening.close is None:
                await self._converse(connection)
            else:
                await self._end(connection, opening.close)
        finally:
            self._pubsub.remove(outlet.queue)
        return socket

    async def _serve_trading(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            talk = WsSession(self._dispatcher, self.venue, request.query)
        except Refused as refused:
            return _json_error(refused)
        socket, transport = await _shake_hands(request)
        outlet = Outlet(self.writer, transport, TRADING_PATH.strip("/"), muted=self._mutes)
        await self._converse(Connection(socket, outlet, talk, self.clock.now_ms()))
        return socket

    async def _converse(self, connection: Connection) -> None:
        """Answer messages until either side ends it."""
        socket, outlet = connection.socket, connection.outlet
        self._connections.add(connection)
        try:
            async for message in socket:
                if message.type is WSMsgType.PONG:
                    connection.lifetime.heard_pong(self.clock.now_ms())
                elif message.type is WSMsgType.PING:
                    if not self.faults.silences(_labels(outlet), pongs=True):
                        await socket.pong(message.data)
                elif message.type is WSMsgType.TEXT:
                    close = await self._hear(connection, message.data)
                    if close is not None:
                        await self._end(connection, close)
                        return
        finally:
            self._connections.discard(connection)

    async def _hear(self, connection: Connection, text: str) -> Close | None:
        """Answer a text now, or see to it that it is answered when it has arrived."""
        call = connection.talk.call(text)
        if call:
            await self._catch_up()
        lost = self.faults.lost_request(call) if call else None
        if lost is not None:
            connection.outlet.transport.abort()
            self._carry_out_unheard(lost, lambda: connection.talk.answer(text, self.venue.now_ms))
            return None
        late_ms = self.faults.delay_ms("request", call) if call else 0.0
        if late_ms > 0 or self._later.holds(connection.inward):
            due_ns = self.clock.now_ns() + round(late_ms * 1e6)
            self._later.put(
                connection.inward, due_ns, partial(self._answer_late, connection, text, call)
            )
            return None
        return self._answer(connection, text, call)

    def _answer_late(self, connection: Connection, text: str, call: str) -> None:
        self.venue.advance(self.clock.now_ns())
        close = self._answer(connection, text, call)
        if close is not None:
            self._tasks.create_task(self._end(connection, close), name="end late")

    def _answer(self, connection: Connection, text: str, call: str) -> Close | None:
        with self._race.call():
            reply = connection.talk.answer(text, self.venue.now_ms if call else self.clock.now_ms())
        if call and self.faults.drops_reply(call):
            connection.outlet.transport.abort()
            return None
        if reply.frame is not None:
            late_ms = self.faults.delay_ms("reply", call) if call else 0.0
            if late_ms > 0 or self._later.holds(connection.outward):
                due_ns = self.clock.now_ns() + round(late_ms * 1e6)
                say = partial(connection.outlet.say, reply.frame)
                self._later.put(connection.outward, due_ns, say)
            else:
                connection.outlet.say(reply.frame)
        return reply.close

    async def _end(self, connection: Connection, close: Close | None = None) -> None:
        """Close from our side; by default because we go away."""
        close = close or Close(WSCloseCode.GOING_AWAY, "")
        self._pubsub.remove(connection.outlet.queue)  # nothing may follow a close frame
        connection.outlet.flush()
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_S):
                # A close frame holds 125 bytes, of which two are the code.
                await connection.socket.close(code=close.code, message=close.reason.encode()[:123])

    async def _close_sockets(self) -> None:
        """Close every connection at the same time."""
        async with asyncio.TaskGroup() as tasks:
            for connection in list(self._connections):
                tasks.create_task(self._end(connection), name="close paper socket")

    # ------------------------------------------------------------ server faults

    def _apply_fault(self, server_fault: ServerFault) -> None:
        match server_fault:
            case plan.Cut():
                for connection in self._connections:
                    if any(
                        aims(server_fault.streams, label) for label in _labels(connection.outlet)
                    ):
                        connection.outlet.transport.abort()
            case plan.ListenKeyLoss():
                for client in self.venue.clients:
                    if server_fault.announced:
                        client.user_stream.expire(self.venue.now_ms)
                    client.user_stream.end()
            case plan.Restart():
                self._tasks.create_task(self._restart(server_fault.for_s), name="paper restart")

    async def _restart(self, for_s: float) -> None:
        """Leave the network for so long; the venue goes on."""
        site, self._site = self._site, None
        if site is None:
            return  # gone already
        await site.stop()
        for handler in self._http.connections:
            if handler.transport is not None:
                handler.transport.abort()
        await asyncio.sleep(for_s)
        while self._site is None:
            try:
                self._site = await self._open_port()
            except SettingsError as error:
                self._stdout.say(f"exchange: cannot come back yet: {error}")
                await asyncio.sleep(WATCH_S)

    def _mutes(self, outlet: Outlet) -> bool:
        return self.faults.silences(_labels(outlet))


async def serve(
    settings: PaperSettings,
    ready: Callable[[], None],
    open_recorded: OpenRecorded = no_recordings,
) -> None:
    """Run one embedded exchange until cancelled.

    Args:
        ready: Called once, when the first request would be answered.
        open_recorded: Opens markets that are recordings.

    Raises:
        SettingsError: When a port is taken.
    """
    await PaperServer(settings, open_recorded).run(ready)


class _OneLine(logging.Handler):
    """Log handler: what a client did wrong below HTTP, without the stack that found it."""

    def __init__(self, stdout: StdoutWriter) -> None:
        super().__init__()
        self._stdout = stdout

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        cause = f": {error}".splitlines()[0] if error is not None else ""
        self._stdout.say(f"exchange: {record.getMessage()}{cause}")


def _one_line_logger(stdout: StdoutWriter) -> logging.Logger:
    logger = logging.Logger("exchange.paper.http")
    logger.addHandler(_OneLine(stdout))
    return logger


def settle_heap() -> None:
    """Keep what start-up has built out of every later collection of garbage.

    For a process that is an exchange and nothing else: looking through it all takes 15 ms, and
    whoever waits for an answer meanwhile waits as long.
    """
    gc.collect()
    gc.freeze()


async def _shake_hands(
    request: web.BaseRequest,
) -> tuple[web.WebSocketResponse, asyncio.Transport]:
    # Compression would be paid by the processor that trades. Pings are answered by us, since a
    # fault may want them unanswered.
    socket = web.WebSocketResponse(autoping=False, compress=False, timeout=STOP_S)
    await socket.prepare(request)
    if request.transport is None:
        raise ConnectionResetError("gone during the handshake")
    return socket, request.transport


def _json_error(refused: Refused) -> web.Response:
    return web.Response(
        status=refused.http_status,
        body=orjson.dumps(error(refused)),
        content_type="application/json",
    )


def _asked_for(request: web.BaseRequest, tail: str) -> tuple[list[str], dict[str, frozenset[str]]]:
    """Streams named in an address, and by listen key the events wanted of it."""
    query = request.query
    keys, wanted = query.getall("listenKey", []), query.getall("events", [])
    events = {
        key: frozenset(names.split("/")) for key, names in zip(keys, wanted, strict=False) if names
    }
    names = tail.split("/") + query.get("streams", "").split("/") + keys
    return [name for name in names if name], events


def _labels(outlet: Outlet) -> Iterator[str]:
    """What faults aim at by aiming at this socket."""
    yield f"{outlet.place}/"
    for name in outlet.queue.names:
        yield label(name, "")


def _abort(request: web.BaseRequest) -> None:
    if request.transport is not None:
        request.transport.abort()
