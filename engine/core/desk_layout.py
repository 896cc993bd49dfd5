"""Desk block layout: where what decides lies, in one array that kernels step.

A desk is one ``int64[DESK_SIZE]`` array, 64-byte aligned. First come single numbers, by the names
below; then tables, each opened by an accessor named after it. Times are ns of the monotonic clock
where their name does not say otherwise; a side is its sign, +1 for bids and -1 for asks.

- ``side_breaker``: what the venue's refusals have closed, and for how long.
- ``order_column``: the order table, by columns of ``ORDER_SLOTS``, one slot an order.
- ``ended_epochs``, ``ended_numbers``: the last ``ENDED_KEPT`` orders that the venue itself said are
  over, in a ring.
- ``execution_row``: executions, and positions that the venue stated, in the venue's order, with
  what stood before each; see ``engine.core.position``. A ring: the oldest make room.
- ``trade_keys``, ``trade_values``: which trades are known; ``history_ids`` remembers in which order
  those came that are history.
- ``adoption_row``: positions that were adopted, with the mid of their moment.
- ``evidence_row``: positions that the venue stated, and ``move_row``: changes of the wallet that
  no fill made; see ``engine.core.account``.
- ``owed_row``: reports of orders that the private stream owes; see ``engine.core.stream_watchdog``.
"""

from exchange.int_map import FREE
from exchange.jit import IntArray, in_python, inlined, new_ints

ORDER_SLOTS = 128
"""A grid of 20 a side being replaced whole needs 80."""
ENDED_KEPT = 4096  # what arrives for an older order is long overdue
EXECUTION_SLOTS = 2**14
EXECUTIONS_KEPT = EXECUTION_SLOTS - 1  # a late one may still be slipped between them
HISTORY_KEPT = 2**12
TRADE_SLOTS = 2**15
ADOPTIONS_KEPT = 64
MOVES_KEPT = 256
OWED_KEPT = 1024  # more than the venue lets us place before a stream that is mute is given up
AFTER_ALL_TRADES = 2**62
"""In the place of a trade id: a base holds every execution of its stamp."""
NO_MID = -1
NO_STAMP = -1
NO_MONEY = -(2**63)
BOOKED, HISTORY = 1, 2

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
    # The position.
    POSITION_LOTS,
    COST_E8,  # what it was bought for; negative for a short's proceeds
    REALISED_E8,  # closed profit by average entry price, before fees
    FLOOR_EXCH_NS,  # nothing is booked at or before this: it is in the opening, or too old to know
    FLOOR_TRADE_ID,
    EXECUTIONS_FIRST,  # where the oldest stands in the ring
    EXECUTIONS_COUNT,
    HISTORY_ADDED,
    # The ledger; money in 1e-8 of the quote asset.
    TICK_LOT_E8,  # of one tick times one lot
    MID2,  # twice the mid, in ticks; NO_MID before the first
    SPREAD2,  # half ticks times lots, as INVENTORY2
    INVENTORY2,
    OFF_TICK_E8,  # paid beyond whole ticks
    FEES_E8,
    FUNDING_E8,
    VOLUME_E8,
    PEAK_E8,
    FILLS,
    MAKER_FILLS,
    FILLED_MONO_NS,  # when the newest fill reached us
    ADOPTIONS_ADDED,
    # The account, as the venue tells of it.
    OPENED,  # do we know what we started from?
    HAS_PAST,  # may the account have traded just before that?
    HISTORY_EXCH_NS,  # the newest of our trades in the first list; NO_STAMP until it is here
    FIRST_TOLD_NS,
    RECONCILED,  # has a snapshot agreed since the private stream came up?
    COMPARED_NS,  # when the newest snapshot that agreed was asked for
    CONFIRMED_EXCH_NS,  # the newest stamp at which the private stream agreed with us
    WALLET_E8,  # NO_MONEY until it is known
    WALLET_EXCH_NS,
    WALLET_PUSHED_NS,  # when the private stream told of it last
    BASELINE_E8,  # the wallet when this run first saw it, with what was transferred since
    BASELINE_EXCH_NS,
    MOVES_ADDED,
    # A difference between the venue's position and ours that is being looked into.
    DOUBTED,
    DOUBT_APART_LOTS,  # the venue's less ours
    DOUBT_SINCE_NS,
    DOUBT_CONTRADICTED,  # did the private stream confirm our count for that very stamp?
    DOUBT_DATED_EXCH_NS,  # the newest stamp on it that holds all we booked; 0: none had one
    DOUBT_TRADES_ASKED_NS,  # when the newest list of trades that we have was asked for
    DOUBT_FORGOTTEN,  # does that list leave out the newest trade that the venue once told us of?
    # Closing the position.
    FLATTEN_STATE,  # IDLE, CLOSING, FLAT or NOT_FLAT of ``engine.core.flatten``
    FLATTEN_TRIES,
    FLATTEN_ASKED_NS,
    FLATTEN_UNTIL_NS,
    FLATTEN_NOT_BEFORE_NS,
    FLATTEN_PAUSE_NS,  # after the next refusal
    FLATTEN_PIECE_LOTS,  # the largest order to try; 0 before the first
    FLATTEN_BY_LIMIT,  # at a price, where the market order was refused for its own
    # The watchdog of the private stream.
    OWED_COUNT,
    ACCOUNT_OWED_NS,  # since when the stream owes the account; NO_STAMP while it does not
    ACCOUNT_OWED_EXCH_NS,  # as of what stamp of the venue
    ACCOUNT_TOLD_EXCH_NS,
    ACCOUNT_SPARED_UNTIL_NS,
    STREAM_MUTE,  # was the last connection given up, and no order reported since?
    PAUSED_UNTIL_NS,  # no quotes before, since their fills would not be reported
) = range(69)

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

