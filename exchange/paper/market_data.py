"""What the market streams say: depth diffs, partial books, the touch, the tape, mark price."""

from dataclasses import dataclass

from exchange.instrument import e8_text
from exchange.paper.faces import Matcher
from exchange.paper.hub import Hub, Payload
from exchange.paper.matching import Changes, Traded
from exchange.paper.orders import OrderRecord
from exchange.paper.tape import Aggregate
from exchange.paper.wire import Wire
from exchange.types import Side

BEAT_MS = 50
"""Every depth period is a whole number of these."""

SKIPPED_IDS = 3
"""Update ids left out after each beat: the venue's are shared, and so never consecutive."""

_DEPTH_PERIODS_MS = {"": 250, "@100ms": 100, "@500ms": 500}
_MARK_PERIODS_MS = {"": 3000, "@1s": 1000}


@dataclass(frozen=True, slots=True)
class Marked:
    """What the mark price stream tells."""

    price_e8: int
    funding_rate: float
    """Of the next settlement."""
    next_funding_ms: int


class DepthFeed:
    """One speed of the diff stream: gathers changes, and chains what it sends."""

    def __init__(self, name: str, period_ms: int, last_id: int) -> None:
        self.name = name
        self.period_ms = period_ms
        self._sent_id = last_id
        self._first_id: int | None = None
        self._last_id = last_id
        self._bid_ticks: set[int] = set()
        self._ask_ticks: set[int] = set()

    def gather(self, changes: Changes) -> None:
        if self._first_id is None:
            self._first_id = changes.first_id
        self._last_id = changes.last_id
        self._bid_ticks |= changes.bid_ticks
        self._ask_ticks |= changes.ask_ticks

    def take(self) -> tuple[int, int, int, list[int], list[int]] | None:
        """First, last and previous last id, and the levels that changed; None when none did."""
        if self._first_id is None:
            return None
        taken = (
            self._first_id,
            self._last_id,
            self._sent_id,
            sorted(self._bid_ticks, reverse=True),
            sorted(self._ask_ticks),
        )
        self._first_id, self._sent_id = None, self._last_id
        self._bid_ticks.clear()
        self._ask_ticks.clear()
        return taken


