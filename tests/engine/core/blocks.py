"""Desk blocks that a test writes by hand: the readers of the rooms, with the kernels as methods."""

from engine.core.desk_layout import (
    FUNDING_E8,
    OWED_EPOCH,
    OWED_NUMBER,
    PAUSED_UNTIL_NS,
    owed_row,
)
from engine.core.ledger import Ledger, adopt_position, book_fill, move_mid
from engine.core.order_names import NOT_OURS, OrderName, order_name
from engine.core.orders import (
    NO_SLOT,
    PLACED,
    OrderTable,
    add_order,
    apply_event,
    book_order_fill,
    end_order,
    has_ended,
    release_finished,
    report_filled,
    settle_reported,
    slot_of,
)
from engine.core.stream_watchdog import (
    NOTHING,
    hear_account,
    hear_order,
    loss_in_words,
    overdue,
    owe_account,
    owe_nothing,
    owe_order,
)
from exchange.jit import IntArray, in_python
from exchange.types import Fill, Side


class WrittenTable(OrderTable):
    """An order table, with what steps it."""

    def add(
        self,
        name: OrderName,
        side: Side,
        price_ticks: int,
        qty_lots: int,
        mono_ns: int,
        state: int = PLACED,
    ) -> int:
        return add_order(self.desk, *name, int(side), price_ticks, qty_lots, mono_ns, state)

    def slot(self, client_order_id: str) -> int | None:
        name = order_name(client_order_id)
        slot = NO_SLOT if name is None else slot_of(self.desk, *name)
        return None if slot == NO_SLOT else slot

    def apply(self, slot: int, event: int, mono_ns: int) -> int:
        return apply_event(self.desk, slot, event, mono_ns)

    def report_filled(self, slot: int, filled_lots: int) -> None:
        report_filled(self.desk, slot, filled_lots)

    def end(self, slot: int, exch_ns: int, mono_ns: int) -> None:
        end_order(self.desk, slot, exch_ns, mono_ns)

    def book_fill(self, slot: int, lots: int, exch_ns: int, mono_ns: int) -> None:
        book_order_fill(self.desk, slot, lots, exch_ns, mono_ns)

    def settle_reported(self, slot: int) -> None:
        settle_reported(self.desk, slot)

    def release_finished(self, book_exch_ns: int, mono_ns: int) -> None:
        release_finished(self.desk, book_exch_ns, mono_ns)

    def ended(self, name: OrderName) -> bool:
        return has_ended(self.desk, *name)


class WrittenLedger(Ledger):
    """A ledger, with what is booked into it."""

    def __init__(self, desk: IntArray, tick_lot_e8: int) -> None:
        super().__init__(desk, tick_lot_e8)
        self.desk = desk

    def move_mid(self, bid_ticks: int, ask_ticks: int) -> None:
        move_mid(self.desk, bid_ticks, ask_ticks)

    def book_fill(self, fill: Fill) -> bool:
        return book_fill(
            self.desk,
            fill.trade_id,
            fill.exch_ns,
            int(fill.side),
            fill.price_ticks,
            fill.qty_lots,
            fill.off_tick_e8,
            fill.fee_e8,
            fill.maker,
            *(order_name(fill.client_order_id) or NOT_OURS),
            fill.mono_ns,
        )

    def pay_funding(self, amount_e8: int) -> None:
        self.desk[FUNDING_E8] += amount_e8

    def adopt_position(self, position_lots: int, cost_e8: int, exch_ns: int) -> None:
        adopt_position(self.desk, position_lots, cost_e8, exch_ns)


class Watchdog:
    """The watchdog of a private stream, fed with both channels' reports."""

    def __init__(self, desk: IntArray) -> None:
        self._desk = desk
        self._oldest = in_python(owed_row)(desk, 0)

    def start_over(self) -> None:
        owe_nothing(self._desk)

    def expect_order(self, name: OrderName, reached: int, mono_ns: int) -> None:
        owe_order(self._desk, *name, reached, mono_ns)

    def hear_order(self, name: OrderName | None, reached: int, mono_ns: int) -> None:
        hear_order(self._desk, *(name or NOT_OURS), reached, mono_ns)

    def expect_account(self, exch_ns: int, mono_ns: int) -> None:
        owe_account(self._desk, exch_ns, mono_ns)

    def hear_account(self, exch_ns: int, mono_ns: int) -> None:
        hear_account(self._desk, exch_ns, mono_ns)

    def overdue(self, mono_ns: int) -> str:
        """What the stream failed to report, or nothing."""
        epoch, number = self._oldest[[OWED_EPOCH, OWED_NUMBER]].tolist()
        why = overdue(self._desk, mono_ns)
        return "" if why == NOTHING else loss_in_words(why, epoch, number)

    @property
    def paused_until_ns(self) -> int:
        return int(self._desk[PAUSED_UNTIL_NS])
