"""Which of four days it is, and how slowly one changes one's mind."""

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
    Level,
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
    """Up at one half, down at nought; an unknown score changes no mind either."""
    assert next_level(Level(high, 0.0), z, 1e6).high is after


def test_a_state_stays_half_an_hour() -> None:
    """However loudly the score protests."""
    level = next_level(Level(), 3.0, 1000.0)

    assert next_level(level, -3.0, 1000.0 + STAY_S - 1).high
    assert not next_level(level, -3.0, 1000.0 + STAY_S).high


@given(scores=st.lists(st.floats(-2, 2), max_size=200))
def test_no_two_changes_within_the_stay(scores: list[float]) -> None:
    """A score a minute, of any kind."""
    level, changes = Level(), []
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
    assert cell_of(Level(daily), Level(intraday), 30.0) == (cell, True)
    assert ADVICE[cell]


def test_a_young_history_is_treated_as_the_worst_day() -> None:
    """Unknown is not calm."""
    assert cell_of(Level(), Level(), 6.9) == (BOTH_HIGH, False)


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
