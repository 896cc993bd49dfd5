"""Recording reader: raw recordings line by line, plain, gzip or zstandard.

A line is ``<receive time> <json>``. The time is our wall clock in seconds, milliseconds,
microseconds or nanoseconds, told apart by its 10, 13, 16 or 19 digits. The compression is seen
from the file's first bytes, not by its name. What editors and other systems leave around a
line says nothing and is passed over: blank lines, white space at either end, a byte order
mark.

A recording may end badly, because the recorder was killed, or its compressed data be damaged:
then everything before the tear is delivered and the tear is a value that the caller can print.
Nonsense in the middle of sound data is another matter, and raises.
"""

import re
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import orjson
import zstandard
from isal import isal_zlib

from exchange.errors import RecordingGarbled

MOST_LINE_BYTES = 1 << 24
"""A book of all its levels is a hundredth of this."""
_CHUNK_BYTES = 1 << 18
_PACKED_BYTES = 1 << 14
"""Unpacked at a time: packed a thousand to one, it still is little memory."""
_OTHER_FORMATS = {
    b"PK": "a zip or npz archive",
    b"BZh": "bzip2 data",
    b"\xfd7zXZ": "xz data",
    b"7z\xbc\xaf": "a 7z archive",
    b"PAR1": "a parquet file",
    b"\x89HDF": "an HDF5 file",
}
GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPABLE = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")
"""Parallel packers begin with such a frame."""
_GZIP_WBITS = 31  # zlib's number for the largest window in a gzip wrapping
_SHOWN_BYTES = 60  # enough of a bad line to know it again
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_DAMAGE: tuple[type[Exception], ...] = (
    isal_zlib.error,  # type: ignore[assignment]  # isal's stub calls the class an instance
    zstandard.ZstdError,
)


class RecordedLine(NamedTuple):
    """One recorded message."""

    number: int
    """Of the line in its file, from 1; blank ones count."""
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
    that a last line without its newline must be whole to be delivered.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.total_bytes = path.stat().st_size
        self.consumed_bytes = 0
        """Of ``total_bytes``, compressed where the file is."""
        self.tear: Tear | None = None
        """Set once iteration has ended, if the file does not end cleanly."""
        self._broken = ""  # why reading stopped early
        self._damaged = False  # because the compressed data is, or has no end
        self._doubtful = False  # damaged where that is seen late

    def __iter__(self) -> Iterator[RecordedLine]:
        number, rest = 1, b""
        blocks = self.blocks()
        try:
            for block in blocks:
                rows = (rest + block).split(b"\n")
                rest = rows.pop()
                for row in rows:
                    if bare := _bare(row):
                        yield self.read_line(number, bare)
                    number += 1
            if last := self.last_line(number, rest):
                yield self.read_line(number, last)
        except RecordingGarbled as error:
            if not self.torn_at(error.line_number, error.what, blocks):
                raise

    def last_line(self, number: int, rest: bytes) -> bytes:
        """What follows the last newline, where it is a whole line; otherwise notes the tear.

        Args:
            number: Of that line.
            rest: What ``blocks`` gave after its last newline.
        """
        rest = _bare(rest)
        if rest and not self._broken and _is_whole(rest):
            return rest
        if rest or self._broken:
            self._tear(number, self._broken or "the last line is cut short", rest)
        return b""

    def torn_at(self, number: int, what: str, blocks: Iterator[bytes]) -> bool:
        """Is a line nonsense because the compressed data is damaged? Then notes the tear.

        Damaged data unpacks to nonsense for a while before that is seen, often up to the
        checksum at its end.

        Args:
            number: Of the first line that is nonsense.
            what: It is, for a person: the damage may have nothing to do with it.
            blocks: What is left of ``blocks``, which are taken.
        """
        for _ in blocks:
            pass
        if self._damaged:
            self._tear(number, f"{self._broken}; that line: {what}", b"")
        return self._damaged

    def _tear(self, number: int, why: str, rest: bytes) -> None:
        doubt = "; lines before it may be wrong too" if self._doubtful else ""
        self.tear = Tear(number, f"nothing from line {number} on, {why}{_ending(rest)}{doubt}")

    def blocks(self) -> Generator[bytes, None, None]:
        """The content in pieces, ended by damage, missing data, or a line too long to be one."""
        self.consumed_bytes, self.tear = 0, None
        self._broken, self._damaged, self._doubtful = "", False, False
        open_bytes = 0  # without a newline yet
        with self.path.open("rb") as file:
            for block in self._blocks(file):
                end = block.rfind(b"\n") + 1
                open_bytes = len(block) - end if end else open_bytes + len(block)
                if open_bytes > MOST_LINE_BYTES:
                    self._broken = f"it is longer than {MOST_LINE_BYTES >> 20} MiB"
                    yield block[:end]
                    return
                yield block

    def _blocks(self, file: BinaryIO) -> Iterator[bytes]:
        magic = file.read(4)
        file.seek(0)
        if magic.startswith(GZIP_MAGIC):
            yield from self._unpacked(file, _new_gunzip, "gzip")
        elif magic == _ZSTD_MAGIC or _ZSTD_SKIPPABLE.match(magic):
            yield from self._unpacked(file, _new_unzstd, "zstd")
        else:
            yield from self._chunks(file)

    def _chunks(self, file: BinaryIO, size: int = _CHUNK_BYTES) -> Iterator[bytes]:
        while chunk := file.read(size):
            self.consumed_bytes += len(chunk)
            yield chunk

    def _unpacked(self, file: BinaryIO, new: Callable[[], Any], name: str) -> Iterator[bytes]:
        """A file may be many compressed frames, one after another."""
        frame, start, given = new(), 0, 0
        begun = False  # has the current frame been given a byte?
        for chunk in self._chunks(file, _PACKED_BYTES):
            piece = chunk
            while piece:
                at = self.consumed_bytes - len(piece)
                if frame.eof and not piece.strip(b"\0"):
                    break  # padding
                if frame.eof:
                    frame, start, given = new(), at, 0
                try:
                    block = frame.decompress(piece)
                except _DAMAGE as error:
                    self._broken = f"the {name} data is damaged ({error})"
                    self._damaged = self._doubtful = True
                    yield self._before_damage(new(), start, at, given)
                    return
                begun = not frame.eof
                given += len(block)
                piece = frame.unused_data if frame.eof else b""
                if block:
                    yield block
        if begun:
            self._broken, self._damaged = f"the {name} data ends early", True

    def _before_damage(self, frame: Any, start: int, at: int, given: int) -> bytes:
        """What a damaged piece holds before its damage, of which unpacking it whole gives nothing.

        Args:
            frame: A new one, which is fed again what its like was given.
            start: Where it begins in the file.
            at: Where the damaged piece begins.
            given: How many bytes came from what lies before the piece.
        """
        unpacked, count = bytearray(), 0
        with self.path.open("rb") as file:
            file.seek(start)
            while True:
                left = at - file.tell()
                piece = file.read(min(_CHUNK_BYTES, left) if left > 0 else 1)
                if not piece:
                    return bytes(unpacked)
                try:
                    block = frame.decompress(piece)
                except _DAMAGE:
                    return bytes(unpacked)
                count += len(block)
                if count > given:
                    unpacked += block[-(count - given) :]

    def read_line(self, number: int, row: bytes) -> RecordedLine:
        """One line without its newline.

        Raises:
            RecordingGarbled: When it is no message.
        """
        row = _bare(row)
        stamp, raw = (*row.split(None, 1), b"", b"")[:2]
        scale = _NS_PER_UNIT.get(len(stamp))
        if scale is None or not stamp.isdigit():
            raise self._garbled(number, _unstamped(row))
        if raw[:1] != b"{":
            raise self._garbled(number, f"no JSON object follows the receive time: {_shown(row)}")
        if raw[-1:] != b"}":
            raise self._garbled(number, f"its JSON object is not closed{_ending(row)}")
        return RecordedLine(number, int(stamp) * scale, raw)

    def _garbled(self, number: int, what: str) -> RecordingGarbled:
        return RecordingGarbled(str(self.path), number, what)


