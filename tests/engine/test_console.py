"""Console socket: who may command, what is answered, and that no record is skipped."""

import asyncio
import contextlib
import hashlib
import socket
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec
import numpy as np
import pytest
import uvloop

import engine.console.client
import engine.console.server
from engine.console.client import ConsoleClient
from engine.console.line import CHUNK_BYTES, somebody_listens
from engine.console.protocol import (
    MAX_FRAME_BYTES,
    VERSION,
    Answer,
    CommandMessage,
    FrameSplitter,
    Goodbye,
    Hello,
    RecordsMessage,
    Role,
    ToConsole,
    ToEngine,
    ViewMessage,
    Welcome,
    decode_for_console,
    decode_for_engine,
    encode,
)
from engine.console.server import ConsoleServer
from engine.core.actions import Action
from engine.core.log import DeskLog, Record
from engine.errors import NoEngine, ProtocolError, StartError
from engine.view.view_builder import ViewBuilder
from exchange.types import Severity
from tests.engine.virtual_desk import VirtualDesk

PATIENCE_S = 60.0  # for what comes at once on an idle machine
Kind = TypeVar("Kind")


class Bench:
    """Console server under test, the commands it got, and a view to show."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.log = DeskLog()
        self.obeyed: list[CommandMessage] = []
        desk = VirtualDesk()
        desk.run(0.5)
        self.view = ViewBuilder(desk.trader).build(desk.now_ns, desk.now_ns)
        welcome = Welcome(VERSION, Role.WATCHER, 1, "test.toml", "BTCUSDT")
        self.failures: list[Exception] = []
        self.deaf = False
        self.server = ConsoleServer(path, welcome, self._obey, self.failures.append, self.log.since)

    def _obey(self, message: CommandMessage, answer: Callable[[Answer], None]) -> None:
        self.obeyed.append(message)
        if not self.deaf:
            answer(Answer(message.command_id, accepted=True, text="done"))

    async def attach(self, role: Role, last_record: int = 0) -> ConsoleClient:
        return await ConsoleClient.connect(self.path, role, last_record)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path / "s")
    await bench.server.open()
    yield bench
    await bench.server.close(Goodbye(verified=True, text="end"))
    assert not bench.failures


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
    """Answers go to whoever reads the messages."""

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
    """Two writers at once is how accidents happen; a second console that only stops is not."""
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


async def told_when_it_says(bench: Bench, raw: bytes) -> list[ToConsole]:
    """Everything that a console hears which says these bytes, until the server hangs up."""
    reader, writer = await asyncio.open_unix_connection(bench.path)
    writer.write(raw)
    async with asyncio.timeout(PATIENCE_S):
        heard = await reader.read()
    await hang_up(writer)
    return [decode_for_console(body) for body in FrameSplitter().feed(heard)]


SHAPE = (3, "e893f23aae0eb86c")
"""The version, and a digest of every message as of it."""


def fields_of(known: Any) -> Any:
    """A JSON schema without its prose: the names of fields and their types."""
    if isinstance(known, dict):
        return {key: fields_of(below) for key, below in known.items() if key != "description"}
    return [fields_of(below) for below in known] if isinstance(known, list) else known


def test_a_changed_message_raises_the_version() -> None:
    """Else a screen and an engine of two versions take each other for garbled, and say no way out.

    When this fails, raise ``VERSION`` and write both figures here.
    """
    shape = msgspec.json.schema_components((ToConsole, ToEngine))
    digest = hashlib.sha256(msgspec.json.encode(fields_of(list(shape)), order="sorted"))

    assert (VERSION, digest.hexdigest()[:16]) == SHAPE


HELLO = encode(Hello(VERSION, Role.WRITER))


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "not of this protocol"),
        (b"\0\0\0\1?", "the console sent something else"),
        (encode(Hello(VERSION + 1, Role.WRITER)), "restart the older of the two"),
        (encode(CommandMessage(1, Action.PANIC)), "a console says hello first"),
        (HELLO + HELLO, "a second hello"),
    ],
    ids=["another program", "no message", "another version", "no hello", "two hellos"],
)
async def test_whoever_does_not_speak_the_protocol_gets_one_line_and_the_door(
    bench: Bench, raw: bytes, said: str
) -> None:
    """Somebody points another program at it, or an old engine runs on after an update."""
    *_, last = await told_when_it_says(bench, raw)

    assert isinstance(last, Goodbye)
    assert not last.verified
    assert said in last.text
    assert bench.obeyed == []


async def test_who_says_nothing_is_not_waited_for(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine.console.server, "HELLO_TIMEOUT_S", 0.05)

    assert await told_when_it_says(bench, b"") == [Goodbye(verified=False, text="no hello in time")]


async def test_who_leaves_without_a_word_leaves_nothing_behind(bench: Bench) -> None:
    """A look whether anybody listens does as much."""
    _reader, writer = await asyncio.open_unix_connection(bench.path)
    await hang_up(writer)

    client = await bench.attach(Role.WATCHER)
    await client.close()

    assert client.welcome.consoles == 0


async def test_a_command_that_came_in_one_breath_with_the_hello_is_obeyed(bench: Bench) -> None:
    stop = CommandMessage(7, Action.STOP, "keep")
    reader, writer = await asyncio.open_unix_connection(bench.path)
    writer.write(HELLO + encode(stop))
    writer.write_eof()
    async with asyncio.timeout(PATIENCE_S):
        heard = FrameSplitter().feed(await reader.read())
    await hang_up(writer)

    assert bench.obeyed == [stop]
    assert decode_for_console(heard[-1]) == Answer(7, accepted=True, text="done")


async def test_a_console_is_told_how_many_others_watch(bench: Bench) -> None:
    clients = [await bench.attach(Role.WATCHER) for _ in range(3)]
    for client in clients:
        await client.close()

    assert [client.welcome.consoles for client in clients] == [0, 1, 2]


async def test_a_second_writer_is_told_why_it_may_not_write(bench: Bench) -> None:
    holder = await bench.attach(Role.WRITER)
    second = await bench.attach(Role.WRITER)
    async with listening(second):
        answer = await second.ask(Action.SET, "gamma", 1.0)
    await holder.close()

    assert second.welcome.note == "another console holds the keys; this one may reduce risk"
    assert answer.text == "this console is a reducer; it may not set"
    assert bench.obeyed == []


async def test_every_console_hears_the_engine_s_last_word(bench: Bench) -> None:
    clients = [await bench.attach(role) for role in (Role.WRITER, Role.WATCHER)]
    goodbye = Goodbye(verified=True, text="verified: no open order of ours")

    await bench.server.close(goodbye)

    assert [await first(client, Goodbye) for client in clients] == [goodbye] * 2
    assert not bench.path.exists()


async def test_a_slow_reader_misses_views_and_no_record(bench: Bench) -> None:
    """While much is unread it is spared what the next view replaces anyway."""
    reader, writer = await asyncio.open_unix_connection(bench.path)
    writer.write(encode(Hello(VERSION, Role.WATCHER)))
    await until(lambda: bench.server.attached == 1)
    for text in ("x" * 600_000, "second", "third"):
        bench.log.note(Severity.INFO, text)
        bench.server.publish(bench.view)
    writer.write_eof()
    async with asyncio.timeout(PATIENCE_S):
        heard = FrameSplitter().feed(await reader.read())
    await hang_up(writer)

    _welcome, *told = [decode_for_console(body) for body in heard]
    records = [message.records for message in told if isinstance(message, RecordsMessage)]
    assert [[record.number for record in each] for each in records] == [[1], [2], [3]]
    assert len(records) == len(told)


async def test_of_views_that_came_together_only_the_newest_is_shown(bench: Bench) -> None:
    client = await bench.attach(Role.WATCHER)
    for uptime_s in (1.0, 2.0, 3.0):
        bench.server.publish(msgspec.structs.replace(bench.view, uptime_s=uptime_s))

    message = await first(client, ViewMessage)

    assert message.view.uptime_s == 3.0


async def test_what_stands_in_a_socket_s_place_is_no_engine(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.touch()

    with pytest.raises(NoEngine, match="no engine listens"):
        await ConsoleClient.connect(path, Role.WATCHER)
    with pytest.raises(NoEngine, match="does not answer: Not a directory"):
        await ConsoleClient.connect(path / "s", Role.WATCHER)


@contextlib.asynccontextmanager
async def something_that_says(raw: bytes, path: Path) -> AsyncIterator[None]:
    """A listener that is no engine: it says these bytes to whoever comes, and hangs up."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(CHUNK_BYTES)  # left unread, the hello would reset the line
        writer.write(raw)
        await hang_up(writer)

    async with await asyncio.start_unix_server(answer, path):
        yield


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "not of this protocol"),
        (encode(Goodbye(verified=False, text="restart the older")), "restart the older"),
        (encode(Answer(1, accepted=True, text="")), "did not say welcome"),
    ],
    ids=["another program", "a refusal", "an answer"],
)
async def test_an_engine_that_is_none_is_told_by_what_it_says(
    tmp_path: Path, raw: bytes, said: str
) -> None:
    async with something_that_says(raw, tmp_path / "s"):
        with pytest.raises(ProtocolError, match=said):
            await ConsoleClient.connect(tmp_path / "s", Role.WATCHER)


