"""Online fill intensity: A and k that forget, one arrival at a time.

The state is float64[5]: weighted arrivals, weighted depths, weighted seconds in which they could
be seen, the same by squared weights, and when all that was last decayed. It decays only when
touched, so a quiet market costs nothing. Time in which the book was not seen is no exposure: an
arrival in it would not have been counted.
"""

import math

import numpy as np

from exchange.jit import FloatArray, njit

FEWEST_EFFECTIVE = 20.0
"""Below so many effective arrivals the fit is not to be used."""

_COUNT, _DEPTHS, _SEEN_S, _SEEN_TWICE_S, _DECAYED_S = range(5)


@njit
def start_watching(state: FloatArray, time_s: float) -> None:
    """Forget everything.

    Args:
        state: float64[5], overwritten.
    """
    state[:] = 0.0
    state[_DECAYED_S] = time_s


@njit
def fade(state: FloatArray, time_s: float, tau_s: float) -> None:
    """Let all that was seen grow old.

    Args:
        state: float64[5], updated.
        time_s: Not before the last; a step back is taken for no step.
        tau_s: Decay time.
    """
    w = math.exp(-max(time_s - state[_DECAYED_S], 0.0) / tau_s)
    state[_COUNT] *= w
    state[_DEPTHS] *= w
    state[_SEEN_S] *= w
    state[_SEEN_TWICE_S] *= w * w
    state[_DECAYED_S] = max(time_s, state[_DECAYED_S])


@njit
def watch(state: FloatArray, time_s: float, span_s: float, tau_s: float) -> None:
    """A stretch of time, up to now, in which an arrival would have been seen.

    Args:
        state: float64[5], updated.
        span_s: Not negative.

    Source:
        Integral of the weight ``exp(-age/tau)`` over the stretch, and of its square.
    """
    fade(state, time_s, tau_s)
    state[_SEEN_S] -= tau_s * math.expm1(-span_s / tau_s)
    state[_SEEN_TWICE_S] -= 0.5 * tau_s * math.expm1(-2.0 * span_s / tau_s)


@njit
def arrive(state: FloatArray, time_s: float, depth_ticks: float, tau_s: float) -> None:
    """One arrival of the side watched.

    Args:
        state: float64[5], updated.
        depth_ticks: From the mid just before; positive.

    Source:
        ``N ← 1 + N·exp(-dt/tau)``, ``S ← D + S·exp(-dt/tau)``.
    """
    fade(state, time_s, tau_s)
    state[_COUNT] += 1.0
    state[_DEPTHS] += depth_ticks


@njit
def go_deeper(state: FloatArray, further_ticks: float) -> None:
    """The last arrival turned out to reach further than was said.

    Args:
        state: float64[5], updated.
    """
    state[_DEPTHS] += further_ticks


@njit
def read_intensity(state: FloatArray) -> tuple[float, float, float]:
    """A and k as of now, with the arrivals that they are worth.

    Returns:
        ``(A, k, n_effective)``; k is nan before the first arrival, A too before any time was
        seen. Relative standard errors are ``1/sqrt(n_effective)``.

    Source:
        Both sums decay alike, so that their ratio needs no clock. Mean squared over variance of
        the weighted count is ``A·seen²/seen_twice``: all arrivals at first, 2·A·tau in the end.
    """
    seen_s = state[_SEEN_S]
    if not seen_s > 0.0:
        return np.nan, np.nan, 0.0
    A = state[_COUNT] / seen_s
    k = state[_COUNT] / state[_DEPTHS] if state[_DEPTHS] > 0.0 else np.nan
    return A, k, A * seen_s * seen_s / state[_SEEN_TWICE_S]
