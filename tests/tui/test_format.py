"""Number formats as a trader reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.render.draw.format import age, compact, figure, parts_that_sum, price_between, signed, span

amounts = st.floats(-1e6, 1e6, allow_nan=False)


@given(st.lists(amounts, min_size=4, max_size=4))
def test_rounded_parts_sum_to_the_rounded_total(parts: list[float]) -> None:
    """A trader who adds up the screen with a pencil must get the total on the screen."""
    total, shown = parts_that_sum(sum(parts), parts, 4)

    assert round(total * 10_000) == sum(round(part * 10_000) for part in shown)


@given(st.lists(amounts, min_size=4, max_size=4))
def test_no_part_is_moved_by_more_than_its_last_digit(parts: list[float]) -> None:
    _, shown = parts_that_sum(sum(parts), parts, 4)

    assert all(abs(a - b) < 1.6e-4 for a, b in zip(parts, shown, strict=True))


@given(st.floats(0, 1e9))
def test_a_compact_size_fits_five_cells(size: float) -> None:
    assert len(compact(size)) <= 5


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "never"), (0.012, "12 ms"), (3.2, "3 s"), (130, "2 min"), (7300, "2 h")],
)
def test_an_age_has_its_unit(seconds: float | None, text: str) -> None:
    assert age(seconds) == text


def test_a_price_between_ticks_has_one_decimal_more() -> None:
    assert price_between(642_503.21, "0.1") == "64250.32"


def test_money_carries_its_sign() -> None:
    """Gain and loss must not differ by colour alone."""
    assert [signed(x, 2).strip() for x in (1.234, -1.234, 0.001)] == ["+1.23", "−1.23", "0.00"]


def test_a_missing_figure_is_not_a_number() -> None:
    assert [figure(x) for x in (None, 0.05, 123.4, 2e-5)] == ["n/a", "0.05", "123", "2.00e-5"]


def test_a_span_counts_days() -> None:
    assert [span(754), span(90_061)] == ["0:12:34", "1d 1:01:01"]
