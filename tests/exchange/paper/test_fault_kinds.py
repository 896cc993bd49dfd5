"""Fault kinds, each on a real exchange, met by a real client."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from itertools import pairwise
from typing import TextIO

import aiohttp
import orjson
import pytest
import websockets

from exchange.errors import SettingsError
from exchange.paper.faults import plan
from exchange.paper.faults.plan import FaultPlan
from exchange.paper.server.server import serve
from tests.exchange.paper.bench import KEY, LIVELY, QUIET, paper_settings, signed
from tests.exchange.paper.live import Client, exchange, fragile_exchange, free_port, moments, until

PLACE = "POST /fapi/v1/order"


@asynccontextmanager
async def private(client: Client) -> AsyncIterator[websockets.ClientConnection]:
    """The user's own stream."""
    key = await client.listen_key()
    async with client.listen(f"/private/ws/{key}") as events:
        yield events


async def is_open(client: Client, client_order_id: str) -> bool:
    found = await client.call("GET", "/fapi/v1/openOrder", origClientOrderId=client_order_id)
    return "orderId" in found


async def until_answered(client: Client) -> None:
    """Ask until somebody listens again; on loopback it is known at once that nobody does."""
    while True:
        with suppress(aiohttp.ClientConnectionError):
            await client.ask("GET", "/fapi/v1/ping")
            return


def constant(ms: float) -> dict[str, object]:
    return {"distribution": "constant", "ms": ms}


# ---------------------------------------------------------------- sockets


async def test_cut_ends_the_sockets_aimed_at_without_a_word() -> None:
    async with (
        fragile_exchange(LIVELY) as client,
        client.listen("/public/ws/btcusdt@bookTicker") as book,
        private(client) as events,
    ):
        await client.arm("cut", at_s=0, streams=["public/*"])
        await book.wait_closed()
        await client.place("59000.0")
        told = orjson.loads(await events.recv())
        struck = await client.struck()

    assert book.close_code == 1006
    assert told["e"] == "ORDER_TRADE_UPDATE"
    assert struck == ["public/*"]


async def test_stall_leaves_the_socket_open_and_silent_for_its_time() -> None:
    async with fragile_exchange() as client, private(client) as events:
        await client.arm("stall", at_s=0, for_s=0.3, streams=["private/*"])
        await client.place("59000.0", newClientOrderId="unheard")
        await (await events.ping())
        hearing = asyncio.create_task(events.recv())
        async for _ in moments():
            await client.place("59000.1", newClientOrderId="heard")
            await client.call("DELETE", "/fapi/v1/order", origClientOrderId="heard")
            if hearing.done():
                break
        told = orjson.loads(hearing.result())

    assert told["o"]["c"] == "heard"


async def test_stall_can_withhold_pongs() -> None:
    async with fragile_exchange() as client, client.listen("/public/ws") as feed:
        await client.arm("stall", at_s=0, for_s=60, pongs=False)
        await client.until_struck()
        pong = await feed.ping()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(pong, 0.2)


@pytest.mark.parametrize("announced", [True, False])
async def test_a_listen_key_is_lost_with_or_without_a_word(announced: bool) -> None:
    async with fragile_exchange() as client, private(client) as events:
        key = await client.listen_key()
        await client.arm("listen_key_loss", at_s=0, announced=announced)
        await client.until_struck()
        status, body = await client.ask("PUT", "/fapi/v1/listenKey")
        await client.place("59000.0")
        if announced:
            assert orjson.loads(await events.recv())["listenKey"] == key
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(events.recv(), 0.05)

    assert (status, body["code"]) == (400, -1125)


async def test_restart_drops_everyone_and_forgets_no_order() -> None:
    async with fragile_exchange() as client, private(client) as events:
        await client.place("60000.4", newClientOrderId="bought")
        await client.place("59000.0", newClientOrderId="kept")
        await client.arm("restart", at_s=0, for_s=0.3)
        await events.wait_closed()
        with pytest.raises(aiohttp.ClientConnectionError):
            await client.ask("GET", "/fapi/v1/ping")
        await until_answered(client)
        open_orders = await client.call("GET", "/fapi/v1/openOrders")
        (position,) = await client.call("GET", "/fapi/v3/positionRisk")

    assert events.close_code == 1006
    assert [order["clientOrderId"] for order in open_orders] == ["kept"]
    assert position["positionAmt"] == "0.010"


# ---------------------------------------------------------------- time on the way


