"""Desk view: everything that a screen may show, at one moment.

The trader builds one ``DeskView`` some ten times a second; screens draw it and never ask
for more. Prices stay integers of ticks and sizes integers of lots; the view carries the
grid, so that a screen can write them as decimals. ``nan`` never travels: a number that
does not exist is ``None``.
"""

import msgspec

from engine.core.explain import LeftView
from engine.core.market_readings import WatchView
from engine.core.states import FitKind, FlattenState, Mode, RiskState, SideReason


class FlattenView(msgspec.Struct, frozen=True):
    """The newest flatten, running or ended."""

    state: FlattenState
    tries: int
    refusal: str
    """The last one's code and message; empty without one."""
    left_s: float
    """Until it gives up."""


class SideView(msgspec.Struct, frozen=True):
    """One side of our market, and the rule that rules it."""

    reason: SideReason
    detail: str
    """The value against the limit, such as ``0.120 of 0.120``; what blocks a quoting side."""
    clears: str
    """What would end it, such as ``a sell fill`` or ``r``; empty when quoting."""


class OrderView(msgspec.Struct, frozen=True):
    """One order of the account on this symbol."""

    client_order_id: str
    side: int
    """+1 buy, -1 sell."""
    price_ticks: int
    qty_lots: int
    filled_lots: int
    state: str
    """``placed acked resting cancelling unknown``, or ``foreign`` for one that is not ours."""
    age_ms: int


class BookView(msgspec.Struct, frozen=True):
    """The book around the touch, our own size included, as the venue shows it."""

    bids: list[tuple[int, int]]
    """``(price_ticks, qty_lots)``, best first."""
    asks: list[tuple[int, int]]
    last_ticks: int | None
    """Price of the last print."""
    last_side: int
    """Its aggressor: +1 buyer, -1 seller, 0 none yet."""
    trusted: bool
    age_ms: int | None
    """Since the last book message."""


class QuoteView(msgspec.Struct, frozen=True):
    """The quote taken apart: which numbers it was made of.

    bid, ask = fair - inventory_skew -+ half_spread, then to the grid.
    """

    fair_ticks: float | None
    fair_kind: str
    """``mid weighted_mid microprice depth_weighted``, as it is in use."""
    reservation_ticks: float | None
    """fair - inventory_skew."""
    half_spread_ticks: float | None
    """At the present inventory, times adj1. The closed form has (c1 + delta/2 c2 sigma) adj1
    at every inventory; the spectral table a little more far out."""
    inventory_skew_ticks: float | None
    """What the inventory moves both quotes by, times adj2; positive when long."""
    skew_ticks_per_lot: float | None
    """How fast inventory_skew grows with q here; c2 sigma adj2 everywhere in the closed form."""
    branch: str
    """``closed form`` or ``spectral table``, whichever quotes; empty without a fit."""
    validity: float | None
    """a = k delta skew: how far one fill moves the quotes, in units of 1/k. Small is honest."""
    bound_fills: int
    """Q, the largest inventory that the model may reach, in fills of delta."""
    c1_ticks: float | None
    c2: float | None
    gamma: float
    delta: float
    adj1: float
    adj2: float
    A_per_s: float | None
    k_per_tick: float | None
    sigma_ticks: float | None
    """Ticks per square-root second."""
    fit: FitKind
    """Where A, k and sigma come from."""
    fit_note: str
    """Why there is no newer fit, or none at all; empty after a good one."""
    fit_age_s: float | None
    grid_interval_ticks: int | None
    order_qty_lots: int
    grid_num: int
    bid_ticks: list[int]
    """Wanted prices, best first; empty when the side quotes nothing."""
    ask_ticks: list[int]
    bid_clamped: bool
    """The model wants a better bid than others' best, which post-only forbids."""
    ask_clamped: bool


class SideFitView(msgspec.Struct, frozen=True):
    """A and k of one side as the newest window has them, with 95 % intervals."""

    A_per_s: float
    A_low: float
    A_high: float
    k_per_tick: float
    k_low: float
    k_high: float
    n: int
    """Market orders that it rests on."""


