"""Accounts and symbols, several of each: what they share, and what is each one's own."""

from dataclasses import replace

import orjson
import pytest

from exchange.instrument import E8
from exchange.paper.matching.events import BACKGROUND
from exchange.types import Side
from tests.exchange.paper.bench import Desk, signed, two_of_everything


def settings_of(capital_usdt: int) -> Desk:
    """Two symbols, two accounts with so much each."""
    settings = two_of_everything()
    accounts = tuple(replace(a, capital_e8=capital_usdt * E8) for a in settings.accounts)
    return Desk(replace(settings, accounts=accounts))


def test_accounts_trade_with_each_other() -> None:
    one = Desk(two_of_everything())
    two = one.beside(1)
    one.place("SELL", "60000.1", newClientOrderId="rests")

    two.place("BUY", "60000.1", newClientOrderId="takes")

    assert (one.symbol_account.holding.lots, two.symbol_account.holding.lots) == (-10, 10)
    assert one.story() == ["NEW/NEW", "TRADE_LITE", "TRADE/FILLED", "ACCOUNT_UPDATE"]
    assert two.story() == ["NEW/NEW", "TRADE_LITE", "TRADE/FILLED", "ACCOUNT_UPDATE"]


def test_nobody_sees_or_cancels_the_orders_of_another() -> None:
    one = Desk(two_of_everything())
    two = one.beside(1)
    order = one.place(newClientOrderId="mine")

    assert two.call("GET", "/fapi/v1/openOrders") == []
    assert two.call("GET", "/fapi/v1/order", orderId=order["orderId"])["code"] == -2013
    assert two.call("DELETE", "/fapi/v1/order", orderId=order["orderId"])["code"] == -2011
    assert two.call("DELETE", "/fapi/v1/allOpenOrders")["code"] == 200
    assert [o["clientOrderId"] for o in one.call("GET", "/fapi/v1/openOrders")] == ["mine"]
    assert two.heard() == []


def test_two_accounts_may_use_one_client_order_id() -> None:
    one = Desk(two_of_everything())
    two = one.beside(1)

    assert one.place(newClientOrderId="same")["status"] == "NEW"
    assert two.place(newClientOrderId="same")["status"] == "NEW"


def test_the_signature_of_one_account_does_not_open_another() -> None:
    desk = Desk(two_of_everything())
    desk.account = replace(desk.account, api_key="other-key")

    assert desk.call("GET", "/fapi/v3/account")["code"] == -1022


def test_each_account_counts_its_own_orders() -> None:
    one = Desk(two_of_everything())
    two = one.beside(1)
    for _ in range(3):
        one.place()
    two.place()

    assert one.client.limits.used(one.venue.now_ms) == (3, 3)
    assert two.client.limits.used(one.venue.now_ms) == (1, 1)


def test_an_order_of_one_symbol_is_unknown_in_another() -> None:
    desk = Desk(two_of_everything())
    order = desk.place()

    answer = desk.call("GET", "/fapi/v1/order", symbol="ETHUSDT", orderId=order["orderId"])

    assert answer["code"] == -2013


def test_without_a_symbol_the_orders_of_all_symbols_are_listed() -> None:
    desk = Desk(two_of_everything())
    desk.place()
    desk.place(symbol="ETHUSDT", price="2999.00")

    rows = desk.call("GET", "/fapi/v1/openOrders", symbol="BTCUSDT")
    everything = [
        symbol_account.market.symbol for symbol_account in desk.venue.symbol_accounts(desk.client)
    ]

    assert [row["symbol"] for row in rows] == ["BTCUSDT"]
    assert everything == ["BTCUSDT", "ETHUSDT"]


def test_a_symbol_that_is_not_listed_is_refused() -> None:
    assert Desk().call("GET", "/fapi/v1/openOrders", symbol="DOGEUSDT")["code"] == -1121


def test_margin_is_shared_by_all_symbols() -> None:
    """1,000 USDT carry 20,000: 0.300 BTC take 18,000, and 0.666 ETH the rest."""
    desk = settings_of(1_000)
    desk.place("BUY", "59999.0", quantity="0.300")

    too_much = desk.place(symbol="ETHUSDT", price="2999.00", quantity="0.700")
    just_right = desk.place(symbol="ETHUSDT", price="2999.00", quantity="0.660")

    assert (too_much["code"], just_right["status"]) == (-2019, "NEW")


