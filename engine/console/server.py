"""The console socket: an engine's side that serves screens, and a screen's side that attaches.

The server owns no decision. A command that a console sends becomes one call of
``on_command``, and its answer goes back to that console whenever it comes; views replace each
other, so a slow reader gets the newest; records are numbered and each console gets every one.
"""

import asyncio
import contextlib
import errno
import os
import socket
import struct
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec

from engine.console.protocol import (
    RISK_REDUCING,
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
from engine.core.actions import Action
from engine.core.view import DeskView, Record
from engine.errors import NoEngine, ProtocolError, StartError

_CHUNK_BYTES = 65536
_HELLO_TIMEOUT_S = 2.0
_GOODBYE_TIMEOUT_S = 1.0
_UNREAD_LIMIT_BYTES = 1024 * 1024
_BACKLOG = 100
_PEER_CREDENTIALS = struct.Struct("3i")


class Console:
    """One attached console, as the server sees it."""

    def __init__(
        self, asked: Role, role: Role, last_record: int, writer: asyncio.StreamWriter
    ) -> None:
        self.asked = asked
        self.role = role
        self.last_record = last_record
        self._writer = writer

    def send(self, message: ToConsole) -> None:
        _send(self._writer, message)

    @property
    def reads_slowly(self) -> bool:
        """Does it still have much unread? Then it misses a view, never a record."""
        return self._writer.transport.get_write_buffer_size() > _CHUNK_BYTES

    @property
    def hangs(self) -> bool:
        return self._writer.transport.get_write_buffer_size() > _UNREAD_LIMIT_BYTES

    def drop(self) -> None:
        self._writer.transport.abort()

    async def hang_up(self) -> None:
        await _closed(self._writer)


class ConsoleServer:
    """Serves any number of consoles, at most one of them a writer.

    Args:
        path: Where the socket goes; its folder must be private already.
        welcome: What every console is told, with its role filled in later.
        on_command: Called with each command that its console may give, and with what takes
            the answer to it.
        on_failure: Called with a failure of our own in serving a console, which nobody else
            would hear of.
        records_since: Every record after a number, oldest first.
    """

    def __init__(
        self,
        path: Path,
        welcome: Welcome,
        on_command: Callable[[CommandMessage, Callable[[Answer], None]], None],
        on_failure: Callable[[Exception], None],
        records_since: Callable[[int], list[Record]],
    ) -> None:
        self._path = path
        self._welcome = welcome
        self._on_command = on_command
        self._on_failure = on_failure
        self._records_since = records_since
        self._consoles: list[Console] = []
        self._server: asyncio.Server | None = None
        self._file: os.stat_result | None = None

    async def open(self) -> None:
        """Listen.

        Raises:
            StartError: When the socket cannot be made, or another process listens there.
        """
        listener = listen_at(self._path)
        self._file = self._path.lstat()
        # Never by its path: whoever binds one that way also removes it in the end, even when
        # it is another's by then.
        self._server = await asyncio.start_unix_server(self._serve, sock=listener)

    async def keep(self) -> None:
        """Make the socket anew when its file is gone; consoles that are attached stay so.

        Raises:
            StartError: When it cannot be made, or another process listens there.
        """
        if self._server is not None and not self._names_ours():
            nameless = self._server
            await self.open()
            nameless.close()

    async def close(self, goodbye: Goodbye) -> None:
        """Tell every console that the engine ends, and why."""
        if self._server is None:
            return
        self._server.close()
        for console in self._consoles:
            console.send(goodbye)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GOODBYE_TIMEOUT_S), asyncio.TaskGroup() as tasks:
                for console in list(self._consoles):
                    tasks.create_task(console.hang_up(), name="hang up")
        if self._names_ours():
            self._path.unlink()

    def _names_ours(self) -> bool:
        """Is the file at the path the socket that we listen on?"""
        try:
            return self._file is not None and os.path.samestat(self._path.lstat(), self._file)
        except FileNotFoundError:
            return False

    @property
    def attached(self) -> int:
        """How many consoles are attached."""
        return len(self._consoles)

    def publish(self, view: DeskView) -> None:
        """Send the newest view and every record not yet sent to each console."""
        for console in list(self._consoles):
            if console.hangs:
                console.drop()
                continue
            records = self._records_since(console.last_record)
            if records:
                console.send(RecordsMessage(records))
                console.last_record = records[-1].number
            if not console.reads_slowly:
                console.send(ViewMessage(view))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        console: Console | None = None
        try:
            if not _same_user(writer):
                return
            splitter = FrameSplitter()
            hello, early = await asyncio.wait_for(_hello(reader, splitter), _HELLO_TIMEOUT_S)
            console = self._admit(hello, writer)
            for message in early:
                self._obey(console, message)
            while chunk := await reader.read(_CHUNK_BYTES):
                for body in splitter.feed(chunk):
                    self._obey(console, decode_for_engine(body))
        except (ProtocolError, TimeoutError) as error:
            text = str(error) or "no hello in time"
            _send(writer, Goodbye(verified=False, text=text))
        except OSError:
            pass  # it left
        except Exception as error:
            self._on_failure(error)
        finally:
            self._leave(console)
            await _closed(writer)

    def _admit(self, hello: Hello, writer: asyncio.StreamWriter) -> Console:
        if hello.version != VERSION:
            raise ProtocolError(
                f"this engine speaks console protocol {VERSION}, the console {hello.version}; "
                "restart the older of the two"
            )
        role, note = hello.role, ""
        if role is Role.WRITER and any(c.role is Role.WRITER for c in self._consoles):
            role, note = Role.REDUCER, "another console holds the keys; this one may reduce risk"
        console = Console(hello.role, role, hello.last_record, writer)
        self._greet(console, note)
        self._consoles.append(console)
        return console

    def _greet(self, console: Console, note: str) -> None:
        others = sum(other is not console for other in self._consoles)
        console.send(
            msgspec.structs.replace(self._welcome, role=console.role, note=note, consoles=others)
        )

    def _leave(self, console: Console | None) -> None:
        """Forget a console; if it held the keys, the one that waits longest gets them."""
        if console not in self._consoles:
            return
        self._consoles.remove(console)
        if console.role is Role.WRITER:
            for heir in self._consoles:
                if heir.asked is Role.WRITER:
                    heir.role = Role.WRITER
                    self._greet(heir, "this console holds the keys now")
                    return

    def _obey(self, console: Console, message: ToEngine) -> None:
        if not isinstance(message, CommandMessage):
            raise ProtocolError("a second hello")
        if _may(console.role, message.action):
            self._on_command(message, console.send)
            return
        text = f"this console is a {console.role}; it may not {message.action}"
        console.send(Answer(message.command_id, accepted=False, text=text))


