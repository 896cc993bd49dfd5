"""Quote steps from the model to the prices, each with the numbers that it is made of.

What stands on the screen adds up there too: sums are made of the figures shown.
"""

from typing import NamedTuple

from rich.text import Text

from engine.view.desk_view import DeskView, QuoteView
from tui.render.draw import ink
from tui.render.draw.format import decimals_of, figure, grid, parts_that_sum, signed
from tui.render.draw.glyphs import Glyphs
from tui.render.draw.lines import Piece, line, widest

CLOSED_FORM = "closed form"
FAIR_NAMES = {"mid": "fair"}
"""What the fair price is called where it is the plain mid; else by its kind."""


def is_closed(q: QuoteView) -> bool:
    """Does the closed form quote, so that its formula gives the half spread exactly?"""
    return q.branch == CLOSED_FORM


def named(name: str, *pieces: Piece) -> Text:
    """A row of the breakdown: what it gives, in a column of its own, and how."""
    return line((f"{name:<9}", ink.LABEL), *pieces)


class QuoteSteps(NamedTuple):
    """Prices in units of the last digit shown; each is the sum of those before it."""

    fair: int
    inventory_skew: int
    reserve: int
    half: int
    decimals: int

    def text(self, units: int) -> str:
        return f"{units / 10**self.decimals:.{self.decimals}f}"


def steps(view: DeskView) -> QuoteSteps | None:
    """The quote's prices, rounded once; None where there is no quote."""
    q = view.quote
    if q.fair_ticks is None or q.reservation_ticks is None or q.half_spread_ticks is None:
        return None
    step = grid(view.tick_size)
    decimals = step.decimals + 1
    fair, reserve, half = (
        round(ticks * step.value * 10**decimals)
        for ticks in (q.fair_ticks, q.reservation_ticks, q.half_spread_ticks)
    )
    return QuoteSteps(fair, fair - reserve, reserve, half, decimals)


def half_formula(glyphs: Glyphs) -> str:
    dot = glyphs.product
    return f"(c1 + {glyphs.delta}/2{dot}c2{dot}{glyphs.sigma}){dot}adj1"


def skew_formula(glyphs: Glyphs) -> str:
    dot = glyphs.product
    return f"c2{dot}{glyphs.sigma}{dot}adj2"


def half_factors(q: QuoteView, glyphs: Glyphs) -> str:
    """The formula with every number put in."""
    dot = glyphs.product
    return (
        f"({figure(q.c1_ticks, 4)} + {figure(q.delta, 4)}/2{dot}{figure(q.c2, 4)}{dot}"
        f"{figure(q.sigma_ticks, 4)}){dot}{figure(q.adj1, 4)}"
    )


def half_terms(q: QuoteView, glyphs: Glyphs, *, tight: bool = False) -> tuple[str, str]:
    """Both terms of the closed form and its half spread in ticks, which is exactly their sum."""
    if q.c1_ticks is None or q.c2 is None or q.sigma_ticks is None:
        return "n/a", "n/a"
    terms = [q.c1_ticks, 0.5 * q.delta * q.c2 * q.sigma_ticks]
    decimals = max(2, decimals_of(sum(terms) * q.adj1))
    total, (fixed, moving) = parts_that_sum(sum(terms), terms, decimals)
    plus = "+" if tight else " + "
    return (
        f"({fixed:.{decimals}f}{plus}{moving:.{decimals}f}){glyphs.product}{figure(q.adj1, 4)}",
        f"{total * q.adj1:.{decimals}f}",
    )


def half_ticks(q: QuoteView, glyphs: Glyphs) -> str:
    """The half spread in use: as its terms sum, or as the table has it."""
    if q.half_spread_ticks is None:
        return "n/a"
    if is_closed(q):
        return half_terms(q, glyphs)[1]
    return f"{q.half_spread_ticks:.{max(2, decimals_of(q.half_spread_ticks))}f}"


def inventory_skew_ticks(q: QuoteView, glyphs: Glyphs) -> str:
    if q.inventory_skew_ticks is None:
        return "n/a"
    return signed(q.inventory_skew_ticks, 2, glyphs.minus).strip()


def inventory_skew_factors(q: QuoteView, held: float, glyphs: Glyphs) -> str:
    """Skew times inventory, with digits enough for the product shown."""
    lots = figure(abs(held), 4)
    inventory = f"({glyphs.minus}{lots})" if held < 0 else lots
    return f"{figure(q.skew_ticks_per_lot, 4)}{glyphs.product}{inventory}"


