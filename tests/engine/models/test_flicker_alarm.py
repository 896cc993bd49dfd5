"""Flicker alarm: when the screen says something about flicker, and how it knows what is usual."""

import math

import numpy as np
import pytest

from engine.models.flicker_alarm import (
    ALARM,
    NOTICE,
    QUIET,
    WARNING,
    WORDS,
    FlickerAlarm,
    FlickerDay,
    flicker_level,
)


@pytest.mark.parametrize(
    ("D", "usual", "chance", "level"),
    [
        (3.0, math.nan, 1e-9, QUIET),
        (3.1, math.nan, 1.0, NOTICE),
        (7.0, math.nan, 0.016, NOTICE),
        (3.5, 4.0, 1.0, QUIET),
        (3.5, 2.0, 1.0, NOTICE),
        (20.0, 4.0, 9e-5, WARNING),
        (20.0, 4.0, 1e-4, NOTICE),
        (30.0, 50.0, 1.0, ALARM),
        (math.nan, 4.0, 1e-9, QUIET),
    ],
)
def test_level_of_one_minute(D: float, usual: float, chance: float, level: int) -> None:
    """Seven with six moves is harmless; twenty is not, unless chance could do it."""
    assert flicker_level(D, usual, chance) == level


def test_two_warnings_within_ten_minutes_are_an_alarm() -> None:
    """A minute that merely stays at warning is still one."""
    alarm = FlickerAlarm()

    shown = [
        alarm.receive(level, now_s)
        for level, now_s in [(WARNING, 0), (WARNING, 60), (QUIET, 120), (WARNING, 600)]
    ]

    assert shown == [WARNING, WARNING, QUIET, ALARM]


def test_an_alarm_lasts_as_long_as_its_warning() -> None:
    """It does not fade into a warning while nothing has become better."""
    alarm = FlickerAlarm()
    for level, now_s in [(WARNING, 0), (QUIET, 60), (WARNING, 120)]:
        alarm.receive(level, now_s)

    assert alarm.receive(WARNING, 180) == ALARM
    assert alarm.receive(NOTICE, 240) == NOTICE


def test_warnings_far_apart_are_two_warnings() -> None:
    """Eleven minutes."""
    alarm = FlickerAlarm()
    alarm.receive(WARNING, 0)
    alarm.receive(QUIET, 60)

    assert alarm.receive(WARNING, 660) == WARNING


def test_every_level_above_quiet_has_words() -> None:
    """About the book, and about nobody."""
    assert all(WORDS[level] for level in (NOTICE, WARNING, ALARM))


def test_shares_are_counted_at_the_study_s_own_marks() -> None:
    """3.1 itself is inside."""
    day = FlickerDay()
    for D in (0.05, 0.1, 1.0, 3.1, 3.2, math.nan):
        day.receive(D, 0.0)

    assert (day.n, day.share_inside, day.share_above) == (5, 0.6, 0.2)


def test_quantile_is_that_of_the_minutes_to_a_tenth() -> None:
    """Against sorting them all."""
    minutes = 3.0 * np.random.default_rng(1).standard_exponential(1440)
    day = FlickerDay()
    for minute, D in enumerate(minutes):
        day.receive(D, 60.0 * minute)

    assert day.quantile(0.98) == pytest.approx(np.quantile(minutes, 0.98), abs=0.2)


def test_yesterday_is_forgotten() -> None:
    """A day and a bit later only the new minute is left, also after a long pause."""
    day = FlickerDay()
    day.receive(5.0, 3600.0)
    day.receive(1.0, 3600.0 * 26)

    assert (day.n, day.share_above) == (1, 0.0)


def test_an_empty_day_has_no_shares() -> None:
    """Undefined, not nought."""
    day = FlickerDay()

    assert math.isnan(day.share_inside)
    assert math.isnan(day.quantile(0.98))


@pytest.mark.parametrize(
    ("moves_a_side", "share"), [(2.0, 0.048), (5.9, 0.02), (10.0, 0.0065), (15.0, 0.0017)]
)
def test_the_study_s_two_per_cent_depend_on_activity(moves_a_side: float, share: float) -> None:
    """Sides that move alike and know nothing of each other: few moves make wild ratios."""
    moves = np.random.default_rng(2).poisson(moves_a_side, (400_000, 2)) + 1

    assert np.mean(moves[:, 0] / moves[:, 1] > 3.1) == pytest.approx(share, rel=0.1)
