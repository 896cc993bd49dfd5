"""Embedded exchange on loopback for tests of other people's clients, with access of the test's own.

It lives in a thread of its own, so a client may block as long as it likes.
"""

import asyncio
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from exchange.paper.server.server import serve
from exchange.paper.settings import AccountSettings, SyntheticMarket
from tests.exchange.paper.bench import ACCOUNT, OTHER_ACCOUNT, QUIET, paper_settings
from tests.processes import free_port

SYMBOL = "BTCUSDT"
BEST_BID, BEST_ASK = 59_999.6, 60_000.4
"""The touch of ``QUIET`` while nobody trades."""

DEADLINE_S = 20.0
"""How long a test waits for what it expects; far beyond need, for a loaded machine."""


@dataclass(frozen=True)
class Account:
    """One of the exchange's accounts, used without anybody's client."""

    port: int
    settings: AccountSettings

    def ask(self, method: str, path: str, **params: object) -> Any:
        """The body of a signed request, an error's too."""
        text = urlencode(params | {"timestamp": time.time_ns() // 1_000_000})
        digest = hmac.new(self.settings.api_secret.encode(), text.encode(), "sha256").hexdigest()
        url = f"http://127.0.0.1:{self.port}{path}?{text}&signature={digest}"
        request = Request(url, method=method, headers={"X-MBX-APIKEY": self.settings.api_key})
        try:
            with urlopen(request, timeout=DEADLINE_S) as answer:
                return json.loads(answer.read())
        except HTTPError as refusal:
            with refusal:
                return json.loads(refusal.read())

    def take(self, side: str, price: float, quantity: float) -> None:
        """Trade at once against whatever rests at a price or better."""
        answer = self.ask(
            "POST",
            "/fapi/v1/order",
            symbol=SYMBOL,
            side=side,
            type="LIMIT",
            timeInForce="IOC",
            price=price,
            quantity=quantity,
            newOrderRespType="RESULT",
        )
        assert answer.get("executedQty") == f"{quantity:.3f}", answer


@dataclass(frozen=True)
class Exchange:
    """Running exchange: where it is, with two accounts: the client's and another."""

    port: int

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    @property
    def ours(self) -> Account:
        """The account that the client trades for."""
        return Account(self.port, ACCOUNT)

    @property
    def other(self) -> Account:
        """Somebody to trade with."""
        return Account(self.port, OTHER_ACCOUNT)

    def depth(self) -> Any:
        """The exchange's own book, whole."""
        return self.ours.ask("GET", "/fapi/v1/depth", symbol=SYMBOL, limit=1000)

    def open_ids(self) -> list[str]:
        """The client order ids that the exchange holds open for the client, sorted."""
        orders = self.ours.ask("GET", "/fapi/v1/openOrders", symbol=SYMBOL)
        return sorted(order["clientOrderId"] for order in orders)


@contextmanager
def exchange(
    market: SyntheticMarket = QUIET,
    accounts: tuple[AccountSettings, ...] = (ACCOUNT, OTHER_ACCOUNT),
) -> Iterator[Exchange]:
    """An exchange that lives as long as the block."""
    port, ready = free_port(), threading.Event()
    settings = replace(paper_settings(market, port), accounts=accounts)
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def live() -> None:
        async with asyncio.TaskGroup() as tasks:
            server = tasks.create_task(serve(settings, ready.set), name="exchange")
            await stop.wait()
            server.cancel()

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(live())

    thread = threading.Thread(target=run, name="exchange")
    thread.start()
    try:
        assert ready.wait(DEADLINE_S), "the exchange did not start"
        yield Exchange(port)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


def until(happened: Callable[[], bool]) -> None:
    """Ask again and again until it is so.

    Raises:
        TimeoutError: When it is not so for a long time.
    """
    ends_s = time.monotonic() + DEADLINE_S
    while not happened():
        if time.monotonic() > ends_s:
            raise TimeoutError("what the test waits for did not happen")
        time.sleep(0.01)


class Heard:
    """Messages that a client received, in order; give ``tell`` to it as the callback."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Any] = asyncio.Queue()
        self.all: list[Any] = []

    def tell(self, message: Any) -> None:
        self._queue.put_nowait(message)

    async def until(self, wanted: Callable[[Any], bool]) -> Any:
        """Listen on, up to the first message that is wanted, and return that.

        Raises:
            TimeoutError: When it does not come for a long time.
        """
        async with asyncio.timeout(DEADLINE_S):
            while True:
                message = await self._queue.get()
                self.all.append(message)
                if wanted(message):
                    return message
