"""What the venue keeps of an account's orders, trades and income."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from exchange.errors import Refused
from exchange.paper.matching.events import SelfTrade
from exchange.types import Side, TimeInForce

EXPIRED_IN_MATCH = "EXPIRED_IN_MATCH"
"""The venue's status for self-trade prevention; the one that our own words lack."""


LIQUIDATION = "LIQUIDATION"
"""The type of an order by which the venue closes a position."""

MAX_ORDERS = 200
"""Open at a time, of an account and symbol."""

MOST_AMENDMENTS = 10_000
"""Of one order; then the venue wants a new one."""

KEPT_ORDERS = 20_000
"""Finished orders of an account and symbol that queries still find."""


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
    order_type: str = "LIMIT"
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

    def check_change(self, change: Change) -> None:
        """What can be told of a change from the order alone.

        Raises:
            Refused: By the venue's code.
        """
        if self.price_ticks is None:
            raise Refused(-5025, "Only limit order is supported.")
        if change.side is not self.side:
            raise Refused(-1117, "Invalid side.")
        if (change.price_ticks, change.qty_lots) == (self.price_ticks, self.qty_lots):
            raise Refused(-5027, "No need to modify the order.")
        if len(self.amendments) >= MOST_AMENDMENTS:
            raise Refused(-5026, "Exceed maximum modify order limit.")
        if change.reduce_only and not self.reduce_only:
            raise Refused(-5047, "ReduceOnly does not match the original order.")


@dataclass(frozen=True, slots=True)
class Income:
    """One movement of an account's wallet."""

    symbol: str
    """Empty for one that belongs to no symbol."""
    kind: str
    """The venue's ``incomeType``."""
    income_e8: int
    """Negative when paid."""
    time_ms: int
    number: int
    """Of the account's movements, from 1."""
    trade_id: int | None = None


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


class OrderLog:
    """One account's orders in one symbol, found by either id."""

    def __init__(self) -> None:
        self.open: dict[int, OrderRecord] = {}
        """By the venue's id, oldest first."""
        self._orders: dict[int, OrderRecord] = {}
        self._by_client_id: dict[str, OrderRecord] = {}
        self.ended: deque[OrderRecord] = deque()
        """Those that are still known, in the order of their end."""
        self.finished = 0
        """How many ever ended."""

    @classmethod
    def of(cls, ended: Iterable[OrderRecord], still_open: Iterable[OrderRecord]) -> "OrderLog":
        """A log that holds just these."""
        log = cls()
        for order in sorted((*ended, *still_open), key=lambda order: order.venue_order_id):
            log._orders[order.venue_order_id] = order
            log._by_client_id[order.client_order_id] = order
            if order.open:
                log.open[order.venue_order_id] = order
        return log

    def __iter__(self) -> Iterator[OrderRecord]:
        """Every order still known, oldest first."""
        return iter(list(self._orders.values()))

    def find(self, venue_order_id: int | None, client_order_id: str | None) -> OrderRecord | None:
        """By the venue's id where given, else the newest with the client's."""
        if venue_order_id is not None:
            return self._orders.get(venue_order_id)
        return self._by_client_id.get(client_order_id or "")

    def find_open(self, client_order_id: str) -> OrderRecord | None:
        order = self._by_client_id.get(client_order_id)
        return order if order is not None and order.open else None

    def check_new(self, client_order_id: str) -> None:
        """Whether one more order may be opened under this id.

        Raises:
            Refused: With -4116 while the id is taken, with -2025 beyond ``MAX_ORDERS``.
        """
        if self.find_open(client_order_id) is not None:
            raise Refused(-4116, "ClientOrderId is duplicated.")
        if len(self.open) >= MAX_ORDERS:
            raise Refused(-2025, "Reach max open order limit.")

    def on_side(self, side: Side) -> list[OrderRecord]:
        """What is open there, oldest first."""
        return [order for order in self.open.values() if order.side is side]

    def covered_lots(self, side: Side, but: OrderRecord | None = None) -> int:
        """What reduce-only orders that are open on a side already cover, one of them apart."""
        return sum(o.left_lots for o in self.on_side(side) if o.reduce_only and o is not but)

    def add(self, order: OrderRecord) -> None:
        self._orders[order.venue_order_id] = order
        self.open[order.venue_order_id] = order
        self._by_client_id[order.client_order_id] = order

    def close(self, order: OrderRecord) -> None:
        """An order has ended; the oldest ended beyond ``KEPT_ORDERS`` is forgotten."""
        del self.open[order.venue_order_id]
        self.ended.append(order)
        self.finished += 1
        if len(self.ended) > KEPT_ORDERS:
            oldest = self.ended.popleft()
            del self._orders[oldest.venue_order_id]
            if self._by_client_id[oldest.client_order_id] is oldest:
                del self._by_client_id[oldest.client_order_id]
