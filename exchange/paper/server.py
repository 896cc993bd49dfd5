"""The embedded exchange on loopback: the sockets, the clock and the tasks around ``venue``."""

import asyncio
import re
import time
from collections.abc import Callable
from contextlib import suppress

from aiohttp import WSCloseCode, WSMsgType, web

from exchange.errors import SettingsError
from exchange.paper.api import HttpRequest, RestApi
from exchange.paper.courier import Courier, Line, ping_frame, text_frame
from exchange.paper.hub import Hub, Prefix
from exchange.paper.settings import PaperSettings
from exchange.paper.stream_socket import Conversation, Due, Lifetime, Reply, StreamSocket
from exchange.paper.venue import PaperVenue

HOST = "127.0.0.1"
BEAT_S = 0.005
"""How often the venue is told the time; its dead man's switch is as fine as this."""

SLICE_NS = 2_000_000
"""How much of the past the market lives through before others have their turn."""

LONGEST_SLICED_NS = 30_000_000_000
"""After a longer sleep of the process the market is told the time at once, and leaps."""

WATCH_S = 1.0
STOP_S = 1.0

_STREAM_PATH = re.compile(r"/(?:(public|market|private)/)?(ws|stream)(?:/(.*))?")


class SteadyClock:
    """Wall time at the start, carried on by the monotonic clock: setting the wall moves nothing."""

    def __init__(self) -> None:
        self._offset_ns = time.time_ns() - time.monotonic_ns()

    def now_ns(self) -> int:
        return time.monotonic_ns() + self._offset_ns

    def now_ms(self) -> int:
        return self.now_ns() // 1_000_000


class Connection:
    """One open socket: who talks there, its way out, and how long it may live."""

    def __init__(
        self, socket: web.WebSocketResponse, line: Line, talk: Conversation, now_ms: int
    ) -> None:
        self.socket = socket
        self.line = line
        self.talk = talk
        self.lifetime = Lifetime(now_ms)


