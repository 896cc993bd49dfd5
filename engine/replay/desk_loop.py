"""Replay loop of the desk, compiled: the desk's own kernels, fed from a recording on two clocks.

Six sources take their turns by time and, at one instant, in this order: local data, answers,
funding, the venue's own data, requests that reach the venue; then the timer's step. The loop
returns to Python where something is wanted of it: see ``PLAYED``.

What it carries over from call to call is in flat arrays:

- ``clock[CLOCK]``: the ``C_`` indices, then counts of steps: by each side's rule, by the kind of
  the fit and by the model's branch.
- ``venue``, ``orders``, ``ints``, ``floats``, ``count``, ``out``: ``engine.replay.recorded_venue``.
- ``steps``: a row a step of the timer (``STEP_WIDTH``), ``heard_fills``: a row a fill that reached
  the desk (``FILL_WIDTH``); see ``engine.replay.performance``.

Source: the replay rules, sections 1 and 2.
"""

from engine.core import orders as order_states
from engine.core.apply import apply_input
from engine.core.decide import act, decide
from engine.core.desk_layout import (
    COMMAND_KIND,
    COMMAND_QTY_LOTS,
    COMMAND_WIDTH,
    COMMANDS,
    COMMANDS_KEPT,
    ERRORS_SEEN,
    FAIR_WANTED,
    FIT_SOURCE,
    FIT_WIDENED,
    INPUT_WIDTH,
    NOTE_CODE,
    NOTES,
    NOTES_KEPT,
    ORDER_PRICE_TICKS,
    ORDER_SIDE,
    ORDER_STATE,
    ORDERS_SENT,
    POSITION_LOTS,
    RECV_NS,
    SEEN,
    STATUS_RULE,
    TABLE_FILLS,
    TABLE_IS_SPECTRAL,
    command_rows,
    note_row,
    order_column,
    side_status,
)
from engine.core.fair_price import MICROPRICE, is_due
from engine.core.hear import SEEN_FULL, hear_event, hear_snapshot
from engine.core.inputs import (
    FILL,
    FILL_FEE_E8,
    FILL_IS_MAKER,
    INPUT_KIND,
    INPUT_MONO_NS,
    INPUT_RECV_NS,
    OF_NUMBER,
    OF_PRICE_TICKS,
    OF_QTY_LOTS,
    OF_SIDE,
)
from engine.core.ledger import total_e8
from engine.core.moment import stamp
from engine.core.notes import TABLE_FULL
from engine.core.quoting_rules import RULES
from engine.core.request_tracker import CANCEL, PLACE
from engine.core.settings import STEP_NS
from engine.models.maker import best_working
from engine.replay.event_window import MESSAGE_EXCH_NS, NEVER_NS
from engine.replay.performance import Fills, StepSeries
from engine.replay.recorded_venue import (
    A_COUNT,
    A_FROM,
    A_INPUT,
    A_LIST,
    MOST_RESTING,
    OF_FILLS,
    OF_ORDERS,
    ORDER_FILL_HEARD,
    ORDER_WIDTH,
    V_ANSWERS,
    V_ANSWERS_FIRST,
    V_BY_PEER,
    V_FILLS,
    V_FULL,
    V_FUNDING_NS,
    V_NAMED_FIRST,
    answer_row,
    book_fills,
    fund,
    hear_mark,
    named_orders,
    next_answer_ns,
    next_request_ns,
    send,
    take_request,
)
from exchange.depth_sync import GREW
from exchange.event_columns import EXCH_NS, KIND, LINE, MARK, RAW_SIZE, SNAPSHOT, TRADE, WIDTH
from exchange.event_columns import RECV_NS as ROW_RECV_NS
from exchange.jit import (
    FloatArray,
    IntArray,
    borrowed,
    by_address,
    code_addresses,
    inlined,
    njit,
    piece,
)
from exchange.market import market_step
from exchange.market_layout import NO_BID, TOUCH_ASK, TOUCH_BID
from exchange.peer_exchange import peer_step
from exchange.recorded_book import recorded_step

(
    GOES_ON,
    PLAYED,  # all that happens before ``safe_ns``, or all that there is
    BOOK_GREW,  # the venue's book has grown
    LEARNS,  # the micro-price is to be learnt before the next step
    STEPPED,  # a step was taken, and steps are watched
    REFUSED_ANEW,  # a code of the venue was seen for the first time
    HANDED_OUT,  # the next message is to be heard by Python, then ``take_heard`` to be called
    NO_ROOM,  # ``steps``, ``heard_fills``, ``orders`` or ``fills`` are to be enlarged
    FULL,  # more was under way than there is room for
    TABLE_IS_FULL,  # an order of ours finds no slot
    TOO_MANY_COMMANDS,
) = range(11)
"""Why the loop returned; ``GOES_ON`` while it does not."""

