"""Event race: an order's event or its answer comes first, by the seed; no stream is mixed up."""

import asyncio
import hmac
from urllib.parse import urlencode

import orjson
import pytest
from websockets import ClientConnection

from exchange.paper.faults.delay_queue import DelayQueue
from exchange.paper.server.race import LONGEST_LAG_NS, SLOW_SHARE, Race
from tests.exchange.paper.bench import KEY, SECRET
from tests.exchange.paper.live import Client, exchange

CALLS = 200


class Scene:
    """Event race on a clock that only the test moves."""

    def __init__(self, seed: int) -> None:
        self.now_ns = 0
        self.told: list[str] = []
        self.later = DelayQueue()
        self.race = Race(seed, self.later, lambda _, p: self.told.append(str(p["e"])), self._now)

    def _now(self) -> int:
        return self.now_ns

    def call(self, *events: str) -> bool:
        """Whether its events were sent before its answer left."""
        before = len(self.told)
        with self.race.call():
            for event in events:
                self.race.carry("key", {"e": event})
        return len(self.told) > before

    def wait(self) -> None:
        self.now_ns += LONGEST_LAG_NS
        self.later.run(self.now_ns)


def winners(seed: int) -> list[bool]:
    scene = Scene(seed)
    first = []
    for _ in range(CALLS):
        first.append(scene.call("NEW"))
        scene.wait()
    assert len(scene.told) == CALLS
    return first


def test_either_comes_first_as_the_seed_has_it() -> None:
    assert winners(1) == winners(1) != winners(2)
    assert 0.5 - SLOW_SHARE / 2 < sum(winners(1)) / CALLS < 0.9


@pytest.mark.parametrize("seed", range(20))
def test_no_event_passes_another_of_its_stream(seed: int) -> None:
    """Whether they come of calls or of the market."""
    scene = Scene(seed)
    for number in range(CALLS):
        if number % 3:
            scene.call(f"{number}a", f"{number}b")
        else:
            scene.race.carry("key", {"e": f"{number}a"})
            scene.race.carry("key", {"e": f"{number}b"})
        scene.now_ns += number % 5 * 1_000_000
        scene.later.run(scene.now_ns)
    scene.wait()

    assert scene.told == [f"{number}{half}" for number in range(CALLS) for half in "ab"]


async def order_by_socket(client: Client, talk: ClientConnection) -> None:
    _, clock = await client.ask("GET", "/fapi/v1/time")
    params = {
        "apiKey": KEY,
        "price": "59000.0",
        "quantity": "0.010",
        "side": "BUY",
        "symbol": "BTCUSDT",
        "timeInForce": "GTC",
        "timestamp": clock["serverTime"],
        "type": "LIMIT",
    }
    signature = hmac.new(SECRET.encode(), urlencode(params).encode(), "sha256").hexdigest()
    asked = {"id": 1, "method": "order.place", "params": params | {"signature": signature}}
    await talk.send(orjson.dumps(asked).decode())
    assert orjson.loads(await talk.recv())["status"] == 200


@pytest.mark.parametrize("door", ["REST", "the trading socket"])
async def test_both_orders_occur_by_either_door(door: str) -> None:
    """Ordinary orders, until the answer came first once, and the event once."""
    seen: set[str] = set()
    async with exchange() as client:
        key = await client.listen_key()
        async with (
            client.listen(f"/private/ws/{key}") as events,
            client.listen("/ws-fapi/v1") as talk,
        ):
            while seen != {"answer", "event"}:
                order: list[str] = []

                async def ask(order: list[str] = order) -> None:
                    if door == "REST":
                        await client.place("59000.0")
                    else:
                        await order_by_socket(client, talk)
                    order.append("answer")

                async def hear(order: list[str] = order) -> None:
                    assert orjson.loads(await events.recv())["o"]["x"] == "NEW"
                    order.append("event")

                await asyncio.gather(ask(), hear())
                seen.add(order[0])
                await client.call("DELETE", "/fapi/v1/allOpenOrders")
                assert orjson.loads(await events.recv())["o"]["x"] == "CANCELED"
