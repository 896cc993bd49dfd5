"""Account reconciliation: the venue's account, compared with what we counted ourselves.

Whatever reports the position says as of when: the venue stamps the last change of it. Such
a report is never stale, only old: it is compared with what we counted for that very moment.
Where the two differ we miss a fill, or the node that answered has made a mistake, and neither
a clock of ours nor a second look at the same node can tell which. So our own trades are
listed, and only a difference that outlives the longest lag of any node, with a list of trades
younger than that, is settled by adopting the venue's position.

What follows from a comparison is in ``engine.core.account_reports``.
"""

from collections.abc import Iterable

from engine.core.desk_layout import (
    AGREED,
    BASELINE_E8,
    BASELINE_EXCH_NS,
    COMPARED_NS,
    CONFIRMED_EXCH_NS,
    DISPUTED,
    DOUBT_APART_LOTS,
    DOUBT_CONTRADICTED,
    DOUBT_DATED_EXCH_NS,
    DOUBT_FORGOTTEN,
    DOUBT_SINCE_NS,
    DOUBT_TRADES_ASKED_NS,
    DOUBTED,
    EPOCH,
    EVIDENCE_ASKED_NS,
    EVIDENCE_EXCH_NS,
    EVIDENCE_KNOWN,
    EVIDENCE_LOTS,
    EVIDENCE_PUSHED,
    EVIDENCE_WALLET_EXCH_NS,
    EVIDENCE_WIDTH,
    FILLED_MONO_NS,
    FIRST_TOLD_NS,
    HAS_PAST,
    HISTORY_EXCH_NS,
    MOVE_EXCH_NS,
    MOVE_IS_FUNDING,
    MOVE_WALLET_E8,
    MOVES_ADDED,
    MOVES_KEPT,
    NO_MONEY,
    NO_STAMP,
    OPENED,
    POSITION_LOTS,
    RECONCILED,
    STARTED_NS,
    TOLD,
    WALLET_E8,
    WALLET_EXCH_NS,
    WALLET_PUSHED_NS,
    evidence_row,
    move_row,
)
from engine.core.order_names import order_name
from engine.core.position import lots_apart, newest_exch_ns, newest_trade
from exchange.jit import IntArray, borrowed, in_python, njit, piece
from exchange.types import (
    OrderUpdate,
)

_NS_PER_MS = 1_000_000

REST_LAG_NS = 5_000_000_000
"""How far a node that answers REST may be behind the matching engine; people report up to 2 s."""

STAMP_JITTER_NS = 1_000_000_000
"""How far the stamp of a position may lie before that of the trade that made it."""
_PATIENCE_NS = 1_000_000_000
"""How long a difference may be a fill that is still on its way to us."""


(
    AGREES,
    INCOMPARABLE,  # it is too old, or undated, to be compared with anything we know
    DIFFERS,
    OPENS,  # the first report: what we start from
    ADOPT,  # it differs, and nothing on its way can explain that any more
    BEGUN_ANEW,  # neither the position nor our trades are known there any more
) = range(6)
"""How our count of the position compares with the venue's report."""


# ---------------------------------------------------------------- the position


@njit
def judge_position(desk: IntArray) -> int:
    """Hold the position that was told against ours, and remember a difference.

    Returns:
        How they compare, ``AGREES`` or one of its neighbours.
    """
    desk = borrowed(desk)
    if desk[OPENED] == 0:
        return _judge_first(desk)
    known, apart = _lots_apart_of(desk, TOLD)
    if not known:
        return INCOMPARABLE
    if apart == 0:
        _settle(desk)
        return AGREES
    return _note_difference(desk, apart)


@piece
def _judge_first(desk: IntArray) -> int:
    told = evidence_row(desk, TOLD)
    undated = told[EVIDENCE_EXCH_NS] == 0
    if told[EVIDENCE_PUSHED] == 1 or (undated and desk[HISTORY_EXCH_NS] == NO_STAMP):
        return INCOMPARABLE
    if desk[FIRST_TOLD_NS] == 0:
        desk[FIRST_TOLD_NS] = told[EVIDENCE_ASKED_NS]
    torn = 0 < told[EVIDENCE_WALLET_EXCH_NS] < told[EVIDENCE_EXCH_NS]
    if torn and told[EVIDENCE_ASKED_NS] - desk[FIRST_TOLD_NS] < REST_LAG_NS:
        # Maybe of two nodes: the wallet lacks what the position holds.
        return INCOMPARABLE
    desk[OPENED] = 1
    if not undated or desk[HISTORY_EXCH_NS] > 0:
        desk[HAS_PAST] = 1
    return OPENS


