"""The closed form against the papers' printed values and against its own limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.models.glft import glft_c1, glft_c2, glft_quote

positive = st.floats(1e-3, 1e3)


@pytest.mark.parametrize(
    ("q", "bid_depth", "ask_depth"),
    [
        (0, 3.31291519856, 3.31291519856),
        (4, 3.58437852869, 3.04145186844),
        (-3, 3.10931770097, 3.51651269616),
    ],
)
def test_closed_form_gives_the_paper_s_depths(q: int, bid_depth: float, ask_depth: float) -> None:
    """The figures of Guéant, Lehalle & Fernandez-Tapia: gamma .01, k .3, A .9, sigma .3."""
    half_spread, skew, _, _ = glft_quote(0.3, 0.9, 0.3, 0.01, 1.0, 1.0, 1.0)

    assert half_spread + skew * q == pytest.approx(bid_depth, rel=1e-9)
    assert half_spread - skew * q == pytest.approx(ask_depth, rel=1e-9)


@pytest.mark.parametrize(
    ("sigma", "A", "k", "gamma", "delta", "c1", "c2", "half_spread", "skew"),
    [
        (
            *(10.69, 2.986162360812285, 0.04235741115084049, 0.05, 1.0),
            *(15.5904510133, 0.91330857346, 20.4720853384, 9.76326865029),
        ),
        (
            *(4.0, 1.5, 0.08, 0.1, 0.5),
            *(9.71015631563, 1.7160058019, 11.4261621175, 6.86402320759),
        ),
    ],
)
def test_tutorial_form_gives_its_printed_numbers(
    sigma: float,
    A: float,
    k: float,
    gamma: float,
    delta: float,
    c1: float,
    c2: float,
    half_spread: float,
    skew: float,
) -> None:
    """Row one is what the public GLFT tutorial prints."""
    found = glft_quote(sigma, A, k, gamma, delta, 1.0, 1.0)

    assert found == pytest.approx((half_spread, skew, c1, c2), rel=1e-9)


def test_seed_parameters_give_the_reference_s_quote() -> None:
    """The study's fall-back A and k with its gamma, delta, adj1 and adj2 per order."""
    found = glft_quote(10.0, 3.8325354556799747, 0.018222652183273957, 0.3, 3.0, 1.5, 0.03)

    assert found[0] == pytest.approx(147.14443787, rel=1e-9)
    assert found[1] == pytest.approx(1.87481973925, rel=1e-9)


def test_fearless_maker_quotes_the_monopoly_half_spread() -> None:
    """With risk aversion near zero only the depth decay k matters: 1/k."""
    half_spread, skew, _, _ = glft_quote(0.5, 1.0, 0.8, 1e-12, 1.0, 1.0, 1.0)

    assert half_spread == pytest.approx(1 / 0.8, rel=1e-4)
    assert skew == pytest.approx(0.0, abs=1e-4)


@pytest.mark.parametrize("x", [1e-16, 1e-9, 0.99e-6, 1.01e-6])
def test_growth_keeps_its_digits_where_the_plain_power_loses_them(x: float) -> None:
    """(1+x)**(1+1/x) tends to e; computed as it stands it returns 1 below x = 1e-16."""
    e_times = 2.718281828459045 * (1 + x / 2)

    assert glft_c2(0.5, 1.0, x, 1.0) ** 2 / x == pytest.approx(e_times, rel=1e-9)


@given(sigma=positive, A=positive, k=positive, gamma=positive)
def test_halving_the_tick_leaves_quoted_prices_alone(
    sigma: float, A: float, k: float, gamma: float
) -> None:
    """Depths double in half as large ticks, so prices stay: the unit test of the whole model."""
    coarse = glft_quote(sigma, A, k, gamma, 1.0, 1.0, 1.0)
    fine = glft_quote(2 * sigma, A, k / 2, gamma / 2, 1.0, 1.0, 1.0)

    assert fine[:2] == pytest.approx((2 * coarse[0], 2 * coarse[1]), rel=1e-9)


@given(sigma=positive, A=positive, k=positive, gamma=positive, unit=st.floats(0.1, 10))
def test_counting_inventory_in_other_units_leaves_depths_alone(
    sigma: float, A: float, k: float, gamma: float, unit: float
) -> None:
    """Order quantities or contracts: gamma and delta must follow together."""
    one = glft_quote(sigma, A, k, gamma, 1.0, 1.0, 1.0)
    other = glft_quote(sigma, A, k, gamma / unit, unit, 1.0, 1.0)

    assert other[0] == pytest.approx(one[0], rel=1e-9)
    assert other[1] * unit == pytest.approx(one[1], rel=1e-9)


@given(k=positive, gamma=positive)
def test_more_fear_lowers_the_static_half_spread(k: float, gamma: float) -> None:
    """c1 falls from 1/k towards 0 as gamma grows."""
    assert 0 < glft_c1(k, 2 * gamma, 1.0) < glft_c1(k, gamma, 1.0) <= 1 / k * (1 + 1e-12)
