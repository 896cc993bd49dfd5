"""Performance figures by hftbacktest's two definitions, each under its own name.

The same words mean other numbers in 1.7.1 (``Stat.summary``) and in 2.x (its metrics), so
every figure here says whose it is. Equity is money, evenly resampled; a figure that rests on
fewer than two samples, or on a denominator of nought, is nan: undefined, not zero.
"""

import math
from dataclasses import dataclass

import numpy as np

from exchange.jit import FloatArray, njit

DAY_S = 86400.0
_ROUNDING = 1e-12  # of the largest sample: a deviation below it is rounding alone
DAYS_A_YEAR = 365
"""Crypto never closes. hftbacktest 2.x says 252 by default."""


@njit
def resample_last(times_s: FloatArray, values: FloatArray, step_s: float, out: FloatArray) -> None:
    """The last value of each step, carried on through steps without any.

    Args:
        times_s: float64[n], ascending; steps begin at multiples of ``step_s``.
        out: float64[steps from the first time's to the last's], overwritten.
    """
    first = math.floor(times_s[0] / step_s)
    i = 0
    for step in range(out.size):
        while i < times_s.size and times_s[i] < (first + step + 1) * step_s:
            i += 1
        out[step] = values[i - 1]


@njit
def max_drawdown(equity: FloatArray) -> float:
    """The deepest fall below an earlier high; 0 when there was none, nan without equity."""
    high, deepest = -np.inf, 0.0
    for value in equity:
        high = max(high, value)
        deepest = max(deepest, high - value)
    return deepest if equity.size else np.nan


@njit
def rolling_day_mean(times_s: FloatArray, amounts: FloatArray) -> float:
    """Mean over all records of the sum of the day that ends there: 1.7.1's "per day".

    It counts the first, partly filled day like the others, and so comes out low; on records
    shorter than a day, far too low.

    Args:
        times_s: float64[n], ascending: of every record but the first, which has none before
            it to differ from.
        amounts: float64[n], added since the record before.

    Returns:
        nan without records.
    """
    oldest, day, total = 0, 0.0, 0.0
    for i in range(times_s.size):
        day += amounts[i]
        while times_s[oldest] <= times_s[i] - DAY_S:
            day -= amounts[oldest]
            oldest += 1
        total += day
    return total / times_s.size if times_s.size else np.nan


def ratio(above: float, below: float) -> float:
    """A quotient, nan where it is undefined."""
    return above / below if below != 0.0 and not math.isnan(below) else math.nan


def deviation(samples: FloatArray) -> float:
    """Standard deviation about the mean, over n - 1; nan with fewer than two.

    Samples that differ by rounding alone are alike: a ratio over that would be 10^18.
    """
    if samples.size < 2:
        return math.nan
    spread = float(np.std(samples, ddof=1))
    return spread if spread > _ROUNDING * float(np.abs(samples).max()) else 0.0


def sharpe(pnl: FloatArray, step_s: float, days: int = DAYS_A_YEAR) -> float:
    """Mean over deviation, annualised: the one formula that both versions share."""
    mean = float(pnl.mean()) if pnl.size >= 2 else math.nan
    return ratio(mean, deviation(pnl)) * math.sqrt(days * DAY_S / step_s)


def sharpe_error(span_s: float) -> float:
    """Standard error of a Sharpe ratio from so long a record: ``sqrt(365/days)``.

    Ten days give ±6: no ratio of a few days is news.
    """
    return math.sqrt(ratio(DAYS_A_YEAR * DAY_S, span_s))


def sortino_1_7(pnl: FloatArray, step_s: float, days: int = DAYS_A_YEAR) -> float:
    """1.7.1's: over the deviation of the losing steps about their own mean."""
    mean = float(pnl.mean()) if pnl.size >= 2 else math.nan
    return ratio(mean, deviation(pnl[pnl < 0.0])) * math.sqrt(days * DAY_S / step_s)


def sortino_2(pnl: FloatArray, step_s: float, days: int = DAYS_A_YEAR) -> float:
    """2.x's: over the root mean square of the losses, winning steps counted as nought."""
    if pnl.size < 2:
        return math.nan
    downside = math.sqrt(float(np.square(np.minimum(pnl, 0.0)).mean()))
    return ratio(float(pnl.mean()), downside) * math.sqrt(days * DAY_S / step_s)


def max_leverage(positions: FloatArray, mids: FloatArray, capital: float) -> float:
    """The largest position value over capital, on raw records."""
    return float(np.abs(positions * mids).max()) / capital if positions.size else math.nan


def median_leverage(positions: FloatArray, mids: FloatArray, capital: float) -> float:
    """The middle one, flat records included."""
    return float(np.median(np.abs(positions * mids))) / capital if positions.size else math.nan


def _drawdown_of_two(equity: FloatArray) -> float:
    """One sample can fall from nothing: with fewer than two the drawdown is undefined."""
    return max_drawdown(equity) if equity.size >= 2 else math.nan


@dataclass(frozen=True, slots=True)
class Summary17:
    """hftbacktest 1.7.1's ``Stat.summary``; the study's result slide."""

    sharpe: float
    sortino: float
    annualised_return_pct: float
    """Of the last equity, not of its rise."""
    max_drawdown_pct: float
    risk_return_ratio: float
    """Annualised return over drawdown."""


def summary_1_7(equity: FloatArray, step_s: float, capital: float, span_s: float) -> Summary17:
    """The slide's lines from resampled equity, 300 s steps by default there.

    Args:
        equity: float64[n], less fees; starting from what the account began with.
        span_s: From the first raw record to the last. The return is annualised over this,
            not over the resampled steps: 345 s touch two of 300 s, but are not 300 s.
    """
    pnl = np.diff(equity)
    last = float(equity[-1]) if equity.size else math.nan
    annualised = 100.0 * ratio(last * DAY_S * 365, span_s * capital)
    drawdown = 100.0 * _drawdown_of_two(equity) / capital
    return Summary17(
        sharpe(pnl, step_s),
        sortino_1_7(pnl, step_s),
        annualised,
        drawdown,
        ratio(annualised, drawdown),
    )


@dataclass(frozen=True, slots=True)
class Metrics2:
    """hftbacktest 2.x's metrics, in money unless they say otherwise."""

    sharpe: float
    sortino: float
    total_return: float
    annual_return: float
    max_drawdown: float
    return_over_drawdown: float
    """Not annualised."""
    return_over_trade: float
    """Return over traded value."""
    trades_per_day: float
    total_days: float
    """From the first resampled step to the last; what "per day" divides by."""


def metrics_2(
    equity: FloatArray,
    step_s: float,
    traded_value: float,
    trades: int,
    days: int = DAYS_A_YEAR,
) -> Metrics2:
    """2.x's figures from resampled equity, 10 s steps by default there.

    Args:
        days: In a year.
    """
    pnl = np.diff(equity)
    total_days = pnl.size * step_s / DAY_S
    gained = float(equity[-1] - equity[0]) if equity.size >= 2 else math.nan
    drawdown = _drawdown_of_two(equity)
    return Metrics2(
        sharpe(pnl, step_s, days),
        sortino_2(pnl, step_s, days),
        gained,
        ratio(gained, total_days) * days,
        drawdown,
        ratio(gained, drawdown),
        ratio(gained, traded_value),
        ratio(trades, total_days),
        total_days,
    )
