"""Chi-square quantiles against printed tables, and the intervals that rest on them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.models.chi_square import (
    chi_square_below,
    chi_square_quantile,
    count_interval,
    decay_interval,
    log_normal_interval,
    sigma_interval,
)


@pytest.mark.parametrize(
    ("p", "dof", "x"),
    [
        (0.95, 1, 3.841458820694124),
        (0.99, 1, 6.634896601021214),
        (0.95, 2, 5.991464547107979),
        (0.025, 8, 2.179730747252650),
        (0.975, 10, 20.483177350807388),
        (0.025, 10, 3.246972780236846),
        (0.95, 100, 124.34211340400407),
    ],
)
def test_quantiles_are_those_of_the_printed_tables(p: float, dof: float, x: float) -> None:
    """Values of the usual tables, at the digits that statistical packages print."""
    assert chi_square_quantile(p, dof) == pytest.approx(x, rel=1e-10)


@pytest.mark.parametrize("p", [1e-6, 0.025, 0.5, 0.975, 0.9999])
def test_two_degrees_of_freedom_are_an_exponential(p: float) -> None:
    """The one case with a formula by hand: -2·ln(1-p)."""
    assert chi_square_quantile(p, 2.0) == pytest.approx(-2 * math.log1p(-p), rel=1e-10)


@given(p=st.floats(1e-6, 0.9999), dof=st.floats(0.5, 20_000))
def test_quantile_undoes_the_probability(p: float, dof: float) -> None:
    """From a handful of events to the thousands of a busy window."""
    assert chi_square_below(chi_square_quantile(p, dof), dof) == pytest.approx(p, rel=1e-9)


def test_count_interval_without_events_starts_at_zero() -> None:
    """No arrival says nothing against a rate of nought, and caps it near 3.7 a window."""
    assert count_interval(0, 1.0) == pytest.approx((0.0, -math.log(0.025)), rel=1e-12)


@pytest.mark.parametrize("n", [100, 3600])
def test_exact_intervals_come_to_the_normal_ones_with_many_events(n: int) -> None:
    """The rule of multiplying and dividing by exp(1.96/sqrt n) is the limit."""
    low, high = log_normal_interval(n / 600, 1 / math.sqrt(n))

    assert count_interval(n, 600.0) == pytest.approx((low, high), rel=1.5 / n)
    assert decay_interval(n, 600.0) == pytest.approx((low, high), rel=1.5 / n)
    assert sigma_interval(1.0, 2 * n) == pytest.approx(
        log_normal_interval(1.0, 1 / math.sqrt(4 * n)), rel=1.5 / n
    )


def test_no_interval_where_nothing_was_seen() -> None:
    """A depth never observed has no decay, and one change no volatility."""
    assert all(map(math.isnan, decay_interval(0, 0.0)))
    assert all(map(math.isnan, sigma_interval(1.0, 1)))


@pytest.mark.parametrize("n", [1_001, 6_000, 36_000])
def test_interval_of_many_changes_is_right_to_a_millionth(n: int) -> None:
    """The exact one took 0.4 ms for a window of an hour, at every recalibration."""
    exact = [math.sqrt(n / chi_square_quantile(p, n)) for p in (0.975, 0.025)]

    assert sigma_interval(1.0, n) == pytest.approx(exact, rel=1e-6)
