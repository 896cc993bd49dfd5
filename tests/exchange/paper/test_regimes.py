"""Market regimes: what each of them claims to be, in numbers."""

import math
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from exchange.paper.background.synthetic_flow import STEP_NS, SyntheticFlow
from exchange.paper.matching.events import Traded
from exchange.paper.matching.price_time import Matching
from exchange.paper.settings import Regime
from exchange.types import Side
from tests.exchange.paper.bench import LIVELY, QUIET

S_NS = 1_000_000_000
SIGMA = LIVELY.sigma_ticks


class Watched(NamedTuple):
    """A market in one regime, seen once a second."""

    path: NDArray[np.float64]
    imbalance: NDArray[np.int64]
    """Of each second: trades of buyers less those of sellers."""
    trades: NDArray[np.int64]

    @property
    def returns(self) -> NDArray[np.float64]:
        return np.diff(self.path)


@lru_cache
def watch(regime: Regime, seconds: int = 900, seed: int = 1) -> Watched:
    """A book that is thin, and so cheap to keep; neither path nor takers look at it."""
    matching = Matching()
    market = replace(LIVELY, regime=regime, seed=seed, depth_levels=12)
    flow = SyntheticFlow(market, matching)
    path, imbalance, count = [], [], []
    for second in range(seconds + 1):
        trades = trades_until(flow, second * S_NS)
        path.append(flow.fair_ticks)
        imbalance.append(sum(trade.taker_side for trade in trades))
        count.append(len(trades))
    return Watched(np.array(path), np.array(imbalance[1:]), np.array(count[1:]))


def trades_until(flow: SyntheticFlow, now_ns: int) -> list[Traded]:
    lots = list(flow.advance(now_ns))
    return [event for events in lots for event in events if isinstance(event, Traded)]


def autocorrelation(values: NDArray[np.float64], lag: int = 1) -> float:
    away = values - values.mean()
    return float((away[:-lag] * away[lag:]).mean() / (away * away).mean())


def kurtosis(values: NDArray[np.float64]) -> float:
    away = values - values.mean()
    return float((away**4).mean() / (away**2).mean() ** 2)


def test_calm_returns_are_normal_and_know_nothing_of_each_other() -> None:
    """The yardstick of the others: within four standard errors of 900 seconds."""
    returns = watch("calm").returns

    assert kurtosis(returns) == pytest.approx(3.0, abs=4 * math.sqrt(24 / 900))
    assert autocorrelation(returns**2) == pytest.approx(0.0, abs=4 / math.sqrt(900))
    assert np.abs(returns).max() < 6 * SIGMA


def test_trending_returns_of_ten_seconds_follow_each_other() -> None:
    """About four standard errors from nothing; in the calm market they do not."""
    trending, calm = (autocorrelation(np.diff(watch(r).path[::10])) for r in ("trending", "calm"))

    assert trending > 0.4
    assert abs(calm) < 0.3


def test_trending_takers_lean_with_the_price() -> None:
    """More of them buy while it rises than while it falls; in the calm market alike."""

    def correlation(regime: Regime) -> float:
        watched = watch(regime)
        over_ten = watched.imbalance.reshape(-1, 10).sum(axis=1)
        return float(np.corrcoef(over_ten, np.diff(watched.path[::10]))[0, 1])

    assert correlation("trending") > 0.4
    assert correlation("calm") == pytest.approx(0.0, abs=0.35)


def test_volatile_moments_come_together_and_make_fat_tails() -> None:
    returns = watch("volatile").returns

    assert kurtosis(returns) > 6.0
    assert autocorrelation(returns**2) > 0.15
    assert abs(autocorrelation(returns)) < 0.15


def test_volatile_bursts_trade_more() -> None:
    """Order flow comes in the same bursts as the moves."""
    watched = watch("volatile")
    wild = np.abs(watched.returns) > 2 * SIGMA

    assert watched.trades[wild].mean() > 1.8 * watched.trades[~wild].mean()


