"""Account reconciliation: the venue's account, compared with what we counted ourselves.

Whatever reports the position says as of when: the venue stamps the last change of it. Such
a report is never stale, only old: it is compared with what we counted for that very moment.
Where the two differ we miss a fill, or the node that answered has made a mistake, and neither
a clock of ours nor a second look at the same node can tell which. So our own trades are
listed, and only a difference that outlives the longest lag of any node, with a list of trades
younger than that, is settled by adopting the venue's position.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple

from engine.core.ledger import Ledger
from exchange.types import (
    AccountSnapshot,
    AccountUpdate,
    Fill,
    OrderUpdate,
    Request,
    Side,
    TradesSnapshot,
)

_NS_PER_MS = 1_000_000

REST_LAG_NS = 5_000_000_000
"""How far a node that answers REST may be behind the matching engine; people report up to 2 s."""

STAMP_JITTER_NS = 1_000_000_000
"""How far the stamp of a position may lie before that of the trade that made it."""
_PATIENCE_NS = 1_000_000_000
"""How long a difference may be a fill that is still on its way to us."""


class PositionVerdict(Enum):
    """How our count of the position compares with the venue's report."""

    AGREES = auto()
    INCOMPARABLE = auto()
    """It is too old, or undated, to be compared with anything we know."""
    DIFFERS = auto()
    OPENS = auto()
    """The first report: what we start from."""
    ADOPT = auto()
    """It differs, and nothing on its way can explain that any more."""
    BEGUN_ANEW = auto()
    """Neither the position nor our trades are known there any more."""


class Evidence(NamedTuple):
    """A position as the venue stated it."""

    lots: int
    entry_price_e8: int
    exch_ns: int
    """The venue's stamp on the last change of it; 0: it lists none, undated."""
    asked_mono_ns: int
    """When it was asked for; on the private stream, when it arrived."""
    pushed: bool = False
    """Does it come from the private stream?"""
    wallet_exch_ns: int = 0
    """The venue's stamp on the wallet that came with it; 0: none, or undated."""


@dataclass(slots=True)
class Doubt:
    """A difference between the venue's position and ours that is being looked into."""

    apart_lots: int
    """The venue's less ours."""
    evidence: Evidence
    """The newest that showed it."""
    since_mono_ns: int
    contradicted: bool
    """Did the private stream confirm our count for that very stamp?"""
    dated_exch_ns: int = 0
    """The newest stamp on any of it that leaves out nothing that we booked; 0: none had one."""
    trades_asked_ns: int = 0
    """When the newest list of trades that we have was asked for."""
    forgotten: bool = False
    """Does that list leave out the newest trade that the venue once reported to us?"""


