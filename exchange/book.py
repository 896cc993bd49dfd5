"""Order book of one contract: every level near the touch in an array, the rest in a map.

A book is five flat int64 arrays, so that compiled loops can own one without Python:

- ``lots[2 * window]``: resting lots by price, the bids in the first half, the asks in the
  second. A price lives at ``ticks & (window - 1)`` of its half, so when the window follows
  the touch nothing is copied: slots that leave are emptied and used again.
- ``blocks[2 * window / 512]``: how many levels stand in each run of 512 slots, so that a
  search for the next level steps over empty stretches.
- ``far_keys[m]``, ``far_lots[m]``: an open-addressing map of the levels outside the window,
  keyed by ``2 * ticks`` for a bid and ``2 * ticks + 1`` for an ask, -1 where free.
- ``state[5]``: see the ``S_`` indices.

Prices are whole ticks, not negative; sizes are whole lots. Kernels take a side as its sign,
+1 for bids and -1 for asks. The kernels never allocate and never fail: whoever applies ``n``
levels first makes sure that the map has room for every level of the book plus ``n`` and is
still at most half full, as ``Book.apply`` does.
"""

import numpy as np

from exchange.jit import IntArray, njit
from exchange.types import Side

WINDOW_TICKS = 2**18
"""Default width of the array part; a power of two."""
BLOCK_TICKS = 512
NO_BID = -1
"""Best bid of a side without bids: below every price."""
NO_ASK = 2**62
"""Best ask of a side without asks: above every price."""

S_LOW = 0
"""First tick of the window, a multiple of ``BLOCK_TICKS``."""
S_BEST_BID = 1
S_BEST_ASK = 2
S_FAR = 3
"""Levels in the map."""
S_LEVELS = 4
"""Levels in the book, map included."""
STATE_SIZE = 5

_FREE = -1
_FAR_SLOTS = 2**14  # to begin with: the map grows with the book


@njit
def _far_home(key: int, slots: int) -> int:
    """Where a key would like to live; products stay below 2**63."""
    mixed = ((key & 0x7FFFFFFF) * 2654435769) & 0xFFFFFFFF
    return (mixed * slots) >> 32


@njit
def _far_find(far_keys: IntArray, key: int) -> int:
    """Slot of a key, or of the free slot where it belongs."""
    slots = far_keys.size
    i = _far_home(key, slots)
    while far_keys[i] != key and far_keys[i] != _FREE:
        i = i + 1 if i + 1 < slots else 0
    return i


@njit
def _far_remove(far_keys: IntArray, far_lots: IntArray, slot: int) -> None:
    """Free a slot and pull later keys of its cluster back, so that no marker is left behind."""
    slots = far_keys.size
    hole = slot
    i = slot
    while True:
        i = i + 1 if i + 1 < slots else 0
        if far_keys[i] == _FREE:
            break
        home = _far_home(far_keys[i], slots)
        # A key may fill the hole only if the hole is on its way from home to here.
        if (i - home) % slots >= (i - hole) % slots:
            far_keys[hole] = far_keys[i]
            far_lots[hole] = far_lots[i]
            hole = i
    far_keys[hole] = _FREE


@njit
def copy_far(
    old_keys: IntArray, old_lots: IntArray, far_keys: IntArray, far_lots: IntArray
) -> None:
    """Write every level of one map into another that is free and has room."""
    for i in range(old_keys.size):
        if old_keys[i] != _FREE:
            slot = _far_find(far_keys, old_keys[i])
            far_keys[slot] = old_keys[i]
            far_lots[slot] = old_lots[i]


@njit
def _far_set(
    far_keys: IntArray, far_lots: IntArray, state: IntArray, key: int, level_lots: int
) -> int:
    """Write one level of the map, 0 deletes; returns what stood there."""
    slot = _far_find(far_keys, key)
    old = 0
    if far_keys[slot] == key:
        old = int(far_lots[slot])
        if level_lots == 0:
            _far_remove(far_keys, far_lots, slot)
            state[S_FAR] -= 1
            return old
    elif level_lots == 0:
        return 0
    else:
        state[S_FAR] += 1
    far_keys[slot] = key
    far_lots[slot] = level_lots
    return old


@njit
def _far_next(far_keys: IntArray, side: int, beyond_ticks: int) -> int:
    """Best level of the map strictly further out than a price, or the side's empty mark."""
    best = NO_BID if side > 0 else NO_ASK
    parity = 0 if side > 0 else 1
    for i in range(far_keys.size):
        key = far_keys[i]
        if key != _FREE and key & 1 == parity:
            ticks = key >> 1
            if side * ticks < side * beyond_ticks and side * ticks > side * best:
                best = ticks
    return best


