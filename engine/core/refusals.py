"""Reject policy: what each refusal of the venue means for a maker; policy, not exceptions.

Source: the venue reference, section 10. Codes not listed close one side for a while after
three in a row, which is the safe reading of a refusal that nobody foresaw.
"""

from enum import IntEnum

import numpy as np

from exchange.jit import njit


class RejectAction(IntEnum):
    """How the desk takes a refused placement."""

    BREAKER = 0
    """Drop it; three in a row close the side for a while."""
    STEP_AWAY = 1
    """It would have taken: one tick away, at the next change of the touch."""
    RESYNC_CLOCK = 2
    """Our clock or our sending is late: measure again, stop placing for a while."""
    THROTTLE = 3
    """A limit is used up: place nothing until the window has turned."""
    PROVE = 4
    """An order with this id exists: ask for it, never place again."""
    HALT = 5
    """Keys, permissions or account: nothing will work until a person mends it."""


_POLICIES = {
    RejectAction.STEP_AWAY: (-5022,),
    RejectAction.RESYNC_CLOCK: (-1021, -5028),
    RejectAction.THROTTLE: (-1003, -1008, -1015),
    RejectAction.PROVE: (-4116,),
    RejectAction.HALT: (
        *(-1002, -1011, -1016, -1022, -1121, -1122, -2014, -2015, -2017, -2023),
        *(-4061, -4087, -4088, -4109, -4140, -4141),
    ),
}
_UNFORESEEN = int(RejectAction.BREAKER)
_CODES = np.array([code for codes in _POLICIES.values() for code in codes])
_ACTIONS = np.array([int(action) for action, codes in _POLICIES.items() for _ in codes])


@njit
def reject_action(code: int) -> int:
    """The ``RejectAction`` for a refused placement's code."""
    for i in range(_CODES.size):
        if _CODES[i] == code:
            return int(_ACTIONS[i])
    return _UNFORESEEN