(
    C_NOW,
    C_STEP_AT,
    C_LOCAL,  # events that reached us
    C_EXCH,  # events that happened at the venue
    C_SHIFT,  # added to every receive time
    C_WATCHED,  # does it return after each step?
    C_HANDS_OUT,  # does Python hear the messages?
    C_STEPS,  # rows of ``steps``
    C_HEARD,  # rows of ``heard_fills``
    C_ORDERS,
    C_CANCELS,
    C_ORDERED_LOTS,
    C_ORDERS_FILLED,
    C_MID2,  # the last mid that there was, twice, in ticks; 0 before the first
    C_ERRORS,  # codes that were seen
    C_BROKEN,  # ``TABLE_IS_FULL`` or ``TOO_MANY_COMMANDS``, once it is so
) = range(16)
FITS = ("none", "prior", "fit", "widened")
_WIDENED = FITS.index("widened")
BRANCHES = 3
"""No table, the closed form, the spectral table."""
_RULES = len(RULES)
C_BID_RULES = 16
C_ASK_RULES = C_BID_RULES + _RULES
C_FITS = C_ASK_RULES + _RULES
C_BRANCHES = C_FITS + len(FITS)
C_TICK = C_BRANCHES + BRANCHES
"""The input that a step is, ``TICK`` of ``engine.core.inputs``."""
CLOCK = C_TICK + INPUT_WIDTH

STEP_WIDTH, FILL_WIDTH = len(StepSeries._fields), len(Fills._fields)

_MARKET_STEP, _ACT, _HEAR_EVENT, _HEAR_SNAPSHOT, _APPLY, _DECIDE, _RECORDED, _PEER = range(8)
_hear_event, _hear_snapshot = by_address(hear_event), by_address(hear_snapshot)
_apply, _decide = by_address(apply_input), by_address(decide)
_recorded, _peer = by_address(recorded_step), by_address(peer_step)


def loop_codes() -> IntArray:
    """Where the kernels lie that the loop calls, those of ``engine.core.hear`` first."""
    return code_addresses(
        *(market_step, act, hear_event, hear_snapshot),
        *(apply_input, decide, recorded_step, peer_step),
    )


