"""Performance statistics by two definitions of the same terms, against the originals' numbers."""

import math
from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.models.statistics import (
    max_drawdown,
    max_leverage,
    median_leverage,
    metrics_2,
    ratio,
    resample_last,
    rolling_day_mean,
    sharpe,
    sharpe_error,
    sortino_1_7,
    sortino_2,
    summary_1_7,
)
from tests.naive.statistics import pandas_like_rolling_day

EQUITY = np.array([0, 1.2, 0.7, 1.9, 2.6, 2.1, 1.5, 2.4, 3.3, 3.0, 3.9, 4.4, 4.1])
STEP_S = 300.0
HOUR_S = 3600.0
POSITIONS = np.array([0, 0.003, 0.006, -0.003, 0.009])
MIDS = np.array([37000.0, 37010, 36990, 37020, 37050])

curves = st.lists(st.integers(-50, 50), min_size=3, max_size=60).map(
    lambda steps: np.cumsum(np.array(steps, dtype=np.float64))
)


def test_slide_s_figures_by_the_older_definition() -> None:
    """An hour of 5-minute equity on a capital of 1000; run through the original code."""
    assert astuple(summary_1_7(EQUITY, STEP_S, 1000.0, HOUR_S)) == pytest.approx(
        (154.034250936, 825.674808196, 3591.6, 0.11, 32650.9090909), rel=1e-9
    )


def test_the_same_equity_by_the_newer_definition() -> None:
    """Another Sortino, a return not annualised, and 252 days by default."""
    metrics = metrics_2(EQUITY, STEP_S, traded_value=1000.0, trades=10)

    assert metrics.sharpe == pytest.approx(154.034250936, rel=1e-9)
    assert metrics.sortino == pytest.approx(376.287022201, rel=1e-9)
    assert metrics.max_drawdown == pytest.approx(1.1, rel=1e-9)
    assert metrics.return_over_drawdown == pytest.approx(3.72727272727, rel=1e-9)
    assert metrics.trades_per_day == pytest.approx(240.0)
    assert metrics_2(EQUITY, STEP_S, 1.0, 1, days=252).sharpe == pytest.approx(
        127.988555953, rel=1e-9
    )


@pytest.mark.parametrize("drawdown_pct", [3.2121, 3.2139])
def test_the_slide_s_figures_agree_with_each_other(drawdown_pct: float) -> None:
    """594.09 % a year at a drawdown printed as 3.21 % is a risk return ratio of 184.9."""
    assert round(drawdown_pct, 2) == 3.21
    assert ratio(594.09, drawdown_pct) == pytest.approx(184.9, abs=0.055)


def test_older_return_is_of_the_last_equity_and_newer_of_its_rise() -> None:
    """An account that starts with 100 and stays there has earned nothing."""
    flat = np.array([100.0, 101.0, 100.0])

    assert summary_1_7(flat, STEP_S, 1000.0, 2 * STEP_S).annualised_return_pct > 0.0
    assert metrics_2(flat, STEP_S, 1.0, 1).annual_return == 0.0


def test_older_return_is_annualised_over_the_raw_records() -> None:
    """Two 5-minute steps hold anything from a moment to ten minutes; 345 s are 345 s.

    Over the step between the two it came out 15 % too high.
    """
    gained = np.array([1.0, 2.0])

    found = summary_1_7(gained, STEP_S, 1000.0, 345.0).annualised_return_pct

    assert found == pytest.approx(100 * 2.0 / 1000.0 * 365 * 86400 / 345)


def test_newer_return_takes_the_year_that_it_is_told() -> None:
    """All of 2.x's annual figures do; 252 days is its own default."""
    year, trading_year = (metrics_2(EQUITY, STEP_S, 1.0, 1, days=days) for days in (365, 252))

    assert year.annual_return == pytest.approx(4.1 * 24 * 365)
    assert trading_year.annual_return == pytest.approx(4.1 * 24 * 252)
    assert year.total_days == trading_year.total_days == pytest.approx(1 / 24)


def test_one_sample_has_no_drawdown() -> None:
    """Nought would say that it was watched and never fell."""
    one = np.array([5.0])

    assert math.isnan(summary_1_7(one, STEP_S, 1.0, 60.0).max_drawdown_pct)
    assert math.isnan(metrics_2(one, STEP_S, 1.0, 1).max_drawdown)


