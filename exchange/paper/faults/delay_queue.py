"""Delay queue with per-key order; it reads no clock but is given the time."""

import heapq
from collections.abc import Callable, Hashable
from itertools import count


class DelayQueue:
    """Acts that are due at a time, each lane's in the order in which they were put in.

    Args:
        on_sooner: Called when the next time to look has moved to an earlier one.
    """

    def __init__(self, on_sooner: Callable[[], None] = lambda: None) -> None:
        self._on_sooner = on_sooner
        self._heap: list[tuple[int, int, Hashable, Callable[[], None]]] = []
        self._turns = count()
        self._lanes: dict[Hashable, tuple[int, int]] = {}  # when its last is due, how many wait

    @property
    def next_ns(self) -> int | None:
        """When the next act is due; None when none waits."""
        return self._heap[0][0] if self._heap else None

    def holds(self, lane: Hashable) -> bool:
        """Whether anything of a lane still waits, so that nothing may pass it."""
        return lane in self._lanes

    def put(self, lane: Hashable, due_ns: int, act: Callable[[], None]) -> None:
        """Do this no sooner than it is due, and after all that waits in its lane."""
        before_ns = self.next_ns
        last_ns, waiting = self._lanes.get(lane, (due_ns, 0))
        due_ns = max(due_ns, last_ns)
        self._lanes[lane] = due_ns, waiting + 1
        heapq.heappush(self._heap, (due_ns, next(self._turns), lane, act))
        if before_ns is None or due_ns < before_ns:
            self._on_sooner()

    def run(self, now_ns: int) -> None:
        """Do everything that is due by now."""
        while self._heap and self._heap[0][0] <= now_ns:
            _, _, lane, act = heapq.heappop(self._heap)
            last_ns, waiting = self._lanes[lane]
            if waiting == 1:
                del self._lanes[lane]
            else:
                self._lanes[lane] = last_ns, waiting - 1
            act()
