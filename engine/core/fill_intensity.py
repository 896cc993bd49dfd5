"""Fill intensity of the market: both sides' arrivals, counted by level and by fading weights.

A market order is counted from the mid just before it by the venue's stamps: the streams do not
arrive in order, and a mid of a moment later takes a sweep for a touch. Each side keeps its own A; k
is of both together, since they share it and either alone knows little. The pair that is quoted is
then exact but for an inventory skew of ln(A_bid/A_ask)/2k, which is mostly noise.
"""

import math
from typing import get_args

import numpy as np

from engine.core.desk_layout import (
    ASK_FIT,
    BID_FIT,
    BOTH_FIT,
    COUNTS_ARRIVALS,
    INTENSITY_BY,
    LEVELS,
    LEVELS_NEWEST,
    LINE_SPREAD,
    MONO_NS,
    NEAREST_TICKS,
    NEVER_NS,
    ROW_N,
    SWEEP_AT,
    SWEEP_EXCH_NS,
    SWEEP_FIRST_TICKS,
    SWEEP_HEIGHT,
    SWEEP_LEVEL,
    WINDOW_NS,
    WINDOW_S,
    fit_row,
    level_ring,
    sweep_row,
    weighted_arrivals,
)
from engine.core.settings import IntensityName
from engine.models.level_intensity import (
    LEVEL_SLOTS,
    carry_to_mid,
    dispersions,
    first_price,
    first_rate,
    first_rate_by_line,
    fit_errors,
    is_watched,
    level_misfit,
    recount_level,
    ring_width,
    side_row,
    watch_level,
    watched_s,
)
from engine.models.online_intensity import (
    arrive,
    go_deeper,
    read_intensity,
    start_watching,
    watch,
)
from engine.models.ring import sum_rows
from exchange.jit import FloatArray, IntArray, njit, piece
from exchange.market_layout import NO_BID

ESTIMATORS: tuple[IntensityName, ...] = get_args(IntensityName)
_WLS, _OLS, _ONLINE = map(ESTIMATORS.index, ("wls", "ols", "online"))
LINE_SPREADS = {"ols": 3.1, "wls": 1.4}
"""Errors of least squares over those of the likelihood, from the share of simulated desks whose
narrower interval held the truth: of A 0.48 and 0.87 instead of 0.95."""
_SAME_ORDER_NS = 1_000_000
"""Prints of one side this close together are one market order."""


@njit
def start_counting(reals: FloatArray, mono_ns: int) -> None:
    """The first sample: no arrival came before it."""
    for side in (1, -1, 0):
        start_watching(weighted_arrivals(reals, side), mono_ns / 1e9)


@njit
def count_print(
    desk: IntArray,
    reals: FloatArray,
    aggressor: int,
    price_ticks: int,
    exch_ns: int,
    bid_before: int,
    ask_before: int,
) -> None:
    """One print; several prints of one market order count once, at the deepest.

    A market order only goes deeper: a print nearer to the touch begins another. While no book is
    seen none counts: the time in which it came is not counted either.

    Args:
        desk: int64[DESK_SIZE], as ``reals`` of ``engine.core.desk_layout``.
        bid_before: Others' best just before ``exch_ns``, as ``ask_before``, or ``NO_BID``.
    """
    side = -aggressor
    sweep = sweep_row(desk, side)
    if desk[COUNTS_ARRIVALS] == 0:
        return
    if not _goes_on(sweep, side * price_ticks, exch_ns):
        if bid_before == NO_BID:
            return
        first = first_price(side, bid_before, ask_before, reals[NEAREST_TICKS])
        if not is_watched(side * (0.5 * (bid_before + ask_before) - first)):
            return
        sweep[SWEEP_EXCH_NS], sweep[SWEEP_FIRST_TICKS], sweep[SWEEP_LEVEL] = exch_ns, first, -1
    sweep[SWEEP_HEIGHT] = side * price_ticks
    level = side * (sweep[SWEEP_FIRST_TICKS] - price_ticks)
    if level > sweep[SWEEP_LEVEL]:
        _count(desk, reals, side, level)
        sweep[SWEEP_LEVEL] = level


@piece
def _goes_on(sweep: IntArray, height: int, exch_ns: int) -> bool:
    if sweep[SWEEP_EXCH_NS] == NEVER_NS:
        return False
    soon = 0 <= exch_ns - sweep[SWEEP_EXCH_NS] < _SAME_ORDER_NS
    return bool(soon and height <= sweep[SWEEP_HEIGHT])


