"""Tutorial intensity: the tutorial's own measure, and what can be undone of it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.models.glft import glft_quote
from engine.models.tutorial_intensity import (
    WINDOW_S,
    repair_half_ticks,
    tutorial_counts,
    tutorial_fit,
    tutorial_maxima,
    unsaturated_rate,
)
from tests.naive.intensity import windows_with_an_arrival_per_s


def tutorial_run(seed: int, A: float, k: float) -> tuple[float, float]:
    """One ten-minute calibration of both sides, units repaired and sides parted."""
    rng = np.random.default_rng(seed)
    n = rng.poisson(2 * A * 600)
    depths = np.ceil(2 * rng.exponential(1 / k, n)) / 2
    maxima, counts = np.empty(6000), np.empty(500)
    tutorial_maxima(rng.integers(0, 6000, n), depths, maxima)
    levels = min(tutorial_counts(maxima, counts), 40)
    fitted_A, fitted_k = repair_half_ticks(*tutorial_fit(counts, levels, 600.0))
    return fitted_A / 2, fitted_k


def test_only_the_deepest_arrival_of_a_step_is_kept() -> None:
    """Both sides in one series; a step without any stays empty."""
    maxima = np.empty(3)

    tutorial_maxima(np.array([0, 0, 2]), np.array([1.5, 4.0, -0.5]), maxima)

    assert maxima.tolist() == [4.0, -math.inf, -0.5]


def test_a_step_counts_at_levels_strictly_nearer_than_its_depth() -> None:
    """Half ticks down the list; at half a tick itself nothing is gained, nor inside the mid."""
    counts = np.empty(6)

    reached = tutorial_counts(np.array([2.0, 0.5, -1.0, -math.inf]), counts)

    assert counts.tolist() == [1, 1, 1, 0, 0, 0]
    assert reached == 3


def test_a_step_deeper_than_the_last_level_counts_nowhere() -> None:
    """As in the original, whose 500 levels make it rare."""
    counts = np.empty(4)

    assert tutorial_counts(np.array([100.0]), counts) == 0


@given(A=st.floats(0.1, 5.0), k=st.floats(0.02, 2.0))
def test_repair_gives_the_law_behind_half_tick_labels(A: float, k: float) -> None:
    """Counts that follow the law at the true depths, fitted at the printed ones."""
    counts = 600.0 * A * np.exp(-k * 0.5 * np.arange(1, 41))

    assert repair_half_ticks(*tutorial_fit(counts, 40, 600.0)) == pytest.approx((A, k), rel=1e-6)


def test_repair_of_the_tutorial_s_printed_fit() -> None:
    """A 2.986 and k .0424 as published are 3.050 and .0847 in true ticks."""
    found = repair_half_ticks(2.986162360812285, 0.04235741115084049)

    assert found == pytest.approx((3.05007987021, 0.0847148223017), rel=1e-9)


@pytest.mark.parametrize(
    ("repaired", "sides", "half_spread", "skew"),
    [(False, 1, 20.4721, 9.7633), (True, 1, 12.3832, 6.2116), (True, 2, 13.6697, 8.7845)],
)
def test_what_the_traps_do_to_the_tutorial_s_quote(
    repaired: bool, sides: int, half_spread: float, skew: float
) -> None:
    """As published; with its levels at their true depths; and with one side's A besides."""
    A, k = 2.986162360812285, 0.04235741115084049
    if repaired:
        A, k = repair_half_ticks(A, k)

    quote = glft_quote(10.69, A / sides, k, 0.05, 1.0, 1.0, 1.0)

    assert quote[:2] == pytest.approx((half_spread, skew), abs=5e-5)


@pytest.mark.parametrize(
    ("A", "k", "seen_A", "seen_k"), [(1.2, 0.35, 1.178, 0.352), (6.0, 0.08, 3.70, 0.060)]
)
def test_one_arrival_a_step_is_harmless_only_in_a_slow_market(
    A: float, k: float, seen_A: float, seen_k: float
) -> None:
    """Units repaired, first 40 levels, ten minutes: at 6/s a side A is lost and k with it."""
    fits = np.array([tutorial_run(seed, A, k) for seed in range(20)])

    assert fits.mean(axis=0) == pytest.approx((seen_A, seen_k), rel=0.06)


def test_half_of_the_windows_hit_is_nearly_seven_a_second() -> None:
    """The reference's row; the count of windows alone would say five."""
    assert unsaturated_rate(0.5, WINDOW_S) == pytest.approx(6.9314718056, rel=1e-9)
    assert unsaturated_rate(1.0, WINDOW_S) == math.inf


def test_busy_windows_hide_arrivals_until_unsaturated() -> None:
    """Twelve a second both sides: windows of 100 ms can show ten at most, and show seven."""
    rng = np.random.default_rng(5)
    times = np.sort(rng.uniform(0.0, 600.0, rng.poisson(12.0 * 600)))

    trapped = windows_with_an_arrival_per_s(times, WINDOW_S, 600.0)

    assert trapped < 7.5
    assert unsaturated_rate(trapped * WINDOW_S, WINDOW_S) == pytest.approx(12.0, rel=0.06)
