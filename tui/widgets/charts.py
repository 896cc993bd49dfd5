"""Chart panels of what this screen has seen: each keeps its own history of the views."""

from rich.text import Text

from tui.render.draw import ink
from tui.render.draw.chart import Curve, History, chart
from tui.render.draw.format import price_between, signed
from tui.render.frame import Frame
from tui.widgets.panel import FramePanel


class ChartPanel(FramePanel):
    """Takes a value or two from each frame, and draws them over time."""

    HOLDS_WHEN_FROZEN = True
    NAMES: tuple[str, ...] = ()

    def __init__(self, *, name: str | None = None, title: str = "") -> None:
        super().__init__(name=name, title=title)
        self._history = History(self.NAMES)

    def note(self, frame: Frame) -> None:
        """Remember what this frame says, shown or not, frozen or not."""
        if not frame.stale:
            self._history.note(frame.view.recv_ns, **self.values(frame))

    def values(self, frame: Frame) -> dict[str, float | None]:
        """What to remember of a frame, by name."""
        raise NotImplementedError

    def bounds(self, *series: list[float | None]) -> tuple[float, float] | None:
        """Lowest and highest of everything shown; None when nothing is."""
        seen = [value for values in series for value in values if value is not None]
        return (min(seen), max(seen)) if seen else None


class PriceChart(ChartPanel):
    """The middle of the market, between our own best quotes."""

    NAMES = ("mid", "bid", "ask")

    def values(self, frame: Frame) -> dict[str, float | None]:
        view = frame.view
        book, quote = view.book, view.quote
        both = book.trusted and book.bids and book.asks
        return {
            "mid": (book.bids[0][0] + book.asks[0][0]) / 2 if both else None,
            "bid": float(quote.bid_ticks[0]) if quote.bid_ticks else None,
            "ask": float(quote.ask_ticks[0]) if quote.ask_ticks else None,
        }

    def draw_frame(self, frame: Frame, width: int, height: int) -> list[Text]:
        tick = frame.view.tick_size
        label_width = len(price_between(frame.view.quote.fair_ticks or 0, tick)) + 1
        dots = 2 * max(1, width - label_width)
        mid, bid, ask = (self._history.window(name, dots) for name in self.NAMES)
        bounds = self.bounds(mid, bid, ask)
        if bounds is None:
            return []
        low, high = bounds
        return chart(
            [Curve(mid, ink.ACCENT), Curve(bid, ink.BID), Curve(ask, ink.ASK)],
            width,
            height,
            labels=(price_between(high, tick), price_between(low, tick)),
            bounds=bounds,
            span_s=self._history.span_s(dots),
            glyphs=frame.glyphs,
        )


class MoneyChart(ChartPanel):
    """Total profit, with the zero line where it is in sight."""

    NAMES = ("total",)

    def values(self, frame: Frame) -> dict[str, float | None]:
        return {"total": frame.view.money.total_usdt}

    def draw_frame(self, frame: Frame, width: int, height: int) -> list[Text]:
        dots = 2 * max(1, width - 12)
        total = self._history.window("total", dots)
        bounds = self.bounds(total, [0.0])
        if bounds is None:
            return []
        low, high = bounds
        zero: list[float | None] = [0.0 if i % 4 == 0 else None for i in range(dots)]
        labels = tuple(f"{signed(value, 4, frame.glyphs.minus):>11}" for value in (high, low))
        return chart(
            [Curve(total, ink.GAIN if (total[-1] or 0.0) >= 0 else ink.LOSS), Curve(zero, ink.DIM)],
            width,
            height,
            labels=(labels[0], labels[1]),
            bounds=bounds,
            span_s=self._history.span_s(dots),
            glyphs=frame.glyphs,
        )
