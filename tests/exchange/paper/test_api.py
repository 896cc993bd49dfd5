"""REST grammar: who may ask, how often, and what the venue calls each mistake."""

import orjson
import pytest

from exchange.paper import limits
from exchange.paper.api.ws import WsSession
from tests.exchange.paper.bench import Desk, signed


def code(body: bytes) -> int:
    return int(orjson.loads(body)["code"])


def test_a_signed_form_body_is_as_good_as_a_query() -> None:
    desk = Desk()
    text = signed({"symbol": "BTCUSDT"}, desk.venue.now_ms)

    assert desk.ask("GET", "/fapi/v1/openOrders", query=text).status == 200
    assert desk.ask("GET", "/fapi/v1/openOrders", body=text).status == 200


def test_query_and_body_are_signed_as_one_text_without_a_joint() -> None:
    desk = Desk()
    text = signed({"symbol": "BTCUSDT"}, desk.venue.now_ms)  # signs symbol=..&timestamp=..
    symbol, rest = text.split("&", 1)

    answer = desk.ask("GET", "/fapi/v1/openOrders", query=symbol, body=rest)

    assert code(answer.body) == -1022


def test_the_signature_may_be_upper_case() -> None:
    desk = Desk()
    payload, _, digest = signed({"symbol": "BTCUSDT"}, desk.venue.now_ms).rpartition("=")

    answer = desk.ask("GET", "/fapi/v1/openOrders", query=f"{payload}={digest.upper()}")

    assert answer.status == 200


def test_a_forged_signature_is_refused() -> None:
    desk = Desk()
    text = signed({"symbol": "BTCUSDT"}, desk.venue.now_ms)

    answer = desk.ask("GET", "/fapi/v1/openOrders", query=text[:-4] + "0000")

    assert (answer.status, code(answer.body)) == (400, -1022)


@pytest.mark.parametrize(
    ("shift_ms", "answer"),
    [
        (999, None),
        (1000, "Timestamp for this request was 1000ms ahead of the server's time."),
        (-5000, None),
        (-5001, "Timestamp for this request is outside of the recvWindow."),
    ],
)
def test_the_clock_may_differ_by_so_much_and_no_more(shift_ms: int, answer: str | None) -> None:
    desk = Desk()
    text = signed({"symbol": "BTCUSDT"}, desk.venue.now_ms + shift_ms)

    body = orjson.loads(desk.ask("GET", "/fapi/v1/openOrders", query=text).body)

    assert body == ([] if answer is None else {"code": -1021, "msg": answer})


@pytest.mark.parametrize(("key", "expected"), [(None, -2014), ("other", -2015)])
def test_a_wrong_key_is_turned_away_with_401(key: str | None, expected: int) -> None:
    desk = Desk()

    answer = desk.ask("GET", "/fapi/v1/openOrders", key=key)

    assert (answer.status, code(answer.body)) == (401, expected)


def test_a_missing_timestamp_is_named() -> None:
    answer = Desk().ask("GET", "/fapi/v1/openOrders", query="symbol=BTCUSDT")

    body = orjson.loads(answer.body)

    assert body["code"] == -1102
    assert "'timestamp'" in body["msg"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"price": "59999.05"}, -4014),
        ({"price": "59999.001"}, -1111),
        ({"price": "5.9e4"}, -1100),
        ({"price": "-1"}, -4001),
        ({"price": "0"}, -4013),
        ({"price": "70000.0"}, -4016),
        ({"side": "SELL", "price": "50000.0"}, -4024),
        ({"quantity": "0"}, -4003),
        ({"quantity": "0.0001"}, -1111),
        ({"quantity": "2000"}, -4005),
        ({"quantity": ""}, -1102),
        ({"price": "57000.1", "quantity": "0.001", "symbol": "ETHUSDT"}, -1121),
        ({"side": "HOLD"}, -1117),
        ({"type": "STOP_MARKET"}, -4120),
        ({"type": "ICEBERG"}, -1116),
        ({"timeInForce": "DAY"}, -1115),
        ({"positionSide": "LONG"}, -4061),
        ({"newClientOrderId": "x" * 37}, -4015),
        ({"newOrderRespType": "FULL"}, -1136),
        ({"reduceOnly": "perhaps"}, -1102),
    ],
)
def test_each_bad_order_has_its_code(changes: dict[str, object], expected: int) -> None:
    desk = Desk()

    assert desk.place(**changes)["code"] == expected  # type: ignore[arg-type] # all are texts
    assert desk.heard() == []


def test_too_small_an_order_is_refused_unless_it_reduces() -> None:
    desk = Desk()
    desk.market.wire.instrument = type(desk.market.wire.instrument)(
        "BTCUSDT",
        desk.market.wire.instrument.price,
        desk.market.wire.instrument.qty,
        min_notional_e8=100 * 10**8,
    )

    assert desk.place(quantity="0.001")["code"] == -4164


def test_a_client_id_is_free_again_once_its_order_is_done() -> None:
    desk = Desk()
    desk.place(newClientOrderId="same")

    again = desk.place(newClientOrderId="same")
    desk.call("DELETE", "/fapi/v1/allOpenOrders")
    afterwards = desk.place(newClientOrderId="same")

    assert (again["code"], afterwards["status"]) == (-4116, "NEW")


