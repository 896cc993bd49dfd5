"""Flatten dialog: closing at market while the engine stays; the symbol is typed first."""

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, Static

from engine.view.desk_view import DeskView
from tui.render.draw.glyphs import Glyphs
from tui.screens.dialog import Dialog, TypedInput
from tui.screens.stop import held_words


class FlattenDialog(Dialog[str]):
    """Flatten dialog; its result is the symbol as it was typed, or None."""

    def __init__(self, view: DeskView, glyphs: Glyphs) -> None:
        super().__init__()
        self._symbol = view.symbol
        self._glyphs = glyphs
        self._held = Static(held_words(view, glyphs), id="held", markup=False)

    def compose(self) -> ComposeResult:
        with Vertical(id="question"):
            yield Static(
                "Pulls our quotes, then closes the position at market, which pays spread and "
                "taker fee. The engine stays, paused or halted as it is."
            )
            yield self._held
            yield TypedInput(placeholder=f"type {self._symbol} and enter to flatten at market")
            yield Static("esc back   ctrl+x PANIC", id="answers")

    def on_mount(self) -> None:
        self.query_one("#question").border_title = "flatten"

    def show(self, view: DeskView) -> None:
        self._held.update(held_words(view, self._glyphs))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        typed = event.value.strip().upper()
        if self.settled and typed == self._symbol:
            self.dismiss(typed)
        else:
            self.notify(f"type {self._symbol} to flatten, esc to go back", severity="warning")
