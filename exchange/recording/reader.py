"""Raw recordings, read line by line: plain, gzip or zstandard.

A line is ``<receive time> <json>``. The time is our wall clock in milliseconds,
microseconds or nanoseconds, told apart by its 13, 16 or 19 digits. The compression is told
by the file's first bytes, not by its name.

A recording may end badly, because the recorder was killed: then everything before the tear
is delivered and the tear is a value that the caller can print. Damage in the middle is
another matter, and raises.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import orjson
import zstandard
from isal import isal_zlib

from exchange.errors import RecordingGarbled

_CHUNK_BYTES = 1 << 18
_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_GZIP_WBITS = 31
_NS_PER_MS = 1_000_000
_SHOWN_BYTES = 60
_DAMAGE: tuple[type[Exception], ...] = (
    isal_zlib.error,  # type: ignore[assignment]  # isal's stub calls the class an instance
    zstandard.ZstdError,
)


class Line(NamedTuple):
    """One recorded message."""

    number: int
    """From 1."""
    recv_ns: int
    raw: bytes
    """The JSON as the venue sent it."""


@dataclass(frozen=True, slots=True)
class Tear:
    """Where a recording ends before its end."""

    line_number: int
    """The first line that could not be delivered, from 1."""
    text: str


class Recording:
    """The lines of one file, in file order; iterate once for each reading.

    Iterating raises ``RecordingGarbled`` at a line in the middle that is no message, and
    ``OSError`` when the file cannot be read. Only the shape of a line is checked, except
    that a last line without its newline must be whole JSON to be delivered.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.total_bytes = path.stat().st_size
        self.consumed_bytes = 0
        """Of ``total_bytes``, compressed where the file is."""
        self.tear: Tear | None = None
        """Set once iteration has ended, if the file does not end cleanly."""
        self._rest = b""  # what followed the last newline
        self._broken = ""  # why unpacking stopped early

    def __iter__(self) -> Iterator[Line]:
        self.consumed_bytes, self.tear = 0, None
        self._rest, self._broken = b"", ""
        number = 1
        for rows in self._whole_rows():
            for row in rows:
                yield self._line(number, row)
                number += 1
        if self._rest and not self._broken and _is_whole(self._rest):
            yield self._line(number, self._rest)
        elif self._rest or self._broken:
            shown = self._rest[:_SHOWN_BYTES].decode("ascii", "replace")
            why = self._broken or "the last line is cut short"
            self.tear = Tear(number, f"nothing from line {number} on, {why}: {shown!r}")

    def _whole_rows(self) -> Iterator[list[bytes]]:
        """Lists of rows without their newlines; what follows the last one stays in ``_rest``."""
        for block in self._blocks():
            rows = (self._rest + block).split(b"\n")
            self._rest = rows.pop()
            yield rows

    def _blocks(self) -> Iterator[bytes]:
        """The content in pieces; damaged or missing compressed data ends them."""
        with self.path.open("rb") as file:
            magic = file.read(4)
            file.seek(0)
            if magic.startswith(_GZIP_MAGIC):
                yield from self._unpacked(file, _new_gunzip, "gzip")
            elif magic == _ZSTD_MAGIC:
                yield from self._unpacked(file, _new_unzstd, "zstd")
            else:
                yield from self._chunks(file)

    def _chunks(self, file: BinaryIO) -> Iterator[bytes]:
        while chunk := file.read(_CHUNK_BYTES):
            self.consumed_bytes += len(chunk)
            yield chunk

    def _unpacked(self, file: BinaryIO, new: Callable[[], Any], name: str) -> Iterator[bytes]:
        """A file may be many compressed frames, one after another."""
        frame = new()
        begun = False  # has the current frame been given a byte?
        for chunk in self._chunks(file):
            piece = chunk
            while piece:
                if frame.eof:
                    frame, begun = new(), False
                try:
                    block = frame.decompress(piece)
                except _DAMAGE as error:
                    self._broken = f"the {name} data is damaged ({error})"
                    return
                begun = True
                piece = frame.unused_data if frame.eof else b""
                if block:
                    yield block
        if begun and not frame.eof:
            self._broken = f"the {name} data ends early"

    def _line(self, number: int, row: bytes) -> Line:
        stamp, _, raw = row.partition(b" ")
        scale = _NS_PER_UNIT.get(len(stamp))
        if scale is None or not stamp.isdigit():
            raise self._garbled(number, "does not begin with a receive time", row)
        if raw[:1] != b"{" or raw[-1:] != b"}":
            raise self._garbled(number, "holds no whole JSON object", row)
        return Line(number, int(stamp) * scale, raw)

    def _garbled(self, number: int, what: str, row: bytes) -> RecordingGarbled:
        shown = row[:_SHOWN_BYTES].decode("ascii", "replace")
        return RecordingGarbled(str(self.path), number, f"{what}: {shown!r}")


