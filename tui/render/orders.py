"""Order list: every order of the account on this symbol, one a row."""

from rich.text import Text

from tui.render.draw import ink
from tui.render.draw.format import age, grid
from tui.render.draw.lines import fit, line
from tui.render.frame import Frame

_ID_WIDTH = 11


def orders(frame: Frame, width: int, height: int) -> list[Text]:
    """Asks from the top down, then bids; foreign orders greyed."""
    view, glyphs = frame.view, frame.glyphs
    if not view.orders:
        return [line(("no orders at the venue", ink.DIM))]
    price, size = grid(view.tick_size).text, grid(view.lot_size).text
    lots = [size(order.qty_lots) for order in view.orders]
    prices = [price(order.price_ticks) for order in view.orders]
    # A column is as wide as its widest figure, with a gap before it always.
    across, deep = max(9, *map(len, prices)), max(8, *map(len, lots))
    head = (
        f"  {'side':<5} {'price':>{across}} {'size':>{deep}} {'filled':>{deep}}"
        f"  {'state':<11} {'age':>6}  id"
    )
    rows = [line((head, ink.LABEL))]
    for order in sorted(view.orders, key=lambda order: -order.price_ticks):
        foreign = order.state == "foreign"
        side = "BUY" if order.side > 0 else "SELL"
        filled = size(order.filled_lots) if order.filled_lots else glyphs.dot
        text = (
            f"{glyphs.side(order.side)} {side:<5} {price(order.price_ticks):>{across}}"
            f" {size(order.qty_lots):>{deep}} {filled:>{deep}}  "
        )
        state = f"{glyphs.state(order.state)} {order.state:<9}"
        name = order.client_order_id
        # Ids of one desk begin alike, so the end tells them apart.
        name = name if len(name) <= _ID_WIDTH else f"{glyphs.cut}{name[1 - _ID_WIDTH :]}"
        rest = f" {age(order.age_ms / 1000):>6}  {name}"
        side_ink = ink.FOREIGN if foreign else ink.side_ink(order.side)
        worry = ink.FOREIGN if foreign else ink.WARN if order.state == "unknown" else ""
        rows.append(line((text, side_ink), (state, worry), (rest, ink.DIM)))
    if len(rows) > height:
        hidden = len(rows) - height + 1
        rows = [*rows[: height - 1], line((f"{hidden} more", ink.WARN))]
    return [fit(row, width, glyphs.cut) for row in rows]
