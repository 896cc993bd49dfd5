"""Order endpoints: placing, changing, cancelling and asking, for REST and ws-fapi alike."""

import re
from collections.abc import Callable

from exchange.errors import Refused
from exchange.paper.account.orders import LIQUIDATION, Change, NewOrder, OrderRecord
from exchange.paper.api import symbols
from exchange.paper.api.params import WEEK_MS, Params, error, malformed, neither_sent
from exchange.paper.api.routes import ClientRoute, Routes, by_symbol, through
from exchange.paper.faults.faults import Faults
from exchange.paper.matching.events import SelfTrade
from exchange.paper.pubsub.pubsub import Payload
from exchange.paper.venue.client import Client
from exchange.paper.venue.symbol_account import SymbolAccount
from exchange.paper.venue.venue import PaperVenue
from exchange.paper.wire.order_wire import MAX_MARKET_QTY_LOTS, MAX_PRICE_TICKS, MAX_QTY_LOTS, Wire
from exchange.types import TimeInForce

BATCH_PLACE = 5  # as many as the venue takes in one call
BATCH_CANCEL = 10  # as many as the venue takes in one call

_CLIENT_ID = re.compile(r"[\.A-Z\:/a-z0-9_-]{1,36}")  # the venue's own pattern
_CONDITIONAL = frozenset(
    ("STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET")
)
_OFF_TICK = (-4014, "Price not increased by tick size.")
_OFF_STEP = (-4023, "Qty not increased by step size.")

ORDER = (
    "symbol side positionSide type timeInForce quantity reduceOnly price newClientOrderId "
    "newOrderRespType priceMatch selfTradePreventionMode goodTillDate stopPrice closePosition "
    "activationPrice callbackRate workingType priceProtect"
)
"""What may stand in a new order, were it for a refusal of its own."""

CHANGE = (
    "symbol orderId origClientOrderId side quantity price priceMatch positionSide modifyId "
    "reduceOnly"
)
"""What may stand in a change of one."""

PLACE, MODIFY, CANCEL = (f"{method} /fapi/v1/order" for method in ("POST", "PUT", "DELETE"))


