"""Session performance: what a recorder noted while it ran, by every definition we report.

The study's result slide is hftbacktest 1.7.1's; today's hftbacktest means other things by the
same words, so each has a column of its own. The market maker's figures stand beside them.

A fill is marked by the mid that the desk knows when it is reported. So does the ledger, and
the effective half spread times the quantity filled is the spread part of the profit.
"""

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.core.ledger import Ledger, usdt
from engine.models.maker import inventory_half_life, quote_uptime, share
from engine.models.markout import HORIZONS_S, Markout, in_bps, later_mids, markout
from engine.models.pnl_split import PnlSplit, Split
from engine.models.statistics import (
    DAYS_A_YEAR,
    max_leverage,
    median_leverage,
    metrics_2,
    ratio,
    resample_last,
    rolling_day_mean,
    sharpe_error,
    summary_1_7,
)
from exchange.instrument import E8, Instrument
from exchange.jit import FloatArray, IntArray

NEAR_BPS = 5.0
NEAR_TICKS = 2.0
"""Both sides within this of the mid count as quoting: the wider of the two, since one tick of a
cheap coin may be more than 5 bp."""
STEP_1_7_S = 300.0
STEP_2_S = 10.0
"""What either version resamples by unless set otherwise."""
_INVENTORY_S = 1.0
_TOLERANCE = 1e-9
"""Of the turnover: how far two ways of counting one profit may lie apart."""
_POST_ONLY_REFUSED = -5022  # it would have taken
_NO_SUCH_ORDER = -2011  # answers a cancel of an order that is gone
_NONE = 0
"""In place of a price: no mid, or nothing working."""


# ---------------------------------------------------------------- what was noted


class StepSeries(NamedTuple):
    """One row a step of the timer: int64[n] each, ascending in time."""

    recv_ns: IntArray
    profit_e8: IntArray
    position_lots: IntArray
    mid2: IntArray
    """Twice the mid, in ticks; 0 for none."""
    bid_ticks: IntArray
    """Our best working bid; 0 for none."""
    ask_ticks: IntArray


class Fills(NamedTuple):
    """One row a fill that reached the desk, in that order: int64[n] each."""

    told_ns: IntArray
    side: IntArray
    price_ticks: IntArray
    lots: IntArray
    maker: IntArray
    fee_e8: IntArray
    mid2: IntArray
    """Twice the mid that the ledger booked it by."""


def columns(rows: IntArray, count: int, width: int) -> IntArray:
    """The first so many rows of a table, as columns for ``StepSeries`` or ``Fills``.

    Args:
        rows: int64[>= count * width].

    Returns:
        int64[width, count].
    """
    return np.ascontiguousarray(rows[: count * width].reshape(count, width).T)


@dataclass(slots=True)
class SessionTally:
    """What was asked of the venue, and how much of it was refused."""

    orders: int = 0
    cancels: int = 0
    ordered_lots: int = 0
    orders_filled: int = 0
    """At least in part."""
    refusals: dict[int, int] = field(default_factory=dict)
    """How often, by code."""


# ---------------------------------------------------------------- when it is over


@dataclass(frozen=True, slots=True)
class MakerFigures:
    """How well the quotes did their work. Shares are of 1; nan where there was nothing."""

    fill_ratio: float
    """Lots filled of lots ordered; what was replaced was ordered twice."""
    orders_filled: float
    """Orders filled at least in part, of all orders."""
    orders_per_fill: float
    """Quote-to-trade."""
    maker_share: float
    """Of the traded value."""
    uptime: float
    """Share of the time with both sides working within ``uptime_within_bps`` of the mid."""
    uptime_within_bps: float
    bid_depth_bps: float
    """Median distance of our best bid from the mid, while there was one."""
    ask_depth_bps: float
    inventory_half_life_s: float
    post_only_refused: float
    """Refused with -5022, of all orders."""
    cancels_refused: float
    """Refused with -2011, of all cancels."""


