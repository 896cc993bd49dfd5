"""Fill intensity of our own quotes: A and k from their life."""

import numpy as np
import pytest

from engine.core import orders
from engine.core.desk_layout import new_desk, new_reals
from engine.core.order_names import OrderName
from engine.core.own_intensity import OwnIntensity, add_exposure, count_own_fill
from exchange.types import Side
from tests.engine.core.blocks import WrittenTable


class Own(OwnIntensity):
    """The intensity of a desk whose orders are put where a test wants them."""

    def __init__(self) -> None:
        self.desk, self.reals = new_desk(), new_reals()
        super().__init__(self.desk, self.reals)

    def stand(self, side: Side, price_ticks: int, state: int = orders.RESTING) -> None:
        name = OrderName(1, price_ticks)
        WrittenTable(self.desk).add(name, side, price_ticks, 3, 0, state)

    def step(self, mid_ticks: float, span_s: float) -> None:
        add_exposure(self.desk, self.reals, mid_ticks, span_s)

    def fill(self, depth_ticks: float) -> None:
        count_own_fill(self.desk, depth_ticks)


@pytest.mark.parametrize("mid", [1000.0, 1000.5])
def test_fills_by_depth_give_the_rates_that_made_them(mid: float) -> None:
    """Two quotes a side for an hour, filled as A 2 and k 0.2 fill them, at either parity."""
    own = Own()
    for side in Side:
        for depth in (5, 10):
            own.stand(side, 1000 - side * depth)
    own.step(mid, 3600.0)
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
    own = Own()
    for state in (orders.PLACED, orders.ACKED, orders.UNKNOWN):
        own.stand(Side.BUY, 995, state)
    own.stand(Side.BUY, 990)
    own.step(1000.0, 1.0)
    own.fill(10.0)
    own.fill(10.0)

    assert own.read() is None


def test_a_stated_interval_of_our_own_rate_holds_it() -> None:
    """Its error is carried to the mid along k: 57 fills at ten ticks say little of A."""
    own = Own()
    for depth in (8, 12):
        own.stand(Side.BUY, 1000 - depth)
    own.step(1000.5, 400.0)
    for _ in range(40):
        own.fill(8.5)
    for _ in range(17):
        own.fill(12.5)

    fit = own.read()
    assert fit is not None
    assert fit.A_interval[1] / fit.A_interval[0] > 4.0


def test_without_fills_there_is_no_fit() -> None:
    """A quiet hour is not an intensity of nought."""
    own = Own()
    own.stand(Side.SELL, 1005)
    own.step(1000.0, 3600.0)

    assert own.read() is None
