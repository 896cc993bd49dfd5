"""Decision: what a desk does next, from its block and the market's region.

Inputs only apply; one decision follows what arrived together, in this order:

    others' touch -> fair price -> loss limit -> each side's rule -> wanted prices
        -> reconcile with our orders -> flatten -> release the slots of what is over

What is decided leaves as command rows of the block.
"""

import numpy as np

from engine.core.account import REST_LAG_NS, worst_held_lots
from engine.core.breakers import ticks_away, touch_changed
from engine.core.budgets import turn_budget
from engine.core.desk_layout import (
    ADJ1,
    ADJ2,
    AGREED,
    CLOSING_EPOCH,
    CLOSING_NUMBER,
    DECIDED_ASK,
    DECIDED_BID,
    DELTA,
    DOUBTED,
    EVIDENCE_ASKED_NS,
    EVIDENCE_EXCH_NS,
    EVIDENCE_KNOWN,
    EVIDENCE_LOTS,
    FAIR_TICKS,
    FATAL_CODE,
    FILLED_MONO_NS,
    FLATTEN_ASKED_NS,
    FLATTEN_BY_LIMIT,
    FLATTEN_STATE,
    GRID_INTERVAL,
    LINK_IS_UP,
    ORDER_LOTS,
    ORDER_PRICE_TICKS,
    ORDER_SIDE,
    ORDER_SLOTS,
    ORDER_STATE,
    POSITION_LOTS,
    PRIVATE,
    PRIVATE_UP_NS,
    STATUS_RULE,
    STATUS_WANTED,
    TABLE_FILLS,
    evidence_row,
    link_row,
    model_table,
    order_column,
    side_status,
    wanted_ticks,
)
from engine.core.entry import close_position, reconcile
from engine.core.fair_price import fair_price
from engine.core.flatten import CLOSING, step_flatten
from engine.core.notes import FLATTEN_ENDED, note
from engine.core.orders import (
    IN_USE,
    LIVE,
    NO_SLOT,
    PLACED,
    UNKNOWN,
    count_orders,
    open_lots,
    release_finished,
    slot_of,
)
from engine.core.position import newest_exch_ns
from engine.core.quoter import requote
from engine.core.quoting_rules import NO_PRICE, QUOTING, grid_size, judge_sides, write_status
from engine.core.risk import BY_REFUSAL, check_loss, halt
from engine.core.touch import see_touch
from exchange.jit import FloatArray, IntArray, borrowed, njit, piece
from exchange.market_layout import BOOK_EXCH_NS, NO_BID, TOUCH_ASK, TOUCH_BID


@njit
def decide(desk: IntArray, reals: FloatArray, market: IntArray, recv_ns: int, mono_ns: int) -> None:
    """Bring both sides of our market to where they should stand now.

    Args:
        desk: int64[DESK_SIZE], as ``reals`` of ``engine.core.desk_layout``.
        market: int64[MARKET_SIZE] of ``exchange.market_layout``.
    """
    see_touch(desk, market)
    act(desk, reals, market, recv_ns, mono_ns)


@njit
def act(desk: IntArray, reals: FloatArray, market: IntArray, recv_ns: int, mono_ns: int) -> None:
    """As ``decide``, others' touch having been found."""
    desk, reals, market = borrowed(desk), borrowed(reals), borrowed(market)
    if desk[FATAL_CODE] != 0:
        code, desk[FATAL_CODE] = desk[FATAL_CODE], 0
        halt(desk, BY_REFUSAL, code, 0, False, mono_ns)
    turn_budget(desk, recv_ns)
    if market[TOUCH_BID] != desk[DECIDED_BID] or market[TOUCH_ASK] != desk[DECIDED_ASK]:
        desk[DECIDED_BID], desk[DECIDED_ASK] = market[TOUCH_BID], market[TOUCH_ASK]
        touch_changed(desk)
    seen = market[TOUCH_BID] != NO_BID
    reals[FAIR_TICKS] = fair_price(desk, reals, market) if seen else np.nan
    check_loss(desk, reals, mono_ns)
    judge_sides(desk, market, mono_ns)
    _want(desk, reals, market)
    for side in (1, -1):
        _stand_where_wanted(desk, side, mono_ns)
    closing = desk[FLATTEN_STATE]
    _flatten(desk, market, mono_ns)
    if desk[FLATTEN_STATE] != closing and desk[FLATTEN_STATE] != CLOSING:
        note(desk, FLATTEN_ENDED, desk[FLATTEN_STATE], 0, 0, 0)
    release_finished(desk, market[BOOK_EXCH_NS], mono_ns)


# ---------------------------------------------------------------- where to stand


