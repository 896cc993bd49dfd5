"""Volatility estimators against the reference's row, against gaps, and against noise."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.models.volatility import (
    bipower_sigma,
    demeaned_sigma,
    parkinson_sigma,
    realised_sigma,
    start_ewma,
    two_scale,
    update_ewma,
)
from tests.naive.volatility import sigma_per_trade, two_scale_variation

PRICES = np.array([100, 100.5, 100, 101.5, 101, 101.5, 102.5, 102, 103])

paths = st.lists(st.integers(-20, 20), min_size=12, max_size=60).map(
    lambda halves: np.cumsum(np.array(halves, dtype=np.float64) / 2)
)


def brownian(
    seed: int, n: int = 6000, sigma: float = 1.8, step_s: float = 0.1
) -> NDArray[np.float64]:
    """A mid that does nothing but diffuse."""
    rng = np.random.default_rng(seed)
    return np.cumsum(sigma * math.sqrt(step_s) * rng.standard_normal(n + 1))


def test_realised_volatility_of_the_reference_s_prices() -> None:
    """Nine prices 100 ms apart."""
    assert realised_sigma(PRICES, 0.1) == pytest.approx(2.62202212043, rel=1e-9)


def test_demeaned_volatility_of_the_reference_s_prices() -> None:
    """The tutorial's nanstd, which takes the trend out."""
    assert demeaned_sigma(PRICES, 0.1) == pytest.approx(2.33853586673, rel=1e-9)


def test_bipower_volatility_of_the_reference_s_prices() -> None:
    """Neighbouring changes multiplied instead of squared."""
    assert bipower_sigma(PRICES, 0.1) == pytest.approx(2.8024956082, rel=1e-9)


def test_two_scale_volatility_of_the_reference_s_prices() -> None:
    """Slow scale of three steps: volatility, noise, and the variations they come from."""
    found = two_scale(PRICES, 0.1, 3)

    assert found == pytest.approx((2.01556443707, 0.34375, 1.625, 2.16666666667), rel=1e-9)


def test_range_volatility_of_the_reference_s_prices() -> None:
    """High 103 and low 100 in half a minute."""
    assert parkinson_sigma(103.0, 100.0, 30.0) == pytest.approx(0.328940918809, rel=1e-9)


def test_weighted_volatility_of_the_reference_s_changes() -> None:
    """Half up, one and a half down, one up after a pause; variance 2 to begin with."""
    state = np.empty(3)
    start_ewma(state, 100.0, 0.0, math.sqrt(2.0))

    for mid, time_s in [(100.5, 0.1), (99.0, 0.2), (100.0, 0.7)]:
        sigma = update_ewma(state, mid, time_s, 10.0)

    assert sigma == pytest.approx(1.48280667001, rel=1e-9)


def test_a_moment_without_a_book_is_left_out_and_not_taken_for_a_jump() -> None:
    """Both changes that touch the gap go; the rest keep their own time."""
    with_gap = np.array([100, 101, math.nan, 500, 501])

    assert realised_sigma(with_gap, 1.0) == pytest.approx(1.0)
    assert demeaned_sigma(with_gap, 1.0) == pytest.approx(0.0)
    assert math.isnan(bipower_sigma(with_gap, 1.0))


def test_one_change_is_no_volatility() -> None:
    """An estimate from a single change would be a guess."""
    assert math.isnan(realised_sigma(PRICES[:2], 0.1))
    assert math.isnan(demeaned_sigma(PRICES[:2], 0.1))
    assert math.isnan(bipower_sigma(PRICES[:2], 0.1))
    assert math.isnan(two_scale(PRICES[:4], 0.1, 3)[0])


@pytest.mark.parametrize(("n", "slow"), [(600, 60), (120, 12)])
def test_two_scale_is_right_on_average_in_a_short_window(n: int, slow: int) -> None:
    """Of a pure diffusion; without its edges the variance came out a tenth too low."""
    variances = [two_scale(brownian(seed, n=n), 0.1, slow)[0] ** 2 for seed in range(1500)]

    assert np.mean(variances) == pytest.approx(1.8**2, rel=0.04)


@given(path=paths, slow=st.integers(2, 6))
def test_two_scale_is_the_mean_of_its_grids(path: NDArray[np.float64], slow: int) -> None:
    """The lagged sum against one sum for every starting point."""
    *_, raw, adjusted = two_scale(path, 1.0, slow)

    assert (raw, adjusted) == pytest.approx(two_scale_variation(path, slow), rel=1e-9, abs=1e-9)


