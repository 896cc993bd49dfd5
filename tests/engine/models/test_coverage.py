"""Interval coverage: the intervals that the screen shows hold what they say."""

import numpy as np
import pytest

from engine.models.coverage import Draws, coverage, level_coverage


def drawn(seed: int, A: float, exposure_s: float) -> tuple[Draws, Draws, Draws]:
    """A thousand markets, with half as many draws again as they should need."""
    rng = np.random.default_rng(seed)
    shape = (1000, int(1.5 * A * exposure_s) + 40)
    steps = rng.standard_normal((1000, 300))
    return rng.standard_exponential(shape), rng.standard_exponential(shape), steps


@pytest.mark.parametrize(
    ("A", "k", "sigma", "exposure_s"), [(1.2, 0.35, 1.8, 300.0), (0.2, 0.35, 0.3, 600.0)]
)
def test_95_per_cent_intervals_hold_95_per_cent_of_the_time(
    A: float, k: float, sigma: float, exposure_s: float
) -> None:
    """Of a thousand markets, within two per cent; a market of 360 arrivals, and one of 120."""
    found = coverage(*drawn(1, A, exposure_s), A, k, sigma, exposure_s)

    assert (found.A, found.k, found.sigma) == pytest.approx((0.95,) * 3, abs=0.02)


@pytest.mark.needs_speed
@pytest.mark.parametrize(("A", "k", "half_spread"), [(1.2, 0.35, 1.5), (3.0, 1.6, 0.5)])
def test_the_desk_s_own_intervals_hold_as_often(A: float, k: float, half_spread: float) -> None:
    """From whole price levels beyond the best, and mids to the half tick; a bit on the safe side
    for A and k, since nothing that chance takes for calm narrows them."""
    found = level_coverage(*drawn(2, A, 300.0), A, k, 6.0, half_spread, 300.0)

    assert (found.A, found.k) == pytest.approx((0.96, 0.96), abs=0.025)
    assert found.sigma == pytest.approx(0.95, abs=0.02)


@pytest.mark.needs_speed
@pytest.mark.parametrize("lasting_s", [0.0, 10.0])
def test_intervals_hold_where_orders_come_in_bursts_of_four(lasting_s: float) -> None:
    """By the count alone they held 70 times in a hundred: each burst was taken for four."""
    gaps, depths, steps = drawn(3, 1.5, 600.0)
    gaps = np.ascontiguousarray(gaps[:, : gaps.shape[1] // 4])
    depths = np.ascontiguousarray(depths[:, : 4 * gaps.shape[1]])

    found = level_coverage(gaps, depths, steps, 1.5, 0.12, 6.0, 4.0, 600.0, 4, lasting_s)

    assert (found.A, found.k) == pytest.approx((0.95, 0.95), abs=0.025)


def test_draws_that_do_not_fill_the_window_are_refused() -> None:
    """A market cut short would look quieter than it is."""
    short = np.ones((3, 5))

    with pytest.raises(ValueError, match="too few gaps"):
        coverage(short, short, short, 1.0, 1.0, 1.0, 60.0)
    with pytest.raises(ValueError, match="too few gaps"):
        level_coverage(short, short, short, 1.0, 1.0, 1.0, 1.0, 60.0)
