"""Two engines on one account: the older lets go, of its quotes and of the dead man's switch."""

from itertools import permutations

import pytest

from engine.core.actions import Action
from engine.core.states import RiskState
from exchange.paper.account.orders import NewOrder
from exchange.types import (
    Cancel,
    Link,
    OrderStatus,
    OrderUpdate,
    Place,
    RefreshCountdown,
    Side,
    TimeInForce,
)
from tests.engine.core.test_trader import quoting_desk
from tests.engine.virtual_desk import VirtualDesk

YOUNGER, OLDER = "mdesk-zzzzzz-1", "mdesk-aaaaaa-1"


def hear_of(desk: VirtualDesk, name: str, status: OrderStatus = OrderStatus.NEW) -> None:
    desk.feed(
        OrderUpdate,
        client_order_id=name,
        venue_order_id=1,
        side=Side.BUY,
        status=status,
        price_ticks=599_000,
        qty_lots=3,
        filled_lots=0,
        exch_ns=desk.now_ns,
    )


@pytest.mark.parametrize("status", list(OrderStatus))
def test_any_word_on_a_younger_runs_order_halts_for_good(status: OrderStatus) -> None:
    """Also the last one: the order is gone, the run that placed it is not."""
    desk = quoting_desk()

    hear_of(desk, YOUNGER, status)

    assert desk.trader.gate.state is RiskState.HALTED
    assert "halted for good" in (desk.operate(Action.RESUME) or "")


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_no_order_of_panic_meeting_and_resume_quotes_beside_a_younger_run(
    order: tuple[int, ...],
) -> None:
    """After a panic the meeting was not noted, and resuming quoted against the other engine."""
    desk = quoting_desk()
    acts = (
        lambda: desk.operate(Action.PANIC),
        lambda: hear_of(desk, YOUNGER),
        lambda: desk.operate(Action.RESUME),
    )
    for index in order:
        acts[index]()
        desk.run(0.5)
    desk.operate(Action.RESUME)
    desk.commands.clear()
    desk.run(2.0)

    assert desk.trader.gate.state is RiskState.HALTED
    assert not any(isinstance(command, Place) for command in desk.commands)
    assert not desk.our_open_orders


def test_the_switch_is_left_to_the_younger_run() -> None:
    """Refreshed by the older too, it would keep a dead younger run's orders in the market."""
    desk = quoting_desk()
    hear_of(desk, YOUNGER)
    desk.commands.clear()

    desk.run(25.0)
    desk.cut_private(1.0)
    desk.run(5.0)

    assert not any(isinstance(command, RefreshCountdown) for command in desk.commands)


def test_a_younger_runs_order_is_nobody_elses_to_cancel_nor_in_the_way_of_the_proof() -> None:
    desk = quoting_desk()
    desk.symbol_account.place(NewOrder(YOUNGER, Side.BUY, 3, 599_000, TimeInForce.GTX))
    desk.run(5.0)

    cancelled = {c.client_order_id for c in desk.commands if isinstance(c, Cancel)}
    assert YOUNGER not in cancelled
    assert not desk.trader.owns(YOUNGER)
    assert [order.client_order_id for order in desk.our_open_orders] == [YOUNGER]
    assert any("verified: no order of ours" in r.text for r in desk.trader.log.since(0))


def test_an_older_runs_order_is_taken_over_and_then_owned() -> None:
    """So that the stop session covers it too; one that was never seen is not ours to touch."""
    desk = VirtualDesk()
    assert not desk.trader.owns(OLDER)
    assert desk.trader.owns("mdesk-tests1-7")

    hear_of(desk, OLDER)

    assert desk.trader.owns(OLDER)
    assert desk.trader.links[Link.PRIVATE].up
