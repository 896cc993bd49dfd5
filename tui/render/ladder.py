"""Price ladder: the order book around the touch, with our own orders in their places.

A price keeps its row while it can: the spread wanders through the middle of the panel and
the rows are moved only when it comes too near an edge. The eye likes that, and so does a
slow line, because then few cells change.
"""

from collections import Counter
from dataclasses import dataclass

from rich.text import Text

from engine.view.desk_view import DeskView
from tui.render.draw import ink
from tui.render.draw.bars import round_up
from tui.render.draw.format import age, compact, grid
from tui.render.draw.glyphs import Glyphs
from tui.render.draw.lines import fit, line, pad
from tui.render.frame import Frame

_OWN_WIDTH = 8
_CUM_WIDTH = 5
_STATES_BY_WORRY = ("unknown", "cancelling", "modifying", "placed", "acked", "resting")

Rows = dict[tuple[int, int], int]
"""Row of each ``(side, price_ticks)`` that was drawn."""


@dataclass(slots=True)
class LadderRow:
    """One price of one side."""

    side: int
    price_ticks: int
    qty_lots: int = 0
    """As the venue shows it; 0 when the price is not in the book."""
    own_lots: int = 0
    own_state: str = ""
    """The most worrying state of our orders here; ``wanted`` when none is placed yet."""
    foreign_lots: int = 0

    @property
    def ours(self) -> bool:
        return bool(self.own_state)


def levels(view: DeskView, side: int) -> list[LadderRow]:
    """Every price of a side that has size, an order of the account or a wish, best first."""
    shown = view.book.bids if side > 0 else view.book.asks
    by_price = {ticks: LadderRow(side, ticks, lots) for ticks, lots in shown}
    for order in view.orders:
        if order.side != side:
            continue
        level = by_price.setdefault(order.price_ticks, LadderRow(side, order.price_ticks))
        left = order.qty_lots - order.filled_lots
        if order.state == "foreign":
            level.foreign_lots += left
        else:
            level.own_lots += left
            level.own_state = _worse(level.own_state, order.state)
    for ticks in view.quote.bid_ticks if side > 0 else view.quote.ask_ticks:
        level = by_price.setdefault(ticks, LadderRow(side, ticks))
        if not level.own_state:
            level.own_lots, level.own_state = view.quote.order_qty_lots, "wanted"
    return sorted(by_price.values(), key=lambda level: -side * level.price_ticks)


def _worse(one: str, other: str) -> str:
    if not one:
        return other
    ranks = {state: rank for rank, state in enumerate(_STATES_BY_WORRY)}
    return min(one, other, key=lambda state: ranks.get(state, 0))


