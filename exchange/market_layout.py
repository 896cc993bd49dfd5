"""Market region layout: where a book, its synchroniser and the touch lie in one array.

A market is one ``int64[MARKET_SIZE]`` array, 64-byte aligned. A book alone is its first
``BOOK_SIZE`` numbers. First come single numbers, by the names below; then tables, each opened
by an accessor named after it. Prices are whole ticks, not negative; sizes are whole lots; a side
is its sign, +1 for bids and -1 for asks.

The book is as deep as the venue has shown it:

- ``side_lots``: by price, for the ``WINDOW_TICKS`` prices from ``LOW`` on. A price lives at
  ``ticks & (WINDOW_TICKS - 1)``, so when the window follows the touch nothing is copied: slots
  that leave are emptied and used again.
- ``side_blocks``: 1 for each run of ``BLOCK_TICKS`` slots in which a level may stand, so that a
  search for the next one steps over empty stretches. It is the search that finds them empty:
  a count, kept at each write, cost more than the write.
- ``side_known``: a bit for each slot whose size was reported, where ``PARTIAL`` says that the
  others are not empty but unknown.
- ``far_keys``, ``far_lots``: an open-addressing map of the levels outside the window, keyed by
  ``2 * ticks`` for a bid and ``2 * ticks + 1`` for an ask, ``FREE`` elsewhere. It holds
  ``MOST_FAR`` of them; then the farthest go, and from ``UNSEEN_BID`` down and ``UNSEEN_ASK`` up
  whatever is not in the map is unknown.

A market from a recording, ``int64[RECORDED_SIZE]``, holds a second book behind all this,
``growing_book``, in which diffs gather while there is no snapshot.

Diffs that wait for a snapshot are ``held_rows`` of ``exchange.event_columns``, in a ring, with
their levels in another, ``held_ticks`` and ``held_lots``.
"""

from exchange.event_columns import WIDTH
from exchange.int_map import FREE
from exchange.jit import IntArray, inlined, new_ints, piece

NO_BID = -1
"""Best bid of a side without bids: below every price."""
NO_ASK = 2**62
"""Best ask of a side without asks: above every price."""
NO_ID = -1
NO_TIME_NS = -1

WINDOW_TICKS = 2**18
BLOCK_TICKS = 512
FAR_SLOTS = 2**16
MOST_FAR = FAR_SLOTS // 2
HELD_LIMIT = 4096
"""Diffs kept while a snapshot is awaited: seven minutes of the 100 ms stream."""
HELD_LEVELS = 2**18
TOUCHES_KEPT = 512

# ---------------------------------------------------------------- single numbers

(
    # The book.
    LOW,
    BEST_BID,
    BEST_ASK,
    FAR_COUNT,
    PARTIAL,
    UNSEEN_BID,
    UNSEEN_ASK,
    # The synchroniser.
    RECORDED,  # may the book grow from diffs, since nobody can be asked for a snapshot?
    SYNCED_ID,  # id up to which the book is complete, NO_ID while no snapshot is in place
    JOINED,  # has a diff met the snapshot yet?
    GROWN,  # does the trusted book stand on no snapshot?
    GROWING,
    GREW_FROM_NS,
    GREW_FOR_NS,
    STANDING_NS,  # since when both sides of a growing book stand uncrossed
    TICKER_TOLD,  # has a ticker set the touch of a growing book?
    HELD_FIRST,
    HELD_COUNT,
    HELD_NEXT_LEVEL,
    # The newest ticker.
    TICKER_ID,
    TICKER_BID,
    TICKER_BID_LOTS,
    TICKER_ASK,
    TICKER_ASK_LOTS,
    # What was heard, by the venue's clock.
    BOOK_EXCH_NS,
    TOUCH_EXCH_NS,
    MARK_EXCH_NS,
    LATENCY_NS,
    LATENCY_KNOWN,
    PRINT_TICKS,
    PRINT_SIDE,
    # Others' touch, our own size taken out.
    TOUCH_BID,
    TOUCH_BID_LOTS,
    TOUCH_ASK,
    TOUCH_ASK_LOTS,
    TOUCHES_NEXT,
    TOUCHES_COUNT,
    # What hftbacktest does not see of its book; see ``exchange.peer_exchange``.
    FURTHEST_BID,
    FURTHEST_ASK,
    HIDDEN_BID,
    HIDDEN_ASK,
) = range(41)

# ---------------------------------------------------------------- tables

_LOTS_AT = 64
_BLOCKS = WINDOW_TICKS // BLOCK_TICKS
_BLOCKS_AT = _LOTS_AT + 2 * WINDOW_TICKS
_WORDS = WINDOW_TICKS // 64
_KNOWN_AT = _BLOCKS_AT + 2 * _BLOCKS
_FAR_KEYS_AT = _KNOWN_AT + 2 * _WORDS
_FAR_LOTS_AT = _FAR_KEYS_AT + FAR_SLOTS
BOOK_SIZE = _FAR_LOTS_AT + FAR_SLOTS
_HELD_ROWS_AT = BOOK_SIZE
_HELD_TICKS_AT = _HELD_ROWS_AT + HELD_LIMIT * WIDTH
_HELD_LOTS_AT = _HELD_TICKS_AT + HELD_LEVELS
_TOUCHES_AT = _HELD_LOTS_AT + HELD_LEVELS
TOUCH_WIDTH = 3
_SPARE_AT = _TOUCHES_AT + TOUCHES_KEPT * TOUCH_WIDTH
MARKET_SIZE = _SPARE_AT + WIDTH
RECORDED_SIZE = MARKET_SIZE + BOOK_SIZE
_BOOK_NUMBERS = 7
"""How many of the single numbers are the book's."""


