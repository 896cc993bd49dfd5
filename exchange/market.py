"""Market kernels: one event moves the book, its touch, the tape and the clocks of a region."""

from exchange.book import touch_without_ours
from exchange.depth_sync import (
    APPLY,
    GREW,
    HELD,
    LOAD,
    TICKER,
    apply_levels,
    load_levels,
    lose,
    receive_diff,
    receive_snapshot,
    receive_ticker,
    take_grown,
    take_held,
    trusted,
    write_ticker,
)
from exchange.event_columns import (
    AGGRESSOR,
    DEPTH,
    EXCH_NS,
    KIND,
    MARK,
    PRICE_TICKS,
    SNAPSHOT,
    TRADE,
)
from exchange.event_columns import TICKER as TICKER_EVENT
from exchange.jit import IntArray, borrowed, inlined, njit, piece
from exchange.market_layout import (
    BOOK_EXCH_NS,
    LATENCY_KNOWN,
    LATENCY_NS,
    MARK_EXCH_NS,
    NO_ASK,
    NO_BID,
    PRINT_SIDE,
    PRINT_TICKS,
    TOUCH_ASK,
    TOUCH_ASK_LOTS,
    TOUCH_BID,
    TOUCH_BID_LOTS,
    TOUCH_EXCH_NS,
    TOUCHES_COUNT,
    TOUCHES_KEPT,
    TOUCHES_NEXT,
    held_lots,
    held_ticks,
    spare_row,
    touch_row,
)


@njit
def market_step(
    market: IntArray, row: IntArray, ticks: IntArray, lots: IntArray, arrived_ns: int
) -> int:
    """One event has arrived.

    Args:
        row: int64[WIDTH], of ``exchange.event_columns``, as the pools.
        arrived_ns: When, by the venue's clock.

    Returns:
        What ``exchange.depth_sync`` found, as bits; all of it is done but for ``NEEDED``.
    """
    market, row, ticks, lots = borrowed(market), borrowed(row), borrowed(ticks), borrowed(lots)
    return take_event(market, row, ticks, lots, arrived_ns)


@inlined
def take_event(
    market: IntArray, row: IntArray, ticks: IntArray, lots: IntArray, arrived_ns: int
) -> int:
    """As ``market_step``, for a loop over events."""
    kind = row[KIND]
    what = 0
    if kind == TICKER_EVENT:
        _hear_book(market, row[EXCH_NS], arrived_ns)
        what = receive_ticker(market, row)
    elif kind == DEPTH:
        _hear_book(market, row[EXCH_NS], arrived_ns)
        what = receive_diff(market, row, ticks, lots)
    elif kind == SNAPSHOT:
        what = receive_snapshot(market, row)
    elif kind == TRADE:
        market[PRINT_TICKS], market[PRINT_SIDE] = row[PRICE_TICKS], row[AGGRESSOR]
    elif kind == MARK:
        market[MARK_EXCH_NS] = row[EXCH_NS]
    return _follow(market, what, row, ticks, lots) if what != 0 else 0


@piece
def _follow(market: IntArray, what: int, row: IntArray, ticks: IntArray, lots: IntArray) -> int:
    """Do to the book what is left to do; all that was found on the way."""
    if what & (LOAD | APPLY | GREW):
        market[BOOK_EXCH_NS] = row[EXCH_NS]
    if what & LOAD:
        load_levels(market, row, ticks, lots)
    if what & GREW:
        take_grown(market)
    if what & APPLY:
        apply_levels(market, row, ticks, lots)
    if what & HELD:
        held, of_held = spare_row(market), (held_ticks(market), held_lots(market))
        while take_held(market, held):
            found = receive_diff(market, held, *of_held)
            if found & APPLY:
                apply_levels(market, held, *of_held)
                market[BOOK_EXCH_NS] = held[EXCH_NS]
            if found & TICKER:
                write_ticker(market)  # here, for a later one of these may be newer than it
            what |= found & ~TICKER
    if what & TICKER:
        write_ticker(market)
    return what


@piece
def _hear_book(market: IntArray, exch_ns: int, arrived_ns: int) -> None:
    if exch_ns != 0:
        market[TOUCH_EXCH_NS] = exch_ns
        market[LATENCY_NS], market[LATENCY_KNOWN] = arrived_ns - exch_ns, 1


@njit
def lose_market(market: IntArray) -> None:
    """Whatever comes next does not continue this book."""
    lose(borrowed(market))


@njit
def read_touch(
    market: IntArray,
    own_side: IntArray,
    own_price_ticks: IntArray,
    own_lots: IntArray,
    own_count: int,
) -> bool:
    """Find others' best prices under our own working size, and remember them.

    Args:
        own_side: int64[>= own_count], as of ``touch_without_ours``, as the next three.

    Returns:
        False while there is no such touch: an untrusted book, or a side where nobody else stands.
    """
    market = borrowed(market)
    bid, ask = NO_BID, NO_ASK
    if trusted(market):
        bid, bid_lots, ask, ask_lots = touch_without_ours(
            market, own_side, own_price_ticks, own_lots, own_count
        )
        market[TOUCH_BID_LOTS], market[TOUCH_ASK_LOTS] = bid_lots, ask_lots
    if bid == NO_BID or ask == NO_ASK:
        market[TOUCH_BID], market[TOUCH_ASK] = NO_BID, NO_ASK
        market[TOUCHES_COUNT] = 0  # what stood before a gap says nothing of what follows it
        return False
    if bid != market[TOUCH_BID] or ask != market[TOUCH_ASK]:
        market[TOUCH_BID], market[TOUCH_ASK] = bid, ask
        market[TOUCHES_NEXT] = (market[TOUCHES_NEXT] + 1) % TOUCHES_KEPT
        market[TOUCHES_COUNT] = min(market[TOUCHES_COUNT] + 1, TOUCHES_KEPT)
        newest = touch_row(market, 0)
        newest[0], newest[1], newest[2] = market[TOUCH_EXCH_NS], bid, ask
    return True


@njit
def touch_before(market: IntArray, exch_ns: int) -> tuple[int, int]:
    """Others' touch just before a moment of the venue's clock.

    Returns:
        Bid and ask; ``NO_BID`` and ``NO_ASK`` where that is not known: too long ago, or before
        the last gap in the book.
    """
    market = borrowed(market)
    for number in range(market[TOUCHES_COUNT]):
        touch = touch_row(market, number)
        if touch[0] < exch_ns:
            return touch[1], touch[2]
    return NO_BID, NO_ASK
