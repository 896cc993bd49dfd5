"""Naive flicker measure, improved, as the reference writes it: lists, nothing ever forgotten."""

from dataclasses import dataclass, field


@dataclass
class NaiveSide:
    side: int
    stack: list[int] = field(default_factory=list)
    path: list[tuple[int, float]] = field(default_factory=list)
    star: list[tuple[int, float]] = field(default_factory=list)
    rose: int = 0
    most: int = 0


class NaiveFlicker:
    """What ``engine.models.flicker.FlickerWindow`` promises of a tape seen whole."""

    def __init__(self, window_ns: int) -> None:
        self.window_ns = window_ns
        self.bid, self.ask = NaiveSide(1), NaiveSide(-1)
        self.trades: list[list[int]] = []
        self.last: tuple[int, int, int, int, int] | None = None

    def receive_trade(self, exch_ns: int, aggressor: int, price_ticks: int, lots: int) -> None:
        self.trades.append([exch_ns, aggressor, price_ticks, lots])

    def receive_touch(self, t: int, bid: int, bid_lots: int, ask: int, ask_lots: int) -> None:
        _, b0, _, a0, _ = self.last or (t, bid, 0, ask, 0)
        if self.last is None:
            self.bid.rose = self.ask.rose = t
        self._move(self.bid, t, b0, bid, bid_lots)
        self._move(self.ask, t, a0, ask, ask_lots)
        self.last = (t, bid, bid_lots, ask, ask_lots)

    def _move(self, of: NaiveSide, t: int, before: int, now: int, lots: int) -> None:
        d = of.side * (now - before)
        of.path.append((t, abs(d)))
        if d > 0:
            of.stack.extend([t] * d)
        elif d < 0:
            phi = self._take(of.side, before, now, of.rose, t, of.most) / of.most
            for _ in range(-d):
                if of.stack and t - of.stack.pop() <= self.window_ns:
                    of.star.append((t, 2 * (1 - phi)))
        if d != 0:
            of.rose, of.most = t, lots
        else:
            of.most = max(of.most, lots)

    def _take(self, side: int, before: int, now: int, t0: int, t: int, want: int) -> int:
        taken = 0
        for trade in self.trades:
            time, aggressor, price, lots = trade
            if (
                aggressor == -side
                and t0 <= time <= t
                and side * now < side * price <= side * before
            ):
                take = min(want - taken, lots)
                trade[3] -= take
                taken += take
        return taken

    def ratio(self, slots: set[int], slot_ns: int, *, star: bool) -> float:
        """D(bid) over the given slots."""
        bid, ask = (
            sum(x for t, x in (of.star if star else of.path) if t // slot_ns in slots)
            for of in (self.bid, self.ask)
        )
        return (bid + 1) / (ask + 1)
