"""Frame of one redraw: the newest view, and how the connection to the engine stands."""

from dataclasses import dataclass
from enum import StrEnum

from engine.process.hints import USUAL, DeskCommands
from engine.view.desk_view import DeskView
from tui.render.draw.glyphs import UNICODE, Glyphs

STALE_S = 2.0
"""Older data than this fades."""


class EngineLink(StrEnum):
    """Connection state: how the line to the engine stands."""

    WAITING = "waiting"
    ATTACHED = "attached"
    LOST = "lost"
    ENDED = "ended"
    """The engine said goodbye."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Everything that a drawing may use; compared by value."""

    view: DeskView
    silent_s: float = 0.0
    """Since the view arrived at this screen."""
    line: EngineLink = EngineLink.ATTACHED
    line_text: str = ""
    """Why the line was lost, or the engine's final report."""
    verified: bool = False
    """Did that final report say that no order of ours is left?"""
    limits: str = ""
    """What this console may not do, as a short text; empty when it may do all."""
    frozen: bool = False
    commands: DeskCommands = USUAL
    """What to say to this very desk from a shell."""
    glyphs: Glyphs = UNICODE

    @property
    def stale(self) -> bool:
        """Is nothing here to be taken for the present?"""
        return self.silent_s > STALE_S or self.line is not EngineLink.ATTACHED

    @property
    def book_stale(self) -> bool:
        """Is the book itself old, or not to be trusted?"""
        book = self.view.book
        return (
            self.stale
            or not book.trusted
            or book.age_ms is None
            or book.age_ms / 1000 + self.silent_s > STALE_S
        )
