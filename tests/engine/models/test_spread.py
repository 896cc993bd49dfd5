"""Noise model against its printed optimum, the study's three quotes, and simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.models.spread import (
    best_half_spread,
    best_off_centre,
    expected_gain,
    gain_curve,
    mills,
    noise_spread,
    sample_gain,
    tail,
)
from tests.naive.spread import best_half_spread_by_difference, mills_by_division

fees = st.floats(-20.0, 3.0)


@pytest.mark.parametrize(
    ("x", "probability", "gain", "study"),
    [
        (1.0, 0.31731051, 0.0126924203145, 0.0128),
        (0.75, 0.4532547, 0.0135976411426, 0.0135),
        (0.5, 0.61707508, 0.012341501549, 0.0122),
        (0.751791524694, None, 0.0135976965984, 0.0135),
    ],
)
def test_gain_of_the_study_s_quotes(
    x: float, probability: float | None, gain: float, study: float
) -> None:
    """Sigma of four cents; the study rounds the probabilities to whole per cents."""
    assert 0.04 * expected_gain(x, 0.0, 0.0) == pytest.approx(gain, rel=1e-9)
    assert gain == pytest.approx(study, abs=2e-4)
    if probability is not None:
        assert 2 * tail(x) == pytest.approx(probability, rel=1e-7)


@pytest.mark.parametrize(
    ("c", "x", "gain"),
    [
        (-0.5, 1.11732711582, 0.162884528611),
        (0.0, 0.751791524694, 0.33994241496),
        (0.25, 0.582147751428, 0.466391489631),
        (1.0, 0.131735989962, 1.01312226928),
    ],
)
def test_best_half_spread_under_fee_and_rebate(c: float, x: float, gain: float) -> None:
    """A fee pushes the quotes out, a rebate draws them in."""
    assert best_half_spread(c) == pytest.approx(x, rel=1e-9)
    assert expected_gain(best_half_spread(c), c, 0.0) == pytest.approx(gain, rel=1e-9)


def test_best_half_spread_to_the_last_digit() -> None:
    """The product's own constant."""
    assert best_half_spread(0.0) == pytest.approx(0.75179152469356445746, rel=1e-15)


@pytest.mark.parametrize("c", [math.sqrt(math.pi / 2), 1.3, 10.0])
def test_a_rebate_large_enough_wants_every_fill(c: float) -> None:
    """Then any distance only loses fills."""
    assert best_half_spread(c) == 0.0


@given(c=fees)
def test_neighbours_of_the_best_gain_no_more(c: float) -> None:
    """A maximum by its own definition, for any fee."""
    x = best_half_spread(c)

    gains = [expected_gain(max(x + d, 0.0), c, 0.0) for d in (-0.01, 0.0, 0.01)]
    assert gains[1] >= max(gains) * (1 - 1e-12)


@pytest.mark.parametrize(
    ("m", "gain"),
    [(0.0, 0.339941028565), (0.25, 0.312924023294), (0.5, 0.232385635663), (1.0, -0.0795730569091)],
)
def test_drift_eats_the_gain(m: float, gain: float) -> None:
    """At three quarters of a sigma; a drift of one sigma a period turns it negative."""
    assert expected_gain(0.75, 0.0, m) == pytest.approx(gain, rel=1e-9)


@given(c=st.floats(-3.0, 2.0))
def test_scan_finds_the_root_when_the_centre_is_right(c: float) -> None:
    """The general search against the exact one."""
    assert best_off_centre(c, 0.0) == pytest.approx(best_half_spread(c), abs=1e-6)


@given(x=st.floats(0.0, 5.0), c=st.floats(-1.0, 1.0), m=st.floats(0.0, 3.0))
def test_nothing_beats_the_scan_off_centre(x: float, c: float, m: float) -> None:
    """Whatever half spread one names; and up or down is all the same."""
    best = expected_gain(best_off_centre(c, m), c, m)

    assert best >= expected_gain(x, c, m) - 1e-9
    assert expected_gain(x, c, -m) == pytest.approx(expected_gain(x, c, m), abs=1e-12)


@pytest.mark.parametrize("x", [0.0, 1.0, 5.999, 6.0, 6.001, 20.0])
def test_mills_ratio_agrees_with_the_division_where_that_works(x: float) -> None:
    """On both sides of the seam between series and fraction."""
    assert mills(x) == pytest.approx(mills_by_division(x), rel=1e-11)


def test_mills_ratio_goes_on_where_the_division_ends() -> None:
    """From x near 38 tail and density are both nought; the ratio is still 1/x."""
    assert not mills_by_division(40.0) > 0.0
    assert mills(40.0) == pytest.approx(1 / 40 - 1 / 40**3, rel=1e-5)


def test_a_heavy_fee_does_not_lose_the_root() -> None:
    """At a fee of 45 sigmas the naive difference is 0 all over and stays at its bracket's end."""
    x = best_half_spread(-45.0)

    assert mills(x) - x == pytest.approx(-45.0, rel=1e-12)
    assert best_half_spread_by_difference(-45.0) != pytest.approx(x, rel=1e-6)


def test_curve_is_concave_up_to_root_two_and_convex_after() -> None:
    """The study calls the whole of it convex."""
    x = np.arange(0.0, 4.0, 0.01)
    out = np.empty(x.size)
    gain_curve(x, 1.0, 0.0, 0.0, out)

    bend = np.diff(out, 2)
    assert (bend[x[1:-1] < 1.41] < 0).all()
    assert (bend[x[1:-1] > 1.42] > 0).all()


def test_sample_s_own_curve_comes_to_the_normal_one() -> None:
    """A hundred thousand normal deviations of two ticks, half a tick of fee."""
    half_spreads = np.linspace(0.1, 5.0, 12)
    seen, expected = np.empty(12), np.empty(12)

    sample_gain(2 * np.random.default_rng(1).standard_normal(100_000), half_spreads, -0.5, seen)
    gain_curve(half_spreads, 2.0, -0.5, 0.0, expected)

    assert seen == pytest.approx(expected, abs=0.03)


def test_a_quote_just_touched_is_not_filled() -> None:
    """A side fills when its quote is passed."""
    out = np.empty(2)

    sample_gain(np.array([-1.0, 0.0, 1.0, 2.0]), np.array([1.0, 0.5]), 0.0, out)

    assert out.tolist() == [0.25, 0.5 * 0.75]


@given(scale=st.floats(0.1, 100.0), level=st.floats(-1e4, 1e4))
def test_finer_ticks_scale_the_window_s_answer(scale: float, level: float) -> None:
    """Sixty seconds of mids, seen on another grid and elsewhere in price."""
    mids = np.random.default_rng(2).standard_normal(60)
    one, other = noise_spread(mids, -0.1), noise_spread(level + scale * mids, -0.1 * scale)

    assert one is not None
    assert other is not None
    assert other.half_spread_ticks == pytest.approx(scale * one.half_spread_ticks, rel=1e-6)
    assert other.gain_ticks == pytest.approx(scale * one.gain_ticks, rel=1e-6)


def test_window_that_moved_says_so() -> None:
    """A price that went somewhere is not noise, and the model does not hold."""
    trend = noise_spread(np.arange(60.0), 0.0)

    assert trend is not None
    assert trend.shift_ticks == pytest.approx(30.0)
    assert noise_spread(np.full(60, 7.0), 0.0) is None
