"""Key bar at the foot of the screen."""

from dataclasses import dataclass

from rich.text import Text

from tui.render.draw import ink
from tui.render.draw.lines import joined, line


@dataclass(frozen=True, slots=True)
class KeyHint:
    """One key and what it does."""

    key: str
    does: str
    urgent: bool = False


def key_bar(hints: list[KeyHint], width: int) -> list[Text]:
    """As many hints as fit, the urgent ones first."""
    ordered = sorted(hints, key=lambda hint: not hint.urgent)
    chips = [
        line((f" {hint.key} {hint.does} ", ink.ALARM_BLOCK))
        if hint.urgent
        else line((hint.key, ink.KEY), (f" {hint.does}", ink.LABEL))
        for hint in ordered
    ]
    return [joined(chips, width)]