class CalibrationView(msgspec.Struct, frozen=True):
    """What the newest window says of the market, taken or refused."""

    intensity: str
    """Which estimator, as configs call it; so is ``volatility``."""
    volatility: str
    bid: SideFitView | None
    """Sellers' market orders, which fill bids."""
    ask: SideFitView | None
    own: SideFitView | None
    """The same from our own fills, where queue and size have had their say."""
    misfit: float | None
    """Distance of the depths seen from exponential ones, 0 to 1."""
    max_misfit: float
    """What is borne of that, chance allowed for."""
    sigma_ticks: float | None
    """Of the newest window, perhaps not of the quote."""
    sigma_low: float | None
    sigma_high: float | None
    noise_ratio: float | None
    """Sigma as sampled over sigma with the quotes' bounce taken out: 1 without bounce."""
    window_s: float
    seen_s: float
    """How much of the window was seen so far."""


class InventoryView(msgspec.Struct, frozen=True):
    """What we hold against what we may hold."""

    q: float
    """Position in order quantities."""
    position_lots: int
    max_position_lots: int
    worst_long_lots: int
    """Position if everything open, in flight or unknown on the bid side fills."""
    worst_short_lots: int
    break_even_ticks: int | None
    """Nearest price at which closing all of it as maker loses nothing, fees included."""
    doubt: str = ""
    """Why the position is not certain; empty when it is."""


class MoneyView(msgspec.Struct, frozen=True):
    """Profit since the engine started, in parts that sum exactly to the total."""

    total_usdt: float
    spread_usdt: float
    inventory_usdt: float
    fees_usdt: float
    """Signed as profit: paid fees are negative."""
    funding_usdt: float
    capital_usdt: float
    wallet_usdt: float | None
    """As the venue last reported it."""
    residual_usdt: float | None
    """Wallet change that our own fills do not explain."""
    drawdown_usdt: float
    """Below the highest total so far, now; zero or positive."""
    fills: int
    volume_usdt: float
    maker_fills: int
    max_drawdown_usdt: float = 0.0
    """The deepest it has been."""


class LinkView(msgspec.Struct, frozen=True):
    """One connection to the venue."""

    name: str
    up: bool
    age_ms: int | None
    """Since it last said anything."""
    reconnects: int
    detail: str


class ErrorView(msgspec.Struct, frozen=True):
    """One error code of the venue and how often it was seen."""

    code: int
    count: int
    last_message: str
    age_s: float


class SwitchView(msgspec.Struct, frozen=True):
    """The venue's dead man's switch, which cancels our orders unless it is refreshed."""

    countdown_s: float
    """From its arming until it cancels."""
    age_s: float
    """Since the newest arming was asked for."""


class DeskView(msgspec.Struct, frozen=True):
    """Everything, at one moment."""

    mode: Mode
    symbol: str
    config: str
    """Name of the config file."""
    tick_size: str
    lot_size: str
    quote_asset: str
    recv_ns: int
    """Wall clock of the moment shown."""
    uptime_s: float
    risk: RiskState
    risk_detail: str
    """Which rule moved it, the value against the limit; empty while active."""
    paused: bool
    stopping: bool
    bid: SideView
    ask: SideView
    book: BookView
    orders: list[OrderView]
    quote: QuoteView
    calibration: CalibrationView
    watch: WatchView
    inventory: InventoryView
    money: MoneyView
    links: list[LinkView]
    errors: list[ErrorView]
    """-2011, -1021 and -5022 always, then every other code seen."""
    round_trip_ms: float | None
    """Median order round trip of the last hundred."""
    feed_latency_ms: float | None
    """Venue stamp to our receipt, last book message, by our estimate of its clock."""
    orders_10s: int
    orders_1m: int
    orders_10s_limit: int
    orders_1m_limit: int
    switch: SwitchView | None = None
    """None while none is known to be armed."""
    halts: int = 0
    """How often the desk was halted so far; a resume names the number that it was asked at."""
    risk_cure: str = ""
    """What ends a halt."""
    resume_refused: str = ""
    """Why a resume would be refused now; empty when it would not."""
    left: LeftView | None = None
    """While the desk is halted, paused or stopping, else None."""
    flatten: FlattenView | None = None


class Preview(msgspec.Struct, frozen=True):
    """Old and new quotes side by side, before a change is taken."""

    name: str
    old_value: float
    new_value: float
    old_bid_ticks: int | None
    old_ask_ticks: int | None
    new_bid_ticks: int | None
    new_ask_ticks: int | None
    old_half_spread_ticks: float | None
    new_half_spread_ticks: float | None
    old_skew_ticks_per_lot: float | None
    new_skew_ticks_per_lot: float | None
    nearer: bool
    """Does any price of either grid come nearer to the other side of the market?"""
