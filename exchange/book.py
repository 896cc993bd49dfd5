"""Order book kernels over the market region, and the book's reader.

The kernels never allocate and never fail. ``exchange.market_layout`` says how a book lies in
memory.
"""

from exchange.int_map import FREE, find_key, remove_slot
from exchange.jit import IntArray, borrowed, inlined, njit, piece
from exchange.market_layout import (
    BEST_ASK,
    BEST_BID,
    BLOCK_TICKS,
    BOOK_SIZE,
    FAR_COUNT,
    FAR_SLOTS,
    LOW,
    MOST_FAR,
    NO_ASK,
    NO_BID,
    PARTIAL,
    UNSEEN_ASK,
    UNSEEN_BID,
    WINDOW_TICKS,
    far_keys,
    far_lots,
    new_region,
    side_blocks,
    side_known,
    side_lots,
)
from exchange.types import Side

UNKNOWN_LOTS = 1 << 40
"""Stands for what is not known to rest at a level: more than will ever trade there."""

_MASK = WINDOW_TICKS - 1
_WORD_BITS = 64


# ---------------------------------------------------------------- the map of far levels


@inlined
def _far_set(market: IntArray, side: int, price_ticks: int, level_lots: int) -> int:
    """Write one level of the map, 0 deletes; returns what stood there."""
    keys, lots = far_keys(market), far_lots(market)
    key = 2 * price_ticks + (0 if side > 0 else 1)
    slot = find_key(keys, FAR_SLOTS, key)
    old = 0
    if keys[slot] == key:
        old = int(lots[slot])
        if level_lots == 0:
            remove_slot(keys, lots, FAR_SLOTS, slot)
            market[FAR_COUNT] -= 1
            return old
    elif level_lots == 0:
        return 0
    else:
        if market[FAR_COUNT] == MOST_FAR:
            _drop_farthest(market)
            slot = find_key(keys, FAR_SLOTS, key)
        market[FAR_COUNT] += 1
    keys[slot] = key
    lots[slot] = level_lots
    return old


@piece
def _drop_farthest(market: IntArray) -> None:
    """Make room in a full map: forget an eighth or more of it, the farthest from the window."""
    keys, lots = far_keys(market), far_lots(market)
    centre = market[LOW] + WINDOW_TICKS // 2
    kept, reach = 0, NO_ASK  # an eighth stands at ``kept`` ticks or more, fewer at ``reach``
    while reach - kept > 1:
        middle = (kept + reach) // 2
        beyond = 0
        for i in range(FAR_SLOTS):
            if keys[i] != FREE and abs((keys[i] >> 1) - centre) >= middle:
                beyond += 1
        if beyond >= MOST_FAR // 8:
            kept = middle
        else:
            reach = middle
    i = 0
    while i < FAR_SLOTS:
        ticks = keys[i] >> 1
        best = ticks == market[BEST_BID] or ticks == market[BEST_ASK]
        if keys[i] == FREE or best or abs(ticks - centre) < kept:
            i += 1
            continue
        if keys[i] & 1 == 0:
            market[UNSEEN_BID] = max(market[UNSEEN_BID], ticks)
        else:
            market[UNSEEN_ASK] = min(market[UNSEEN_ASK], ticks)
        # Removal may pull an unseen key into this very slot: look here again.
        remove_slot(keys, lots, FAR_SLOTS, i)
        market[FAR_COUNT] -= 1


@inlined
def _far_next(market: IntArray, side: int, beyond_ticks: int) -> int:
    """Best level of the map strictly further out than a price, or the side's empty mark."""
    keys = far_keys(market)
    best = NO_BID if side > 0 else NO_ASK
    parity = 0 if side > 0 else 1
    for i in range(FAR_SLOTS):
        key = keys[i]
        if key != FREE and key & 1 == parity:
            ticks = key >> 1
            if side * ticks < side * beyond_ticks and side * ticks > side * best:
                best = ticks
    return best


