"""Recorded files: recordings that continue one another, read into a window a stretch at a time.

What both replays do with their files: put them in order, find the shift of the receive times,
and refuse what they cannot play.
"""

from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path

import numpy as np

from engine.config.desk import Config
from engine.errors import RecordingError
from engine.replay.event_window import (
    EXCH_BACK,
    LOCAL_BACK,
    NEVER_NS,
    NO_TIME,
    ORDERLY,
    REACH_NS,
    SILENCE,
    T_EVENTS,
    T_EXCH_LINE,
    T_FIRST_EXCH,
    T_FIRST_LOCAL,
    T_LAST_EXCH,
    T_LAST_LOCAL,
    T_LEAST_LATENCY,
    T_LEAST_STREAMED,
    T_LINES,
    T_LOCAL_LINE,
    TIMES,
    EventWindow,
    scan_times,
)
from exchange.binance.recorded_events import RecordedEvents, Stretch
from exchange.errors import RecordingGarbled
from exchange.event_columns import EXCH_NS, LINE, RECV_NS, WIDTH
from exchange.jit import IntArray
from exchange.recording.reader import recorded_symbols


def check_recording(path: Path) -> None:
    """A recording may be read twice, so it must be a file.

    Raises:
        RecordingError: When it is none.
    """
    if not path.exists():
        raise RecordingError(path, None, "no such file")
    if not path.is_file():
        raise RecordingError(path, None, "is no regular file; save a stream to one first")


