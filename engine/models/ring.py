"""Rolling window as a ring of time slots: rows of sums, of which the oldest goes as a whole.

Memory and the cost of an update do not depend on how much happens; a window of n slots is
exact to its nth part.
"""

from exchange.jit import FloatArray, IntArray, njit


@njit
def turn_ring(ring: FloatArray, newest: IntArray, columns: int, slot: int) -> int:
    """Move the ring to a slot, emptying the rows that left the window on the way.

    Args:
        ring: float64[rows·columns], updated.
        newest: int64[1], running number of the newest slot, updated; -1 at first.
        slot: Running number of the slot that it is now; an older one moves nothing.

    Returns:
        Where the newest row begins.
    """
    rows = ring.size // columns
    for passed in range(max(newest[0] + 1, slot - rows + 1), slot + 1):
        at = passed % rows * columns
        ring[at : at + columns] = 0.0
    newest[0] = max(newest[0], slot)
    return int(newest[0] % rows * columns)


@njit
def sum_rows(ring: FloatArray, out: FloatArray) -> None:
    """Add up all rows.

    Args:
        ring: float64[rows·columns].
        out: float64[columns], overwritten.
    """
    out[:] = 0.0
    for row in range(0, ring.size, out.size):
        for column in range(out.size):
            out[column] += ring[row + column]