def test_leverage_of_the_reference_s_positions() -> None:
    """Capital of 300."""
    assert max_leverage(POSITIONS, MIDS, 300.0) == pytest.approx(1.1115)
    assert median_leverage(POSITIONS, MIDS, 300.0) == pytest.approx(0.3702)


@pytest.mark.parametrize("samples", [0, 1])
def test_fewer_than_two_samples_are_undefined(samples: int) -> None:
    """Not nought, not infinite: undefined."""
    pnl = np.ones(samples)

    assert math.isnan(sharpe(pnl, STEP_S))
    assert math.isnan(sortino_1_7(pnl, STEP_S))
    assert math.isnan(sortino_2(pnl, STEP_S))


def test_a_curve_that_never_fell_has_no_sortino_and_no_ratio_to_its_drawdown() -> None:
    """The denominators are nought."""
    rising = np.array([0.0, 1.0, 3.0])

    assert math.isnan(summary_1_7(rising, STEP_S, 1.0, 2 * STEP_S).sortino)
    assert math.isnan(summary_1_7(rising, STEP_S, 1.0, 2 * STEP_S).risk_return_ratio)
    assert math.isnan(metrics_2(rising, STEP_S, 1.0, 1).sortino)
    assert math.isnan(metrics_2(rising, STEP_S, 1.0, 1).return_over_drawdown)
    assert math.isnan(metrics_2(np.array([1.0]), STEP_S, 1.0, 1).total_return)


def test_steps_alike_but_for_rounding_have_no_sharpe() -> None:
    """Tenths do not add up in binary; the deviation of 1e-17 made a Sharpe of 10^18."""
    pnl = np.diff(np.array([0.1, 0.2, 0.3, 0.4, 0.5]))

    assert math.isnan(sharpe(pnl, STEP_S))


@given(curve=curves, scale=st.floats(0.01, 100.0))
def test_ratios_do_not_know_the_currency(curve: np.ndarray, scale: float) -> None:
    """Money over money."""
    pnl = np.diff(curve)

    for figure in (sharpe, sortino_1_7, sortino_2):
        assert figure(pnl * scale, STEP_S) == pytest.approx(
            figure(pnl, STEP_S), rel=1e-6, nan_ok=True
        )


@given(curve=curves)
def test_drawdown_is_the_worst_pair(curve: np.ndarray) -> None:
    """High before low, tried for every pair."""
    worst = max(curve[i] - curve[j] for j in range(curve.size) for i in range(j + 1))

    assert max_drawdown(curve) == worst


def test_ten_days_leave_a_sharpe_uncertain_by_six() -> None:
    """Whatever the step."""
    assert sharpe_error(10 * 86400.0) == pytest.approx(6.0415, rel=1e-4)


def test_first_half_filled_day_lowers_the_older_trades_per_day() -> None:
    """Half days of 70, 72, 68 and 74 trades: 142 a day come out as 123.5."""
    half_days = np.array([43200.0, 86400, 129600, 172800])

    assert rolling_day_mean(half_days, np.array([70.0, 72, 68, 74])) == 123.5


def test_an_hour_s_trades_come_out_far_too_low() -> None:
    """Nine trades in an hour are 216 a day; twelve 5-minute records say 4.58."""
    trades = np.array([0.0, 0, 1, 1, 1, 1, 1, 1, 1, 2, 0, 0])

    assert rolling_day_mean(np.arange(0.0, 3600.0, STEP_S), trades) == pytest.approx(
        4.58, abs=0.005
    )


@given(gaps=st.lists(st.integers(1, 50_000), min_size=1, max_size=40))
def test_rolling_day_is_the_sum_of_every_window(gaps: list[int]) -> None:
    """The left end is open, as in pandas."""
    times = np.cumsum(np.array(gaps, dtype=np.float64))
    amounts = np.arange(1.0, times.size + 1)

    assert rolling_day_mean(times, amounts) == pytest.approx(
        pandas_like_rolling_day(times, amounts), rel=1e-9
    )


def test_resampling_keeps_the_last_and_carries_it_over_gaps() -> None:
    """A step without a record is worth what the one before was."""
    out = np.empty(4)

    resample_last(np.array([10.0, 290, 300, 950]), np.array([1.0, 2, 3, 4]), 300.0, out)

    assert out.tolist() == [2, 3, 3, 4]
