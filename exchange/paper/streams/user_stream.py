"""User data stream of one account: one listen key, its hour of life, and its events."""

import hashlib
from collections.abc import Callable

from exchange.errors import Refused
from exchange.paper.pubsub.pubsub import Payload, PubSub

LIFE_MS = 3_600_000  # a key that nobody extends lives 60 minutes at the venue


class UserStream:
    """Publishes user events to whoever subscribed to the key in force.

    Args:
        secret: What the keys are derived from; never shown.
    """

    def __init__(self, pubsub: PubSub, secret: str) -> None:
        self._pubsub = pubsub
        self.carry: Callable[[str, Payload], None] = pubsub.publish
        """The way to the stream of a key."""
        self._secret = secret
        self._key: str | None = None
        self._ends_ms = 0

    def start(self, now_ms: int) -> str:
        """The key in force, made when there is none; either way it lives another hour."""
        if self._key is None:
            seed = f"{self._secret}:{now_ms}:listen".encode()
            self._key = hashlib.sha256(seed).hexdigest()
            self._pubsub.offer(self._key)
        self._ends_ms = now_ms + LIFE_MS
        return self._key

    def extend(self, now_ms: int) -> str:
        """Another hour for the key in force.

        Raises:
            Refused: With -1125 when there is none.
        """
        self._need_key()
        return self.start(now_ms)

    def end_by_client(self) -> None:
        """As ``end``.

        Raises:
            Refused: With -1125 when there is no key.
        """
        self._need_key()
        self.end()

    def _need_key(self) -> None:
        if self._key is None:
            raise Refused(-1125, "This listenKey does not exist.")

    def end(self) -> None:
        """Forget the key; sockets that use it stay open and silent."""
        if self._key is not None:
            self._pubsub.withdraw(self._key)
        self._key = None

    def advance(self, now_ms: int) -> None:
        """Let the key expire when nobody has asked for it for an hour."""
        if now_ms >= self._ends_ms:
            self.expire(now_ms)

    def expire(self, now_ms: int) -> None:
        """Say that the key is void, and forget it."""
        if self._key is not None:
            self.publish({"e": "listenKeyExpired", "E": now_ms, "listenKey": self._key})
            self.end()

    def publish(self, payload: Payload) -> None:
        if self._key is not None:
            self.carry(self._key, payload)
