"""Settings of the embedded exchange: its markets and its accounts."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from exchange.instrument import Instrument
from exchange.paper.faults.plan import FaultPlan
from exchange.queue_models import QueueModelName

Regime: TypeAlias = Literal["calm", "trending", "volatile", "jump", "wick"]
FlickerCase: TypeAlias = Literal["none", "case1", "case2"]


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
    regime: Regime = "calm"
    """How it moves; what each brings is described in ``exchange.paper.background.regimes``."""
    undercutter_lots: int = 0
    """Size of a maker that steps ahead of the accounts; 0 when there is none."""
    flicker: FlickerCase = "none"
    """Whether one side of the touch shakes for a while now and then: eaten, or cancelled."""


@dataclass(frozen=True, slots=True)
class RecordedMarket:
    """A recording of the symbol, played back."""

    path: Path
    speed: float = 1.0
    """Seconds of the recording in one of the venue's."""
    queue: QueueModelName = "log"
    """Who is taken to have cancelled ahead of an account's order."""


@dataclass(frozen=True, slots=True)
class Listing:
    """One symbol and what moves it."""

    instrument: Instrument
    market: SyntheticMarket | RecordedMarket
    funding_rate: float = 0.0
    """Of the notional at each settlement; longs pay it when positive."""
    funding_interval_h: int = 8


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """One account, and how it proves who it is."""

    name: str
    api_key: str
    api_secret: str = field(repr=False)
    """The HMAC secret, or an Ed25519 or RSA public key in PEM."""
    capital_e8: int
    maker_fee_rate: float
    taker_fee_rate: float


@dataclass(frozen=True, slots=True)
class PaperSettings:
    """One embedded exchange."""

    port: int
    listings: tuple[Listing, ...]
    """At least one, no symbol twice."""
    accounts: tuple[AccountSettings, ...]
    """At least one, no key twice."""
    seed: int = 0
    """Of what is drawn at the venue's sockets: whether an event overtakes an answer."""
    strict: bool = False
    """Serve streams as mainnet does: each on its own path only, wrong names in silence."""
    faults: FaultPlan | None = None
    """What goes wrong from the start."""
    admin_port: int | None = None
    """Where faults can be seen and armed; None for nowhere."""

    @property
    def plays_recordings(self) -> bool:
        """Is any market a recording?"""
        return any(isinstance(listing.market, RecordedMarket) for listing in self.listings)
