"""Desk block layout: where what decides lies, in two arrays that kernels step.

A desk is an ``int64[DESK_SIZE]`` array and a ``float64[REALS_SIZE]`` one, 64-byte aligned. In each
come single numbers first, by the names below; then tables, each opened by an accessor named after
it. Times are ns of the monotonic clock where their name does not say otherwise; a side is its sign,
+1 for bids and -1 for asks; what is a yes or no is 1 or 0.

- ``side_status``: the rule by which a side quotes or does not, with its value and limit.
- ``wanted_ticks``: where a side is to stand, best first.
- ``link_row``: each stream, whether it is up and when it was heard.
- ``command_row``: what was decided and is still to be handed out.
- ``seen_row``: touches and prints that the market monitor has not taken yet, in the order in which
  they came.
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
- ``request_row``: requests that still wait for their answer, in a ring by their number.
- ``early_row``: fills that came before it was known what we start from, a ring of input rows.
- ``note_row``: what is to be said of what happened; see ``engine.core.notes``.
- ``error_row``: how often each error code of the venue was seen, with its last message.
- ``round_trips``: how long the last answered requests took, in a ring.
- ``own_fills``: how many orders of ours were met, by half ticks of depth.
- ``fair_touch_row``: the last touches that a micro-price is learnt from, a ring.
- ``sweep_row``: the market order of each side whose prints may still be coming in.

Of real numbers:

- ``model_table``: the depths that the model quotes, of ``engine.models.policy``.
- ``microprice_edges``, ``microprice_table``: the micro-price, as it was learnt.
- ``own_exposure_s``: how long orders of ours stood, by half ticks of depth.
- ``fit_row``: A and k of the newest window, of each side and of both, and the last good ones.
- ``weighted_arrivals``, ``level_ring``: arrivals by exponential weights, and by level and time; see
  ``engine.core.fill_intensity``.
- ``mid_ring``, ``ewma``: mids 100 ms apart, and their running variance; ``engine.core.volatility``.
"""

import numpy as np

from engine.models.level_intensity import LEVEL_DEPTHS, LEVEL_SLOTS
from exchange.int_map import FREE
from exchange.jit import FloatArray, IntArray, in_python, inlined, new_floats, new_ints
from exchange.market_layout import NO_ASK, NO_BID

ORDER_SLOTS = 128
"""A grid of 20 a side being replaced whole needs 80."""
ENDED_KEPT = 4096  # what arrives for an older order is long overdue
EXECUTION_SLOTS = 2**14
EXECUTIONS_KEPT = EXECUTION_SLOTS - 1  # a late one may still be slipped between them
HISTORY_KEPT = 2**12
TRADE_SLOTS = 2**15
ADOPTIONS_KEPT = 64
MOVES_KEPT = 256
MOST_FILLS = 5_000
"""Of the model: the largest inventory that its table has a row for."""
FAIR_TOUCHES_KEPT = 2**14
MOST_LEVELS = 500
"""Of which arrivals are counted one by one."""
LONGEST_WINDOW_S = 3_600
"""That A, k and sigma are fitted to."""
MOST_MIDS = 10 * LONGEST_WINDOW_S + 1
MICROPRICE_BUCKETS = 10
MICROPRICE_SPREADS = 5
FAIR_LEVELS = 50
"""Levels of a side that the depth-weighted fair price may look down to."""
SEEN_KEPT = 1024
"""Taken every 100 ms, or when they are that many."""
COMMANDS_KEPT = 512
"""One event asks for a query a slot and some more, a decision for a cancel or a placing a slot."""
REQUESTS_KEPT = 1024
"""Of the newest; one that is older and still waits has long been given up."""
EARLY_KEPT = 4096
"""Of the newest; the oldest are the likeliest to be in the position that we start from."""
NOTES_KEPT = 8192
"""Twice as many as one list of trades mostly brings."""
ERROR_CODES = 64
ROUND_TRIPS = 100
OWN_DEPTHS = 1024
"""Half ticks of depth; deeper orders are counted at the last."""
OWED_KEPT = 1024  # more than the venue lets us place before a stream that is mute is given up
AFTER_ALL_TRADES = 2**62
"""In the place of a trade id: a base holds every execution of its stamp."""
NEVER_NS = -(2**62)
NO_MID = -1
NO_STAMP = -1
NO_MONEY = -(2**63)
BOOKED, HISTORY = 1, 2
NO_FIT, FROM_PRIOR, FROM_WINDOW = range(3)

