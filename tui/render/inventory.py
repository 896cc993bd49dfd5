"""Inventory gauge: what we hold, and what we would hold if everything open filled."""

from rich.text import Text

from engine.view.desk_view import DeskView
from tui.render.draw import ink
from tui.render.draw.format import base_asset, grid, signed
from tui.render.draw.glyphs import Glyphs
from tui.render.draw.lines import fit, line, spread, widest
from tui.render.frame import Frame

_NEAR_LIMIT = 0.8


def inventory(frame: Frame, width: int, height: int) -> list[Text]:
    """Gauge and numbers; with a third row, what the marks mean."""
    view, glyphs = frame.view, frame.glyphs
    rows = [_gauge(view, width, glyphs), _numbers(view, width, glyphs)]
    if view.inventory.doubt:
        doubt = line((f"NOT KNOWN: {view.inventory.doubt}", ink.WARN))
        rows[0] = widest((doubt, line(("NOT KNOWN", ink.WARN))), width, glyphs.cut)
    if height >= 3:
        rows.append(_worst(view, width, glyphs))
    return rows


def _gauge(view: DeskView, width: int, glyphs: Glyphs) -> Text:
    """A rail from minus to plus the limit, filled from zero to the position."""
    held = view.inventory
    limit = held.max_position_lots
    size = grid(view.lot_size).text
    left, right = f"{glyphs.minus}{size(limit)} ", f" +{size(limit)}"
    cells = max(5, (width - len(left) - len(right) - 1) | 1)  # odd, so that zero has one of its own
    middle = cells // 2

    def cell(lots: int) -> int:
        share = max(-1.0, min(1.0, lots / limit if limit else 0.0))
        return middle + round(share * middle)

    rail = [glyphs.rail] * cells
    inks = [ink.DIM] * cells
    position = cell(held.position_lots)
    for i in range(min(position, middle), max(position, middle) + 1):
        rail[i], inks[i] = glyphs.bar, ink.side_ink(held.position_lots)
    for lots, mark in (
        (held.worst_short_lots, glyphs.worst_short),
        (held.worst_long_lots, glyphs.worst_long),
    ):
        at = cell(lots)
        if rail[at] != glyphs.bar:
            rail[at], inks[at] = mark, ink.STRONG
    rail[middle], inks[middle] = glyphs.zero, ink.STRONG
    text = line((left, ink.LABEL))
    for sign, name in zip(rail, inks, strict=True):
        text.append(sign, name)
    return text.append(right, ink.LABEL)


def _numbers(view: DeskView, width: int, glyphs: Glyphs) -> Text:
    """Inventory, where closing it would break even, and how much of the limit it uses."""
    held = view.inventory
    base = base_asset(view.symbol, view.quote_asset)
    word = "long" if held.position_lots > 0 else "short" if held.position_lots < 0 else "flat"
    name = ink.side_ink(held.position_lots) if held.position_lots else ink.DIM
    lots = _signed_lots(held.position_lots, view, glyphs)
    share = abs(held.position_lots) / held.max_position_lots if held.max_position_lots else 0.0
    used = line((f"{share:.0%}", ink.WARN if share >= _NEAR_LIMIT else ""))
    of_limit = used.copy().append(" of limit", ink.LABEL)

    def wording(amount: str, even: str, right: Text) -> Text:
        text = line(
            ("q ", ink.LABEL),
            (signed(held.q, 2, glyphs.minus).strip(), ink.STRONG),
            "  ",
            (amount, name),
        )
        if held.break_even_ticks is not None:
            price = grid(view.tick_size).text(held.break_even_ticks)
            text.append(f"  {even} ", ink.LABEL).append(price)
        return spread(text, right, max(width, text.cell_len + right.cell_len + 1), glyphs.cut)

    return widest(
        (
            wording(f"{lots} {base} {word}", "break-even", of_limit),
            wording(f"{lots} {base} {word}", "break-even", used),
            wording(f"{lots} {word}", "even", used),
            wording(lots, "even", used),
        ),
        width,
        glyphs.cut,
    )


def _worst(view: DeskView, width: int, glyphs: Glyphs) -> Text:
    held = view.inventory
    return fit(
        line(
            (f"if all fills  {glyphs.worst_short} ", ink.LABEL),
            _signed_lots(held.worst_short_lots, view, glyphs),
            (f"  {glyphs.worst_long} ", ink.LABEL),
            _signed_lots(held.worst_long_lots, view, glyphs),
            (f"   one q is {grid(view.lot_size).text(view.quote.order_qty_lots)}", ink.LABEL),
        ),
        width,
        glyphs.cut,
    )


def _signed_lots(lots: int, view: DeskView, glyphs: Glyphs) -> str:
    text = grid(view.lot_size).text(abs(lots))
    if lots == 0:
        return text
    return f"{glyphs.minus if lots < 0 else '+'}{text}"
