"""Market state of one symbol: book, touch and tape, from raw frames.

The depth stream carries the book, the ticker stream runs ahead of it at the touch. A
ticker newer than the book is written into it; a depth message older than the newest
ticker never undoes it.
"""

from collections.abc import Callable
from functools import partial

from engine.core.desk_layout import OWN_IN_BOOK
from engine.core.hear import (
    IN_WIRE,
    IS_NONSENSE,
    NO_SNAPSHOT,
    NOT_READ,
    distrust,
    hear_frame,
    hear_snapshot,
    hearing_codes,
    look,
)
from exchange.binance.frame_scanner import FrameScanner
from exchange.binance.scanner import frame_lots, frame_row, frame_ticks
from exchange.book import Book
from exchange.errors import Garbled
from exchange.event_columns import (
    SNAPSHOT,
)
from exchange.instrument import Instrument
from exchange.jit import FloatArray, IntArray, in_python
from exchange.market_layout import (
    JOINED,
    LATENCY_KNOWN,
    LATENCY_NS,
    MARKET_SIZE,
    NO_BID,
    PRINT_SIDE,
    PRINT_TICKS,
    RECORDED,
    RECORDED_SIZE,
    TOUCH_ASK,
    TOUCH_ASK_LOTS,
    TOUCH_BID,
    TOUCH_BID_LOTS,
    new_region,
)
from exchange.types import Side


class MarketState:
    """Book, touch and last print of one symbol: a reader of the market's region.

    Args:
        desk: int64[DESK_SIZE], of the desk that looks at it, as ``reals``.
        own_in_book: Does the feed show our own orders? A recording does not.
        recorded: May the book grow from diffs, since nobody can be asked for a snapshot?
    """

    def __init__(
        self,
        instrument: Instrument,
        desk: IntArray,
        reals: FloatArray,
        *,
        own_in_book: bool,
        recorded: bool = False,
    ) -> None:
        self.region = new_region(RECORDED_SIZE if recorded else MARKET_SIZE)
        self.region[RECORDED] = recorded
        self.book = Book(self.region)
        self._scanner = FrameScanner(instrument)
        self._desk, self._reals, self._codes = desk, reals, hearing_codes()
        self.nonsense = ""
        """What was wrong with the last message that was nonsense."""
        desk[OWN_IN_BOOK] = own_in_book
        self._bind()

    @property
    def trusted(self) -> bool:
        return bool(self.region[JOINED])

    @property
    def touch(self) -> tuple[int, int] | None:
        """Others' best bid and ask in ticks, our own size taken out; None: no trusted book."""
        bid = int(self.region[TOUCH_BID])
        return None if bid == NO_BID else (bid, int(self.region[TOUCH_ASK]))

    @property
    def touch_lots(self) -> tuple[int, int]:
        """Others' sizes there."""
        return int(self.region[TOUCH_BID_LOTS]), int(self.region[TOUCH_ASK_LOTS])

    @property
    def last_print(self) -> tuple[int, Side] | None:
        side = int(self.region[PRINT_SIDE])
        return (int(self.region[PRINT_TICKS]), Side(side)) if side else None

    @property
    def feed_latency_ns(self) -> int | None:
        """How late the newest book message came, by the venue's clock."""
        return int(self.region[LATENCY_NS]) if self.region[LATENCY_KNOWN] else None

    def hear(self, raw: bytes, recv_ns: int, mono_ns: int, *, alone: bool = False) -> int:
        """One market message has arrived; what came of it, as bits of ``engine.core.hear``.

        None is set where nothing did: then nothing is to be said, or asked, either.

        Args:
            alone: May it be decided upon at once?
        """
        size = self._scanner.put(raw)
        if self._scanner.wire is not self._wire:
            self._bind()
        heard = self._hear(size, recv_ns, mono_ns, alone)
        if not heard & NOT_READ:
            return heard
        try:
            self._scanner.scan_by_twin(raw)
        except Garbled as error:
            self.nonsense = str(error)
            distrust(self._desk, self.region, IS_NONSENSE)
            return look(self._desk, self._reals, self.region, self._codes, recv_ns, mono_ns, alone)
        return self._hear(IN_WIRE, recv_ns, mono_ns, alone)

    def _bind(self) -> None:
        """Hand the kernel what it works on, which stays the same from one message to the next."""
        self._wire = self._scanner.wire
        self._hear: Callable[[int, int, int, bool], int] = partial(
            hear_frame,
            self._scanner.raw,
            self._wire,
            self._desk,
            self._reals,
            self.region,
            self._codes,
        )

    def receive_snapshot(self, raw: bytes) -> None:
        """A depth snapshot that was asked for has arrived."""
        try:
            if self._scanner.scan(raw) != SNAPSHOT:
                raise Garbled("not a depth snapshot of this symbol", raw)
        except Garbled as error:
            self.nonsense = str(error)
            distrust(self._desk, self.region, NO_SNAPSHOT)
            return
        wire = self._scanner.wire
        row, ticks, lots = (in_python(part)(wire) for part in (frame_row, frame_ticks, frame_lots))
        hear_snapshot(self._desk, self.region, self._codes, row, ticks, lots)
