"""Client order ids: two numbers and their only spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.order_names import OrderName, client_order_id, is_ours, order_name
from engine.core.states import Mode
from engine.core.trader import Trader
from exchange.errors import InvariantBroken
from tests.engine.virtual_desk import GRID, SETTINGS

_EPOCHS = st.integers(1, 36**12 - 1)
_NUMBERS = st.integers(1, 10**18 - 1)


@given(_EPOCHS, _NUMBERS)
def test_an_id_names_the_order_that_it_was_made_of(epoch: int, number: int) -> None:
    name = OrderName(epoch, number)

    assert order_name(client_order_id(name)) == name


@pytest.mark.parametrize(
    "text",
    [
        *("", "mdesk-", "mdesk-abc", "mdesk-abc-", "mdesk--1", "web_1", "Mdesk-abc-1"),
        *("mdesk-0abc-1", "mdesk-ABC-1", "mdesk-abc-01", "mdesk-abc-0", "mdesk-abc-1 "),
        *("mdesk-abc-+1", "mdesk-abc-1_0", "mdesk-abc-１", "mdesk-stop-18f-1", "mdesk-abc-1\n"),
        *("mdesk-1234567890abc-1", "mdesk-abc-1234567890123456789"),
    ],
)
def test_an_id_of_another_form_is_not_ours(text: str) -> None:
    """Another spelling of the same numbers would be two orders at the venue and one here."""
    assert order_name(text) is None
    assert not is_ours(text)


@given(_EPOCHS, _EPOCHS)
def test_runs_keep_their_order_whatever_the_length_of_their_names(one: int, other: int) -> None:
    """10 in base 36 comes after z."""
    ids = [client_order_id(OrderName(epoch, 1)) for epoch in (one, other)]

    epochs = [name.epoch for text in ids if (name := order_name(text))]

    assert epochs == [one, other]


@pytest.mark.parametrize("epoch", [0, -1, 36**12])
def test_no_run_has_an_epoch_that_would_make_its_orders_somebody_elses(epoch: int) -> None:
    """They would be placed, and never be known again."""
    with pytest.raises(InvariantBroken):
        Trader(SETTINGS, GRID, Mode.PAPER, epoch=epoch, own_in_book=True)
