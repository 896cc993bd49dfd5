"""Spectral quotes, exact and stationary: printed values, limits by hand, and the traps."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.models.glft import GlftModel, closed_policy, glft_c1, glft_rates
from engine.models.policy import empty_table
from engine.models.spectral import eigenvalue, spectral_table, stationary_policy
from tests.engine.models.markets import any_model, calm, steep
from tests.naive import market_maker as naive


@pytest.mark.parametrize(
    ("model", "q", "depths"),
    [
        (calm(), 0, (3.32355807809, 3.32355807809)),
        (calm(), 2, (3.50714578552, 3.14424385222)),
        (calm(), 9, (5.6141885265, 1.90373354998)),
        (calm(), 10, (math.nan, 0.943776038101)),
        (steep(), 5, (10.5472170873, -3.7740975157)),
        (steep(), 29, (20.776803893, -14.7987379676)),
        (calm(drift=0.001), 5, (3.80882654287, 2.88243621296)),
    ],
)
def test_table_gives_the_reference_s_depths(
    model: GlftModel, q: int, depths: tuple[float, float]
) -> None:
    """Deep in the tail as well as at flat, with and without drift."""
    assert stationary_policy(model).depths(q) == pytest.approx(depths, rel=1e-9, nan_ok=True)


@pytest.mark.parametrize(
    ("model", "q", "exact", "closed"),
    [
        (calm(40), 0, 3.3130454, 3.3129152),
        (calm(40), 15, 4.3305363, 4.3309027),
        (steep(), 0, 3.7731321, 3.6882616),
        (steep(), 5, 10.547217, 11.802670),
        (steep(), 15, 16.644438, 28.031486),
    ],
)
def test_skew_grows_like_a_logarithm_where_the_closed_form_grows_straight(
    model: GlftModel, q: int, exact: float, closed: float
) -> None:
    """Bid depths of both, to the digits printed: eleven ticks apart in the last row."""
    assert stationary_policy(model).depths(q)[0] == pytest.approx(exact, rel=5e-8)
    assert closed_policy(model).depths(q)[0] == pytest.approx(closed, rel=5e-8)


@pytest.mark.parametrize(
    ("model", "lowest"),
    [(calm(), -0.64270427092049), (steep(), -0.096722190711634)],
)
def test_lowest_eigenvalue_of_the_reference(model: GlftModel, lowest: float) -> None:
    """It is what certainty grows by, and every ratio hangs on it."""
    found = spectral_table(*model.numbers, 0.0, empty_table(model.bound))

    assert found == pytest.approx(lowest, rel=1e-13)


@pytest.mark.parametrize("index", range(5))
@pytest.mark.parametrize("beta", [0.0, 0.003])
def test_bisection_finds_the_eigenvalues_that_a_library_finds(index: int, beta: float) -> None:
    """Values, unlike vectors, come out of a library with all their digits."""
    alpha, eta = glft_rates(*steep().numbers)
    matrix = naive.risk_matrix(alpha, eta, 8) - beta * np.diag(np.arange(-8.0, 9))

    found = eigenvalue(index, alpha, beta, eta, 8)

    assert found == pytest.approx(np.linalg.eigvalsh(matrix)[index], abs=1e-14)


@pytest.mark.parametrize(
    ("bound", "bid"),
    [(5, 3.397890961), (10, 3.323558078), (20, 3.313073365), (30, 3.313045419)],
)
def test_small_bounds_widen_the_quotes_even_at_flat(bound: int, bid: float) -> None:
    """Room to hold inventory is worth money."""
    assert stationary_policy(calm(bound)).depths(0)[0] == pytest.approx(bid, abs=5e-10)


def test_tail_keeps_the_digits_that_an_eigenvector_loses() -> None:
    """One fill from the bound the eigenvector of a library is wrong by ticks."""
    model = steep()
    alpha, eta = glft_rates(*model.numbers)
    trap = naive.eigenvector_bids(alpha, eta, 0.3, glft_c1(0.3, 0.1, 1.0), 30)

    assert stationary_policy(model).depths(29)[0] == pytest.approx(20.776803893, rel=1e-9)
    assert abs(trap[59] - 20.776803893) > 1.0
    assert trap[30] == pytest.approx(3.7731321, abs=5e-7)


@pytest.mark.parametrize(
    ("model", "q", "depths"),
    [
        (
            GlftModel(2.986162360812285, 0.04235741115084049, 10.69, 0.05, 20),
            5,
            (63.63679, -25.674111),
        ),
        (
            GlftModel(3.8325354556799747, 0.018222652183273957, 10.0, 0.3, 40, delta=3.0),
            0,
            (139.8885, 139.8885),
        ),
        (
            GlftModel(3.8325354556799747, 0.018222652183273957, 10.0, 0.3, 40, delta=3.0),
            1,
            (215.46, -131.1779),
        ),
    ],
)
def test_exact_quotes_where_the_tutorial_and_the_study_used_the_closed_form(
    model: GlftModel, q: int, depths: tuple[float, float]
) -> None:
    """Their a is 0.41 and 3.4: the closed form misses by 6 and by 70 ticks."""
    assert stationary_policy(model).depths(q) == pytest.approx(depths, rel=3e-6)


@pytest.mark.parametrize("bound", [1, 2, 7, 40])
def test_fearless_maker_meets_only_the_walls(bound: int) -> None:
    """As gamma vanishes the eigenvector is half a cosine between the bounds, by hand."""
    n = np.arange(-bound, bound)
    wave = np.pi / (2 * (bound + 1))
    by_hand = (1 + np.log(np.cos(wave * n) / np.cos(wave * (n + 1)))) / 0.3

    bids = stationary_policy(calm(bound, gamma=1e-14)).table[:-2:2]

    assert bids == pytest.approx(by_hand, rel=1e-9)


@given(a=st.floats(1e-4, 0.02))
def test_closed_form_is_the_limit_of_small_a(a: float) -> None:
    """At flat and from the least bound on, it is short of the exact depth by 3/32 a²/k."""
    gamma = gamma_for(a)
    model = calm(1, gamma=gamma)
    model = calm(model.least_bound, gamma=gamma)

    exact, closed = stationary_policy(model).depths(0)[0], closed_policy(model).depths(0)[0]

    assert 0.3 * (exact - closed) == pytest.approx(3 / 32 * model.a**2, rel=0.01, abs=1e-12)


def test_maker_who_ignores_the_chance_of_fills_has_a_table_too() -> None:
    """xi = 0, Guéant's model B: 1/k at the core, and the same limit of small a."""
    model = GlftModel(0.9, 0.3, 0.3, 0.001, 60, xi=0.0)

    exact, closed = stationary_policy(model).depths(0)[0], closed_policy(model).depths(0)[0]

    assert exact > 1 / 0.3
    assert 0.3 * (exact - closed) == pytest.approx(3 / 32 * model.a**2, rel=0.01)


