"""Undercutter: a background maker that steps one tick ahead of the accounts.

Where an account quotes the best price, it stands one tick before it after a reaction time.
It goes on until its quote would be nearer to the fair value than a quarter of the
background's half spread, and leaves when no account is left there to undercut.
"""

import math
from collections.abc import Iterator

from exchange.paper.matching.events import BACKGROUND, Accepted, MatchEvent
from exchange.paper.matching.price_time import Matching
from exchange.paper.rng import SplitMix64
from exchange.paper.settings import SyntheticMarket
from exchange.types import Side, TimeInForce

FASTEST_S = 0.06
SLOWEST_S = 0.24
"""It reacts within this, at one of the background's next steps."""

LEAST_EDGE = 0.25
"""Of the half spread: how near the fair value it may quote."""


class Undercutter:
    """The undercutting maker on one side of the book."""

    def __init__(
        self, side: Side, market: SyntheticMarket, matching: Matching, random: SplitMix64
    ) -> None:
        self._side = side
        self._lots = market.undercutter_lots
        self._edge_ticks = LEAST_EDGE * market.half_spread_ticks
        self._matching = matching
        self._random = random
        self._order_id = 0
        self._reacts_in_s: float | None = None

    def retreat(self, fair_ticks: float) -> None:
        """Withdraw at once a quote that the fair value has come too near to."""
        quoted = self._quoted_ticks
        if quoted is not None and self._side * (quoted - self._limit_ticks(fair_ticks)) > 0:
            self._withdraw()

    def step(self, fair_ticks: float, step_s: float) -> Iterator[list[MatchEvent]]:
        """Look, and act on what is seen once the reaction time is over."""
        wanted = self._wanted_ticks(fair_ticks)
        if wanted == self._quoted_ticks:
            self._reacts_in_s = None
            return
        if self._reacts_in_s is None:
            spread_s = SLOWEST_S - FASTEST_S
            self._reacts_in_s = FASTEST_S + spread_s * self._random.uniform()
        self._reacts_in_s -= step_s
        if self._reacts_in_s > 0.0:
            return
        self._reacts_in_s = None
        self._withdraw()
        if wanted is not None:
            events = self._matching.submit(
                BACKGROUND, self._side, self._lots, wanted, TimeInForce.GTX
            )
            if isinstance(events[0], Accepted):  # refused where the spread is a single tick
                self._order_id = events[0].venue_order_id
            yield events

    @property
    def _quoted_ticks(self) -> int | None:
        order = self._matching.resting(self._order_id)
        return None if order is None else order.price_ticks

    def _wanted_ticks(self, fair_ticks: float) -> int | None:
        rival = self._rival_ticks()
        if rival is None:
            return None
        ahead, limit = rival + self._side, self._limit_ticks(fair_ticks)
        return ahead if self._side * ahead <= self._side * limit else None

    def _rival_ticks(self) -> int | None:
        """The best price but for its own, if an account is among those who quote it."""
        for price_ticks, _ in self._matching.levels(self._side, 2):
            queue = self._matching.queue(self._side, price_ticks)
            others = [number for number, _ in queue if number != self._order_id]
            if any(self._is_account(number) for number in others):
                return price_ticks
            if others:
                return None
        return None

    def _is_account(self, venue_order_id: int) -> bool:
        order = self._matching.resting(venue_order_id)
        return order is not None and order.owner != BACKGROUND

    def _limit_ticks(self, fair_ticks: float) -> int:
        """The nearest to the fair value that it quotes."""
        if self._side is Side.BUY:
            return math.floor(fair_ticks - self._edge_ticks)
        return math.ceil(fair_ticks + self._edge_ticks)

    def _withdraw(self) -> None:
        self._matching.cancel(self._order_id)
        self._order_id = 0
