"""Background maker: its quotes on one side of the synthetic market."""

import math
from collections.abc import Iterable, Iterator

from exchange.paper.matching.events import BACKGROUND, MatchEvent
from exchange.paper.matching.price_time import Matching
from exchange.paper.rng import SplitMix64
from exchange.paper.settings import SyntheticMarket
from exchange.types import Side

RESIZE_REACH_LEVELS = 12.0
"""Mean distance from the touch of a level that changes its size."""

THIN_LEVELS = 10
THIN_SHARE = 0.1
"""What a maker who foresees a jump leaves on so many levels, of the mean size."""


class Ladder:
    """The background maker's quotes on one side: one order a level, as far as uneaten."""

    def __init__(self, side: Side, market: SyntheticMarket, matching: Matching) -> None:
        self.side = side
        self._half_spread_ticks = market.half_spread_ticks
        self._depth_levels = market.depth_levels
        self._level_lots = market.level_lots
        self._matching = matching
        self._orders: dict[int, int] = {}  # price_ticks to venue_order_id
        self._window = range(0)
        self._entered: list[int] = []
        self._eaten: set[int] = set()

    def withdraw_outside(self, fair_ticks: float) -> None:
        """Move the window with the fair value, and cancel what it leaves behind."""
        window = self._window_around(fair_ticks)
        if window == self._window:
            self._entered = []
            return
        for price_ticks in _difference(self._window, window):
            venue_order_id = self._orders.pop(price_ticks, None)
            self._eaten.discard(price_ticks)
            if venue_order_id is not None:
                self._matching.cancel(venue_order_id)
        self._entered = _difference(window, self._window)
        self._window = window

    def quote_new_levels(self, random: SplitMix64) -> Iterator[list[MatchEvent]]:
        """Quote, nearest first, the levels that the window has just reached."""
        for price_ticks in self._nearest_first(self._entered):
            yield self._submit(price_ticks, self._draw_lots(random))

    def refill(self, random: SplitMix64, chance: float) -> Iterator[list[MatchEvent]]:
        """Give each eaten level its chance to come back."""
        for price_ticks in self._nearest_first(self._eaten):
            if random.uniform() < chance:
                self._eaten.discard(price_ticks)
                yield self._submit(price_ticks, self._draw_lots(random))

    def resize(self, random: SplitMix64) -> Iterator[list[MatchEvent]]:
        """Change the size of a level, mostly near the touch; growing costs it its place."""
        level = int(random.exponential(1.0 / RESIZE_REACH_LEVELS))
        lots = self._draw_lots(random)
        if level >= self._depth_levels:
            return
        price_ticks = self.best_ticks - self.side * level
        venue_order_id = self._orders.get(price_ticks)
        order = self._matching.resting(venue_order_id) if venue_order_id is not None else None
        if order is None:
            return
        if lots <= order.left_lots:
            self._matching.shrink(order.venue_order_id, lots)
            return
        self._matching.cancel(order.venue_order_id)
        yield self._submit(price_ticks, lots)

    def thin(self) -> None:
        """Leave little on the nearest levels; what is left keeps its place in the queue."""
        most = max(1, round(THIN_SHARE * self._level_lots))
        for level in range(THIN_LEVELS):
            venue_order_id = self._orders.get(self.best_ticks - self.side * level)
            order = self._matching.resting(venue_order_id) if venue_order_id is not None else None
            if order is not None and order.left_lots > most:
                self._matching.shrink(order.venue_order_id, most)

    def find_eaten(self) -> None:
        """Notice the levels whose order has traded away."""
        for price_ticks, venue_order_id in list(self._orders.items()):
            if self._matching.resting(venue_order_id) is None:
                del self._orders[price_ticks]
                self._eaten.add(price_ticks)

    @property
    def best_ticks(self) -> int:
        return self._window[-1] if self.side is Side.BUY else self._window[0]

    def _window_around(self, fair_ticks: float) -> range:
        if self.side is Side.BUY:
            best = math.floor(fair_ticks - self._half_spread_ticks)
            return range(best - self._depth_levels + 1, best + 1)
        best = math.ceil(fair_ticks + self._half_spread_ticks)
        return range(best, best + self._depth_levels)

    def _nearest_first(self, prices: Iterable[int]) -> list[int]:
        return sorted(prices, reverse=self.side is Side.BUY)

    def _submit(self, price_ticks: int, lots: int) -> list[MatchEvent]:
        events = self._matching.submit(BACKGROUND, self.side, lots, price_ticks)
        self._orders[price_ticks] = self._matching.last_order_id
        return events

    def _draw_lots(self, random: SplitMix64) -> int:
        return max(1, round(self._level_lots * (0.25 + random.exponential(1.0 / 0.75))))


def _difference(a: range, b: range) -> list[int]:
    """The numbers of one run that are not in another."""
    if not a or not b or a.stop <= b.start or b.stop <= a.start:
        return list(a)
    return [*range(a.start, min(b.start, a.stop)), *range(max(b.stop, a.start), a.stop)]
