"""The REST side of the embedded exchange: a request in, the venue's answer out.

Security, limits and grammar are checked here in the venue's order and refused by its codes;
what a request means is the business of ``venue``.
"""

import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import NoReturn, TypeVar
from urllib.parse import parse_qsl

import orjson

from exchange.errors import OffGrid, Refused
from exchange.instrument import DecimalGrid, e8_text
from exchange.paper import limits
from exchange.paper.account import LEVERAGE
from exchange.paper.faults import Faults, Injected
from exchange.paper.hub import Payload
from exchange.paper.market_data import next_funding_ms
from exchange.paper.matching import SelfTrade
from exchange.paper.orders import Change, NewOrder, OrderRecord
from exchange.paper.settings import PaperSettings
from exchange.paper.venue import PaperVenue
from exchange.paper.wire import MAX_MARKET_QTY_LOTS, MAX_PRICE_TICKS, MAX_QTY_LOTS
from exchange.types import Side, TimeInForce

AHEAD_MS = 1000
DEFAULT_WINDOW_MS = 5000
BATCH_PLACE = 5
BATCH_CANCEL = 10

_DEPTH_WEIGHTS = {5: 2, 10: 2, 20: 2, 50: 2, 100: 5, 500: 10, 1000: 20}
_CLIENT_ID = re.compile(r"[\.A-Z\:/a-z0-9_-]{1,36}")
_DECIMAL = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?")
_CONDITIONAL = frozenset(
    ("STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET")
)


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What the shell read; texts exactly as sent, since that is what was signed."""

    method: str
    path: str
    query: str
    body: str
    api_key: str | None


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class Security(Enum):
    NONE = "anyone"
    KEY = "the key alone"
    SIGNED = "key, timestamp and signature"


class Params:
    """The parameters of one request, asked for by name and type."""

    def __init__(self, values: dict[str, str]) -> None:
        self._values = values

    def text(self, name: str) -> str | None:
        """An optional parameter.

        Raises:
            Refused: With -1105 when it was sent empty.
        """
        value = self._values.get(name)
        if value == "":
            raise Refused(-1105, f"Parameter '{name}' was empty.")
        return value

    def need(self, name: str) -> str:
        """A mandatory parameter.

        Raises:
            Refused: With -1102 when it is missing or empty.
        """
        return self._values.get(name) or _malformed(name)

    def number(self, name: str) -> int | None:
        value = self.text(name)
        if value is None:
            return None
        return int(value) if re.fullmatch(r"-?[0-9]{1,18}", value) else _malformed(name)

    def need_number(self, name: str) -> int:
        self.need(name)
        number = self.number(name)
        return _malformed(name) if number is None else number

    @property
    def order(self) -> str:
        """The client's id of the order that this is about; empty where none was sent."""
        named = ("newClientOrderId", "origClientOrderId")
        return next((self._values[name] for name in named if name in self._values), "")

    def flag(self, name: str) -> bool:
        value = (self.text(name) or "false").lower()
        return value == "true" if value in ("true", "false") else _malformed(name)

    def json_list(self, name: str) -> list[object] | None:
        value = self.text(name)
        if value is None:
            return None
        try:
            parsed = orjson.loads(value)
        except orjson.JSONDecodeError:
            _malformed(name)
        return parsed if isinstance(parsed, list) else _malformed(name)


@dataclass(frozen=True, slots=True)
class Route:
    answer: Callable[[Params], object]
    weight: int | Callable[[Params], int]
    security: Security = Security.NONE