def test_jumps_are_as_rare_and_as_large_as_said() -> None:
    """One in 45 s on average, each of at least eight sigmas of a second, about both ways."""
    returns = watch("jump", 1_200).returns
    jumps = returns[np.abs(returns) > 6 * SIGMA]

    assert len(jumps) == pytest.approx(1_200 / 45.4, abs=4 * math.sqrt(26))
    assert np.abs(jumps).mean() == pytest.approx(12 * SIGMA, rel=0.25)
    assert 0.2 < (jumps > 0).mean() < 0.8


def test_a_jump_is_foreseen_and_then_swept() -> None:
    """The touch thins before it, and takers take the whole side that stands in its way."""
    matching = Matching()
    flow = SyntheticFlow(replace(LIVELY, regime="jump", seed=1, A_per_s=1e-9), matching)
    depths: list[dict[Side, int]] = []
    moved, trades = 0.0, list[Traded]()
    while abs(moved) < 6 * SIGMA:
        depths.append({s: sum(lots for _, lots in matching.levels(s, 5)) for s in Side})
        fair = flow.fair_ticks
        trades = trades_until(flow, len(depths) * STEP_NS)
        moved = flow.fair_ticks - fair
    side = Side.BUY if moved > 0 else Side.SELL

    assert depths[-1][Side(-side)] < 0.3 * depths[-30][Side(-side)]
    assert depths[-1][side] > 0.3 * depths[-30][side]
    assert {trade.taker_side for trade in trades} == {side}
    assert len({trade.price_ticks for trade in trades}) >= 40


@pytest.mark.parametrize("regime", ["trending", "volatile", "jump", "wick"])
def test_a_regime_of_one_seed_is_always_the_same(regime: Regime) -> None:
    one, other = (watch.__wrapped__(regime, 60) for _ in range(2))

    assert (one.path == other.path).all()
    assert (one.imbalance == other.imbalance).all()
    assert (one.path != watch.__wrapped__(regime, 60, seed=2).path).any()


def test_a_regime_scales_with_the_symbol() -> None:
    """A market without volatility has neither trends nor jumps."""
    for regime in ("trending", "volatile", "jump"):
        flow = SyntheticFlow(replace(QUIET, regime=regime, depth_levels=3), Matching())
        for second in range(200):
            trades_until(flow, second * S_NS)
        assert flow.fair_ticks == QUIET.start_price_ticks


# ---------------------------------------------------------------- the wick


class Wicked:
    """A market in which somebody set off a wick after a second; 30 seconds of it."""

    def __init__(self, side: Side, **changes: float) -> None:
        self.matching = Matching()
        market = replace(LIVELY, **changes)  # type: ignore[arg-type]  # of numbers alone
        self.flow = SyntheticFlow(market, self.matching)
        trades_until(self.flow, 0)
        trades_until(self.flow, S_NS)
        self.start_ticks = self.flow.fair_ticks
        self.flow.wick(side)
        self.trades: list[tuple[float, int]] = []
        """Seconds since it began, and the price."""
        self.shares: list[tuple[float, float, float]] = []
        """Seconds since, and how far the fair value and the mark are from the start."""
        for step in range(1, 50 * 20):
            at_s = step * 0.02
            trades = trades_until(self.flow, S_NS + step * STEP_NS)
            self.trades += [(at_s, trade.price_ticks) for trade in trades]
            fair, mark = self.flow.fair_ticks, self.flow.mark_ticks
            self.shares.append((at_s, fair / self.start_ticks - 1, mark / self.start_ticks - 1))


COARSE = {
    "start_price_ticks": 2_000,
    "sigma_ticks": 0.5,
    "half_spread_ticks": 1,
    "depth_levels": 20,
    "k_per_tick": 0.8,
}
"""A cheap coin: a tick is half a tenth of a per cent."""