class OrderRoutes:
    """The endpoints of the reference's section 3.3, and those of 3.8 to say no.

    Args:
        faults: What may strike a single order of a batch.
    """

    def __init__(self, venue: PaperVenue, faults: Faults) -> None:
        self._venue = venue
        self._faults = faults

    def routes(self) -> Routes:
        return {
            PLACE: ClientRoute(self._place, 0, ORDER, orders=True),
            MODIFY: ClientRoute(self._modify, 0, CHANGE, orders=True),
            "POST /fapi/v1/order/test": ClientRoute(self._test, 0, ORDER),
            CANCEL: ClientRoute(self._cancel, 1, "symbol orderId origClientOrderId"),
            "GET /fapi/v1/order": ClientRoute(self._order, 1, "symbol orderId origClientOrderId"),
            "GET /fapi/v1/openOrder": ClientRoute(
                self._open_order, 1, "symbol orderId origClientOrderId"
            ),
            "GET /fapi/v1/openOrders": ClientRoute(self._open_orders, by_symbol(1, 40), "symbol"),
            "GET /fapi/v1/allOrders": ClientRoute(
                self._all_orders, 5, "symbol orderId startTime endTime limit"
            ),
            "GET /fapi/v1/forceOrders": ClientRoute(
                self._force_orders,
                by_symbol(20, 50),
                "symbol autoCloseType startTime endTime limit",
            ),
            "GET /fapi/v1/orderAmendment": ClientRoute(
                self._amendments, 1, "symbol orderId origClientOrderId startTime endTime limit"
            ),
            "POST /fapi/v1/batchOrders": ClientRoute(
                self._place_batch, 5, "batchOrders", orders=True
            ),
            "PUT /fapi/v1/batchOrders": ClientRoute(
                self._modify_batch, 5, "batchOrders", orders=True
            ),
            "DELETE /fapi/v1/batchOrders": ClientRoute(
                self._cancel_batch,
                1,
                "symbol orderIdList origClientOrderIdList orderidlist origclientorderidlist",
            ),
            "DELETE /fapi/v1/allOpenOrders": ClientRoute(self._cancel_all, 1, "symbol"),
            "POST /fapi/v1/countdownCancelAll": ClientRoute(
                self._countdown, 10, "symbol countdownTime"
            ),
            "POST /fapi/v1/algoOrder": ClientRoute(_no_algo_orders, 0, None, orders=True),
            "DELETE /fapi/v1/algoOrder": ClientRoute(_unknown_algo_order, 1, None),
            "GET /fapi/v1/algoOrder": ClientRoute(_unknown_algo_order, 1, None),
            "DELETE /fapi/v1/algoOpenOrders": ClientRoute(_all_cancelled, 1, "symbol"),
            "GET /fapi/v1/openAlgoOrders": ClientRoute(_no_rows, by_symbol(1, 40), None),
            "GET /fapi/v1/allAlgoOrders": ClientRoute(_no_rows, 5, None),
        }

    # ------------------------------------------------------------ placing

    def _place(self, client: Client, params: Params) -> Payload:
        client.limits.spend_orders(1, 1, self._venue.now_ms)
        return self._place_one(client, params)

    def _test(self, client: Client, params: Params) -> Payload:
        """Judge an order as if it were placed, and leave it at that."""
        symbol_account = symbols.account(self._venue, client, params)
        _response_type(params)
        return symbol_account.market.wire.order_as_tested(
            symbol_account.judge(self._new_order(symbol_account, params))
        )

    def _place_one(self, client: Client, params: Params) -> Payload:
        symbol_account = symbols.account(self._venue, client, params)
        response_type = _response_type(params)
        order = symbol_account.place(self._new_order(symbol_account, params))
        takes = order.price_ticks is None or order.time_in_force in (
            TimeInForce.IOC,
            TimeInForce.FOK,
        )
        wire = symbol_account.market.wire
        if response_type == "RESULT" and takes:
            return wire.order_ack(order)
        return wire.new_order_ack(order)

    def _new_order(self, symbol_account: SymbolAccount, params: Params) -> NewOrder:
        """The request on the grid; every rule that needs no market is checked here."""
        side, order_type = params.side(), params.need("type")
        _refuse_price_match(params)
        if order_type in _CONDITIONAL:
            text = "Order type not supported for this endpoint. Please use the Algo Order API"
            raise Refused(-4120, f"{text} endpoints instead; this exchange has none.")
        if order_type not in ("LIMIT", "MARKET"):
            raise Refused(-1116, "Invalid orderType.")
        if params.text("positionSide") not in (None, "BOTH"):
            text = "Order's position side does not match user's setting"
            raise Refused(-4061, f"{text}: positions are one-way here.")
        mode = params.text("selfTradePreventionMode") or SelfTrade.EXPIRE_MAKER
        if mode not in list(SelfTrade):
            raise Refused(-5039, "Invalid self trade prevention mode.")
        client_order_id = params.text("newClientOrderId")
        if client_order_id is None:
            client_order_id = f"venue{symbol_account.market.matching.last_order_id + 1}"
        elif not _CLIENT_ID.fullmatch(client_order_id):
            raise Refused(-4015, "Client order id is not valid.")
        market, wire = order_type == "MARKET", symbol_account.market.wire
        _refuse_what_is_not_theirs(params, market=market)
        return NewOrder(
            client_order_id=client_order_id,
            side=side,
            qty_lots=_qty(wire, params, MAX_MARKET_QTY_LOTS if market else MAX_QTY_LOTS),
            price_ticks=None if market else _price(wire, params),
            time_in_force=TimeInForce.GTC if market else params.time_in_force(),
            reduce_only=params.flag("reduceOnly"),
            self_trade=SelfTrade(mode),
        )

    # ------------------------------------------------------------ modifying

    def _modify(self, client: Client, params: Params) -> Payload:
        client.limits.spend_orders(1, 1, self._venue.now_ms)
        return self._modify_one(client, params)

    def _modify_one(self, client: Client, params: Params) -> Payload:
        symbol_account = symbols.account(self._venue, client, params)
        order, wire = _find(symbol_account, params), symbol_account.market.wire
        _refuse_price_match(params)
        change = Change(
            side=params.side(),
            qty_lots=_qty(wire, params, MAX_QTY_LOTS),
            price_ticks=_price(wire, params),
            modify_id=params.number("modifyId"),
            reduce_only=params.flag("reduceOnly"),
        )
        return wire.modify_ack(symbol_account.modify(order, change), change.modify_id)

    def _amendments(self, client: Client, params: Params) -> list[Payload]:
        symbol_account = symbols.account(self._venue, client, params)
        order = _known(_find(symbol_account, params))
        made = params.between(order.amendments, [a.time_ms for a in order.amendments])
        newest = list(reversed(made))[: params.limit(50, 100)]
        return [symbol_account.market.wire.amendment(order, amendment) for amendment in newest]

    # ------------------------------------------------------------ cancelling

    def _cancel(self, client: Client, params: Params) -> Payload:
        symbol_account = symbols.account(self._venue, client, params)
        return symbol_account.market.wire.cancel_ack(
            symbol_account.cancel(_find(symbol_account, params))
        )

    def _cancel_all(self, client: Client, params: Params) -> Payload:
        symbols.account(self._venue, client, params).cancel_all()
        return _all_cancelled(client, params)

    def _countdown(self, client: Client, params: Params) -> Payload:
        symbol_account = symbols.account(self._venue, client, params)
        countdown_ms = params.need_number("countdownTime")
        if countdown_ms < 0:
            malformed("countdownTime")
        symbol_account.arm_countdown(countdown_ms)
        return {"symbol": symbol_account.market.symbol, "countdownTime": str(countdown_ms)}

    # ------------------------------------------------------------ batches

    def _place_batch(self, client: Client, params: Params) -> list[Payload]:
        return self._batch(client, params, PLACE, ORDER, self._place_one)

    def _modify_batch(self, client: Client, params: Params) -> list[Payload]:
        return self._batch(client, params, MODIFY, CHANGE, self._modify_one)

    def _batch(
        self,
        client: Client,
        params: Params,
        name: str,
        reads: str,
        one: Callable[[Client, Params], Payload],
    ) -> list[Payload]:
        """Each element by itself; what is wrong with one says nothing of the others."""
        params.need("batchOrders")
        batch = params.json_list("batchOrders") or []
        if not 1 <= len(batch) <= BATCH_PLACE:
            raise Refused(-4082, "Invalid batch place order count.")
        client.limits.spend_orders(len(batch), 1, self._venue.now_ms)
        return [self._element(client, element, name, reads, one) for element in batch]

    def _element(
        self,
        client: Client,
        element: object,
        name: str,
        reads: str,
        one: Callable[[Client, Params], Payload],
    ) -> Payload:
        try:
            if not isinstance(element, dict):
                malformed("batchOrders")
            params = Params.from_json(element)
            params.refuse_unread(reads)
        except Refused as refused:
            return error(refused)
        return self._single(name, params.client_order_id, lambda: one(client, params))

    def _single(self, name: str, client_order_id: str, carry_out: Callable[[], Payload]) -> Payload:
        """One order's answer or error, at its place in a batch."""
        now_ms = self._venue.now_ms
        try:
            return through(self._faults, name, client_order_id, now_ms, carry_out)
        except Refused as refused:
            return error(refused)

    def _cancel_batch(self, client: Client, params: Params) -> list[Payload]:
        symbol_account = symbols.account(self._venue, client, params)
        wanted = None
        for name in ("orderIdList", "origClientOrderIdList"):
            # The venue reads the names in lower case too, and most clients send them so.
            wanted = wanted or params.json_list(name) or params.json_list(name.lower())
        if not wanted:
            raise neither_sent("orderIdList", "origClientOrderIdList")
        if len(wanted) > BATCH_CANCEL:
            raise Refused(-4082, "Invalid batch cancel order count.")
        return [self._cancel_element(symbol_account, value) for value in wanted]

    def _cancel_element(self, symbol_account: SymbolAccount, value: object) -> Payload:
        order = symbol_account.orders.find(value if isinstance(value, int) else None, str(value))
        return self._single(
            CANCEL,
            str(value),
            lambda: symbol_account.market.wire.cancel_ack(symbol_account.cancel(order)),
        )

    # ------------------------------------------------------------ asking

    def _order(self, client: Client, params: Params) -> Payload:
        symbol_account = symbols.account(self._venue, client, params)
        return symbol_account.market.wire.order_record(_known(_find(symbol_account, params)))

    def _open_order(self, client: Client, params: Params) -> Payload:
        symbol_account = symbols.account(self._venue, client, params)
        order = _known(_find(symbol_account, params))
        return symbol_account.market.wire.order_record(_known(order if order.open else None))

    def _open_orders(self, client: Client, params: Params) -> list[Payload]:
        return [
            symbol_account.market.wire.order_record(order)
            for symbol_account in symbols.accounts(self._venue, client, params)
            for order in symbol_account.orders.open.values()
        ]

    def _all_orders(self, client: Client, params: Params) -> list[Payload]:
        first_id = params.number("orderId")
        found = self._history(
            client, params, lambda o: first_id is None or o.venue_order_id >= first_id
        )
        times_ms = [order.created_ms for order, _ in found]
        if first_id is None:
            now_ms, longest_ms = self._venue.now_ms, WEEK_MS - 1
            found = params.within_week(found, times_ms, now_ms, longest_ms=longest_ms)
        else:
            found = params.between(found, times_ms)
        from_start = first_id is not None or params.number("startTime") is not None
        return [
            wire.order_history(order) for order, wire in params.page(found, from_start=from_start)
        ]

    def _force_orders(self, client: Client, params: Params) -> list[Payload]:
        kind = params.text("autoCloseType")
        if kind not in (None, "LIQUIDATION", "ADL"):
            malformed("autoCloseType")
        found = self._history(
            client, params, lambda o: o.order_type == LIQUIDATION and kind != "ADL"
        )
        found = params.between(found, [order.created_ms for order, _ in found])
        rows = params.page(found, from_start=False, default=50, most=100)
        return [wire.order_history(order) for order, wire in rows]

    def _history(
        self, client: Client, params: Params, wanted: Callable[[OrderRecord], bool]
    ) -> list[tuple[OrderRecord, Wire]]:
        """What is wanted of the orders still known, oldest first."""
        found = [
            (order, symbol_account.market.wire)
            for symbol_account in symbols.accounts(self._venue, client, params)
            for order in symbol_account.orders
            if wanted(order)
        ]
        return sorted(found, key=lambda pair: pair[0].created_ms)


