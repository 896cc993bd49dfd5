"""From a fair price and an inventory to the prices that we want to stand at.

    half_spread = (c1 + delta/2 · c2 · sigma) · adj1        skew = c2 · sigma · adj2
    reservation = fair - skew · q
    bid_i = the i-th multiple of the interval at or below min(reservation - half_spread, best bid)
    ask_i = the i-th multiple of the interval at or above max(reservation + half_spread, best ask)

The grid hangs on multiples of its interval, not on the fair price, so that a small move
leaves most orders where they are and in their queues.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np

from engine.core.settings import DeskSettings
from engine.models.glft import glft_quote
from engine.models.intensity import count_reaching, fit_log_linear
from engine.models.volatility import realised_sigma
from exchange.jit import IntArray, njit
from exchange.types import Side

STEP_NS = 100_000_000
"""How often the mid is sampled."""
_SAME_ORDER_NS = 1_000_000
"""Prints of one side this close together are one market order."""
_FEWEST_LEVELS = 3
_FARTHEST_TICKS = 1e9


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


@dataclass(frozen=True, slots=True)
class Fit:
    """The market's numbers as last estimated."""

    A_per_s: float
    k_per_tick: float
    sigma_ticks: float
    source: str
    """``prior`` or ``fit``."""
    mono_ns: int
    arrivals: int


class Calibrator:
    """Samples mids and market orders, and fits A, k and sigma to the last window.

    Args:
        settings: Window, pace, levels and prior.
    """

    def __init__(self, settings: DeskSettings) -> None:
        self._window_ns = round(settings.window_s * 1e9)
        self._pace_ns = round(settings.recalibrate_s * 1e9)
        self._levels = settings.fit_levels
        self._mids: deque[float] = deque(maxlen=self._window_ns // STEP_NS + 1)
        self._arrivals: deque[tuple[int, float]] = deque()
        self._group: tuple[Side, int] | None = None
        self._counts = np.zeros(max(self._levels, 500))
        self._first_ns: int | None = None
        self._next_fit_ns = 0
        self.note = ""
        """Why there is no newer fit, in words; empty after a good one."""
        self.fit: Fit | None = None
        if settings.prior is not None:
            self.fit = Fit(*settings.prior, source="prior", mono_ns=0, arrivals=0)

    def print_seen(
        self, aggressor: Side, price_ticks: int, mid_ticks: float, exch_ns: int, mono_ns: int
    ) -> None:
        """One print of the tape; several prints of one market order count once, at the deepest."""
        depth = aggressor * (price_ticks - mid_ticks)
        same_order = (
            self._group is not None
            and self._group[0] is aggressor
            and exch_ns - self._group[1] < _SAME_ORDER_NS
        )
        if same_order and self._arrivals:
            since_ns, deepest = self._arrivals.pop()
            self._arrivals.append((since_ns, max(deepest, depth)))
        else:
            self._arrivals.append((mono_ns, depth))
        self._group = (aggressor, exch_ns)

    def step(self, mid_ticks: float, mono_ns: int) -> bool:
        """One 100 ms sample; refits when it is time.

        Returns:
            True when there is a new fit.
        """
        if self._first_ns is None:
            self._first_ns = self._next_fit_ns = mono_ns
        self._mids.append(mid_ticks)
        while self._arrivals and self._arrivals[0][0] < mono_ns - self._window_ns:
            self._arrivals.popleft()
        if mono_ns < self._next_fit_ns:
            return False
        self._next_fit_ns += self._pace_ns
        seen_ns = mono_ns - self._first_ns
        if seen_ns < self._window_ns:
            self.note = f"{seen_ns / 1e9:.0f} s of the {self._window_ns / 1e9:.0f} s window seen"
            return False
        return self._refit(mono_ns)

    def _refit(self, mono_ns: int) -> bool:
        depths = np.fromiter((depth for _, depth in self._arrivals), np.float64)
        levels = min(count_reaching(depths, self._counts), self._levels)
        sigma = realised_sigma(np.array(self._mids), STEP_NS / 1e9)
        if levels < _FEWEST_LEVELS:
            self.note = f"market orders reached {levels} levels, {_FEWEST_LEVELS} are needed"
            return False
        A, k = fit_log_linear(self._counts, levels, self._window_ns / 1e9)
        if not np.isfinite(A) or not sigma > 0.0:
            self.note = (
                "intensity does not decay with depth" if sigma > 0.0 else "the mid stood still"
            )
            return False
        self.note = ""
        self.fit = Fit(A, k, sigma, "fit", mono_ns, len(depths))
        return True


@dataclass(frozen=True, slots=True)
class Tuning:
    """The parameters that an operator may move while the desk runs."""

    gamma: float
    delta: float
    adj1: float
    adj2: float


@dataclass(frozen=True, slots=True)
class Offsets:
    """What the model says, before any price: ticks, and ticks per order quantity."""

    half_spread: float
    skew: float
    c1: float
    c2: float
    interval: int


def offsets(fit: Fit, tuning: Tuning) -> Offsets | None:
    """The model's answer, or None when these numbers have none: overflow, nan, beyond reason."""
    half_spread, skew, c1, c2 = glft_quote(
        fit.sigma_ticks,
        fit.A_per_s,
        fit.k_per_tick,
        tuning.gamma,
        tuning.delta,
        tuning.adj1,
        tuning.adj2,
    )
    if not (half_spread < _FARTHEST_TICKS and skew < _FARTHEST_TICKS):
        return None
    return Offsets(half_spread, skew, c1, c2, grid_interval(half_spread))