@piece
def _lots_apart_of(desk: IntArray, which: int) -> tuple[bool, int]:
    """Whether it is known how far the venue's position was from ours at one moment, and how far."""
    stated = evidence_row(desk, which)
    apart = stated[EVIDENCE_LOTS] - desk[POSITION_LOTS]
    settled = stated[EVIDENCE_ASKED_NS] - desk[FILLED_MONO_NS] >= REST_LAG_NS
    if settled and stated[EVIDENCE_PUSHED] == 0:
        return True, int(apart)  # no node can be so far behind: it reports the present
    if stated[EVIDENCE_EXCH_NS] == 0:
        return bool(apart == 0), 0
    return lots_apart(desk, stated[EVIDENCE_EXCH_NS], stated[EVIDENCE_LOTS])


@piece
def _settle(desk: IntArray) -> None:
    """What was told agrees with us."""
    told, agreed = evidence_row(desk, TOLD), evidence_row(desk, AGREED)
    if told[EVIDENCE_PUSHED] == 1:
        desk[CONFIRMED_EXCH_NS] = max(desk[CONFIRMED_EXCH_NS], told[EVIDENCE_EXCH_NS])
    if agreed[EVIDENCE_KNOWN] == 0 or _not_older(told, agreed):
        _keep_evidence(desk, AGREED)
    if desk[DOUBTED] == 1 and _outdates_doubt(desk):
        desk[DOUBTED] = 0


@piece
def _keep_evidence(desk: IntArray, which: int) -> None:
    told, kept = evidence_row(desk, TOLD), evidence_row(desk, which)
    for column in range(EVIDENCE_WIDTH):
        kept[column] = told[column]


@piece
def _not_older(told: IntArray, than: IntArray) -> bool:
    if told[EVIDENCE_EXCH_NS] != 0 and than[EVIDENCE_EXCH_NS] != 0:
        return bool(told[EVIDENCE_EXCH_NS] >= than[EVIDENCE_EXCH_NS])
    return bool(told[EVIDENCE_ASKED_NS] >= than[EVIDENCE_ASKED_NS])


@piece
def _outdates_doubt(desk: IntArray) -> bool:
    """Is what was told younger than all that showed the difference?"""
    told, dated_ns = evidence_row(desk, TOLD), desk[DOUBT_DATED_EXCH_NS]
    if told[EVIDENCE_EXCH_NS] != 0:
        dated_late = told[EVIDENCE_EXCH_NS] >= dated_ns
    else:
        proven_ns = desk[DOUBT_SINCE_NS] + REST_LAG_NS
        dated_late = dated_ns == 0 or told[EVIDENCE_ASKED_NS] >= proven_ns
    return bool(dated_late and _not_older(told, evidence_row(desk, DISPUTED)))


@piece
def _note_difference(desk: IntArray, apart: int) -> int:
    told = evidence_row(desk, TOLD)
    exch_ns, asked_ns = told[EVIDENCE_EXCH_NS], told[EVIDENCE_ASKED_NS]
    contradicted = 0 < exch_ns <= desk[CONFIRMED_EXCH_NS]
    if desk[DOUBTED] == 0 or desk[DOUBT_APART_LOTS] != apart:
        _begin_doubt(desk, apart, contradicted)
    elif _not_older(told, evidence_row(desk, DISPUTED)):
        _keep_evidence(desk, DISPUTED)
        desk[DOUBT_CONTRADICTED] = contradicted
    if exch_ns >= newest_exch_ns(desk) - STAMP_JITTER_NS:
        desk[DOUBT_DATED_EXCH_NS] = max(desk[DOUBT_DATED_EXCH_NS], exch_ns)
    proven_ns = desk[DOUBT_SINCE_NS] + REST_LAG_NS
    early = min(asked_ns, desk[DOUBT_TRADES_ASKED_NS]) < proven_ns
    if told[EVIDENCE_PUSHED] == 1 or early or contradicted or not _may_be_adopted(desk):
        return DIFFERS
    desk[DOUBTED] = 0
    return BEGUN_ANEW if desk[DOUBT_FORGOTTEN] == 1 else ADOPT


@piece
def _begin_doubt(desk: IntArray, apart: int, contradicted: bool) -> None:
    desk[DOUBTED], desk[DOUBT_APART_LOTS] = 1, apart
    desk[DOUBT_SINCE_NS] = evidence_row(desk, TOLD)[EVIDENCE_ASKED_NS]
    desk[DOUBT_CONTRADICTED] = contradicted
    desk[DOUBT_DATED_EXCH_NS] = desk[DOUBT_TRADES_ASKED_NS] = desk[DOUBT_FORGOTTEN] = 0
    _keep_evidence(desk, DISPUTED)


