"""Event columns: market events as rows of integers, with their levels in a pool beside them.

A table of ``n`` events is an ``int64[n * WIDTH]`` array of rows. The levels of all of them lie
in two ``int64[m]`` arrays, ``ticks`` and ``lots``. Times are nanoseconds, and what a row's
middle columns mean depends on its kind:

============ ==================== ================= ====================
column       depth, snapshot      trade             ticker / mark
============ ==================== ================= ====================
``BID_AT``   first bid level      price, ticks      bid, ticks / mark, 1e-8
``BIDS``     how many             size, lots        its lots / funding, 1e-8
``ASK_AT``   first ask level      aggressor, +1 -1  ask, ticks / next funding, ns
``ASKS``     how many             1: an aggregate   its lots / -
``LAST_ID``  last update id       trade id          update id / -
``FIRST_ID`` first update id      -                 -
``PREV_ID``  the one continued    -                 -
============ ==================== ================= ====================

What moves a book lies in the first eight numbers, which is one line of the processor's cache.
"""

from exchange.jit import IntArray
from exchange.market_events import (
    DepthDiff,
    MarketMessage,
    MarkPrice,
    Snapshot,
    TouchUpdate,
    TradePrint,
)

WIDTH = 16

KIND, RECV_NS, EXCH_NS, BID_AT, BIDS, ASK_AT, ASKS, LAST_ID, FIRST_ID, PREV_ID = range(10)
RAW_AT, RAW_SIZE, LINE = range(10, 13)
"""Where the message lies in the bytes that it was read from, and in which line of its file."""

PRICE_TICKS, QTY_LOTS, AGGRESSOR, IS_AGGREGATE = BID_AT, BIDS, ASK_AT, ASKS
BID_TICKS, BID_LOTS, ASK_TICKS, ASK_LOTS = BID_AT, BIDS, ASK_AT, ASKS
MARK_E8, FUNDING_E8, NEXT_FUNDING_NS = BID_AT, BIDS, ASK_AT

UNREAD, IGNORED, DEPTH, SNAPSHOT, TRADE, TICKER, MARK = range(7)
"""Kinds. ``UNREAD``: not written as the scanner expects; ``IGNORED``: none of our business."""

NO_FUNDING = -(2**62)
"""Stands for the funding rate where the venue gives none."""


def write_row(
    message: MarketMessage, row: IntArray, ticks: IntArray, lots: IntArray, level: int
) -> int:
    """Write a message into a row, from ``KIND`` on, its receive time and place aside.

    Args:
        row: int64[WIDTH].
        ticks: int64[m], the pool, as ``lots``; with room for the message's levels.
        level: The next free level of the pool.

    Returns:
        The next free level.

    Raises:
        OverflowError: When a number does not fit 64 bits.
    """
    match message:
        case DepthDiff():
            row[KIND] = DEPTH
            row[EXCH_NS], row[LAST_ID] = message.exch_ns, message.last_id
            row[FIRST_ID], row[PREV_ID] = message.first_id, message.prev_last_id
            return _write_levels(message, row, ticks, lots, level)
        case Snapshot():
            row[KIND] = SNAPSHOT
            row[EXCH_NS], row[LAST_ID] = message.exch_ns, message.last_id
            return _write_levels(message, row, ticks, lots, level)
        case TradePrint():
            row[KIND] = TRADE
            row[EXCH_NS], row[LAST_ID] = message.exch_ns, message.trade_id
            row[PRICE_TICKS], row[QTY_LOTS] = message.price_ticks, message.qty_lots
            row[AGGRESSOR], row[IS_AGGREGATE] = message.aggressor, message.aggregate
        case TouchUpdate():
            row[KIND] = TICKER
            row[EXCH_NS], row[LAST_ID] = message.exch_ns, message.update_id
            row[BID_TICKS], row[BID_LOTS] = message.bid_ticks, message.bid_lots
            row[ASK_TICKS], row[ASK_LOTS] = message.ask_ticks, message.ask_lots
        case MarkPrice():
            row[KIND] = MARK
            row[EXCH_NS], row[MARK_E8] = message.exch_ns, message.mark_e8
            funding_e8 = message.funding_e8
            row[FUNDING_E8] = NO_FUNDING if funding_e8 is None else funding_e8
            row[NEXT_FUNDING_NS] = message.next_funding_ns
        case _:
            row[KIND], row[EXCH_NS] = IGNORED, 0
    return level


def _write_levels(
    message: DepthDiff | Snapshot, row: IntArray, ticks: IntArray, lots: IntArray, level: int
) -> int:
    bids, asks = message.bid_ticks.size, message.ask_ticks.size
    row[BID_AT], row[BIDS] = level, bids
    row[ASK_AT], row[ASKS] = level + bids, asks
    ticks[level : level + bids], lots[level : level + bids] = message.bid_ticks, message.bid_lots
    level += bids
    ticks[level : level + asks], lots[level : level + asks] = message.ask_ticks, message.ask_lots
    return level + asks
