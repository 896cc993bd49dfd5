"""Publish and subscribe: who receives which stream, by a bounded queue for each connection.

A payload is encoded once for all who receive it in the same framing. Nobody waits here: a frame
goes into a queue, and whoever owns the connection empties it. A queue that is full belongs
to a reader too slow to be served, which is disconnected.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import TypeAlias

import orjson

QUEUED_FRAMES = 4096
"""About half a minute of a busy market; a served queue is emptied within milliseconds."""

_PUBLIC = ("bookTicker", "depth", "trade", "rpiDepth")
_WITHOUT_AT = {"!bookTicker": "public", "!contractInfo": "market", "tradingSession": "market"}

Payload = dict[str, object]
Detour: TypeAlias = Callable[[str, "Payload | list[Payload]", bytes], None]


class Prefix(Enum):
    """The path that a connection came by; each carries only its own kind of stream."""

    PUBLIC = "public"
    MARKET = "market"
    PRIVATE = "private"
    ANY = ""
    """No prefix."""

    def carries(self, name: str) -> bool:
        """Whether the venue ever delivers a stream of this name here; it never says that not.

        Paths without a prefix carry what ``/public`` does.
        """
        home = home_of(name)
        return self is home or (self is Prefix.ANY and home is Prefix.PUBLIC)


def home_of(name: str) -> Prefix:
    """The prefix that a stream belongs to; a name that is no market stream is a listen key."""
    known = _WITHOUT_AT.get(name)
    if known is not None:
        return Prefix(known)
    _, at, kind = name.partition("@")
    if not at:
        return Prefix.PRIVATE
    return Prefix.PUBLIC if kind.startswith(_PUBLIC) else Prefix.MARKET


def venue_spelling(name: str) -> str:
    """A stream's name with its symbol in the venue's lower case; listen keys stay as they are."""
    symbol, at, kind = name.partition("@")
    return f"{symbol.lower()}@{kind}" if at and not symbol.startswith("!") else name


class SubscriberQueue:
    """One connection's subscriptions, and the frames that wait for it.

    Args:
        wake: Called when there is something to fetch: with the first frame, and again with
            the first urgent one. Must not wait.
        hang_up: Called when a frame finds no room; must not wait, and ends the connection.
        combined: Whether frames name their stream; change it with ``PubSub.set_combined``.
        events: By listen key the user events to receive; a key that is missing receives all.
    """

    def __init__(
        self,
        prefix: Prefix,
        wake: Callable[[], None],
        hang_up: Callable[[], None],
        *,
        combined: bool,
        events: Mapping[str, frozenset[str]] | None = None,
    ) -> None:
        self.prefix = prefix
        self.names: dict[str, None] = {}  # a dict, to list them in the order of subscribing
        self.combined = combined
        self.urgent = False
        """Whether anything here should not wait for company."""
        self._events = events or {}
        self._wake = wake
        self._hang_up = hang_up
        self._frames: deque[bytes] = deque()

    def put(self, frame: bytes, *, urgent: bool = False) -> None:
        frames = self._frames
        if len(frames) >= QUEUED_FRAMES:
            self._hang_up()
            return
        frames.append(frame)
        if urgent and not self.urgent:
            self.urgent = True
            self._wake()
        elif len(frames) == 1:
            self._wake()

    def take(self) -> list[bytes]:
        """Everything that waits, oldest first."""
        frames = list(self._frames)
        self._frames.clear()
        self.urgent = False
        return frames

    def hears(self, name: str, event: str) -> bool:
        """Whether a user event is among those asked for."""
        wanted = self._events.get(name)
        return wanted is None or event in wanted


class _Channel:
    """Subscribers of one stream, by framing."""

    __slots__ = ("combined", "head", "name", "private", "raw")

    def __init__(self, name: str) -> None:
        self.name = name
        self.private = home_of(name) is Prefix.PRIVATE
        self.head = b'{"stream":%b,"data":' % orjson.dumps(name)
        self.raw: list[SubscriberQueue] = []
        self.combined: list[SubscriberQueue] = []

    def queues(self, *, combined: bool) -> list[SubscriberQueue]:
        return self.combined if combined else self.raw

    def put(self, queues: list[SubscriberQueue], frame: bytes, event: str) -> None:
        if not self.private:
            for queue in queues:
                queue.put(frame)
            return
        for queue in queues:
            if queue.hears(self.name, event):
                queue.put(frame, urgent=True)


class PubSub:
    """Every stream and every queue.

    Args:
        strict: Deliver as the venue does today: a stream on its own prefix alone, and nothing
            for a symbol in upper case. Else any path carries anything, in any case.
        frame: What turns an encoded payload into what a queue holds.
    """

    def __init__(
        self, *, strict: bool = False, frame: Callable[[bytes], bytes] = lambda raw: raw
    ) -> None:
        self._strict = strict
        self._frame = frame
        self._channels: dict[str, _Channel] = {}
        self._offered: set[str] = set()
        self.detour: Detour | None = None
        """Takes every ``(name, payload, encoded)`` in place of ``deliver``, when there is one."""

    def spelling(self, name: str) -> str:
        """The name under which a subscription is kept."""
        return name if self._strict else venue_spelling(name)

    def offer(self, *names: str) -> None:
        """Whoever publishes says so, whether or not anybody listens yet."""
        self._offered.update(names)

    def withdraw(self, name: str) -> None:
        """Nothing more will be published on a stream."""
        self._offered.discard(name)

    def silent(self, names: Iterable[str]) -> list[str]:
        """Those on which nothing will ever be published, and which are to be refused.

        None where it is strict: the venue acknowledges any name, and so hides a wrong one.
        """
        if self._strict:
            return []
        return [name for name in names if self.spelling(name) not in self._offered]

    def subscribe(self, queue: SubscriberQueue, names: Iterable[str]) -> None:
        for name in map(self.spelling, names):
            if name in queue.names:
                continue
            queue.names[name] = None
            if not self._strict or queue.prefix.carries(name):
                channel = self._channels.get(name)
                if channel is None:
                    channel = self._channels[name] = _Channel(name)
                channel.queues(combined=queue.combined).append(queue)

    def unsubscribe(self, queue: SubscriberQueue, names: Iterable[str]) -> None:
        for name in map(self.spelling, names):
            if name not in queue.names:
                continue
            del queue.names[name]
            channel = self._channels.get(name)
            if channel is None:
                continue
            listeners = channel.queues(combined=queue.combined)
            if queue in listeners:
                listeners.remove(queue)
            if not channel.raw and not channel.combined:
                del self._channels[name]

    def remove(self, queue: SubscriberQueue) -> None:
        self.unsubscribe(queue, list(queue.names))

    def set_combined(self, queue: SubscriberQueue, *, combined: bool) -> None:
        """Change the framing of a connection that may listen already."""
        names = list(queue.names)
        self.remove(queue)
        queue.combined = combined
        self.subscribe(queue, names)

    def wanted(self, name: str) -> bool:
        """Whether building a payload for this stream is worth the while."""
        return name in self._channels

    def publish(self, name: str, payload: Payload | list[Payload]) -> None:
        """Publish a payload on a stream; a list is what the streams of all symbols carry."""
        channel = self._channels.get(name)
        if channel is None:
            return
        raw = orjson.dumps(payload)
        if self.detour is not None:
            self.detour(name, payload, raw)
        else:
            self._deliver(channel, raw, event_of(payload))

    def deliver(self, name: str, raw: bytes, event: str) -> None:
        """Put an encoded payload into the queues of whoever listens by now."""
        channel = self._channels.get(name)
        if channel is not None:
            self._deliver(channel, raw, event)

    def _deliver(self, channel: _Channel, raw: bytes, event: str) -> None:
        if channel.raw:
            channel.put(channel.raw, self._frame(raw), event)
        if channel.combined:
            channel.put(channel.combined, self._frame(b"%b%b}" % (channel.head, raw)), event)


def event_of(payload: Payload | list[Payload]) -> str:
    """A payload's event type; empty where it has none."""
    return str(payload.get("e", "")) if isinstance(payload, dict) else ""
