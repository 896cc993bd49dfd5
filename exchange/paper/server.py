"""The embedded exchange on loopback: the sockets, the clock and the tasks around ``venue``."""

import asyncio
import re
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import orjson
from aiohttp import WSCloseCode, WSMsgType, web

from exchange.errors import SettingsError
from exchange.paper.api.gate import Gate
from exchange.paper.api.rest import HttpRequest, RestApi
from exchange.paper.api.ws import WsSession
from exchange.paper.hub import Hub, Mailbox, Prefix
from exchange.paper.market import OpenRecorded, no_recordings
from exchange.paper.settings import PaperSettings
from exchange.paper.venue import PaperVenue

HOST = "127.0.0.1"
BEAT_S = 0.01
"""How often the venue is told the time; its dead man's switch is as fine as this."""

TRADING_PATH = "/ws-fapi/v1"
PING_S = 180.0
STOP_S = 1.0

_STREAM_PATH = re.compile(r"/(?:(public|market|private)/)?(ws|stream)(?:/(.*))?")


class SteadyClock:
    """Wall time at the start, carried on by the monotonic clock: setting the wall moves nothing."""

    def __init__(self) -> None:
        self._offset_ns = time.time_ns() - time.monotonic_ns()

    def now_ns(self) -> int:
        return time.monotonic_ns() + self._offset_ns


class PaperServer:
    """One venue and everyone connected to it."""

    def __init__(self, settings: PaperSettings, open_recorded: OpenRecorded) -> None:
        self._clock = SteadyClock()
        self._hub = Hub()
        self._venue = PaperVenue(settings, self._hub, self._clock.now_ns(), open_recorded)
        self._gate = Gate(settings, self._venue)
        self._api = RestApi(self._gate, self._venue)
        self._sockets: set[web.WebSocketResponse] = set()

    async def run_market(self) -> None:
        """Tell the venue the time, for ever."""
        while True:
            self._venue.advance(self._clock.now_ns())
            await asyncio.sleep(BEAT_S)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Any request on any path."""
        if request.headers.get("Upgrade", "").lower() == "websocket":
            if request.path == TRADING_PATH:
                return await self._serve_trading(request)
            stream_path = _STREAM_PATH.fullmatch(request.path)
            if stream_path is not None:
                return await self._serve_socket(request, stream_path)
        # Whatever is not ASCII was not percent-encoded, and no client signs it that way.
        path, _, query = request.raw_path.encode("ascii", "replace").decode().partition("?")
        body = (await request.read()).decode("utf-8", "replace")
        self._venue.advance(self._clock.now_ns())
        answer = self._api.answer(
            HttpRequest(request.method, path, query, body, request.headers.get("X-MBX-APIKEY"))
        )
        return web.Response(
            status=answer.status,
            body=answer.body,
            content_type="application/json",
            headers=answer.headers,
        )

    async def close_sockets(self) -> None:
        """Say goodbye to everyone at once."""
        async with asyncio.TaskGroup() as tasks:
            for socket in list(self._sockets):
                tasks.create_task(_say_goodbye(socket), name="close paper socket")

    # ------------------------------------------------------------ trading sockets

    async def _serve_trading(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(heartbeat=PING_S, compress=False, timeout=STOP_S)
        await socket.prepare(request)
        session = WsSession(self._gate, self._venue, request.query_string)
        self._sockets.add(socket)
        try:
            async for message in socket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    self._venue.advance(self._clock.now_ns())
                    await socket.send_frame(session.receive(message.data), WSMsgType.TEXT)
        except ConnectionError:
            pass  # the client has gone, and nobody is left to tell
        finally:
            self._sockets.discard(socket)
        return socket

    # ------------------------------------------------------------ stream sockets

    async def _serve_socket(
        self, request: web.Request, stream_path: re.Match[str]
    ) -> web.WebSocketResponse:
        # Compression would be paid by the processor that trades.
        socket = web.WebSocketResponse(heartbeat=PING_S, compress=False, timeout=STOP_S)
        await socket.prepare(request)
        prefix, framing, tail = stream_path.groups()
        waiting = asyncio.Event()
        asked_events = request.query.get("events")
        mailbox = Mailbox(
            Prefix(prefix or ""),
            waiting.set,
            partial(_hang_up, request),
            combined=framing == "stream",
            events=frozenset(asked_events.split("/")) if asked_events else None,
        )
        names = (tail or "").split("/") + request.query.get("streams", "").split("/")
        names += request.query.getall("listenKey", [])
        self._hub.subscribe(mailbox, filter(None, names))
        self._sockets.add(socket)
        try:
            async with asyncio.TaskGroup() as tasks:
                writer = tasks.create_task(
                    _write(socket, mailbox, waiting), name="paper socket writer"
                )
                await self._read(socket, mailbox)
                writer.cancel()
        finally:
            self._hub.remove(mailbox)
            self._sockets.discard(socket)
        return socket

    async def _read(self, socket: web.WebSocketResponse, mailbox: Mailbox) -> None:
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                continue
            try:
                asked = orjson.loads(message.data)
            except orjson.JSONDecodeError:
                await socket.send_json(_control_error(3, "Invalid JSON"))
                await socket.close(code=WSCloseCode.POLICY_VIOLATION)
                return
            mailbox.put(orjson.dumps(self._control(asked, mailbox)))

    def _control(self, asked: object, mailbox: Mailbox) -> dict[str, object]:
        """Answer one control message; any name can be subscribed, heard or not."""
        if not isinstance(asked, dict) or not isinstance(asked.get("method"), str):
            return _control_error(2, "Invalid request: method must be a string")
        result: object = None
        match asked["method"], asked.get("params", []):
            case "SUBSCRIBE", [*names] if all(isinstance(name, str) for name in names):
                self._hub.subscribe(mailbox, names)
            case "UNSUBSCRIBE", [*names] if all(isinstance(name, str) for name in names):
                self._hub.unsubscribe(mailbox, names)
            case "LIST_SUBSCRIPTIONS", _:
                result = list(mailbox.names)
            case "SET_PROPERTY", ["combined", bool(combined)]:
                mailbox.combined = combined
            case "GET_PROPERTY", ["combined"]:
                result = mailbox.combined
            case _:
                return _control_error(2, "Invalid request: unknown method or parameters")
        return {"result": result, "id": asked.get("id")}


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
        SettingsError: When the port is taken.
    """
    server = PaperServer(settings, open_recorded)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=STOP_S)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, HOST, settings.port).start()
        except OSError as error:
            raise SettingsError(
                f"port {settings.port} on {HOST} is taken; choose another one with "
                f"--set paper.port={settings.port + 1}"
            ) from error
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server.run_market(), name="paper market")
            ready()
    finally:
        async with asyncio.timeout(3 * STOP_S):
            await server.close_sockets()
            await runner.cleanup()


async def _write(socket: web.WebSocketResponse, mailbox: Mailbox, waiting: asyncio.Event) -> None:
    """Empty one mailbox into its socket, at the reader's own pace."""
    while True:
        await waiting.wait()
        waiting.clear()
        for frame in mailbox.take():
            try:
                await socket.send_frame(frame, WSMsgType.TEXT)
            except ConnectionError:
                return  # the reader sees the end of it too, and ends the connection


async def _say_goodbye(socket: web.WebSocketResponse) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(STOP_S):
            await socket.close(code=WSCloseCode.GOING_AWAY)


def _hang_up(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


def _control_error(code: int, text: str) -> dict[str, object]:
    return {"error": {"code": code, "msg": text}}
