"""Quoting policy table, read at whole fills, between them and beyond its end."""

import math

import numpy as np
import pytest

from engine.models.glft import closed_policy
from engine.models.policy import Policy, empty_table, table_offsets
from engine.models.spectral import stationary_policy
from tests.engine.models.markets import calm, steep


@pytest.mark.parametrize("lots", range(-30, 31))
def test_reading_a_whole_inventory_gives_its_row(lots: int) -> None:
    """nan included: no bid when full, no ask when empty."""
    policy = stationary_policy(steep())
    row = policy.table.reshape(-1, 2)[lots + 30]

    assert policy.depths(lots) == pytest.approx(tuple(row), rel=1e-12, abs=1e-12, nan_ok=True)


def test_partly_filled_order_leans_the_quotes_by_its_share() -> None:
    """Between whole fills the closed form, a straight line, is met exactly."""
    half_spread, inventory_skew = table_offsets(closed_policy(calm()).table, 2.25)

    assert half_spread == pytest.approx(3.31291519856, rel=1e-9)
    assert inventory_skew == pytest.approx(2.25 * 0.0678658325309, rel=1e-9)


def test_offsets_at_the_bound_keep_the_last_known_spread() -> None:
    """So that factors on spread and inventory skew also work where only one side is quoted."""
    policy = stationary_policy(calm())
    half_spread, inventory_skew = table_offsets(policy.table, 10)

    assert half_spread - inventory_skew == pytest.approx(0.943776038101, rel=1e-9)
    assert half_spread == pytest.approx(sum(policy.depths(9)) / 2, rel=1e-12)


def test_inventory_beyond_the_bound_quotes_as_at_the_bound() -> None:
    """A position taken over from before must still find its way out."""
    policy = stationary_policy(calm())

    assert table_offsets(policy.table, 12.5) == table_offsets(policy.table, 10.0)
    assert math.isnan(policy.depths(12.5)[0])


def test_no_bid_when_a_whole_fill_would_break_the_bound() -> None:
    """At nine and a half of ten there is no room for one more."""
    bid, ask = stationary_policy(calm()).depths(9.5)

    assert math.isnan(bid)
    assert ask > 0


def test_symmetric_maker_stands_still_until_full() -> None:
    """The benchmark that every other policy has to improve on."""
    table = Policy.symmetric(3.0, 2).table

    assert np.array_equal(table, [3, math.nan, 3, 3, 3, 3, 3, 3, math.nan, 3], equal_nan=True)


def test_table_without_room_for_one_fill_is_refused() -> None:
    """Its reader would step over the end."""
    with pytest.raises(ValueError, match="bound"):
        empty_table(0)