class RestApi:
    """Every endpoint of the embedded exchange.

    Args:
        faults: What may refuse a request or set the clock wrong.
    """

    def __init__(
        self, settings: PaperSettings, venue: PaperVenue, faults: Faults | None = None
    ) -> None:
        self._venue = venue
        self._faults = faults or Faults()
        self._api_key = settings.api_key.encode()
        self._secret = settings.api_secret.encode()
        self._limits = limits.Limits()
        key, signed = Security.KEY, Security.SIGNED
        self._routes = {
            "GET /fapi/v1/ping": Route(lambda _: {}, 1),
            "GET /fapi/v1/time": Route(self._time, 1),
            "GET /fapi/v1/exchangeInfo": Route(self._exchange_info, 1),
            "GET /fapi/v1/depth": Route(self._depth, _depth_weight),
            "GET /fapi/v1/trades": Route(self._tape, 5),
            "GET /fapi/v1/premiumIndex": Route(self._premium_index, 1),
            "GET /fapi/v1/ticker/bookTicker": Route(self._book_ticker, 2),
            "POST /fapi/v1/order": Route(self._place, 0, signed),
            "GET /fapi/v1/order": Route(self._order, 1, signed),
            "PUT /fapi/v1/order": Route(self._modify, 0, signed),
            "DELETE /fapi/v1/order": Route(self._cancel, 1, signed),
            "GET /fapi/v1/orderAmendment": Route(self._amendments, 1, signed),
            "PUT /fapi/v1/batchOrders": Route(self._modify_batch, 5, signed),
            "GET /fapi/v1/openOrder": Route(self._open_order, 1, signed),
            "GET /fapi/v1/openOrders": Route(self._open_orders, _open_orders_weight, signed),
            "GET /fapi/v1/allOrders": Route(self._all_orders, 5, signed),
            "POST /fapi/v1/batchOrders": Route(self._place_batch, 5, signed),
            "DELETE /fapi/v1/batchOrders": Route(self._cancel_batch, 1, signed),
            "DELETE /fapi/v1/allOpenOrders": Route(self._cancel_all, 1, signed),
            "POST /fapi/v1/countdownCancelAll": Route(self._countdown, 10, signed),
            "GET /fapi/v1/userTrades": Route(self._user_trades, 5, signed),
            "GET /fapi/v3/account": Route(self._account, 5, signed),
            "GET /fapi/v3/balance": Route(self._balance, 5, signed),
            "GET /fapi/v3/positionRisk": Route(self._position_risk, 5, signed),
            "GET /fapi/v1/commissionRate": Route(self._commission_rate, 20, signed),
            "GET /fapi/v1/rateLimit/order": Route(lambda _: _ORDER_LIMITS, 1, signed),
            "GET /fapi/v1/accountConfig": Route(self._account_config, 5, signed),
            "GET /fapi/v1/symbolConfig": Route(self._symbol_config, 5, signed),
            "GET /fapi/v1/positionSide/dual": Route(
                lambda _: {"dualSidePosition": False}, 30, signed
            ),
            "GET /fapi/v1/multiAssetsMargin": Route(
                lambda _: {"multiAssetsMargin": False}, 30, signed
            ),
            "POST /fapi/v1/listenKey": Route(self._start_stream, 1, key),
            "PUT /fapi/v1/listenKey": Route(self._extend_stream, 1, key),
            "DELETE /fapi/v1/listenKey": Route(self._end_stream, 1, key),
        }
        self._makes_orders = frozenset(
            f"{method} /fapi/v1/{name}"
            for method in ("POST", "PUT")
            for name in ("order", "batchOrders")
        )

    def answer(self, request: HttpRequest) -> HttpAnswer:
        """Answer one request at the venue's present time; never raises for what a client sent."""
        name = f"{request.method} {request.path}"
        headers: dict[str, str] = {}
        try:
            body, status = self._carry_out(name, request), 200
            if name in self._makes_orders:
                headers = self._limits.order_headers(self._now_ms)
        except Refused as refused:
            body, status = _error(refused), refused.http_status
            headers = refused.headers if isinstance(refused, Injected) else {}
        headers = self._limits.weight_headers(self._now_ms) | headers
        return HttpAnswer(status, orjson.dumps(body), headers)

    def _carry_out(self, name: str, request: HttpRequest) -> object:
        route = self._routes.get(name)
        if route is None:
            text = f"Path {request.path}, Method {request.method} is invalid"
            raise Refused(-5000, text, 404)
        params = Params(_parse(request))
        _raise(self._faults.refusal(name, self._now_ms, params.order))
        weight = route.weight if isinstance(route.weight, int) else route.weight(params)
        self._limits.spend_weight(weight, self._now_ms)
        self._check_security(route.security, request, params)
        body = route.answer(params)
        _raise(self._faults.lost_answer(name, self._now_ms, params.order))
        return body

    @property
    def _now_ms(self) -> int:
        return self._venue.now_ms

    @property
    def _told_ms(self) -> int:
        """The time that the venue tells and judges stamps by; a fault may set it wrong."""
        return self._now_ms + self._faults.skew_ms(self._now_ms)

    # ------------------------------------------------------------ security

    def _check_security(self, security: Security, request: HttpRequest, params: Params) -> None:
        if security is Security.NONE:
            return
        if not request.api_key:
            raise Refused(-2014, "API-key format invalid.", 401)
        if not hmac.compare_digest(request.api_key.encode("utf-8", "replace"), self._api_key):
            raise Refused(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        if security is Security.SIGNED:
            timestamp_ms = params.need_number("timestamp")
            signature = params.need("signature")
            self._check_time(timestamp_ms, params.number("recvWindow"))
            payload = _unsigned(request.query) + _unsigned(request.body)
            expected = hmac.new(self._secret, payload.encode(), "sha256").hexdigest()
            if not hmac.compare_digest(expected.encode(), signature.lower().encode()):
                raise Refused(-1022, "Signature for this request is not valid.")

    def _check_time(self, timestamp_ms: int, window_ms: int | None) -> None:
        if timestamp_ms >= self._told_ms + AHEAD_MS:
            raise Refused(
                -1021,
                "Timestamp for this request was 1000ms ahead of the server's time.",
            )
        if self._told_ms - timestamp_ms > (DEFAULT_WINDOW_MS if window_ms is None else window_ms):
            raise Refused(-1021, "Timestamp for this request is outside of the recvWindow.")

    # ------------------------------------------------------------ market data

    def _time(self, _params: Params) -> Payload:
        return {"serverTime": self._told_ms}

    def _exchange_info(self, _params: Params) -> Payload:
        weight: Payload = _limit("REQUEST_WEIGHT", "MINUTE", 1, limits.WEIGHT_PER_MINUTE)
        return self._venue.wire.exchange_info([weight, *_ORDER_LIMITS], self._told_ms)

    def _depth(self, params: Params) -> Payload:
        self._need_symbol(params)
        limit = params.number("limit")
        return self._venue.market_data.depth(500 if limit is None else limit, self._now_ms)

    def _tape(self, params: Params) -> list[Payload]:
        self._need_symbol(params)
        wire = self._venue.wire
        return [
            {
                "id": trade.trade_id,
                "price": wire.price(trade.price_ticks),
                "qty": wire.qty(trade.qty_lots),
                "quoteQty": wire.notional(trade.price_ticks * trade.qty_lots),
                "time": time_ms,
                "isBuyerMaker": trade.taker_side is Side.SELL,
                "isRPITrade": False,
            }
            for trade, time_ms in list(self._venue.tape)[-_list_limit(params) :]
        ]

    def _premium_index(self, params: Params) -> Payload | list[Payload]:
        mark = e8_text(self._venue.mark_e8)
        row: Payload = {
            "symbol": self._venue.wire.symbol,
            "markPrice": mark,
            "indexPrice": mark,
            "estimatedSettlePrice": mark,
            "lastFundingRate": "0.00000000",
            "interestRate": "0.00000000",
            "nextFundingTime": next_funding_ms(self._now_ms),
            "time": self._now_ms,
        }
        return row if self._has_symbol(params) else [row]

    def _book_ticker(self, params: Params) -> Payload | list[Payload]:
        wire = self._venue.wire
        bid_ticks, bid_lots, ask_ticks, ask_lots = self._venue.matching.touch()
        row: Payload = {
            "symbol": wire.symbol,
            "bidPrice": wire.price(bid_ticks),
            "bidQty": wire.qty(bid_lots),
            "askPrice": wire.price(ask_ticks),
            "askQty": wire.qty(ask_lots),
            "time": self._now_ms,
            "lastUpdateId": self._venue.matching.last_update_id,
        }
        return row if self._has_symbol(params) else [row]

    # ------------------------------------------------------------ orders

    def _place(self, params: Params) -> Payload:
        self._limits.spend_orders(1, 1, self._now_ms)
        return self._place_one(params)

    def _place_batch(self, params: Params) -> list[Payload]:
        return self._batch(params, self._place_one)

    def _modify(self, params: Params) -> Payload:
        self._limits.spend_orders(1, 1, self._now_ms)
        return self._modify_one(params)

    def _modify_batch(self, params: Params) -> list[Payload]:
        return self._batch(params, self._modify_one)

    def _batch(self, params: Params, one: Callable[[Params], Payload]) -> list[Payload]:
        """Each element by itself; what is wrong with one says nothing of the others."""
        params.need("batchOrders")
        batch = params.json_list("batchOrders") or []
        if not 1 <= len(batch) <= BATCH_PLACE:
            raise Refused(-4082, "Invalid batch place order count.")
        self._limits.spend_orders(len(batch), 1, self._now_ms)
        return [self._element(element, one) for element in batch]

    def _element(self, element: object, one: Callable[[Params], Payload]) -> Payload:
        try:
            if not isinstance(element, dict):
                _malformed("batchOrders")
            return one(Params({k: _plain(v) for k, v in element.items()}))
        except Refused as refused:
            return _error(refused)

    def _modify_one(self, params: Params) -> Payload:
        self._need_symbol(params)
        order = self._find(params)
        _refuse_price_match(params)
        change = Change(
            side=_side(params),
            qty_lots=self._qty(params, MAX_QTY_LOTS),
            price_ticks=self._price(params),
            modify_id=params.number("modifyId"),
            reduce_only=params.flag("reduceOnly"),
        )
        return self._venue.wire.modify_ack(self._venue.modify(order, change), change.modify_id)

    def _amendments(self, params: Params) -> list[Payload]:
        self._need_symbol(params)
        order = self._find(params)
        if order is None:
            raise Refused(-2013, "Order does not exist.")
        start_ms, end_ms = params.number("startTime"), params.number("endTime")
        limit = params.number("limit")
        made = [
            amendment
            for amendment in reversed(order.amendments)
            if (start_ms is None or amendment.time_ms >= start_ms)
            and (end_ms is None or amendment.time_ms <= end_ms)
        ]
        kept = made[: max(1, min(50 if limit is None else limit, 100))]
        return [self._venue.wire.amendment(order, amendment) for amendment in kept]

    def _place_one(self, params: Params) -> Payload:
        response_type = params.text("newOrderRespType") or "ACK"
        if response_type not in ("ACK", "RESULT"):
            raise Refused(-1136, "Invalid newOrderRespType.")
        order = self._venue.place(self._new_order(params))
        takes = order.price_ticks is None or order.time_in_force in (
            TimeInForce.IOC,
            TimeInForce.FOK,
        )
        wire = self._venue.wire
        if response_type == "RESULT" and takes:
            return wire.order_ack(order)
        return wire.new_order_ack(order)

    def _new_order(self, params: Params) -> NewOrder:
        """The request on the grid; every rule that needs no market is checked here."""
        self._need_symbol(params)
        side, order_type = _side(params), params.need("type")
        _refuse_price_match(params)
        if order_type in _CONDITIONAL:
            text = "Order type not supported for this endpoint. Please use the Algo Order API"
            raise Refused(-4120, f"{text} endpoints instead.")
        if order_type not in ("LIMIT", "MARKET"):
            raise Refused(-1116, "Invalid orderType.")
        if params.text("positionSide") not in (None, "BOTH"):
            raise Refused(-4061, "Order's position side does not match user's setting.")
        mode = params.text("selfTradePreventionMode") or SelfTrade.EXPIRE_MAKER
        if mode not in list(SelfTrade):
            raise Refused(-5039, "Invalid self trade prevention mode.")
        client_order_id = params.text("newClientOrderId")
        if client_order_id is None:
            client_order_id = f"venue{self._venue.matching.last_order_id + 1}"
        elif not _CLIENT_ID.fullmatch(client_order_id):
            raise Refused(-4015, "Client order id is not valid.")
        market = order_type == "MARKET"
        return NewOrder(
            client_order_id=client_order_id,
            side=side,
            qty_lots=self._qty(params, MAX_MARKET_QTY_LOTS if market else MAX_QTY_LOTS),
            price_ticks=None if market else self._price(params),
            time_in_force=TimeInForce.GTC if market else _time_in_force(params),
            reduce_only=params.flag("reduceOnly"),
            self_trade=SelfTrade(mode),
        )

    def _price(self, params: Params) -> int:
        wire = self._venue.wire
        price_ticks = _on_grid(
            params, "price", wire.instrument.price, wire.price_decimals, _OFF_TICK
        )
        if price_ticks < 0:
            raise Refused(-4001, "Price less than 0.")
        if price_ticks == 0:
            raise Refused(-4013, f"Price less than min price {wire.price(1)}.")
        if price_ticks > MAX_PRICE_TICKS:
            raise Refused(-4002, f"Price greater than max price {wire.price(MAX_PRICE_TICKS)}.")
        return price_ticks

    def _qty(self, params: Params, most_lots: int) -> int:
        wire = self._venue.wire
        qty_lots = _on_grid(params, "quantity", wire.instrument.qty, wire.qty_decimals, _OFF_STEP)
        if qty_lots <= 0:
            raise Refused(-4003, "Quantity less than or equal to zero.")
        if qty_lots > most_lots:
            raise Refused(-4005, f"Quantity greater than max quantity {wire.qty(most_lots)}.")
        return qty_lots

    def _cancel(self, params: Params) -> Payload:
        self._need_symbol(params)
        return self._venue.wire.cancel_ack(self._venue.cancel(self._find(params)))

    def _cancel_batch(self, params: Params) -> list[Payload]:
        self._need_symbol(params)
        numbers = params.json_list("orderIdList")
        wanted = numbers or params.json_list("origClientOrderIdList")
        if not wanted:
            raise _neither_id("orderIdList", "origClientOrderIdList")
        if len(wanted) > BATCH_CANCEL:
            raise Refused(-4082, "Invalid batch cancel order count.")
        return [
            self._cancel_element(
                self._venue.find(value, None)
                if isinstance(value, int)
                else self._venue.find(None, str(value))
            )
            for value in wanted
        ]

    def _cancel_element(self, order: OrderRecord | None) -> Payload:
        try:
            return self._venue.wire.cancel_ack(self._venue.cancel(order))
        except Refused as refused:
            return _error(refused)

    def _cancel_all(self, params: Params) -> Payload:
        self._need_symbol(params)
        self._venue.cancel_all()
        return {"code": 200, "msg": "The operation of cancel all open order is done."}

    def _countdown(self, params: Params) -> Payload:
        self._need_symbol(params)
        countdown_ms = params.need_number("countdownTime")
        if countdown_ms < 0:
            _malformed("countdownTime")
        self._venue.arm_countdown(countdown_ms)
        return {"symbol": self._venue.wire.symbol, "countdownTime": str(countdown_ms)}

    def _order(self, params: Params) -> Payload:
        self._need_symbol(params)
        return self._record(self._find(params))

    def _open_order(self, params: Params) -> Payload:
        self._need_symbol(params)
        order = self._find(params)
        return self._record(order if order is not None and order.open else None)

    def _record(self, order: OrderRecord | None) -> Payload:
        if order is None:
            raise Refused(-2013, "Order does not exist.")
        return self._venue.wire.order_record(order)

    def _open_orders(self, params: Params) -> list[Payload]:
        self._has_symbol(params)
        return [self._venue.wire.order_record(order) for order in self._venue.open_orders]

    def _all_orders(self, params: Params) -> list[Payload]:
        self._has_symbol(params)
        first_id = params.number("orderId")
        start_ms, end_ms = params.number("startTime"), params.number("endTime")
        found = [
            order
            for order in self._venue.orders
            if (first_id is None or order.venue_order_id >= first_id)
            and (start_ms is None or order.created_ms >= start_ms)
            and (end_ms is None or order.created_ms <= end_ms)
        ]
        wire, from_start = self._venue.wire, first_id is not None or start_ms is not None
        pair: Payload = {"pair": wire.symbol}
        return [wire.order_record(o) | pair for o in _page(found, params, from_start=from_start)]

    def _find(self, params: Params) -> OrderRecord | None:
        venue_order_id = params.number("orderId")
        client_order_id = params.text("origClientOrderId")
        if venue_order_id is None and client_order_id is None:
            raise _neither_id("origClientOrderId", "orderId")
        return self._venue.find(venue_order_id, client_order_id)

    # ------------------------------------------------------------ account

    def _user_trades(self, params: Params) -> list[Payload]:
        self._need_symbol(params)
        venue_order_id, first_id = params.number("orderId"), params.number("fromId")
        start_ms, end_ms = params.number("startTime"), params.number("endTime")
        if first_id is not None and (start_ms is not None or end_ms is not None):
            raise Refused(-1128, "Combination of optional parameters invalid.")
        found = [
            trade
            for trade in self._venue.trades
            if (venue_order_id is None or trade.venue_order_id == venue_order_id)
            and (first_id is None or trade.trade_id >= first_id)
            and (start_ms is None or trade.time_ms >= start_ms)
            and (end_ms is None or trade.time_ms <= end_ms)
        ]
        from_start = first_id is not None or start_ms is not None
        rows = _page(found, params, from_start=from_start)
        return [self._venue.wire.user_trade(trade) for trade in rows]

    def _account(self, _params: Params) -> Payload:
        venue = self._venue
        return venue.wire.account(
            venue.account,
            venue.mark_e8,
            venue.worst_lots,
            bool(venue.open_orders),
            self._now_ms,
        )

    def _balance(self, _params: Params) -> list[Payload]:
        venue = self._venue
        return [venue.wire.balance(venue.account, venue.mark_e8, venue.worst_lots, self._now_ms)]

    def _position_risk(self, params: Params) -> list[Payload]:
        self._has_symbol(params)
        venue = self._venue
        if not venue.account.position_lots and not venue.open_orders:
            return []
        return [
            venue.wire.position_risk(
                venue.account,
                venue.mark_e8,
                venue.worst_lots,
                venue.open_notional(),
                self._now_ms,
            )
        ]

    def _commission_rate(self, params: Params) -> Payload:
        self._need_symbol(params)
        account = self._venue.account
        return {
            "symbol": self._venue.wire.symbol,
            "makerCommissionRate": e8_text(account.maker_rate_e8),
            "takerCommissionRate": e8_text(account.taker_rate_e8),
            "rpiCommissionRate": e8_text(account.maker_rate_e8),
        }

    def _account_config(self, _params: Params) -> Payload:
        return {
            "feeTier": 0,
            "canTrade": True,
            "canDeposit": False,
            "canWithdraw": False,
            "dualSidePosition": False,
            "multiAssetsMargin": False,
            "tradeGroupId": -1,
            "updateTime": 0,
        }

    def _symbol_config(self, params: Params) -> list[Payload]:
        self._has_symbol(params)
        return [
            {
                "symbol": self._venue.wire.symbol,
                "marginType": "CROSSED",
                "isAutoAddMargin": False,
                "leverage": LEVERAGE,
                "maxNotionalValue": "100000000",
            }
        ]

    # ------------------------------------------------------------ user stream

    def _start_stream(self, _params: Params) -> Payload:
        return {"listenKey": self._venue.user_stream.start(self._now_ms)}

    def _extend_stream(self, _params: Params) -> Payload:
        return {"listenKey": self._venue.user_stream.extend(self._now_ms)}

    def _end_stream(self, _params: Params) -> Payload:
        self._venue.user_stream.end()
        return {}

    # ------------------------------------------------------------ symbol

    def _need_symbol(self, params: Params) -> None:
        if params.need("symbol") != self._venue.wire.symbol:
            raise Refused(-1121, "Invalid symbol.")

    def _has_symbol(self, params: Params) -> bool:
        """Whether the optional symbol was sent; a wrong one is refused."""
        if params.text("symbol") is None:
            return False
        self._need_symbol(params)
        return True


_Row = TypeVar("_Row")

_OFF_TICK = (-4014, "Price not increased by tick size.")
_OFF_STEP = (-4023, "Qty not increased by step size.")


def _limit(kind: str, interval: str, number: int, limit: int) -> Payload:
    return {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}


_ORDER_LIMITS = [
    _limit("ORDERS", "MINUTE", 1, limits.ORDERS_PER_MINUTE),
    _limit("ORDERS", "SECOND", 10, limits.ORDERS_PER_10S),
]


def _parse(request: HttpRequest) -> dict[str, str]:
    """Query and body together; on a clash the query wins."""
    body = dict(parse_qsl(request.body, keep_blank_values=True))
    return body | dict(parse_qsl(request.query, keep_blank_values=True))


def _unsigned(text: str) -> str:
    """The text as sent, without its signature."""
    return "&".join(part for part in text.split("&") if not part.startswith("signature="))


def _error(refused: Refused) -> Payload:
    return {"code": refused.code, "msg": refused.message}


def _raise(refused: Refused | None) -> None:
    if refused is not None:
        raise refused


def _malformed(name: str) -> NoReturn:
    raise Refused(
        -1102,
        f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.",
    )


def _neither_id(one: str, other: str) -> Refused:
    return Refused(-1102, f"Param '{one}' or '{other}' must be sent, but both were empty/null!")


def _plain(value: object) -> str:
    """A JSON value of a batch as it would stand in a form."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _side(params: Params) -> Side:
    name = params.need("side")
    if name not in Side.__members__:
        raise Refused(-1117, "Invalid side.")
    return Side[name]


def _refuse_price_match(params: Params) -> None:
    if params.text("priceMatch") not in (None, "NONE"):
        raise Refused(-5037, "Invalid price match: this exchange knows none; send a price.")


def _time_in_force(params: Params) -> TimeInForce:
    text = params.need("timeInForce")
    if text in ("GTD", "RPI"):
        raise Refused(-1115, f"Invalid timeInForce: {text} is not offered here.")
    try:
        return TimeInForce(text)
    except ValueError:
        raise Refused(-1115, "Invalid timeInForce.") from None


def _on_grid(
    params: Params, name: str, grid: DecimalGrid, decimals: int, off_grid: tuple[int, str]
) -> int:
    """A decimal parameter in whole steps.

    Raises:
        Refused: With -1100 for text that is no plain decimal, -1111 for too many decimals,
            else as ``off_grid`` says.
    """
    text = params.need(name)
    if not _DECIMAL.fullmatch(text):
        legal = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
        raise Refused(
            -1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'."
        )
    if len(text.partition(".")[2].rstrip("0")) > decimals:
        raise Refused(-1111, "Precision is over the maximum defined for this asset.")
    try:
        return grid.count(text)
    except OffGrid:
        raise Refused(*off_grid) from None


def _list_limit(params: Params) -> int:
    limit = params.number("limit")
    return max(1, min(500 if limit is None else limit, 1000))


def _page(rows: list[_Row], params: Params, *, from_start: bool) -> list[_Row]:
    """The oldest rows from a given start, or else the newest; oldest first either way."""
    limit = _list_limit(params)
    return rows[:limit] if from_start else rows[-limit:]


def _depth_weight(params: Params) -> int:
    limit = params.number("limit")
    weight = _DEPTH_WEIGHTS.get(500 if limit is None else limit)
    if weight is None:
        raise Refused(-4021, f"Depth limit {limit} not valid.")
    return weight


def _open_orders_weight(params: Params) -> int:
    return 40 if params.text("symbol") is None else 1
