"""Venue clock: the venue's time, derived from ours."""

import math

from hypothesis import given
from hypothesis import strategies as st

from exchange.binance.clock import NS_PER_MS, ClockSample, VenueClock

SECOND_NS = 1_000 * NS_PER_MS


def test_an_unmeasured_clock_is_our_own_and_says_so() -> None:
    """Something must be stamped before the first answer, but nobody should trust it."""
    clock = VenueClock(wall_ns=90 * SECOND_NS, mono_ns=0, safety_margin_ms=50)

    assert clock.timestamp_ms(SECOND_NS) == 91_000 - 50
    assert clock.error_ms == math.inf


def test_the_sample_with_the_smallest_round_trip_is_believed() -> None:
    """Its middle is the nearest to the moment at which the venue read its clock."""
    clock = VenueClock(0, 0, safety_margin_ms=0)

    slow = ClockSample(0, 800 * NS_PER_MS, venue_ms=5_000)
    quick = ClockSample(SECOND_NS, SECOND_NS + 20 * NS_PER_MS, venue_ms=9_000)
    clock.learn([slow, quick])

    assert clock.now_ms(SECOND_NS + 10 * NS_PER_MS) == 9_000
    assert clock.error_ms == 10


def test_the_offset_is_positive_when_our_clock_is_behind() -> None:
    clock = VenueClock(0, 0)

    clock.learn([ClockSample(0, 0, venue_ms=2_000)])

    assert clock.offset_ms(wall_ns=1_500 * NS_PER_MS, mono_ns=0) == 500


@given(
    venue_ahead_ns=st.integers(-(10**15), 10**15),
    there_ns=st.integers(0, 100 * NS_PER_MS),
    back_ns=st.integers(0, 100 * NS_PER_MS),
)
def test_stamps_never_run_ahead_of_the_venue(
    venue_ahead_ns: int, there_ns: int, back_ns: int
) -> None:
    """Up to twice the safety margin of lopsided round trip, which is all one can promise."""
    clock = VenueClock(0, 0, safety_margin_ms=50)
    read_ns = there_ns + venue_ahead_ns

    clock.learn([ClockSample(0, there_ns + back_ns, read_ns // NS_PER_MS)])

    assert clock.timestamp_ms(SECOND_NS) <= (SECOND_NS + venue_ahead_ns) // NS_PER_MS
