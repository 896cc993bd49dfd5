"""Log panel: scrolls back through everything said, and follows the newest line."""

from collections import deque
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType

from engine.core.log import Record
from tui.render.draw import ink
from tui.render.draw.lines import line
from tui.render.frame import Frame
from tui.render.log import record_lines
from tui.widgets.panel import FramePanel

_KEPT = 5000  # as many lines as the engine keeps for a new console


class LogPanel(FramePanel, can_focus=True):
    """Fills, alerts and log lines, oldest first."""

    HOLDS_WHEN_FROZEN = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "scroll(1)", "older", show=False, tooltip="in the log"),
        Binding("down", "scroll(-1)", "newer", show=False, tooltip="in the log"),
        Binding("pageup", "page(1)", "older page", show=False, tooltip="in the log"),
        Binding("pagedown", "page(-1)", "newer page", show=False, tooltip="in the log"),
        Binding("home", "oldest", "oldest", show=False, tooltip="in the log"),
        Binding("end", "newest", "newest", show=False, tooltip="in the log"),
    ]

    def __init__(self, *, name: str | None = None, title: str = "") -> None:
        super().__init__(name=name, title=title)
        self._records: deque[Record] = deque(maxlen=_KEPT)
        self._back = 0
        """How many lines the bottom row lies behind the newest line."""

    def add(self, records: list[Record]) -> None:
        """Take in new records; a reader who scrolled back keeps his place."""
        if self._back and self.frame is not None:
            width = self.content_size.width
            self._back += sum(len(record_lines(r, width, self.frame.glyphs)) for r in records)
        self._records.extend(records)

    def draw_frame(self, frame: Frame, width: int, height: int) -> list[Text]:
        room = height - 1 if self._back else height
        newest_first: list[Text] = []
        for record in reversed(self._records):
            newest_first += reversed(record_lines(record, width, frame.glyphs))
            if len(newest_first) >= room + self._back:
                break
        else:
            self._back = max(0, min(self._back, len(newest_first) - room))
        if not newest_first:
            return [line(("nothing said yet", ink.DIM))]
        lines = newest_first[::-1]
        shown = lines[max(0, len(lines) - self._back - room) : len(lines) - self._back]
        if self._back:
            shown.append(line((f"{self._back} newer lines below, end to follow", ink.WARN)))
        return shown

    def action_scroll(self, lines: int) -> None:
        self._back = max(0, self._back + lines)
        self.redraw()

    def action_page(self, direction: int) -> None:
        self.action_scroll(direction * max(1, self.content_size.height - 2))

    def action_oldest(self) -> None:
        self.action_scroll(_KEPT)

    def action_newest(self) -> None:
        self._back = 0
        self.redraw()

    def on_mouse_scroll_up(self, _event: events.MouseScrollUp) -> None:
        self.action_scroll(3)

    def on_mouse_scroll_down(self, _event: events.MouseScrollDown) -> None:
        self.action_scroll(-3)
