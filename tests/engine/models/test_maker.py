"""Market-making figures: fill ratio, uptime and half-life, against what one can count by hand."""

import math

import numpy as np
import pytest

from engine.models.maker import best_working, inventory_half_life, quote_uptime, share


def wandering_inventory(phi: float, seed: int, n: int = 50_000) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal(n)
    q = np.zeros(n)
    for i in range(1, n):
        q[i] = phi * q[i - 1] + noise[i]
    return q


def test_share_of_nothing_is_undefined() -> None:
    """A session without orders has no fill ratio, not a bad one."""
    assert share(3.0, 12.0) == 0.25
    assert math.isnan(share(0.0, 0.0))


def test_uptime_wants_both_sides_near_enough() -> None:
    """Ten seconds: both, no ask, ask too far, both."""
    times = np.array([0, 4, 5, 7, 10])
    bid = np.array([2.0, 2, 2, 2, 2])
    ask = np.array([2.0, math.nan, 9, 3, 2])

    assert quote_uptime(times, bid, ask, 3.0) == pytest.approx(0.7)


def test_best_working_looks_only_at_orders_that_work() -> None:
    """States 2 to 4 work; better prices in the states 1 and 5 do not."""
    state = np.array([2, 3, 4, 1, 2, 5, 4, 0])
    side = np.array([1, 1, 1, 1, -1, -1, -1, -1])
    price = np.array([98, 99, 97, 100, 104, 102, 103, 101])

    assert best_working(state, side, price, 2, 4) == (99, 103)
    assert best_working(state, side, price, 6, 6) == (0, 0)


def test_a_session_without_length_has_no_uptime() -> None:
    """One state, no time."""
    one = np.array([1.0])

    assert math.isnan(quote_uptime(np.array([5]), one, one, 3.0))
    assert math.isnan(quote_uptime(np.array([], dtype=np.int64), one[:0], one[:0], 3.0))


@pytest.mark.parametrize("phi", [0.5, 0.9, 0.98])
def test_half_life_of_a_known_inventory(phi: float) -> None:
    """Sampled every two seconds."""
    q = wandering_inventory(phi, seed=1) + 7.0

    expected = 2.0 * math.log(0.5) / math.log(phi)
    assert inventory_half_life(q, 2.0) == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize(
    "q", [np.zeros(50), np.array([1.0, 2.0]), np.array([1.0, -1.0] * 20), 1.1 ** np.arange(40.0)]
)
def test_inventory_that_does_not_decay_has_no_half_life(q: np.ndarray) -> None:
    """Still, too short, flipping, and running away."""
    assert math.isnan(inventory_half_life(q, 1.0))
