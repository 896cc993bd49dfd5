"""Order budget: how many orders the venue still takes, and what a desk near the end of it does.

The venue counts in fixed windows of 10 seconds and one minute of its own clock. Cancels
are not counted, so nothing here can ever hold one back.
"""

ORDERS_10S = 300
ORDERS_1M = 1200
_WINDOWS_NS = (10_000_000_000, 60_000_000_000)
_LIMITS = (ORDERS_10S, ORDERS_1M)  # of one account, as exchangeInfo documents them
_WIDEN_AT = 0.8
_SLOW_INTERVAL_NS = 1_000_000_000


class OrderBudget:
    """Counts placements in both windows. Only ``turn`` moves its clock."""

    def __init__(self) -> None:
        self._window = [0, 0]
        self.counts = [0, 0]
        """Placed in the current 10 s window and in the current minute."""

    def turn(self, recv_ns: int) -> None:
        """It is now this late by our wall clock, which may be set back."""
        for i, length in enumerate(_WINDOWS_NS):
            window = recv_ns // length
            if window > self._window[i]:
                self._window[i] = window
                self.counts[i] = 0
            elif window < self._window[i] - 1:
                # The venue's clock was not set back with ours: what it counted stays until the
                # next window. A step across one edge is jitter; it changes nothing.
                self._window[i] = window

    def spend(self, orders: int) -> None:
        self.counts = [count + orders for count in self.counts]

    @property
    def left(self) -> int:
        """Orders that may still be placed in the tighter window."""
        return min(limit - count for limit, count in zip(_LIMITS, self.counts, strict=True))

    @property
    def requote_interval_ns(self) -> int:
        """How far apart requotes must stay: 0 until four fifths of a window are spent."""
        used = max(count / limit for limit, count in zip(_LIMITS, self.counts, strict=True))
        return _SLOW_INTERVAL_NS if used >= _WIDEN_AT else 0
