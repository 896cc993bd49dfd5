"""Obedience: what an operator's command does to the desk, or why it is not obeyed.

Pausing, panic and stopping are always obeyed. What would quote again, or nearer, holds only for
what the operator saw: a halt since then, or another value, refuses it.
"""

import numpy as np

from engine.core.actions import Action
from engine.core.desk_layout import (
    ADJ1,
    ADJ2,
    ASK_OFF,
    ASKED_VALUE,
    BID_OFF,
    EXPECTED_VALUE,
    FLATTEN_STATE,
    GAMMA,
    HALT_FINAL,
    HALTS,
    MONO_NS,
    PAUSED,
    STOPPING,
    VERIFY_EMPTY,
)
from engine.core.flatten import CLOSING, ask_flatten, drop_flatten, forget_flatten
from engine.core.inputs import (
    ACTIONS,
    ASK,
    ASKED_ACTION,
    ASKED_IS_BOUND,
    ASKED_NAME,
    BID,
    FIRST_TUNABLE,
    FLATTEN,
    SYMBOL,
)
from engine.core.notes import COMMAND_OBEYED, COMMAND_REFUSED, note
from engine.core.operator import TUNABLE, is_tunable_to
from engine.core.quoter import refit_table
from engine.core.risk import BY_PANIC, clear_book, halt, resume
from exchange.jit import FloatArray, IntArray, njit, piece

(
    OBEYED,
    ENGINE_STOPS,
    HALTED_FOR_GOOD,
    IS_FLATTENING,
    HALTED_SINCE,
    NO_SIDE,
    NO_TUNABLE,
    OUT_OF_RANGE,
    MOVED_SINCE,
    OTHER_SYMBOL,
) = range(10)
"""Why a command is not obeyed."""

_PAUSE, _PANIC, _SIDE_OFF, _STOP = map(
    ACTIONS.index, (Action.PAUSE, Action.PANIC, Action.SIDE_OFF, Action.STOP)
)
_FLATTEN, _RESUME, _SIDE_ON, _SET = map(
    ACTIONS.index, (Action.FLATTEN, Action.RESUME, Action.SIDE_ON, Action.SET)
)
_TUNED = np.array([{"gamma": GAMMA, "adj1": ADJ1, "adj2": ADJ2}[name] for name in TUNABLE])


@njit
def obey(desk: IntArray, reals: FloatArray, asked: IntArray) -> None:
    """The operator asks for something; ``ASKED_VALUE`` and ``EXPECTED_VALUE`` are written.

    Of a value that was moved, ``EXPECTED_VALUE`` is then what it was.

    Args:
        desk: int64[DESK_SIZE], as ``reals`` of ``engine.core.desk_layout``.
        asked: int64[INPUT_WIDTH], an ``OPERATOR_COMMAND`` of ``engine.core.inputs``.
    """
    refusal = _obey(desk, reals, asked)
    note(desk, COMMAND_OBEYED if refusal == OBEYED else COMMAND_REFUSED, refusal, 0, 0, 0)


@piece
def _obey(desk: IntArray, reals: FloatArray, asked: IntArray) -> int:
    action, name = asked[ASKED_ACTION], asked[ASKED_NAME]
    if action == _PAUSE:
        desk[PAUSED] = 1
        clear_book(desk, desk[MONO_NS])
    elif action == _PANIC:
        drop_flatten(desk)
        halt(desk, BY_PANIC, 0, 0, False, desk[MONO_NS])
    elif action == _STOP:
        _stop(desk, name == FLATTEN)
    elif action == _FLATTEN:
        return _flatten(desk, name)
    elif action == _RESUME:
        return _resume(desk, reals, asked)
    elif action in (_SIDE_OFF, _SIDE_ON):
        return _turn_side(desk, name, action == _SIDE_OFF)
    elif action == _SET:
        return _tune(desk, reals, asked)
    return OBEYED


@piece
def _stop(desk: IntArray, closes: bool) -> None:
    """End the engine; nothing takes it back."""
    clear_book(desk, desk[MONO_NS])
    if closes:
        ask_flatten(desk, desk[MONO_NS])
    elif desk[STOPPING] == 1 or desk[FLATTEN_STATE] == CLOSING:
        drop_flatten(desk)
    else:
        forget_flatten(desk)  # one that failed before: now it is to be kept
    desk[STOPPING] = 1


@piece
def _flatten(desk: IntArray, name: int) -> int:
    """Quotes go first: what is held must not change under the closing order."""
    if name != SYMBOL:
        return OTHER_SYMBOL
    if desk[STOPPING] == 1:
        return ENGINE_STOPS
    desk[PAUSED] = 1
    clear_book(desk, desk[MONO_NS])
    ask_flatten(desk, desk[MONO_NS])
    return OBEYED


@piece
def _resume(desk: IntArray, reals: FloatArray, asked: IntArray) -> int:
    refusal = resume_refusal(desk)
    if refusal != OBEYED:
        return refusal
    if asked[ASKED_IS_BOUND] == 1 and reals[EXPECTED_VALUE] != desk[HALTS]:
        return HALTED_SINCE
    resume(desk)
    forget_flatten(desk)
    desk[PAUSED] = desk[VERIFY_EMPTY] = 0
    return OBEYED


@njit
def resume_refusal(desk: IntArray) -> int:
    """Why quoting cannot be resumed now; ``OBEYED`` when it can."""
    if desk[STOPPING] == 1:
        return ENGINE_STOPS
    if desk[HALT_FINAL] == 1:
        return HALTED_FOR_GOOD
    return IS_FLATTENING if desk[FLATTEN_STATE] == CLOSING else OBEYED


@piece
def _turn_side(desk: IntArray, name: int, off: bool) -> int:
    if name not in (BID, ASK):
        return NO_SIDE
    desk[BID_OFF if name == BID else ASK_OFF] = off
    return OBEYED


@piece
def _tune(desk: IntArray, reals: FloatArray, asked: IntArray) -> int:
    number = asked[ASKED_NAME] - FIRST_TUNABLE
    if number < 0:
        return NO_TUNABLE
    if not is_tunable_to(number, reals[ASKED_VALUE]):
        return OUT_OF_RANGE
    at = _TUNED[number]
    if asked[ASKED_IS_BOUND] == 1 and reals[EXPECTED_VALUE] != reals[at]:
        return MOVED_SINCE
    reals[EXPECTED_VALUE], reals[at] = reals[at], reals[ASKED_VALUE]
    refit_table(desk, reals)
    return OBEYED
