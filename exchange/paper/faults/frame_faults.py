"""Frame faults: loses, doubles, damages, swaps and delays frames as the faults decide.

It stands between the encoding of a payload and the queues, so that what strikes a frame
strikes everyone who receives it. A frame that waits is passed by none of its own stream, unless
its fault says so.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from exchange.paper.faults.delay_queue import DelayQueue
from exchange.paper.faults.faults import Faults
from exchange.paper.pubsub.pubsub import Payload, Prefix, event_of, home_of

SWAP_PATIENCE_NS = 1_000_000_000
"""How long a frame waits for a neighbour to change places with."""

Deliver = Callable[[str, bytes, str], None]
"""Takes name, encoded payload and event type; the pub/sub's ``deliver``."""


@dataclass(frozen=True, slots=True)
class _Frame:
    name: str
    event: str
    raw: bytes
    copies: int
    delay_ms: float
    overtaken_ms: float


class FrameFaults:
    """Stage between the encoder and the queues, through which every frame goes.

    Args:
        now_ns: Gives the venue's present time.
    """

    def __init__(
        self, faults: Faults, later: DelayQueue, deliver: Deliver, now_ns: Callable[[], int]
    ) -> None:
        self._faults = faults
        self._later = later
        self._deliver = deliver
        self._now_ns = now_ns
        self._held: dict[str, _Frame] = {}  # by listen key or symbol, for a neighbour to come

    def carry(self, name: str, payload: Payload | list[Payload], raw: bytes) -> None:
        """Take a frame over from the pub/sub; it arrives at once when nothing is wrong."""
        event = event_of(payload)
        if not self._faults.on_frames:
            if not self._held and self._later.next_ns is None:
                self._deliver(name, raw, event)
                return
            self._pass_held(_Frame(name, event, raw, 1, 0.0, 0.0))
            return
        verdict = self._faults.verdict(label(name, event), raw, _order_of(payload))
        if verdict.lost:
            return
        frame = _Frame(
            name, event, verdict.raw, verdict.copies, verdict.delay_ms, verdict.overtaken_ms
        )
        if verdict.swapped and _neighbours(name) not in self._held:
            self._hold(frame)
        else:
            self._pass_held(frame)

    def _pass_held(self, frame: _Frame) -> None:
        """Send a frame, before a held one of another type and behind one of its own."""
        held = self._held.pop(_neighbours(frame.name), None) if self._held else None
        if held is not None and held.event == frame.event:
            self._send(held)
            held = None
        self._send(frame)
        if held is not None:
            self._send(held)

    def _hold(self, frame: _Frame) -> None:
        where = _neighbours(frame.name)
        self._held[where] = frame
        due_ns = self._now_ns() + SWAP_PATIENCE_NS
        self._later.put(frame, due_ns, partial(self._give_up, where, frame))

    def _give_up(self, where: str, frame: _Frame) -> None:
        if self._held.get(where) is frame:
            del self._held[where]
            self._send(frame)

    def _send(self, frame: _Frame) -> None:
        delay_ns = round((frame.delay_ms + frame.overtaken_ms) * 1e6)
        waits_in_turn = frame.delay_ms > 0 or self._later.holds(frame.name)
        lane = frame.name if waits_in_turn else frame
        for _ in range(frame.copies):
            if delay_ns > 0 or waits_in_turn:
                arrive = partial(self._deliver, frame.name, frame.raw, frame.event)
                self._later.put(lane, self._now_ns() + delay_ns, arrive)
            else:
                self._deliver(frame.name, frame.raw, frame.event)


def label(name: str, event: str) -> str:
    """What faults aim at: a stream under its prefix; never a listen key."""
    home = home_of(name)
    return f"{home.value}/{event if home is Prefix.PRIVATE else name}"


def _neighbours(name: str) -> str:
    """What frames have in common that may change places."""
    return name.partition("@")[0]


def _order_of(payload: Payload | list[Payload]) -> str:
    """The client's order id in a user event; else nothing."""
    if not isinstance(payload, dict):
        return ""
    order = payload.get("o", payload)
    order_id = order.get("c") if isinstance(order, dict) else None
    return order_id if isinstance(order_id, str) else ""
