"""Exchange of hftbacktest 2.4.4 without partial fills: its book, its queues and its fills.

To compare with it, fill by fill; ``exchange.recorded_book`` is how this desk would have it. No
sequence is checked here and every level is an event of its own. A bid that meets or passes the
best ask hides the asks that it passed: they are kept, and come back only when they are told
of again. The next best price is searched as far as the furthest level that was set since the
side was last empty, so that levels which were hidden then are never found again. An order fills
whole: by a print past its price, by half a lot or more that trades beyond its queue, or when the
opposite best moves onto it. Own orders move nothing.

What is not seen is kept as two marks a side, beside the book:

- ``FURTHEST_BID``, ``FURTHEST_ASK``: how far the search for the next best goes; the side's
  empty mark while nothing lies beyond.
- ``HIDDEN_BID``, ``HIDDEN_ASK``: the best price at which a level may stand before the best; the
  side's empty mark when none does.

Source: the replay rules, sections 4 to 7; hftbacktest 2.4.4, its hash map depth.
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
    FURTHEST_ASK,
    FURTHEST_BID,
    HIDDEN_ASK,
    HIDDEN_BID,
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
def _furthest_at(side: int) -> int:
    return FURTHEST_BID if side > 0 else FURTHEST_ASK


@inlined
def _hidden_at(side: int) -> int:
    return HIDDEN_BID if side > 0 else HIDDEN_ASK


@inlined
def _nobody(side: int) -> int:
    """The best price of a side that is empty: beyond every price."""
    return NO_BID if side > 0 else NO_ASK


@inlined
def _sees_all(book: IntArray, side: int) -> bool:
    """Does every level of a side lie between its best and as far as is searched?"""
    none = _nobody(side)
    return bool(book[_furthest_at(side)] == none and book[_hidden_at(side)] == none)


@inlined
def _goes_at_once(
    book: IntArray, side: int, ticks: IntArray, lots: IntArray, first: int, levels: int
) -> bool:
    """May all levels be written before anything comes of them?

    They may where the side is seen whole, or is searched without bound while its best stands
    through all of them: then the side does not end in between.
    """
    if _sees_all(book, side):
        return True
    best = best_of(book, side)
    if best == _nobody(side) or book[_furthest_at(side)] != _nobody(side):
        return False
    ended = 0
    for i in range(first, first + levels):
        ended += int(ticks[i] == best and lots[i] == 0)
    return ended == 0


@inlined
def _next_best(book: IntArray, side: int, beyond_ticks: int) -> int:
    """The best level further out than a price, as far as the peer searches."""
    found = next_level(book, side, beyond_ticks)
    return found if side * found >= side * book[_furthest_at(side)] else _nobody(side)


@inlined
def _note_hidden(book: IntArray, side: int, ticks: int) -> None:
    """A level may stand here from now on, before the best."""
    at = _hidden_at(side)
    book[at] = side * max(side * book[at], side * ticks)


@inlined
def _pass_over(book: IntArray, side: int, price_ticks: int) -> None:
    """The other side's best has met or passed this side's: what it passed is hidden."""
    _note_hidden(book, side, best_of(book, side))
    book[_best_at(side)] = _next_best(book, side, price_ticks)


@inlined
def _find_hidden(book: IntArray, side: int) -> None:
    """Where the best level before the best really stands, if one does."""
    mark, best = book[_hidden_at(side)], best_of(book, side)
    first = next_level(book, side, mark + side) if side * mark > side * best else best
    book[_hidden_at(side)] = first if first != best else _nobody(side)


@inlined
def _end_side(book: IntArray, side: int) -> None:
    """The peer finds no level any more: it forgets how far it searched."""
    left = next_level(book, side, _nobody(-side))
    book[_hidden_at(side)] = left
    book[_furthest_at(side)] = _nobody(side) if left == _nobody(side) else _nobody(-side)


@inlined
def _store_levels(
    book: IntArray,
    twin: IntArray,
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
) -> int:
    """Write levels of a side into two books, or one named twice, whose windows are one.

    The queues of what rests in the first grow older.

    Returns:
        The best price that any of the levels gave lots to, if only until a later one took them;
        the side's empty mark where none did.
    """
    of_side, of_twin = side_lots(book, side), side_lots(twin, side)
    blocks, twin_blocks = side_blocks(book, side), side_blocks(twin, side)
    window = book[LOW]
    low, high = price_range(ints, count, side)
    ours = low <= high
    height = side * _nobody(side)  # all that a level waits for of the one before it
    for i in range(first, first + levels):
        price, new = ticks[i], lots[i]
        if ours and low <= price <= high:
            old = level_lots(book, side, price)
            age_queues(True, model, power, lot_size, ints, floats, count, side, price, old, new)
        if window <= price < window + WINDOW_TICKS:
            slot = price & (WINDOW_TICKS - 1)
            of_side[slot] = of_twin[slot] = new
            blocks[slot // BLOCK_TICKS] = twin_blocks[slot // BLOCK_TICKS] = 1
        else:
            store_level(book, side, price, new)
            store_level(twin, side, price, new)
        height = side * price if new > 0 and side * price > height else height
    return side * height


@inlined
def _settle_side(
    book: IntArray,
    side: int,
    highest: int,
    ints: IntArray,
    floats: FloatArray,
    count: IntArray,
    out: IntArray,
    fills: int,
) -> int:
    """Find a side's best after its levels are written, and let it fill and hide; the fills so far.

    What comes after each level comes here once, after the last: the levels must go at once.

    Of the prices that become the best in turn, the furthest ahead passes all that the others
    pass, reaches all orders that they reach, and lets all that stands behind it be found. No
    order of ours rests where a best price that has only fallen back could meet it.

    Args:
        highest: As ``_store_levels`` returns it.
    """
    before = best_of(book, side)
    best = side * max(side * before, side * highest)
    if best != before:
        if side * best >= side * best_of(book, -side):
            _pass_over(book, -side, best)
        if count[0] > 0:
            fills = fill_from_cross(ints, floats, count, -side, best, out, fills)
    if NO_BID < best < NO_ASK and level_lots(book, side, best) == 0:
        best = next_level(book, side, best)
    book[_best_at(side)] = best
    return fills


@inlined
def _set_levels_in_turn(
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
    """Write levels of a side of which something is not seen; what each does comes after it."""
    for i in range(first, first + levels):
        price, new = ticks[i], lots[i]
        old = store_level(book, side, price, new)
        age_queues(True, model, power, lot_size, ints, floats, count, side, price, old, new)
        if new == 0:
            if price == best_of(book, side):
                book[_best_at(side)] = _next_best(book, side, price)
                if best_of(book, side) == _nobody(side):
                    _end_side(book, side)
            continue
        if side * price > side * best_of(book, side):
            book[_best_at(side)] = price
            if side * price >= side * best_of(book, -side):
                _pass_over(book, -side, price)
            fills = fill_from_cross(ints, floats, count, -side, price, out, fills)
        book[_furthest_at(side)] = side * min(side * book[_furthest_at(side)], side * price)
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
    if level_lots(book, side, last_ticks - side) > 0:
        _note_hidden(book, side, last_ticks - side)
    book[_best_at(side)] = _next_best(book, side, last_ticks - side)
    if best_of(book, side) == _nobody(side):
        _end_side(book, side)


@inlined
def _side_levels(row: IntArray, side: int) -> tuple[int, int]:
    """Where a side's levels stand in the pools, and how many they are."""
    if side > 0:
        return int(row[BID_AT]), int(row[BIDS])
    return int(row[ASK_AT]), int(row[ASKS])


