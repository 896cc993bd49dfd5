"""Fault trigger: when one armed fault strikes: its moments, chances, generator and count."""

import hashlib
import math
from typing import Generic, TypeVar

import msgspec

from exchange.paper.faults.plan import AnyFault, Wait
from exchange.paper.rng import SplitMix64

_Kind = TypeVar("_Kind", bound=AnyFault)


class Trigger(Generic[_Kind]):
    """One fault with its clock, its generator and its count.

    Args:
        number: In the order of arming.
        now_ms: When it was armed; its seconds count from here.
    """

    def __init__(self, number: int, name: str, fault: _Kind, seed: int, now_ms: int) -> None:
        self.number = number
        self.name = name
        self.fault = fault
        self.struck = 0
        digest = hashlib.sha256(name.encode()).digest()
        self._random = SplitMix64(seed ^ int.from_bytes(digest[:8], "big")).fork()
        self._rate: float | None = getattr(fault, "rate", None)
        self._for_ms = 1000.0 * (getattr(fault, "for_s", None) or math.inf)
        self._every_ms = 1000.0 * (fault.every_s or math.inf)
        self._mean_ms = None if fault.mean_s is None else 1000.0 * fault.mean_s
        self._next_ms = now_ms + (self._gap_ms() if fault.at_s is None else 1000.0 * fault.at_s)

    @property
    def kind(self) -> str:
        return str(self.fault.__struct_config__.tag)

    @property
    def spent(self) -> bool:
        """Whether it has struck as often as it may."""
        return self.fault.count is not None and self.struck >= self.fault.count

    def as_row(self) -> dict[str, object]:
        """For JSON: the settings that were given, and what it has done."""
        given = {
            key: value
            for key, value in msgspec.to_builtins(self.fault).items()
            if value is not None
        }
        done = {"number": self.number, "struck": self.struck, "spent": self.spent}
        return given | {"name": self.name} | done

    def pass_time(self, now_ms: int) -> bool:
        """Whether one of its moments has come; of several only the newest counts."""
        if now_ms < self._next_ms or self.spent:
            return False
        at_ms = self._newest_moment_ms(now_ms)
        self._next_ms = (at_ms if self._mean_ms is None else now_ms) + self._gap_ms()
        self._open(at_ms)
        return True

    def _newest_moment_ms(self, now_ms: int) -> float:
        if self._mean_ms is not None:
            # A Poisson process looks the same backwards, so a long sleep need not be lived through.
            return max(self._next_ms, now_ms - self._gap_ms())
        if self._every_ms < math.inf:
            return self._next_ms + (now_ms - self._next_ms) // self._every_ms * self._every_ms
        return self._next_ms

    def _gap_ms(self) -> float:
        """From one of its moments to the next."""
        if self._mean_ms is None:
            return self._every_ms
        return self._random.exponential(1.0 / self._mean_ms)

    def _open(self, at_ms: float) -> None:
        raise NotImplementedError

    def _drawn(self) -> bool:
        return self._rate is None or self._random.uniform() < self._rate


class ChanceTrigger(Trigger[_Kind]):
    """A fault that strikes one frame or request at a time, or once at its moment."""

    def __init__(self, number: int, name: str, fault: _Kind, seed: int, now_ms: int) -> None:
        super().__init__(number, name, fault, seed, now_ms)
        self._closes_ms = math.inf if self._next_ms == math.inf else -math.inf
        self.owed = False
        """Whether a moment has come that has struck nothing yet."""
        self._announced_opening = False
        self._held_ms = 0.0
        self._held_until_ms = -math.inf

    def strikes(self, now_ms: int) -> bool:
        """Take the chance of one frame or request, and count it when it strikes."""
        if self.spent:
            return False
        if self.owed:
            self.owed = False
        elif now_ms >= self._closes_ms or not self._drawn():
            return False
        self.struck += 1
        return True

    def worth_noting(self) -> bool:
        """Of what strikes everything for a time, only the first time."""
        announced, self._announced_opening = self._announced_opening, True
        return not announced or (self._rate is not None and self._rate < 1.0)

    def delay_ms(self, wait: Wait) -> float:
        return wait.draw_ms(self._random)

    def held_ms(self, low_ms: float, high_ms: float, for_ms: float, now_ms: int) -> float:
        """A time between two, drawn anew once the last has stood for so long."""
        if now_ms >= self._held_until_ms:
            self._held_ms = low_ms + (high_ms - low_ms) * self._random.uniform()
            self._held_until_ms = now_ms + for_ms
        return self._held_ms

    def place_in(self, length: int) -> int:
        """Somewhere in a text of so many bytes."""
        return int(self._random.uniform() * length)

    def _open(self, at_ms: float) -> None:
        self._announced_opening = False
        if self._for_ms == math.inf and self._rate is None:
            self.owed = True
        else:
            self._closes_ms = at_ms + self._for_ms


class EpisodeTrigger(Trigger[_Kind]):
    """A fault that begins and lasts."""

    def __init__(self, number: int, name: str, fault: _Kind, seed: int, now_ms: int) -> None:
        super().__init__(number, name, fault, seed, now_ms)
        self._ends_ms = -math.inf
        self._chances_from_ms = -math.inf if self._next_ms == math.inf else math.inf

    def lasts(self, now_ms: int) -> bool:
        return now_ms < self._ends_ms

    def left_ms(self, now_ms: int) -> int:
        return math.ceil(max(0.0, self._ends_ms - now_ms))

    def begins(self, now_ms: int) -> bool:
        """Whether the chance of one frame or request begins it now."""
        if self._rate is None or self.spent or self.lasts(now_ms):
            return False
        if now_ms < self._chances_from_ms or not self._drawn():
            return False
        self._ends_ms = now_ms + self._for_ms
        self.struck += 1
        return True

    def _open(self, at_ms: float) -> None:
        if self._rate is not None:
            self._chances_from_ms = at_ms
        else:
            self._ends_ms = at_ms + self._for_ms
            self.struck += 1
