"""Side breakers: what keeps one side from hammering a venue that says no."""

from engine.core.desk_layout import (
    BREAKER_CODE,
    BREAKER_OPEN_UNTIL_NS,
    BREAKER_REFUSALS,
    BREAKER_STEP_AWAY_TICKS,
    BREAKER_WAITS_FOR_TOUCH,
    side_breaker,
)
from exchange.jit import IntArray, njit

BREAKER_AFTER = 3
"""Identical refusals in a row, without an acceptance between, that open a side's breaker."""
BREAKER_OPEN_NS = 5_000_000_000


@njit
def refuse_side(desk: IntArray, side: int, code: int, mono_ns: int) -> bool:
    """Count a refusal; True when it opens the breaker."""
    breaker = side_breaker(desk, side)
    again = code == breaker[BREAKER_CODE]
    breaker[BREAKER_REFUSALS] = breaker[BREAKER_REFUSALS] + 1 if again else 1
    breaker[BREAKER_CODE] = code
    if breaker[BREAKER_REFUSALS] < BREAKER_AFTER:
        return False
    # Half open afterwards: one more refusal opens it again at once.
    breaker[BREAKER_REFUSALS] = BREAKER_AFTER - 1
    breaker[BREAKER_OPEN_UNTIL_NS] = mono_ns + BREAKER_OPEN_NS
    return True


@njit
def accept_side(desk: IntArray, side: int) -> None:
    """The venue took an order."""
    breaker = side_breaker(desk, side)
    breaker[BREAKER_REFUSALS] = breaker[BREAKER_CODE] = breaker[BREAKER_STEP_AWAY_TICKS] = 0


@njit
def step_away(desk: IntArray, side: int) -> None:
    """Refused as a taker: a tick further from the touch, once the touch has changed."""
    breaker = side_breaker(desk, side)
    breaker[BREAKER_WAITS_FOR_TOUCH] = breaker[BREAKER_STEP_AWAY_TICKS] = 1


@njit
def touch_changed(desk: IntArray) -> None:
    """What waited for the touch to change waits no longer."""
    side_breaker(desk, 1)[BREAKER_WAITS_FOR_TOUCH] = 0
    side_breaker(desk, -1)[BREAKER_WAITS_FOR_TOUCH] = 0


@njit
def side_closed_ns(desk: IntArray, side: int, mono_ns: int) -> int:
    """How much longer a side's breaker stays open."""
    return int(max(side_breaker(desk, side)[BREAKER_OPEN_UNTIL_NS] - mono_ns, 0))


@njit
def refusal_code(desk: IntArray, side: int) -> int:
    """The code of a side's last refusal; 0 since an acceptance."""
    return int(side_breaker(desk, side)[BREAKER_CODE])


@njit
def ticks_away(desk: IntArray, side: int) -> int:
    """How far a side stays from the opposite touch, beyond its best price."""
    return int(side_breaker(desk, side)[BREAKER_STEP_AWAY_TICKS])
