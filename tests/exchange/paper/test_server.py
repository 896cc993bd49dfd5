"""Loopback server: the embedded exchange over real sockets."""

import asyncio
import socket
import subprocess
import sys

import orjson
import pytest
from aiohttp import WSMsgType

from exchange.errors import SettingsError
from exchange.paper.faults import plan
from exchange.paper.faults.plan import FaultPlan
from exchange.paper.server import frame_writer as writer
from exchange.paper.server import server
from exchange.paper.server.server import serve
from exchange.paper.streams import stream_socket
from tests.exchange.paper.bench import LIVELY, QUIET, paper_settings, signed
from tests.exchange.paper.live import exchange, until

HANDSHAKE = (
    b"GET /public/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


TEXT, BINARY, CLOSE = b"\x81", b"\x82", 0x88


def masked(kind: bytes, payload: bytes) -> bytes:
    """A frame as a client sends it, with the mask that changes nothing."""
    return kind + b"\xff" + len(payload).to_bytes(8, "big") + bytes(4) + payload


async def write_until_cut_off(writer: asyncio.StreamWriter) -> None:
    """Send what no server minds, and fail when the connection has ended."""
    while True:
        await asyncio.sleep(0.01)
        writer.write(masked(BINARY, b"x"))
        await writer.drain()


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


async def test_each_listen_key_of_an_address_has_its_own_events() -> None:
    async with exchange(strict=True) as client:  # where another key is not refused
        key = await client.listen_key()
        path = f"/private/stream?listenKey=other&events=TRADE_LITE&listenKey={key}"
        async with client.listen(f"{path}&events=ACCOUNT_UPDATE") as events:
            await client.place("60000.4")
            first = orjson.loads(await events.recv())

    assert (first["stream"], first["data"]["e"]) == (key, "ACCOUNT_UPDATE")


async def test_user_events_come_on_a_path_without_prefix() -> None:
    """For clients that know no other path."""
    async with exchange() as client:
        key = await client.listen_key()
        async with client.listen(f"/ws/{key}") as events:
            await client.place("59999.0")
            first = orjson.loads(await events.recv())

    assert first["o"]["x"] == "NEW"


async def test_strict_keeps_user_events_from_a_path_without_prefix() -> None:
    """The first thing that bots met on the day the venue split its paths: silence."""
    async with exchange(strict=True) as client:
        key = await client.listen_key()
        async with (
            client.listen(f"/ws/{key}/btcusdt@markPrice@1s/btcusdt@bookTicker") as wrong,
            client.listen(f"/private/ws/{key}") as right,
        ):
            await client.place("60000.4")
            told = orjson.loads(await right.recv())
            first = orjson.loads(await wrong.recv())

    assert told["e"] == "ORDER_TRADE_UPDATE"
    assert first["e"] == "bookTicker"


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


async def test_too_many_control_messages_end_the_connection() -> None:
    async with exchange() as client, client.listen("/public/ws") as feed:
        for _ in range(40):
            await feed.send('{"method":"LIST_SUBSCRIPTIONS","id":1}')
        answered = [await feed.recv() for _ in range(15)]
        await feed.wait_closed()

    assert {orjson.loads(frame)["id"] for frame in answered} == {1}
    assert (feed.close_code, feed.close_reason) == (1008, "Too many requests")


async def test_pings_are_answered_with_their_own_payload() -> None:
    async with exchange() as client, client.listen("/public/ws") as feed:
        latency_s = await (await feed.ping("as sent"))

    assert latency_s >= 0


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A server that looks at its connections a hundred times a second."""
    monkeypatch.setattr(server, "WATCH_S", 0.01)
    return monkeypatch


async def test_a_connection_is_pinged_and_kept_while_it_answers(hasty: pytest.MonkeyPatch) -> None:
    hasty.setattr(stream_socket, "PING_MS", 30)
    hasty.setattr(stream_socket, "PONG_DEADLINE_MS", 400)
    async with (
        exchange() as client,
        client.http.ws_connect(f"http://127.0.0.1:{client.port}/public/ws", autoping=False) as feed,
    ):
        pings = []
        for _ in range(20):
            pings.append(await feed.receive())
            await feed.pong(pings[-1].data)

    assert {ping.type for ping in pings} == {WSMsgType.PING}
    assert all(int(ping.data) > 1_700_000_000_000 for ping in pings)


async def test_a_connection_that_answers_no_ping_is_dropped(hasty: pytest.MonkeyPatch) -> None:
    hasty.setattr(stream_socket, "PING_MS", 30)
    hasty.setattr(stream_socket, "PONG_DEADLINE_MS", 100)
    async with (
        exchange() as client,
        client.http.ws_connect(f"http://127.0.0.1:{client.port}/public/ws", autoping=False) as feed,
    ):
        while (message := await feed.receive()).type is WSMsgType.PING:
            pass

    assert message.type in (WSMsgType.CLOSED, WSMsgType.ERROR)
    assert feed.close_code == 1006


async def test_a_connection_ends_with_its_day(hasty: pytest.MonkeyPatch) -> None:
    hasty.setattr(stream_socket, "LIFE_MS", 100)
    async with exchange() as client, client.listen("/public/ws") as feed:
        await feed.wait_closed()

    assert feed.close_code == 1001


async def test_a_stalled_connection_is_not_even_pinged(hasty: pytest.MonkeyPatch) -> None:
    hasty.setattr(stream_socket, "PING_MS", 10)
    stall = FaultPlan((plan.Stall(at_s=0.0, for_s=60.0),))
    async with (
        exchange(faults=stall) as client,
        client.http.ws_connect(f"http://127.0.0.1:{client.port}/public/ws", autoping=False) as feed,
    ):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(feed.receive(), 0.1)


async def test_nothing_follows_a_close_frame() -> None:
    """Even when the client is slow to answer it, and its streams go on."""
    async with exchange(LIVELY) as client:
        reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
        writer.write(HANDSHAKE.replace(b"/public/ws", b"/public/ws/btcusdt@bookTicker"))
        await reader.readuntil(b"\r\n\r\n")
        writer.write(masked(TEXT, b"hello"))
        heard = await reader.read()
        writer.close()
    kinds = []
    while heard:
        size, start = (heard[1], 2) if heard[1] < 126 else (int.from_bytes(heard[2:4], "big"), 4)
        kinds.append(heard[0])
        heard = heard[start + size :]

    assert kinds[-1] == CLOSE
    assert set(kinds[:-1]) == {TEXT[0]}


async def test_a_reader_too_slow_is_hung_up_on_and_nobody_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(writer, "MOST_UNSENT_BYTES", 100_000)
    long_name = "x" * 1_000_000 + "@trade"
    subscribe = orjson.dumps({"method": "SUBSCRIBE", "params": [long_name], "id": 1})
    async with (
        exchange(LIVELY, strict=True) as client,  # where such a name is a stream
        client.listen("/public/ws/btcusdt@bookTicker") as other,
    ):
        reader, sender = await asyncio.open_connection("127.0.0.1", client.port, limit=1)
        sender.write(HANDSHAKE)
        reader._transport.pause_reading()  # type: ignore[attr-defined]  # as a reader that hangs
        sender.write(masked(TEXT, subscribe))
        for _ in range(13):  # a megabyte each
            sender.write(masked(TEXT, b'{"method":"LIST_SUBSCRIPTIONS","id":1}'))
        with pytest.raises(ConnectionError):
            await write_until_cut_off(sender)
        first = orjson.loads(await other.recv())
        sender.close()

    assert first["e"] == "bookTicker"


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
    code = "import sys, exchange.paper.server.server; print({'numba', 'numpy'} & set(sys.modules))"

    heard = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)

    assert heard.stdout.strip() == b"set()"


def test_the_venue_itself_knows_no_sockets() -> None:
    code = (
        "import sys, exchange.paper.api; "
        "print({'asyncio', 'aiohttp', 'websockets', 'numba'} & set(sys.modules))"
    )

    heard = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)

    assert heard.stdout.strip() == b"set()"


# ---------------------------------------------------------------- below HTTP


def sent(port: int, raw: bytes, *, wait: bool = True) -> bytes:
    """What comes back for raw bytes; nothing where the client does not stay to read it."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        line.sendall(raw)
        return line.recv(65_536) if wait else b""


HEAD = b" HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00\x01 nonsense\r\n\r\n",
        b"GET /fapi/v1/ping?" + b"x" * 70_000 + HEAD + b"\r\n",
        b"POST /fapi/v1/order" + HEAD + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
        b"POST /fapi/v1/order" + HEAD + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n",
    ],
)
async def test_what_is_no_request_is_refused_and_told_in_a_line(
    raw: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    async with exchange() as client:
        answer = await asyncio.to_thread(sent, client.port, raw)
        status, _ = await client.ask("GET", "/fapi/v1/ping")

    assert answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4"))
    assert status == 200
    assert "Traceback" not in capfd.readouterr().err


async def test_a_long_query_is_read_whole() -> None:
    """A batch of five orders, encoded, may stand in it."""
    async with exchange() as client:
        raw = b"GET /fapi/v1/ping?signature=" + b"x" * 30_000 + HEAD + b"\r\n"
        answer = await asyncio.to_thread(sent, client.port, raw)

    assert answer.startswith(b"HTTP/1.1 200")


async def test_clients_that_break_off_leave_no_trace(capfd: pytest.CaptureFixture[str]) -> None:
    """In the middle of a body, and right after asking for a socket."""
    half = b"POST /fapi/v1/order" + HEAD + b"Content-Length: 30\r\n\r\nabc"
    async with exchange() as client:
        for _ in range(20):
            for raw in (half, HANDSHAKE):
                await asyncio.to_thread(sent, client.port, raw, wait=False)
        status, _ = await client.ask("GET", "/fapi/v1/ping")

    assert status == 200
    assert "Traceback" not in capfd.readouterr().err
