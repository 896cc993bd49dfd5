"""Volatility regime: which of four days it is, and how slowly the answer changes."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.models.regime import (
    ADVICE,
    BOTH_HIGH,
    DAILY_HIGH_INTRADAY_LOW,
    DAILY_LOW_INTRADAY_HIGH,
    DAILY_LOW_INTRADAY_LOW,
    STAY_S,
    RegimeWatch,
    VolatilityLevel,
    blend_daily,
    cell_of,
    efficiency_ratio,
    intraday_volatility,
    next_level,
    robust_score,
)

HISTORY = np.array([10.0, 12, 9, 11, 14, 10, 13])


def test_score_of_the_reference_s_history() -> None:
    """Thirty against a week of nine to fourteen."""
    assert robust_score(30.0, HISTORY) == pytest.approx(7.10016498533, rel=1e-9)


@given(x=st.floats(0.1, 100.0), scale=st.floats(1e-3, 1e3))
def test_score_does_not_know_the_unit(x: float, scale: float) -> None:
    """Per cents or shares, a day or an hour: logs see ratios alone."""
    assert robust_score(x * scale, HISTORY * scale) == pytest.approx(
        robust_score(x, HISTORY), rel=1e-6, abs=1e-9
    )


def test_flat_history_does_not_flag_a_ripple() -> None:
    """Its own spread is nought; two per cent more is still less than a floor's half."""
    assert robust_score(1.02, np.ones(30)) == pytest.approx(math.log(1.02) / 0.05)
    assert robust_score(1.02, np.ones(30)) < 0.5


def test_no_history_has_no_score() -> None:
    """Zeros are days without data."""
    assert math.isnan(robust_score(1.0, np.zeros(3)))
    assert robust_score(0.0, HISTORY) == -math.inf


@pytest.mark.parametrize(
    ("high", "z", "after"),
    [
        (False, 0.4, False),
        (False, 0.5, True),
        (True, 0.4, True),
        (True, 0.1, True),
        (True, 0.0, False),
        (True, math.nan, True),
    ],
)
def test_between_the_marks_nothing_changes(high: bool, z: float, after: bool) -> None:
    """Up at one half, down at nought; an unknown score changes no state either."""
    assert next_level(VolatilityLevel(high, 0.0), z, 1e6).high is after


def test_a_state_stays_half_an_hour() -> None:
    """However loudly the score protests."""
    level = next_level(VolatilityLevel(), 3.0, 1000.0)

    assert next_level(level, -3.0, 1000.0 + STAY_S - 1).high
    assert not next_level(level, -3.0, 1000.0 + STAY_S).high


@given(scores=st.lists(st.floats(-2, 2), max_size=200))
def test_no_two_changes_within_the_stay(scores: list[float]) -> None:
    """A score a minute, of any kind."""
    level, changes = VolatilityLevel(), []
    for minute, z in enumerate(scores):
        after = next_level(level, z, 60.0 * minute)
        changes += [60.0 * minute] if after.high != level.high else []
        level = after

    assert all(b - a >= STAY_S for a, b in pairwise(changes))


@pytest.mark.parametrize(
    ("daily", "intraday", "cell"),
    [
        (False, False, DAILY_LOW_INTRADAY_LOW),
        (False, True, DAILY_LOW_INTRADAY_HIGH),
        (True, False, DAILY_HIGH_INTRADAY_LOW),
        (True, True, BOTH_HIGH),
    ],
)
def test_every_cell_of_the_matrix(daily: bool, intraday: bool, cell: int) -> None:
    """And each has its advice."""
    assert cell_of(VolatilityLevel(daily), VolatilityLevel(intraday), 30.0) == (cell, True)
    assert ADVICE[cell]


def test_a_young_history_is_treated_as_the_worst_day() -> None:
    """Unknown is not calm."""
    assert cell_of(VolatilityLevel(), VolatilityLevel(), 6.9) == (BOTH_HIGH, False)


def test_there_and_back_is_choppy_and_one_way_is_a_trend() -> None:
    """Same path length, opposite efficiency."""
    there_and_back = np.array([0.01, -0.01] * 144)
    one_way = np.full(288, 0.01)

    assert efficiency_ratio(there_and_back) == pytest.approx(0.0, abs=1e-12)
    assert efficiency_ratio(one_way) == pytest.approx(math.sqrt(288))
    assert intraday_volatility(there_and_back) == pytest.approx(intraday_volatility(one_way))
    assert math.isnan(efficiency_ratio(np.zeros(288)))


def test_daily_volatility_forgets_over_five_days() -> None:
    """The first day counts whole; one of another size weighs 1 - 1/e after five."""
    first = blend_daily(math.nan, np.array([0.02]), 1.0)

    later = blend_daily(first, np.array([0.04]), 5.0)

    assert first == pytest.approx(0.0004)
    assert later == pytest.approx(0.0004 + (1 - math.exp(-1)) * 0.0012)


def days_of(watch: RegimeWatch, days: float, sigma: float, start_s: float = 0.0) -> float:
    """Feed mids a minute apart whose 5-minute returns have this size; when it ended."""
    random = np.random.default_rng(4)
    n = round(days * 288)
    mids = 60_000 * np.exp(sigma * random.standard_normal(n).cumsum())
    for i, mid in enumerate(mids):
        watch.receive_mid(float(mid), start_s + 300.0 * i)
        watch.receive_mid(float(mid) * 1.5, start_s + 300.0 * i + 60.0)  # between two samples
    return start_s + 300.0 * n


def test_a_week_of_its_own_makes_a_regime_known() -> None:
    """The first day fills the window, seven more fill the history."""
    watch = RegimeWatch()
    days_of(watch, 7.9, 1e-3)
    young = watch.known, watch.cell
    days_of(watch, 0.3, 1e-3, 8 * 86_400.0)

    assert young == (False, BOTH_HIGH)
    assert watch.known
    assert watch.history_days >= 7.0


def test_a_wild_day_after_calm_ones_is_called_high() -> None:
    """Intraday volatility at four times its usual level passes the mark within the day."""
    watch = RegimeWatch()
    end_s = days_of(watch, 9.0, 1e-3)
    assert not watch.cell & DAILY_LOW_INTRADAY_HIGH
    days_of(watch, 1.0, 4e-3, end_s)

    assert watch.cell & DAILY_LOW_INTRADAY_HIGH


def test_a_day_of_one_way_is_high_by_the_day_and_not_within_it() -> None:
    """Steps a little below the usual size, all of one sign."""
    watch = RegimeWatch()
    end_s = days_of(watch, 9.0, 1e-3)
    for i in range(288):
        watch.receive_mid(60_000 * math.exp(9e-4 * i), end_s + 300.0 * i)

    assert watch.cell == DAILY_HIGH_INTRADAY_LOW


def test_an_hour_of_returns_gives_an_efficiency() -> None:
    """Before that the ratio would be one return over itself."""
    watch = RegimeWatch()
    days_of(watch, 11 / 288, 1e-3)
    early = watch.efficiency
    days_of(watch, 0.5, 1e-3, 86_400.0)

    assert math.isnan(early)
    assert 0.0 <= watch.efficiency < 4.0
