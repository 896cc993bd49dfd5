"""Frame scanner: single messages of one instrument to event rows, as a live desk hears them."""

import numpy as np

from exchange.binance.frames import decode
from exchange.binance.json_bytes import LEVEL_BYTES, PADDING
from exchange.binance.scanner import frame_lots, frame_row, frame_ticks, new_wire, scan_frame
from exchange.errors import Garbled
from exchange.event_columns import KIND, UNREAD, write_row
from exchange.instrument import Instrument
from exchange.jit import ByteArray, IntArray, in_python

_POOL_LEVELS = 4096


class FrameScanner:
    """Reads single messages of one instrument, by the scanner or by its twin.

    Args:
        instrument: Messages of any other are ignored.
    """

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self._make_room(_POOL_LEVELS)

    def _make_room(self, levels: int) -> None:
        self.wire = new_wire(self._instrument, levels)
        """What kernels read messages with, and into."""
        self.row: IntArray = in_python(frame_row)(self.wire)
        """The newest message, of which ``ticks`` and ``lots`` hold the levels."""
        self.ticks: IntArray = in_python(frame_ticks)(self.wire)
        self.lots: IntArray = in_python(frame_lots)(self.wire)
        self._most_bytes = levels * LEVEL_BYTES
        room = bytearray(self._most_bytes + len(PADDING))
        self._room = memoryview(room)
        self.raw: ByteArray = np.frombuffer(room, dtype=np.uint8)
        """The bytes of the message that was put last."""

    def put(self, raw: bytes) -> int:
        """Take a message to be scanned, as ``scan_frame`` wants it; its size.

        To copy it costs a third of what it costs to hand a new array to a kernel.
        """
        if len(raw) > self._most_bytes:
            self._make_room(2 * len(raw) // LEVEL_BYTES)
        padded = raw + PADDING
        self._room[: len(padded)] = padded
        return len(raw)

    def scan(self, raw: bytes) -> int:
        """Read a message; the kind of event that it is, never ``UNREAD``.

        Raises:
            Garbled: As ``frames.decode``.
        """
        kind = self.scan_fast(raw)
        return self.scan_by_twin(raw) if kind == UNREAD else kind

    def scan_fast(self, raw: bytes) -> int:
        """The same by the kernel alone: ``UNREAD`` where the twin is to be asked."""
        size = self.put(raw)
        return int(scan_frame(self.raw, size, self.wire))

    def scan_by_twin(self, raw: bytes) -> int:
        """The same without the kernel."""
        try:
            write_row(decode(raw, self._instrument), self.row, self.ticks, self.lots, 0)
        except OverflowError as error:
            raise Garbled("a number does not fit 64 bits", raw) from error
        return int(self.row[KIND])
