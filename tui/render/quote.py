"""Quote breakdown: which branch of the model quotes, and today's numbers in it."""

from rich.text import Text

from engine.core.states import FitKind
from engine.view.desk_view import DeskView, QuoteView
from tui.render.draw import ink
from tui.render.draw.format import age, base_asset, figure, grid
from tui.render.draw.glyphs import Glyphs
from tui.render.draw.lines import fit, joined, line, spread, widest, wrapped
from tui.render.frame import Frame
from tui.render.quote_steps import (
    half_factors,
    half_formula,
    half_row,
    half_terms,
    half_ticks,
    inventory_skew_row,
    inventory_skew_ticks,
    is_closed,
    named,
    price_row,
    reserve_row,
    skew_row,
)

_ROOMY_ROWS = 12
_TIGHT_ROWS = 6
_MOST_NOTES = 2
_SHORT_FAIR = {"weighted_mid": "wmid", "microprice": "micro", "depth_weighted": "depth"}


def quote(frame: Frame, width: int, height: int) -> list[Text]:
    """As many steps of the quote as the rows hold; the prices and the half spread come first."""
    view, glyphs = frame.view, frame.glyphs
    if height < _TIGHT_ROWS:
        rows = _tight(view, width, glyphs)
    elif view.quote.half_spread_ticks is None:
        rows = _nothing(view, width, glyphs)
    elif height < _ROOMY_ROWS:
        rows = _usual(view, width, glyphs)
    else:
        rows = _roomy(view, width, glyphs)
    return [fit(row, width, glyphs.cut) for row in rows[:height]]


def _tight(view: DeskView, width: int, glyphs: Glyphs) -> list[Text]:
    q = view.quote
    if q.half_spread_ticks is None:
        why = line(("half=", ink.LABEL), (f"n/a: {q.fit_note}", ink.WARN))
        return [_both_prices(view), *wrapped(why, width)]
    terms, closed = half_terms(q, glyphs, tight=True)
    half = (half_ticks(q, glyphs), ink.STRONG)
    inventory_skew = (inventory_skew_ticks(q, glyphs), ink.STRONG)
    tail = line((f"t skew{glyphs.product}q ", ink.LABEL), inventory_skew, ("t", ink.LABEL))
    if is_closed(q):
        wordings = [line(("half=", ink.LABEL), f"{terms}=", half)]
    else:
        wordings = [line(("half=", ink.LABEL), half, ("t, closed ", ink.LABEL), closed)]
    wordings.append(line(("half=", ink.LABEL), half))
    return [
        _both_prices(view),
        widest([each.append_text(tail) for each in wordings], width, glyphs.cut),
        joined(_bare_numbers(view, glyphs), width, " "),
    ]


def _nothing(view: DeskView, width: int, glyphs: Glyphs) -> list[Text]:
    """No numbers to quote with: why, and what is set."""
    q = view.quote
    return [
        _both_prices(view),
        *wrapped(named("half", (f"n/a: {q.fit_note}", ink.WARN)), width),
        _grid_line(view),
        joined(_parameters(q, glyphs), width),
        joined(_fitted(q, glyphs), width),
    ]


def _usual(view: DeskView, width: int, glyphs: Glyphs) -> list[Text]:
    q = view.quote
    parameters, notes = _parameters_and_notes(q, width, glyphs)
    skew = skew_row(view, width, glyphs)
    return [
        _prices_and_branch(view, width, glyphs),
        half_row(view, width, glyphs),
        *([] if len(notes) > 1 else [skew]),
        inventory_skew_row(view, width, glyphs),
        reserve_row(view, width, glyphs),
        *(notes or [_grid_line(view)]),
        parameters,
        joined(_fitted(q, glyphs), width),
    ]


def _roomy(view: DeskView, width: int, glyphs: Glyphs) -> list[Text]:
    q = view.quote
    parameters, notes = _parameters_and_notes(q, width, glyphs)
    return [
        _prices_and_branch(view, width, glyphs),
        *_half_in_steps(q, glyphs),
        skew_row(view, width, glyphs, "= "),
        inventory_skew_row(view, width, glyphs, "= "),
        reserve_row(view, width, glyphs, "= "),
        price_row(view, +1, width, glyphs),
        price_row(view, -1, width, glyphs),
        *[_grid_line(view), Text()][: _MOST_NOTES - len(notes)],
        *notes,
        parameters,
        joined(_fitted(q, glyphs), width),
    ]


