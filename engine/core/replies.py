"""Replies: what the answer to a request means, by what was asked and how it ended.

Three ends: done, refused, and unknown, which is not refused: the order may live. A refused placing
follows the policy of its code; a refused cancel and an absent order prove nothing by themselves.
"""

from engine.core.desk_layout import (
    FATAL_CODE,
    FLATTEN_REFUSED,
    FLATTEN_REFUSED_CODE,
    INPUT_WIDTH,
    MONO_NS,
    PRIVATE_UP_NS,
    REQUEST_EPOCH,
    REQUEST_KIND,
    REQUEST_ORDER,
    REQUEST_SIDE,
    ROUND_TRIPS,
    ROUND_TRIPS_ADDED,
    SWITCH_ARMED_NS,
    THROTTLED_UNTIL_NS,
    request_row,
    round_trips,
)
from engine.core.entry import (
    CLOCK_DOUBTED,
    DESK_HALTED,
    take_absence,
    take_acceptance,
    take_refusal,
)
from engine.core.entry import (
    PLACING_HELD as WAS_HELD,
)
from engine.core.entry import (
    SIDE_CLOSED as WAS_CLOSED,
)
from engine.core.error_counts import count_error
from engine.core.flatten import BY_VENUE, refuse_closing
from engine.core.inputs import (
    DONE,
    REFUSED,
    REPLY_CODE,
    REPLY_OUTCOME,
    REPLY_REQUEST,
    REPLY_ROUND_TRIP_NS,
)
from engine.core.notes import (
    CLOSING_REFUSED,
    PLACING_HELD,
    PLACING_UNKNOWN,
    QUESTION_ENDED,
    SIDE_CLOSED,
    SWITCH_NOT_ARMED,
    note,
)
from engine.core.orders import (
    CANCEL_FAILED,
    NO_SLOT,
    OUTCOME_UNKNOWN,
    PLACE_ACKED,
    SEEN_FINAL,
    SEEN_LIVE,
    apply_event,
    slot_of,
)
from engine.core.polling import ask_account
from engine.core.reports import learn_by_rest
from engine.core.request_tracker import (
    CANCEL,
    CLOSE_AT_PRICE,
    PLACE,
    QUERY_ORDER,
    REFRESH_COUNTDOWN,
    SYNC_CLOCK,
    ended,
    tell,
)
from exchange.jit import IntArray, njit, piece

_NO_SUCH_ORDER = -2013  # from a query; a cancel says -2011


@njit
def hear_reply(desk: IntArray, reply: IntArray, order: IntArray) -> None:
    """A request has ended.

    Args:
        reply: int64[INPUT_WIDTH], a ``REPLY`` of ``engine.core.inputs``.
        order: int64[INPUT_WIDTH], the order as the answer reports it, or nothing.
    """
    if reply[REPLY_CODE] != 0:
        count_error(desk, reply[REPLY_CODE])
    number = reply[REPLY_REQUEST]
    waited = ended(desk, number)
    request = request_row(desk, number)
    kind = request[REQUEST_KIND]
    if waited and kind <= CLOSE_AT_PRICE:
        _hear_placing(desk, request, reply)
    elif waited and kind == CANCEL:
        _hear_cancel(desk, request, reply)
    elif waited and kind == QUERY_ORDER:
        _hear_query(desk, request, reply)
    elif waited and kind == REFRESH_COUNTDOWN:
        _hear_switch(desk, reply)
    elif waited:
        note(desk, QUESTION_ENDED, kind, number, reply[REPLY_OUTCOME] == DONE, 0)
    if order.size == INPUT_WIDTH:
        placed = waited and kind <= CLOSE_AT_PRICE
        learn_by_rest(desk, order, PLACE_ACKED if placed else SEEN_LIVE)


