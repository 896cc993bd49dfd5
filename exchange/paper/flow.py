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
from collections.abc import Iterable, Iterator

from exchange.paper.faces import LONGEST_LEAP_NS
from exchange.paper.matching import BACKGROUND, MatchEvent, Matching
from exchange.paper.settings import SyntheticMarket
from exchange.types import Side, TimeInForce

STEP_NS = 20_000_000
"""The background's own clock: it thinks fifty times a second."""

REFILL_PER_S = 4.0
"""How fast an eaten level comes back: each, on average, after a quarter of a second."""

RESIZE_PER_S = 40.0
"""How many levels a second change their size for no reason."""

RESIZE_REACH_LEVELS = 12.0
"""Mean distance from the touch of such a level."""

_MASK = (1 << 64) - 1


class SplitMix64:
    """A small generator that any language reproduces exactly.

    Source: Steele, Lea & Flood, "Fast splittable pseudorandom number generators" (2014).
    """

    def __init__(self, seed: int) -> None:
        self._state = seed & _MASK

    def bits(self) -> int:
        """64 random bits."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        z = self._state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return z ^ (z >> 31)

    def uniform(self) -> float:
        """Strictly between 0 and 1."""
        return ((self.bits() >> 11) + 0.5) / 9007199254740992.0

    def exponential(self, rate: float) -> float:
        return -math.log(self.uniform()) / rate

    def normal(self) -> float:
        radius = math.sqrt(-2.0 * math.log(self.uniform()))
        return radius * math.cos(2.0 * math.pi * self.uniform())

    def fork(self) -> "SplitMix64":
        """A generator whose numbers have nothing to do with this one's."""
        return SplitMix64(self.bits())


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
        price_ticks = self._best_ticks - self.side * level
        venue_order_id = self._orders.get(price_ticks)
        order = self._matching.resting(venue_order_id) if venue_order_id is not None else None
        if order is None:
            return
        if lots <= order.left_lots:
            self._matching.shrink(order.venue_order_id, lots)
            return
        self._matching.cancel(order.venue_order_id)
        yield self._submit(price_ticks, lots)

    def find_eaten(self) -> None:
        """Notice the levels whose order has traded away."""
        for price_ticks, venue_order_id in list(self._orders.items()):
            if self._matching.resting(venue_order_id) is None:
                del self._orders[price_ticks]
                self._eaten.add(price_ticks)

    @property
    def _best_ticks(self) -> int:
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


def _difference(a: range, b: range) -> list[int]:
    """The numbers of one run that are not in another."""
    if not a or not b or a.stop <= b.start or b.stop <= a.start:
        return list(a)
    return [*range(a.start, min(b.start, a.stop)), *range(max(b.stop, a.start), a.stop)]
