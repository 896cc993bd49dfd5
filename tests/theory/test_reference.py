"""Reference price: when another market is trusted, when not, and how it is let back in."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.theory.reference import Band, ReferenceBand, basis_of, blend, consensus

BAND = Band(
    weight=0.7, z_max=3.0, max_age_s=1.0, floor_ticks=0.02, window=50, fewest=3, readmit_after=4
)


def taught(band: Band = BAND) -> ReferenceBand:
    """A band that has seen the reference's three pairs."""
    reference = ReferenceBand(band)
    for local, other in [(50.2, 50.0), (50.3, 50.05), (50.25, 50.1)]:
        reference.receive(local, other, 0.0)
    return reference


def test_basis_and_scale_of_the_reference_s_window() -> None:
    """Medians of .2, .25 and .15."""
    assert basis_of([0.2, 0.25, 0.15], 0.02) == pytest.approx((0.2, 0.07413), rel=1e-9)


def test_a_reference_four_scales_off_is_rejected() -> None:
    """The local price stands alone, and the log gets one line."""
    verdict = taught().receive(50.6, 50.1, 0.0)

    assert verdict.z == pytest.approx(4.04694455686, rel=1e-9)
    assert (verdict.accepted, verdict.alarm, verdict.fair) == (False, True, 50.6)


def test_a_wider_band_lets_it_in() -> None:
    """Seven parts of reference and basis, three of local."""
    verdict = taught(Band(0.7, 8.0, 1.0, 0.02, 50, 3, 4)).receive(50.6, 50.1, 0.0)

    assert verdict.accepted
    assert verdict.fair == pytest.approx(50.39, rel=1e-9)


def test_a_rejected_reference_teaches_nothing() -> None:
    """However long it misbehaves, the basis is what it was."""
    reference = taught()
    for _ in range(100):
        verdict = reference.receive(50.0, 60.0, 0.0)

    assert verdict.basis == pytest.approx(0.2)
    assert not verdict.alarm


def test_it_is_let_back_in_after_enough_good_samples_in_a_row() -> None:
    """Three good, one bad, and the count starts again."""
    reference = taught()
    reference.receive(50.0, 60.0, 0.0)

    good = [reference.receive(50.2, 50.0, 0.0).accepted for _ in range(3)]
    reference.receive(50.0, 60.0, 0.0)
    again = [reference.receive(50.2, 50.0, 0.0).accepted for _ in range(5)]

    assert good == [False] * 3
    assert again == [False, False, False, True, True]


@pytest.mark.parametrize(("other", "age_s"), [(50.0, 1.0), (math.nan, 0.0)])
def test_an_old_or_missing_reference_is_rejected(other: float, age_s: float) -> None:
    """Its last price may be anything by now."""
    verdict = taught().receive(50.2, other, age_s)

    assert (verdict.accepted, verdict.fair) == (False, 50.2)


def test_nobody_is_believed_before_the_basis_is_known() -> None:
    """Two samples are no median."""
    reference = ReferenceBand(BAND)

    assert [reference.receive(50.2, 50.0, 0.0).accepted for _ in range(4)] == [
        *[False] * 3,
        True,
    ]


def test_a_quiet_window_has_the_floor_for_scale() -> None:
    """Otherwise a single tick would be infinitely many scales."""
    assert basis_of([1.0] * 20, 0.5) == (1.0, 0.5)


@given(local=st.floats(-1e6, 1e6), reference=st.floats(-1e6, 1e6), weight=st.floats(0, 1))
def test_blend_lies_between_what_it_blends(local: float, reference: float, weight: float) -> None:
    """No weight can carry it outside."""
    fair = blend(local, reference, 0.0, weight)

    assert min(local, reference) - 1e-6 <= fair <= max(local, reference) + 1e-6


@given(haywire=st.floats(-1e9, 1e9))
def test_one_haywire_venue_of_three_cannot_drag_the_consensus(haywire: float) -> None:
    """The median stays between the two that agree."""
    assert 100.0 <= consensus([100.0, 101.0, haywire]) <= 101.0


def test_one_venue_is_no_consensus() -> None:
    """Two at least."""
    assert math.isnan(consensus([100.0]))
    assert consensus([100.0, 101.0]) == 100.5
