"""Request parameters: what the venue refuses of them, on every endpoint that has them."""

import orjson
import pytest

from tests.exchange.paper.bench import Desk, signed

DAY_MS = 86_400_000
WEEK_MS = 7 * DAY_MS

LIMITS = [
    ("/fapi/v1/trades", 1000),
    ("/fapi/v1/historicalTrades", 500),
    ("/fapi/v1/aggTrades", 1000),
    ("/fapi/v1/klines", 1500),
    ("/fapi/v1/continuousKlines", 1500),
    ("/fapi/v1/fundingRate", 1000),
    ("/fapi/v1/allOrders", 1000),
    ("/fapi/v1/userTrades", 1000),
    ("/fapi/v1/income", 1000),
    ("/fapi/v1/forceOrders", 100),
    ("/fapi/v1/orderAmendment", 100),
]


def asked(desk: Desk, path: str, **more: object) -> object:
    """The answer's code; None for one without."""
    needs: dict[str, dict[str, object]] = {
        "/fapi/v1/klines": {"interval": "1m"},
        "/fapi/v1/continuousKlines": {
            "pair": "BTCUSDT",
            "contractType": "PERPETUAL",
            "interval": "1m",
        },
        "/fapi/v1/orderAmendment": {"origClientOrderId": "mine"},
    }
    answer = desk.call("GET", path, **(needs.get(path, {}) | more))
    return answer.get("code") if isinstance(answer, dict) else None


@pytest.mark.parametrize(("path", "most"), LIMITS)
def test_a_limit_out_of_range_is_refused(path: str, most: int) -> None:
    desk = Desk()
    desk.place(newClientOrderId="mine")

    codes = [asked(desk, path, limit=limit) for limit in (1, most, most + 1, 0, -1)]

    assert codes == [None, None, -1130, -1130, -1130]


def test_every_endpoint_refuses_what_it_does_not_read() -> None:
    """But for those that refuse with a text of their own whatever they are sent."""
    desk = Desk()
    refused, read = {}, []
    for number, name in enumerate(desk.dispatcher.names):
        method, _, path = name.partition(" ")
        desk.pass_ms(60_000)
        text = signed({"symbol": "BTCUSDT", "unread": number}, desk.venue.now_ms)
        answer = orjson.loads(desk.ask(method, path, query=text).body)
        if "lgo" in path and path != "/fapi/v1/algoOpenOrders":
            continue
        refused[name] = answer.get("code") if isinstance(answer, dict) else answer
        read.append(name)

    assert len(read) > 50
    assert {name for name, code in refused.items() if code != -1104} == set()


def test_an_unread_parameter_places_nothing() -> None:
    desk = Desk()
    alone = desk.place(iceberg="0.001")
    element = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
    batch = [element | {"quantity": "0.010", "price": "59999.0", "icebergQty": "0.001"}]
    (in_batch,) = desk.call(
        "POST", "/fapi/v1/batchOrders", batchOrders=orjson.dumps(batch).decode()
    )

    assert alone == {
        "code": -1104,
        "msg": "Not all sent parameters were read; read '8' parameter(s) but was sent '9'.",
    }
    assert in_batch["code"] == -1104
    assert desk.call("GET", "/fapi/v1/openOrders") == []
    assert desk.heard() == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"goodTillDate": 1_800_000_000_000}, -1106),
        ({"goodTillDate": 1_800_000_000_000, "timeInForce": "GTX"}, -1106),
        ({"goodTillDate": 1_800_000_000_000, "timeInForce": "GTD"}, -1115),
    ],
)
def test_a_date_belongs_to_an_order_good_till_one(changes: dict[str, str], code: int) -> None:
    assert Desk().place(**changes)["code"] == code


@pytest.mark.parametrize(
    ("path", "longest_ms"),
    [("/fapi/v1/userTrades", WEEK_MS), ("/fapi/v1/allOrders", WEEK_MS - 1)],
)
def test_no_more_than_a_week_can_be_looked_up(path: str, longest_ms: int) -> None:
    desk = Desk()
    start_ms = desk.venue.now_ms

    codes = [
        asked(desk, path, startTime=start_ms, endTime=start_ms + span_ms)
        for span_ms in (longest_ms, longest_ms + 1)
    ]

    assert codes == [None, -1127]


@pytest.mark.parametrize(
    ("path", "key"), [("/fapi/v1/userTrades", "orderId"), ("/fapi/v1/allOrders", "orderId")]
)
def test_a_look_back_is_over_one_week(path: str, key: str) -> None:
    """The last one when no time is sent, else the one that it begins or ends."""
    desk = Desk()
    opened_ms = desk.venue.now_ms
    first: list[int] = []
    second: list[int] = []
    for days, orders in ((0, first), (6, second)):
        desk.pass_ms(opened_ms + days * DAY_MS - desk.venue.now_ms)
        orders.append(desk.place("BUY", "60100.0")["orderId"])
    desk.pass_ms(2 * DAY_MS)
    later_ms = opened_ms + 5 * DAY_MS

    def seen(**params: object) -> list[int]:
        return [row[key] for row in desk.call("GET", path, **params)]

    assert seen() == second
    assert seen(startTime=opened_ms) == first + second
    assert seen(endTime=later_ms) == first
    assert seen(startTime=opened_ms - 3 * DAY_MS) == first
    assert seen(orderId=first[0])[:1] == first
