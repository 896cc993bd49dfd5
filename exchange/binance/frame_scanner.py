"""Frame scanner: single messages of one instrument to event rows, as a live desk hears them."""

import numpy as np

from exchange.binance.frames import decode
from exchange.binance.json_bytes import LEVEL_BYTES, PADDING
from exchange.binance.scanner import SCRATCH_SIZE, scan_frame, scanned_grid, scanned_symbol
from exchange.errors import Garbled
from exchange.event_columns import KIND, UNREAD, WIDTH, write_row
from exchange.instrument import Instrument
from exchange.jit import IntArray

_POOL_LEVELS = 4096


class FrameScanner:
    """Reads single messages of one instrument, by the scanner or by its twin.

    Args:
        instrument: Messages of any other are ignored.
    """

    def __init__(self, instrument: Instrument) -> None:
        self.row: IntArray = np.zeros(WIDTH, dtype=np.int64)
        """The newest message, of which ``ticks`` and ``lots`` hold the levels."""
        self.ticks: IntArray = np.zeros(_POOL_LEVELS, dtype=np.int64)
        self.lots: IntArray = np.zeros(_POOL_LEVELS, dtype=np.int64)
        self._instrument = instrument
        self._grid = scanned_grid(instrument)
        self._symbol = scanned_symbol(instrument)
        self._scratch: IntArray = np.zeros(SCRATCH_SIZE, dtype=np.int64)

    def scan(self, raw: bytes) -> int:
        """Read a message; the kind of event that it is, never ``UNREAD``.

        Raises:
            Garbled: As ``frames.decode``.
        """
        kind = self.scan_fast(raw)
        if kind == UNREAD:
            message = decode(raw, self._instrument)
            try:
                write_row(message, self.row, self.ticks, self.lots, 0)
            except OverflowError as error:
                raise Garbled("a number does not fit 64 bits", raw) from error
            kind = int(self.row[KIND])
        return kind

    def scan_fast(self, raw: bytes) -> int:
        """The same by the kernel alone: ``UNREAD`` where the twin is to be asked."""
        if len(raw) > self.ticks.size * LEVEL_BYTES:
            self.ticks, self.lots = np.zeros((2, 2 * len(raw) // LEVEL_BYTES), dtype=np.int64)
        padded = np.frombuffer(raw + PADDING, dtype=np.uint8)
        return int(
            scan_frame(
                padded, self._grid, self._symbol, self._scratch, self.row, self.ticks, self.lots
            )
        )