@piece
def _may_be_adopted(desk: IntArray) -> bool:
    """Does what was told hold every fill that the venue has reported to us?

    A row that leaves one out proves its node wrong. Where their stamps are too close to tell,
    the longest lag after the fill will. And an unlisted position proves nothing of itself:
    either a stamped report said the same, or our trades are gone too, as with an exchange that
    has begun anew.
    """
    told = evidence_row(desk, TOLD)
    exch_ns, booked_ns = told[EVIDENCE_EXCH_NS], newest_exch_ns(desk)
    if exch_ns == 0:
        return bool(desk[DOUBT_FORGOTTEN] == 1 or desk[DOUBT_DATED_EXCH_NS] > 0)
    if exch_ns < booked_ns - STAMP_JITTER_NS:
        return False
    lag_passed = told[EVIDENCE_ASKED_NS] - desk[FILLED_MONO_NS] >= REST_LAG_NS
    return bool(lag_passed or exch_ns >= booked_ns)


@njit
def recheck_doubt(desk: IntArray) -> None:
    """A fill was booked: is the difference explained?"""
    desk = borrowed(desk)
    if desk[DOUBTED] == 1:
        known, apart = _lots_apart_of(desk, DISPUTED)
        if known and apart == 0:
            desk[DOUBTED] = 0


@njit
def take_trades_list(desk: IntArray, asked_mono_ns: int, since_ns: int, holds_newest: bool) -> None:
    """A list of our trades was booked, as the node knew them that was asked.

    Args:
        since_ns: Where it begins, by the venue's clock.
        holds_newest: Does it hold the newest trade that we have booked?
    """
    desk = borrowed(desk)
    if desk[DOUBTED] == 0 or asked_mono_ns < desk[DOUBT_TRADES_ASKED_NS]:
        return
    desk[DOUBT_TRADES_ASKED_NS] = asked_mono_ns
    newest_ns, _ = newest_trade(desk)
    lag_passed = asked_mono_ns - desk[FILLED_MONO_NS] >= REST_LAG_NS
    desk[DOUBT_FORGOTTEN] = lag_passed and newest_ns >= max(since_ns, 0) and not holds_newest


@njit
def doubt_forbids(desk: IntArray, mono_ns: int) -> bool:
    """Has there been a difference for longer than a fill may be on its way?"""
    patience_ns = REST_LAG_NS if desk[DOUBT_CONTRADICTED] == 1 else _PATIENCE_NS
    return bool(desk[DOUBTED] == 1 and mono_ns - desk[DOUBT_SINCE_NS] > patience_ns)


@njit
def is_settled(desk: IntArray) -> bool:
    """Is every fill known that an earlier run may have left?

    What it filled in its last moments a lagging node shows only when its lag has passed.
    """
    return bool(desk[HAS_PAST] == 0 or desk[COMPARED_NS] >= desk[STARTED_NS] + REST_LAG_NS)


@njit
def worst_held_lots(desk: IntArray, side: int) -> int:
    """The position that is the worse for one side: ours, or what the venue may mean."""
    apart = desk[DOUBT_APART_LOTS] if desk[DOUBTED] == 1 else 0
    return int(desk[POSITION_LOTS] + side * max(side * apart, 0))


@njit
def lose_account(desk: IntArray) -> None:
    """The private stream is down: nothing that it confirmed says anything of what follows."""
    desk[RECONCILED] = desk[CONFIRMED_EXCH_NS] = 0
    evidence_row(desk, AGREED)[EVIDENCE_KNOWN] = 0


# ---------------------------------------------------------------- the wallet


@njit
def take_pushed_wallet(
    desk: IntArray, wallet_e8: int, exch_ns: int, moved_e8: int, is_funding: bool, mono_ns: int
) -> int:
    """Take a wallet from the private stream; the funding that it charged, in 1e-8.

    Args:
        moved_e8: What no trade of ours changed it by: funding, or else a transfer.
    """
    desk = borrowed(desk)
    if exch_ns >= desk[WALLET_EXCH_NS]:
        desk[WALLET_E8], desk[WALLET_EXCH_NS] = wallet_e8, exch_ns
    desk[WALLET_PUSHED_NS] = mono_ns
    known = desk[BASELINE_E8] == NO_MONEY or exch_ns <= desk[BASELINE_EXCH_NS]
    if moved_e8 == 0 or known or _has_moved(desk, exch_ns, wallet_e8, is_funding):
        return 0
    row = move_row(desk, desk[MOVES_ADDED])
    row[MOVE_EXCH_NS], row[MOVE_WALLET_E8], row[MOVE_IS_FUNDING] = exch_ns, wallet_e8, is_funding
    desk[MOVES_ADDED] += 1
    if is_funding:
        return -moved_e8
    desk[BASELINE_E8] += moved_e8
    return 0