@njit
def run_desk(
    clock: IntArray,
    codes: IntArray,
    desk: IntArray,
    reals: FloatArray,
    market: IntArray,
    venue: IntArray,
    book: IntArray,
    model: int,
    power: float,
    lot_size: float,
    ints: IntArray,
    floats: FloatArray,
    count: IntArray,
    out: IntArray,
    orders: IntArray,
    fills: IntArray,
    money: IntArray,
    steps: IntArray,
    heard_fills: IntArray,
    rows: IntArray,
    ticks: IntArray,
    lots: IntArray,
    by_local: IntArray,
    by_exch: IntArray,
    events: int,
    safe_ns: int,
) -> int:
    """Let everything happen up to a time, to the end of the recording, or until Python is needed.

    Args:
        codes: Of ``loop_codes``.
        desk: int64[DESK_SIZE], as ``reals`` of ``engine.core.desk_layout``.
        market: int64[RECORDED_SIZE] of ``exchange.market_layout``, the desk's.
        book: The venue's, as ``model``, ``power`` and ``lot_size`` of ``recorded_step``.
        by_local: int64[events], rows in the order of their receive times, as ``by_exch`` is in
            that of the venue's.
        events: How many rows there are; those before ``C_LOCAL`` and ``C_EXCH`` were heard.
        safe_ns: No row still to be read lies before this; ``NEVER_NS`` when there is none.

    Returns:
        ``PLAYED`` or one of its neighbours.
    """
    clock, codes, desk, reals = borrowed(clock), borrowed(codes), borrowed(desk), borrowed(reals)
    market, venue, book = borrowed(market), borrowed(venue), borrowed(book)
    ints, floats, count, out = borrowed(ints), borrowed(floats), borrowed(count), borrowed(out)
    orders, fills, money = borrowed(orders), borrowed(fills), borrowed(money)
    steps, heard_fills, rows = borrowed(steps), borrowed(heard_fills), borrowed(rows)
    ticks, lots = borrowed(ticks), borrowed(lots)
    by_local, by_exch = borrowed(by_local), borrowed(by_exch)
    why = GOES_ON
    while why == GOES_ON:
        why = _obstacle(clock, desk, venue, orders, fills, steps, heard_fills)
        if why != GOES_ON:
            break
        answer_ns, request_ns = next_answer_ns(venue), next_request_ns(venue)
        answer_or_funding_ns, step_ns = min(answer_ns, venue[V_FUNDING_NS]), clock[C_STEP_AT]
        due_ns = min(answer_or_funding_ns, request_ns, step_ns)
        local_ns = exch_ns = NEVER_NS
        if clock[C_LOCAL] < events:
            local_ns = rows[by_local[clock[C_LOCAL]] * WIDTH + ROW_RECV_NS] + clock[C_SHIFT]
        if clock[C_EXCH] < events:
            exch_ns = rows[by_exch[clock[C_EXCH]] * WIDTH + EXCH_NS]
        at_ns = min(local_ns, exch_ns, due_ns)
        if at_ns >= safe_ns or min(local_ns, exch_ns) == NEVER_NS:
            why = PLAYED
            break
        clock[C_NOW] = max(clock[C_NOW], at_ns)
        if local_ns == at_ns:
            row = _row(rows, by_local[clock[C_LOCAL]])
            why = _hear(clock, codes, desk, reals, market, venue, row, ticks, lots)
        elif answer_ns == at_ns:
            hear_answers(clock, codes, desk, reals, market, venue, orders, fills, heard_fills)
        elif answer_or_funding_ns == at_ns:
            fund(venue, money)
        elif exch_ns == at_ns:
            row = _row(rows, by_exch[clock[C_EXCH]])
            why = _apply_at_venue(
                clock,
                codes,
                venue,
                orders,
                fills,
                money,
                book,
                model,
                power,
                lot_size,
                ints,
                floats,
                count,
                out,
                row,
                ticks,
                lots,
            )
        elif request_ns == at_ns:
            take_request(venue, orders, fills, money, book, lot_size, ints, floats, count)
        else:
            why = _step(clock, codes, desk, reals, market, venue, steps)
    return int(why)


@inlined
def _row(rows: IntArray, number: int) -> IntArray:
    return rows[number * WIDTH : (number + 1) * WIDTH]


@inlined
def _obstacle(
    clock: IntArray,
    desk: IntArray,
    venue: IntArray,
    orders: IntArray,
    fills: IntArray,
    steps: IntArray,
    heard_fills: IntArray,
) -> int:
    """What has to be done, or has gone wrong, before anything else may happen."""
    if venue[V_FULL] == 1:
        return FULL
    if clock[C_BROKEN] != GOES_ON:
        return int(clock[C_BROKEN])
    if clock[C_ERRORS] != desk[ERRORS_SEEN]:
        clock[C_ERRORS] = desk[ERRORS_SEEN]
        return REFUSED_ANEW
    # One more step, all answers on their way, the newest order, and a fill of all that rest.
    room = (clock[C_STEPS] + 1) * STEP_WIDTH <= steps.size
    room = room and (clock[C_HEARD] + venue[V_ANSWERS]) * FILL_WIDTH <= heard_fills.size
    room = room and (desk[ORDERS_SENT] + 1) * ORDER_WIDTH <= orders.size
    room = room and (venue[V_FILLS] + MOST_RESTING) * INPUT_WIDTH <= fills.size
    return GOES_ON if room else NO_ROOM


# ---------------------------------------------------------------- at the venue


@inlined
def _apply_at_venue(
    clock: IntArray,
    codes: IntArray,
    venue: IntArray,
    orders: IntArray,
    fills: IntArray,
    money: IntArray,
    book: IntArray,
    model: int,
    power: float,
    lot_size: float,
    ints: IntArray,
    floats: FloatArray,
    count: IntArray,
    out: IntArray,
    row: IntArray,
    ticks: IntArray,
    lots: IntArray,
) -> int:
    """A row takes effect at the venue."""
    clock[C_EXCH] += 1
    if row[KIND] == MARK:
        hear_mark(venue, row, clock[C_NOW])
        return GOES_ON
    found = made = 0
    if row[KIND] == TRADE and count[0] == 0:
        return GOES_ON  # it meets nobody
    if venue[V_BY_PEER] == 1:
        made = _peer(
            codes[_PEER], book, model, power, lot_size, ints, floats, count, row, ticks, lots, out
        )
    else:
        found, made = _recorded(
            codes[_RECORDED],
            book,
            model,
            power,
            lot_size,
            ints,
            floats,
            count,
            row,
            ticks,
            lots,
            out,
        )
    if made > 0:
        book_fills(venue, orders, fills, money, out, made, clock[C_NOW])
    return BOOK_GREW if found & GREW else GOES_ON


