"""The quote taken apart: the formula, and under it the same formula with today's numbers."""

from rich.text import Text

from engine.core.view import DeskView, QuoteView
from tui.render import ink
from tui.render.frame import Frame
from tui.render.glyphs import Glyphs
from tui.render.lines import Piece, fit, joined, line, spread
from tui.render.words import age, base_asset, figure, grid, price_between, signed

_ROOMY_ROWS = 12
_TIGHT_ROWS = 6


def quote(frame: Frame, width: int, height: int) -> list[Text]:
    """As much of the reckoning as the rows hold; the prices and the half spread come first."""
    view, glyphs = frame.view, frame.glyphs
    if height < _TIGHT_ROWS:
        rows = _tight(view, width, glyphs)
    elif height < _ROOMY_ROWS:
        rows = _usual(view, width, glyphs)
    else:
        rows = _roomy(view, width, glyphs)
    return [fit(row, width, glyphs.cut) for row in rows[:height]]


def _tight(view: DeskView, width: int, glyphs: Glyphs) -> list[Text]:
    q = view.quote
    return [
        _both_prices(view),
        line(("half=", ink.LABEL), *_half_numbers(q, glyphs, tight=True)),
        joined(_bare_numbers(q, glyphs), width, " "),
    ]


def _usual(view: DeskView, width: int, glyphs: Glyphs) -> list[Text]:
    q = view.quote
    return [
        _both_prices(view),
        line(
            ("half     ", ink.LABEL),
            f"{_half_formula(glyphs)} = ",
            *_half_numbers(q, glyphs, tight=False),
        ),
        line(("skew     ", ink.LABEL), f"{_skew_formula(glyphs)} = ", *_skew_numbers(q, glyphs)),
        line(("reserve  ", ink.LABEL), *_reservation(view, glyphs)[:-1]),
        _grid_line(view),
        spread(joined(_parameters(q, glyphs), width), _fit_source(q), width, glyphs.cut),
        joined(_fitted(q, glyphs), width),
    ]


def _roomy(view: DeskView, width: int, glyphs: Glyphs) -> list[Text]:
    q = view.quote
    indent = "         = "
    blank = Text()
    return [
        _both_prices(view),
        blank,
        line(("half     ", ink.LABEL), f"= {_half_formula(glyphs)}"),
        line((indent, ink.LABEL), *_half_numbers(q, glyphs, tight=False)),
        line(("skew     ", ink.LABEL), f"= {_skew_formula(glyphs)}"),
        line((indent, ink.LABEL), *_skew_numbers(q, glyphs)),
        line(("reserve  ", ink.LABEL), f"= fair {glyphs.minus} skew{glyphs.dot}q"),
        line((indent, ink.LABEL), *_reservation(view, glyphs)[1:]),
        line(
            ("bid, ask ", ink.LABEL), f"= reserve {glyphs.minus} half, reserve + half, to the grid"
        ),
        _grid_line(view),
        blank,
        spread(joined(_parameters(q, glyphs), width), _fit_source(q), width, glyphs.cut),
        joined(_fitted(q, glyphs), width),
    ]


def _both_prices(view: DeskView) -> Text:
    q = view.quote
    step = grid(view.tick_size)
    bid = step.text(q.bid_ticks[0]) if q.bid_ticks else "none"
    ask = step.text(q.ask_ticks[0]) if q.ask_ticks else "none"
    text = line(
        ("bid ", ink.LABEL),
        (bid, ink.BID if q.bid_ticks else ink.WARN),
        ("  ask ", ink.LABEL),
        (ask, ink.ASK if q.ask_ticks else ink.WARN),
    )
    if q.bid_ticks and q.ask_ticks:
        text.append("  wide ", ink.LABEL).append(step.text(q.ask_ticks[0] - q.bid_ticks[0]))
    return text


def _half_formula(glyphs: Glyphs) -> str:
    return f"(c1 + {glyphs.delta}/2{glyphs.dot}c2{glyphs.dot}{glyphs.sigma}){glyphs.dot}adj1"


def _skew_formula(glyphs: Glyphs) -> str:
    return f"c2{glyphs.dot}{glyphs.sigma}{glyphs.dot}adj2"


