"""A and k that forget, one arrival at a time.

The state is float64[4]: weighted arrivals, weighted depths, when they were last decayed, and
when watching began. It decays only when touched, so a quiet market costs nothing.
"""

import math

import numpy as np

from exchange.jit import FloatArray, njit

FEWEST_EFFECTIVE = 20.0
"""Below so many effective arrivals the fit is not to be used."""

_COUNT, _DEPTHS, _DECAYED_S, _SINCE_S = range(4)


@njit
def start_watching(state: FloatArray, time_s: float) -> None:
    """Forget everything; exposure counts from here.

    Args:
        state: float64[4], overwritten.
    """
    state[0] = state[1] = 0.0
    state[2] = state[3] = time_s


@njit
def arrive(state: FloatArray, time_s: float, depth_ticks: float, tau_s: float) -> None:
    """One arrival of the side watched.

    Args:
        state: float64[4], updated.
        time_s: Not before the last; a step back is taken for no step.
        depth_ticks: From the mid just before; positive.
        tau_s: Decay time.

    Source:
        ``N ← 1 + N·exp(-dt/tau)``, ``S ← D + S·exp(-dt/tau)``.
    """
    w = math.exp(-max(time_s - state[_DECAYED_S], 0.0) / tau_s)
    state[_COUNT] = 1.0 + w * state[_COUNT]
    state[_DEPTHS] = depth_ticks + w * state[_DEPTHS]
    state[_DECAYED_S] = max(time_s, state[_DECAYED_S])


@njit
def go_deeper(state: FloatArray, further_ticks: float) -> None:
    """The last arrival turned out to reach further than was said.

    Args:
        state: float64[4], updated.
    """
    state[_DEPTHS] += further_ticks


@njit
def read_intensity(state: FloatArray, time_s: float, tau_s: float) -> tuple[float, float, float]:
    """A and k as of now, with the arrivals that they are worth.

    Returns:
        ``(A, k, n_effective)``; k is nan before the first arrival, A too before time has
        passed. Relative standard errors are ``1/sqrt(n_effective)``.

    Source:
        Exposure ``tau·(1 - exp(-t/tau))``, without which A is low while warming up. Mean
        squared over variance of the weighted count is ``2·A·tau·tanh(t/(2·tau))``: all
        arrivals at first, 2·A·tau in the long run.
    """
    watched = time_s - state[_SINCE_S]
    if not watched > 0.0:
        return np.nan, np.nan, 0.0
    w = math.exp(-max(time_s - state[_DECAYED_S], 0.0) / tau_s)
    A = w * state[_COUNT] / (-tau_s * math.expm1(-watched / tau_s))
    k = state[_COUNT] / state[_DEPTHS] if state[_DEPTHS] > 0.0 else np.nan
    return A, k, 2.0 * A * tau_s * math.tanh(0.5 * watched / tau_s)
