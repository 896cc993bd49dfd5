"""Operator commands and state: what a console may ask, and what has been decided so far."""

from dataclasses import replace

from engine.core.actions import Action
from engine.core.desk_layout import (
    ADJ1,
    ADJ2,
    ASK_OFF,
    BID_OFF,
    DELTA,
    GAMMA,
    PAUSED,
    STOPPING,
)
from engine.core.quoter import Tuning
from exchange.jit import FloatArray, IntArray
from exchange.types import Command, Event, Side


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
    """What the operator has decided so far: a reader and writer of the desk block.

    Args:
        desk: int64[DESK_SIZE].
        reals: float64[REALS_SIZE].
    """

    def __init__(self, desk: IntArray, reals: FloatArray, tuning: Tuning) -> None:
        self._desk, self._reals = desk, reals
        self.tuning = tuning

    @property
    def tuning(self) -> Tuning:
        gamma, delta, adj1, adj2 = self._reals[[GAMMA, DELTA, ADJ1, ADJ2]].tolist()
        return Tuning(gamma, delta, adj1, adj2)

    @tuning.setter
    def tuning(self, tuning: Tuning) -> None:
        wanted = (tuning.gamma, tuning.delta, tuning.adj1, tuning.adj2)
        self._reals[[GAMMA, DELTA, ADJ1, ADJ2]] = wanted

    @property
    def paused(self) -> bool:
        return bool(self._desk[PAUSED])

    @paused.setter
    def paused(self, paused: bool) -> None:
        self._desk[PAUSED] = paused

    @property
    def stopping(self) -> bool:
        return bool(self._desk[STOPPING])

    def stop(self) -> None:
        """End the engine; nothing takes it back."""
        self._desk[STOPPING] = 1

    def turn_side(self, side: Side, *, off: bool) -> None:
        self._desk[BID_OFF if side is Side.BUY else ASK_OFF] = off


LARGEST = 1e9
"""Of any parameter; beyond it the model's numbers overflow."""
TUNABLE = ("gamma", "adj1", "adj2")


def retuned(tuning: Tuning, name: str, value: float) -> Tuning | str:
    """The tuning with one parameter moved, or why it cannot be."""
    if name not in TUNABLE:
        return f"{name or 'nothing'} cannot be set while running; {', '.join(TUNABLE)} can"
    lowest = "at least 0" if name == "adj2" else "above 0"
    if not (0.0 <= value <= LARGEST) or (value == 0.0 and name != "adj2"):
        return f"{name} must be {lowest} and at most {LARGEST:g}, not {value:g}"
    return replace(tuning, **{name: value})


def side_named(name: str) -> Side | None:
    """``bid`` or ``ask`` as the side that our order there is on."""
    return {"bid": Side.BUY, "ask": Side.SELL}.get(name)