# ---------------------------------------------------------------- single numbers

(
    # Settings.
    EPOCH,
    ORDER_LOTS,
    MAX_POSITION_LOTS,
    GRID_NUM,
    FRESHNESS_MS,
    OWN_IN_BOOK,  # does the market feed show our own orders?
    FAIR_WANTED,  # a kind of ``engine.core.fair_price``
    FAIR_LOTS,  # that the depth-weighted one looks down to
    # The operator's hand.
    PAUSED,
    STOPPING,
    BID_OFF,
    ASK_OFF,
    # The risk gate.
    HALTED,
    HALT_CAUSE,  # of the present halt, or the one that outlives it
    HALT_A,  # its numbers; see ``engine.core.risk``
    HALT_B,
    HALT_FINAL,  # does it outlive any key?
    HALTS,
    FATAL_CODE,  # of a refusal that only a person can mend, until the desk halts on it
    YOUNGER_RUN,  # did an order of a run that began after ours show up? Then the symbol is its
    # What is proven while no order is wanted.
    VERIFY_EMPTY,  # must the venue still list none of ours?
    CLEARED_NS,  # since when none is wanted
    # The time of the newest event, and of the first.
    RECV_NS,  # by our wall clock
    MONO_NS,
    STARTED_RECV_NS,
    STARTED_NS,
    # The links.
    PRIVATE_UP_NS,
    SWITCH_ARMED_NS,  # when the newest refresh of the dead man's switch that was answered was sent
    # What the venue is asked for.
    SWITCH_ASKED_NS,
    ACCOUNT_ASKED_NS,
    TRADES_ASKED_NS,
    AGREED_EXCH_NS,  # our trades are known up to here
    UNLISTED_EXCH_NS,  # the position moved here and came back, and no trade of it reached us
    UNLISTED_NS,  # when that was told
    TRADES_MISSING,  # may trades of ours be missing?
    # What the quotes are laid around.
    DECIDED_BID,  # others' touch at the last decision
    DECIDED_ASK,
    FAIR_READ,  # the kind of the last fair price: the wanted one, or the mid in its stead
    MICROPRICE_LEARNT,
    MICROPRICE_DUE_NS,  # when it is to be learnt anew
    FAIR_TOUCHES_ADDED,
    FITTED,  # is there a fit to quote with?
    TABLE_FILLS,  # inventory that the model's table reaches to; 0 while there is no table
    TABLE_IS_SPECTRAL,
    BOUND_FILLS,  # the largest inventory that the limit leaves room for
    GRID_INTERVAL,
    # Calibration: settings, the windows, and the fit that is quoted.
    INTENSITY_BY,  # an estimator, see ``engine.core.fill_intensity``
    LEVELS,  # counted one by one
    VOLATILITY_BY,  # an estimator, see ``engine.core.volatility``
    VOLATILITY_STEPS,  # of 100 ms between two mids that are compared
    MIDS_KEPT,
    WINDOW_NS,
    FIT_EVERY_NS,
    SAMPLED_FIRST_NS,  # NEVER_NS before the first sample
    SAMPLED_NS,
    NEXT_FIT_NS,
    COUNTS_ARRIVALS,  # not while no book is seen, nor while no print would be
    LEVELS_NEWEST,  # the running number of the newest slot of ``level_ring``
    MIDS_AT,  # where the oldest stands in ``mid_ring``
    MIDS_SEEN,
    WINDOW_SEEN_NS,  # how long the market had been sampled when it was last time to fit
    READ_NS,  # when the window was read last; 0 before
    READ_CODE,  # what it was refused for, of ``engine.models.acceptance``
    GOOD_NS,  # when a window was accepted last; NEVER_NS before
    FIT_SOURCE,  # NO_FIT, FROM_PRIOR or FROM_WINDOW
    FIT_NS,  # when it was fitted
    FIT_ARRIVALS,
    FIT_WIDENED,  # is it an older one at its cautious end?
    FIT_TOLD_CODE,  # what was said of it last
    FIT_TOLD_NONE,
    # The closing order of a flatten; 0 before the first.
    CLOSING_EPOCH,
    CLOSING_NUMBER,
    # The venue's clock.
    CLOCK_MEASURED,
    VENUE_MINUS_MONO_NS,  # once it was
    # The market.
    RESYNCS,  # snapshots asked for since the book was trusted last
    SEEN,  # rows that the market monitor has not taken
    # Commands.
    REQUESTS_MADE,  # the number of the newest request
    COMMANDS,
    # What is to be said, and what was seen of the venue's answers.
    NOTES,
    ERRORS_SEEN,
    ROUND_TRIPS_ADDED,
    # The order table.
    ORDERS_ADDED,
    SLOTS_USED,  # no slot from this one on is in use
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
    EARLY_ADDED,
    EARLY_BOOKED,  # how many of them are booked, or were overwritten
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
    FLATTEN_REFUSED,  # by whom the last try was: NOBODY, BY_VENUE or BY_OPERATOR
    FLATTEN_REFUSED_CODE,
    # The watchdog of the private stream.
    OWED_COUNT,
    ACCOUNT_OWED_NS,  # since when the stream owes the account; NO_STAMP while it does not
    ACCOUNT_OWED_EXCH_NS,  # as of what stamp of the venue
    ACCOUNT_TOLD_EXCH_NS,
    ACCOUNT_SPARED_UNTIL_NS,
    STREAM_MUTE,  # was the last connection given up, and no order reported since?
    PAUSED_UNTIL_NS,  # no quotes before, since their fills would not be reported
) = range(152)

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

