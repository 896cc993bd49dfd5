"""How many orders the venue still takes: its two fixed windows, and our clock's tricks."""

import pytest

from engine.core.budgets import ORDERS_1M, ORDERS_10S, OrderBudget

S = 1_000_000_000
MINUTE = 60 * S
EDGE_NS = 60_000 * MINUTE
"""A moment at which a window of either length begins."""


def spent(orders: int = ORDERS_10S, at_ns: int = EDGE_NS) -> OrderBudget:
    """A budget of which so many orders were placed at one moment."""
    budget = OrderBudget()
    budget.turn(at_ns)
    budget.spend(orders)
    return budget


def test_a_fresh_budget_is_the_tighter_window() -> None:
    assert OrderBudget().left == ORDERS_10S == 300


def test_every_placing_counts_in_both_windows() -> None:
    budget = spent(7)
    budget.spend(1)

    assert budget.counts == [8, 8]
    assert budget.left == ORDERS_10S - 8


def test_a_window_that_the_clock_has_left_starts_anew() -> None:
    budget = spent(at_ns=5 * S)
    assert (budget.left, budget.requote_interval_ns) == (0, S)

    budget.turn(10 * S)

    assert budget.counts == [0, ORDERS_10S]
    assert budget.left == ORDERS_10S


def test_windows_begin_on_the_venues_marks_and_not_with_the_first_order() -> None:
    """A window that slid along with us would hold orders back that the venue takes."""
    budget = spent(10, at_ns=EDGE_NS + 9 * S)

    budget.turn(EDGE_NS + 10 * S - 1)
    before = list(budget.counts)
    budget.turn(EDGE_NS + 10 * S)

    assert (before, budget.counts) == ([10, 10], [0, 10])


def test_the_minute_holds_when_its_ten_seconds_would_not() -> None:
    budget = spent()
    for window in (1, 2, 3):
        budget.turn(EDGE_NS + window * 10 * S)
        budget.spend(ORDERS_10S)
    budget.turn(EDGE_NS + 40 * S)

    assert budget.counts == [0, ORDERS_1M]
    assert budget.left == 0
    budget.turn(EDGE_NS + MINUTE)
    assert budget.left == ORDERS_10S


@pytest.mark.parametrize(
    ("orders", "interval_ns"),
    [(0, 0), (239, 0), (240, S), (300, S)],
)
def test_requotes_slow_down_from_four_fifths_of_a_window_on(orders: int, interval_ns: int) -> None:
    assert spent(orders).requote_interval_ns == interval_ns


def test_the_minutes_four_fifths_slow_requotes_too() -> None:
    budget = spent(240)
    for window in (1, 2, 3):
        budget.turn(EDGE_NS + window * 10 * S)
        budget.spend(240)
    budget.turn(EDGE_NS + 40 * S)

    assert budget.counts == [0, 960]
    assert budget.requote_interval_ns == S


@pytest.mark.parametrize("back_ns", [1, S, 10 * S, 25 * S, 24 * 60 * MINUTE])
def test_a_clock_that_is_set_back_gives_no_fresh_budget(back_ns: int) -> None:
    """The venue goes on counting in the window that it was in."""
    budget = spent()

    budget.turn(EDGE_NS - back_ns)

    assert budget.left == 0


def test_a_clock_that_leapt_ahead_and_was_set_right_holds_the_desk_no_longer_than_a_window() -> (
    None
):
    budget = OrderBudget()
    budget.turn(MINUTE)
    budget.turn(24 * 60 * MINUTE)
    budget.spend(ORDERS_10S)

    budget.turn(2 * MINUTE)
    assert budget.left == 0
    budget.turn(3 * MINUTE)

    assert budget.counts == [0, 0]