def _half_in_steps(q: QuoteView, glyphs: Glyphs) -> list[Text]:
    """Three rows: the formula, the numbers in it, and its sum; or the table's half beside them."""
    terms, closed = half_terms(q, glyphs)
    half = (half_ticks(q, glyphs), ink.STRONG)
    if is_closed(q):
        return [
            named("half", f"= {half_formula(glyphs)}"),
            named("", f"= {half_factors(q, glyphs)}"),
            named("", f"= {terms} = ", half, (" ticks", ink.LABEL)),
        ]
    return [
        named("half", "= ", half, (" ticks by the table, at this q", ink.LABEL)),
        named("closed", (f"= {half_formula(glyphs)}", ink.LABEL)),
        named("", (f"= {terms} = {closed} ticks, for comparison", ink.LABEL)),
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


def _prices_and_branch(view: DeskView, width: int, glyphs: Glyphs) -> Text:
    prices = _both_prices(view)
    branches = [_branch(view.quote), _branch(view.quote, short=True), Text()]
    branch = widest(branches, width - prices.cell_len - 2, glyphs.cut)
    return spread(prices, branch, width, glyphs.cut)


def _branch(q: QuoteView, *, short: bool = False) -> Text:
    """Which part of the model quotes, and the number that says how honest the closed form is."""
    if not q.branch:
        return Text()
    name = q.branch
    if short:
        name = "closed" if is_closed(q) else "table"
    bound = "" if is_closed(q) else f"{' ' if short else ', '}Q {q.bound_fills}"
    a = f"{' ' if short else ', '}a {figure(q.validity, 2)}"
    return line((name, ink.STRONG), f"{a}{bound}")


def _grid_line(view: DeskView) -> Text:
    q = view.quote
    base = base_asset(view.symbol, view.quote_asset)
    interval = "n/a" if q.grid_interval_ticks is None else f"{q.grid_interval_ticks}"
    size = grid(view.lot_size).text(q.order_qty_lots)
    return named("grid", f"{q.grid_num} a side, {interval} ticks apart, {size} {base} each")


def _parameters(q: QuoteView, glyphs: Glyphs) -> list[Text]:
    """What the trader sets."""
    return [
        _pair(glyphs.gamma, figure(q.gamma), strong=True),
        _pair("adj1", figure(q.adj1)),
        _pair("adj2", figure(q.adj2)),
        _pair(glyphs.delta, figure(q.delta)),
    ]


def _parameters_and_notes(q: QuoteView, width: int, glyphs: Glyphs) -> tuple[Text, list[Text]]:
    """What the trader sets; and where the rest comes from, if that needs rows of its own."""
    parameters, source = joined(_parameters(q, glyphs), width), fit_source(q)
    if parameters.cell_len + 2 + source.cell_len <= width:
        return spread(parameters, source, width, glyphs.cut), []
    return parameters, wrapped(source, width)[:_MOST_NOTES]


def _fitted(q: QuoteView, glyphs: Glyphs) -> list[Text]:
    """What the market says."""
    return [
        _pair("A", f"{figure(q.A_per_s)}/s"),
        _pair("k", f"{figure(q.k_per_tick)}/tick"),
        _pair(glyphs.sigma, f"{figure(q.sigma_ticks)} ticks/{glyphs.root_s}"),
        _pair("c1", figure(q.c1_ticks)),
        _pair("c2", figure(q.c2)),
    ]


def _bare_numbers(view: DeskView, glyphs: Glyphs) -> list[Text]:
    """What the quote was made of, without units, what matters most first."""
    q = view.quote
    chips = [_branch(q, short=True), _pair(glyphs.gamma, figure(q.gamma), strong=True)]
    if q.fit is not FitKind.FIT:
        chips.append(line((q.fit.value, ink.WARN)))
    if q.fair_kind in _SHORT_FAIR:
        chips.append(_pair("fair", _SHORT_FAIR[q.fair_kind]))
    return [
        *chips,
        _pair("skew", figure(q.skew_ticks_per_lot)),
        _pair("A", figure(q.A_per_s)),
        _pair("k", figure(q.k_per_tick)),
        _pair(glyphs.sigma, figure(q.sigma_ticks)),
        _pair("adj1", figure(q.adj1)),
        _pair("adj2", figure(q.adj2)),
    ]


def _pair(name: str, value: str, *, strong: bool = False) -> Text:
    return line((f"{name} ", ink.LABEL), (value, ink.STRONG) if strong else value)


def fit_source(q: QuoteView) -> Text:
    """Where the numbers in use come from: short when all is well, a sentence when it is not."""
    note = f"; {q.fit_note}" if q.fit_note else ""
    match q.fit:
        case FitKind.FIT:
            return line(("fitted ", ink.LABEL), age(q.fit_age_s), (" ago", ink.LABEL))
        case FitKind.PRIOR:
            return line(("from the ", ink.LABEL), (f"prior{note}", ink.WARN))
        case FitKind.WIDENED:
            return line((f"fit of {age(q.fit_age_s)} ago, widened{note}", ink.WARN))
        case FitKind.NONE:
            return line((q.fit_note, ink.WARN))
