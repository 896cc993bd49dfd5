"""Quoter: from a fit to wanted prices: the branch, the table, the grid."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.calibration import Fit
from engine.core.quoter import Offsets, Tuning, offsets, requote
from engine.models.policy import table_offsets

CALM = Fit(0.9, 0.3, 0.05, "fit", 0, 100)
"""a = 0.0034: the closed form is honest from Q = 74 on."""
WILD = Fit(0.2, 0.3, 1.0, "fit", 0, 100)
PLAIN = Tuning(gamma=0.01, delta=1.0, adj1=1.0, adj2=1.0)
positive = st.floats(1e-6, 1e6)


def answer(fit: Fit, tuning: Tuning = PLAIN, bound: int = 100) -> Offsets:
    at = offsets(fit, tuning, bound)
    assert at is not None
    return at


def test_a_calm_market_is_quoted_by_the_closed_form() -> None:
    """half_spread = c1 + delta/2 c2 sigma, inventory skew = c2 sigma q, as the screen prints it."""
    at = answer(CALM)

    assert at.branch == "closed form"
    assert at.at(7.0) == pytest.approx(
        (at.c1 + 0.5 * at.c2 * CALM.sigma_ticks, 7.0 * at.c2 * CALM.sigma_ticks)
    )
    assert at.skew(7.0) == pytest.approx(at.c2 * CALM.sigma_ticks)


def test_a_wild_market_is_quoted_by_the_spectral_table() -> None:
    """Check values of the reference: gamma 0.1, k 0.3, A 0.2, sigma 1, Q 30."""
    at = answer(WILD, replace(PLAIN, gamma=0.1), bound=30)
    half_spread, inventory_skew = at.at(5.0)

    assert at.branch == "spectral table"
    assert at.a == pytest.approx(0.487, abs=1e-3)
    assert half_spread + inventory_skew == pytest.approx(10.5472170873, rel=1e-9)
    assert half_spread - inventory_skew == pytest.approx(-3.7740975157, rel=1e-9)


def test_the_factors_act_on_either_branch() -> None:
    """adj1 on the half spread, adj2 on the inventory skew, and on nothing else."""
    for fit in (CALM, WILD):
        plain = answer(fit).at(3.0)
        adjusted = answer(fit, replace(PLAIN, adj1=1.5, adj2=0.03)).at(3.0)

        assert adjusted == pytest.approx((1.5 * plain[0], 0.03 * plain[1]))


@pytest.mark.parametrize("fit", [CALM, WILD])
def test_inventory_in_fills_of_delta_is_inventory_in_order_quantities(fit: Fit) -> None:
    """Three times the fill size, a third of the fills: the desk's q is not the model's n."""
    at = answer(fit, replace(PLAIN, delta=3.0), bound=40)

    assert at.fills(6.0) == 2.0
    half_spread, inventory_skew = table_offsets(at.table, 2.0)
    assert at.at(6.0) == (half_spread, inventory_skew)
    assert at.skew(0.0) == pytest.approx(table_offsets(at.table, 0.5)[1] / 1.5, rel=1e-9)


def test_the_grid_does_not_widen_with_the_inventory() -> None:
    """Else every fill would lay all orders anew and lose their queues."""
    at = answer(WILD, bound=20)

    assert at.interval == round(at.at(0.0)[0])
    assert answer(WILD, replace(PLAIN, adj1=3.0), bound=20).interval == round(3 * at.at(0.0)[0])
    assert at.at(15.0)[0] != pytest.approx(at.at(0.0)[0], rel=1e-3)


@given(A=positive, k=positive, sigma=positive, gamma=positive, bound=st.integers(1, 60))
def test_whatever_the_numbers_quotes_are_sane_or_there_are_none(
    A: float, k: float, sigma: float, gamma: float, bound: int
) -> None:
    """A fit gone mad must not become an order."""
    at = offsets(Fit(A, k, sigma, "fit", 0, 1), replace(PLAIN, gamma=gamma), bound)

    if at is not None:
        half_spread, inventory_skew = at.at(0.0)
        assert 0.0 < half_spread < 1e9
        assert abs(inventory_skew) < 1e-6 * max(half_spread, 1.0)


def test_a_requote_lays_both_grids_in_one_call() -> None:
    """The reference's grid: half 30.4, skew 2.5, q 3 around 414986.5 gives 3.0 apart."""
    table = np.array([30.4 + 2.5 * (i // 2 - 4) * (1 if i % 2 == 0 else -1) for i in range(18)])
    table[1] = table[-2] = np.nan
    bids, asks = np.zeros(4, np.int64), np.zeros(4, np.int64)

    half_spread, inventory_skew = requote(
        table, 3.0, 1.0, 1.0, 414986.5, 414986, 414987, 30, 4, 4, bids, asks
    )

    assert (half_spread, inventory_skew) == pytest.approx((30.4, 7.5))
    assert bids.tolist() == [414930, 414900, 414870, 414840]
    assert asks.tolist() == [415020, 415050, 415080, 415110]


def test_a_side_that_wants_nothing_is_not_written() -> None:
    """n = 0 leaves the array alone."""
    bids, asks = np.full(2, -7, np.int64), np.full(2, -7, np.int64)
    requote(answer(CALM).table, 0.0, 1.0, 1.0, 100.5, 100, 101, 3, 0, 2, bids, asks)

    assert bids.tolist() == [-7, -7]
    assert asks[1] - asks[0] == 3
