"""Moment: the time of the event that a desk is taking in, by our two clocks."""

from engine.core.desk_layout import MONO_NS, RECV_NS, STARTED_NS, STARTED_RECV_NS
from exchange.jit import IntArray, njit


@njit
def stamp(desk: IntArray, recv_ns: int, mono_ns: int) -> None:
    """It is now this event's time; the first event of all begins the run."""
    desk[RECV_NS], desk[MONO_NS] = recv_ns, mono_ns
    if desk[STARTED_RECV_NS] == 0:
        desk[STARTED_RECV_NS], desk[STARTED_NS] = recv_ns, mono_ns
