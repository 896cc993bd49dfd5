"""Fake venue on loopback that misbehaves on command, one request at a time."""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar
from urllib.parse import parse_qsl

import orjson
from aiohttp import web
from aiohttp.test_utils import TestServer

from exchange.binance.settings import VenueSettings
from exchange.binance.signing import Credentials
from exchange.binance.trading import BinanceVenue
from exchange.instrument import Instrument
from exchange.types import Event

BTCUSDT = Instrument.from_steps("BTCUSDT", "0.1", "0.001")
CREDENTIALS = Credentials("key", "S")

MarketMessage = TypeVar("MarketMessage", bound=Event)

PLACE = "POST /fapi/v1/order"
CANCEL = "DELETE /fapi/v1/order"
QUERY = "GET /fapi/v1/order"
OPEN_ORDERS = "GET /fapi/v1/openOrders"
BATCH_CANCEL = "DELETE /fapi/v1/batchOrders"
COUNTDOWN = "POST /fapi/v1/countdownCancelAll"
DEPTH = "GET /fapi/v1/depth"
POSITION = "GET /fapi/v3/positionRisk"
BALANCE = "GET /fapi/v3/balance"
TIME = "GET /fapi/v1/time"
NEW_LISTEN_KEY = "POST /fapi/v1/listenKey"
KEEP_LISTEN_KEY = "PUT /fapi/v1/listenKey"


@dataclass(frozen=True)
class Fault:
    """What to do with one request instead of answering it well."""

    status: int = 0
    """0: cut the connection without an answer."""
    code: int = 0
    message: str = ""
    executed: bool = False
    """Do what was asked all the same."""
    headers: dict[str, str] = field(default_factory=dict)
    after_s: float = 0.0
    """How slow the venue is to say so."""

    def answer(self, request: web.Request) -> web.Response:
        if self.status == 0:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if self.code == 0:
            return web.Response(status=self.status, text=self.message, headers=self.headers)
        body = {"code": self.code, "msg": self.message}
        return web.json_response(body, status=self.status, headers=self.headers)


