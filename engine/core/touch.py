"""Others' touch: the book without our own orders, which must not move the quotes laid around it."""

from engine.core.desk_layout import (
    DECIDED_ASK,
    DECIDED_BID,
    ORDER_PRICE_TICKS,
    ORDER_QTY_LOTS,
    ORDER_SIDE,
    ORDER_STATE,
    OWN_IN_BOOK,
    SLOTS_USED,
    order_column,
    own_lots,
)
from engine.core.ledger import move_mid
from engine.core.orders import FREE
from exchange.book import read_levels
from exchange.jit import IntArray, borrowed, njit, piece
from exchange.market import read_touch
from exchange.market_layout import TOUCH_ASK, TOUCH_BID


@njit
def see_touch(desk: IntArray, market: IntArray) -> bool:
    """Find others' touch, and move the ledger's mid to it; is it another than was decided upon?"""
    desk, market = borrowed(desk), borrowed(market)
    shown = desk[SLOTS_USED] if desk[OWN_IN_BOOK] == 1 else 0
    _write_own_lots(desk)
    sides, prices = order_column(desk, ORDER_SIDE), order_column(desk, ORDER_PRICE_TICKS)
    if read_touch(market, sides, prices, own_lots(desk), shown):
        move_mid(desk, market[TOUCH_BID], market[TOUCH_ASK])
    return bool(market[TOUCH_BID] != desk[DECIDED_BID] or market[TOUCH_ASK] != desk[DECIDED_ASK])


@piece
def _write_own_lots(desk: IntArray) -> None:
    """What the feed may show of ours.

    Whole sizes and every order still known: a late book shows what was filled or
    cancelled a moment ago, and it may show an order before its placing is answered.
    """
    states, sizes = order_column(desk, ORDER_STATE), order_column(desk, ORDER_QTY_LOTS)
    ours = own_lots(desk)
    for slot in range(desk[SLOTS_USED]):
        shown = desk[OWN_IN_BOOK] == 1 and states[slot] != FREE
        ours[slot] = sizes[slot] if shown else 0


@njit
def read_others(
    desk: IntArray, market: IntArray, side: int, out_ticks: IntArray, out_lots: IntArray
) -> None:
    """Others' levels of one side, best first.

    Args:
        out_ticks: int64[n], overwritten, as ``out_lots``: 0 where nothing is left, at any price.
    """
    desk = borrowed(desk)
    found = read_levels(market, side, out_ticks.size, out_ticks, out_lots)
    for i in range(found, out_lots.size):
        out_lots[i] = 0
    sides, prices = order_column(desk, ORDER_SIDE), order_column(desk, ORDER_PRICE_TICKS)
    take_out(side, out_ticks, out_lots, sides, prices, own_lots(desk)[: desk[SLOTS_USED]])


@njit
def take_out(
    side: int,
    price_ticks: IntArray,
    lots: IntArray,
    own_side: IntArray,
    own_price_ticks: IntArray,
    own_lots: IntArray,
) -> None:
    """Take our own working size out of one side's levels, leaving at least nothing.

    Args:
        price_ticks: int64[n], one side's levels.
        lots: int64[n], updated.
        own_side: int64[m], +1 or -1, as of the other two.
    """
    for i in range(own_lots.size):
        if own_lots[i] > 0 and own_side[i] == side:
            for j in range(price_ticks.size):
                if price_ticks[j] == own_price_ticks[i]:
                    lots[j] = max(lots[j] - own_lots[i], 0)