@given(path=paths, slow=st.integers(2, 6))
def test_two_scale_never_gives_the_root_of_a_negative(path: NDArray[np.float64], slow: int) -> None:
    """A short window may put more noise than variation into it; the slow scale then stands in."""
    assert two_scale(path, 1.0, slow)[0] >= 0.0


def test_pure_bounce_falls_back_to_the_slow_scale() -> None:
    """A mid that only flips has no variation beyond its noise."""
    flips = np.array([0.0, 1.0] * 10)

    sigma, _, _, adjusted = two_scale(flips, 1.0, 3)

    assert adjusted < 0.0
    assert sigma == pytest.approx(math.sqrt(1 / 3 * 17 * 1 / 17), rel=1e-9)


@given(path=paths, scale=st.floats(0.1, 10.0), pace=st.floats(0.1, 10.0))
def test_finer_ticks_and_other_clocks_rescale_sigma(
    path: NDArray[np.float64], scale: float, pace: float
) -> None:
    """Sigma follows the tick, and the square root of time."""
    for estimator in (realised_sigma, demeaned_sigma, bipower_sigma):
        expected = estimator(path, 1.0) * scale / math.sqrt(pace)

        assert estimator(path * scale, pace) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_bounce_fools_the_fast_figure_and_not_the_two_scale(seed: int) -> None:
    """True 1.8 with half a tick of noise: a 100 ms sample shows 2.9."""
    mids = brownian(seed) + 0.5 * np.random.default_rng(100 + seed).standard_normal(6001)

    sigma, noise, _, _ = two_scale(mids, 0.1, 60)

    assert realised_sigma(mids, 0.1) == pytest.approx(math.sqrt(1.8**2 + 2 * 0.25 / 0.1), rel=0.04)
    assert sigma == pytest.approx(1.8, abs=5 * 0.107)
    assert noise == pytest.approx(0.25 + 1.8**2 * 0.1 / 2, rel=0.1)


def test_neighbours_are_no_cure_for_a_coarse_grid() -> None:
    """True 0.3 seen in half ticks every 100 ms: realised doubles, bipower is half as wrong."""
    mids = np.rint(2 * brownian(5, n=60_000, sigma=0.3)) / 2

    assert realised_sigma(mids, 0.1) == pytest.approx(0.616, rel=0.05)
    assert bipower_sigma(mids, 0.1) == pytest.approx(0.418, rel=0.08)
    assert realised_sigma(np.ascontiguousarray(mids[::100]), 10.0) == pytest.approx(0.3, rel=0.15)


def test_a_jump_counts_in_the_realised_figure_and_hardly_in_the_bipower() -> None:
    """Forty ticks at once in ten minutes of 1.8."""
    mids = brownian(3)
    mids[3000:] += 40.0

    assert realised_sigma(mids, 0.1) > 2.3
    assert bipower_sigma(mids, 0.1) == pytest.approx(1.8, rel=0.08)


def test_trades_are_no_clock() -> None:
    """Changes between trades, scaled as 100 ms steps: right at ten trades a second only."""
    mids = np.ascontiguousarray(brownian(9, n=60_000)[::20])  # a trade every two seconds

    assert sigma_per_trade(mids) > 4 * 1.8
    assert realised_sigma(mids, 2.0) == pytest.approx(1.8, rel=0.06)


def test_changes_of_the_same_instant_are_one_change() -> None:
    """Two book updates half a millisecond apart would divide by next to nothing."""
    state = np.empty(3)
    start_ewma(state, 100.0, 0.0, 1.0)

    before = update_ewma(state, 103.0, 0.0005, 10.0)
    after = update_ewma(state, 100.5, 0.1, 10.0)

    assert before == 1.0
    assert after == pytest.approx(math.sqrt(1 + -math.expm1(-0.01) * (0.25 / 0.1 - 1)), rel=1e-9)


def test_a_missing_mid_leaves_the_weighted_figure_as_it_was() -> None:
    """And the change across the gap is spread over the gap."""
    state = np.empty(3)
    start_ewma(state, 100.0, 0.0, 1.0)

    assert update_ewma(state, math.nan, 1.0, 10.0) == 1.0
    assert update_ewma(state, 100.0 + math.sqrt(2.0), 2.0, 10.0) == pytest.approx(1.0, rel=1e-9)
