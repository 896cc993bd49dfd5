"""Recorded order book: a market that was recorded without us, in which orders of ours rest.

Each event moves the book, and fills by the rules of ``exchange.simulation`` what it reaches: a
print by queue position, a touch that moved onto us in full. Orders of ours move nothing here.

A book that began with a snapshot follows the diffs alone. One that has grown, for want of a
snapshot, takes its touch from the ticker too, and an order at a level that is not known
yet stands behind more than will ever trade, until its size is known.

Source: the replay rules, sections 4 to 7, with partial fills done right (section 9).
"""

import numpy as np

from exchange.book import Book, best_of, lots_ahead, next_level
from exchange.depth_sync import (
    APPLY,
    GREW,
    HELD,
    LOAD,
    TICKER,
    apply_levels,
    load_levels,
    receive_diff,
    receive_snapshot,
    receive_ticker,
    take_grown,
    take_held,
    write_ticker,
)
from exchange.event_columns import (
    AGGRESSOR,
    ASK_AT,
    ASKS,
    BID_AT,
    BIDS,
    DEPTH,
    KIND,
    PRICE_TICKS,
    QTY_LOTS,
    SNAPSHOT,
    TRADE,
    WIDTH,
    write_row,
)
from exchange.event_columns import TICKER as TICKER_EVENT
from exchange.jit import FloatArray, IntArray, borrowed, njit, piece
from exchange.market import lose_market
from exchange.market_events import DepthDiff, MarketMessage, Snapshot
from exchange.market_layout import (
    BEST_ASK,
    BEST_BID,
    GREW_FOR_NS,
    GROWN,
    JOINED,
    NO_ASK,
    NO_BID,
    RECORDED,
    RECORDED_SIZE,
    TICKER_ASK,
    TICKER_ASK_LOTS,
    TICKER_BID,
    TICKER_BID_LOTS,
    held_lots,
    held_ticks,
    new_region,
    spare_row,
)
from exchange.simulation import (
    I_PRICE,
    I_SIDE,
    I_WIDTH,
    Filled,
    RestingOrders,
    age_queues,
    fill_from_cross,
    fill_from_trade,
    price_range,
)
from exchange.types import Side


@njit
def recorded_step(
    market: IntArray,
    model: int,
    power: float,
    lot_size: float,
    ints: IntArray,
    floats: FloatArray,
    count: IntArray,
    row: IntArray,
    ticks: IntArray,
    lots: IntArray,
    out: IntArray,
) -> tuple[int, int]:
    """One event takes effect at the recorded venue.

    Args:
        market: int64[RECORDED_SIZE].
        model: A ``QueueModel``; its ``power`` and ``lot_size`` are as of ``queue_after_depth``.
        ints: The orders that rest, as ``floats`` and ``count``; see ``exchange.simulation``.
        row: int64[WIDTH], of ``exchange.event_columns``, as the pools.
        out: The fills, as ``exchange.simulation`` writes them; in the venue's order.

    Returns:
        ``(found, fills)``: what ``exchange.depth_sync`` found, and how many fills there are.
    """
    market, row, ticks, lots = borrowed(market), borrowed(row), borrowed(ticks), borrowed(lots)
    ints, floats, count = borrowed(ints), borrowed(floats), borrowed(count)
    out = borrowed(out)
    kind = row[KIND]
    if kind == TRADE:
        side, price, size = row[AGGRESSOR], row[PRICE_TICKS], row[QTY_LOTS]
        return 0, fill_from_trade(False, lot_size, ints, floats, count, side, price, size, out, 0)
    found = 0
    if kind == DEPTH:
        found = receive_diff(market, row, ticks, lots)
    elif kind == SNAPSHOT:
        found = receive_snapshot(market, row)
    elif kind == TICKER_EVENT:
        found = receive_ticker(market, row)
    fills = 0
    bid, ask = market[BEST_BID], market[BEST_ASK]
    if found & LOAD:
        load_levels(market, row, ticks, lots)
    if found & GREW:
        take_grown(market)
    if found & (LOAD | GREW):
        fills = _cross(market, ints, floats, count, bid, ask, out, fills)
    if found & APPLY:
        fills = _apply(
            market, model, power, lot_size, ints, floats, count, row, ticks, lots, out, fills
        )
    if found & HELD:
        held, of_held = spare_row(market), (held_ticks(market), held_lots(market))
        while take_held(market, held):
            also = receive_diff(market, held, *of_held)
            if also & APPLY:
                fills = _apply(
                    market, model, power, lot_size, ints, floats, count, held, *of_held, out, fills
                )
            found |= also
    if found & TICKER and market[GROWN] == 1:
        fills = _write_ticker(market, model, power, lot_size, ints, floats, count, out, fills)
    return found, fills


@piece
def _apply(
    market: IntArray,
    model: int,
    power: float,
    lot_size: float,
    ints: IntArray,
    floats: FloatArray,
    count: IntArray,
    row: IntArray,
    ticks: IntArray,
    lots: IntArray,
    out: IntArray,
    fills: int,
) -> int:
    """Show our queues what changes, write it, and fill what the touch has reached."""
    bid, ask = market[BEST_BID], market[BEST_ASK]
    for side in (1, -1):
        low, high = price_range(ints, count, side)
        first, levels = (row[BID_AT], row[BIDS]) if side > 0 else (row[ASK_AT], row[ASKS])
        for i in range(first, first + levels):
            if low <= ticks[i] <= high:
                _show(market, model, power, lot_size, ints, floats, count, side, ticks[i], lots[i])
    apply_levels(market, row, ticks, lots)
    return _cross(market, ints, floats, count, bid, ask, out, fills)


