"""Volatility regime: four kinds of day, by volatility across the day and within it.

    |            | intraday low                 | intraday high                          |
    | daily low  | tight, for volume            | wide, larger size, averaging allowed   |
    | daily high | small and tight, steady trend| wide, smaller size                     |

Within: the square root of summed squared 5-minute log returns over 24 h. Across: the size of
their sum, smoothed over days. Each is scored against a month of itself, and must pass one
mark to be called high and a lower one to be called low again.
"""

import math
from collections import deque
from dataclasses import dataclass, replace

import numpy as np

from exchange.jit import FloatArray, njit

NORMAL_PER_MAD = 1.4826
"""Standard deviations in a median absolute deviation, for a normal."""

RETURNS_A_DAY = 288
LEAST_SCALE = 0.05
"""In logs: a flat history must not make every ripple an outlier."""
HIGH_AT = 0.5
LOW_AT = 0.0  # below the other mark: with one alone a state would change all day
STAY_S = 1800.0
"""A state lasts at least so long."""
FEWEST_DAYS = 7.0
_DAYS_KEPT = 30
_RETURN_S = 300.0  # the returns are of 5 minutes
_SCORES_AN_HOUR = 12

DAILY_LOW_INTRADAY_LOW, DAILY_LOW_INTRADAY_HIGH, DAILY_HIGH_INTRADAY_LOW, BOTH_HIGH = range(4)

ADVICE = {
    DAILY_LOW_INTRADAY_LOW: "tight spread, maximise volume",
    DAILY_LOW_INTRADAY_HIGH: "wide spread, larger size, averaging allowed",
    DAILY_HIGH_INTRADAY_LOW: "small tight spread, steady trend",
    BOTH_HIGH: "wide spread, smaller size",
}
"""What the study advises in each cell."""


@njit
def intraday_volatility(log_returns: FloatArray) -> float:
    """Path length of the day: ``sqrt(sum r²)`` of its 5-minute log returns."""
    return math.sqrt((log_returns * log_returns).sum())


@njit
def blend_daily(mean_square: float, log_returns: FloatArray, elapsed_days: float) -> float:
    """Smoothed square of the day's net move; its root is the daily volatility.

    Args:
        mean_square: So far; nan to start with this day.
        elapsed_days: Since the last call.

    Source:
        Exponential weights over 5 days of ``(sum r)²``.
    """
    square = float(log_returns.sum()) ** 2
    if np.isnan(mean_square):
        return square
    return mean_square - math.expm1(-elapsed_days / 5.0) * (square - mean_square)


@njit
def efficiency_ratio(log_returns: FloatArray) -> float:
    """Net move over path: about 1 for a random walk, far below when choppy, above in a trend.

    Returns:
        nan for a day that stood still.

    Source:
        Kaufman's ratio with the path as a root of squares: ``|sum r|/sqrt(sum r²)``.
    """
    path = intraday_volatility(log_returns)
    return abs(log_returns.sum()) / path if path > 0.0 else np.nan


def robust_score(x: float, history: FloatArray) -> float:
    """How unusual x is against its own history, in robust standard deviations of logs.

    Args:
        history: Positive values; zeros are passed over.

    Returns:
        nan without any history; -inf for x of zero.
    """
    logs = np.log(history[history > 0.0])
    if logs.size == 0:
        return math.nan
    middle = float(np.median(logs))
    scale = NORMAL_PER_MAD * float(np.median(np.abs(logs - middle)))
    distance = math.log(x) - middle if x > 0.0 else -math.inf
    return distance / max(scale, LEAST_SCALE)


@dataclass(frozen=True, slots=True)
class VolatilityLevel:
    """Whether one volatility is high, and since when."""

    high: bool = False
    since_s: float = -math.inf


def next_level(level: VolatilityLevel, z: float, now_s: float) -> VolatilityLevel:
    """High from +½ up, low from 0 down, and never changing twice in half an hour."""
    wanted = level.high
    if z >= HIGH_AT:
        wanted = True
    elif z <= LOW_AT:
        wanted = False
    if wanted == level.high or now_s - level.since_s < STAY_S:
        return level
    return replace(level, high=wanted, since_s=now_s)


def cell_of(
    daily: VolatilityLevel, intraday: VolatilityLevel, history_days: float
) -> tuple[int, bool]:
    """The cell of the matrix.

    Returns:
        ``(cell, known)``. With less than a week of history nothing is known, and the cell is
        the most cautious one.
    """
    if history_days < FEWEST_DAYS:
        return BOTH_HIGH, False
    return 2 * daily.high + intraday.high, True


class RegimeWatch:
    """Feed it mids by the clock; it samples every 5 minutes and remembers a month by the hour."""

    def __init__(self) -> None:
        self._returns: deque[float] = deque(maxlen=RETURNS_A_DAY)
        self._history: deque[tuple[float, float]] = deque(maxlen=24 * _DAYS_KEPT)
        self._sampled_s = -math.inf
        self._mid = math.nan
        self._daily_square = math.nan
        self._daily, self._intraday = VolatilityLevel(), VolatilityLevel()
        self._scored = 0

    def receive_mid(self, mid_ticks: float, time_s: float) -> None:
        """One sample; nan is passed over, and the return over it goes to when the mid is back."""
        if math.isnan(mid_ticks) or time_s - self._sampled_s < _RETURN_S:
            return
        if mid_ticks > 0.0 and self._mid > 0.0:
            self._returns.append(math.log(mid_ticks / self._mid))
            self._score(time_s)
        self._mid, self._sampled_s = mid_ticks, time_s

    def _score(self, time_s: float) -> None:
        if len(self._returns) < RETURNS_A_DAY:
            return
        returns = np.array(self._returns)
        self._daily_square = blend_daily(self._daily_square, returns, 1.0 / RETURNS_A_DAY)
        now = (math.sqrt(self._daily_square), intraday_volatility(returns))
        self._scored += 1
        if self._scored % _SCORES_AN_HOUR == 0:
            self._history.append(now)
        past = np.array(self._history).reshape(-1, 2)
        if len(past) and self.known:
            self._daily = next_level(self._daily, robust_score(now[0], past[:, 0]), time_s)
            self._intraday = next_level(self._intraday, robust_score(now[1], past[:, 1]), time_s)

    @property
    def history_days(self) -> float:
        return len(self._history) / 24.0

    @property
    def known(self) -> bool:
        return cell_of(self._daily, self._intraday, self.history_days)[1]

    @property
    def cell(self) -> int:
        """The most cautious one while nothing is known."""
        return cell_of(self._daily, self._intraday, self.history_days)[0]

    @property
    def efficiency(self) -> float:
        """``efficiency_ratio`` of what was seen of the last day; nan with fewer than an hour."""
        if len(self._returns) < _SCORES_AN_HOUR:
            return math.nan
        return efficiency_ratio(np.array(self._returns))