# ---------------------------------------------------------------- an execution, or a base

EXECUTION_WIDTH = 9
(
    EXECUTION_EXCH_NS,
    EXECUTION_TRADE_ID,  # AFTER_ALL_TRADES of a base
    EXECUTION_LOTS,  # positive when bought; of a base, the whole position
    EXECUTION_MONEY_E8,  # its notional, signed so; of a base, the cost of the whole position
    EXECUTION_EPOCH,  # of the order of ours that it filled; 0 of none
    EXECUTION_NUMBER,
    # What stood before it.
    LOTS_BEFORE,
    COST_BEFORE_E8,
    REALISED_BEFORE_E8,
) = range(EXECUTION_WIDTH)

# ---------------------------------------------------------------- evidence of a position

EVIDENCE_WIDTH = 7
(
    EVIDENCE_KNOWN,
    EVIDENCE_LOTS,
    EVIDENCE_ENTRY_PRICE_E8,
    EVIDENCE_EXCH_NS,  # the venue's stamp on its last change; 0: it lists none, undated
    EVIDENCE_ASKED_NS,  # when it was asked for; on the private stream, when it arrived
    EVIDENCE_PUSHED,  # does it come from the private stream?
    EVIDENCE_WALLET_EXCH_NS,  # the venue's stamp on the wallet beside it; 0: none, or undated
) = range(EVIDENCE_WIDTH)
TOLD, AGREED, DISPUTED = range(3)
"""The newest, the newest that agreed with us, and the newest that shows the difference."""

# ---------------------------------------------------------------- a change of the wallet

MOVE_WIDTH = 3
MOVE_EXCH_NS, MOVE_WALLET_E8, MOVE_IS_FUNDING = range(MOVE_WIDTH)  # the wallet after it

# ---------------------------------------------------------------- a report that is owed

OWED_WIDTH = 4
(
    OWED_EPOCH,
    OWED_NUMBER,
    OWED_PROGRESS,  # how far the order has come by another channel
    OWED_SINCE_NS,
) = range(OWED_WIDTH)

