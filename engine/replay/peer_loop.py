"""Replay loop of hftbacktest, compiled: two clocks, two books, orders in flight, one strategy.

Four sources take their turns by time; at one instant the local data comes first, then what the
exchange answers, the exchange's own data, and the requests that reach it; then the step of
the strategy. Everything at or before the time of a step happens before it. Between two steps
our data and the exchange's touch nothing in common, so that they need not keep that order: a
message that both sides have next goes into both books at once.

What the loop carries over from call to call is in flat arrays:

- ``clock[CLOCK]``: the ``C_`` indices.
- ``requests``, ``answers``: rings of rows, in the order of their arrival (``R_``, ``A_``).
- ``ints``, ``floats``, ``count``, ``out``: what rests at the exchange; ``exchange.simulation``.
- ``orders``: our side's table (``ORDER_``).
- ``fills``: a row for each fill (``FILL_``).

Source: the replay rules, sections 1 to 3.
"""

import numpy as np

from engine.replay.event_window import NEVER_NS
from engine.replay.tutorial import (
    N_GRID,
    N_RECALIBRATE,
    P_MAX_POSITION,
    P_ORDER_QTY,
    P_TICK,
    S_POSITION,
    TRACE_WIDTH,
    decide,
    hear_print,
    trace_step,
)
from exchange.event_columns import (
    AGGRESSOR,
    EXCH_NS,
    KIND,
    PRICE_TICKS,
    RECV_NS,
    TRADE,
    WIDTH,
)
from exchange.jit import FloatArray, IntArray, borrowed, inlined, njit
from exchange.market_layout import BEST_ASK, BEST_BID, NO_ASK, NO_BID
from exchange.peer_exchange import peer_accept, peer_depth, peer_depth_on_both, peer_trade
from exchange.simulation import O_KEY, O_WIDTH, cancel_order

(
    C_NOW,
    C_STEP_AT,
    C_STEP,
    C_LOCAL,
    C_EXCH,
    C_REQUESTS_FIRST,
    C_REQUESTS,
    C_ANSWERS_FIRST,
    C_ANSWERS,
    C_LAST_ARRIVAL,
    C_LAST_ANSWER,
    C_ORDERS,
    C_FILLS,
    C_TRACED,
    C_SUBMITS,
    C_CANCELS,
    C_NEXT_KEY,
    C_FULL,
    C_ENDLESS,
) = range(19)
CLOCK = 19
"""``C_LOCAL`` and ``C_EXCH`` count the events heard; ``C_FULL`` is 1 when a table overflowed, and
``C_ENDLESS`` when orders went to and fro for ``TAIL_STEPS`` after the last event."""

TAIL_STEPS = 1000
"""Played after the last event, and the way of an order and its cancel, where orders never end:
the two books may end apart, and one then refuses for ever what is quoted by the other."""

IN_FLIGHT = 4096
"""Requests, and answers, that can be under way at once."""
R_AT, R_PLACE, R_KEY, R_SIDE, R_PRICE = range(5)
R_WIDTH = 5
A_AT, A_WHAT, A_KEY, A_FILL = range(4)
A_WIDTH = 4
ACCEPTED, CANCELLED, EXPIRED, NOT_FOUND, FILLED = range(5)

MOST_ORDERS = 1024
ORDER_KEY, ORDER_SIDE, ORDER_PRICE, ORDER_STATUS, ORDER_PENDING, ORDER_SENT = range(6)
"""``ORDER_SENT`` is when the last request about it left, its placing or its cancel."""
ORDER_WIDTH = 6
SENT, WORKING, OVER = range(3)
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1
_BEYOND_TICKS = 2.0**63
"""A fit of next to no slope quotes at any distance. What fits no integer is the lowest to the peer,
whose side makes it the farthest: such orders are one."""

FILL_EXCH, FILL_SIDE, FILL_PRICE, FILL_SENT, FILL_SEEN, FILL_STEP = range(6)
FILL_WIDTH = 6
"""``FILL_SENT``: when the newest request about the order had left by the time its fill was heard.
``FILL_SEEN``, ``FILL_STEP``: when the strategy knew, 0 and -1 where the recording ended before."""

(
    M_STEP_NS,
    M_ENTRY_NS,
    M_RESPONSE_NS,
    M_SHIFT_NS,
    M_MODEL,
    M_ORDER_LOTS,
    M_END_NS,
) = range(7)
"""Of the settings: integers. ``M_END_NS`` is the end of the recording on either clock, once known,
and the way of an order and its cancel."""
SETTINGS = 7


