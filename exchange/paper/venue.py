"""The embedded exchange without its sockets: one market, one account, and the rules between.

Tell it the time with ``advance`` and it lives up to it; ask it to place or cancel and it
answers at once. What streams would say goes into the hub's mailboxes. It waits for nothing
and reads no clock, so that a whole desk with its exchange can run on a virtual one.
"""

from collections import deque
from collections.abc import Iterable, Iterator

from exchange.errors import Refused
from exchange.paper import matching as match
from exchange.paper.account import Account
from exchange.paper.flow import Flow
from exchange.paper.hub import Hub
from exchange.paper.market_data import MarketData
from exchange.paper.matching import Expiry, MatchEvent, Matching, Refusal
from exchange.paper.orders import (
    EXPIRED_IN_MATCH,
    Amendment,
    Change,
    NewOrder,
    OrderRecord,
    TradeRecord,
)
from exchange.paper.settings import PaperSettings
from exchange.paper.user_stream import UserStream
from exchange.paper.wire import MAX_ORDERS, PERCENT_PRICE_DOWN, PERCENT_PRICE_UP, Wire
from exchange.types import Side, TimeInForce

KEPT_ORDERS = 20_000
"""Finished orders that queries still find."""

KEPT_TRADES = 20_000

MOST_AMENDMENTS = 10_000
"""Of one order; then the venue wants a new one."""

ACCOUNT = 1
"""The account's number in the matching engine."""

IDS_PER_MS = 100
"""Room for ids between two starts; the background alone uses about one in three milliseconds."""

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
}