@njit
def _window_next(lots: IntArray, blocks: IntArray, low: int, side: int, beyond_ticks: int) -> int:
    """Best level of the window strictly further out than a price, or the side's empty mark."""
    window = lots.size // 2
    base = 0 if side > 0 else window
    block_base = base // BLOCK_TICKS
    high = low + window
    if side > 0:
        ticks = min(beyond_ticks, high) - 1
        while ticks >= low:
            slot = ticks & (window - 1)
            if blocks[block_base + slot // BLOCK_TICKS] == 0:
                ticks -= slot % BLOCK_TICKS + 1
            elif lots[base + slot] > 0:
                return ticks
            else:
                ticks -= 1
        return NO_BID
    ticks = max(beyond_ticks + 1, low)
    while ticks < high:
        slot = ticks & (window - 1)
        if blocks[block_base + slot // BLOCK_TICKS] == 0:
            ticks += BLOCK_TICKS - slot % BLOCK_TICKS
        elif lots[base + slot] > 0:
            return ticks
        else:
            ticks += 1
    return NO_ASK


@njit
def next_level(
    lots: IntArray,
    blocks: IntArray,
    far_keys: IntArray,
    state: IntArray,
    side: int,
    beyond_ticks: int,
) -> int:
    """The best level strictly further from the touch than a price.

    Args:
        side: +1 searches the bids downward, -1 the asks upward.
        beyond_ticks: Not itself a candidate. ``NO_ASK`` for bids, or ``NO_BID`` for asks,
            gives the best level of all.

    Returns:
        Ticks, or ``NO_BID`` / ``NO_ASK`` when nothing stands there.
    """
    low = state[S_LOW]
    near = _window_next(lots, blocks, low, side, beyond_ticks)
    if state[S_FAR] == 0:
        return near
    inside = low <= beyond_ticks < low + lots.size // 2
    found = NO_BID < near < NO_ASK
    if inside and found:
        return near  # the map has nothing between two prices of the window
    far = _far_next(far_keys, side, beyond_ticks)
    return max(near, far) if side > 0 else min(near, far)


@njit
def level_lots(
    lots: IntArray,
    far_keys: IntArray,
    far_lots: IntArray,
    state: IntArray,
    side: int,
    price_ticks: int,
) -> int:
    """Lots that rest at a price on a side; 0 where nobody stands."""
    window = lots.size // 2
    if state[S_LOW] <= price_ticks < state[S_LOW] + window:
        return int(lots[(0 if side > 0 else window) + (price_ticks & (window - 1))])
    key = 2 * price_ticks + (0 if side > 0 else 1)
    slot = _far_find(far_keys, key)
    return int(far_lots[slot]) if far_keys[slot] == key else 0


@njit
def _store(
    lots: IntArray,
    blocks: IntArray,
    far_keys: IntArray,
    far_lots: IntArray,
    state: IntArray,
    side: int,
    price_ticks: int,
    new_lots: int,
) -> int:
    """Write one level wherever it belongs, best prices aside; returns what stood there."""
    window = lots.size // 2
    low = state[S_LOW]
    if low <= price_ticks < low + window:
        slot = (0 if side > 0 else window) + (price_ticks & (window - 1))
        old = int(lots[slot])
        lots[slot] = new_lots
        blocks[slot // BLOCK_TICKS] += int(new_lots > 0) - int(old > 0)
    else:
        key = 2 * price_ticks + (0 if side > 0 else 1)
        old = _far_set(far_keys, far_lots, state, key, new_lots)
    state[S_LEVELS] += int(new_lots > 0) - int(old > 0)
    return old


@njit
def set_level(
    lots: IntArray,
    blocks: IntArray,
    far_keys: IntArray,
    far_lots: IntArray,
    state: IntArray,
    side: int,
    price_ticks: int,
    new_lots: int,
) -> int:
    """Set one level to an absolute size, 0 deletes, and keep the best price right.

    Returns:
        The lots that stood there before.
    """
    old = _store(lots, blocks, far_keys, far_lots, state, side, price_ticks, new_lots)
    best = S_BEST_BID if side > 0 else S_BEST_ASK
    if new_lots > 0:
        if side * price_ticks > side * state[best]:
            state[best] = price_ticks
    elif price_ticks == state[best]:
        state[best] = next_level(lots, blocks, far_keys, state, side, price_ticks)
    return old


@njit
def follow_touch(
    lots: IntArray, blocks: IntArray, far_keys: IntArray, far_lots: IntArray, state: IntArray
) -> None:
    """Move the window to the touch once the touch is more than a quarter of it off centre."""
    window = lots.size // 2
    bid, ask = state[S_BEST_BID], state[S_BEST_ASK]
    if bid == NO_BID and ask == NO_ASK:
        return
    if bid == NO_BID:
        centre = ask
    elif ask == NO_ASK:
        centre = bid
    else:
        centre = (bid + ask) // 2
    if abs(centre - (state[S_LOW] + window // 2)) > window // 4:
        new_low = max(0, centre - window // 2) // BLOCK_TICKS * BLOCK_TICKS
        if new_low != state[S_LOW]:
            _move_window(lots, blocks, far_keys, far_lots, state, new_low)


@njit
def _move_window(
    lots: IntArray,
    blocks: IntArray,
    far_keys: IntArray,
    far_lots: IntArray,
    state: IntArray,
    new_low: int,
) -> None:
    """Send the levels that leave to the map, and fold in those that the window now covers."""
    window = lots.size // 2
    low = state[S_LOW]
    if new_low > low:
        first, past = low, min(low + window, new_low)
    else:
        first, past = max(low, new_low + window), low + window
    for base in (0, window):
        for ticks in range(first, past):
            slot = base + (ticks & (window - 1))
            if lots[slot] > 0:
                key = 2 * ticks + (0 if base == 0 else 1)
                _far_set(far_keys, far_lots, state, key, lots[slot])
                lots[slot] = 0
                blocks[slot // BLOCK_TICKS] -= 1
    state[S_LOW] = new_low
    i = 0
    while i < far_keys.size:
        key = far_keys[i]
        ticks = key >> 1
        if key != _FREE and new_low <= ticks < new_low + window:
            slot = (0 if key & 1 == 0 else window) + (ticks & (window - 1))
            lots[slot] = far_lots[i]
            blocks[slot // BLOCK_TICKS] += 1
            # Removal may pull an unseen key into this very slot: look here again.
            _far_remove(far_keys, far_lots, i)
            state[S_FAR] -= 1
        else:
            i += 1


@njit
def _apply_side(
    lots: IntArray,
    blocks: IntArray,
    far_keys: IntArray,
    far_lots: IntArray,
    state: IntArray,
    side: int,
    side_ticks: IntArray,
    side_lots: IntArray,
) -> None:
    """``set_level`` for many levels of one side.

    Levels of the window are written here rather than by a call: handing five arrays to a
    kernel costs more than the write itself, and nine levels in ten are of this kind.
    """
    window = lots.size // 2
    base = 0 if side > 0 else window
    low = state[S_LOW]
    best = S_BEST_BID if side > 0 else S_BEST_ASK
    for i in range(side_ticks.size):
        ticks = side_ticks[i]
        new_lots = side_lots[i]
        emptied = new_lots == 0 and ticks == state[best]
        if emptied or ticks < low or ticks >= low + window:
            set_level(lots, blocks, far_keys, far_lots, state, side, ticks, new_lots)
            continue
        slot = base + (ticks & (window - 1))
        change = int(new_lots > 0) - int(lots[slot] > 0)
        lots[slot] = new_lots
        blocks[slot // BLOCK_TICKS] += change
        state[S_LEVELS] += change
        if new_lots > 0 and side * ticks > side * state[best]:
            state[best] = ticks


@njit
def apply_levels(
    lots: IntArray,
    blocks: IntArray,
    far_keys: IntArray,
    far_lots: IntArray,
    state: IntArray,
    bid_ticks: IntArray,
    bid_lots: IntArray,
    ask_ticks: IntArray,
    ask_lots: IntArray,
) -> None:
    """Apply one depth message: absolute sizes, 0 deletes, any order of prices."""
    _apply_side(lots, blocks, far_keys, far_lots, state, 1, bid_ticks, bid_lots)
    _apply_side(lots, blocks, far_keys, far_lots, state, -1, ask_ticks, ask_lots)
    follow_touch(lots, blocks, far_keys, far_lots, state)


@njit
def force_touch(
    lots: IntArray,
    blocks: IntArray,
    far_keys: IntArray,
    far_lots: IntArray,
    state: IntArray,
    bid_ticks: int,
    bid_lots: int,
    ask_ticks: int,
    ask_lots: int,
) -> None:
    """Make the book agree with a newer touch: nothing better stands, and these sizes do.

    A side with 0 lots is left as it is.
    """
    if bid_lots > 0:
        while state[S_BEST_BID] > bid_ticks:
            set_level(lots, blocks, far_keys, far_lots, state, 1, state[S_BEST_BID], 0)
        set_level(lots, blocks, far_keys, far_lots, state, 1, bid_ticks, bid_lots)
    if ask_lots > 0:
        while state[S_BEST_ASK] < ask_ticks:
            set_level(lots, blocks, far_keys, far_lots, state, -1, state[S_BEST_ASK], 0)
        set_level(lots, blocks, far_keys, far_lots, state, -1, ask_ticks, ask_lots)
    follow_touch(lots, blocks, far_keys, far_lots, state)


@njit
def best_without_ours(
    lots: IntArray,
    blocks: IntArray,
    far_keys: IntArray,
    far_lots: IntArray,
    state: IntArray,
    side: int,
    own_side: IntArray,
    own_price_ticks: IntArray,
    own_lots: IntArray,
    own_count: int,
) -> tuple[int, int]:
    """Best price of one side, and its size, once our own working orders are taken out.

    Args:
        side: +1 for the bids, -1 for the asks.
        own_side: int64[>= own_count], the sign of each of our orders.
        own_price_ticks: int64[>= own_count].
        own_lots: int64[>= own_count], what the book shows of each; 0 for an order that is
            not in the book.
        own_count: How many entries to read.

    Returns:
        ``(ticks, lots)``: where others stand and with how much, or ``NO_BID`` / ``NO_ASK``
        and 0 when nobody else does.
    """
    ticks = state[S_BEST_BID] if side > 0 else state[S_BEST_ASK]
    while NO_BID < ticks < NO_ASK:
        others = level_lots(lots, far_keys, far_lots, state, side, ticks)
        for i in range(own_count):
            if own_side[i] == side and own_price_ticks[i] == ticks:
                others -= own_lots[i]
        if others > 0:
            return ticks, others
        ticks = next_level(lots, blocks, far_keys, state, side, ticks)
    return ticks, 0


@njit
def touch_without_ours(
    lots: IntArray,
    blocks: IntArray,
    far_keys: IntArray,
    far_lots: IntArray,
    state: IntArray,
    own_side: IntArray,
    own_price_ticks: IntArray,
    own_lots: IntArray,
    own_count: int,
) -> tuple[int, int, int, int]:
    """``best_without_ours`` of both sides: ``(bid_ticks, bid_lots, ask_ticks, ask_lots)``."""
    bid_ticks, bid_lots = best_without_ours(
        lots, blocks, far_keys, far_lots, state, 1, own_side, own_price_ticks, own_lots, own_count
    )
    ask_ticks, ask_lots = best_without_ours(
        lots, blocks, far_keys, far_lots, state, -1, own_side, own_price_ticks, own_lots, own_count
    )
    return bid_ticks, bid_lots, ask_ticks, ask_lots


@njit
def top_levels(
    lots: IntArray,
    blocks: IntArray,
    far_keys: IntArray,
    far_lots: IntArray,
    state: IntArray,
    side: int,
    levels: int,
    out_ticks: IntArray,
    out_lots: IntArray,
) -> int:
    """Write the best levels of one side, best first, map included; returns how many."""
    ticks = state[S_BEST_BID] if side > 0 else state[S_BEST_ASK]
    count = 0
    while count < levels and NO_BID < ticks < NO_ASK:
        out_ticks[count] = ticks
        out_lots[count] = level_lots(lots, far_keys, far_lots, state, side, ticks)
        count += 1
        ticks = next_level(lots, blocks, far_keys, state, side, ticks)
    return count


class Book:
    """One contract's book, as deep as the venue has shown it.

    Args:
        window_ticks: Width of the array part: a power of two, at least 2 * ``BLOCK_TICKS``.
    """

    __slots__ = ("blocks", "far_keys", "far_lots", "lots", "state")

    def __init__(self, window_ticks: int = WINDOW_TICKS) -> None:
        if window_ticks < 2 * BLOCK_TICKS or window_ticks & (window_ticks - 1):
            raise ValueError(f"a window of {window_ticks} ticks is not a usable power of two")
        self.lots: IntArray = np.zeros(2 * window_ticks, dtype=np.int64)
        self.blocks: IntArray = np.zeros(2 * window_ticks // BLOCK_TICKS, dtype=np.int64)
        self.far_keys: IntArray = np.full(_FAR_SLOTS, _FREE, dtype=np.int64)
        self.far_lots: IntArray = np.zeros(_FAR_SLOTS, dtype=np.int64)
        self.state: IntArray = np.zeros(STATE_SIZE, dtype=np.int64)
        self.clear()

    @property
    def arrays(self) -> tuple[IntArray, IntArray, IntArray, IntArray, IntArray]:
        """``(lots, blocks, far_keys, far_lots, state)``, first arguments of every kernel here.

        Ask again after ``make_room``, ``load`` or ``apply``: a growing map is a new array.
        """
        return self.lots, self.blocks, self.far_keys, self.far_lots, self.state

    @property
    def best_bid_ticks(self) -> int | None:
        ticks = int(self.state[S_BEST_BID])
        return None if ticks == NO_BID else ticks

    @property
    def best_ask_ticks(self) -> int | None:
        ticks = int(self.state[S_BEST_ASK])
        return None if ticks == NO_ASK else ticks

    @property
    def crossed(self) -> bool:
        """Does a bid stand at or above an ask? Then something upstream is wrong."""
        return bool(self.state[S_BEST_BID] >= self.state[S_BEST_ASK])

    @property
    def level_count(self) -> int:
        """Levels on both sides together."""
        return int(self.state[S_LEVELS])

    def clear(self) -> None:
        """Forget every level."""
        self.lots.fill(0)
        self.blocks.fill(0)
        self.far_keys.fill(_FREE)
        self.state.fill(0)
        self.state[S_BEST_BID] = NO_BID
        self.state[S_BEST_ASK] = NO_ASK

    def load(
        self, bid_ticks: IntArray, bid_lots: IntArray, ask_ticks: IntArray, ask_lots: IntArray
    ) -> None:
        """Replace the whole book by these levels, int64[n] each, in any order."""
        self.clear()
        self.apply(bid_ticks, bid_lots, ask_ticks, ask_lots)

    def apply(
        self, bid_ticks: IntArray, bid_lots: IntArray, ask_ticks: IntArray, ask_lots: IntArray
    ) -> None:
        """Set levels to absolute sizes, int64[n] each; 0 deletes, and may delete nothing."""
        self.make_room(bid_ticks.size + ask_ticks.size)
        apply_levels(
            self.lots,
            self.blocks,
            self.far_keys,
            self.far_lots,
            self.state,
            bid_ticks,
            bid_lots,
            ask_ticks,
            ask_lots,
        )

    def set_touch(self, bid_ticks: int, bid_lots: int, ask_ticks: int, ask_lots: int) -> None:
        """Write a newer touch into the book; levels that it contradicts go.

        A side with 0 lots is left as it is.
        """
        self.make_room(2)
        force_touch(*self.arrays, bid_ticks, bid_lots, ask_ticks, ask_lots)

    def lots_at(self, side: Side, price_ticks: int) -> int:
        """Lots that rest at a price; 0 where nobody stands."""
        return int(
            level_lots(self.lots, self.far_keys, self.far_lots, self.state, int(side), price_ticks)
        )

    def beyond(self, side: Side, price_ticks: int) -> int | None:
        """The best price strictly further from the touch than another; None when there is none."""
        lots, blocks, far_keys, _, state = self.arrays
        found = int(next_level(lots, blocks, far_keys, state, int(side), price_ticks))
        return found if NO_BID < found < NO_ASK else None

    def top(self, side: Side, levels: int, out_ticks: IntArray, out_lots: IntArray) -> int:
        """Write up to ``levels`` levels, best first, into int64 arrays of at least that size.

        Returns:
            How many were written.
        """
        return int(top_levels(*self.arrays, int(side), levels, out_ticks, out_lots))

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
            *self.arrays, own_side, own_price_ticks, own_lots, own_count
        )
        return (
            None if bid == NO_BID else bid,
            bid_lots,
            None if ask == NO_ASK else ask,
            ask_lots,
        )

    def make_room(self, levels: int) -> None:
        """Let the map grow so that ``levels`` more levels fit wherever the window goes."""
        slots = self.far_keys.size
        wanted = 2 * (int(self.state[S_LEVELS]) + levels)
        if wanted <= slots:
            return
        while slots < wanted:
            slots *= 2
        old_keys, old_lots = self.far_keys, self.far_lots
        self.far_keys = np.full(slots, _FREE, dtype=np.int64)
        self.far_lots = np.zeros(slots, dtype=np.int64)
        copy_far(old_keys, old_lots, self.far_keys, self.far_lots)