def settle_spread(asks: list[LadderRow], bids: list[LadderRow], height: int, before: Rows) -> int:
    """The row of the spread that leaves most prices where they were.

    Args:
        asks: Best first, as are ``bids``.
        height: Rows there are.
        before: Where prices were drawn last time; empty at first.
    """
    votes: Counter[int] = Counter()
    for i, level in enumerate(asks[:height]):
        if (row := before.get((-1, level.price_ticks))) is not None:
            votes[row + 1 + i] += 1
    for i, level in enumerate(bids[:height]):
        if (row := before.get((+1, level.price_ticks))) is not None:
            votes[row - 1 - i] += 1
    middle = height // 2
    if not votes:
        return middle
    row = votes.most_common(1)[0][0]
    leeway = max(1, height // 6)
    return row if abs(row - middle) <= leeway else middle


def ladder(frame: Frame, width: int, height: int, before: Rows) -> tuple[list[Text], Rows]:
    """The panel's lines, and where each price was put."""
    if height < 4:
        return [], {}
    view, glyphs = frame.view, frame.glyphs
    asks, bids = levels(view, -1), levels(view, +1)
    room = height - 1
    row = settle_spread(asks, bids, room, before)
    columns = _Columns(view, width)
    above, ask_rows = _half(asks, row, columns, glyphs)
    below, bid_rows = _half(bids, room - row - 1, columns, glyphs)
    lines = [
        _heading(frame, columns),
        *reversed(above),
        _spread_line(view, width, glyphs),
        *below,
    ]
    placed = {(-1, ticks): row - 1 - i for i, ticks in enumerate(ask_rows)}
    placed |= {(+1, ticks): row + 1 + i for i, ticks in enumerate(bid_rows)}
    return [fit(each, width, glyphs.cut) for each in lines], placed


class _Columns:
    """Widths of the columns, and the size that fills the bar."""

    def __init__(self, view: DeskView, width: int) -> None:
        self.width = width
        self.price_grid = grid(view.tick_size)
        self.qty_grid = grid(view.lot_size)
        book = view.book
        prices = [ticks for ticks, _ in (*book.bids, *book.asks)] or [0]
        sizes = [lots for _, lots in (*book.bids, *book.asks)] or [1]
        self.price_width = max(len(self.price_grid.text(max(prices))), 6) + 1
        self.size_width = min(max(len(self.qty_grid.text(max(sizes))), 5), 8)
        used = _CUM_WIDTH + 1 + self.size_width + 1 + self.price_width + 1 + _OWN_WIDTH
        self.bar_width = max(0, width - used - 1)
        self.full_bar_lots = round_up(sorted(sizes)[-max(1, len(sizes) // 12)])


def _half(
    side_levels: list[LadderRow], rows: int, columns: _Columns, glyphs: Glyphs
) -> tuple[list[Text], list[int]]:
    """One half, from the touch outwards: exactly ``rows`` lines, and the prices in them."""
    shown, hidden = side_levels[:rows], side_levels[rows:]
    far = [level for level in hidden if level.ours]
    if far and shown:
        if shown[-1].ours:
            far.insert(0, shown[-1])
        shown = shown[:-1]
    lines = []
    cumulative = 0
    for level in shown:
        cumulative += level.qty_lots
        lines.append(_level_line(level, cumulative, columns, glyphs))
    lines += [Text()] * (rows - len(lines) - (1 if far else 0))
    if far and rows:
        lines.append(_far_line(far, columns, glyphs))
    return lines, [level.price_ticks for level in shown]


def _heading(frame: Frame, columns: _Columns) -> Text:
    book = frame.view.book
    if not book.trusted:
        return line((" BOOK NOT TRUSTED ", ink.ALARM_BLOCK), (" resyncing", ink.WARN))
    if frame.book_stale:
        seconds = None if book.age_ms is None else book.age_ms / 1000 + frame.silent_s
        return line((f" STALE {age(seconds)} ", ink.WARN_BLOCK), (" last known book", ink.WARN))
    text = f"{'cum':>{_CUM_WIDTH}} {'size':>{columns.size_width}} "
    text += f"{'':{columns.bar_width}} {'price':>{columns.price_width}} {'ours':<{_OWN_WIDTH}}"
    return line((text, ink.LABEL))


def _level_line(level: LadderRow, cumulative: int, columns: _Columns, glyphs: Glyphs) -> Text:
    side = ink.side_ink(level.side)
    bar = ink.BID_BAR if level.side > 0 else ink.ASK_BAR
    step = columns.qty_grid
    text = Text(no_wrap=True, end="")
    if level.qty_lots:
        size = step.text(level.qty_lots)
        if len(size) > columns.size_width:
            size = compact(level.qty_lots * step.value)
        text.append(f"{compact(cumulative * step.value):>{_CUM_WIDTH}} ", ink.DIM)
        text.append(f"{size:>{columns.size_width}} ")
        text.append(_bar(level.qty_lots / columns.full_bar_lots, columns.bar_width, glyphs), bar)
    else:
        text.append(" " * (_CUM_WIDTH + columns.size_width + columns.bar_width + 2))
    mark = glyphs.ours if level.ours else " "
    price = f" {mark}{columns.price_grid.text(level.price_ticks):>{columns.price_width - 1}}"
    text.append(price, side)
    if level.ours:
        text.stylize(ink.OURS, len(text.plain) - len(price) + 1)
    text.append(" ").append_text(_own(level, columns, glyphs))
    return pad(text, columns.width)


def _own(level: LadderRow, columns: _Columns, glyphs: Glyphs) -> Text:
    size = columns.qty_grid.text
    if level.ours:
        name = ink.WARN if level.own_state == "unknown" else ink.side_ink(level.side)
        return line((f"{glyphs.state(level.own_state)} {size(level.own_lots)}", name))
    if level.foreign_lots:
        return line((f"{glyphs.foreign} {size(level.foreign_lots)}", ink.FOREIGN))
    return Text()


def _bar(share: float, width: int, glyphs: Glyphs) -> str:
    """A bar that grows leftwards from the price, in half cells."""
    halves = min(2 * width, round(share * 2 * width))
    body = (glyphs.half_bar if halves % 2 else "") + glyphs.bar * (halves // 2)
    return body.rjust(width)


def _far_line(far: list[LadderRow], columns: _Columns, glyphs: Glyphs) -> Text:
    """Ours that lie beyond the rows, so that none is ever out of sight."""
    side = far[0].side
    arrow, word = (glyphs.down, "bid") if side > 0 else (glyphs.up, "ask")
    where = "below" if side > 0 else "above"
    plural = "s" if len(far) > 1 else ""
    text = f" {arrow} {len(far)} {word}{plural} {where}, to "
    return line(
        (text, ink.side_ink(side)),
        (columns.price_grid.text(far[-1].price_ticks), ink.OURS),
    )


def _spread_line(view: DeskView, width: int, glyphs: Glyphs) -> Text:
    book = view.book
    pieces = Text(no_wrap=True, end="")
    if book.bids and book.asks:
        ticks = book.asks[0][0] - book.bids[0][0]
        pieces.append(" spread ", ink.LABEL).append(grid(view.tick_size).text(ticks))
    if book.last_ticks is not None:
        arrow = glyphs.side(book.last_side) if book.last_side else glyphs.dot
        name = ink.side_ink(book.last_side) if book.last_side else ink.DIM
        pieces.append("  last ", ink.LABEL)
        pieces.append(f"{grid(view.tick_size).text(book.last_ticks)} {arrow} ", name)
    rule = max(0, width - pieces.cell_len)
    left = min(2, rule)
    text = line((glyphs.rule * left, ink.DIM))
    return text.append_text(pieces).append(glyphs.rule * (rule - left), ink.DIM)
