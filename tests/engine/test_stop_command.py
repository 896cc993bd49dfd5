"""Stop command (``engine stop``): what it says when the engine does not get to say it."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import FrameType

import pytest

from engine.commands import status_stop
from engine.commands.status_stop import EndedBySignal, _stop_engine
from engine.console.protocol import (
    VERSION,
    Answer,
    CommandMessage,
    FrameSplitter,
    Goodbye,
    Role,
    Welcome,
    encode,
)
from engine.console.server import ConsoleServer
from engine.core.actions import Action
from engine.errors import NoEngine, NotFlat, NotVerified
from engine.process.lock import ProcessLock, lock_owner
from engine.process.paths import DeskPaths
from tests.engine.recorded_desks import engine_command, started, state_folder
from tests.processes import free_port

PATIENCE_S = 60.0
Act = Callable[[ConsoleServer, Callable[[Answer], None]], None]
DONE = Answer(1, accepted=True, text="stop: done")
WELCOME = Welcome(VERSION, Role.WATCHER, os.getpid(), "test.toml", "BTCUSDT")
VERIFIED = Goodbye(verified=True, text="verified: no open order of ours")


@asynccontextmanager
async def an_engine_that(act: Act, paths: DeskPaths) -> AsyncIterator[list[CommandMessage]]:
    """An engine that does this when it is asked, and what it is asked."""
    asked: list[CommandMessage] = []

    def on_command(message: CommandMessage, answer: Callable[[Answer], None]) -> None:
        asked.append(message)
        act(server, answer)

    server = ConsoleServer(paths.socket, WELCOME, on_command, lambda _error: None, lambda _n: [])
    await server.open()
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield asked
    finally:
        await server.close(Goodbye(verified=True, text="end"))


async def stop_an_engine_that(act: Act, folder: Path, *, flatten: bool = False) -> Goodbye:
    """What ``engine stop`` gets from an engine that does this when it is asked."""
    paths = DeskPaths(folder)
    async with an_engine_that(act, paths):
        return await _stop_engine(paths, flatten=flatten)


class Ending:
    """An engine that ends at a stop with these last words, and then lets its lock go."""

    def __init__(self, goodbye: Goodbye, lock: ProcessLock | None = None) -> None:
        self._goodbye, self._lock = goodbye, lock
        self._task: asyncio.Task[None] | None = None

    def __call__(self, server: ConsoleServer, answer: Callable[[Answer], None]) -> None:
        answer(DONE)
        self._task = asyncio.create_task(self._end(server))

    async def _end(self, server: ConsoleServer) -> None:
        await server.close(self._goodbye)
        if self._lock is not None:
            self._lock.__exit__(None, None, None)

    async def ended(self) -> None:
        assert self._task is not None
        await self._task


def die(server: ConsoleServer, _answer: Callable[[Answer], None]) -> None:
    for console in server._consoles:
        console.drop()


def answer_and_die(server: ConsoleServer, answer: Callable[[Answer], None]) -> None:
    answer(DONE)
    die(server, answer)


def answer_and_stay(_server: ConsoleServer, answer: Callable[[Answer], None]) -> None:
    answer(DONE)


def stay(_server: ConsoleServer, _answer: Callable[[Answer], None]) -> None:
    pass


@pytest.mark.parametrize("act", [die, answer_and_die])
async def test_an_engine_that_dies_of_the_stop_is_not_verified(act: Act, tmp_path: Path) -> None:
    """It ended in a group of exceptions and exit 1, where 4 is due."""
    with pytest.raises(NotVerified, match="without a word"):
        await stop_an_engine_that(act, tmp_path)


async def test_the_last_word_counts_also_without_an_answer(tmp_path: Path) -> None:
    ending: list[asyncio.Task[None]] = []

    def say_goodbye(server: ConsoleServer, _answer: Callable[[Answer], None]) -> None:
        ending.append(asyncio.create_task(server.close(Goodbye(verified=False, text="hm"))))

    goodbye = await stop_an_engine_that(say_goodbye, tmp_path)

    assert goodbye == Goodbye(verified=False, text="hm")
    await ending[0]


async def test_nobody_there_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(NoEngine, match="no engine listens"):
        await _stop_engine(DeskPaths(tmp_path), flatten=False)


@pytest.mark.parametrize(("flatten", "position"), [(False, "keep"), (True, "flatten")])
async def test_a_position_is_kept_unless_the_operator_says_otherwise(
    tmp_path: Path, flatten: bool, position: str
) -> None:
    paths, engine = DeskPaths(tmp_path), Ending(VERIFIED)
    async with an_engine_that(engine, paths) as asked:
        goodbye = await _stop_engine(paths, flatten=flatten)
        await engine.ended()

    assert [(each.action, each.name) for each in asked] == [(Action.STOP, position)]
    assert goodbye == VERIFIED


@pytest.mark.parametrize("act", [stay, answer_and_stay])
@pytest.mark.parametrize(
    ("flatten", "patience"), [(False, "_STOP_PATIENCE_S"), (True, "_FLATTEN_PATIENCE_S")]
)
async def test_an_engine_that_does_not_end_is_not_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: Act, flatten: bool, patience: str
) -> None:
    """An answer is no end; and closing a position takes longer than keeping it."""
    monkeypatch.setattr(status_stop, patience, 0.2)

    with pytest.raises(NotVerified, match="did not end within 0 s"):
        await stop_an_engine_that(act, tmp_path, flatten=flatten)


async def test_an_engine_that_talks_nonsense_after_its_welcome_is_not_verified(
    tmp_path: Path,
) -> None:
    async def nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(encode(WELCOME))
        splitter, hello_and_stop = FrameSplitter(), 0
        while hello_and_stop < 2:
            hello_and_stop += len(splitter.feed(await reader.read(4096)))
        writer.write(b"\0\0\0\1?")
        writer.close()

    async with await asyncio.start_unix_server(nonsense, tmp_path / "engine.sock"):
        with pytest.raises(NotVerified, match="sent something else"):
            await _stop_engine(DeskPaths(tmp_path), flatten=False)


# ------------------------------------------------------------ without a socket


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for sockets and signals no longer than a test may."""
    monkeypatch.setattr(status_stop, "_SOCKET_PATIENCE_S", 0.1)
    monkeypatch.setattr(status_stop, "_SIGNAL_PATIENCE_S", 0.3)
    monkeypatch.setattr(status_stop, "_LOOK_AGAIN_S", 0.01)


