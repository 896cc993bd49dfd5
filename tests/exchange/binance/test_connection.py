"""Connection policy: waits between tries, and the silence that ends a connection."""

from hypothesis import given
from hypothesis import strategies as st

from exchange.binance.connection import Backoff, Freshness


def test_waits_double_up_to_their_bound() -> None:
    backoff = Backoff(lambda: 1.0, first_ms=100, most_ms=500)

    assert [backoff.next_ms() for _ in range(5)] == [100, 200, 400, 500, 500]


def test_a_success_starts_the_waits_over() -> None:
    backoff = Backoff(lambda: 1.0, first_ms=100)
    backoff.next_ms()

    backoff.reset()

    assert backoff.next_ms() == 100


@given(st.floats(0, 1, exclude_max=True))
def test_jitter_keeps_each_wait_within_its_upper_half(drawn: float) -> None:
    """Never zero: a venue that refuses at once must not be hammered."""
    assert 50 <= Backoff(lambda: drawn, first_ms=100).next_ms() <= 100


def test_a_connection_is_stale_once_its_deadline_passed_in_silence() -> None:
    freshness = Freshness(deadline_ns=100)
    freshness.heard(1_000)

    assert not freshness.stale(1_099)
    assert freshness.left_ns(1_099) == 1
    assert freshness.stale(1_100)


def test_hearing_anything_makes_it_fresh_again() -> None:
    freshness = Freshness(deadline_ns=100)
    freshness.heard(1_000)

    freshness.heard(1_090)

    assert not freshness.stale(1_150)
