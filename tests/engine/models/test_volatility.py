"""Realised volatility against the reference's row and against gaps in the sample."""

import math

import numpy as np
import pytest

from engine.models.volatility import realised_sigma

PRICES = np.array([100, 100.5, 100, 101.5, 101, 101.5, 102.5, 102, 103])


def test_realised_volatility_of_the_reference_s_prices() -> None:
    """Nine prices 100 ms apart."""
    assert realised_sigma(PRICES, 0.1) == pytest.approx(2.62202212043, rel=1e-9)


def test_a_moment_without_a_book_is_left_out_and_not_taken_for_a_jump() -> None:
    """Both changes that touch the gap go; the rest keep their own time."""
    with_gap = np.array([100, 101, math.nan, 500, 501])

    assert realised_sigma(with_gap, 1.0) == pytest.approx(1.0)


def test_one_change_is_no_volatility() -> None:
    """An estimate from a single change would be a guess."""
    assert math.isnan(realised_sigma(PRICES[:2], 0.1))
