"""Order entry: bringing our orders to where they are wanted, and learning what became of each.

What to place and cancel follows from the table and the wanted prices; what an answer means
follows from the reject action of its code; and what has waited too long is asked for again. Every
placement passes the worst case, the budget and the side's breaker, and nothing else places.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np

from engine.core import orders
from engine.core.account import REST_LAG_NS
from engine.core.budgets import OrderBudget
from engine.core.desk_layout import ORDER_SLOTS
from engine.core.flatten import ClosingOrder
from engine.core.log import DeskLog
from engine.core.order_names import OrderName, client_order_id
from engine.core.orders import OrderTable, reconcile_side
from engine.core.refusals import RejectAction, reject_action
from engine.core.request_tracker import RequestTracker
from engine.core.risk import SideBreaker
from engine.core.settings import DeskSettings
from exchange.jit import IntArray
from exchange.types import (
    Cancel,
    Event,
    Outcome,
    Place,
    QueryOrder,
    Reply,
    Severity,
    Side,
    SyncClock,
    TimeInForce,
)

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
_ROUND_TRIPS = 100
_NO_SUCH_ORDER = -2013  # from a query; a cancel says -2011


@dataclass(slots=True)
class ErrorCount:
    """How often one error code of the venue was seen."""

    count: int
    last_message: str
    mono_ns: int


class OrderEntry:
    """Order entry: our orders on their way and at rest.

    Args:
        epoch: Of this run, in every client order id.
        desk: int64[DESK_SIZE].
    """

    def __init__(
        self,
        settings: DeskSettings,
        epoch: int,
        desk: IntArray,
        requests: RequestTracker,
        log: DeskLog,
    ) -> None:
        self.table = OrderTable(desk)
        self.budget = OrderBudget()
        self.breakers = {side: SideBreaker() for side in Side}
        self.errors: dict[int, ErrorCount] = {}
        self.round_trips_ns: deque[int] = deque(maxlen=_ROUND_TRIPS)
        self.throttled_until_ns = 0
        self.fatal = ""
        """A refusal that only a person can mend; the trader halts on it."""
        self.misses_fills = False
        """Does the venue report fills that we have not seen for a while?"""
        self._settings = settings
        self._epoch = epoch
        self._desk = desk
        self._requests = requests
        self._log = log
        self._mono_ns = 0
        self._next_order = 1
        self._requoted_ns = 0
        self._wanted_ticks = np.zeros(ORDER_SLOTS, dtype=np.int64)
        self._cancel_slots = np.zeros(ORDER_SLOTS, dtype=np.int64)
        self._place_ticks = np.zeros(ORDER_SLOTS, dtype=np.int64)

    def stamp(self, event: Event) -> None:
        """It is now this event's time."""
        self._mono_ns = event.mono_ns
        self.budget.turn(event.recv_ns)

    # ------------------------------------------------------------ asking

    def reconcile(self, side: Side, wanted: list[int], held_lots: int) -> None:
        """Bring one side to its wanted prices: cancel what is elsewhere, place what is missing.

        Args:
            wanted: Prices in ticks, best first.
            held_lots: The position, signed.
        """
        self._wanted_ticks[: len(wanted)] = wanted
        cancels, places = reconcile_side(
            self._desk,
            int(side),
            self._wanted_ticks,
            len(wanted),
            self._cancel_slots,
            self._place_ticks,
        )
        for slot in self._cancel_slots[:cancels].tolist():
            self.table.apply(slot, orders.CANCEL_SENT, self._mono_ns)
            self._requests.ask(Cancel, client_order_id=self.table.client_order_id(slot))
        if places:
            room = self._room(side, held_lots)
            for price_ticks in self._place_ticks[: min(places, room)].tolist():
                self._send(side, price_ticks, self._settings.order_lots)

    def close_position(self, order: ClosingOrder) -> str:
        """One reduce-only order that takes at once, whatever placing waits for; its client id."""
        at_market = order.price_ticks is None
        return self._send(
            order.side, order.price_ticks or 0, order.qty_lots, TimeInForce.IOC, at_market
        )

    def _room(self, side: Side, held_lots: int) -> int:
        """How many orders the worst case, the budget and the breaker leave room for."""
        if self.breakers[side].waits_for_touch or self._mono_ns < self.throttled_until_ns:
            return 0
        spacing_ns = self.budget.requote_interval_ns
        if self._mono_ns - self._requoted_ns < spacing_ns:
            return 0
        limit_lots = self._settings.max_position_lots
        free_lots = limit_lots - side * held_lots - self.table.open_lots(side)
        by_size = free_lots // self._settings.order_lots
        return max(min(by_size, self.budget.left, self.table.free_slots), 0)

    def _send(
        self,
        side: Side,
        price_ticks: int,
        lots: int,
        time_in_force: TimeInForce = TimeInForce.GTX,
        market: bool = False,
    ) -> str:
        name = OrderName(self._epoch, self._next_order)
        self._next_order += 1
        self.table.add(name, side, price_ticks, lots, self._mono_ns)
        self.budget.spend(1)
        self._requoted_ns = self._mono_ns
        text = client_order_id(name)
        self._requests.ask(
            Place,
            client_order_id=text,
            side=side,
            price_ticks=price_ticks,
            qty_lots=lots,
            time_in_force=time_in_force,
            reduce_only=time_in_force is TimeInForce.IOC,
            market=market,
        )
        return text

    # ------------------------------------------------------------ answers

    def count_error(self, reply: Reply) -> None:
        before = self.errors.get(reply.code)
        count = before.count + 1 if before else 1
        self.errors[reply.code] = ErrorCount(count, reply.message, self._mono_ns)

    def receive_place_reply(self, place: Place, reply: Reply) -> None:
        slot = self.table.slot(place.client_order_id)
        if slot is None:
            return
        match reply.outcome:
            case Outcome.DONE:
                self.round_trips_ns.append(reply.round_trip_ns)
                self.breakers[place.side].accept()
                self.table.apply(slot, orders.PLACE_ACKED, self._mono_ns)
            case Outcome.UNKNOWN:
                self.table.apply(slot, orders.OUTCOME_UNKNOWN, self._mono_ns)
                self._log.note(
                    Severity.WARNING, f"{place.client_order_id}: outcome unknown, asking"
                )
            case Outcome.REFUSED:
                self._take_refusal(place, slot, reply)

    def _take_refusal(self, place: Place, slot: int, reply: Reply) -> None:
        action = reject_action(reply.code)
        if action is RejectAction.PROVE:
            self.table.apply(slot, orders.OUTCOME_UNKNOWN, self._mono_ns)
            return
        self.table.apply(slot, orders.PLACE_REFUSED, self._mono_ns)
        if place.reduce_only and action in (
            RejectAction.BREAKER,
            RejectAction.STEP_AWAY,
            RejectAction.THROTTLE,
        ):
            return  # closing paces itself, and its refusals say nothing of quotes
        breaker = self.breakers[place.side]
        # A whole grid refused at one touch is one refusal: one late book, seen several times.
        seen_before = action is RejectAction.STEP_AWAY and breaker.waits_for_touch
        match action:
            case RejectAction.STEP_AWAY:
                breaker.waits_for_touch = True
                breaker.step_away_ticks = 1
            case RejectAction.RESYNC_CLOCK:
                self._requests.put(SyncClock())
                self._hold_placing(_CLOCK_BREAK_NS, "our clock or sending is late")
            case RejectAction.THROTTLE:
                self._hold_placing(_WINDOW_BREAK_NS, "the venue's limit is used up")
            case RejectAction.HALT:
                self.fatal = f"refused with {reply.code} {reply.message}"
        if not seen_before and breaker.refuse(reply.code, self._mono_ns):
            word = "bid" if place.side is Side.BUY else "ask"
            self._log.note(
                Severity.WARNING, f"{word} closed for a while: {reply.code} {reply.message}"
            )

    def _hold_placing(self, for_ns: int, why: str) -> None:
        if self._mono_ns >= self.throttled_until_ns:
            self._log.note(Severity.WARNING, f"placing held for {for_ns / 1e9:.0f} s: {why}")
        self.throttled_until_ns = self._mono_ns + for_ns

    def receive_cancel_reply(self, cancel: Cancel, reply: Reply) -> None:
        slot = self.table.slot(cancel.client_order_id)
        if slot is None:
            return
        match reply.outcome:
            case Outcome.DONE:
                self.round_trips_ns.append(reply.round_trip_ns)
                self.table.apply(slot, orders.SEEN_FINAL, self._mono_ns)
            case Outcome.REFUSED:
                self.table.apply(slot, orders.CANCEL_FAILED, self._mono_ns)
            case Outcome.UNKNOWN:
                self.table.apply(slot, orders.OUTCOME_UNKNOWN, self._mono_ns)

    def receive_query_reply(self, query: QueryOrder, reply: Reply) -> None:
        slot = self.table.slot(query.client_order_id)
        if slot is None or reply.code != _NO_SUCH_ORDER:
            return
        asked_ns = self._mono_ns - reply.round_trip_ns
        if asked_ns - self.table.alive_ns[slot] < _ABSENT_AFTER_NS:
            return
        self.table.absences[slot] += 1
        if self.table.absences[slot] >= _ABSENCES_THAT_PROVE:
            self.table.apply(slot, orders.PROVEN_ABSENT, self._mono_ns)

    # ------------------------------------------------------------ time

    def watch(self) -> None:
        """Time's part in every order's life: what was waited for too long is asked for."""
        self.misses_fills = False
        for slot in self.table.used:
            self._watch_order(slot)

    def _watch_order(self, slot: int) -> None:
        state = self.table.state[slot]
        waited_ns = self._mono_ns - self.table.changed_ns[slot]
        if state in (orders.PLACED, orders.CANCELLING) and waited_ns > _REPLY_PATIENCE_NS:
            self.table.apply(slot, orders.OUTCOME_UNKNOWN, self._mono_ns)
        elif state == orders.UNKNOWN and waited_ns > _CANCEL_PATIENCE_NS:
            if self._mono_ns - self.table.asked_ns[slot] > _ASK_AGAIN_NS:
                self.table.asked_ns[slot] = self._mono_ns
                self._requests.ask(QueryOrder, client_order_id=self.table.client_order_id(slot))
        elif state == orders.DONE and waited_ns > _MISSING_FILL_PATIENCE_NS:
            missing = self.table.booked_lots[slot] < self.table.reported_lots[slot]
            self.misses_fills = self.misses_fills or bool(missing)

    def mark_missing(self, listed: set[str], asked_mono_ns: int) -> None:
        """Orders that should rest but are not listed: filled, cancelled or lost; a query proves it.

        Args:
            listed: Client ids of all open orders.
            asked_mono_ns: When that list was asked for; younger orders may be missing from it,
                and so may those that a lagging node does not know yet.
        """
        for slot in self.table.used:
            settled = orders.ACKED <= self.table.state[slot] <= orders.CANCELLING
            older = self.table.changed_ns[slot] < asked_mono_ns - REST_LAG_NS
            if settled and older and self.table.client_order_id(slot) not in listed:
                self.table.apply(slot, orders.OUTCOME_UNKNOWN, self._mono_ns)

    def touch_changed(self) -> None:
        """What waited for the touch to change waits no longer."""
        for breaker in self.breakers.values():
            breaker.waits_for_touch = False

    def blocked_by(self, side: Side) -> str:
        """What keeps a quoting side from standing where it wants, or nothing."""
        unknown = self.table.count(orders.UNKNOWN, side=side)
        if unknown:
            return f"{unknown} with unknown outcome, asking"
        if self._mono_ns < self.throttled_until_ns:
            return f"placing held {(self.throttled_until_ns - self._mono_ns) / _S:.0f} s more"
        if self.budget.left < 1:
            return "the venue's order limit is used up"
        return ""