class RecordedFiles:
    """Recordings of one symbol, in order of time once ``put_in_order`` was called.

    Args:
        report: Called with bytes read and bytes in all, over every reading so far.
        peers: Do only the events count that hftbacktest replays?
    """

    def __init__(
        self,
        config: Config,
        paths: list[Path],
        report: Callable[[int, int], None],
        *,
        peers: bool,
    ) -> None:
        self.paths = paths
        self.tears: list[str] = []
        """Of the latest reading."""
        self.reordered = False
        """Were they given in another order?"""
        self._times = _no_times()
        self._symbol = config.desk.symbol.upper()
        self._grid = config.grid()
        self._peers = peers
        self._report = report
        self._read_bytes = 0
        self._end_bytes = 0

    @property
    def lines(self) -> int:
        return int(self._times[T_LINES])

    @property
    def events(self) -> int:
        return int(self._times[T_EVENTS])

    @property
    def least_latency_ns(self) -> int:
        """The least receive time minus venue time of those read so far."""
        return int(self._times[T_LEAST_LATENCY])

    @property
    def first_local_ns(self) -> int:
        """When the first of those read so far was received."""
        return int(self._times[T_FIRST_LOCAL])

    @property
    def span_ns(self) -> int:
        """From the first receive time to the last."""
        return int(self._times[T_LAST_LOCAL]) - self.first_local_ns

    def first_ns(self, shift_ns: int) -> int:
        """When the first of those read so far happened, on the clock of either side."""
        return int(min(self._times[T_FIRST_EXCH], self._times[T_FIRST_LOCAL] + shift_ns))

    def put_in_order(self) -> None:
        """By the receive times at which they begin.

        Raises:
            RecordingError: When one holds nothing to play, or is given twice.
            RecordingGarbled: As reading does.
        """
        if len(self.paths) == 1:
            return
        begins: dict[Path, int] = {}
        seen = set()
        for path in self.paths:
            if path.resolve() in seen:
                raise RecordingError(path, None, "is given twice")
            seen.add(path.resolve())
            self._times = _no_times()
            with closing(self._stretches(path)) as stretches:
                for _ in stretches:
                    if self.events:
                        break
            begins[path] = self.first_local_ns
        given, self.paths = self.paths, sorted(self.paths, key=begins.__getitem__)
        self.reordered = self.paths != given
        self._read_bytes = 0

    def scan(self, base_ns: int) -> int:
        """Read all for its times.

        Args:
            base_ns: How long the fastest message takes, at the least.

        Returns:
            What is added to every receive time, so that none lies before its venue time.
            hftbacktest adds it only where one does.
        """
        for _ in self.read():
            pass
        least_ns = self.least_latency_ns
        short = least_ns < 0 if self._peers else least_ns < base_ns
        return base_ns - least_ns if short else 0

    def read_into(self, window: EventWindow, shift_ns: int) -> Generator[Stretch, None, None]:
        """Take all into a window; a turn after each stretch that has been.

        Raises:
            RecordingError: As ``read``.
            RecordingGarbled: As ``read``.
        """
        with closing(self.read()) as stretches:
            for stretch in stretches:
                window.admit(stretch, shift_ns, peers=self._peers)
                yield stretch

    def read(self) -> Generator[Stretch, None, None]:
        """Every file's events; a stretch is used again after the next turn.

        Raises:
            RecordingError: When a file holds nothing to play, or a line has a time that cannot be.
            RecordingGarbled: When a line is no message, or lies off the symbol's grid.
        """
        self._times, self.tears = _no_times(), []
        self._end_bytes = self._read_bytes + sum(path.stat().st_size for path in self.paths)
        for path in self.paths:
            yield from self._stretches(path)

    def _stretches(self, path: Path) -> Generator[Stretch, None, None]:
        before, lines, known = self._read_bytes, self.lines, self.events
        self._times[[T_LOCAL_LINE, T_EXCH_LINE]] = 0
        events = RecordedEvents(path, self._grid)
        try:
            with closing(iter(events)) as stretches:
                for stretch in stretches:
                    disorder = self._note_times(stretch)
                    yield stretch
                    self._read_bytes = before + events.recording.consumed_bytes
                    self._report(self._read_bytes, max(self._read_bytes, self._end_bytes))
                    if disorder and not events.torn_at(*disorder, stretches):
                        raise RecordingError(path, *disorder)
        except RecordingGarbled as error:
            held = recorded_symbols(path)
            if not held or self._symbol in held:
                raise
            raise RecordingError(path, None, self._lack(held)) from error
        tear = events.recording.tear
        if self.events == known and tear is not None:
            raise RecordingError(path, None, f"is TORN: {tear.text}")
        if self.lines == lines:
            raise RecordingError(path, None, "holds no line")
        if self.events == known:
            raise RecordingError(path, None, self._lack(recorded_symbols(path)))
        if tear is not None:
            self.tears.append(f"{path}: {tear.text}")

    def _note_times(self, stretch: Stretch) -> tuple[int, str] | None:
        """Note a stretch's times; it ends before a wild one, whose line and fault are returned."""
        wrong, number = scan_times(stretch.rows, stretch.count, self._peers, self._times)
        if wrong == ORDERLY:
            return None
        row = stretch.rows[number * WIDTH : (number + 1) * WIDTH]
        stretch.count = number
        return int(row[LINE]), self._disorder(wrong, row)

    def _disorder(self, wrong: int, row: IntArray) -> str:
        """What is wrong with the times of a row, for a person."""
        times, reach_s = self._times, REACH_NS // 1_000_000_000
        gap_s = (int(row[RECV_NS]) - int(times[T_LAST_LOCAL])) / 1e9
        if wrong == LOCAL_BACK:
            above = _line(times[T_LOCAL_LINE])
            return (
                f"was received {-gap_s:.1f} s before {above}, more than the {reach_s} s that are "
                "put in order; one of the two times is wrong, or lines are not in order"
            )
        if wrong == EXCH_BACK:
            back_s = (int(times[T_LAST_EXCH]) - int(row[EXCH_NS])) / 1e9
            above = _line(times[T_EXCH_LINE])
            return (
                f"happened {back_s:.1f} s before {above} by the venue's times, more than the "
                f"{reach_s} s that are put in order; one of the two is wrong, or lines are not "
                "in order"
            )
        if wrong == NO_TIME:
            return "has a time beyond the year 2116"
        if wrong == SILENCE:
            return (
                f"was received {gap_s / 86_400:.1f} days after what is above it: its time is "
                "wrong, or the two are to be replayed apart"
            )
        latency_ns = int(row[RECV_NS]) - int(row[EXCH_NS])
        ahead_s = (int(times[T_LEAST_STREAMED]) - latency_ns) / 1e9
        return (
            f"has a venue time {ahead_s:.1f} s ahead of what is above it, by their receive times; "
            "one of its two times is wrong"
        )

    def _lack(self, held: tuple[str, ...]) -> str:
        """What is not in a file of these symbols, for a person."""
        if self._symbol in held:
            return f"holds no book and no single trades of {self._symbol}"
        return (
            f"holds {', '.join(held) or 'no symbol'}, but desk.symbol is {self._symbol}; give "
            "--set desk.symbol=... with its --set instrument.tick_size=... and "
            "instrument.lot_size=..."
        )


def _line(number: int) -> str:
    return f"line {number}" if number else "the end of the file before"


def _no_times() -> IntArray:
    times = np.zeros(TIMES, dtype=np.int64)
    times[[T_LEAST_LATENCY, T_LEAST_STREAMED, T_FIRST_LOCAL, T_FIRST_EXCH]] = NEVER_NS
    return times
