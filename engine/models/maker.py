"""Market-making figures: fill ratio, uptime, maker share and inventory half-life."""

import math

import numpy as np

from exchange.jit import FloatArray, IntArray, njit


@njit
def share(part: float, whole: float) -> float:
    """A share; nan of nothing.

    Fill ratio: filled over submitted quantity, where a replaced order was submitted twice.
    Maker share: maker's over all traded value. Reject rates: post-only rejects (-5022) over
    orders, unknown orders (-2011) over cancels. Quote-to-trade: orders over fills.
    """
    return part / whole if whole != 0.0 else np.nan


@njit
def quote_uptime(
    times_ns: IntArray, bid_depths: FloatArray, ask_depths: FloatArray, within: float
) -> float:
    """Share of the session with both sides working near enough to the mid.

    Args:
        times_ns: int64[n], when each state began; the last only ends the one before.
        bid_depths: float64[n], from the mid to our best bid, in ticks or bp; nan with none
            working.
        ask_depths: float64[n], the same for asks.
        within: In the unit of the depths.

    Returns:
        nan for a session without length.
    """
    up = 0
    for i in range(times_ns.size - 1):
        if bid_depths[i] <= within and ask_depths[i] <= within:
            up += times_ns[i + 1] - times_ns[i]
    session = times_ns[-1] - times_ns[0] if times_ns.size else 0
    return up / session if session > 0 else np.nan


@njit
def best_working(
    state: IntArray, order_side: IntArray, price_ticks: IntArray, first: int, last: int
) -> tuple[int, int]:
    """Our best bid and ask among the orders in one range of states.

    Args:
        state: int64[slots]; ``order_side``, +1 or -1, and ``price_ticks`` alike.
        first: Lowest state that counts as working.
        last: Highest.

    Returns:
        ``(bid, ask)``: ticks, 0 where nothing works.
    """
    bid = ask = 0
    for i in range(state.size):
        if first <= state[i] <= last:
            if order_side[i] > 0:
                bid = max(bid, price_ticks[i])
            elif ask == 0 or price_ticks[i] < ask:
                ask = price_ticks[i]
    return bid, ask


@njit
def lag_one(q: FloatArray) -> float:
    """Least-squares coefficient of inventory on its last sample; nan where it never changed.

    Source:
        Ordinary least squares of an AR(1) with a mean.
    """
    if q.size < 3:
        return np.nan
    before, after = q[:-1] - q[:-1].mean(), q[1:] - q[1:].mean()
    squares = (before * before).sum()
    return (before * after).sum() / squares if squares > 0.0 else np.nan


@njit
def inventory_half_life(q: FloatArray, step_s: float) -> float:
    """Seconds in which inventory comes half the way back to its mean.

    Args:
        q: float64[n], sampled every ``step_s``.

    Returns:
        nan where it does not decay: a coefficient at or below 0, or at or above 1.

    Source:
        AR(1): ``-dt·ln 2/ln(phi)``.
    """
    phi = lag_one(q)
    if not 0.0 < phi < 1.0:
        return np.nan
    return -step_s * math.log(2.0) / math.log(phi)
