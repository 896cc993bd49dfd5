"""Venue clock: the venue's time by our monotonic clock, so that setting ours breaks no stamp."""

from collections.abc import Iterable
from typing import NamedTuple

NS_PER_MS = 1_000_000


class ClockSample(NamedTuple):
    """One measurement of the venue's time: when it was asked, and what it answered."""

    sent_mono_ns: int
    received_mono_ns: int
    venue_ms: int

    @property
    def round_trip_ns(self) -> int:
        return self.received_mono_ns - self.sent_mono_ns


class VenueClock:
    """What time it is at the venue.

    Until the first samples it believes our own wall clock. The venue refuses a stamp that
    is ahead of it by a second, whatever the receive window, so stamps are held back by a
    safety margin: being a little late costs nothing.

    Args:
        wall_ns: Our wall clock now.
        mono_ns: Our monotonic clock at the same moment.
        safety_margin_ms: How far stamps stay behind the estimate.
    """

    def __init__(self, wall_ns: int, mono_ns: int, safety_margin_ms: int = 50) -> None:
        self.venue_minus_mono_ns = wall_ns - mono_ns
        """Added to our monotonic clock it is the venue's time, in ns."""
        self._margin_ns = safety_margin_ms * NS_PER_MS
        self._error_ns: int | None = None

    @property
    def error_ms(self) -> float:
        """Half the round trip behind the estimate; infinite while there was none."""
        return float("inf") if self._error_ns is None else self._error_ns / NS_PER_MS

    def learn(self, samples: Iterable[ClockSample]) -> None:
        """Believe the sample with the smallest round trip, and forget earlier ones.

        Args:
            samples: At least one.
        """
        best = min(samples, key=lambda sample: sample.round_trip_ns)
        middle_ns = (best.sent_mono_ns + best.received_mono_ns) // 2
        self.venue_minus_mono_ns = best.venue_ms * NS_PER_MS - middle_ns
        self._error_ns = best.round_trip_ns // 2

    def now_ms(self, mono_ns: int) -> int:
        """The best estimate of the venue's time."""
        return (mono_ns + self.venue_minus_mono_ns) // NS_PER_MS

    def timestamp_ms(self, mono_ns: int) -> int:
        """The stamp for a request that leaves now: the estimate less the safety margin."""
        return (mono_ns + self.venue_minus_mono_ns - self._margin_ns) // NS_PER_MS

    def offset_ms(self, wall_ns: int, mono_ns: int) -> float:
        """The venue's clock less our wall clock; positive when ours is behind."""
        return (mono_ns + self.venue_minus_mono_ns - wall_ns) / NS_PER_MS
