"""Venue behaviour an account meets: event sequences, reduce-only, the dead man's switch."""

import orjson

from exchange.types import Side
from tests.exchange.paper.bench import LIVELY, START_NS, Desk, paper_settings, two_of_everything

FILL = ["TRADE_LITE", "TRADE/FILLED", "ACCOUNT_UPDATE"]


def test_a_resting_order_is_acked_and_announced() -> None:
    desk = Desk()

    ack = desk.place(timeInForce="GTX", newClientOrderId="quote-1")

    assert (ack["status"], ack["clientOrderId"], ack["executedQty"]) == ("NEW", "quote-1", "0.000")
    assert desk.story() == ["NEW/NEW"]


def test_an_answer_to_placing_never_tells_an_average_price() -> None:
    """The venue stopped in 2026; a client that still reads it must fail here first."""
    ack = Desk().place()

    assert not {"avgPrice", "cumQuote", "cumBase"} & ack.keys()


def test_a_crossing_order_is_announced_before_it_trades() -> None:
    desk = Desk()

    ack = desk.place(price="60000.4")

    assert ack["status"] == "NEW"
    assert desk.story() == ["NEW/NEW", *FILL]


def test_an_immediate_order_tells_its_remainder_expired() -> None:
    desk = Desk()

    ack = desk.place(
        price="60000.4", timeInForce="IOC", quantity="1.000", newOrderRespType="RESULT"
    )
    events = desk.heard()
    last = events[-1]["o"]

    assert ack["status"] == "EXPIRED"
    assert (last["x"], last["X"], last["er"]) == ("EXPIRED", "EXPIRED", "2")
    assert last["z"] == ack["executedQty"]


def test_a_post_only_order_that_would_take_leaves_only_its_refusal() -> None:
    desk = Desk()

    answer = desk.place(price="60000.4", timeInForce="GTX", newClientOrderId="late")

    assert answer["code"] == -5022
    assert desk.heard() == []
    assert desk.call("GET", "/fapi/v1/order", origClientOrderId="late")["code"] == -2013


def test_a_fill_or_kill_that_cannot_fill_is_refused() -> None:
    assert Desk().place(price="60000.4", timeInForce="FOK", quantity="3.000")["code"] == -5021


def test_a_resting_quote_is_filled_by_the_market_as_maker() -> None:
    desk = Desk(paper_settings(LIVELY))
    desk.place(price="59999.9")
    while desk.symbol_account.orders.open:
        desk.pass_ms(20)
    trade = next(
        event["o"]
        for event in desk.heard()
        if event["e"] == "ORDER_TRADE_UPDATE" and event["o"]["x"] == "TRADE"
    )

    assert trade["m"] is True
    assert trade["L"] == "59999.9"
    assert desk.symbol_account.holding.lots == 10


def test_the_accounts_own_maker_expires_in_match() -> None:
    desk = Desk()
    desk.place("SELL", "60000.2", newClientOrderId="mine")
    desk.heard()

    desk.place("BUY", "60000.2")
    expired = [e["o"] for e in desk.heard() if e["o"]["c"] == "mine"]

    assert [(o["x"], o["X"], o["er"]) for o in expired] == [("EXPIRED", "EXPIRED_IN_MATCH", "1")]


def test_cancelling_is_answered_and_announced_once() -> None:
    desk = Desk()
    desk.place(newClientOrderId="quote-1")

    first = desk.call("DELETE", "/fapi/v1/order", origClientOrderId="quote-1")
    second = desk.call("DELETE", "/fapi/v1/order", origClientOrderId="quote-1")

    assert (first["status"], second["code"]) == ("CANCELED", -2011)
    assert desk.story() == ["NEW/NEW", "CANCELED/CANCELED"]


def test_a_batch_answers_each_order_at_its_place() -> None:
    desk = Desk()
    desk.place(newClientOrderId="a")

    answers = desk.call("DELETE", "/fapi/v1/batchOrders", origClientOrderIdList='["ghost","a"]')

    assert [answers[0]["code"], answers[1]["status"]] == [-2011, "CANCELED"]


