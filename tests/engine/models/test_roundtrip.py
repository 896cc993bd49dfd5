"""Round-trip cost against the study's worked example, pennies and millionths included."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.models.roundtrip import (
    average_cost,
    break_even_ask,
    break_even_ask_ticks,
    break_even_bid,
    break_even_bid_ticks,
    unit_cost,
    unit_proceeds,
)

RHO = 0.0001
FIRST_COST = 99.99


def test_the_study_s_round_trip_gains_three_cents() -> None:
    """Bought at 100, sold a tick higher, a rebate each time."""
    cost, proceeds = unit_cost(100.0, RHO), unit_proceeds(100.01, RHO)

    assert cost == pytest.approx(99.99, rel=1e-12)
    assert proceeds == pytest.approx(100.020001, rel=1e-12)
    assert proceeds - cost == pytest.approx(0.030001, rel=1e-9)


def test_the_study_s_break_even_loses_two_millionths() -> None:
    """It quotes 99.98; the tick that really breaks even is 99.99."""
    assert break_even_ask(FIRST_COST, RHO) == pytest.approx(99.9800019998, rel=1e-12)
    assert break_even_ask_ticks(FIRST_COST, RHO, 0.01) == 9999
    assert unit_proceeds(99.98, RHO) - FIRST_COST == pytest.approx(-2e-6, rel=1e-6)


def test_selling_out_at_the_fallen_price_loses_seventeen_cents() -> None:
    """The alternative that the study declines."""
    assert FIRST_COST - unit_proceeds(99.81, RHO) == pytest.approx(0.170019, rel=1e-9)


def test_a_second_lot_brings_the_break_even_down() -> None:
    """Another at 99.80: average 99.89001, and 99.89 is enough."""
    average = average_cost(np.array([100.0, 99.8]), np.ones(2), RHO)

    assert unit_cost(99.80, RHO) == pytest.approx(99.79002, rel=1e-12)
    assert average == pytest.approx(99.89001, rel=1e-12)
    assert break_even_ask(average, RHO) == pytest.approx(99.8800219978, rel=1e-12)
    assert break_even_ask_ticks(average, RHO, 0.01) == 9989


def test_nothing_bought_has_no_cost() -> None:
    """A flat book divides by nothing."""
    assert np.isnan(average_cost(np.zeros(1), np.zeros(1), RHO))


@given(price=st.floats(1.0, 1e5), rate=st.floats(-0.001, 0.001), tick=st.sampled_from([0.01, 0.1]))
def test_the_rounded_quote_never_loses_and_a_tick_less_does(
    price: float, rate: float, tick: float
) -> None:
    """Up for a sale, down for a buy-back, under fees and rebates alike."""
    cost, proceeds = unit_cost(price, rate), unit_proceeds(price, rate)
    ask, bid = break_even_ask_ticks(cost, rate, tick), break_even_bid_ticks(proceeds, rate, tick)

    assert unit_proceeds(ask * tick, rate) >= cost - 1e-5 * tick
    assert unit_proceeds((ask - 1) * tick, rate) < cost
    assert unit_cost(bid * tick, rate) <= proceeds + 1e-5 * tick
    assert unit_cost((bid + 1) * tick, rate) > proceeds


@given(ticks=st.integers(1, 10**7))
def test_a_break_even_on_the_grid_is_not_pushed_off_it(ticks: int) -> None:
    """Without fees the cost is the break-even, whatever the doubles say."""
    assert break_even_ask_ticks(ticks * 0.1, 0.0, 0.1) == ticks
    assert break_even_bid_ticks(ticks * 0.1, 0.0, 0.1) == ticks


def test_a_short_breaks_even_below_its_price_under_fees() -> None:
    """Five basis points each way."""
    assert break_even_bid(unit_proceeds(100.0, -0.0005), -0.0005) == pytest.approx(
        100 * 0.9995 / 1.0005
    )
