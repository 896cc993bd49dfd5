"""What the embedded exchange is told at start: its market, its account, its fees."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from exchange.instrument import Instrument

Queue: TypeAlias = Literal["risk_averse", "log", "power2", "power3"]
"""A queue model of ``exchange.recorded_book.QUEUES``, named without its weight."""


@dataclass(frozen=True, slots=True)
class SyntheticMarket:
    """The Brownian market with exponentially decaying order flow.

    Source: Avellaneda & Stoikov (2008), section 3; Guéant, Lehalle & Fernandez-Tapia (2013).
    """

    seed: int
    start_price_ticks: int
    sigma_ticks: float
    """Volatility of the fair value, ticks per square-root second."""
    A_per_s: float
    """Market orders a second on one side that reach beyond depth 0."""
    k_per_tick: float
    """Decay of that rate with depth from the fair value."""
    half_spread_ticks: int
    """Distance of the background's best quotes from the fair value."""
    depth_levels: int
    """Background levels a side."""
    level_lots: int
    """Mean background size of a level."""


@dataclass(frozen=True, slots=True)
class RecordedMarket:
    """A recording of the symbol, played back."""

    path: Path
    speed: float = 1.0
    """Seconds of the recording in one of the venue's."""
    queue: Queue = "log"
    """Who is taken to have cancelled ahead of an account's order."""


@dataclass(frozen=True, slots=True)
class PaperSettings:
    """One embedded exchange with one account on one symbol."""

    instrument: Instrument
    port: int
    api_key: str
    api_secret: str
    capital_e8: int
    maker_fee_rate: float
    taker_fee_rate: float
    market: SyntheticMarket
