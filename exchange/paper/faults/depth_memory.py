"""Depth history: what the book looked like, for answers that are too old."""

from collections import deque
from typing import Any

from exchange.paper.pubsub.pubsub import Payload

EVERY_MS = 250
KEPT_MS = 61_000  # a fault may ask for a book 60 s old


class DepthMemory:
    """The snapshots of one symbol over the last minute."""

    def __init__(self) -> None:
        self._seen: deque[tuple[int, Payload]] = deque()

    def due(self, now_ms: int) -> bool:
        """Whether another snapshot is worth keeping."""
        return not self._seen or now_ms - self._seen[-1][0] >= EVERY_MS

    def keep(self, now_ms: int, depth: Payload) -> None:
        self._seen.append((now_ms, depth))
        while now_ms - self._seen[0][0] > KEPT_MS:
            self._seen.popleft()

    def recall(self, age_ms: float, limit: int, now_ms: int) -> Payload | None:
        """The newest that is at least so old, else the oldest; None when nothing was kept.

        Args:
            limit: Levels a side.
        """
        found: dict[str, Any] | None = None
        for seen_ms, depth in self._seen:
            if found is not None and now_ms - seen_ms < age_ms:
                break
            found = depth
        if found is None:
            return None
        return found | {side: found[side][:limit] for side in ("bids", "asks")}
