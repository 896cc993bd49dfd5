"""Fill intensity: counting and fitting market-order arrivals, against printed rows and truths."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.models.intensity import (
    fit_binned,
    fit_levels,
    fit_side,
    fit_tally,
    shrink,
    tally,
    tally_depths,
    worst_misfit,
)
from tests.naive.intensity import (
    fit_every_level,
    fit_half_ticks_as_ticks,
    fit_increments_without_empty_bins,
)

DEPTHS = np.array([0.4, 1.9, 0.8, 3.3, 0.1, 1.2, 2.7, 0.6])
ONE_SIDE = np.array([500.0, 420, 350, 300, 245])
BINNED = np.array([60, 33, 21, 9, 6, 1])

rates = st.floats(0.05, 5.0)


def arrivals(seed: int, A: float = 1.2, k: float = 0.35, T: float = 600.0) -> NDArray[np.float64]:
    """One side's depths over a stretch, by the model's own law."""
    rng = np.random.default_rng(seed)
    return rng.exponential(1 / k, rng.poisson(A * T))


@pytest.mark.parametrize(
    ("nearest", "cap", "A", "k", "seen", "capped"),
    [(0.0, math.inf, 0.8, 0.727272727273, 8, 0), (0.5, 3.0, 0.849078698414, 0.694444444444, 5, 1)],
)
def test_likelihood_gives_the_reference_s_rows(
    nearest: float, cap: float, A: float, k: float, seen: int, capped: int
) -> None:
    """Eight depths in ten seconds; then only those beyond half a tick, in a book of three."""
    n_seen, n_capped, excess = tally_depths(DEPTHS, nearest, cap)

    assert (n_seen, n_capped) == (seen, capped)
    assert fit_tally(n_seen, n_capped, excess, nearest, 10.0) == pytest.approx((A, k), rel=1e-9)


def test_two_counters_are_enough_for_binned_depths() -> None:
    """The reference's six bins of one tick over two minutes."""
    A, k, error = fit_binned(int(BINNED.sum()), int(BINNED @ np.arange(6)), 1.0, 120.0)

    assert A == pytest.approx(1.08333333333, rel=1e-9)
    assert k == pytest.approx(0.689323084122, rel=1e-9)
    assert error == pytest.approx(0.0616617398533, rel=1e-9)


def test_bins_give_back_the_law_they_were_cut_from() -> None:
    """Cutting exponential depths to a grid loses precision, but shifts nothing."""
    bins = np.floor(arrivals(7, T=60_000.0) / 0.5).astype(np.int64)

    _, k, error = fit_binned(bins.size, int(bins.sum()), 0.5, 60_000.0)

    assert k == pytest.approx(0.35, abs=4 * error)


def test_bins_tell_no_decay_when_all_fell_into_the_first() -> None:
    """Depth is then unknown below a bin's width, and k has no upper end."""
    A, k, _ = fit_binned(5, 0, 0.5, 10.0)

    assert (A, k) == (0.5, math.inf)
    assert all(map(math.isnan, fit_binned(0, 0, 0.5, 10.0)))


@pytest.mark.parametrize("nearest", [0.0, 0.5, 1.5])
def test_dropping_the_nearest_depths_does_not_move_the_fit(nearest: float) -> None:
    """An exponential beyond any point is the same exponential."""
    fit = fit_side(tally(arrivals(11, T=60_000.0), 60_000.0, nearest))

    assert fit.k_per_tick == pytest.approx(0.35, rel=4 / math.sqrt(fit.n))
    assert fit.A_per_s == pytest.approx(1.2, rel=6 / math.sqrt(fit.n))


@pytest.mark.parametrize("nearest", [0.0, 3.0])
def test_intervals_hold_also_where_the_rate_is_carried_to_the_mid(nearest: float) -> None:
    """Carried over three ticks, A leans on k; its interval must grow with that."""
    fits = [fit_side(tally(arrivals(seed), 600.0, nearest)) for seed in range(1000)]

    held = np.mean([fit.A_interval[0] <= 1.2 <= fit.A_interval[1] for fit in fits])
    assert held == pytest.approx(0.95, abs=0.02)


def test_depths_beyond_the_book_still_count() -> None:
    """Leaving them out would call a shallow snapshot a steep decay."""
    depths = arrivals(13, T=60_000.0)
    capped = fit_side(tally(depths, 60_000.0, cap=3.0)).k_per_tick
    dropped = fit_side(tally(depths[depths < 3.0], 60_000.0)).k_per_tick

    assert capped == pytest.approx(0.35, rel=0.03)
    assert dropped > 2 * 0.35


def test_stale_mids_are_left_out_and_counted() -> None:
    """A print on the wrong side of the mid says nothing of depth, but too many say stale."""
    side = tally(np.array([-1.0, 0.0, 2.0]), 10.0)

    assert (side.n, side.n_left_out) == (1, 2)


def test_no_arrival_is_no_fit() -> None:
    """The rate's interval still starts at nought; everything else is unknown."""
    fit = fit_side(tally(np.array([-1.0]), 10.0))

    assert math.isnan(fit.A_per_s)
    assert math.isnan(fit.k_interval[0])
    assert fit.A_interval[0] == 0.0