_NS_PER_UNIT = {13: 1_000_000, 16: 1_000, 19: 1}


def _new_gunzip() -> Any:
    return isal_zlib.decompressobj(wbits=_GZIP_WBITS)


def _new_unzstd() -> Any:
    return zstandard.ZstdDecompressor().decompressobj()


def _is_whole(row: bytes) -> bool:
    try:
        orjson.loads(row.partition(b" ")[2])
    except orjson.JSONDecodeError:
        return False
    return True


class LatencyScan(NamedTuple):
    """What a first pass over a recording tells, before anything is replayed."""

    min_ns: int
    """Smallest receive time minus venue time; negative when our clock ran behind.
    0 when no message carries a venue time."""
    max_ns: int
    first_recv_ns: int
    """0 for a recording without lines, as ``last_recv_ns``."""
    last_recv_ns: int
    symbols: tuple[str, ...]
    """Sorted."""
    lines: int


_KIND = re.compile(rb'"e":"(\w+)"')
_SYMBOL = re.compile(rb'"s":"(\w+)"')
_ENGINE_MS = re.compile(rb'"T":(\d+)')
_EVENT_MS = re.compile(rb'"E":(\d+)')
_TIMED_BY_ENGINE = frozenset({b"depthUpdate", b"trade", b"aggTrade"})
_HEAD_BYTES = 400
"""Kind, times and symbol stand before the levels in every frame seen."""


def scan_latency(path: Path, progress: Callable[[int, int], None] | None = None) -> LatencyScan:
    """Range of the feed latency, span and symbols of a recording, in one fast pass.

    Latency is taken over the messages that move the book or are prints, depth snapshots
    included: the ones that a replay orders by both clocks. Tickers are left out, and so is
    the mark price, whose ``T`` is the next funding time. Where a message has no ``T``, ``E``
    stands in.

    Args:
        path: The recording.
        progress: Called now and then with ``(bytes consumed, total bytes)`` of the file.

    Raises:
        RecordingGarbled: As when reading it.
    """
    recording = Recording(path)
    min_ns = max_ns = None
    first_recv_ns = last_recv_ns = lines = 0
    symbols: set[bytes] = set()
    reported_bytes = -1
    timed_streams: dict[bytes, bool] = {}
    for number, recv_ns, raw in recording:
        lines = number
        if number == 1:
            first_recv_ns = recv_ns
        last_recv_ns = recv_ns
        head = raw[:_HEAD_BYTES]
        stream = head[: head.find(b",")]
        timed = timed_streams.get(stream)
        if timed is None:
            timed = _is_timed(head)
            if symbol := _SYMBOL.search(head):
                symbols.add(symbol[1])
            if stream.startswith(b'{"stream":'):
                timed_streams[stream] = timed  # of one kind and symbol to the end
        if timed and (stamp := _ENGINE_MS.search(head) or _EVENT_MS.search(head)):
            latency_ns = recv_ns - int(stamp[1]) * _NS_PER_MS
            min_ns = latency_ns if min_ns is None else min(min_ns, latency_ns)
            max_ns = latency_ns if max_ns is None else max(max_ns, latency_ns)
        if progress is not None and recording.consumed_bytes != reported_bytes:
            reported_bytes = recording.consumed_bytes
            progress(reported_bytes, recording.total_bytes)
    return LatencyScan(
        min_ns or 0,
        max_ns or 0,
        first_recv_ns,
        last_recv_ns,
        tuple(sorted(symbol.decode() for symbol in symbols)),
        lines,
    )


def _is_timed(head: bytes) -> bool:
    """Does this message's own time say when it happened?"""
    kind = _KIND.search(head)
    if kind is None:
        return b'"lastUpdateId"' in head
    return kind[1] in _TIMED_BY_ENGINE
