"""Console server: the engine's end of the console socket, which serves every attached screen.

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
from collections.abc import Callable
from pathlib import Path

import msgspec

from engine.console.line import CHUNK_BYTES, HELLO_TIMEOUT_S, close, send, somebody_listens
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
    decode_for_engine,
)
from engine.core.actions import Action
from engine.core.log import Record
from engine.errors import ProtocolError, StartError
from engine.view.desk_view import DeskView

_GOODBYE_TIMEOUT_S = 1.0  # a console that hangs must not keep the engine alive
_UNREAD_LIMIT_BYTES = 1024 * 1024
"""Records are never skipped, so a console that stopped reading is dropped."""
_BACKLOG = 100
_PEER_CREDENTIALS = struct.Struct("3i")  # Linux's ``struct ucred``: process, user, group


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
        send(self._writer, message)

    @property
    def reads_slowly(self) -> bool:
        """Does it still have much unread? Then it misses a view, never a record."""
        return self._writer.transport.get_write_buffer_size() > CHUNK_BYTES

    @property
    def hangs(self) -> bool:
        return self._writer.transport.get_write_buffer_size() > _UNREAD_LIMIT_BYTES

    def drop(self) -> None:
        self._writer.transport.abort()

    async def hang_up(self) -> None:
        await close(self._writer)


class ConsoleServer:
    """Serves any number of consoles, at most one of them a writer.

    Args:
        path: Where the socket goes; its folder must be private already.
        welcome: What every console is greeted with, its role filled in later.
        on_command: Called with each command that its console may give, and with what takes
            the answer to it.
        on_failure: Called with a failure of our own in serving a console, which nobody else
            would notice.
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
            hello, early = await asyncio.wait_for(_hello(reader, splitter), HELLO_TIMEOUT_S)
            console = self._admit(hello, writer)
            for message in early:
                self._obey(console, message)
            while chunk := await reader.read(CHUNK_BYTES):
                for body in splitter.feed(chunk):
                    self._obey(console, decode_for_engine(body))
        except (ProtocolError, TimeoutError) as error:
            text = str(error) or "no hello in time"
            send(writer, Goodbye(verified=False, text=text))
        except OSError:
            pass  # it left
        except Exception as error:
            self._on_failure(error)
        finally:
            self._leave(console)
            await close(writer)

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
        """Forget a console; if it was the writer, the one that waits longest becomes it."""
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


def _same_user(writer: asyncio.StreamWriter) -> bool:
    """Only the engine's own user may connect to it (or root, who could anyway)."""
    peer = writer.get_extra_info("socket")
    credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER_CREDENTIALS.size)
    _pid, uid, _gid = _PEER_CREDENTIALS.unpack(credentials)
    return uid in (os.getuid(), 0)


async def _hello(
    reader: asyncio.StreamReader, splitter: FrameSplitter
) -> tuple[Hello, list[ToEngine]]:
    """The first message, and whatever came together with it."""
    while chunk := await reader.read(CHUNK_BYTES):
        messages = [decode_for_engine(body) for body in splitter.feed(chunk)]
        if messages:
            first, *rest = messages
            if not isinstance(first, Hello):
                raise ProtocolError("a console says hello first")
            return first, rest
    raise ProtocolError("the console left without a hello")
