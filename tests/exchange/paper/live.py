"""Embedded exchange on loopback for tests, and an ordinary client of it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import orjson
import websockets

from exchange.paper.faults.plan import FaultPlan
from exchange.paper.server.server import serve
from exchange.paper.settings import SyntheticMarket
from tests.exchange.paper.bench import KEY, QUIET, paper_settings, signed


class Client:
    """Ordinary client of one exchange, and of its admin API where it has one."""

    def __init__(
        self, port: int, http: aiohttp.ClientSession, admin_port: int | None = None
    ) -> None:
        self.port = port
        self.http = http
        self.admin_port = admin_port

    async def ask(self, method: str, path: str, text: str = "") -> tuple[int, Any]:
        url = f"http://127.0.0.1:{self.port}{path}"
        form = {"Content-Type": "application/x-www-form-urlencoded", "X-MBX-APIKEY": KEY}
        async with self.http.request(method, url, data=text, headers=form) as answer:
            return answer.status, orjson.loads(await answer.read())

    async def call(self, method: str, path: str, **params: object) -> Any:
        """A signed request about the symbol, on the server's own clock."""
        _, clock = await self.ask("GET", "/fapi/v1/time")
        text = signed({"symbol": "BTCUSDT"} | params, clock["serverTime"])
        return (await self.ask(method, path, text))[1]

    async def place(self, price: str, **params: object) -> Any:
        order: dict[str, object] = {
            "side": "BUY",
            "type": "LIMIT",
            "timeInForce": "GTC",
            "quantity": "0.010",
            "price": price,
        }
        return await self.call("POST", "/fapi/v1/order", **(order | params))

    async def admin(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        url = f"http://127.0.0.1:{self.admin_port}{path}"
        headers = {"Content-Type": "application/json"}
        async with self.http.request(
            method, url, data=orjson.dumps(body), headers=headers
        ) as answer:
            return answer.status, orjson.loads(await answer.read())

    async def arm(self, kind: str, **keys: object) -> None:
        """Arm a fault now."""
        status, told = await self.admin("POST", "/faults", {"kind": kind} | keys)
        assert status == 201, told

    async def struck(self) -> list[str]:
        """What the faults have struck so far."""
        return [hit["struck"] for hit in (await self.admin("GET", "/log"))[1]]

    async def until_struck(self) -> None:
        while not await self.struck():
            pass

    def listen(self, path: str) -> websockets.connect:
        return websockets.connect(f"ws://127.0.0.1:{self.port}{path}")

    async def listen_key(self) -> str:
        _, body = await self.ask("POST", "/fapi/v1/listenKey")
        return str(body["listenKey"])


async def moments() -> AsyncIterator[None]:
    """When to look again: a poll without a pause meets the venue's limits on a fast machine."""
    while True:
        yield
        await asyncio.sleep(0.01)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def exchange(
    market: SyntheticMarket = QUIET,
    *,
    strict: bool = False,
    faults: FaultPlan | None = None,
    admin_port: int | None = None,
) -> AsyncIterator[Client]:
    """An exchange that lives as long as the block."""
    port, ready = free_port(), asyncio.Event()
    async with asyncio.TaskGroup() as tasks, aiohttp.ClientSession() as http:
        settings = replace(
            paper_settings(market, port), strict=strict, faults=faults, admin_port=admin_port
        )
        serving = serve(settings, ready.set)
        server = tasks.create_task(serving, name="exchange")
        await ready.wait()
        yield Client(port, http, admin_port)
        server.cancel()


@asynccontextmanager
async def fragile_exchange(market: SyntheticMarket = QUIET) -> AsyncIterator[Client]:
    """An exchange whose faults can be armed while it runs."""
    async with exchange(market, admin_port=free_port()) as client:
        yield client


async def until(
    stream: websockets.ClientConnection, wanted: Callable[[dict[str, Any]], bool]
) -> list[dict[str, Any]]:
    """Every frame up to the wanted one."""
    seen: list[dict[str, Any]] = []
    while not seen or not wanted(seen[-1]):
        seen.append(orjson.loads(await stream.recv()))
    return seen