def test_both_sides_together_steady_k() -> None:
    """Pooling for k narrows its interval by sqrt 2; A of the pool would be twice too high."""
    bid, ask = tally(arrivals(1), 600.0), tally(arrivals(2), 600.0)

    both = fit_side(bid.pooled(ask))

    width = np.ptp(fit_side(bid).k_interval)
    assert np.ptp(both.k_interval) == pytest.approx(width / math.sqrt(2), rel=0.1)
    assert both.A_per_s == pytest.approx(2 * 1.2, rel=0.15)


def test_few_arrivals_lean_on_the_prior() -> None:
    """The reference's six arrivals beside a prior worth four."""
    found = shrink(6, 14.0, 30.0, 4.0, 0.5, 0.3)

    assert found == pytest.approx((0.263157894737, 0.365853658537), rel=1e-9)


@given(A=rates, k=rates, n=st.integers(1, 1000))
def test_a_prior_that_agrees_changes_nothing(A: float, k: float, n: int) -> None:
    """Data and prior agree: the fit stays, whatever the prior's worth."""
    assert shrink(n, n / k, n / A, 5.0, A, k) == pytest.approx((A, k), rel=1e-9)


@given(seed=st.integers(0, 500), scale=st.floats(0.1, 10.0))
def test_a_finer_tick_scales_k_and_leaves_the_rate(seed: int, scale: float) -> None:
    """The unit test of the whole calibration: prices do not know the tick."""
    depths = arrivals(seed, T=100.0)
    coarse = fit_side(tally(depths, 100.0, 0.5))
    fine = fit_side(tally(depths * scale, 100.0, 0.5 * scale))

    assert fine.A_per_s == pytest.approx(coarse.A_per_s, rel=1e-9)
    assert fine.k_per_tick * scale == pytest.approx(coarse.k_per_tick, rel=1e-9)


@pytest.mark.parametrize(
    ("weighted", "A", "k"),
    [(False, 0.995598991321, 0.352634402475), (True, 0.994335649459, 0.351687088079)],
)
def test_least_squares_give_the_reference_s_rows(weighted: bool, A: float, k: float) -> None:
    """Five counts of one side at 0.5 .. 2.5 ticks over ten minutes."""
    assert fit_levels(ONE_SIDE, 5, 600.0, weighted, 0.5, 0.5) == pytest.approx((A, k), rel=1e-9)


@given(A=rates, k=rates, levels=st.integers(2, 60), weighted=st.booleans())
def test_an_exact_exponential_is_recovered(A: float, k: float, levels: int, weighted: bool) -> None:
    """Counts that follow the law to the letter give its A and k back, whatever the weights."""
    counts = 600.0 * A * np.exp(-k * 0.5 * np.arange(1, levels + 1))

    assert fit_levels(counts, levels, 600.0, weighted, 0.5, 0.5) == pytest.approx((A, k), rel=1e-6)


def test_half_ticks_taken_for_ticks_halve_k() -> None:
    """The tutorial's label: level j is (j+1)/2 ticks deep, not j + 0.5."""
    counts = 600.0 * 1.2 * np.exp(-0.35 * 0.5 * np.arange(1, 21))

    _, trapped = fit_half_ticks_as_ticks(counts, 600.0)
    _, ours = fit_levels(counts, 20, 600.0, False, 0.5, 0.5)

    assert trapped == pytest.approx(0.5 * 0.35, rel=1e-9)
    assert ours == pytest.approx(0.35, rel=1e-9)


def test_intensity_that_does_not_decay_is_no_fit() -> None:
    """k at or below zero would be the logarithm of a negative number further on."""
    A, k = fit_levels(np.full(5, 10.0), 5, 60.0, False, 0.5, 0.5)

    assert math.isnan(A)
    assert math.isnan(k)


def test_likelihood_is_steadier_than_least_squares_to_the_last_event() -> None:
    """The lone events of the deep levels have all the say: 2.2 to 6 times the spread in k."""
    samples = [arrivals(seed) for seed in range(60)]
    least_squares = np.std([fit_every_level(depths, 600.0)[1] for depths in samples])
    likelihood = np.std([fit_side(tally(depths, 600.0)).k_per_tick for depths in samples])

    assert likelihood == pytest.approx(0.35 / math.sqrt(720), rel=0.3)
    assert least_squares > 2.2 * likelihood


def test_increments_without_their_empty_bins_come_out_low() -> None:
    """A bin is kept for being lucky, so the tail looks fatter than it is."""
    samples = [arrivals(seed, A=0.2) for seed in range(60)]
    trapped = [
        fit_increments_without_empty_bins(np.bincount((2 * depths).astype(np.int64)))
        for depths in samples
    ]
    ours = [fit_side(tally(depths, 600.0)).k_per_tick for depths in samples]

    assert np.mean(trapped) < 0.92 * 0.35
    assert np.mean(ours) == pytest.approx(0.35, rel=0.04)


def test_gap_is_small_for_an_exponential_and_large_for_a_wall() -> None:
    """A wall at one depth stops every order there: no single k describes that."""
    exponential = np.histogram(arrivals(3), np.arange(0, 60, 0.5))[0].astype(np.float64)
    wall = np.array([0, 0, 0, 0, 100.0, 0])

    assert worst_misfit(exponential, 0.0, 0.35, 0.5) < 0.06
    assert worst_misfit(wall, 0.0, 0.35, 0.5) > 0.4
    assert math.isnan(worst_misfit(0 * wall, 0.0, 0.35, 0.5))
