"""Price ladder panel, which remembers on which row each price stood."""

from rich.text import Text

from tui.render.frame import Frame
from tui.render.ladder import Rows, ladder
from tui.widgets.panel import FramePanel


class LadderPanel(FramePanel):
    """The book around the touch, and our orders in it."""

    HOLDS_WHEN_FROZEN = True

    def __init__(self, *, name: str | None = None, title: str = "") -> None:
        super().__init__(name=name, title=title)
        self._rows: Rows = {}

    def is_stale(self, frame: Frame) -> bool:
        return frame.book_stale

    def draw_frame(self, frame: Frame, width: int, height: int) -> list[Text]:
        lines, self._rows = ladder(frame, width, height, self._rows)
        return lines
