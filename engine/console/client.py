"""Console client: a screen's end of the console socket."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from engine.console.line import CHUNK_BYTES, HELLO_TIMEOUT_S, close, send
from engine.console.protocol import (
    VERSION,
    Answer,
    CommandMessage,
    FrameSplitter,
    Goodbye,
    Hello,
    Role,
    ToConsole,
    ViewMessage,
    Welcome,
    decode_for_console,
    encode,
)
from engine.core.actions import Action
from engine.errors import NoEngine, ProtocolError


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
            ProtocolError: When what listens there uses another protocol.
        """
        try:
            reader, writer = await asyncio.open_unix_connection(path)
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise NoEngine(f"no engine listens on {path}") from error
        except OSError as error:
            raise NoEngine(f"the engine on {path} does not answer: {error.strerror}") from error
        try:
            async with asyncio.timeout(HELLO_TIMEOUT_S):
                return await cls._greeted(reader, writer, Hello(VERSION, role, last_record))
        except (TimeoutError, ConnectionError) as error:
            await close(writer)
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
        while chunk := await reader.read(CHUNK_BYTES):
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
            ProtocolError: When it uses another protocol.
        """
        batch, self._early = self._early, []
        try:
            while True:
                for message in _newest_views(batch):
                    if isinstance(message, Answer):
                        self._settle(message)
                    else:
                        yield message
                chunk = await self._reader.read(CHUNK_BYTES)
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
        send(self._writer, CommandMessage(command_id, action, name, value, expected))
        return command_id

    def _lose_line(self) -> None:
        self._lost = True
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(_LineLost())

    async def close(self) -> None:
        await close(self._writer)

    def _settle(self, answer: Answer) -> None:
        future = self._waiting.get(answer.command_id)
        if future is not None and not future.done():
            future.set_result(answer)


def _newest_views(batch: list[ToConsole]) -> list[ToConsole]:
    """The batch without views that a later one in it replaces."""
    last = next((m for m in reversed(batch) if isinstance(m, ViewMessage)), None)
    return [m for m in batch if not isinstance(m, ViewMessage) or m is last]
