"""Event window: the stretch of a recording that both clocks of a replay still need.

A line may happen at the venue before lines above it: streams are late by different times. So
rows are kept, and ordered on both clocks, until nothing still to be read can come before them.
A line may reach back ``REACH_NS`` in venue time, and no more; so memory is constant.

Source: the replay rules, section 1: two views of the same events, each sorted by its own time,
where file order breaks ties.
"""

import numpy as np

from exchange.binance.recorded_events import Stretch
from exchange.event_columns import (
    ASK_AT,
    ASKS,
    BID_AT,
    BIDS,
    DEPTH,
    EXCH_NS,
    IGNORED,
    IS_AGGREGATE,
    KIND,
    LINE,
    RAW_AT,
    RECV_NS,
    SNAPSHOT,
    TRADE,
    WIDTH,
)
from exchange.jit import IntArray, borrowed, inlined, new_ints, njit, piece

REACH_NS = 10_000_000_000
SILENCE_NS = 3 * 86_400 * 1_000_000_000
"""The longest silence in a recording that is played through: a weekend."""
AHEAD_NS = 60_000_000_000
"""How much sooner a message may arrive than all before it; a backlog that ends is seconds."""
NEVER_NS = 2**62
"""Later than everything."""

MESSAGE_EXCH_NS = RAW_AT
"""Of a row in the window: its venue time as the message tells it, 0 for none. ``EXCH_NS`` there is
when it happens."""

W_EVENTS, W_LEVELS, W_NEWEST_EXCH, W_NEWEST_LOCAL = range(4)
STATE_SIZE = 4


@inlined
def has_levels(kind: int) -> bool:
    """Do a row's middle columns say where its levels lie?"""
    return bool(kind in (DEPTH, SNAPSHOT))


@inlined
def counts_for_peer(row: IntArray) -> bool:
    """Is this an event that hftbacktest replays? It knows levels, so a diff of none is no event."""
    kind = row[KIND]
    if has_levels(kind):
        return bool(row[BIDS] + row[ASKS] > 0)
    return bool(kind == TRADE and row[IS_AGGREGATE] == 0)


(
    T_EVENTS,
    T_LEAST_LATENCY,
    T_LEAST_STREAMED,
    T_FIRST_LOCAL,
    T_FIRST_EXCH,
    T_LAST_LOCAL,
    T_LAST_EXCH,
    T_LOCAL_LINE,
    T_EXCH_LINE,
    T_LINES,
) = range(10)
TIMES = 10

ORDERLY, LOCAL_BACK, EXCH_BACK, SILENCE, AHEAD, NO_TIME = range(6)
"""What may be wrong with a row's times: received or happened long before a line above it, received
long after all of them, happened long after it was received, or beyond all time."""


@njit
def scan_times(rows: IntArray, count: int, peers: bool, times: IntArray) -> tuple[int, int]:
    """Note the range of latencies and times over some rows.

    Args:
        peers: Do only the events count that hftbacktest replays?
        times: int64[TIMES]: events that name the symbol, least receive minus venue time of what
            moves the book or prints, the same without snapshots, first receive and venue time of
            an event, last receive time of any line, last venue time, the lines of these two, and
            how many lines. The desk hears every line, so for it the first receive time is that
            of any line too.

    Returns:
        ``ORDERLY`` and ``count``, or what is wrong with the times of a row, and its number.
    """
    rows, times = borrowed(rows), borrowed(times)
    for number in range(count):
        row = rows[number * WIDTH : (number + 1) * WIDTH]
        counts = counts_for_peer(row) if peers else row[KIND] in (DEPTH, SNAPSHOT, TRADE)
        timed = row[EXCH_NS] != 0 and (counts or not peers)
        # A snapshot's venue time is that of the last change before it: any time ago. To the desk
        # it happens with the stream that it came in.
        wrong = _wrong_with(row, timed, timed and (peers or row[KIND] != SNAPSHOT), times)
        if wrong != ORDERLY:
            return wrong, number
        if row[RECV_NS] >= times[T_LAST_LOCAL]:
            times[T_LAST_LOCAL], times[T_LOCAL_LINE] = row[RECV_NS], row[LINE]
        if timed and row[EXCH_NS] >= times[T_LAST_EXCH]:
            times[T_LAST_EXCH], times[T_EXCH_LINE] = row[EXCH_NS], row[LINE]
        times[T_LINES] += 1
        named = row[KIND] != SNAPSHOT and (counts or (not peers and row[KIND] != IGNORED))
        times[T_EVENTS] += int(named)
        if counts or not peers:
            times[T_FIRST_LOCAL] = min(times[T_FIRST_LOCAL], row[RECV_NS])
        if counts and timed:
            latency_ns = row[RECV_NS] - row[EXCH_NS]
            times[T_LEAST_LATENCY] = min(times[T_LEAST_LATENCY], latency_ns)
            if row[KIND] != SNAPSHOT:
                times[T_LEAST_STREAMED] = min(times[T_LEAST_STREAMED], latency_ns)
            times[T_FIRST_EXCH] = min(times[T_FIRST_EXCH], row[EXCH_NS])
    return ORDERLY, count


