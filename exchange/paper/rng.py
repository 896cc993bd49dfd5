"""Random number generator, seeded, behind everything that looks like chance on the exchange."""

import math

_MASK = (1 << 64) - 1  # Python's integers do not wrap at 64 bits by themselves


class SplitMix64:
    """SplitMix64: a small generator that any language reproduces exactly.

    Source: Steele, Lea & Flood, "Fast splittable pseudorandom number generators" (2014).
    """

    def __init__(self, seed: int) -> None:
        self._state = seed & _MASK

    def bits(self) -> int:
        """64 random bits."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        z = self._state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return z ^ (z >> 31)

    def uniform(self) -> float:
        """Strictly between 0 and 1."""
        return ((self.bits() >> 11) + 0.5) / 9007199254740992.0

    def exponential(self, rate: float) -> float:
        return -math.log(self.uniform()) / rate

    def normal(self) -> float:
        radius = math.sqrt(-2.0 * math.log(self.uniform()))
        return radius * math.cos(2.0 * math.pi * self.uniform())

    def fork(self) -> "SplitMix64":
        """A generator whose numbers have nothing to do with this one's."""
        return SplitMix64(self.bits())
