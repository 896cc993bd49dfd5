"""Waiting panel: what stands there before the first view has come."""

from rich.text import Text
from textual.reactive import reactive

from tui.render.draw import ink
from tui.render.draw.lines import line
from tui.widgets.panel import Panel


class WaitingPanel(Panel):
    """One line in the middle: what the screen is waiting for."""

    said: reactive[str] = reactive("attaching to the engine", repaint=False)

    def watch_said(self, _said: str) -> None:
        self.redraw()

    def draw(self, width: int, height: int) -> list[Text]:
        text = line((self.said, ink.LABEL))
        text.truncate(width)
        text.align("center", width)
        return [*([Text()] * (height // 2)), text]
