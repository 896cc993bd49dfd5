"""Frame writer: carries waiting frames to their sockets, each socket's in a single write.

Market frames wait at most ``COALESCE_S`` for company; user events and answers wait for nobody.
Prebuilt frames go straight to the transport. aiohttp writes each frame of its own (pong, close)
in one go too, without waiting in between, so the two never interleave.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from exchange.paper.pubsub.pubsub import Prefix, SubscriberQueue

COALESCE_S = 0.001
_SHORTEST_SLEEP_S = 0.0008
"""The event loop's timers count whole milliseconds: a shorter sleep could take twice as long."""

LATE_NS = 2_000_000  # what is promised of a frame that waits for company

MOST_UNSENT_BYTES = 8 << 20
"""Seconds of the busiest market; whoever is further behind than that is disconnected."""

_TEXT, _PING = 0x81, 0x89
_PREFIXES = {prefix.value for prefix in Prefix}


def text_frame(payload: bytes) -> bytes:
    """A whole text message as a server sends it: unmasked, and so the same for everyone."""
    return _frame(_TEXT, payload)


def ping_frame(payload: bytes) -> bytes:
    return _frame(_PING, payload)


def _frame(first: int, payload: bytes) -> bytes:
    length = len(payload)
    if length < 126:
        return bytes((first, length)) + payload
    if length < 65536:
        return bytes((first, 126)) + length.to_bytes(2, "big") + payload
    return bytes((first, 127)) + length.to_bytes(8, "big") + payload


@dataclass(slots=True)
class WriteTally:
    """Counters of what was written so far."""

    frames: int = 0
    writes: int = 0
    bytes: int = 0
    rounds: int = 0
    late_rounds: int = 0
    """Rounds that came more than ``LATE_NS`` after the first frame that waited for them."""
    longest_wait_ns: int = 0


class Outlet:
    """One socket's way out: a queue that is emptied into a transport.

    Args:
        transport: Owned by aiohttp; this only writes, and aborts it when the reader is too slow.
        place: The path that it came by, for faults to aim at.
        muted: Whether frames are thrown away instead of being written.
    """

    def __init__(
        self,
        writer: "FrameWriter",
        transport: asyncio.Transport,
        place: str,
        *,
        combined: bool = False,
        events: Mapping[str, frozenset[str]] | None = None,
        muted: Callable[["Outlet"], bool],
    ) -> None:
        self.transport = transport
        self.place = place
        prefix = Prefix(place) if place in _PREFIXES else Prefix.ANY
        self.queue = SubscriberQueue(
            prefix, self._wake, transport.abort, combined=combined, events=events
        )
        self._writer = writer
        self._muted = muted

    def say(self, payload: bytes) -> None:
        """Send a text of this connection's own, behind whatever waits already."""
        self.queue.put(text_frame(payload), urgent=True)

    def flush(self) -> None:
        """Write everything that waits."""
        frames = self.queue.take()
        transport = self.transport
        if not frames or transport.is_closing() or self._muted(self):
            return
        together = b"".join(frames)
        transport.write(together)
        tally = self._writer.tally
        tally.frames += len(frames)
        tally.writes += 1
        tally.bytes += len(together)
        if transport.get_write_buffer_size() > MOST_UNSENT_BYTES:
            transport.abort()

    def _wake(self) -> None:
        if self.queue.urgent:
            self.flush()
        else:
            self._writer.expect(self)


class FrameWriter:
    """Writes, in rounds, what waits for each outlet."""

    def __init__(self) -> None:
        self.tally = WriteTally()
        self._waiting: list[Outlet] = []
        self._since_ns = 0
        self._any = asyncio.Event()

    def expect(self, outlet: Outlet) -> None:
        """Put a line on the next round."""
        if not self._waiting:
            self._since_ns = time.monotonic_ns()
            self._any.set()
        self._waiting.append(outlet)

    async def run(self) -> None:
        """Make round after round, for ever."""
        while True:
            await self._any.wait()
            while self._waiting:
                left_s = COALESCE_S - self._waited_ns() / 1e9
                if left_s < _SHORTEST_SLEEP_S:
                    self._make_round()
                else:
                    await asyncio.sleep(left_s)
            self._any.clear()

    def hurry(self) -> None:
        """Make a round now if one is due: for those who keep the event loop busy."""
        if self._waiting and self._waited_ns() >= COALESCE_S * 1e9:
            self._make_round()

    def deliver(self) -> None:
        """Make a round now: for those who know that nothing will join it."""
        if self._waiting:
            self._make_round()

    def _waited_ns(self) -> int:
        return time.monotonic_ns() - self._since_ns

    def _make_round(self) -> None:
        outlets, self._waiting = self._waiting, []
        waited_ns = self._waited_ns()
        for outlet in outlets:
            outlet.flush()
        self.tally.rounds += 1
        self.tally.late_rounds += waited_ns > LATE_NS
        self.tally.longest_wait_ns = max(self.tally.longest_wait_ns, waited_ns)
