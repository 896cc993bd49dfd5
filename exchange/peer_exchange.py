"""Exchange of hftbacktest 2.4.4 without partial fills: its book, its queues and its fills.

To compare with it, fill by fill; ``exchange.recorded_book`` is how this desk would have it. No
sequence is checked here and every level is an event of its own. A bid that meets or passes the
best ask hides the asks that it passed: they are kept, and come back only when they are told
of again. An order fills whole: by a print past its price, by half a lot or more that trades
beyond its queue, or when the opposite best moves onto it. Own orders move nothing.

Source: the replay rules, sections 4 to 7.
"""

from exchange.book import (
    Book,
    best_of,
    follow_touch,
    level_lots,
    next_level,
    store_level,
)
from exchange.event_columns import (
    AGGRESSOR,
    ASK_AT,
    ASKS,
    BID_AT,
    BIDS,
    DEPTH,
    IS_AGGREGATE,
    KIND,
    PRICE_TICKS,
    QTY_LOTS,
    SNAPSHOT,
    TRADE,
)
from exchange.jit import FloatArray, IntArray, inlined, njit, piece
from exchange.market_layout import (
    BEST_ASK,
    BEST_BID,
    BLOCK_TICKS,
    BOOK_SIZE,
    LOW,
    NO_ASK,
    NO_BID,
    WINDOW_TICKS,
    new_region,
    side_blocks,
    side_lots,
)
from exchange.simulation import (
    Filled,
    RestingOrders,
    accept_order,
    age_queues,
    fill_from_cross,
    fill_from_trade,
    meets_touch,
    price_range,
)
from exchange.types import Side


@inlined
def _best_at(side: int) -> int:
    """Where a side's best price stands in the book."""
    return BEST_BID if side > 0 else BEST_ASK


