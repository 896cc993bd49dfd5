"""What the venue keeps of the account's orders and trades."""

from dataclasses import dataclass, field

from exchange.paper.matching import SelfTrade
from exchange.types import Side, TimeInForce

EXPIRED_IN_MATCH = "EXPIRED_IN_MATCH"
"""The venue's status for self-trade prevention; the one that our own words lack."""


@dataclass(frozen=True, slots=True)
class NewOrder:
    """A request to place, already on the grid."""

    client_order_id: str
    side: Side
    qty_lots: int
    price_ticks: int | None
    """None for a market order."""
    time_in_force: TimeInForce = TimeInForce.GTC
    reduce_only: bool = False
    self_trade: SelfTrade = SelfTrade.EXPIRE_MAKER


@dataclass(frozen=True, slots=True)
class Change:
    """A request to modify, already on the grid."""

    side: Side
    qty_lots: int
    """The new total, what is filled included."""
    price_ticks: int
    modify_id: int | None = None
    reduce_only: bool = False


@dataclass(frozen=True, slots=True)
class Amendment:
    """One change that was made."""

    amendment_id: int
    time_ms: int
    price_ticks: tuple[int, int]
    """Before and after, as the sizes."""
    qty_lots: tuple[int, int]
    count: int
    """Which of the order's amendments it is, from 1."""
    modify_id: int | None


@dataclass(slots=True)
class OrderRecord:
    """One of the account's orders, from acceptance on."""

    venue_order_id: int
    client_order_id: str
    side: Side
    price_ticks: int | None
    qty_lots: int
    time_in_force: TimeInForce
    reduce_only: bool
    created_ms: int
    updated_ms: int
    filled_lots: int = 0
    filled_tick_lots: int = 0
    """Sum of price times size over the fills."""
    status: str = "NEW"
    self_trade: SelfTrade = SelfTrade.EXPIRE_MAKER
    amendments: list[Amendment] = field(default_factory=list)

    @property
    def open(self) -> bool:
        return self.status in ("NEW", "PARTIALLY_FILLED")

    @property
    def left_lots(self) -> int:
        return self.qty_lots - self.filled_lots


@dataclass(frozen=True, slots=True)
class TradeRecord:
    """One execution of one of the account's orders."""

    trade_id: int
    venue_order_id: int
    side: Side
    price_ticks: int
    qty_lots: int
    realised_e8: int
    fee_e8: int
    maker: bool
    time_ms: int
