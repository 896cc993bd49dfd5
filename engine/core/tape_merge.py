"""Tape merge: touches and prints of two streams, put back into the order of the venue's stamps.

The streams do not arrive together: what a print did to the touch often arrives before the
print, by milliseconds or by seconds. So a touch waits until the tape has passed its stamp. The
tape says how far it is by its prints, and while it is quiet by whatever else its link carries,
less a margin. Nothing here depends on how long anything took to arrive.

A touch is not waited for without end. One that is ``PATIENCE_NS`` older than the newest, or the
oldest of more than ``MOST_WAITING``, goes out as unseen by the tape; so do those that came
before the first message of the tape, or while its link was down.
"""

from collections import deque
from collections.abc import Callable

from exchange.types import Side

PATIENCE_NS = 10_000_000_000
MOST_WAITING = 16_384
MARGIN_NS = 3_000_000_000
"""How far prints may lie behind the other messages of their link."""
MOST_PRINTS = 65_536
_MOST_HOLES = 64
"""Beyond it the two oldest become one."""
_NEVER_NS = 1 << 62

Touch = tuple[int, int, int, int]
"""``(bid_ticks, bid_lots, ask_ticks, ask_lots)``."""
StampedPrint = tuple[int, Side, int, int]
"""``(exch_ns, aggressor, price_ticks, lots)``."""


class TapeMerge:
    """Feed it both streams; it hands on prints before the touches that show what they did.

    Args:
        on_print: Takes each print, in order.
        on_touch: Takes each touch with its stamp, in order, and whether the tape was seen up
            to it; None for the touch says that the book was lost.
    """

    def __init__(
        self,
        on_print: Callable[[StampedPrint], None],
        on_touch: Callable[[int, Touch | None, bool], None],
    ) -> None:
        self._on_print, self._on_touch = on_print, on_touch
        self._touches: deque[tuple[int, Touch | None]] = deque()
        self._prints: deque[StampedPrint] = deque()
        self._newest_ns = 0
        self._tape_ns = 0
        self._holes = [(0, _NEVER_NS)]  # no tape from, up to; oldest first

    def receive_touch(self, exch_ns: int, touch: Touch | None) -> None:
        """The touch after one message of the book; None for a book that was lost.

        The book's own streams are not together either: a stamp before the newest is taken
        for the newest.
        """
        self._newest_ns = max(self._newest_ns, exch_ns)
        self._touches.append((self._newest_ns, touch))
        self._hand_on()

    def receive_print(self, exch_ns: int, aggressor: Side, price_ticks: int, lots: int) -> None:
        self._prints.append((exch_ns, aggressor, price_ticks, lots))
        if len(self._prints) > MOST_PRINTS:
            self._on_print(self._prints.popleft())
        self._pass(exch_ns, exch_ns)

    def hear_tape(self, exch_ns: int) -> None:
        """Another message of the tape's link: its prints cannot lie far behind."""
        self._pass(exch_ns, exch_ns - MARGIN_NS)

    def lose_tape(self) -> None:
        """The tape's link is down: what is printed until it is up again nobody knows."""
        if not self._lost:
            self._holes.append((self._tape_ns, _NEVER_NS))
        if len(self._holes) > _MOST_HOLES:
            (since_ns, _), (_, until_ns) = self._holes[:2]
            self._holes[:2] = [(since_ns, until_ns)]

    @property
    def _lost(self) -> bool:
        return bool(self._holes) and self._holes[-1][1] == _NEVER_NS

    def _pass(self, exch_ns: int, passed_ns: int) -> None:
        """Something of the tape's link was stamped so, and prints have come as far as that."""
        if self._lost:
            self._holes[-1] = (self._holes[-1][0], exch_ns)
        if passed_ns > self._tape_ns:
            self._tape_ns = passed_ns
            self._hand_on()

    def _hand_on(self) -> None:
        touches, prints = self._touches, self._prints
        while touches:
            exch_ns, touch = touches[0]
            passed = exch_ns < self._tape_ns
            overdue = exch_ns < self._newest_ns - PATIENCE_NS or len(touches) > MOST_WAITING
            if not passed and not overdue:
                return
            touches.popleft()
            while prints and prints[0][0] <= exch_ns:
                self._on_print(prints.popleft())
            self._on_touch(exch_ns, touch, passed and not self._unheard(exch_ns))

    def _unheard(self, exch_ns: int) -> bool:
        """Does a hole of the tape hold this stamp? Those before it are of no more use."""
        while self._holes and self._holes[0][1] <= exch_ns:
            del self._holes[0]
        return bool(self._holes) and self._holes[0][0] <= exch_ns