def _half_numbers(q: QuoteView, glyphs: Glyphs, *, tight: bool) -> list[Piece]:
    if q.half_spread_ticks is None:
        return [(f"n/a: {q.fit}", ink.WARN)]
    dot, plus = glyphs.dot, "+" if tight else " + "
    numbers = (
        f"({figure(q.c1_ticks)}{plus}{figure(q.delta)}/2{dot}{figure(q.c2)}{dot}"
        f"{figure(q.sigma_ticks)}){dot}{figure(q.adj1)}"
    )
    return [numbers, "=" if tight else " = ", *_ticks(q.half_spread_ticks, tight=tight)]


def _ticks(value: float, *, tight: bool) -> list[Piece]:
    return [(f"{value:.2f}", ink.STRONG), ("t" if tight else " ticks", ink.LABEL)]


def _skew_numbers(q: QuoteView, glyphs: Glyphs) -> list[Piece]:
    if q.skew_ticks_per_lot is None:
        return [("n/a", ink.WARN)]
    dot = glyphs.dot
    return [
        f"{figure(q.c2)}{dot}{figure(q.sigma_ticks)}{dot}{figure(q.adj2)} = ",
        (figure(q.skew_ticks_per_lot), ink.STRONG),
        (" ticks per q", ink.LABEL),
    ]


def _reservation(view: DeskView, glyphs: Glyphs) -> list[Piece]:
    q = view.quote
    if q.reservation_ticks is None or q.fair_ticks is None or q.skew_ticks_per_lot is None:
        return ["", ("n/a", ink.WARN)]
    shift = q.skew_ticks_per_lot * view.inventory.q
    fair = price_between(q.fair_ticks, view.tick_size)
    held = signed(view.inventory.q, 2, glyphs.minus).strip()
    return [
        f"fair{glyphs.minus}skew{glyphs.dot}q = ",
        f"{fair} {glyphs.minus} {figure(q.skew_ticks_per_lot)}{glyphs.dot}({held}) = ",
        (price_between(q.reservation_ticks, view.tick_size), ink.STRONG),
        (f"  ({signed(-shift, 2, glyphs.minus).strip()} ticks)", ink.LABEL),
    ]


def _grid_line(view: DeskView) -> Text:
    q = view.quote
    base = base_asset(view.symbol, view.quote_asset)
    interval = "n/a" if q.grid_interval_ticks is None else f"{q.grid_interval_ticks}"
    size = grid(view.lot_size).text(q.order_qty_lots)
    return line(
        ("grid     ", ink.LABEL),
        f"{q.grid_num} a side, {interval} ticks apart, {size} {base} each",
    )


def _parameters(q: QuoteView, glyphs: Glyphs) -> list[Text]:
    """What the trader sets."""
    return [
        _named(glyphs.gamma, figure(q.gamma), strong=True),
        _named("adj1", figure(q.adj1)),
        _named("adj2", figure(q.adj2)),
        _named(glyphs.delta, figure(q.delta)),
    ]


def _fitted(q: QuoteView, glyphs: Glyphs) -> list[Text]:
    """What the market says."""
    return [
        _named("A", f"{figure(q.A_per_s)}/s"),
        _named("k", f"{figure(q.k_per_tick)}/tick"),
        _named(glyphs.sigma, f"{figure(q.sigma_ticks)} ticks/{glyphs.root_s}"),
        _named("c1", figure(q.c1_ticks)),
        _named("c2", figure(q.c2)),
    ]


def _bare_numbers(q: QuoteView, glyphs: Glyphs) -> list[Text]:
    """What the quote was made of, without units, most telling first."""
    return [
        _named(glyphs.gamma, figure(q.gamma), strong=True),
        _named("skew", figure(q.skew_ticks_per_lot)),
        _named("A", figure(q.A_per_s)),
        _named("k", figure(q.k_per_tick)),
        _named(glyphs.sigma, figure(q.sigma_ticks)),
        _named("adj1", figure(q.adj1)),
        _named("adj2", figure(q.adj2)),
    ]


def _named(name: str, value: str, *, strong: bool = False) -> Text:
    return line((f"{name} ", ink.LABEL), (value, ink.STRONG) if strong else value)


def _fit_source(q: QuoteView) -> Text:
    if q.fit == "fit":
        return line(("fitted ", ink.LABEL), age(q.fit_age_s), (" ago", ink.LABEL))
    if q.fit == "prior":
        return line(("from the ", ink.LABEL), ("prior", ink.WARN))
    return line((q.fit, ink.WARN))
