"""The intervals that the screen shows hold what they say."""

import numpy as np
import pytest

from engine.models.coverage import Coverage, coverage


def synthetic(seed: int, A: float, k: float, sigma: float, exposure_s: float) -> Coverage:
    """A thousand markets, with half as many draws again as they should need."""
    rng = np.random.default_rng(seed)
    n = int(1.5 * A * exposure_s) + 40
    shape = (1000, n)
    steps = rng.standard_normal((1000, 300))
    gaps, depths = rng.standard_exponential(shape), rng.standard_exponential(shape)
    return coverage(gaps, depths, steps, A, k, sigma, exposure_s)


@pytest.mark.parametrize(
    ("A", "k", "sigma", "exposure_s"), [(1.2, 0.35, 1.8, 300.0), (0.2, 0.35, 0.3, 600.0)]
)
def test_95_per_cent_intervals_hold_95_per_cent_of_the_time(
    A: float, k: float, sigma: float, exposure_s: float
) -> None:
    """Of a thousand markets, within two per cent; a market of 360 arrivals, and one of 120."""
    found = synthetic(1, A, k, sigma, exposure_s)

    assert (found.A, found.k, found.sigma) == pytest.approx((0.95,) * 3, abs=0.02)


def test_draws_that_do_not_fill_the_window_are_refused() -> None:
    """A market cut short would look quieter than it is."""
    short = np.ones((3, 5))

    with pytest.raises(ValueError, match="too few gaps"):
        coverage(short, short, short, 1.0, 1.0, 1.0, 60.0)