def test_a_higher_leverage_binds_less_and_is_announced() -> None:
    desk = settings_of(1_000)
    answer = desk.call("POST", "/fapi/v1/leverage", leverage=50)
    (event,) = desk.heard()

    assert answer == {"leverage": 50, "maxNotionalValue": "12000000", "symbol": "BTCUSDT"}
    assert (event["e"], event["ac"]) == ("ACCOUNT_CONFIG_UPDATE", {"s": "BTCUSDT", "l": 50})
    assert desk.place("BUY", "59999.0", quantity="0.800")["status"] == "NEW"


def test_a_leverage_that_the_balance_cannot_carry_is_refused_and_changes_nothing() -> None:
    desk = settings_of(1_000)
    desk.place("BUY", "59999.0", quantity="0.300")

    assert desk.call("POST", "/fapi/v1/leverage", leverage=10)["code"] == -2028
    assert desk.symbol_account.holding.leverage == 20


def test_more_leverage_is_had_even_where_the_margin_is_short() -> None:
    desk = settings_of(1_000)
    desk.place("BUY", "60000.4", quantity="0.300")
    desk.market.mark.price_e8 = 58_000 * E8

    assert desk.call("POST", "/fapi/v1/leverage", leverage=21)["leverage"] == 21


@pytest.mark.parametrize("leverage", [0, 126, -1])
def test_a_leverage_that_no_bracket_knows_is_refused(leverage: int) -> None:
    assert Desk().call("POST", "/fapi/v1/leverage", leverage=leverage)["code"] == -4028


def test_a_position_larger_than_its_leverage_allows_is_refused() -> None:
    """At 125 times no more than 300,000 USDT: 4.9 BTC stand, 5.1 do not."""
    desk = settings_of(1_000_000)
    desk.call("POST", "/fapi/v1/leverage", leverage=125)

    assert desk.place("BUY", "59999.0", quantity="5.100")["code"] == -2027
    assert desk.place("BUY", "59999.0", quantity="4.900")["status"] == "NEW"


def test_a_round_trip_leaves_its_profit_and_fees_in_the_income() -> None:
    one = Desk(two_of_everything())
    two = one.beside(1)
    two.place("SELL", "60000.1")
    one.place("BUY", "60000.1")
    two.place("BUY", "60000.0")
    one.place("SELL", "60000.0")

    rows = one.call("GET", "/fapi/v1/income")

    assert [(row["incomeType"], row["income"]) for row in rows] == [
        ("COMMISSION", "-0.30000050"),
        ("REALIZED_PNL", "-0.00100000"),
        ("COMMISSION", "-0.30000000"),
    ]
    wallet = float(one.call("GET", "/fapi/v3/balance")[0]["balance"])
    assert wallet == pytest.approx(10_000 + sum(float(row["income"]) for row in rows), abs=1e-9)


def test_money_and_contracts_between_accounts_are_conserved() -> None:
    """Fees aside, what one wins the other has lost; lots sum to zero."""
    one = Desk(two_of_everything())
    two = one.beside(1)
    for price in ("60000.1", "60000.3", "59999.7", "60000.0"):
        two.place("SELL", price, quantity="0.013")
        one.place("BUY", price, quantity="0.013")
    two.place("BUY", "60000.2", quantity="0.030")
    one.place("SELL", "60000.2", quantity="0.030")

    clients = (one.client, two.client)
    wallets = sum(m.account.wallet_e8 + m.account.fees_e8 for m in clients)
    open_e8 = sum(m.account.unrealised_e8 for m in clients)
    assert (one.symbol_account.holding.lots, two.symbol_account.holding.lots) == (22, -22)
    assert wallets + open_e8 == 20_000 * E8


