"""Fill intensity of our own quotes: A and k from their life."""

import numpy as np
import pytest

from engine.core import orders
from engine.core.desk_layout import new_desk
from engine.core.order_names import OrderName
from engine.core.orders import OrderTable
from engine.core.own_intensity import OwnIntensity
from exchange.types import Side


def stand(table: OrderTable, side: Side, price_ticks: int, state: int = orders.RESTING) -> None:
    table.add(OrderName(1, price_ticks), side, price_ticks, 3, 0, state)


@pytest.mark.parametrize("mid", [1000.0, 1000.5])
def test_fills_by_depth_give_the_rates_that_made_them(mid: float) -> None:
    """Two quotes a side for an hour, filled as A 2 and k 0.2 fill them, at either parity."""
    table, own = OrderTable(new_desk()), OwnIntensity()
    for side in Side:
        for depth in (5, 10):
            stand(table, side, 1000 - side * depth)
    own.step(table, mid, 3600.0)
    random = np.random.default_rng(2)
    for at_fill in (5 + mid - 1000, 5 - mid + 1000, 10 + mid - 1000, 10 - mid + 1000):
        for _ in range(random.poisson(2.0 * np.exp(-0.2 * at_fill) * 3600.0)):
            own.fill(at_fill)

    fit = own.read()
    assert fit is not None
    assert fit.A_per_s == pytest.approx(2.0, rel=0.15)
    assert fit.k_per_tick == pytest.approx(0.2, rel=0.1)
    assert fit.A_interval[0] < fit.A_per_s < fit.A_interval[1]


def test_only_resting_orders_are_exposed() -> None:
    """One that the venue has not confirmed cannot be filled at its place in the queue."""
    table, own = OrderTable(new_desk()), OwnIntensity()
    for state in (orders.PLACED, orders.ACKED, orders.UNKNOWN):
        stand(table, Side.BUY, 995, state)
    stand(table, Side.BUY, 990)
    own.step(table, 1000.0, 1.0)
    own.fill(10.0)
    own.fill(10.0)

    assert own.read() is None


def test_a_stated_interval_of_our_own_rate_holds_it() -> None:
    """Its error is carried to the mid along k: 57 fills at ten ticks say little of A."""
    table, own = OrderTable(new_desk()), OwnIntensity()
    for depth in (8, 12):
        stand(table, Side.BUY, 1000 - depth)
    own.step(table, 1000.5, 400.0)
    for _ in range(40):
        own.fill(8.5)
    for _ in range(17):
        own.fill(12.5)

    fit = own.read()
    assert fit is not None
    assert fit.A_interval[1] / fit.A_interval[0] > 4.0


def test_without_fills_there_is_no_fit() -> None:
    """A quiet hour is not an intensity of nought."""
    table, own = OrderTable(new_desk()), OwnIntensity()
    stand(table, Side.SELL, 1005)
    own.step(table, 1000.0, 3600.0)

    assert own.read() is None
