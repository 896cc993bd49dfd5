"""Market data endpoints: the symbols, their books, their marks, their funding, as they are now."""

from exchange.errors import Refused
from exchange.paper import limits
from exchange.paper.api import symbols
from exchange.paper.api.params import Params
from exchange.paper.api.routes import PublicRoute, Routes, by_symbol
from exchange.paper.pubsub.pubsub import Payload
from exchange.paper.venue.market import Market
from exchange.paper.venue.venue import PaperVenue
from exchange.paper.wire.order_wire import QUOTE_ASSET

_DEPTH_WEIGHTS = {5: 2, 10: 2, 20: 2, 50: 2, 100: 5, 500: 10, 1000: 20}  # the venue's, by ``limit``

_RPI_DEPTH_LIMIT = 1000  # the only ``limit`` that the venue takes there

_FUNDING_CALLS = 500
_FUNDING_WINDOW_MS = 300_000  # the venue counts these endpoints by calls, apart from weight

_USUAL_FUNDING_MS = 8 * 3_600_000  # fundingInfo leaves out symbols that have it
_FUNDING_CAP = "0.02000000"


class MarketRoutes:
    """The endpoints of the reference's section 3.1 about the present."""

    def __init__(self, venue: PaperVenue) -> None:
        self._venue = venue
        self._funding_calls = limits.Window(_FUNDING_WINDOW_MS, _FUNDING_CALLS)

    def routes(self) -> Routes:
        return {
            "GET /fapi/v1/ping": PublicRoute(lambda _: {}, 1),
            "GET /fapi/v1/exchangeInfo": PublicRoute(self._exchange_info, 1),
            "GET /fapi/v1/depth": PublicRoute(self._depth, _depth_weight, "symbol limit"),
            "GET /fapi/v1/rpiDepth": PublicRoute(self._rpi_depth, 20, "symbol limit"),
            "GET /fapi/v1/ticker/bookTicker": PublicRoute(
                self._book_ticker, by_symbol(2, 5), "symbol"
            ),
            "GET /fapi/v1/premiumIndex": PublicRoute(
                self._premium_index, by_symbol(1, 10), "symbol"
            ),
            "GET /fapi/v1/fundingRate": PublicRoute(
                self._funding_rate, 0, "symbol startTime endTime limit"
            ),
            "GET /fapi/v1/fundingInfo": PublicRoute(self._funding_info, 0),
            "GET /fapi/v1/openInterest": PublicRoute(self._open_interest, 1, "symbol"),
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
            "symbols": [market.wire.symbol_info(market.status) for market in markets],
        }

    # ------------------------------------------------------------ books

    def _depth(self, params: Params) -> Payload:
        limit = params.number("limit")
        return self._depth_of(params, 500 if limit is None else limit)

    def _rpi_depth(self, params: Params) -> Payload:
        """Nobody improves prices for retail here, so it is the same book."""
        if params.number("limit") not in (None, _RPI_DEPTH_LIMIT):
            raise _bad_depth_limit(params.number("limit"))
        return self._depth_of(params, _RPI_DEPTH_LIMIT)

    def _depth_of(self, params: Params, limit: int) -> Payload:
        return symbols.one(self._venue, params).market_data.depth(limit, self._venue.now_ms)

    def _book_ticker(self, params: Params) -> Payload | list[Payload]:
        return symbols.one_or_all(self._venue, params, self._book_ticker_of)

    def _book_ticker_of(self, market: Market) -> Payload:
        matching = market.matching
        update_id, touch = matching.last_update_id, matching.touch()
        return market.public.book_ticker_row(update_id, touch, self._venue.now_ms)

    # ------------------------------------------------------------ mark and funding

    def _premium_index(self, params: Params) -> Payload | list[Payload]:
        return symbols.one_or_all(self._venue, params, self._premium_of)

    def _premium_of(self, market: Market) -> Payload:
        return market.public.premium_row(market.marked, self._venue.now_ms)

    def _funding_rate(self, params: Params) -> list[Payload]:
        self._count_funding_call()
        markets = symbols.asked(self._venue, params)
        past = [(funding, market) for market in markets for funding in market.fundings]
        past.sort(key=lambda settled: settled[0].time_ms)
        past = params.between(past, [funding.time_ms for funding, _ in past])
        from_start = params.number("startTime") is not None
        return [
            market.public.funding_row(funding.time_ms, funding.rate, funding.mark_e8)
            for funding, market in params.page(past, from_start=from_start, default=100)
        ]

    def _funding_info(self, _params: Params) -> list[Payload]:
        """Only of symbols that are not funded as usual."""
        self._count_funding_call()
        return [
            {
                "symbol": market.symbol,
                "adjustedFundingRateCap": _FUNDING_CAP,
                "adjustedFundingRateFloor": f"-{_FUNDING_CAP}",
                "fundingIntervalHours": market.funding_interval_ms // 3_600_000,
                "disclaimer": False,
            }
            for market in self._venue.markets.values()
            if market.funding_interval_ms != _USUAL_FUNDING_MS
        ]

    def _count_funding_call(self) -> None:
        if not self._funding_calls.spend(1, self._venue.now_ms):
            raise limits.OverLimit(
                -1003,
                f"Too many requests; current limit is {_FUNDING_CALLS} requests per 5 minutes.",
                429,
            )

    # ------------------------------------------------------------ positions

    def _open_interest(self, params: Params) -> Payload:
        """Contracts that are open, the background being counted as one party.

        What its own traders hold against each other nobody keeps.
        """
        market = symbols.one(self._venue, params)
        accounts = [client.account for client in self._venue.clients]
        accounts.append(self._venue.insurance.account)
        held = [account.holdings[market.symbol].lots for account in accounts]
        longs, shorts = sum(max(0, lots) for lots in held), sum(max(0, -lots) for lots in held)
        return {
            "symbol": market.symbol,
            "openInterest": market.wire.qty(max(longs, shorts)),
            "time": self._venue.now_ms,
        }


def _depth_weight(params: Params) -> int:
    limit = params.number("limit")
    weight = _DEPTH_WEIGHTS.get(500 if limit is None else limit)
    if weight is None:
        raise _bad_depth_limit(limit)
    return weight


def _bad_depth_limit(limit: int | None) -> Refused:
    return Refused(-4021, f"Depth limit {limit} not valid.")
