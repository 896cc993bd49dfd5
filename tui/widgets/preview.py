"""Preview panel: the table of old and new quotes inside a dialog."""

from rich.text import Text
from textual.reactive import reactive

from engine.view.desk_view import DeskView, Preview
from tui.render.draw import ink
from tui.render.draw.glyphs import Glyphs
from tui.render.draw.lines import line, wrapped
from tui.render.preview import preview_lines
from tui.widgets.panel import Panel


class PreviewPanel(Panel):
    """Draws the preview it was last given, or what it waits for."""

    preview: reactive[Preview | None] = reactive(None, repaint=False)
    said: reactive[str] = reactive("asking the engine", repaint=False)
    """Shown while there is no preview."""

    def __init__(self, view: DeskView, glyphs: Glyphs) -> None:
        super().__init__()
        self._view = view
        self._glyphs = glyphs

    def watch_preview(self, _preview: Preview | None) -> None:
        self.redraw()

    def watch_said(self, _said: str) -> None:
        self.redraw()

    def draw(self, width: int, height: int) -> list[Text]:
        if self.preview is None:
            return wrapped(line((self.said, ink.LABEL)), width)
        return preview_lines(self.preview, self._view, width, self._glyphs)
