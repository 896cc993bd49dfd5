"""Flicker alarm: levels against the instrument's own day, and against chance.

The study's cut at 3.1 is where two per cent of one future's minutes lay; how much that is
elsewhere depends on how often the touch moves. So the instrument's own 98 % point counts
when it lies higher, and a warning needs a chance that knows the number of moves.
"""

import math

import numpy as np

from exchange.jit import njit

LOWEST, CUT = 0.1, 3.1
"""Where the study saw 98 % of all minutes."""
WARNING_FROM, ALARM_FROM = 20.0, 30.0
WARNING_CHANCE = 1e-4
AGAIN_WITHIN_S = 600.0
"""Two warnings this close together are an alarm."""

QUIET, NOTICE, WARNING, ALARM = range(4)

WORDS = {
    QUIET: "",
    NOTICE: "one side of the touch flickers more than usual",
    WARNING: "one side of the touch flickers far beyond chance",
    ALARM: "one side of the touch flickers extremely, or again and again",
}
"""About the book, never about anybody."""

_BIN = 0.1
_BINS = 1000  # up to D = 100; what lies beyond counts in the last
_HOURS = 24


@njit
def flicker_level(D: float, usual: float, chance: float) -> int:
    """What one minute deserves by itself: ``QUIET``, ``NOTICE``, ``WARNING`` or ``ALARM``.

    Args:
        D: Either measure; nan is quiet.
        usual: The instrument's own 98 % point; nan before there is one.
        chance: From ``one_sided_chance``.
    """
    if D >= ALARM_FROM:
        return ALARM
    if D >= WARNING_FROM and chance < WARNING_CHANCE:
        return WARNING
    cut = usual if usual > CUT else CUT
    return NOTICE if D >= cut else QUIET


class FlickerAlarm:
    """Remembers when it last warned; a second warning within ten minutes is an alarm.

    A warning is the step up to it; a minute that stays there warns once.
    """

    def __init__(self) -> None:
        self._level = QUIET
        self._warned_s = -math.inf

    def receive(self, level: int, now_s: float) -> int:
        """The level to show, given what this minute deserves by itself."""
        stepped_up = level >= WARNING > self._level
        again = stepped_up and now_s - self._warned_s <= AGAIN_WITHIN_S
        held = level >= WARNING and self._level == ALARM
        self._warned_s = now_s if stepped_up else self._warned_s
        self._level = ALARM if again or held else level
        return self._level


class FlickerDay:
    """How D was spread over the last day, in 24 hourly histograms of tenths."""

    def __init__(self) -> None:
        self._bins = np.zeros((_HOURS, _BINS), np.int64)
        self._inside = np.zeros(_HOURS, np.int64)
        self._above = np.zeros(_HOURS, np.int64)
        self._hour = -1

    def receive(self, D: float, time_s: float) -> None:
        """One minute's D; nan is left out. Times never decrease."""
        hour = int(time_s // 3600)
        row = hour % _HOURS
        for passed in range(max(self._hour + 1, hour - _HOURS + 1), hour + 1):
            for table in (self._bins, self._inside, self._above):
                table[passed % _HOURS] = 0
        self._hour = hour
        if not math.isnan(D):
            self._bins[row, min(int(D / _BIN), _BINS - 1)] += 1
            self._inside[row] += LOWEST <= D <= CUT
            self._above[row] += D > CUT

    @property
    def n(self) -> int:
        return int(self._bins.sum())

    @property
    def share_inside(self) -> float:
        """Share within 0.1 to 3.1; the study saw 98 %. nan without a minute."""
        return float(self._inside.sum()) / self.n if self.n else math.nan

    @property
    def share_above(self) -> float:
        """Share above 3.1; the study saw 2 %. nan without a minute."""
        return float(self._above.sum()) / self.n if self.n else math.nan

    def quantile(self, p: float) -> float:
        """The tenth at or below which a share p of the minutes lies; nan without a minute."""
        if self.n == 0:
            return math.nan
        reached = np.searchsorted(np.cumsum(self._bins.sum(axis=0)), p * self.n)
        return float(_BIN * (reached + 1))
