"""What the venue demands of an order before it may meet the market.

Everything here can be told from the account and the book as they stand; what only matching can
tell, that a post-only order would take, is matching's to refuse.
"""

from exchange.errors import Refused
from exchange.instrument import E8, e8_from_text
from exchange.paper.account.account import Account, Holding
from exchange.paper.account.margin import most_notional_e8
from exchange.paper.account.orders import Change, NewOrder, OrderLog, OrderRecord
from exchange.paper.venue.market import Market
from exchange.paper.wire.order_wire import MAX_ORDERS, PERCENT_PRICE_DOWN, PERCENT_PRICE_UP
from exchange.types import Side

MOST_AMENDMENTS = 10_000
"""Of one order; then the venue wants a new one."""


class Rules:
    """The rules for one account in one market."""

    def __init__(self, market: Market, account: Account, orders: OrderLog) -> None:
        self._market = market
        self._wire = market.wire
        self._account = account
        self._holding: Holding = account.holdings[market.symbol]
        self._orders = orders

    def check(self, order: NewOrder) -> int:
        """Every rule that can be told before matching.

        Returns:
            How much of the order may stand: all of it, unless it only reduces.

        Raises:
            Refused: By the venue's code.
        """
        self._check_limits(order)
        qty_lots = self._reducible(order) if order.reduce_only else order.qty_lots
        self._check_margin(order.side, qty_lots, order.price_ticks)
        return qty_lots

    def furthest_ticks(self, side: Side) -> int:
        """The last price that an order may reach: so far from the mark, rounded towards it."""
        mark_e8, tick_e16 = self._market.mark.price_e8, self._wire.tick_e8 * E8
        if side is Side.BUY:
            return mark_e8 * e8_from_text(PERCENT_PRICE_UP) // tick_e16
        return -(-mark_e8 * e8_from_text(PERCENT_PRICE_DOWN) // tick_e16)

    def check_change(self, order: OrderRecord | None, change: Change) -> OrderRecord:
        """The order that is to be changed.

        Raises:
            Refused: By the venue's code.
        """
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
        notional_e8 = change.price_ticks * change.qty_lots * self._wire.instrument.tick_lot_e8
        if notional_e8 < self._wire.instrument.min_notional_e8 and not order.reduce_only:
            smallest = self._wire.min_notional()
            raise Refused(-5029, f"Order's notional must be no smaller than {smallest}.")
        if order.reduce_only:
            self._check_reduces(order, change.qty_lots - order.filled_lots)
        more_lots = change.qty_lots - order.qty_lots
        if more_lots > 0:
            self._check_margin(order.side, more_lots, change.price_ticks)
        return order

    def _covered_lots(self, side: Side, but: OrderRecord | None = None) -> int:
        """What resting reduce-only orders on a side already cover."""
        resting = self._orders.on_side(side)
        return sum(o.left_lots for o in resting if o.reduce_only and o is not but)

    def _check_reduces(self, order: OrderRecord, left_lots: int) -> None:
        """A reduce-only order may not be changed into one that would open or flip."""
        covered = self._covered_lots(order.side, but=order)
        if left_lots > self._holding.reducible_lots(order.side, covered):
            raise Refused(-2022, "ReduceOnly Order is rejected.")

    def _reducible(self, order: NewOrder) -> int:
        """How much of a reduce-only order may stand."""
        room = self._holding.reducible_lots(order.side, self._covered_lots(order.side))
        if room == 0:
            raise Refused(-2022, "ReduceOnly Order is rejected.")
        return min(order.qty_lots, room)

    def _check_margin(self, side: Side, qty_lots: int, price_ticks: int | None) -> None:
        holding = self._holding
        after = holding.worst_lots_with(side, qty_lots)
        if after > holding.worst_lots and abs(holding.value_e8(after)) > most_notional_e8(
            holding.leverage
        ):
            raise too_large()
        price_e8 = None if price_ticks is None else price_ticks * self._wire.tick_e8
        if not self._account.carries(self._market.symbol, side, qty_lots, price_e8):
            raise Refused(-2019, "Margin is insufficient.")

    def _check_limits(self, order: NewOrder) -> None:
        if self._orders.find_open(order.client_order_id) is not None:
            raise Refused(-4116, "ClientOrderId is duplicated.")
        if len(self._orders.open) >= MAX_ORDERS:
            raise Refused(-2025, "Reach max open order limit.")
        if order.price_ticks is not None:
            self._check_percent_price(order.side, order.price_ticks)
            notional_e8 = order.price_ticks * order.qty_lots * self._wire.instrument.tick_lot_e8
        else:
            self._check_counter_price(order.side)
            notional_e8 = self._holding.value_e8(order.qty_lots)
        if notional_e8 < self._wire.instrument.min_notional_e8 and not order.reduce_only:
            smallest = self._wire.min_notional()
            raise Refused(
                -4164,
                f"Order's notional must be no smaller than {smallest} "
                "(unless you choose reduce only).",
            )

    def _check_percent_price(self, side: Side, price_ticks: int) -> None:
        furthest = self.furthest_ticks(side)
        if side * price_ticks <= side * furthest:
            return
        text = self._wire.price(furthest)
        if side is Side.BUY:
            raise Refused(-4016, f"Limit price can't be higher than {text}.")
        raise Refused(-4024, f"Limit price can't be lower than {text}.")

    def _check_counter_price(self, side: Side) -> None:
        """A market order needs somebody to meet within the bounds around the mark."""
        matching = self._market.matching
        best = matching.best_ask_ticks if side is Side.BUY else matching.best_bid_ticks
        if best is not None and side * best > side * self.furthest_ticks(side):
            raise Refused(
                -4131, "The counterparty's best price does not meet the PERCENT_PRICE filter limit."
            )


def too_large() -> Refused:
    return Refused(-2027, "Exceeded the maximum allowable position at current leverage.")
