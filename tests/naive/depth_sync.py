"""Depth synchroniser: joins one snapshot to a stream of diffs, by the venue's own rule.

Two states: waiting for a snapshot, with diffs held back; and a snapshot in place, which is
trusted once a diff has met it. Futures ids are sparse, so a diff follows another when its
``prev_last_id`` names it; no arithmetic on ids would show it.

A recording cannot be asked for a snapshot. There, and nowhere else, a book that has grown
from the diffs takes its place until one comes; see ``growing_book``.
"""

from collections import deque
from dataclasses import dataclass
from typing import TypeAlias

from exchange.market_events import DepthDiff, Snapshot, TouchUpdate
from tests.naive.growing_book import GrowingBook

HELD_LIMIT = 4096
"""Diffs kept while a snapshot is awaited: seven minutes of the 100 ms stream."""


@dataclass(frozen=True, slots=True, eq=False)
class ApplyDiff:
    """Write these levels into the book."""

    diff: DepthDiff


@dataclass(frozen=True, slots=True, eq=False)
class ResetBook:
    """Replace the whole book by this snapshot."""

    snapshot: Snapshot
    grown_ns: int | None = None
    """None for the venue's own. Else it grew from diffs for so long: levels that it does not
    name are not empty but unknown."""


@dataclass(frozen=True, slots=True, eq=False)
class SetTouch:
    """Make the book agree with a ticker that is ahead of its diffs."""

    touch: TouchUpdate


@dataclass(frozen=True, slots=True)
class SnapshotNeeded:
    """Ask the venue for a snapshot; when, and how often, is the caller's affair."""


@dataclass(frozen=True, slots=True)
class DistrustBook:
    """A diff is missing: the book is wrong from here on."""


SyncAction: TypeAlias = ApplyDiff | ResetBook | SetTouch | SnapshotNeeded | DistrustBook


class DepthSync:
    """Joins one REST snapshot to a stream of depth diffs, and notices gaps.

    Feed it what arrives; do what it returns, in order. It never waits, never reads a clock
    and never paces its own retries: those belong to the caller.

    Args:
        held_limit: Diffs to hold while a snapshot is awaited. Overflow drops the oldest: a
            snapshot from before what is left is then refused, and another asked for.
        recorded: Does this come from a recording, which nobody can ask for a snapshot? Then
            the book may grow from the diffs. Never so where a venue can be asked.
    """

    def __init__(self, held_limit: int = HELD_LIMIT, *, recorded: bool = False) -> None:
        self._recorded = recorded
        self._held: deque[DepthDiff] = deque(maxlen=held_limit)  # without a gap inside
        self._last_id: int | None = None  # None: no snapshot in place
        self._joined = False  # has a diff met the snapshot yet?
        self._touch: TouchUpdate | None = None
        self._growing: GrowingBook | None = None
        self._grown = False

    @property
    def trusted(self) -> bool:
        """Is the book what the venue has, as far as the stream has come?"""
        return self._joined

    @property
    def grown(self) -> bool:
        """Has the trusted book grown from diffs, so that only a part of it is known?"""
        return self._grown

    @property
    def last_id(self) -> int | None:
        """Id up to which the book is complete; None when no snapshot is in place."""
        return self._last_id

    def lost(self) -> None:
        """The connection dropped: what comes next does not continue what came before.

        The first diff of the new connection asks for the snapshot.
        """
        self._touch = None
        self._forget()

    def receive_diff(self, diff: DepthDiff) -> list[SyncAction]:
        if self._last_id is None:
            return self._hold(diff)
        if self._joined:
            if diff.prev_last_id != self._last_id:
                return self._start_over(diff)
        elif diff.last_id < self._last_id:
            return []  # already inside the snapshot
        elif not _meets(diff, self._last_id):
            return self._start_over(diff)
        self._last_id, self._joined = diff.last_id, True
        if self._grown:
            self._held.append(diff)  # for a snapshot from before it that may still come
        return [ApplyDiff(diff), *self._touch_beyond(diff.last_id)]

    def receive_snapshot(self, snapshot: Snapshot) -> list[SyncAction]:
        if self._last_id is not None and snapshot.last_id <= self._last_id and not self._grown:
            return []  # an answer that came too late to be of use
        held = [diff for diff in self._held if diff.last_id >= snapshot.last_id]
        if held and not _meets(held[0], snapshot.last_id):
            return [SnapshotNeeded()]  # older than the first diff we kept
        self._forget()
        self._last_id = snapshot.last_id
        actions: list[SyncAction] = [ResetBook(snapshot)]
        for diff in held:
            actions += self.receive_diff(diff)
        return actions

    def receive_touch(self, touch: TouchUpdate) -> list[SyncAction]:
        """The ticker runs ahead of the diffs; one that comes behind them adds nothing."""
        if self._touch is not None and touch.update_id <= self._touch.update_id:
            return []
        self._touch = touch
        if self._growing is not None:
            self._write_touch(self._growing)
        if self._last_id is None or not self._joined:
            return []
        return [*self._touch_beyond(self._last_id)]

    def _hold(self, diff: DepthDiff) -> list[SyncAction]:
        first = not self._held
        if self._held and diff.prev_last_id != self._held[-1].last_id:
            # Nothing can be joined across a gap, so what came before it is of no use.
            self._forget()
        self._held.append(diff)
        fetch: list[SyncAction] = [SnapshotNeeded()] if first else []
        return fetch + self._grow(diff) if self._recorded else fetch

    def _grow(self, diff: DepthDiff) -> list[SyncAction]:
        if self._growing is None:
            self._growing = GrowingBook(diff.exch_ns)
        growing = self._growing
        growing.write_diff(diff)
        self._write_touch(growing)
        if not growing.stands(diff.exch_ns):
            return []
        self._last_id, self._joined = diff.last_id, True
        self._growing, self._grown = None, True
        grown_ns = diff.exch_ns - growing.begun_ns
        return [ResetBook(growing.snapshot(diff.last_id, diff.exch_ns), grown_ns)]

    def _write_touch(self, growing: GrowingBook) -> None:
        for ahead in self._touch_beyond(self._held[-1].last_id):
            growing.write_touch(ahead.touch)

    def _touch_beyond(self, last_id: int) -> list[SetTouch]:
        """The newest ticker, where it is newer than the diffs: none of them ever undoes it."""
        touch = self._touch
        return [SetTouch(touch)] if touch is not None and touch.update_id > last_id else []

    def _start_over(self, diff: DepthDiff) -> list[SyncAction]:
        was_trusted = self._joined
        self._forget()
        fetch = self._hold(diff)
        return [DistrustBook(), *fetch] if was_trusted else fetch

    def _forget(self) -> None:
        """Back to waiting for a snapshot; what the ticker said stays true."""
        self._held.clear()
        self._last_id, self._joined = None, False
        self._growing, self._grown = None, False


def _meets(diff: DepthDiff, snapshot_id: int) -> bool:
    """May this be the first diff on a snapshot? It need only straddle it.

    A diff that names the snapshot itself as its predecessor starts right behind it.
    """
    return diff.first_id <= snapshot_id <= diff.last_id or diff.prev_last_id == snapshot_id
