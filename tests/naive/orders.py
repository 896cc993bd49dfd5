"""Naive order table: a dictionary of orders, and the life cycle as rules."""

from dataclasses import dataclass

from engine.core.order_names import OrderName
from engine.core.orders import (
    ACKED,
    CANCEL_FAILED,
    CANCEL_SENT,
    CANCELLING,
    DONE,
    OUTCOME_UNKNOWN,
    PLACE_ACKED,
    PLACE_REFUSED,
    PLACED,
    PROVEN_ABSENT,
    RESTING,
    SEEN_FINAL,
    SEEN_LIVE,
    UNKNOWN,
)
from exchange.types import Side

_LONGEST_SHADOW_NS = 2_000_000_000


@dataclass(slots=True)
class NaiveOrder:
    side: Side
    price_ticks: int
    qty_lots: int
    changed_ns: int
    alive_ns: int
    state: int
    booked_lots: int = 0
    reported_lots: int = 0
    settled_lots: int = 0
    ended_exch_ns: int = 0

    def apply(self, event: int, mono_ns: int) -> None:
        if event in (PLACE_ACKED, SEEN_LIVE):
            self.alive_ns = mono_ns
        state = self._after(event)
        if state != self.state:
            self.state, self.changed_ns = state, mono_ns

    def _after(self, event: int) -> int:
        live = PLACED <= self.state <= UNKNOWN
        if self.state in (PLACED, UNKNOWN) and event == PLACE_REFUSED:
            return DONE
        if self.state == PLACED and event == PLACE_ACKED:
            return ACKED
        if self.state in (PLACED, ACKED, UNKNOWN) and event == SEEN_LIVE:
            return RESTING
        if live and event == SEEN_FINAL:
            return DONE
        if live and event == OUTCOME_UNKNOWN:
            return UNKNOWN
        if self.state in (PLACED, ACKED, RESTING) and event == CANCEL_SENT:
            return CANCELLING
        if self.state == CANCELLING and event == CANCEL_FAILED:
            return UNKNOWN
        if self.state == UNKNOWN and event == PROVEN_ABSENT:
            return DONE
        return self.state

    def end(self, exch_ns: int, mono_ns: int) -> None:
        self.ended_exch_ns = max(self.ended_exch_ns, exch_ns)
        self.apply(SEEN_FINAL, mono_ns)

    def book_fill(self, lots: int, exch_ns: int, mono_ns: int) -> None:
        known = min(self.settled_lots, lots)
        self.settled_lots -= known
        self.booked_lots += lots - known
        self.reported_lots = max(self.reported_lots, self.booked_lots)
        if self.booked_lots >= self.qty_lots:
            self.end(exch_ns, mono_ns)

    def settle_reported(self) -> None:
        missed = max(self.reported_lots - self.booked_lots, 0)
        self.settled_lots += missed
        self.booked_lots += missed

    @property
    def open_lots(self) -> int:
        end = self.reported_lots if self.state == DONE else self.qty_lots
        return max(end - self.booked_lots, 0)


class NaiveOrders:
    """Orders by name, oldest first."""

    def __init__(self) -> None:
        self.orders: dict[OrderName, NaiveOrder] = {}
        self.ended: set[OrderName] = set()

    def release_finished(self, book_exch_ns: int, mono_ns: int) -> None:
        for name, order in list(self.orders.items()):
            late = mono_ns - order.changed_ns > _LONGEST_SHADOW_NS
            gone = order.ended_exch_ns < book_exch_ns or late
            if order.state == DONE and order.booked_lots >= order.reported_lots and gone:
                del self.orders[name]
                if order.ended_exch_ns:
                    self.ended.add(name)

    def open_lots(self, side: Side) -> int:
        return sum(order.open_lots for order in self.orders.values() if order.side is side)
