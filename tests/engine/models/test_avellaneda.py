"""Avellaneda and Stoikov: printed values, the corrected ask, and the exact table."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.models.avellaneda import (
    finite_quote,
    indifference_ask,
    indifference_bid,
    least_omega,
    symmetric_moments,
)
from tests.engine.models.markets import calm
from tests.naive import market_maker as naive
from tests.theory.horizon import horizon_policy


def test_quotes_of_the_reference_with_a_second_left() -> None:
    """Two long at a mid of 100."""
    shift, spread = finite_quote(2.0, 1.5, 0.1, 2.0, 1.0)

    assert 100 - shift == pytest.approx(99.2, rel=1e-12)
    assert spread == pytest.approx(1.69077042275, rel=1e-9)
    assert 100 - shift - spread / 2 == pytest.approx(98.3546147886, rel=1e-9)
    assert 100 - shift + spread / 2 == pytest.approx(100.045385211, rel=1e-9)


def test_at_the_end_inventory_no_longer_leans_the_quotes() -> None:
    """Only the static spread is left."""
    assert finite_quote(2.0, 1.5, 0.1, 2.0, 0.0) == pytest.approx((0, 1.29077042275), rel=1e-9)


@pytest.mark.parametrize(("q", "per_s"), [(0, 1), (3, 7), (-2, -3)])
def test_near_the_end_the_quotes_are_the_exact_ones_to_first_order(q: int, per_s: int) -> None:
    """The bid deepens by (1 + 2q)/2·gamma·sigma² a second; this is all that the form knows."""
    tau = 1e-3
    exact = horizon_policy(calm(), tau)[0].depths(q)[0]
    shift, spread = finite_quote(0.3, 0.3, 0.01, q, tau)

    assert shift + spread / 2 == pytest.approx(exact, abs=1e-9)
    assert shift + spread / 2 - finite_quote(0.3, 0.3, 0.01, q, 0.0)[1] / 2 == pytest.approx(
        per_s / 2 * 0.01 * 0.09 * tau, rel=1e-6
    )


def test_far_from_the_end_the_form_leaves_the_exact_quotes() -> None:
    """It grows without limit; the exact spread settles. Hence never on a market without end."""
    _, spread = finite_quote(0.3, 0.3, 0.01, 0.0, 86_400.0)

    assert sum(horizon_policy(calm(), 6_000.0)[0].depths(0)) == pytest.approx(6.647, abs=1e-3)
    assert spread > 80


@pytest.mark.parametrize(
    ("q", "bid", "ask"),
    [(3.0, 99.3546147886, 99.563249365), (0.0, 99.9170119719, 100.082988028)],
)
def test_indifference_prices_of_the_reference(q: float, bid: float, ask: float) -> None:
    """Up to ten long or short, at a mid of 100."""
    omega = least_omega(2.0, 0.1, 10.0)

    assert omega == pytest.approx(2.42, rel=1e-12)
    assert 100 + indifference_bid(2.0, 0.1, omega, q) == pytest.approx(bid, rel=1e-9)
    assert 100 + indifference_ask(2.0, 0.1, omega, q) == pytest.approx(ask, rel=1e-9)


@given(st.floats(-9, 9))
def test_selling_undoes_buying(q: float) -> None:
    """Definition 1: the ask with one more is the bid before it."""
    omega = least_omega(2.0, 0.1, 10.0)

    ask = indifference_ask(2.0, 0.1, omega, q + 1)

    assert ask == pytest.approx(indifference_bid(2.0, 0.1, omega, q), rel=1e-12)


@pytest.mark.parametrize("q", [3.0, 0.0, 5.0])
def test_printed_ask_fails_its_own_definition(q: float) -> None:
    """The trap: it is off by 0.0007 ticks at flat and by more with every fill."""
    omega = least_omega(2.0, 0.1, 10.0)

    trap = naive.printed_ask(2.0, 0.1, omega, q)

    assert abs(trap - indifference_bid(2.0, 0.1, omega, q - 1)) > 6e-4


def test_full_maker_has_no_bid() -> None:
    """At q_max the logarithm would be of zero."""
    omega = least_omega(2.0, 0.1, 10.0)

    assert math.isnan(indifference_bid(2.0, 0.1, omega, 10.0))
    assert math.isfinite(indifference_ask(2.0, 0.1, omega, 10.0))


@pytest.mark.parametrize(
    ("gamma", "spread", "mean", "sd", "sd_q"),
    [
        (0.1, 1.4907704, 68.228179, 13.404792, 8.4016595),
        (0.01, 1.3489085, 68.66618, 13.622013, 8.7118771),
        (1.0, 3.0216512, 43.868979, 10.726377, 5.1892815),
    ],
)
def test_exact_moments_of_the_symmetric_scheme(
    gamma: float, spread: float, mean: float, sd: float, sd_q: float
) -> None:
    """What the published simulation of 1,000 paths estimates."""
    _, mean_spread = finite_quote(2.0, 1.5, gamma, 0.0, 0.5)

    found = symmetric_moments(2.0, 140.0, 1.5, mean_spread / 2, 1.0, 200)

    assert mean_spread == pytest.approx(spread, rel=5e-8)
    assert found == pytest.approx((mean, sd, sd_q), rel=5e-8)
