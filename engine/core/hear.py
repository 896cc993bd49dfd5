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
    SEEN_ASK,
    SEEN_ASK_LOTS,
    SEEN_BID,
    SEEN_BID_LOTS,
    SEEN_EXCH_NS,
    SEEN_KEPT,
    SEEN_KIND,
    SEEN_LOTS,
    SEEN_PRICE,
    SEEN_SIDE,
    TOUCH_SEEN,
    link_row,
    seen_row,
)
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
from exchange.market import market_step
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

NOT_READ = 8
"""The scanner's twin is to read it, and ``hear_frame`` to be called again."""
BOOK_BROKEN = 16
"""What ``exchange.depth_sync`` found, from ``FOUND_AT`` up, is to be dealt with, or a crossed book,
and ``look`` to be called then."""
PRINTED = 32
"""A print of the tape."""
MOVED = 64
"""Others' touch is not the one decided upon."""
SEEN_FULL = 128
"""The market monitor is to take what was seen."""
FOUND_AT = 16


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
        size: Of the message; 0 where the scanner's twin has read it into ``wire``.
        desk: int64[DESK_SIZE], as ``reals`` of ``engine.core.desk_layout``.
        market: int64[MARKET_SIZE] of ``exchange.market_layout``.
        alone: May it be decided upon, since nothing else arrived with it?

    Returns:
        Bits, also those of ``engine.core.decide``.
    """
    wire, desk, market = borrowed(wire), borrowed(desk), borrowed(market)
    stamp(desk, recv_ns, mono_ns)
    if size > 0 and scan_frame(raw, size, wire) == UNREAD:
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
    if _is_broken(desk, market, found):
        return BOOK_BROKEN | found << FOUND_AT
    if kind == TRADE:
        return PRINTED | _note_print(desk, row)
    if market[MARK_EXCH_NS] != marked_ns:
        _note(desk, MARK_SEEN, market[MARK_EXCH_NS])
    return look(desk, reals, market, recv_ns, mono_ns, alone)


@njit
def look(
    desk: IntArray, reals: FloatArray, market: IntArray, recv_ns: int, mono_ns: int, alone: bool
) -> int:
    """The book may have changed: find others' touch, and decide upon a new one; bits."""
    desk, market = borrowed(desk), borrowed(market)
    moved = see_touch(desk, market)
    full = note_touch(desk, market)
    if not moved:
        return full
    if not alone:
        return full | MOVED
    return full | act(desk, reals, market, recv_ns, mono_ns)


@piece
def _is_broken(desk: IntArray, market: IntArray, found: int) -> bool:
    """Is there something to be said, or asked, or distrusted of the book?"""
    crossed = False
    if trusted(market):
        desk[RESYNCS] = 0
        crossed = market[BEST_BID] >= market[BEST_ASK]
    return crossed or found & (NEEDED | GAP | GREW) != 0


# ---------------------------------------------------------------- for the market monitor


@njit
def note_touch(desk: IntArray, market: IntArray) -> int:
    """Note others' touch for the market monitor; ``SEEN_FULL``, or nothing."""
    desk = borrowed(desk)
    if market[TOUCH_BID] == NO_BID:
        return _note(desk, NO_TOUCH_SEEN, 0)
    row = seen_row(desk, desk[SEEN])
    row[SEEN_BID], row[SEEN_BID_LOTS] = market[TOUCH_BID], market[TOUCH_BID_LOTS]
    row[SEEN_ASK], row[SEEN_ASK_LOTS] = market[TOUCH_ASK], market[TOUCH_ASK_LOTS]
    return _note(desk, TOUCH_SEEN, market[TOUCH_EXCH_NS])


@piece
def _note_print(desk: IntArray, row: IntArray) -> int:
    seen = seen_row(desk, desk[SEEN])
    seen[SEEN_SIDE], seen[SEEN_PRICE] = row[AGGRESSOR], row[PRICE_TICKS]
    seen[SEEN_LOTS] = row[QTY_LOTS]
    return _note(desk, PRINT_SEEN, row[EXCH_NS])


@inlined
def _note(desk: IntArray, kind: int, exch_ns: int) -> int:
    """Keep the next row; where it would be the last that there is room for but one, say so."""
    row = seen_row(desk, desk[SEEN])
    row[SEEN_KIND], row[SEEN_EXCH_NS] = kind, exch_ns
    desk[SEEN] += 1
    return SEEN_FULL if desk[SEEN] >= SEEN_KEPT - 2 else 0
