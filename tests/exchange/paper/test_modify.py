"""Order modification: an order keeps its ids and loses its place; some changes lose it whole."""

import json

import pytest

from exchange.types import Side
from tests.exchange.paper.bench import Desk, two_of_everything

ORDER = "/fapi/v1/order"


def modify(desk: Desk, placed: dict[str, object], **params: object) -> dict[str, object]:
    """Ask for another price or size of an order that was placed."""
    wanted: dict[str, object] = {
        "orderId": placed["orderId"],
        "side": placed["side"],
        "quantity": placed["origQty"],
        "price": placed["price"],
    }
    answer: dict[str, object] = desk.call("PUT", ORDER, **(wanted | params))
    return answer


def test_a_modified_order_keeps_its_ids_and_tells_of_it_once() -> None:
    desk = Desk()
    placed = desk.place(newClientOrderId="mine")
    desk.heard()

    answer = modify(desk, placed, price="59998.0", quantity="0.020", modifyId=77)
    (event,) = desk.heard()

    assert (answer["orderId"], answer["clientOrderId"]) == (placed["orderId"], "mine")
    assert (answer["price"], answer["origQty"], answer["modifyId"]) == ("59998.0", "0.020", 77)
    assert "avgPrice" not in answer
    assert (event["o"]["x"], event["o"]["X"]) == ("AMENDMENT", "NEW")
    assert (event["o"]["p"], event["o"]["q"], event["o"]["M"]) == ("59998.0", "0.020", "77")


def test_a_modified_order_counts_with_its_new_size() -> None:
    """Partly filled, it leaves what is not filled yet, and binds margin for that."""
    one = Desk(two_of_everything())
    two = one.beside(1)
    placed = one.place("BUY", "60000.1", quantity="0.010")
    two.place("SELL", "60000.1", quantity="0.004", timeInForce="IOC")

    modify(one, placed, quantity="0.030", price="60000.2")

    left = one.market.matching.lots_at(Side.BUY, 600_002)
    assert (left, one.symbol_account.holding.bids_lots, one.symbol_account.holding.lots) == (
        26,
        26,
        4,
    )


def test_a_modified_order_stands_last_at_its_price() -> None:
    """A smaller size alone costs it its place, too."""
    desk = Desk()
    first = desk.place(price="59990.5")
    second = desk.place(price="59990.5")

    modify(desk, first, quantity="0.005")

    queue = [number for number, _ in desk.matching.queue(Side.BUY, 599_905)]
    assert queue[-2:] == [second["orderId"], first["orderId"]]


def test_a_post_only_order_modified_across_is_cancelled() -> None:
    """The quote is lost, where placing it anew would only have been refused."""
    desk = Desk()
    placed = desk.place(timeInForce="GTX")
    desk.heard()

    answer = modify(desk, placed, price="60001.0")

    assert answer["status"] == "CANCELED"
    assert desk.story() == ["CANCELED/CANCELED"]


def test_a_size_that_is_filled_already_cancels_the_rest() -> None:
    desk = Desk()
    placed = desk.place(side="SELL", price="60000.2")
    desk.place(price="60000.2", timeInForce="IOC", quantity="0.004", selfTradePreventionMode="NONE")

    assert modify(desk, placed, quantity="0.004")["status"] == "CANCELED"


def test_modifying_across_takes_at_once() -> None:
    desk = Desk()
    placed = desk.place()
    desk.heard()

    modify(desk, placed, price="60001.0")

    assert desk.story()[:3] == ["AMENDMENT/NEW", "TRADE_LITE", "TRADE/FILLED"]


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, -5027),
        ({"side": "SELL"}, -1117),
        ({"side": "LEFT"}, -1117),
        ({"orderId": 1}, -2013),
        ({"quantity": "0.001", "price": "10.0"}, -5029),
        ({"price": "59999.05"}, -4014),
        ({"quantity": "0"}, -4003),
        ({"price": "90000.0"}, -4016),
        ({"quantity": "900.000"}, -2019),
        ({"reduceOnly": "true", "price": "59998.0"}, -5047),
        ({"priceMatch": "QUEUE"}, -5037),
    ],
)
def test_a_refused_change_leaves_the_order_as_it_was(params: dict[str, object], code: int) -> None:
    """By the venue's own codes."""
    desk = Desk()
    placed = desk.place()
    desk.heard()

    assert modify(desk, placed, **params)["code"] == code
    record = desk.call("GET", ORDER, orderId=placed["orderId"])
    assert (record["status"], record["price"]) == ("NEW", "59999.0")
    assert desk.heard() == []


def test_a_reduce_only_order_cannot_grow_beyond_the_position() -> None:
    """Filled, it would have turned the position round."""
    desk = Desk()
    desk.place(price="60001.0")
    placed = desk.place(side="SELL", price="60050.0", reduceOnly="true")

    assert modify(desk, placed, quantity="0.020")["code"] == -2022
    assert modify(desk, placed, quantity="0.005")["origQty"] == "0.005"


def test_changes_are_listed_newest_first_with_what_was_before() -> None:
    desk = Desk()
    placed = desk.place()
    modify(desk, placed, price="59998.0")
    modify(desk, placed, quantity="0.020", price="59998.0")

    rows = desk.call("GET", "/fapi/v1/orderAmendment", orderId=placed["orderId"])

    assert [row["amendment"]["count"] for row in rows] == [2, 1]
    assert rows[1]["amendment"]["price"] == {"before": "59999.0", "after": "59998.0"}
    assert rows[0]["amendment"]["origQty"] == {"before": "0.010", "after": "0.020"}


def test_a_batch_of_changes_answers_each_in_its_place() -> None:
    """One that is wrong says nothing of the other."""
    desk = Desk()
    placed = desk.place()
    batch = [
        {
            "symbol": "BTCUSDT",
            "orderId": number,
            "side": "BUY",
            "quantity": "0.010",
            "price": "59997.0",
        }
        for number in (1, placed["orderId"])
    ]

    answers = desk.call("PUT", "/fapi/v1/batchOrders", batchOrders=json.dumps(batch))

    assert answers[0]["code"] == -2013
    assert answers[1]["price"] == "59997.0"


@pytest.mark.parametrize("tif", ["GTD", "RPI"])
def test_what_is_not_offered_says_so(tif: str) -> None:
    desk = Desk()

    answer = desk.place(timeInForce=tif)

    assert answer["code"] == -1115
    assert tif in answer["msg"]
