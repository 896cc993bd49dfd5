"""Rate of raw text through scanner and book, unpacked and in memory: one core, no strategy."""

import time
from itertools import chain

import numpy as np

from engine.errors import StartError
from exchange.binance.json_bytes import LEVEL_BYTES, PADDING
from exchange.binance.scanner import SCRATCH_SIZE, scan_lines, scanned_grid, scanned_symbol
from exchange.event_columns import RECV_NS, WIDTH
from exchange.instrument import Instrument
from exchange.jit import IntArray, borrowed, njit
from exchange.market import take_event
from exchange.market_layout import new_region
from exchange.recording.reader import Recording

_MOST_BYTES = 1 << 25
"""Of a longer recording the beginning is enough."""
_STRETCH_BYTES = 1 << 20
_ROWS = 1 << 13


@njit
def _follow(market: IntArray, rows: IntArray, count: int, ticks: IntArray, lots: IntArray) -> None:
    market, rows, ticks, lots = borrowed(market), borrowed(rows), borrowed(ticks), borrowed(lots)
    for number in range(count):
        row = rows[number * WIDTH : (number + 1) * WIDTH]
        take_event(market, row, ticks, lots, row[RECV_NS])


class RecordedText:
    """The text of a recording, unpacked."""

    def __init__(self, recording: Recording, instrument: Instrument) -> None:
        text = bytearray()
        for block in recording.blocks():
            text += block
            if len(text) >= _MOST_BYTES:
                break
        del text[text.rfind(b"\n") + 1 :]
        self._ends = _stretch_ends(text)
        if not self._ends:
            raise StartError(f"{recording.path}: holds no whole line")
        self._size = len(text)
        self._text = np.frombuffer(text + PADDING, dtype=np.uint8)
        self._grid = scanned_grid(instrument)
        self._symbol = scanned_symbol(instrument)
        longest = max(end - at for at, end in zip(chain([0], self._ends), self._ends, strict=False))
        self._ticks, self._lots = np.zeros((2, longest // LEVEL_BYTES + 1), dtype=np.int64)
        self._rows: IntArray = np.zeros(_ROWS * WIDTH, dtype=np.int64)
        self._scratch: IntArray = np.zeros(SCRATCH_SIZE, dtype=np.int64)

    def rate_mb_s(self) -> float:
        """How fast it goes through scanner and book, each stretch scanned and then followed."""
        market = new_region()
        at, line = 0, 1
        began_s = time.perf_counter()
        for end in self._ends:
            while at < end:
                at, line, count, _ = scan_lines(
                    self._text,
                    at,
                    end,
                    line,
                    self._grid,
                    self._symbol,
                    self._scratch,
                    self._rows,
                    0,
                    self._ticks,
                    self._lots,
                    0,
                )
                _follow(market, self._rows, count, self._ticks, self._lots)
        return self._size / 1e6 / (time.perf_counter() - began_s)


def _stretch_ends(text: bytearray) -> list[int]:
    """Where lines end, a stretch apart."""
    ends = []
    at = 0
    while at < len(text):
        at = text.find(b"\n", min(at + _STRETCH_BYTES, len(text) - 1)) + 1
        ends.append(at)
    return ends
