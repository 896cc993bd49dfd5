"""Account endpoints over REST and ws-fapi: money, positions, settings, and the stream's key."""

from exchange.errors import Refused
from exchange.instrument import e8_text
from exchange.paper import limits
from exchange.paper.account.margin import BRACKETS, MOST_LEVERAGE
from exchange.paper.account.orders import Income
from exchange.paper.api import symbols
from exchange.paper.api.params import Params, malformed
from exchange.paper.api.routes import ClientRoute, Routes
from exchange.paper.pubsub.pubsub import Payload
from exchange.paper.venue.client import Client
from exchange.paper.venue.venue import PaperVenue
from exchange.paper.wire import account_wire
from exchange.paper.wire.order_wire import QUOTE_ASSET

_SUCCESS: Payload = {"code": 200, "msg": "success"}


class AccountRoutes:
    """The endpoints of the reference's sections 3.6 and 3.7, with userTrades."""

    def __init__(self, venue: PaperVenue) -> None:
        self._venue = venue

    def routes(self) -> Routes:
        return {
            "GET /fapi/v1/userTrades": ClientRoute(
                self._user_trades, 5, "symbol orderId startTime endTime fromId limit"
            ),
            "GET /fapi/v3/account": ClientRoute(self._account, 5),
            "GET /fapi/v2/account": ClientRoute(self._account_v2, 5),
            "GET /fapi/v3/balance": ClientRoute(self._balance, 5),
            "GET /fapi/v2/balance": ClientRoute(self._balance, 5),
            "GET /fapi/v3/positionRisk": ClientRoute(self._position_risk, 5, "symbol"),
            "GET /fapi/v2/positionRisk": ClientRoute(self._position_risk_v2, 5, "symbol"),
            "GET /fapi/v1/accountConfig": ClientRoute(_account_config, 5),
            "GET /fapi/v1/symbolConfig": ClientRoute(self._symbol_config, 5, "symbol"),
            "GET /fapi/v1/commissionRate": ClientRoute(self._commission_rate, 20, "symbol"),
            "GET /fapi/v1/leverageBracket": ClientRoute(self._brackets, 1, "symbol"),
            "POST /fapi/v1/leverage": ClientRoute(self._set_leverage, 1, "symbol leverage"),
            "POST /fapi/v1/marginType": ClientRoute(self._set_margin_type, 1, "symbol marginType"),
            "GET /fapi/v1/positionSide/dual": _constant({"dualSidePosition": False}, 30),
            "POST /fapi/v1/positionSide/dual": ClientRoute(
                _set_position_mode, 1, "dualSidePosition"
            ),
            "GET /fapi/v1/multiAssetsMargin": _constant({"multiAssetsMargin": False}, 30),
            "POST /fapi/v1/multiAssetsMargin": ClientRoute(
                _set_multi_assets, 1, "multiAssetsMargin"
            ),
            "GET /fapi/v1/feeBurn": ClientRoute(_fee_burn, 30),
            "POST /fapi/v1/feeBurn": ClientRoute(_set_fee_burn, 1, "feeBurn"),
            "GET /fapi/v1/income": ClientRoute(
                self._income, 30, "symbol incomeType startTime endTime limit"
            ),
            "GET /fapi/v1/adlQuantile": ClientRoute(self._adl_quantile, 5, "symbol"),
            "GET /fapi/v1/rateLimit/order": ClientRoute(lambda *_: limits.order_rows(), 1),
            "POST /fapi/v1/listenKey": ClientRoute(
                self._start_stream, 1, "listenKey", signed=False
            ),
            "PUT /fapi/v1/listenKey": ClientRoute(
                self._extend_stream, 1, "listenKey", signed=False
            ),
            "DELETE /fapi/v1/listenKey": ClientRoute(_end_stream, 1, "listenKey", signed=False),
        }

    # ------------------------------------------------------------ money and positions

    def _user_trades(self, client: Client, params: Params) -> list[Payload]:
        symbol_account = symbols.account(self._venue, client, params)
        venue_order_id, first_id = params.number("orderId"), params.number("fromId")
        timed = params.number("startTime") is not None or params.number("endTime") is not None
        if first_id is not None and timed:
            raise Refused(-1128, "Combination of optional parameters invalid.")
        found = [
            trade
            for trade in symbol_account.trades
            if (venue_order_id is None or trade.venue_order_id == venue_order_id)
            and (first_id is None or trade.trade_id >= first_id)
        ]
        times_ms = [trade.time_ms for trade in found]
        if first_id is None and (timed or venue_order_id is None):
            found = params.within_week(found, times_ms, self._venue.now_ms)
        from_start = first_id is not None or params.number("startTime") is not None
        rows = params.page(found, from_start=from_start)
        return [symbol_account.market.wire.user_trade(trade) for trade in rows]

    def _account(self, client: Client, _params: Params) -> Payload:
        return account_wire.account(client.account, self._stands(client))

    def _account_v2(self, client: Client, params: Params) -> Payload:
        stands = self._stands(client)
        return account_wire.account_v2(client.account, stands) | _fee_burn(client, params)

    def _balance(self, client: Client, _params: Params) -> list[Payload]:
        return [account_wire.balance(client.account, client.name)]

    def _position_risk(self, client: Client, params: Params) -> list[Payload]:
        return [
            account_wire.position_risk(symbol_account.ledger.stand)
            for symbol_account in symbols.accounts(self._venue, client, params)
            if symbol_account.ledger.stand.engaged
        ]

    def _position_risk_v2(self, client: Client, params: Params) -> list[Payload]:
        return [
            account_wire.position_risk_v2(symbol_account.ledger.stand)
            for symbol_account in symbols.accounts(self._venue, client, params)
        ]

    def _income(self, client: Client, params: Params) -> list[Payload]:
        symbol, kind = params.text("symbol"), params.text("incomeType")
        found = [
            income
            for income in client.incomes
            if symbol in (None, income.symbol) and kind in (None, income.kind)
        ]
        found = params.between(found, [income.time_ms for income in found])
        from_start = params.number("startTime") is not None
        return [
            _income_row(income) for income in params.page(found, from_start=from_start, default=100)
        ]

    def _adl_quantile(self, client: Client, params: Params) -> list[Payload]:
        return [
            {
                "symbol": symbol_account.market.symbol,
                "adlQuantile": {"LONG": 0, "SHORT": 0, "BOTH": 0},
            }
            for symbol_account in symbols.accounts(self._venue, client, params)
        ]

    # ------------------------------------------------------------ settings

    def _symbol_config(self, client: Client, params: Params) -> list[Payload]:
        return [
            {
                "symbol": symbol_account.market.symbol,
                "marginType": "CROSSED",
                "isAutoAddMargin": False,
                "leverage": symbol_account.holding.leverage,
                "maxNotionalValue": account_wire.max_notional(symbol_account.holding.leverage),
            }
            for symbol_account in symbols.accounts(self._venue, client, params)
        ]

    def _commission_rate(self, client: Client, params: Params) -> Payload:
        account = client.account
        return {
            "symbol": symbols.account(self._venue, client, params).market.symbol,
            "makerCommissionRate": e8_text(account.maker_rate_e8),
            "takerCommissionRate": e8_text(account.taker_rate_e8),
            "rpiCommissionRate": e8_text(account.maker_rate_e8),
        }

    def _brackets(self, client: Client, params: Params) -> Payload | list[Payload]:
        rows = [
            _bracket_row(symbol_account.market.symbol)
            for symbol_account in symbols.accounts(self._venue, client, params)
        ]
        return rows if params.text("symbol") is None else rows[0]

    def _set_leverage(self, client: Client, params: Params) -> Payload:
        symbol_account = symbols.account(self._venue, client, params)
        leverage = params.need_number("leverage")
        if not 1 <= leverage <= MOST_LEVERAGE:
            raise Refused(-4028, f"Leverage {leverage} is not valid.")
        symbol_account.set_leverage(leverage)
        return {
            "leverage": leverage,
            "maxNotionalValue": account_wire.max_notional(leverage),
            "symbol": symbol_account.market.symbol,
        }

    def _set_margin_type(self, client: Client, params: Params) -> Payload:
        symbols.account(self._venue, client, params)
        kind = params.need("marginType")
        if kind == "CROSSED":
            raise Refused(-4046, "No need to change margin type.")
        if kind == "ISOLATED":
            raise _unsupported("margin is crossed")
        malformed("marginType")

    # ------------------------------------------------------------ the private stream

    def _start_stream(self, client: Client, _params: Params) -> Payload:
        return {"listenKey": client.user_stream.start(self._venue.now_ms)}

    def _extend_stream(self, client: Client, _params: Params) -> Payload:
        return {"listenKey": client.user_stream.extend(self._venue.now_ms)}

    def _stands(self, client: Client) -> list[account_wire.Stand]:
        return [
            symbol_account.ledger.stand for symbol_account in self._venue.symbol_accounts(client)
        ]


