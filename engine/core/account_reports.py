"""Account reports: what the venue states of our account, pushed, asked for, or as a list of trades.

Each is held against what we counted ourselves, see ``engine.core.account``; here is what follows:
the first position opens the ledger, an agreement dates what we know, and a difference that nothing
on its way can explain is settled by adopting the venue's position.
"""

from engine.core.account import (
    ADOPT,
    AGREES,
    BEGUN_ANEW,
    DIFFERS,
    INCOMPARABLE,
    OPENS,
    judge_position,
    take_listed_wallet,
    take_pushed_wallet,
    take_trades_list,
)
from engine.core.desk_layout import (
    BASELINE_E8,
    BASELINE_EXCH_NS,
    CLEARED_NS,
    COMPARED_NS,
    EPOCH,
    EVIDENCE_ASKED_NS,
    EVIDENCE_COST_E8,
    EVIDENCE_EXCH_NS,
    EVIDENCE_KNOWN,
    EVIDENCE_LOTS,
    EVIDENCE_PUSHED,
    EVIDENCE_WALLET_EXCH_NS,
    FUNDING_E8,
    HISTORY_EXCH_NS,
    INPUT_WIDTH,
    MONO_NS,
    OPENED,
    ORDER_STATE,
    POSITION_LOTS,
    PRIVATE_UP_NS,
    RECONCILED,
    SLOTS_USED,
    TOLD,
    VERIFY_EMPTY,
    evidence_row,
    order_column,
    scratch,
)
from engine.core.entry import mark_missing
from engine.core.fills import take_early_fills, take_fill
from engine.core.inputs import (
    ACCOUNT_COST_E8,
    ACCOUNT_EXCH_NS,
    ACCOUNT_LOTS,
    ACCOUNT_WALLET_E8,
    FILL_EXCH_NS,
    FILL_TRADE_ID,
    LIST_ASKED_NS,
    LIST_SINCE_MS,
    OF_EPOCH,
    OF_NUMBER,
    SNAPSHOT_ASKED_NS,
    SNAPSHOT_WALLET_EXCH_NS,
    UPDATE_HAS_POSITION,
    UPDATE_HAS_WALLET,
    UPDATE_IS_FUNDING,
    UPDATE_MOVED_E8,
)
from engine.core.ledger import adopt_position
from engine.core.notes import POSITION_ADOPTED, SNAPSHOT_TAKEN, VERIFIED_EMPTY, note
from engine.core.orders import (
    FREE,
    LIVE,
    NO_SLOT,
    SEEN_LIVE,
    count_orders,
    settle_reported,
    slot_of,
)
from engine.core.polling import note_agreement, note_list
from engine.core.position import newest_exch_ns, newest_trade, open_position
from engine.core.reports import learn_by_rest
from engine.core.risk import BY_CLOSED_POSITION, halt
from engine.core.stream_watchdog import hear_account
from engine.core.touch import see_touch
from exchange.jit import IntArray, njit, piece

_NS_PER_MS = 1_000_000


@njit
def hear_account_update(desk: IntArray, market: IntArray, update: IntArray) -> None:
    """The private stream states the position, the wallet or both.

    Args:
        market: int64[MARKET_SIZE] of ``exchange.market_layout``.
        update: int64[INPUT_WIDTH], an ``ACCOUNT_UPDATE`` of ``engine.core.inputs``.
    """
    exch_ns = update[ACCOUNT_EXCH_NS]
    hear_account(desk, exch_ns, desk[MONO_NS])
    if update[UPDATE_HAS_WALLET] == 1:
        wallet_e8, moved_e8 = update[ACCOUNT_WALLET_E8], update[UPDATE_MOVED_E8]
        is_funding = update[UPDATE_IS_FUNDING] == 1
        desk[FUNDING_E8] += take_pushed_wallet(
            desk, wallet_e8, exch_ns, moved_e8, is_funding, desk[MONO_NS]
        )
    if update[UPDATE_HAS_POSITION] == 1:
        _write_told(desk, update, desk[MONO_NS], 1, 0)
        _settle_position(desk, market)


@njit
def hear_account_snapshot(
    desk: IntArray, market: IntArray, snapshot: IntArray, open_orders: IntArray
) -> None:
    """The account as REST gives it.

    Args:
        market: As of ``hear_account_update``.
        snapshot: int64[INPUT_WIDTH], an ``ACCOUNT_SNAPSHOT`` of ``engine.core.inputs``.
        open_orders: int64[n * INPUT_WIDTH], every order that is open on the symbol.
    """
    asked_ns = snapshot[SNAPSHOT_ASKED_NS]
    if asked_ns < desk[PRIVATE_UP_NS]:
        return  # asked before the line was lost: it cannot vouch for what came since
    note(desk, SNAPSHOT_TAKEN, 0, 0, 0, 0)
    for at in range(0, open_orders.size, INPUT_WIDTH):
        learn_by_rest(desk, open_orders[at : at + INPUT_WIDTH], SEEN_LIVE)
    mark_missing(desk, _listed_slots(desk, open_orders), asked_ns, desk[MONO_NS])
    wallet_ns = snapshot[SNAPSHOT_WALLET_EXCH_NS]
    take_listed_wallet(desk, snapshot[ACCOUNT_WALLET_E8], wallet_ns, asked_ns)
    _write_told(desk, snapshot, asked_ns, 0, wallet_ns)
    verdict = _settle_position(desk, market)
    if verdict == OPENS:
        desk[BASELINE_E8], desk[BASELINE_EXCH_NS] = snapshot[ACCOUNT_WALLET_E8], wallet_ns
        take_early_fills(desk, market)
    if verdict not in (DIFFERS, INCOMPARABLE):
        desk[RECONCILED], desk[COMPARED_NS] = 1, asked_ns
    _verify_empty(desk, open_orders, asked_ns)


