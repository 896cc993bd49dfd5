"""Finite-horizon quotes: printed values, the equation itself, and both limits."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.models.glft import GlftModel, glft_c1, glft_rates
from engine.models.spectral import eigenvalue, stationary_policy
from tests.engine.models.markets import calm, gentle_model, steep
from tests.naive import market_maker as naive
from tests.theory.horizon import horizon_policy


@pytest.mark.parametrize(
    ("tau", "bid_flat", "bid_long", "ask_long"),
    [
        (0.0, 3.2789822823, 3.2789822823, 3.2789822823),
        (1.0, 3.27943225593, 3.2812321561, 3.27763236122),
        (10.0, 3.28385996294, 3.30725018929, 3.26371188037),
        (100.0, 3.32315775753, 3.50527803883, 3.14541784561),
        (600.0, 3.32355807809, 3.50714578552, 3.14424385222),
    ],
)
def test_depths_of_the_reference_at_each_time_left(
    tau: float, bid_flat: float, bid_long: float, ask_long: float
) -> None:
    """At flat and two fills long."""
    policy, _ = horizon_policy(calm(), tau)

    assert policy.depths(0)[0] == pytest.approx(bid_flat, rel=1e-9)
    assert policy.depths(2) == pytest.approx((bid_long, ask_long), rel=1e-9)


@pytest.mark.parametrize(
    ("tau", "certain"), [(1.0, 2.17104249461), (100.0, 215.112455613), (600.0, 1286.29089041)]
)
def test_starting_flat_is_worth_what_the_reference_says(tau: float, certain: float) -> None:
    """In tick·fills."""
    assert horizon_policy(calm(), tau)[1] == pytest.approx(certain, rel=1e-9)


def test_drift_moves_both_quotes_with_it() -> None:
    """A rising mid makes the bid eager and the ask shy."""
    policy, _ = horizon_policy(calm(drift=0.001), 10.0)

    assert policy.depths(0) == pytest.approx((3.27392903884, 3.29379096736), rel=1e-9)


@pytest.mark.parametrize(("drift", "close"), [(0.0, 0.0), (0.02, 0.0), (0.0, 1.5)])
@pytest.mark.parametrize("tau", [0.5, 4.0])
def test_depths_solve_the_control_problem_itself(drift: float, close: float, tau: float) -> None:
    """Against Runge–Kutta on the utility equation, with the best depth searched for."""
    policy, _ = horizon_policy(GlftModel(0.6, 0.5, 1.0, 0.2, 2, drift=drift), tau, close)

    by_search = naive.utility_depths(1.0, 0.6, 0.5, 0.2, drift, 2, tau, close)

    assert policy.table.reshape(-1, 2) == pytest.approx(by_search, abs=2e-6, nan_ok=True)


def test_worth_of_a_day_does_not_overflow() -> None:
    """v itself passes 1e308 after eighteen minutes of this market; its logarithm does not."""
    _, certain = horizon_policy(calm(), 86_400.0)

    assert certain / 86_400 == pytest.approx(0.64270427092049 / 0.3, rel=1e-4)


def test_tail_keeps_the_digits_that_an_eigen_expansion_loses() -> None:
    """Five minutes from the end, at the bound, the expansion is wrong by ticks."""
    model = steep()
    alpha, eta = glft_rates(*model.numbers)
    trap = naive.expansion_bids(alpha, eta, 0.3, glft_c1(0.3, 0.1, 1.0), 30, 300.0)
    policy, _ = horizon_policy(model, 300.0)

    assert policy.depths(29)[0] == pytest.approx(20.776803893, rel=1e-9)
    assert abs(trap[59] - 20.776803893) > 1.0


@settings(max_examples=25)
@given(gentle_model)
def test_far_from_the_end_the_quotes_are_the_stationary_ones(model: GlftModel) -> None:
    """After forty decay times of the slowest mode nothing is left of the end."""
    alpha, eta = glft_rates(*model.numbers)
    gap = eigenvalue(1, alpha, 0.0, eta, model.bound) - eigenvalue(0, alpha, 0.0, eta, model.bound)

    far, _ = horizon_policy(model, 40 / gap)

    still = stationary_policy(model).table
    assert far.table == pytest.approx(still, rel=1e-8, abs=1e-8 / model.k_per_tick, nan_ok=True)


@given(gentle_model)
def test_at_the_end_only_the_static_half_spread_is_left(model: GlftModel) -> None:
    """Inventory no longer costs anything: it is marked at the mid and gone."""
    policy, certain = horizon_policy(model, 0.0)
    c1 = glft_c1(model.k_per_tick, model.gamma, model.delta)

    assert np.nanmax(np.abs(policy.table - c1)) < 1e-12 * c1
    assert certain == 0.0


@settings(max_examples=25)
@given(gentle_model, st.floats(0.01, 5))
def test_bid_long_is_ask_short_at_every_time_left(model: GlftModel, tau: float) -> None:
    """Without drift the market does not know its left from its right."""
    table = horizon_policy(model, tau)[0].table

    assert table == pytest.approx(table[::-1], rel=1e-9, abs=1e-9, nan_ok=True)


def test_more_time_is_never_worth_less() -> None:
    """One may always stop quoting."""
    worths = [horizon_policy(steep(), tau)[1] for tau in (0.0, 0.1, 1.0, 10.0, 100.0)]

    assert worths == sorted(worths)
    assert math.isclose(worths[0], 0.0)


def test_at_the_end_a_quote_that_reduces_gives_up_what_closing_would_cost() -> None:
    """Two ticks of closing cost make the last ask of a long desk two ticks nearer."""
    policy, _ = horizon_policy(calm(), 0.0, close_ticks=2.0)
    c1 = glft_c1(0.3, 0.01, 1.0)

    assert policy.depths(3) == pytest.approx((c1 + 2.0, c1 - 2.0), rel=1e-9)
    assert policy.depths(-3) == pytest.approx((c1 - 2.0, c1 + 2.0), rel=1e-9)
    assert policy.depths(0) == pytest.approx((c1 + 2.0, c1 + 2.0), rel=1e-9)


def test_a_cost_of_closing_leads_home_before_the_end() -> None:
    """Without one the inventory skew fades as the end draws near; with one it grows."""
    far, near = (horizon_policy(calm(), tau, close_ticks=5.0)[0].depths(4) for tau in (300.0, 5.0))
    plain = horizon_policy(calm(), 5.0)[0].depths(4)

    assert near[1] < far[1] < plain[1]


def test_far_from_the_end_a_cost_of_closing_is_not_felt() -> None:
    """Ten minutes are a dozen half-lives here."""
    policy, _ = horizon_policy(calm(), 1500.0, close_ticks=5.0)

    assert policy.table == pytest.approx(stationary_policy(calm()).table, rel=1e-6, nan_ok=True)
