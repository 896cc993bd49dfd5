"""Realised volatility over the last ten seconds, minute, hour and day at once.

Each window is a ring of slots that hold a sum of squared changes and the time they took.
The oldest slot goes as a whole, so a window of 32 slots is exact to a thirty-second of its
length, and its memory does not depend on how much happens in it.
"""

import math

import numpy as np

from exchange.jit import FloatArray, IntArray, njit

WINDOWS_S = np.array([10.0, 60.0, 600.0, 3600.0, 21600.0, 86400.0])
"""From ten seconds to a day: the mid is sampled by the second, and one change is no volatility."""
SLOTS = 32  # of each window, which loses a thirty-second of itself at a time


@njit
def note_change(
    squares: FloatArray,
    spans_s: FloatArray,
    slot_now: IntArray,
    windows_s: FloatArray,
    time_s: float,
    change_ticks: float,
    step_s: float,
) -> None:
    """Add one change of the mid to every window.

    Args:
        squares: float64[windows·slots], ticks², updated.
        spans_s: float64[windows·slots], seconds, updated.
        slot_now: int64[windows], the running number of each window's newest slot, updated.
        windows_s: float64[windows], lengths.
        time_s: When the change ended; not before the last.
        change_ticks: nan is left out, with its time.
        step_s: How long the change took; all of it counts where it ended.
    """
    slots = squares.size // windows_s.size
    for w in range(windows_s.size):
        clear_passed(squares, spans_s, slot_now, windows_s, w, time_s)
        if not np.isnan(change_ticks):
            at = w * slots + slot_now[w] % slots
            squares[at] += change_ticks * change_ticks
            spans_s[at] += step_s


@njit
def clear_passed(
    squares: FloatArray,
    spans_s: FloatArray,
    slot_now: IntArray,
    windows_s: FloatArray,
    w: int,
    time_s: float,
) -> None:
    """Move one window's newest slot to now, emptying those that fell out meanwhile."""
    slots = squares.size // windows_s.size
    newest = int(time_s / windows_s[w] * slots)
    for slot in range(max(slot_now[w] + 1, newest - slots + 1), newest + 1):
        squares[w * slots + slot % slots] = 0.0
        spans_s[w * slots + slot % slots] = 0.0
    slot_now[w] = max(slot_now[w], newest)


@njit
def read_window(
    squares: FloatArray,
    spans_s: FloatArray,
    slot_now: IntArray,
    windows_s: FloatArray,
    w: int,
    time_s: float,
) -> tuple[float, float]:
    """Sigma of one window as of a time, and the seconds that it rests on.

    Returns:
        ``(sigma, seen_s)``: ticks per square-root second, nan where nothing was seen.

    Source:
        Realised variance: squared changes over their own time, gaps left out of both.
    """
    slots = squares.size // windows_s.size
    newest = max(int(time_s / windows_s[w] * slots), slot_now[w])
    total = seen_s = 0.0
    for slot in range(max(newest - slots + 1, 0), slot_now[w] + 1):
        total += squares[w * slots + slot % slots]
        seen_s += spans_s[w * slots + slot % slots]
    return (math.sqrt(total / seen_s) if seen_s > 0.0 else np.nan), seen_s


class WindowVolatility:
    """Feed it mids by the clock; ask it for sigma over any of its windows.

    Args:
        windows_s: Lengths in seconds, each several sampling steps long.
    """

    def __init__(self, windows_s: FloatArray = WINDOWS_S) -> None:
        self.windows_s = windows_s
        self._squares = np.zeros(windows_s.size * SLOTS)
        self._spans_s = np.zeros(windows_s.size * SLOTS)
        self._slot_now = np.full(windows_s.size, -1, np.int64)
        self._last_mid = math.nan
        self._last_s = math.nan

    def receive_mid(self, mid_ticks: float, time_s: float) -> None:
        """One sample; nan where there was no two-sided book."""
        change, step_s = mid_ticks - self._last_mid, time_s - self._last_s
        note_change(
            self._squares,
            self._spans_s,
            self._slot_now,
            self.windows_s,
            time_s,
            change,
            step_s,
        )
        self._last_mid, self._last_s = mid_ticks, time_s

    def read(self, time_s: float) -> list[tuple[float, float]]:
        """``(sigma, seen_s)`` of each window as of now; see ``read_window``. Forgets nothing."""
        rings = self._squares, self._spans_s, self._slot_now, self.windows_s
        return [read_window(*rings, w, time_s) for w in range(self.windows_s.size)]
