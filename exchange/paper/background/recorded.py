"""Recorded market: a recording played on the venue's own clock.

What drives it is the recording's exchange time: message ``i`` happens ``(t_i - t_0) / speed``
after the market opened, where ``t`` is when the venue says that it happened (``T``, or ``E``
where there is none) and ``t_0`` is the earliest of them. Messages of one instant keep the
order of the file. A snapshot that has no time, or one from long before it was sent, happens with
the stream that it came in, as spot's tickers do.

Streams of one recording are late by different times, so the file is read a little ahead;
never more than that is in memory.
"""

import heapq
import math
from collections.abc import Iterable, Iterator
from itertools import count, islice
from typing import TypeAlias

from exchange.binance import frames
from exchange.errors import Garbled, RecordingGarbled, SettingsError
from exchange.instrument import E8, Instrument
from exchange.market_events import (
    DepthDiff,
    MarketMessage,
    MarkPrice,
    Snapshot,
    TouchUpdate,
    TradePrint,
)
from exchange.paper.background.source import LONGEST_LEAP_NS
from exchange.paper.matching.events import MatchEvent
from exchange.paper.matching.recorded import RecordedMatching
from exchange.paper.settings import RecordedMarket
from exchange.recorded_book import RecordedBook
from exchange.simulation import RestingOrders

LOOKAHEAD_NS = 2_000_000_000
"""How much longer than the fastest message one may have travelled and still find its place.

A message that was slower happens at once. Of five real recordings the slowest took 0.95 s.
"""

_LOOKED_AT = 100_000
"""Lines in which a usable recording shows its symbol and a book."""

_NEVER_NS = 1 << 62

Dated: TypeAlias = TradePrint | DepthDiff | MarkPrice
"""What moves a recorded market at a time of its own."""

MovingMessage: TypeAlias = Dated | Snapshot | TouchUpdate
"""What moves a recorded market."""

NumberedLine: TypeAlias = tuple[int, int, bytes]
"""Number, from 1; receive time in ns; the JSON. ``exchange.recording.reader`` gives them."""


def open_recording(
    market: RecordedMarket, instrument: Instrument, lines: Iterable[NumberedLine], first_id: int = 1
) -> tuple[RecordedMatching, "RecordedFlow"]:
    """A recorded market, not yet moving: where its accounts trade, and who moves it.

    Args:
        lines: Of the file that ``market`` names. Read twice from the start: now, to check it,
            and then as it plays.
        first_id: As of ``Matching``.

    Raises:
        SettingsError: When the recording cannot be traded on; names the file and the fix.
        RecordingGarbled: When one of its first lines is no message.
    """
    if not (market.speed > 0.0 and math.isfinite(market.speed)):
        raise SettingsError(
            f"{market.path}: cannot be played at a speed of {market.speed}; 1 is as recorded"
        )
    if "_" in instrument.symbol:
        raise SettingsError(
            f"{market.path}: {instrument.symbol} is an inverse or dated contract; only linear "
            "perpetuals can be traded here"
        )
    mark_ticks = _first_mid_ticks(market, instrument, lines)
    matching = RecordedMatching(instrument, market.queue, first_id)
    messages = in_venue_order(str(market.path), instrument, lines)
    return matching, RecordedFlow(market.speed, instrument, messages, matching, mark_ticks)


def in_venue_order(
    name: str, instrument: Instrument, lines: Iterable[NumberedLine]
) -> Iterator[tuple[int, MovingMessage]]:
    """``(exch_ns, message)`` of what moves the market, by time; one that came too late is late.

    Args:
        name: Of the recording, for the error.

    Raises:
        RecordingGarbled: In its turn, at a line that is no message of this instrument's grid.
    """
    held: list[tuple[int, int, MovingMessage]] = []
    # Before anything that has a time of its own.
    early: list[Snapshot | TouchUpdate] = []
    turns = count()
    newest_ns, fastest_ns = 0, _NEVER_NS
    for number, recv_ns, raw in lines:
        message = _decode(name, instrument, number, raw)
        if isinstance(message, Snapshot | TouchUpdate):
            early.append(message)
        elif isinstance(message, Dated):
            newest_ns = max(newest_ns, message.exch_ns)
        if newest_ns:
            for untimed in early:
                at_ns = max(untimed.exch_ns or newest_ns, newest_ns - LOOKAHEAD_NS)
                heapq.heappush(held, (at_ns, next(turns), untimed))
            early.clear()
        if isinstance(message, Dated):
            heapq.heappush(held, (message.exch_ns, next(turns), message))
            fastest_ns = min(fastest_ns, recv_ns - message.exch_ns)
        # Nothing still to be read should have happened before this.
        yield from _until(recv_ns - fastest_ns - LOOKAHEAD_NS, held)
    yield from _until(_NEVER_NS, held)


