"""Key bar at the foot of the screen: the keys that work now."""

from rich.text import Text
from textual.reactive import reactive

from tui.render.keys import KeyHint, key_bar
from tui.widgets.panel import Panel


class KeyBar(Panel):
    """Draws hints that its screen gives it."""

    hints: reactive[tuple[KeyHint, ...]] = reactive((), repaint=False)

    def watch_hints(self, _hints: tuple[KeyHint, ...]) -> None:
        self.redraw()

    def draw(self, width: int, height: int) -> list[Text]:
        return key_bar(list(self.hints), width)
