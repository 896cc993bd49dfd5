"""Quote panel: true on both branches of the model, and every sum on it adds up."""

import re
from collections.abc import Iterator
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from engine.core.states import FitKind
from engine.view.desk_view import DeskView, InventoryView, QuoteView
from tests.tui.fake_engine import EMPTY_QUOTE, MID_TICKS, desk_view, quote, table_quote
from tui.render.frame import Frame
from tui.render.quote import quote as quote_panel

TIGHT, USUAL, ROOMY = (40, 3), (68, 8), (68, 13)
REFUSED = "depths are far from exponential (misfit 0.12 of 0.07)"


def said(view: DeskView, size: tuple[int, int]) -> str:
    return "\n".join(line.plain for line in quote_panel(Frame(view), *size))


def equations(text: str) -> Iterator[tuple[str, str]]:
    """Every ``numbers = number`` of a text, as Python writes them."""
    for row in text.replace("−", "-").replace("·", "*").splitlines():
        for left, right in pairwise(row.split(" = ")):
            terms = left.removeprefix("         = ")
            result = re.match(r"[-+]?[\d.]+", right)
            if result and re.fullmatch(r"[-+*/(). \d]*[+*-][-+*/(). \d]*", terms):
                yield terms, result[0]


def live_quote(c1: float, c2: float, sigma: float, adj1: float, q: float) -> QuoteView:
    """A closed-form quote with no round number in it."""
    skew = c2 * sigma * 0.03
    fair = MID_TICKS + 0.5
    return quote(
        c1_ticks=c1,
        c2=c2,
        sigma_ticks=sigma,
        adj1=adj1,
        fair_ticks=fair,
        half_spread_ticks=(c1 + 0.5 * c2 * sigma) * adj1,
        skew_ticks_per_lot=skew,
        inventory_skew_ticks=skew * q,
        reservation_ticks=fair - skew * q,
    )


def test_the_closed_form_is_its_formula_with_todays_numbers() -> None:
    text = said(desk_view(), USUAL)

    assert "closed form, a 0.012" in text
    assert "(c1 + δ/2·c2·σ)·adj1 = (2.80 + 1.20)·1 = 4.00 ticks" in text
    assert "c2·σ·adj2 = 0.5·4.8·0.03 = 0.072 ticks per q" in text
    assert "skew·q   0.072·3.333 = +0.24 ticks" in text
    assert "fair − skew·q = 64250.32 − 0.02 = 64250.30" in text


def test_the_roomy_panel_goes_on_to_the_prices() -> None:
    """From the model to the two prices that stand at the venue, with no step left out."""
    text = said(desk_view(), ROOMY)

    assert "= (2.8 + 1/2·0.5·4.8)·1" in text
    assert "reserve − half = 64250.30 − 0.40 = 64249.90 → 64249.8" in text
    assert "reserve + half = 64250.30 + 0.40 = 64250.70 → 64250.8" in text


@pytest.mark.parametrize("size", [USUAL, ROOMY])
def test_the_table_does_not_pass_for_the_formula(size: tuple[int, int]) -> None:
    """The closed form's sum is another number there, and stands beside the exact one."""
    text = said(desk_view(quote=table_quote()), size)

    assert "spectral table, a 0.41, Q 20" in text
    assert "4.12 ticks" in text
    assert "(2.80 + 1.20)·1 = 4.00" in text
    assert "= 4.12" not in text.replace("half     = 4.12", "")
    assert "+0.26 ticks at q +3.33" in text
    assert "0.081 ticks per q around here" in text


@pytest.mark.parametrize(
    ("quoted", "words"),
    [
        (quote(), ("half=(2.80+1.20)·1=4.00t skew·q +0.24t", "closed a 0.012")),
        (table_quote(), ("half=4.12t, closed 4.00t skew·q +0.26t", "table a 0.41 Q 20")),
    ],
)
def test_three_rows_hold_prices_half_skew_and_branch(
    quoted: QuoteView, words: tuple[str, ...]
) -> None:
    text = said(desk_view(quote=quoted), TIGHT)

    assert all(each in text for each in ("bid 64249.8", "ask 64250.8", "γ 0.05", *words))