@inlined
def _send(clock: IntArray, requests: IntArray, at_ns: int) -> IntArray:
    """The next free row of requests, its arrival written."""
    number = clock[C_REQUESTS_FIRST] + clock[C_REQUESTS]
    if clock[C_REQUESTS] == IN_FLIGHT:
        clock[C_FULL] = 1
    else:
        clock[C_REQUESTS] += 1
    row = requests[number % IN_FLIGHT * R_WIDTH : (number % IN_FLIGHT + 1) * R_WIDTH]
    row[R_AT] = max(at_ns, clock[C_LAST_ARRIVAL])
    clock[C_LAST_ARRIVAL] = row[R_AT]
    return row


@inlined
def _answer(clock: IntArray, answers: IntArray, at_ns: int, what: int, key: int, fill: int) -> None:
    number = (clock[C_ANSWERS_FIRST] + clock[C_ANSWERS]) % IN_FLIGHT
    if clock[C_ANSWERS] == IN_FLIGHT:
        clock[C_FULL] = 1
        return
    clock[C_ANSWERS] += 1
    at = number * A_WIDTH
    answers[at + A_AT] = clock[C_LAST_ANSWER] = max(at_ns, clock[C_LAST_ANSWER])
    answers[at + A_WHAT], answers[at + A_KEY], answers[at + A_FILL] = what, key, fill


@inlined
def _find(orders: IntArray, count: int, key: int) -> int:
    """Row of an order in our table, by its key, or -1."""
    for number in range(count):
        if orders[number * ORDER_WIDTH + ORDER_KEY] == key:
            return number
    return -1


@inlined
def _hear_answer(
    clock: IntArray,
    answers: IntArray,
    orders: IntArray,
    fills: IntArray,
    params: FloatArray,
    state: FloatArray,
) -> None:
    """The earliest answer reaches us."""
    at = clock[C_ANSWERS_FIRST] * A_WIDTH
    clock[C_ANSWERS_FIRST] = (clock[C_ANSWERS_FIRST] + 1) % IN_FLIGHT
    clock[C_ANSWERS] -= 1
    what = answers[at + A_WHAT]
    if what == FILLED:
        fill = answers[at + A_FILL] * FILL_WIDTH
        fills[fill + FILL_SEEN], fills[fill + FILL_STEP] = clock[C_STEP_AT], clock[C_STEP]
        state[S_POSITION] += fills[fill + FILL_SIDE] * params[P_ORDER_QTY]
    number = _find(orders, clock[C_ORDERS], answers[at + A_KEY])
    if number < 0:
        return
    if what == FILLED:
        fills[answers[at + A_FILL] * FILL_WIDTH + FILL_SENT] = orders[
            number * ORDER_WIDTH + ORDER_SENT
        ]
    if what == ACCEPTED:
        orders[number * ORDER_WIDTH + ORDER_STATUS] = WORKING
    elif what != NOT_FOUND:
        orders[number * ORDER_WIDTH + ORDER_STATUS] = OVER
    orders[number * ORDER_WIDTH + ORDER_PENDING] = 0


@inlined
def _note_fills(
    clock: IntArray,
    settings: IntArray,
    answers: IntArray,
    out: IntArray,
    made: int,
    orders: IntArray,
    fills: IntArray,
    exch_ns: int,
) -> None:
    """Log what an event has filled, and answer it. Our side knows an order until it hears so."""
    for i in range(made):
        key = out[i * O_WIDTH + O_KEY]
        number = _find(orders, clock[C_ORDERS], key)
        order = orders[number * ORDER_WIDTH : (number + 1) * ORDER_WIDTH]
        fill = fills[clock[C_FILLS] * FILL_WIDTH : (clock[C_FILLS] + 1) * FILL_WIDTH]
        fill[FILL_EXCH], fill[FILL_SIDE], fill[FILL_PRICE] = (
            exch_ns,
            order[ORDER_SIDE],
            order[ORDER_PRICE],
        )
        fill[FILL_SENT], fill[FILL_SEEN], fill[FILL_STEP] = order[ORDER_SENT], 0, -1
        _answer(clock, answers, exch_ns + settings[M_RESPONSE_NS], FILLED, key, clock[C_FILLS])
        clock[C_FILLS] += 1