class MarketData:
    """Publishes what happens in one book."""

    def __init__(self, wire: Wire, matching: Matcher, hub: Hub, now_ms: int) -> None:
        self._wire = wire
        self._matching = matching
        self._hub = hub
        self._stem = wire.symbol.lower()
        self._feeds = [
            DepthFeed(f"{self._stem}@depth{speed}", period_ms, matching.last_update_id)
            for speed, period_ms in _DEPTH_PERIODS_MS.items()
        ]
        self._beat = now_ms // BEAT_MS
        self._touch = (0, 0, 0, 0)
        self._liquidation: OrderRecord | None = None

    def publish_events(
        self, trades: list[Traded], aggregates: list[Aggregate], now_ms: int
    ) -> None:
        """The tape, and the touch where it changed."""
        if trades:
            self._publish_tape(trades, aggregates, now_ms)
        touch = self._matching.touch()
        if touch != self._touch:
            self._touch = touch
            if self._hub.wanted(f"{self._stem}@bookTicker"):
                self._hub.publish(f"{self._stem}@bookTicker", self._book_ticker(now_ms))

    def note_liquidation(self, order: OrderRecord) -> None:
        """Told at the next full second, if no larger one comes before."""
        largest = self._liquidation
        if largest is None or order.qty_lots > largest.qty_lots:
            self._liquidation = order

    def advance(self, now_ms: int, marked: Marked) -> None:
        """Send whatever fell due between the last beat and this one."""
        beat = now_ms // BEAT_MS
        if beat == self._beat:
            return
        before_ms, self._beat = self._beat * BEAT_MS, beat
        changes = self._matching.take_changes(SKIPPED_IDS)
        for feed in self._feeds:
            if changes is not None:
                feed.gather(changes)
            if _fell_due(feed.period_ms, before_ms, now_ms):
                self._publish_diff(feed, now_ms)
        for speed, period_ms in _DEPTH_PERIODS_MS.items():
            if _fell_due(period_ms, before_ms, now_ms):
                self._publish_partials(speed, now_ms)
        for speed, period_ms in _MARK_PERIODS_MS.items():
            name = f"{self._stem}@markPrice{speed}"
            if _fell_due(period_ms, before_ms, now_ms) and self._hub.wanted(name):
                self._hub.publish(name, self._mark_price(marked, now_ms))
        if self._liquidation is not None and _fell_due(1000, before_ms, now_ms):
            self._publish_liquidation(self._liquidation, now_ms)
            self._liquidation = None

    def depth(self, limit: int, now_ms: int) -> Payload:
        """The REST snapshot."""
        return {
            "lastUpdateId": self._matching.last_update_id,
            "E": now_ms,
            "T": now_ms,
            "bids": self._wire.levels(self._matching.levels(Side.BUY, limit)),
            "asks": self._wire.levels(self._matching.levels(Side.SELL, limit)),
        }

    def _publish_diff(self, feed: DepthFeed, now_ms: int) -> None:
        taken = feed.take()
        if taken is None or not self._hub.wanted(feed.name):
            return
        first_id, last_id, previous_id, bid_ticks, ask_ticks = taken
        lots_at = self._matching.lots_at
        bids = [(ticks, lots_at(Side.BUY, ticks)) for ticks in bid_ticks]
        asks = [(ticks, lots_at(Side.SELL, ticks)) for ticks in ask_ticks]
        self._hub.publish(
            feed.name, self._depth_update(first_id, last_id, previous_id, bids, asks, now_ms)
        )

    def _publish_partials(self, speed: str, now_ms: int) -> None:
        update_id = self._matching.last_update_id
        for count in (5, 10, 20):
            name = f"{self._stem}@depth{count}{speed}"
            if self._hub.wanted(name):
                bids = self._matching.levels(Side.BUY, count)
                asks = self._matching.levels(Side.SELL, count)
                self._hub.publish(
                    name, self._depth_update(update_id, update_id, update_id, bids, asks, now_ms)
                )

    def _publish_liquidation(self, order: OrderRecord, now_ms: int) -> None:
        body = self._wire.liquidation(order)
        event: Payload = {"e": "forceOrder", "E": now_ms, "o": body}
        self._hub.publish(f"{self._stem}@forceOrder", event)
        everyone: Payload = {"ps": self._wire.symbol, "st": 1}
        self._hub.publish("!forceOrder@arr", event | {"o": body | everyone})

    def _depth_update(
        self,
        first_id: int,
        last_id: int,
        previous_id: int,
        bids: list[tuple[int, int]],
        asks: list[tuple[int, int]],
        now_ms: int,
    ) -> Payload:
        return {
            "e": "depthUpdate",
            "E": now_ms,
            "T": now_ms,
            "s": self._wire.symbol,
            "ps": self._wire.symbol,
            "U": first_id,
            "u": last_id,
            "pu": previous_id,
            "b": self._wire.levels(bids),
            "a": self._wire.levels(asks),
            "st": 1,
        }

    def _publish_tape(self, trades: list[Traded], aggregates: list[Aggregate], now_ms: int) -> None:
        if self._hub.wanted(f"{self._stem}@trade"):
            for trade in trades:
                self._hub.publish(f"{self._stem}@trade", self._trade(trade, now_ms))
        if self._hub.wanted(f"{self._stem}@aggTrade"):
            for aggregate in aggregates:
                self._hub.publish(f"{self._stem}@aggTrade", self._aggregate(aggregate))

    def _trade(self, trade: Traded, now_ms: int) -> Payload:
        return {
            "e": "trade",
            "E": now_ms,
            "T": now_ms,
            "s": self._wire.symbol,
            "t": trade.trade_id,
            "p": self._wire.price(trade.price_ticks),
            "q": self._wire.qty(trade.qty_lots),
            "X": "MARKET",
            "m": trade.taker_side is Side.SELL,
            "st": 1,
        }

    def _aggregate(self, aggregate: Aggregate) -> Payload:
        row: Payload = {"e": "aggTrade", "E": aggregate.time_ms, "s": self._wire.symbol, "st": 1}
        return row | self._wire.aggregate(aggregate)

    def _book_ticker(self, now_ms: int) -> Payload:
        bid_ticks, bid_lots, ask_ticks, ask_lots = self._touch
        return {
            "e": "bookTicker",
            "u": self._matching.last_update_id,
            "E": now_ms,
            "T": now_ms,
            "s": self._wire.symbol,
            "ps": self._wire.symbol,
            "b": self._wire.price(bid_ticks),
            "B": self._wire.qty(bid_lots),
            "a": self._wire.price(ask_ticks),
            "A": self._wire.qty(ask_lots),
            "st": 1,
        }

    def _mark_price(self, marked: Marked, now_ms: int) -> Payload:
        mark = e8_text(marked.price_e8)
        return {
            "e": "markPriceUpdate",
            "E": now_ms,
            "s": self._wire.symbol,
            "p": mark,
            "ap": mark,
            "i": mark,
            "P": mark,
            "r": f"{marked.funding_rate:.8f}",
            "T": marked.next_funding_ms,
            "st": 1,
        }


def _fell_due(period_ms: int, before_ms: int, now_ms: int) -> bool:
    return now_ms // period_ms != before_ms // period_ms
