"""Panel base: draws lines of text and sends the terminal only the cells that changed."""

from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual import events
from textual.geometry import Region
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from tui.render.draw import ink
from tui.render.frame import Frame
from tui.terminal.strips import changed_runs, strip_of


class Panel(Widget):
    """Shows the lines of ``draw``, in the inks of ``theme.tcss``."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"ink--{name}" for name in ink.ALL}

    def __init__(self, *, name: str | None = None, title: str = "") -> None:
        super().__init__(name=name, id=name)
        self.border_title = title
        self._drawn: list[Strip] = []
        self._styles_of: dict[tuple[str, ...], Style] = {}

    def draw(self, width: int, height: int) -> list[Text]:
        """The lines for so many cells; the rows below them stay blank."""
        raise NotImplementedError

    def redraw(self) -> None:
        """Draw again, and mark exactly the cells that came out different."""
        width, height = self.content_size
        if not width or not height:
            return
        lines = self.draw(width, height)[:height]
        lines += [Text()] * (height - len(lines))
        base = self.rich_style
        fresh = [strip_of(line, width, base, self._style_of) for line in lines]
        before, self._drawn = self._drawn, fresh
        if len(before) != height or before[0].cell_length != width:
            self.refresh()
            return
        for y, (old, new) in enumerate(zip(before, fresh, strict=True)):
            if old != new and (runs := changed_runs(old, new)):
                self.refresh(*(Region(x0, y, x1 - x0, 1) for x0, x1 in runs))

    def render_line(self, y: int) -> Strip:
        if y < len(self._drawn):
            return self._drawn[y]
        return Strip.blank(self.content_size.width, self.rich_style)

    def on_resize(self, _event: events.Resize) -> None:
        self.redraw()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles_of.clear()
        self._drawn = []
        self.call_later(self.redraw)

    def _style_of(self, names: tuple[str, ...]) -> Style:
        style = self._styles_of.get(names)
        if style is None:
            inks = [self.get_component_rich_style(f"ink--{name}", partial=True) for name in names]
            style = self._styles_of[names] = sum(inks, Style.null())
        return style


class FramePanel(Panel):
    """A panel that draws the newest frame."""

    HOLDS_WHEN_FROZEN = False
    """Does it stand still while the display is frozen?"""

    frame: reactive[Frame | None] = reactive(None, repaint=False, always_update=True)
    """What to draw. Replaced whole; never edited in place."""

    def watch_frame(self, frame: Frame | None) -> None:
        self.set_class(frame is not None and self.is_stale(frame), "-stale")
        self.redraw()

    def is_stale(self, frame: Frame) -> bool:
        """Should it fade?"""
        return frame.stale

    def draw(self, width: int, height: int) -> list[Text]:
        return [] if self.frame is None else self.draw_frame(self.frame, width, height)

    def draw_frame(self, frame: Frame, width: int, height: int) -> list[Text]:
        """The lines of one frame, for so many cells."""
        raise NotImplementedError
