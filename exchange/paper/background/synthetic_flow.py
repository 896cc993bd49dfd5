"""Synthetic market: a Brownian fair value, a background maker, and takers who reach deep.

A market order on either side reaches a depth of at least d beyond the fair value with the
rate ``A exp(-k d)``, so that a quote resting d ticks away is met at the very rate that the
quoting models assume, and whoever calibrates them can be checked against the truth.

All of it is one function of the seed. The path of the fair value and the arrivals have
generators of their own, which nothing that happens in the book can shift; only the sizes
shown by the background maker depend on what was eaten. Whatever is set beyond the calm
market draws from further generators, so that the calm one is the same with and without.

Source: Avellaneda & Stoikov (2008), sections 2 and 3; Guéant, Lehalle & Fernandez-Tapia (2013).
"""

import math
from collections.abc import Iterator

from exchange.paper.background.flicker import Flickerer
from exchange.paper.background.ladder import Ladder
from exchange.paper.background.regimes import Jump, RegimeEvent, WickBegins, regime_of
from exchange.paper.background.source import LONGEST_LEAP_NS
from exchange.paper.background.undercutter import Undercutter
from exchange.paper.background.wick import Wick
from exchange.paper.matching.events import BACKGROUND, MatchEvent
from exchange.paper.matching.price_time import Matching
from exchange.paper.rng import SplitMix64
from exchange.paper.settings import SyntheticMarket
from exchange.types import Side, TimeInForce

STEP_NS = 20_000_000
"""The background's own clock: it acts fifty times a second."""

STEP_S = STEP_NS / 1e9

REFILL_PER_S = 4.0
"""How fast an eaten level comes back: each, on average, after a quarter of a second."""

RESIZE_PER_S = 40.0
"""How many levels a second change their size for no reason."""


class Arrivals:
    """Market orders on one side: exponential gaps and depths, drawn in turn."""

    def __init__(self, side: Side, market: SyntheticMarket, random: SplitMix64) -> None:
        self._side = side
        self._rate_hz = market.A_per_s
        self._decay = market.k_per_tick
        self._random = random
        self._now_ns = 0
        self._next_ns = 0
        self._depth_ticks = 0.0
        self._draw()

    def arrivals(self, lived_ns: int) -> list[tuple[int, Side, float]]:
        """``(time_ns, side, depth_ticks)`` of every arrival while the side's clock goes on."""
        self._now_ns += lived_ns
        arrived = []
        while self._next_ns <= self._now_ns:
            arrived.append((self._next_ns, self._side, self._depth_ticks))
            self._draw()
        return arrived

    def _draw(self) -> None:
        self._next_ns += round(self._random.exponential(self._rate_hz) * 1e9)
        self._depth_ticks = self._random.exponential(self._decay)


