"""Flicker generator: one side of the touch shakes while the other stands still, in two cases.

Somebody quotes far inside the spread, again and again. In the first case a taker eats the
quote each time, which is what a quote is for; in the second it is cancelled each time, which
is what a bluff looks like. Both shake the touch alike: only the tape tells them apart.

Episodes of it come and go. During one nobody else moves or trades, or the other side would
shake as well and nothing could be measured.

Source: the study of the D-measure (post 44 of its series), its Case 1 and Case 2.
"""

from collections.abc import Iterator

from exchange.paper.matching.events import BACKGROUND, MatchEvent
from exchange.paper.matching.price_time import Matching
from exchange.paper.rng import SplitMix64
from exchange.paper.settings import SyntheticMarket
from exchange.types import Side, TimeInForce

PAUSE_S = 60.0
EPISODE_S = 120.0
"""Twice as long as the minute over which the measure is taken."""

SHORTEST_S = 0.8
LONGEST_S = 1.2
"""Between one change and the next: slow enough to be seen by who looks once a second."""

SMALL = 0.05
"""Of the background's mean size of a level."""


class Flickerer:
    """Flickering maker: it shakes the touch, and in the first case a taker trades with it.

    Args:
        random: Draws the side of each episode, and how long each quote stands.
    """

    def __init__(self, market: SyntheticMarket, matching: Matching, random: SplitMix64) -> None:
        self._eaten = market.flicker == "case1"
        self._lots = max(1, round(SMALL * market.level_lots))
        self._matching = matching
        self._random = random
        self._side = Side.BUY
        self._order_id = 0
        self._pause_s = PAUSE_S
        self._episode_s = 0.0
        self._changes_in_s = 0.0

    @property
    def active(self) -> bool:
        """Whether everybody else is to stand still."""
        return self._episode_s > 0.0

    def step(self, step_s: float) -> Iterator[list[MatchEvent]]:
        if not self.active:
            self._pause_s -= step_s
            if self._pause_s <= 0.0:
                self._begin()
            return
        self._episode_s -= step_s
        self._changes_in_s -= step_s
        if self._episode_s <= 0.0:
            yield self._end_quote()
        elif self._changes_in_s <= 0.0:
            self._changes_in_s = SHORTEST_S + (LONGEST_S - SHORTEST_S) * self._random.uniform()
            yield self._end_quote() if self._order_id else self._quote()

    def _begin(self) -> None:
        self._side = Side.BUY if self._random.bits() & 1 else Side.SELL
        self._pause_s, self._episode_s, self._changes_in_s = PAUSE_S, EPISODE_S, 0.0

    def _quote(self) -> list[MatchEvent]:
        """As far inside the spread as it goes; nothing where the spread is a single tick."""
        bid, ask = self._matching.best_bid_ticks, self._matching.best_ask_ticks
        if bid is None or ask is None or ask - bid < 2:
            return []
        price_ticks = ask - 1 if self._side is Side.BUY else bid + 1
        events = self._matching.submit(
            BACKGROUND, self._side, self._lots, price_ticks, TimeInForce.GTX
        )
        self._order_id = self._matching.last_order_id
        return events

    def _end_quote(self) -> list[MatchEvent]:
        order, self._order_id = self._matching.resting(self._order_id), 0
        if order is None:
            return []
        if not self._eaten:
            return self._matching.cancel(order.venue_order_id)
        taker = Side(-self._side)
        lots = sum(self._matching.levels_within(self._side, order.price_ticks))
        return self._matching.submit(BACKGROUND, taker, lots, order.price_ticks, TimeInForce.IOC)
