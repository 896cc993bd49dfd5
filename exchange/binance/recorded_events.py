"""Recorded events: a recording as columns, a stretch of text at a time.

Unpacking and scanning run each on a thread of its own, outside Python's lock and never more than
a few pieces ahead, while what was read before is played. What the scanner does not read, line by
line its twin does, or says what is wrong. What was whole before a file's damage is always given.
"""

import queue
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np

from exchange.binance.frames import decode
from exchange.binance.json_bytes import LEVEL_BYTES, PADDING, PADDING_SIZE
from exchange.binance.scanner import SCRATCH_SIZE, scan_lines, scanned_grid, scanned_symbol
from exchange.errors import Garbled, RecordingGarbled
from exchange.event_columns import (
    KIND,
    LINE,
    RAW_AT,
    RAW_SIZE,
    RECV_NS,
    UNREAD,
    WIDTH,
    write_row,
)
from exchange.instrument import Instrument
from exchange.jit import ByteArray, IntArray
from exchange.recording.read_ahead import ReadAhead
from exchange.recording.reader import Recording

_BLOCKS_AHEAD = 8
"""Blocks unpacked and not yet scanned."""
_STRETCHES_AHEAD = 2
_STRETCH_BYTES = 1 << 20
_ROWS = 1 << 13


class Stretch:
    """Events that follow one another in a file, as columns."""

    def __init__(self) -> None:
        self.count = 0
        """How many rows there are."""
        self.rows: IntArray = np.zeros(_ROWS * WIDTH, dtype=np.int64)
        self.ticks: IntArray
        self.lots: IntArray
        self.text: ByteArray = np.zeros(2 * _STRETCH_BYTES + PADDING_SIZE, dtype=np.uint8)
        """Where each row's message lies."""
        self._make_pool()

    def write(self, text: bytes, at: int) -> int:
        """Put text at its place, room made where there is none; where it ends."""
        end = at + len(text)
        if end + PADDING_SIZE > self.text.size:
            self.text = np.concatenate((self.text, np.zeros(end + PADDING_SIZE, dtype=np.uint8)))
            self._make_pool()
        self.text[at:end] = np.frombuffer(text, dtype=np.uint8)
        return end

    def _make_pool(self) -> None:
        self.ticks, self.lots = np.zeros((2, self.text.size // LEVEL_BYTES + 1), dtype=np.int64)


class RecordedEvents:
    """The events of one file, in file order; iterate once.

    Each turn gives a ``Stretch``, which is used again after the next turn. Iterating raises as
    ``Recording`` does, and ``RecordingGarbled`` at a message off the instrument's grid.
    """

    def __init__(self, path: Path, instrument: Instrument) -> None:
        self.recording = Recording(path)
        self.lines = 0
        """Read so far, blank ones included."""
        self._instrument = instrument
        self._grid = scanned_grid(instrument)
        self._symbol = scanned_symbol(instrument)
        self._scratch: IntArray = np.zeros(SCRATCH_SIZE, dtype=np.int64)
        self._free: queue.SimpleQueue[Stretch] = queue.SimpleQueue()

    def __iter__(self) -> Generator[Stretch, None, None]:
        # One is with the caller, one is being read, and one takes what that leaves over.
        for _ in range(_STRETCHES_AHEAD + 3):
            self._free.put(Stretch())
        with ReadAhead(self._stretches(), _STRETCHES_AHEAD, "scan") as stretches:
            for stretch in stretches:
                yield stretch
                self._free.put(stretch)

    def torn_at(self, number: int, what: str, stretches: Iterator[Stretch]) -> bool:
        """As of ``Recording``, when what was read of a line turns out to be nonsense.

        Args:
            stretches: What is left of them, which are taken.
        """
        with suppress(RecordingGarbled):
            for _ in stretches:
                pass
        return self.recording.torn_at(number, what, iter(()))

    def _stretches(self) -> Generator[Stretch, None, None]:
        stretch, filled = self._free.get(), 0
        with ReadAhead(self.recording.blocks(), _BLOCKS_AHEAD, "unpack") as blocks:
            try:
                for block in blocks:
                    filled = stretch.write(block, filled)
                    while filled >= _STRETCH_BYTES and (used := self._scan(stretch, filled)):
                        following, rest = self._left_over(stretch, used, filled)
                        yield stretch
                        stretch, filled = following, rest
                while used := self._scan(stretch, filled):
                    following, rest = self._left_over(stretch, used, filled)
                    yield stretch
                    stretch, filled = following, rest
            except RecordingGarbled as error:
                if not self.recording.torn_at(error.line_number, error.what, blocks):
                    raise
                yield stretch  # the rows before it
                return
        last = self.recording.last_line(self.lines + 1, stretch.text[:filled].tobytes())
        if last:
            self._scan(stretch, stretch.write(last + b"\n", 0))
            yield stretch

    def _left_over(self, stretch: Stretch, used: int, filled: int) -> tuple[Stretch, int]:
        """Another stretch, which begins with the text that was not used."""
        following = self._free.get()
        return following, following.write(stretch.text[used:filled].tobytes(), 0)

    def _scan(self, stretch: Stretch, filled: int) -> int:
        """Read whole lines, as many as there are rows for; where they end."""
        text = stretch.text
        end = text[:filled].tobytes().rfind(b"\n") + 1
        if end == 0:
            return 0
        behind = text[end : end + PADDING_SIZE].copy()
        text[end : end + PADDING_SIZE] = np.frombuffer(PADDING, dtype=np.uint8)
        at, line, count, level = scan_lines(
            text,
            0,
            end,
            self.lines + 1,
            self._grid,
            self._symbol,
            self._scratch,
            stretch.rows,
            0,
            stretch.ticks,
            stretch.lots,
            0,
        )
        text[end : end + PADDING_SIZE] = behind
        self.lines, stretch.count = line - 1, count
        self._read_unread(stretch, level)
        return int(at)

    def _read_unread(self, stretch: Stretch, level: int) -> None:
        """Let the twin read what the scanner did not."""
        table = stretch.rows.reshape(-1, WIDTH)[: stretch.count]
        for number in np.flatnonzero(table[:, KIND] == UNREAD).tolist():
            row = table[number]
            at = int(row[RAW_AT])
            line = stretch.text[at : at + int(row[RAW_SIZE])].tobytes()
            stretch.count = number  # until it is read
            _, recv_ns, raw = self.recording.read_line(int(row[LINE]), line)
            try:
                row[RECV_NS] = recv_ns
                message = decode(raw, self._instrument)
                level = write_row(message, row, stretch.ticks, stretch.lots, level)
            except Garbled as error:
                raise self._garbled(row, error.what) from error
            except OverflowError as error:
                raise self._garbled(row, "a number does not fit 64 bits") from error
            row[RAW_AT], row[RAW_SIZE] = at + line.index(raw), len(raw)
        stretch.count = len(table)

    def _garbled(self, row: IntArray, what: str) -> RecordingGarbled:
        return RecordingGarbled(str(self.recording.path), int(row[LINE]), what)
