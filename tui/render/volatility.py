"""Volatility panel: from ten seconds to a day, as bars against the sigma that is quoted with."""

from rich.text import Text

from engine.view.desk_view import DeskView
from tui.render.draw import ink
from tui.render.draw.bars import round_up
from tui.render.draw.format import age, decimals_of
from tui.render.draw.glyphs import Glyphs
from tui.render.draw.lines import fit, line, spread, widest

_UNITS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))
_SHORT = 0.8
"""A window of which less was seen is dim, and says so."""
_SEEN_WIDTH = 8
FEWER = (10, 60, 3600, 86400)
FEWEST = (10, 60, 86400)


def volatility(
    view: DeskView, width: int, glyphs: Glyphs, only: tuple[int, ...] = ()
) -> list[Text]:
    """A heading and one row a window, shortest first.

    Args:
        only: Windows to show, seconds; all by default.
    """
    quoted = view.quote.sigma_ticks
    mark = line((f"{glyphs.zero} ", ink.STRONG), ("quoted", ink.LABEL))
    title, unit = ("volatility", ink.TITLE), (f"  ticks/{glyphs.root_s}", ink.LABEL)
    head = widest((line(title, unit), line(title)), width - mark.cell_len - 1, glyphs.cut)
    if quoted is not None:
        head = spread(head, mark, width, glyphs.cut)
    windows = [w for w in view.watch.volatility if not only or round(w[0]) in only]
    if not windows:
        return [head, line(("nothing seen yet", ink.DIM))]
    digits = decimals_of(quoted or max(sigma for _, sigma, _ in windows))
    numbers = [f"{sigma:.{digits}f}" for _, sigma, _ in windows]
    number_width = max(len(number) for number in numbers)
    scale = 2 * quoted if quoted else round_up(max(sigma for _, sigma, _ in windows))
    room = max(2, width - 3 - 1 - number_width - 1 - _SEEN_WIDTH)
    rows = [fit(head, width, glyphs.cut)]
    for (window_s, sigma, seen_s), number in zip(windows, numbers, strict=True):
        short = seen_s < _SHORT * window_s
        row = line((f"{_name(window_s):>3} ", ink.LABEL))
        row.append(f"{number:>{number_width}} ", ink.DIM if short else ink.STRONG)
        row.append_text(_bar(sigma / scale, room, quoted is not None, short, glyphs))
        rows.append(row.append(f"{age(seen_s):>{_SEEN_WIDTH}}" if short else "", ink.DIM))
    return rows


def _name(window_s: float) -> str:
    size, unit = next((each for each in _UNITS if window_s >= each[0]), _UNITS[-1])
    return f"{window_s / size:.0f}{unit}"


def _bar(share: float, room: int, marked: bool, short: bool, glyphs: Glyphs) -> Text:
    """A bar with the quoted sigma marked in its middle; one that is too long has a pointed end."""
    name = ink.DIM if short else ink.ACCENT
    full = min(room, round(share * room) or 1)
    cells = [(glyphs.bar, name)] * full + [(" ", "")] * (room - full)
    if share > 1:
        cells[-1] = (glyphs.beyond, ink.STRONG)
    if marked:
        cells[room // 2] = (glyphs.zero, ink.STRONG)
    return line(*cells)