async def test_an_engine_that_hangs_up_before_its_welcome_is_none(tmp_path: Path) -> None:
    async with something_that_says(b"", tmp_path / "s"):
        with pytest.raises(NoEngine, match="closed the line"):
            await ConsoleClient.connect(tmp_path / "s", Role.WATCHER)


async def test_an_engine_that_never_says_welcome_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine.console.client, "HELLO_TIMEOUT_S", 0.05)
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as hanging:
        hanging.bind(str(path))
        hanging.listen()

        with pytest.raises(NoEngine, match="does not answer"):
            await ConsoleClient.connect(path, Role.WATCHER)


async def test_a_socket_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"cannot listen on .*: No such file or directory"):
        await Bench(tmp_path / "missing" / "s").server.open()


async def test_a_file_tells_whether_somebody_listens_behind_it(bench: Bench) -> None:
    dead = bench.path.with_name("dead")
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(str(dead))

    paths = (bench.path, dead, bench.path.with_name("none"))

    assert [somebody_listens(path) for path in paths] == [True, False, False]


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


async def test_a_wait_that_is_given_up_is_no_lost_line(bench: Bench) -> None:
    """A hung engine once read "panic not delivered" for a panic that it may yet obey."""
    bench.deaf = True
    client = await bench.attach(Role.WRITER)

    async with listening(client):
        asked = asyncio.create_task(client.ask(Action.PANIC))
        await until(lambda: bool(bench.obeyed))
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked


async def test_a_line_that_was_lost_takes_no_further_question(bench: Bench) -> None:
    """Nobody reads the answers any more; to wait for one would be for ever."""
    client = await bench.attach(Role.WRITER)
    async with listening(client):
        pass

    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(NoEngine, match="lost before panic was said"):
            await client.ask(Action.PANIC)


async def test_an_answer_may_come_after_other_commands_were_heard(bench: Bench) -> None:
    """Each waits in the engine's queue for its turn; a stop overtakes."""
    bench.deaf = True
    client = await bench.attach(Role.WRITER)

    async with listening(client):
        first_asked = asyncio.create_task(client.ask(Action.PREVIEW))
        await until(lambda: len(bench.obeyed) == 1)
        bench.deaf = False
        second = await client.ask(Action.STOP)
        assert not first_asked.done()
        first_asked.cancel()

    assert second.accepted


async def test_a_deleted_socket_is_made_anew_and_nobody_loses_the_line(bench: Bench) -> None:
    """Whoever tidies the folder must not leave an engine that nobody can stop."""
    attached = await bench.attach(Role.WRITER)
    bench.path.unlink()
    with pytest.raises(NoEngine):
        await bench.attach(Role.WATCHER)

    await bench.server.keep()
    again = await bench.attach(Role.WATCHER)
    async with listening(attached):
        answer = await attached.ask(Action.PING)
    await again.close()

    assert answer.accepted
    assert stat.S_IMODE(bench.path.stat().st_mode) == 0o600


