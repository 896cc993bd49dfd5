"""Funding and liquidation: what becomes of an account that the market has ruined."""

from dataclasses import replace
from itertools import pairwise

import pytest

from exchange.instrument import E8
from exchange.paper.account.margin import BRACKETS, bracket_of
from tests.exchange.paper.bench import START_NS, Desk, paper_settings, two_of_everything

HOUR_MS = 3_600_000
FIRST_SETTLEMENT_MS = (START_NS // 1_000_000 // (8 * HOUR_MS) + 1) * 8 * HOUR_MS


def poor_desk(capital_usdt: int = 1_000) -> Desk:
    """Two accounts in two symbols with little money."""
    settings = two_of_everything()
    accounts = tuple(replace(a, capital_e8=capital_usdt * E8) for a in settings.accounts)
    return Desk(replace(settings, accounts=accounts))


def move_mark(desk: Desk, price: int) -> None:
    """The fair value jumps, and the background quotes around it."""
    desk.flow.fair_ticks = float(price * 10)
    desk.pass_ms(20)


def funded_desk(rate: float) -> Desk:
    settings = paper_settings()
    listing = replace(settings.listings[0], funding_rate=rate)
    return Desk(replace(settings, listings=(listing,)))


# ---------------------------------------------------------------- brackets


def test_maintenance_margin_is_continuous_from_bracket_to_bracket() -> None:
    for lower, upper in pairwise(BRACKETS):
        assert lower.cap_e8 == upper.floor_e8
        assert lower.maintenance_e8(lower.cap_e8) == upper.maintenance_e8(lower.cap_e8)


def test_a_bracket_holds_its_cap() -> None:
    assert bracket_of(300_000 * E8).number == 1
    assert bracket_of(300_000 * E8 + 1).number == 2


def test_a_larger_position_keeps_more_and_may_use_less_leverage() -> None:
    small, large = bracket_of(100_000 * E8), bracket_of(5_000_000 * E8)

    assert (small.number, small.leverage, small.maintenance_e8(100_000 * E8)) == (1, 125, 400 * E8)
    assert (large.number, large.leverage, large.maintenance_e8(5_000_000 * E8)) == (
        4,
        50,
        38_000 * E8,
    )


# ---------------------------------------------------------------- funding


@pytest.mark.parametrize(("side", "paid"), [("BUY", 1), ("SELL", -1)])
def test_longs_pay_shorts_when_the_rate_is_positive(side: str, paid: int) -> None:
    """0.010 BTC at a mark of 60,000 and a rate of 0.01 %: 0.06 USDT."""
    desk = funded_desk(0.0001)
    desk.place(side, "60000.4" if side == "BUY" else "59999.6")
    wallet_e8 = desk.client.account.wallet_e8

    desk.pass_ms(FIRST_SETTLEMENT_MS - desk.venue.now_ms - 1)
    assert desk.client.account.wallet_e8 == wallet_e8
    desk = desk.beside(0)
    desk.pass_ms(1)

    events = [e for e in desk.heard() if e["e"] == "ACCOUNT_UPDATE"]
    income = desk.call("GET", "/fapi/v1/income", incomeType="FUNDING_FEE")
    assert desk.client.account.wallet_e8 - wallet_e8 == -paid * 6 * E8 // 100
    assert [row["income"] for row in income] == ["-0.06000000" if paid > 0 else "0.06000000"]
    assert [(e["a"]["m"], e["a"]["S"], e["a"]["P"]) for e in events] == [
        ("FUNDING_FEE", "BTCUSDT", [])
    ]


def test_funding_is_settled_once_an_interval_and_only_for_holders() -> None:
    desk = funded_desk(0.0001)
    desk.pass_ms(FIRST_SETTLEMENT_MS - desk.venue.now_ms)
    desk.place("BUY", "60000.4")
    wallet_e8 = desk.client.account.wallet_e8

    desk.pass_ms(8 * HOUR_MS)
    desk.pass_ms(1000)

    assert desk.client.account.wallet_e8 - wallet_e8 == -6 * E8 // 100
    assert [f.time_ms for f in desk.market.fundings] == [
        FIRST_SETTLEMENT_MS,
        FIRST_SETTLEMENT_MS + 8 * HOUR_MS,
    ]


def test_the_next_settlement_and_its_rate_are_told() -> None:
    desk = funded_desk(0.000125)

    row = desk.call("GET", "/fapi/v1/premiumIndex")

    assert (row["lastFundingRate"], row["nextFundingTime"]) == ("0.00012500", FIRST_SETTLEMENT_MS)


# ---------------------------------------------------------------- liquidation


def test_the_liquidation_price_is_where_the_margin_meets_the_maintenance() -> None:
    """Long 0.300 from 60,000.4 with 1,000 less the fee: at that mark, to within a cent."""
    desk = poor_desk()
    desk.place("BUY", "60000.4", quantity="0.300")
    (risk,) = desk.call("GET", "/fapi/v3/positionRisk")
    account = desk.client.account

    desk.market.mark.price_e8 = round(float(risk["liquidationPrice"]) * E8)

    assert account.margin_balance_e8 == pytest.approx(account.maintenance_e8, abs=E8 / 100)
    assert 56_000 < float(risk["liquidationPrice"]) < 57_500


def test_profit_in_one_symbol_lowers_the_liquidation_price_of_another() -> None:
    desk = poor_desk()
    desk.place("BUY", "60000.4", quantity="0.150")
    desk.place(symbol="ETHUSDT", price="3000.40", quantity="1.000")
    before = desk.client.account.liquidation_price_e8("BTCUSDT")

    desk.venue.markets["ETHUSDT"].mark.price_e8 = 3_100 * E8

    lowered_e8 = before - desk.client.account.liquidation_price_e8("BTCUSDT")
    assert lowered_e8 == pytest.approx((100 - 0.4) / 0.150 / 0.996 * E8, abs=2)


def test_an_account_that_cannot_maintain_its_position_is_liquidated() -> None:
    desk = poor_desk()
    desk.place("BUY", "60000.4", quantity="0.300")
    desk.place("BUY", "56000.0", newClientOrderId="resting")
    desk.heard()

    move_mark(desk, 56_700)

    events = desk.heard()
    orders = [e["o"] for e in events if e["e"] == "ORDER_TRADE_UPDATE"]
    assert events[0]["e"] == "MARGIN_CALL"
    assert (orders[0]["c"], orders[0]["X"], orders[0]["er"]) == ("resting", "EXPIRED", "5")
    assert orders[1]["c"].startswith("autoclose-")
    assert (orders[1]["o"], orders[1]["x"], orders[1]["X"]) == ("LIQUIDATION", "NEW", "NEW")
    assert {o["x"] for o in orders[2:]} == {"CALCULATED"}
    assert orders[-1]["X"] == "FILLED"
    assert desk.symbol_account.holding.lots == 0
    assert desk.call("GET", "/fapi/v1/openOrders") == []


def test_whoever_is_well_off_is_left_alone() -> None:
    desk = Desk()
    desk.place("BUY", "60000.4", quantity="0.300")
    desk.heard()

    move_mark(desk, 56_700)

    assert desk.symbol_account.holding.lots == 300
    assert desk.heard() == []


def test_a_liquidated_wallet_never_falls_below_nothing() -> None:
    """The mark leaps far beyond the bankruptcy price; the insurance fund pays the rest."""
    desk = poor_desk()
    desk.place("BUY", "60000.4", quantity="0.300")

    move_mark(desk, 40_000)

    assert desk.client.account.wallet_e8 == 0
    assert desk.venue.insurance.account.wallet_e8 < 0


def test_an_order_is_charged_what_it_would_lose_at_once() -> None:
    """0.300 at 20 times bind 900 of 1,000; 1 % above the mark they would lose 180 more."""
    desk = poor_desk()

    assert desk.place("BUY", "60600.0", quantity="0.300", timeInForce="IOC")["code"] == -2019
    assert "orderId" in desk.place("BUY", "60100.0", quantity="0.300", timeInForce="IOC")


def test_a_debt_without_a_position_is_paid_by_the_fund() -> None:
    """Closing may lose more than there is; nobody stays below nothing."""
    one = poor_desk(100)
    two = one.beside(1)
    one.call("POST", "/fapi/v1/leverage", leverage=100)
    two.call("POST", "/fapi/v1/leverage", leverage=100)
    one.place("BUY", "60000.4", quantity="0.100")
    one.withdraw_background()
    two.place("BUY", "58500.0", quantity="0.100")

    one.place("SELL", "58500.0", quantity="0.100")
    one.pass_ms(0)

    paid = [i.income_e8 for i in one.client.incomes if i.kind == "INSURANCE_CLEAR"]
    assert one.symbol_account.holding.lots == 0
    assert one.client.account.wallet_e8 == 0
    assert paid == [-one.venue.insurance.account.wallet_e8]
    assert paid[0] > 50 * E8


def test_what_nobody_buys_goes_to_the_insurance_fund() -> None:
    """Lots held by the accounts, the fund and the market sum to zero."""
    desk = poor_desk(5_000)
    desk.place("SELL", "59990.0", quantity="1.500")
    held = desk.symbol_account.holding.lots
    traded_before = {trade.trade_id for trade in desk.symbol_account.trades}

    move_mark(desk, 70_000)

    fund = desk.venue.insurance.account.holdings["BTCUSDT"]
    forced = [t for t in desk.symbol_account.trades if t.trade_id not in traded_before]
    assert desk.symbol_account.holding.lots == 0
    assert sum(t.qty_lots for t in forced) == -held
    assert 0 > fund.lots >= held


def test_the_market_hears_of_a_liquidation_within_a_second() -> None:
    desk = poor_desk()
    box = desk.listen("btcusdt@forceOrder", "!forceOrder@arr")
    desk.place("BUY", "60000.4", quantity="0.300")

    move_mark(desk, 56_700)
    desk.pass_ms(1000)

    assert len(box.take()) == 2
    (row,) = desk.call("GET", "/fapi/v1/forceOrders")
    assert (row["type"], row["side"], row["executedQty"]) == ("LIQUIDATION", "SELL", "0.300")


def test_money_and_contracts_are_conserved_through_a_liquidation() -> None:
    """Two accounts alone in the market; one is ruined, and the fund takes its position over."""
    one = poor_desk(1_000)
    two = one.beside(1)
    two.place("SELL", "60000.1", quantity="0.300")
    one.place("BUY", "60000.1", quantity="0.300")
    one.withdraw_background()

    one.flow.fair_ticks = 565_000.0
    one.pass_ms(0)

    fund = one.venue.insurance.account
    accounts = [one.client.account, two.client.account, fund]
    assert (one.symbol_account.holding.lots, two.symbol_account.holding.lots) == (0, -300)
    assert fund.holdings["BTCUSDT"].lots == 300
    assert sum(a.wallet_e8 + a.fees_e8 + a.unrealised_e8 for a in accounts) == 2_000 * E8