async def test_a_late_answer_lets_the_event_come_first() -> None:
    async with fragile_exchange() as client, private(client) as events:
        await client.arm("delay", rate=1, on="reply", calls=[PLACE], wait=constant(150))
        async with asyncio.TaskGroup() as tasks:
            placing = tasks.create_task(client.place("59000.0"))
            told = orjson.loads(await events.recv())
            answered_first = placing.done()

    assert (told["o"]["x"], answered_first) == ("NEW", False)


async def test_a_late_event_lets_the_answer_come_first() -> None:
    async with fragile_exchange() as client, private(client) as events:
        await client.arm("delay", rate=1, on="frame", streams=["private/*"], wait=constant(150))
        async with asyncio.TaskGroup() as tasks:
            hearing = tasks.create_task(events.recv())
            placed = await client.place("59000.0")
            heard_first = hearing.done()

    assert (placed["status"], heard_first) == ("NEW", False)
    assert orjson.loads(hearing.result())["o"]["x"] == "NEW"


async def test_a_late_request_is_overtaken_by_a_younger_one() -> None:
    async with fragile_exchange() as client:
        await client.place("59000.0", newClientOrderId="a")
        await client.arm("delay", rate=1, on="request", calls=["DELETE *"], wait=constant(500))
        async with asyncio.TaskGroup() as tasks:
            cancelling = tasks.create_task(
                client.call("DELETE", "/fapi/v1/order", origClientOrderId="a")
            )
            await client.until_struck()
            still_open = await is_open(client, "a")

    assert still_open
    assert cancelling.result()["status"] == "CANCELED"


# ---------------------------------------------------------------- frames


async def test_duplicate_says_it_twice() -> None:
    async with fragile_exchange() as client, private(client) as events:
        await client.arm("duplicate", at_s=0, streams=["ORDER_TRADE_UPDATE"])
        await client.place("59000.0", newClientOrderId="a")
        first, second = await events.recv(), await events.recv()
        struck = await client.struck()

    assert first == second
    assert struck == ["private/ORDER_TRADE_UPDATE a"]


async def test_reorder_tells_the_money_before_the_order() -> None:
    async with fragile_exchange() as client, private(client) as events:
        await client.arm("reorder", rate=1, streams=["ORDER_TRADE_UPDATE"])
        await client.place("60000.4")
        seen = [orjson.loads(await events.recv())["e"] for _ in range(4)]

    assert seen == ["TRADE_LITE", "ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE", "ORDER_TRADE_UPDATE"]


@pytest.mark.parametrize("how", ["bit", "truncate"])
async def test_corrupt_damages_one_frame_and_the_next_is_whole(how: str) -> None:
    async with fragile_exchange() as client, private(client) as events:
        await client.arm("corrupt", at_s=0, how=how)
        await client.place("59000.0")
        await client.place("59000.1")
        damaged = await events.recv(decode=False)
        whole = await events.recv(decode=False)
        with pytest.raises(orjson.JSONDecodeError):
            orjson.loads(damaged)

    assert orjson.loads(whole)["o"]["p"] == "59000.1"


async def test_a_depth_gap_breaks_the_chain_once() -> None:
    async with fragile_exchange(LIVELY) as client:
        await client.arm("depth_gap", at_s=0.3)
        async with client.listen("/public/ws/btcusdt@depth@100ms") as feed:
            diffs = [orjson.loads(await feed.recv())]
            while len(diffs) < 2 or diffs[-1]["pu"] == diffs[-2]["u"]:
                diffs.append(orjson.loads(await feed.recv()))
            after = [diffs[-1], *[orjson.loads(await feed.recv()) for _ in range(2)]]
        struck = await client.struck()

    assert struck == ["public/btcusdt@depth@100ms"]
    assert all(later["pu"] == earlier["u"] for earlier, later in pairwise(after))


async def test_a_stale_snapshot_shows_the_book_as_it_was() -> None:
    async with fragile_exchange(LIVELY) as client:
        await client.arm("stale_snapshot", rate=1, age_s=0.4)
        async with client.listen("/public/ws/btcusdt@depth@100ms") as feed:
            for _ in range(7):
                diff = orjson.loads(await feed.recv())
        _, old = await client.ask("GET", "/fapi/v1/depth?symbol=BTCUSDT&limit=5")

    assert old["lastUpdateId"] < diff["U"]
    assert old["E"] <= diff["E"] - 300
    assert (len(old["bids"]), len(old["asks"])) == (5, 5)


# ---------------------------------------------------------------- requests


async def test_a_dropped_reply_leaves_an_order_behind() -> None:
    async with fragile_exchange() as client:
        await client.arm("drop_reply", at_s=0, calls=[PLACE])
        with pytest.raises(aiohttp.ClientConnectionError):
            await client.place("59000.0", newClientOrderId="unknown")
        rests = await is_open(client, "unknown")
        struck = await client.struck()

    assert rests
    assert struck == [f"{PLACE} unknown"]