async def test_a_socket_of_another_engine_is_left_alone(bench: Bench, tmp_path: Path) -> None:
    """With its lock deleted a second engine came to the folder; the first then ends."""
    mine = Bench(tmp_path / "shared")
    await mine.server.open()
    mine.path.unlink()
    theirs = Bench(mine.path)
    await theirs.server.open()

    with pytest.raises(StartError, match="another process listens"):
        await mine.server.keep()
    await mine.server.close(Goodbye(verified=True, text="end"))

    client = await theirs.attach(Role.WATCHER)
    await client.close()
    await theirs.server.close(Goodbye(verified=True, text="end"))
    assert not mine.path.exists()


async def test_a_living_engines_socket_is_never_taken_and_a_dead_ones_is(bench: Bench) -> None:
    second = Bench(bench.path)
    with pytest.raises(StartError, match="another process listens"):
        await second.server.open()
    client = await bench.attach(Role.WATCHER)
    await client.close()

    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(bench.path.with_name("dead")))
    third = Bench(bench.path.with_name("dead"))
    await third.server.open()
    client = await third.attach(Role.WATCHER)
    await client.close()
    await third.server.close(Goodbye(verified=True, text="end"))


async def test_a_failure_in_serving_a_console_is_told_to_the_owner(tmp_path: Path) -> None:
    """The loop would only have logged it, and the desk quoted on."""
    bench = Bench(tmp_path / "s")
    broken = RuntimeError("no kernel for this")

    def obey(_message: CommandMessage, _answer: Callable[[Answer], None]) -> None:
        raise broken

    bench.server._on_command = obey
    await bench.server.open()
    client = await bench.attach(Role.WRITER)

    async with listening(client):
        with pytest.raises(NoEngine):
            await client.ask(Action.SET, "gamma", 1.0)
    await bench.server.close(Goodbye(verified=True, text="end"))

    assert bench.failures == [broken]


def test_a_console_that_vanishes_does_not_end_the_engine(tmp_path: Path) -> None:
    """uvloop raises on a line that is closed but not yet left, and the timer's task with it."""

    async def vanish(bench: Bench, turns: int) -> None:
        reader, writer = await asyncio.open_unix_connection(bench.path)
        writer.write(encode(Hello(VERSION, Role.WATCHER)))
        await until(lambda: bench.server.attached == 1)
        [console] = bench.server._consoles
        console.drop()
        for _ in range(turns):
            await asyncio.sleep(0)
        bench.log.note(Severity.INFO, "something new")
        try:
            bench.server.publish(bench.view)
        finally:
            await until(lambda: bench.server.attached == 0)
            await reader.read()
            await hang_up(writer)

    async def session() -> None:
        bench = Bench(tmp_path / "s")
        await bench.server.open()
        try:
            for turns in range(6):
                await vanish(bench, turns)
        finally:
            await bench.server.close(Goodbye(verified=True, text="end"))
        assert not bench.failures

    uvloop.run(session())


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


def test_numbers_of_an_uncompiled_desk_travel_as_any_others() -> None:
    """Without its compiler numba's kernels return numpy's own numbers, in every view."""
    answer = Answer(cast(int, np.int64(7)), cast(bool, np.True_), "done")
    command = CommandMessage(7, Action.SET, value=np.float64(0.5))

    answered, commanded = FrameSplitter().feed(encode(answer) + encode(command))

    assert decode_for_console(answered) == Answer(7, True, "done")
    assert decode_for_engine(commanded) == CommandMessage(7, Action.SET, value=0.5)


def test_what_is_no_number_is_not_sent_as_one() -> None:
    with pytest.raises(TypeError):
        encode(CommandMessage(7, Action.SET, value=object()))  # type: ignore[arg-type]  # it is wrong