def test_a_path_that_does_not_exist_is_404_in_json() -> None:
    answer = Desk().ask("GET", "/fapi/v9/nothing")

    assert (answer.status, code(answer.body)) == (404, -5000)


def test_used_weight_is_told_and_enforced() -> None:
    """A thousand-level snapshot weighs 20, so 120 of them are a minute's worth."""
    desk = Desk()
    query = "symbol=BTCUSDT&limit=1000"

    answers = [desk.ask("GET", "/fapi/v1/depth", query=query) for _ in range(121)]

    assert answers[0].headers["X-MBX-USED-WEIGHT-1M"] == "20"
    assert answers[119].status == 200
    assert (answers[120].status, code(answers[120].body)) == (429, -1003)


def spend_a_minute(desk: Desk) -> None:
    """Use up the weight of an address."""
    for _ in range(120):
        desk.ask("GET", "/fapi/v1/depth", query="symbol=BTCUSDT&limit=1000")


def test_who_goes_on_after_429_is_banned_for_longer_each_time() -> None:
    """Ten that were on their way are borne; the ban holds for every call, weightless ones too."""
    desk = Desk()
    told = []
    for _ in range(3):
        desk.pass_ms(60_000)
        spend_a_minute(desk)
        statuses = [desk.ask("GET", "/fapi/v1/ping").status for _ in range(13)]
        answer = desk.ask("GET", "/fapi/v1/fundingInfo")
        until_ms = int(orjson.loads(answer.body)["msg"].partition("until ")[2].partition(".")[0])
        left_ms = until_ms - desk.venue.now_ms
        told.append((statuses.count(429), statuses[-1], answer.status, left_ms))
        assert answer.headers["Retry-After"] == str(left_ms // 1000)
        desk.pass_ms(left_ms - 1)
        assert desk.ask("GET", "/fapi/v1/ping").status == 418
        desk.pass_ms(1)
        assert desk.ask("GET", "/fapi/v1/ping").status == 200

    assert told == [(11, 418, 418, minutes * 60_000) for minutes in (2, 4, 8)]


def test_no_ban_is_longer_than_three_days() -> None:
    banishment, now_ms = limits.Banishment(), 0
    for _ in range(40):
        for _ in range(limits.REFUSALS_BEFORE_BAN + 1):
            banishment.note_refusal(now_ms)
        with pytest.raises(limits.OverLimit) as banned:
            banishment.check(now_ms)
        now_ms += 1000 * int(banned.value.headers["Retry-After"])

    assert banned.value.headers["Retry-After"] == str(3 * 86_400)


def test_who_stops_at_the_first_429_is_never_banned() -> None:
    desk = Desk()
    for _ in range(30):
        spend_a_minute(desk)
        assert desk.ask("GET", "/fapi/v1/ping").status == 429
        desk.pass_ms(60_000)

    assert desk.ask("GET", "/fapi/v1/ping").status == 200


def test_too_many_orders_too_often_lead_to_a_ban() -> None:
    """The other 429; over REST or ws-fapi, since they are one address."""
    desk = Desk()
    for _ in range(300):
        desk.place(price="60000.4", timeInForce="GTX")
    codes = [desk.place()["code"] for _ in range(12)]

    with pytest.raises(limits.OverLimit):
        WsSession(desk.dispatcher, desk.venue, {})
    assert codes == [-1015] * 11 + [-1003]


def test_the_301st_order_within_ten_seconds_waits_for_the_next_window() -> None:
    desk = Desk()
    for _ in range(300):
        desk.place(price="60000.4", timeInForce="GTX")

    refused = desk.place()
    desk.pass_ms(10_000)

    assert refused["code"] == -1015
    assert desk.place()["status"] == "NEW"


def test_a_cancel_is_never_refused_for_order_counts() -> None:
    desk = Desk()
    desk.place(newClientOrderId="quote")
    for _ in range(300):
        desk.place(price="60000.4", timeInForce="GTX")

    answer = desk.call("DELETE", "/fapi/v1/order", origClientOrderId="quote")

    assert answer["status"] == "CANCELED"


def test_a_batch_of_orders_costs_one_in_the_minute() -> None:
    desk = Desk()
    element = '{"symbol":"BTCUSDT","side":"BUY","type":"LIMIT","timeInForce":"GTX",'
    good = element + '"quantity":"0.010","price":"59999.0"}'
    bad = element + '"quantity":"0.010","price":"60001.0"}'
    params: dict[str, object] = {"batchOrders": f"[{good},{bad}]"}

    answer = desk.ask("POST", "/fapi/v1/batchOrders", query=signed(params, desk.venue.now_ms))
    placed, refused = orjson.loads(answer.body)

    assert (placed["status"], refused["code"]) == ("NEW", -5022)
    assert answer.headers["X-MBX-ORDER-COUNT-10S"] == "2"
    assert answer.headers["X-MBX-ORDER-COUNT-1M"] == "1"