def _find(symbol_account: SymbolAccount, params: Params) -> OrderRecord | None:
    venue_order_id = params.number("orderId")
    client_order_id = params.text("origClientOrderId")
    if venue_order_id is None and client_order_id is None:
        raise neither_sent("origClientOrderId", "orderId")
    return symbol_account.orders.find(venue_order_id, client_order_id)


def _known(order: OrderRecord | None) -> OrderRecord:
    if order is None:
        raise Refused(-2013, "Order does not exist.")
    return order


def _price(wire: Wire, params: Params) -> int:
    price_ticks = params.on_grid("price", wire.instrument.price, wire.price_decimals, _OFF_TICK)
    if price_ticks < 0:
        raise Refused(-4001, "Price less than 0.")
    if price_ticks == 0:
        raise Refused(-4013, f"Price less than min price {wire.price(1)}.")
    if price_ticks > MAX_PRICE_TICKS:
        raise Refused(-4002, f"Price greater than max price {wire.price(MAX_PRICE_TICKS)}.")
    return price_ticks


def _qty(wire: Wire, params: Params, most_lots: int) -> int:
    qty_lots = params.on_grid("quantity", wire.instrument.qty, wire.qty_decimals, _OFF_STEP)
    if qty_lots <= 0:
        raise Refused(-4003, "Quantity less than or equal to zero.")
    if qty_lots > most_lots:
        raise Refused(-4005, f"Quantity greater than max quantity {wire.qty(most_lots)}.")
    return qty_lots


