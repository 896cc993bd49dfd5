"""Main screen: shows everything of the desk and commands nothing itself."""

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.screen import Screen

from engine.core.log import Record
from engine.core.states import Mode
from tui.render.draw.glyphs import Glyphs
from tui.render.frame import Frame
from tui.render.inventory import inventory
from tui.render.links import links
from tui.render.market import market
from tui.render.model import model
from tui.render.money import money
from tui.render.quote import quote
from tui.render.venue import venue
from tui.screens.keys import DESK, REDUCING, hints
from tui.screens.layout import PANELS, Page, dropped, shape
from tui.widgets.charts import ChartPanel, MoneyChart, PriceChart
from tui.widgets.key_bar import KeyBar
from tui.widgets.ladder import LadderPanel
from tui.widgets.log import LogPanel
from tui.widgets.panel import FramePanel
from tui.widgets.panels import (
    BannerPanel,
    DrawnPanel,
    GonePanel,
    HeaderPanel,
    OrdersPanel,
)
from tui.widgets.waiting import WaitingPanel

_SHAPES = ("-tight", "-usual", "-wide")


class DeskScreen(Screen[None]):
    """Hands each new frame to its panels; arranges them by the size of the terminal."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *REDUCING,
        *DESK,
        Binding(
            "escape", "follow", "back", show=False, tooltip="to the desk, thawed, its log followed"
        ),
    ]
    AUTO_FOCUS = ""  # keys belong to the desk until the trader asks for the log

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__()
        self._glyphs = glyphs
        self._page = Page.DESK
        self.frozen = False

    def compose(self) -> ComposeResult:
        yield HeaderPanel(name="header")
        with Container(id="body"):
            yield LadderPanel(name="ladder", title="book")
            with Container(id="right"):
                with Container(id="numbers"):
                    yield DrawnPanel(inventory, name="inventory", title="inventory")
                    yield DrawnPanel(quote, name="quote", title="quote")
                    with Container(id="cash"):
                        yield DrawnPanel(money, name="money", title="profit since start")
                        yield DrawnPanel(venue, name="venue", title="refusals and budget")
                    yield OrdersPanel(name="orders", title="orders")
                    yield DrawnPanel(links, name="links", title="links")
                    yield MoneyChart(name="money-chart", title="profit")
                with Container(id="story"):
                    yield PriceChart(name="price-chart", title="mid and our quotes")
                    with Container(id="study"):
                        yield DrawnPanel(model, name="model", title="model")
                        yield DrawnPanel(market, name="market", title="market")
                    yield LogPanel(name="log", title="log")
        yield KeyBar(name="keys")
        yield BannerPanel(name="banner")
        yield GonePanel(name="gone")
        yield WaitingPanel(name="waiting")

    def on_mount(self) -> None:
        self._tell_keys()

    def on_resize(self, event: events.Resize) -> None:
        self._arrange(*event.size)

    def show(self, frame: Frame) -> None:
        """Draw a frame; what is frozen keeps the last one."""
        self.query(WaitingPanel).set(display=False)
        self._wear(frame.view.mode)
        for chart in self.query(ChartPanel):
            chart.note(frame)
        for panel in self.query(FramePanel):
            if not (frame.frozen and panel.HOLDS_WHEN_FROZEN):
                panel.frame = frame

    def wait_for(self, reason: str) -> None:
        """Say why there is nothing to show yet."""
        for panel in self.query(WaitingPanel):
            panel.said = reason

    def add_records(self, records: list[Record]) -> None:
        """Take new lines into the log."""
        for log in self.query(LogPanel):
            log.add(records)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The page that is open has no key of its own in the bar."""
        if action == "page" and parameters == (self._page,):
            return None
        return True

    def action_page(self, page: str) -> None:
        """Show another page; the panels of the one before stay as they are, out of sight."""
        self._page = Page(page)
        self.set_focus(None)
        self._arrange(*self.outer_size)
        self._tell_keys()

    def action_freeze(self) -> None:
        self.frozen = not self.frozen

    def action_follow(self) -> None:
        self.frozen = False
        self.query_one(LogPanel).action_newest()
        self.action_page(Page.DESK)

    def action_focus_log(self) -> None:
        if "log" in dropped(*self.outer_size, self._page):
            self.action_page(Page.DESK)
        self.call_after_refresh(self.query_one(LogPanel).focus)

    def _arrange(self, columns: int, rows: int) -> None:
        """Panels by page and size, and the shape that they stand in."""
        out = dropped(columns, rows, self._page)
        for name in PANELS:
            self.query_one(f"#{name}").set_class(name in out, "-dropped")
        wanted = shape(columns, rows)
        for each in _SHAPES:
            self.set_class(each == wanted, each)
        for page in Page:
            self.set_class(page is self._page, f"-{page}-page")

    def _tell_keys(self) -> None:
        self.query_one(KeyBar).hints = hints(self.active_bindings.values(), self._glyphs)

    def _wear(self, mode: Mode) -> None:
        """The mode as text and colour on the border around everything."""
        wanted = f"-{mode.lower()}"
        if self.has_class(wanted):
            return
        for each in Mode:
            self.set_class(each is mode, f"-{each.lower()}")
        self.border_title = f" {mode} "
        self.border_subtitle = f" {mode} "
