"""Risk gate: what halts the desk."""

from engine.core.states import RiskState


class RiskGate:
    """Active or halted. Halts by itself, resumes only by the operator's command.

    Args:
        max_loss_usdt: Loss from the start or from the peak that halts the desk.
    """

    def __init__(self, max_loss_usdt: float) -> None:
        self._max_loss_usdt = max_loss_usdt
        self.state = RiskState.ACTIVE
        self.detail = ""
        self.cure = ""
        """What ends this halt; empty while active."""
        self.halts = 0
        """How often the desk was halted: a resume is meant for the one that was seen."""
        self.max_drawdown_usdt = 0.0
        """The deepest fall from the peak that was seen."""
        self.final = False
        """Does the present halt outlive any key?"""

    def check_loss(self, total_usdt: float, drawdown_usdt: float) -> bool:
        """Halt at the loss limit, for good; True when this call halted.

        A desk that is halted already can still lose with what it holds.
        """
        self.max_drawdown_usdt = max(self.max_drawdown_usdt, drawdown_usdt)
        loss = max(-total_usdt, drawdown_usdt)
        if self.final or loss < self._max_loss_usdt:
            return False
        detail = f"loss {loss:.2f} of {self._max_loss_usdt:.2f} USDT"
        self.halt(detail, "a restart with a higher risk.max_loss_pct", final=True)
        return True

    def halt(self, detail: str, cure: str, *, final: bool = False) -> None:
        """Stop quoting. A final halt outlives any key and hides behind no later one."""
        self.state = RiskState.HALTED
        self.halts += 1
        if final or not self.final:
            self.detail, self.cure, self.final = detail, cure, final

    def resume(self) -> bool:
        """Resume by the operator's command; False when this halt is final."""
        if self.final:
            return False
        self.state = RiskState.ACTIVE
        self.detail = self.cure = ""
        return True
