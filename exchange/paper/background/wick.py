"""Wick: one venue's price falls or rises by a tenth within seconds, then comes back.

Liquidations feed it, so it accelerates; nothing stands behind it, so the price returns,
fast at first. It is local: the index, and with it the mark price, goes its own way.
"""

from exchange.types import Side

WICK_SHARE = 0.1
"""Of the index, at the far end."""

FALL_S = 1.5
REST_S = 1.0
"""How long the far end lasts."""
RETURN_S = 10.0


class Wick:
    """How far the local price is off the index.

    Args:
        side: Of the takers that cause it: ``SELL`` is a wick down.
    """

    def __init__(self, side: Side) -> None:
        self.side = side
        self._age_s = 0.0

    @property
    def falling(self) -> bool:
        """Away from the index, whether down or up."""
        return self._age_s <= FALL_S

    @property
    def over(self) -> bool:
        return self._age_s >= FALL_S + REST_S + RETURN_S

    @property
    def share(self) -> float:
        """Signed, of the index; exactly 0 when it is over."""
        if self.falling:
            depth = (self._age_s / FALL_S) ** 2
        else:
            returned = (self._age_s - FALL_S - REST_S) / RETURN_S
            depth = (1.0 - min(1.0, max(0.0, returned))) ** 2
        return self.side * WICK_SHARE * depth

    def step(self, step_s: float) -> None:
        self._age_s += step_s
