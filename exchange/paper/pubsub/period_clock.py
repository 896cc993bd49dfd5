"""Period clock of the timed streams: which periods fell due since the last tick."""

TICK_MS = 50
"""Every period is a whole number of these."""


class PeriodClock:
    """Says what fell due since its last tick; several that were slept through are one."""

    def __init__(self, now_ms: int) -> None:
        self._before_ms = self._now_ms = now_ms
        self._next_ms = _next_tick_ms(now_ms)

    def advance(self, now_ms: int) -> bool:
        """Whether a tick has come; if so, ``due`` is about the time since the one before."""
        if now_ms < self._next_ms:
            return False
        self._before_ms, self._now_ms = self._now_ms, now_ms
        self._next_ms = _next_tick_ms(now_ms)
        return True

    def due(self, period_ms: int) -> bool:
        """Whether a whole number of periods was reached."""
        return self._now_ms // period_ms != self._before_ms // period_ms


def _next_tick_ms(now_ms: int) -> int:
    return (now_ms // TICK_MS + 1) * TICK_MS
