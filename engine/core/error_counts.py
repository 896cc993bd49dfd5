"""Error counts: how often the venue gave each of its codes, and what it said with it."""

from dataclasses import dataclass

import numpy as np

from engine.core.desk_layout import (
    ERROR_CODE,
    ERROR_CODES,
    ERROR_COUNT,
    ERROR_MONO_NS,
    ERROR_TEXT_BYTES,
    ERROR_WIDTH,
    ERRORS_SEEN,
    MONO_NS,
    error_row,
)
from exchange.jit import IntArray, borrowed, in_python, njit

_TEXT_AT = ERROR_WIDTH - ERROR_TEXT_BYTES // 8


@njit
def count_error(desk: IntArray, code: int) -> None:
    """An answer carried this code, 0 of our own way to the venue.

    What finds no row of its own shares the last one.
    """
    desk = borrowed(desk)
    at = _find_code(desk, code)
    row = error_row(desk, min(at, ERROR_CODES - 1))
    if at == desk[ERRORS_SEEN] and at < ERROR_CODES:
        row[ERROR_COUNT] = 0
        desk[ERRORS_SEEN] = at + 1
    row[ERROR_CODE], row[ERROR_MONO_NS] = code, desk[MONO_NS]
    row[ERROR_COUNT] += 1


@njit
def _find_code(desk: IntArray, code: int) -> int:
    """The number of a code's row, or of the one that it would get."""
    for at in range(desk[ERRORS_SEEN]):
        if error_row(desk, at)[ERROR_CODE] == code:
            return at
    return int(desk[ERRORS_SEEN])


@dataclass(slots=True)
class ErrorCount:
    """How often one error code of the venue was seen."""

    count: int
    last_message: str
    mono_ns: int


class ErrorCounts:
    """The codes that the venue gave, with its words: a reader of the desk block.

    Args:
        desk: int64[DESK_SIZE].
    """

    def __init__(self, desk: IntArray) -> None:
        self._desk = desk

    def by_code(self) -> dict[int, ErrorCount]:
        """Every code of the venue's that was seen, the first one first."""
        rows = [in_python(error_row)(self._desk, at) for at in range(self._desk[ERRORS_SEEN])]
        return {
            int(row[ERROR_CODE]): ErrorCount(
                int(row[ERROR_COUNT]), _text(row), int(row[ERROR_MONO_NS])
            )
            for row in rows
            if row[ERROR_CODE]
        }

    def words(self, code: int) -> str:
        """A code with what the venue said to it last; of 0, what our own way to it said."""
        row = self._row(code)
        message = "" if row is None else _text(row)
        return f"{code} {message}" if code else message

    def keep_message(self, code: int, message: str) -> None:
        """What the venue said with a code that was just counted, as far as there is room."""
        row = self._row(code)
        if row is not None:
            text = message.encode()[:ERROR_TEXT_BYTES]
            room = row[_TEXT_AT:].view(np.uint8)
            room.fill(0)
            room[: len(text)] = np.frombuffer(text, dtype=np.uint8)

    def _row(self, code: int) -> IntArray | None:
        at = _find_code(self._desk, code)
        return in_python(error_row)(self._desk, at) if at < self._desk[ERRORS_SEEN] else None


def _text(row: IntArray) -> str:
    return row[_TEXT_AT:].tobytes().rstrip(b"\0").decode(errors="ignore")
