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

The table is a struct of flat arrays, so that kernels can step it.
"""

import numpy as np

from exchange.jit import IntArray, njit
from exchange.types import Side

CAPACITY = 128
"""Slots. A grid of 20 a side being replaced whole needs 80."""

_LONGEST_SHADOW_NS = 2_000_000_000
"""No book is later than this; one that is has long been distrusted."""

FREE, PLACED, ACKED, RESTING, CANCELLING, UNKNOWN, DONE = range(7)
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

_SIGNS_OF_LIFE = (PLACE_ACKED, SEEN_LIVE)
_ENDED_KEPT = 4096  # so that memory is bounded; what arrives for an older order is long overdue


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


class OrderTable:
    """Every order of ours that may still matter, one slot each; int64 arrays of ``CAPACITY``."""

    def __init__(self) -> None:
        self.state, self.side, self.price_ticks, self.qty_lots = _columns(4)
        self.booked_lots, self.reported_lots = _columns(2)
        """Filled as far as we have booked it, and as far as the venue has reported."""
        self.settled_lots = _columns(1)[0]
        """Booked without having seen the fills, since an adopted position holds them."""
        self.changed_ns, self.placed_ns, self.asked_ns = _columns(3)
        """Monotonic: the last change of state, the placement, the last query."""
        self.reported_progress = _columns(1)[0]
        """How far the private stream has reported it; 0 before its first report."""
        self.ended_exch_ns = _columns(1)[0]
        """The venue's stamp on the end of a done order; 0 while it has none."""
        self.alive_ns = _columns(1)[0]
        """Monotonic: when it was last known to be on its way or at the venue."""
        self.absences = _columns(1)[0]
        """How often the venue said that there is no such order, long enough after that."""
        self._ended: dict[str, None] = {}  # a set that keeps its order
        self._slots: dict[str, int] = {}
        self._ids: list[str] = [""] * CAPACITY

    def __contains__(self, client_order_id: str) -> bool:
        return client_order_id in self._slots

    def slot(self, client_order_id: str) -> int | None:
        return self._slots.get(client_order_id)

    def client_order_id(self, slot: int) -> str:
        return self._ids[slot]

    @property
    def free_slots(self) -> int:
        return CAPACITY - len(self._slots)

    @property
    def used(self) -> list[int]:
        """Slots in use, oldest first."""
        return list(self._slots.values())

    def add(
        self,
        client_order_id: str,
        side: Side,
        price_ticks: int,
        qty_lots: int,
        mono_ns: int,
        state: int = PLACED,
    ) -> int:
        """Register an order; done before it is sent, since events may overtake the reply."""
        slot = int(np.argmin(self.state))
        if self.state[slot] != FREE:
            raise OverflowError("the order table is full")
        self.state[slot] = state
        self.side[slot] = side
        self.price_ticks[slot] = price_ticks
        self.qty_lots[slot] = qty_lots
        self.booked_lots[slot] = self.reported_lots[slot] = self.absences[slot] = 0
        self.settled_lots[slot] = self.reported_progress[slot] = 0
        self.changed_ns[slot] = self.placed_ns[slot] = self.alive_ns[slot] = mono_ns
        self.asked_ns[slot] = self.ended_exch_ns[slot] = 0
        self._slots[client_order_id] = slot
        self._ids[slot] = client_order_id
        return slot

    def apply(self, slot: int, event: int, mono_ns: int) -> int:
        """Step one order through the table and return its new state."""
        state = int(TRANSITIONS[self.state[slot], event])
        if event in _SIGNS_OF_LIFE:
            self.alive_ns[slot], self.absences[slot] = mono_ns, 0
        if state != self.state[slot]:
            self.state[slot] = state
            self.changed_ns[slot] = mono_ns
        return state

    def report_filled(self, slot: int, filled_lots: int) -> None:
        """The venue says that this much is filled; it never grows less."""
        self.reported_lots[slot] = max(self.reported_lots[slot], filled_lots)

    def end(self, slot: int, exch_ns: int, mono_ns: int) -> None:
        """The venue says that this order is over."""
        self.ended_exch_ns[slot] = max(self.ended_exch_ns[slot], exch_ns)
        self.apply(slot, SEEN_FINAL, mono_ns)

    def book_fill(self, slot: int, lots: int, exch_ns: int, mono_ns: int) -> None:
        """Count an execution; the last one ends the order, before the venue says so."""
        known = min(int(self.settled_lots[slot]), lots)
        self.settled_lots[slot] -= known
        self.booked_lots[slot] += lots - known
        self.report_filled(slot, int(self.booked_lots[slot]))
        if self.booked_lots[slot] >= self.qty_lots[slot]:
            self.end(slot, exch_ns, mono_ns)

    def settle_reported(self, slot: int) -> None:
        """A position of the venue's holds every fill of this order that it has reported.

        Such a fill may still be listed one by one; what is counted here is not counted then.
        """
        missed = max(int(self.reported_lots[slot] - self.booked_lots[slot]), 0)
        self.settled_lots[slot] += missed
        self.booked_lots[slot] += missed

    def release_finished(self, book_exch_ns: int, mono_ns: int) -> None:
        """Free the slots of orders that are done, wholly booked and gone from the book."""
        for client_order_id, slot in list(self._slots.items()):
            if self.state[slot] != DONE or self.booked_lots[slot] < self.reported_lots[slot]:
                continue
            passed = self.ended_exch_ns[slot] < book_exch_ns
            if passed or mono_ns - self.changed_ns[slot] > _LONGEST_SHADOW_NS:
                self.state[slot] = FREE
                del self._slots[client_order_id]
                if self.ended_exch_ns[slot]:
                    self._remember_end(client_order_id)

    def ended(self, client_order_id: str) -> bool:
        """Did the venue itself say that this order is over? Then whatever else arrives is older."""
        return client_order_id in self._ended

    def _remember_end(self, client_order_id: str) -> None:
        self._ended[client_order_id] = None
        if len(self._ended) > _ENDED_KEPT:
            del self._ended[next(iter(self._ended))]

    def open_lots(self, side: Side) -> int:
        """Lots on one side that may yet become ours: the worst case of the table."""
        return open_lots(
            self.state, self.side, self.qty_lots, self.booked_lots, self.reported_lots, int(side)
        )

    def count(self, *states: int, side: Side | None = None) -> int:
        """Orders in any of these states, of both sides unless one is named."""
        wanted = sum(1 << state for state in states)
        return count_orders(self.state, self.side, wanted, int(side or 0))

    @property
    def live(self) -> int:
        """Orders that may rest at the venue, unknown ones included."""
        return self.count(PLACED, ACKED, RESTING, CANCELLING, UNKNOWN)

    @property
    def may_rest(self) -> list[str]:
        """Client ids of those orders."""
        slots = self._slots.items()
        return [name for name, slot in slots if PLACED <= self.state[slot] <= UNKNOWN]


