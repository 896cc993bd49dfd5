"""Flicker statistics: laws that give the study's "2 % of minutes above 3.1"; none is the reason."""

import math

import numpy as np
import pytest

from engine.models.chi_square import chi_square_below
from engine.models.flicker import flicker_ratio
from engine.models.flicker_alarm import CUT
from exchange.jit import FloatArray


def poisson(mean: float) -> FloatArray:
    """float64[n], the chances of 0, 1, 2 ... moves."""
    n = np.arange(int(mean + 12 * math.sqrt(mean)) + 20)
    chances = np.exp(n * math.log(mean) - mean - np.array([math.lgamma(x + 1.0) for x in n]))
    return np.asarray(chances)


def share_above_cut(moves_a_side: float) -> float:
    """P(D > 3.1) of two sides that move by one tick, alike and unaware of each other."""
    chance = poisson(moves_a_side)
    moves = range(chance.size)
    above = np.array([[flicker_ratio(own, other, 1.0) > CUT for other in moves] for own in moves])
    return float(chance @ above @ chance)


@pytest.mark.parametrize(
    ("moves_a_side", "share"),
    [(0.75, 0.02), (2.0, 0.048), (5.9, 0.02), (10.0, 0.0065), (15.0, 0.0017)],
)
def test_independent_sides_cross_the_cut_as_often_as_their_activity_says(
    moves_a_side: float, share: float
) -> None:
    """Summed exactly: 2 % at two activities, more between them and less beyond."""
    assert share_above_cut(moves_a_side) == pytest.approx(share, rel=0.05)


def test_a_chi_square_over_its_mean_has_the_study_s_tail_at_3_44() -> None:
    """The shape that the study drew, fitted to the one point that it gave."""
    assert 1.0 - chi_square_below(CUT * 3.44, 3.44) == pytest.approx(0.02, rel=0.005)


def test_a_ratio_of_two_such_has_it_at_14_3() -> None:
    """F(nu, nu), by the integral of its beta law: the ratio of two path lengths, if smooth."""
    half, cut = 14.3 / 2.0, CUT / (1.0 + CUT)
    x = (np.arange(200_000) + 0.5) / 200_000
    density = (x * (1.0 - x)) ** (half - 1.0)

    assert density[x > cut].sum() / density.sum() == pytest.approx(0.02, rel=0.01)
