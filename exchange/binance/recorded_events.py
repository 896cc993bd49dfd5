"""Recorded events: a recording as columns, a stretch of text at a time.

Unpacking runs on a thread of its own and is never more than a few blocks ahead; both it and
the scanner work outside Python's lock. What the scanner does not read, line by line its twin
does, or says what is wrong. What was whole before a file's damage is always given.
"""

import queue
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from exchange.binance.frames import decode
from exchange.binance.scanner import (
    LEVEL_BYTES,
    PADDING,
    PADDING_SIZE,
    SCRATCH_SIZE,
    scan_lines,
    scanned_grid,
)
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
from exchange.recording.reader import Recording

_AHEAD = 8
"""Blocks unpacked and not yet scanned."""
_STRETCH_BYTES = 1 << 20
_ROWS = 1 << 13
_NEWLINE = 10


class RecordedEvents:
    """The events of one file, in file order; iterate once.

    Each turn gives the number of new rows; ``rows``, ``ticks`` and ``lots`` hold them until the
    next. Iterating raises as ``Recording`` does, and ``RecordingGarbled`` at a message off the
    instrument's grid.
    """

    def __init__(self, path: Path, instrument: Instrument) -> None:
        self.recording = Recording(path)
        self.lines = 0
        """Read so far, blank ones included."""
        self.text: ByteArray = np.zeros(2 * _STRETCH_BYTES + PADDING_SIZE, dtype=np.uint8)
        """Where each row's message lies."""
        self.rows: IntArray = np.zeros(_ROWS * WIDTH, dtype=np.int64)
        self.ticks: IntArray
        self.lots: IntArray
        self._make_pool()
        self._instrument = instrument
        self._grid = scanned_grid(instrument)
        self._symbol = np.frombuffer(instrument.symbol.encode("ascii"), dtype=np.uint8)
        self._scratch: IntArray = np.zeros(SCRATCH_SIZE, dtype=np.int64)
        self._filled = 0

    def __iter__(self) -> Iterator[int]:
        with _Unpacked(self.recording) as blocks:
            for block in blocks:
                self._append(block)
                if self._filled >= _STRETCH_BYTES:
                    yield from self._scan()
        yield from self._scan()
        rest = self.recording.last_line(self.lines + 1, self.text[: self._filled].tobytes())
        if rest:
            self._filled = 0
            self._append(rest + b"\n")
            yield from self._scan()

    def _append(self, block: bytes) -> None:
        needed = self._filled + len(block) + PADDING_SIZE
        if needed > self.text.size:
            self.text = np.concatenate((self.text, np.zeros(needed, dtype=np.uint8)))
            self._make_pool()
        end = self._filled + len(block)
        self.text[self._filled : end] = np.frombuffer(block, dtype=np.uint8)
        self._filled = end

    def _make_pool(self) -> None:
        self.ticks, self.lots = np.zeros((2, self.text.size // LEVEL_BYTES + 1), dtype=np.int64)

    def _scan(self) -> Iterator[int]:
        """Read the whole lines of the text; what follows the last stays, at the front."""
        text = self.text
        end = self._filled
        while end > 0 and text[end - 1] != _NEWLINE:
            end -= 1
        rest = text[end : self._filled].tobytes()
        text[end : end + PADDING_SIZE] = np.frombuffer(PADDING, dtype=np.uint8)
        at = 0
        while at < end:
            at, line, count, level = scan_lines(
                text,
                at,
                end,
                self.lines + 1,
                self._grid,
                self._symbol,
                self._scratch,
                self.rows,
                0,
                self.ticks,
                self.lots,
                0,
            )
            self.lines = line - 1
            self._read_unread(count, level)
            if count:
                yield count
        text[: len(rest)] = np.frombuffer(rest, dtype=np.uint8)
        self._filled = len(rest)

    def _read_unread(self, count: int, level: int) -> None:
        """Let the twin read what the scanner did not."""
        table = self.rows.reshape(-1, WIDTH)[:count]
        for number in np.flatnonzero(table[:, KIND] == UNREAD).tolist():
            row = table[number]
            at = int(row[RAW_AT])
            line = self.text[at : at + int(row[RAW_SIZE])].tobytes()
            _, row[RECV_NS], raw = self.recording.read_line(int(row[LINE]), line)
            try:
                level = write_row(decode(raw, self._instrument), row, self.ticks, self.lots, level)
            except Garbled as error:
                raise self._garbled(row, error.what) from error
            except OverflowError as error:
                raise self._garbled(row, "a number does not fit 64 bits") from error
            row[RAW_AT], row[RAW_SIZE] = at + line.index(raw), len(raw)

    def _garbled(self, row: IntArray, what: str) -> RecordingGarbled:
        return RecordingGarbled(str(self.recording.path), int(row[LINE]), what)


class _Unpacked:
    """The blocks of a recording, unpacked on a thread that lives as long as the context."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._blocks: queue.Queue[bytes | Exception | None] = queue.Queue(_AHEAD)
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._unpack, name="unpack", daemon=True)

    def __enter__(self) -> Iterator[bytes]:
        self._thread.start()
        return self._taken()

    def __exit__(self, *_details: object) -> None:
        self._left.set()
        while self._thread.is_alive():  # it may wait for room
            try:
                self._blocks.get(timeout=0.01)
            except queue.Empty:
                continue
        self._thread.join()

    def _unpack(self) -> None:
        try:
            for block in self._recording.blocks():
                if self._left.is_set():
                    return
                self._blocks.put(block)
        except Exception as error:  # raised again where the blocks are taken
            self._blocks.put(error)
        else:
            self._blocks.put(None)

    def _taken(self) -> Iterator[bytes]:
        while (block := self._blocks.get()) is not None:
            if isinstance(block, Exception):
                raise block
            yield block