class FakeVenue:
    """Loopback venue: open orders, three streams and a list of faults to come."""

    def __init__(self) -> None:
        self.orders: dict[str, dict[str, Any]] = {}
        self.ended: dict[str, dict[str, Any]] = {}
        """Orders that were cancelled."""
        self.reads_lag_s = 0.0
        """How old the answers to reads of orders are."""
        self._placed_s: dict[str, float] = {}
        self._ended_s: dict[str, float] = {}
        self.trades: list[dict[str, Any]] = []
        self.faults: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.connected: asyncio.Queue[str] = asyncio.Queue()
        self.sockets: dict[str, web.WebSocketResponse] = {}
        self._transports: dict[str, asyncio.Transport] = {}
        self.clock_ahead_ms = 0
        self.keys_given = 0
        self.answers_held: asyncio.Event | None = None
        self._server = TestServer(self._application())

    async def __aenter__(self) -> Self:
        await self._server.start_server()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.close()

    @property
    def settings(self) -> VenueSettings:
        url = str(self._server.make_url("")).rstrip("/")
        return VenueSettings(
            rest_url=url,
            stream_url=url.replace("http", "ws"),
            symbol="BTCUSDT",
            recv_window_ms=1000,
            freshness_ms=60_000,
            rest_lag_ms=0,
            request_timeout_s=2.0,
        )

    def fail(self, endpoint: str, *faults: Fault) -> None:
        """Meet the next requests of an endpoint with these faults, one each."""
        self.faults[endpoint].extend(faults)

    def rest_order(self, client_order_id: str, age_s: float = 0.0) -> None:
        """Let an order stand in the book, whoever placed it."""
        self.orders[client_order_id] = _order(client_order_id, len(self.orders) + 1)
        self._placed_s[client_order_id] = time.monotonic() - age_s

    def times_asked(self, endpoint: str) -> int:
        return sum(each == endpoint for each, _ in self.asked)

    async def connection(self, path: str) -> None:
        """Wait until a client opens a socket on this path."""
        while await self.connected.get() != path:
            pass

    async def push(self, path: str, message: dict[str, Any]) -> None:
        await self.sockets[path].send_bytes(orjson.dumps(message))

    def drop_connection(self, path: str) -> None:
        """Cut a socket without saying goodbye."""
        self._transports[path].abort()

    # ------------------------------------------------------------ serving

    def _application(self) -> web.Application:
        application = web.Application()
        application.router.add_route("*", "/fapi/{tail:.*}", self._serve_rest)
        application.router.add_get("/{tail:.*}", self._serve_socket)
        return application

    async def _serve_rest(self, request: web.Request) -> web.Response:
        endpoint = f"{request.method} {request.path}"
        parameters = dict(parse_qsl(request.rel_url.raw_query_string))
        self.asked.append((endpoint, parameters))
        if self.answers_held is not None:
            await self.answers_held.wait()
        fault = self.faults[endpoint].popleft() if self.faults[endpoint] else None
        if fault is not None:
            if fault.executed:
                self._do(endpoint, parameters)
            await asyncio.sleep(fault.after_s)
            return fault.answer(request)
        status, body = self._do(endpoint, parameters)
        return web.json_response(body, status=status)

    async def _serve_socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        assert request.transport is not None
        self._transports[request.path] = request.transport
        self.sockets[request.path] = socket
        self.connected.put_nowait(request.path)
        async for _ in socket:
            pass
        return socket

    def _do(self, endpoint: str, asked: dict[str, str]) -> tuple[int, Any]:
        if "timestamp" in asked and abs(self._now_ms() - int(asked["timestamp"])) > 1000:
            return 400, {"code": -1021, "msg": "Timestamp for this request is outside."}
        return self._do_with_orders(endpoint, asked) or (200, self._tell(endpoint))

    def _do_with_orders(self, endpoint: str, asked: dict[str, str]) -> tuple[int, Any] | None:
        name = asked.get("origClientOrderId", "")
        match endpoint:
            case "POST /fapi/v1/order":
                name = asked["newClientOrderId"]
                self.orders[name] = _order(name, len(self.orders) + 1, asked)
                self._placed_s[name] = time.monotonic()
                return 200, self.orders[name]
            case "GET /fapi/v1/order":
                number = asked.get("orderId")
                known = self._as_read()
                numbered = (each for each in known.values() if str(each["orderId"]) == number)
                order = known.get(name) or next(numbered, None)
                return (200, order) if order else (400, {"code": -2013, "msg": "no such order"})
            case "DELETE /fapi/v1/order":
                return self._cancelled(name)
            case "DELETE /fapi/v1/batchOrders":
                names = orjson.loads(asked["origClientOrderIdList"])
                return 200, [self._cancelled(each)[1] for each in names]
            case "GET /fapi/v1/openOrders":
                return 200, [row for row in self._as_read().values() if row["status"] == "NEW"]
        return None

    def _as_read(self) -> dict[str, dict[str, Any]]:
        """Every order as a node that lags knows it, by client id."""
        then_s = time.monotonic() - self.reads_lag_s
        known: dict[str, dict[str, Any]] = {}
        for name, row in (self.orders | self.ended).items():
            if self._placed_s[name] <= then_s:
                over = self._ended_s.get(name, then_s + 1) <= then_s
                known[name] = {**row, "status": "CANCELED"} if over else row
        return known

    def _tell(self, endpoint: str) -> Any:
        match endpoint:
            case "GET /fapi/v3/positionRisk":
                return [
                    {
                        "symbol": "BTCUSDT",
                        "positionSide": "BOTH",
                        "positionAmt": "-0.004",
                        "entryPrice": "100.15",
                        "updateTime": 1002,
                    }
                ]
            case "GET /fapi/v3/balance":
                return [
                    {"asset": "BNB", "balance": "3", "updateTime": 1001},
                    {"asset": "USDT", "balance": "100.25", "updateTime": 1003},
                ]
            case "GET /fapi/v1/userTrades":
                return self.trades
            case "GET /fapi/v1/time":
                return {"serverTime": self._now_ms()}
            case "GET /fapi/v1/depth":
                return {"lastUpdateId": 7, "bids": [], "asks": []}
            case "POST /fapi/v1/listenKey":
                self.keys_given += 1
                return {"listenKey": f"k{self.keys_given}"}
            case "GET /fapi/v1/exchangeInfo":
                return {"symbols": [_listing()]}
        return {}

    def _now_ms(self) -> int:
        return time.time_ns() // 1_000_000 + self.clock_ahead_ms

    def _cancelled(self, client_order_id: str) -> tuple[int, dict[str, Any]]:
        order = self.orders.pop(client_order_id, None)
        if order is None:
            return 400, {"code": -2011, "msg": "Unknown order sent."}
        self.ended[client_order_id], self._ended_s[client_order_id] = order, time.monotonic()
        return 200, {**order, "status": "CANCELED"}


def _order(
    client_order_id: str, number: int, asked: dict[str, str] | None = None
) -> dict[str, Any]:
    asked = asked or {}
    return {
        "orderId": number,
        "clientOrderId": client_order_id,
        "symbol": "BTCUSDT",
        "status": "NEW",
        "side": asked.get("side", "BUY"),
        "price": asked.get("price", "100.0"),
        "origQty": asked.get("quantity", "0.003"),
        "executedQty": "0.000",
        "updateTime": 1_700_000_000_000,
    }


def _listing() -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT",
        "filters": [
            {"filterType": "PRICE_FILTER", "tickSize": "0.10"},
            {"filterType": "LOT_SIZE", "stepSize": "0.001"},
            {"filterType": "MIN_NOTIONAL", "notional": "100"},
            {"filterType": "SOMETHING_NEW"},
        ],
    }


class Heard:
    """Events and troubles that a venue client reported, in order."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self.troubles: asyncio.Queue[str] = asyncio.Queue()

    async def next(self, kind: type[MarketMessage]) -> MarketMessage:
        """Wait for the next event of a kind, past all others."""
        while True:
            event = await self.events.get()
            if isinstance(event, kind):
                return event


@asynccontextmanager
async def running(
    settings: VenueSettings, before: Callable[[BinanceVenue], None] = lambda _: None
) -> AsyncIterator[tuple[BinanceVenue, Heard]]:
    """A client of the venue with all its tasks alive, cancelled at the end."""
    heard = Heard()
    venue = BinanceVenue(
        settings, CREDENTIALS, BTCUSDT, heard.events.put_nowait, heard.troubles.put_nowait
    )
    before(venue)
    task = asyncio.create_task(venue.run(), name="venue")
    try:
        yield venue, heard
    finally:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()
