"""Depth streams of one symbol: its changes at several speeds, and the top of its book."""

from exchange.paper.matching.events import Changes
from exchange.paper.matching.order_book import OrderBook
from exchange.paper.pubsub.period_clock import TICK_MS, PeriodClock
from exchange.paper.pubsub.pubsub import PubSub
from exchange.paper.wire.market_wire import MarketWire, UpdateIds
from exchange.types import Side

SKIPPED_IDS = 3
"""Update ids left out after each tick: the venue's are shared, and so never consecutive."""

PARTIAL_LEVELS = (5, 10, 20)  # those that the venue offers

_SPEEDS = {TICK_MS: ("@0ms",), 100: ("@100ms",), 250: ("", "@250ms"), 500: ("@500ms",)}
"""How often each is published, by milliseconds; the fastest as often as changes are gathered."""


class _Feed:
    """One speed under all its names: gathers changes, and chains what is sent."""

    def __init__(self, stem: str, speeds: tuple[str, ...], period_ms: int, last_id: int) -> None:
        self.period_ms = period_ms
        self.diffs = [f"{stem}@depth{speed}" for speed in speeds]
        if "@500ms" in speeds:
            # Nobody improves prices for retail here, so this is the same book.
            self.diffs.append(f"{stem}@rpiDepth@500ms")
        self.partials = [
            (count, f"{stem}@depth{count}{speed}") for count in PARTIAL_LEVELS for speed in speeds
        ]
        self._sent_id = last_id
        self._gathered: list[Changes] = []

    def gather(self, changes: Changes) -> None:
        self._gathered.append(changes)

    def take(self) -> tuple[UpdateIds, list[Changes]] | None:
        """What is to be sent now, or None when nothing changed."""
        if not self._gathered:
            return None
        taken, self._gathered = self._gathered, []
        ids = UpdateIds(taken[0].first_id, taken[-1].last_id, self._sent_id)
        self._sent_id = ids.last
        return ids, taken


class DepthStreams:
    """Publishes one book."""

    def __init__(self, wire: MarketWire, matching: OrderBook, pubsub: PubSub) -> None:
        self._wire = wire
        self._matching = matching
        self._pubsub = pubsub
        self._feeds = [
            _Feed(wire.symbol.lower(), speeds, period_ms, matching.last_update_id)
            for period_ms, speeds in _SPEEDS.items()
        ]
        for feed in self._feeds:
            pubsub.offer(*feed.diffs, *(name for _, name in feed.partials))

    def tick(self, period_clock: PeriodClock, now_ms: int) -> None:
        """Send whatever is due at this tick."""
        changes = self._matching.take_changes(SKIPPED_IDS)
        for feed in self._feeds:
            if changes is not None:
                feed.gather(changes)
            if period_clock.due(feed.period_ms):
                self._send(feed, now_ms)

    def _send(self, feed: _Feed, now_ms: int) -> None:
        taken = feed.take()
        if taken is None:
            return
        ids, gathered = taken
        diffs = [name for name in feed.diffs if self._pubsub.wanted(name)]
        if diffs:
            self._send_diff(diffs, ids, gathered, now_ms)
        partials = [(count, name) for count, name in feed.partials if self._pubsub.wanted(name)]
        if partials:
            self._send_tops(partials, ids, now_ms)

    def _send_diff(
        self, names: list[str], ids: UpdateIds, gathered: list[Changes], now_ms: int
    ) -> None:
        bid_ticks = frozenset().union(*(changes.bid_ticks for changes in gathered))
        ask_ticks = frozenset().union(*(changes.ask_ticks for changes in gathered))
        lots_at = self._matching.lots_at
        bids = [(ticks, lots_at(Side.BUY, ticks)) for ticks in sorted(bid_ticks)]
        asks = [(ticks, lots_at(Side.SELL, ticks)) for ticks in sorted(ask_ticks)]
        levels = self._wire.levels
        diff = self._wire.depth_update(ids, levels(bids), levels(asks), now_ms)
        for name in names:
            self._pubsub.publish(name, diff)

    def _send_tops(self, partials: list[tuple[int, str]], ids: UpdateIds, now_ms: int) -> None:
        most = max(count for count, _ in partials)
        bids, asks = (
            self._wire.levels(self._matching.levels(side, most)) for side in (Side.BUY, Side.SELL)
        )
        for count, name in partials:
            top = self._wire.depth_update(ids, bids[:count], asks[:count], now_ms)
            self._pubsub.publish(name, top)
