"""Quote status of a side, by the first rule that holds, and what is proven of orders not wanted."""

from dataclasses import dataclass

import msgspec

from engine.core.states import SideReason


@dataclass(frozen=True, slots=True)
class SideStatus:
    """One side's ruling rule."""

    reason: SideReason
    detail: str = ""
    clears: str = ""

    @property
    def quotes(self) -> bool:
        return self.reason is SideReason.QUOTING


class LeftView(msgspec.Struct, frozen=True):
    """What may be left of our orders while none is wanted, by the evidence there is."""

    live: int
    """That may rest at the venue, as far as was reported; those unknown among them."""
    unknown: int
    proven: bool
    """Did the venue's own list, asked for since, show none of ours?"""


def evidence(left: LeftView) -> str:
    """What is proven of our orders at the venue while none is wanted, and what is not."""
    if left.proven:
        return "no order of ours left, verified"
    if left.unknown:
        others = left.live - left.unknown
        rest = f", {others} being cancelled" if others else ""
        return f"gate closed; {_orders(left.unknown)} unknown, asking{rest}"
    if left.live:
        return f"gate closed; {_orders(left.live)} being cancelled"
    return "gate closed; asking whether any order of ours is left"


def _orders(count: int) -> str:
    return f"{count} order{'' if count == 1 else 's'} of ours"
