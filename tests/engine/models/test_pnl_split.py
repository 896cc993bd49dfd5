"""Profit attribution adds up, always: against cash and stock counted apart."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.models.pnl_split import PnlSplit
from tests.naive.statistics import split_with_mids_off_the_path


def test_the_reference_s_session() -> None:
    """Three fills, one funding payment received by a short."""
    split = PnlSplit(100.0)
    split.receive_fill(1, 99.95, 0.01999, mid=100.0)
    split.receive_fill(-1, 100.25, 0.02005, mid=100.2)
    split.receive_fill(-2, 100.15, 0.04006, mid=100.1)
    split.receive_funding(0.0001, 100.1)
    split.receive_mid(99.9)

    found = split.read()
    assert (found.spread, found.inventory, found.fees) == pytest.approx((0.2, 0.6, -0.0801))
    assert (found.funding, found.total, found.q) == pytest.approx((0.02002, 0.73992, -2))


Event = tuple[str, *tuple[float, ...]]

events = st.lists(
    st.one_of(
        st.tuples(st.just("mid"), st.floats(50, 150)),
        st.tuples(
            st.just("fill"),
            st.integers(-5, 5),
            st.floats(50, 150),
            st.floats(-1, 1),
            st.floats(50, 150),
        ),
        st.tuples(st.just("funding"), st.floats(-0.001, 0.001), st.floats(50, 150)),
    ),
    max_size=60,
)


@given(events=events, q=st.integers(-5, 5))
def test_parts_add_up_to_cash_and_stock(events: list[Event], q: int) -> None:
    """Whatever happens in whatever order, to a billionth of what was turned over."""
    split, mid, held, cash, turnover = PnlSplit(100.0, q), 100.0, float(q), 0.0, 1000.0
    for kind, *values in events:
        getattr(split, f"receive_{kind}")(*values)
        if kind == "mid":
            mid = values[0]
        elif kind == "fill":
            dq, price, fee, mid = values
            held, cash = held + dq, cash - dq * price - fee
            turnover += abs(dq) * price
        else:
            cash -= held * values[0] * values[1]

    found = split.read()
    assert found.total == pytest.approx(cash + held * mid - q * 100.0, abs=1e-9 * turnover)
    assert found.q == held


def test_a_fill_whose_mid_is_off_the_path_breaks_the_sum() -> None:
    """Bought at 99 with the mid at 100.4, on a path that is only known to go from 100 to 101."""
    split = PnlSplit(100.0)
    split.receive_fill(1, 99.0, 0.0, mid=100.4)
    split.receive_mid(101.0)

    trapped = split_with_mids_off_the_path(np.array([100.0, 101.0]), [(0, 1, 99.0, 100.4)])

    assert split.read().total == pytest.approx(101.0 - 99.0)
    assert trapped == pytest.approx(2.4)
