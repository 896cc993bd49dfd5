"""The synthetic market: a Brownian fair value, a background maker, and takers who reach deep.

A market order on either side reaches a depth of at least d beyond the fair value with the
rate ``A exp(-k d)``, so that a quote resting d ticks away is met at the very rate that the
quoting models assume, and whoever calibrates them can be checked against the truth.

All of it is one function of the seed. The path of the fair value and the arrivals have
generators of their own, which nothing that happens in the book can shift; only the sizes
shown by the background maker depend on what was eaten.

Source: Avellaneda & Stoikov (2008), sections 2 and 3; Guéant, Lehalle & Fernandez-Tapia (2013).
"""

import math
from collections.abc import Iterator

from exchange.paper.dice import SplitMix64
from exchange.paper.faces import LONGEST_LEAP_NS
from exchange.paper.ladder import Ladder
from exchange.paper.matching import BACKGROUND, MatchEvent, Matching
from exchange.paper.settings import SyntheticMarket
from exchange.types import Side, TimeInForce

STEP_NS = 20_000_000
"""The background's own clock: it thinks fifty times a second."""

REFILL_PER_S = 4.0
"""How fast an eaten level comes back: each, on average, after a quarter of a second."""

RESIZE_PER_S = 40.0
"""How many levels a second change their size for no reason."""


class Arrivals:
    """Market orders on one side: exponential gaps and depths, drawn in turn."""

    def __init__(self, side: Side, market: SyntheticMarket, random: SplitMix64) -> None:
        self.side = side
        self._rate_hz = market.A_per_s
        self._decay = market.k_per_tick
        self._random = random
        self._next_ns = 0
        self._depth_ticks = 0.0
        self._draw()

    def due(self, now_ns: int) -> Iterator[tuple[int, float]]:
        """``(time_ns, depth_ticks)`` of every arrival up to now, counted from the start."""
        while self._next_ns <= now_ns:
            yield self._next_ns, self._depth_ticks
            self._draw()

    def _draw(self) -> None:
        self._next_ns += round(self._random.exponential(self._rate_hz) * 1e9)
        self._depth_ticks = self._random.exponential(self._decay)


class Flow:
    """Everybody in the market but the accounts; a ``Background``.

    Args:
        matching: The engine that all of them trade through.
    """

    def __init__(self, market: SyntheticMarket, matching: Matching) -> None:
        root = SplitMix64(market.seed)
        self._path, self._sizes = root.fork(), root.fork()
        self._arrivals = (
            Arrivals(Side.BUY, market, root.fork()),
            Arrivals(Side.SELL, market, root.fork()),
        )
        self._ladders = (
            Ladder(Side.BUY, market, matching),
            Ladder(Side.SELL, market, matching),
        )
        self._matching = matching
        self.fair_ticks = float(market.start_price_ticks)
        self._step_sigma_ticks = market.sigma_ticks * math.sqrt(STEP_NS / 1e9)
        self._floor_ticks = float(market.depth_levels + market.half_spread_ticks + 1)
        self._refill_chance = 1.0 - math.exp(-REFILL_PER_S * STEP_NS / 1e9)
        self._next_resize_ns = 0
        self._origin_ns: int | None = None
        self._elapsed_ns = 0
        self._seen_trade_id = matching.next_trade_id

    @property
    def mark_ticks(self) -> float:
        return self.fair_ticks

    @property
    def closed(self) -> bool:
        return False

    def advance(self, now_ns: int) -> Iterator[list[MatchEvent]]:
        """Live up to now; see ``Background``."""
        if self._origin_ns is None:
            self._origin_ns = now_ns
            yield from self._requote()
        behind_ns = now_ns - self._origin_ns - self._elapsed_ns
        self._origin_ns += max(0, behind_ns - LONGEST_LEAP_NS)
        while self._elapsed_ns + STEP_NS <= now_ns - self._origin_ns:
            self._elapsed_ns += STEP_NS
            yield from self._step()

    def _step(self) -> Iterator[list[MatchEvent]]:
        moved_ticks = self._step_sigma_ticks * self._path.normal()
        self.fair_ticks = max(self._floor_ticks, self.fair_ticks + moved_ticks)
        if self._matching.next_trade_id != self._seen_trade_id:
            for ladder in self._ladders:
                ladder.find_eaten()
            self._seen_trade_id = self._matching.next_trade_id
        yield from self._requote()
        for ladder in self._ladders:
            yield from ladder.refill(self._sizes, self._refill_chance)
        while self._next_resize_ns <= self._elapsed_ns:
            self._next_resize_ns += round(self._sizes.exponential(RESIZE_PER_S) * 1e9)
            ladder = self._ladders[self._sizes.bits() & 1]
            yield from ladder.resize(self._sizes)
        yield from self._take()

    def _requote(self) -> Iterator[list[MatchEvent]]:
        """Withdraw both sides before quoting either, or the maker would trade with itself."""
        for ladder in self._ladders:
            ladder.withdraw_outside(self.fair_ticks)
        for ladder in self._ladders:
            yield from ladder.quote_new_levels(self._sizes)

    def _take(self) -> Iterator[list[MatchEvent]]:
        arrived = [
            (time_ns, arrivals.side, depth_ticks)
            for arrivals in self._arrivals
            for time_ns, depth_ticks in arrivals.due(self._elapsed_ns)
        ]
        for _, side, depth_ticks in sorted(arrived):
            yield self._sweep(side, depth_ticks)

    def _sweep(self, side: Side, depth_ticks: float) -> list[MatchEvent]:
        """Take everything within a depth of the fair value, the last level in part."""
        reach_ticks = self.fair_ticks + side * depth_ticks
        limit = math.floor(reach_ticks) if side is Side.BUY else math.ceil(reach_ticks)
        reached = self._matching.levels_within(Side(-side), limit)
        if not reached:
            return []
        last_lots = reached[-1]
        part = math.ceil(last_lots * self._sizes.uniform())
        qty_lots = sum(reached) - last_lots + part
        return self._matching.submit(BACKGROUND, side, qty_lots, limit, TimeInForce.IOC)