# ---------------------------------------------------------------- a side's status

_STATUS_WIDTH = 4
(
    STATUS_RULE,  # of ``engine.core.quoting_rules``
    STATUS_VALUE,
    STATUS_LIMIT,
    STATUS_WANTED,  # at how many prices orders are wanted
) = range(_STATUS_WIDTH)

# ---------------------------------------------------------------- a link

_LINK_WIDTH = 3
LINK_IS_UP, LINK_HEARD_NS, LINK_CONNECTS = range(_LINK_WIDTH)
"""``LINK_HEARD_NS``: NEVER_NS before the first message; ``LINK_CONNECTS``: how often it came up."""
PRIVATE, PUBLIC, MARKET = range(3)

# ---------------------------------------------------------------- a command

COMMAND_WIDTH = 8
(
    COMMAND_KIND,  # of ``engine.core.request_tracker``
    COMMAND_REQUEST,  # its number, from 1
    COMMAND_EPOCH,  # of the order, as its number
    COMMAND_NUMBER,
    COMMAND_SIDE,
    COMMAND_PRICE_TICKS,
    COMMAND_QTY_LOTS,
    COMMAND_VALUE,  # of a kind that has one: a time, in ms
) = range(COMMAND_WIDTH)

# ---------------------------------------------------------------- what was seen

SEEN_WIDTH = 6
SEEN_KIND, SEEN_EXCH_NS = range(2)
"""Then of a touch bid, lots, ask and lots; of a print the side that took, its price and lots."""
TOUCH_SEEN, NO_TOUCH_SEEN, PRINT_SEEN, MARK_SEEN = range(4)

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
    EVIDENCE_COST_E8,  # by the venue's entry price, signed as the lots
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

# ---------------------------------------------------------------- an open request

REQUEST_WIDTH = 5
(
    REQUEST_NUMBER,  # 0 once it is answered
    REQUEST_KIND,  # of ``engine.core.request_tracker``
    REQUEST_EPOCH,  # of the order that it is about, as its number and side; 0 of none
    REQUEST_ORDER,
    REQUEST_SIDE,
) = range(REQUEST_WIDTH)

# ---------------------------------------------------------------- a market order

_SWEEP_WIDTH = 5
(
    SWEEP_EXCH_NS,  # NEVER_NS before the first
    SWEEP_HEIGHT,  # side times price of its last print: it falls as the order goes deeper
    SWEEP_FIRST_TICKS,  # the first level that it could reach
    SWEEP_LEVEL,  # how many levels it went beyond that; -1 before it was counted
    SWEEP_AT,  # where it is counted in ``level_ring``
) = range(_SWEEP_WIDTH)

# ---------------------------------------------------------------- a note

