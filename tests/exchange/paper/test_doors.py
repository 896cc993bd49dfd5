"""Connection limits: who may connect to the two ports, and how long half a request may take."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest

from exchange.paper.server import half_sent, server, stdout_writer
from tests.exchange.paper.live import Client, exchange, free_port

WICK = b'{"symbol": "BTCUSDT", "side": "SELL"}'
JSON = "Content-Type: application/json"
FAULT = b'{"kind": "cut", "at_s": 0}'


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with exchange(admin_port=free_port()) as client:
        yield client


async def send(port: int | None, text: bytes) -> bytes:
    """All that comes back until the other side has ended it."""
    assert port is not None
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(text)
    answer = await reader.read()
    writer.close()
    return answer


def request(first: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"{first} HTTP/1.1", *headers, f"Content-Length: {len(body)}", "Connection: close"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize(
    ("first", "headers", "body"),
    [
        # a page whose name was pointed at this machine
        ("POST /wick", ["Host: evil.example:8613", JSON], WICK),
        ("GET /faults", ["Host: evil.example:8613"], b""),
        ("GET /log", ["Host: evil.example"], b""),
        ("DELETE /faults", ["Host: 127.0.0.1.evil.example"], b""),
        ("GET /log", [], b""),
        # a form, and fetch with no-cors, which can send three types
        ("POST /wick", ["Host: 127.0.0.1:1", "Content-Type: text/plain"], WICK),
        ("POST /wick", ["Host: 127.0.0.1:1", "Content-Type: multipart/form-data"], WICK),
        (
            "POST /faults",
            ["Host: 127.0.0.1:1", "Content-Type: application/x-www-form-urlencoded"],
            FAULT,
        ),
        ("POST /wick", ["Host: 127.0.0.1:1"], WICK),
        # any page that says so
        ("POST /wick", ["Host: 127.0.0.1:1", JSON, "Origin: https://evil.example"], WICK),
        ("POST /faults", ["Host: localhost:1", JSON, "Origin: null"], FAULT),
        ("DELETE /faults", ["Host: localhost:1", "Origin: http://127.0.0.1:1"], b""),
        ("OPTIONS /wick", ["Host: localhost:1", "Origin: https://evil.example"], b""),
    ],
)
async def test_a_web_page_can_do_nothing_at_the_back_door(
    client: Client, first: str, headers: list[str], body: bytes
) -> None:
    await client.arm("cut", at_s=600, name="stays")
    answer = await send(client.admin_port, request(first, *headers, body=body))
    _, armed = await client.admin("GET", "/faults")

    # aiohttp itself refuses a request without a Host
    assert status(answer) in (400, 403), answer
    assert b"Access-Control" not in answer
    assert [fault["name"] for fault in armed] == ["stays"]


@pytest.mark.parametrize("host", ["127.0.0.1:8613", "localhost:8613", "[::1]:8613", "localhost"])
async def test_a_program_is_let_in(client: Client, host: str) -> None:
    answer = await send(
        client.admin_port, request("POST /faults", f"Host: {host}", JSON, body=FAULT)
    )

    assert status(answer) == 201


HALVES = [
    b"",
    b"GET /fapi/v1/time HT",
    b"GET /faults HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ",
    b"POST /wick HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b'Content-Length: 99\r\n\r\n{"sym',
    b"POST /fapi/v1/order HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
]


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("door", ["port", "admin_port"])
async def test_half_a_request_is_not_waited_for_for_ever(
    client: Client, half: bytes, door: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection ends; other clients are served meanwhile."""
    await _connect(client)
    monkeypatch.setattr(half_sent, "PATIENCE_S", 0.2)
    monkeypatch.setattr(server, "WATCH_S", 0.05)
    waiting = asyncio.create_task(_until_ended(getattr(client, door), half))
    for _ in range(3):
        assert (await client.ask("GET", "/fapi/v1/ping"))[0] == 200
    await waiting


async def _connect(client: Client) -> None:
    """Open the client's own connection, so that the short patience cannot end it half-opened."""
    await client.ask("GET", "/fapi/v1/ping")


async def _until_ended(port: int, text: bytes) -> None:
    with contextlib.suppress(ConnectionError):
        await send(port, text)


@pytest.mark.parametrize("door", ["port", "admin_port"])
async def test_a_whole_request_may_wait_for_the_next_one(
    client: Client, door: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that is kept alive has sent all that it had to."""
    await _connect(client)
    reader, writer = await asyncio.open_connection("127.0.0.1", getattr(client, door))
    with contextlib.closing(writer):
        for _ in range(2):
            writer.write(b"GET /nothing HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            monkeypatch.setattr(half_sent, "PATIENCE_S", 0.0)
            monkeypatch.setattr(server, "WATCH_S", 0.0)
            for _ in range(20):
                await client.ask("GET", "/fapi/v1/ping")

    assert head.startswith(b"HTTP/1.1 404")


async def test_what_an_exchange_said_is_written_when_it_has_ended(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However slow its stdout is: of a line that comes later the reader has gone."""

    def write_slowly(fd: int, text: bytes) -> int:
        time.sleep(0.05)
        return os.write(fd, text)

    monkeypatch.setattr(stdout_writer, "os", SimpleNamespace(write=write_slowly))
    async with exchange() as client:
        for _ in range(5):
            await _until_ended(client.port, b"HELLO\r\n\r\n")

    assert len(capfd.readouterr().out.splitlines()) == 5


MALFORMED = [
    b"HELLO\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET /a b c HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
    b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET / HTTP/1.1\r\nA: " + b"a" * 200_000 + b"\r\n\r\n",
]


@pytest.mark.parametrize("garbage", MALFORMED)
@pytest.mark.parametrize("door", ["port", "admin_port"])
async def test_malformed_http_is_a_line_at_most(
    client: Client,
    garbage: bytes,
    door: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(half_sent, "PATIENCE_S", 0.5)
    monkeypatch.setattr(server, "WATCH_S", 0.05)
    await _until_ended(getattr(client, door), garbage)
    await client.ask("GET", "/fapi/v1/ping")
    out, err = capfd.readouterr()

    assert err == ""
    assert "Traceback" not in out
    assert all(line.startswith("exchange: ") for line in out.splitlines())
    assert len(out.splitlines()) <= 1