@inlined
def _play_side(
    book: IntArray,
    side: int,
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
    fills: int,
) -> int:
    """A side of a diff or snapshot takes effect; how many fills there are with those it made."""
    first, levels = _side_levels(row, side)
    if row[KIND] == SNAPSHOT and levels > 0:
        _clear_side(book, side, ticks[first + levels - 1])
    if _goes_at_once(book, side, ticks, lots, first, levels):
        highest = _store_levels(
            book,
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
        )
        return _settle_side(book, side, highest, ints, floats, count, out, fills)
    return _set_levels_in_turn(
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


@inlined
def _settle_hidden(book: IntArray) -> None:
    """What comes after both sides: the search for what is hidden."""
    if not _sees_all(book, 1) or not _sees_all(book, -1):
        _find_hidden(book, 1)
        _find_hidden(book, -1)


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
    fills = _play_side(
        book, 1, row, ticks, lots, model, power, lot_size, ints, floats, count, out, 0
    )
    fills = _play_side(
        book, -1, row, ticks, lots, model, power, lot_size, ints, floats, count, out, fills
    )
    _settle_hidden(book)
    follow_touch(book)
    return fills


@inlined
def _play_side_on_both(
    exch_book: IntArray,
    local_book: IntArray,
    side: int,
    row: IntArray,
    ticks: IntArray,
    lots: IntArray,
    model: int,
    power: float,
    lot_size: float,
    ints: IntArray,
    floats: FloatArray,
    count: IntArray,
    none: IntArray,
    out: IntArray,
    fills: int,
) -> int:
    """A side of a diff takes effect on two books with one window, as ``_play_side`` on each."""
    first, levels = _side_levels(row, side)
    at_once = _goes_at_once(exch_book, side, ticks, lots, first, levels)
    if not at_once or not _goes_at_once(local_book, side, ticks, lots, first, levels):
        _play_side(
            local_book, side, row, ticks, lots, model, power, lot_size, ints, floats, none, out, 0
        )
        return _play_side(
            exch_book,
            side,
            row,
            ticks,
            lots,
            model,
            power,
            lot_size,
            ints,
            floats,
            count,
            out,
            fills,
        )
    highest = _store_levels(
        exch_book,
        local_book,
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
    )
    _settle_side(local_book, side, highest, ints, floats, none, out, 0)
    return _settle_side(exch_book, side, highest, ints, floats, count, out, fills)


@inlined
def peer_depth_on_both(
    exch_book: IntArray,
    local_book: IntArray,
    row: IntArray,
    ticks: IntArray,
    lots: IntArray,
    model: int,
    power: float,
    lot_size: float,
    ints: IntArray,
    floats: FloatArray,
    count: IntArray,
    none: IntArray,
    out: IntArray,
) -> int:
    """``peer_depth`` on the exchange's book and on the local one; how many fills it made.

    Each level is read once for the two: most of a replay's time is spent on reading them.

    Args:
        none: int64[1], zero: how many orders rest in the local book.
    """
    if row[KIND] != DEPTH or exch_book[LOW] != local_book[LOW]:
        peer_depth(local_book, row, ticks, lots, model, power, lot_size, ints, floats, none, out)
        return peer_depth(
            exch_book, row, ticks, lots, model, power, lot_size, ints, floats, count, out
        )
    fills = _play_side_on_both(
        exch_book,
        local_book,
        1,
        row,
        ticks,
        lots,
        model,
        power,
        lot_size,
        ints,
        floats,
        count,
        none,
        out,
        0,
    )
    fills = _play_side_on_both(
        exch_book,
        local_book,
        -1,
        row,
        ticks,
        lots,
        model,
        power,
        lot_size,
        ints,
        floats,
        count,
        none,
        out,
        fills,
    )
    _settle_hidden(exch_book)
    _settle_hidden(local_book)
    follow_touch(exch_book)
    follow_touch(local_book)
    return fills


@inlined
def peer_trade(
    row: IntArray,
    lot_size: float,
    ints: IntArray,
    floats: FloatArray,
    count: IntArray,
    out: IntArray,
) -> int:
    """A print takes effect; how many fills it made."""
    if count[0] == 0:
        return 0
    side, price, size = row[AGGRESSOR], row[PRICE_TICKS], row[QTY_LOTS]
    return fill_from_trade(True, lot_size, ints, floats, count, side, price, size, out, 0)


@inlined
def peer_accept(
    book: IntArray,
    lot_size: float,
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
    return accept_order(
        True, lot_size, ints, floats, count, key, side, price_ticks, qty_lots, ahead
    )


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
        return peer_trade(row, lot_size, ints, floats, count, out)
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
