"""Naive micro-price adjustment, added up term by term."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def adjustments_by_terms(Q: Floats, R: Floats, T: Floats, K: Floats, terms: int) -> Floats:
    """The first move, then the first move after that, and so on."""
    inverse = np.linalg.inv(np.eye(len(Q)) - Q)
    term = inverse @ R @ K
    total = np.zeros(len(Q))
    for _ in range(terms):
        total += term
        term = inverse @ T @ term
    return total
