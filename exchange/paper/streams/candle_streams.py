"""Kline streams of one symbol.

As the venue does, a running candle is published when trades have changed it, and a closed one
once, soon after its end; a new one that nobody traded in yet is not published. The first
subscriber also receives where the candle stands.
"""

from collections.abc import Callable

from exchange.paper.pubsub.pubsub import Payload, PubSub
from exchange.paper.tape.candles import INTERVALS, Candles, Interval
from exchange.paper.wire import candle_wire
from exchange.paper.wire.market_wire import MarketWire

PERIOD_MS = 250  # the venue's pace of klines

_Spelling = Callable[[MarketWire, Payload, int], Payload]


class CandleStreams:
    """Publishes one market's candles."""

    def __init__(self, wire: MarketWire, candles: Candles, pubsub: PubSub) -> None:
        self._wire = wire
        self._candles = candles
        self._pubsub = pubsub
        stem = wire.symbol.lower()
        self._streams: list[tuple[str, Interval, _Spelling]] = []
        for interval in INTERVALS.values():
            ordinary = f"{stem}@kline_{interval.name}"
            continuous = f"{stem}_perpetual@continuousKline_{interval.name}"
            self._streams.append((ordinary, interval, candle_wire.kline))
            self._streams.append((continuous, interval, candle_wire.continuous_kline))
            pubsub.offer(ordinary, continuous)
        self._published: dict[str, tuple[int, int]] = {}
        """By stream: when the candle opened that was published last, and its trades then."""

    def send(self, now_ms: int) -> None:
        """Publish what has changed; to be called every ``PERIOD_MS``."""
        for name, interval, spelling in self._streams:
            if self._pubsub.wanted(name):
                self._send(name, interval, spelling, now_ms)
            else:
                self._published.pop(name, None)

    def _send(self, name: str, interval: Interval, spelling: _Spelling, now_ms: int) -> None:
        running = self._candles.running(interval.name)
        if running is None:
            return
        # A new subscriber came after the tick before this one.
        fresh = (interval.opening_ms(now_ms - PERIOD_MS), -1)
        published_ms, published_trades = self._published.get(name, fresh)
        if published_ms < running.opened_ms:
            for candle in self._candles.closed(interval.name, published_ms):
                body = candle_wire.kline_body(self._wire, interval, candle, closed=True)
                self._pubsub.publish(name, spelling(self._wire, body, now_ms))
            published_trades = 0
        if published_trades < running.trades:
            body = candle_wire.kline_body(self._wire, interval, running, closed=False)
            self._pubsub.publish(name, spelling(self._wire, body, now_ms))
        self._published[name] = running.opened_ms, running.trades
