"""Side breakers: what closes a side, and what opens it again."""

from engine.core.breakers import (
    BREAKER_OPEN_NS,
    accept_side,
    refuse_side,
    side_closed_ns,
    step_away,
    touch_changed,
)
from engine.core.desk_layout import (
    BREAKER_STEP_AWAY_TICKS,
    BREAKER_WAITS_FOR_TOUCH,
    new_desk,
    side_breaker,
)
from exchange.jit import IntArray, in_python

S = 1_000_000_000
BID, ASK = 1, -1


def refused(*codes: int, mono_ns: int = 0) -> tuple[IntArray, list[bool]]:
    """A desk whose bids were refused so, and which of the refusals opened the breaker."""
    desk = new_desk()
    return desk, [refuse_side(desk, BID, code, mono_ns) for code in codes]


def distance(desk: IntArray, side: int) -> tuple[int, int]:
    """How many ticks a side steps away, and whether it waits for the touch to change."""
    breaker = in_python(side_breaker)(desk, side)
    return int(breaker[BREAKER_STEP_AWAY_TICKS]), int(breaker[BREAKER_WAITS_FOR_TOUCH])


def test_the_third_refusal_alike_opens_a_breaker() -> None:
    desk, opened = refused(-2019, -2019, -2019, mono_ns=7 * S)

    assert opened == [False, False, True]
    assert side_closed_ns(desk, BID, 7 * S) == BREAKER_OPEN_NS
    assert side_closed_ns(desk, BID, 9 * S) == BREAKER_OPEN_NS - 2 * S
    assert side_closed_ns(desk, BID, 60 * S) == 0
    assert side_closed_ns(desk, ASK, 7 * S) == 0


def test_another_refusal_between_begins_the_count_anew() -> None:
    """Different refusals are different troubles; only one that stays is hammered at."""
    _, opened = refused(-2019, -2019, -4164, -2019, -2019)

    assert opened == [False] * 5


def test_an_acceptance_between_begins_the_count_anew() -> None:
    desk, _ = refused(-2019, -2019)
    accept_side(desk, BID)

    assert [refuse_side(desk, BID, -2019, 0) for _ in range(3)] == [False, False, True]


def test_a_half_open_breaker_opens_again_at_one_refusal() -> None:
    desk, _ = refused(-2019, -2019, -2019)

    assert refuse_side(desk, BID, -2019, BREAKER_OPEN_NS)
    assert side_closed_ns(desk, BID, BREAKER_OPEN_NS) == BREAKER_OPEN_NS


def test_a_half_open_breaker_that_meets_another_refusal_counts_that_one_from_one() -> None:
    desk, _ = refused(-2019, -2019, -2019)

    opened = [refuse_side(desk, BID, -4164, BREAKER_OPEN_NS) for _ in range(3)]

    assert opened == [False, False, True]


def test_an_acceptance_forgets_how_far_to_step_away_and_not_the_touch_that_is_waited_for() -> None:
    """Of a grid some orders may rest while the front one would have taken."""
    desk = new_desk()
    step_away(desk, BID)

    accept_side(desk, BID)

    assert distance(desk, BID) == (0, 1)


def test_a_changed_touch_ends_the_wait_of_both_sides_and_not_their_distance() -> None:
    desk = new_desk()
    for side in (BID, ASK):
        step_away(desk, side)

    touch_changed(desk)

    assert [distance(desk, side) for side in (BID, ASK)] == [(1, 0), (1, 0)]
