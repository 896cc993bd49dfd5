"""Recorded messages that a test writes itself."""

import numpy as np

from exchange.instrument import Instrument
from exchange.jit import IntArray
from exchange.market_events import DepthDiff, Snapshot, TradePrint
from exchange.paper.matching.recorded import RecordedMatching
from exchange.types import Side

GRID = Instrument.from_steps("BTCUSDT", "0.1", "0.001")
BIDS = {100: 10, 99: 20, 98: 30}
ASKS = {103: 10, 104: 20, 105: 30}

Levels = dict[int, int]


def ints(levels: Levels) -> tuple[IntArray, IntArray]:
    return np.array(list(levels), np.int64), np.array(list(levels.values()), np.int64)


def snapshot(last_id: int, bids: Levels = BIDS, asks: Levels = ASKS) -> Snapshot:
    return Snapshot(last_id, 0, *ints(bids), *ints(asks))


def diff(
    last_id: int, bids: Levels | None = None, asks: Levels | None = None, after: int | None = None
) -> DepthDiff:
    """The diff that follows ``last_id - 1``, or whichever is said."""
    before = last_id - 1 if after is None else after
    return DepthDiff(last_id, last_id, before, 0, *ints(bids or {}), *ints(asks or {}))


def sold(price_ticks: int, lots: int) -> TradePrint:
    return TradePrint(1, 0, price_ticks, lots, Side.SELL)


def bought(price_ticks: int, lots: int) -> TradePrint:
    return TradePrint(1, 0, price_ticks, lots, Side.BUY)


def opened(first_id: int = 1) -> RecordedMatching:
    """100 to 103, each side three levels deep; the next diff is number 3."""
    market = RecordedMatching(GRID, "risk_averse", first_id)
    market.on_message(snapshot(1))
    market.on_message(diff(2))
    return market
