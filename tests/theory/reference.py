"""Reference price: a fair price that leans on another market while that market can be trusted.

The other price differs from ours by a basis, which is learnt as a median, and strays from it
by a scale, learnt as a median of distances. When it strays too far, or grows old, it is
rejected: what happens then must not teach the basis, and it must behave for a while before it
is trusted again.
"""

import math
from collections import deque
from dataclasses import dataclass
from statistics import median

from engine.models.regime import NORMAL_PER_MAD


def basis_of(differences: list[float], floor: float) -> tuple[float, float]:
    """Median difference, and its scale by the median distance from it.

    Args:
        differences: Local less reference; at least one.
        floor: Least scale: a quiet window must not make every tick an outlier.
    """
    basis = median(differences)
    mad = median(abs(d - basis) for d in differences)
    return basis, max(NORMAL_PER_MAD * mad, floor)


def blend(local: float, reference: float, basis: float, weight: float) -> float:
    """Fair price from both markets, the reference carried over by its basis."""
    return local + weight * (reference + basis - local)


def consensus(carried: list[float]) -> float:
    """Median of the accepted references, each with its basis added; nan with fewer than two."""
    return median(carried) if len(carried) >= 2 else math.nan


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the reference is worth at one moment."""

    fair: float
    z: float
    """Distance from the basis in scales; nan before there is a basis, or without a price."""
    accepted: bool
    basis: float
    scale: float
    alarm: bool
    """True at the moment of rejection alone, for one line in the log."""


@dataclass(frozen=True, slots=True)
class Band:
    """Limits within which a reference is trusted."""

    weight: float = 0.7
    z_max: float = 5.0
    max_age_s: float = 1.0
    floor_ticks: float = 1.0
    window: int = 300
    """Samples that teach the basis."""
    fewest: int = 30
    """Samples before it is believed at all."""
    readmit_after: int = 10
    """Good samples in a row after a rejection."""


class ReferenceBand:
    """Feed it both prices once a second or so; it says what fair is, and whom it believed."""

    def __init__(self, band: Band) -> None:
        self._band = band
        self._differences: deque[float] = deque(maxlen=band.window)
        self._basis = self._scale = math.nan
        self._good_in_a_row = band.readmit_after  # nothing has been held against it yet

    @property
    def trusted(self) -> bool:
        enough = len(self._differences) >= self._band.fewest
        return enough and self._good_in_a_row >= self._band.readmit_after

    def receive(self, local: float, reference: float, age_s: float) -> Verdict:
        """One pair of prices, ticks.

        Args:
            reference: nan when there is none.
            age_s: How old the reference is.
        """
        was_trusted = self.trusted
        difference = local - reference
        z = abs(difference - self._basis) / self._scale
        fresh = age_s < self._band.max_age_s and math.isfinite(difference)
        learning = len(self._differences) < self._band.fewest
        if fresh and (learning or z <= self._band.z_max):
            self._good_in_a_row += 1
        else:
            self._good_in_a_row = 0
        verdict = self._verdict(local, reference, z, was_trusted)
        if fresh and self._good_in_a_row >= self._band.readmit_after:
            self._learn(difference)
        return verdict

    def _verdict(self, local: float, reference: float, z: float, was_trusted: bool) -> Verdict:
        accepted = self.trusted
        fair = blend(local, reference, self._basis, self._band.weight) if accepted else local
        return Verdict(fair, z, accepted, self._basis, self._scale, was_trusted and not accepted)

    def _learn(self, difference: float) -> None:
        self._differences.append(difference)
        self._basis, self._scale = basis_of(list(self._differences), self._band.floor_ticks)