class SyntheticFlow:
    """Everybody in the market but the accounts; a ``MarketSource``.

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
        self._regime = regime_of(market, STEP_S, root.fork())
        self._undercutters = [
            Undercutter(side, market, matching, root.fork())
            for side in Side
            if market.undercutter_lots
        ]
        self._flickerer: Flickerer | None = None
        if market.flicker != "none":
            self._flickerer = Flickerer(market, matching, root.fork())
        self._wick: Wick | None = None
        self._matching = matching
        self.fair_ticks = float(market.start_price_ticks)
        self._index_ticks = self.fair_ticks  # moves on its own during a wick only
        self._step_sigma_ticks = market.sigma_ticks * math.sqrt(STEP_NS / 1e9)
        self._floor_ticks = float(market.depth_levels + market.half_spread_ticks + 1)
        self._refill_chance = 1.0 - math.exp(-REFILL_PER_S * STEP_NS / 1e9)
        self._next_resize_ns = 0
        self._origin_ns: int | None = None
        self._elapsed_ns = 0
        self._seen_trade_id = matching.next_trade_id

    @property
    def mark_ticks(self) -> float:
        """The fair value; during a wick the index, which the wick leaves alone."""
        return self.fair_ticks if self._wick is None else self._index_ticks

    @property
    def ending(self) -> str:
        return ""

    def wick(self, side: Side) -> None:
        """Set off a wick: sellers one down, buyers one up. Nothing while there is one."""
        if self._wick is None:
            self._wick, self._index_ticks = Wick(side), self.fair_ticks

    def advance(self, now_ns: int) -> Iterator[list[MatchEvent]]:
        """Advance to now; see ``MarketSource``."""
        if self._origin_ns is None:
            self._origin_ns = now_ns
            yield from self._requote()
        behind_ns = now_ns - self._origin_ns - self._elapsed_ns
        self._origin_ns += max(0, behind_ns - LONGEST_LEAP_NS)
        while self._elapsed_ns + STEP_NS <= now_ns - self._origin_ns:
            self._elapsed_ns += STEP_NS
            yield from self._step()

    def _step(self) -> Iterator[list[MatchEvent]]:
        flickerer = self._flickerer
        held = flickerer is not None and flickerer.active and self._wick is None
        regime = self._regime
        event = regime.step()
        brownian_ticks = self._step_sigma_ticks * self._path.normal()
        if not held:
            if event is not None:
                yield from self._apply(event)
            self._move(brownian_ticks * regime.sigma_factor + regime.drift_ticks)
            if self._wick is not None and self._wick.falling:
                yield self._sweep(self._wick.side, 0.0)
        if self._matching.next_trade_id != self._seen_trade_id:
            for ladder in self._ladders:
                ladder.find_eaten()
            self._seen_trade_id = self._matching.next_trade_id
        for undercutter in self._undercutters:
            undercutter.retreat(self.fair_ticks)
        yield from self._requote()
        for ladder in self._ladders:
            yield from ladder.refill(self._sizes, self._refill_chance)
        if regime.foreseen_side is not None:
            self._ladders[regime.foreseen_side is Side.BUY].thin()
        while self._next_resize_ns <= self._elapsed_ns:
            self._next_resize_ns += round(self._sizes.exponential(RESIZE_PER_S) * 1e9)
            ladder = self._ladders[self._sizes.bits() & 1]
            yield from ladder.resize(self._sizes)
        for undercutter in self._undercutters:
            yield from undercutter.step(self.fair_ticks, STEP_S)
        if flickerer is not None:
            yield from flickerer.step(STEP_S)
        if not held:
            yield from self._match_arrivals()

    # ------------------------------------------------------------ the fair value

    def _apply(self, event: RegimeEvent) -> Iterator[list[MatchEvent]]:
        match event:
            case Jump(ticks=ticks):
                yield self._sweep(Side.BUY if ticks > 0 else Side.SELL, abs(ticks))
                self._move(ticks)
            case WickBegins(side=side):
                self.wick(side)

    def _move(self, moved_ticks: float) -> None:
        """During a wick the index makes the move, and the fair value follows at a distance."""
        wick = self._wick
        if wick is None:
            self.fair_ticks = max(self._floor_ticks, self.fair_ticks + moved_ticks)
            return
        wick.step(STEP_S)
        self._index_ticks = max(self._floor_ticks, self._index_ticks + moved_ticks)
        self.fair_ticks = max(self._floor_ticks, self._index_ticks * (1.0 + wick.share))
        if wick.over:
            self._wick = None

    # ------------------------------------------------------------ makers and takers

    def _requote(self) -> Iterator[list[MatchEvent]]:
        """Withdraw both sides before quoting either, or the maker would trade with itself."""
        for ladder in self._ladders:
            ladder.withdraw_outside(self.fair_ticks)
        for ladder in self._ladders:
            yield from ladder.quote_new_levels(self._sizes)

    def _match_arrivals(self) -> Iterator[list[MatchEvent]]:
        buyers, sellers = self._arrivals
        arrived = buyers.arrivals(round(STEP_NS * self._regime.buy_pace))
        arrived += sellers.arrivals(round(STEP_NS * self._regime.sell_pace))
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