def _columns(n: int) -> list[IntArray]:
    return [np.zeros(CAPACITY, dtype=np.int64) for _ in range(n)]


@njit
def count_orders(state: IntArray, order_side: IntArray, wanted: int, side: int) -> int:
    """Orders whose state is a bit of ``wanted``.

    Args:
        state: int64[slots]; the other column alike.
        side: +1 for buys, -1 for sells, 0 for both.
    """
    count = 0
    for i in range(state.size):
        if side in (0, order_side[i]) and wanted >> state[i] & 1:
            count += 1
    return count


@njit
def open_lots(
    state: IntArray,
    order_side: IntArray,
    qty_lots: IntArray,
    booked_lots: IntArray,
    reported_lots: IntArray,
    side: int,
) -> int:
    """Lots of one side that are open, in flight, unknown, or filled but not yet booked.

    Args:
        state: int64[slots]; the other columns alike.
        side: +1 for buys, -1 for sells.
    """
    lots = 0
    for i in range(state.size):
        if state[i] == FREE or order_side[i] != side:
            continue
        end = reported_lots[i] if state[i] == DONE else qty_lots[i]
        lots += max(end - booked_lots[i], 0)
    return lots


@njit
def reconcile_side(
    state: IntArray,
    order_side: IntArray,
    price_ticks: IntArray,
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
        state: int64[slots]; ``order_side`` and ``price_ticks`` alike.
        side: +1 for buys, -1 for sells.
        wanted_ticks: int64[>= wanted], best first.
        cancel_slots: int64[slots], filled with the slots to cancel.
        place_ticks: int64[>= wanted], filled with the prices to place at, best first.

    Returns:
        How many of each were written.
    """
    cancels = 0
    for i in range(state.size):
        if order_side[i] != side or not PLACED <= state[i] <= RESTING:
            continue
        keep = False
        for j in range(wanted):
            keep = keep or wanted_ticks[j] == price_ticks[i]
        if not keep and state[i] != PLACED:
            cancel_slots[cancels] = i
            cancels += 1
    places = 0
    for j in range(wanted):
        taken = False
        for i in range(state.size):
            at_price = order_side[i] == side and price_ticks[i] == wanted_ticks[j]
            taken = taken or (at_price and PLACED <= state[i] <= UNKNOWN)
        if not taken:
            place_ticks[places] = wanted_ticks[j]
            places += 1
    return cancels, places