class AccountReconciler:
    """Reconciler of wallet, foreign orders and position: can our position be trusted?"""

    def __init__(self, *, recent_run: bool = False) -> None:
        self.wallet_e8: int | None = None
        self.baseline_e8: int | None = None
        """The wallet when this run first saw it, with what was transferred since."""
        self.foreign: dict[str, OrderUpdate] = {}
        """Open orders that are not ours, by client id; shown and never touched."""
        self.reconciled = False
        """Has a snapshot agreed since the private stream came up?"""
        self.compared_ns = 0
        """Monotonic: when the newest snapshot that agreed was asked for."""
        self.troubles: dict[type[Request], str] = {}
        """Why the newest question of each kind failed; those that were answered are not in it."""
        self.doubt: Doubt | None = None
        self.opened = False
        """Do we know what we started from?"""
        self.has_past = recent_run
        """May the account have traded just before that?"""
        self.early_fills: dict[int, Fill] = {}
        """Fills that came before that, by trade id."""
        self.agreed: Evidence | None = None
        """The newest report of the venue that agreed with us."""
        self.history_exch_ns: int | None = None
        """The newest of our trades in the first list; None until it is here."""
        self._confirmed_exch_ns = 0
        self._first_told_ns = 0
        self._wallet_exch_ns = self._baseline_exch_ns = self._wallet_pushed_ns = 0
        self._moves_seen: dict[tuple[str, int, int], None] = {}
        self._newest_ended: dict[type[Request], int] = {}

    def note_answer(self, question: Request, trouble: str) -> None:
        """How a question ended; an empty trouble when it was answered."""
        kind, number = type(question), question.request_id
        if number < self._newest_ended.get(kind, 0):
            return
        self._newest_ended[kind] = number
        self.troubles.pop(kind, None)
        if trouble:
            self.troubles[kind] = trouble

    def lose(self) -> None:
        """The private stream is down: nothing that it confirmed says anything of what follows."""
        self.reconciled = False
        self.agreed = None
        self._confirmed_exch_ns = 0

    # ------------------------------------------------------------ the position

    def judge(self, evidence: Evidence, ledger: Ledger) -> PositionVerdict:
        """Hold a position of the venue's against ours, and remember a difference."""
        if not self.opened:
            return self._judge_first(evidence)
        apart = self._apart(evidence, ledger)
        if apart is None:
            return PositionVerdict.INCOMPARABLE
        if apart == 0:
            self._settle(evidence)
            return PositionVerdict.AGREES
        return self._note_difference(evidence, apart, ledger)

    def recheck(self, ledger: Ledger) -> None:
        """A fill was booked: is the difference explained?"""
        if self.doubt is not None and self._apart(self.doubt.evidence, ledger) == 0:
            self.doubt = None

    def note_history(self, listed: TradesSnapshot) -> None:
        """A list of our trades came before the first position: what is in it is history."""
        self.history_exch_ns = max((fill.exch_ns for fill in listed.fills), default=0)

    def trades_listed(self, listed: TradesSnapshot, ledger: Ledger) -> None:
        """A list of our trades was booked, as the node knew them that was asked."""
        doubt, newest = self.doubt, ledger.newest_trade
        if doubt is None or listed.asked_mono_ns < doubt.trades_asked_ns:
            return
        doubt.trades_asked_ns = listed.asked_mono_ns
        lag_passed = listed.asked_mono_ns - ledger.filled_mono_ns >= REST_LAG_NS
        doubt.forgotten = (
            newest is not None
            and lag_passed
            and newest[0] >= listed.since_ms * _NS_PER_MS
            and all(fill.trade_id != newest[1] for fill in listed.fills)
        )

    def doubts(self, mono_ns: int) -> Doubt | None:
        """The difference that forbids quoting, if there is one."""
        doubt = self.doubt
        if doubt is None:
            return None
        patience_ns = REST_LAG_NS if doubt.contradicted else _PATIENCE_NS
        return doubt if mono_ns - doubt.since_mono_ns > patience_ns else None

    def settled(self, started_mono_ns: int) -> bool:
        """Is every fill known that an earlier run may have left?

        What it filled in its last moments a lagging node shows only when its lag has passed.
        """
        return not self.has_past or self.compared_ns >= started_mono_ns + REST_LAG_NS

    def worst_held_lots(self, side: Side, held_lots: int) -> int:
        """The position that is the worse for one side: ours, or what the venue may mean."""
        apart = self.doubt.apart_lots if self.doubt is not None else 0
        return held_lots + side * max(side * apart, 0)

    def _judge_first(self, evidence: Evidence) -> PositionVerdict:
        undated = evidence.exch_ns == 0
        if evidence.pushed or (undated and self.history_exch_ns is None):
            return PositionVerdict.INCOMPARABLE
        self._first_told_ns = self._first_told_ns or evidence.asked_mono_ns
        torn = 0 < evidence.wallet_exch_ns < evidence.exch_ns
        if torn and evidence.asked_mono_ns - self._first_told_ns < REST_LAG_NS:
            # Maybe of two nodes: the wallet lacks what the position holds.
            return PositionVerdict.INCOMPARABLE
        self.opened = True
        self.has_past |= not undated or bool(self.history_exch_ns)
        return PositionVerdict.OPENS

    def _apart(self, evidence: Evidence, ledger: Ledger) -> int | None:
        """The venue's position less ours at the same moment; None: not known."""
        apart = evidence.lots - ledger.position_lots
        settled = evidence.asked_mono_ns - ledger.filled_mono_ns >= REST_LAG_NS
        if settled and not evidence.pushed:
            return apart  # no node can be so far behind: it reports the present
        if not evidence.exch_ns:
            return 0 if apart == 0 else None
        return ledger.lots_apart(evidence.exch_ns, evidence.lots)

    def _settle(self, evidence: Evidence) -> None:
        if evidence.pushed:
            self._confirmed_exch_ns = max(self._confirmed_exch_ns, evidence.exch_ns)
        if self.agreed is None or _not_older(evidence, self.agreed):
            self.agreed = evidence
        doubt = self.doubt
        if doubt is not None and self._outdates(evidence, doubt):
            self.doubt = None

    def _outdates(self, evidence: Evidence, doubt: Doubt) -> bool:
        """Is this younger than all that showed the difference?"""
        if evidence.exch_ns:
            dated_late = evidence.exch_ns >= doubt.dated_exch_ns
        else:
            proven_ns = doubt.since_mono_ns + REST_LAG_NS
            dated_late = not doubt.dated_exch_ns or evidence.asked_mono_ns >= proven_ns
        return dated_late and _not_older(evidence, doubt.evidence)

    def _note_difference(self, evidence: Evidence, apart: int, ledger: Ledger) -> PositionVerdict:
        doubt = self.doubt
        contradicted = 0 < evidence.exch_ns <= self._confirmed_exch_ns
        if doubt is None or doubt.apart_lots != apart:
            doubt = self.doubt = Doubt(apart, evidence, evidence.asked_mono_ns, contradicted)
        elif _not_older(evidence, doubt.evidence):
            doubt.evidence, doubt.contradicted = evidence, contradicted
        if evidence.exch_ns >= ledger.newest_exch_ns - STAMP_JITTER_NS:
            doubt.dated_exch_ns = max(doubt.dated_exch_ns, evidence.exch_ns)
        proven_ns = doubt.since_mono_ns + REST_LAG_NS
        early = min(evidence.asked_mono_ns, doubt.trades_asked_ns) < proven_ns
        if evidence.pushed or early or contradicted or not _may_be_adopted(evidence, doubt, ledger):
            return PositionVerdict.DIFFERS
        self.doubt = None
        return PositionVerdict.BEGUN_ANEW if doubt.forgotten else PositionVerdict.ADOPT

    # ------------------------------------------------------------ the wallet

    def receive_update(self, update: AccountUpdate) -> int:
        """Take a wallet from the private stream; the funding that it charged, in 1e-8."""
        if update.wallet_e8 is None:
            return 0
        if update.exch_ns >= self._wallet_exch_ns:
            self.wallet_e8, self._wallet_exch_ns = update.wallet_e8, update.exch_ns
        self._wallet_pushed_ns = update.mono_ns
        move = update.reason, update.exch_ns, update.wallet_e8
        known = self.baseline_e8 is None or update.exch_ns <= self._baseline_exch_ns
        if not update.moved_e8 or known or move in self._moves_seen:
            return 0
        self._moves_seen[move] = None
        if update.reason == "FUNDING_FEE":
            return -update.moved_e8
        self.baseline_e8 = (self.baseline_e8 or 0) + update.moved_e8
        return 0

    def receive_wallet(self, snapshot: AccountSnapshot) -> None:
        """Take a wallet from REST, unless the stream has reported a younger one."""
        if snapshot.wallet_exch_ns:
            older = snapshot.wallet_exch_ns < self._wallet_exch_ns
        else:
            older = snapshot.asked_mono_ns - self._wallet_pushed_ns < REST_LAG_NS
        if self.wallet_e8 is None or not older:
            self.wallet_e8, self._wallet_exch_ns = snapshot.wallet_e8, snapshot.wallet_exch_ns

    def open_wallet(self, snapshot: AccountSnapshot) -> None:
        """Count the wallet's changes from the one that came with our first position."""
        self.baseline_e8, self._baseline_exch_ns = snapshot.wallet_e8, snapshot.wallet_exch_ns

    def note_earned(self, fill: Fill, earned_e8: int) -> None:
        """A fill was booked; what it earned the first wallet may hold already."""
        if self.baseline_e8 is not None and fill.exch_ns <= self._baseline_exch_ns:
            self.baseline_e8 -= earned_e8

    def residual_e8(self, explained_e8: int) -> int | None:
        """Wallet change that ``explained_e8`` of our own bookings does not explain."""
        if self.wallet_e8 is None or self.baseline_e8 is None:
            return None
        return self.wallet_e8 - self.baseline_e8 - explained_e8


def _not_older(evidence: Evidence, than: Evidence) -> bool:
    if evidence.exch_ns and than.exch_ns:
        return evidence.exch_ns >= than.exch_ns
    return evidence.asked_mono_ns >= than.asked_mono_ns


def _may_be_adopted(evidence: Evidence, doubt: Doubt, ledger: Ledger) -> bool:
    """Does this report hold every fill that the venue has reported to us?

    A row that leaves one out proves its node wrong. Where their stamps are too close to tell,
    the longest lag after the fill will. And an unlisted position proves nothing of itself:
    either a stamped report said the same, or our trades are gone too, as with an exchange that
    has begun anew.
    """
    if not evidence.exch_ns:
        return doubt.forgotten or doubt.dated_exch_ns > 0
    if evidence.exch_ns < ledger.newest_exch_ns - STAMP_JITTER_NS:
        return False
    lag_passed = evidence.asked_mono_ns - ledger.filled_mono_ns >= REST_LAG_NS
    return lag_passed or evidence.exch_ns >= ledger.newest_exch_ns