def half_row(view: DeskView, width: int, glyphs: Glyphs) -> Text:
    """The half spread in one line: by its formula, or exact with the formula's beside it."""
    q = view.quote
    terms, closed = half_terms(q, glyphs)
    result: list[Piece] = [(half_ticks(q, glyphs), ink.STRONG), (" ticks", ink.LABEL)]
    if is_closed(q):
        return widest(
            (
                named("half", f"{half_formula(glyphs)} = {terms} = ", *result),
                named("half", f"{terms} = ", *result),
                named("half", *result),
            ),
            width,
            glyphs.cut,
        )
    at_q = (f" at q {held(view, glyphs)}", ink.LABEL)
    return widest(
        (
            named("half", *result, at_q, (", closed form ", ink.LABEL), f"{terms} = {closed}"),
            named("half", *result, (", closed form ", ink.LABEL), f"{terms} = {closed}"),
            named("half", *result, (", closed form ", ink.LABEL), closed),
        ),
        width,
        glyphs.cut,
    )


def skew_row(view: DeskView, width: int, glyphs: Glyphs, sign: str = "") -> Text:
    """How fast the inventory skew grows with the inventory."""
    q = view.quote
    result: list[Piece] = [(figure(q.skew_ticks_per_lot), ink.STRONG), (" ticks per q", ink.LABEL)]
    if not is_closed(q):
        return named("skew", sign, *result, (" around here", ink.LABEL))
    factors = glyphs.product.join(figure(value, 4) for value in (q.c2, q.sigma_ticks, q.adj2))
    return widest(
        (
            named("skew", f"{sign}{skew_formula(glyphs)} = {factors} = ", *result),
            named("skew", f"{sign}{factors} = ", *result),
            named("skew", sign, *result),
        ),
        width,
        glyphs.cut,
    )


def inventory_skew_row(view: DeskView, width: int, glyphs: Glyphs, sign: str = "") -> Text:
    """What the inventory moves both quotes by."""
    q = view.quote
    result: list[Piece] = [(inventory_skew_ticks(q, glyphs), ink.STRONG), (" ticks", ink.LABEL)]
    name = f"skew{glyphs.product}q"
    if not is_closed(q):
        return named(name, sign, *result, (f" at q {held(view, glyphs)}", ink.LABEL))
    factors = inventory_skew_factors(q, view.inventory.q, glyphs)
    return widest(
        (
            named(name, f"{sign}{factors} = ", *result),
            named(name, sign, *result),
        ),
        width,
        glyphs.cut,
    )


def reserve_row(view: DeskView, width: int, glyphs: Glyphs, sign: str = "") -> Text:
    """The price that both quotes stand around."""
    at = steps(view)
    if at is None:
        return named("reserve", (f"{sign}n/a", ink.WARN))
    fair = fair_name(view.quote)
    numbers = f"{at.text(at.fair)} {_less(at, at.inventory_skew, glyphs)} = "
    result = (at.text(at.reserve), ink.STRONG)
    return widest(
        (
            named(
                "reserve", f"{sign}{fair} {glyphs.minus} skew{glyphs.product}q = {numbers}", result
            ),
            named("reserve", f"{sign}{fair} {numbers}", result),
            named("reserve", numbers, result),
            named("reserve", result),
        ),
        width,
        glyphs.cut,
    )


def price_row(view: DeskView, side: int, width: int, glyphs: Glyphs) -> Text:
    """One side: reserve and half spread, then the price on the grid."""
    name, at = "bid" if side > 0 else "ask", steps(view)
    if at is None:
        return named(name, ("= n/a", ink.WARN))
    wanted = view.quote.bid_ticks if side > 0 else view.quote.ask_ticks
    clamped = view.quote.bid_clamped if side > 0 else view.quote.ask_clamped
    sign = glyphs.minus if side > 0 else "+"
    raw = at.reserve - side * at.half
    numbers = f"{at.text(at.reserve)} {sign} {at.text(at.half)} = {at.text(raw)}"
    on_grid: Piece = ("none", ink.WARN)
    if wanted:
        on_grid = (grid(view.tick_size).text(wanted[0]), ink.side_ink(side))
    to_grid: Piece = (f" {glyphs.arrow} " + ("touch " if clamped else ""), ink.LABEL)
    return widest(
        (
            named(name, f"= reserve {sign} half = {numbers}", to_grid, on_grid),
            named(name, f"= {numbers}", to_grid, on_grid),
            named(name, "=", to_grid, on_grid),
        ),
        width,
        glyphs.cut,
    )


def fair_name(q: QuoteView) -> str:
    return FAIR_NAMES.get(q.fair_kind, q.fair_kind.replace("_", " "))


def _less(at: QuoteSteps, units: int, glyphs: Glyphs) -> str:
    return f"{glyphs.minus if units >= 0 else '+'} {at.text(abs(units))}"


def held(view: DeskView, glyphs: Glyphs) -> str:
    return signed(view.inventory.q, 2, glyphs.minus).strip()