@inlined
def _set_levels(
    book: IntArray,
    side: int,
    ticks: IntArray,
    lots: IntArray,
    first: int,
    levels: int,
    model: int,
    power: float,
    lot_size: float,
    ints: IntArray,
    floats: FloatArray,
    count: IntArray,
    out: IntArray,
    fills: int,
) -> int:
    """One side's levels, each an event: queues first, then the book, then what it fills.

    What comes after each event comes here once, after the last: of the prices that become the
    best in turn, the furthest ahead passes all that the others pass, and reaches all orders that
    they reach. No order of ours rests where a best price that has only fallen back could meet it.
    """
    of_side, blocks = side_lots(book, side), side_blocks(book, side)
    window = book[LOW]
    low, high = price_range(ints, count, side)
    ours = low <= high
    before = best_of(book, side)
    best = before
    for i in range(first, first + levels):
        price, new = ticks[i], lots[i]
        if ours and low <= price <= high:
            old = level_lots(book, side, price)
            age_queues(True, model, power, lot_size, ints, floats, count, side, price, old, new)
        if window <= price < window + WINDOW_TICKS:
            slot = price & (WINDOW_TICKS - 1)
            of_side[slot] = new
            blocks[slot // BLOCK_TICKS] = 1
        else:
            store_level(book, side, price, new)
        best = price if new > 0 and side * price > side * best else best
    if best != before:
        if side * best >= side * best_of(book, -side):
            book[_best_at(-side)] = next_level(book, -side, best)
        if count[0] > 0:
            fills = fill_from_cross(ints, floats, count, -side, best, out, fills)
    if NO_BID < best < NO_ASK and level_lots(book, side, best) == 0:
        best = next_level(book, side, best)
    book[_best_at(side)] = best
    return fills


@piece
def _clear_side(book: IntArray, side: int, last_ticks: int) -> None:
    """Forget a side from its best to a price; the level one tick beyond is skipped, as there.

    What is hidden before the best stays.
    """
    price = best_of(book, side)
    while NO_BID < price < NO_ASK and side * price >= side * last_ticks:
        store_level(book, side, price, 0)
        price = next_level(book, side, price)
    book[_best_at(side)] = next_level(book, side, last_ticks - side)


@inlined
def peer_depth(
    book: IntArray,
    row: IntArray,
    ticks: IntArray,
    lots: IntArray,
    model: int,
    power: float,
    lot_size: float,
    ints: IntArray,
    floats: FloatArray,
    count: IntArray,
    out: IntArray,
) -> int:
    """A diff or snapshot takes effect; how many fills it made.

    Args:
        book: int64[BOOK_SIZE].
        row: int64[WIDTH], of ``exchange.event_columns``, as the pools.
        model: A ``QueueModel``, with its ``power`` and ``lot_size``.
        ints: The orders that rest, as ``floats``, ``count`` and ``out``; see
            ``exchange.simulation``. Without any this is the local book.
    """
    fills = 0
    for side in (1, -1):
        first, levels = (row[BID_AT], row[BIDS]) if side > 0 else (row[ASK_AT], row[ASKS])
        if row[KIND] == SNAPSHOT and levels > 0:
            _clear_side(book, side, ticks[first + levels - 1])
        fills = _set_levels(
            book,
            side,
            ticks,
            lots,
            first,
            levels,
            model,
            power,
            lot_size,
            ints,
            floats,
            count,
            out,
            fills,
        )
    follow_touch(book)
    return fills


@inlined
def peer_trade(
    row: IntArray, ints: IntArray, floats: FloatArray, count: IntArray, out: IntArray
) -> int:
    """A print takes effect; how many fills it made."""
    if count[0] == 0:
        return 0
    side, price, size = row[AGGRESSOR], row[PRICE_TICKS], row[QTY_LOTS]
    return fill_from_trade(True, ints, floats, count, side, price, size, out, 0)


@piece
def peer_accept(
    book: IntArray,
    ints: IntArray,
    floats: FloatArray,
    count: IntArray,
    key: int,
    side: int,
    price_ticks: int,
    qty_lots: int,
) -> bool:
    """A post-only order reaches the exchange; False when it would take, or the table is full."""
    if meets_touch(side, price_ticks, best_of(book, -side)):
        return False
    ahead = level_lots(book, side, price_ticks)
    return accept_order(ints, floats, count, key, side, price_ticks, qty_lots, ahead)


@njit
def peer_step(
    book: IntArray,
    model: int,
    power: float,
    lot_size: float,
    ints: IntArray,
    floats: FloatArray,
    count: IntArray,
    row: IntArray,
    ticks: IntArray,
    lots: IntArray,
    out: IntArray,
) -> int:
    """One event takes effect; how many fills it made. Tickers and aggregates change nothing."""
    if row[KIND] == DEPTH or row[KIND] == SNAPSHOT:
        return peer_depth(book, row, ticks, lots, model, power, lot_size, ints, floats, count, out)
    if row[KIND] == TRADE and row[IS_AGGREGATE] == 0:
        return peer_trade(row, ints, floats, count, out)
    return 0


class PeerBook:
    """The exchange's book, and our orders' places in it.

    Args:
        resting: Our orders, of which each fills whole. The caller accepts into it, behind
            ``queue_lots``, and cancels.
    """

    def __init__(self, resting: RestingOrders) -> None:
        self.region = new_region(BOOK_SIZE)
        self.book = Book(self.region)
        self.resting = resting

    def queue_lots(self, side: Side, price_ticks: int) -> int:
        """Lots that would stand before an order that came now."""
        return self.book.lots_at(side, price_ticks)

    def on_event(self, row: IntArray, ticks: IntArray, lots: IntArray) -> list[Filled]:
        """A row of ``exchange.event_columns`` takes effect; what it fills, in its order."""
        resting = self.resting
        fills = peer_step(
            self.region,
            int(resting.model),
            resting.power,
            resting.lot_size,
            resting.ints,
            resting.floats,
            resting.count,
            row,
            ticks,
            lots,
            resting.out,
        )
        return resting.fills(fills) if fills else []
