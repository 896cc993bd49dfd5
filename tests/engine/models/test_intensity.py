"""Counting and fitting market-order arrivals, against hand counts and known truths."""

import math

import numpy as np
import pytest

from engine.models.intensity import count_reaching, fit_log_linear


def test_an_arrival_counts_at_every_level_it_reached() -> None:
    """A print 1.5 ticks deep would have filled quotes at half, one and one and a half."""
    counts = np.zeros(6)

    reached = count_reaching(np.array([0.5, 1.5]), counts)

    assert counts.tolist() == [2, 1, 1, 0, 0, 0]
    assert reached == 3


def test_prints_on_the_wrong_side_of_the_mid_count_nowhere() -> None:
    """A stale mid makes negative depths; they say nothing about the book's depth."""
    counts = np.zeros(4)

    assert count_reaching(np.array([-2.0, 0.0]), counts) == 0


def test_a_print_beyond_the_last_level_counts_at_all_of_them() -> None:
    """A sweep deeper than the window is still an arrival."""
    counts = np.zeros(3)

    assert count_reaching(np.array([100.0]), counts) == 3


def test_levels_are_labelled_by_their_true_depth_and_sides_are_parted() -> None:
    """The reference's least squares row, whose five counts are of one side at 0.5 .. 2.5 ticks."""
    one_side = np.array([500.0, 420, 350, 300, 245])

    A, k = fit_log_linear(2 * one_side, 5, 600.0)

    assert A == pytest.approx(0.995598991321, rel=1e-9)
    assert k == pytest.approx(0.352634402475, rel=1e-9)


def test_an_exact_exponential_is_recovered() -> None:
    """Counts that follow the law to the letter give its A and k back."""
    depths = 0.5 * np.arange(1, 41)
    counts = 2 * 600.0 * 1.2 * np.exp(-0.35 * depths)

    A, k = fit_log_linear(counts, 40, 600.0)

    assert (A, k) == pytest.approx((1.2, 0.35), rel=1e-9)


def test_intensity_that_does_not_decay_is_no_fit() -> None:
    """k at or below zero would be the logarithm of a negative number further on."""
    A, k = fit_log_linear(np.full(5, 10.0), 5, 60.0)

    assert math.isnan(A)
    assert math.isnan(k)
