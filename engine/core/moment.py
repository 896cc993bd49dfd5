"""Moment: the time of the event that a desk is taking in, by our two clocks."""

from engine.core.desk_layout import (
    CLOCK_MEASURED,
    MONO_NS,
    RECV_NS,
    STARTED_NS,
    STARTED_RECV_NS,
    VENUE_MINUS_MONO_NS,
)
from exchange.jit import IntArray, njit


@njit
def stamp(desk: IntArray, recv_ns: int, mono_ns: int) -> None:
    """It is now this event's time; the first event of all begins the run."""
    desk[RECV_NS], desk[MONO_NS] = recv_ns, mono_ns
    if desk[STARTED_RECV_NS] == 0:
        desk[STARTED_RECV_NS], desk[STARTED_NS] = recv_ns, mono_ns


@njit
def venue_ns(desk: IntArray, recv_ns: int, mono_ns: int) -> int:
    """The venue's time at a moment of ours, by our wall clock until its own was measured."""
    measured = desk[CLOCK_MEASURED] == 1
    return int(mono_ns + desk[VENUE_MINUS_MONO_NS] if measured else recv_ns)
