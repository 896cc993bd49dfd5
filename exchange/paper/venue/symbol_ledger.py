"""Symbol ledger: the orders, the trades and the position of one account in one symbol.

It is told what happened, books it, and tells the client's stream. It knows no market.
"""

from collections import deque
from collections.abc import Iterator

from exchange.paper.account.account import Holding, Mark
from exchange.paper.account.orders import (
    EXPIRED_IN_MATCH,
    LIQUIDATION,
    Amendment,
    OrderLog,
    OrderRecord,
    TradeRecord,
)
from exchange.paper.matching.events import Expiry, Traded
from exchange.paper.venue.client import Client
from exchange.paper.wire import account_wire
from exchange.paper.wire.order_wire import Wire
from exchange.types import Side

KEPT_TRADES = 20_000


class SymbolLedger:
    """What one account has of one symbol; a ``Party`` of its market."""

    def __init__(self, client: Client, wire: Wire, mark: Mark) -> None:
        self.client = client
        self.orders = OrderLog()
        self.trades: deque[TradeRecord] = deque(maxlen=KEPT_TRADES)
        """The account's own executions, oldest first."""
        self.traded = 0
        """How many there ever were."""
        self.holding = Holding(wire.instrument, mark)
        client.account.holdings[wire.symbol] = self.holding
        self._wire = wire

    # ------------------------------------------------------------ questions

    @property
    def position_lots(self) -> int:
        return self.holding.lots

    @property
    def stand(self) -> account_wire.Stand:
        return account_wire.Stand(
            self._wire,
            self.holding,
            self.client.account.liquidation_price_e8(self._wire.symbol),
            self.open_notional(),
        )

    def open_notional(self) -> tuple[str, str]:
        """Of the account's open bids and asks here."""
        bids, asks = (
            sum((o.price_ticks or 0) * o.left_lots for o in self.orders.on_side(side))
            for side in Side
        )
        return self._wire.notional(bids), self._wire.notional(asks)

    def reducible_lots(self, side: Side, but: OrderRecord | None = None) -> int:
        """What is left to reduce beside the reduce-only orders that rest, one of them apart."""
        return self.holding.reducible_lots(side, self.orders.covered_lots(side, but))

    # ------------------------------------------------------------ what happened

    def open(self, order: OrderRecord) -> None:
        """An order was accepted."""
        self.orders.add(order)
        self._count_open(order.side, order.qty_lots)
        self._publish_order(order, "NEW", order.created_ms)

    def amend(self, order: OrderRecord, amendment: Amendment) -> None:
        """An open order has another price and size."""
        before_lots, after_lots = amendment.qty_lots
        order.amendments.append(amendment)
        self._count_open(order.side, after_lots - before_lots)
        order.price_ticks, order.qty_lots = amendment.price_ticks[1], after_lots
        order.updated_ms = amendment.time_ms
        self._publish_order(order, "AMENDMENT", amendment.time_ms)

    def pay_funding(self, rate: float, now_ms: int) -> None:
        """Pay or receive a funding rate on what is held at this instant."""
        rate_e12 = round(rate * 1e12)
        paid_e8 = self.holding.notional_e8 * rate_e12 // 10**12
        if paid_e8 == 0:
            return
        client, symbol = self.client, self._wire.symbol
        client.pay(symbol, "FUNDING_FEE", -paid_e8, now_ms)
        client.publish(account_wire.funded(client.account, symbol, -paid_e8, now_ms))

    def fill(self, trade: Traded, venue_order_id: int, now_ms: int, *, maker: bool) -> None:
        order = self.orders.open[venue_order_id]
        client = self.client
        booked = client.account.book_fill(
            self._wire.symbol, order.side, trade.price_ticks, trade.qty_lots, maker=maker
        )
        self.holding.updated_ms = client.account.updated_ms = now_ms
        record = TradeRecord(
            trade_id=trade.trade_id,
            venue_order_id=venue_order_id,
            side=order.side,
            price_ticks=trade.price_ticks,
            qty_lots=trade.qty_lots,
            realised_e8=booked.realised_e8,
            fee_e8=booked.fee_e8,
            maker=maker,
            time_ms=now_ms,
        )
        self.trades.append(record)
        self.traded += 1
        for kind, money_e8 in (
            ("REALIZED_PNL", booked.realised_e8),
            ("COMMISSION", -booked.fee_e8),
        ):
            client.note_income(self._wire.symbol, kind, money_e8, now_ms, trade.trade_id)
        order.filled_lots += trade.qty_lots
        order.filled_tick_lots += trade.price_ticks * trade.qty_lots
        order.updated_ms = now_ms
        order.status = "PARTIALLY_FILLED" if order.left_lots else "FILLED"
        self._count_open(order.side, -trade.qty_lots)
        if not order.open:
            self.orders.close(order)
        client.publish(self._wire.trade_lite(order, record, now_ms))
        execution = "CALCULATED" if order.order_type == LIQUIDATION else "TRADE"
        self._publish_order(order, execution, now_ms, record)
        client.publish(account_wire.traded(client.account, self._wire, self.holding, now_ms))

    def finish(self, venue_order_id: int, reason: Expiry | None, now_ms: int) -> None:
        order = self.orders.open[venue_order_id]
        execution = "CANCELED" if reason is None else "EXPIRED"
        if reason is Expiry.IOC_REMAINDER and order.price_ticks is None:
            reason = Expiry.MARKET_REMAINDER
        order.status = (
            EXPIRED_IN_MATCH if reason in (Expiry.SELF_TRADE, Expiry.IOC_SELF_TRADE) else execution
        )
        order.updated_ms = now_ms
        self._count_open(order.side, -order.left_lots)
        self.orders.close(order)
        self._publish_order(order, execution, now_ms, expiry_reason=reason.value if reason else "0")

    def trim(self) -> list[tuple[int, int]]:
        """Cut the reduce-only orders that the position no longer covers, newest first.

        Returns:
            ``(venue_order_id, left_lots)`` of every one that the book is to cut likewise; those
            with nothing left are still open here until ``finish``.
        """
        if not any(order.reduce_only for order in self.orders.open.values()):
            return []
        return [cut for side in Side for cut in self._trim(side)]

    def _trim(self, side: Side) -> Iterator[tuple[int, int]]:
        room = self.holding.reducible_lots(side, 0)
        for order in self.orders.on_side(side):
            if not order.reduce_only:
                continue
            kept = min(order.left_lots, room)
            room -= kept
            less = order.left_lots - kept
            if not less:
                continue
            if kept:
                order.qty_lots -= less
                self._count_open(side, -less)
            yield order.venue_order_id, kept

    def _count_open(self, side: Side, more_lots: int) -> None:
        if side is Side.BUY:
            self.holding.bids_lots += more_lots
        else:
            self.holding.asks_lots += more_lots

    def _publish_order(
        self,
        order: OrderRecord,
        execution: str,
        now_ms: int,
        trade: TradeRecord | None = None,
        expiry_reason: str = "0",
    ) -> None:
        self.client.publish(
            self._wire.order_event(
                order, execution, self.open_notional(), now_ms, trade, expiry_reason
            )
        )
