"""Watchdog of the private stream: it must report what the venue reported by another channel.

A socket that is open proves nothing; the venue can serve one that carries nothing. But an order
that an answer reports as taken, filled or ended is reported by the stream too, and a fill comes
with the account that it made. What does not come within the longest stall will not come: the
connection is given up. Only the connection that was up when an order was placed owes its events,
since what is sent while the line is down is not sent again.
"""

from engine.core.account import STAMP_JITTER_NS
from engine.core.desk_layout import (
    ACCOUNT_OWED_EXCH_NS,
    ACCOUNT_OWED_NS,
    ACCOUNT_SPARED_UNTIL_NS,
    ACCOUNT_TOLD_EXCH_NS,
    NO_STAMP,
    OWED_COUNT,
    OWED_EPOCH,
    OWED_KEPT,
    OWED_NUMBER,
    OWED_PROGRESS,
    OWED_SINCE_NS,
    OWED_WIDTH,
    PAUSED_UNTIL_NS,
    STREAM_MUTE,
    owed_row,
)
from engine.core.order_names import OrderName, client_order_id
from exchange.jit import IntArray, borrowed, njit, piece

_S = 1_000_000_000
PATIENCE_NS = 5 * _S
"""Longer than a living stream stalls."""
PAUSE_NS = 30 * _S
"""How long quotes wait when one connection after another has reported no order at all."""
_ACCOUNT_AGAIN_NS = 600 * _S
"""Fills come without their account only on a venue that is odd: we count on, and look again."""

NOTHING, AN_ORDER, THE_ACCOUNT, NO_LISTEN_KEY = range(4)
"""What is overdue, of orders the oldest, ``owed_row`` 0; and why else a stream is given up."""
_NONE = -1


@njit
def progress(filled_lots: int, final: bool) -> int:
    """How far an order's life has come, as one number that each of its events raises; from 1."""
    return 1 + filled_lots + final


@njit
def owe_nothing(desk: IntArray) -> None:
    """The connection is another one: what the last one owed was lost with it."""
    desk[OWED_COUNT] = 0
    desk[ACCOUNT_OWED_NS] = NO_STAMP


@njit
def owe_order(desk: IntArray, epoch: int, number: int, reached: int, mono_ns: int) -> None:
    """Another channel reported that an order of this connection's time has come so far."""
    desk = borrowed(desk)
    found = _find_owed(desk, epoch, number)
    if found != _NONE:
        row = owed_row(desk, found)
        row[OWED_PROGRESS] = max(row[OWED_PROGRESS], reached)
    else:
        _add_owed(desk, epoch, number, reached, mono_ns)


@njit
def hear_order(desk: IntArray, epoch: int, number: int, reached: int, mono_ns: int) -> None:
    """The stream reported an order; what it owes of it beyond that, it owes from now on."""
    desk = borrowed(desk)
    desk[STREAM_MUTE] = 0
    found = _find_owed(desk, epoch, number)
    if found != _NONE:
        owed = owed_row(desk, found)[OWED_PROGRESS]
        _drop_owed(desk, found)
        if owed > reached:
            _add_owed(desk, epoch, number, owed, mono_ns)


@njit
def owe_account(desk: IntArray, exch_ns: int, mono_ns: int) -> None:
    """The stream reported a fill: the account as of this stamp follows, if it is not here."""
    if mono_ns < desk[ACCOUNT_SPARED_UNTIL_NS] or _has_account(desk, exch_ns):
        return
    desk[ACCOUNT_OWED_EXCH_NS] = max(desk[ACCOUNT_OWED_EXCH_NS], exch_ns)
    if desk[ACCOUNT_OWED_NS] == NO_STAMP:
        desk[ACCOUNT_OWED_NS] = mono_ns


@njit
def hear_account(desk: IntArray, exch_ns: int, mono_ns: int) -> None:
    """The stream reported the account."""
    desk[ACCOUNT_TOLD_EXCH_NS] = max(desk[ACCOUNT_TOLD_EXCH_NS], exch_ns)
    if desk[ACCOUNT_OWED_NS] != NO_STAMP:
        arrived = _has_account(desk, desk[ACCOUNT_OWED_EXCH_NS])
        desk[ACCOUNT_OWED_NS] = NO_STAMP if arrived else mono_ns


@njit
def overdue(desk: IntArray, mono_ns: int) -> int:
    """What the stream failed to report; then the connection is to be given up."""
    desk = borrowed(desk)
    late_ns = mono_ns - PATIENCE_NS
    if desk[OWED_COUNT] > 0 and owed_row(desk, 0)[OWED_SINCE_NS] < late_ns:
        if desk[STREAM_MUTE] == 1:
            desk[PAUSED_UNTIL_NS] = mono_ns + PAUSE_NS
        desk[STREAM_MUTE] = 1
        return AN_ORDER
    if desk[ACCOUNT_OWED_NS] != NO_STAMP and desk[ACCOUNT_OWED_NS] < late_ns:
        desk[ACCOUNT_SPARED_UNTIL_NS] = mono_ns + _ACCOUNT_AGAIN_NS
        return THE_ACCOUNT
    return NOTHING


@piece
def _has_account(desk: IntArray, exch_ns: int) -> bool:
    return bool(desk[ACCOUNT_TOLD_EXCH_NS] >= exch_ns - STAMP_JITTER_NS)


@piece
def _find_owed(desk: IntArray, epoch: int, number: int) -> int:
    for i in range(desk[OWED_COUNT]):
        row = owed_row(desk, i)
        if row[OWED_NUMBER] == number and row[OWED_EPOCH] == epoch:
            return i
    return _NONE


@piece
def _add_owed(desk: IntArray, epoch: int, number: int, reached: int, mono_ns: int) -> None:
    if desk[OWED_COUNT] == OWED_KEPT:
        _drop_owed(desk, 0)
    row = owed_row(desk, desk[OWED_COUNT])
    row[OWED_EPOCH], row[OWED_NUMBER] = epoch, number
    row[OWED_PROGRESS], row[OWED_SINCE_NS] = reached, mono_ns
    desk[OWED_COUNT] += 1


@piece
def _drop_owed(desk: IntArray, place: int) -> None:
    desk[OWED_COUNT] -= 1
    for i in range(place, desk[OWED_COUNT]):
        row, after = owed_row(desk, i), owed_row(desk, i + 1)
        for column in range(OWED_WIDTH):
            row[column] = after[column]


def loss_in_words(why: int, epoch: int, number: int) -> str:
    """Why a private stream was given up: ``overdue``, or that its listen key expired."""
    if why == AN_ORDER:
        return f"silent about {client_order_id(OrderName(epoch, number))}"
    return "silent about the account after a fill" if why == THE_ACCOUNT else "listen key expired"
