"""Stop dialog: what is held, and whether to keep it or to flatten it."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Static

from engine.view.desk_view import DeskView
from tui.render.draw.format import base_asset, grid, signed
from tui.render.draw.glyphs import Glyphs
from tui.screens.dialog import Dialog, TypedInput


class StopDialog(Dialog[str]):
    """Asks ``keep`` or ``flatten``; flatten only after the symbol was typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("k", "keep", "keep the position"),
        Binding("f", "flatten", "flatten at market"),
    ]

    def __init__(self, view: DeskView, glyphs: Glyphs) -> None:
        super().__init__()
        self._symbol = view.symbol
        self._glyphs = glyphs
        self._held = Static(held_words(view, glyphs), id="held", markup=False)

    def compose(self) -> ComposeResult:
        with Vertical(id="question"):
            yield Static("Cancels our orders, verifies that none is left, ends the engine.")
            yield self._held
            yield Static("[b]k[/b] keep the position     [b]f[/b] flatten it at market")
            yield TypedInput(
                placeholder=f"type {self._symbol} and enter to flatten at market", disabled=True
            )
            yield Static("esc back   ctrl+x PANIC", id="answers")

    def on_mount(self) -> None:
        self.query_one("#question").border_title = "stop the engine"

    def show(self, view: DeskView) -> None:
        self._held.update(held_words(view, self._glyphs))

    def action_keep(self) -> None:
        if self.settled:
            self.dismiss("keep")

    def action_flatten(self) -> None:
        if self.settled:
            field = self.query_one(TypedInput)
            field.disabled = False
            field.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if event.value.strip().upper() == self._symbol:
            self.dismiss("flatten")
        else:
            self.notify(f"type {self._symbol} to flatten, esc to go back", severity="warning")


def held_words(view: DeskView, glyphs: Glyphs) -> str:
    """What a question about the position begins with."""
    held = view.inventory
    base = base_asset(view.symbol, view.quote_asset)
    if held.position_lots == 0:
        return f"q is 0: the position in {base} is flat."
    word = "long" if held.position_lots > 0 else "short"
    size = grid(view.lot_size).text(abs(held.position_lots))
    return f"q is {signed(held.q, 2, glyphs.minus)}: {word} {size} {base}."
