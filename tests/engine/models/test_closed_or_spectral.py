"""Closed form or spectral: where the closed form may quote, and how far the two are apart."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.models.glft import (
    GlftModel,
    closed_policy,
    glft_c1,
    glft_c2,
    glft_rates,
    needs_table,
)
from engine.models.policy import empty_table
from engine.models.spectral import eigenvalue, glft_table, stationary_policy
from engine.models.stationary import half_life_s, long_run
from exchange.jit import FloatArray
from tests.engine.models.markets import any_model, calm, steep

K = 0.3
"""Of the calm market, per tick."""

STUDY = GlftModel(3.8325354556799747, 0.018222652183273957, 10.0, 0.3, 40, delta=3.0)
"""The study's fall-back fit with its slide's gamma and delta: a = 3.4."""


def gamma_for(a: float) -> float:
    """The risk aversion at which the calm market has this a, by halving."""
    low, high = 1e-14, 1.0
    for _ in range(100):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if calm(gamma=middle).a < a else (low, middle)
    return low


def calm_at(a: float, bound: int) -> GlftModel:
    return calm(bound, gamma=gamma_for(a))


def apart(model: GlftModel) -> FloatArray:
    """float64[2Q+1]: how much deeper the exact bid is at each inventory, in units of 1/k."""
    exact, closed = stationary_policy(model).table, closed_policy(model).table
    return model.k_per_tick * (exact - closed)[::2]


def quoted(model: GlftModel) -> tuple[FloatArray, bool]:
    """What ``glft_table`` writes, and which of the two it says it is."""
    table = empty_table(model.bound)
    sigma, A, k, gamma, _, delta = model.numbers
    _, spectral = glft_table(sigma, A, k, gamma, delta, table)
    return table, bool(spectral)


@pytest.mark.parametrize("a", [0.002, 0.01, 0.0134, 0.02, 0.09, 0.3])
@pytest.mark.parametrize("bound", [1, 5, 37, 43, 50, 60, 240, 260])
def test_table_is_the_closed_form_exactly_where_that_is_honest(a: float, bound: int) -> None:
    """One branch or the other to the last digit, and the screen shows which."""
    model = calm_at(a, bound)
    table, spectral = quoted(model)

    assert spectral == needs_table(model.a, bound)
    policy = stationary_policy(model) if spectral else closed_policy(model)
    assert table == pytest.approx(policy.table, rel=1e-12, nan_ok=True)


@given(any_model)
def test_both_branches_leave_the_same_two_sides_unquoted(model: GlftModel) -> None:
    """No bid at the limit, no ask at minus the limit, and a number everywhere else."""
    table, _ = quoted(model)

    assert np.flatnonzero(np.isnan(table)).tolist() == [1, table.size - 2]


@given(a=st.floats(1e-4, 0.0135), room=st.floats(0, 1))
def test_at_the_border_the_branches_agree_but_for_the_last_steps(a: float, room: float) -> None:
    """To 0.003 of 1/k over three quarters of the bound; at its edge the closed form forgets
    the wall, behind which there is nobody to sell to, and is too near by up to ln 2 of it."""
    least, most = math.ceil(4.3 / math.sqrt(a)), math.floor(0.5 / a)
    bound = min(round(least + room * max(most - least, 0)), 400)
    off = np.abs(apart(calm_at(a, bound)))
    inventory = np.abs(np.arange(-bound, bound + 1))

    assert np.nanmax(off[inventory <= 0.75 * bound]) < 0.003
    assert np.nanmax(off) < math.log(2.0)


@pytest.mark.parametrize("q", [0, 3, 10, -10])
def test_closed_form_is_the_limit_of_small_a_at_every_inventory(q: int) -> None:
    """Each time a is ten times less, so is the distance, at least."""
    off = [abs(apart(calm_at(a, 200))[200 + q]) for a in (1e-2, 1e-3, 1e-4 * 8)]

    assert off[0] < 2e-3
    assert off[1] < 0.1 * off[0]


@given(any_model)
def test_closed_form_mirrors_and_leans_down_with_inventory(model: GlftModel) -> None:
    """Bid long is ask short, and every fill bought lowers both quotes by the same."""
    table = closed_policy(model).table
    bids = table[:-2:2]

    assert table == pytest.approx(table[::-1], rel=1e-9, abs=1e-9, nan_ok=True)
    assert np.all(np.diff(bids) >= 0.0)


def test_study_s_closed_form_is_far_from_its_exact_quotes() -> None:
    """98 where 140 is right when flat, and 286 where 215 is right after one fill."""
    assert STUDY.a == pytest.approx(3.42, abs=0.005)
    assert closed_policy(STUDY).depths(0)[0] == pytest.approx(98.0962919135, rel=1e-9)
    assert closed_policy(STUDY).depths(1)[0] == pytest.approx(285.58, abs=0.005)
    assert quoted(STUDY)[0][80] == pytest.approx(139.8885, abs=5e-5)


def test_study_s_coefficients_are_the_reference_s() -> None:
    """Per BTC, that is per order quantity of the slide's model."""
    _, A, k, gamma, _, delta = STUDY.numbers
    c2 = glft_c2(A, k, gamma, delta)

    assert glft_c1(k, gamma, delta) == pytest.approx(4.3553049512, rel=1e-9)
    assert c2 == pytest.approx(6.24939913082, rel=1e-9)
    assert 10.0 * c2 == pytest.approx(62.4939913082, rel=1e-9)


