"""Tutorial strategy: the GLFT grid that hftbacktest's users run, for comparing with it.

None of the desk's safety rules are here; only a replay takes it. It decides on a step of its
own, from the mid, the prints since the last step, and its position. Its state is a few flat
arrays, so that a compiled loop can run it:

- ``params[PARAMS]``, ``counts[COUNTS]``: what it was set to (``P_`` and ``N_`` indices).
- ``state[STATE]``: what it has come to (``S_`` indices).
- ``depths[window]``, ``changes[window]``: the deepest arrival and the change of the mid of each
  of the last steps, by step modulo window.

Source: the replay rules, section 11.
"""

import numpy as np

from engine.models.tutorial_intensity import tutorial_counts, tutorial_fit
from exchange.jit import FloatArray, IntArray, inlined, piece

P_TICK, P_GAMMA, P_DELTA, P_ADJ1, P_ADJ2, P_ORDER_QTY, P_MAX_POSITION, P_STEP_S = range(8)
PARAMS = 8
N_GRID, N_WINDOW, N_RECALIBRATE, N_FIT = range(4)
COUNTS = 4
S_MID, S_DEEPEST, S_A, S_K, S_VOLATILITY, S_HALF, S_SKEW, S_POSITION = range(8)
STATE = 8
BUCKETS = 500
"""Half ticks of depth that are counted."""
TRACE_WIDTH = 9
"""Of a row of the trace: step, time in ns, then the state without the deepest arrival."""


def new_state() -> FloatArray:
    """A strategy that has seen nothing."""
    state = np.full(STATE, np.nan)
    state[S_DEEPEST], state[S_POSITION] = -np.inf, 0.0
    return state


@inlined
def hear_print(state: FloatArray, aggressor: int, price_ticks: int) -> None:
    """A print has come; how deep it went from the mid at the last step."""
    if not np.isnan(state[S_MID]):
        state[S_DEEPEST] = max(state[S_DEEPEST], aggressor * (price_ticks - state[S_MID]))


@piece
def decide(
    params: FloatArray,
    counts: IntArray,
    state: FloatArray,
    depths: FloatArray,
    changes: FloatArray,
    buckets: FloatArray,
    step: int,
    best_bid_ticks: int,
    best_ask_ticks: int,
) -> tuple[float, float, float]:
    """One step: measure, fit when it is time, and say where the grids begin.

    Args:
        depths: float64[window], as ``changes``.
        buckets: float64[BUCKETS], scratch.
        step: Number of the step, from 0.

    Returns:
        ``(bid, ask, interval)`` in money; nan where nothing is to be quoted.
    """
    window = counts[N_WINDOW]
    here = step % window
    depths[here] = state[S_DEEPEST] if not np.isnan(state[S_MID]) else np.nan
    mid = (best_bid_ticks + best_ask_ticks) / 2.0
    changes[here] = mid - state[S_MID]
    state[S_MID], state[S_DEEPEST] = mid, -np.inf
    if step % counts[N_RECALIBRATE] == 0 and step >= window - 1:
        _fit(params, counts, state, depths, changes, buckets)
    return _quote(params, state, best_bid_ticks, best_ask_ticks)


@piece
def _fit(
    params: FloatArray,
    counts: IntArray,
    state: FloatArray,
    depths: FloatArray,
    changes: FloatArray,
    buckets: FloatArray,
) -> None:
    """A, k and volatility of the last window; too few buckets keep the old A and k."""
    reached = tutorial_counts(depths, buckets)
    if reached > 2:
        exposure_s = counts[N_WINDOW] * params[P_STEP_S]
        A, k = tutorial_fit(buckets, min(reached, counts[N_FIT]), exposure_s)
        state[S_A], state[S_K] = A, k
    known = 0
    total = 0.0
    for change in changes:
        if not np.isnan(change):
            known += 1
            total += change
    mean = total / known if known > 0 else np.nan
    squares = 0.0
    for change in changes:
        if not np.isnan(change):
            squares += (change - mean) ** 2
    variance = squares / known if known > 0 else np.nan
    state[S_VOLATILITY] = np.sqrt(variance) * np.sqrt(1.0 / params[P_STEP_S])


@piece
def _quote(
    params: FloatArray, state: FloatArray, best_bid_ticks: int, best_ask_ticks: int
) -> tuple[float, float, float]:
    A, k = state[S_A], state[S_K]
    gamma_delta = params[P_GAMMA] * params[P_DELTA]
    if np.isnan(A) or A == 0.0 or k == 0.0:
        return np.nan, np.nan, np.nan
    growth = 1.0 + gamma_delta / k
    c1 = np.log(growth) / gamma_delta
    c2 = np.sqrt(
        params[P_GAMMA] / (2.0 * A * params[P_DELTA] * k) * growth ** (k / gamma_delta + 1.0)
    )
    volatility = state[S_VOLATILITY]
    half = (c1 + params[P_DELTA] / 2.0 * c2 * volatility) * params[P_ADJ1]
    skew = c2 * volatility * params[P_ADJ2]
    state[S_HALF], state[S_SKEW] = half, skew
    reservation = state[S_MID] - skew * state[S_POSITION]
    tick = params[P_TICK]
    bid = min(np.rint(reservation - half), float(best_bid_ticks)) * tick
    ask = max(np.rint(reservation + half), float(best_ask_ticks)) * tick
    interval = max(np.rint(half) * tick, tick)
    if not np.isfinite(reservation - half):
        return np.nan, np.nan, np.nan
    return np.floor(bid / interval) * interval, np.ceil(ask / interval) * interval, interval


@inlined
def trace_step(state: FloatArray, step: int, now_ns: int, trace: FloatArray) -> None:
    """Write a row of the trace: float64[TRACE_WIDTH]."""
    trace[0], trace[1], trace[2] = step, now_ns, state[S_MID]
    for i in range(S_A, STATE):
        trace[i + 1] = state[i]