NOTE_WIDTH = 6
NOTE_CODE, NOTE_RECV_NS = range(2)  # of ``engine.core.notes``; then its four numbers

# ---------------------------------------------------------------- an error code

ERROR_TEXT_BYTES = 192
_ERROR_TEXT_INTS = ERROR_TEXT_BYTES // 8
ERROR_WIDTH = 3 + _ERROR_TEXT_INTS
ERROR_CODE, ERROR_COUNT, ERROR_MONO_NS = range(3)
"""``ERROR_MONO_NS``: when it was seen last. Then its last message, as UTF-8 that ends at a zero."""

# ---------------------------------------------------------------- an input

INPUT_WIDTH = 14
"""Of a row; its columns are named in ``engine.core.inputs``."""

# ---------------------------------------------------------------- tables

_BREAKERS_AT = 192
_EVIDENCE_AT = 208
_STATUS_AT = 232
_LINKS_AT = 240
_SWEEPS_AT = 249
_ORDERS_AT = 264
_ENDED_AT = _ORDERS_AT + _ORDER_COLUMNS * ORDER_SLOTS
_EXECUTIONS_AT = _ENDED_AT + 2 * ENDED_KEPT
_TRADES_AT = _EXECUTIONS_AT + EXECUTION_SLOTS * EXECUTION_WIDTH
_HISTORY_AT = _TRADES_AT + 2 * TRADE_SLOTS
_ADOPTIONS_AT = _HISTORY_AT + HISTORY_KEPT
_MOVES_AT = _ADOPTIONS_AT + 2 * ADOPTIONS_KEPT
_OWED_AT = _MOVES_AT + MOVES_KEPT * MOVE_WIDTH
_WANTED_AT = _OWED_AT + OWED_KEPT * OWED_WIDTH
_COMMANDS_AT = _WANTED_AT + 2 * ORDER_SLOTS
_SEEN_AT = _COMMANDS_AT + COMMANDS_KEPT * COMMAND_WIDTH
_REQUESTS_AT = _SEEN_AT + SEEN_KEPT * SEEN_WIDTH
_EARLY_AT = _REQUESTS_AT + REQUESTS_KEPT * REQUEST_WIDTH
_NOTES_AT = _EARLY_AT + EARLY_KEPT * INPUT_WIDTH
_ERRORS_AT = _NOTES_AT + NOTES_KEPT * NOTE_WIDTH
_TRIPS_AT = _ERRORS_AT + ERROR_CODES * ERROR_WIDTH
_OWN_FILLS_AT = _TRIPS_AT + ROUND_TRIPS
_FAIR_TOUCHES_AT = _OWN_FILLS_AT + OWN_DEPTHS
_OWN_LOTS_AT = _FAIR_TOUCHES_AT + 4 * FAIR_TOUCHES_KEPT
_SCRATCH_AT = _OWN_LOTS_AT + ORDER_SLOTS
_SCRATCH_COLUMNS = 4
DESK_SIZE = _SCRATCH_AT + _SCRATCH_COLUMNS * ORDER_SLOTS
DESK_TABLES = {
    _BREAKERS_AT: "side_breaker",
    _EVIDENCE_AT: "evidence_row",
    _STATUS_AT: "side_status",
    _LINKS_AT: "link_row",
    _SWEEPS_AT: "sweep_row",
    _ORDERS_AT: "order_column",
    _ENDED_AT: "ended",
    _EXECUTIONS_AT: "execution_row",
    _TRADES_AT: "trade",
    _HISTORY_AT: "history_ids",
    _ADOPTIONS_AT: "adoption_row",
    _MOVES_AT: "move_row",
    _OWED_AT: "owed_row",
    _WANTED_AT: "wanted_ticks",
    _COMMANDS_AT: "command_row",
    _SEEN_AT: "seen_row",
    _REQUESTS_AT: "request_row",
    _EARLY_AT: "early_row",
    _NOTES_AT: "note_row",
    _ERRORS_AT: "error_row",
    _TRIPS_AT: "round_trips",
    _OWN_FILLS_AT: "own_fills",
    _FAIR_TOUCHES_AT: "fair_touch_row",
    _OWN_LOTS_AT: "own_lots",
    _SCRATCH_AT: "scratch",
}
"""Their names, by where they begin."""