@inlined
def _take_request(
    clock: IntArray,
    settings: IntArray,
    lot_size: float,
    requests: IntArray,
    answers: IntArray,
    book: IntArray,
    ints: IntArray,
    floats: FloatArray,
    count: IntArray,
) -> None:
    """The earliest request reaches the exchange."""
    number = clock[C_REQUESTS_FIRST]
    request = requests[number * R_WIDTH : (number + 1) * R_WIDTH]
    clock[C_REQUESTS_FIRST] = (number + 1) % IN_FLIGHT
    clock[C_REQUESTS] -= 1
    key = request[R_KEY]
    if request[R_PLACE] == 1:
        side, price = request[R_SIDE], request[R_PRICE]
        rests = peer_accept(
            book, lot_size, ints, floats, count, key, side, price, settings[M_ORDER_LOTS]
        )
        what = ACCEPTED if rests else EXPIRED
    else:
        what = CANCELLED if cancel_order(ints, floats, count, key) > 0 else NOT_FOUND
    _answer(clock, answers, request[R_AT] + settings[M_RESPONSE_NS], what, key, -1)


@inlined
def _forget_finished(clock: IntArray, orders: IntArray) -> None:
    kept = 0
    for number in range(clock[C_ORDERS]):
        if orders[number * ORDER_WIDTH + ORDER_STATUS] != OVER:
            for i in range(ORDER_WIDTH):
                orders[kept * ORDER_WIDTH + i] = orders[number * ORDER_WIDTH + i]
            kept += 1
    clock[C_ORDERS] = kept


@inlined
def _order_ticks(price: float, tick: float) -> int:
    """A price of the strategy, as an order's."""
    ticks = np.rint(price / tick)
    return int(ticks) if abs(ticks) < _BEYOND_TICKS else _LOWEST


@inlined
def _is_wanted(price_ticks: int, first: float, step: float, tick: float, levels: int) -> bool:
    price = first
    for _ in range(levels):
        if _order_ticks(price, tick) == price_ticks:
            return True
        price += step
    return False


@inlined
def _requote(
    clock: IntArray,
    settings: IntArray,
    requests: IntArray,
    orders: IntArray,
    params: FloatArray,
    counts: IntArray,
    state: FloatArray,
    bid: float,
    ask: float,
    interval: float,
) -> None:
    """Cancel what is not wanted any more, then place what is not there."""
    tick, position = params[P_TICK], state[S_POSITION]
    bids = counts[N_GRID] if position < params[P_MAX_POSITION] and np.isfinite(bid) else 0
    asks = counts[N_GRID] if position > -params[P_MAX_POSITION] and np.isfinite(ask) else 0
    arrival_ns = clock[C_NOW] + settings[M_ENTRY_NS]
    for number in range(clock[C_ORDERS]):
        order = orders[number * ORDER_WIDTH : (number + 1) * ORDER_WIDTH]
        if order[ORDER_STATUS] != WORKING or order[ORDER_PENDING] == 1:
            continue
        buys = order[ORDER_SIDE] > 0
        wanted = (
            _is_wanted(order[ORDER_PRICE], bid, -interval, tick, bids)
            if buys
            else _is_wanted(order[ORDER_PRICE], ask, interval, tick, asks)
        )
        if not wanted:
            order[ORDER_PENDING], order[ORDER_SENT] = 1, clock[C_NOW]
            request = _send(clock, requests, arrival_ns)
            request[R_PLACE], request[R_KEY] = 0, order[ORDER_KEY]
            clock[C_CANCELS] += 1
    for side in (1, -1):
        price = bid if side > 0 else ask
        for _ in range(bids if side > 0 else asks):
            _submit(clock, requests, orders, side, _order_ticks(price, tick), arrival_ns)
            price -= side * interval


@inlined
def _submit(
    clock: IntArray,
    requests: IntArray,
    orders: IntArray,
    side: int,
    price_ticks: int,
    arrival_ns: int,
) -> None:
    """Place an order unless one with this id, its price, is known."""
    for number in range(clock[C_ORDERS]):
        if orders[number * ORDER_WIDTH + ORDER_PRICE] == price_ticks:
            return
    if clock[C_ORDERS] == MOST_ORDERS:
        clock[C_FULL] = 1
        return
    key = clock[C_NEXT_KEY]
    clock[C_NEXT_KEY] += 1
    order = orders[clock[C_ORDERS] * ORDER_WIDTH : (clock[C_ORDERS] + 1) * ORDER_WIDTH]
    order[ORDER_KEY], order[ORDER_SIDE], order[ORDER_PRICE] = key, side, price_ticks
    order[ORDER_STATUS], order[ORDER_PENDING], order[ORDER_SENT] = SENT, 1, clock[C_NOW]
    clock[C_ORDERS] += 1
    request = _send(clock, requests, arrival_ns)
    request[R_PLACE], request[R_KEY] = 1, key
    request[R_SIDE], request[R_PRICE] = side, price_ticks
    clock[C_SUBMITS] += 1


