"""Fill intensity from our own quotes, against printed rows and against a scan."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.models.own_fills import (
    fit_own_fills,
    fit_rates,
    fit_waits,
    tilted_moments,
    virtual_waits,
)
from tests.naive.intensity import tilted_slope_by_scan

DEPTHS = np.array([1.0, 2.0, 3.0])
EXPOSURE = np.array([12.0, 20.0, 25.0])


def test_own_fills_give_the_reference_s_row() -> None:
    """Fills at 1 2 1 1 3 2; twelve, twenty and twenty-five seconds quoted."""
    A, k, error = fit_own_fills(DEPTHS, EXPOSURE, np.array([3, 2, 1]))

    assert A == pytest.approx(0.625, rel=1e-9)
    assert k == pytest.approx(0.916290731874, rel=1e-9)
    assert error == pytest.approx(0.547722557505, rel=1e-9)


@given(fills=st.lists(st.integers(1, 30), min_size=3, max_size=3))
def test_the_root_is_the_top_of_the_likelihood(fills: list[int]) -> None:
    """Against trying every k; the slope may well be negative in a small sample."""
    _, k, _ = fit_own_fills(DEPTHS, EXPOSURE, np.array(fills))

    scanned = tilted_slope_by_scan(DEPTHS, EXPOSURE, np.array(fills, dtype=np.float64))
    assert np.clip(k, -3, 3) == pytest.approx(scanned, abs=2e-4)


@given(A=st.floats(0.1, 5.0), k=st.floats(0.05, 2.0))
def test_fills_in_the_law_s_proportions_give_it_back(A: float, k: float) -> None:
    """Exposure chosen so that each depth owes a whole number of fills."""
    exposure = 100 * np.exp(k * DEPTHS) / A

    fitted_A, fitted_k, _ = fit_own_fills(DEPTHS, exposure, np.array([100, 100, 100]))

    assert (fitted_A, fitted_k) == pytest.approx((A, k), rel=1e-7)


@pytest.mark.parametrize("fills", [[0, 0, 0], [4, 0, 0], [0, 0, 4]])
def test_one_end_alone_tells_no_slope(fills: list[int]) -> None:
    """The likelihood then climbs for ever."""
    assert all(map(math.isnan, fit_own_fills(DEPTHS, EXPOSURE, np.array(fills))))


def test_moments_stand_a_steep_tilt() -> None:
    """Weights are taken relative to the nearest depth, so none of them vanishes."""
    total, mean, variance = tilted_moments(DEPTHS + 1000.0, EXPOSURE, 5.0)

    assert total == pytest.approx(12.0, rel=0.02)
    assert mean == pytest.approx(1001.0, rel=1e-4)
    assert variance >= 0.0


def test_waits_give_the_reference_s_row() -> None:
    """Four filled after 2, 5, 1 and 8 s, one cancelled after 4."""
    found = fit_waits(4, 20.0)

    assert found == pytest.approx((0.2, 0.15, 0.0544932686813, 0.51207943377), rel=1e-9)


def test_line_through_rates_weighs_them_by_their_fills() -> None:
    """Exact rates lie on the line, a depth without a fill is passed over."""
    rates = 0.8 * np.exp(-0.5 * DEPTHS)

    A, k, error = fit_rates(DEPTHS, rates, np.array([8, 4, 0]))

    assert (A, k) == pytest.approx((0.8, 0.5), rel=1e-9)
    assert error == pytest.approx(math.sqrt(1 / 8 + 1 / 4), rel=1e-9)
    assert math.isnan(fit_rates(DEPTHS, rates, np.array([8, 0, 0]))[1])


@pytest.mark.parametrize(("through", "filled"), [(False, 2), (True, 1)])
def test_reaching_a_quote_and_trading_through_it_differ(through: bool, filled: int) -> None:
    """A bid one tick under 100: the print at 99 reaches it, the one at 98 goes through."""
    times = np.array([0.0, 1.0, 2.0, 3.0])
    prices = np.array([100.0, 99.0, 98.0, 99.0])
    mids = np.array([100.0, 99.0, 99.0, 99.0])

    assert virtual_waits(times, prices, mids, 1, 1.0, through) == (filled, 3.0)


def test_no_print_is_no_wait() -> None:
    """An empty tape, not a stray number from beside it."""
    nothing = np.empty(0)

    assert virtual_waits(nothing, nothing, nothing, 1, 1.0, False) == (0, 0.0)


def test_virtual_waits_do_not_overlap() -> None:
    """One long fall fills three quotes in a row, and its time is shared out between them."""
    times = np.arange(7.0)
    prices = 100.0 - np.arange(7.0)

    filled, waited = virtual_waits(times, prices, prices, 1, 2.0, False)

    assert (filled, waited) == (3, 6.0)
    assert virtual_waits(times, -prices, -prices, -1, 2.0, False) == (3, 6.0)
