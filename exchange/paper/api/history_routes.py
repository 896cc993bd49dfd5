"""Market history endpoints: trades, candles, the statistics of a day."""

from bisect import bisect_left

from exchange.errors import Refused
from exchange.paper.api import symbols
from exchange.paper.api.params import Params
from exchange.paper.api.routes import PublicRoute, Routes, by_symbol
from exchange.paper.pubsub.pubsub import Payload
from exchange.paper.tape.candles import HOUR_MS, INTERVALS
from exchange.paper.tape.tape import Aggregate
from exchange.paper.venue.market import Market
from exchange.paper.venue.venue import PaperVenue
from exchange.paper.wire import candle_wire

MOST_CANDLES = 1500  # the venue's largest ``limit``

MOST_APART_MS = HOUR_MS
"""Between the start and the end of a search for aggregate trades."""


class HistoryRoutes:
    """The endpoints of the reference's section 3.1 about what was traded."""

    def __init__(self, venue: PaperVenue) -> None:
        self._venue = venue

    def routes(self) -> Routes:
        price = PublicRoute(self._price, by_symbol(1, 2), "symbol")
        return {
            "GET /fapi/v1/trades": PublicRoute(self._trades, 5, "symbol limit"),
            "GET /fapi/v1/historicalTrades": PublicRoute(
                self._old_trades, 200, "symbol limit fromId", needs_key=True
            ),
            "GET /fapi/v1/aggTrades": PublicRoute(
                self._aggregates, 20, "symbol fromId startTime endTime limit"
            ),
            "GET /fapi/v1/klines": PublicRoute(
                self._klines, _klines_weight, "symbol interval startTime endTime limit"
            ),
            "GET /fapi/v1/continuousKlines": PublicRoute(
                self._continuous_klines,
                _klines_weight,
                "pair contractType interval startTime endTime limit",
            ),
            "GET /fapi/v1/ticker/24hr": PublicRoute(self._day, by_symbol(1, 40), "symbol"),
            "GET /fapi/v1/ticker/price": price,
            "GET /fapi/v2/ticker/price": price,
        }

    # ------------------------------------------------------------ trades

    def _trades(self, params: Params) -> list[Payload]:
        market = symbols.one(self._venue, params)
        rows = list(market.tape.prints)[-params.limit(500, 1000) :]
        return [market.public.trade_row(made) for made in rows]

    def _old_trades(self, params: Params) -> list[Payload]:
        market = symbols.one(self._venue, params)
        first_id = params.number("fromId")
        rows = list(market.tape.prints)
        if first_id is not None:
            rows = rows[bisect_left(rows, first_id, key=lambda made: made.trade_id) :]
        rows = params.page(rows, from_start=first_id is not None, default=100, most=500)
        return [market.public.trade_row(made) for made in rows]

    def _aggregates(self, params: Params) -> list[Payload]:
        market = symbols.one(self._venue, params)
        first_id = params.number("fromId")
        start_ms, end_ms = params.number("startTime"), params.number("endTime")
        rows = list(market.tape.aggregates)
        if start_ms is not None or end_ms is not None:
            if first_id is not None:
                raise Refused(-1128, "Combination of optional parameters invalid.")
            rows = _between(params, rows, start_ms, end_ms)
        elif first_id is not None:
            rows = rows[bisect_left(rows, first_id, key=lambda made: made.aggregate_id) :]
        rows = params.page(rows, from_start=first_id is not None or start_ms is not None)
        return [market.public.aggregate_row(made) for made in rows]

    # ------------------------------------------------------------ candles

    def _klines(self, params: Params) -> list[list[object]]:
        return _candles(symbols.one(self._venue, params), params)

    def _continuous_klines(self, params: Params) -> list[list[object]]:
        market = self._venue.markets.get(params.need("pair"))
        if market is None:
            raise Refused(-4144, "Invalid pair.")
        if params.need("contractType") != "PERPETUAL":
            raise Refused(-1130, "Data sent for parameter 'contractType' is not valid.")
        return _candles(market, params)

    # ------------------------------------------------------------ tickers

    def _day(self, params: Params) -> Payload | list[Payload]:
        return symbols.one_or_all(self._venue, params, self._day_of)

    def _day_of(self, market: Market) -> Payload:
        newest, now_ms = market.tape.newest, self._venue.now_ms
        last_lots = newest.qty_lots if newest else 0
        return candle_wire.ticker_row(market.public, market.tape.day.at(now_ms), last_lots, now_ms)

    def _price(self, params: Params) -> Payload | list[Payload]:
        return symbols.one_or_all(self._venue, params, self._price_of)

    def _price_of(self, market: Market) -> Payload:
        newest = market.tape.newest
        mark_ticks = round(market.background.mark_ticks)  # until somebody trades
        price = market.public.price(newest.price_ticks if newest else mark_ticks)
        return {"symbol": market.symbol, "price": price, "time": self._venue.now_ms}


def _between(
    params: Params, rows: list[Aggregate], start_ms: int | None, end_ms: int | None
) -> list[Aggregate]:
    if start_ms is not None and end_ms is not None and end_ms - start_ms > MOST_APART_MS:
        raise Refused(
            -1127,
            "Lookup interval is too big. More than 1 hours between startTime and endTime.",
        )
    return params.between(rows, [made.time_ms for made in rows])


def _candles(market: Market, params: Params) -> list[list[object]]:
    interval = INTERVALS.get(params.need("interval"))
    if interval is None:
        raise Refused(-1120, "Invalid interval.")
    candles = market.tape.candles.closed(interval.name)
    running = market.tape.candles.running(interval.name)
    if running is not None:
        candles.append(running)
    candles = params.between(candles, [candle.opened_ms for candle in candles])
    from_start = params.number("startTime") is not None
    rows = params.page(candles, from_start=from_start, most=MOST_CANDLES)
    return [candle_wire.kline_row(market.public, interval, candle) for candle in rows]


def _klines_weight(params: Params) -> int:
    limit = params.number("limit")
    if limit is None or 500 <= limit <= 1000:
        return 5
    if limit > 1000:
        return 10
    return 1 if limit < 100 else 2