@njit
def has_room(clock: IntArray, fills: IntArray, trace: FloatArray) -> bool:
    """Is there room for all that one event can fill, and for one step's trace?"""
    return bool(
        (clock[C_FILLS] + MOST_ORDERS) * FILL_WIDTH <= fills.size
        and (clock[C_TRACED] + 1) * TRACE_WIDTH <= trace.size
    )


@njit
def run_peer(
    clock: IntArray,
    settings: IntArray,
    power: float,
    lot_size: float,
    params: FloatArray,
    counts: IntArray,
    state: FloatArray,
    depths: FloatArray,
    changes: FloatArray,
    buckets: FloatArray,
    trace: FloatArray,
    requests: IntArray,
    answers: IntArray,
    orders: IntArray,
    fills: IntArray,
    local_book: IntArray,
    exch_book: IntArray,
    ints: IntArray,
    floats: FloatArray,
    count: IntArray,
    none: IntArray,
    out: IntArray,
    rows: IntArray,
    ticks: IntArray,
    lots: IntArray,
    by_local: IntArray,
    by_exch: IntArray,
    events: int,
    safe_ns: int,
) -> None:
    """Let everything happen up to a time, to the end of the recording, or until room is short.

    Args:
        fills: int64[n * FILL_WIDTH], as ``trace``; call again with more when ``has_room`` is false.
        by_local: int64[events], rows of depth, snapshots and single prints in the order of
            their receive times, as ``by_exch`` is in that of the venue's.
        events: How many rows there are; those before ``C_LOCAL`` and ``C_EXCH`` were heard.
        safe_ns: No row still to be read lies before this; ``NEVER_NS`` when there is none.
    """
    clock, settings, params, counts = (
        borrowed(clock),
        borrowed(settings),
        borrowed(params),
        borrowed(counts),
    )
    state, depths, changes, buckets, trace = (
        borrowed(state),
        borrowed(depths),
        borrowed(changes),
        borrowed(buckets),
        borrowed(trace),
    )
    requests, answers, orders, fills = (
        borrowed(requests),
        borrowed(answers),
        borrowed(orders),
        borrowed(fills),
    )
    local_book, exch_book = borrowed(local_book), borrowed(exch_book)
    ints, floats, count, none, out = (
        borrowed(ints),
        borrowed(floats),
        borrowed(count),
        borrowed(none),
        borrowed(out),
    )
    rows, ticks, lots = borrowed(rows), borrowed(ticks), borrowed(lots)
    by_local, by_exch = borrowed(by_local), borrowed(by_exch)
    over = safe_ns == NEVER_NS
    while clock[C_FULL] == 0 and has_room(clock, fills, trace):
        request_ns = _first(requests, clock[C_REQUESTS_FIRST] * R_WIDTH, clock[C_REQUESTS])
        made = _play_market(
            clock,
            settings,
            power,
            lot_size,
            state,
            local_book,
            exch_book,
            ints,
            floats,
            count,
            none,
            out,
            rows,
            ticks,
            lots,
            by_local,
            by_exch,
            events,
            min(clock[C_STEP_AT], safe_ns - 1, request_ns),
        )
        if made > 0:
            _note_fills(clock, settings, answers, out, made, orders, fills, clock[C_NOW])
            continue
        answer_ns = _first(answers, clock[C_ANSWERS_FIRST] * A_WIDTH, clock[C_ANSWERS])
        orders_ns, step_ns = min(answer_ns, request_ns), clock[C_STEP_AT]
        if min(orders_ns, step_ns) >= safe_ns and not over:
            return
        heard = clock[C_LOCAL] == events and clock[C_EXCH] == events
        if over and heard and orders_ns == NEVER_NS:
            return  # the peer ends as soon as nothing is left, without acting on that step
        if over and heard and step_ns > settings[M_END_NS] + TAIL_STEPS * settings[M_STEP_NS]:
            clock[C_ENDLESS] = 1
            return
        if orders_ns > step_ns:
            clock[C_NOW] = step_ns
            _step(
                clock,
                settings,
                params,
                counts,
                state,
                depths,
                changes,
                buckets,
                trace,
                requests,
                orders,
                local_book,
            )
            clock[C_STEP] += 1
            clock[C_STEP_AT] += settings[M_STEP_NS]
        elif answer_ns == orders_ns:
            _hear_answer(clock, answers, orders, fills, params, state)
        else:
            _take_request(
                clock, settings, lot_size, requests, answers, exch_book, ints, floats, count
            )


