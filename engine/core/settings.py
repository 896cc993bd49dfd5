"""Trader settings: what the trader starts with, on the instrument's grid."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

STEP_NS = 100_000_000
"""How often the market is sampled and the timer ticks."""

FairName: TypeAlias = Literal["mid", "weighted_mid", "microprice", "depth_weighted"]
"""Fair prices, as configs call them."""
IntensityName: TypeAlias = Literal["mle", "wls", "ols", "online"]
"""Estimators of A and k."""
VolatilityName: TypeAlias = Literal["realised", "two_scale", "bipower", "ewma"]
"""Estimators of sigma."""


@dataclass(frozen=True, slots=True)
class DeskSettings:
    """One desk's parameters; sizes in lots, everything checked by the caller."""

    config: str
    symbol: str
    capital_usdt: float
    gamma: float
    """Risk aversion per tick and order quantity."""
    delta: float
    """Fill size of the model, in order quantities."""
    adj1: float
    """Multiplies the half spread."""
    adj2: float
    """Multiplies the skew, per order quantity."""
    order_lots: int
    max_position_lots: int
    grid_num: int
    fair: FairName
    fair_lots: int
    """Size that the depth-weighted fair price looks down to; 0 for the other kinds."""
    maker_fee_rate: float
    """Of the notional, a rebate negative; for break-even prices, never for the ledger."""
    window_s: float
    recalibrate_s: float
    intensity: IntensityName
    levels: int
    """Price levels beyond the first that are counted one by one."""
    nearest_ticks: float
    """Least depth of the first level counted."""
    max_misfit: float
    """Distance of depths from exponential that is borne, beyond what chance explains."""
    hold_s: float
    """How long the last good fit may be quoted, widened."""
    volatility: VolatilityName
    volatility_step_s: float
    prior: tuple[float, float, float] | None
    """A per second, k per tick and sigma in ticks per square-root second until the first fit."""
    max_loss_usdt: float
    freshness_ms: int

    def bound(self, delta: float) -> int:
        """Largest inventory in fills of ``delta`` order quantities; at least 1."""
        return max(int(self.max_position_lots / (self.order_lots * delta)), 1)
