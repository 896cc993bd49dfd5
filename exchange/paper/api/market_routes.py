"""Market data over REST: what anyone may ask about the symbols."""

from collections.abc import Callable

from exchange.errors import Refused
from exchange.instrument import e8_text
from exchange.paper import limits
from exchange.paper.api.params import Params
from exchange.paper.api.routes import PublicRoute, Routes, by_symbol
from exchange.paper.hub import Payload
from exchange.paper.market import Market
from exchange.paper.venue import PaperVenue
from exchange.paper.wire import QUOTE_ASSET
from exchange.types import Side

_DEPTH_WEIGHTS = {5: 2, 10: 2, 20: 2, 50: 2, 100: 5, 500: 10, 1000: 20}


class MarketRoutes:
    """The endpoints of the reference's section 3.1."""

    def __init__(self, venue: PaperVenue) -> None:
        self._venue = venue

    def routes(self) -> Routes:
        return {
            "GET /fapi/v1/ping": PublicRoute(lambda _: {}, 1),
            "GET /fapi/v1/exchangeInfo": PublicRoute(self._exchange_info, 1),
            "GET /fapi/v1/depth": PublicRoute(self._depth, _depth_weight),
            "GET /fapi/v1/trades": PublicRoute(self._trades, 5),
            "GET /fapi/v1/premiumIndex": PublicRoute(self._premium_index, by_symbol(1, 10)),
            "GET /fapi/v1/ticker/bookTicker": PublicRoute(self._book_ticker, by_symbol(2, 5)),
        }

    def _exchange_info(self, _params: Params) -> Payload:
        markets = self._venue.markets.values()
        return {
            "timezone": "UTC",
            "serverTime": self._venue.now_ms,
            "futuresType": "U_MARGINED",
            "rateLimits": [limits.weight_row(), *limits.order_rows()],
            "exchangeFilters": [],
            "assets": [{"asset": QUOTE_ASSET, "marginAvailable": True, "autoAssetExchange": "0"}],
            "symbols": [market.wire.symbol_info() for market in markets],
        }

    def _depth(self, params: Params) -> Payload:
        limit = params.number("limit")
        data = self._market(params).market_data
        return data.depth(500 if limit is None else limit, self._venue.now_ms)

    def _trades(self, params: Params) -> list[Payload]:
        market = self._market(params)
        wire = market.wire
        return [
            {
                "id": made.trade_id,
                "price": wire.price(made.price_ticks),
                "qty": wire.qty(made.qty_lots),
                "quoteQty": wire.notional(made.price_ticks * made.qty_lots),
                "time": made.time_ms,
                "isBuyerMaker": made.taker_side is Side.SELL,
                "isRPITrade": False,
            }
            for made in list(market.tape.prints)[-params.limit(500, 1000) :]
        ]

    def _premium_index(self, params: Params) -> Payload | list[Payload]:
        return self._one_or_all(params, self._premium)

    def _premium(self, market: Market) -> Payload:
        mark = e8_text(market.mark.price_e8)
        return {
            "symbol": market.symbol,
            "markPrice": mark,
            "indexPrice": mark,
            "estimatedSettlePrice": mark,
            "lastFundingRate": f"{market.funding_rate:.8f}",
            "interestRate": "0.00010000",
            "nextFundingTime": market.next_funding_ms,
            "time": self._venue.now_ms,
        }

    def _book_ticker(self, params: Params) -> Payload | list[Payload]:
        return self._one_or_all(params, self._touch)

    def _touch(self, market: Market) -> Payload:
        wire = market.wire
        bid_ticks, bid_lots, ask_ticks, ask_lots = market.matching.touch()
        return {
            "symbol": wire.symbol,
            "bidPrice": wire.price(bid_ticks),
            "bidQty": wire.qty(bid_lots),
            "askPrice": wire.price(ask_ticks),
            "askQty": wire.qty(ask_lots),
            "time": self._venue.now_ms,
            "lastUpdateId": market.matching.last_update_id,
        }

    # ------------------------------------------------------------ symbols

    def _market(self, params: Params) -> Market:
        return self._venue.market(params.need("symbol"))

    def _one_or_all(
        self, params: Params, row: Callable[[Market], Payload]
    ) -> Payload | list[Payload]:
        """One row for the symbol that was sent, or else a list of every symbol's."""
        symbol = params.text("symbol")
        if symbol is not None:
            return row(self._venue.market(symbol))
        return [row(market) for market in self._venue.markets.values()]


def _depth_weight(params: Params) -> int:
    limit = params.number("limit")
    weight = _DEPTH_WEIGHTS.get(500 if limit is None else limit)
    if weight is None:
        raise Refused(-4021, f"Depth limit {limit} not valid.")
    return weight