# ---------------------------------------------------------------- tables

_BREAKERS_AT = 128
_EVIDENCE_AT = 144
_ORDERS_AT = 192
_ENDED_AT = _ORDERS_AT + _ORDER_COLUMNS * ORDER_SLOTS
_EXECUTIONS_AT = _ENDED_AT + 2 * ENDED_KEPT
_TRADES_AT = _EXECUTIONS_AT + EXECUTION_SLOTS * EXECUTION_WIDTH
_HISTORY_AT = _TRADES_AT + 2 * TRADE_SLOTS
_ADOPTIONS_AT = _HISTORY_AT + HISTORY_KEPT
_MOVES_AT = _ADOPTIONS_AT + 2 * ADOPTIONS_KEPT
_OWED_AT = _MOVES_AT + MOVES_KEPT * MOVE_WIDTH
DESK_SIZE = _OWED_AT + OWED_KEPT * OWED_WIDTH


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


@inlined
def execution_row(desk: IntArray, number: int) -> IntArray:
    """An execution, by its number from the oldest: int64[EXECUTION_WIDTH]."""
    at = _EXECUTIONS_AT + (desk[EXECUTIONS_FIRST] + number) % EXECUTION_SLOTS * EXECUTION_WIDTH
    return desk[at : at + EXECUTION_WIDTH]


@inlined
def trade_keys(desk: IntArray) -> IntArray:
    """Ids of the trades that are known, a map of ``exchange.int_map``: int64[TRADE_SLOTS]."""
    return desk[_TRADES_AT : _TRADES_AT + TRADE_SLOTS]


@inlined
def trade_values(desk: IntArray) -> IntArray:
    """What each is, ``BOOKED`` or ``HISTORY``: int64[TRADE_SLOTS]."""
    return desk[_TRADES_AT + TRADE_SLOTS : _TRADES_AT + 2 * TRADE_SLOTS]


@inlined
def history_ids(desk: IntArray) -> IntArray:
    """Ids of the last trades noted as history, a ring: int64[HISTORY_KEPT]."""
    return desk[_HISTORY_AT : _HISTORY_AT + HISTORY_KEPT]


@inlined
def adoption_row(desk: IntArray, number: int) -> IntArray:
    """An adopted position, by its number from the first, in a ring: stamp and ``MID2`` then."""
    at = _ADOPTIONS_AT + number % ADOPTIONS_KEPT * 2
    return desk[at : at + 2]


@inlined
def evidence_row(desk: IntArray, which: int) -> IntArray:
    """A position as the venue stated it; ``TOLD``, ``AGREED`` or ``DISPUTED``."""
    at = _EVIDENCE_AT + which * EVIDENCE_WIDTH
    return desk[at : at + EVIDENCE_WIDTH]


@inlined
def move_row(desk: IntArray, number: int) -> IntArray:
    """Funding or a transfer, by its number from the first, in a ring: int64[MOVE_WIDTH]."""
    at = _MOVES_AT + number % MOVES_KEPT * MOVE_WIDTH
    return desk[at : at + MOVE_WIDTH]


@inlined
def owed_row(desk: IntArray, number: int) -> IntArray:
    """A report that the private stream owes, the oldest first: int64[OWED_WIDTH]."""
    at = _OWED_AT + number * OWED_WIDTH
    return desk[at : at + OWED_WIDTH]


def new_desk() -> IntArray:
    """An empty desk, in memory of its own."""
    desk = new_ints(DESK_SIZE)
    in_python(trade_keys)(desk).fill(FREE)
    desk[FLOOR_EXCH_NS] = -1
    desk[MID2] = NO_MID
    desk[HISTORY_EXCH_NS] = NO_STAMP
    desk[WALLET_E8] = desk[BASELINE_E8] = NO_MONEY
    desk[ACCOUNT_OWED_NS] = NO_STAMP
    return desk
