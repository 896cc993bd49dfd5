"""Checkpoint file: copies of the desk's memory along a replay, to be held against another replay.

msgpack values, packed by zstd: a ``Heading``, then a ``Moment`` for each copy, in order of time.
Two replays of the same recordings and config are the same, number for number; where a change of the
code made them part, the first moment at which they differ is told, with the first number that does.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec
import numpy as np
import zstandard

from engine.core.checkpoint import Checkpoint
from engine.core.desk_layout import DESK_SIZE, REALS_SIZE
from engine.errors import RecordingError, ReplayDiffers
from engine.replay.whole_file import WholeFile
from exchange.jit import FloatArray, IntArray

_FORMAT = "desk checkpoints 1"
_LENGTH_BYTES = 4
"""Before each value; of length 0 after the last."""
_HEADING_BYTES, _MOMENT_BYTES = 1_000, 100_000_000
"""The longest; what claims to be longer is something else."""
_Value = TypeVar("_Value", bound=msgspec.Struct)


class Heading(msgspec.Struct, frozen=True):
    """What the copies are of."""

    format: str
    sizes: tuple[int, int]
    """Numbers of ``desk`` and ``reals``: another layout cannot be compared."""


class Moment(msgspec.Struct, frozen=True):
    """One copy."""

    at_ns: int
    desk: bytes
    reals: bytes
    market: bytes


class CheckpointWriter:
    """Writes a copy each so often.

    Args:
        file: Opened, and put in its place by ``finish``.
    """

    def __init__(self, file: WholeFile, every_ns: int) -> None:
        self._file, self._every_ns, self._next_ns = file, every_ns, 0
        self._packed = zstandard.ZstdCompressor(level=1).stream_writer(file.stream, closefd=False)
        self._put(Heading(_FORMAT, (DESK_SIZE, REALS_SIZE)))

    def on_step(self, at_ns: int, memory: Checkpoint) -> None:
        """The desk has taken a step of the timer.

        Raises:
            RecordingError: When the copy cannot be written.
        """
        if at_ns < self._next_ns:
            return
        self._next_ns = at_ns + self._every_ns
        rooms = (memory.desk, memory.reals, memory.market)
        self._put(Moment(at_ns, *(room.tobytes() for room in rooms)))

    def finish(self) -> str:
        """Put the file in its place; a word on it.

        Raises:
            RecordingError: When that fails.
        """
        try:
            self._packed.write(bytes(_LENGTH_BYTES))
            self._packed.flush(zstandard.FLUSH_FRAME)
            self._file.put_in_place()
        except OSError as error:
            raise self._file.unwritten(error) from error
        return f"checkpoints written to {self._file.path}"

    def _put(self, value: msgspec.Struct) -> None:
        packed = msgspec.msgpack.encode(value)
        try:
            self._packed.write(len(packed).to_bytes(_LENGTH_BYTES, "little"))
            self._packed.write(packed)
        except OSError as error:
            raise self._file.unwritten(error) from error


class CheckpointComparison:
    """Holds a replay against the copies of an earlier one.

    Args:
        path: That one's file.

    Raises:
        RecordingError: When it is no file of checkpoints, or of another layout.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._stream = path.open("rb")
        except OSError as error:
            raise RecordingError(path, None, f"cannot be read: {error.strerror}") from error
        self._moments = self._read()
        self._kept = next(self._moments, None)
        if self._kept is None:
            raise RecordingError(path, None, "holds no checkpoint")
        self._compared = 0
        self._difference = ""  # the first moment that differs, and the first number

    def on_step(self, at_ns: int, memory: Checkpoint) -> None:
        """The desk has taken a step of the timer.

        Raises:
            RecordingError: When the file ends in the middle of a copy.
        """
        if self._difference or self._kept is None or at_ns < self._kept.at_ns:
            return
        if at_ns > self._kept.at_ns:
            self._difference = f"{_utc(self._kept.at_ns)}: no step was taken then"
            return
        kept = Checkpoint(
            _ints(self._kept.desk), _floats(self._kept.reals), _ints(self._kept.market)
        )
        if found := memory.difference(kept):
            self._difference = f"{_utc(at_ns)}: {found}"
        self._compared += 1
        self._kept = next(self._moments, None)

    def finish(self) -> str:
        """Everything was played; a word on what was found.

        Raises:
            ReplayDiffers: When something differs.
        """
        if not self._difference and self._kept is not None:
            self._difference = f"{_utc(self._kept.at_ns)}: the replay ended before"
        if self._difference:
            raise ReplayDiffers(f"differs from {self._path} at {self._difference}")
        return f"all {self._compared} checkpoints of {self._path} are equal"

    def _read(self) -> Iterator[Moment]:
        with self._stream, zstandard.ZstdDecompressor().stream_reader(self._stream) as unpacked:
            heading = self._heading(unpacked)
            if heading is None or heading.format != _FORMAT:
                raise RecordingError(self._path, None, "is no file of checkpoints")
            if heading.sizes != (DESK_SIZE, REALS_SIZE):
                raise RecordingError(self._path, None, "is of a desk that is laid out differently")
            while (moment := self._decoded(unpacked, Moment, _MOMENT_BYTES)) is not None:
                if any(len(room) % 8 for room in (moment.desk, moment.reals, moment.market)):
                    raise RecordingError(self._path, None, "holds a copy of no whole numbers")
                yield moment

    def _heading(self, unpacked: BinaryIO) -> Heading | None:
        try:
            return self._decoded(unpacked, Heading, _HEADING_BYTES)
        except RecordingError:
            return None

    def _decoded(self, unpacked: BinaryIO, kind: type[_Value], most_bytes: int) -> _Value | None:
        """The next value; None at the end."""
        try:
            length = unpacked.read(_LENGTH_BYTES)
            if len(length) == _LENGTH_BYTES and not any(length):
                return None
            packed = unpacked.read(min(int.from_bytes(length, "little"), most_bytes))
            return msgspec.msgpack.decode(packed, type=kind)
        except (zstandard.ZstdError, msgspec.MsgspecError) as error:
            raise RecordingError(self._path, None, "ends in the middle of a checkpoint") from error


def _utc(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + " UTC"


def _ints(packed: bytes) -> IntArray:
    return np.frombuffer(packed, dtype=np.int64)


def _floats(packed: bytes) -> FloatArray:
    return np.frombuffer(packed, dtype=np.float64)