class PaperServer:
    """One venue and everyone connected to it."""

    def __init__(self, settings: PaperSettings, *, strict: bool = False) -> None:
        self.courier = Courier()
        self.clock = SteadyClock()
        self._hub = Hub(strict=strict, frame=text_frame)
        self.venue = PaperVenue(settings, self._hub, self.clock.now_ns())
        self._api = RestApi(settings, self.venue)
        self._port = settings.port
        self._connections: set[Connection] = set()

    async def run(self, ready: Callable[[], None]) -> None:
        """Serve until cancelled; see ``serve``."""
        http = web.Server(self.handle, access_log=None)
        runner = web.ServerRunner(http, shutdown_timeout=STOP_S)
        await runner.setup()
        try:
            await self._open_port(runner)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.run_market(), name="paper market")
                tasks.create_task(self.courier.run(), name="paper courier")
                tasks.create_task(self.watch_connections(), name="paper connections")
                ready()
        finally:
            async with asyncio.timeout(3 * STOP_S):
                await self.close_sockets()
                await runner.cleanup()

    async def _open_port(self, runner: web.ServerRunner) -> None:
        try:
            await web.TCPSite(runner, HOST, self._port).start()
        except OSError as error:
            raise SettingsError(
                f"port {self._port} on {HOST} is taken; choose another one with "
                f"--set paper.port={self._port + 1}"
            ) from error

    # ------------------------------------------------------------ time

    async def run_market(self) -> None:
        """Tell the venue the time, for ever."""
        while True:
            await self._catch_up()
            await asyncio.sleep(BEAT_S)

    async def watch_connections(self) -> None:
        """Ping the quiet, give up the dead and end the old, for ever."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                now_ms = self.clock.now_ms()
                for connection in list(self._connections):
                    match connection.lifetime.due(now_ms):
                        case Due.PING:
                            connection.line.transport.write(ping_frame(b"%d" % now_ms))
                        case Due.DROP:
                            connection.line.transport.abort()
                        case Due.GOODBYE:
                            tasks.create_task(self._say_goodbye(connection), name="a day is over")
                await asyncio.sleep(WATCH_S)

    async def _catch_up(self) -> None:
        """Bring the venue to the present; what lies far behind it in slices."""
        while SLICE_NS < self.clock.now_ns() - self.venue.now_ns < LONGEST_SLICED_NS:
            self.venue.advance(self.venue.now_ns + SLICE_NS)
            await asyncio.sleep(0)
        self.venue.advance(self.clock.now_ns())

    # ------------------------------------------------------------ requests

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Any request on any path."""
        if request.headers.get("Upgrade", "").lower() == "websocket":
            stream_path = _STREAM_PATH.fullmatch(request.path)
            if stream_path is not None:
                return await self._serve_stream(request, stream_path)
        # Whatever is not ASCII was not percent-encoded, and no client signs it that way.
        path, _, query = request.raw_path.encode("ascii", "replace").decode().partition("?")
        body = (await request.read()).decode("utf-8", "replace") if request.can_read_body else ""
        await self._catch_up()
        answer = self._api.answer(
            HttpRequest(request.method, path, query, body, request.headers.get("X-MBX-APIKEY"))
        )
        return web.Response(
            status=answer.status,
            body=answer.body,
            content_type="application/json",
            headers=answer.headers,
        )

    # ------------------------------------------------------------ sockets

    async def _serve_stream(
        self, request: web.BaseRequest, stream_path: re.Match[str]
    ) -> web.WebSocketResponse:
        prefix, framing, tail = stream_path.groups()
        names, events = _asked_for(request, tail or "")
        socket, line = await self._open(
            request, Prefix(prefix or ""), combined=framing == "stream", events=events
        )
        talk = StreamSocket(self._hub, line.mailbox, self.clock.now_ms())
        opening = talk.open(names)
        try:
            await self._converse(socket, line, talk, opening)
        finally:
            self._hub.remove(line.mailbox)
        return socket

    async def _open(
        self,
        request: web.BaseRequest,
        prefix: Prefix,
        *,
        combined: bool,
        events: dict[str, frozenset[str]],
    ) -> tuple[web.WebSocketResponse, Line]:
        """Shake hands."""
        # Compression would be paid by the processor that trades. Pings are answered here, since
        # a fault may want them unanswered.
        socket = web.WebSocketResponse(autoping=False, compress=False, timeout=STOP_S)
        await socket.prepare(request)
        if request.transport is None:
            raise ConnectionResetError("gone during the handshake")
        line = Line(
            self.courier,
            request.transport,
            prefix,
            combined=combined,
            events=events,
            muted=lambda _line: False,
        )
        return socket, line

    async def _converse(
        self, socket: web.WebSocketResponse, line: Line, talk: Conversation, opening: Reply
    ) -> None:
        """Talk until either side ends it."""
        connection = Connection(socket, line, talk, self.clock.now_ms())
        self._connections.add(connection)
        try:
            if not await self._send(connection, opening):
                return
            async for message in socket:
                if message.type is WSMsgType.PONG:
                    connection.lifetime.heard_pong(self.clock.now_ms())
                elif message.type is WSMsgType.PING:
                    await socket.pong(message.data)
                elif message.type is WSMsgType.TEXT:
                    reply = talk.answer(message.data, self.clock.now_ms())
                    if not await self._send(connection, reply):
                        return
        finally:
            self._connections.discard(connection)

    async def _send(self, connection: Connection, reply: Reply) -> bool:
        """Say it; False when that was the last word."""
        if reply.frame is not None:
            connection.line.say(reply.frame)
        if reply.close is None:
            return True
        self._silence(connection)
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_S):
                await connection.socket.close(
                    code=reply.close.code, message=reply.close.reason.encode()[:123]
                )
        return False

    async def close_sockets(self) -> None:
        """Say goodbye to everyone at once."""
        async with asyncio.TaskGroup() as tasks:
            for connection in list(self._connections):
                tasks.create_task(self._say_goodbye(connection), name="close paper socket")

    async def _say_goodbye(self, connection: Connection) -> None:
        self._silence(connection)
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_S):
                await connection.socket.close(code=WSCloseCode.GOING_AWAY)

    def _silence(self, connection: Connection) -> None:
        """Nothing may follow a close frame."""
        self._hub.remove(connection.line.mailbox)
        connection.line.flush()


async def serve(
    settings: PaperSettings, ready: Callable[[], None], *, strict: bool = False
) -> None:
    """Run one embedded exchange until cancelled.

    Args:
        ready: Called once, when the first request would be answered.
        strict: Deliver streams as the venue does today: each on its own path alone.

    Raises:
        SettingsError: When the port is taken.
    """
    await PaperServer(settings, strict=strict).run(ready)


def _asked_for(request: web.BaseRequest, tail: str) -> tuple[list[str], dict[str, frozenset[str]]]:
    """Streams named in an address, and by listen key the events wanted of it."""
    query = request.query
    keys, wanted = query.getall("listenKey", []), query.getall("events", [])
    events = {
        key: frozenset(names.split("/")) for key, names in zip(keys, wanted, strict=False) if names
    }
    names = tail.split("/") + query.get("streams", "").split("/") + keys
    return [name for name in names if name], events
