"""Order entry: bringing our orders to where they are wanted, and learning what became of each.

What to place and cancel follows from the table and the wanted prices; what an answer means
follows from the reject action of its code; and what has waited too long is asked for again. Every
placement passes the worst case, the budget and the side's breaker, and nothing else places.

"""

from engine.core.account import REST_LAG_NS
from engine.core.breakers import accept_side, refuse_side, step_away
from engine.core.budgets import orders_left, requote_interval_ns, spend_orders
from engine.core.desk_layout import (
    BREAKER_WAITS_FOR_TOUCH,
    CLOSING_EPOCH,
    CLOSING_NUMBER,
    EPOCH,
    MAX_POSITION_LOTS,
    MISSES_FILLS,
    ORDER_ABSENCES,
    ORDER_ADDED,
    ORDER_ALIVE_NS,
    ORDER_ASKED_NS,
    ORDER_BOOKED_LOTS,
    ORDER_CHANGED_NS,
    ORDER_EPOCH,
    ORDER_LOTS,
    ORDER_NUMBER,
    ORDER_REPORTED_LOTS,
    ORDER_SLOTS,
    ORDER_STATE,
    ORDERS_SENT,
    REQUOTED_NS,
    SLOTS_USED,
    THROTTLED_UNTIL_NS,
    order_column,
    scratch,
    side_breaker,
)
from engine.core.orders import (
    ACKED,
    CANCEL_SENT,
    CANCELLING,
    DONE,
    IN_USE,
    NO_SLOT,
    OUTCOME_UNKNOWN,
    PLACE_ACKED,
    PLACE_REFUSED,
    PLACED,
    PROVEN_ABSENT,
    UNKNOWN,
    add_order,
    apply_event,
    count_orders,
    open_lots,
    reconcile_side,
)
from engine.core.refusals import RejectAction, reject_action
from engine.core.request_tracker import (
    CANCEL,
    CLOSE_AT_MARKET,
    CLOSE_AT_PRICE,
    PLACE,
    QUERY_ORDER,
    ask_about,
)
from exchange.jit import IntArray, borrowed, njit, piece

_S = 1_000_000_000
_CANCEL_PATIENCE_NS = 300_000_000
"""How long a failed cancel waits for the private stream to say why, before it asks."""
_ASK_AGAIN_NS = _S  # a query costs request weight
_REPLY_PATIENCE_NS = 5 * _S  # as long as any request may take
_MISSING_FILL_PATIENCE_NS = _S // 2
"""An order's end often comes before its fills, from another channel."""
_ABSENCES_THAT_PROVE = 2  # one answer may come from a node that lags
_ABSENT_AFTER_NS = REST_LAG_NS + _S
"""Sooner, a placing may still arrive within its receive window, or the node that is asked may
be behind the one that took it."""
_CLOCK_BREAK_NS = 5 * _S
_WINDOW_BREAK_NS = 10 * _S  # the venue's shorter window of order counts is as long

CLOCK_DOUBTED, PLACING_HELD, SIDE_CLOSED, DESK_HALTED = 1, 2, 4, 8
"""What a refusal led to, as bits of one number; what else follows the desk block keeps."""


# ---------------------------------------------------------------- placing


@njit
def placing_room(desk: IntArray, side: int, held_lots: int, mono_ns: int) -> int:
    """How many orders the worst case, the budget and the breaker leave room for.

    Args:
        held_lots: The position, signed.
    """
    desk = borrowed(desk)
    waits = side_breaker(desk, side)[BREAKER_WAITS_FOR_TOUCH] == 1
    if waits or mono_ns < desk[THROTTLED_UNTIL_NS]:
        return 0
    if mono_ns - desk[REQUOTED_NS] < requote_interval_ns(desk):
        return 0
    free_lots = desk[MAX_POSITION_LOTS] - side * held_lots - open_lots(desk, side)
    by_size = free_lots // desk[ORDER_LOTS]
    free_slots = ORDER_SLOTS - count_orders(desk, IN_USE, 0)
    return int(max(min(by_size, orders_left(desk), free_slots), 0))