@inlined
def _first(ring: IntArray, at: int, count: int) -> int:
    """When the first row of a ring is due."""
    return int(ring[at]) if count > 0 else NEVER_NS


@inlined
def _due(
    rows: IntArray, by_time: IntArray, at: int, events: int, column: int, until_ns: int
) -> int:
    """The next row of one side, or ``events`` when none is due."""
    if at < events and rows[by_time[at] * WIDTH + column] <= until_ns:
        return int(by_time[at])
    return events


@inlined
def _play_market(
    clock: IntArray,
    settings: IntArray,
    power: float,
    lot_size: float,
    state: FloatArray,
    local_book: IntArray,
    exch_book: IntArray,
    ints: IntArray,
    floats: FloatArray,
    count: IntArray,
    none: IntArray,
    out: IntArray,
    rows: IntArray,
    ticks: IntArray,
    lots: IntArray,
    by_local: IntArray,
    by_exch: IntArray,
    events: int,
    until_ns: int,
) -> int:
    """The data of both sides up to a time, that included, or to a fill; how many fills it made.

    Of two different rows the one that was written first is played: so the side that is behind
    comes to where the other is.
    """
    model, local_until_ns = settings[M_MODEL], until_ns - settings[M_SHIFT_NS]
    made = 0
    while made == 0:
        local = _due(rows, by_local, clock[C_LOCAL], events, RECV_NS, local_until_ns)
        exch = _due(rows, by_exch, clock[C_EXCH], events, EXCH_NS, until_ns)
        number = min(local, exch)
        if number == events:
            break
        row = rows[number * WIDTH : (number + 1) * WIDTH]
        clock[C_LOCAL] += int(local == number)
        clock[C_EXCH] += int(exch == number)
        if row[KIND] == TRADE:
            if local == number:
                hear_print(state, row[AGGRESSOR], row[PRICE_TICKS])
            if exch == number:
                made = peer_trade(row, lot_size, ints, floats, count, out)
        elif local == exch:
            made = peer_depth_on_both(
                exch_book,
                local_book,
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
            )
        elif exch == number:
            made = peer_depth(
                exch_book, row, ticks, lots, model, power, lot_size, ints, floats, count, out
            )
        else:
            peer_depth(
                local_book, row, ticks, lots, model, power, lot_size, ints, floats, none, out
            )
        if made > 0:
            clock[C_NOW] = row[EXCH_NS]
    return made


@inlined
def _step(
    clock: IntArray,
    settings: IntArray,
    params: FloatArray,
    counts: IntArray,
    state: FloatArray,
    depths: FloatArray,
    changes: FloatArray,
    buckets: FloatArray,
    trace: FloatArray,
    requests: IntArray,
    orders: IntArray,
    book: IntArray,
) -> None:
    """The strategy's turn."""
    _forget_finished(clock, orders)
    bid, ask = book[BEST_BID], book[BEST_ASK]
    # The peer decides on an empty side too, where its best price is the lowest or highest integer.
    bid = _LOWEST if bid == NO_BID else bid
    ask = _HIGHEST if ask == NO_ASK else ask
    bid_price, ask_price, interval = decide(
        params, counts, state, depths, changes, buckets, clock[C_STEP], bid, ask
    )
    if clock[C_STEP] % counts[N_RECALIBRATE] == 0:
        at = clock[C_TRACED] * TRACE_WIDTH
        trace_step(state, clock[C_STEP], clock[C_NOW], trace[at : at + TRACE_WIDTH])
        clock[C_TRACED] += 1
    _requote(
        clock,
        settings,
        requests,
        orders,
        params,
        counts,
        state,
        bid_price,
        ask_price,
        interval,
    )
