"""Checkpoint: the whole mind of a desk at one moment, which is a copy of its block and its market.

A desk that goes on from one gives the commands that it would have given, byte for byte. Words stay
outside: the log, why a connection was lost, why the venue did not answer a question.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from engine.core import desk_layout
from exchange.jit import FloatArray, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """A desk's block and the market that it sees, at one moment."""

    desk: IntArray
    """int64[DESK_SIZE], as ``reals`` of ``engine.core.desk_layout``."""
    reals: FloatArray
    market: IntArray
    """int64[n] of ``exchange.market_layout``."""

    def copy(self) -> "Checkpoint":
        """As it stands now, in memory of its own."""
        return Checkpoint(self.desk.copy(), self.reals.copy(), self.market.copy())

    def restore(self, other: "Checkpoint") -> None:
        """Be what the other was.

        Raises:
            ValueError: When the two are not of the same size: a market that was recorded is larger.
        """
        self.desk[:], self.reals[:], self.market[:] = other.desk, other.reals, other.market

    def difference(self, other: "Checkpoint") -> str:
        """The first number in which the other differs by a bit, by name and value; or nothing."""
        for room in ("desk", "reals", "market"):
            ours, theirs = getattr(self, room), getattr(other, room)
            if ours.size != theirs.size:
                return f"{room} has {ours.size} numbers, not {theirs.size}"
            apart = np.flatnonzero(ours.view(np.int64) != theirs.view(np.int64))
            if apart.size:
                at = int(apart[0])
                return f"{name_of(room, at)} is {ours[at].item()}, not {theirs[at].item()}"
        return ""


def name_of(room: str, at: int) -> str:
    """What a number of ``desk``, ``reals`` or ``market`` is called."""
    singles, tables = _names().get(room, ([], {}))
    if at < len(singles):
        return singles[at]
    table = max((start for start in tables if start <= at), default=None)
    return f"{room}[{at}]" if table is None else f"{tables[table]}[{at - table}]"


@cache
def _names() -> dict[str, tuple[list[str], dict[int, str]]]:
    """Of each room its single numbers in order, and its tables by where they begin."""
    names = list(vars(desk_layout))
    desk = names[names.index("EPOCH") : names.index("PAUSED_UNTIL_NS") + 1]
    reals = names[names.index("MAX_LOSS_USDT") : names.index("MODEL_VALIDITY") + 1]
    return {
        "desk": (desk, desk_layout.DESK_TABLES),
        "reals": (reals, desk_layout.REALS_TABLES),
    }