def _end_stream(client: Client, _params: Params) -> Payload:
    client.user_stream.end_by_client()
    return {}


def _account_config(_client: Client, _params: Params) -> Payload:
    return account_wire.configuration() | {"dualSidePosition": False}


def _set_position_mode(_client: Client, params: Params) -> Payload:
    if params.need_flag("dualSidePosition"):
        raise _unsupported("positions are one-way")
    raise Refused(-4059, "No need to change position side.")


def _set_multi_assets(_client: Client, params: Params) -> Payload:
    if params.need_flag("multiAssetsMargin"):
        raise _unsupported("margin is of one asset")
    raise Refused(-4171, "No need to change multi-assets mode.")


def _fee_burn(client: Client, _params: Params) -> Payload:
    return {"feeBurn": client.burns_fees}


def _set_fee_burn(client: Client, params: Params) -> Payload:
    client.burns_fees = params.need_flag("feeBurn")
    return _SUCCESS


def _unsupported(because: str) -> Refused:
    return Refused(-1020, f"This operation is not supported: on this exchange {because}.")


def _income_row(income: Income) -> Payload:
    return {
        "symbol": income.symbol,
        "incomeType": income.kind,
        "income": e8_text(income.income_e8),
        "asset": QUOTE_ASSET,
        "info": income.kind,
        "time": income.time_ms,
        "tranId": income.number,
        "tradeId": "" if income.trade_id is None else str(income.trade_id),
    }


def _bracket_row(symbol: str) -> Payload:
    return {
        "symbol": symbol,
        "brackets": [
            {
                "bracket": bracket.number,
                "initialLeverage": bracket.leverage,
                "notionalCap": bracket.cap_e8 // 10**8,
                "notionalFloor": bracket.floor_e8 // 10**8,
                "maintMarginRatio": bracket.maintenance_ppm / 1_000_000,
                "cum": bracket.cum_e8 // 10**8,
            }
            for bracket in BRACKETS
        ],
    }


def _constant(answer: Payload, weight: int) -> ClientRoute:
    return ClientRoute(lambda *_: answer, weight)
