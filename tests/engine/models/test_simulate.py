"""Simulator against its generator's known numbers and against exact theory."""

from collections.abc import Callable

import numpy as np
import pytest

from engine.models.avellaneda import finite_quote, symmetric_moments
from engine.models.glft import GlftModel, closed_policy
from engine.models.policy import Policy
from engine.models.simulate import (
    Paths,
    generator,
    normal,
    simulate,
    simulate_avellaneda,
    uniform,
)
from engine.models.spectral import stationary_policy
from engine.models.stationary import long_run, worth
from exchange.jit import FloatArray
from tests.engine.models.markets import brisk, calm, steep

PATHS = 2000


def assert_mean(sample: FloatArray, expected: float) -> None:
    """Within four standard errors."""
    assert abs(sample.mean() - expected) < 4 * sample.std() / np.sqrt(sample.size)


def test_seed_42_starts_as_in_every_other_language() -> None:
    """Otherwise no run could be had again elsewhere."""
    state = generator(42)

    with np.errstate(over="ignore"):
        drawn = [uniform(state) for _ in range(3)]

    assert drawn == [0.7415648787718234, 0.15991039287692016, 0.2786011302551387]


def test_normal_numbers_are_normal() -> None:
    """Mean, variance and fourth moment."""
    state = generator(7)
    with np.errstate(over="ignore"):
        drawn = np.array([normal(state) for _ in range(20_000)])

    for power, moment in ((1, 0.0), (2, 1.0), (4, 3.0)):
        assert_mean(drawn**power, moment)


def test_same_seed_plays_the_same_paths() -> None:
    """And another seed others."""
    policy = stationary_policy(calm())
    first, again, other = (
        simulate(policy, calm(), 60.0, 3, generator(seed)).profit for seed in (1, 1, 2)
    )

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("make", [stationary_policy, closed_policy])
def test_profit_has_its_exact_mean_and_spread(
    make: Callable[[GlftModel], Policy], seed: int
) -> None:
    """Any policy's, not only the best one's."""
    model = brisk()
    policy = make(model)
    exact = worth(policy, model, 120.0)

    profit = simulate(policy, model, 120.0, PATHS, generator(seed)).profit

    assert_mean(profit, exact.mean)
    assert_mean((profit - exact.mean) ** 2, exact.sd**2)


def test_drift_pays_the_one_who_holds_the_rising_side() -> None:
    """Between fills inventory times drift times time, and no more."""
    model = steep(12, drift=0.1)
    policy = stationary_policy(model)
    exact = worth(policy, model, 60.0)

    profit = simulate(policy, model, 60.0, PATHS, generator(4)).profit

    assert_mean(profit, exact.mean)
    assert_mean((profit - exact.mean) ** 2, exact.sd**2)


@pytest.fixture(scope="module")
def steady() -> Paths:
    """A steep market, noted from ten half-lives on."""
    return simulate(stationary_policy(steep()), steep(), 200.0, PATHS, generator(3))


def test_fills_and_income_come_at_their_long_run_pace(steady: Paths) -> None:
    facts = long_run(stationary_policy(steep()), steep())

    assert_mean(steady.fills / 100, facts.fills_per_s)
    assert_mean(steady.income / 100, facts.income_per_s)


def test_inventory_follows_its_long_run_law(steady: Paths) -> None:
    """Its spread; the whole law is compared by ``engine bench theory``."""
    facts = long_run(stationary_policy(steep()), steep())

    assert_mean(steady.lots, 0.0)
    assert_mean(steady.lots**2, facts.sd_lots**2)


def test_inventory_never_leaves_the_bound() -> None:
    """Where nothing is quoted nothing is filled."""
    model = calm(2)
    played = simulate(Policy.symmetric(0.0, 2), model, 100.0, 500, generator(5))

    assert set(played.lots) == {-2.0, -1.0, 0.0, 1.0, 2.0}


@pytest.mark.parametrize(("gamma", "average"), [(0.1, 1.49), (0.01, 1.35), (1.0, 3.02)])
def test_symmetric_strategy_quotes_the_other_s_average_spread(gamma: float, average: float) -> None:
    """As printed in the journal's tables: the static part and half of what time adds."""
    _, spread = finite_quote(2.0, 1.5, gamma, 0.0, 0.5)

    assert spread == pytest.approx(average, abs=0.005)


def test_symmetric_strategy_between_the_printed_tables() -> None:
    """gamma 0.5, as the reference found it in 200,000 paths; the moments are exact."""
    _, spread = finite_quote(2.0, 1.5, 0.5, 0.0, 0.5)

    found = symmetric_moments(2.0, 140.0, 1.5, spread / 2, 1.0, 200)

    assert found == pytest.approx((59.97, 12.34, 6.92), rel=0.01)
    assert found[0] == pytest.approx(59.97, abs=4 * 0.03)


@pytest.mark.needs_speed
@pytest.mark.parametrize("gamma", [0.01, 0.1, 1.0])
def test_symmetric_strategy_of_the_paper_has_its_exact_moments(gamma: float) -> None:
    """Mean and spread of profit, and the spread of the last inventory."""
    _, spread = finite_quote(2.0, 1.5, gamma, 0.0, 0.5)
    mean, sd, sd_q = symmetric_moments(2.0, 140.0, 1.5, spread / 2, 1.0, 200)

    profit, lots = simulate_avellaneda(
        2.0, 140.0, 1.5, gamma, 1.0, 200, False, PATHS, generator(11)
    )

    assert_mean(profit, mean)
    assert_mean((profit - mean) ** 2, sd**2)
    assert_mean(lots**2, sd_q**2)


@pytest.mark.needs_speed
@pytest.mark.parametrize(
    ("gamma", "profit", "sd", "sd_q"),
    [
        (0.1, 64.87, 6.55, 2.92),
        (0.01, 68.38, 8.99, 5.21),
        (1.0, 31.45, 4.84, 1.64),
        (0.5, 48.56, 5.90, 1.96),
    ],
)
def test_inventory_strategy_of_the_paper_earns_what_the_reference_found(
    gamma: float, profit: float, sd: float, sd_q: float
) -> None:
    """The reference's 200,000 paths; four standard errors of ours."""
    ours, lots = simulate_avellaneda(2.0, 140.0, 1.5, gamma, 1.0, 200, True, PATHS, generator(13))
    slack = 4 / np.sqrt(2 * PATHS)

    assert_mean(ours, profit)
    assert ours.std() == pytest.approx(sd, rel=slack)
    assert lots.std() == pytest.approx(sd_q, rel=slack)