async def test_a_dropped_request_never_arrives() -> None:
    async with fragile_exchange() as client:
        await client.arm("drop_request", at_s=0, calls=[PLACE])
        with pytest.raises(aiohttp.ClientConnectionError):
            await client.place("59000.0", newClientOrderId="lost")
        rests = await is_open(client, "lost")
        struck = await client.struck()

    assert not rests
    assert struck == [f"{PLACE} lost"]


async def test_a_dropped_request_that_arrives_late_is_judged_as_of_then() -> None:
    """Executed though nobody waits for it any more, unless its recvWindow is over."""
    async with fragile_exchange() as client, private(client) as events:
        await client.arm("drop_request", rate=1, count=2, calls=[PLACE], wait=constant(300.0))
        for name, window_ms in (("too_late", 100), ("in_time", 5000)):
            with pytest.raises(aiohttp.ClientConnectionError):
                await client.place("59000.0", newClientOrderId=name, recvWindow=window_ms)
        rest_at_once = [await is_open(client, name) for name in ("too_late", "in_time")]
        told = orjson.loads(await events.recv())
        rest_then = [await is_open(client, name) for name in ("too_late", "in_time")]

    assert rest_at_once == [False, False]
    assert told["o"]["c"] == "in_time"
    assert rest_then == [False, True]


@pytest.mark.parametrize("executed", [True, False])
async def test_an_unknown_error_comes_with_or_without_execution(executed: bool) -> None:
    async with fragile_exchange() as client:
        await client.arm("refuse", at_s=0, code=-1000, executed=executed, calls=[PLACE])
        refused = await client.place("59000.0", newClientOrderId="a")
        rests = await is_open(client, "a")

    assert refused["code"] == -1000
    assert rests is executed


@pytest.mark.parametrize(
    ("code", "status"),
    [(-5022, 400), (-2011, 400), (-5028, 400), (-1021, 400), (-1008, 503), (-1007, 408)],
)
async def test_any_code_is_refused_with_its_status_and_nothing_is_done(
    code: int, status: int
) -> None:
    async with fragile_exchange() as client:
        await client.arm("refuse", at_s=0, code=code)
        got, body = await client.ask("GET", "/fapi/v1/time")
        after, _ = await client.ask("GET", "/fapi/v1/time")

    assert (got, body["code"], after) == (status, code, 200)


async def test_a_rate_limit_and_a_ban_tell_how_long() -> None:
    async with fragile_exchange() as client:
        url = f"http://127.0.0.1:{client.port}/fapi/v1/time"
        await client.arm("rate_limit", at_s=0, for_s=60, name="limit")
        async with client.http.get(url) as limited:
            limited_code = orjson.loads(await limited.read())["code"]
        await client.admin("DELETE", "/faults/limit")
        await client.arm("ban", at_s=0, for_s=60)
        async with client.http.get(url) as banned:
            told = orjson.loads(await banned.read())
        await client.admin("DELETE", "/faults")
        status, _ = await client.ask("GET", "/fapi/v1/time")

    assert (limited.status, limited_code) == (429, -1003)
    assert limited.headers["Retry-After"] in ("59", "60")
    assert limited.headers["X-MBX-USED-WEIGHT-1M"] == "2401"
    assert (banned.status, told["code"]) == (418, -1003)
    assert "banned until 1" in told["msg"]
    assert status == 200


async def test_a_clock_ahead_is_told_and_judged_by() -> None:
    async with fragile_exchange() as client:
        _, before = await client.ask("GET", "/fapi/v1/time")
        await client.arm("clock_skew", at_s=0, skew_ms=100_000)
        _, after = await client.ask("GET", "/fapi/v1/time")
        by_true_time = signed({"symbol": "BTCUSDT"}, before["serverTime"])
        _, refused = await client.ask("GET", "/fapi/v1/openOrders", by_true_time)
        accepted = await client.call("GET", "/fapi/v1/openOrders")

    assert 100_000 <= after["serverTime"] - before["serverTime"] < 105_000
    assert (refused["code"], accepted) == (-1021, [])


# ---------------------------------------------------------------- the trading socket

BOOK, KEEP = "depth", "userDataStream.start"
"""``GET /fapi/v1/depth`` and ``POST /fapi/v1/listenKey`` by another API."""


def asked(method: str, number: int) -> str:
    params = {"symbol": "BTCUSDT", "apiKey": KEY}
    return orjson.dumps({"id": number, "method": method, "params": params}).decode()