@inlined
def side_lots(market: IntArray, side: int) -> IntArray:
    """Lots by slot: int64[WINDOW_TICKS]."""
    at = _LOTS_AT if side > 0 else _LOTS_AT + WINDOW_TICKS
    return market[at : at + WINDOW_TICKS]


@inlined
def side_blocks(market: IntArray, side: int) -> IntArray:
    """May levels stand in each run of slots: int64[WINDOW_TICKS / BLOCK_TICKS]."""
    at = _BLOCKS_AT if side > 0 else _BLOCKS_AT + _BLOCKS
    return market[at : at + _BLOCKS]


@inlined
def side_known(market: IntArray, side: int) -> IntArray:
    """A bit for each slot: int64[WINDOW_TICKS / 64]."""
    at = _KNOWN_AT if side > 0 else _KNOWN_AT + _WORDS
    return market[at : at + _WORDS]


@inlined
def far_keys(market: IntArray) -> IntArray:
    """Keys of the map: int64[FAR_SLOTS]."""
    return market[_FAR_KEYS_AT : _FAR_KEYS_AT + FAR_SLOTS]


@inlined
def far_lots(market: IntArray) -> IntArray:
    """Lots of the map: int64[FAR_SLOTS]."""
    return market[_FAR_LOTS_AT : _FAR_LOTS_AT + FAR_SLOTS]


@inlined
def held_row(market: IntArray, number: int) -> IntArray:
    """A diff that waits, by its number from the oldest: int64[WIDTH]."""
    at = _HELD_ROWS_AT + (market[HELD_FIRST] + number) % HELD_LIMIT * WIDTH
    return market[at : at + WIDTH]


@inlined
def held_ticks(market: IntArray) -> IntArray:
    """Prices of the diffs that wait: int64[HELD_LEVELS]."""
    return market[_HELD_TICKS_AT : _HELD_TICKS_AT + HELD_LEVELS]


@inlined
def held_lots(market: IntArray) -> IntArray:
    """Sizes of the diffs that wait: int64[HELD_LEVELS]."""
    return market[_HELD_LOTS_AT : _HELD_LOTS_AT + HELD_LEVELS]


@inlined
def touch_row(market: IntArray, number: int) -> IntArray:
    """One of the last touches, by its number from the newest: stamp, bid, ask."""
    at = _TOUCHES_AT + (market[TOUCHES_NEXT] - 1 - number) % TOUCHES_KEPT * TOUCH_WIDTH
    return market[at : at + TOUCH_WIDTH]


@inlined
def spare_row(market: IntArray) -> IntArray:
    """Room for a held diff while it is applied: int64[WIDTH]."""
    return market[_SPARE_AT : _SPARE_AT + WIDTH]


@inlined
def growing_book(market: IntArray) -> IntArray:
    """The book that grows beside a recorded one: int64[BOOK_SIZE]."""
    return market[MARKET_SIZE : MARKET_SIZE + BOOK_SIZE]


@inlined
def copy_row(source: IntArray, target: IntArray) -> None:
    """Copy a row of events; an assignment of slices would allocate, lest the two overlap."""
    for column in range(WIDTH):
        target[column] = source[column]


@piece
def copy_book(source: IntArray, target: IntArray) -> None:
    """Make one book the other."""
    for i in range(_BOOK_NUMBERS):
        target[i] = source[i]
    for i in range(_LOTS_AT, BOOK_SIZE):
        target[i] = source[i]


def new_region(size: int = MARKET_SIZE) -> IntArray:
    """An empty market, or book, in memory of its own."""
    region = new_ints(size)
    for at in (0, MARKET_SIZE) if size == RECORDED_SIZE else (0,):
        book = region[at : at + BOOK_SIZE]
        book[_FAR_KEYS_AT : _FAR_KEYS_AT + FAR_SLOTS] = FREE
        book[BEST_BID], book[BEST_ASK] = NO_BID, NO_ASK
        book[UNSEEN_BID], book[UNSEEN_ASK] = NO_BID, NO_ASK
    region[SYNCED_ID] = region[TICKER_ID] = NO_ID
    region[STANDING_NS] = NO_TIME_NS
    region[TOUCH_BID], region[TOUCH_ASK] = NO_BID, NO_ASK
    region[FURTHEST_BID], region[FURTHEST_ASK] = NO_BID, NO_ASK
    region[HIDDEN_BID], region[HIDDEN_ASK] = NO_BID, NO_ASK
    return region
