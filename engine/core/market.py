"""Market state of one symbol: book, touch and tape, from raw frames.

The depth stream carries the book, the ticker stream runs ahead of it at the touch. A
ticker newer than the book is written into it; a depth message older than the newest
ticker never undoes it.
"""

from collections.abc import Callable
from functools import partial

from engine.core.desk_layout import LINK_HEARD_NS, OWN_IN_BOOK, PUBLIC, RESYNCS, link_row
from engine.core.hear import (
    BOOK_BROKEN,
    FOUND_SHIFT,
    GARBLED,
    IN_WIRE,
    NOT_READ,
    hear_frame,
    look,
    take_found,
)
from engine.core.log import DeskLog
from engine.core.request_tracker import FETCH_SNAPSHOT, tell
from exchange import depth_sync
from exchange.binance.frame_scanner import FrameScanner
from exchange.book import Book
from exchange.depth_sync import growth_in_words
from exchange.errors import Garbled
from exchange.event_columns import (
    SNAPSHOT,
)
from exchange.instrument import Instrument
from exchange.jit import FloatArray, IntArray, in_python
from exchange.market import lose_market, market_step
from exchange.market_layout import (
    GREW_FOR_NS,
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
from exchange.types import Severity, Side

_RESYNC_WAITS_MS = (0, 250, 500, 1000, 2000, 4000)
"""A snapshot costs 20 of the minute's weight, so gaps in a row are spaced out."""


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
        log: DeskLog,
        *,
        own_in_book: bool,
        recorded: bool = False,
    ) -> None:
        self.region = new_region(RECORDED_SIZE if recorded else MARKET_SIZE)
        self.region[RECORDED] = recorded
        self.book = Book(self.region)
        self._scanner = FrameScanner(instrument)
        self._desk, self._reals, self._log = desk, reals, log
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
        if not heard & (NOT_READ | BOOK_BROKEN):
            return heard
        self._log.recv_ns = recv_ns
        if heard & NOT_READ:
            try:
                self._scanner.scan_by_twin(raw)
            except Garbled as error:
                self._distrust(f"nonsense on a market stream: {error}")
                return GARBLED | self._look(recv_ns, mono_ns, alone)
            heard = self._hear(IN_WIRE, recv_ns, mono_ns, alone)
        if heard & BOOK_BROKEN:
            self._mend(heard >> FOUND_SHIFT)
            return BOOK_BROKEN | self._look(recv_ns, mono_ns, alone)
        return heard

    def _bind(self) -> None:
        """Hand the kernel what it works on, which stays the same from one message to the next."""
        self._wire = self._scanner.wire
        self._hear: Callable[[int, int, int, bool], int] = partial(
            hear_frame, self._scanner.raw, self._wire, self._desk, self._reals, self.region
        )

    def _look(self, recv_ns: int, mono_ns: int, alone: bool) -> int:
        return look(self._desk, self._reals, self.region, recv_ns, mono_ns, alone)

    def receive_snapshot(self, raw: bytes, mono_ns: int) -> None:
        """A depth snapshot that was asked for has arrived."""
        scanned = self._scanner
        try:
            if scanned.scan(raw) != SNAPSHOT:
                raise Garbled("not a depth snapshot of this symbol", raw)
        except Garbled as error:
            self._distrust(f"nonsense instead of a depth snapshot: {error}")
            return
        in_python(link_row)(self._desk, PUBLIC)[LINK_HEARD_NS] = mono_ns
        found = market_step(self.region, scanned.row, scanned.ticks, scanned.lots, mono_ns)
        if take_found(self._desk, self.region, found):
            self._mend(found)

    def _mend(self, found: int) -> None:
        """Say what was found of the book, and ask for what it needs."""
        if found & depth_sync.NEEDED:
            self._fetch_snapshot()
        if found & depth_sync.GAP:
            self._log.note(Severity.WARNING, "a gap in the book: resynchronising")
        if found & depth_sync.GREW:
            self._log.note(Severity.INFO, growth_in_words([int(self.region[GREW_FOR_NS])]))
        if self.trusted and self.book.crossed:
            self._distrust("bid at or above ask")

    def _distrust(self, why: str) -> None:
        """Bad market data is worse than none: no book until a fresh snapshot."""
        self._log.note(Severity.WARNING, f"book distrusted: {why}")
        lose_market(self.region)  # the next diff asks for the snapshot

    def _fetch_snapshot(self) -> None:
        resyncs = int(self._desk[RESYNCS])
        self._desk[RESYNCS] = resyncs + 1
        wait_ms = _RESYNC_WAITS_MS[min(resyncs, len(_RESYNC_WAITS_MS) - 1)]
        tell(self._desk, FETCH_SNAPSHOT, wait_ms, 0, 0)
