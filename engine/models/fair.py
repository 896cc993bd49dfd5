"""Fair price estimators that read one book."""

import numpy as np

from exchange.jit import IntArray, njit


@njit
def mid(bid_ticks: int, ask_ticks: int) -> float:
    """Half way between the best prices, in ticks; perhaps at a half."""
    return 0.5 * (bid_ticks + ask_ticks)


@njit
def weighted_mid(bid_ticks: int, bid_lots: int, ask_ticks: int, ask_lots: int) -> float:
    """The touch weighed by the other side's size: much on the bid lifts it towards the ask.

    Not a martingale, and a thin new level makes it jump; see ``microprice`` for the cure.

    Returns:
        Ticks; the mid when there is no size at all.

    Source:
        ``bid + spread·I`` with ``I = bid_lots/(bid_lots + ask_lots)``.
    """
    lots = bid_lots + ask_lots
    if lots == 0:
        return 0.5 * (bid_ticks + ask_ticks)
    return bid_ticks + (ask_ticks - bid_ticks) * (bid_lots / lots)


@njit
def sweep_mean(price_ticks: IntArray, lots: IntArray, want_lots: int) -> tuple[float, int]:
    """Mean price of the first ``want_lots`` of one side.

    Args:
        price_ticks: int64[n], best first.
        lots: int64[n], each positive.
        want_lots: At least 1.

    Returns:
        ``(price, found)``: ticks, and how many lots were there, at most those wanted; nan
        and 0 for an empty side.
    """
    found, paid = 0, 0
    for i in range(price_ticks.size):
        take = min(want_lots - found, lots[i])
        paid += take * (price_ticks[i] - price_ticks[0])
        found += take
        if found == want_lots:
            break
    if found == 0:
        return np.nan, 0
    return price_ticks[0] + paid / found, found


@njit
def depth_weighted_mid(
    bid_ticks: IntArray, bid_lots: IntArray, ask_ticks: IntArray, ask_lots: IntArray, want_lots: int
) -> float:
    """Both sides' mean prices down to a size, each weighed by what the other side had.

    Args:
        bid_ticks: int64[n], best first, as are the asks.
        want_lots: At least 1.

    Returns:
        Ticks; nan when a side is empty.

    Source:
        VAMP: ``(p_b·w_a + p_a·w_b)/(w_a + w_b)``, w what each side found of the size.
    """
    bid, bid_found = sweep_mean(bid_ticks, bid_lots, want_lots)
    ask, ask_found = sweep_mean(ask_ticks, ask_lots, want_lots)
    if bid_found == 0 or ask_found == 0:
        return np.nan
    return bid + (ask - bid) * (bid_found / (bid_found + ask_found))