async def answered(talk: websockets.ClientConnection) -> int:
    """Whose answer comes next."""
    answer = orjson.loads(await talk.recv())
    assert answer["status"] == 200
    return int(answer["id"])


async def test_late_answers_on_a_socket_keep_their_order_and_do_not_add_up() -> None:
    """Ten answers of 50 ms travel together, as on a line; one of 300 ms elsewhere is later."""
    late = [
        plan.Delay(rate=1.0, on="reply", wait=plan.Constant(ms=ms), calls=(call,))
        for ms, call in ((50.0, "GET *"), (300.0, "POST *"))
    ]
    async with (
        exchange(faults=FaultPlan(tuple(late))) as client,
        client.listen("/ws-fapi/v1") as talk,
        client.listen("/ws-fapi/v1") as other,
        asyncio.TaskGroup() as tasks,
    ):
        await other.send(asked(KEEP, 99))
        latest = tasks.create_task(answered(other))
        for number in range(10):
            await talk.send(asked(BOOK, number))
        heard = [await answered(talk) for _ in range(10)]
        overtaken = latest.done()

    assert heard == list(range(10))
    assert (overtaken, latest.result()) == (False, 99)


async def test_late_requests_on_a_socket_keep_their_order() -> None:
    wait = plan.Constant(ms=50.0)
    late = plan.Delay(rate=1.0, on="request", wait=wait, calls=("GET *",))
    async with (
        exchange(faults=FaultPlan((late,))) as client,
        client.listen("/ws-fapi/v1") as talk,
    ):
        await talk.send(asked(BOOK, 1))
        await talk.send(asked(KEEP, 2))
        heard = [await answered(talk) for _ in range(2)]

    assert heard == [1, 2]


async def test_a_dropped_reply_cuts_the_trading_socket() -> None:
    drop = plan.DropReply(at_s=0.0, calls=("POST *",))
    async with (
        exchange(faults=FaultPlan((drop,))) as client,
        client.listen("/ws-fapi/v1") as talk,
    ):
        await talk.send(asked(BOOK, 1))
        heard = await answered(talk)
        await talk.send(asked(KEEP, 2))
        await talk.wait_closed()

    assert (heard, talk.close_code) == (1, 1006)


async def test_a_dropped_request_cuts_the_trading_socket_before_it_is_heard() -> None:
    """The listen key that it asks for is made 200 ms after the socket has ended."""
    late = plan.DropRequest(at_s=0.0, calls=("POST *",), wait=plan.Constant(ms=200.0))
    async with (
        exchange(faults=FaultPlan((late,))) as client,
        client.listen("/ws-fapi/v1") as talk,
    ):
        await talk.send(asked(KEEP, 1))
        await talk.wait_closed()
        before = await client.ask("PUT", "/fapi/v1/listenKey")
        async for _ in moments():
            if "code" not in (await client.ask("PUT", "/fapi/v1/listenKey"))[1]:
                break

    assert talk.close_code == 1006
    assert before[1]["code"] == -1125


async def test_the_trading_socket_can_be_cut_by_its_path() -> None:
    cut = plan.Cut(at_s=0.2, streams=("ws-fapi/*",))
    async with (
        exchange(faults=FaultPlan((cut,))) as client,
        client.listen("/ws-fapi/v1") as talk,
        client.listen("/public/ws") as feed,
    ):
        await talk.wait_closed()
        await (await feed.ping())

    assert talk.close_code == 1006


async def test_a_refusal_by_fault_is_the_same_through_both_doors() -> None:
    refuse = plan.Refuse(rate=1.0, code=-1008, calls=("GET /fapi/v1/depth",))
    async with (
        exchange(faults=FaultPlan((refuse,))) as client,
        client.listen("/ws-fapi/v1") as talk,
    ):
        await talk.send(asked(BOOK, 1))
        told = orjson.loads(await talk.recv())
        status, body = await client.ask("GET", "/fapi/v1/depth", "symbol=BTCUSDT")

    assert (told["status"], told["error"]) == (status, body) == (503, body)
    assert body["code"] == -1008


# ---------------------------------------------------------------- the admin API


