"""Operator commands and state: what a console may ask, and what has been decided so far."""

from dataclasses import replace

from engine.core.actions import Action
from engine.core.desk_layout import (
    ADJ1,
    ADJ2,
    DELTA,
    GAMMA,
    PAUSED,
    STOPPING,
)
from engine.core.quoter import Tuning
from exchange.jit import FloatArray, IntArray, njit
from exchange.types import Command, Event


class OperatorCommand(Event, frozen=True, kw_only=True, tag=True):
    """A command from a console, stamped when it reached the engine."""

    action: Action
    name: str = ""
    value: float = 0.0
    expected: float | None = None


class OperatorRefusal(Command, frozen=True, kw_only=True, tag=True):
    """Why the operator's command of this turn was not obeyed, to be told where it came from."""

    text: str


def refusal_among(commands: list[Command]) -> str | None:
    """Why the operator's command was not obeyed, by what the trader gave for it."""
    return next((each.text for each in commands if isinstance(each, OperatorRefusal)), None)


class OperatorState:
    """What the operator has decided so far: a reader of the desk block.

    Args:
        desk: int64[DESK_SIZE].
        reals: float64[REALS_SIZE].
    """

    def __init__(self, desk: IntArray, reals: FloatArray, tuning: Tuning) -> None:
        self._desk, self._reals = desk, reals
        begun = (tuning.gamma, tuning.delta, tuning.adj1, tuning.adj2)
        reals[[GAMMA, DELTA, ADJ1, ADJ2]] = begun

    @property
    def tuning(self) -> Tuning:
        gamma, delta, adj1, adj2 = self._reals[[GAMMA, DELTA, ADJ1, ADJ2]].tolist()
        return Tuning(gamma, delta, adj1, adj2)

    @property
    def paused(self) -> bool:
        return bool(self._desk[PAUSED])

    @property
    def stopping(self) -> bool:
        return bool(self._desk[STOPPING])


LARGEST = 1e9
"""Of any parameter; beyond it the model's numbers overflow."""
TUNABLE = ("gamma", "adj1", "adj2")
_ZERO_IS_SENSE = TUNABLE.index("adj2")


@njit
def is_tunable_to(number: int, value: float) -> bool:
    """May a parameter, by its number in ``TUNABLE``, have this value?"""
    return 0.0 <= value <= LARGEST and (value > 0.0 or number == _ZERO_IS_SENSE)


def retuned(tuning: Tuning, name: str, value: float) -> Tuning | str:
    """The tuning with one parameter moved, or why it cannot be."""
    if name not in TUNABLE:
        return f"{name or 'nothing'} cannot be set while running; {', '.join(TUNABLE)} can"
    number = TUNABLE.index(name)
    if not is_tunable_to(number, value):
        lowest = "at least 0" if number == _ZERO_IS_SENSE else "above 0"
        return f"{name} must be {lowest} and at most {LARGEST:g}, not {value:g}"
    return replace(tuning, **{name: value})