def test_a_thousandth_of_the_study_s_fear_makes_its_formula_honest() -> None:
    """gamma .0003 and delta 1: a = 0.014, and 3e-4 apart at most within 20 fills.

    The reference says 1e-4, which holds at flat and near 18; between them it is twice that.
    """
    model = GlftModel(STUDY.A_per_s, STUDY.k_per_tick, 10.0, 0.0003, 80)
    exact, closed = stationary_policy(model), closed_policy(model)

    assert model.a == pytest.approx(0.014, abs=5e-4)
    for q in range(-20, 21):
        assert closed.depths(q)[0] == pytest.approx(exact.depths(q)[0], rel=3e-4)


def test_tutorial_s_market_five_lots_long() -> None:
    """Its printed half spread and skew make these depths; the exact ones are 6 ticks nearer."""
    model = GlftModel(2.986162360812285, 0.04235741115084049, 10.69, 0.05, 20)

    depths = closed_policy(model).depths(5)

    assert depths == pytest.approx((69.2884285899, -28.344257913), rel=1e-9)


def test_a_small_a_gives_the_long_run_by_hand() -> None:
    """Inventory, lowest eigenvalue and half-life as powers of alpha and eta."""
    model = calm_at(1e-3, 300)
    alpha, eta = glft_rates(*model.numbers)
    speed = math.sqrt(alpha * eta)

    sd = long_run(stationary_policy(model), model).sd_lots
    half_life = math.log(2.0) / (2.0 * (1.0 + model.gamma / K) * speed)
    lowest = eigenvalue(0, alpha, 0.0, eta, model.bound)

    assert sd == pytest.approx((eta / alpha) ** 0.25 / math.sqrt(2.0), rel=1e-3)
    assert half_life_s(model) == pytest.approx(half_life, rel=1e-3)
    assert lowest == pytest.approx(-2.0 * eta + speed, rel=1e-6)


@pytest.mark.parametrize(("index", "rate"), [(1, 0.0222), (2, 0.0553)])
def test_rates_at_which_the_end_of_trading_is_forgotten(index: int, rate: float) -> None:
    """The paper's market: with a drift the slower of the two, without one the faster."""
    alpha, eta = glft_rates(*calm().numbers)

    gap = eigenvalue(index, alpha, 0.0, eta, 10) - eigenvalue(0, alpha, 0.0, eta, 10)

    assert gap == pytest.approx(rate, abs=5e-5)


def test_spacing_of_the_rates_is_even_while_a_is_small() -> None:
    """An oscillator's: 2·sqrt(alpha·eta) from each to the next."""
    model = calm_at(1e-3, 300)
    alpha, eta = glft_rates(*model.numbers)
    levels = [eigenvalue(index, alpha, 0.0, eta, model.bound) for index in range(4)]

    assert np.diff(levels) == pytest.approx(2.0 * math.sqrt(alpha * eta), rel=3e-3)


def test_steep_market_is_never_quoted_by_the_closed_form() -> None:
    """Whatever the bound: a alone forbids it."""
    assert all(quoted(steep(bound))[1] for bound in (1, 7, 30, 200))
