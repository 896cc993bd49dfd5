"""Venue errors and order budget: what is refused, by its code, and how much is used."""

from rich.text import Text

from engine.view.desk_view import DeskView, ErrorView
from tui.render.draw import ink
from tui.render.draw.bars import meter
from tui.render.draw.format import age
from tui.render.draw.glyphs import Glyphs
from tui.render.draw.lines import Piece, fit, line, spread
from tui.render.frame import Frame

MEANINGS = {
    -1003: "too many requests",
    -1007: "venue timed out",
    -1008: "venue overloaded",
    -1015: "too many orders",
    -1021: "timestamp off",
    -1022: "bad signature",
    -2010: "order refused",
    -2011: "unknown order",
    -2013: "no such order",
    -2014: "bad api key",
    -2015: "key not allowed",
    -2018: "balance too low",
    -2019: "margin too low",
    -2022: "reduce-only refused",
    -2027: "position limit",
    -4164: "notional too small",
    -5022: "would take",
}
_BRIEF = {-2011: "unknown", -1021: "clock", -5022: "taker"}
ALWAYS = (-2011, -1021, -5022)
_CODE_WIDTH = 6
_RECENT_S = 10.0
_BUSY = 0.8  # from here on the engine spaces its requotes out


def venue(frame: Frame, width: int, height: int) -> list[Text]:
    """Error counters, the three always first, then the budgets on the last rows."""
    view, glyphs = frame.view, frame.glyphs
    errors = _ordered(view)
    if height < len(ALWAYS) + 2:
        budget_rows = [_budgets_in_a_line(view, width, glyphs)]
        rows = _two_columns(errors, width, height - 1, glyphs)
    else:
        budget_rows = [
            _budget("orders 10 s", view.orders_10s, view.orders_10s_limit, width, glyphs),
            _budget("orders 1 m ", view.orders_1m, view.orders_1m_limit, width, glyphs),
        ]
        rows = [_error_row(error, width, glyphs) for error in errors]
    room = height - len(budget_rows)
    if len(rows) > room:
        rows = [*rows[: room - 1], line((f"{len(rows) - room + 1} more codes", ink.WARN))]
    rows += [Text()] * (room - len(rows))
    return [fit(row, width, glyphs.cut) for row in rows + budget_rows]


def _ordered(view: DeskView) -> list[ErrorView]:
    by_code = {error.code: error for error in view.errors}
    first = [by_code.pop(code, ErrorView(code, 0, "", 0.0)) for code in ALWAYS]
    return first + sorted(by_code.values(), key=lambda error: error.age_s)


def _count(error: ErrorView, glyphs: Glyphs) -> str:
    return f"{glyphs.times}{error.count}"


def _error_ink(error: ErrorView) -> str:
    if not error.count:
        return ink.DIM
    return ink.WARN if error.age_s < _RECENT_S else ""


def _error_row(error: ErrorView, width: int, glyphs: Glyphs) -> Text:
    meaning = MEANINGS.get(error.code, error.last_message)
    ago = f"{age(error.age_s)} ago" if error.count else "never"
    name = _error_ink(error)
    seen = line((_count(error, glyphs), name or ink.STRONG), (f"  {ago:>10}", ink.LABEL))
    if len(meaning) + _CODE_WIDTH + seen.cell_len >= width:
        meaning = _BRIEF.get(error.code, meaning)
    code = line((f"{error.code:<{_CODE_WIDTH}}", name), (meaning, name or ink.LABEL))
    return spread(code, seen, width, glyphs.cut)


def _two_columns(errors: list[ErrorView], width: int, height: int, glyphs: Glyphs) -> list[Text]:
    """Codes, counts and short meanings, two to a row."""
    half = width // 2
    cells = []
    for error in errors:
        name = _error_ink(error)
        meaning = _BRIEF.get(error.code) or MEANINGS.get(error.code, error.last_message)
        text = line((f"{error.code} ", name), (_count(error, glyphs), name or ink.STRONG))
        text.append(f" {meaning}", ink.LABEL)
        short = fit(text, half - 1, glyphs.cut)
        cells.append(short.append(" " * (half - short.cell_len)))
    if len(cells) % 2:
        ages = [error.age_s for error in errors if error.count]
        cells.append(line((f"last {age(min(ages))} ago" if ages else "none so far", ink.LABEL)))
    rows = [Text.assemble(*cells[i : i + 2], no_wrap=True, end="") for i in range(0, len(cells), 2)]
    return rows[: max(1, height)]


def _budget(name: str, used: int, limit: int, width: int, glyphs: Glyphs) -> Text:
    numbers = f" {used}/{limit}"
    room = max(0, width - len(name) - 1 - len(numbers))
    return line((f"{name} ", ink.LABEL), *_meter(used, limit, room, glyphs), numbers)


def _meter(used: int, limit: int, room: int, glyphs: Glyphs) -> list[Piece]:
    share = used / limit if limit else 1.0
    return meter(share, room, ink.ALARM if share >= _BUSY else ink.ACCENT, glyphs)


def _budgets_in_a_line(view: DeskView, width: int, glyphs: Glyphs) -> Text:
    budgets = (
        ("10s ", view.orders_10s, view.orders_10s_limit),
        ("1m ", view.orders_1m, view.orders_1m_limit),
    )
    texts = sum(len(f"{name} {used}/{limit}") for name, used, limit in budgets)
    room = max(2, (width - texts - 2) // 2)
    text = Text(no_wrap=True, end="")
    for name, used, limit in budgets:
        text.append(f"{'  ' if text else ''}{name}", ink.LABEL)
        text.append_text(line(*_meter(used, limit, room, glyphs)))
        text.append(f" {used}/{limit}")
    return text
