"""Twin test: the matching engine beside its plain twin, on random orders.

    python -m tests.exchange.paper.twins 10000000

plays so many, a million in less than a minute, and says where the two first differ.
"""

import random
import sys
from collections import Counter

from exchange.paper.matching.events import (
    BACKGROUND,
    Accepted,
    Amended,
    Cancelled,
    Expired,
    MatchEvent,
    Resting,
    SelfTrade,
    Traded,
    room_after,
)
from exchange.paper.matching.price_time import Matching
from exchange.types import Side, TimeInForce
from tests.naive.matching import NaiveMatching

_PRICES = range(95, 106)
_OWNERS = (BACKGROUND, 1, 2)
_COMPARE_EVERY = 50
_FULL = 60
"""Beyond so many resting orders every other turn is a cancel, or the twin would never end."""


class Twins:
    """Both engines, fed the same; their books and lists must never differ."""

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed)
        self._engine, self._twin = Matching(), NaiveMatching()
        self._engine.room = self._room
        self._positions: Counter[int] = Counter()
        self._trades: list[tuple[int, int, int, int]] = []
        self._expired: list[tuple[int, int]] = []
        self.entered = self.left = 0
        """Lots that came in, and lots that were traded, cancelled, expired or amended away."""

    def play(self, turns: int) -> None:
        """So many random turns.

        Raises:
            AssertionError: When the two differ.
        """
        for turn in range(turns):
            self._turn()
            if turn % _COMPARE_EVERY == 0:
                self._compare()
        self._compare()

    def _turn(self) -> None:
        draw = self._draw
        crowded = len(self._twin.book) > _FULL
        kind = draw.random()
        if kind < (0.5 if crowded else 0.2):
            self._cancel()
        elif kind < (0.55 if crowded else 0.35):
            self._amend()
        else:
            self._submit()

    def _room(self, order: Resting, events: list[MatchEvent]) -> int:
        return room_after(self._positions[order.owner], order, events)

    def _some_order(self) -> int:
        if self._twin.book and self._draw.random() < 0.9:
            return self._draw.choice(self._twin.book).number
        return self._draw.randint(1, max(1, self._engine.last_order_id))

    def _cancel(self) -> None:
        number = self._some_order()
        events = self._engine.cancel(number)
        assert bool(events) == self._twin.cancel(number)
        self._take_in(events)

    def _amend(self) -> None:
        draw, number = self._draw, self._some_order()
        price, lots = draw.choice(_PRICES), draw.randint(1, 9)
        mode, post_only = draw.choice(list(SelfTrade)), draw.random() < 0.5
        before = self._engine.resting(number)
        had = before.left_lots if before else 0
        events = self._engine.amend(number, price, lots, post_only=post_only, self_trade=mode)
        found = self._twin.amend(number, price, lots, mode, post_only=post_only)
        assert bool(events) == found
        if events and isinstance(events[0], Amended):
            self.entered += lots - had
        self._take_in(events)

    def _submit(self) -> None:
        draw = self._draw
        owner, side = draw.choice(_OWNERS), draw.choice(list(Side))
        lots, price = draw.randint(1, 9), draw.choice([*_PRICES, None])
        tif = TimeInForce.GTC if price is None else draw.choice(list(TimeInForce))
        mode = draw.choice(list(SelfTrade))
        reduces = owner != BACKGROUND and draw.random() < 0.3
        events = self._engine.submit(owner, side, lots, price, tif, mode, reduce_only=reduces)
        accepted = self._twin.submit(owner, side, lots, price, tif, mode, reduce_only=reduces)
        assert accepted == isinstance(events[0], Accepted)
        self.entered += lots * accepted
        self._take_in(events)

    def _take_in(self, events: list[MatchEvent]) -> None:
        for event in events:
            if isinstance(event, Traded):
                pair = (event.maker_order_id, event.taker_order_id)
                self._trades.append((*pair, event.price_ticks, event.qty_lots))
                self._positions[event.taker_owner] += event.taker_side * event.qty_lots
                self._positions[event.maker_owner] -= event.taker_side * event.qty_lots
                self.left += 2 * event.qty_lots
            elif isinstance(event, Expired):
                self._expired.append((event.venue_order_id, event.left_lots))
                self.left += event.left_lots
            elif isinstance(event, Cancelled):
                self.left += event.left_lots

    def _compare(self) -> None:
        engine, twin = self._engine, self._twin
        assert self._trades == twin.trades
        assert self._expired == twin.expired
        assert {o: n for o, n in self._positions.items() if n} == {
            o: n for o, n in twin.positions.items() if n
        }
        self._trades.clear()
        twin.trades.clear()
        self._expired.clear()
        twin.expired.clear()
        for price in _PRICES:
            for side in Side:
                assert engine.queue(side, price) == twin.queue(side, price)
                assert engine.lots_at(side, price) == sum(q for _, q in twin.queue(side, price))
        bid, ask = engine.best_bid_ticks, engine.best_ask_ticks
        assert bid == max((o.price_ticks for o in twin.book if o.side is Side.BUY), default=None)
        assert ask == min((o.price_ticks for o in twin.book if o.side is Side.SELL), default=None)
        assert bid is None or ask is None or bid < ask
        resting = sum(order.left_lots for order in twin.book)
        assert self.entered == self.left + resting


def main() -> None:
    """Play as many turns as the first argument says, in ten different markets."""
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    for seed in range(10):
        Twins(seed).play(turns // 10)
        print(f"seed {seed}: {turns // 10} turns, no difference")


if __name__ == "__main__":
    main()
