"""Micro-price against its printed solution, its symmetry, and a market with a known answer."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.models.microprice import (
    bucket_of,
    learn_microprice,
    microprice,
    mirror_of,
    solve_adjustments,
    state_of,
    symmetric_edges,
)
from tests.naive.microprice import adjustments_by_terms

Q = np.array([[0.5, 0.2], [0.2, 0.5]])
T = np.array([[0.15, 0.15], [0.15, 0.15]])
R = np.array([[0.2, 0.1], [0.1, 0.2]])
K = np.array([-0.5, 0.5])
EDGES = np.array([0.25, 0.5, 0.75])

Lots = NDArray[np.int64]
Touches = tuple[Lots, Lots, Lots, Lots]


def leaning_market(seed: int, n: int = 40_000, drift: float = 0.0) -> Touches:
    """A one-tick touch that moves towards its thin side, with chance a tenth of the imbalance."""
    rng = np.random.default_rng(seed)
    bid_lots = rng.integers(1, 100, n)
    up_chance = bid_lots / 100 + drift
    step = (rng.random(n) < 0.1) * np.where(rng.random(n) < up_chance, 1, -1)
    bid = 10_000 + np.concatenate([[0], np.cumsum(step)[:-1]])
    return bid, bid_lots, bid + 1, 100 - bid_lots


def test_adjustments_of_the_reference_s_chain() -> None:
    """Two states that mirror each other."""
    expected = [-0.0714285714286, 0.0714285714286]

    assert solve_adjustments(Q, R, T, K) == pytest.approx(expected, rel=1e-9)


def test_linear_equation_is_the_sum_of_its_terms() -> None:
    """Sixty terms, added up."""
    assert solve_adjustments(Q, R, T, K) == pytest.approx(
        adjustments_by_terms(Q, R, T, K, 60), rel=1e-9
    )


def test_buckets_are_cut_at_their_edges() -> None:
    """An imbalance on an edge belongs above it."""
    assert [bucket_of(i, EDGES) for i in (0.0, 0.24, 0.25, 0.5, 0.99)] == [0, 0, 1, 2, 3]


@pytest.mark.parametrize(
    ("touch", "state"),
    [
        ((100, 1, 101, 9), 0),
        ((100, 9, 102, 1), 7),
        ((100, 5, 103, 5), -1),
        ((100, 5, 100, 5), -1),
        ((100, 0, 101, 0), -1),
    ],
)
def test_a_touch_too_wide_crossed_or_empty_has_no_state(
    touch: tuple[int, int, int, int], state: int
) -> None:
    """Four buckets by two spreads."""
    assert state_of(*touch, EDGES, 2) == state


@given(state=st.integers(0, 29))
def test_mirror_twice_is_the_state(state: int) -> None:
    """Ten buckets, three spreads; the spread itself has no side."""
    assert mirror_of(mirror_of(state, 10, 3), 10, 3) == state
    assert mirror_of(state, 10, 3) % 3 == state % 3


@given(sample=st.lists(st.floats(0.0, 1.0), min_size=20, max_size=50))
def test_edges_look_the_same_from_either_side(sample: list[float]) -> None:
    """Or a mirrored touch would fall into another bucket than its mirror."""
    edges = symmetric_edges(np.array(sample), 10)

    assert edges == pytest.approx(1.0 - edges[::-1])
    assert (np.diff(edges) >= 0).all()


@pytest.mark.parametrize("seed", range(3))
def test_a_leaning_market_s_adjustments_are_recovered(seed: int) -> None:
    """Imbalance is drawn afresh each step, so only the present one leans: a tenth of 2·I - 1."""
    table = learn_microprice(*leaning_market(seed), buckets=4, spreads=1)

    middles = np.array([0.125, 0.375, 0.625, 0.875])
    assert table.adjustments == pytest.approx(0.1 * (2 * middles - 1), abs=0.012)


def test_adjustments_mirror_exactly_even_in_a_trend() -> None:
    """The sample is counted from both sides, so its drift cannot enter the price."""
    table = learn_microprice(*leaning_market(4, drift=0.2), buckets=4, spreads=1)

    assert table.adjustments == pytest.approx(-table.adjustments[::-1], abs=1e-9)


def test_without_the_mirror_a_trend_has_no_end() -> None:
    """The plain sum then grows with every term that is added."""
    trending = R + np.array([[0.0, 0.1], [0.0, 0.1]])
    stays = Q - 0.05

    short = adjustments_by_terms(stays, trending, T + 0.05, K, 10)
    long = adjustments_by_terms(stays, trending, T + 0.05, K, 1000)

    assert (long - short > 50.0).all()


def test_states_never_seen_adjust_nothing() -> None:
    """Spreads of two and three ticks do not occur in this market."""
    table = learn_microprice(*leaning_market(5), buckets=4, spreads=3)
    unseen = [state for state in range(12) if state % 3]

    assert table.adjustments[unseen] == pytest.approx(0.0, abs=1e-6)


def test_microprice_is_the_mid_with_its_state_s_adjustment() -> None:
    """And the bare mid outside the table."""
    adjustments = np.array([-0.2, -0.1, 0.1, 0.2])

    assert microprice(100, 9, 101, 1, EDGES, 1, adjustments) == 100.5 + 0.2
    assert microprice(100, 9, 104, 1, EDGES, 1, adjustments) == 102.0
