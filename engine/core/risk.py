"""Risk gate: what halts the desk, and what may end a halt.

A desk is active or halted. It halts by itself and resumes only by the operator's command; a *final*
halt outlives any key, and no later one hides it. Whatever halts, no order is wanted from then on,
and only a list of the venue's that was asked for since proves that none is left.
"""

from enum import IntEnum

from engine.core.desk_layout import (
    CLEARED_NS,
    HALT_A,
    HALT_B,
    HALT_CAUSE,
    HALT_FINAL,
    HALTED,
    HALTS,
    LOSS_USDT,
    MAX_DRAWDOWN_USDT,
    MAX_LOSS_USDT,
    PEAK_E8,
    VERIFY_EMPTY,
)
from engine.core.error_counts import ErrorCounts
from engine.core.inputs import FORCED_BY
from engine.core.ledger import total_e8
from engine.core.notes import note_halt
from engine.core.order_names import OrderName, client_order_id
from engine.core.states import RiskState
from exchange.instrument import E8, Instrument
from exchange.jit import FloatArray, IntArray, njit


class HaltCause(IntEnum):
    """Why the desk is halted."""

    NONE = 0
    LOSS = 1
    PANIC = 2
    REFUSAL = 3
    """With this code."""
    YOUNGER_RUN = 4
    """Epoch and number of an order of its."""
    FORCED_CLOSING = 5
    """What forced it, a number of ``FORCED_BY``, and how many lots."""
    CLOSED_POSITION = 6
    """The venue's lots, and ours."""


(
    _NO_CAUSE,
    _BY_LOSS,
    BY_PANIC,
    BY_REFUSAL,
    BY_YOUNGER_RUN,
    BY_FORCED_CLOSING,
    BY_CLOSED_POSITION,
) = map(int, HaltCause)


@njit
def clear_book(desk: IntArray, mono_ns: int) -> None:
    """No order is wanted from now on, and only a list asked for from now on proves it."""
    desk[VERIFY_EMPTY], desk[CLEARED_NS] = 1, mono_ns


@njit
def halt(desk: IntArray, cause: int, a: int, b: int, final: bool, mono_ns: int) -> None:
    """Stop quoting, and note the halt that stands: no later one hides a final one."""
    desk[HALTED] = 1
    desk[HALTS] += 1
    clear_book(desk, mono_ns)
    if final or desk[HALT_FINAL] == 0:
        desk[HALT_CAUSE], desk[HALT_A], desk[HALT_B], desk[HALT_FINAL] = cause, a, b, final
    note_halt(desk)


@njit
def check_loss(desk: IntArray, reals: FloatArray, mono_ns: int) -> None:
    """Halt at the loss limit, for good.

    A desk that is halted already can still lose with what it holds.
    """
    total = total_e8(desk)
    drawdown_usdt = (desk[PEAK_E8] - total) / E8
    reals[MAX_DRAWDOWN_USDT] = max(reals[MAX_DRAWDOWN_USDT], drawdown_usdt)
    loss_usdt = max(-total / E8, drawdown_usdt)
    if desk[HALT_FINAL] == 0 and loss_usdt >= reals[MAX_LOSS_USDT]:
        reals[LOSS_USDT] = loss_usdt
        halt(desk, _BY_LOSS, 0, 0, True, mono_ns)


@njit
def resume(desk: IntArray) -> None:
    """Quote again, by the operator's command; a final halt stays."""
    if desk[HALT_FINAL] == 0:
        desk[HALTED], desk[HALT_CAUSE] = 0, _NO_CAUSE


class RiskGate:
    """Active or halted, in words: a reader of the desk block.

    Args:
        desk: int64[DESK_SIZE].
        reals: float64[REALS_SIZE].
        max_loss_usdt: Loss from the start or from the peak that halts the desk.
    """

    def __init__(
        self,
        desk: IntArray,
        reals: FloatArray,
        max_loss_usdt: float,
        instrument: Instrument,
        errors: ErrorCounts,
    ) -> None:
        self._desk, self._reals = desk, reals
        self._qty, self._errors = instrument.qty.text, errors
        reals[MAX_LOSS_USDT] = max_loss_usdt

    @property
    def state(self) -> RiskState:
        return RiskState.HALTED if self._desk[HALTED] else RiskState.ACTIVE

    @property
    def detail(self) -> str:
        """Why the desk is halted; empty while active."""
        return self.words(*self._desk[[HALT_CAUSE, HALT_A, HALT_B]].tolist())[0]

    @property
    def cure(self) -> str:
        """What ends this halt; empty while active."""
        return self.words(*self._desk[[HALT_CAUSE, HALT_A, HALT_B]].tolist())[1]

    def words(self, cause: int, a: int, b: int) -> tuple[str, str]:
        """Why a halt stands, and what ends it."""
        match cause:
            case HaltCause.NONE:
                return "", ""
            case HaltCause.LOSS:
                loss, limit = self._reals[LOSS_USDT], self._reals[MAX_LOSS_USDT]
                lost = f"loss {loss:.2f} of {limit:.2f} USDT"
                return lost, "a restart with a higher risk.max_loss_pct"
            case HaltCause.PANIC:
                return "panic by the operator", "r"
            case HaltCause.REFUSAL:
                return f"refused with {self._errors.words(a)}", "mend it, then r"
            case HaltCause.YOUNGER_RUN:
                other = client_order_id(OrderName(a, b))
                return f"another engine trades here: {other}", "a restart, once the other has ended"
            case HaltCause.FORCED_CLOSING:
                closed = f"{FORCED_BY[a]}: the venue closed {self._qty(b)} of our position"
                return closed, "a restart, once you know why"
        apart = f"the venue holds {self._qty(a)}, our trades make {self._qty(b)}"
        return f"{apart}: it was closed without a trade of ours", "a restart, once you know why"

    @property
    def final(self) -> bool:
        """Does the present halt outlive any key?"""
        return bool(self._desk[HALT_FINAL])

    @property
    def halts(self) -> int:
        """How often the desk was halted: a resume is meant for the one that was seen."""
        return int(self._desk[HALTS])

    @property
    def max_drawdown_usdt(self) -> float:
        """The deepest fall from the peak that was seen."""
        return float(self._reals[MAX_DRAWDOWN_USDT])
