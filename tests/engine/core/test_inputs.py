"""Inputs: what arrives, as the rows that kernels apply."""

import pytest

from engine.core.actions import Action
from engine.core.desk_layout import INPUT_WIDTH
from engine.core.inputs import (
    ASKED_NAME,
    FILL_FORCED,
    FORCED_BY,
    NO_NAME,
    OF_EPOCH,
    OF_NUMBER,
    SYMBOL,
    InputTyper,
)
from engine.core.operator import OperatorCommand
from exchange.binance.user_events import FORCED
from exchange.types import Fill, OrderStatus, OrderUpdate, Outcome, Reply, Side
from tests.engine.virtual_desk import GRID


def a_fill(client_order_id: str, forced: str = "") -> Fill:
    return Fill(
        recv_ns=1,
        mono_ns=2,
        trade_id=3,
        client_order_id=client_order_id,
        side=Side.BUY,
        price_ticks=100,
        qty_lots=4,
        maker=True,
        fee_e8=5,
        exch_ns=6,
        forced=forced,
    )


@pytest.mark.parametrize(
    ("client_order_id", "name"),
    [("mdesk-z-17", [35, 17]), ("mdesk-Z-17", [0, 0]), ("web_17", [0, 0])],
)
def test_only_an_order_of_the_desks_has_numbers(client_order_id: str, name: list[int]) -> None:
    row = InputTyper(GRID).row(a_fill(client_order_id))

    assert row[[OF_EPOCH, OF_NUMBER]].tolist() == name


def test_every_way_in_which_the_venue_closes_a_position_has_a_number() -> None:
    """One without would end the session just when it is told of a liquidation."""
    words = ["", *(word for _, word in FORCED)]

    numbers = [int(InputTyper(GRID).row(a_fill("x", word))[FILL_FORCED]) for word in words]

    assert [FORCED_BY[number] for number in numbers] == words


def test_a_symbol_is_named_by_its_own_name_alone() -> None:
    """The word "symbol" once stood for it: a flatten that names nothing is refused."""
    commands = [
        OperatorCommand(recv_ns=1, mono_ns=1, action=Action.FLATTEN, name=name)
        for name in (GRID.symbol, "symbol", "", GRID.symbol.lower())
    ]

    named = [int(InputTyper(GRID).row(command)[ASKED_NAME]) for command in commands]

    assert named == [SYMBOL, NO_NAME, NO_NAME, NO_NAME]


def test_the_order_that_an_answer_reports_is_a_part_of_it() -> None:
    order = OrderUpdate(
        recv_ns=1,
        mono_ns=2,
        client_order_id="mdesk-1-7",
        venue_order_id=9,
        side=Side.SELL,
        status=OrderStatus.NEW,
        price_ticks=100,
        qty_lots=3,
        filled_lots=0,
        exch_ns=4,
    )
    typer = InputTyper(GRID)

    with_it = typer.parts(
        Reply(recv_ns=1, mono_ns=2, request_id=5, outcome=Outcome.DONE, order=order)
    )
    without = typer.parts(Reply(recv_ns=1, mono_ns=2, request_id=5, outcome=Outcome.DONE))

    assert with_it.tolist() == typer.row(order).tolist()
    assert (with_it.size, without.size) == (INPUT_WIDTH, 0)