def _bare(row: bytes) -> bytes:
    """A row without what says nothing; empty for a blank one."""
    return row.removeprefix(_BYTE_ORDER_MARK).strip()


def _unstamped(row: bytes) -> str:
    if row.startswith(_UTF_16_MARKS):
        return "is UTF-16 text; save the file as UTF-8"
    for magic, name in _OTHER_FORMATS.items():
        if row.startswith(magic):
            return f"is {name}; a recording is text, plain or packed as gzip or zstd"
    return f"does not begin with a receive time of 10, 13, 16 or 19 digits: {_shown(row)}"


def _shown(row: bytes) -> str:
    """The start of a row, where what is wrong stands there."""
    return repr(row[:_SHOWN_BYTES].decode("ascii", "replace"))


def _ending(row: bytes) -> str:
    """Where a row breaks off, for the end of a sentence; nothing for a blank one."""
    if not row:
        return ""
    return f" after {len(row)} bytes: ...{row[-_SHOWN_BYTES:].decode('ascii', 'replace')!r}"


_NS_PER_UNIT = {10: 1_000_000_000, 13: 1_000_000, 16: 1_000, 19: 1}


def _new_gunzip() -> Any:
    return isal_zlib.decompressobj(wbits=_GZIP_WBITS)


def _new_unzstd() -> Any:
    return zstandard.ZstdDecompressor().decompressobj()


def _is_whole(row: bytes) -> bool:
    """A line cut within its receive time, or behind it, is JSON too: a number."""
    parts = row.split(None, 1)
    try:
        return len(parts) == 2 and isinstance(orjson.loads(parts[1]), dict)
    except orjson.JSONDecodeError:
        return False


_SYMBOL = re.compile(rb'"s"\s*:\s*"([^"]+)"')
_HEAD_BYTES = 400
"""The symbol stands before the levels in every frame seen."""
_SYMBOL_LINES = 10_000


def recorded_symbols(path: Path) -> tuple[str, ...]:
    """Whose market a recording holds by its first lines, sorted, as far as it can be read.

    For a person to whom it was the wrong one.
    """
    found = set()
    with suppress(RecordingGarbled):
        for _, _, raw in islice(Recording(path), _SYMBOL_LINES):
            if symbol := _SYMBOL.search(raw[:_HEAD_BYTES]):
                found.add(symbol[1].decode(errors="replace"))
    return tuple(sorted(found))
