"""The back door of the embedded exchange: see, arm and disarm faults while it runs.

Plain HTTP on a loopback port of its own, so that no client of the exchange can meet it.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Literal

import msgspec
import orjson
from aiohttp import web
from aiohttp.typedefs import Handler

from exchange.errors import SettingsError
from exchange.paper.fault_plan import parse_fault
from exchange.paper.faults import Faults
from exchange.paper.flow import Flow
from exchange.paper.market import Market
from exchange.types import Side

MOST_BODY_BYTES = 65_536


class Admin:
    """The endpoint and its port.

    ``GET /faults``, ``POST /faults`` (one fault, as a table of a fault file), ``DELETE
    /faults/{name}``, ``DELETE /faults``, ``GET /log``, and ``POST /wick`` with a ``symbol`` and
    the ``side`` of the takers who set it off. What is wrong with a request comes back as
    ``{"error": ...}``.
    """

    def __init__(self, faults: Faults, markets: Mapping[str, Market]) -> None:
        self._faults = faults
        self._markets = markets
        app = web.Application(client_max_size=MOST_BODY_BYTES, middlewares=[_in_json])
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
        self._runner = web.AppRunner(app, access_log=None)

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

    async def close(self) -> None:
        await self._runner.cleanup()

    async def _list(self, _request: web.Request) -> web.Response:
        return _json([armed.as_row() for armed in self._faults.armed])

    async def _arm(self, request: web.Request) -> web.Response:
        try:
            table = orjson.loads(await request.read())
            armed = self._faults.arm(parse_fault(table, "request"))
        except orjson.JSONDecodeError as error:
            return _error(f"request: is not JSON ({error}); send one fault as an object")
        except SettingsError as error:
            return _error(str(error))
        return _json(armed.as_row(), HTTPStatus.CREATED)

    async def _disarm(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if not self._faults.disarm(name):
            known = ", ".join(armed.name for armed in self._faults.armed) or "none"
            return _error(f"name: no fault is called {name}; armed: {known}", HTTPStatus.NOT_FOUND)
        return _json({})

    async def _disarm_all(self, _request: web.Request) -> web.Response:
        self._faults.disarm_all()
        return _json({})

    async def _wick(self, request: web.Request) -> web.Response:
        try:
            asked = msgspec.json.decode(await request.read(), type=_Wick)
        except msgspec.MsgspecError as error:
            return _error(f'request: {error}; send {{"symbol": "BTCUSDT", "side": "SELL"}}')
        market = self._markets.get(asked.symbol)
        if market is None:
            return _error(f"symbol: {asked.symbol} is none of {', '.join(self._markets)}")
        if not isinstance(market.background, Flow):
            return _error(f"symbol: {asked.symbol} is a recording, which goes its own way")
        market.background.wick(Side[asked.side])
        return _json({})

    async def _log(self, _request: web.Request) -> web.Response:
        return _json([strike.as_row() for strike in self._faults.log])


@web.middleware
async def _in_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Whatever is wrong with a request is told in the same way."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        return _error(f"{request.method} {request.path}: {error.reason}", HTTPStatus(error.status))
    except web.RequestPayloadError as error:
        return _error(f"request: cannot be read: {error}")


class _Wick(msgspec.Struct, forbid_unknown_fields=True):
    symbol: str
    side: Literal["BUY", "SELL"]


def _json(body: object, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json")


def _error(text: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> web.Response:
    return _json({"error": text}, status)
