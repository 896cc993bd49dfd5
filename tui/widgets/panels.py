"""The panels that only draw the newest frame: each puts a border around one render."""

from collections.abc import Callable
from typing import TypeAlias

from rich.text import Text

from tui.render.banner import banner, gone
from tui.render.frame import EngineLink, Frame
from tui.render.header import header
from tui.render.orders import orders
from tui.widgets.panel import FramePanel

Picture: TypeAlias = Callable[[Frame, int, int], list[Text]]

_MOST_ORDERS = 12
_BORDER = 2


class HeaderPanel(FramePanel):
    """Mode, risk, each side's reason, ages. Never fades: it tells how old the rest is."""

    def is_stale(self, frame: Frame) -> bool:
        return False

    def draw_frame(self, frame: Frame, width: int, height: int) -> list[Text]:
        return header(frame, width)


class DrawnPanel(FramePanel):
    """Draws the newest frame by one function of ``tui.render``.

    Args:
        picture: Gives the lines of a frame for so many columns and rows.
    """

    def __init__(self, picture: Picture, *, name: str, title: str) -> None:
        super().__init__(name=name, title=title)
        self._picture = picture

    def draw_frame(self, frame: Frame, width: int, height: int) -> list[Text]:
        return self._picture(frame, width, height)


class OrdersPanel(FramePanel):
    """As tall as the grid is deep, so that the panels around it keep their places."""

    HOLDS_WHEN_FROZEN = True

    def watch_frame(self, frame: Frame | None) -> None:
        if frame is not None:
            self.styles.height = min(2 * frame.view.quote.grid_num, _MOST_ORDERS) + 3
        super().watch_frame(frame)

    def draw_frame(self, frame: Frame, width: int, height: int) -> list[Text]:
        return orders(frame, width, height)


class BannerPanel(FramePanel):
    """The bar under the header, shown only when there is something to say."""

    def watch_frame(self, frame: Frame | None) -> None:
        width = self.content_size.width or self.screen.size.width
        rows = [] if frame is None else banner(frame, width)
        self.display = bool(rows)
        self.styles.height = max(1, len(rows))
        super().watch_frame(frame)

    def is_stale(self, frame: Frame) -> bool:
        return False

    def draw_frame(self, frame: Frame, width: int, height: int) -> list[Text]:
        return banner(frame, width)


class GonePanel(FramePanel):
    """The box in the middle when the engine is gone."""

    def watch_frame(self, frame: Frame | None) -> None:
        lines = [] if frame is None else gone(frame, self.screen.size.width - _BORDER)
        self.display = bool(lines)
        self.styles.height = len(lines) + _BORDER
        self.set_class(
            frame is not None and frame.line is EngineLink.ENDED and frame.verified, "-calm"
        )
        super().watch_frame(frame)

    def is_stale(self, frame: Frame) -> bool:
        return False

    def draw_frame(self, frame: Frame, width: int, height: int) -> list[Text]:
        lines = gone(frame, width)
        for line in lines:
            line.align("center", width)
        return lines