@inlined
def _wrong_with(row: IntArray, timed: bool, placed: bool, times: IntArray) -> int:
    """What no recorder writes: one wild time would shift or stretch the whole replay.

    Args:
        timed: Does the venue say when it happened?
        placed: Must it have happened within reach of what is above it?
    """
    wrong = ORDERLY
    if max(row[RECV_NS], row[EXCH_NS]) >= NEVER_NS:
        wrong = NO_TIME
    elif times[T_LINES] > 0:
        if row[RECV_NS] < times[T_LAST_LOCAL] - REACH_NS:
            wrong = LOCAL_BACK
        elif placed and row[EXCH_NS] < times[T_LAST_EXCH] - REACH_NS:
            wrong = EXCH_BACK
        elif row[RECV_NS] > times[T_LAST_LOCAL] + SILENCE_NS:
            wrong = SILENCE
        elif timed and times[T_LEAST_STREAMED] != NEVER_NS:
            ahead_ns = times[T_LEAST_STREAMED] - (row[RECV_NS] - row[EXCH_NS])
            wrong = AHEAD if ahead_ns > AHEAD_NS else ORDERLY
    return wrong


@piece
def _insert(rows: IntArray, order: IntArray, number: int, column: int) -> None:
    """Put the last row in its place of an order, behind those of its own time."""
    at_ns = rows[number * WIDTH + column]
    at = number
    while at > 0 and rows[order[at - 1] * WIDTH + column] > at_ns:
        order[at] = order[at - 1]
        at -= 1
    order[at] = number


@njit
def admit(
    state: IntArray,
    rows: IntArray,
    ticks: IntArray,
    lots: IntArray,
    by_local: IntArray,
    by_exch: IntArray,
    new_rows: IntArray,
    new_ticks: IntArray,
    new_lots: IntArray,
    count: int,
    shift_ns: int,
    peers: bool,
) -> None:
    """Take new rows in; there must be room.

    One without a venue time happens when it is received; the newest venue time is not moved by
    it, since our clock may be minutes ahead of the venue's.

    Args:
        shift_ns: Added to every receive time.
        peers: Do only the events count that hftbacktest replays?
    """
    state, rows, new_rows = borrowed(state), borrowed(rows), borrowed(new_rows)
    ticks, lots = borrowed(ticks), borrowed(lots)
    by_local, by_exch = borrowed(by_local), borrowed(by_exch)
    for number in range(count):
        new = new_rows[number * WIDTH : (number + 1) * WIDTH]
        if peers and not counts_for_peer(new):
            continue
        event = state[W_EVENTS]
        row = rows[event * WIDTH : (event + 1) * WIDTH]
        for column in range(WIDTH):
            row[column] = new[column]
        row[MESSAGE_EXCH_NS] = new[EXCH_NS]
        if has_levels(row[KIND]):
            level = state[W_LEVELS]
            for at, size in ((BID_AT, BIDS), (ASK_AT, ASKS)):
                for i in range(row[size]):
                    ticks[level + i] = new_ticks[new[at] + i]
                    lots[level + i] = new_lots[new[at] + i]
                row[at] = level
                level += row[size]
            state[W_LEVELS] = level
        if new[EXCH_NS] != 0:
            row[EXCH_NS] = max(row[EXCH_NS], state[W_NEWEST_EXCH] - REACH_NS)  # a late snapshot's
            state[W_NEWEST_EXCH] = max(state[W_NEWEST_EXCH], row[EXCH_NS])
        else:
            row[EXCH_NS] = row[RECV_NS] + shift_ns
        state[W_EVENTS] = event + 1
        _insert(rows, by_local, event, RECV_NS)
        _insert(rows, by_exch, event, EXCH_NS)
        state[W_NEWEST_LOCAL] = max(state[W_NEWEST_LOCAL], row[RECV_NS])


