"""Quoter: from a fair price and an inventory to the prices that we want to stand at.

    half_spread, inventory_skew = the model's table at q, times adj1 and adj2
    reservation = fair - inventory_skew
    bid_i = the i-th multiple of the interval at or below min(reservation - half_spread, best bid)
    ask_i = the i-th multiple of the interval at or above max(reservation + half_spread, best ask)

The table is made anew at each recalibration: by the closed form where that is honest, there
half_spread = c1 + delta/2 · c2 · sigma and inventory_skew = c2 · sigma · q, and else by the
spectral solution. The grid hangs on multiples of its interval, not on the fair price, so that
a small move leaves most orders where they are and in their queues.
"""

from dataclasses import dataclass

import numpy as np

from engine.core.calibration import Fit
from engine.core.desk_layout import (
    ADJ1,
    ADJ2,
    BOUND_FILLS,
    DELTA,
    FIT_A,
    FIT_K,
    FIT_SIGMA,
    FIT_SOURCE,
    FITTED,
    GAMMA,
    GRID_INTERVAL,
    MODEL_VALIDITY,
    NO_FIT,
    TABLE_FILLS,
    TABLE_IS_SPECTRAL,
    model_table,
)
from engine.models.glft import glft_c1, glft_c2
from engine.models.policy import bound_of, empty_table, table_offsets
from engine.models.spectral import glft_table
from exchange.jit import FloatArray, IntArray, in_python, njit

NO_ANSWER = 0
"""In the place of a grid's interval."""
_FARTHEST_TICKS = 1e9  # beyond it a depth is absurd, and no price in ticks


@njit
def grid_interval(half_spread: float) -> int:
    """Distance of two grid prices: the half spread in whole ticks, at least one."""
    return int(max(np.rint(half_spread), 1.0))


@njit
def grid_prices(
    side: int, quote_ticks: float, touch_ticks: int, interval: int, n: int, out: IntArray
) -> None:
    """The n wanted prices of one side, best first.

    Args:
        side: +1 for bids, -1 for asks.
        quote_ticks: What the model asks for on this side.
        touch_ticks: Others' best price on this side; never quoted better than.
        interval: Grid interval in ticks.
        out: int64[>= n], overwritten.
    """
    if side > 0:
        first = int(np.floor(min(quote_ticks, touch_ticks) / interval)) * interval
    else:
        first = int(np.ceil(max(quote_ticks, touch_ticks) / interval)) * interval
    for i in range(n):
        out[i] = first - side * i * interval


@njit
def requote(
    table: FloatArray,
    fills: float,
    adj1: float,
    adj2: float,
    fair_ticks: float,
    bid_ticks: int,
    ask_ticks: int,
    interval: int,
    n_bids: int,
    n_asks: int,
    bids: IntArray,
    asks: IntArray,
) -> tuple[float, float]:
    """Both sides' wanted prices at this inventory.

    Args:
        table: float64[2(2Q+1)], the model's depths.
        fills: Inventory, in fills of delta.
        bid_ticks: Best price that a bid of ours may have, as ``ask_ticks`` for asks.
        n_bids: How many bids are wanted, perhaps 0.
        bids: int64[>= n_bids], overwritten; best first, as are the asks.

    Returns:
        ``(half_spread, inventory_skew)`` as quoted, ticks.
    """
    half_spread, inventory_skew = table_offsets(table, fills)
    half_spread *= adj1
    inventory_skew *= adj2
    reservation = fair_ticks - inventory_skew
    grid_prices(1, reservation - half_spread, bid_ticks, interval, n_bids, bids)
    grid_prices(-1, reservation + half_spread, ask_ticks, interval, n_asks, asks)
    return half_spread, inventory_skew


@njit
def within_reason(table: FloatArray, farthest_ticks: float) -> bool:
    """Is every depth a number, and none absurd? The two sides never quoted are nan."""
    for i in range(table.size):
        absent = i == 1 or i == table.size - 2
        if not absent and not abs(table[i]) < farthest_ticks:
            return False
    return True


@njit
def tabulate(
    sigma: float,
    A: float,
    k: float,
    gamma: float,
    delta: float,
    adj1: float,
    adj2: float,
    out: FloatArray,
) -> tuple[float, bool, int]:
    """Write the model's table for these numbers.

    Args:
        sigma, A, k, gamma, delta: As for ``glft_table``.
        out: float64[2(2Q+1)], overwritten.

    Returns:
        ``(a, spectral, interval)``: as ``glft_table`` has them, and the grid's, ``NO_ANSWER`` when
        there is none: overflow, nan, beyond reason.
    """
    a, spectral = glft_table(sigma, A, k, gamma, delta, out)
    if not within_reason(out, _FARTHEST_TICKS / max(adj1, adj2, 1.0)):
        return a, spectral, NO_ANSWER
    half_spread, _ = table_offsets(out, 0.0)
    return a, spectral, grid_interval(half_spread * adj1)


