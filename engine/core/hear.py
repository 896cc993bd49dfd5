"""Hearing: a message of the market, from its bytes to the commands that follow, in one call.

    bytes -> event -> region of the market -> others' touch -> decision

What Python has to do about it is said in bits, none of which is set by most messages. What the
market monitor wants to know of lies in the block until it takes it.
"""

from engine.core.decide import act
from engine.core.desk_layout import (
    LINK_HEARD_NS,
    MARK_SEEN,
    MARKET,
    NO_TOUCH_SEEN,
    PRINT_SEEN,
    PUBLIC,
    RESYNCS,
    SEEN,
    SEEN_EXCH_NS,
    SEEN_KEPT,
    SEEN_KIND,
    TOUCH_SEEN,
    link_row,
    seen_row,
)
from engine.core.fill_intensity import count_print
from engine.core.moment import stamp, venue_ns
from engine.core.touch import see_touch
from exchange.binance.scanner import frame_lots, frame_row, frame_ticks, scan_frame
from exchange.depth_sync import GAP, GREW, NEEDED, trusted
from exchange.event_columns import (
    AGGRESSOR,
    DEPTH,
    EXCH_NS,
    KIND,
    MARK,
    PRICE_TICKS,
    QTY_LOTS,
    TICKER,
    TRADE,
    UNREAD,
)
from exchange.jit import ByteArray, FloatArray, IntArray, borrowed, inlined, njit, piece
from exchange.market import market_step, touch_before
from exchange.market_layout import (
    BEST_ASK,
    BEST_BID,
    MARK_EXCH_NS,
    NO_BID,
    TOUCH_ASK,
    TOUCH_ASK_LOTS,
    TOUCH_BID,
    TOUCH_BID_LOTS,
    TOUCH_EXCH_NS,
)

(
    DECIDED,  # upon a new touch of others
    NOT_READ,  # the scanner's twin is to read it, and ``hear_frame`` to be called again
    BOOK_BROKEN,  # what was found of the book is to be dealt with, and ``look`` to be called then
    GARBLED,  # the message was nonsense
    PRINTED,  # it was a print of the tape, which is no word on the touch
    MOVED,  # others' touch is not the one decided upon
    SEEN_FULL,  # the market monitor is to take what was seen
) = (1 << i for i in range(7))
FOUND_SHIFT = 7
"""From here up stands what ``exchange.depth_sync`` found, of a book that is broken."""
IN_WIRE = -1
"""The size of a message that the scanner's twin has read into ``wire``."""


@njit
def hear_frame(
    raw: ByteArray,
    wire: IntArray,
    desk: IntArray,
    reals: FloatArray,
    market: IntArray,
    size: int,
    recv_ns: int,
    mono_ns: int,
    alone: bool,
) -> int:
    """A message of a market stream has arrived.

    Args:
        raw: uint8[n], as of ``scan_frame``, as ``wire``.
        size: Of the message, or ``IN_WIRE``.
        desk: int64[DESK_SIZE], as ``reals`` of ``engine.core.desk_layout``.
        market: int64[MARKET_SIZE] of ``exchange.market_layout``.
        alone: May it be decided upon, since nothing else arrived with it?

    Returns:
        Bits, none of which is set where nothing is to be done.
    """
    wire, desk, market = borrowed(wire), borrowed(desk), borrowed(market)
    stamp(desk, recv_ns, mono_ns)
    if size != IN_WIRE and scan_frame(raw, size, wire) == UNREAD:
        return NOT_READ
    row = frame_row(wire)
    kind = row[KIND]
    if kind in (DEPTH, TICKER):
        link_row(desk, PUBLIC)[LINK_HEARD_NS] = mono_ns
    elif kind in (TRADE, MARK):
        link_row(desk, MARKET)[LINK_HEARD_NS] = mono_ns
    else:
        return look(desk, reals, market, recv_ns, mono_ns, alone)
    marked_ns, arrived_ns = market[MARK_EXCH_NS], venue_ns(desk, recv_ns, mono_ns)
    found = market_step(market, row, frame_ticks(wire), frame_lots(wire), arrived_ns)
    if kind == TRADE:
        side, price, lots = row[AGGRESSOR], row[PRICE_TICKS], row[QTY_LOTS]
        bid, ask = touch_before(market, row[EXCH_NS])
        count_print(desk, reals, side, price, row[EXCH_NS], bid, ask)
        full = _note(desk, PRINT_SEEN, row[EXCH_NS], side, price, lots, 0)
        return full if alone else full | PRINTED
    if take_found(desk, market, found):
        return BOOK_BROKEN | found << FOUND_SHIFT
    if market[MARK_EXCH_NS] != marked_ns:
        _note(desk, MARK_SEEN, market[MARK_EXCH_NS], 0, 0, 0, 0)
    return look(desk, reals, market, recv_ns, mono_ns, alone)


@njit
def look(
    desk: IntArray, reals: FloatArray, market: IntArray, recv_ns: int, mono_ns: int, alone: bool
) -> int:
    """The book may have changed: find others' touch, and decide upon a new one; bits."""
    desk, market = borrowed(desk), borrowed(market)
    moved = see_touch(desk, market)
    full = _note_touch(desk, market)
    if not moved:
        return full
    if not alone:
        return full | MOVED
    act(desk, reals, market, recv_ns, mono_ns)
    return full | DECIDED


@njit
def take_found(desk: IntArray, market: IntArray, found: int) -> bool:
    """Take what was found of the book; is there something to be said, asked or distrusted?"""
    crossed = False
    if trusted(market):
        desk[RESYNCS] = 0
        crossed = market[BEST_BID] >= market[BEST_ASK]
    return bool(crossed or found & (NEEDED | GAP | GREW) != 0)


# ---------------------------------------------------------------- for the market monitor


@piece
def _note_touch(desk: IntArray, market: IntArray) -> int:
    bid, ask = market[TOUCH_BID], market[TOUCH_ASK]
    if bid == NO_BID:
        return _note(desk, NO_TOUCH_SEEN, 0, 0, 0, 0, 0)
    lots = market[TOUCH_BID_LOTS], market[TOUCH_ASK_LOTS]
    return _note(desk, TOUCH_SEEN, market[TOUCH_EXCH_NS], bid, lots[0], ask, lots[1])


@inlined
def _note(desk: IntArray, kind: int, exch_ns: int, a: int, b: int, c: int, d: int) -> int:
    """Keep a row where there is room for it; ``SEEN_FULL`` where there is none for two more.

    Args:
        a: Of a touch bid, lots, ask and lots; of a print side, price and lots.
    """
    if desk[SEEN] < SEEN_KEPT:
        row = seen_row(desk, desk[SEEN])
        row[SEEN_KIND], row[SEEN_EXCH_NS] = kind, exch_ns
        row[2], row[3], row[4], row[5] = a, b, c, d
        desk[SEEN] += 1
    return SEEN_FULL if desk[SEEN] >= SEEN_KEPT - 2 else 0
