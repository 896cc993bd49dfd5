"""Client order ids: two numbers and their only spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.order_names import OrderName, client_order_id, is_younger, order_name

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
def test_an_id_that_no_run_gave_names_no_order(text: str) -> None:
    """Another spelling of the same numbers would be two orders at the venue and one here."""
    assert order_name(text) is None
    assert not is_younger(text, 1)


@given(_EPOCHS, _EPOCHS)
def test_a_later_run_is_younger(one: int, other: int) -> None:
    """Whatever their length: 10 in base 36 comes after z."""
    assert is_younger(client_order_id(OrderName(one, 1)), other) == (one > other)
