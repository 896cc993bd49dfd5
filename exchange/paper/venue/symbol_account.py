"""Symbol account: what one account asks of one market, by the venue's rules."""

from itertools import count

from exchange.errors import Refused
from exchange.paper.account.orders import (
    LIQUIDATION,
    Amendment,
    Change,
    NewOrder,
    OrderRecord,
)
from exchange.paper.matching import events as match
from exchange.paper.matching.events import Expiry, MatchEvent, Refusal, SelfTrade
from exchange.paper.venue.market import Market
from exchange.paper.venue.symbol_ledger import SymbolLedger
from exchange.paper.wire import account_wire
from exchange.types import Side, TimeInForce

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
    """One account in one market.

    Args:
        ledger: What the account has here; the market tells it what happens.
    """

    def __init__(self, ledger: SymbolLedger, market: Market) -> None:
        self.ledger = ledger
        self.market = market
        self.client = ledger.client
        self.orders = ledger.orders
        self.trades = ledger.trades
        self.holding = ledger.holding
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
        self.ledger.pay_funding(self.market.funding_rate, self.market.now_ms)

    # ------------------------------------------------------------ orders

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
        self.ledger.open(record)
        self.market.apply_events(events)
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
            self.ledger.amend(order, amendment)
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
        self.ledger.open(record)
        self.market.apply_events(events)
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
            qty_lots = min(qty_lots, self.ledger.reducible_lots(order.side))
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
            if left_lots > self.ledger.reducible_lots(order.side, but=order):
                raise _not_reducing()  # it would open a position, or flip one
        more_lots = change.qty_lots - order.qty_lots
        if more_lots > 0:
            self._check_margin(order.side, more_lots, change.price_ticks)

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


def _not_reducing() -> Refused:
    return Refused(-2022, "ReduceOnly Order is rejected.")
