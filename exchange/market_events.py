"""Market events: what a market says, in venue-neutral structs of integers.

Prices are ticks, sizes lots, times nanoseconds. Arrays are int64.
"""

from typing import TypeAlias

import msgspec

from exchange.jit import IntArray
from exchange.types import Side


class DepthDiff(msgspec.Struct, frozen=True, eq=False):
    """Changed levels: absolute sizes, 0 deletes. Arrays are int64[n], best price not first."""

    first_id: int
    last_id: int
    prev_last_id: int
    """``last_id`` of the diff that this one continues."""
    exch_ns: int
    bid_ticks: IntArray
    bid_lots: IntArray
    ask_ticks: IntArray
    ask_lots: IntArray


class Snapshot(msgspec.Struct, frozen=True, eq=False):
    """The book as REST gives it, down to some depth. Arrays are int64[n], best first."""

    last_id: int
    exch_ns: int
    """0 where the venue gives no time, as on spot."""
    bid_ticks: IntArray
    bid_lots: IntArray
    ask_ticks: IntArray
    ask_lots: IntArray


class TradePrint(msgspec.Struct, frozen=True):
    """One print of the tape."""

    trade_id: int
    """Of the trade or of the aggregate, by stream; the two count apart."""
    exch_ns: int
    price_ticks: int
    qty_lots: int
    """At least 1."""
    aggressor: Side
    """Who took."""
    aggregate: bool = False
    """Does it stand for all that one order took at one price?"""


class TouchUpdate(msgspec.Struct, frozen=True):
    """The best bid and ask, usually ahead of the depth stream."""

    update_id: int
    """From the same sequence as the depth ids."""
    exch_ns: int
    """0 where the venue gives no time, as on spot."""
    bid_ticks: int
    bid_lots: int
    ask_ticks: int
    ask_lots: int


class MarkPrice(msgspec.Struct, frozen=True):
    """The mark price and what the next funding will cost."""

    exch_ns: int
    mark_e8: int
    """Price of one whole unit, in 1e-8: marks do not lie on the tick grid."""
    funding_e8: int | None
    """Paid by longs if positive; 1e-8 of the notional. None when the venue gives none."""
    next_funding_ns: int
    """0 when none is scheduled."""


class Ignored(msgspec.Struct, frozen=True):
    """A message that is well formed and none of our business."""

    reason: str


MarketMessage: TypeAlias = DepthDiff | Snapshot | TradePrint | TouchUpdate | MarkPrice | Ignored
