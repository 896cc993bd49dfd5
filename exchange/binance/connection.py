"""Connection policy: when a connection counts as dead, and how long to wait before the next try."""

from collections.abc import Callable


class Backoff:
    """Waits that double from try to try, each between half and the whole of its bound.

    Args:
        random: Numbers in [0, 1); jitter keeps many clients from connecting together.
        first_ms: Bound of the first wait.
        most_ms: Bound of every later one.
    """

    def __init__(
        self, random: Callable[[], float], first_ms: int = 200, most_ms: int = 10_000
    ) -> None:
        self._random = random
        self._first_ms = first_ms
        self._most_ms = most_ms
        self._bound_ms = first_ms

    def next_ms(self) -> int:
        """How long to wait before the next try."""
        wait_ms = self._bound_ms * (1 + self._random()) / 2
        self._bound_ms = min(2 * self._bound_ms, self._most_ms)
        return int(wait_ms)

    def reset(self) -> None:
        """The last try was a success: begin again with the shortest wait."""
        self._bound_ms = self._first_ms


class Freshness:
    """The longest silence that a living connection may keep.

    An open socket proves nothing: the venue acknowledges subscriptions that never deliver.
    """

    def __init__(self, deadline_ns: int) -> None:
        self._deadline_ns = deadline_ns
        self._heard_ns: int | None = None

    def heard(self, mono_ns: int) -> None:
        """Something arrived, or the wait for it began."""
        self._heard_ns = mono_ns

    def left_ns(self, mono_ns: int) -> int:
        """How much more silence is allowed; never negative."""
        if self._heard_ns is None:
            return self._deadline_ns
        return max(0, self._heard_ns + self._deadline_ns - mono_ns)

    def stale(self, mono_ns: int) -> bool:
        return self.left_ns(mono_ns) == 0
