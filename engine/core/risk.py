"""Risk gate: what halts the desk, and what may end a halt.

A desk is active or halted. It halts by itself and resumes only by the operator's command; a *final*
halt outlives any key, and no later one hides it. Whatever halts, no order is wanted from then on,
and only a list of the venue's that was asked for since proves that none is left.
"""

from engine.core.desk_layout import (
    CLEARED_NS,
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
from engine.core.ledger import total_e8
from engine.core.states import RiskState
from exchange.instrument import E8
from exchange.jit import FloatArray, IntArray, njit

NO_CAUSE, BY_LOSS, AS_TOLD = range(3)
"""Why the desk is halted; the words of a halt that was ``AS_TOLD`` came with it."""
_LOSS_CURE = "a restart with a higher risk.max_loss_pct"


@njit
def clear_book(desk: IntArray, mono_ns: int) -> None:
    """No order is wanted from now on, and only a list asked for from now on proves it."""
    desk[VERIFY_EMPTY], desk[CLEARED_NS] = 1, mono_ns


@njit
def halt(desk: IntArray, cause: int, final: bool, mono_ns: int) -> bool:
    """Stop quoting; False when a final halt, which nothing hides, stands already."""
    desk[HALTED] = 1
    desk[HALTS] += 1
    clear_book(desk, mono_ns)
    if not final and desk[HALT_FINAL] == 1:
        return False
    desk[HALT_CAUSE], desk[HALT_FINAL] = cause, final
    return True


@njit
def check_loss(desk: IntArray, reals: FloatArray, mono_ns: int) -> bool:
    """Halt at the loss limit, for good; True when this call halted.

    A desk that is halted already can still lose with what it holds.
    """
    total = total_e8(desk)
    drawdown_usdt = (desk[PEAK_E8] - total) / E8
    reals[MAX_DRAWDOWN_USDT] = max(reals[MAX_DRAWDOWN_USDT], drawdown_usdt)
    loss_usdt = max(-total / E8, drawdown_usdt)
    if desk[HALT_FINAL] == 1 or loss_usdt < reals[MAX_LOSS_USDT]:
        return False
    reals[LOSS_USDT] = loss_usdt
    return halt(desk, BY_LOSS, True, mono_ns)


class RiskGate:
    """Active or halted, in words: a reader of the desk block.

    Args:
        desk: int64[DESK_SIZE].
        reals: float64[REALS_SIZE].
        max_loss_usdt: Loss from the start or from the peak that halts the desk.
    """

    def __init__(self, desk: IntArray, reals: FloatArray, max_loss_usdt: float) -> None:
        self._desk, self._reals = desk, reals
        self._told = ("", "")
        reals[MAX_LOSS_USDT] = max_loss_usdt

    @property
    def state(self) -> RiskState:
        return RiskState.HALTED if self._desk[HALTED] else RiskState.ACTIVE

    @property
    def detail(self) -> str:
        """Why the desk is halted; empty while active."""
        if self._desk[HALT_CAUSE] == BY_LOSS:
            loss, limit = self._reals[LOSS_USDT], self._reals[MAX_LOSS_USDT]
            return f"loss {loss:.2f} of {limit:.2f} USDT"
        return self._told[0]

    @property
    def cure(self) -> str:
        """What ends this halt; empty while active."""
        return _LOSS_CURE if self._desk[HALT_CAUSE] == BY_LOSS else self._told[1]

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

    def halt(self, detail: str, cure: str, mono_ns: int, *, final: bool = False) -> None:
        """Stop quoting."""
        if halt(self._desk, AS_TOLD, final, mono_ns):
            self._told = (detail, cure)

    def resume(self) -> bool:
        """Resume by the operator's command; False when this halt is final."""
        if self.final:
            return False
        self._desk[HALTED], self._desk[HALT_CAUSE] = 0, NO_CAUSE
        self._told = ("", "")
        return True
