"""Fill intensity of our own quotes: A and k from how long they stood how deep, and what they met.

Other people's market orders say how deep they reached; only our own fills say how often
somebody at our place in the queue, with our size, is reached.
"""

import math

import numpy as np

from engine.core.desk_layout import (
    ORDER_PRICE_TICKS,
    ORDER_SIDE,
    ORDER_STATE,
    OWN_DEPTHS,
    SLOTS_USED,
    order_column,
    own_exposure_s,
    own_fills,
)
from engine.core.orders import CANCELLING, RESTING
from engine.models.chi_square import log_normal_interval
from engine.models.intensity import SideFit
from engine.models.own_fills import fit_own_fills
from exchange.jit import FloatArray, IntArray, in_python, njit


@njit
def add_exposure(desk: IntArray, reals: FloatArray, mid_ticks: float, span_s: float) -> None:
    """Let every order in the book stand where it stands for a while.

    One that is being cancelled can be filled until the venue has taken it off.

    Args:
        desk: int64[DESK_SIZE], as ``reals`` of ``engine.core.desk_layout``.
        mid_ticks: nan without a touch: then nothing stands at any depth.
    """
    sides, prices = order_column(desk, ORDER_SIDE), order_column(desk, ORDER_PRICE_TICKS)
    states, exposure_s = order_column(desk, ORDER_STATE), own_exposure_s(reals)
    for slot in range(desk[SLOTS_USED]):
        depth = sides[slot] * (mid_ticks - prices[slot])
        stands = states[slot] == RESTING or states[slot] == CANCELLING
        if stands and depth >= 0.0:
            exposure_s[min(int(2.0 * depth), OWN_DEPTHS - 1)] += span_s


@njit
def count_own_fill(desk: IntArray, depth_ticks: float) -> None:
    """One order met; a depth below zero met a quote that the mid had already left."""
    if depth_ticks >= 0.0:
        own_fills(desk)[min(round(2.0 * depth_ticks), OWN_DEPTHS - 1)] += 1


class OwnIntensity:
    """Exposure and fills by depth since the engine started, both sides together: a reader.

    Args:
        desk: int64[DESK_SIZE].
        reals: float64[REALS_SIZE].
    """

    def __init__(self, desk: IntArray, reals: FloatArray) -> None:
        self._fills = in_python(own_fills)(desk)
        self._exposure_s = in_python(own_exposure_s)(reals)

    def read(self) -> SideFit | None:
        """A and k with their intervals; None while the fills show no slope."""
        stood = np.flatnonzero(self._exposure_s)
        fills = self._fills[stood]
        depths = stood.astype(np.float64) / 2
        if stood.size < 2 or fills.sum() < 2:
            return None
        A, k, error = fit_own_fills(depths, self._exposure_s[stood], fills)
        if math.isnan(A):
            return None
        n = int(fills.sum())
        mean_depth = float(fills @ depths) / n
        k_interval = (k - 1.96 * error, k + 1.96 * error)
        A_error = math.sqrt(1.0 / n + (mean_depth * error) ** 2)
        return SideFit(A, k, n, log_normal_interval(A, A_error), k_interval)
