"""What one account does in one market: its orders, and what becomes of them."""

from collections import deque
from collections.abc import Iterator
from itertools import count

from exchange.errors import Refused
from exchange.paper.account.account import Holding
from exchange.paper.account.orders import (
    EXPIRED_IN_MATCH,
    LIQUIDATION,
    Amendment,
    Change,
    NewOrder,
    OrderLog,
    OrderRecord,
    TradeRecord,
)
from exchange.paper.matching import events as match
from exchange.paper.matching.events import Expiry, MatchEvent, Refusal, SelfTrade, Traded
from exchange.paper.venue.client import Client
from exchange.paper.venue.market import Market
from exchange.paper.wire import account_wire
from exchange.types import Side, TimeInForce

KEPT_TRADES = 20_000

_REFUSALS = {
    Refusal.WOULD_TAKE: (
        -5022,
        "Due to the order could not be executed as maker, the Post Only order will be rejected. "
        "The order will not be recorded in the order history",
    ),
    Refusal.NOT_FILLABLE: (
        -5021,
        "Due to the order could not be filled immediately, the FOK order has been rejected. "
        "The order will not be recorded in the order history",
    ),
    Refusal.NOT_OPEN: (
        -4140,
        "Invalid symbol status for opening position: its recording has a gap, or not begun.",
    ),
}


