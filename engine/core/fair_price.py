"""Fair price of the desk: the mid, or what the sizes around it say.

The micro-price is learnt in Python, on a schedule, from a ring of the last touches; what it learnt
lies in the desk block beside the rest, and a kernel reads the price of whatever kind is wanted.
"""

import numpy as np

from engine.core.desk_layout import (
    FAIR_LEVELS,
    FAIR_LOTS,
    FAIR_READ,
    FAIR_TOUCHES_ADDED,
    FAIR_TOUCHES_KEPT,
    FAIR_WANTED,
    MICROPRICE_DUE_NS,
    MICROPRICE_LEARNT,
    MICROPRICE_SPREADS,
    fair_touch_row,
    fair_touches,
    microprice_edges,
    microprice_table,
    scratch,
)
from engine.core.log import DeskLog
from engine.core.settings import DeskSettings, FairName
from engine.core.touch import read_others
from engine.models.fair import depth_weighted_mid, mid, weighted_mid
from engine.models.microprice import learn_microprice, microprice, state_of
from exchange.jit import FloatArray, IntArray, borrowed, in_python, njit, piece
from exchange.market_layout import TOUCH_ASK, TOUCH_ASK_LOTS, TOUCH_BID, TOUCH_BID_LOTS
from exchange.types import Severity

_FEWEST_TOUCHES = 1_000
_LEARN_EVERY_NS = 60_000_000_000

MID, WEIGHTED_MID, MICROPRICE, DEPTH_WEIGHTED = range(4)
_KINDS: tuple[FairName, ...] = ("mid", "weighted_mid", "microprice", "depth_weighted")


@njit
def fair_price(desk: IntArray, reals: FloatArray, market: IntArray) -> float:
    """Ticks, between others' best prices; needs a touch.

    Returns:
        The mid where the wanted kind has no answer: no size, or a spread never learnt.
    """
    desk, reals, market = borrowed(desk), borrowed(reals), borrowed(market)
    bid, ask = market[TOUCH_BID], market[TOUCH_ASK]
    bid_lots, ask_lots = market[TOUCH_BID_LOTS], market[TOUCH_ASK_LOTS]
    kind, fair = desk[FAIR_WANTED], np.nan
    if kind == WEIGHTED_MID:
        fair = weighted_mid(bid, bid_lots, ask, ask_lots)
    elif kind == MICROPRICE and desk[MICROPRICE_LEARNT] == 1:
        fair = _learnt_price(reals, bid, bid_lots, ask, ask_lots)
    elif kind == DEPTH_WEIGHTED:
        fair = _depth_weighted(desk, market)
    desk[FAIR_READ] = MID if np.isnan(fair) else kind
    return mid(bid, ask) if np.isnan(fair) else min(max(fair, bid), ask)


@njit
def note_fair_touch(desk: IntArray, bid: int, bid_lots: int, ask: int, ask_lots: int) -> None:
    """One more touch of others, for a micro-price to learn from."""
    if desk[FAIR_WANTED] == MICROPRICE and min(bid_lots, ask_lots) > 0:
        row = fair_touch_row(desk, desk[FAIR_TOUCHES_ADDED])
        row[0], row[1], row[2], row[3] = bid, bid_lots, ask, ask_lots
        desk[FAIR_TOUCHES_ADDED] += 1


@piece
def _learnt_price(
    reals: FloatArray, bid_ticks: int, bid_lots: int, ask_ticks: int, ask_lots: int
) -> float:
    edges = microprice_edges(reals)
    if state_of(bid_ticks, bid_lots, ask_ticks, ask_lots, edges, MICROPRICE_SPREADS) < 0:
        return np.nan
    return microprice(
        bid_ticks,
        bid_lots,
        ask_ticks,
        ask_lots,
        edges,
        MICROPRICE_SPREADS,
        microprice_table(reals),
    )


@piece
def _depth_weighted(desk: IntArray, market: IntArray) -> float:
    bid_ticks, bid_lots = scratch(desk, 0)[:FAIR_LEVELS], scratch(desk, 1)[:FAIR_LEVELS]
    ask_ticks, ask_lots = scratch(desk, 2)[:FAIR_LEVELS], scratch(desk, 3)[:FAIR_LEVELS]
    read_others(desk, market, 1, bid_ticks, bid_lots)
    read_others(desk, market, -1, ask_ticks, ask_lots)
    return depth_weighted_mid(bid_ticks, bid_lots, ask_ticks, ask_lots, desk[FAIR_LOTS])


@njit
def is_due(desk: IntArray, mono_ns: int) -> bool:
    """Is the micro-price to be learnt anew, from touches enough?"""
    kept = min(desk[FAIR_TOUCHES_ADDED], FAIR_TOUCHES_KEPT)
    return bool(kept >= _FEWEST_TOUCHES and mono_ns >= desk[MICROPRICE_DUE_NS])


class FairPrice:
    """The fair price of the wanted kind; the mid while that cannot be had.

    Args:
        desk: int64[DESK_SIZE].
        reals: float64[REALS_SIZE].
        settings: Its kind, and the size that the depth-weighted one looks down to.
    """

    def __init__(
        self, desk: IntArray, reals: FloatArray, settings: DeskSettings, log: DeskLog
    ) -> None:
        self._desk, self._reals, self._log = desk, reals, log
        desk[FAIR_WANTED], desk[FAIR_LOTS] = _KINDS.index(settings.fair), settings.fair_lots

    @property
    def kind(self) -> FairName:
        """What the last price read was: the wanted kind, or the mid in its stead."""
        return _KINDS[int(self._desk[FAIR_READ])]

    def step(self, mono_ns: int) -> None:
        """Learn the micro-price anew when it is time."""
        desk = self._desk
        if not is_due(desk, mono_ns):
            return
        kept = min(int(desk[FAIR_TOUCHES_ADDED]), FAIR_TOUCHES_KEPT)
        desk[MICROPRICE_DUE_NS] = mono_ns + _LEARN_EVERY_NS
        oldest = int(desk[FAIR_TOUCHES_ADDED] - kept) % FAIR_TOUCHES_KEPT
        ring = in_python(fair_touches)(desk).reshape(-1, 4)
        seen = np.ascontiguousarray(np.roll(ring, -oldest, axis=0)[:kept].T)
        table = learn_microprice(seen[0], seen[1], seen[2], seen[3], spreads=MICROPRICE_SPREADS)
        if table.counted < _FEWEST_TOUCHES:
            return  # spreads too wide, or a mid that leaps: nothing to learn from
        in_python(microprice_edges)(self._reals)[:] = table.edges
        in_python(microprice_table)(self._reals)[:] = table.adjustments
        if not self._desk[MICROPRICE_LEARNT]:
            self._desk[MICROPRICE_LEARNT] = 1
            self._log.note(Severity.INFO, "fair price: the micro-price is learnt")
