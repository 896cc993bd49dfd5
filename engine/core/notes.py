"""Notes: what is to be said of what happened, as rows of numbers that are worded outside.

Kernels write them into the desk block in the order in which things happened. The words of a note
are in ``engine.core.wording``; whatever reads the log or an alert reads those.
"""

from engine.core.desk_layout import (
    HALT_A,
    HALT_B,
    HALT_CAUSE,
    NOTE_CODE,
    NOTE_RECV_NS,
    NOTES,
    NOTES_KEPT,
    RECV_NS,
    note_row,
)
from exchange.jit import IntArray, borrowed, njit

CODES = range(22)
(
    HALTED,  # the cause that stands, and its two numbers
    FLATTEN_ENDED,  # the state it ended in
    CLOSING_REFUSED,  # the code
    ORDER_FOUND,  # epoch and number, as of the next
    PLACING_UNKNOWN,
    PLACING_HELD,  # for how long in ns, and is our clock late?
    SIDE_CLOSED,  # the side, and the code
    SWITCH_NOT_ARMED,
    FILL_BOOKED,  # side, price, lots, and bits: 1 as maker, 2 of our order
    POSITION_ADOPTED,  # the venue's lots, and ours
    SNAPSHOT_TAKEN,
    VERIFIED_EMPTY,
    QUESTION_ENDED,  # the kind of command, its number, and was it answered?
    LINK_BACK,  # the link
    LINK_LOST,  # twice the link, one more if it was up; of an overdue report what, epoch, number
    COMMAND_OBEYED,
    COMMAND_REFUSED,  # a refusal of ``engine.core.obey``
    TABLE_FULL,
    FIT_JUDGED,  # is something wrong?
    BOOK_GAP,
    BOOK_GREW,  # for how long, in ns
    BOOK_DISTRUSTED,  # why, of ``engine.core.hear``
) = CODES


@njit
def note(desk: IntArray, code: int, a: int, b: int, c: int, d: int) -> None:
    """Note something with its numbers; what finds no room is counted."""
    desk = borrowed(desk)
    if desk[NOTES] < NOTES_KEPT:
        row = note_row(desk, desk[NOTES])
        row[NOTE_CODE], row[NOTE_RECV_NS] = code, desk[RECV_NS]
        row[2], row[3], row[4], row[5] = a, b, c, d
    desk[NOTES] += 1


@njit
def note_halt(desk: IntArray) -> None:
    """Note the halt that stands."""
    note(desk, HALTED, desk[HALT_CAUSE], desk[HALT_A], desk[HALT_B], 0)