@piece
def _has_moved(desk: IntArray, exch_ns: int, wallet_e8: int, is_funding: bool) -> bool:
    """Was this change of the wallet told before?"""
    for number in range(max(desk[MOVES_ADDED] - MOVES_KEPT, 0), desk[MOVES_ADDED]):
        row = move_row(desk, number)
        same = row[MOVE_EXCH_NS] == exch_ns and row[MOVE_WALLET_E8] == wallet_e8
        if same and (row[MOVE_IS_FUNDING] == 1) == is_funding:
            return True
    return False


@njit
def take_listed_wallet(desk: IntArray, wallet_e8: int, exch_ns: int, asked_mono_ns: int) -> None:
    """Take a wallet from REST, unless the stream has reported a younger one."""
    if exch_ns != 0:
        older = exch_ns < desk[WALLET_EXCH_NS]
    else:
        older = asked_mono_ns - desk[WALLET_PUSHED_NS] < REST_LAG_NS
    if desk[WALLET_E8] == NO_MONEY or not older:
        desk[WALLET_E8], desk[WALLET_EXCH_NS] = wallet_e8, exch_ns


@njit
def note_earned(desk: IntArray, exch_ns: int, earned_e8: int) -> None:
    """A fill was booked; what it earned the first wallet may hold already."""
    if desk[BASELINE_E8] != NO_MONEY and exch_ns <= desk[BASELINE_EXCH_NS]:
        desk[BASELINE_E8] -= earned_e8


class AccountReconciler:
    """Wallet and position: can our position be trusted? A reader of the desk block.

    Args:
        desk: int64[DESK_SIZE].
    """

    def __init__(self, desk: IntArray, *, recent_run: bool = False) -> None:
        self._desk = desk
        desk[HAS_PAST] = int(recent_run)
        self._disputed = in_python(evidence_row)(desk, DISPUTED)
        self.foreign: dict[str, OrderUpdate] = {}
        """Open orders that are not ours, by client id; shown and never touched."""
        self.troubles: dict[int, str] = {}
        """Why the newest question of each kind failed; those that were answered are not in it."""
        self._newest_ended: dict[int, int] = {}

    def note_list(self, open_orders: Iterable[OrderUpdate]) -> None:
        """The venue listed every order that is open."""
        self.foreign.clear()
        for update in open_orders:
            self.note_stranger(update)

    def note_stranger(self, update: OrderUpdate) -> None:
        """An order was reported: is it somebody else's, or a younger run's?"""
        name = order_name(update.client_order_id)
        if update.status.final:
            self.foreign.pop(update.client_order_id, None)
        elif name is None or name.epoch > self._desk[EPOCH]:
            self.foreign[update.client_order_id] = update

    def note_answer(self, kind: int, number: int, trouble: str) -> None:
        """How a question ended; an empty trouble when it was answered.

        Args:
            kind: Of ``engine.core.request_tracker``.
            number: Of the request.
        """
        if number < self._newest_ended.get(kind, 0):
            return
        self._newest_ended[kind] = number
        self.troubles.pop(kind, None)
        if trouble:
            self.troubles[kind] = trouble

    @property
    def opened(self) -> bool:
        """Do we know what we started from?"""
        return bool(self._desk[OPENED])

    @property
    def doubted(self) -> bool:
        """Is there a difference between the venue's position and ours?"""
        return bool(self._desk[DOUBTED])

    @property
    def disputed_lots(self) -> int:
        """The position that the venue stated and we did not count."""
        return int(self._disputed[EVIDENCE_LOTS])

    def doubt_forbids(self, mono_ns: int) -> bool:
        """Does the difference forbid quoting?"""
        return doubt_forbids(self._desk, mono_ns)

    @property
    def wallet_e8(self) -> int | None:
        wallet_e8 = int(self._desk[WALLET_E8])
        return None if wallet_e8 == NO_MONEY else wallet_e8

    def residual_e8(self, explained_e8: int) -> int | None:
        """Wallet change that ``explained_e8`` of our own bookings does not explain."""
        baseline_e8 = int(self._desk[BASELINE_E8])
        if self.wallet_e8 is None or baseline_e8 == NO_MONEY:
            return None
        return self.wallet_e8 - baseline_e8 - explained_e8
