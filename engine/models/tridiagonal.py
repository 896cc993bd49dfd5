"""Matrix exponential: exp(G·tau)·v for a tridiagonal G with nothing negative beside its diagonal.

Uniformisation: with ``shift`` = -min(diagonal) the series of exp((G + shift)·tau) has no
negative term, so even the smallest component of the answer keeps all its digits. The time
is cut so that no step grows much, and the size of v is kept apart as a logarithm.

G is three rows of float64[n]: ``(G v)_i = lower_i v_(i-1) + diagonal_i v_i + upper_i v_(i+1)``;
``lower[0]`` and ``upper[-1]`` are not read.

Source: Jensen (1953); Grassmann, "Transient solutions in Markovian queueing systems" (1977).
"""

import numpy as np

from exchange.jit import FloatArray, njit

_STEP = 30.0
"""Largest growth exponent of one step: exp(30) is far from any overflow."""
_MOST_STEPS = 1e6
"""Some seconds of work; whoever asks for more has his units wrong."""


@njit
def apply_shifted(
    lower: FloatArray,
    diagonal: FloatArray,
    upper: FloatArray,
    shift: float,
    factor: float,
    v: FloatArray,
) -> None:
    """Replace v by factor·(G + shift)·v."""
    below = 0.0
    last = v.size - 1
    for i in range(v.size):
        here = v[i]
        total = (diagonal[i] + shift) * here
        if i > 0:
            total += lower[i] * below
        if i < last:
            total += upper[i] * v[i + 1]
        v[i] = factor * total
        below = here


@njit
def add_term(v: FloatArray, term: FloatArray) -> bool:
    """Add a term of the series; says whether any component grew, which nan does not."""
    grew = False
    for i in range(v.size):
        before = v[i]
        v[i] += term[i]
        grew = grew or v[i] > before
    return grew


@njit
def rescale(v: FloatArray) -> float:
    """Divide v by its largest component; returns the logarithm of that."""
    largest = np.max(v)
    for i in range(v.size):
        v[i] /= largest
    return float(np.log(largest))


@njit
def growth_bound(lower: FloatArray, diagonal: FloatArray, upper: FloatArray, shift: float) -> float:
    """Largest row sum of G + shift, per second."""
    most = 0.0
    for i in range(diagonal.size):
        row = diagonal[i] + shift
        if i > 0:
            row += lower[i]
        if i < diagonal.size - 1:
            row += upper[i]
        most = max(most, row)
    return most


@njit
def apply_exponential(
    lower: FloatArray,
    diagonal: FloatArray,
    upper: FloatArray,
    tau: float,
    v: FloatArray,
    term: FloatArray,
) -> float:
    """Replace v by exp(G·tau)·v over its largest component.

    Args:
        tau: Seconds; not negative.
        v: float64[n], positive.
        term: float64[n], scratch.

    Returns:
        The logarithm of that largest component; nan, like v, when the work would have no end.
    """
    shift = -np.min(diagonal)
    pace = growth_bound(lower, diagonal, upper, shift)
    if not pace * tau < _STEP * _MOST_STEPS:
        v[:] = np.nan
        return np.nan
    steps = int(np.ceil(pace * tau / _STEP))
    log_scale = rescale(v)
    for _ in range(steps):
        step_s = tau / steps
        term[:] = v
        j = 0
        grew = True
        while grew or j < pace * step_s:
            j += 1
            apply_shifted(lower, diagonal, upper, shift, step_s / j, term)
            grew = add_term(v, term)
        log_scale += rescale(v) - shift * step_s
    return log_scale
