"""Window volatility: many windows at once, against going through every change."""

import math

import numpy as np
import pytest

from engine.models.window_volatility import SLOTS, WindowVolatility
from tests.naive.volatility import sigma_of_window

WINDOWS = np.array([1.0, 10.0, 60.0])


def diffusing(n: int, step_s: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    return step_s * np.arange(n), np.cumsum(rng.standard_normal(n) * math.sqrt(step_s))


def test_each_window_is_the_sum_over_its_own_changes() -> None:
    """To within the one slot that leaves as a whole."""
    times, mids = diffusing(3000, 0.1)
    volatility = WindowVolatility(WINDOWS)
    for time_s, mid in zip(times, mids, strict=True):
        volatility.receive_mid(mid, time_s)

    for window_s, (sigma, seen_s) in zip(WINDOWS, volatility.read(times[-1]), strict=True):
        assert seen_s == pytest.approx(window_s, abs=window_s / SLOTS + 0.1)
        assert sigma == pytest.approx(
            sigma_of_window(times, mids, times[-1], seen_s - 1e-6), rel=1e-6
        )


def test_short_windows_forget_what_long_ones_remember() -> None:
    """A burst half a minute ago."""
    volatility = WindowVolatility(WINDOWS)
    for i in range(600):
        volatility.receive_mid(float(i % 2) if i < 300 else 0.0, 0.1 * i)

    short, middle, long = (sigma for sigma, _ in volatility.read(59.9))

    assert short == middle == 0.0
    assert long == pytest.approx(math.sqrt(300 / 59.9), rel=0.05)


def test_a_feed_that_stopped_leaves_windows_empty() -> None:
    """Silence is not calm."""
    volatility = WindowVolatility(WINDOWS)
    for i in range(100):
        volatility.receive_mid(float(i), 0.1 * i)

    assert math.isnan(volatility.read(30.0)[0][0])
    assert volatility.read(30.0)[2][1] == pytest.approx(9.9)


def test_a_missing_book_takes_its_time_with_it() -> None:
    """Sigma of the rest stands, and the window says how little it saw."""
    volatility = WindowVolatility(WINDOWS)
    for i in range(100):
        volatility.receive_mid(math.nan if 20 <= i < 60 else float(i), 0.1 * i)

    sigma, seen_s = volatility.read(9.9)[2]

    assert sigma == pytest.approx(math.sqrt(10.0))
    assert seen_s == pytest.approx(5.8)
