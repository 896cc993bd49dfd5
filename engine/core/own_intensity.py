"""Fill intensity of our own quotes: A and k from how long they stood how deep, and what they met.

Other people's market orders say how deep they reached; only our own fills say how often
somebody at our place in the queue, with our size, is reached.
"""

import math

import numpy as np

from engine.core import orders
from engine.core.orders import OrderTable
from engine.models.chi_square import log_normal_interval
from engine.models.intensity import SideFit
from engine.models.own_fills import fit_own_fills
from exchange.jit import FloatArray, IntArray, njit

_DEPTHS = 1024
"""Half ticks of depth; deeper quotes are counted at the last."""


@njit
def add_exposure(
    side: IntArray,
    price_ticks: IntArray,
    state: IntArray,
    resting: int,
    cancelling: int,
    mid_ticks: float,
    span_s: float,
    out: FloatArray,
) -> None:
    """Let every order in the book stand where it stands for a while.

    Args:
        side: int64[slots], +1 or -1, as of the next two: one entry an order.
        resting: One of the two states that count.
        cancelling: The other: until the venue has taken it off, it can be filled.
        out: float64[depths], seconds by half ticks of depth, added to.
    """
    for slot in range(state.size):
        depth = side[slot] * (mid_ticks - price_ticks[slot])
        stands = state[slot] == resting or state[slot] == cancelling
        if stands and depth >= 0.0:
            out[min(int(2.0 * depth), out.size - 1)] += span_s


class OwnIntensity:
    """Exposure and fills by depth since the engine started, both sides together."""

    def __init__(self) -> None:
        self._exposure_s = np.zeros(_DEPTHS)
        self._fills = np.zeros(_DEPTHS, np.int64)

    def step(self, table: OrderTable, mid_ticks: float, span_s: float) -> None:
        add_exposure(
            table.side,
            table.price_ticks,
            table.state,
            orders.RESTING,
            orders.CANCELLING,
            mid_ticks,
            span_s,
            self._exposure_s,
        )

    def fill(self, depth_ticks: float) -> None:
        """One order met; a depth below zero met a quote that the mid had already left."""
        if depth_ticks >= 0.0:
            self._fills[min(round(2.0 * depth_ticks), _DEPTHS - 1)] += 1

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