@inlined
def side_status(desk: IntArray, side: int) -> IntArray:
    """By which rule a side quotes or does not: int64[4]."""
    at = _STATUS_AT if side > 0 else _STATUS_AT + _STATUS_WIDTH
    return desk[at : at + _STATUS_WIDTH]


@inlined
def wanted_ticks(desk: IntArray, side: int) -> IntArray:
    """Where a side is to stand, best first; ``STATUS_WANTED`` of int64[ORDER_SLOTS]."""
    at = _WANTED_AT if side > 0 else _WANTED_AT + ORDER_SLOTS
    return desk[at : at + ORDER_SLOTS]


@inlined
def link_row(desk: IntArray, link: int) -> IntArray:
    """One stream, ``PRIVATE``, ``PUBLIC`` or ``MARKET``: int64[3]."""
    at = _LINKS_AT + link * _LINK_WIDTH
    return desk[at : at + _LINK_WIDTH]


@inlined
def command_row(desk: IntArray, number: int) -> IntArray:
    """A command, by its number from the first: int64[COMMAND_WIDTH]."""
    at = _COMMANDS_AT + number * COMMAND_WIDTH
    return desk[at : at + COMMAND_WIDTH]


@inlined
def command_rows(desk: IntArray) -> IntArray:
    """All of them: int64[COMMANDS_KEPT * COMMAND_WIDTH]."""
    return desk[_COMMANDS_AT : _COMMANDS_AT + COMMANDS_KEPT * COMMAND_WIDTH]


@inlined
def seen_row(desk: IntArray, number: int) -> IntArray:
    """What was seen of the market, by its number from the oldest: int64[SEEN_WIDTH]."""
    at = _SEEN_AT + number * SEEN_WIDTH
    return desk[at : at + SEEN_WIDTH]


@inlined
def request_row(desk: IntArray, number: int) -> IntArray:
    """Where a request of this number waits, unless a younger one does: int64[REQUEST_WIDTH]."""
    at = _REQUESTS_AT + number % REQUESTS_KEPT * REQUEST_WIDTH
    return desk[at : at + REQUEST_WIDTH]


@inlined
def early_row(desk: IntArray, number: int) -> IntArray:
    """A fill that came too early, by its number from the first: int64[INPUT_WIDTH]."""
    at = _EARLY_AT + number % EARLY_KEPT * INPUT_WIDTH
    return desk[at : at + INPUT_WIDTH]


@inlined
def note_row(desk: IntArray, number: int) -> IntArray:
    """A note, by its number from the first that was not said yet: int64[NOTE_WIDTH]."""
    at = _NOTES_AT + number * NOTE_WIDTH
    return desk[at : at + NOTE_WIDTH]


@inlined
def note_rows(desk: IntArray) -> IntArray:
    """All of them: int64[NOTES_KEPT * NOTE_WIDTH]."""
    return desk[_NOTES_AT : _NOTES_AT + NOTES_KEPT * NOTE_WIDTH]


@inlined
def error_row(desk: IntArray, number: int) -> IntArray:
    """An error code, by its number from the first that was seen: int64[ERROR_WIDTH]."""
    at = _ERRORS_AT + number * ERROR_WIDTH
    return desk[at : at + ERROR_WIDTH]


@inlined
def round_trips(desk: IntArray) -> IntArray:
    """Round trips of requests that were done, in ns, a ring: int64[ROUND_TRIPS]."""
    return desk[_TRIPS_AT : _TRIPS_AT + ROUND_TRIPS]


@inlined
def own_fills(desk: IntArray) -> IntArray:
    """Orders of ours that were met, by half ticks of depth: int64[OWN_DEPTHS]."""
    return desk[_OWN_FILLS_AT : _OWN_FILLS_AT + OWN_DEPTHS]


@inlined
def fair_touch_row(desk: IntArray, number: int) -> IntArray:
    """A touch, by its number from the first: bid, its lots, ask and its lots."""
    at = _FAIR_TOUCHES_AT + number % FAIR_TOUCHES_KEPT * 4
    return desk[at : at + 4]


@inlined
def fair_touches(desk: IntArray) -> IntArray:
    """All of them, the ring as it is: int64[4 * FAIR_TOUCHES_KEPT]."""
    return desk[_FAIR_TOUCHES_AT : _FAIR_TOUCHES_AT + 4 * FAIR_TOUCHES_KEPT]


