"""Reject policy: what each refusal of the venue means for a maker; policy, not exceptions.

Source: the venue reference, section 10. Codes not listed close one side for a while after
three in a row, which is the safe reading of a refusal that nobody foresaw.
"""

from enum import Enum, auto


class RejectAction(Enum):
    """How the desk takes a refused placement."""

    BREAKER = auto()
    """Drop it; three in a row close the side for a while."""
    STEP_AWAY = auto()
    """It would have taken: one tick away, at the next change of the touch."""
    RESYNC_CLOCK = auto()
    """Our clock or our sending is late: measure again, stop placing for a while."""
    THROTTLE = auto()
    """A limit is used up: place nothing until the window has turned."""
    PROVE = auto()
    """An order with this id exists: ask for it, never place again."""
    HALT = auto()
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
_BY_CODE = {code: policy for policy, codes in _POLICIES.items() for code in codes}


def reject_action(code: int) -> RejectAction:
    """The policy for a refused placement's code."""
    return _BY_CODE.get(code, RejectAction.BREAKER)
