"""Flattening: one reduce-only order at a time, until nothing is held or time is up.

    idle ──ask──► closing ──► flat
                   └─────────► not flat ──► flat (a late fill closed it after all)

A refusal is not the end: it is tried again after a pause that grows, smaller where the size
was refused, as a limit order where the price was. No order is asked for while another of ours
may live, so an unknown one is proven first; reduce-only keeps one that was wrongly taken for
absent from closing twice.
"""

from engine.core.desk_layout import (
    FLATTEN_ASKED_NS,
    FLATTEN_BY_LIMIT,
    FLATTEN_NOT_BEFORE_NS,
    FLATTEN_PAUSE_NS,
    FLATTEN_PIECE_LOTS,
    FLATTEN_REFUSED,
    FLATTEN_REFUSED_CODE,
    FLATTEN_STATE,
    FLATTEN_TRIES,
    FLATTEN_UNTIL_NS,
)
from engine.core.error_counts import ErrorCounts
from engine.core.states import FlattenState
from exchange.jit import IntArray, njit

PATIENCE_NS = 20_000_000_000
"""How long a position is tried to be closed."""
_FIRST_PAUSE_NS = 250_000_000
_LONGEST_PAUSE_NS = 2_000_000_000
_TOO_LARGE = -4005  # the quantity is above the maximum of one order
_PRICE_REFUSED = (-4131, -4016, -4024)
"""A market order whose counterparty is too far from mark, and a limit order that is."""

IDLE, CLOSING, FLAT, NOT_FLAT = range(4)
NOBODY, BY_VENUE, BY_OPERATOR = range(3)
"""Who refused the last try: ``BY_VENUE`` with a code."""
_STATES = (
    FlattenState.IDLE,
    FlattenState.CLOSING,
    FlattenState.FLAT,
    FlattenState.NOT_FLAT,
)


@njit
def ask_flatten(desk: IntArray, mono_ns: int) -> None:
    """The operator wants out; asking again starts anew."""
    desk[FLATTEN_STATE] = CLOSING
    desk[FLATTEN_ASKED_NS], desk[FLATTEN_UNTIL_NS] = mono_ns, mono_ns + PATIENCE_NS
    desk[FLATTEN_PAUSE_NS] = _FIRST_PAUSE_NS
    desk[FLATTEN_TRIES] = desk[FLATTEN_NOT_BEFORE_NS] = 0
    desk[FLATTEN_PIECE_LOTS] = desk[FLATTEN_BY_LIMIT] = desk[FLATTEN_REFUSED] = 0


@njit
def drop_flatten(desk: IntArray) -> None:
    """The operator wants something else; what is held stays. One that failed stays so."""
    if desk[FLATTEN_STATE] == CLOSING:
        desk[FLATTEN_STATE], desk[FLATTEN_REFUSED] = NOT_FLAT, BY_OPERATOR


@njit
def forget_flatten(desk: IntArray) -> None:
    """The desk goes on, so the last end is no news any more."""
    desk[FLATTEN_STATE] = IDLE


@njit
def refuse_closing(desk: IntArray, code: int, mono_ns: int) -> None:
    """The venue, or our own way to it, said no to a closing order."""
    desk[FLATTEN_NOT_BEFORE_NS] = mono_ns + desk[FLATTEN_PAUSE_NS]
    desk[FLATTEN_PAUSE_NS] = min(2 * desk[FLATTEN_PAUSE_NS], _LONGEST_PAUSE_NS)
    if code in _PRICE_REFUSED:
        desk[FLATTEN_BY_LIMIT] = 1 - desk[FLATTEN_BY_LIMIT]
    if code == _TOO_LARGE and desk[FLATTEN_PIECE_LOTS] > 0:
        desk[FLATTEN_PIECE_LOTS] = max(desk[FLATTEN_PIECE_LOTS] // 2, 1)


@njit
def step_flatten(
    desk: IntArray, held_lots: int, settled: bool, confirmed: bool, mono_ns: int
) -> int:
    """Lots to close now, of those held; 0 while no order is due. Moves the state at the end.

    Args:
        held_lots: The position, signed.
        settled: Is no order of ours alive, unknown, or filled but not yet booked?
        confirmed: Does the venue's own account agree with that position?
    """
    if desk[FLATTEN_STATE] == IDLE or desk[FLATTEN_STATE] == FLAT:
        return 0
    if settled and confirmed and held_lots == 0:
        desk[FLATTEN_STATE] = FLAT
        return 0
    if mono_ns >= desk[FLATTEN_UNTIL_NS]:
        desk[FLATTEN_STATE] = NOT_FLAT
    early = mono_ns < desk[FLATTEN_NOT_BEFORE_NS]
    if desk[FLATTEN_STATE] != CLOSING or not settled or held_lots == 0 or early:
        return 0
    desk[FLATTEN_TRIES] += 1
    # Were it to fill nothing, the next is not sent at once.
    desk[FLATTEN_NOT_BEFORE_NS] = mono_ns + _FIRST_PAUSE_NS
    piece = desk[FLATTEN_PIECE_LOTS]
    desk[FLATTEN_PIECE_LOTS] = min(piece if piece > 0 else abs(held_lots), abs(held_lots))
    return int(desk[FLATTEN_PIECE_LOTS])


class Flatten:
    """How far closing the position has come, in words: a reader of the desk block.

    Args:
        desk: int64[DESK_SIZE].
    """

    def __init__(self, desk: IntArray, errors: ErrorCounts) -> None:
        self._desk, self._errors = desk, errors

    @property
    def state(self) -> FlattenState:
        return _STATES[int(self._desk[FLATTEN_STATE])]

    @property
    def refusal(self) -> str:
        """Why the last try did not close, or nothing."""
        if self._desk[FLATTEN_REFUSED] == BY_OPERATOR:
            return "dropped by the operator"
        refused = self._desk[FLATTEN_REFUSED] == BY_VENUE
        return self._errors.words(int(self._desk[FLATTEN_REFUSED_CODE])) if refused else ""

    @property
    def tries(self) -> int:
        return int(self._desk[FLATTEN_TRIES])

    @property
    def closing(self) -> bool:
        return self.state is FlattenState.CLOSING

    @property
    def failed(self) -> bool:
        return self.state is FlattenState.NOT_FLAT

    def left_s(self, mono_ns: int) -> float:
        """Until it gives up; 0 when it has ended."""
        left_ns = int(self._desk[FLATTEN_UNTIL_NS]) - mono_ns
        return max(left_ns, 0) / 1e9 if self.closing else 0.0