@inlined
def sweep_row(desk: IntArray, side: int) -> IntArray:
    """The market order that reached a side last: int64[5]."""
    at = _SWEEPS_AT if side > 0 else _SWEEPS_AT + _SWEEP_WIDTH
    return desk[at : at + _SWEEP_WIDTH]


@inlined
def own_lots(desk: IntArray) -> IntArray:
    """Lots of ours that the market feed may show, by slot: int64[ORDER_SLOTS]."""
    return desk[_OWN_LOTS_AT : _OWN_LOTS_AT + ORDER_SLOTS]


@inlined
def scratch(desk: IntArray, column: int) -> IntArray:
    """Room that a kernel may use while it runs: int64[ORDER_SLOTS], one of four."""
    at = _SCRATCH_AT + column * ORDER_SLOTS
    return desk[at : at + ORDER_SLOTS]


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


# ---------------------------------------------------------------- real numbers

(
    # Settings.
    MAX_LOSS_USDT,
    # What the operator may move.
    GAMMA,
    DELTA,
    ADJ1,
    ADJ2,
    # The risk gate.
    LOSS_USDT,  # at which the desk was halted
    MAX_DRAWDOWN_USDT,
    # What the quotes are laid around; nan without a touch.
    FAIR_TICKS,
    # The operator's command that is being obeyed: its value, and what it was believed to be.
    ASKED_VALUE,
    EXPECTED_VALUE,
    # Calibration: settings, the fit that is quoted, and what the newest window says.
    NEAREST_TICKS,  # least depth of the first level counted
    WINDOW_S,
    HOLD_S,  # how long the last good fit may be quoted
    MISFIT_BORNE,  # beyond what chance explains
    LINE_SPREAD,  # how much wider than the likelihood's the estimator's errors are
    FIT_A,
    FIT_K,
    FIT_SIGMA,
    READ_MISFIT,
    READ_MAX_MISFIT,
    READ_SIGMA,
    READ_SIGMA_LOW,
    READ_SIGMA_HIGH,
    READ_NOISE,  # sigma as sampled over sigma without the quotes' bounce; nan where unknown
    # What the model makes of the fit: the validity number of the closed form.
    MODEL_VALIDITY,
) = range(25)

FIT_ROW_WIDTH = 9
(
    ROW_A,
    ROW_K,
    ROW_N,  # arrivals it rests on
    ROW_A_LOW,  # of the 95 % intervals
    ROW_A_HIGH,
    ROW_K_LOW,
    ROW_K_HIGH,
    ROW_A_DISPERSION,
    ROW_K_DISPERSION,
) = range(FIT_ROW_WIDTH)
BID_FIT, ASK_FIT, BOTH_FIT, GOOD_FIT = range(4)
WEIGHTED_WIDTH = 5

_MICROPRICE_STATES = MICROPRICE_BUCKETS * MICROPRICE_SPREADS
_EDGES_AT = 32
_MICROPRICE_AT = _EDGES_AT + MICROPRICE_BUCKETS - 1
_FIT_ROWS_AT = 96
_WEIGHTED_AT = _FIT_ROWS_AT + 4 * FIT_ROW_WIDTH
_EWMA_AT = _WEIGHTED_AT + 3 * WEIGHTED_WIDTH
_OWN_EXPOSURE_AT = 152
_LEVELS_AT = _OWN_EXPOSURE_AT + OWN_DEPTHS
_MIDS_AT = _LEVELS_AT + 2 * LEVEL_SLOTS * (MOST_LEVELS + 1 + LEVEL_DEPTHS)
_TABLE_AT = _MIDS_AT + 2 * MOST_MIDS
REALS_SIZE = _TABLE_AT + 2 * (2 * MOST_FILLS + 1)
REALS_TABLES = {
    _EDGES_AT: "microprice_edges",
    _MICROPRICE_AT: "microprice_table",
    _FIT_ROWS_AT: "fit_row",
    _WEIGHTED_AT: "weighted_arrivals",
    _EWMA_AT: "ewma",
    _OWN_EXPOSURE_AT: "own_exposure_s",
    _LEVELS_AT: "level_ring",
    _MIDS_AT: "mid_ring",
    _TABLE_AT: "model_table",
}


