"""Markouts: an identity, its errors, and the fills that must wait."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.models.markout import in_bps, later_mids, markout, weighted_mean
from tests.naive.statistics import mean_markout_with_last_mid

SECOND_NS = 1_000_000_000
PATH_NS = np.array([0, 10, 20], dtype=np.int64) * SECOND_NS
PATH = np.array([100.0, 101.0, 99.0])


def row(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float64)


def test_the_reference_s_fill_gave_back_more_than_it_earned() -> None:
    """Bought five under the mid, which then fell by ten."""
    split = markout(row(1), row(99.95), row(1), row(100), row(99.9))

    assert (split.effective, split.realised, split.adverse) == pytest.approx((0.05, -0.05, 0.1))
    assert math.isnan(split.realised_error)
    assert in_bps(split.effective, 100.0) == pytest.approx(5.0)


fills = st.lists(
    st.tuples(
        st.sampled_from([-1.0, 1.0]),
        st.floats(90, 110),
        st.floats(0.1, 10),
        st.floats(90, 110),
        st.one_of(st.just(math.nan), st.floats(90, 110)),
    ),
    min_size=1,
    max_size=30,
)


@given(fills=fills)
def test_effective_is_realised_plus_adverse(fills: list[tuple[float, ...]]) -> None:
    """For any fills, and for the same fills in all three means."""
    split = markout(*(np.array(column) for column in zip(*fills, strict=True)))

    assert split.n + split.left_out == len(fills)
    assert split.effective == pytest.approx(
        split.realised + split.adverse, rel=1e-9, abs=1e-9, nan_ok=True
    )


def test_a_fill_too_young_for_its_horizon_is_left_out() -> None:
    """Marked at the last mid it would look better than any fill that has had its time."""
    sides, prices = row(1, 1), row(99.95, 99.95)
    later = row(99.85, math.nan)

    split = markout(sides, prices, row(1, 1), row(100, 100), later)

    assert (split.n, split.left_out) == (1, 1)
    assert split.realised == pytest.approx(-0.1)
    assert mean_markout_with_last_mid(sides, prices, later, 100.0) == pytest.approx(-0.025)


def test_a_fill_without_a_mid_of_its_own_is_left_out() -> None:
    """The book was lost for a moment; one such fill made every mean undefined."""
    split = markout(row(1, 1), row(99.95, 99.95), row(1, 1), row(math.nan, 100), row(99.9, 99.9))

    assert (split.n, split.left_out) == (1, 1)
    assert split.effective == pytest.approx(0.05)


def test_later_mid_is_the_one_in_force_and_never_beyond_the_path() -> None:
    """A mid stands until the next; after the last nothing is known."""
    out = np.empty(4)

    later_mids(np.array([0, 5, 15, 16]) * SECOND_NS, PATH_NS, PATH, 5 * SECOND_NS, out)

    assert out == pytest.approx([100, 101, 99, math.nan], nan_ok=True)


def test_no_later_mid_before_the_path_begins() -> None:
    """Nor without one."""
    out = np.empty(1)
    later_mids(np.array([-20 * SECOND_NS]), PATH_NS, PATH, SECOND_NS, out)
    assert math.isnan(out[0])

    later_mids(np.array([0]), PATH_NS[:0], PATH[:0], SECOND_NS, out)
    assert math.isnan(out[0])


def test_error_with_equal_weights_is_the_usual_one() -> None:
    """Deviation over the root of n."""
    values = row(1, 4, 2, 7)

    mean, error = weighted_mean(values, np.full(4, 3.0))

    assert mean == pytest.approx(3.5)
    assert error == pytest.approx(values.std(ddof=1) / 2)


def test_no_fill_has_no_markout() -> None:
    """Undefined throughout."""
    split = markout(row(1), row(1), row(1), row(1), row(math.nan))

    assert math.isnan(split.realised)
    assert (split.n, split.left_out) == (0, 1)