@njit
def drop_heard(
    state: IntArray,
    rows: IntArray,
    ticks: IntArray,
    lots: IntArray,
    by_local: IntArray,
    by_exch: IntArray,
    local_done: int,
    exch_done: int,
) -> int:
    """Forget the rows that both clocks have passed, in file order up to the first that one needs.

    Returns:
        How many; the counts of what was heard are lower by as many.
    """
    state, rows = borrowed(state), borrowed(rows)
    ticks, lots = borrowed(ticks), borrowed(lots)
    by_local, by_exch = borrowed(by_local), borrowed(by_exch)
    events = state[W_EVENTS]
    gone = int(events)
    for i in range(local_done, events):
        gone = min(gone, by_local[i])
    for i in range(exch_done, events):
        gone = min(gone, by_exch[i])
    if gone == events:
        state[W_EVENTS] = state[W_LEVELS] = 0
    if gone in (0, events):
        return gone
    first_level = state[W_LEVELS]
    for number in range(gone, events):
        if has_levels(rows[number * WIDTH + KIND]):
            first_level = rows[number * WIDTH + BID_AT]
            break
    for number in range(gone, events):
        into, row = (number - gone) * WIDTH, number * WIDTH
        for column in range(WIDTH):
            rows[into + column] = rows[row + column]
        if has_levels(rows[into + KIND]):
            rows[into + BID_AT] -= first_level
            rows[into + ASK_AT] -= first_level
    for i in range(first_level, state[W_LEVELS]):
        ticks[i - first_level], lots[i - first_level] = ticks[i], lots[i]
    state[W_EVENTS] -= gone
    state[W_LEVELS] -= first_level
    _renumber(by_local, events, gone)
    _renumber(by_exch, events, gone)
    return gone


@piece
def _renumber(order: IntArray, events: int, gone: int) -> None:
    kept = 0
    for i in range(events):
        if order[i] >= gone:
            order[kept] = order[i] - gone
            kept += 1


class EventWindow:
    """Rows in file order, and their order on both clocks."""

    def __init__(self) -> None:
        self.state = np.zeros(STATE_SIZE, dtype=np.int64)
        self.rows: IntArray = np.zeros(0, dtype=np.int64)
        self.ticks: IntArray = np.zeros(0, dtype=np.int64)
        self.lots: IntArray = np.zeros(0, dtype=np.int64)
        self.by_local: IntArray = np.zeros(0, dtype=np.int64)
        self.by_exch: IntArray = np.zeros(0, dtype=np.int64)

    @property
    def events(self) -> int:
        return int(self.state[W_EVENTS])

    def safe_ns(self, shift_ns: int) -> int:
        """Nothing that is still to be read happens before this on either clock.

        Args:
            shift_ns: Added to every receive time.
        """
        newest: int = min(
            int(self.state[W_NEWEST_EXCH]), int(self.state[W_NEWEST_LOCAL]) + shift_ns
        )
        return newest - REACH_NS

    def last_ns(self, shift_ns: int) -> int:
        """When the last event that was admitted happens, on the later clock."""
        return max(int(self.state[W_NEWEST_EXCH]), int(self.state[W_NEWEST_LOCAL]) + shift_ns)

    def admit(self, stretch: Stretch, shift_ns: int, *, peers: bool) -> None:
        """As the kernel of that name, with room made first."""
        table = stretch.rows.reshape(-1, WIDTH)[: stretch.count]
        books = table[(table[:, KIND] == DEPTH) | (table[:, KIND] == SNAPSHOT)]
        levels = int(books[:, BIDS].sum() + books[:, ASKS].sum())
        self._make_room(self.events + stretch.count, int(self.state[W_LEVELS]) + levels)
        admit(
            self.state,
            self.rows,
            self.ticks,
            self.lots,
            self.by_local,
            self.by_exch,
            stretch.rows,
            stretch.ticks,
            stretch.lots,
            stretch.count,
            shift_ns,
            peers,
        )

    def drop_heard(self, local_done: int, exch_done: int) -> int:
        """As the kernel of that name."""
        return int(
            drop_heard(
                self.state,
                self.rows,
                self.ticks,
                self.lots,
                self.by_local,
                self.by_exch,
                local_done,
                exch_done,
            )
        )

    def _make_room(self, events: int, levels: int) -> None:
        if events > self.by_local.size:
            self.rows = enlarged(self.rows, events * WIDTH)
            self.by_local = enlarged(self.by_local, events)
            self.by_exch = enlarged(self.by_exch, events)
        if levels > self.ticks.size:
            self.ticks = enlarged(self.ticks, levels)
            self.lots = enlarged(self.lots, levels)


def enlarged(array: IntArray, size: int) -> IntArray:
    """The array, or one of twice the size that is needed, with the same beginning."""
    if size <= array.size:
        return array
    larger = new_ints(2 * size)
    larger[: array.size] = array
    return larger
