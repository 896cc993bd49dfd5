"""Confirmation of a change that could add risk: the quotes before and after, then enter or esc."""

from dataclasses import dataclass
from typing import ClassVar

import msgspec
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Static

from engine.console.protocol import Answer
from engine.core.actions import Action
from engine.core.states import SideReason
from engine.view.desk_view import DeskView, Preview
from tui.render.draw.glyphs import Glyphs
from tui.screens.dialog import Dialog
from tui.widgets.preview import PreviewPanel

STEP = 1.1
"""One press changes a parameter by a tenth."""
_DIGITS = 4
_ASK_AGAIN_S = 0.5  # the market moves while the trader reads: the preview must not grow old
_KEYS = {"gamma": "[ ]", "adj1": "{ }", "adj2": ", ."}


@dataclass(frozen=True, slots=True)
class ParameterChange:
    """Pending command: what is asked of the engine once the trader agrees."""

    action: Action
    title: str
    name: str
    """Name of the parameter or side that the action takes."""
    shown: str
    """Name of the parameter whose preview is shown."""
    old: float
    """Its value when the dialog opened."""
    expected: float | None = None
    """What the engine must still be at for this to count: the old value, or the number of halts."""
    adjustable: bool = False
    """May the keys that opened the dialog move it further?"""


def stepped(value: float, steps: int) -> float:
    """A value moved by whole steps, written with four digits."""
    return float(f"{value * STEP**steps:.{_DIGITS}g}")


class ChangeDialog(Dialog[float]):
    """Confirmation dialog of a change; its result is the value agreed to, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "agree", "agree"),
        Binding("left_square_bracket,left_curly_bracket,comma", "nudge(-1)", "less"),
        Binding("right_square_bracket,right_curly_bracket,full_stop", "nudge(1)", "more"),
    ]

    class PreviewAsked(Message):
        """The dialog wants to know the quotes with ``name`` at ``value``."""

        def __init__(self, dialog: "ChangeDialog", name: str, value: float) -> None:
            super().__init__()
            self.dialog = dialog
            self.name = name
            self.value = value

    def __init__(self, change: ParameterChange, steps: int, view: DeskView, glyphs: Glyphs) -> None:
        super().__init__()
        self.change = change
        self._steps = steps
        self._view = view
        self._panel = PreviewPanel(view, glyphs)

    @property
    def value(self) -> float:
        """What is proposed now."""
        return stepped(self.change.old, self._steps)

    def compose(self) -> ComposeResult:
        keys = _KEYS.get(self.change.name) if self.change.adjustable else None
        more = f"   {keys} further" if keys else ""
        with Vertical(id="question"):
            yield self._panel
            yield Static(f"enter agree   esc drop{more}   ctrl+x PANIC", id="answers", markup=False)

    def on_mount(self) -> None:
        self.query_one("#question").border_title = self.change.title
        self._ask()
        self.set_interval(_ASK_AGAIN_S, self._ask_again)

    def show(self, view: DeskView) -> None:
        self._view = view
        if self._refused:
            self._panel.preview = None
            self._panel.said = self._refused
            self.remove_class("-previewed")

    @property
    def _refused(self) -> str:
        """Why what is asked for would be refused by now; then there is nothing to agree to."""
        return self._view.resume_refused if self.change.action is Action.RESUME else ""

    def receive_preview(self, value: float, answer: Answer | None) -> None:
        """The engine's answer for a value; one for a value no longer proposed is left out."""
        if value != self.value or self._refused:
            return
        if answer is None or not answer.accepted or answer.preview is None:
            self._panel.said = answer.text if answer else "no answer from the engine"
            return
        self._panel.preview = self._as_it_stands(answer.preview)
        self.add_class("-previewed")

    def _as_it_stands(self, preview: Preview) -> Preview:
        """Without the old price of a side that this change would bring back: it has none now."""
        if self.change.action is Action.SET:
            return preview
        if self._view.bid.reason is not SideReason.QUOTING:
            preview = msgspec.structs.replace(preview, old_bid_ticks=None)
        if self._view.ask.reason is not SideReason.QUOTING:
            preview = msgspec.structs.replace(preview, old_ask_ticks=None)
        return preview

    def action_agree(self) -> None:
        """Agree to what was seen: nothing before the preview, nothing at the same moment."""
        if self.settled and self._panel.preview is not None:
            self.dismiss(self.value)

    def action_nudge(self, direction: int) -> None:
        if self.change.adjustable:
            self._steps += direction
            self._ask()

    def _ask(self) -> None:
        self._panel.preview = None
        self.remove_class("-previewed")
        self._ask_again()

    def _ask_again(self) -> None:
        """The market moves while the trader reads, and both sides of the comparison with it."""
        self.post_message(self.PreviewAsked(self, self.change.shown, self.value))