def gamma_for(a: float) -> float:
    """The risk aversion at which the calm market has this a, by halving."""
    low, high = 1e-12, 1.0
    for _ in range(80):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if calm(gamma=middle).a < a else (low, middle)
    return low


@given(any_model)
def test_bid_long_is_ask_short(model: GlftModel) -> None:
    """Without drift the market does not know its left from its right."""
    policy = stationary_policy(model)

    assert policy.table == pytest.approx(policy.table[::-1], rel=1e-9, abs=1e-9, nan_ok=True)


@given(any_model, st.floats(-0.05, 0.05))
def test_more_inventory_lowers_both_quotes(model: GlftModel, drift: float) -> None:
    """The bid deepens and the ask comes nearer with every fill bought."""
    table = empty_table(model.bound)
    spectral_table(*model.numbers, drift, table)
    bids, asks = table[:-2:2], table[3::2]

    assert np.all(np.diff(bids) > -1e-9 / model.k_per_tick)
    assert np.all(np.diff(asks) < 1e-9 / model.k_per_tick)


@given(any_model, st.floats(0.1, 10))
def test_neither_ticks_nor_inventory_units_move_the_quotes(model: GlftModel, unit: float) -> None:
    """Half as large ticks double every depth; other units of inventory change nothing."""
    sigma, A, k, gamma, xi, delta = model.numbers
    out, fine, other = (empty_table(model.bound) for _ in range(3))
    spectral_table(sigma, A, k, gamma, xi, delta, 0.0, out)
    spectral_table(2 * sigma, A, k / 2, gamma / 2, xi / 2, delta, 0.0, fine)
    spectral_table(sigma, A, k, gamma / unit, xi / unit, delta * unit, 0.0, other)

    assert fine == pytest.approx(2 * out, rel=1e-9, abs=1e-9, nan_ok=True)
    assert other == pytest.approx(out, rel=1e-9, abs=1e-9, nan_ok=True)


@given(any_model, st.floats(-0.05, 0.05))
def test_falling_market_is_a_rising_one_in_the_mirror(model: GlftModel, drift: float) -> None:
    """Bids under one drift are asks under the other."""
    up, down = empty_table(model.bound), empty_table(model.bound)
    spectral_table(*model.numbers, drift, up)
    spectral_table(*model.numbers, -drift, down)

    assert up == pytest.approx(down[::-1], rel=1e-6, abs=1e-6, nan_ok=True)
