"""The beat of the timed streams."""

BEAT_MS = 50
"""Every period is a whole number of these."""


class Metronome:
    """Says what fell due since it was last told the time; a beat that was slept through is one."""

    def __init__(self, now_ms: int) -> None:
        self._before_ms = self._now_ms = now_ms
        self._next_ms = _next_beat_ms(now_ms)

    def advance(self, now_ms: int) -> bool:
        """Whether a beat has come; if so, ``due`` is about the time since the one before."""
        if now_ms < self._next_ms:
            return False
        self._before_ms, self._now_ms = self._now_ms, now_ms
        self._next_ms = _next_beat_ms(now_ms)
        return True

    def due(self, period_ms: int) -> bool:
        """Whether a whole number of periods was reached."""
        return self._now_ms // period_ms != self._before_ms // period_ms


def _next_beat_ms(now_ms: int) -> int:
    return (now_ms // BEAT_MS + 1) * BEAT_MS