@pytest.mark.parametrize(
    ("path", "params", "code"),
    [
        ("/fapi/v1/positionSide/dual", {"dualSidePosition": "true"}, -1020),
        ("/fapi/v1/positionSide/dual", {"dualSidePosition": "false"}, -4059),
        ("/fapi/v1/marginType", {"marginType": "ISOLATED"}, -1020),
        ("/fapi/v1/marginType", {"marginType": "CROSSED"}, -4046),
        ("/fapi/v1/multiAssetsMargin", {"multiAssetsMargin": "true"}, -1020),
        ("/fapi/v1/algoOrder", {"algoType": "CONDITIONAL"}, -1020),
    ],
)
def test_what_the_exchange_does_not_have_is_refused_by_the_venues_code(
    path: str, params: dict[str, object], code: int
) -> None:
    answer = Desk().call("POST", path, **params)

    assert answer["code"] == code
    if code == -1020:
        assert "not supported: " in answer["msg"]


def test_an_order_is_tested_by_every_rule_and_leaves_no_trace() -> None:
    desk = Desk()
    order = {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": "59999.0"}

    good = desk.call("POST", "/fapi/v1/order/test", quantity="0.010", **order)
    poor = desk.call("POST", "/fapi/v1/order/test", quantity="3.400", **order)

    assert (good["status"], good["origQty"], good["avgPrice"]) == ("NEW", "0.010", "0.00")
    assert poor["code"] == -2019
    assert desk.heard() == []
    assert desk.call("GET", "/fapi/v1/openOrders") == []


@pytest.mark.parametrize(
    ("side", "price", "next_price"),
    [
        ("BUY", "63000.0", "63000.1"),
        ("SELL", "57000.0", "56999.9"),
    ],
)
def test_a_limit_may_stand_at_the_very_bound_around_the_mark(
    side: str, price: str, next_price: str
) -> None:
    """60,000 and five per cent."""
    desk = Desk()
    desk.withdraw_background()

    assert desk.place(side, price)["status"] == "NEW"
    assert desk.place(side, next_price)["code"] in (-4016, -4024)


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"type": "MARKET", "price": "60000.0"}, -1106),
        ({"type": "MARKET", "timeInForce": "GTC"}, -1106),
        ({"type": "MARKET", "price": ""}, -1105),
        ({"type": "MARKET", "closePosition": "true"}, -4136),
        ({"type": "LIMIT", "timeInForce": "GTC", "price": "59999.0", "stopPrice": "1"}, -1106),
    ],
)
def test_what_an_order_has_no_use_for_is_refused(params: dict[str, object], code: int) -> None:
    answer = Desk().call("POST", "/fapi/v1/order", side="BUY", quantity="0.010", **params)

    assert answer["code"] == code


def test_a_signature_must_stand_last() -> None:
    desk = Desk()
    text = signed({"symbol": "BTCUSDT"}, desk.venue.now_ms)
    signature = text.rpartition("&")[2]
    first = f"{signature}&{text.rpartition('&')[0]}"

    assert orjson.loads(desk.ask("GET", "/fapi/v1/openOrders", query=first).body)["code"] == -1022
    assert orjson.loads(desk.ask("GET", "/fapi/v1/openOrders", query=text).body) == []


def test_a_market_order_beyond_the_bounds_around_the_mark_is_refused() -> None:
    """The only offer left is one of 63,100, more than five per cent above the mark."""
    desk = Desk()
    desk.withdraw_background()
    desk.matching.submit(BACKGROUND, Side.SELL, 1000, 631_000)

    answer = desk.call("POST", "/fapi/v1/order", side="BUY", type="MARKET", quantity="0.010")

    assert answer["code"] == -4131


def test_a_market_order_takes_nothing_beyond_the_bounds() -> None:
    """0.010 stand at 62,000 and the rest at 63,100: the remainder expires by reason 9."""
    desk = Desk()
    desk.withdraw_background()
    desk.matching.submit(BACKGROUND, Side.SELL, 10, 620_000)
    desk.matching.submit(BACKGROUND, Side.SELL, 1000, 631_000)

    desk.call("POST", "/fapi/v1/order", side="BUY", type="MARKET", quantity="0.015")
    last = desk.heard()[-1]["o"]

    assert (last["X"], last["z"], last["er"], last["p"]) == ("EXPIRED", "0.010", "9", "0")