@njit
def hear_trades(desk: IntArray, market: IntArray, listed: IntArray, fills: IntArray) -> None:
    """Our trades as REST lists them: what was missed is booked, what is known is history.

    Args:
        market: As of ``hear_account_update``.
        listed: int64[INPUT_WIDTH], a ``TRADES_SNAPSHOT`` of ``engine.core.inputs``.
        fills: int64[n * INPUT_WIDTH], oldest first.
    """
    if desk[OPENED] == 0:
        desk[HISTORY_EXCH_NS] = _newest_ns(fills)
    for at in range(0, fills.size, INPUT_WIDTH):
        take_fill(desk, market, fills[at : at + INPUT_WIDTH])
    _, newest_id = newest_trade(desk)
    holds_newest = False
    for at in range(0, fills.size, INPUT_WIDTH):
        holds_newest = holds_newest or fills[at + FILL_TRADE_ID] == newest_id
    since_ns, asked_ns = listed[LIST_SINCE_MS] * _NS_PER_MS, listed[LIST_ASKED_NS]
    take_trades_list(desk, asked_ns, since_ns, holds_newest)
    note_list(desk, asked_ns)


@piece
def _newest_ns(fills: IntArray) -> int:
    newest_ns = 0
    for at in range(0, fills.size, INPUT_WIDTH):
        newest_ns = max(newest_ns, fills[at + FILL_EXCH_NS])
    return int(newest_ns)


@piece
def _listed_slots(desk: IntArray, open_orders: IntArray) -> IntArray:
    """1 for each slot whose order is listed: int64[ORDER_SLOTS]."""
    listed = scratch(desk, 0)
    listed[:] = 0
    for at in range(0, open_orders.size, INPUT_WIDTH):
        slot = slot_of(desk, open_orders[at + OF_EPOCH], open_orders[at + OF_NUMBER])
        if slot != NO_SLOT:
            listed[slot] = 1
    return listed


@piece
def _verify_empty(desk: IntArray, open_orders: IntArray, asked_ns: int) -> None:
    """While no order is wanted: does the venue list none of ours either?"""
    if desk[VERIFY_EMPTY] == 0 or asked_ns < desk[CLEARED_NS] or count_orders(desk, LIVE, 0) > 0:
        return
    for at in range(0, open_orders.size, INPUT_WIDTH):
        epoch, number = open_orders[at + OF_EPOCH], open_orders[at + OF_NUMBER]
        if epoch == desk[EPOCH] or slot_of(desk, epoch, number) != NO_SLOT:
            return
    desk[VERIFY_EMPTY] = 0
    note(desk, VERIFIED_EMPTY, 0, 0, 0, 0)


# ---------------------------------------------------------------- the position


@piece
def _write_told(
    desk: IntArray, stated: IntArray, asked_ns: int, pushed: int, wallet_ns: int
) -> None:
    told = evidence_row(desk, TOLD)
    told[EVIDENCE_KNOWN], told[EVIDENCE_LOTS] = 1, stated[ACCOUNT_LOTS]
    told[EVIDENCE_COST_E8], told[EVIDENCE_EXCH_NS] = (
        stated[ACCOUNT_COST_E8],
        stated[ACCOUNT_EXCH_NS],
    )
    told[EVIDENCE_ASKED_NS], told[EVIDENCE_PUSHED] = asked_ns, pushed
    told[EVIDENCE_WALLET_EXCH_NS] = wallet_ns


@piece
def _settle_position(desk: IntArray, market: IntArray) -> int:
    """Judge the position that was told, and do what follows; the verdict."""
    told, verdict = evidence_row(desk, TOLD), judge_position(desk)
    if verdict == AGREES:
        note_agreement(desk, told[EVIDENCE_EXCH_NS], told[EVIDENCE_PUSHED] == 1)
    elif verdict == OPENS:
        open_position(desk, told[EVIDENCE_LOTS], told[EVIDENCE_COST_E8], _opening_ns(desk))
    elif verdict in (ADOPT, BEGUN_ANEW):
        _adopt(desk, market, verdict == ADOPT and told[EVIDENCE_LOTS] == 0)
    return int(verdict)


@piece
def _opening_ns(desk: IntArray) -> int:
    """As of what stamp the first position stands: its own, else the wallet's, else our trades'."""
    told = evidence_row(desk, TOLD)
    if told[EVIDENCE_EXCH_NS] != 0:
        return int(told[EVIDENCE_EXCH_NS])
    if told[EVIDENCE_WALLET_EXCH_NS] != 0:
        return int(told[EVIDENCE_WALLET_EXCH_NS])
    return int(max(desk[HISTORY_EXCH_NS], 0))


@piece
def _adopt(desk: IntArray, market: IntArray, closed: bool) -> None:
    """Take the venue's word, at its entry price; a position that was closed without us halts."""
    told, ours = evidence_row(desk, TOLD), desk[POSITION_LOTS]
    exch_ns = max(told[EVIDENCE_EXCH_NS], newest_exch_ns(desk))
    see_touch(desk, market)
    adopt_position(desk, told[EVIDENCE_LOTS], told[EVIDENCE_COST_E8], exch_ns)
    for slot in range(desk[SLOTS_USED]):
        if order_column(desk, ORDER_STATE)[slot] != FREE:
            settle_reported(desk, slot)
    if closed:
        halt(desk, BY_CLOSED_POSITION, told[EVIDENCE_LOTS], ours, True, desk[MONO_NS])
    else:
        note(desk, POSITION_ADOPTED, told[EVIDENCE_LOTS], ours, 0, 0)