@dataclass(frozen=True, slots=True)
class Audit:
    """One profit, counted by the ledger, from the parts, and from cash and stock."""

    ledger_usdt: float
    cash_and_stock_usdt: float
    apart_usdt: float
    """The largest difference: of the totals, or of any part from its own second count."""
    allowed_usdt: float

    @property
    def holds(self) -> bool:
        return self.apart_usdt <= self.allowed_usdt


@dataclass(frozen=True, slots=True)
class Performance:
    """Every figure of a session. One that is undefined is nan."""

    capital_usdt: float
    slide_1_7: dict[str, float]
    slide_2: dict[str, float]
    fills: int
    """That reached the desk."""
    markouts: dict[str, Markout]
    """In ticks, by when the fill is marked."""
    mean_mid_ticks: float
    maker: MakerFigures
    audit: Audit


def judge(
    ledger: Ledger,
    grid: Instrument,
    steps: StepSeries,
    fills: Fills,
    tally: SessionTally,
    last_mid2: int,
    capital_usdt: float,
) -> Performance:
    """What a session comes to.

    Args:
        last_mid2: Twice the last mid that there was, in ticks: the one that the ledger stands at.
    """
    return Performance(
        capital_usdt=capital_usdt,
        slide_1_7=slide_1_7(steps, fills, grid, capital_usdt),
        slide_2=slide_2(steps, fills, grid, capital_usdt),
        fills=fills.side.size,
        markouts=markouts(steps, fills),
        mean_mid_ticks=_mean(_mids(fills.mid2)),
        maker=maker_figures(steps, fills, tally),
        audit=audit(fills, last_mid2, ledger, grid.tick_lot_e8),
    )


def slide_1_7(
    steps: StepSeries, fills: Fills, grid: Instrument, capital_usdt: float
) -> dict[str, float]:
    """The study's result slide: hftbacktest 1.7.1's ``Stat.summary`` with its own defaults."""
    times_s = steps.recv_ns / 1e9
    span_s = float(times_s[-1] - times_s[0]) if times_s.size else 0.0
    equity = _resampled(times_s, steps.profit_e8 / E8, STEP_1_7_S)
    summary = summary_1_7(equity, STEP_1_7_S, capital_usdt, span_s)
    row = np.searchsorted(steps.recv_ns, fills.told_ns)

    def a_day(amounts: FloatArray) -> float:
        each = np.zeros(times_s.size + 1)
        np.add.at(each, row, amounts)
        return rolling_day_mean(times_s[1:], each[1 : times_s.size])

    lots = fills.lots.astype(np.float64)
    _, positions, mids = _positions(steps)
    tick_lot_usdt = grid.tick_lot_e8 / E8
    return {
        "sharpe": summary.sharpe,
        "sharpe_error": _error_beside(summary.sharpe, equity, STEP_1_7_S),
        "differences": _differences(equity),
        "sortino": summary.sortino,
        "annualised_return_pct": summary.annualised_return_pct,
        "max_drawdown_pct": summary.max_drawdown_pct,
        "risk_return_ratio": summary.risk_return_ratio,
        "trades_per_day": a_day(np.ones_like(lots)),
        "volume_per_day": a_day(lots) * grid.qty.value,
        "amount_per_day_usdt": a_day(lots * fills.price_ticks) * tick_lot_usdt,
        "max_leverage": max_leverage(positions * tick_lot_usdt, mids, capital_usdt),
        "median_leverage": median_leverage(positions * tick_lot_usdt, mids, capital_usdt),
    }