@njit
def send_order(desk: IntArray, side: int, price_ticks: int, lots: int, mono_ns: int) -> int:
    """Take the next order of this run into the table; its slot, or ``NO_SLOT``."""
    number = desk[ORDERS_SENT] + 1
    slot = add_order(desk, desk[EPOCH], number, side, price_ticks, lots, mono_ns, PLACED)
    if slot != NO_SLOT:
        desk[ORDERS_SENT] = number
        desk[REQUOTED_NS] = mono_ns
        spend_orders(desk, 1)
    return slot


@njit
def reconcile(
    desk: IntArray, side: int, wanted_ticks: IntArray, wanted: int, held_lots: int, mono_ns: int
) -> None:
    """Bring one side to its wanted prices: cancel what is elsewhere, place what is missing.

    Args:
        wanted_ticks: int64[>= wanted], best first.
        held_lots: The position, signed.
    """
    desk = borrowed(desk)
    cancelled, placed = scratch(desk, 0), scratch(desk, 1)
    cancels, places = reconcile_side(desk, side, wanted_ticks, wanted, cancelled, placed)
    for i in range(cancels):
        apply_event(desk, cancelled[i], CANCEL_SENT, mono_ns)
        ask_about(desk, CANCEL, cancelled[i])
    if places > 0:
        places = min(places, placing_room(desk, side, held_lots, mono_ns))
    for i in range(places):
        ask_about(desk, PLACE, send_order(desk, side, placed[i], desk[ORDER_LOTS], mono_ns))


@njit
def close_position(desk: IntArray, side: int, lots: int, price_ticks: int, mono_ns: int) -> None:
    """Send one reduce-only order that takes at once, whatever placing waits for.

    A full table takes none.

    Args:
        price_ticks: 0 at market.
    """
    desk = borrowed(desk)
    slot = send_order(desk, side, price_ticks, lots, mono_ns)
    if slot != NO_SLOT:
        desk[CLOSING_EPOCH] = order_column(desk, ORDER_EPOCH)[slot]
        desk[CLOSING_NUMBER] = order_column(desk, ORDER_NUMBER)[slot]
        ask_about(desk, CLOSE_AT_MARKET if price_ticks == 0 else CLOSE_AT_PRICE, slot)


# ---------------------------------------------------------------- answers


@njit
def take_acceptance(desk: IntArray, slot: int, side: int, mono_ns: int) -> None:
    """A placing was taken."""
    accept_side(desk, side)
    apply_event(desk, slot, PLACE_ACKED, mono_ns)


@njit
def take_refusal(
    desk: IntArray, slot: int, side: int, closing: bool, code: int, mono_ns: int
) -> int:
    """A placing was refused; what that led to, as bits of ``CLOCK_DOUBTED`` and its neighbours.

    Args:
        closing: Did the order close a position? That paces itself, and what is wrong with such
            an order is not wrong with quotes.
    """
    action = reject_action(code)
    if action == RejectAction.PROVE:
        apply_event(desk, slot, OUTCOME_UNKNOWN, mono_ns)
        return 0
    apply_event(desk, slot, PLACE_REFUSED, mono_ns)
    if closing and action not in (RejectAction.RESYNC_CLOCK, RejectAction.HALT):
        return 0
    waits = side_breaker(desk, side)[BREAKER_WAITS_FOR_TOUCH] == 1
    led_to = _follow_policy(desk, side, action, mono_ns)
    # A whole grid refused at one touch is one refusal: one late book, seen several times.
    seen_before = action == RejectAction.STEP_AWAY and waits
    if not seen_before and refuse_side(desk, side, code, mono_ns):
        led_to |= SIDE_CLOSED
    return led_to


@piece
def _follow_policy(desk: IntArray, side: int, action: int, mono_ns: int) -> int:
    if action == RejectAction.STEP_AWAY:
        step_away(desk, side)
    elif action == RejectAction.RESYNC_CLOCK:
        return CLOCK_DOUBTED | _hold_placing(desk, _CLOCK_BREAK_NS, mono_ns)
    elif action == RejectAction.THROTTLE:
        return _hold_placing(desk, _WINDOW_BREAK_NS, mono_ns)
    elif action == RejectAction.HALT:
        return DESK_HALTED
    return 0


