"""Order life cycle: no event, in whatever order or number, loses an order or revives one."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.desk_layout import (
    ENDED_KEPT,
    ORDER_ALIVE_NS,
    ORDER_SLOTS,
    new_desk,
    order_column,
)
from engine.core.order_names import OrderName, client_order_id, order_name
from engine.core.orders import (
    ACKED,
    CANCEL_FAILED,
    CANCEL_SENT,
    CANCELLING,
    DONE,
    NO_SLOT,
    OUTCOME_UNKNOWN,
    PLACE_ACKED,
    PLACE_REFUSED,
    PLACED,
    PROVEN_ABSENT,
    RESTING,
    SEEN_FINAL,
    SEEN_LIVE,
    UNKNOWN,
    reconcile_side,
)
from exchange.jit import in_python
from exchange.types import Side
from tests.engine.core.blocks import WrittenTable
from tests.naive.orders import NaiveOrder, NaiveOrders

EVENTS = st.sampled_from(range(8))
STATES = (PLACED, ACKED, RESTING, CANCELLING, UNKNOWN)


def rest_order(
    table: WrittenTable,
    number: int,
    side: Side,
    price_ticks: int,
    lots: int = 3,
    state: int = RESTING,
) -> int:
    return table.add(OrderName(1, number), side, price_ticks, lots, 0, state)


def reconciled(table: WrittenTable, side: Side, wanted: list[int]) -> tuple[list[int], list[int]]:
    """Prices whose orders are to be cancelled, and prices to place at."""
    cancels = np.zeros(ORDER_SLOTS, dtype=np.int64)
    places = np.zeros(ORDER_SLOTS, dtype=np.int64)
    wanted_ticks = np.zeros(ORDER_SLOTS, dtype=np.int64)
    wanted_ticks[: len(wanted)] = wanted
    n_cancels, n_places = reconcile_side(
        table.desk,
        int(side),
        wanted_ticks,
        len(wanted),
        cancels,
        places,
    )
    return table.price_ticks[cancels[:n_cancels]].tolist(), places[:n_places].tolist()


@given(st.lists(EVENTS))
def test_done_is_final(events: list[int]) -> None:
    """Late, repeated and reordered events never bring an order back."""
    table = WrittenTable(new_desk())
    slot = rest_order(table, 1, Side.BUY, 100)
    table.apply(slot, SEEN_FINAL, 1)

    for event in events:
        table.apply(slot, event, 2)

    assert table.state[slot] == DONE


@pytest.mark.parametrize("state", [PLACED, ACKED, RESTING, CANCELLING])
def test_only_proof_ends_an_unknown_order(state: int) -> None:
    """A failed cancel or a late acknowledgement says nothing about what rests at the venue."""
    table = WrittenTable(new_desk())
    slot = rest_order(table, 1, Side.BUY, 100, state=state)
    table.apply(slot, OUTCOME_UNKNOWN, 1)

    for event in (PLACE_ACKED, CANCEL_SENT, CANCEL_FAILED):
        table.apply(slot, event, 2)

    assert table.state[slot] == UNKNOWN
    assert table.apply(slot, PROVEN_ABSENT, 3) == DONE


def test_a_refused_cancel_proves_nothing() -> None:
    """-2011 may mean filled, cancelled, expired or still travelling: so it must be asked for."""
    table = WrittenTable(new_desk())
    slot = rest_order(table, 1, Side.BUY, 100)
    table.apply(slot, CANCEL_SENT, 1)

    assert table.apply(slot, CANCEL_FAILED, 2) == UNKNOWN


def test_the_stream_may_be_faster_than_the_reply() -> None:
    """The order is reported before its acknowledgement arrives, which then changes nothing."""
    table = WrittenTable(new_desk())
    slot = rest_order(table, 1, Side.BUY, 100, state=PLACED)
    table.apply(slot, SEEN_LIVE, 1)

    assert table.apply(slot, PLACE_ACKED, 2) == RESTING


def test_a_refusal_frees_the_slot_at_once() -> None:
    """Nothing was recorded by the venue, so nothing remains to wait for."""
    table = WrittenTable(new_desk())
    slot = rest_order(table, 1, Side.BUY, 100, state=PLACED)
    table.apply(slot, PLACE_REFUSED, 1)

    table.release_finished(1, 3)

    assert OrderName(1, 1) not in table


def test_a_finished_order_keeps_its_slot_until_its_fills_are_booked() -> None:
    """The venue says two lots were filled before the cancel; their prices are still to come."""
    table = WrittenTable(new_desk())
    slot = rest_order(table, 1, Side.SELL, 100, lots=3)
    table.report_filled(slot, 2)
    table.apply(slot, SEEN_FINAL, 1)
    table.release_finished(1, 3)

    assert table.open_lots(Side.SELL) == 2

    table.book_fill(slot, 2, 0, 2)
    table.release_finished(1, 3)

    assert table.open_lots(Side.SELL) == 0
    assert OrderName(1, 1) not in table


@given(st.lists(st.tuples(EVENTS, st.integers(0, 3))))
def test_the_worst_case_never_forgets_an_order_that_may_live(
    history: list[tuple[int, int]],
) -> None:
    """Until it is done its whole rest counts; what was reported filled counts until booked."""
    table = WrittenTable(new_desk())
    slot = rest_order(table, 1, Side.BUY, 100, lots=3, state=PLACED)
    for event, filled in history:
        table.apply(slot, event, 1)
        table.report_filled(slot, filled)

    counted = table.open_lots(Side.BUY)

    owed = int(table.reported_lots[slot]) if table.state[slot] == DONE else 3
    assert counted == owed


def test_orders_at_a_wanted_price_keep_their_queue() -> None:
    """Only what stands elsewhere goes and only what is missing comes."""
    table = WrittenTable(new_desk())
    for price in (100, 98, 94):
        rest_order(table, price, Side.BUY, price)
    rest_order(table, 1, Side.SELL, 98)

    assert reconciled(table, Side.BUY, [100, 98, 96]) == ([94], [96])


@pytest.mark.parametrize("state", [PLACED, CANCELLING, UNKNOWN])
def test_an_unsettled_price_is_left_alone(state: int) -> None:
    """A second order beside one whose end is unknown would double the position."""
    table = WrittenTable(new_desk())
    rest_order(table, 1, Side.BUY, 100, state=state)

    assert reconciled(table, Side.BUY, [100]) == ([], [])


@pytest.mark.parametrize("state", [PLACED, CANCELLING, UNKNOWN])
def test_nothing_is_cancelled_twice_or_before_it_was_taken(state: int) -> None:
    """One action in flight per slot."""
    table = WrittenTable(new_desk())
    rest_order(table, 1, Side.BUY, 100, state=state)

    assert reconciled(table, Side.BUY, []) == ([], [])


def test_a_cancelled_order_casts_its_shadow_until_the_book_has_passed_it() -> None:
    """A late book still shows it; taken for somebody else's it would be quoted against."""
    table = WrittenTable(new_desk())
    slot = rest_order(table, 1, Side.BUY, 100)
    table.end(slot, 50, 1)

    table.release_finished(50, 2)
    assert OrderName(1, 1) in table

    table.release_finished(51, 2)
    assert OrderName(1, 1) not in table


