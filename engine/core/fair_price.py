"""Fair price of the desk: the mid, or what the sizes around it say."""

from collections import deque

import numpy as np

from engine.core.log import DeskLog
from engine.core.market import MarketState
from engine.core.orders import OrderTable
from engine.core.settings import DeskSettings
from engine.core.tape_merge import Touch
from engine.models.fair import depth_weighted_mid, mid, weighted_mid
from engine.models.microprice import MicropriceTable, learn_microprice
from exchange.types import Severity

_TOUCHES_KEPT = 16_384
_FEWEST_TOUCHES = 1_000
_LEARN_EVERY_NS = 60_000_000_000
_WIDEST_SPREAD_TICKS = 5


class FairPrice:
    """The fair price of the chosen kind; the mid while that cannot be had.

    Args:
        settings: Its kind, and the size that the depth-weighted one looks down to.
    """

    def __init__(self, settings: DeskSettings, log: DeskLog) -> None:
        self._wanted = settings.fair
        self._lots = settings.fair_lots
        self._log = log
        self._touches: deque[Touch] = deque(maxlen=_TOUCHES_KEPT)
        self._table: MicropriceTable | None = None
        self._learn_at_ns = 0
        self.kind = "mid"
        """What the last price read was: the chosen kind, or the mid in its stead."""

    def note(self, touch: Touch) -> None:
        """One more touch of others, for the micro-price to learn from."""
        if self._wanted == "microprice" and min(touch[1], touch[3]) > 0:
            self._touches.append(touch)

    def step(self, mono_ns: int) -> None:
        """Learn the micro-price anew when it is time."""
        if self._wanted != "microprice" or mono_ns < self._learn_at_ns:
            return
        if len(self._touches) < _FEWEST_TOUCHES:
            return
        self._learn_at_ns = mono_ns + _LEARN_EVERY_NS
        seen = np.ascontiguousarray(np.array(self._touches, dtype=np.int64).T)
        first = self._table is None
        table = learn_microprice(seen[0], seen[1], seen[2], seen[3], spreads=_WIDEST_SPREAD_TICKS)
        if table.counted < _FEWEST_TOUCHES:
            return  # spreads too wide, or a mid that leaps: nothing to learn from
        self._table = table
        if first:
            self._log.note(Severity.INFO, "fair price: the micro-price is learnt")

    def read(self, market: MarketState, table: OrderTable) -> float:
        """Ticks, between others' best prices; needs a touch.

        Returns:
            The mid where the chosen kind has no answer: no size, or a spread never learnt.
        """
        assert market.touch is not None
        bid, ask = market.touch
        fair = self._by_kind(market, table)
        self.kind = "mid" if np.isnan(fair) else self._wanted
        return mid(bid, ask) if np.isnan(fair) else min(max(fair, bid), ask)

    def _by_kind(self, market: MarketState, table: OrderTable) -> float:
        """The chosen kind of price; nan where it has no answer."""
        (bid, ask), (bid_lots, ask_lots) = market.touch or (0, 0), market.touch_lots
        match self._wanted:
            case "weighted_mid":
                return weighted_mid(bid, bid_lots, ask, ask_lots)
            case "microprice" if self._table is not None:
                return self._table.price(bid, bid_lots, ask, ask_lots)
            case "depth_weighted":
                return depth_weighted_mid(*market.others(table), self._lots)
            case "mid":
                return mid(bid, ask)
        return float(np.nan)
