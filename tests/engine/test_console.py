"""The console socket: who may command, what is answered, and that no record is skipped."""

import asyncio
import contextlib
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from engine.console import ConsoleClient, ConsoleServer
from engine.core.actions import Action
from engine.core.log import DeskLog
from engine.core.portrait import Portraitist
from engine.core.view import Record
from engine.errors import NoEngine, ProtocolError
from engine.protocol import (
    MAX_FRAME_BYTES,
    VERSION,
    Answer,
    CommandMessage,
    FrameSplitter,
    Goodbye,
    Hello,
    RecordsMessage,
    Role,
    ViewMessage,
    Welcome,
    decode_for_console,
    encode,
)
from exchange.types import Severity
from tests.engine.virtual_desk import VirtualDesk

PATIENCE_S = 5.0
Kind = TypeVar("Kind")


class Bench:
    """A console server, what it was told, and a view to show."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.log = DeskLog()
        self.obeyed: list[CommandMessage] = []
        desk = VirtualDesk()
        desk.run(0.5)
        self.view = Portraitist(desk.trader).draw(desk.now_ns, desk.now_ns)
        welcome = Welcome(VERSION, Role.WATCHER, 1, "test.toml", "BTCUSDT")
        self.server = ConsoleServer(path, welcome, self._obey, self.log.since)

    def _obey(self, message: CommandMessage) -> Answer:
        self.obeyed.append(message)
        return Answer(message.command_id, accepted=True, text="done")

    async def attach(self, role: Role, last_record: int = 0) -> ConsoleClient:
        return await ConsoleClient.connect(self.path, role, last_record)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path / "s")
    await bench.server.open()
    yield bench
    await bench.server.close(Goodbye(verified=True, text="end"))


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until something holds."""
    for _ in range(100_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came to pass")


async def first(client: ConsoleClient, kind: type[Kind]) -> Kind:
    """The first message of one kind; the line is closed after it."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            async for message in client.messages():
                if isinstance(message, kind):
                    return message
    finally:
        await client.close()
    raise AssertionError(f"no {kind.__name__} came")


async def hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


@contextlib.asynccontextmanager
async def listening(client: ConsoleClient) -> AsyncIterator[None]:
    """Answers are heard by whoever reads the messages."""

    async def listen() -> None:
        async for _ in client.messages():
            pass

    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(listen(), name="listen")
        yield
        task.cancel()
    await client.close()


async def test_the_socket_is_private_to_its_user(bench: Bench) -> None:
    """It moves money: nobody else may open it."""
    assert stat.S_IMODE(bench.path.stat().st_mode) == 0o600


async def test_a_command_is_answered_by_its_id(bench: Bench) -> None:
    """The console knows which of its keys did what."""
    client = await bench.attach(Role.WRITER)

    async with listening(client):
        answer = await client.ask(Action.SET, "gamma", 0.5, 0.1)

    assert answer.accepted
    assert bench.obeyed == [CommandMessage(answer.command_id, Action.SET, "gamma", 0.5, 0.1)]


async def test_a_second_writer_may_only_reduce_risk(bench: Bench) -> None:
    """Two hands on one wheel is how accidents happen; a second hand on the brake is not."""
    holder = await bench.attach(Role.WRITER)
    second = await bench.attach(Role.WRITER)

    await holder.close()
    await second.close()

    assert (holder.welcome.role, second.welcome.role) == (Role.WRITER, Role.REDUCER)


async def test_the_keys_pass_to_the_console_that_waits_longest(bench: Bench) -> None:
    """A terminal is closed and the other one goes on."""
    first_in = await bench.attach(Role.WRITER)
    tool = await bench.attach(Role.REDUCER)
    heir = await bench.attach(Role.WRITER)

    await first_in.close()
    promoted = await first(heir, Welcome)
    await tool.close()

    assert promoted.role is Role.WRITER


@pytest.mark.parametrize(
    ("role", "action", "accepted"),
    [
        (Role.WATCHER, Action.PANIC, False),
        (Role.WATCHER, Action.PREVIEW, True),
        (Role.REDUCER, Action.STOP, True),
        (Role.REDUCER, Action.PANIC, True),
        (Role.REDUCER, Action.SET, False),
        (Role.REDUCER, Action.RESUME, False),
    ],
)
async def test_each_role_may_do_its_part(
    bench: Bench, role: Role, action: Action, *, accepted: bool
) -> None:
    """Tools only ever reduce risk, watchers only look."""
    client = await bench.attach(role)

    async with listening(client):
        answer = await client.ask(action)

    assert answer.accepted is accepted


async def test_a_new_console_gets_every_record_and_then_each_new_one(bench: Bench) -> None:
    """Fills and alerts are numbered without gaps, whenever a console attaches."""
    for number in range(3):
        bench.log.note(Severity.INFO, f"before {number}")
    client = await bench.attach(Role.WATCHER)
    bench.server.publish(bench.view)
    bench.log.note(Severity.WARNING, "after")
    bench.server.publish(bench.view)

    seen: list[Record] = []
    async with asyncio.timeout(PATIENCE_S):
        async for message in client.messages():
            seen += message.records if isinstance(message, RecordsMessage) else []
            if len(seen) == 4:
                break
    await client.close()

    assert [record.number for record in seen] == [1, 2, 3, 4]
    assert seen[-1].text == "after"


async def test_a_console_that_comes_back_goes_on_where_it_left(bench: Bench) -> None:
    """It names the last record that it has seen."""
    for number in range(3):
        bench.log.note(Severity.INFO, str(number))
    client = await bench.attach(Role.WATCHER, last_record=2)
    bench.server.publish(bench.view)

    message = await first(client, RecordsMessage)

    assert [record.number for record in message.records] == [3]


async def test_a_view_arrives_as_it_was_sent(bench: Bench) -> None:
    """Every field survives the wire."""
    client = await bench.attach(Role.WATCHER)
    bench.server.publish(bench.view)

    message = await first(client, ViewMessage)

    assert message.view == bench.view


async def test_a_reader_that_never_reads_is_dropped_and_harms_nobody(bench: Bench) -> None:
    """The engine must never wait for a screen."""
    _reader, writer = await asyncio.open_unix_connection(bench.path)
    writer.write(encode(Hello(VERSION, Role.WATCHER)))
    await until(lambda: bench.server.attached == 1)
    bench.log.note(Severity.INFO, "x" * 3_000_000)
    bench.server.publish(bench.view)
    bench.server.publish(bench.view)
    await until(lambda: bench.server.attached == 0)
    await hang_up(writer)


async def test_nonsense_on_the_socket_gets_one_line_and_the_door(bench: Bench) -> None:
    """Somebody points another program at it."""
    reader, writer = await asyncio.open_unix_connection(bench.path)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    async with asyncio.timeout(PATIENCE_S):
        answer = await reader.read()
    await hang_up(writer)

    message = decode_for_console(FrameSplitter().feed(answer)[0])
    assert isinstance(message, Goodbye)
    assert "not of this protocol" in message.text


async def test_another_version_is_told_what_to_do(bench: Bench) -> None:
    """An old engine still runs after an update of the code."""
    reader, writer = await asyncio.open_unix_connection(bench.path)
    writer.write(encode(Hello(VERSION + 1, Role.WRITER)))
    async with asyncio.timeout(PATIENCE_S):
        answer = await reader.read()
    await hang_up(writer)

    message = decode_for_console(FrameSplitter().feed(answer)[0])
    assert isinstance(message, Goodbye)
    assert "restart the older of the two" in message.text


async def test_nobody_listening_is_said_as_such(tmp_path: Path) -> None:
    """No engine, no traceback."""
    with pytest.raises(NoEngine, match="no engine listens"):
        await ConsoleClient.connect(tmp_path / "none", Role.WATCHER)


async def test_a_line_lost_before_the_answer_leaves_no_one_waiting(bench: Bench) -> None:
    """Whether the command was obeyed is unknown, and said to be."""
    client = await bench.attach(Role.WRITER)

    async def listen() -> None:
        async for _ in client.messages():
            pass

    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        tasks.create_task(listen(), name="listen")
        await bench.server.close(Goodbye(verified=False, text="cut off"))
        with pytest.raises(NoEngine, match="lost"):
            await client.ask(Action.PAUSE)
    await client.close()


def test_frames_come_out_whole_however_they_were_cut() -> None:
    """A stream socket keeps no borders."""
    frames = b"".join(encode(Goodbye(verified=True, text=str(number))) for number in range(3))
    splitter = FrameSplitter()

    bodies = [body for byte in frames for body in splitter.feed(bytes([byte]))]

    assert [decode_for_console(body) for body in bodies] == [
        Goodbye(verified=True, text=str(number)) for number in range(3)
    ]


def test_a_length_beyond_reason_is_refused_before_it_is_awaited() -> None:
    """Four bytes of another protocol would otherwise wait for gigabytes."""
    with pytest.raises(ProtocolError):
        FrameSplitter().feed((MAX_FRAME_BYTES + 1).to_bytes(4, "big"))
