"""Flicker of the touch (D-measure): how much more one side moves, and how much of it is bluff.

Path length U is how far a best price travelled in a minute; D compares the two sides':

    D(bid) = (U_bid + e)/(U_ask + e)         e = 1 tick, so that a still minute gives 1

The improved D* asks how a price came back. A bid that steps up inside the spread and is sold
into has done what a bid is for; one that is cancelled has not. So improvements are stacked,
retreats pop them, and only the part of a round trip that no trade explains counts:

    each tick popped within the window adds 2·(1 - share traded) to U*

The share is of the most that stood there since that price was the best, and of all that was
traded there meanwhile: the last size is blind to dust, where a thousand lots are placed, all
but one cancelled, and the one sold. Where the tape was not seen a retreat is not judged, and
counts apart.

Steps that stay, and retreats of levels that stood before, add nothing: a trend gives D* = 1.
Our own quotes must have been taken out of the touch first. It is a flag about the book, not a
finding about anybody.

Prices of both sides are handled as "height", which is side·price: a rise is an improvement.
Memory is bounded, whatever arrives: sums live in a ring of time slots, improvements and
trades in rings that overwrite their oldest.
"""

import math
from dataclasses import dataclass

import numpy as np

from engine.models.ring import sum_rows, turn_ring
from exchange.jit import FloatArray, IntArray, njit

SECOND_NS = 1_000_000_000
WINDOW_NS = 60 * SECOND_NS
GAP_NS = 2 * SECOND_NS
"""A longer silence of the feed starts the window anew."""

PATH_BID, PATH_ASK, MOVES_BID, MOVES_ASK, STAR_BID, STAR_ASK, UNJUDGED_BID, UNJUDGED_ASK = range(8)
SUMS = 8

_SLOTS = 600  # of a tenth of a second: what leaves the window leaves so much at a time
_STEPS_KEPT = 4096  # the oldest is overwritten: memory is bounded, whatever arrives
_TRADES_KEPT = 512  # likewise
_TOP, _HELD = 0, 1
"""Where a stack of steps keeps its running top and how many it holds; pairs follow."""


@njit
def flicker_ratio(own: float, other: float, epsilon: float) -> float:
    """D of one side from both path lengths, ticks.

    Args:
        epsilon: One tick by convention; with 0 the ratio may be undefined.

    Returns:
        nan, never inf, for a denominator of nought.

    Source:
        Reconstructed from the study's figures; Karam's own formula was not found.
    """
    below = other + epsilon
    return (own + epsilon) / below if below > 0.0 else np.nan


@njit
def one_sided_chance(n_own: int, n_other: int) -> float:
    """P(at least ``n_own`` of all moves fall on this side) if either were as likely.

    Source:
        Upper tail of Bin(n, 1/2), term by term from the shorter end, each from the last.
    """
    n = n_own + n_other
    if 2 * n_own <= n:
        return 1.0 - one_sided_tail(n_other + 1, n_own - 1)
    return one_sided_tail(n_own, n_other)


@njit
def one_sided_tail(first: int, n_other: int) -> float:
    """The sum of Bin(first + n_other, 1/2) from ``first`` up, which falls from term to term."""
    if n_other < 0:
        return 0.0
    n = first + n_other
    term = math.exp(
        math.lgamma(n + 1.0)
        - math.lgamma(first + 1.0)
        - math.lgamma(n_other + 1.0)
        - n * math.log(2.0)
    )
    total = term
    for i in range(first, n):
        term *= (n - i) / (i + 1.0)
        total += term
    return total


@njit
def push_step(steps: IntArray, time_ns: int, ticks: int) -> None:
    """Stack an improvement; a full stack gives up its oldest.

    Args:
        steps: int64[2 + 2·kept], updated; zeros are an empty stack.
    """
    kept = steps.size // 2 - 1
    at = 2 + steps[_TOP] % kept * 2
    steps[at], steps[at + 1] = time_ns, ticks
    steps[_TOP] += 1
    steps[_HELD] = min(steps[_HELD] + 1, kept)


@njit
def pop_fresh(steps: IntArray, ticks: int, since_ns: int) -> int:
    """Take up to ``ticks`` off the stack, newest first.

    Returns:
        How many of them were stacked at ``since_ns`` or later.
    """
    kept = steps.size // 2 - 1
    fresh = 0
    while ticks > 0 and steps[_HELD] > 0:
        at = 2 + (steps[_TOP] - 1) % kept * 2
        take = min(ticks, steps[at + 1])
        if steps[at] >= since_ns:
            fresh += take
        ticks -= take
        steps[at + 1] -= take
        if steps[at + 1] == 0:
            steps[_TOP] -= 1
            steps[_HELD] -= 1
    return fresh