@piece
def _write_ticker(
    market: IntArray,
    model: int,
    power: float,
    lot_size: float,
    ints: IntArray,
    floats: FloatArray,
    count: IntArray,
    out: IntArray,
    fills: int,
) -> int:
    """The newest ticker as the diff that it is: nobody stands better than its touch."""
    bid, ask = market[BEST_BID], market[BEST_ASK]
    for side in (1, -1):
        touch = market[TICKER_BID] if side > 0 else market[TICKER_ASK]
        size = market[TICKER_BID_LOTS] if side > 0 else market[TICKER_ASK_LOTS]
        if size == 0 or count[0] == 0:
            continue
        gone = best_of(market, side)
        while NO_BID < gone < NO_ASK and side * gone > side * touch:
            _show(market, model, power, lot_size, ints, floats, count, side, gone, 0)
            gone = next_level(market, side, gone)
        _show(market, model, power, lot_size, ints, floats, count, side, touch, size)
    write_ticker(market)
    return _cross(market, ints, floats, count, bid, ask, out, fills)


@piece
def _show(
    market: IntArray,
    model: int,
    power: float,
    lot_size: float,
    ints: IntArray,
    floats: FloatArray,
    count: IntArray,
    side: int,
    price_ticks: int,
    new_lots: int,
) -> None:
    """Let the queues at a price know its new size, before it is written."""
    for number in range(count[0]):
        at = number * I_WIDTH
        if ints[at + I_SIDE] == side and ints[at + I_PRICE] == price_ticks:
            old_lots = lots_ahead(market, side, price_ticks)
            age_queues(
                False,
                model,
                power,
                lot_size,
                ints,
                floats,
                count,
                side,
                price_ticks,
                old_lots,
                new_lots,
            )
            return


@piece
def _cross(
    market: IntArray,
    ints: IntArray,
    floats: FloatArray,
    count: IntArray,
    bid: int,
    ask: int,
    out: IntArray,
    fills: int,
) -> int:
    """Fill our orders onto which the touch has moved, from what it was before."""
    new_bid, new_ask = market[BEST_BID], market[BEST_ASK]
    if new_ask < ask:
        fills = fill_from_cross(ints, floats, count, 1, new_ask, out, fills)
    if new_bid > bid:
        fills = fill_from_cross(ints, floats, count, -1, new_bid, out, fills)
    return fills


class RecordedBook:
    """The recorded book, and our orders' places in it.

    Args:
        resting: Our orders. The caller accepts into it, behind ``queue_lots``, and cancels.
    """

    def __init__(self, resting: RestingOrders) -> None:
        self.region = new_region(RECORDED_SIZE)
        self.region[RECORDED] = 1
        self.book = Book(self.region)
        self.resting = resting
        self.grown_ns: list[int] = []
        """How long each book grew that no snapshot began."""
        self.found = 0
        """What ``exchange.depth_sync`` found of the newest event."""
        self._row = np.zeros(WIDTH, dtype=np.int64)
        self._ticks, self._lots = np.zeros((2, 0), dtype=np.int64)

    @property
    def trusted(self) -> bool:
        """Is the book what the venue had, as far as the recording has come?"""
        return bool(self.region[JOINED])

    @property
    def grown(self) -> bool:
        """Has the trusted book grown from diffs, so that only a part of it is known?"""
        return bool(self.region[GROWN])

    @property
    def mid_ticks(self) -> float | None:
        """None while a side is empty."""
        bid, ask = self.book.best_bid_ticks, self.book.best_ask_ticks
        return None if bid is None or ask is None else (bid + ask) / 2

    def queue_lots(self, side: Side, price_ticks: int) -> int:
        """Lots that would stand before an order that came now."""
        return self.book.lots_ahead(side, price_ticks)

    def lose(self) -> None:
        """Whatever comes next does not continue this book."""
        lose_market(self.region)

    def on_message(self, message: MarketMessage) -> list[Filled]:
        """One message of the recording takes effect; what it fills, in the venue's order.

        Prints fill whether or not the book is trusted.
        """
        levels = _level_count(message)
        if levels > self._ticks.size:
            self._ticks, self._lots = np.zeros((2, 2 * levels), dtype=np.int64)
        write_row(message, self._row, self._ticks, self._lots, 0)
        return self.on_event(self._row, self._ticks, self._lots)

    def on_event(self, row: IntArray, ticks: IntArray, lots: IntArray) -> list[Filled]:
        """The same for a row of ``exchange.event_columns``."""
        resting = self.resting
        self.found, fills = recorded_step(
            self.region,
            int(resting.model),
            resting.power,
            resting.lot_size,
            resting.ints,
            resting.floats,
            resting.count,
            row,
            ticks,
            lots,
            resting.out,
        )
        if self.found & GREW:
            self.grown_ns.append(int(self.region[GREW_FOR_NS]))
        return resting.fills(fills) if fills else []


def _level_count(message: MarketMessage) -> int:
    if isinstance(message, DepthDiff | Snapshot):
        return int(message.bid_ticks.size + message.ask_ticks.size)
    return 0