@piece
def _count(desk: IntArray, reals: FloatArray, side: int, level: int) -> None:
    """Count an order at its level, or count anew one that went deeper."""
    sweep, ring, levels = sweep_row(desk, side), level_ring(reals, desk[LEVELS]), desk[LEVELS]
    now_s = desk[MONO_NS] / 1e9
    before = sweep[SWEEP_LEVEL]
    if before < 0:
        sweep[SWEEP_AT] = _row(desk, reals, side)
        ring[sweep[SWEEP_AT] + min(level, levels)] += 1.0
    else:
        recount_level(ring, sweep[SWEEP_AT], levels, before, level)
    for key in (side, 0):
        state = weighted_arrivals(reals, key)
        if before < 0:
            arrive(state, now_s, float(level), reals[WINDOW_S])
        else:
            go_deeper(state, float(level - before))


@piece
def _row(desk: IntArray, reals: FloatArray, side: int) -> int:
    """Where the numbers of a side begin at this moment."""
    ring, newest = level_ring(reals, desk[LEVELS]), desk[LEVELS_NEWEST : LEVELS_NEWEST + 1]
    slot_ns = max(desk[WINDOW_NS] // LEVEL_SLOTS, 1)
    return side_row(ring, newest, slot_ns, desk[LEVELS], side, desk[MONO_NS])


@njit
def watch_sides(desk: IntArray, reals: FloatArray, bid: int, ask: int, span_s: float) -> None:
    """A stretch of time, up to now, during which this touch of others stood."""
    for side in (1, -1):
        first = first_price(side, bid, ask, reals[NEAREST_TICKS])
        depth = side * (0.5 * (bid + ask) - first)
        if not is_watched(depth):
            continue
        ring, row = level_ring(reals, desk[LEVELS]), _row(desk, reals, side)
        watch_level(ring, row, desk[LEVELS], depth, span_s)
        for key in (side, 0):
            state = weighted_arrivals(reals, key)
            watch(state, desk[MONO_NS] / 1e9, span_s, reals[WINDOW_S])


@njit
def read_intensities(desk: IntArray, reals: FloatArray) -> tuple[float, float]:
    """Fit A and k as of now: writes the rows of bid, ask and both.

    A of both: the geometric mean of the sides'; k: of all arrivals.

    Returns:
        ``(misfit, watched_s)``.
    """
    width = ring_width(desk[LEVELS])
    sums = np.zeros(2 * width)
    _row(desk, reals, 1)
    sum_rows(level_ring(reals, desk[LEVELS]), sums)
    bid, ask = sums[:width], sums[width:]
    together = bid + ask
    bid_rate, bid_k = _first_rate(desk, reals, bid, 1)
    ask_rate, ask_k = _first_rate(desk, reals, ask, -1)
    _, k = _first_rate(desk, reals, together, 0)
    strayed, spread = np.zeros(6), reals[LINE_SPREAD]
    newest = desk[LEVELS_NEWEST : LEVELS_NEWEST + 1]
    dispersions(level_ring(reals, desk[LEVELS]), newest, k, strayed)
    bid_row, ask_row = fit_row(reals, BID_FIT), fit_row(reals, ASK_FIT)
    A_bid, A_ask = carry_to_mid(bid_rate, bid_k, bid), carry_to_mid(ask_rate, ask_k, ask)
    fit_errors(bid, A_bid, bid_k, 0.0, spread, strayed[0], strayed[1], bid_row)
    fit_errors(ask, A_ask, ask_k, 0.0, spread, strayed[2], strayed[3], ask_row)
    A = math.sqrt(carry_to_mid(bid_rate, k, bid) * carry_to_mid(ask_rate, k, ask))
    # The geometric mean is as uncertain as its poorer half, not as all arrivals together.
    evenly = 4.0 / (1.0 / max(bid_row[ROW_N], 1.0) + 1.0 / max(ask_row[ROW_N], 1.0))
    both_row = fit_row(reals, BOTH_FIT)
    fit_errors(together, A, k, evenly, spread, strayed[4], strayed[5], both_row)
    return level_misfit(together, k), watched_s(bid)


@piece
def _first_rate(
    desk: IntArray, reals: FloatArray, numbers: FloatArray, side: int
) -> tuple[float, float]:
    """Arrivals a second at the first level or beyond, and k."""
    by = desk[INTENSITY_BY]
    if by == _ONLINE:
        rate, per_level, _ = read_intensity(weighted_arrivals(reals, side))
        return rate, math.log1p(per_level)
    if by in (_WLS, _OLS):
        return first_rate_by_line(numbers, by == _WLS, np.zeros(desk[LEVELS]))
    return first_rate(numbers)