# ---------------------------------------------------------------- questions


@inlined
def _window_next(market: IntArray, side: int, beyond_ticks: int) -> int:
    """Best level of the window strictly further out than a price, or the side's empty mark."""
    lots, blocks = side_lots(market, side), side_blocks(market, side)
    low = int(market[LOW])
    high = low + WINDOW_TICKS
    if side > 0:
        ticks = min(beyond_ticks, high) - 1
        while ticks >= low:
            slot = ticks & _MASK
            block_low = ticks - slot % BLOCK_TICKS
            if blocks[slot // BLOCK_TICKS] == 1:
                while ticks >= block_low:
                    if lots[ticks & _MASK] > 0:
                        return ticks
                    ticks -= 1
                if slot % BLOCK_TICKS == BLOCK_TICKS - 1:
                    blocks[slot // BLOCK_TICKS] = 0
            ticks = block_low - 1
        return NO_BID
    ticks = max(beyond_ticks + 1, low)
    while ticks < high:
        slot = ticks & _MASK
        block_end = ticks - slot % BLOCK_TICKS + BLOCK_TICKS
        if blocks[slot // BLOCK_TICKS] == 1:
            while ticks < block_end:
                if lots[ticks & _MASK] > 0:
                    return ticks
                ticks += 1
            if slot % BLOCK_TICKS == 0:
                blocks[slot // BLOCK_TICKS] = 0
        ticks = block_end
    return NO_ASK


@inlined
def next_level(market: IntArray, side: int, beyond_ticks: int) -> int:
    """The best level strictly further from the touch than a price.

    Args:
        side: +1 searches the bids downward, -1 the asks upward.
        beyond_ticks: Not itself a candidate. ``NO_ASK`` for bids, or ``NO_BID`` for asks,
            gives the best level of all.

    Returns:
        Ticks, or ``NO_BID`` / ``NO_ASK`` when nothing stands there.
    """
    near = _window_next(market, side, beyond_ticks)
    if market[FAR_COUNT] == 0:
        return near
    inside = market[LOW] <= beyond_ticks < market[LOW] + WINDOW_TICKS
    if inside and NO_BID < near < NO_ASK:
        return near  # the map has nothing between two prices of the window
    far = _far_next(market, side, beyond_ticks)
    return max(near, far) if side > 0 else min(near, far)


@inlined
def best_of(market: IntArray, side: int) -> int:
    """Best price of a side, or its empty mark."""
    return int(market[BEST_BID] if side > 0 else market[BEST_ASK])


@inlined
def level_lots(market: IntArray, side: int, price_ticks: int) -> int:
    """Lots that rest at a price on a side; 0 where nobody stands."""
    if market[LOW] <= price_ticks < market[LOW] + WINDOW_TICKS:
        return int(side_lots(market, side)[price_ticks & _MASK])
    if market[FAR_COUNT] == 0:
        return 0
    keys = far_keys(market)
    slot = find_key(keys, FAR_SLOTS, 2 * price_ticks + (0 if side > 0 else 1))
    return int(far_lots(market)[slot]) if keys[slot] != FREE else 0


@piece
def lots_ahead(market: IntArray, side: int, price_ticks: int) -> int:
    """Lots that would stand before an order that came now; ``UNKNOWN_LOTS`` where none can tell.

    Nobody stands before a price that is better than the best.
    """
    shown = level_lots(market, side, price_ticks)
    best = best_of(market, side)
    if shown > 0 or (NO_BID < best < NO_ASK and side * price_ticks > side * best):
        return shown
    if market[LOW] <= price_ticks < market[LOW] + WINDOW_TICKS:
        if market[PARTIAL] == 0:
            return 0
        slot = price_ticks & _MASK
        bit = side_known(market, side)[slot // _WORD_BITS] >> (slot % _WORD_BITS) & 1
        return 0 if bit == 1 else UNKNOWN_LOTS
    unseen = price_ticks <= market[UNSEEN_BID] if side > 0 else price_ticks >= market[UNSEEN_ASK]
    return UNKNOWN_LOTS if market[PARTIAL] == 1 or unseen else 0


# ---------------------------------------------------------------- changes


@inlined
def store_level(market: IntArray, side: int, price_ticks: int, new_lots: int) -> int:
    """Write one level wherever it belongs, the best prices aside; what stood there before."""
    if market[LOW] <= price_ticks < market[LOW] + WINDOW_TICKS:
        lots, slot = side_lots(market, side), price_ticks & _MASK
        old = int(lots[slot])
        lots[slot] = new_lots
        side_blocks(market, side)[slot // BLOCK_TICKS] = 1
        if market[PARTIAL] == 1:
            _mark_known(market, side, slot)
    else:
        old = _far_set(market, side, price_ticks, new_lots)
    return old


@inlined
def set_level(market: IntArray, side: int, price_ticks: int, new_lots: int) -> int:
    """Set one level to an absolute size, 0 deletes, and keep the best price right.

    Returns:
        The lots that stood there before.
    """
    old = store_level(market, side, price_ticks, new_lots)
    best = BEST_BID if side > 0 else BEST_ASK
    if new_lots > 0:
        if side * price_ticks > side * market[best]:
            market[best] = price_ticks
    elif price_ticks == market[best]:
        market[best] = next_level(market, side, price_ticks)
    return old


@inlined
def _mark_known(market: IntArray, side: int, slot: int) -> None:
    side_known(market, side)[slot // _WORD_BITS] |= 1 << (slot % _WORD_BITS)


@inlined
def apply_side(
    market: IntArray, side: int, ticks: IntArray, lots: IntArray, first: int, count: int
) -> None:
    """``set_level`` for some levels of a pool, all of one side.

    Levels of the window are written here rather than by a call, and the best price is set once,
    after the last: no level needs a branch that cannot be predicted.
    """
    of_side, blocks = side_lots(market, side), side_blocks(market, side)
    low = market[LOW]
    height = side * best_of(market, side)  # all that a level waits for of the one before it
    partial = market[PARTIAL]
    for i in range(first, first + count):
        price_ticks, new_lots = ticks[i], lots[i]
        if low <= price_ticks < low + WINDOW_TICKS:
            slot = price_ticks & _MASK
            of_side[slot] = new_lots
            blocks[slot // BLOCK_TICKS] = 1
            if partial == 1:
                _mark_known(market, side, slot)
        else:
            store_level(market, side, price_ticks, new_lots)
        height = side * price_ticks if new_lots > 0 and side * price_ticks > height else height
    best = side * height
    if NO_BID < best < NO_ASK and level_lots(market, side, best) == 0:
        best = next_level(market, side, best)
    market[BEST_BID if side > 0 else BEST_ASK] = best


@inlined
def follow_touch(market: IntArray) -> None:
    """Move the window to the touch once the touch is more than a quarter of it off centre."""
    bid, ask = market[BEST_BID], market[BEST_ASK]
    if bid == NO_BID or abs(bid + ask - 2 * market[LOW] - WINDOW_TICKS) > WINDOW_TICKS // 2:
        _follow(market, bid, ask)


@inlined
def _follow(market: IntArray, bid: int, ask: int) -> None:
    """The exact rule, either side empty or not; what comes before it saves most calls."""
    if bid == NO_BID and ask == NO_ASK:
        return
    if bid == NO_BID:
        centre = ask
    elif ask == NO_ASK:
        centre = bid
    else:
        centre = (bid + ask) // 2
    if abs(centre - (market[LOW] + WINDOW_TICKS // 2)) > WINDOW_TICKS // 4:
        new_low = max(0, centre - WINDOW_TICKS // 2) // BLOCK_TICKS * BLOCK_TICKS
        if new_low != market[LOW]:
            _move_window(market, new_low)


@piece
def _move_window(market: IntArray, new_low: int) -> None:
    """Send the levels that leave to the map, and fold in those that the window now covers."""
    low = market[LOW]
    if new_low > low:
        first, past = low, min(low + WINDOW_TICKS, new_low)
    else:
        first, past = max(low, new_low + WINDOW_TICKS), low + WINDOW_TICKS
    market[LOW] = new_low  # the map drops what is farthest from here
    for side in (1, -1):
        for block_low in range(first, past, BLOCK_TICKS):
            _leave_block(market, side, block_low)
    keys, far = far_keys(market), far_lots(market)
    i = 0
    while i < FAR_SLOTS:
        key = keys[i]
        ticks = key >> 1
        if key != FREE and new_low <= ticks < new_low + WINDOW_TICKS:
            side = 1 if key & 1 == 0 else -1
            slot = ticks & _MASK
            side_lots(market, side)[slot] = far[i]
            side_blocks(market, side)[slot // BLOCK_TICKS] = 1
            if market[PARTIAL] == 1:
                _mark_known(market, side, slot)
            # Removal may pull an unseen key into this very slot: look here again.
            remove_slot(keys, far, FAR_SLOTS, i)
            market[FAR_COUNT] -= 1
        else:
            i += 1


@piece
def _leave_block(market: IntArray, side: int, block_low: int) -> None:
    """Send the levels of one run of slots to the map, and forget what was known there."""
    lots, blocks = side_lots(market, side), side_blocks(market, side)
    first = block_low & _MASK
    if market[PARTIAL] == 1:
        word = first // _WORD_BITS
        side_known(market, side)[word : word + BLOCK_TICKS // _WORD_BITS] = 0
    if blocks[first // BLOCK_TICKS] == 0:
        return
    blocks[first // BLOCK_TICKS] = 0
    for i in range(BLOCK_TICKS):
        if lots[first + i] > 0:
            _far_set(market, side, block_low + i, lots[first + i])
            lots[first + i] = 0


@piece
def clear_book(market: IntArray, partial: bool) -> None:
    """Forget every level; what is not reported from here on is empty, or unknown if partial."""
    for side in (1, -1):
        lots, blocks = side_lots(market, side), side_blocks(market, side)
        for block in range(blocks.size):
            if blocks[block] == 1:
                lots[block * BLOCK_TICKS : (block + 1) * BLOCK_TICKS] = 0
                blocks[block] = 0
        if market[PARTIAL] == 1:
            side_known(market, side)[:] = 0
    if market[FAR_COUNT] > 0:
        far_keys(market)[:] = FREE
    market[FAR_COUNT] = 0
    market[BEST_BID], market[BEST_ASK] = NO_BID, NO_ASK
    market[UNSEEN_BID], market[UNSEEN_ASK] = NO_BID, NO_ASK
    market[PARTIAL] = int(partial)


@piece
def force_touch(
    market: IntArray, bid_ticks: int, bid_lots: int, ask_ticks: int, ask_lots: int
) -> None:
    """Make the book agree with a newer touch: nothing better stands, and these sizes do.

    A side with 0 lots is left as it is.
    """
    if bid_lots > 0:
        while market[BEST_BID] > bid_ticks:
            set_level(market, 1, market[BEST_BID], 0)
        set_level(market, 1, bid_ticks, bid_lots)
    if ask_lots > 0:
        while market[BEST_ASK] < ask_ticks:
            set_level(market, -1, market[BEST_ASK], 0)
        set_level(market, -1, ask_ticks, ask_lots)
    follow_touch(market)


# ---------------------------------------------------------------- our own size taken out


@piece
def _best_without_ours(
    market: IntArray,
    side: int,
    own_side: IntArray,
    own_price_ticks: IntArray,
    own_lots: IntArray,
    own_count: int,
) -> tuple[int, int]:
    """Best price of one side and its size, empty mark and 0 when nobody but us stands there."""
    ticks = best_of(market, side)
    while NO_BID < ticks < NO_ASK:
        others = level_lots(market, side, ticks)
        for i in range(own_count):
            if own_side[i] == side and own_price_ticks[i] == ticks:
                others -= own_lots[i]
        if others > 0:
            return ticks, others
        ticks = next_level(market, side, ticks)
    return ticks, 0


@njit
def touch_without_ours(
    market: IntArray,
    own_side: IntArray,
    own_price_ticks: IntArray,
    own_lots: IntArray,
    own_count: int,
) -> tuple[int, int, int, int]:
    """Others' touch: best prices and sizes once our own working orders are taken out.

    Args:
        own_side: int64[>= own_count], the sign of each of our orders.
        own_price_ticks: int64[>= own_count].
        own_lots: int64[>= own_count], what the book shows of each; 0 for an order that is
            not in the book.
        own_count: How many entries to read.

    Returns:
        ``(bid_ticks, bid_lots, ask_ticks, ask_lots)``, or ``NO_BID`` / ``NO_ASK`` and 0 for a
        side where nobody else stands.
    """
    market = borrowed(market)
    sides, prices, lots = borrowed(own_side), borrowed(own_price_ticks), borrowed(own_lots)
    bid_ticks, bid_lots = _best_without_ours(market, 1, sides, prices, lots, own_count)
    ask_ticks, ask_lots = _best_without_ours(market, -1, sides, prices, lots, own_count)
    return bid_ticks, bid_lots, ask_ticks, ask_lots


# ---------------------------------------------------------------- from Python


@njit
def _apply(
    market: IntArray,
    bid_ticks: IntArray,
    bid_lots: IntArray,
    ask_ticks: IntArray,
    ask_lots: IntArray,
) -> None:
    market = borrowed(market)
    apply_side(market, 1, borrowed(bid_ticks), borrowed(bid_lots), 0, bid_ticks.size)
    apply_side(market, -1, borrowed(ask_ticks), borrowed(ask_lots), 0, ask_ticks.size)
    follow_touch(market)


@njit
def _clear(market: IntArray) -> None:
    clear_book(borrowed(market), False)


@njit
def _set_touch(
    market: IntArray, bid_ticks: int, bid_lots: int, ask_ticks: int, ask_lots: int
) -> None:
    force_touch(borrowed(market), bid_ticks, bid_lots, ask_ticks, ask_lots)


@njit
def _lots_at(market: IntArray, side: int, price_ticks: int) -> int:
    return level_lots(borrowed(market), side, price_ticks)


@njit
def _lots_ahead(market: IntArray, side: int, price_ticks: int) -> int:
    return lots_ahead(borrowed(market), side, price_ticks)


@njit
def _beyond(market: IntArray, side: int, price_ticks: int) -> int:
    return next_level(borrowed(market), side, price_ticks)


@njit
def _count_levels(market: IntArray) -> int:
    market = borrowed(market)
    count = market[FAR_COUNT]
    for side in (1, -1):
        lots, blocks = side_lots(market, side), side_blocks(market, side)
        for slot in range(WINDOW_TICKS):
            if blocks[slot // BLOCK_TICKS] == 1 and lots[slot] > 0:
                count += 1
    return int(count)


@njit
def read_levels(
    market: IntArray, side: int, levels: int, out_ticks: IntArray, out_lots: IntArray
) -> int:
    """As ``Book.top``."""
    market = borrowed(market)
    ticks = best_of(market, side)
    count = 0
    while count < levels and NO_BID < ticks < NO_ASK:
        out_ticks[count] = ticks
        out_lots[count] = level_lots(market, side, ticks)
        count += 1
        ticks = next_level(market, side, ticks)
    return count


class Book:
    """One contract's book, as deep as the venue has shown it: a reader of its region.

    Args:
        region: The market that it is part of; by default one of its own.
    """

    __slots__ = ("region",)

    def __init__(self, region: IntArray | None = None) -> None:
        self.region = new_region(BOOK_SIZE) if region is None else region

    @property
    def best_bid_ticks(self) -> int | None:
        ticks = int(self.region[BEST_BID])
        return None if ticks == NO_BID else ticks

    @property
    def best_ask_ticks(self) -> int | None:
        ticks = int(self.region[BEST_ASK])
        return None if ticks == NO_ASK else ticks

    @property
    def crossed(self) -> bool:
        """Does a bid stand at or above an ask? Then something upstream is wrong."""
        return bool(self.region[BEST_BID] >= self.region[BEST_ASK])

    @property
    def level_count(self) -> int:
        """Levels on both sides together."""
        return int(_count_levels(self.region))

    def clear(self) -> None:
        """Forget every level."""
        _clear(self.region)

    def load(
        self, bid_ticks: IntArray, bid_lots: IntArray, ask_ticks: IntArray, ask_lots: IntArray
    ) -> None:
        """Replace the whole book by these levels, int64[n] each, in any order."""
        _clear(self.region)
        self.apply(bid_ticks, bid_lots, ask_ticks, ask_lots)

    def apply(
        self, bid_ticks: IntArray, bid_lots: IntArray, ask_ticks: IntArray, ask_lots: IntArray
    ) -> None:
        """Set levels to absolute sizes, int64[n] each; 0 deletes, and may delete nothing."""
        _apply(self.region, bid_ticks, bid_lots, ask_ticks, ask_lots)

    def set_touch(self, bid_ticks: int, bid_lots: int, ask_ticks: int, ask_lots: int) -> None:
        """Write a newer touch into the book; levels that it contradicts go.

        A side with 0 lots is left as it is.
        """
        _set_touch(self.region, bid_ticks, bid_lots, ask_ticks, ask_lots)

    def lots_at(self, side: Side, price_ticks: int) -> int:
        """Lots that rest at a price; 0 where nobody stands."""
        return int(_lots_at(self.region, int(side), price_ticks))

    def lots_ahead(self, side: Side, price_ticks: int) -> int:
        """Lots before an order that came now; ``UNKNOWN_LOTS`` where nobody can tell."""
        return int(_lots_ahead(self.region, int(side), price_ticks))

    def beyond(self, side: Side, price_ticks: int) -> int | None:
        """The best price strictly further from the touch than another; None when there is none."""
        found = int(_beyond(self.region, int(side), price_ticks))
        return found if NO_BID < found < NO_ASK else None

    def top(self, side: Side, levels: int, out_ticks: IntArray, out_lots: IntArray) -> int:
        """Write up to ``levels`` levels, best first, into int64 arrays of at least that size.

        Returns:
            How many were written.
        """
        return int(read_levels(self.region, int(side), levels, out_ticks, out_lots))

    def touch_without_ours(
        self, own_side: IntArray, own_price_ticks: IntArray, own_lots: IntArray, own_count: int
    ) -> tuple[int | None, int, int | None, int]:
        """Others' touch: best prices and sizes with our own working lots taken out.

        Args:
            own_side: int64[>= own_count], +1 or -1.
            own_price_ticks: int64[>= own_count].
            own_lots: int64[>= own_count]; 0 for an order that is not in the book.
            own_count: How many entries to read.

        Returns:
            ``(bid_ticks, bid_lots, ask_ticks, ask_lots)``; None and 0 for a side where
            nobody but us stands.
        """
        bid, bid_lots, ask, ask_lots = touch_without_ours(
            self.region, own_side, own_price_ticks, own_lots, own_count
        )
        return (
            None if bid == NO_BID else bid,
            bid_lots,
            None if ask == NO_ASK else ask,
            ask_lots,
        )
