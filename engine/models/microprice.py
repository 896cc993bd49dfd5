"""Micro-price (Stoikov): where the mid is heading, given the touch's imbalance and spread.

A touch is in one of ``n·m`` states: n buckets of imbalance by m spreads. From a history one
counts how often a state passes into another with the mid standing still (Q), how often the
mid moves and by what (R), and in which state it then is (T). The expected sum of all moves to
come, from each state, is the adjustment to the mid.

States are numbered ``bucket·m + spread - 1``. Moves are -1, -½, ½ and 1 tick.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exchange.jit import FloatArray, IntArray, njit

MOVES_TICKS = np.array([-1.0, -0.5, 0.5, 1.0])
_UNSEEN = 0.5
"""Added to every state's moves, as many up as down, and spread over where they land: a state
never seen adjusts nothing, and states that never met are tied to each other. With a trace
instead of half a count, two groups of states that no passage joins gave sums without end."""

Matrix = NDArray[np.float64]


@njit
def bucket_of(imbalance: float, edges: FloatArray) -> int:
    """The bucket of an imbalance: how many edges lie at or below it.

    Args:
        imbalance: ``bid_lots/(bid_lots + ask_lots)``.
        edges: float64[n-1], ascending, between 0 and 1.
    """
    bucket = 0
    while bucket < edges.size and imbalance >= edges[bucket]:
        bucket += 1
    return bucket


@njit
def state_of(
    bid_ticks: int, bid_lots: int, ask_ticks: int, ask_lots: int, edges: FloatArray, spreads: int
) -> int:
    """The state of a touch; -1 when it has none: crossed, empty or too wide.

    Args:
        spreads: Widest spread kept, m ticks.
    """
    spread = ask_ticks - bid_ticks
    if not 1 <= spread <= spreads or bid_lots + ask_lots <= 0:
        return -1
    return bucket_of(bid_lots / (bid_lots + ask_lots), edges) * spreads + spread - 1


@njit
def write_states(
    bid_ticks: IntArray,
    bid_lots: IntArray,
    ask_ticks: IntArray,
    ask_lots: IntArray,
    edges: FloatArray,
    spreads: int,
    out: IntArray,
) -> None:
    """``state_of`` for each of n touches, into int64[n]."""
    for i in range(out.size):
        out[i] = state_of(bid_ticks[i], bid_lots[i], ask_ticks[i], ask_lots[i], edges, spreads)


@njit
def mirror_of(state: int, buckets: int, spreads: int) -> int:
    """The state seen from the other side of the book."""
    return (buckets - 1 - state // spreads) * spreads + state % spreads


@njit
def count_moves(
    states: IntArray,
    double_mids: IntArray,
    buckets: int,
    spreads: int,
    stays: FloatArray,
    moves: FloatArray,
    lands: FloatArray,
) -> int:
    """Count passages between touches, each once as seen and once mirrored.

    Without the mirror a trending sample gives the adjustments a drift, and their sum has no end.

    Args:
        states: int64[n] from ``state_of``, in order; passages that touch a -1 are left out.
        double_mids: int64[n], bid plus ask in ticks.
        stays: float64[states·states], Q's counts, added to.
        moves: float64[states·4], R's counts, added to.
        lands: float64[states·states], T's counts, added to.

    Returns:
        How many passages were counted; moves of more than a tick are not.
    """
    size = buckets * spreads
    counted = 0
    for i in range(1, states.size):
        x, y = states[i - 1], states[i]
        step = double_mids[i] - double_mids[i - 1]
        if x < 0 or y < 0 or abs(step) > 2:
            continue
        counted += 1
        mx, my = mirror_of(x, buckets, spreads), mirror_of(y, buckets, spreads)
        if step == 0:
            stays[x * size + y] += 1.0
            stays[mx * size + my] += 1.0
        else:
            moves[x * 4 + move_index(step)] += 1.0
            moves[mx * 4 + move_index(-step)] += 1.0
            lands[x * size + y] += 1.0
            lands[mx * size + my] += 1.0
    return counted


@njit
def move_index(double_step: int) -> int:
    """Column of R for a move of -2, -1, 1 or 2 half ticks."""
    return double_step + 2 if double_step < 0 else double_step + 1


@njit
def microprice(
    bid_ticks: int,
    bid_lots: int,
    ask_ticks: int,
    ask_lots: int,
    edges: FloatArray,
    spreads: int,
    adjustments: FloatArray,
) -> float:
    """The mid plus its state's expected move, in ticks.

    Args:
        edges: float64[n-1], the table's imbalance edges.
        adjustments: float64[n·m] ticks, from ``solve_adjustments``.

    Returns:
        The bare mid for a touch outside the table.
    """
    mid = 0.5 * (bid_ticks + ask_ticks)
    state = state_of(bid_ticks, bid_lots, ask_ticks, ask_lots, edges, spreads)
    return mid if state < 0 else mid + adjustments[state]


def solve_adjustments(Q: Matrix, R: Matrix, T: Matrix, K: FloatArray) -> FloatArray:
    """Expected sum of all future moves of the mid, from each state.

    Args:
        Q: [s, s], chance that the mid stays and the state becomes the column's.
        R: [s, moves], chance of each move; rows of Q and R together sum to 1.
        T: [s, s], chance that the mid moves and the state becomes the column's.
        K: [moves], ticks. The sample must be symmetric, or the sum has no end.

    Source:
        Stoikov, "The micro-price" (2018): ``G1 = (I-Q)^-1·R·K``, ``B = (I-Q)^-1·T``, and
        the sum of ``B^i·G1`` by its linear equation, pinned by B's stationary law.
    """
    identity = np.eye(len(Q))
    first = np.linalg.solve(identity - Q, R @ K)
    B = np.linalg.solve(identity - Q, T)
    balance = np.vstack([B.T - identity, np.ones(len(Q))])
    law = np.linalg.lstsq(balance, np.append(np.zeros(len(Q)), 1.0), rcond=None)[0]
    return np.linalg.solve(identity - B + np.outer(np.ones(len(Q)), law), first)


@dataclass(frozen=True, slots=True)
class MicropriceTable:
    """What a day of touches taught, ready to be read at every book update."""

    edges: FloatArray
    spreads: int
    adjustments: FloatArray
    """Ticks by state, antisymmetric between a state and its mirror."""
    counted: int
    """Passages it rests on."""


def symmetric_edges(imbalances: FloatArray, buckets: int) -> FloatArray:
    """Edges of buckets that hold equal counts, the same seen from either side."""
    both = np.concatenate([imbalances, 1.0 - imbalances])
    edges = np.quantile(both, np.arange(1, buckets) / buckets)
    return np.ascontiguousarray(0.5 * (edges + 1.0 - edges[::-1]))


def learn_microprice(
    bid_ticks: IntArray,
    bid_lots: IntArray,
    ask_ticks: IntArray,
    ask_lots: IntArray,
    buckets: int = 10,
    spreads: int = 3,
) -> MicropriceTable:
    """Estimate the table from a history of touches, evenly sampled or by update.

    Args:
        bid_ticks: int64[n], as are the others; oldest first, every touch with some size.
        buckets: Of imbalance.
        spreads: Widest spread kept, ticks.
    """
    edges = symmetric_edges(bid_lots / (bid_lots + ask_lots), buckets)
    states = np.zeros(bid_ticks.size, np.int64)
    write_states(bid_ticks, bid_lots, ask_ticks, ask_lots, edges, spreads, states)
    size = buckets * spreads
    stays, lands = np.zeros(size * size), np.full(size * size, _UNSEEN / size)
    moves = np.full(size * MOVES_TICKS.size, _UNSEEN / MOVES_TICKS.size)
    counted = count_moves(states, bid_ticks + ask_ticks, buckets, spreads, stays, moves, lands)
    Q, R, T = stays.reshape(size, size), moves.reshape(size, -1), lands.reshape(size, size)
    total = (Q.sum(axis=1) + R.sum(axis=1))[:, None]
    G = solve_adjustments(Q / total, R / total, T / total, MOVES_TICKS)
    return MicropriceTable(edges, spreads, G, counted)
