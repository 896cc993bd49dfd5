"""Worked example of a market maker, played on the exchange to its last figure.

A taker pays 0.025 %, a maker is paid 0.01 %. A lot is bought at 100 and sold a tick higher;
then one is bought at 100, the price falls to 99.80, and a second lot averages down to where
a quote of 99.89 brings both home.
"""

from dataclasses import replace

import numpy as np
import pytest

from engine.models.roundtrip import average_cost, break_even_ask, break_even_ask_ticks
from exchange.instrument import E8, DecimalGrid, Instrument
from exchange.paper.matching.events import BACKGROUND
from exchange.paper.settings import Listing, SyntheticMarket
from exchange.types import Side
from tests.exchange.paper.bench import ACCOUNT, QUIET, Desk, paper_settings

REBATE = 0.0001
CENTS = Instrument("BTCUSDT", DecimalGrid("0.01"), DecimalGrid("1"), min_notional_e8=E8)
EMPTY: SyntheticMarket = replace(QUIET, start_price_ticks=10_000, depth_levels=1, level_lots=1)


def fresh_desk() -> Desk:
    """The example's market: cents, whole lots, and nobody quoting near."""
    account = replace(ACCOUNT, maker_fee_rate=-REBATE, taker_fee_rate=0.00025)
    settings = replace(paper_settings(), listings=(Listing(CENTS, EMPTY),), accounts=(account,))
    desk = Desk(settings)
    desk.withdraw_background()
    return desk


def made(desk: Desk, side: str, price: str, lots: int = 1) -> None:
    """Our quote rests, and a taker meets it."""
    desk.place(side=side, price=price, quantity=str(lots), timeInForce="GTX")
    taker = Side.SELL if side == "BUY" else Side.BUY
    desk.market.apply_events(desk.matching.submit(BACKGROUND, taker, lots, None))


def gained(desk: Desk) -> float:
    """What the wallet has gained since the start, exact to 1e-8."""
    return (desk.client.account.wallet_e8 - desk.settings.accounts[0].capital_e8) / E8


def test_a_round_trip_of_one_tick_earns_two_rebates() -> None:
    """99.99 paid, 100.020001 taken: 0.030001, of which a third is the tick."""
    desk = fresh_desk()

    made(desk, "BUY", "100.00")
    assert gained(desk) == pytest.approx(0.01, abs=1e-12)
    made(desk, "SELL", "100.01")

    assert gained(desk) == pytest.approx(0.030001, abs=1e-12)
    assert desk.symbol_account.holding.lots == 0


def test_selling_after_the_fall_loses_what_the_example_says() -> None:
    """Bought at 100, sold at 99.81."""
    desk = fresh_desk()

    made(desk, "BUY", "100.00")
    made(desk, "SELL", "99.81")

    assert gained(desk) == pytest.approx(-0.170019, abs=1e-12)


def test_averaging_down_to_a_quote_of_99_89_brings_both_lots_home() -> None:
    """The average is 99.89001, the exact break-even 99.8800219978: 99.88 would still lose."""
    desk = fresh_desk()
    made(desk, "BUY", "100.00")
    made(desk, "BUY", "99.80")
    average = average_cost(np.array([100.0, 99.8]), np.array([1.0, 1.0]), REBATE)

    assert average == pytest.approx(99.89001, abs=1e-12)
    assert break_even_ask(average, REBATE) == pytest.approx(99.8800219978, abs=1e-10)
    assert break_even_ask_ticks(average, REBATE, 0.01) == 9_989
    made(desk, "SELL", "99.89", lots=2)
    assert gained(desk) == pytest.approx(0.019958, abs=1e-12)


def test_the_quote_one_tick_nearer_loses() -> None:
    """The study's own rounding of the break-even, 99.88, is two thousandths of a cent short."""
    desk = fresh_desk()
    made(desk, "BUY", "100.00")
    made(desk, "BUY", "99.80")
    made(desk, "SELL", "99.88", lots=2)

    assert gained(desk) == pytest.approx(-0.000044, abs=1e-12)


def test_the_takers_fee_is_the_takers() -> None:
    """One who takes the other side pays 0.025 %, and nothing of it is ours."""
    desk = fresh_desk()
    desk.market.apply_events(desk.matching.submit(BACKGROUND, Side.SELL, 1, 10_000))

    desk.place(side="BUY", price="100.00", quantity="1", timeInForce="IOC")

    assert gained(desk) == pytest.approx(-0.025, abs=1e-12)