@piece
def _want(desk: IntArray, reals: FloatArray, market: IntArray) -> None:
    """Write the prices at which either side is to stand."""
    bids, asks = _orders_wanted(desk, 1), _orders_wanted(desk, -1)
    if bids + asks > 0:
        requote(
            model_table(reals, desk[TABLE_FILLS]),
            desk[POSITION_LOTS] / desk[ORDER_LOTS] / reals[DELTA],
            reals[ADJ1],
            reals[ADJ2],
            reals[FAIR_TICKS],
            market[TOUCH_BID] - ticks_away(desk, 1),
            market[TOUCH_ASK] + ticks_away(desk, -1),
            desk[GRID_INTERVAL],
            bids,
            asks,
            wanted_ticks(desk, 1),
            wanted_ticks(desk, -1),
        )
    twice_mid = market[TOUCH_BID] + market[TOUCH_ASK]
    _keep_prices(desk, 1, bids, twice_mid)
    _keep_prices(desk, -1, asks, twice_mid)


@piece
def _orders_wanted(desk: IntArray, side: int) -> int:
    return grid_size(desk, side) if side_status(desk, side)[STATUS_RULE] == QUOTING else 0


@piece
def _keep_prices(desk: IntArray, side: int, count: int, twice_mid: int) -> None:
    """Below zero or beyond twice the mid no venue takes a price, and no model means one."""
    wanted = wanted_ticks(desk, side)
    first, kept = wanted[0], 0
    for i in range(count):
        if 0 < wanted[i] < twice_mid:
            wanted[kept] = wanted[i]
            kept += 1
    side_status(desk, side)[STATUS_WANTED] = kept
    if count > 0 and kept == 0:
        write_status(desk, side, NO_PRICE, first, 0)


@piece
def _stand_where_wanted(desk: IntArray, side: int, mono_ns: int) -> None:
    wanted, count = wanted_ticks(desk, side), side_status(desk, side)[STATUS_WANTED]
    closing = _closing_slot(desk, side)
    if count == 0 and closing != NO_SLOT:
        # It is no quote to be cancelled.
        wanted[0], count = order_column(desk, ORDER_PRICE_TICKS)[closing], 1
    reconcile(desk, side, wanted, count, worst_held_lots(desk, side), mono_ns)


@piece
def _closing_slot(desk: IntArray, side: int) -> int:
    """Where a closing order of ours is under way on this side."""
    slot = slot_of(desk, desk[CLOSING_EPOCH], desk[CLOSING_NUMBER])
    if slot == NO_SLOT or order_column(desk, ORDER_SIDE)[slot] != side:
        return NO_SLOT
    alive = PLACED <= order_column(desk, ORDER_STATE)[slot] <= UNKNOWN
    return slot if alive else NO_SLOT


# ---------------------------------------------------------------- flattening


@piece
def _flatten(desk: IntArray, market: IntArray, mono_ns: int) -> None:
    """If it was asked for: once every order of ours is gone and booked, close what is held."""
    held = desk[POSITION_LOTS]
    booked = open_lots(desk, 1) + open_lots(desk, -1) == 0
    room = count_orders(desk, IN_USE, 0) < ORDER_SLOTS
    settled = count_orders(desk, LIVE, 0) == 0 and booked and room
    lots = step_flatten(desk, held, settled, _flat_is_confirmed(desk), mono_ns)
    if lots == 0:
        return
    side = -1 if held > 0 else 1
    # What takes at once stands at the other side's best price.
    at_price = desk[FLATTEN_BY_LIMIT] == 1 and market[TOUCH_BID] != NO_BID
    touch = market[TOUCH_BID] if side < 0 else market[TOUCH_ASK]
    close_position(desk, side, lots, touch if at_price else 0, mono_ns)


@piece
def _flat_is_confirmed(desk: IntArray) -> bool:
    """Has the venue said since the wish, and since our last fill, that nothing is held?"""
    agreed = evidence_row(desk, AGREED)
    unsure = agreed[EVIDENCE_LOTS] != 0 or desk[DOUBTED] == 1
    if agreed[EVIDENCE_KNOWN] == 0 or unsure or link_row(desk, PRIVATE)[LINK_IS_UP] == 0:
        return False
    if agreed[EVIDENCE_ASKED_NS] <= max(desk[FLATTEN_ASKED_NS], desk[PRIVATE_UP_NS]):
        return False
    if agreed[EVIDENCE_EXCH_NS] != 0:
        return bool(agreed[EVIDENCE_EXCH_NS] >= newest_exch_ns(desk))
    return bool(agreed[EVIDENCE_ASKED_NS] - desk[FILLED_MONO_NS] > REST_LAG_NS)
