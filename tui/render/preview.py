"""Quote preview: old and new quotes side by side, so that nobody agrees to a change unseen."""

from rich.text import Text

from engine.view.desk_view import DeskView, Preview
from tui.render.draw import ink
from tui.render.draw.format import figure, grid, signed
from tui.render.draw.glyphs import Glyphs
from tui.render.draw.lines import fit, line

_NAME_WIDTH = 14
_CELL_WIDTH = 12


def preview_lines(preview: Preview, view: DeskView, width: int, glyphs: Glyphs) -> list[Text]:
    """A small table: value, bid, ask, half spread, skew; then the verdict."""
    head = f"{'':{_NAME_WIDTH}}{'now':>{_CELL_WIDTH}}{'then':>{_CELL_WIDTH}}"
    rows = [
        line((head, ink.LABEL)),
        _prices("bid", preview.old_bid_ticks, preview.new_bid_ticks, view, +1, glyphs),
        _prices("ask", preview.old_ask_ticks, preview.new_ask_ticks, view, -1, glyphs),
        _numbers(
            "half, ticks", preview.old_half_spread_ticks, preview.new_half_spread_ticks, glyphs
        ),
        _numbers(
            "skew per q", preview.old_skew_ticks_per_lot, preview.new_skew_ticks_per_lot, glyphs
        ),
        Text(),
        _verdict(preview),
    ]
    if preview.new_value != preview.old_value:
        changed = figure(preview.old_value, 4), figure(preview.new_value, 4)
        rows.insert(1, _row(preview.name, *changed, ""))
    return [fit(row, width, glyphs.cut) for row in rows]


def _row(name: str, old: str, new: str, change: str, name_ink: str = ink.LABEL) -> Text:
    return line(
        (f"{name:<{_NAME_WIDTH}}", name_ink),
        f"{old:>{_CELL_WIDTH}}",
        (f"{new:>{_CELL_WIDTH}}", ink.STRONG),
        (f"  {change}", ink.DIM),
    )


def _prices(
    name: str, old: int | None, new: int | None, view: DeskView, side: int, glyphs: Glyphs
) -> Text:
    step = grid(view.tick_size)
    change = ""
    if old is not None and new is not None and new != old:
        change = f"{signed(new - old, 0, glyphs.minus)} ticks"
    return _row(
        name,
        "none" if old is None else step.text(old),
        "none" if new is None else step.text(new),
        change,
        ink.side_ink(side),
    )


def _numbers(name: str, old: float | None, new: float | None, glyphs: Glyphs) -> Text:
    change = ""
    if old is not None and new is not None and abs(new - old) > 1e-9:
        change = signed(new - old, 3, glyphs.minus).strip()
    return _row(name, figure(old), figure(new), change)


def _verdict(preview: Preview) -> Text:
    """Does any quote come nearer to the other side of the market?"""
    moves = [1] if preview.nearer else []
    for old, new, sign in (
        (preview.old_bid_ticks, preview.new_bid_ticks, +1),
        (preview.old_ask_ticks, preview.new_ask_ticks, -1),
    ):
        if new is not None and old is None:
            moves.append(1)
        elif new is not None and old is not None:
            moves.append(sign * (new - old))
    if any(move > 0 for move in moves):
        return line(("A quote comes nearer or appears: more fills, more risk.", ink.WARN))
    if any(move < 0 for move in moves):
        return line(("Quotes move away: fewer fills.", ink.LABEL))
    return line(("No quote moves at once.", ink.LABEL))