@njit
def refit_table(desk: IntArray, reals: FloatArray) -> None:
    """The fit, or what the operator may move, has changed: make the table anew.

    Args:
        desk: int64[DESK_SIZE], as ``reals`` of ``engine.core.desk_layout``.
    """
    desk[FITTED], desk[TABLE_FILLS] = desk[FIT_SOURCE] != NO_FIT, 0
    if desk[FITTED] == 0:
        return
    reals[MODEL_VALIDITY], spectral, interval = tabulate(
        reals[FIT_SIGMA],
        reals[FIT_A],
        reals[FIT_K],
        reals[GAMMA],
        reals[DELTA],
        reals[ADJ1],
        reals[ADJ2],
        model_table(reals, desk[BOUND_FILLS]),
    )
    if interval != NO_ANSWER:
        desk[TABLE_FILLS], desk[GRID_INTERVAL] = desk[BOUND_FILLS], interval
        desk[TABLE_IS_SPECTRAL] = spectral


def branch_name(*, spectral: bool) -> str:
    """The branch of the model that quotes."""
    return "spectral table" if spectral else "closed form"


@dataclass(frozen=True, slots=True)
class Tuning:
    """The parameters that an operator may move while the desk runs."""

    gamma: float
    delta: float
    adj1: float
    adj2: float


@dataclass(frozen=True, slots=True, eq=False)
class Offsets:
    """What the model says of one calibration, before any price; q in order quantities."""

    table: FloatArray
    tuning: Tuning
    c1: float
    c2: float
    a: float
    """The validity number of the closed form."""
    spectral: bool
    interval: int
    """Of the grid: the half spread without inventory, so that a fill does not move it."""

    @property
    def branch(self) -> str:
        return branch_name(spectral=self.spectral)

    @property
    def bound(self) -> int:
        """Q, in fills."""
        return bound_of(self.table)

    def fills(self, q: float) -> float:
        return q / self.tuning.delta

    def at(self, q: float) -> tuple[float, float]:
        """``(half_spread, inventory_skew)`` as quoted at an inventory, ticks."""
        half_spread, inventory_skew = table_offsets(self.table, self.fills(q))
        return half_spread * self.tuning.adj1, inventory_skew * self.tuning.adj2

    def skew(self, q: float) -> float:
        """Ticks that one more order quantity moves the quotes by, around this inventory."""
        reach = 0.5 * self.tuning.delta
        return (self.at(q + reach)[1] - self.at(q - reach)[1]) / self.tuning.delta


def offsets(fit: Fit, tuning: Tuning, bound: int) -> Offsets | None:
    """The model's answer, or None when these numbers have none: overflow, nan, beyond reason.

    Args:
        bound: Largest inventory that may be reached, in fills; at least 1.
    """
    table = empty_table(bound)
    A, k, gamma, delta = fit.A_per_s, fit.k_per_tick, tuning.gamma, tuning.delta
    a, spectral, interval = tabulate(
        fit.sigma_ticks, A, k, gamma, delta, tuning.adj1, tuning.adj2, table
    )
    if interval == NO_ANSWER:
        return None
    c1, c2 = glft_c1(k, gamma, delta), glft_c2(A, k, gamma, delta)
    return Offsets(table, tuning, c1, c2, a, bool(spectral), interval)


def offsets_in_use(
    desk: IntArray, reals: FloatArray, fit: Fit | None, tuning: Tuning
) -> Offsets | None:
    """What the desk quotes by, of this fit and tuning; None while it has no answer."""
    if fit is None or not desk[TABLE_FILLS]:
        return None
    A, k, gamma, delta = fit.A_per_s, fit.k_per_tick, tuning.gamma, tuning.delta
    return Offsets(
        in_python(model_table)(reals, int(desk[TABLE_FILLS])).copy(),
        tuning,
        glft_c1(k, gamma, delta),
        glft_c2(A, k, gamma, delta),
        float(reals[MODEL_VALIDITY]),
        bool(desk[TABLE_IS_SPECTRAL]),
        int(desk[GRID_INTERVAL]),
    )
