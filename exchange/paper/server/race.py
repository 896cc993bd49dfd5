"""Event race: which comes first, the answer to a call or the private events of what it did.

They travel on two connections, and at the venue either wins. Here an event comes first unless it
is drawn to be slow; then it leaves some milliseconds after its answer, and what is published on
the same stream meanwhile waits behind it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from exchange.paper.faults.delay_queue import DelayQueue
from exchange.paper.pubsub.pubsub import Payload
from exchange.paper.rng import SplitMix64

SLOW_SHARE = 0.4
SHORTEST_LAG_NS = 1_000_000
MEAN_FURTHER_LAG_NS = 2_000_000
LONGEST_LAG_NS = 20_000_000


class Race:
    """Order of an answer and its private events, drawn call by call.

    Args:
        publish: Takes a stream's name and a payload; the pub/sub's.
        now_ns: Gives the venue's present time.
    """

    def __init__(
        self,
        seed: int,
        later: DelayQueue,
        publish: Callable[[str, Payload], None],
        now_ns: Callable[[], int],
    ) -> None:
        self._random = SplitMix64(seed).fork()
        self._later = later
        self._publish = publish
        self._now_ns = now_ns
        self._calling = False
        self._lag_ns: int | None = None  # None: the present call has published nothing yet

    @contextmanager
    def call(self) -> Iterator[None]:
        """What is published within comes of one call, whose answer is about to leave."""
        self._calling, self._lag_ns = True, None
        try:
            yield
        finally:
            self._calling = False

    def carry(self, name: str, payload: Payload) -> None:
        """Publish on a private stream, now or when its turn comes."""
        lag_ns = self._lag() if self._calling else 0
        lane = (self, name)
        if lag_ns or self._later.holds(lane):
            self._later.put(lane, self._now_ns() + lag_ns, partial(self._publish, name, payload))
        else:
            self._publish(name, payload)

    def _lag(self) -> int:
        if self._lag_ns is None:
            slow = self._random.uniform() < SLOW_SHARE
            further_ns = round(self._random.exponential(1 / MEAN_FURTHER_LAG_NS))
            self._lag_ns = min(SHORTEST_LAG_NS + further_ns, LONGEST_LAG_NS) if slow else 0
        return self._lag_ns