@given(
    st.floats(0.3, 300.0),
    st.floats(0.1, 5.0),
    st.floats(1.0, 50.0),
    st.sampled_from([1.0, 0.9, 1.21]),
    st.integers(-120, 120),
)
def test_every_sum_on_the_screen_adds_up(
    c1: float, c2: float, sigma: float, adj1: float, lots: int
) -> None:
    """A pencil gets what the screen shows: sums to the digit, products of four digits to three."""
    held = InventoryView(lots / 3, lots, 120, 130, -130, None)
    view = desk_view(quote=live_quote(c1, c2, sigma, adj1, held.q), inventory=held)
    sums = list(equations(said(view, (100, 13))))

    assert len(sums) == 6
    for terms, result in sums:
        last_digit = 10.0 ** -len(result.partition(".")[2])
        exact = eval(terms, {})
        rounding = 0.51 * last_digit if "*" in terms else 0.0
        of_factors = 1.1e-3 * abs(exact) if "*" in terms and "+" not in terms else 0.0
        assert float(result) == pytest.approx(exact, abs=rounding + of_factors + 1e-9), terms


def test_a_short_position_skews_the_quotes_up() -> None:
    """The minus of the formula and that of the skew make a plus, and the screen writes one."""
    short = quote(
        fair_ticks=MID_TICKS + 0.3, inventory_skew_ticks=-0.24, reservation_ticks=MID_TICKS + 0.54
    )
    held = InventoryView(-10 / 3, -10, 120, 9, -19, None)
    text = said(desk_view(quote=short, inventory=held), USUAL)

    assert "skew·q   0.072·(−3.333) = −0.24 ticks" in text
    assert "fair − skew·q = 64250.33 + 0.02 = 64250.35" in text


@pytest.mark.parametrize(
    ("kind", "words"),
    [("microprice", "microprice − skew·q"), ("depth_weighted", "depth weighted − skew·q")],
)
def test_a_fair_price_that_is_not_the_mid_is_named(kind: str, words: str) -> None:
    for size in (USUAL, ROOMY):
        assert words in said(desk_view(quote=quote(fair_kind=kind)), size)
    assert f"fair {kind[:5]}" in said(desk_view(quote=quote(fair_kind=kind)), TIGHT)


@pytest.mark.parametrize("size", [USUAL, ROOMY])
def test_an_older_fit_in_use_is_told_in_full(size: tuple[int, int]) -> None:
    """A cut sentence once ended before the part that mattered."""
    text = said(desk_view(quote=quote(fit=FitKind.WIDENED, fit_note=REFUSED)), size)

    assert " ".join(text.split()).count(f"fit of 12 s ago, widened; {REFUSED}") == 1
    assert "γ 0.05  adj1 1" in text


def test_even_three_rows_tell_of_a_refused_fit() -> None:
    view = desk_view(quote=quote(fit=FitKind.WIDENED, fit_note=REFUSED))

    assert "widened" in said(view, TIGHT)


@pytest.mark.parametrize("size", [TIGHT, (58, 8), USUAL, ROOMY])
@pytest.mark.parametrize("branch", ["closed form", "spectral table"])
def test_no_number_is_cut(size: tuple[int, int], branch: str) -> None:
    """Where a line is too long it loses words first, then formulas; never its result."""
    quoted = live_quote(8.013, 0.10234, 6.1243, 1.21, 3.333)
    view = desk_view(quote=msgspec.structs.replace(quoted, branch=branch))
    lines = quote_panel(Frame(view), *size)

    assert not [line.plain for line in lines if "…" in line.plain]
    assert "10.08" in "\n".join(line.plain for line in lines)


@pytest.mark.parametrize("height", [3, 8, 14])
def test_a_quote_without_numbers_says_why(height: int) -> None:
    text = said(desk_view(quote=EMPTY_QUOTE), (80, height))

    assert "n/a: too few market orders (12 of 20" in text
    assert "bid none" in text


def inks(lines: list[Text], words: str) -> list[str]:
    """Inks of the line that holds this text."""
    line = next(line for line in lines if words in line.plain)
    return [str(span.style) for span in line.spans]


def test_the_prior_is_a_warning() -> None:
    lines = quote_panel(Frame(desk_view(quote=quote(fit=FitKind.PRIOR))), *USUAL)

    assert "warn" in inks(lines, "from the prior")


def test_a_price_held_back_by_the_touch_says_so() -> None:
    """Else reserve less half would not seem to lead to the price quoted."""
    text = said(desk_view(quote=quote(bid_clamped=True)), ROOMY)

    assert text.count("touch") == 1