class PaperVenue:
    """One embedded exchange.

    Args:
        hub: Where stream messages go.
        start_ns: The venue's time of opening; ids grow from it, and so never repeat.
    """

    def __init__(self, settings: PaperSettings, hub: Hub, start_ns: int) -> None:
        self.now_ns = start_ns
        self.wire = Wire(settings.instrument)
        self.account = Account(
            settings.instrument,
            settings.capital_e8,
            settings.maker_fee_rate,
            settings.taker_fee_rate,
        )
        self.matching = Matching(self.now_ms * IDS_PER_MS)
        self.flow = Flow(settings.market, self.matching)
        self.market_data = MarketData(self.wire, self.matching, hub, self.now_ms)
        self.user_stream = UserStream(hub, settings.api_secret)
        self.trades: deque[TradeRecord] = deque(maxlen=KEPT_TRADES)
        """The account's own executions, oldest first."""
        self.tape: deque[tuple[match.Traded, int]] = deque(maxlen=1000)
        """Everybody's executions and their milliseconds, oldest first."""
        self._orders: dict[int, OrderRecord] = {}
        self._open: dict[int, OrderRecord] = {}
        self._by_client_id: dict[str, OrderRecord] = {}
        self._finished: deque[OrderRecord] = deque()
        self._countdown_ends_ns: int | None = None
        self.advance(start_ns)

    # ------------------------------------------------------------ time

    @property
    def now_ms(self) -> int:
        return self.now_ns // 1_000_000

    def advance(self, now_ns: int) -> None:
        """Live up to now: the market moves, dead men's switches fire, streams speak."""
        self.now_ns = max(now_ns, self.now_ns)
        for events in self.flow.advance(self.now_ns):
            self._book(events)
        if self._countdown_ends_ns is not None and self._countdown_ends_ns <= self.now_ns:
            self._countdown_ends_ns = None
            self.cancel_all()
        self.market_data.advance(self.now_ms, self.mark_e8)
        self.user_stream.advance(self.now_ms)

    def arm_countdown(self, countdown_ms: int) -> None:
        """Cancel everything after so long unless armed again; 0 disarms."""
        ends_ns = self.now_ns + countdown_ms * 1_000_000
        self._countdown_ends_ns = ends_ns if countdown_ms else None

    # ------------------------------------------------------------ questions

    @property
    def mark_e8(self) -> int:
        """Mark price of one whole unit: the fair value, to 1e-8."""
        return round(self.flow.fair_ticks * self.wire.tick_e8)

    @property
    def open_orders(self) -> list[OrderRecord]:
        return list(self._open.values())

    @property
    def orders(self) -> list[OrderRecord]:
        """Every order still known, oldest first."""
        return list(self._orders.values())

    @property
    def worst_lots(self) -> int:
        """The larger position, unsigned, that filling one side's open orders would leave."""
        return self.account.worst_lots(self._open_lots(Side.BUY), self._open_lots(Side.SELL))

    def find(self, venue_order_id: int | None, client_order_id: str | None) -> OrderRecord | None:
        """By the venue's id where given, else the newest with the client's."""
        if venue_order_id is not None:
            return self._orders.get(venue_order_id)
        return self._by_client_id.get(client_order_id or "")

    def open_notional(self) -> tuple[str, str]:
        """Of the account's open bids and asks."""
        bids, asks = (
            sum((o.price_ticks or 0) * o.left_lots for o in self._open.values() if o.side is side)
            for side in Side
        )
        return self.wire.notional(bids), self.wire.notional(asks)

    # ------------------------------------------------------------ orders

    def place(self, order: NewOrder) -> OrderRecord:
        """Give the account's order its turn.

        Raises:
            Refused: By the venue's code; nothing was recorded.
        """
        self._check_limits(order)
        qty_lots = self._reducible(order) if order.reduce_only else order.qty_lots
        self._check_margin(order.side, qty_lots)
        events = self.matching.submit(
            ACCOUNT,
            order.side,
            qty_lots,
            order.price_ticks,
            order.time_in_force,
            order.self_trade,
        )
        if isinstance(events[0], match.Refused):
            raise Refused(*_REFUSALS[events[0].reason])
        record = OrderRecord(
            venue_order_id=self.matching.last_order_id,
            client_order_id=order.client_order_id,
            side=order.side,
            price_ticks=order.price_ticks,
            qty_lots=qty_lots,
            time_in_force=order.time_in_force,
            reduce_only=order.reduce_only,
            self_trade=order.self_trade,
            created_ms=self.now_ms,
            updated_ms=self.now_ms,
        )
        self._orders[record.venue_order_id] = record
        self._open[record.venue_order_id] = record
        self._by_client_id[record.client_order_id] = record
        self._publish_order(record, "NEW")
        self._book(events)
        return record

    def modify(self, order: OrderRecord | None, change: Change) -> OrderRecord:
        """Give a resting order another price and size, at the back of the queue.

        A size that is filled already, or a post-only price that would take, cancels it.

        Raises:
            Refused: By the venue's code; the order stands as it was.
        """
        order = self._modifiable(order, change)
        before_ticks = order.price_ticks or 0
        if change.qty_lots <= order.filled_lots:
            return self.cancel(order)
        amendment = Amendment(
            amendment_id=self.matching.last_update_id + 1,
            time_ms=self.now_ms,
            price_ticks=(before_ticks, change.price_ticks),
            qty_lots=(order.qty_lots, change.qty_lots),
            count=len(order.amendments) + 1,
            modify_id=change.modify_id,
        )
        events = self.matching.amend(
            order.venue_order_id,
            change.price_ticks,
            change.qty_lots - order.filled_lots,
            post_only=order.time_in_force is TimeInForce.GTX,
            self_trade=order.self_trade,
        )
        if isinstance(events[0], match.Amended):
            order.amendments.append(amendment)
            order.price_ticks, order.qty_lots = change.price_ticks, change.qty_lots
            order.updated_ms = self.now_ms
            self._publish_order(order, "AMENDMENT")
        self._book(events)
        return order

    def _modifiable(self, order: OrderRecord | None, change: Change) -> OrderRecord:
        if order is None or not order.open:
            raise Refused(-2013, "Order does not exist.")
        if order.price_ticks is None:
            raise Refused(-5025, "Only limit order is supported.")
        if change.side is not order.side:
            raise Refused(-1117, "Invalid side.")
        if (change.price_ticks, change.qty_lots) == (order.price_ticks, order.qty_lots):
            raise Refused(-5027, "No need to modify the order.")
        if len(order.amendments) >= MOST_AMENDMENTS:
            raise Refused(-5026, "Exceed maximum modify order limit.")
        if change.reduce_only and not order.reduce_only:
            raise Refused(-5047, "ReduceOnly does not match the original order.")
        self._check_percent_price(order.side, change.price_ticks)
        notional_e8 = change.price_ticks * change.qty_lots * self.wire.instrument.tick_lot_e8
        if notional_e8 < self.wire.instrument.min_notional_e8 and not order.reduce_only:
            smallest = self.wire.min_notional()
            raise Refused(-5029, f"Order's notional must be no smaller than {smallest}.")
        if order.reduce_only:
            self._check_reduces(order, change.qty_lots - order.filled_lots)
        more_lots = change.qty_lots - order.qty_lots
        if more_lots > 0:
            self._check_margin(order.side, more_lots)
        return order

    def cancel(self, order: OrderRecord | None) -> OrderRecord:
        """Take one of the account's orders off the book.

        Raises:
            Refused: With -2011 when it is unknown or no longer open.
        """
        if order is None or not order.open:
            raise Refused(-2011, "Unknown order sent.")
        self._book(self.matching.cancel(order.venue_order_id))
        return order

    def cancel_all(self) -> None:
        for order in self.open_orders:
            self.cancel(order)

    # ------------------------------------------------------------ rules

    def _check_limits(self, order: NewOrder) -> None:
        clash = self._by_client_id.get(order.client_order_id)
        if clash is not None and clash.open:
            raise Refused(-4116, "ClientOrderId is duplicated.")
        if len(self._open) >= MAX_ORDERS:
            raise Refused(-2025, "Reach max open order limit.")
        price_ticks = order.price_ticks
        if price_ticks is not None:
            self._check_percent_price(order.side, price_ticks)
            notional_e8 = price_ticks * order.qty_lots * self.wire.instrument.tick_lot_e8
        else:
            notional_e8 = self.account.value_e8(order.qty_lots, self.mark_e8)
        if notional_e8 < self.wire.instrument.min_notional_e8 and not order.reduce_only:
            smallest = self.wire.min_notional()
            raise Refused(
                -4164,
                f"Order's notional must be no smaller than {smallest} "
                "(unless you choose reduce only).",
            )

    def _check_percent_price(self, side: Side, price_ticks: int) -> None:
        highest = self.flow.fair_ticks * float(PERCENT_PRICE_UP)
        lowest = self.flow.fair_ticks * float(PERCENT_PRICE_DOWN)
        if side is Side.BUY and price_ticks > highest:
            text = self.wire.price(int(highest))
            raise Refused(-4016, f"Limit price can't be higher than {text}.")
        if side is Side.SELL and price_ticks < lowest:
            text = self.wire.price(int(lowest) + 1)
            raise Refused(-4024, f"Limit price can't be lower than {text}.")

    def _check_reduces(self, order: OrderRecord, left_lots: int) -> None:
        """A reduce-only order may not be changed into one that would open or flip."""
        covered = sum(
            o.left_lots
            for o in self._open.values()
            if o.reduce_only and o.side is order.side and o is not order
        )
        if left_lots > self.account.reducible_lots(order.side, covered):
            raise Refused(-2022, "ReduceOnly Order is rejected.")

    def _reducible(self, order: NewOrder) -> int:
        """How much of a reduce-only order may stand."""
        covered = sum(
            o.left_lots for o in self._open.values() if o.reduce_only and o.side is order.side
        )
        room = self.account.reducible_lots(order.side, covered)
        if room == 0:
            raise Refused(-2022, "ReduceOnly Order is rejected.")
        return min(order.qty_lots, room)

    def _check_margin(self, side: Side, qty_lots: int) -> None:
        buys, sells = self._open_lots(Side.BUY), self._open_lots(Side.SELL)
        if not self.account.can_open(side, qty_lots, buys, sells, self.mark_e8):
            raise Refused(-2019, "Margin is insufficient.")

    def _open_lots(self, side: Side) -> int:
        return sum(o.left_lots for o in self._open.values() if o.side is side)

    def _trim_reduce_only(self) -> Iterator[MatchEvent]:
        """Shrink or end reduce-only orders that the position no longer covers, newest first."""
        for side in Side:
            room = self.account.reducible_lots(side, 0)
            for order in self.open_orders:
                if not order.reduce_only or order.side is not side:
                    continue
                kept = min(order.left_lots, room)
                room -= kept
                if kept == 0:
                    yield from self.matching.expire(order.venue_order_id, Expiry.REDUCE_ONLY)
                elif kept < order.left_lots:
                    order.qty_lots -= order.left_lots - kept
                    self.matching.shrink(order.venue_order_id, kept)

    # ------------------------------------------------------------ books

    def _book(self, events: list[MatchEvent]) -> None:
        """Take what the engine did into records, money and streams."""
        ours = self._book_each(events)
        self.market_data.publish_events(events, self.now_ms)
        if ours and any(order.reduce_only for order in self._open.values()):
            trimmed = list(self._trim_reduce_only())
            self._book_each(trimmed)
            self.market_data.publish_events(trimmed, self.now_ms)

    def _book_each(self, events: Iterable[MatchEvent]) -> bool:
        """Whether the account traded."""
        ours = False
        for event in events:
            if isinstance(event, match.Traded):
                self.tape.append((event, self.now_ms))
                if event.taker_owner == ACCOUNT:
                    ours = True
                    self._fill(event, event.taker_order_id, maker=False)
                if event.maker_owner == ACCOUNT:
                    ours = True
                    self._fill(event, event.maker_order_id, maker=True)
            elif isinstance(event, match.Cancelled) and event.owner == ACCOUNT:
                self._finish(self._open[event.venue_order_id], "CANCELED")
            elif isinstance(event, match.Expired) and event.owner == ACCOUNT:
                self._finish(self._open[event.venue_order_id], "EXPIRED", event.reason)
        return ours

    def _fill(self, event: match.Traded, venue_order_id: int, *, maker: bool) -> None:
        order = self._open[venue_order_id]
        booked = self.account.book_fill(order.side, event.price_ticks, event.qty_lots, maker=maker)
        trade = TradeRecord(
            trade_id=event.trade_id,
            venue_order_id=venue_order_id,
            side=order.side,
            price_ticks=event.price_ticks,
            qty_lots=event.qty_lots,
            realised_e8=booked.realised_e8,
            fee_e8=booked.fee_e8,
            maker=maker,
            time_ms=self.now_ms,
        )
        self.trades.append(trade)
        order.filled_lots += event.qty_lots
        order.filled_tick_lots += event.price_ticks * event.qty_lots
        order.updated_ms = self.now_ms
        order.status = "PARTIALLY_FILLED" if order.left_lots else "FILLED"
        if not order.open:
            self._close(order)
        self.user_stream.publish(self.wire.trade_lite(order, trade, self.now_ms))
        self._publish_order(order, "TRADE", trade)
        self.user_stream.publish(self.wire.account_event(self.account, self.mark_e8, self.now_ms))

    def _finish(self, order: OrderRecord, execution: str, reason: Expiry | None = None) -> None:
        order.status = (
            EXPIRED_IN_MATCH if reason in (Expiry.SELF_TRADE, Expiry.IOC_SELF_TRADE) else execution
        )
        order.updated_ms = self.now_ms
        self._close(order)
        self._publish_order(order, execution, expiry_reason=reason.value if reason else "0")

    def _close(self, order: OrderRecord) -> None:
        del self._open[order.venue_order_id]
        self._finished.append(order)
        if len(self._finished) > KEPT_ORDERS:
            oldest = self._finished.popleft()
            del self._orders[oldest.venue_order_id]
            if self._by_client_id[oldest.client_order_id] is oldest:
                del self._by_client_id[oldest.client_order_id]

    def _publish_order(
        self,
        order: OrderRecord,
        execution: str,
        trade: TradeRecord | None = None,
        expiry_reason: str = "0",
    ) -> None:
        self.user_stream.publish(
            self.wire.order_event(
                order, execution, self.open_notional(), self.now_ms, trade, expiry_reason
            )
        )