async def test_the_back_door_lists_arms_and_disarms() -> None:
    async with fragile_exchange() as client:
        armed = await client.admin("POST", "/faults", {"kind": "cut", "at_s": 99, "name": "c"})
        listed = await client.admin("GET", "/faults")
        gone = await client.admin("DELETE", "/faults/c")
        after = await client.admin("GET", "/faults")
        row = {
            "kind": "cut",
            "name": "c",
            "at_s": 99.0,
            "streams": ["*"],
            "number": 1,
            "struck": 0,
            "spent": False,
        }

    assert armed == (201, row)
    assert listed == (200, [row])
    assert (gone, after) == ((200, {}), (200, []))


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (
            {"kind": "cut"},
            "request (cut): at_s: is missing; say when with at_s or every_s or mean_s or rate",
        ),
        ({"kind": "cut", "at": 1}, "request (cut): at: is not a setting of this; did you mean"),
        ([1], "request: must be a table of keys"),
        ({"kind": "cut", "at_s": 9, "name": "taken"}, "name: taken is taken; choose another"),
    ],
)
async def test_the_back_door_names_key_and_fix(body: object, told: str) -> None:
    async with fragile_exchange() as client:
        await client.arm("cut", at_s=99, name="taken")
        status, answer = await client.admin("POST", "/faults", body)

    assert status == 400
    assert answer["error"].startswith(told)


async def test_the_back_door_says_what_is_not_json_and_what_is_not_there() -> None:
    async with fragile_exchange() as client:
        async with client.http.post(
            f"http://127.0.0.1:{client.admin_port}/faults",
            data=b"{",
            headers={"Content-Type": "application/json"},
        ) as answer:
            garbled = (answer.status, orjson.loads(await answer.read())["error"])
        missing = await client.admin("DELETE", "/faults/x")

    assert garbled[0] == 400
    assert garbled[1].startswith("request: is not JSON")
    assert missing == (404, {"error": "name: no fault is called x; armed: none"})


async def test_no_client_of_the_exchange_meets_the_back_door() -> None:
    async with fragile_exchange() as client:
        status, body = await client.ask("GET", "/faults")

    assert (status, body["code"]) == (404, -5000)


async def test_a_taken_back_door_is_named() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        settings = replace(paper_settings(QUIET, free_port()), admin_port=port)
        with pytest.raises(SettingsError, match=f"admin port {port} .* is taken"):
            await serve(settings, lambda: None)


@contextmanager
def stdout_in_a_pipe() -> Iterator[TextIO]:
    """What any thread prints, to be waited for; reading a capture again and again loses lines."""
    reader, writer = os.pipe()
    before = os.dup(1)
    os.dup2(writer, 1)
    os.close(writer)
    try:
        with os.fdopen(reader) as lines:
            yield lines
    finally:
        os.dup2(before, 1)
        os.close(before)


async def test_every_strike_is_a_line_of_the_exchanges_log() -> None:
    faults = FaultPlan((plan.Refuse(rate=1.0, code=-2011, name="no-cancel"),))
    with stdout_in_a_pipe() as lines:
        async with exchange(faults=faults) as client:
            await client.ask("DELETE", "/fapi/v1/order", "origClientOrderId=mine")
        line = next(line for line in lines if line.startswith("fault "))
    row = orjson.loads(line.removeprefix("fault "))

    assert row.pop("time_ms") > 1_700_000_000_000
    assert row == {
        "number": 1,
        "name": "no-cancel",
        "kind": "refuse",
        "struck": "DELETE /fapi/v1/order mine",
    }


async def test_a_plan_in_force_from_the_start_needs_no_back_door() -> None:
    faults = FaultPlan((plan.Duplicate(rate=1.0, streams=("*@markPrice@1s",)),))
    async with (
        exchange(LIVELY, faults=faults) as client,
        client.listen("/market/ws/btcusdt@markPrice@1s") as feed,
    ):
        seen = await until(feed, lambda _: True) + await until(feed, lambda _: True)

    assert seen[0] == seen[1]


async def test_a_wick_is_had_on_command() -> None:
    """The market falls far below what it was, and the mark hardly moves."""
    async with (
        exchange(LIVELY, admin_port=free_port()) as client,
        client.listen("/public/ws/btcusdt@bookTicker") as touch,
    ):
        status, _ = await client.admin("POST", "/wick", {"symbol": "BTCUSDT", "side": "SELL"})
        while float(orjson.loads(await touch.recv())["b"]) > 58_000:
            pass
        _, mark = await client.ask("GET", "/fapi/v1/premiumIndex", "symbol=BTCUSDT")

    assert status == 200
    assert float(mark["markPrice"]) > 59_800


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"symbol": "DOGEUSDT", "side": "SELL"}, "symbol: DOGEUSDT is none of BTCUSDT"),
        ({"symbol": "BTCUSDT", "side": "DOWN"}, 'send {"symbol": "BTCUSDT", "side": "SELL"}'),
    ],
)
async def test_a_wick_that_makes_no_sense_is_explained(asked: object, told: str) -> None:
    async with fragile_exchange() as client:
        status, answer = await client.admin("POST", "/wick", asked)

    assert status == 400
    assert told in answer["error"]
