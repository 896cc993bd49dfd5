"""Hearing: a message of the market, from its bytes to the commands that follow, in one call.

    bytes -> event -> region of the market -> others' touch -> decision

What Python has to do about it is said in bits, none of which is set by most messages. What the
market monitor wants to know of lies in the block until it takes it.
"""

import numpy as np

from engine.core.decide import act
from engine.core.desk_layout import (
    COMMANDS,
    LINK_HEARD_NS,
    MARK_SEEN,
    MARKET,
    MONO_NS,
    NO_TOUCH_SEEN,
    NOTES,
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
from engine.core.fair_price import note_fair_touch
from engine.core.fill_intensity import count_print
from engine.core.moment import stamp, venue_ns
from engine.core.notes import BOOK_DISTRUSTED, BOOK_GAP, BOOK_GREW, note
from engine.core.request_tracker import FETCH_SNAPSHOT, tell
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
from exchange.jit import (
    ByteArray,
    FloatArray,
    IntArray,
    borrowed,
    by_address,
    code_addresses,
    inlined,
    njit,
    piece,
)
from exchange.market import lose_market, market_step, touch_before
from exchange.market_layout import (
    BEST_ASK,
    BEST_BID,
    GREW_FOR_NS,
    MARK_EXCH_NS,
    NO_BID,
    TOUCH_ASK,
    TOUCH_ASK_LOTS,
    TOUCH_BID,
    TOUCH_BID_LOTS,
    TOUCH_EXCH_NS,
)

(
    NOT_READ,  # the scanner's twin is to read it, and ``hear_frame`` to be called again
    TO_TAKE,  # commands or notes are to be taken
    PRINTED,  # it was a print of the tape, which is no word on the touch
    MOVED,  # others' touch is not the one decided upon
    SEEN_FULL,  # the market monitor is to take what was seen
) = (1 << i for i in range(5))
IS_CROSSED, IS_NONSENSE, NO_SNAPSHOT = range(3)
"""Why a book is distrusted: it is crossed, a message was nonsense, or what came is no snapshot."""
_RESYNC_WAITS_MS = np.array([0, 250, 500, 1000, 2000, 4000])
"""A snapshot costs 20 of the minute's weight, so gaps in a row are spaced out."""
IN_WIRE = -1
"""The size of a message that the scanner's twin has read into ``wire``."""
_MARKET_STEP, _ACT = range(2)
_market_step, _act = by_address(market_step), by_address(act)


def hearing_codes() -> IntArray:
    """Where the kernels lie that hearing calls: the ``codes`` of what follows."""
    return code_addresses(market_step, act)


@njit
def hear_frame(
    raw: ByteArray,
    wire: IntArray,
    desk: IntArray,
    reals: FloatArray,
    market: IntArray,
    codes: IntArray,
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
        codes: Of ``hearing_codes``.
        alone: May it be decided upon, since nothing else arrived with it?

    Returns:
        Bits, none of which is set where nothing is to be done.
    """
    wire = borrowed(wire)
    if size != IN_WIRE and scan_frame(raw, size, wire) == UNREAD:
        stamp(desk, recv_ns, mono_ns)
        return NOT_READ
    row, ticks, lots = frame_row(wire), frame_ticks(wire), frame_lots(wire)
    return hear_event(desk, reals, market, codes, row, ticks, lots, recv_ns, mono_ns, alone)


@njit
def hear_event(
    desk: IntArray,
    reals: FloatArray,
    market: IntArray,
    codes: IntArray,
    row: IntArray,
    ticks: IntArray,
    lots: IntArray,
    recv_ns: int,
    mono_ns: int,
    alone: bool,
) -> int:
    """As ``hear_frame``, of a message that was read.

    Args:
        row: int64[WIDTH], of ``exchange.event_columns``, as the pools.
    """
    desk, market, codes = borrowed(desk), borrowed(market), borrowed(codes)
    row, ticks, lots = borrowed(row), borrowed(ticks), borrowed(lots)
    stamp(desk, recv_ns, mono_ns)
    kind = row[KIND]
    if kind in (DEPTH, TICKER, TRADE, MARK):
        link_row(desk, PUBLIC if kind in (DEPTH, TICKER) else MARKET)[LINK_HEARD_NS] = mono_ns
        marked_ns, arrived_ns = market[MARK_EXCH_NS], venue_ns(desk, recv_ns, mono_ns)
        found = _market_step(codes[_MARKET_STEP], market, row, ticks, lots, arrived_ns)
        if kind == TRADE:
            return _take_print(desk, reals, market, row, alone)
        _mend(desk, market, found)
        if market[MARK_EXCH_NS] != marked_ns:
            _note(desk, MARK_SEEN, market[MARK_EXCH_NS], 0, 0, 0, 0)
    return look(desk, reals, market, codes, recv_ns, mono_ns, alone)


@njit
def look(
    desk: IntArray,
    reals: FloatArray,
    market: IntArray,
    codes: IntArray,
    recv_ns: int,
    mono_ns: int,
    alone: bool,
) -> int:
    """The book may have changed: find others' touch, and decide upon a new one; bits."""
    desk, market, codes = borrowed(desk), borrowed(market), borrowed(codes)
    moved = see_touch(desk, market)
    said = _note_touch(desk, market)
    if moved and alone:
        _act(codes[_ACT], desk, reals, market, recv_ns, mono_ns)
    elif moved:
        said |= MOVED
    return said | (TO_TAKE if desk[COMMANDS] + desk[NOTES] > 0 else 0)


@njit
def hear_snapshot(
    desk: IntArray,
    market: IntArray,
    codes: IntArray,
    row: IntArray,
    ticks: IntArray,
    lots: IntArray,
) -> None:
    """A depth snapshot that was asked for has arrived.

    Args:
        row: As of ``hear_event``, as the pools.
    """
    desk, market, codes = borrowed(desk), borrowed(market), borrowed(codes)
    link_row(desk, PUBLIC)[LINK_HEARD_NS] = desk[MONO_NS]
    found = _market_step(codes[_MARKET_STEP], market, row, ticks, lots, desk[MONO_NS])
    _mend(desk, market, found)


@njit
def distrust(desk: IntArray, market: IntArray, why: int) -> None:
    """Bad market data is worse than none: no book until a fresh snapshot.

    Args:
        why: ``IS_CROSSED`` or one of its neighbours.
    """
    note(desk, BOOK_DISTRUSTED, why, 0, 0, 0)
    lose_market(market)  # the next diff asks for the snapshot


@piece
def _take_print(
    desk: IntArray, reals: FloatArray, market: IntArray, row: IntArray, alone: bool
) -> int:
    """A print changes no touch; it is counted against the one just before it."""
    side, price, exch_ns = row[AGGRESSOR], row[PRICE_TICKS], row[EXCH_NS]
    bid, ask = touch_before(market, exch_ns)
    count_print(desk, reals, side, price, exch_ns, bid, ask)
    full = _note(desk, PRINT_SEEN, exch_ns, side, price, row[QTY_LOTS], 0)
    return full if alone else full | PRINTED


@piece
def _mend(desk: IntArray, market: IntArray, found: int) -> None:
    """Take what was found of the book: note it, and ask for what it needs."""
    if trusted(market):
        desk[RESYNCS] = 0
    if found & NEEDED:
        wait_ms = _RESYNC_WAITS_MS[min(desk[RESYNCS], _RESYNC_WAITS_MS.size - 1)]
        desk[RESYNCS] += 1
        tell(desk, FETCH_SNAPSHOT, wait_ms, 0, 0)
    if found & GAP:
        note(desk, BOOK_GAP, 0, 0, 0, 0)
    if found & GREW:
        note(desk, BOOK_GREW, market[GREW_FOR_NS], 0, 0, 0)
    if trusted(market) and market[BEST_BID] >= market[BEST_ASK]:
        distrust(desk, market, IS_CROSSED)


# ---------------------------------------------------------------- for the market monitor


@piece
def _note_touch(desk: IntArray, market: IntArray) -> int:
    bid, ask = market[TOUCH_BID], market[TOUCH_ASK]
    if bid == NO_BID:
        return _note(desk, NO_TOUCH_SEEN, 0, 0, 0, 0, 0)
    lots = market[TOUCH_BID_LOTS], market[TOUCH_ASK_LOTS]
    note_fair_touch(desk, bid, lots[0], ask, lots[1])
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
