"""Market data streams of one symbol.

The tape and the touch are published as they happen, all else at its own pace. A payload is built
only when somebody listens.
"""

from collections.abc import Callable, Iterable

from exchange.paper.account.orders import OrderRecord
from exchange.paper.matching.events import Traded
from exchange.paper.matching.order_book import OrderBook
from exchange.paper.pubsub.period_clock import PeriodClock
from exchange.paper.pubsub.pubsub import Payload, PubSub
from exchange.paper.streams import candle_streams
from exchange.paper.streams.candle_streams import CandleStreams
from exchange.paper.streams.depth_streams import DepthStreams
from exchange.paper.tape.tape import Aggregate, Tape
from exchange.paper.wire import candle_wire
from exchange.paper.wire.market_wire import Marked, MarketWire
from exchange.types import Side

MARK_PERIODS_MS = {"": 3000, "@1s": 1000}  # the venue's, by the stream's suffix
TICKER_PERIOD_MS = 2000  # the venue's, for one symbol


class MarketData:
    """Publishes what happens in one market.

    Args:
        marked: Gives the mark of now.
    """

    def __init__(
        self,
        wire: MarketWire,
        matching: OrderBook,
        tape: Tape,
        marked: Callable[[], Marked],
        pubsub: PubSub,
        now_ms: int,
    ) -> None:
        self._wire = wire
        self._matching = matching
        self._tape = tape
        self._marked = marked
        self._pubsub = pubsub
        self._period_clock = PeriodClock(now_ms)
        self._depth = DepthStreams(wire, matching, pubsub)
        self._klines = CandleStreams(wire, tape.candles, pubsub)
        stem = wire.symbol.lower()
        self._touch_name = f"{stem}@bookTicker"
        self._trade_name = f"{stem}@trade"
        self._aggregate_name = f"{stem}@aggTrade"
        self._marks = [
            (f"{stem}@markPrice{speed}", period_ms) for speed, period_ms in MARK_PERIODS_MS.items()
        ]
        self._tickers = [
            (f"{stem}@miniTicker", self.mini_ticker),
            (f"{stem}@ticker", self.ticker),
        ]
        pubsub.offer(self._touch_name, self._trade_name, self._aggregate_name, f"{stem}@forceOrder")
        pubsub.offer(*(name for name, _ in (*self._marks, *self._tickers)))
        self._touch = (0, 0, 0, 0)
        self._liquidation: OrderRecord | None = None

    # ------------------------------------------------------------ as it happens

    def publish_trades(self, trades: list[Traded], now_ms: int) -> None:
        if self._pubsub.wanted(self._trade_name):
            for trade in trades:
                self._pubsub.publish(self._trade_name, self._wire.trade(trade, now_ms))

    def publish_aggregates(self, aggregates: Iterable[Aggregate], now_ms: int) -> None:
        if self._pubsub.wanted(self._aggregate_name):
            for made in aggregates:
                self._pubsub.publish(self._aggregate_name, self._wire.aggregate(made, now_ms))

    def publish_touch(self, now_ms: int) -> None:
        """Publish the best prices, if they or their sizes changed."""
        if not self._pubsub.wanted(self._touch_name):
            return
        touch = self._matching.touch()
        if touch != self._touch:
            self._touch = touch
            update_id = self._matching.last_update_id
            self._pubsub.publish(self._touch_name, self._wire.book_ticker(update_id, touch, now_ms))

    def note_liquidation(self, order: OrderRecord) -> None:
        """Published at the next full second, if no larger one comes before."""
        largest = self._liquidation
        if largest is None or order.qty_lots > largest.qty_lots:
            self._liquidation = order

    def take_liquidation(self) -> OrderRecord | None:
        """The largest since the last call."""
        largest, self._liquidation = self._liquidation, None
        return largest

    # ------------------------------------------------------------ in its time

    def advance(self, now_ms: int) -> None:
        """Send whatever fell due by now."""
        if not self._period_clock.advance(now_ms):
            return
        self._depth.tick(self._period_clock, now_ms)
        if self._period_clock.due(candle_streams.PERIOD_MS):
            self._klines.send(now_ms)
        for name, period_ms in self._marks:
            if self._period_clock.due(period_ms) and self._pubsub.wanted(name):
                self._pubsub.publish(name, self.mark_price(now_ms))
        if self._period_clock.due(TICKER_PERIOD_MS) and self._tape.newest is not None:
            for name, spell in self._tickers:
                if self._pubsub.wanted(name):
                    self._pubsub.publish(name, spell(now_ms))

    # ------------------------------------------------------------ on request

    def depth(self, limit: int, now_ms: int) -> Payload:
        """The REST snapshot."""
        bids, asks = (self._matching.levels(side, limit) for side in Side)
        return self._wire.depth(self._matching.last_update_id, bids, asks, now_ms)

    def book_ticker(self, now_ms: int) -> Payload:
        return self._wire.book_ticker(self._matching.last_update_id, self._matching.touch(), now_ms)

    def mark_price(self, now_ms: int) -> Payload:
        return self._wire.mark_price(self._marked(), now_ms)

    def mini_ticker(self, now_ms: int) -> Payload:
        return candle_wire.mini_ticker(self._wire, self._tape.day.at(now_ms), now_ms)

    def ticker(self, now_ms: int) -> Payload:
        newest = self._tape.newest
        last_lots = newest.qty_lots if newest else 0
        return candle_wire.ticker(self._wire, self._tape.day.at(now_ms), last_lots, now_ms)
