"""Stationary value: exact facts of quoting for ever, and the exact worth of any policy."""

import math

import numpy as np
import pytest
from hypothesis import given, settings

from engine.models.glft import GlftModel, closed_policy
from engine.models.policy import Policy
from engine.models.simulate import generator, simulate
from engine.models.spectral import stationary_policy
from engine.models.stationary import (
    certainty_growth,
    half_life_s,
    law_of,
    log_moment,
    long_run,
    rates_of,
    worth,
)
from tests.engine.models.markets import any_model, brisk, calm, gentle_model, steep
from tests.naive import market_maker as naive
from tests.theory.horizon import horizon_policy

HORIZON_S = 600.0


def flat_half_spread(model: GlftModel) -> float:
    return closed_policy(model).depths(0)[0]


@pytest.mark.parametrize(
    ("model", "sd", "fills", "income", "growth", "half_life"),
    [
        (
            calm(40),
            *(4.94930689206, 0.669642719416, 2.19574661244, 2.14911476715, 50.711120573),
        ),
        (
            steep(),
            *(0.98040307615, 0.148186724783, 0.426306640955, 0.322407302372, 9.02621894381),
        ),
    ],
)
def test_long_run_of_the_reference(
    model: GlftModel, sd: float, fills: float, income: float, growth: float, half_life: float
) -> None:
    """Inventory, fills and money a second, and how fast inventory is worked off."""
    facts = long_run(stationary_policy(model), model)

    assert (facts.sd_lots, facts.fills_per_s, facts.income_per_s) == pytest.approx(
        (sd, fills, income), rel=1e-9
    )
    assert certainty_growth(model) == pytest.approx(growth, rel=1e-9)
    assert half_life_s(model) == pytest.approx(half_life, rel=1e-9)


@given(any_model)
def test_share_of_time_at_each_inventory_balances_every_pair(model: GlftModel) -> None:
    """As often up as down, and f² under the spectral quotes."""
    policy = stationary_policy(model)
    law, rates = law_of(policy, model), rates_of(policy, model).reshape(-1, 2)

    assert law.sum() == pytest.approx(1.0)
    assert law[:-1] * rates[:-1, 0] == pytest.approx(law[1:] * rates[1:, 1], rel=1e-9)


@pytest.mark.parametrize(("model", "optimum"), [(calm(12), 1288.768692), (brisk(), 1995.648938)])
def test_best_possible_worth_of_ten_minutes(model: GlftModel, optimum: float) -> None:
    """The finite-horizon quotes, which know when the end comes."""
    assert horizon_policy(model, HORIZON_S)[1] == pytest.approx(optimum, rel=1e-9)


@pytest.mark.parametrize(
    ("model", "policy", "certain", "mean", "sd"),
    [
        (calm(12), stationary_policy(calm(12)), 1288.5598, 1314.5512, 72.453556),
        (calm(12), closed_policy(calm(12)), 1286.0688, 1313.3117, 74.030132),
        (
            calm(12),
            Policy.symmetric(flat_half_spread(calm(12)), 12),
            *(1237.5007, 1278.2582, 88.359537),
        ),
        (calm(12), Policy.symmetric(3.2841, 12), 1237.5481, 1278.0823, 88.122358),
        (brisk(), stationary_policy(brisk()), 1995.2502, 2076.3883, 128.1414),
        (brisk(), closed_policy(brisk()), 1995.2556, 2076.818, 128.46597),
        (
            brisk(),
            Policy.symmetric(flat_half_spread(brisk()), 15),
            *(1264.092, 2060.73, 326.65897),
        ),
        (brisk(), Policy.symmetric(3.6646, 15), 1275.6692, 2052.4638, 326.83359),
    ],
    ids=lambda value: "" if isinstance(value, (GlftModel, Policy)) else None,
)
def test_worth_of_the_reference_s_policies(
    model: GlftModel, policy: Policy, certain: float, mean: float, sd: float
) -> None:
    """Ten minutes from flat. The best constant depths are printed to four decimals only."""
    found = worth(policy, model, HORIZON_S)

    assert found.certain == pytest.approx(certain, rel=5e-8)
    assert found.mean == pytest.approx(mean, rel=2e-6)
    assert found.sd == pytest.approx(sd, rel=2e-6)


