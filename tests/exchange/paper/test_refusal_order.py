"""Which of several broken rules the venue names: always the first of its own order."""

import pytest

from tests.exchange.paper.bench import Desk

LEVERAGE = 50  # of which the bracket is far below the largest order

EVERYTHING = {
    "newClientOrderId": "taken",
    "price": "99999.0",
    "quantity": "1000.000",
    "reduceOnly": "true",
}
"""A new order that breaks every rule below."""


def leveraged() -> Desk:
    desk = Desk()
    desk.call("POST", "/fapi/v1/leverage", leverage=LEVERAGE)
    return desk


@pytest.mark.parametrize(
    ("mended", "code"),
    [
        ({}, -4116),
        ({"newClientOrderId": "free"}, -4016),
        ({"newClientOrderId": "free", "price": "60100.0"}, -2022),
        ({"newClientOrderId": "free", "price": "60100.0", "reduceOnly": "false"}, -2027),
    ],
)
def test_a_new_order_is_refused_by_the_first_rule_that_it_breaks(
    mended: dict[str, str], code: int
) -> None:
    """Its name, its price, what it reduces, its size at this leverage before its margin."""
    desk = leveraged()
    desk.place("BUY", "59000.0", newClientOrderId="taken")
    order = EVERYTHING | mended

    assert desk.place("BUY", **order)["code"] == code


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"side": "SELL", "price": "99999.0", "reduceOnly": "true"}, -1117),
        ({"side": "BUY", "price": "99999.0", "reduceOnly": "true"}, -5047),
        ({"side": "BUY", "price": "99999.0", "quantity": "1000.000"}, -4016),
        ({"side": "BUY", "price": "60100.0", "quantity": "1000.000"}, -2027),
    ],
)
def test_a_change_is_refused_by_the_first_rule_that_it_breaks(
    change: dict[str, str], code: int
) -> None:
    """Its side, its kind, its price, its size at this leverage before its margin."""
    desk = leveraged()
    order_id = desk.place("BUY", "59000.0")["orderId"]
    request: dict[str, object] = {"orderId": order_id, "quantity": "0.010", **change}

    assert desk.call("PUT", "/fapi/v1/order", **request)["code"] == code
