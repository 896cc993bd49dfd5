"""Period clock: when the timed streams publish."""

from exchange.paper.pubsub.period_clock import PeriodClock


def test_a_beat_comes_every_fifty_milliseconds() -> None:
    period_clock = PeriodClock(1_020)

    assert [ms for ms in range(1_020, 1_200, 5) if period_clock.advance(ms)] == [
        1_050,
        1_100,
        1_150,
    ]


def test_what_was_slept_through_falls_due_once() -> None:
    period_clock = PeriodClock(980)

    assert period_clock.advance(3_010)
    assert period_clock.due(1000)
    assert period_clock.advance(3_050)
    assert not period_clock.due(1000)