def _may(role: Role, action: Action) -> bool:
    if action in (Action.PING, Action.PREVIEW) or role is Role.WRITER:
        return True
    return role is Role.REDUCER and action in RISK_REDUCING


def _send(writer: asyncio.StreamWriter, message: ToConsole | ToEngine) -> None:
    """Say it, unless nobody is on the line any more."""
    if not writer.is_closing():  # uvloop raises on a line that is closed but not yet left
        writer.write(encode(message))


def listen_at(path: Path) -> socket.socket:
    """A private socket that listens at a path; the file of a dead one gives way.

    Raises:
        StartError: When a living process listens there, or it cannot be made.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        try:
            listener.bind(str(path))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            if somebody_listens(path):
                raise StartError(
                    f"another process listens on {path}; end it: ./run engine stop"
                ) from error
            path.unlink(missing_ok=True)
            listener.bind(str(path))
        path.chmod(0o600)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise StartError(f"cannot listen on {path}: {error.strerror}") from error
    except StartError:
        listener.close()
        raise
    return listener


def somebody_listens(path: Path) -> bool:
    """Is a process behind this socket file, however well it is?"""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except BlockingIOError:
            return True  # it has no time even to let us in
        except OSError:
            return False
    return True


async def _closed(writer: asyncio.StreamWriter) -> None:
    """Write out what is left, as far as the other end takes it, and close."""
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


def _same_user(writer: asyncio.StreamWriter) -> bool:
    """Only the engine's own user may speak to it (or root, who could anyway)."""
    peer = writer.get_extra_info("socket")
    credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER_CREDENTIALS.size)
    _pid, uid, _gid = _PEER_CREDENTIALS.unpack(credentials)
    return uid in (os.getuid(), 0)


async def _hello(
    reader: asyncio.StreamReader, splitter: FrameSplitter
) -> tuple[Hello, list[ToEngine]]:
    """The first message, and whatever came in the same breath."""
    while chunk := await reader.read(_CHUNK_BYTES):
        messages = [decode_for_engine(body) for body in splitter.feed(chunk)]
        if messages:
            first, *rest = messages
            if not isinstance(first, Hello):
                raise ProtocolError("a console says hello first")
            return first, rest
    raise ProtocolError("the console left without a hello")


