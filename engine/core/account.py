"""The account as the venue tells it, held against what we counted ourselves.

A snapshot over REST replaces, it never adds. It may be older than a fill that is still on
its way, so the venue is believed about a position that differs only when it says so twice,
and our own trades were listed in between.
"""

from enum import Enum, auto

from exchange.types import AccountSnapshot, AccountUpdate, OrderUpdate


class Verdict(Enum):
    """What a snapshot says about our count of the position."""

    AGREES = auto()
    ASK_AGAIN = auto()
    ADOPT = auto()


class AccountWatch:
    """Wallet, foreign orders, and whether our position can be trusted."""

    def __init__(self) -> None:
        self.wallet_e8: int | None = None
        self.baseline_e8: int | None = None
        """The wallet when this run first saw it."""
        self.foreign: dict[str, OrderUpdate] = {}
        """Open orders that are not ours, by client id; shown and never touched."""
        self.reconciled = False
        self.trades_known = False
        """Were our trades listed since the position was first suspected?"""
        self._suspect: tuple[int, int] | None = None
        self._seen_once = False

    @property
    def suspects(self) -> bool:
        """Is a position that differs waiting for its second look?"""
        return self._suspect is not None

    def receive_update(self, update: AccountUpdate) -> int:
        """Take an event of the private stream; the funding that it charged, in 1e-8."""
        charged = 0
        if update.wallet_e8 is not None:
            if update.reason == "FUNDING_FEE" and self.wallet_e8 is not None:
                charged = self.wallet_e8 - update.wallet_e8
            self.wallet_e8 = update.wallet_e8
        return charged

    def judge(self, snapshot: AccountSnapshot, our_lots: int, our_fills: int) -> Verdict:
        """Hold a snapshot's position against ours.

        Args:
            our_lots: Position by our own count.
            our_fills: How many fills that count holds; it shows whether one came in between.
        """
        self.wallet_e8 = snapshot.wallet_e8
        if self.baseline_e8 is None:
            self.baseline_e8 = snapshot.wallet_e8
        first = not self._seen_once and our_fills == 0
        self._seen_once = True
        suspect = (snapshot.position_lots, our_fills)
        if snapshot.position_lots == our_lots:
            verdict = Verdict.AGREES
        elif first or (self._suspect == suspect and self.trades_known):
            verdict = Verdict.ADOPT
        else:
            self._suspect = suspect
            self.trades_known = False
            return Verdict.ASK_AGAIN
        self._suspect = None
        self.reconciled = True
        return verdict

    def residual_e8(self, explained_e8: int) -> int | None:
        """Wallet change that ``explained_e8`` of our own bookings does not explain."""
        if self.wallet_e8 is None or self.baseline_e8 is None:
            return None
        return self.wallet_e8 - self.baseline_e8 - explained_e8
