"""Console protocol: what passes between an engine and its screens, without any I/O.

A Unix socket carries frames of a 4-byte big-endian length and a msgpack body. The console
says ``Hello``; the engine answers ``Welcome`` and then sends ``ViewMessage`` (only the
newest matters) and ``RecordsMessage`` (numbered, none skipped). The console sends
``CommandMessage``; each is answered by one ``Answer`` with the same ``command_id``.
"""

from enum import StrEnum
from typing import Any, TypeAlias

import msgspec

from engine.core.actions import Action
from engine.core.log import Record
from engine.errors import ProtocolError
from engine.view.desk_view import DeskView, Preview

VERSION = 3  # both ends must have the same, so a change of any message raises it
MAX_FRAME_BYTES = 4 * 1024 * 1024  # far beyond any message; a larger length is not of this protocol
_HEADER_BYTES = 4


class Role(StrEnum):
    WRITER = "writer"
    """May command. One at a time; a second one is a reducer until the first leaves."""
    REDUCER = "reducer"
    """May only reduce risk and stop, as ``engine stop`` does."""
    WATCHER = "watcher"
    """Looks only."""


RISK_REDUCING = frozenset(
    {
        Action.PAUSE,
        Action.PANIC,
        Action.SIDE_OFF,
        Action.STOP,
        Action.FLATTEN,
        Action.PING,
    }
)


class Hello(msgspec.Struct, frozen=True, tag="hello"):
    version: int
    role: Role
    last_record: int = 0
    """Number of the last record seen; the engine goes on after it."""


class Welcome(msgspec.Struct, frozen=True, tag="welcome"):
    version: int
    role: Role
    """The role granted. It is said again when it rises: a first writer has left."""
    pid: int
    config: str
    symbol: str
    note: str = ""
    digest: str = ""
    """Of the settings that the engine was started with."""
    consoles: int = 0
    """How many others are attached."""


class ViewMessage(msgspec.Struct, frozen=True, tag="view"):
    view: DeskView


class RecordsMessage(msgspec.Struct, frozen=True, tag="records"):
    records: list[Record]


class CommandMessage(msgspec.Struct, frozen=True, tag="command"):
    command_id: int
    action: Action
    name: str = ""
    value: float = 0.0
    expected: float | None = None


class Answer(msgspec.Struct, frozen=True, tag="answer"):
    command_id: int
    accepted: bool
    text: str
    """What was done, or why not: one line for the operator."""
    preview: Preview | None = None


class Goodbye(msgspec.Struct, frozen=True, tag="goodbye"):
    """The engine ends; ``verified`` says whether the venue confirmed no order of ours is left."""

    verified: bool
    text: str
    flat: bool = True
    """False when a position was to be closed and was not."""


ToConsole: TypeAlias = Welcome | ViewMessage | RecordsMessage | Answer | Goodbye
ToEngine: TypeAlias = Hello | CommandMessage


def _plain_number(value: Any) -> bool | int | float:
    """A number of numpy's own type, which kernels return when they run uncompiled."""
    if type(value).__module__ != "numpy":  # a screen need not load it only to ask
        raise TypeError(f"{value!r} cannot be sent")
    number: bool | int | float = value.item()
    return number


_encoder = msgspec.msgpack.Encoder(enc_hook=_plain_number)
_to_console = msgspec.msgpack.Decoder(ToConsole)
_to_engine = msgspec.msgpack.Decoder(ToEngine)


def encode(message: ToConsole | ToEngine) -> bytes:
    """One message as a frame."""
    body = _encoder.encode(message)
    return len(body).to_bytes(_HEADER_BYTES, "big") + body


def decode_for_console(body: bytes) -> ToConsole:
    """Raises ``ProtocolError`` when the body is no message of the engine's."""
    try:
        message: ToConsole = _to_console.decode(body)
    except msgspec.DecodeError as error:
        raise ProtocolError(f"the engine sent something else: {error}") from error
    return message


def decode_for_engine(body: bytes) -> ToEngine:
    """Raises ``ProtocolError`` when the body is no message of a console's."""
    try:
        message: ToEngine = _to_engine.decode(body)
    except msgspec.DecodeError as error:
        raise ProtocolError(f"the console sent something else: {error}") from error
    return message


class FrameSplitter:
    """Cuts a stream of bytes into frame bodies. Feed it whatever arrives."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, chunk: bytes) -> list[bytes]:
        """The bodies completed by this chunk.

        Raises:
            ProtocolError: When a length is beyond ``MAX_FRAME_BYTES``.
        """
        self._buffer += chunk
        bodies = []
        while len(self._buffer) >= _HEADER_BYTES:
            length = int.from_bytes(self._buffer[:_HEADER_BYTES], "big")
            if length > MAX_FRAME_BYTES:
                raise ProtocolError(f"a frame of {length} bytes is not of this protocol")
            end = _HEADER_BYTES + length
            if len(self._buffer) < end:
                break
            bodies.append(bytes(self._buffer[_HEADER_BYTES:end]))
            del self._buffer[:end]
        return bodies
