"""Recording reader: raw recordings line by line, plain, gzip or zstandard.

A line is ``<receive time> <json>``. The time is our wall clock in seconds, milliseconds,
microseconds or nanoseconds, told apart by its 10, 13, 16 or 19 digits. The compression is seen
from the file's first bytes, not by its name. What editors and other systems leave around a
line says nothing and is passed over: blank lines, white space at either end, a byte order
mark.

A recording may end badly, because the recorder was killed: then everything before the tear
is delivered and the tear is a value that the caller can print. Damage in the middle is
another matter, and raises.
"""

import re
from collections.abc import Callable, Generator, Iterator
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

    def __iter__(self) -> Iterator[RecordedLine]:
        number = 1
        for rows in self._whole_rows():
            for row in rows:
                if bare := _bare(row):
                    yield self.read_line(number, bare)
                number += 1
        if rest := self.last_line(number, self._rest):
            yield self.read_line(number, rest)

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
            why = self._broken or "the last line is cut short"
            self.tear = Tear(number, f"nothing from line {number} on, {why}{_ending(rest)}")
        return b""

    def _whole_rows(self) -> Iterator[list[bytes]]:
        """Lists of rows without their newlines; what follows the last one stays in ``_rest``."""
        self._rest = b""
        for block in self.blocks():
            rows = (self._rest + block).split(b"\n")
            self._rest = rows.pop()
            yield rows

    def blocks(self) -> Generator[bytes, None, None]:
        """The content in pieces; damaged or missing compressed data ends them."""
        self.consumed_bytes, self.tear, self._broken = 0, None, ""
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

    def read_line(self, number: int, row: bytes) -> RecordedLine:
        """One line without its newline.

        Raises:
            RecordingGarbled: When it is no message.
        """
        row = _bare(row)
        stamp, raw = (*row.split(None, 1), b"")[:2]
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
    try:
        orjson.loads(row.split(None, 1)[-1])
    except orjson.JSONDecodeError:
        return False
    return True


_SYMBOL = re.compile(rb'"s":"(\w+)"')
_HEAD_BYTES = 400
"""The symbol stands before the levels in every frame seen."""


def recorded_symbols(path: Path) -> tuple[str, ...]:
    """Whose market a recording holds, sorted; for a person to whom it was the wrong one.

    Raises:
        RecordingGarbled: As when reading it.
    """
    found = (_SYMBOL.search(raw[:_HEAD_BYTES]) for _, _, raw in Recording(path))
    return tuple(sorted({symbol[1].decode() for symbol in found if symbol}))
