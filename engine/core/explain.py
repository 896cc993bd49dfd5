"""Why a side quotes or does not: the first rule that holds, its value and what would end it."""

from dataclasses import dataclass

from engine.core.view import SideReason, SideView


@dataclass(frozen=True, slots=True)
class Why:
    """One side's ruling rule."""

    reason: SideReason
    detail: str = ""
    clears: str = ""

    @property
    def quotes(self) -> bool:
        return self.reason is SideReason.QUOTING

    def view(self) -> SideView:
        return SideView(self.reason, self.detail, self.clears)
