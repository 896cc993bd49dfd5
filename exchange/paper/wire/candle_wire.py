"""Candle wire format: klines, and the statistics of a day, as the venue writes them."""

from exchange.instrument import DecimalGrid, e8_text
from exchange.paper.account.account import divide_rounded
from exchange.paper.pubsub.pubsub import Payload
from exchange.paper.tape.candles import Candle, Interval
from exchange.paper.wire.market_wire import USD_M, MarketWire

_PERCENT = DecimalGrid("0.001")

# ---------------------------------------------------------------- klines


def kline_row(market: MarketWire, interval: Interval, candle: Candle) -> list[object]:
    """The REST answer; the last element means nothing, at the venue neither."""
    notional = market.wire.notional
    return [
        candle.opened_ms,
        market.price(candle.open_ticks),
        market.price(candle.high_ticks),
        market.price(candle.low_ticks),
        market.price(candle.close_ticks),
        market.qty(candle.lots),
        interval.end_ms(candle.opened_ms) - 1,
        notional(candle.tick_lots),
        candle.trades,
        market.qty(candle.bought_lots),
        notional(candle.bought_tick_lots),
        "0",
    ]


def kline(market: MarketWire, body: Payload, now_ms: int) -> Payload:
    """The event.

    Args:
        body: As of ``kline_body``.
    """
    candle = {"s": market.symbol} | body
    return {"e": "kline", "E": now_ms, "s": market.symbol, "k": candle}


def continuous_kline(market: MarketWire, body: Payload, now_ms: int) -> Payload:
    """The event of a pair's perpetual contract; arguments as of ``kline``."""
    return {
        "e": "continuous_kline",
        "E": now_ms,
        "ps": market.symbol,
        "ct": "PERPETUAL",
        "k": body,
    }


def kline_body(market: MarketWire, interval: Interval, candle: Candle, *, closed: bool) -> Payload:
    """What events hold of a candle.

    Args:
        closed: Whether nothing will ever change it.
    """
    notional = market.wire.notional
    return {
        "t": candle.opened_ms,
        "T": interval.end_ms(candle.opened_ms) - 1,
        "i": interval.name,
        "f": candle.first_trade_id,
        "L": candle.last_trade_id,
        "o": market.price(candle.open_ticks),
        "c": market.price(candle.close_ticks),
        "h": market.price(candle.high_ticks),
        "l": market.price(candle.low_ticks),
        "v": market.qty(candle.lots),
        "n": candle.trades,
        "x": closed,
        "q": notional(candle.tick_lots),
        "V": market.qty(candle.bought_lots),
        "Q": notional(candle.bought_tick_lots),
        "B": "0",
    }


# ---------------------------------------------------------------- a day


def mini_ticker(market: MarketWire, day: Candle, now_ms: int) -> Payload:
    """The event.

    Args:
        day: As of ``RollingDay``.
    """
    return {
        "e": "24hrMiniTicker",
        "E": now_ms,
        "s": market.symbol,
        "c": market.price(day.close_ticks),
        "o": market.price(day.open_ticks),
        "h": market.price(day.high_ticks),
        "l": market.price(day.low_ticks),
        "v": market.qty(day.lots),
        "q": market.wire.notional(day.tick_lots),
        "ps": market.symbol,
        "st": USD_M,
    }


def ticker(market: MarketWire, day: Candle, last_lots: int, now_ms: int) -> Payload:
    """The event.

    Args:
        day: As of ``RollingDay``.
        last_lots: Size of the newest trade.
    """
    return mini_ticker(market, day, now_ms) | {
        "e": "24hrTicker",
        "p": _change(market, day),
        "P": _change_percent(day),
        "w": _average(market, day),
        "Q": market.qty(last_lots),
        "O": day.opened_ms,
        "C": now_ms,
        "F": day.first_trade_id,
        "L": day.last_trade_id,
        "n": day.trades,
    }


def ticker_row(market: MarketWire, day: Candle, last_lots: int, now_ms: int) -> Payload:
    """The REST answer; arguments as of ``ticker``."""
    return {
        "symbol": market.symbol,
        "priceChange": _change(market, day),
        "priceChangePercent": _change_percent(day),
        "weightedAvgPrice": _average(market, day),
        "lastPrice": market.price(day.close_ticks),
        "lastQty": market.qty(last_lots),
        "openPrice": market.price(day.open_ticks),
        "highPrice": market.price(day.high_ticks),
        "lowPrice": market.price(day.low_ticks),
        "volume": market.qty(day.lots),
        "quoteVolume": market.wire.notional(day.tick_lots),
        "openTime": day.opened_ms,
        "closeTime": now_ms,
        "firstId": day.first_trade_id,
        "lastId": day.last_trade_id,
        "count": day.trades,
    }


def _change(market: MarketWire, day: Candle) -> str:
    return market.wire.instrument.price.text(day.close_ticks - day.open_ticks)


def _change_percent(day: Candle) -> str:
    if not day.open_ticks:
        return "0.000"
    change_ticks = day.close_ticks - day.open_ticks
    return _PERCENT.text(divide_rounded(change_ticks * 100_000, day.open_ticks))


def _average(market: MarketWire, day: Candle) -> str:
    """By volume."""
    if not day.lots:
        return "0"
    return e8_text(divide_rounded(day.tick_lots * market.wire.tick_e8, day.lots))