def test_one_order_of_a_batch_nested_too_deep_spoils_no_other() -> None:
    desk = Desk()
    order = '{"symbol":"BTCUSDT","side":"BUY","type":"LIMIT","timeInForce":"GTC",'
    order += '"quantity":"0.010","price":"59999.0"}'
    deep = '{"symbol":' + "[" * 400 + "]" * 400 + "}"

    answers = desk.call("POST", "/fapi/v1/batchOrders", batchOrders=f"[{order},{deep},{order}]")

    assert [answer.get("status", answer.get("code")) for answer in answers] == ["NEW", -1130, "NEW"]


def test_cancel_all_leaves_nothing_open() -> None:
    desk = Desk()
    desk.place()
    desk.place("SELL", "60001.0")

    answer = desk.call("DELETE", "/fapi/v1/allOpenOrders")

    assert answer["code"] == 200
    assert desk.call("GET", "/fapi/v1/openOrders") == []


def test_the_countdown_cancels_unless_it_is_refreshed() -> None:
    desk = Desk()
    desk.place()
    desk.call("POST", "/fapi/v1/countdownCancelAll", countdownTime=1000)
    desk.pass_ms(900)
    desk.call("POST", "/fapi/v1/countdownCancelAll", countdownTime=1000)

    desk.pass_ms(990)
    assert desk.story() == ["NEW/NEW"]
    desk.pass_ms(10)

    assert desk.story() == ["CANCELED/CANCELED"]


def test_a_countdown_of_zero_disarms() -> None:
    desk = Desk()
    desk.place()
    desk.call("POST", "/fapi/v1/countdownCancelAll", countdownTime=1000)
    answer = desk.call("POST", "/fapi/v1/countdownCancelAll", countdownTime=0)

    desk.pass_ms(5000)

    assert answer == {"symbol": "BTCUSDT", "countdownTime": "0"}
    assert len(desk.symbol_account.orders.open) == 1


def test_reduce_only_is_refused_when_flat() -> None:
    assert Desk().place("SELL", "60001.0", reduceOnly="true")["code"] == -2022


def test_a_reduce_only_order_is_cut_to_the_position() -> None:
    desk = Desk()
    desk.place("BUY", "60000.4")

    ack = desk.place("SELL", "60001.0", quantity="0.500", reduceOnly="true")

    assert ack["origQty"] == "0.010"


def test_a_sweep_never_flips_a_position_through_a_reduce_only_order() -> None:
    """Long 0.010, with an ordinary offer of 0.010 before the reduce-only one of 0.010."""
    one = Desk(two_of_everything())
    two = one.beside(1)
    one.place("BUY", "60000.4")
    one.withdraw_background()
    one.place("SELL", "60000.1")
    one.place("SELL", "60000.2", reduceOnly="true", newClientOrderId="exit")
    one.heard()

    ack = two.place(
        "BUY", "60000.3", quantity="0.020", timeInForce="IOC", newOrderRespType="RESULT"
    )
    exits = [e["o"] for e in one.heard() if e.get("o", {}).get("c") == "exit"]

    assert one.symbol_account.holding.lots == 0
    assert ack["executedQty"] == "0.010"
    assert [(o["X"], o["er"], o["z"]) for o in exits] == [("EXPIRED", "4", "0.000")]


def test_a_sweep_takes_of_a_reduce_only_order_what_the_position_leaves() -> None:
    """Long 0.010, 0.006 of it sold by an ordinary offer: 0.004 of the exit may trade."""
    one = Desk(two_of_everything())
    two = one.beside(1)
    one.place("BUY", "60000.4")
    one.withdraw_background()
    one.place("SELL", "60000.1", quantity="0.006")
    one.place("SELL", "60000.2", reduceOnly="true")

    ack = two.place(
        "BUY", "60000.3", quantity="0.020", timeInForce="IOC", newOrderRespType="RESULT"
    )

    assert (one.symbol_account.holding.lots, ack["executedQty"]) == (0, "0.010")
    assert not one.symbol_account.orders.open


def test_reduce_only_orders_share_the_position_oldest_first() -> None:
    """Long 0.010 with exits of 0.006 and 0.004; 0.007 sold elsewhere leave 0.003 and nothing."""
    one = Desk(two_of_everything())
    two = one.beside(1)
    one.place("BUY", "60000.4")
    one.withdraw_background()
    one.place("SELL", "60000.3", quantity="0.006", reduceOnly="true", newClientOrderId="first")
    one.place("SELL", "60000.2", quantity="0.004", reduceOnly="true", newClientOrderId="second")
    box = one.listen("btcusdt@bookTicker")

    two.place("BUY", "60000.1", quantity="0.007")
    one.place("SELL", "60000.1", quantity="0.007", timeInForce="IOC")

    (row,) = one.call("GET", "/fapi/v1/openOrders")
    assert (row["clientOrderId"], row["origQty"]) == ("first", "0.003")
    assert one.symbol_account.holding.asks_lots == 3
    last = orjson.loads(box.take()[-1])
    assert (last["a"], last["A"]) == ("60000.3", "0.003")