@inlined
def model_table(reals: FloatArray, fills: int) -> FloatArray:
    """Depths by inventory up to so many fills: float64[2(2·fills+1)]."""
    return reals[_TABLE_AT : _TABLE_AT + 2 * (2 * fills + 1)]


@inlined
def microprice_edges(reals: FloatArray) -> FloatArray:
    """Edges of the buckets of imbalance: float64[MICROPRICE_BUCKETS - 1]."""
    return reals[_EDGES_AT : _EDGES_AT + MICROPRICE_BUCKETS - 1]


@inlined
def microprice_table(reals: FloatArray) -> FloatArray:
    """Adjustments of the mid by state: float64[MICROPRICE_BUCKETS * MICROPRICE_SPREADS]."""
    return reals[_MICROPRICE_AT : _MICROPRICE_AT + _MICROPRICE_STATES]


@inlined
def own_exposure_s(reals: FloatArray) -> FloatArray:
    """Seconds that orders of ours stood, by half ticks of depth: float64[OWN_DEPTHS]."""
    return reals[_OWN_EXPOSURE_AT : _OWN_EXPOSURE_AT + OWN_DEPTHS]


@inlined
def fit_row(reals: FloatArray, which: int) -> FloatArray:
    """A and k by one side's arrivals or by both's, or the last good ones: float64[9]."""
    at = _FIT_ROWS_AT + which * FIT_ROW_WIDTH
    return reals[at : at + FIT_ROW_WIDTH]


@inlined
def weighted_arrivals(reals: FloatArray, side: int) -> FloatArray:
    """The arrivals of one side, or with 0 of both, by weights that fade: float64[5]."""
    at = _WEIGHTED_AT + (side + 1) * WEIGHTED_WIDTH
    return reals[at : at + WEIGHTED_WIDTH]


@inlined
def ewma(reals: FloatArray) -> FloatArray:
    """Last mid, its time and the running variance, of ``engine.models.volatility``: float64[3]."""
    return reals[_EWMA_AT : _EWMA_AT + 3]


@inlined
def level_ring(reals: FloatArray, levels: int) -> FloatArray:
    """Slots of time, oldest overwritten, of both sides' numbers when so many levels are counted."""
    return reals[_LEVELS_AT : _LEVELS_AT + 2 * LEVEL_SLOTS * (levels + 1 + LEVEL_DEPTHS)]


@inlined
def mid_ring(reals: FloatArray, count: int) -> FloatArray:
    """The last mids, each written twice, ``count`` places apart: float64[2 * count]."""
    return reals[_MIDS_AT : _MIDS_AT + 2 * count]


# ---------------------------------------------------------------- a new desk


def new_desk() -> IntArray:
    """An empty desk's whole numbers, in memory of their own."""
    desk = new_ints(DESK_SIZE)
    for link in (PRIVATE, PUBLIC, MARKET):
        in_python(link_row)(desk, link)[LINK_HEARD_NS] = NEVER_NS
    desk[SWITCH_ASKED_NS] = desk[SWITCH_ARMED_NS] = NEVER_NS
    desk[DECIDED_BID], desk[DECIDED_ASK] = NO_BID, NO_ASK
    in_python(trade_keys)(desk).fill(FREE)
    desk[FLOOR_EXCH_NS] = -1
    desk[MID2] = NO_MID
    desk[HISTORY_EXCH_NS] = NO_STAMP
    desk[WALLET_E8] = desk[BASELINE_E8] = NO_MONEY
    desk[ACCOUNT_OWED_NS] = NO_STAMP
    desk[SAMPLED_FIRST_NS] = desk[GOOD_NS] = NEVER_NS
    desk[LEVELS_NEWEST] = -1
    for side in (1, -1):
        in_python(sweep_row)(desk, side)[SWEEP_EXCH_NS] = NEVER_NS
    return desk


def new_reals() -> FloatArray:
    """Its real numbers."""
    reals = new_floats(REALS_SIZE)
    reals[FAIR_TICKS] = np.nan
    in_python(mid_ring)(reals, MOST_MIDS).fill(np.nan)
    in_python(ewma)(reals).fill(np.nan)
    return reals
