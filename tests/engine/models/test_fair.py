"""Fair prices of one book against rows done by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.models.fair import depth_weighted_mid, mid, sweep_mean, weighted_mid

lots = st.integers(1, 10**6)


def ladder(*levels: int) -> np.ndarray:
    return np.array(levels, dtype=np.int64)


def test_mid_may_stand_at_a_half() -> None:
    """Halves of ticks are exact in binary."""
    assert mid(1000, 1001) == 1000.5


def test_weighted_mid_of_the_reference_s_touch() -> None:
    """100 by 100.1, three on the bid and one on the ask: 100.075."""
    assert 0.1 * weighted_mid(1000, 3, 1001, 1) == pytest.approx(100.075, rel=1e-12)


def test_weighted_mid_without_size_is_the_mid() -> None:
    """Nothing to weigh with."""
    assert weighted_mid(1000, 0, 1002, 0) == 1001.0


@given(bid=st.integers(1, 10**7), spread=st.integers(1, 1000), bid_lots=lots, ask_lots=lots)
def test_weighted_mid_lies_inside_and_mirrors(
    bid: int, spread: int, bid_lots: int, ask_lots: int
) -> None:
    """Swapping the sizes swaps its distance from either side."""
    one = weighted_mid(bid, bid_lots, bid + spread, ask_lots)
    other = weighted_mid(bid, ask_lots, bid + spread, bid_lots)

    assert bid <= one <= bid + spread
    assert one + other == pytest.approx(2 * bid + spread, rel=1e-12)


def test_depth_weighted_mid_of_the_reference_s_book() -> None:
    """Three lots down each side."""
    found = depth_weighted_mid(ladder(1000, 999), ladder(1, 4), ladder(1001, 1002), ladder(2, 3), 3)

    assert 0.1 * found == pytest.approx(100.033333333, rel=1e-9)


def test_depth_weighted_mid_weighs_by_what_was_found() -> None:
    """A side that runs out has less to say for itself and lets the price come nearer."""
    thin_ask = depth_weighted_mid(ladder(1000), ladder(9), ladder(1001), ladder(1), 3)

    assert thin_ask == pytest.approx(1000.75)


def test_an_empty_side_has_no_depth_weighted_mid() -> None:
    """Better no price than one side's."""
    assert math.isnan(depth_weighted_mid(ladder(), ladder(), ladder(1001), ladder(1), 3))


def test_sweep_says_how_much_it_found() -> None:
    """Two at 10, one of four at 12."""
    assert sweep_mean(ladder(10, 12), ladder(2, 4), 3) == pytest.approx((32 / 3, 3))
    assert sweep_mean(ladder(10, 12), ladder(2, 4), 30)[1] == 6


@given(bid_lots=lots, ask_lots=lots)
def test_one_lot_deep_the_book_is_its_touch(bid_lots: int, ask_lots: int) -> None:
    """Each side finds the one lot, so the sizes do not matter."""
    found = depth_weighted_mid(ladder(1000), ladder(bid_lots), ladder(1001), ladder(ask_lots), 1)

    assert found == 1000.5
