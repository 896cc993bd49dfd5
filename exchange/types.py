"""Event and command types: what arrives from a market, and what is asked of it, on every floor.

Prices are integer ticks, sizes integer lots, fees and balances integers of 1e-8 of the
quote asset (``_e8``). Every event carries the two clocks of its arrival: ``recv_ns``, our
wall clock, and ``mono_ns``, our monotonic clock. ``exch_ns`` is the venue's own stamp.
All types are immutable msgspec structs with a tag, so that any of them can be written
to a flight recording and read back.
"""

from enum import IntEnum, StrEnum

import msgspec


class Side(IntEnum):
    """The sign that a fill on this side adds to inventory."""

    BUY = 1
    SELL = -1


class OrderStatus(StrEnum):
    """What the venue says of an order. The last four are final."""

    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"

    @property
    def final(self) -> bool:
        return self not in (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)


class TimeInForce(StrEnum):
    """How long an order may live, and whether it may take."""

    GTC = "GTC"
    GTX = "GTX"
    """Post-only: rests, or is refused with -5022."""
    IOC = "IOC"
    FOK = "FOK"


class Outcome(StrEnum):
    """The three ends of a request. Unknown is not refused: the order may live."""

    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class Link(StrEnum):
    """A connection whose loss the trader must learn of."""

    PUBLIC = "public"
    """Book and touch."""
    MARKET = "market"
    """The tape and mark price."""
    PRIVATE = "private"
    """Our own orders, fills and balances."""


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    ALARM = "alarm"


# ---------------------------------------------------------------- what arrives


class Event(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Anything that reaches the trader, stamped at arrival."""

    recv_ns: int
    mono_ns: int


class MarketFrame(Event, frozen=True, kw_only=True, tag=True):
    """One market message, as the venue sent it."""

    raw: bytes


class DepthSnapshot(Event, frozen=True, kw_only=True, tag=True):
    """The body of a depth snapshot, as the venue sent it."""

    raw: bytes


class OrderUpdate(Event, frozen=True, kw_only=True, tag=True):
    """The venue's newest report of one order, ours or not."""

    client_order_id: str
    venue_order_id: int
    side: Side
    status: OrderStatus
    price_ticks: int
    """0 for a market order."""
    qty_lots: int
    filled_lots: int
    """Filled so far, over the order's life."""
    exch_ns: int


class Fill(Event, frozen=True, kw_only=True, tag=True):
    """One execution of one of the account's orders. Idempotent by ``trade_id``."""

    trade_id: int
    client_order_id: str
    side: Side
    price_ticks: int
    qty_lots: int
    maker: bool
    fee_e8: int
    """Paid if positive, a rebate if negative."""
    exch_ns: int
    off_tick_e8: int = 0
    """Notional beyond ``price_ticks`` times ``qty_lots``: the venue's own orders (liquidation,
    deleveraging) trade at prices off the grid; nobody else's do."""
    forced: str = ""
    """What made the venue close our position by itself: ``liquidated`` and the like."""


class AccountUpdate(Event, frozen=True, kw_only=True, tag=True):
    """Absolute position and wallet balance as of ``exch_ns``, where the venue reported them."""

    position_lots: int | None
    wallet_e8: int | None
    reason: str
    exch_ns: int
    entry_price_e8: int = 0
    """Average entry price of the position; 0 when flat or not reported."""
    moved_e8: int = 0
    """What the wallet changed by, other than by trading: funding, transfers."""


class AccountSnapshot(Event, frozen=True, kw_only=True, tag=True):
    """The account as REST gives it: the answer to ``FetchAccount``.

    Each part is as of its own stamp, since the node that answers may lag behind the stream.
    """

    position_lots: int
    position_exch_ns: int
    """The venue's stamp on the last change of the position; 0: it lists none, undated."""
    entry_price_e8: int
    """Average entry price of the position; 0 when flat."""
    wallet_e8: int
    wallet_exch_ns: int
    """The venue's stamp on the last change of the wallet; 0: undated."""
    open_orders: tuple[OrderUpdate, ...]
    """Every open order on the symbol, foreign ones included."""
    asked_mono_ns: int
    """When the question left: orders placed after this moment may be missing from it."""


class TradesSnapshot(Event, frozen=True, kw_only=True, tag=True):
    """The account's own trades as REST gives them, oldest first: the answer to ``FetchTrades``."""

    fills: tuple[Fill, ...]
    since_ms: int
    """The venue's time from which on it lists every trade."""
    asked_mono_ns: int
    """When the question left: what traded after this moment may be missing from it."""


class ListenKeyExpired(Event, frozen=True, kw_only=True, tag=True):
    """The private stream is open but dead."""


class Reply(Event, frozen=True, kw_only=True, tag=True):
    """How one request ended."""

    request_id: int
    outcome: Outcome
    code: int = 0
    """The venue's error code, or 0."""
    message: str = ""
    order: OrderUpdate | None = None
    """The order as the answer reports it, where it does."""
    round_trip_ns: int = 0


class ClockMeasured(Event, frozen=True, kw_only=True, tag=True):
    """The venue's clock was compared with ours."""

    venue_minus_mono_ns: int
    """Added to our monotonic clock it is the venue's time."""


class Tick(Event, frozen=True, kw_only=True, tag=True):
    """The 100 ms step of the timer."""


class LinkUp(Event, frozen=True, kw_only=True, tag=True):
    link: Link


class LinkDown(Event, frozen=True, kw_only=True, tag=True):
    link: Link
    reason: str


# ---------------------------------------------------------------- what is asked


class Command(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Anything that the trader asks of the world. Sending never waits."""


class Request(Command, frozen=True, kw_only=True, tag=True):
    """A command that is answered by a ``Reply`` with the same ``request_id``."""

    request_id: int


class Place(Request, frozen=True, kw_only=True, tag=True):
    client_order_id: str
    side: Side
    price_ticks: int
    """Ignored when ``market`` is set."""
    qty_lots: int
    time_in_force: TimeInForce = TimeInForce.GTX
    reduce_only: bool = False
    market: bool = False


class Cancel(Request, frozen=True, kw_only=True, tag=True):
    client_order_id: str


class QueryOrder(Request, frozen=True, kw_only=True, tag=True):
    client_order_id: str


class FetchAccount(Request, frozen=True, kw_only=True, tag=True):
    """Ask for open orders, position and wallet; the answer is an ``AccountSnapshot``."""


class FetchTrades(Request, frozen=True, kw_only=True, tag=True):
    """Ask for our own trades since ``since_ms``; the answer is a ``TradesSnapshot``."""

    since_ms: int


class FetchSnapshot(Command, frozen=True, kw_only=True, tag=True):
    """Ask for a depth snapshot, not before ``wait_ms`` have passed."""

    wait_ms: int = 0


class SyncClock(Command, frozen=True, kw_only=True, tag=True):
    """Measure the venue's clock again."""


class RefreshCountdown(Request, frozen=True, kw_only=True, tag=True):
    """Arm the venue's dead man's switch for ``countdown_ms``; 0 disarms it."""

    countdown_ms: int


class Reconnect(Command, frozen=True, kw_only=True, tag=True):
    link: Link
    reason: str


class Alert(Command, frozen=True, kw_only=True, tag=True):
    """Something that a person should read."""

    severity: Severity
    text: str