@piece
def _hold_placing(desk: IntArray, for_ns: int, mono_ns: int) -> int:
    anew = mono_ns >= desk[THROTTLED_UNTIL_NS]
    desk[THROTTLED_UNTIL_NS] = mono_ns + for_ns
    return PLACING_HELD if anew else 0


@njit
def take_absence(desk: IntArray, slot: int, asked_mono_ns: int, mono_ns: int) -> None:
    """A query found no such order: proof of it, once it was often and late enough."""
    desk = borrowed(desk)
    if asked_mono_ns - order_column(desk, ORDER_ALIVE_NS)[slot] < _ABSENT_AFTER_NS:
        return
    absences = order_column(desk, ORDER_ABSENCES)
    absences[slot] += 1
    if absences[slot] >= _ABSENCES_THAT_PROVE:
        apply_event(desk, slot, PROVEN_ABSENT, mono_ns)


# ---------------------------------------------------------------- time


@njit
def watch_orders(desk: IntArray, mono_ns: int) -> None:
    """Time's part in every order's life: what was waited for too long is asked for."""
    desk = borrowed(desk)
    states, due = order_column(desk, ORDER_STATE), scratch(desk, 0)
    desk[MISSES_FILLS] = 0
    count = 0
    for slot in range(desk[SLOTS_USED]):
        waited_ns = mono_ns - order_column(desk, ORDER_CHANGED_NS)[slot]
        if states[slot] in (PLACED, CANCELLING) and waited_ns > _REPLY_PATIENCE_NS:
            apply_event(desk, slot, OUTCOME_UNKNOWN, mono_ns)
        elif states[slot] == UNKNOWN and waited_ns > _CANCEL_PATIENCE_NS:
            if _stamp_if_due(desk, slot, mono_ns):
                count = _insert_by_age(desk, due, count, slot)
        elif waited_ns > _MISSING_FILL_PATIENCE_NS and _misses_fills(desk, slot):
            desk[MISSES_FILLS] = 1
    for i in range(count):
        ask_about(desk, QUERY_ORDER, due[i])


@piece
def _stamp_if_due(desk: IntArray, slot: int, mono_ns: int) -> bool:
    """Is it time to ask for an order? Then it is asked for now."""
    asked_ns = order_column(desk, ORDER_ASKED_NS)
    due = mono_ns - asked_ns[slot] > _ASK_AGAIN_NS
    if due:
        asked_ns[slot] = mono_ns
    return bool(due)


@piece
def _misses_fills(desk: IntArray, slot: int) -> bool:
    done = order_column(desk, ORDER_STATE)[slot] == DONE
    booked = order_column(desk, ORDER_BOOKED_LOTS)[slot]
    return bool(done and booked < order_column(desk, ORDER_REPORTED_LOTS)[slot])


@piece
def _insert_by_age(desk: IntArray, slots: IntArray, count: int, slot: int) -> int:
    """Insert a slot where its order is due by age; how many there are now."""
    added = order_column(desk, ORDER_ADDED)
    at = count
    while at > 0 and added[slots[at - 1]] > added[slot]:
        slots[at] = slots[at - 1]
        at -= 1
    slots[at] = slot
    return count + 1


@njit
def mark_missing(desk: IntArray, listed: IntArray, asked_mono_ns: int, mono_ns: int) -> None:
    """Orders that should rest but are not listed: filled, cancelled or lost; a query proves it.

    Args:
        listed: int64[ORDER_SLOTS], 1 for each order in the venue's list of all open ones.
        asked_mono_ns: When that list was asked for; younger orders may be missing from it,
            and so may those that a lagging node does not know yet.
    """
    desk = borrowed(desk)
    states, changed_ns = order_column(desk, ORDER_STATE), order_column(desk, ORDER_CHANGED_NS)
    for slot in range(desk[SLOTS_USED]):
        settled = ACKED <= states[slot] <= CANCELLING
        older = changed_ns[slot] < asked_mono_ns - REST_LAG_NS
        if settled and older and listed[slot] == 0:
            apply_event(desk, slot, OUTCOME_UNKNOWN, mono_ns)
