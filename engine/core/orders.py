"""Order life cycle: where each of our orders stands, and one table of transitions.

    placed ──► acked ──► resting ──► cancelling ──► done
       └───────────┴─────────┴────────────┴──► unknown ──► (proven by query)

``placed`` has left us; ``acked`` was taken by the answer to its placing; ``resting`` was also
reported by the private stream, a list or a query; ``unknown`` is an order whose state only a
query can prove. Its size counts against the inventory limit until then. Events may come twice or
out of order: ``done`` is final, and an event that means nothing in a state leaves it as it is.

An order that is done but whose reported fills have not all been booked keeps its slot:
those lots are ours though we have not seen them yet. It also keeps it until the book has
passed its end, since a book that is late still shows it, and our own order is no touch.

The table lies in the desk block, see ``engine.core.desk_layout``. Kernels step it.
"""

from functools import partial

import numpy as np

from engine.core.desk_layout import (
    ENDED_ADDED,
    ENDED_KEPT,
    ORDER_ABSENCES,
    ORDER_ADDED,
    ORDER_ALIVE_NS,
    ORDER_ASKED_NS,
    ORDER_BOOKED_LOTS,
    ORDER_CHANGED_NS,
    ORDER_ENDED_EXCH_NS,
    ORDER_EPOCH,
    ORDER_NUMBER,
    ORDER_PLACED_NS,
    ORDER_PRICE_TICKS,
    ORDER_PROGRESS,
    ORDER_QTY_LOTS,
    ORDER_REPORTED_LOTS,
    ORDER_SETTLED_LOTS,
    ORDER_SIDE,
    ORDER_SLOTS,
    ORDER_STATE,
    ORDERS_ADDED,
    SLOTS_USED,
    ended_epochs,
    ended_numbers,
    order_column,
)
from engine.core.order_names import OrderName, client_order_id
from exchange.jit import IntArray, borrowed, in_python, njit, piece
from exchange.types import Side

_LONGEST_SHADOW_NS = 2_000_000_000
"""No book is later than this; one that is has long been distrusted."""

NO_SLOT = -1

FREE, PLACED, ACKED, RESTING, CANCELLING, UNKNOWN, DONE = range(7)
IN_USE = 1 << PLACED | 1 << ACKED | 1 << RESTING | 1 << CANCELLING | 1 << UNKNOWN | 1 << DONE
LIVE = 1 << PLACED | 1 << ACKED | 1 << RESTING | 1 << CANCELLING | 1 << UNKNOWN
"""Bits of the states in which an order may rest at the venue."""
STATE_NAMES = ("free", "placed", "acked", "resting", "cancelling", "unknown", "done")

(
    PLACE_ACKED,
    PLACE_REFUSED,
    OUTCOME_UNKNOWN,
    SEEN_LIVE,
    SEEN_FINAL,
    CANCEL_SENT,
    CANCEL_FAILED,
    PROVEN_ABSENT,
) = range(8)
"""What can happen. ``CANCEL_FAILED`` says nothing of why (-2011), so it needs a query."""


def _transitions() -> IntArray:
    """int64[states, events] -> state."""
    table = np.repeat(np.arange(7, dtype=np.int64)[:, None], 8, axis=1)
    table[PLACED, PLACE_ACKED] = ACKED
    table[PLACED, PLACE_REFUSED] = DONE
    table[UNKNOWN, PLACE_REFUSED] = DONE
    table[PLACED, SEEN_LIVE] = RESTING
    table[ACKED, SEEN_LIVE] = RESTING
    table[UNKNOWN, SEEN_LIVE] = RESTING
    for state in (PLACED, ACKED, RESTING, CANCELLING, UNKNOWN):
        table[state, SEEN_FINAL] = DONE
        table[state, OUTCOME_UNKNOWN] = UNKNOWN
    for state in (PLACED, ACKED, RESTING):
        table[state, CANCEL_SENT] = CANCELLING
    table[CANCELLING, CANCEL_FAILED] = UNKNOWN
    table[UNKNOWN, PROVEN_ABSENT] = DONE
    return table