@contextmanager
def hearing_sigterm(act: Callable[[], None]) -> Iterator[None]:
    """This process is the engine that is signalled; it does this then."""

    def hear(_number: int, _frame: FrameType | None) -> None:
        act()

    before = signal.signal(signal.SIGTERM, hear)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def lock_of(paths: DeskPaths) -> ProcessLock:
    return ProcessLock(paths.engine_lock, "an engine", "")


async def test_a_socket_that_is_made_anew_is_waited_for(
    tmp_path: Path, brief: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It advised kill -9 of an engine that was well."""
    monkeypatch.setattr(status_stop, "_SOCKET_PATIENCE_S", PATIENCE_S)
    paths, engine, looked = DeskPaths(tmp_path), Ending(VERIFIED), asyncio.Event()

    def look(path: Path) -> int | None:
        looked.set()
        return lock_owner(path)

    monkeypatch.setattr(status_stop, "lock_owner", look)
    with lock_of(paths), hearing_sigterm(lambda: None):
        stopping = asyncio.create_task(_stop_engine(paths, flatten=False))
        await looked.wait()
        async with an_engine_that(engine, paths):
            goodbye = await stopping
            await engine.ended()

    assert goodbye == VERIFIED


async def test_an_engine_that_cannot_be_reached_is_stopped_by_a_signal_and_says_nothing(
    tmp_path: Path, brief: None
) -> None:
    """That it ended proves no order gone; its log tells."""
    paths = DeskPaths(tmp_path)
    lock = lock_of(paths).__enter__()

    with (
        hearing_sigterm(lambda: lock.__exit__(None, None, None)),
        pytest.raises(EndedBySignal, match="only its log tells") as ended,
    ):
        await _stop_engine(paths, flatten=False)

    assert str(paths.engine_log) in str(ended.value)


async def test_an_engine_of_another_version_is_stopped_by_a_signal(
    tmp_path: Path, brief: None
) -> None:
    """After an update of the code it is the old one that must be ended."""

    async def nonsense(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n")
        await writer.drain()
        writer.close()

    paths = DeskPaths(tmp_path)
    lock = lock_of(paths).__enter__()
    with hearing_sigterm(lambda: lock.__exit__(None, None, None)):
        async with await asyncio.start_unix_server(nonsense, paths.socket):
            with pytest.raises(EndedBySignal):
                await _stop_engine(paths, flatten=False)


async def test_an_engine_that_obeys_neither_socket_nor_signal_runs_on(
    tmp_path: Path, brief: None
) -> None:
    paths = DeskPaths(tmp_path)
    heard: list[str] = []
    with (
        lock_of(paths),
        hearing_sigterm(lambda: heard.append("SIGTERM")),
        pytest.raises(NoEngine) as error,
    ):
        await _stop_engine(paths, flatten=False)

    assert heard == ["SIGTERM"]
    assert not isinstance(error.value, EndedBySignal)


# ------------------------------------------------------------ exit codes


@pytest.fixture
def paths(monkeypatch: pytest.MonkeyPatch) -> Iterator[DeskPaths]:
    """Of a desk called btc."""
    with state_folder(monkeypatch):
        yield started("desk.name=btc", f"paper.port={free_port()}")


async def stopped_by_command(paths: DeskPaths, goodbye: Goodbye) -> int:
    """What ``engine stop`` ends with when the engine ends with these words."""
    lock = lock_of(paths).__enter__()
    engine = Ending(goodbye, lock)
    async with an_engine_that(engine, paths):
        code = await asyncio.to_thread(engine_command, "stop", "--desk", "btc")
        await engine.ended()
    return code


async def test_a_stop_that_is_verified_is_exit_code_0(
    paths: DeskPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await stopped_by_command(paths, VERIFIED) == 0

    assert capsys.readouterr().out == "engine: stopped; verified: no open order of ours\n"


async def test_a_stop_that_is_not_verified_is_exit_code_4(
    paths: DeskPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    goodbye = Goodbye(verified=False, text="NOT VERIFIED: still open: mdesk-1")

    assert await stopped_by_command(paths, goodbye) == NotVerified.exit_code == 4

    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "engine: NOT VERIFIED: still open: mdesk-1\n")


async def test_a_position_that_was_to_be_closed_and_remains_is_exit_code_5(
    paths: DeskPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    """The engine has ended all the same, and that is said first."""
    goodbye = Goodbye(verified=True, text="verified; NOT FLAT: 0.003 held", flat=False)

    assert await stopped_by_command(paths, goodbye) == NotFlat.exit_code == 5

    told = capsys.readouterr()
    assert told.out == "engine: stopped; verified; NOT FLAT: 0.003 held\n"
    assert told.err == "engine: verified; NOT FLAT: 0.003 held\n"


def test_an_engine_that_runs_on_is_exit_code_4_and_says_how_to_kill_it(
    paths: DeskPaths, brief: None, capsys: pytest.CaptureFixture[str]
) -> None:
    with lock_of(paths), hearing_sigterm(lambda: None):
        assert engine_command("stop", "--desk", "btc") == 4

    told = capsys.readouterr().err
    assert f"Kill it (kill -9 {os.getpid()})" in told
    assert "./run engine stop --desk btc" in told


def test_a_stop_with_no_engine_says_that_none_runs(
    paths: DeskPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    assert engine_command("stop", "--desk", "btc") == 0

    assert "engine: the engine of desk btc does not run; " in capsys.readouterr().out