def test_no_more_orders_stand_than_the_filter_says() -> None:
    desk = Desk()
    desk.client.limits.spend_orders = lambda *_: None  # type: ignore[method-assign] # not this limit
    answers = [desk.place(quantity="0.001", price=f"{59_000 + i}.0") for i in range(201)]

    assert [a.get("code") for a in answers[-2:]] == [None, -2025]


def test_a_fill_or_kill_counts_only_what_a_reduce_only_order_may_give() -> None:
    """Long 0.010 behind two exits of 0.010 each, one of them ordinary: 0.020 cannot be had."""
    one = Desk(two_of_everything())
    two = one.beside(1)
    one.place("BUY", "60000.4")
    one.withdraw_background()
    one.place("SELL", "60000.1")
    one.place("SELL", "60000.2", reduceOnly="true")

    refused = two.place("BUY", "60000.3", quantity="0.020", timeInForce="FOK")
    filled = two.place(
        "BUY", "60000.3", quantity="0.010", timeInForce="FOK", newOrderRespType="RESULT"
    )

    assert (refused["code"], filled["executedQty"]) == (-5021, "0.010")


def test_reduce_only_orders_end_with_the_position() -> None:
    desk = Desk()
    desk.place("BUY", "60000.4")
    desk.place("SELL", "60001.0", reduceOnly="true", newClientOrderId="exit")
    desk.heard()

    desk.place("SELL", "59999.6")
    exits = [e["o"] for e in desk.heard() if e.get("o", {}).get("c") == "exit"]

    assert [(o["X"], o["er"]) for o in exits] == [("EXPIRED", "4")]


def test_an_order_beyond_the_margin_is_refused() -> None:
    """10,000 USDT carry 200,000 at twenty times: 3.33 BTC at 60,000."""
    desk = Desk()

    assert desk.place(quantity="3.400")["code"] == -2019
    assert desk.place(quantity="3.300")["status"] == "NEW"


def test_account_and_trades_tell_the_same_fill() -> None:
    desk = Desk()
    desk.place("BUY", "60000.4")

    account = desk.call("GET", "/fapi/v3/account")
    (trade,) = desk.call("GET", "/fapi/v1/userTrades")

    assert account["positions"][0]["positionAmt"] == "0.010"
    assert trade["price"] == "60000.4"
    assert float(account["totalWalletBalance"]) == 10_000 - float(trade["commission"])


def test_a_flat_account_lists_no_position() -> None:
    assert Desk().call("GET", "/fapi/v3/positionRisk") == []


def test_ids_go_on_growing_after_a_restart() -> None:
    """The id of an order of yesterday must never name one of today."""
    desk = Desk()
    first = desk.place()["orderId"]
    desk.pass_ms(2000)

    later = Desk()
    later.venue = type(later.venue)(later.settings, later.pubsub, START_NS + 2_000_000_000)

    assert later.venue.markets["BTCUSDT"].matching.last_order_id > max(
        first, desk.matching.last_order_id
    )


def test_an_unused_listen_key_expires_after_an_hour() -> None:
    desk = Desk()
    desk.pass_ms(3_600_000)

    assert desk.story() == ["listenKeyExpired"]
    assert desk.ask("PUT", "/fapi/v1/listenKey").status == 400


def test_nobody_hears_events_of_a_key_that_was_deleted() -> None:
    desk = Desk()
    desk.ask("DELETE", "/fapi/v1/listenKey")

    desk.place()

    assert desk.heard() == []


def test_a_background_trade_is_on_the_tape_and_not_in_the_accounts_trades() -> None:
    desk = Desk(paper_settings(LIVELY))

    desk.pass_ms(5000)

    assert desk.market.tape.prints
    assert not desk.symbol_account.trades
    assert all(trade.taker_side in Side for trade in desk.market.tape.prints)