TRANSITIONS = _transitions()


@njit
def slot_of(desk: IntArray, epoch: int, number: int) -> int:
    """Where an order stands in the table, or ``NO_SLOT``."""
    desk = borrowed(desk)
    state, epochs = order_column(desk, ORDER_STATE), order_column(desk, ORDER_EPOCH)
    numbers = order_column(desk, ORDER_NUMBER)
    for slot in range(desk[SLOTS_USED]):
        if numbers[slot] == number and epochs[slot] == epoch and state[slot] != FREE:
            return slot
    return NO_SLOT


@njit
def add_order(
    desk: IntArray,
    epoch: int,
    number: int,
    side: int,
    price_ticks: int,
    qty_lots: int,
    mono_ns: int,
    state: int,
) -> int:
    """Take an order into the first free slot; which that is, or ``NO_SLOT`` in a full table."""
    desk = borrowed(desk)
    states = order_column(desk, ORDER_STATE)
    for slot in range(ORDER_SLOTS):
        if states[slot] == FREE:
            break
    else:
        return NO_SLOT
    desk[SLOTS_USED] = max(desk[SLOTS_USED], slot + 1)
    for column in (
        ORDER_BOOKED_LOTS,
        ORDER_REPORTED_LOTS,
        ORDER_SETTLED_LOTS,
        ORDER_ASKED_NS,
        ORDER_ABSENCES,
        ORDER_PROGRESS,
        ORDER_ENDED_EXCH_NS,
    ):
        order_column(desk, column)[slot] = 0
    for column in (ORDER_CHANGED_NS, ORDER_PLACED_NS, ORDER_ALIVE_NS):
        order_column(desk, column)[slot] = mono_ns
    desk[ORDERS_ADDED] += 1
    order_column(desk, ORDER_ADDED)[slot] = desk[ORDERS_ADDED]
    states[slot] = state
    order_column(desk, ORDER_EPOCH)[slot] = epoch
    order_column(desk, ORDER_NUMBER)[slot] = number
    order_column(desk, ORDER_SIDE)[slot] = side
    order_column(desk, ORDER_PRICE_TICKS)[slot] = price_ticks
    order_column(desk, ORDER_QTY_LOTS)[slot] = qty_lots
    return slot


@njit
def apply_event(desk: IntArray, slot: int, event: int, mono_ns: int) -> int:
    """Step one order through the table of transitions; its new state."""
    desk = borrowed(desk)
    states = order_column(desk, ORDER_STATE)
    if event in (PLACE_ACKED, SEEN_LIVE):
        order_column(desk, ORDER_ALIVE_NS)[slot] = mono_ns
        order_column(desk, ORDER_ABSENCES)[slot] = 0
    state = TRANSITIONS[states[slot], event]
    if state != states[slot]:
        states[slot] = state
        order_column(desk, ORDER_CHANGED_NS)[slot] = mono_ns
    return int(state)


@njit
def report_filled(desk: IntArray, slot: int, filled_lots: int) -> None:
    """The venue says that this much is filled; it never grows less."""
    reported = order_column(borrowed(desk), ORDER_REPORTED_LOTS)
    reported[slot] = max(reported[slot], filled_lots)


@njit
def end_order(desk: IntArray, slot: int, exch_ns: int, mono_ns: int) -> None:
    """The venue says that this order is over."""
    ended = order_column(borrowed(desk), ORDER_ENDED_EXCH_NS)
    ended[slot] = max(ended[slot], exch_ns)
    apply_event(desk, slot, SEEN_FINAL, mono_ns)


@njit
def book_order_fill(desk: IntArray, slot: int, lots: int, exch_ns: int, mono_ns: int) -> None:
    """Count an execution; the last one ends the order, before the venue says so."""
    desk = borrowed(desk)
    booked = order_column(desk, ORDER_BOOKED_LOTS)
    settled = order_column(desk, ORDER_SETTLED_LOTS)
    known = min(settled[slot], lots)
    settled[slot] -= known
    booked[slot] += lots - known
    report_filled(desk, slot, booked[slot])
    if booked[slot] >= order_column(desk, ORDER_QTY_LOTS)[slot]:
        end_order(desk, slot, exch_ns, mono_ns)


