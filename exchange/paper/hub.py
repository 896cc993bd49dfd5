"""Who listens to which stream: subscriptions, and a bounded mailbox for each connection.

A payload is encoded once for all who hear it. Nobody waits here: a frame goes into a
mailbox, and whoever owns the connection empties it. A mailbox that is full belongs to a
reader too slow to be served, and is hung up on.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from enum import Enum

import orjson

MAILBOX_FRAMES = 4096
"""About half a minute of a busy market."""

_PUBLIC = ("bookTicker", "depth", "trade", "rpiDepth")

Payload = dict[str, object]


class Prefix(Enum):
    """The path that a connection came by; each carries only its own kind of stream."""

    PUBLIC = "public"
    MARKET = "market"
    PRIVATE = "private"
    ANY = ""
    """No prefix: carries everything, for clients that know no other path."""

    def carries(self, name: str) -> bool:
        """Whether a stream of this name is ever heard here; the venue never says that it is not."""
        if self is Prefix.ANY:
            return True
        _, at, kind = name.partition("@")
        if name == "!bookTicker":
            return self is Prefix.PUBLIC
        if not at:
            return self is Prefix.PRIVATE
        return self is (Prefix.PUBLIC if kind.startswith(_PUBLIC) else Prefix.MARKET)


class Mailbox:
    """One connection's subscriptions, and the frames that wait for it.

    Args:
        wake: Called after a frame was put in; must not wait.
        hang_up: Called when a frame finds no room; must not wait, and ends the connection.
        combined: Whether frames name their stream.
        events: User events to hear, or None for all.
    """

    def __init__(
        self,
        prefix: Prefix,
        wake: Callable[[], None],
        hang_up: Callable[[], None],
        *,
        combined: bool,
        events: frozenset[str] | None = None,
    ) -> None:
        self.prefix = prefix
        self.names: dict[str, None] = {}  # a dict, to list them in the order of subscribing
        self.combined = combined
        self._events = events
        self._wake = wake
        self._hang_up = hang_up
        self._frames: deque[bytes] = deque()

    def put(self, frame: bytes) -> None:
        if len(self._frames) >= MAILBOX_FRAMES:
            self._hang_up()
        else:
            self._frames.append(frame)
            self._wake()

    def take(self) -> list[bytes]:
        """Everything that waits, oldest first."""
        frames = list(self._frames)
        self._frames.clear()
        return frames

    def hears(self, name: str, payload: Payload | list[Payload]) -> bool:
        if not self.prefix.carries(name):
            return False
        if self._events is None or "@" in name or isinstance(payload, list):
            return True
        return payload["e"] in self._events


class Hub:
    """Every stream and every mailbox."""

    def __init__(self) -> None:
        self._listeners: defaultdict[str, list[Mailbox]] = defaultdict(list)

    def subscribe(self, mailbox: Mailbox, names: Iterable[str]) -> None:
        for name in names:
            if name not in mailbox.names:
                mailbox.names[name] = None
                self._listeners[name].append(mailbox)

    def unsubscribe(self, mailbox: Mailbox, names: Iterable[str]) -> None:
        for name in names:
            if name in mailbox.names:
                del mailbox.names[name]
                self._listeners[name].remove(mailbox)
                if not self._listeners[name]:
                    del self._listeners[name]

    def remove(self, mailbox: Mailbox) -> None:
        self.unsubscribe(mailbox, list(mailbox.names))

    def wanted(self, name: str) -> bool:
        """Whether building a payload for this stream is worth the while."""
        return name in self._listeners

    def publish(self, name: str, payload: Payload | list[Payload]) -> None:
        """Say something on a stream; a list is what the streams of all symbols carry."""
        mailboxes = self._listeners.get(name)
        if not mailboxes:
            return
        raw = orjson.dumps(payload)
        framed: bytes | None = None
        for mailbox in mailboxes:
            if not mailbox.hears(name, payload):
                continue
            if mailbox.combined:
                framed = framed or b'{"stream":%b,"data":%b}' % (orjson.dumps(name), raw)
                mailbox.put(framed)
            else:
                mailbox.put(raw)