def test_a_full_table_says_so() -> None:
    """Better no order than one that nobody follows."""
    table = WrittenTable(new_desk())
    for number in range(1, ORDER_SLOTS + 1):
        rest_order(table, number, Side.BUY, number)

    name = OrderName(1, ORDER_SLOTS + 1)
    assert table.add(name, Side.BUY, 1, 3, 0) == NO_SLOT


_NAMES = [OrderName(epoch, number) for epoch in (1, 2) for number in (1, 2, 3)]
_names = st.sampled_from(_NAMES)
_TIMES = st.integers(0, 3)
_changes = st.one_of(
    st.tuples(
        st.just("add"), _names, st.sampled_from(Side), st.integers(1, 4), st.sampled_from(STATES)
    ),
    st.tuples(st.just("apply"), _names, EVENTS),
    st.tuples(st.just("report"), _names, st.integers(0, 4)),
    st.tuples(st.just("end"), _names, _TIMES),
    st.tuples(st.just("fill"), _names, st.integers(1, 4), _TIMES),
    st.tuples(st.just("settle"), _names),
    st.tuples(st.just("release"), _TIMES, st.booleans()),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(_changes, max_size=40))
def test_the_compiled_table_is_the_naive_one(changes: list[tuple[Any, ...]]) -> None:
    """Slots used again, names that return, ends before their fills: the same orders remain."""
    table, twin = WrittenTable(new_desk()), NaiveOrders()
    for mono_ns, change in enumerate(changes, 1):
        play(table, twin, change, mono_ns)

        assert listed(table) == [
            (name, order.side, order.state, order.booked_lots, order.reported_lots, order.alive_ns)
            for name, order in twin.orders.items()
        ]
        for side in Side:
            assert table.open_lots(side) == twin.open_lots(side)
        assert {name for name in _NAMES if table.ended(name)} == twin.ended


def listed(table: WrittenTable) -> list[tuple[Any, ...]]:
    """What the table knows of each order, oldest first."""
    alive_ns = in_python(order_column)(table.desk, ORDER_ALIVE_NS)
    columns = (table.side, table.state, table.booked_lots, table.reported_lots, alive_ns)
    return [
        (order_name(table.client_order_id(slot)), *(int(column[slot]) for column in columns))
        for slot in table.used
    ]


def play(table: WrittenTable, twin: NaiveOrders, change: tuple[Any, ...], mono_ns: int) -> None:
    if change[0] == "release":
        _, book_exch_ns, late = change
        mono_ns += late * 3_000_000_000
        table.release_finished(book_exch_ns, mono_ns)
        twin.release_finished(book_exch_ns, mono_ns)
        return
    kind, name, *given = change
    order, slot = twin.orders.get(name), table.slot(client_order_id(name))
    if kind == "add" and order is None:
        side, lots, state = given
        table.add(name, side, 100, lots, mono_ns, state)
        twin.orders[name] = NaiveOrder(side, 100, lots, mono_ns, mono_ns, state)
    if order is None or slot is None:
        assert slot is None
        return
    match kind:
        case "apply":
            table.apply(slot, given[0], mono_ns)
            order.apply(given[0], mono_ns)
        case "report":
            table.report_filled(slot, given[0])
            order.reported_lots = max(order.reported_lots, given[0])
        case "end":
            table.end(slot, given[0], mono_ns)
            order.end(given[0], mono_ns)
        case "fill":
            lots, exch_ns = given
            table.book_fill(slot, lots, exch_ns, mono_ns)
            order.book_fill(lots, exch_ns, mono_ns)
        case "settle":
            table.settle_reported(slot)
            order.settle_reported()


def test_of_ended_orders_the_oldest_is_forgotten() -> None:
    """Memory is bounded; what arrives for an older order is long overdue."""
    table = WrittenTable(new_desk())
    for number in range(1, ENDED_KEPT + 2):
        table.end(rest_order(table, number, Side.BUY, 100), 1, number)
        table.release_finished(2, number)

    ended = [table.ended(OrderName(1, number)) for number in (1, 2, ENDED_KEPT + 1)]

    assert ended == [False, True, True]