@njit
def settle_reported(desk: IntArray, slot: int) -> None:
    """A position of the venue's holds every fill of this order that it has reported.

    Such a fill may still be listed one by one; what is counted here is not counted then.
    """
    desk = borrowed(desk)
    booked = order_column(desk, ORDER_BOOKED_LOTS)
    missed = max(order_column(desk, ORDER_REPORTED_LOTS)[slot] - booked[slot], 0)
    order_column(desk, ORDER_SETTLED_LOTS)[slot] += missed
    booked[slot] += missed


@njit
def release_finished(desk: IntArray, book_exch_ns: int, mono_ns: int) -> None:
    """Free the slots of orders that are done, wholly booked and gone from the book."""
    desk = borrowed(desk)
    state, ended_ns = order_column(desk, ORDER_STATE), order_column(desk, ORDER_ENDED_EXCH_NS)
    booked, changed_ns = (
        order_column(desk, ORDER_BOOKED_LOTS),
        order_column(desk, ORDER_CHANGED_NS),
    )
    reported = order_column(desk, ORDER_REPORTED_LOTS)
    for slot in range(desk[SLOTS_USED]):
        if state[slot] != DONE or booked[slot] < reported[slot]:
            continue
        if ended_ns[slot] < book_exch_ns or mono_ns - changed_ns[slot] > _LONGEST_SHADOW_NS:
            state[slot] = FREE
            if ended_ns[slot] != 0:
                _remember_end(desk, slot)
    while desk[SLOTS_USED] > 0 and state[desk[SLOTS_USED] - 1] == FREE:
        desk[SLOTS_USED] -= 1


@piece
def _remember_end(desk: IntArray, slot: int) -> None:
    at = desk[ENDED_ADDED] % ENDED_KEPT
    ended_epochs(desk)[at] = order_column(desk, ORDER_EPOCH)[slot]
    ended_numbers(desk)[at] = order_column(desk, ORDER_NUMBER)[slot]
    desk[ENDED_ADDED] += 1


@njit
def has_ended(desk: IntArray, epoch: int, number: int) -> bool:
    """Did the venue itself say that an order is over? Then whatever else arrives is older."""
    desk = borrowed(desk)
    epochs, numbers = ended_epochs(desk), ended_numbers(desk)
    for i in range(min(desk[ENDED_ADDED], ENDED_KEPT)):
        if numbers[i] == number and epochs[i] == epoch:
            return True
    return False


@njit
def count_orders(desk: IntArray, wanted: int, side: int) -> int:
    """Orders whose state is a bit of ``wanted``, which has none for ``FREE``.

    Args:
        side: +1 for buys, -1 for sells, 0 for both.
    """
    desk = borrowed(desk)
    state, sides = order_column(desk, ORDER_STATE), order_column(desk, ORDER_SIDE)
    count = 0
    for slot in range(desk[SLOTS_USED]):
        if (side == 0 or side == sides[slot]) and wanted >> state[slot] & 1:
            count += 1
    return count


@njit
def open_lots(desk: IntArray, side: int) -> int:
    """Lots of one side that are open, in flight, unknown, or filled but not yet booked.

    Args:
        side: +1 for buys, -1 for sells.
    """
    desk = borrowed(desk)
    state, sides = order_column(desk, ORDER_STATE), order_column(desk, ORDER_SIDE)
    qty, booked = order_column(desk, ORDER_QTY_LOTS), order_column(desk, ORDER_BOOKED_LOTS)
    reported = order_column(desk, ORDER_REPORTED_LOTS)
    lots = 0
    for slot in range(desk[SLOTS_USED]):
        if state[slot] != FREE and sides[slot] == side:
            end = reported[slot] if state[slot] == DONE else qty[slot]
            lots += max(end - booked[slot], 0)
    return lots


