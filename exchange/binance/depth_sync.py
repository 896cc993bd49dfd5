"""Joins one depth snapshot to a stream of diffs, by the venue's own rule.

Two states: waiting for a snapshot, with diffs held back; and a snapshot in place, which is
trusted once a diff has met it. Futures ids are sparse, so a diff follows another when its
``prev_last_id`` names it; no arithmetic on ids would tell.
"""

from collections import deque
from dataclasses import dataclass
from typing import TypeAlias

from exchange.binance.frames import DepthDiff, Snapshot

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


@dataclass(frozen=True, slots=True)
class FetchSnapshot:
    """Ask the venue for a snapshot; when, and how often, is the caller's affair."""


@dataclass(frozen=True, slots=True)
class DistrustBook:
    """A diff is missing: the book is wrong from here on."""


Action: TypeAlias = ApplyDiff | ResetBook | FetchSnapshot | DistrustBook


class DepthSync:
    """Joins one REST snapshot to a stream of depth diffs, and notices gaps.

    Feed it what arrives; do what it returns, in order. It never waits, never reads a clock
    and never paces its own retries: those belong to the caller.

    Args:
        held_limit: Diffs to hold while a snapshot is awaited. Overflow drops the oldest: a
            snapshot from before what is left is then refused, and another asked for.
    """

    def __init__(self, held_limit: int = HELD_LIMIT) -> None:
        self._held: deque[DepthDiff] = deque(maxlen=held_limit)  # without a gap inside
        self._last_id: int | None = None  # None: no snapshot in place
        self._joined = False  # has a diff met the snapshot yet?

    @property
    def trusted(self) -> bool:
        """Is the book what the venue has, as far as the stream has come?"""
        return self._joined

    @property
    def last_id(self) -> int | None:
        """Id up to which the book is complete; None when no snapshot is in place."""
        return self._last_id

    def lost(self) -> None:
        """The connection dropped: what comes next does not continue what came before.

        The first diff of the new connection asks for the snapshot.
        """
        self._held.clear()
        self._last_id, self._joined = None, False

    def receive_diff(self, diff: DepthDiff) -> list[Action]:
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
        return [ApplyDiff(diff)]

    def receive_snapshot(self, snapshot: Snapshot) -> list[Action]:
        if self._last_id is not None and snapshot.last_id <= self._last_id:
            return []  # an answer that came too late to tell us anything
        held = [diff for diff in self._held if diff.last_id >= snapshot.last_id]
        if held and not _meets(held[0], snapshot.last_id):
            return [FetchSnapshot()]  # older than the first diff we kept
        self._held.clear()
        self._last_id, self._joined = snapshot.last_id, False
        actions: list[Action] = [ResetBook(snapshot)]
        for diff in held:
            actions += self.receive_diff(diff)
        return actions

    def _hold(self, diff: DepthDiff) -> list[Action]:
        first = not self._held
        if self._held and diff.prev_last_id != self._held[-1].last_id:
            # Nothing can be joined across a gap, so what came before it is of no use.
            self._held.clear()
        self._held.append(diff)
        return [FetchSnapshot()] if first else []

    def _start_over(self, diff: DepthDiff) -> list[Action]:
        was_trusted = self._joined
        self.lost()
        fetch = self._hold(diff)
        return [DistrustBook(), *fetch] if was_trusted else fetch


def _meets(diff: DepthDiff, snapshot_id: int) -> bool:
    """May this be the first diff on a snapshot? It need only straddle it.

    A diff that names the snapshot itself as its predecessor starts right behind it.
    """
    return diff.first_id <= snapshot_id <= diff.last_id or diff.prev_last_id == snapshot_id