def _until(
    end_ns: int, held: list[tuple[int, int, MovingMessage]]
) -> Iterator[tuple[int, MovingMessage]]:
    while held and held[0][0] < end_ns:
        at_ns, _, message = heapq.heappop(held)
        yield at_ns, message


class RecordedFlow:
    """Everybody in a recorded market but the accounts; a ``MarketSource``.

    Args:
        speed: Seconds of the recording in one of the venue's; positive.
        words: As ``in_venue_order`` gives them; taken one by one, as they fall due.
        matching: Where they take effect.
        mark_ticks: The mark until the recording has a better one.
    """

    def __init__(
        self,
        speed: float,
        instrument: Instrument,
        messages: Iterator[tuple[int, MovingMessage]],
        matching: RecordedMatching,
        mark_ticks: float,
    ) -> None:
        self.ending = ""
        """Why the market closed: the recording is over, or cannot be read on. Empty before."""
        self.played_ns = 0
        """The recording's own time of the newest message that took effect."""
        self._speed = speed
        self._tick_size = instrument.price.value
        self._words = messages
        self._matching = matching
        self._mid_ticks = mark_ticks
        self._mark_ticks: float | None = None
        self._next: tuple[int, MovingMessage] | None = None
        self._first_ns = 0
        self._origin_ns: int | None = None
        self._now_ns = 0

    @property
    def mark_ticks(self) -> float:
        """The recording's newest mark price, or the mid of its book where it has none."""
        return self._mid_ticks if self._mark_ticks is None else self._mark_ticks

    def advance(self, now_ns: int) -> Iterator[list[MatchEvent]]:
        """Play up to now; see ``MarketSource``."""
        if self._origin_ns is None:
            self._origin_ns = self._now_ns = now_ns
            self._read_next()
            self._first_ns = self._next[0] if self._next else 0
        slept_ns = now_ns - self._now_ns
        self._origin_ns += max(0, slept_ns - LONGEST_LEAP_NS)
        self._now_ns = max(now_ns, self._now_ns)
        due_ns = self._first_ns + int((self._now_ns - self._origin_ns) * self._speed)
        while self._next is not None and self._next[0] <= due_ns:
            at_ns, message = self._next
            self.played_ns = max(self.played_ns, at_ns)
            if isinstance(message, MarkPrice):
                self._mark_ticks = message.mark_e8 / E8 / self._tick_size
            else:
                yield self._matching.on_message(message)
                self._mid_ticks = self._matching.recorded_mid_ticks or self._mid_ticks
            self._read_next()

    def _read_next(self) -> None:
        try:
            self._next = next(self._words, None)
            ending = "the recording is over"
        except (RecordingGarbled, OSError) as error:
            self._next, ending = None, str(error)
        if self._next is None:
            self.ending = ending
            self._matching.close()


def _decode(name: str, instrument: Instrument, number: int, raw: bytes) -> MarketMessage:
    try:
        return frames.decode(raw, instrument)
    except Garbled as error:
        raise RecordingGarbled(name, number, error.what) from error


def _first_mid_ticks(
    market: RecordedMarket, instrument: Instrument, lines: Iterable[NumberedLine]
) -> float:
    """The mid of the first book, once the recording is known to be of the symbol."""
    symbol = instrument.symbol
    named = f'"s":"{symbol}"'.encode()
    heard, mid_ticks = False, 0.0
    recorded = RecordedBook(RestingOrders(1))
    garbled: RecordingGarbled | None = None
    for line in islice(lines, _LOOKED_AT):
        heard = heard or named in line[2]
        try:
            recorded.on_message(_decode(str(market.path), instrument, line[0], line[2]))
        except RecordingGarbled as error:
            garbled = garbled or error
        mid_ticks = mid_ticks or recorded.mid_ticks or 0.0
        if heard and garbled is not None:
            raise garbled
        if heard and mid_ticks:
            return mid_ticks
    if heard:
        raise SettingsError(
            f"{market.path}: no book of {symbol} in its first {_LOOKED_AT} lines: no depth "
            "snapshot, and not enough depth diffs to grow one from; give a longer recording"
        )
    raise SettingsError(
        f"{market.path}: no message about {symbol} in its first {_LOOKED_AT} lines; give a "
        "recording of this symbol, or the symbol of this recording"
    )