@njit
def note_trade(trades: IntArray, time_ns: int, height: int, lots: int) -> None:
    """Remember a trade against this side's quotes, over the oldest one remembered.

    Args:
        trades: int64[1 + 3·kept], updated; zeros hold none.
        height: side·price, ticks.
    """
    at = 1 + trades[0] % (trades.size // 3) * 3
    trades[at], trades[at + 1], trades[at + 2] = time_ns, height, lots
    trades[0] += 1


@njit
def spend_trades(
    trades: IntArray, above: int, up_to: int, since_ns: int, until_ns: int, want: int
) -> int:
    """Take the lots that explain a retreat, oldest first, each to be spent only once.

    Args:
        above: Heights above this count, the level retreated to.
        up_to: Heights up to this count, the level retreated from.
        since_ns: Trades from here on count; stamps are whole milliseconds, so one of the very
            millisecond in which a price became the best counts.
        until_ns: Trades up to this count.
        want: Lots to explain.

    Returns:
        Lots taken, at most ``want``.
    """
    kept = trades.size // 3
    taken = 0
    for i in range(max(trades[0] - kept, 0), trades[0]):
        at = 1 + i % kept * 3
        if since_ns <= trades[at] <= until_ns and above < trades[at + 1] <= up_to:
            take = min(want - taken, trades[at + 2])
            trades[at + 2] -= take
            taken += take
    return taken


@njit
def unexplained_share(
    trades: IntArray,
    from_height: int,
    to_height: int,
    most_lots: int,
    since_ns: int,
    time_ns: int,
) -> float:
    """Which share of what a retreat took away no trade explains.

    Args:
        trades: Trades against this side, spent.
        most_lots: The most that stood at the height retreated from.
        since_ns: Trades from here on explain it: when that height became the best.

    Source:
        The study's two cases: ``1 - phi``, ``phi = min(1, V/Q)``.
    """
    sold = spend_trades(trades, to_height, from_height, since_ns, time_ns, most_lots)
    return 1.0 - sold / most_lots if most_lots > 0 else 1.0


@njit
def move_best(
    sums: FloatArray,
    at: int,
    side: int,
    steps: IntArray,
    trades: IntArray,
    from_ticks: int,
    to_ticks: int,
    most_lots: int,
    since_ns: int,
    time_ns: int,
    judged: bool,
) -> None:
    """Account for one side's best price moving; a popped tick is a way there and a way back.

    Args:
        sums: float64[slots·8], updated from ``at`` on, a row of eight.
        side: +1 for the bid, -1 for the ask.
        most_lots: The most that stood at the price left, since ``since_ns``.
        judged: Was all of the tape seen meanwhile?
    """
    rise = side * (to_ticks - from_ticks)
    other = 0 if side > 0 else 1
    sums[at + PATH_BID + other] += abs(rise)
    sums[at + MOVES_BID + other] += 1.0
    if rise > 0:
        push_step(steps, time_ns, rise)
        return
    popped = 2.0 * pop_fresh(steps, -rise, time_ns - WINDOW_NS)
    share = unexplained_share(
        trades, side * from_ticks, side * to_ticks, most_lots, since_ns, time_ns
    )
    if judged:
        sums[at + STAR_BID + other] += popped * share
    else:
        sums[at + UNJUDGED_BID + other] += popped


@dataclass(frozen=True, slots=True)
class Flicker:
    """One minute's measures; each ask's D is one over the bid's."""

    bid: float
    ask: float
    star_bid: float
    """The improved measure: round trips ended by cancellation alone."""
    star_ask: float
    moves_bid: int
    moves_ask: int
    unjudged: int
    """Ticks of path, of both sides, withdrawn while the tape was not seen: in no D*."""

    @property
    def bid_chance(self) -> float:
        """How often fair moves would favour the bid so much; see ``one_sided_chance``."""
        return one_sided_chance(self.moves_bid, self.moves_ask)

    @property
    def ask_chance(self) -> float:
        return one_sided_chance(self.moves_ask, self.moves_bid)


class _Side:
    """What one side of the touch remembers."""

    def __init__(self, side: int) -> None:
        self.side = side  # +1 for the bid, -1 for the ask
        self.steps = np.zeros(2 + 2 * _STEPS_KEPT, np.int64)
        self.trades = np.zeros(1 + 3 * _TRADES_KEPT, np.int64)
        self.best_ticks = self.most_lots = self.since_ns = 0
        self.judged = True

    def stand(self, exch_ns: int, best_ticks: int, lots: int, judged: bool) -> None:
        """This price is the best from now on."""
        self.best_ticks, self.most_lots, self.since_ns = best_ticks, lots, exch_ns
        self.judged = judged

    def stay(self, lots: int, judged: bool) -> None:
        """It still is."""
        self.most_lots = max(self.most_lots, lots)
        self.judged = self.judged and judged


class FlickerWindow:
    """One minute of the touch, by snapshots or by every update, as it is fed.

    Feed it trades and touches in the order of the venue's stamps, which never decrease.

    Args:
        slot_ns: Grain of the window: a second for snapshots, less for updates.
    """

    def __init__(self, slot_ns: int = WINDOW_NS // _SLOTS) -> None:
        self._slot_ns = slot_ns
        self._sums = np.zeros(WINDOW_NS // slot_ns * SUMS)
        self._newest = np.full(1, -1, np.int64)
        self._totals = np.zeros(SUMS)
        self._bid, self._ask = _Side(1), _Side(-1)
        self._last_ns: int | None = None

    @property
    def fullest(self) -> tuple[int, int, int, int]:
        """The touch as last fed, with the most that stood at each price since it is the best."""
        bid, ask = self._bid, self._ask
        return bid.best_ticks, bid.most_lots, ask.best_ticks, ask.most_lots

    def receive_trade(self, exch_ns: int, aggressor: int, price_ticks: int, lots: int) -> None:
        """A print; a seller's (-1) hits bids, a buyer's (+1) lifts asks."""
        hit = self._bid if aggressor < 0 else self._ask
        note_trade(hit.trades, exch_ns, hit.side * price_ticks, lots)

    def receive_touch(
        self,
        exch_ns: int,
        bid_ticks: int,
        bid_lots: int,
        ask_ticks: int,
        ask_lots: int,
        *,
        tape_seen: bool = True,
    ) -> None:
        """The best prices of others, two-sided and uncrossed; else call ``skip``.

        Args:
            tape_seen: Are all trades up to here known, since the last touch?
        """
        last_ns, self._last_ns = self._last_ns, exch_ns
        if last_ns is not None and exch_ns - last_ns > GAP_NS:
            self._start_over()
            last_ns, self._last_ns = None, exch_ns
        for side, ticks, lots in (
            (self._bid, bid_ticks, bid_lots),
            (self._ask, ask_ticks, ask_lots),
        ):
            if last_ns is None:
                side.stand(exch_ns, ticks, lots, tape_seen)
            elif ticks == side.best_ticks:
                side.stay(lots, tape_seen)
            else:
                self._move(side, ticks, exch_ns, tape_seen)
                side.stand(exch_ns, ticks, lots, tape_seen)

    def skip(self) -> None:
        """A side is missing or the book is crossed: neither change that touches it counts.

        What stood before is then unknown, so no later retreat is held against it.
        """
        self._last_ns = None
        self._bid.steps[:] = self._ask.steps[:] = 0

    def read(self, exch_ns: int, epsilon: float = 1.0) -> Flicker:
        """The minute up to now; ``epsilon`` in ticks, see ``flicker_ratio``."""
        turn_ring(self._sums, self._newest, SUMS, exch_ns // self._slot_ns)
        sum_rows(self._sums, self._totals)
        sums = self._totals.tolist()
        return Flicker(
            bid=flicker_ratio(sums[PATH_BID], sums[PATH_ASK], epsilon),
            ask=flicker_ratio(sums[PATH_ASK], sums[PATH_BID], epsilon),
            star_bid=flicker_ratio(sums[STAR_BID], sums[STAR_ASK], epsilon),
            star_ask=flicker_ratio(sums[STAR_ASK], sums[STAR_BID], epsilon),
            moves_bid=round(sums[MOVES_BID]),
            moves_ask=round(sums[MOVES_ASK]),
            unjudged=round(sums[UNJUDGED_BID] + sums[UNJUDGED_ASK]),
        )

    def _move(self, of: _Side, ticks: int, exch_ns: int, tape_seen: bool) -> None:
        move_best(
            self._sums,
            turn_ring(self._sums, self._newest, SUMS, exch_ns // self._slot_ns),
            of.side,
            of.steps,
            of.trades,
            of.best_ticks,
            ticks,
            of.most_lots,
            of.since_ns,
            exch_ns,
            of.judged and tape_seen,
        )

    def _start_over(self) -> None:
        self._sums[:] = 0.0
        self.skip()