def slide_2(
    steps: StepSeries, fills: Fills, grid: Instrument, capital_usdt: float
) -> dict[str, float]:
    """hftbacktest 2.x's metrics with its own step, and the 365 days that crypto has."""
    times_s = steps.recv_ns / 1e9
    equity = _resampled(times_s, steps.profit_e8 / E8, STEP_2_S)
    tick_lot_usdt = grid.tick_lot_e8 / E8
    seen = _between(steps.recv_ns, fills.told_ns)
    lots = fills.lots[seen].astype(np.float64)
    value_usdt = float((lots * fills.price_ticks[seen]).sum()) * tick_lot_usdt
    metrics = metrics_2(equity, STEP_2_S, value_usdt, lots.size, DAYS_A_YEAR)
    known_s, positions, mids = _positions(steps)
    percent = 100.0 / capital_usdt
    return {
        "sharpe": metrics.sharpe,
        "sharpe_error": _error_beside(metrics.sharpe, equity, STEP_2_S),
        "differences": _differences(equity),
        "sortino": metrics.sortino,
        "return_pct": metrics.total_return * percent,
        "annualised_return_pct": metrics.annual_return * percent,
        "max_drawdown_pct": metrics.max_drawdown * percent,
        "return_over_drawdown": metrics.return_over_drawdown,
        "return_over_trade_bps": metrics.return_over_trade * 1e4,
        "trades_per_day": metrics.trades_per_day,
        "volume_per_day": ratio(float(lots.sum()) * grid.qty.value, metrics.total_days),
        "amount_per_day_usdt": ratio(value_usdt, metrics.total_days),
        "max_leverage": max_leverage(
            _resampled(known_s, positions, STEP_2_S) * tick_lot_usdt,
            _resampled(known_s, mids, STEP_2_S),
            capital_usdt,
        ),
    }


def markouts(steps: StepSeries, fills: Fills) -> dict[str, Markout]:
    """What fills earned, by when they are marked.

    The later mid is that of the last step by then: up to 100 ms older than the horizon.
    """
    sides, prices, lots = (
        column.astype(np.float64) for column in (fills.side, fills.price_ticks, fills.lots)
    )
    mids, path = _mids(fills.mid2), _mids(steps.mid2)
    found, later = {}, np.empty(sides.size)
    for horizon_s in HORIZONS_S:
        later_mids(fills.told_ns, steps.recv_ns, path, round(horizon_s * 1e9), later)
        found[f"{horizon_s:g}_s"] = markout(sides, prices, lots, mids, later)
    return found


def maker_figures(steps: StepSeries, fills: Fills, tally: SessionTally) -> MakerFigures:
    """The market maker's own figures."""
    value = (fills.lots * fills.price_ticks).astype(np.float64)
    bid_bps, ask_bps = quote_depths_bps(steps)
    q = _resampled(steps.recv_ns / 1e9, steps.position_lots.astype(np.float64), _INVENTORY_S)
    near_bps = max(NEAR_BPS, in_bps(NEAR_TICKS, _median(_mids(steps.mid2))))
    placed = float(tally.orders)
    return MakerFigures(
        fill_ratio=share(float(fills.lots.sum()), float(tally.ordered_lots)),
        orders_filled=share(float(tally.orders_filled), placed),
        orders_per_fill=share(placed, float(value.size)),
        maker_share=share(float(value[fills.maker > 0].sum()), float(value.sum())),
        uptime=quote_uptime(steps.recv_ns, bid_bps, ask_bps, near_bps),
        uptime_within_bps=near_bps,
        bid_depth_bps=_median(bid_bps),
        ask_depth_bps=_median(ask_bps),
        inventory_half_life_s=inventory_half_life(q, _INVENTORY_S),
        post_only_refused=share(float(tally.refusals.get(_POST_ONLY_REFUSED, 0)), placed),
        cancels_refused=share(float(tally.refusals.get(_NO_SUCH_ORDER, 0)), float(tally.cancels)),
    )


def quote_depths_bps(steps: StepSeries) -> tuple[FloatArray, FloatArray]:
    """Distance of our best bid and ask from the mid at each step; nan where either is missing."""
    mids = _mids(steps.mid2)
    bids = np.where(steps.bid_ticks > _NONE, steps.bid_ticks, np.nan)
    asks = np.where(steps.ask_ticks > _NONE, steps.ask_ticks, np.nan)
    return (mids - bids) / mids * 1e4, (asks - mids) / mids * 1e4


