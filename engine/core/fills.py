"""Fills: an execution of ours, from the venue's word to the position, its order and its depth.

Until the venue has stated a position there is nothing to add a fill to: it waits. One that is part
of the position that we started from is history, but still fills the order that it was of.
"""

from engine.core.account import note_earned, recheck_doubt
from engine.core.desk_layout import (
    EARLY_ADDED,
    EARLY_BOOKED,
    EARLY_KEPT,
    FEES_E8,
    INPUT_WIDTH,
    MONO_NS,
    OPENED,
    ORDER_BOOKED_LOTS,
    REALISED_E8,
    early_row,
    order_column,
)
from engine.core.inputs import (
    FILL_EXCH_NS,
    FILL_FEE_E8,
    FILL_FORCED,
    FILL_IS_MAKER,
    FILL_OFF_TICK_E8,
    FILL_TRADE_ID,
    INPUT_MONO_NS,
    OF_EPOCH,
    OF_NUMBER,
    OF_PRICE_TICKS,
    OF_QTY_LOTS,
    OF_SIDE,
)
from engine.core.ledger import book_fill
from engine.core.notes import FILL_BOOKED, note
from engine.core.orders import NO_SLOT, book_order_fill, slot_of
from engine.core.own_intensity import count_own_fill
from engine.core.position import note_history
from engine.core.risk import BY_FORCED_CLOSING, halt
from engine.core.touch import see_touch
from exchange.jit import IntArray, njit, piece
from exchange.market import touch_before
from exchange.market_layout import NO_BID


@njit
def take_fill(desk: IntArray, market: IntArray, fill: IntArray) -> None:
    """The venue reports an execution, by the stream or in a list; once, twice, or out of order.

    Args:
        market: int64[MARKET_SIZE] of ``exchange.market_layout``.
        fill: int64[INPUT_WIDTH], a ``FILL`` of ``engine.core.inputs``.
    """
    if desk[OPENED] == 0:
        _keep_early(desk, fill)
        return
    see_touch(desk, market)
    earned_e8 = desk[REALISED_E8] - desk[FEES_E8]
    if not _book(desk, fill):
        _count_history(desk, fill)
        return
    exch_ns, lots = fill[FILL_EXCH_NS], fill[OF_QTY_LOTS]
    note_earned(desk, exch_ns, desk[REALISED_E8] - desk[FEES_E8] - earned_e8)
    recheck_doubt(desk)
    slot = slot_of(desk, fill[OF_EPOCH], fill[OF_NUMBER])
    if slot != NO_SLOT:
        book_order_fill(desk, slot, lots, exch_ns, desk[MONO_NS])
        # Once for each order of ours, however many prints it took.
        if fill[FILL_IS_MAKER] == 1 and order_column(desk, ORDER_BOOKED_LOTS)[slot] == lots:
            _count_own(desk, market, fill)
    bits = fill[FILL_IS_MAKER] + 2 * (fill[OF_NUMBER] != 0)
    note(desk, FILL_BOOKED, fill[OF_SIDE], fill[OF_PRICE_TICKS], lots, bits)
    if fill[FILL_FORCED] != 0:
        halt(desk, BY_FORCED_CLOSING, fill[FILL_FORCED], lots, True, desk[MONO_NS])


@njit
def take_early_fills(desk: IntArray, market: IntArray) -> None:
    """Book what came before it was known what we start from."""
    desk[EARLY_BOOKED] = max(desk[EARLY_BOOKED], desk[EARLY_ADDED] - EARLY_KEPT)
    while desk[EARLY_BOOKED] < desk[EARLY_ADDED]:
        desk[EARLY_BOOKED] += 1
        take_fill(desk, market, early_row(desk, desk[EARLY_BOOKED] - 1))


@piece
def _keep_early(desk: IntArray, fill: IntArray) -> None:
    """Keep a fill in the place of what was told of this trade before, or as the newest."""
    number = max(desk[EARLY_ADDED] - EARLY_KEPT, 0)
    while number < desk[EARLY_ADDED]:
        if early_row(desk, number)[FILL_TRADE_ID] == fill[FILL_TRADE_ID]:
            break
        number += 1
    if number == desk[EARLY_ADDED]:
        desk[EARLY_ADDED] += 1
    row = early_row(desk, number)
    for column in range(INPUT_WIDTH):
        row[column] = fill[column]


@piece
def _book(desk: IntArray, fill: IntArray) -> bool:
    return book_fill(
        desk,
        fill[FILL_TRADE_ID],
        fill[FILL_EXCH_NS],
        fill[OF_SIDE],
        fill[OF_PRICE_TICKS],
        fill[OF_QTY_LOTS],
        fill[FILL_OFF_TICK_E8],
        fill[FILL_FEE_E8],
        fill[FILL_IS_MAKER] == 1,
        fill[OF_EPOCH],
        fill[OF_NUMBER],
        fill[INPUT_MONO_NS],
    )


@piece
def _count_history(desk: IntArray, fill: IntArray) -> None:
    """A trade that is part of what we started from still fills the order that it was of."""
    slot = slot_of(desk, fill[OF_EPOCH], fill[OF_NUMBER])
    if slot != NO_SLOT and note_history(desk, fill[FILL_TRADE_ID], fill[FILL_EXCH_NS]):
        book_order_fill(desk, slot, fill[OF_QTY_LOTS], fill[FILL_EXCH_NS], desk[MONO_NS])


@piece
def _count_own(desk: IntArray, market: IntArray, fill: IntArray) -> None:
    """Count the depth, from the mid just before, at which an order of ours was met."""
    bid, ask = touch_before(market, fill[FILL_EXCH_NS])
    if bid != NO_BID:
        count_own_fill(desk, fill[OF_SIDE] * (0.5 * (bid + ask) - fill[OF_PRICE_TICKS]))