# ---------------------------------------------------------------- on our side


@inlined
def _hear(
    clock: IntArray,
    codes: IntArray,
    desk: IntArray,
    reals: FloatArray,
    market: IntArray,
    venue: IntArray,
    row: IntArray,
    ticks: IntArray,
    lots: IntArray,
) -> int:
    """A message reaches us, with the venue's time as it was heard_fills."""
    if clock[C_HANDS_OUT] == 1 and row[KIND] != SNAPSHOT:
        return HANDED_OUT
    at_ns = row[ROW_RECV_NS] + clock[C_SHIFT]
    # For now the row is that of a message which comes alone.
    happens_ns, recv_ns = row[EXCH_NS], row[ROW_RECV_NS]
    row[EXCH_NS] = row[MESSAGE_EXCH_NS]
    row[ROW_RECV_NS] = row[MESSAGE_EXCH_NS] = row[RAW_SIZE] = row[LINE] = 0
    if row[KIND] == SNAPSHOT:
        stamp(desk, at_ns, at_ns)
        _hear_snapshot(codes[_HEAR_SNAPSHOT], desk, market, codes, row, ticks, lots)
        _decide(codes[_DECIDE], desk, reals, market, at_ns, at_ns)
    else:
        heard = _hear_event(
            codes[_HEAR_EVENT], desk, reals, market, codes, row, ticks, lots, at_ns, at_ns, True
        )
        if heard & SEEN_FULL:
            desk[SEEN] = 0  # for a market monitor, which no replay has
    row[EXCH_NS], row[ROW_RECV_NS] = happens_ns, recv_ns
    take_heard(clock, desk, market, venue, at_ns)
    return GOES_ON


@njit
def take_heard(
    clock: IntArray, desk: IntArray, market: IntArray, venue: IntArray, at_ns: int
) -> None:
    """A message has reached us: what follows leaves, and the mid is noted."""
    clock[C_LOCAL] += 1
    _send_commands(clock, desk, venue, at_ns)
    if market[TOUCH_BID] != NO_BID:
        clock[C_MID2] = market[TOUCH_BID] + market[TOUCH_ASK]


@njit
def hear_answers(
    clock: IntArray,
    codes: IntArray,
    desk: IntArray,
    reals: FloatArray,
    market: IntArray,
    venue: IntArray,
    orders: IntArray,
    fills: IntArray,
    heard_fills: IntArray,
) -> None:
    """The earliest answers reach us, all that arrive at one instant."""
    at_ns = next_answer_ns(venue)
    while next_answer_ns(venue) == at_ns:
        row = answer_row(venue, venue[V_ANSWERS_FIRST])
        parts = fills[:0]
        if row[A_LIST] == OF_ORDERS:
            parts = named_orders(venue, row[A_FROM], row[A_COUNT])
            venue[V_NAMED_FIRST] = row[A_FROM]
        elif row[A_LIST] == OF_FILLS:
            first = row[A_FROM] * INPUT_WIDTH
            parts = fills[first : first + row[A_COUNT] * INPUT_WIDTH]
        taken = row[A_INPUT:]
        taken[INPUT_RECV_NS] = taken[INPUT_MONO_NS] = at_ns
        venue[V_ANSWERS_FIRST] += 1
        venue[V_ANSWERS] -= 1
        _apply(codes[_APPLY], desk, reals, market, taken, parts)
        _send_commands(clock, desk, venue, at_ns)
        if taken[INPUT_KIND] == FILL:
            note_fill(clock, orders, heard_fills, taken)
    _decide(codes[_DECIDE], desk, reals, market, at_ns, at_ns)
    _send_commands(clock, desk, venue, at_ns)


