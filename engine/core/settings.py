"""What the trader is told at start, on the instrument's grid."""

from dataclasses import dataclass


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
    window_s: float
    recalibrate_s: float
    fit_levels: int
    prior: tuple[float, float, float] | None
    """A per second, k per tick and sigma in ticks per square-root second until the first fit."""
    max_loss_usdt: float
    freshness_ms: int