def audit(fills: Fills, last_mid2: int, ledger: Ledger, tick_lot_e8: int) -> Audit:
    """Count the profit again from the fills alone, and compare it with the ledger's.

    Cash and stock are counted in integers, the parts by the model in floats; of funding the
    ledger's own figure is taken, since no fill shows it.

    Args:
        last_mid2: Twice the mid that the ledger stands at.
    """
    signed = fills.side * fills.lots
    paid = int((signed * fills.price_ticks).sum())
    turnover = int((fills.lots * fills.price_ticks).sum())
    stock_e8 = int(signed.sum()) * last_mid2 * tick_lot_e8 // 2
    cash_e8 = -paid * tick_lot_e8 - int(fills.fee_e8.sum()) - ledger.funding_e8
    parts = _split(signed, fills, last_mid2 / 2, tick_lot_e8)
    pairs_e8 = (
        (ledger.total_e8, cash_e8 + stock_e8),
        (ledger.spread_e8, parts.spread * tick_lot_e8),
        (ledger.inventory_e8, parts.inventory * tick_lot_e8),
        (-ledger.fees_e8, parts.fees * tick_lot_e8),
    )
    return Audit(
        ledger_usdt=usdt(ledger.total_e8),
        cash_and_stock_usdt=usdt(cash_e8 + stock_e8),
        apart_usdt=max(abs(ours - again) for ours, again in pairs_e8) / E8,
        allowed_usdt=_TOLERANCE * turnover * tick_lot_e8 / E8,
    )


def _split(signed_lots: IntArray, fills: Fills, last_mid: float, tick_lot_e8: int) -> Split:
    """The parts by the model, in ticks times lots."""
    split = PnlSplit(last_mid)  # with nothing held any mid will do to start from
    columns = (signed_lots, fills.price_ticks, fills.fee_e8 / tick_lot_e8, fills.mid2 / 2)
    for dq, price, fee, mid in zip(*(c.astype(float).tolist() for c in columns), strict=True):
        split.receive_fill(dq, price, fee, mid)
    split.receive_mid(last_mid)
    return split.read()


# ---------------------------------------------------------------- samples


def _mids(mid2: IntArray) -> FloatArray:
    """Mids in ticks; nan for none."""
    return np.where(mid2 > _NONE, mid2 / 2, np.nan)


def _positions(steps: StepSeries) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Times in s, positions in lots and mids in ticks, of the steps that had a mid."""
    known = steps.mid2 > _NONE
    lots = steps.position_lots[known].astype(np.float64)
    return steps.recv_ns[known] / 1e9, lots, steps.mid2[known] / 2


def _between(record_ns: IntArray, when_ns: IntArray) -> NDArray[np.bool_]:
    """What records cover: after the first, which has none before it, up to the last."""
    if not record_ns.size:
        return np.zeros(when_ns.size, dtype=np.bool_)
    seen: NDArray[np.bool_] = (record_ns[0] < when_ns) & (when_ns <= record_ns[-1])
    return seen


def _resampled(times_s: FloatArray, values: FloatArray, step_s: float) -> FloatArray:
    """The last value of each step of the wall clock."""
    if not times_s.size:
        return values
    first, last = np.floor(times_s[[0, -1]] / step_s)
    out = np.empty(int(last - first) + 1)
    resample_last(times_s, values, step_s, out)
    return out


def _error_beside(figure: float, equity: FloatArray, step_s: float) -> float:
    """Standard error of a Sharpe ratio; of one that is undefined, undefined."""
    return math.nan if math.isnan(figure) else sharpe_error((equity.size - 1) * step_s)


def _differences(equity: FloatArray) -> float:
    """How many profits of a step the ratios rest on."""
    return float(max(equity.size - 1, 0))


def _mean(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else math.nan


def _median(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else math.nan