@njit
def reconcile_side(
    desk: IntArray,
    side: int,
    wanted_ticks: IntArray,
    wanted: int,
    cancel_slots: IntArray,
    place_ticks: IntArray,
) -> tuple[int, int]:
    """What to cancel and what to place so that one side stands at the wanted prices.

    Orders at a wanted price stay and keep their queue. A price where an order of ours is
    still on its way, being cancelled or unknown is left alone until that is settled: one
    action in flight per slot.

    Args:
        side: +1 for buys, -1 for sells.
        wanted_ticks: int64[>= wanted], best first.
        cancel_slots: int64[ORDER_SLOTS], filled with the slots to cancel.
        place_ticks: int64[>= wanted], filled with the prices to place at, best first.

    Returns:
        How many of each were written.
    """
    desk = borrowed(desk)
    state, sides = order_column(desk, ORDER_STATE), order_column(desk, ORDER_SIDE)
    prices = order_column(desk, ORDER_PRICE_TICKS)
    cancels = 0
    for slot in range(desk[SLOTS_USED]):
        if sides[slot] != side or not (state[slot] == ACKED or state[slot] == RESTING):
            continue
        keep = False
        for i in range(wanted):
            if wanted_ticks[i] == prices[slot]:
                keep = True
                break
        if not keep:
            cancel_slots[cancels] = slot
            cancels += 1
    places = 0
    for i in range(wanted):
        taken = False
        for slot in range(desk[SLOTS_USED]):
            at_price = prices[slot] == wanted_ticks[i] and sides[slot] == side
            if at_price and PLACED <= state[slot] <= UNKNOWN:
                taken = True
                break
        if not taken:
            place_ticks[places] = wanted_ticks[i]
            places += 1
    return cancels, places


class OrderTable:
    """Every order of ours that may still matter: a reader of the desk block.

    Args:
        desk: int64[DESK_SIZE].
    """

    def __init__(self, desk: IntArray) -> None:
        self.desk = desk
        column = partial(in_python(order_column), desk)
        self.state, self.side = column(ORDER_STATE), column(ORDER_SIDE)
        self.price_ticks, self.qty_lots = column(ORDER_PRICE_TICKS), column(ORDER_QTY_LOTS)
        self.booked_lots = column(ORDER_BOOKED_LOTS)
        self.reported_lots = column(ORDER_REPORTED_LOTS)
        self.placed_ns = column(ORDER_PLACED_NS)
        self.reported_progress = column(ORDER_PROGRESS)
        self._epoch, self._number = column(ORDER_EPOCH), column(ORDER_NUMBER)
        self._added = column(ORDER_ADDED)

    def __contains__(self, name: OrderName) -> bool:
        return slot_of(self.desk, *name) != NO_SLOT

    def client_order_id(self, slot: int) -> str:
        return client_order_id(OrderName(int(self._epoch[slot]), int(self._number[slot])))

    @property
    def used(self) -> list[int]:
        """Slots in use, oldest first."""
        slots = np.flatnonzero(self.state != FREE)
        oldest_first: list[int] = slots[np.argsort(self._added[slots])].tolist()
        return oldest_first

    def open_lots(self, side: Side) -> int:
        """Lots on one side that may yet become ours: the worst case of the table."""
        return open_lots(self.desk, int(side))

    def count(self, *states: int, side: Side | None = None) -> int:
        """Orders in any of these states, of both sides unless one is named."""
        return count_orders(self.desk, sum(1 << state for state in states), int(side or 0))

    @property
    def live(self) -> int:
        """Orders that may rest at the venue, unknown ones included."""
        return count_orders(self.desk, LIVE, 0)

    @property
    def may_rest(self) -> list[str]:
        """Client ids of those orders."""
        return [
            self.client_order_id(slot)
            for slot in self.used
            if PLACED <= self.state[slot] <= UNKNOWN
        ]
