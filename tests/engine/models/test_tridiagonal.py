"""Matrix exponential of a tridiagonal matrix against a plain power series."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.models.tridiagonal import apply_exponential

Array = NDArray[np.float64]
rates = st.lists(st.floats(0, 3), min_size=5, max_size=5)


@given(rates, rates, st.lists(st.floats(-3, 3), min_size=5, max_size=5), st.floats(0, 30))
def test_exponential_is_its_power_series(
    lower: list[float], upper: list[float], diagonal: list[float], tau: float
) -> None:
    """Squared up from a tenth of a second, dense and slow."""
    matrix = np.diag(diagonal) + np.diag(lower[1:], -1) + np.diag(upper[:-1], 1)
    v, term = np.ones(5), np.empty(5)

    log_scale = apply_exponential(
        np.array(lower), np.array(diagonal), np.array(upper), tau, v, term
    )

    expected = dense_exponential(matrix, tau) @ np.ones(5)
    assert np.log(v) + log_scale == pytest.approx(np.log(expected), rel=1e-9, abs=1e-9)


def dense_exponential(matrix: Array, tau: float) -> Array:
    """Twenty-five terms for a small time, then squared until the time is reached."""
    squarings = 10
    small = matrix * tau / 2**squarings
    total = term = np.eye(len(matrix))
    for j in range(1, 25):
        term = term @ small / j
        total = total + term
    for _ in range(squarings):
        total = total @ total
    return total


def test_no_time_changes_nothing_but_the_scale() -> None:
    """The largest component becomes one and its logarithm is returned."""
    v = np.array([1.0, 4.0, 2.0])

    log_scale = apply_exponential(np.ones(3), -np.ones(3), np.ones(3), 0.0, v, np.empty(3))

    assert log_scale == pytest.approx(np.log(4))
    assert v.tolist() == [0.25, 1.0, 0.5]


@pytest.mark.parametrize("tau", [float("nan"), 1e12])
def test_work_without_end_is_refused_with_nan(tau: float) -> None:
    """A volatility in the wrong unit must not hang whoever asked."""
    v = np.ones(3)

    log_scale = apply_exponential(np.ones(3), -np.ones(3), np.ones(3), tau, v, np.empty(3))

    assert np.isnan(log_scale)
    assert np.isnan(v).all()
