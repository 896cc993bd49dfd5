"""Admin API of the embedded exchange: see, arm and disarm faults while it runs.

Plain HTTP on a loopback port of its own, so that no client of the exchange can meet it. A web
page in a browser of this machine could: so it is answered only under a loopback name (against a
page whose own name was pointed here), without an ``Origin``, and with a body that says it is JSON,
which a page cannot send elsewhere without asking first.
"""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Literal

import msgspec
import orjson
from aiohttp import web
from aiohttp.typedefs import Handler

from exchange.errors import SettingsError
from exchange.paper.background.synthetic_flow import SyntheticFlow
from exchange.paper.faults.faults import Faults
from exchange.paper.faults.plan import parse_fault
from exchange.paper.server.half_sent import HalfSent, read_body
from exchange.paper.venue.market import Market
from exchange.types import Side

MOST_BODY_BYTES = 65_536  # a fault's table has some hundred

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
"""A page whose own name was pointed here sends that name as its host."""


class Admin:
    """Admin endpoint, on a port of its own.

    ``GET /faults``, ``POST /faults`` (one fault, as a table of a fault file), ``DELETE
    /faults/{name}``, ``DELETE /faults``, ``GET /log``, and ``POST /wick`` with a ``symbol`` and
    the ``side`` of the takers who set it off. What is wrong with a request comes back as
    ``{"error": ...}``.
    """

    def __init__(self, faults: Faults, markets: Mapping[str, Market], log: logging.Logger) -> None:
        self._faults = faults
        self._markets = markets
        self._half_sent = HalfSent()
        app = web.Application(client_max_size=MOST_BODY_BYTES, middlewares=[self._in_json])
        app.add_routes(
            [
                web.get("/faults", self._list),
                web.post("/faults", self._arm),
                web.delete("/faults", self._disarm_all),
                web.delete("/faults/{name}", self._disarm),
                web.get("/log", self._log),
                web.post("/wick", self._wick),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, logger=log)

    async def open(self, host: str, port: int) -> None:
        """Listen.

        Raises:
            SettingsError: When the port is taken.
        """
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError as error:
            raise SettingsError(
                f"admin port {port} on {host} is taken; choose another one"
            ) from error

    def sweep(self, now_s: float) -> None:
        """End the connections whose request never comes."""
        if self._runner.server is not None:
            self._half_sent.sweep(self._runner.server, now_s)

    async def close(self) -> None:
        await self._runner.cleanup()

    async def _list(self, _request: web.Request) -> web.Response:
        return _json([trigger.as_row() for trigger in self._faults.triggers])

    async def _arm(self, request: web.Request) -> web.Response:
        try:
            table = orjson.loads(await read_body(request))
            trigger = self._faults.arm(parse_fault(table, "request"))
        except orjson.JSONDecodeError as error:
            return _error(f"request: is not JSON ({error}); send one fault as an object")
        except SettingsError as error:
            return _error(str(error))
        return _json(trigger.as_row(), HTTPStatus.CREATED)

    async def _disarm(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if not self._faults.disarm(name):
            known = ", ".join(trigger.name for trigger in self._faults.triggers) or "none"
            return _error(f"name: no fault is called {name}; armed: {known}", HTTPStatus.NOT_FOUND)
        return _json({})

    async def _disarm_all(self, _request: web.Request) -> web.Response:
        self._faults.disarm_all()
        return _json({})

    async def _wick(self, request: web.Request) -> web.Response:
        try:
            asked = msgspec.json.decode(await read_body(request), type=_Wick)
        except msgspec.MsgspecError as error:
            return _error(f'request: {error}; send {{"symbol": "BTCUSDT", "side": "SELL"}}')
        market = self._markets.get(asked.symbol)
        if market is None:
            return _error(f"symbol: {asked.symbol} is none of {', '.join(self._markets)}")
        if not isinstance(market.background, SyntheticFlow):
            return _error(f"symbol: {asked.symbol} is a recording, which goes its own way")
        market.background.wick(Side[asked.side])
        return _json({})

    async def _log(self, _request: web.Request) -> web.Response:
        return _json([hit.as_row() for hit in self._faults.log])

    @web.middleware
    async def _in_json(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Whatever is wrong with a request is answered in the same way."""
        self._half_sent.served(request)
        foreign = _foreign(request)
        if foreign is not None:
            return _error(foreign, HTTPStatus.FORBIDDEN)
        try:
            return await handler(request)
        except web.HTTPException as error:
            what = f"{request.method} {request.path}: {error.reason}"
            return _error(what, HTTPStatus(error.status))
        except web.RequestPayloadError as error:
            answer = _error(f"request: cannot be read: {error}")
            answer.force_close()
            return answer


def _foreign(request: web.Request) -> str | None:
    """Why a request may come from a web page; None when no page can have sent it."""
    name = request.headers.get("Host", "").rpartition(":")[0] or request.headers.get("Host", "")
    if name not in _LOOPBACK:
        return f"Host: {name or 'none'} is not this machine; ask http://127.0.0.1 with the port"
    if "Origin" in request.headers:
        return "Origin: web pages are not answered; ask from a shell or a program"
    if request.method == "POST" and request.content_type != "application/json":
        return "Content-Type: must be application/json; curl's option for it is --json"
    return None


class _Wick(msgspec.Struct, forbid_unknown_fields=True):
    symbol: str
    side: Literal["BUY", "SELL"]


def _json(body: object, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json")


def _error(text: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> web.Response:
    return _json({"error": text}, status)
