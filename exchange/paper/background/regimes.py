"""Market regimes: how the synthetic market moves from step to step in each of them.

A regime bends the Brownian market and never replaces it: the path of the fair value and the
arrivals are drawn as in the calm one, and a regime, with a generator of its own, says how far a
step goes and how fast the clocks of buyers and sellers run. All sizes are in units of the
symbol's own volatility and order flow.
"""

from dataclasses import dataclass
from typing import TypeAlias

from exchange.paper.rng import SplitMix64
from exchange.paper.settings import Regime, SyntheticMarket
from exchange.types import Side

TREND_SIGMAS = 0.5
"""Drift a second: over ten, five sigmas, against three of noise."""
TREND_MEAN_S = 60.0
TREND_SKEW = 0.6
"""By how much more of the takers go with a trend, and fewer against it."""

BURST_FACTOR = 4.0
"""Of sigma and of order flow alike."""
BURST_MEAN_S = 10.0
LULL_MEAN_S = 40.0

JUMP_MEAN_S = 45.0
JUMP_LEAST_SIGMAS = 8.0
"""Each sigma that of a second, as the next."""
JUMP_MORE_SIGMAS = 4.0
"""Mean of the exponential that comes on top."""
JUMP_WARNING_S = 0.4
"""The makers foresee a jump so long before it."""

WICK_MEAN_S = 300.0


@dataclass(frozen=True, slots=True)
class Jump:
    """Takers sweep the book, and the fair value is somewhere else."""

    ticks: float
    """Signed."""


@dataclass(frozen=True, slots=True)
class WickBegins:
    """Liquidations set off a wick."""

    side: Side
    """The takers': ``SELL`` is a wick down."""


RegimeEvent: TypeAlias = Jump | WickBegins


class Calm:
    """Calm regime: the Brownian market as it is; the interface of every other regime.

    Args:
        sigma_ticks: Of the fair value, per square-root second.
        step_s: What ``step`` lets pass.
    """

    sigma_factor = 1.0
    """By which this step's Brownian move is stretched."""
    drift_ticks = 0.0
    """Of this step."""
    buy_pace = 1.0
    """How fast the buyers' clock runs; their arrivals keep their order."""
    sell_pace = 1.0
    foreseen_side: Side | None = None
    """The takers' side of a jump that is about to come."""

    def __init__(self, sigma_ticks: float, step_s: float, random: SplitMix64) -> None:
        self._sigma_ticks = sigma_ticks
        self._step_s = step_s
        self._random = random
        self._left_s = 0.0

    def step(self) -> RegimeEvent | None:
        """Let one step pass; the fields are of that step, and so is what happens at it."""
        return None

    def _passed(self) -> bool:
        """Whether what was waited for is due with this step."""
        self._left_s -= self._step_s
        return self._left_s <= 0.0

    def _toss(self) -> Side:
        return Side.BUY if self._random.bits() & 1 else Side.SELL


class Trending(Calm):
    """A drift that changes its sign now and then, with more takers for it than against it."""

    def __init__(self, sigma_ticks: float, step_s: float, random: SplitMix64) -> None:
        super().__init__(sigma_ticks, step_s, random)
        self._turn(self._toss())

    def step(self) -> None:
        if self._passed():
            self._turn(Side(-self._side))

    def _turn(self, side: Side) -> None:
        self._side = side
        self._left_s = self._random.exponential(1.0 / TREND_MEAN_S)
        self.drift_ticks = side * TREND_SIGMAS * self._sigma_ticks * self._step_s
        self.buy_pace = 1.0 + side * TREND_SKEW
        self.sell_pace = 1.0 - side * TREND_SKEW


class Volatile(Calm):
    """Two states: as calm, and bursts in which everything moves and trades more."""

    def __init__(self, sigma_ticks: float, step_s: float, random: SplitMix64) -> None:
        super().__init__(sigma_ticks, step_s, random)
        self._turn(1.0, LULL_MEAN_S)

    def step(self) -> None:
        if not self._passed():
            return
        if self.sigma_factor == 1.0:
            self._turn(BURST_FACTOR, BURST_MEAN_S)
        else:
            self._turn(1.0, LULL_MEAN_S)

    def _turn(self, factor: float, mean_s: float) -> None:
        self._left_s = self._random.exponential(1.0 / mean_s)
        self.sigma_factor = self.buy_pace = self.sell_pace = factor


class Waiting(Calm):
    """Calm, but for what happens now and then, after exponential waits."""

    mean_wait_s: float

    def __init__(self, sigma_ticks: float, step_s: float, random: SplitMix64) -> None:
        super().__init__(sigma_ticks, step_s, random)
        self._wait()

    def _wait(self) -> None:
        self._left_s = self._random.exponential(1.0 / self.mean_wait_s)


class Jumping(Waiting):
    """Poisson jumps of the fair value; the makers foresee each just before it comes."""

    mean_wait_s = JUMP_MEAN_S

    def step(self) -> RegimeEvent | None:
        if not self._passed():
            return None
        if self.foreseen_side is None:
            self.foreseen_side, self._left_s = self._toss(), JUMP_WARNING_S
            return None
        sigmas = JUMP_LEAST_SIGMAS + self._random.exponential(1.0 / JUMP_MORE_SIGMAS)
        jump = Jump(self.foreseen_side * sigmas * self._sigma_ticks)
        self.foreseen_side = None
        self._wait()
        return jump


class Wicking(Waiting):
    """A wick now and then, down or up."""

    mean_wait_s = WICK_MEAN_S

    def step(self) -> RegimeEvent | None:
        if not self._passed():
            return None
        self._wait()
        return WickBegins(self._toss())


_REGIMES: dict[Regime, type[Calm]] = {
    "calm": Calm,
    "trending": Trending,
    "volatile": Volatile,
    "jump": Jumping,
    "wick": Wicking,
}


def regime_of(market: SyntheticMarket, step_s: float, random: SplitMix64) -> Calm:
    """The regime that a market is set to."""
    return _REGIMES[market.regime](market.sigma_ticks, step_s, random)
