"""Profit attribution: spread, inventory, fees and funding, exactly.

    total = sum dq·(M - p)  +  sum q·dM  -  sum c  -  sum q·mark·g
            spread             inventory    fees      funding

It adds up to the change of cash and stock to the last rounding if every mid of the first sum
is also a point of the path in the second: hence a fill brings its mid with it, and the move
to that mid is booked before the fill.

State: float64[6], zeros to begin with but for the mid: q, mid, and the four sums.
"""

from dataclasses import dataclass

import numpy as np

from exchange.jit import FloatArray, njit

_Q, _MID, _SPREAD, _INVENTORY, _FEES, _FUNDING = range(6)


@njit
def book_mid(state: FloatArray, mid: float) -> None:
    """The mid moved: what we hold gained or lost."""
    state[_INVENTORY] += state[_Q] * (mid - state[_MID])
    state[_MID] = mid


@njit
def book_fill(state: FloatArray, dq: float, price: float, fee: float, mid: float) -> None:
    """A fill of signed quantity ``dq``; ``fee`` is negative for a rebate."""
    book_mid(state, mid)
    state[_SPREAD] += dq * (mid - price)
    state[_FEES] -= fee
    state[_Q] += dq


@njit
def book_funding(state: FloatArray, rate: float, mark: float) -> None:
    """A funding payment: the long pay when the rate is positive."""
    state[_FUNDING] -= state[_Q] * mark * rate


@dataclass(frozen=True, slots=True)
class Split:
    """The parts of one session's profit, in money."""

    spread: float
    inventory: float
    fees: float
    """Negative when paid."""
    funding: float
    q: float

    @property
    def total(self) -> float:
        return self.spread + self.inventory + self.fees + self.funding


class PnlSplit:
    """Feed it mids, fills and funding as they happen; ask it for the split at any time.

    Args:
        mid: To start from.
        q: Held at the start; what it cost before is not this session's affair.
    """

    def __init__(self, mid: float, q: float = 0.0) -> None:
        self._state = np.array([q, mid, 0.0, 0.0, 0.0, 0.0])

    def receive_mid(self, mid: float) -> None:
        book_mid(self._state, mid)

    def receive_fill(self, dq: float, price: float, fee: float, mid: float) -> None:
        """See ``book_fill``; ``mid`` is the one in force at the fill."""
        book_fill(self._state, dq, price, fee, mid)

    def receive_funding(self, rate: float, mark: float) -> None:
        book_funding(self._state, rate, mark)

    def read(self) -> Split:
        q, _, spread, inventory, fees, funding = self._state.tolist()
        return Split(spread, inventory, fees, funding, q)