@pytest.mark.parametrize("changes", [{}, COARSE], ids=["fine", "coarse"])
@pytest.mark.parametrize("side", list(Side))
def test_a_wick_trades_a_tenth_away_and_comes_back(side: Side, changes: dict[str, float]) -> None:
    wicked = Wicked(side, **changes)
    reached = [side * (price / wicked.start_ticks - 1) for _, price in wicked.trades]
    far_at_s = wicked.trades[int(np.argmax(reached))][0]

    assert max(reached) == pytest.approx(0.1, abs=0.01)
    assert 1.0 <= far_at_s <= 3.0
    assert all(abs(share) < 0.01 for at_s, share, _ in wicked.shares if at_s >= 10.0)
    assert all(abs(price / wicked.start_ticks - 1) < 0.01 for s, price in wicked.trades if s > 11)


@pytest.mark.parametrize("side", list(Side))
def test_a_wick_is_a_cascade_of_takers_through_the_whole_book(side: Side) -> None:
    """Nobody else trades in this market: step by step they take what stands in their way."""
    matching = Matching()
    flow = SyntheticFlow(QUIET, matching)
    trades_until(flow, 0)
    flow.wick(side)
    trades = trades_until(flow, round(1.5 * S_NS))
    after = trades_until(flow, 20 * S_NS)

    assert {trade.taker_side for trade in trades} == {side}
    assert len({trade.price_ticks for trade in trades}) > 2_000
    assert side * (trades[-1].price_ticks / QUIET.start_price_ticks - 1) > 0.09
    assert after == []


@pytest.mark.parametrize("side", list(Side))
def test_the_mark_hardly_notices_a_wick(side: Side) -> None:
    """A wick is local: nobody is liquidated for it."""
    assert max(abs(mark) for _, _, mark in Wicked(side).shares) < 1e-3


def test_after_a_wick_mark_and_fair_value_are_one_again() -> None:
    wicked = Wicked(Side.SELL)

    assert wicked.flow.mark_ticks == wicked.flow.fair_ticks


def test_a_wick_leaves_the_path_of_the_market_as_it_would_have_been() -> None:
    alone = SyntheticFlow(LIVELY, Matching())
    trades_until(alone, 0)
    wicked = Wicked(Side.SELL)
    trades_until(alone, S_NS + 999 * STEP_NS)

    assert wicked.flow.fair_ticks == pytest.approx(alone.fair_ticks, abs=1e-6)


def test_a_wick_fills_a_bid_that_waited_far_below() -> None:
    """At its own price, on the way down."""
    matching = Matching()
    flow = SyntheticFlow(LIVELY, matching)
    trades_until(flow, 0)
    matching.submit(1, Side.BUY, 5, 570_000)
    flow.wick(Side.SELL)
    filled = [trade for trade in trades_until(flow, 2 * S_NS) if trade.maker_owner == 1]

    assert [(trade.price_ticks, trade.qty_lots) for trade in filled] == [(570_000, 5)]


def test_a_wick_during_a_wick_changes_nothing() -> None:
    matching = Matching()
    flow = SyntheticFlow(LIVELY, matching)
    trades_until(flow, 0)
    flow.wick(Side.SELL)
    trades_until(flow, S_NS)
    flow.wick(Side.BUY)
    trades_until(flow, 2 * S_NS)

    assert flow.fair_ticks < 0.91 * LIVELY.start_price_ticks


def test_wicks_come_by_themselves_in_their_regime() -> None:
    """Five in 25 minutes on average, down and up."""
    market = replace(LIVELY, regime="wick", seed=3, A_per_s=1e-9, depth_levels=2, level_lots=1)
    flow = SyntheticFlow(market, Matching())
    shares = []
    for second in range(1_500):
        trades_until(flow, second * S_NS)
        shares.append(flow.fair_ticks / flow.mark_ticks - 1)
    extremes = [b for a, b in pairwise(shares) if abs(b) > 0.05 > abs(a)]

    assert 2 <= len(extremes) <= 12
    assert min(extremes) < 0 < max(extremes)