def _response_type(params: Params) -> str:
    response_type = params.text("newOrderRespType") or "ACK"
    if response_type not in ("ACK", "RESULT"):
        raise Refused(-1136, "Invalid newOrderRespType.")
    return response_type


def _refuse_what_is_not_theirs(params: Params, *, market: bool) -> None:
    """What only other kinds of order have use for."""
    if params.flag("closePosition"):
        raise Refused(-4136, "Target strategy invalid: closePosition is for conditional orders.")
    params.refuse("stopPrice", "activationPrice", "callbackRate")
    if params.text("timeInForce") != "GTD":
        params.refuse("goodTillDate")
    if market:
        params.refuse("price", "timeInForce")


def _refuse_price_match(params: Params) -> None:
    if params.text("priceMatch") not in (None, "NONE"):
        raise Refused(-5037, "Invalid price match: this exchange knows none; send a price.")


def _no_algo_orders(_client: Client, _params: Params) -> Payload:
    raise Refused(-1020, "This operation is not supported: this exchange has no algo orders.")


def _unknown_algo_order(_client: Client, _params: Params) -> Payload:
    raise Refused(-2013, "Order does not exist: this exchange has no algo orders.")


def _all_cancelled(_client: Client, _params: Params) -> Payload:
    return {"code": 200, "msg": "The operation of cancel all open order is done."}


def _no_rows(_client: Client, _params: Params) -> list[Payload]:
    return []
