"""When the timed streams speak."""

from exchange.paper.pubsub.period_clock import Metronome


def test_a_beat_comes_every_fifty_milliseconds() -> None:
    metronome = Metronome(1_020)

    assert [ms for ms in range(1_020, 1_200, 5) if metronome.advance(ms)] == [1_050, 1_100, 1_150]


def test_what_was_slept_through_falls_due_once() -> None:
    metronome = Metronome(980)

    assert metronome.advance(3_010)
    assert metronome.due(1000)
    assert metronome.advance(3_050)
    assert not metronome.due(1000)