class _LineLost(Exception):
    """The engine's end of the line is gone."""


class ConsoleClient:
    """A console's end of the socket.

    ``messages`` yields what the engine says; run it in one task. ``ask`` may be awaited from
    any other task of the same loop, and returns the engine's answer to that command.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        welcome: Welcome,
        splitter: FrameSplitter,
        early: list[ToConsole],
    ) -> None:
        self.welcome = welcome
        self._reader = reader
        self._writer = writer
        self._splitter = splitter
        self._early = early
        self._next_id = 1
        self._lost = False
        self._waiting: dict[int, asyncio.Future[Answer]] = {}

    @classmethod
    async def connect(cls, path: Path, role: Role, last_record: int = 0) -> "ConsoleClient":
        """Attach to the engine that listens at ``path``.

        Raises:
            NoEngine: When nobody listens there.
            ProtocolError: When what listens there speaks something else.
        """
        try:
            reader, writer = await asyncio.open_unix_connection(path)
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise NoEngine(f"no engine listens on {path}") from error
        except OSError as error:
            raise NoEngine(f"the engine on {path} does not answer: {error.strerror}") from error
        try:
            async with asyncio.timeout(_HELLO_TIMEOUT_S):
                return await cls._greeted(reader, writer, Hello(VERSION, role, last_record))
        except (TimeoutError, ConnectionError) as error:
            await _closed(writer)
            raise NoEngine(f"the engine on {path} does not answer") from error
        except BaseException:
            writer.close()
            raise

    @classmethod
    async def _greeted(
        cls, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, hello: Hello
    ) -> "ConsoleClient":
        writer.write(encode(hello))
        splitter = FrameSplitter()
        while chunk := await reader.read(_CHUNK_BYTES):
            messages = [decode_for_console(body) for body in splitter.feed(chunk)]
            if messages:
                return cls._welcomed(reader, writer, splitter, messages)
        raise NoEngine("the engine closed the line")

    @classmethod
    def _welcomed(
        cls,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        splitter: FrameSplitter,
        messages: list[ToConsole],
    ) -> "ConsoleClient":
        welcome, *early = messages
        if isinstance(welcome, Goodbye):
            raise ProtocolError(welcome.text)
        if not isinstance(welcome, Welcome):
            raise ProtocolError("the engine did not say welcome")
        return cls(reader, writer, welcome, splitter, early)

    async def messages(self) -> AsyncIterator[ToConsole]:
        """What the engine says, until it closes the line. Of views that came together, the last.

        Raises:
            ProtocolError: When it speaks something else.
        """
        batch, self._early = self._early, []
        try:
            while True:
                for message in _newest_views(batch):
                    if isinstance(message, Answer):
                        self._settle(message)
                    else:
                        yield message
                chunk = await self._reader.read(_CHUNK_BYTES)
                if not chunk:
                    return
                batch = [decode_for_console(body) for body in self._splitter.feed(chunk)]
        except ConnectionError:
            return
        finally:
            self._lose_line()

    async def ask(
        self, action: Action, name: str = "", value: float = 0.0, expected: float | None = None
    ) -> Answer:
        """Send a command and wait for its answer; whoever cancels the wait does not unsay it.

        Raises:
            NoEngine: When the line is lost before the answer; whether it was obeyed is unknown.
        """
        if self._lost or self._writer.is_closing():
            raise NoEngine(f"the line was lost before {action} was said")
        command_id = self.say(action, name, value, expected)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[command_id] = future
        try:
            return await future
        except _LineLost as error:
            raise NoEngine(f"the line was lost before {action} was answered") from error
        finally:
            del self._waiting[command_id]

    def say(
        self, action: Action, name: str = "", value: float = 0.0, expected: float | None = None
    ) -> int:
        """Send a command whose answer nobody waits for; its number."""
        command_id, self._next_id = self._next_id, self._next_id + 1
        _send(self._writer, CommandMessage(command_id, action, name, value, expected))
        return command_id

    def _lose_line(self) -> None:
        self._lost = True
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(_LineLost())

    async def close(self) -> None:
        await _closed(self._writer)

    def _settle(self, answer: Answer) -> None:
        future = self._waiting.get(answer.command_id)
        if future is not None and not future.done():
            future.set_result(answer)


def _newest_views(batch: list[ToConsole]) -> list[ToConsole]:
    """The batch without views that a later one in it replaces."""
    last = next((m for m in reversed(batch) if isinstance(m, ViewMessage)), None)
    return [m for m in batch if not isinstance(m, ViewMessage) or m is last]
