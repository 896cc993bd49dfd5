"""The embedded exchange over real loopback sockets."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson
import pytest
import websockets

from exchange.errors import SettingsError
from exchange.paper.server import serve
from exchange.paper.settings import SyntheticMarket
from tests.exchange.paper.bench import KEY, LIVELY, QUIET, paper_settings, signed


class Client:
    """An ordinary REST client of one exchange."""

    def __init__(self, port: int, http: aiohttp.ClientSession) -> None:
        self.port = port
        self._http = http

    async def ask(self, method: str, path: str, text: str = "") -> tuple[int, Any]:
        url = f"http://127.0.0.1:{self.port}{path}"
        form = {"Content-Type": "application/x-www-form-urlencoded", "X-MBX-APIKEY": KEY}
        async with self._http.request(method, url, data=text, headers=form) as answer:
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

    def listen(self, path: str) -> websockets.connect:
        return websockets.connect(f"ws://127.0.0.1:{self.port}{path}")

    async def listen_key(self) -> str:
        _, body = await self.ask("POST", "/fapi/v1/listenKey")
        return str(body["listenKey"])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def exchange(market: SyntheticMarket = QUIET) -> AsyncIterator[Client]:
    """An exchange that lives as long as the block."""
    port, ready = free_port(), asyncio.Event()
    async with asyncio.TaskGroup() as tasks, aiohttp.ClientSession() as http:
        server = tasks.create_task(serve(paper_settings(market, port), ready.set), name="exchange")
        await ready.wait()
        yield Client(port, http)
        server.cancel()


async def until(
    stream: websockets.ClientConnection, wanted: Callable[[dict[str, Any]], bool]
) -> list[dict[str, Any]]:
    """Every frame up to the wanted one."""
    seen: list[dict[str, Any]] = []
    while not seen or not wanted(seen[-1]):
        seen.append(orjson.loads(await stream.recv()))
    return seen


async def test_an_order_lives_and_dies_over_rest() -> None:
    async with exchange() as client:
        placed = await client.place("59999.0", timeInForce="GTX", newClientOrderId="a")
        crossing = await client.place("60001.0", timeInForce="GTX")
        first = await client.call("DELETE", "/fapi/v1/order", origClientOrderId="a")
        second = await client.call("DELETE", "/fapi/v1/order", origClientOrderId="a")

    assert (placed["status"], crossing["code"]) == ("NEW", -5022)
    assert (first["status"], second["code"]) == ("CANCELED", -2011)


async def test_bad_clocks_and_bad_signatures_are_told_apart() -> None:
    async with exchange() as client:
        stale = await client.ask("GET", "/fapi/v1/openOrders", signed({}, 1_700_000_000_000))
        _, clock = await client.ask("GET", "/fapi/v1/time")
        forged = signed({}, clock["serverTime"])[:-4] + "0000"
        wrong = await client.ask("GET", "/fapi/v1/openOrders", forged)

    assert (stale[0], stale[1]["code"]) == (400, -1021)
    assert (wrong[0], wrong[1]["code"]) == (400, -1022)


async def test_a_depth_stream_joins_its_snapshot_and_never_breaks_its_chain() -> None:
    async with exchange(LIVELY) as client, client.listen("/public/ws/btcusdt@depth@100ms") as feed:
        held = [orjson.loads(await feed.recv())]
        _, snapshot = await client.ask("GET", "/fapi/v1/depth?symbol=BTCUSDT&limit=1000")
        last_id = snapshot["lastUpdateId"]
        held += await until(feed, lambda diff: bool(diff["u"] > last_id))
        for _ in range(5):
            held.append(orjson.loads(await feed.recv()))
    kept = [diff for diff in held if diff["u"] >= last_id]

    assert kept[0]["U"] <= last_id <= kept[0]["u"]
    assert [diff["pu"] for diff in kept[1:]] == [diff["u"] for diff in kept[:-1]]


async def test_user_events_tell_a_fill() -> None:
    async with exchange() as client:
        key = await client.listen_key()
        async with client.listen(f"/private/ws?listenKey={key}") as events:
            await client.place("60000.4", newClientOrderId="taker")
            seen = await until(events, lambda event: bool(event["e"] == "ACCOUNT_UPDATE"))

    assert [event["e"] for event in seen] == [
        "ORDER_TRADE_UPDATE",
        "TRADE_LITE",
        "ORDER_TRADE_UPDATE",
        "ACCOUNT_UPDATE",
    ]
    assert seen[2]["o"]["X"] == "FILLED"
    assert seen[3]["a"]["P"][0]["pa"] == "0.010"


async def test_only_the_events_asked_for_are_heard() -> None:
    async with exchange() as client:
        key = await client.listen_key()
        path = f"/private/ws?listenKey={key}&events=ACCOUNT_UPDATE"
        async with client.listen(path) as events:
            await client.place("60000.4")
            first = orjson.loads(await events.recv())

    assert first["e"] == "ACCOUNT_UPDATE"


async def test_the_countdown_fires_by_itself() -> None:
    async with exchange() as client:
        key = await client.listen_key()
        async with client.listen(f"/private/stream?listenKey={key}") as events:
            await client.place("59999.0")
            await client.call("POST", "/fapi/v1/countdownCancelAll", countdownTime=50)
            seen = await until(events, lambda event: event["data"]["o"]["x"] == "CANCELED")

    assert seen[-1]["stream"] == key


async def test_subscribing_later_echoes_the_id_as_it_came() -> None:
    async with exchange(LIVELY) as client, client.listen("/public/stream") as feed:
        await feed.send('{"method":"SUBSCRIBE","params":["btcusdt@bookTicker"],"id":"a-b"}')
        answer = orjson.loads(await feed.recv())
        frame = orjson.loads(await feed.recv())
        await feed.send('{"method":"LIST_SUBSCRIPTIONS","id":7}')
        listed = await until(feed, lambda message: "result" in message)

    assert answer == {"result": None, "id": "a-b"}
    assert frame["stream"] == "btcusdt@bookTicker"
    assert listed[-1] == {"result": ["btcusdt@bookTicker"], "id": 7}


async def test_any_path_tail_is_accepted() -> None:
    """Some clients open a numbered path first and subscribe afterwards."""
    async with exchange(LIVELY) as client, client.listen("/market/ws/3") as feed:
        await feed.send('{"method":"SUBSCRIBE","params":["btcusdt@markPrice@1s"],"id":1}')
        seen = await until(feed, lambda message: message.get("e") == "markPriceUpdate")

    assert seen[0] == {"result": None, "id": 1}


async def test_text_that_is_not_json_ends_the_connection() -> None:
    async with exchange() as client, client.listen("/ws") as feed:
        await feed.send("hello")
        answer = orjson.loads(await feed.recv())
        await feed.wait_closed()

    assert answer["error"]["code"] == 3


async def test_stopping_says_goodbye_to_everyone() -> None:
    async with exchange(LIVELY) as client:
        feed = await client.listen("/ws/btcusdt@bookTicker")
    await feed.wait_closed()

    assert feed.close_code == 1001


async def test_a_taken_port_is_named_with_the_way_out() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        with pytest.raises(SettingsError, match=rf"port {port} .* --set paper\.port="):
            await serve(paper_settings(QUIET, port), lambda: None)


def test_the_exchange_starts_without_the_compiler() -> None:
    """It must be ready while its client still imports; numba alone takes longer than that."""
    code = "import sys, exchange.paper.server; print({'numba', 'numpy'} & set(sys.modules))"

    heard = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)

    assert heard.stdout.strip() == b"set()"


def test_the_venue_itself_knows_no_sockets() -> None:
    code = (
        "import sys, exchange.paper.api; "
        "print({'asyncio', 'aiohttp', 'websockets', 'numba'} & set(sys.modules))"
    )

    heard = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)

    assert heard.stdout.strip() == b"set()"
