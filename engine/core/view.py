"""What the desk looks like at one moment: everything that a screen may show.

The trader builds one ``DeskView`` some ten times a second; screens draw it and never ask
for more. Prices stay integers of ticks and sizes integers of lots; the view carries the
grid, so that a screen can write them as decimals. ``nan`` never travels: a number that
does not exist is ``None``.
"""

from enum import StrEnum

import msgspec


class Mode(StrEnum):
    """Whose money is at stake."""

    LIVE = "LIVE"
    DEMO = "DEMO"
    PAPER = "PAPER"
    REPLAY = "REPLAY"


class RiskState(StrEnum):
    """How much the desk may do."""

    ACTIVE = "ACTIVE"
    HALTED = "HALTED"


class SideReason(StrEnum):
    """Why a side quotes or does not. The first one that applies is shown."""

    QUOTING = "quoting"
    STOPPING = "stopping"
    HALTED = "halted"
    PAUSED = "paused"
    SIDE_OFF = "side off"
    LINK_DOWN = "link down"
    RECONCILING = "reconciling"
    NO_BOOK = "no book"
    STALE = "stale data"
    NOT_CALIBRATED = "not calibrated"
    BREAKER = "breaker open"
    AT_LIMIT = "at limit"


class SideView(msgspec.Struct, frozen=True):
    """One side of our market, and the rule that rules it."""

    reason: SideReason
    detail: str
    """The value against the limit, such as ``0.120 of 0.120``; what hampers a quoting side."""
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
    """The quote taken apart: which numbers it was made of."""

    fair_ticks: float | None
    reservation_ticks: float | None
    half_spread_ticks: float | None
    """(c1 + delta/2 c2 sigma) adj1."""
    skew_ticks_per_lot: float | None
    """c2 sigma adj2; times q it moves the reservation price."""
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
    fit: str
    """Where A, k and sigma come from: ``prior``, ``fit`` or a sentence that says why none."""
    fit_age_s: float | None
    grid_interval_ticks: int | None
    order_qty_lots: int
    grid_num: int
    bid_ticks: list[int]
    """Wanted prices, best first; empty when the side quotes nothing."""
    ask_ticks: list[int]


class InventoryView(msgspec.Struct, frozen=True):
    """What we hold against what we may hold."""

    q: float
    """Position in order quantities."""
    position_lots: int
    max_position_lots: int
    worst_long_lots: int
    """Position if everything open, in flight or unknown on the bid side fills."""
    worst_short_lots: int


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
    """As the venue last told it."""
    residual_usdt: float | None
    """Wallet change that our own fills do not explain."""
    drawdown_usdt: float
    """From the highest total so far; zero or positive."""
    fills: int
    volume_usdt: float
    maker_fills: int


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
    """Which rule moved it and what would clear it; empty while active."""
    paused: bool
    stopping: bool
    bid: SideView
    ask: SideView
    book: BookView
    orders: list[OrderView]
    quote: QuoteView
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


class RecordKind(StrEnum):
    FILL = "fill"
    ALERT = "alert"
    LOG = "log"


class Record(msgspec.Struct, frozen=True):
    """One line of the desk's log. Numbered from 1 without gaps; never skipped."""

    number: int
    recv_ns: int
    kind: RecordKind
    severity: str
    """``info``, ``warning`` or ``alarm``."""
    text: str
    side: int = 0
    """+1 buy, -1 sell on fills."""


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
    note: str
    """A warning worth reading before enter, or empty."""
