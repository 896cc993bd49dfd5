"""Desk block layout: where what decides lies, in one array that kernels step.

A desk is one ``int64[DESK_SIZE]`` array, 64-byte aligned. First come single numbers, by the names
below; then tables, each opened by an accessor named after it. Times are ns of the monotonic clock
where their name does not say otherwise; a side is its sign, +1 for bids and -1 for asks.

- ``side_breaker``: what the venue's refusals have closed, and for how long.
- ``order_column``: the order table, by columns of ``ORDER_SLOTS``, one slot an order.
- ``ended_epochs``, ``ended_numbers``: the last ``ENDED_KEPT`` orders that the venue itself said are
  over, in a ring.
"""

from exchange.jit import IntArray, inlined, new_ints

ORDER_SLOTS = 128
"""A grid of 20 a side being replaced whole needs 80."""
ENDED_KEPT = 4096  # what arrives for an older order is long overdue

# ---------------------------------------------------------------- single numbers

(
    # Settings.
    EPOCH,
    ORDER_LOTS,
    MAX_POSITION_LOTS,
    # The order table.
    ORDERS_ADDED,
    ENDED_ADDED,
    # Order entry.
    ORDERS_SENT,  # of this run: the number of the newest
    REQUOTED_NS,
    THROTTLED_UNTIL_NS,
    MISSES_FILLS,  # does the venue report fills that we have not seen for a while?
    # The order budget: the windows that the venue counts in, and what was placed in them.
    WINDOW_10S,
    WINDOW_1M,
    PLACED_10S,
    PLACED_1M,
) = range(13)

# ---------------------------------------------------------------- the order table

_ORDER_COLUMNS = 17
(
    ORDER_STATE,
    ORDER_EPOCH,
    ORDER_NUMBER,
    ORDER_ADDED,  # its rank by age
    ORDER_SIDE,
    ORDER_PRICE_TICKS,
    ORDER_QTY_LOTS,
    ORDER_BOOKED_LOTS,  # filled as far as we have booked it
    ORDER_REPORTED_LOTS,  # filled as far as the venue has reported
    ORDER_SETTLED_LOTS,  # booked without having seen the fills: an adopted position holds them
    ORDER_CHANGED_NS,  # the last change of its state
    ORDER_PLACED_NS,
    ORDER_ASKED_NS,  # the last query for it
    ORDER_ALIVE_NS,  # when it was last known to be on its way or at the venue
    ORDER_ABSENCES,  # how often the venue said, long enough after that, that there is no such order
    ORDER_PROGRESS,  # how far the private stream has reported it; 0 before its first report
    ORDER_ENDED_EXCH_NS,  # the venue's stamp on its end; 0 while it has none
) = range(_ORDER_COLUMNS)

# ---------------------------------------------------------------- a breaker

_BREAKER_WIDTH = 5
(
    BREAKER_REFUSALS,
    BREAKER_CODE,
    BREAKER_OPEN_UNTIL_NS,
    BREAKER_WAITS_FOR_TOUCH,
    BREAKER_STEP_AWAY_TICKS,  # how far from the opposite touch to stay until an acceptance
) = range(_BREAKER_WIDTH)

# ---------------------------------------------------------------- tables

_BREAKERS_AT = 64
_ORDERS_AT = 128
_ENDED_AT = _ORDERS_AT + _ORDER_COLUMNS * ORDER_SLOTS
DESK_SIZE = _ENDED_AT + 2 * ENDED_KEPT


@inlined
def side_breaker(desk: IntArray, side: int) -> IntArray:
    """The breaker of a side: int64[5]."""
    at = _BREAKERS_AT if side > 0 else _BREAKERS_AT + _BREAKER_WIDTH
    return desk[at : at + _BREAKER_WIDTH]


@inlined
def order_column(desk: IntArray, column: int) -> IntArray:
    """One column of the order table: int64[ORDER_SLOTS]."""
    at = _ORDERS_AT + column * ORDER_SLOTS
    return desk[at : at + ORDER_SLOTS]


@inlined
def ended_epochs(desk: IntArray) -> IntArray:
    """Epochs of orders that are over: int64[ENDED_KEPT]."""
    return desk[_ENDED_AT : _ENDED_AT + ENDED_KEPT]


@inlined
def ended_numbers(desk: IntArray) -> IntArray:
    """Their numbers: int64[ENDED_KEPT], 0 where none is kept."""
    return desk[_ENDED_AT + ENDED_KEPT : _ENDED_AT + 2 * ENDED_KEPT]


def new_desk() -> IntArray:
    """An empty desk, in memory of its own."""
    return new_ints(DESK_SIZE)
