"""How many orders the venue still takes: its two fixed windows, and our clock's tricks."""

import pytest

from engine.core.budgets import (
    ORDERS_1M,
    ORDERS_10S,
    orders_left,
    requote_interval_ns,
    spend_orders,
    turn_budget,
)
from engine.core.desk_layout import PLACED_1M, PLACED_10S, new_desk
from exchange.jit import IntArray

S = 1_000_000_000
MINUTE = 60 * S
EDGE_NS = 60_000 * MINUTE
"""A moment at which a window of either length begins."""


def spent(orders: int = ORDERS_10S, at_ns: int = EDGE_NS) -> IntArray:
    """A desk that has placed so many orders at one moment."""
    desk = new_desk()
    turn_budget(desk, at_ns)
    spend_orders(desk, orders)
    return desk


def counts(desk: IntArray) -> list[int]:
    return [int(desk[PLACED_10S]), int(desk[PLACED_1M])]


def test_a_fresh_budget_is_the_tighter_window() -> None:
    assert orders_left(new_desk()) == ORDERS_10S == 300


def test_every_placing_counts_in_both_windows() -> None:
    desk = spent(7)
    spend_orders(desk, 1)

    assert counts(desk) == [8, 8]
    assert orders_left(desk) == ORDERS_10S - 8


def test_a_window_that_the_clock_has_left_starts_anew() -> None:
    desk = spent(at_ns=5 * S)
    assert (orders_left(desk), requote_interval_ns(desk)) == (0, S)

    turn_budget(desk, 10 * S)

    assert counts(desk) == [0, ORDERS_10S]
    assert orders_left(desk) == ORDERS_10S


def test_windows_begin_on_the_venues_marks_and_not_with_the_first_order() -> None:
    """A window that slid along with us would hold orders back that the venue takes."""
    desk = spent(10, at_ns=EDGE_NS + 9 * S)

    turn_budget(desk, EDGE_NS + 10 * S - 1)
    before = counts(desk)
    turn_budget(desk, EDGE_NS + 10 * S)

    assert (before, counts(desk)) == ([10, 10], [0, 10])


def test_the_minute_holds_when_its_ten_seconds_would_not() -> None:
    desk = spent()
    for window in (1, 2, 3):
        turn_budget(desk, EDGE_NS + window * 10 * S)
        spend_orders(desk, ORDERS_10S)
    turn_budget(desk, EDGE_NS + 40 * S)

    assert counts(desk) == [0, ORDERS_1M]
    assert orders_left(desk) == 0
    turn_budget(desk, EDGE_NS + MINUTE)
    assert orders_left(desk) == ORDERS_10S


@pytest.mark.parametrize(
    ("orders", "interval_ns"),
    [(0, 0), (239, 0), (240, S), (300, S)],
)
def test_requotes_slow_down_from_four_fifths_of_a_window_on(orders: int, interval_ns: int) -> None:
    assert requote_interval_ns(spent(orders)) == interval_ns


def test_the_minutes_four_fifths_slow_requotes_too() -> None:
    desk = spent(240)
    for window in (1, 2, 3):
        turn_budget(desk, EDGE_NS + window * 10 * S)
        spend_orders(desk, 240)
    turn_budget(desk, EDGE_NS + 40 * S)

    assert counts(desk) == [0, 960]
    assert requote_interval_ns(desk) == S


@pytest.mark.parametrize("back_ns", [1, S, 10 * S, 25 * S, 24 * 60 * MINUTE])
def test_a_clock_that_is_set_back_gives_no_fresh_budget(back_ns: int) -> None:
    """The venue goes on counting in the window that it was in."""
    desk = spent()

    turn_budget(desk, EDGE_NS - back_ns)

    assert orders_left(desk) == 0


def test_a_clock_that_leapt_ahead_and_was_set_right_holds_the_desk_no_longer_than_a_window() -> (
    None
):
    desk = new_desk()
    turn_budget(desk, MINUTE)
    turn_budget(desk, 24 * 60 * MINUTE)
    spend_orders(desk, ORDERS_10S)

    turn_budget(desk, 2 * MINUTE)
    assert orders_left(desk) == 0
    turn_budget(desk, 3 * MINUTE)

    assert counts(desk) == [0, 0]