@piece
def _hear_placing(desk: IntArray, request: IntArray, reply: IntArray) -> None:
    slot = slot_of(desk, request[REQUEST_EPOCH], request[REQUEST_ORDER])
    outcome, closing = reply[REPLY_OUTCOME], request[REQUEST_KIND] != PLACE
    if slot != NO_SLOT:
        if outcome == DONE:
            _note_round_trip(desk, reply)
            take_acceptance(desk, slot, request[REQUEST_SIDE], desk[MONO_NS])
        elif outcome == REFUSED:
            _hear_refusal(desk, slot, request, reply[REPLY_CODE])
        else:
            apply_event(desk, slot, OUTCOME_UNKNOWN, desk[MONO_NS])
            note(desk, PLACING_UNKNOWN, request[REQUEST_EPOCH], request[REQUEST_ORDER], 0, 0)
    if closing and outcome == REFUSED:
        _hear_closing_refused(desk, reply[REPLY_CODE])


@piece
def _hear_refusal(desk: IntArray, slot: int, request: IntArray, code: int) -> None:
    side, closing = request[REQUEST_SIDE], request[REQUEST_KIND] != PLACE
    led_to = take_refusal(desk, slot, side, closing, code, desk[MONO_NS])
    if led_to & CLOCK_DOUBTED:
        tell(desk, SYNC_CLOCK, 0, 0, 0)
    if led_to & WAS_HELD:
        held_ns = desk[THROTTLED_UNTIL_NS] - desk[MONO_NS]
        note(desk, PLACING_HELD, held_ns, led_to & CLOCK_DOUBTED, 0, 0)
    if led_to & WAS_CLOSED:
        note(desk, SIDE_CLOSED, side, code, 0, 0)
    if led_to & DESK_HALTED:
        desk[FATAL_CODE] = code


@piece
def _hear_closing_refused(desk: IntArray, code: int) -> None:
    if code == 0:  # our own way to the venue said no; the venue's codes are counted already
        count_error(desk, code)
    refuse_closing(desk, code, desk[MONO_NS])
    desk[FLATTEN_REFUSED], desk[FLATTEN_REFUSED_CODE] = BY_VENUE, code
    note(desk, CLOSING_REFUSED, code, 0, 0, 0)
    # Perhaps we hold less than we counted (-2022), or an order of ours is in the way (-4118).
    ask_account(desk)


@piece
def _hear_cancel(desk: IntArray, request: IntArray, reply: IntArray) -> None:
    slot = slot_of(desk, request[REQUEST_EPOCH], request[REQUEST_ORDER])
    if slot == NO_SLOT:
        return
    event = OUTCOME_UNKNOWN
    if reply[REPLY_OUTCOME] == DONE:
        _note_round_trip(desk, reply)
        event = SEEN_FINAL
    elif reply[REPLY_OUTCOME] == REFUSED:
        event = CANCEL_FAILED
    apply_event(desk, slot, event, desk[MONO_NS])


@piece
def _hear_query(desk: IntArray, request: IntArray, reply: IntArray) -> None:
    slot = slot_of(desk, request[REQUEST_EPOCH], request[REQUEST_ORDER])
    if slot != NO_SLOT and reply[REPLY_CODE] == _NO_SUCH_ORDER:
        asked_ns = desk[MONO_NS] - reply[REPLY_ROUND_TRIP_NS]
        take_absence(desk, slot, asked_ns, desk[MONO_NS])


@piece
def _hear_switch(desk: IntArray, reply: IntArray) -> None:
    asked_ns = desk[MONO_NS] - reply[REPLY_ROUND_TRIP_NS]
    if reply[REPLY_OUTCOME] != DONE:
        note(desk, SWITCH_NOT_ARMED, 0, 0, 0, 0)
    elif asked_ns >= desk[PRIVATE_UP_NS]:
        desk[SWITCH_ARMED_NS] = asked_ns


@piece
def _note_round_trip(desk: IntArray, reply: IntArray) -> None:
    round_trips(desk)[desk[ROUND_TRIPS_ADDED] % ROUND_TRIPS] = reply[REPLY_ROUND_TRIP_NS]
    desk[ROUND_TRIPS_ADDED] += 1
