"""Dialog base: the keys that reduce risk, esc, and a guard against keys typed ahead."""

from typing import ClassVar, Generic, TypeVar

from textual import events
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import Input

from engine.view.desk_view import DeskView
from tui.screens.keys import REDUCING

T = TypeVar("T")

_SETTLE_S = 0.25  # keys of a pasted burst are over by then


class Dialog(ModalScreen[T], Generic[T]):
    """A question over the desk. Nothing behind it stops, and esc drops it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *REDUCING,
        Binding("b", "app.side_off('bid')", "bid off", show=False),
        Binding("a", "app.side_off('ask')", "ask off", show=False),
        Binding("escape", "drop", "back"),
    ]

    def on_mount(self) -> None:
        self.set_timer(_SETTLE_S, self._settle)

    @property
    def settled(self) -> bool:
        """Has it been open long enough to have been read?

        A burst pasted into a terminal without bracketed paste arrives as keys; none of them
        may answer a question that it has itself just opened.
        """
        return self.has_class("-settled")

    def show(self, view: DeskView) -> None:
        """The newest view: what a dialog says of the desk must not grow old while it is read."""

    def action_drop(self) -> None:
        self.dismiss(None)

    def _settle(self) -> None:
        self.add_class("-settled")


class TypedInput(Input):
    """A field that must be typed by hand: what is pasted is ignored."""

    def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