@settings(max_examples=20)
@given(gentle_model)
def test_no_policy_is_worth_more_than_the_optimum(model: GlftModel) -> None:
    """Optimum, then spectral; a symmetric maker of the same half spread comes after."""
    optimum = horizon_policy(model, 30.0)[1]
    spectral = stationary_policy(model)
    symmetric = Policy.symmetric(spectral.depths(0)[0], model.bound)

    at_best = optimum + 1e-9 * abs(optimum)
    assert worth(spectral, model, 30.0).certain <= at_best
    assert worth(symmetric, model, 30.0).certain <= at_best


def test_leaning_quotes_halve_the_risk_of_a_busy_market() -> None:
    """0.39 of the symmetric maker's sd, and more profit."""
    model = brisk()
    leaning = worth(stationary_policy(model), model, HORIZON_S)
    standing = worth(Policy.symmetric(3.6646, 15), model, HORIZON_S)

    assert leaning.sd / standing.sd == pytest.approx(0.39, abs=0.005)
    assert leaning.mean > standing.mean
    assert leaning.certain > closed_policy_worth(model) * 0.998 > standing.certain


def closed_policy_worth(model: GlftModel) -> float:
    return worth(closed_policy(model), model, HORIZON_S).certain


@pytest.mark.parametrize("drift", [0.0, 0.1])
def test_worth_grows_at_the_certain_rate_in_the_long_run(drift: float) -> None:
    """Two ways to one number: the eigenvalue, and the policy's own exponential."""
    model = steep(12, drift=drift)
    policy = stationary_policy(model)
    grown = worth(policy, model, 400.0).certain - worth(policy, model, 300.0).certain

    assert grown / 100 == pytest.approx(certainty_growth(model), rel=1e-9)


@pytest.mark.needs_speed
@pytest.mark.parametrize("seed", range(5))
def test_certainty_is_computed_where_paths_cannot_show_it(seed: int) -> None:
    """At gamma·sd = 3.3 a thousand paths lack the tail that matters: 200 too much money."""
    model = brisk()
    policy = Policy.symmetric(flat_half_spread(model), 15)
    profit = simulate(policy, model, HORIZON_S, 1000, generator(seed)).profit

    exact = worth(policy, model, HORIZON_S).certain

    assert exact == pytest.approx(1264.092, rel=1e-6)
    assert naive.sampled_certainty(profit, 0.01) > exact + 100


@pytest.mark.parametrize("drift", [0.0, -0.04])
def test_moments_of_profit_are_slopes_of_its_logarithm(drift: float) -> None:
    """Mean and variance are the first two derivatives of ln E[exp(-g·profit)] at g = 0."""
    model = steep(6, drift=drift)
    policy, work = stationary_policy(model), np.empty(5 * 13)
    rates = rates_of(policy, model)
    exact, g = worth(policy, model, 60.0), 1e-3

    down, up = (
        log_moment(policy.table, rates, model.sigma_ticks, drift, x, 60.0, work) for x in (-g, g)
    )

    assert (down - up) / (2 * g) == pytest.approx(exact.mean, rel=1e-4)
    assert (down + up) / g**2 == pytest.approx(exact.sd**2, rel=1e-4)


def test_a_drift_is_worth_what_following_it_earns() -> None:
    """The quotes lean into it and hold the inventory that rises."""
    still, rising = (worth(stationary_policy(m), m, 60.0) for m in (steep(8), steep(8, drift=0.1)))

    assert rising.mean > still.mean
    assert rising.certain > still.certain


def test_worth_of_no_time_is_nothing() -> None:
    """Also where the exponential has no step to take."""
    found = worth(stationary_policy(calm()), calm(), 0.0)

    assert (found.certain, found.mean, found.sd) == pytest.approx((0, 0, 0), abs=1e-12)
    assert not math.isnan(found.sd)


def test_rates_are_zero_where_nothing_is_quoted() -> None:
    """A nan would spread to every sum."""
    rates = rates_of(Policy.symmetric(2.0, 1), calm(1))

    assert np.flatnonzero(rates == 0.0).tolist() == [1, 4]