class SymbolAccount:
    """One account in one market."""

    def __init__(self, client: Client, market: Market) -> None:
        self.client = client
        self.market = market
        self.orders = OrderLog()
        self.trades: deque[TradeRecord] = deque(maxlen=KEPT_TRADES)
        """The account's own executions, oldest first."""
        self.traded = 0
        """How many there ever were."""
        self.holding = Holding(market.wire.instrument, market.mark)
        client.account.holdings[market.symbol] = self.holding
        market.parties[client.number] = self
        self._wire = market.wire
        self._amendment_ids = count(market.matching.last_update_id)
        self._countdown_ends_ns: int | None = None

    # ------------------------------------------------------------ time

    def arm_countdown(self, countdown_ms: int) -> None:
        """Cancel everything here after so long unless armed again; 0 disarms."""
        ends_ns = self.market.now_ns + countdown_ms * 1_000_000
        self._countdown_ends_ns = ends_ns if countdown_ms else None

    def advance(self) -> None:
        """Let the dead man's switch fire when its time has come."""
        if self._countdown_ends_ns is not None and self._countdown_ends_ns <= self.market.now_ns:
            self._countdown_ends_ns = None
            self.cancel_all()

    def settle_funding(self) -> None:
        """Pay or receive the market's funding on what is held at this instant."""
        rate_e12 = round(self.market.funding_rate * 1e12)
        paid_e8 = self.holding.notional_e8 * rate_e12 // 10**12
        if paid_e8 == 0:
            return
        self.client.pay(self.market.symbol, "FUNDING_FEE", -paid_e8, self.market.now_ms)
        self.client.publish(
            account_wire.funded(
                self.client.account, self.market.symbol, -paid_e8, self.market.now_ms
            )
        )

    # ------------------------------------------------------------ orders

    @property
    def position_lots(self) -> int:
        return self.holding.lots

    @property
    def stand(self) -> account_wire.Stand:
        return account_wire.Stand(
            self._wire,
            self.holding,
            self.client.account.liquidation_price_e8(self.market.symbol),
            self.open_notional(),
        )

    def open_notional(self) -> tuple[str, str]:
        """Of the account's open bids and asks here."""
        bids, asks = (
            sum((o.price_ticks or 0) * o.left_lots for o in self.orders.on_side(side))
            for side in Side
        )
        return self._wire.notional(bids), self._wire.notional(asks)

    def place(self, order: NewOrder) -> OrderRecord:
        """Give the account's order its turn.

        Raises:
            Refused: By the venue's code; nothing was recorded.
        """
        qty_lots = self._check_new(order)
        market = order.price_ticks is None  # and takes no price beyond the bounds either
        events = self.market.matching.submit(
            self.client.number,
            order.side,
            qty_lots,
            self.market.furthest_ticks(order.side) if market else order.price_ticks,
            TimeInForce.IOC if market else order.time_in_force,
            order.self_trade,
            reduce_only=order.reduce_only,
        )
        self._refuse_if_refused(events)
        record = self._record(order, qty_lots, self.market.matching.last_order_id)
        self._open(record, events)
        return record

    def judge(self, order: NewOrder) -> OrderRecord:
        """What would be recorded if it were placed now; raises like ``place``, but for matching."""
        return self._record(order, self._check_new(order), venue_order_id=0)

    def _record(self, order: NewOrder, qty_lots: int, venue_order_id: int) -> OrderRecord:
        return OrderRecord(
            venue_order_id=venue_order_id,
            client_order_id=order.client_order_id,
            side=order.side,
            price_ticks=order.price_ticks,
            qty_lots=qty_lots,
            time_in_force=order.time_in_force,
            reduce_only=order.reduce_only,
            order_type="LIMIT" if order.price_ticks is not None else "MARKET",
            self_trade=order.self_trade,
            created_ms=self.market.now_ms,
            updated_ms=self.market.now_ms,
        )

    def modify(self, order: OrderRecord | None, change: Change) -> OrderRecord:
        """Give a resting order another price and size, at the back of the queue.

        A size that is filled already, or a post-only price that would take, cancels it.

        Raises:
            Refused: By the venue's code; the order stands as it was.
        """
        if order is None or not order.open:
            raise Refused(-2013, "Order does not exist.")
        self._check_change(order, change)
        if change.qty_lots <= order.filled_lots:
            return self.cancel(order)
        amendment = Amendment(
            amendment_id=next(self._amendment_ids),
            time_ms=self.market.now_ms,
            price_ticks=(order.price_ticks or 0, change.price_ticks),
            qty_lots=(order.qty_lots, change.qty_lots),
            count=len(order.amendments) + 1,
            modify_id=change.modify_id,
        )
        events = self.market.matching.amend(
            order.venue_order_id,
            change.price_ticks,
            change.qty_lots - order.filled_lots,
            post_only=order.time_in_force is TimeInForce.GTX,
            self_trade=order.self_trade,
        )
        self._refuse_if_refused(events)
        if isinstance(events[0], match.Amended):
            order.amendments.append(amendment)
            self._count_open(order.side, change.qty_lots - order.qty_lots)
            order.price_ticks, order.qty_lots = change.price_ticks, change.qty_lots
            order.updated_ms = self.market.now_ms
            self._publish_order(order, "AMENDMENT")
        self.market.apply_events(events)
        return order

    def cancel(self, order: OrderRecord | None) -> OrderRecord:
        """Take one of the account's orders off the book.

        Raises:
            Refused: With -2011 when it is unknown or no longer open.
        """
        if order is None or not order.open:
            raise Refused(-2011, "Unknown order sent.")
        self.market.apply_events(self.market.matching.cancel(order.venue_order_id))
        return order

    def cancel_all(self) -> None:
        for order in list(self.orders.open.values()):
            self.cancel(order)

    def set_leverage(self, leverage: int) -> None:
        """Bind more or less margin to this position and its orders.

        Args:
            leverage: 1 to the most that the brackets know.

        Raises:
            Refused: When the position and its orders are too large for it.
        """
        holding, before = self.holding, self.holding.leverage
        holding.check_size(holding.worst_lots, leverage)
        holding.leverage = leverage
        account = self.client.account
        if leverage < before and account.initial_margin_e8 > account.margin_balance_e8:
            holding.leverage = before
            raise Refused(-2028, "Leverage is smaller than permitted: insufficient margin balance.")
        self.client.publish(
            account_wire.leverage_changed(self.market.symbol, leverage, self.market.now_ms)
        )

    # ------------------------------------------------------------ liquidation

    def expire_all(self) -> None:
        """End every open order, since the account is being liquidated."""
        for order_id in list(self.orders.open):
            self.market.apply_events(self.market.matching.expire(order_id, Expiry.LIQUIDATED))

    def liquidate(self, buyer_of_last_resort: int) -> int:
        """Sell off the position at no worse than the price that takes the whole margin.

        Args:
            buyer_of_last_resort: Owner number of who takes at that price what nobody else did.

        Returns:
            The notional that was closed, to 1e-8.
        """
        held = self.holding.lots
        if held == 0:
            return 0
        side, qty_lots = Side(-1 if held > 0 else 1), abs(held)
        notional_e8 = abs(self.holding.notional_e8)
        limit_ticks = self._bankruptcy_ticks(side)
        matching = self.market.matching
        events = matching.submit(
            self.client.number, side, qty_lots, limit_ticks, TimeInForce.IOC, SelfTrade.NONE
        )
        now_ms = self.market.now_ms
        record = OrderRecord(
            venue_order_id=matching.last_order_id,
            client_order_id=f"autoclose-{now_ms}{self.client.number:03d}",
            side=side,
            price_ticks=limit_ticks,
            qty_lots=qty_lots,
            time_in_force=TimeInForce.IOC,
            reduce_only=True,
            order_type=LIQUIDATION,
            self_trade=SelfTrade.NONE,
            created_ms=now_ms,
            updated_ms=now_ms,
        )
        left_lots = sum(e.left_lots for e in events if isinstance(e, match.Expired))
        events = [event for event in events if not isinstance(event, match.Expired)]
        if left_lots:
            rest = match.Resting(
                record.venue_order_id, self.client.number, side, limit_ticks, left_lots
            )
            events.append(matching.take_over(rest, buyer_of_last_resort))
        self._open(record, events)
        self.market.note_liquidation(record)
        return notional_e8

    def _bankruptcy_ticks(self, side: Side) -> int:
        """The price at which closing leaves nothing of the margin, rounded down to a tick."""
        margin_e8 = max(0, self.client.account.margin_balance_e8)
        away_e8 = self.market.mark.price_e8 * margin_e8 // max(1, abs(self.holding.notional_e8))
        return max(1, (self.market.mark.price_e8 + side * away_e8) // self._wire.tick_e8)

    # ------------------------------------------------------------ rules

    def _check_new(self, order: NewOrder) -> int:
        """Every rule that can be told before matching, in the order of the venue's refusals.

        Returns:
            How much of the order may stand: all of it, unless it only reduces.

        Raises:
            Refused: By the venue's code.
        """
        self.orders.check_new(order.client_order_id)
        notional_e8 = self.holding.order_value_e8(order.qty_lots, order.price_ticks)
        self.market.check_new(order, notional_e8)
        qty_lots = order.qty_lots
        if order.reduce_only:
            qty_lots = min(qty_lots, self._reducible_lots(order.side))
            if qty_lots == 0:
                raise _not_reducing()
        self._check_margin(order.side, qty_lots, order.price_ticks)
        return qty_lots

    def _check_change(self, order: OrderRecord, change: Change) -> None:
        """The same of a change."""
        order.check_change(change)
        notional_e8 = self.holding.order_value_e8(change.qty_lots, change.price_ticks)
        self.market.check_change(order, change, notional_e8)
        if order.reduce_only:
            left_lots = change.qty_lots - order.filled_lots
            if left_lots > self._reducible_lots(order.side, but=order):
                raise _not_reducing()  # it would open a position, or flip one
        more_lots = change.qty_lots - order.qty_lots
        if more_lots > 0:
            self._check_margin(order.side, more_lots, change.price_ticks)

    def _reducible_lots(self, side: Side, but: OrderRecord | None = None) -> int:
        """What is left to reduce beside the reduce-only orders that rest, one of them apart."""
        return self.holding.reducible_lots(side, self.orders.covered_lots(side, but))

    def _check_margin(self, side: Side, qty_lots: int, price_ticks: int | None) -> None:
        price_e8 = None if price_ticks is None else price_ticks * self._wire.tick_e8
        self.client.account.check_margin(self.market.symbol, side, qty_lots, price_e8)

    def _refuse_if_refused(self, events: list[MatchEvent]) -> None:
        refused = events[0]
        if not isinstance(refused, match.Rejected):
            return
        ending = self.market.background.ending
        if refused.reason is Refusal.NOT_OPEN and ending:
            raise Refused(-4141, f"Symbol is closed: {ending}.")
        raise Refused(*_REFUSALS[refused.reason])

    # ------------------------------------------------------------ books

    def _open(self, record: OrderRecord, events: list[MatchEvent]) -> None:
        """An order was accepted; take what it did at once."""
        self.orders.add(record)
        self._count_open(record.side, record.qty_lots)
        self._publish_order(record, "NEW")
        self.market.apply_events(events)

    def fill(self, trade: Traded, venue_order_id: int, *, maker: bool) -> None:
        order = self.orders.open[venue_order_id]
        client, now_ms = self.client, self.market.now_ms
        booked = client.account.book_fill(
            self.market.symbol, order.side, trade.price_ticks, trade.qty_lots, maker=maker
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
            client.note_income(self.market.symbol, kind, money_e8, now_ms, trade.trade_id)
        order.filled_lots += trade.qty_lots
        order.filled_tick_lots += trade.price_ticks * trade.qty_lots
        order.updated_ms = now_ms
        order.status = "PARTIALLY_FILLED" if order.left_lots else "FILLED"
        self._count_open(order.side, -trade.qty_lots)
        if not order.open:
            self.orders.close(order)
        client.publish(self._wire.trade_lite(order, record, now_ms))
        execution = "CALCULATED" if order.order_type == LIQUIDATION else "TRADE"
        self._publish_order(order, execution, record)
        client.publish(account_wire.traded(client.account, self._wire, self.holding, now_ms))

    def finish(self, venue_order_id: int, reason: Expiry | None) -> None:
        order = self.orders.open[venue_order_id]
        execution = "CANCELED" if reason is None else "EXPIRED"
        if reason is Expiry.IOC_REMAINDER and order.price_ticks is None:
            reason = Expiry.MARKET_REMAINDER
        order.status = (
            EXPIRED_IN_MATCH if reason in (Expiry.SELF_TRADE, Expiry.IOC_SELF_TRADE) else execution
        )
        order.updated_ms = self.market.now_ms
        self._count_open(order.side, -order.left_lots)
        self.orders.close(order)
        self._publish_order(order, execution, expiry_reason=reason.value if reason else "0")

    def trim(self) -> list[MatchEvent]:
        """Shrink or end reduce-only orders that the position no longer covers, newest first."""
        if not any(order.reduce_only for order in self.orders.open.values()):
            return []
        return list(self._trim())

    def _trim(self) -> Iterator[MatchEvent]:
        for side in Side:
            room = self.holding.reducible_lots(side, 0)
            for order in self.orders.on_side(side):
                if not order.reduce_only:
                    continue
                kept = min(order.left_lots, room)
                room -= kept
                if kept == 0:
                    yield from self.market.matching.expire(order.venue_order_id, Expiry.REDUCE_ONLY)
                elif kept < order.left_lots:
                    less = order.left_lots - kept
                    order.qty_lots -= less
                    self._count_open(side, -less)
                    self.market.matching.shrink(order.venue_order_id, kept)

    def _count_open(self, side: Side, more_lots: int) -> None:
        if side is Side.BUY:
            self.holding.bids_lots += more_lots
        else:
            self.holding.asks_lots += more_lots

    def _publish_order(
        self,
        order: OrderRecord,
        execution: str,
        trade: TradeRecord | None = None,
        expiry_reason: str = "0",
    ) -> None:
        self.client.publish(
            self._wire.order_event(
                order, execution, self.open_notional(), self.market.now_ms, trade, expiry_reason
            )
        )


def _not_reducing() -> Refused:
    return Refused(-2022, "ReduceOnly Order is rejected.")
