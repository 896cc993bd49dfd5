"""Order budget: how many orders the venue still takes, and what a desk near the end of it does.

The venue counts in fixed windows of 10 seconds and one minute of its own clock. Cancels
are not counted, so nothing here can ever hold one back.
"""

from engine.core.desk_layout import PLACED_1M, PLACED_10S, WINDOW_1M, WINDOW_10S
from exchange.jit import IntArray, njit

ORDERS_10S = 300
ORDERS_1M = 1200
"""Of one account, as exchangeInfo documents them."""
_NS_10S = 10_000_000_000
_NS_1M = 60_000_000_000
_WIDEN_AT = 0.8
_SLOW_INTERVAL_NS = 1_000_000_000


@njit
def turn_budget(desk: IntArray, recv_ns: int) -> None:
    """It is now this late by our wall clock, which may be set back."""
    for window, placed, length_ns in (
        (WINDOW_10S, PLACED_10S, _NS_10S),
        (WINDOW_1M, PLACED_1M, _NS_1M),
    ):
        current = recv_ns // length_ns
        if current > desk[window]:
            desk[window] = current
            desk[placed] = 0
        elif current < desk[window] - 1:
            # The venue's clock was not set back with ours: what it counted stays until the
            # next window. A step across one edge is jitter; it changes nothing.
            desk[window] = current


@njit
def spend_orders(desk: IntArray, orders: int) -> None:
    """Count orders placed."""
    desk[PLACED_10S] += orders
    desk[PLACED_1M] += orders


@njit
def orders_left(desk: IntArray) -> int:
    """Orders that may still be placed in the tighter window."""
    return int(min(ORDERS_10S - desk[PLACED_10S], ORDERS_1M - desk[PLACED_1M]))


@njit
def requote_interval_ns(desk: IntArray) -> int:
    """How far apart requotes must stay: 0 until four fifths of a window are spent."""
    used = max(desk[PLACED_10S] / ORDERS_10S, desk[PLACED_1M] / ORDERS_1M)
    return _SLOW_INTERVAL_NS if used >= _WIDEN_AT else 0