@inlined
def _step(
    clock: IntArray,
    codes: IntArray,
    desk: IntArray,
    reals: FloatArray,
    market: IntArray,
    venue: IntArray,
    steps: IntArray,
) -> int:
    """100 ms have passed."""
    at_ns = clock[C_STEP_AT]
    if desk[FAIR_WANTED] == MICROPRICE and is_due(desk, at_ns):
        return LEARNS
    clock[C_STEP_AT] += STEP_NS
    desk[SEEN] = 0
    tick = clock[C_TICK:]
    tick[INPUT_RECV_NS] = tick[INPUT_MONO_NS] = at_ns
    _apply(codes[_APPLY], desk, reals, market, tick, tick[:0])
    _send_commands(clock, desk, venue, at_ns)
    _decide(codes[_DECIDE], desk, reals, market, at_ns, at_ns)
    _send_commands(clock, desk, venue, at_ns)
    _note_step(clock, desk, market, steps)
    clock[C_BID_RULES + side_status(desk, 1)[STATUS_RULE]] += 1
    clock[C_ASK_RULES + side_status(desk, -1)[STATUS_RULE]] += 1
    clock[C_FITS + (_WIDENED if desk[FIT_WIDENED] == 1 else desk[FIT_SOURCE])] += 1
    clock[C_BRANCHES + (0 if desk[TABLE_FILLS] == 0 else 1 + desk[TABLE_IS_SPECTRAL])] += 1
    return STEPPED if clock[C_WATCHED] == 1 else GOES_ON


@inlined
def _send_commands(clock: IntArray, desk: IntArray, venue: IntArray, at_ns: int) -> None:
    """Commands leave; what is to be said of it, nobody reads."""
    if desk[NOTES] + desk[COMMANDS] == 0:
        return
    for number in range(min(desk[NOTES], NOTES_KEPT)):
        if note_row(desk, number)[NOTE_CODE] == TABLE_FULL:
            clock[C_BROKEN] = TABLE_IS_FULL
    desk[NOTES] = 0
    made = desk[COMMANDS]
    if made > COMMANDS_KEPT:
        clock[C_BROKEN] = TOO_MANY_COMMANDS
        return
    commands = command_rows(desk)[: made * COMMAND_WIDTH]
    for at in range(0, commands.size, COMMAND_WIDTH):
        kind = commands[at + COMMAND_KIND]
        if PLACE <= kind < CANCEL:
            clock[C_ORDERS] += 1
            clock[C_ORDERED_LOTS] += commands[at + COMMAND_QTY_LOTS]
        elif kind == CANCEL:
            clock[C_CANCELS] += 1
    send(venue, commands, at_ns)
    desk[COMMANDS] = 0


# ---------------------------------------------------------------- what the statistics need


@piece
def _note_step(clock: IntArray, desk: IntArray, market: IntArray, steps: IntArray) -> None:
    at = clock[C_STEPS] * STEP_WIDTH
    clock[C_STEPS] += 1
    note_step(desk, market, steps[at : at + STEP_WIDTH])


@njit
def note_step(desk: IntArray, market: IntArray, row: IntArray) -> None:
    """The desk has taken a step of the timer.

    Args:
        row: int64[STEP_WIDTH], a row of ``engine.replay.performance.StepSeries``.
    """
    desk, market, row = borrowed(desk), borrowed(market), borrowed(row)
    # One being cancelled still stands; its successor, sent at the same moment, not yet.
    bid, ask = best_working(
        order_column(desk, ORDER_STATE),
        order_column(desk, ORDER_SIDE),
        order_column(desk, ORDER_PRICE_TICKS),
        order_states.ACKED,
        order_states.CANCELLING,
    )
    row[0], row[1], row[2] = desk[RECV_NS], total_e8(desk), desk[POSITION_LOTS]
    seen = market[TOUCH_BID] != NO_BID
    row[3] = market[TOUCH_BID] + market[TOUCH_ASK] if seen else 0
    row[4], row[5] = bid, ask


@piece
def note_fill(clock: IntArray, orders: IntArray, heard_fills: IntArray, fill: IntArray) -> None:
    """A fill has reached the desk."""
    at = clock[C_HEARD] * FILL_WIDTH
    row = heard_fills[at : at + FILL_WIDTH]
    clock[C_HEARD] += 1
    row[0], row[1], row[2] = fill[INPUT_RECV_NS], fill[OF_SIDE], fill[OF_PRICE_TICKS]
    row[3], row[4], row[5] = fill[OF_QTY_LOTS], fill[FILL_IS_MAKER], fill[FILL_FEE_E8]
    row[6] = clock[C_MID2] if clock[C_MID2] != 0 else 2 * fill[OF_PRICE_TICKS]
    order = fill[OF_NUMBER] * ORDER_WIDTH
    if orders[order + ORDER_FILL_HEARD] == 0:
        orders[order + ORDER_FILL_HEARD] = 1
        clock[C_ORDERS_FILLED] += 1
