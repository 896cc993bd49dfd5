"""Polling: when the venue is asked for the account and for our trades, and the switch refreshed.

The private stream tells of everything first; what is polled shows what it did not tell. The
account is asked for at a pace that grows with how little is known of it. Our trades are listed when
one may have been missed, from the last moment up to which they are known. The dead man's switch is
refreshed only while the desk decides, so that orders do not outlive it.
"""

from engine.core.account import REST_LAG_NS, is_settled
from engine.core.desk_layout import (
    ACCOUNT_ASKED_NS,
    AGREED_EXCH_NS,
    DOUBT_SINCE_NS,
    DOUBTED,
    FLATTEN_STATE,
    MISSES_FILLS,
    MONO_NS,
    NEVER_NS,
    POSITION_LOTS,
    PRIVATE_UP_NS,
    RECONCILED,
    RECV_NS,
    STARTED_NS,
    STARTED_RECV_NS,
    STOPPING,
    SWITCH_ARMED_NS,
    SWITCH_ASKED_NS,
    TRADES_ASKED_NS,
    TRADES_MISSING,
    UNLISTED_EXCH_NS,
    UNLISTED_NS,
    VERIFY_EMPTY,
    YOUNGER_RUN,
)
from engine.core.flatten import CLOSING
from engine.core.moment import venue_ns
from engine.core.orders import LIVE, count_orders
from engine.core.position import NO_TRADE, newest_exch_ns, newest_trade
from engine.core.quoting_rules import ACCOUNT_EVERY_NS, SWITCH_NS
from engine.core.request_tracker import FETCH_ACCOUNT, FETCH_TRADES, REFRESH_COUNTDOWN, ask
from exchange.jit import IntArray, borrowed, njit, piece

_S = 1_000_000_000
_MS = 1_000_000
_SWITCH_EVERY_NS = 10 * _S  # two refreshes may be lost before the venue's switch cancels
_PROOF_EVERY_NS = _S // 5  # a stop or a panic waits for it
_ASK_AGAIN_NS = _S
_LOOK_CLOSELY_NS = 2 * REST_LAG_NS
"""After the private stream came up: what a lagging node did not know shows soon after."""
_LOOK_CLOSELY_EVERY_NS = 2 * _S
_TRADES_PATIENCE_NS = 300 * _MS
"""How long a fill may be on its way before our trades are listed for it."""
_TRADES_MARGIN_NS = 60 * _S
"""How far before the last moment that was compared a list of trades begins."""
_TRADES_LISTED_NS = 7 * 86_400 * _S - _TRADES_MARGIN_NS
"""Of a list that begins longer ago the venue leaves out the newest part."""


@njit
def poll(desk: IntArray) -> None:
    """Time's part in knowing the account: what is due, doubted or failed is asked for again."""
    desk = borrowed(desk)
    desk[TRADES_MISSING] = _look_for_trades(desk)
    if desk[TRADES_MISSING] == 1 and desk[MONO_NS] - desk[TRADES_ASKED_NS] >= _ASK_AGAIN_NS:
        ask_trades(desk)
    if desk[MONO_NS] - desk[ACCOUNT_ASKED_NS] >= _account_every_ns(desk):
        ask_account(desk)
    if desk[MONO_NS] - desk[SWITCH_ASKED_NS] >= _SWITCH_EVERY_NS:
        _refresh_switch(desk)


@njit
def ask_account(desk: IntArray) -> None:
    """Ask for position, wallet and open orders."""
    desk[ACCOUNT_ASKED_NS] = desk[MONO_NS]
    ask(desk, FETCH_ACCOUNT, 0)


@njit
def ask_trades(desk: IntArray) -> None:
    """Ask for our trades since the last moment up to which they are known, and somewhat before."""
    desk = borrowed(desk)
    desk[TRADES_ASKED_NS] = desk[MONO_NS]
    since_ns = desk[AGREED_EXCH_NS]
    if since_ns == 0:
        since_ns = venue_ns(desk, desk[STARTED_RECV_NS], desk[STARTED_NS])
    newest_ns, _ = newest_trade(desk)
    if desk[DOUBTED] == 1 and newest_ns != NO_TRADE:
        since_ns = min(since_ns, newest_ns)  # does the venue still know it?
    oldest_ns = venue_ns(desk, desk[RECV_NS], desk[MONO_NS]) - _TRADES_LISTED_NS
    ask(desk, FETCH_TRADES, max(since_ns - _TRADES_MARGIN_NS, oldest_ns) // _MS)


@njit
def note_agreement(desk: IntArray, exch_ns: int, pushed: bool) -> None:
    """A position that the venue stated agrees with ours.

    Args:
        exch_ns: The venue's stamp on its last change; 0 of none.
        pushed: Does it come from the private stream?
    """
    desk = borrowed(desk)
    if pushed or exch_ns <= newest_exch_ns(desk):
        if not _trade_is_missing(desk):
            desk[AGREED_EXCH_NS] = max(desk[AGREED_EXCH_NS], exch_ns)
    elif exch_ns > max(desk[AGREED_EXCH_NS], desk[UNLISTED_EXCH_NS]):
        # It moved and came back, and neither reached us: the next list shows it.
        desk[UNLISTED_EXCH_NS], desk[UNLISTED_NS] = exch_ns, desk[MONO_NS]


@njit
def note_list(desk: IntArray, asked_mono_ns: int) -> None:
    """A list of our trades was booked; one that was asked for late enough shows what moved."""
    if asked_mono_ns >= desk[UNLISTED_NS]:
        desk[AGREED_EXCH_NS] = max(desk[AGREED_EXCH_NS], desk[UNLISTED_EXCH_NS])
    if desk[RECONCILED] == 0 or desk[DOUBTED] == 1:
        ask_account(desk)


@njit
def begin_polling(desk: IntArray) -> None:
    """The private stream is up: our trades are asked for, and the account when they are here.

    The venue may have restarted and forgotten its switch: it is armed anew first.
    """
    desk[PRIVATE_UP_NS] = desk[MONO_NS]
    desk[SWITCH_ASKED_NS] = desk[SWITCH_ARMED_NS] = NEVER_NS
    ask_trades(desk)


@piece
def _look_for_trades(desk: IntArray) -> bool:
    """May a trade of ours be missing, so that a list of them would tell?"""
    waited_ns = desk[MONO_NS] - desk[DOUBT_SINCE_NS]
    waited = desk[DOUBTED] == 1 and waited_ns > _TRADES_PATIENCE_NS
    return bool(waited or _trade_is_missing(desk) or desk[RECONCILED] == 0)


@piece
def _trade_is_missing(desk: IntArray) -> bool:
    """Is there a trade of ours that the venue has hinted at, and no list has brought?"""
    return bool(desk[MISSES_FILLS] == 1 or desk[UNLISTED_EXCH_NS] > desk[AGREED_EXCH_NS])


@piece
def _account_every_ns(desk: IntArray) -> int:
    if desk[VERIFY_EMPTY] == 1 and count_orders(desk, LIVE, 0) == 0:
        return _PROOF_EVERY_NS
    if desk[FLATTEN_STATE] == CLOSING and desk[POSITION_LOTS] == 0:
        return _ASK_AGAIN_NS
    if desk[RECONCILED] == 0 or desk[DOUBTED] == 1 or not is_settled(desk):
        return _ASK_AGAIN_NS
    fresh = desk[MONO_NS] - desk[PRIVATE_UP_NS] < _LOOK_CLOSELY_NS
    return _LOOK_CLOSELY_EVERY_NS if fresh else ACCOUNT_EVERY_NS


@piece
def _refresh_switch(desk: IntArray) -> None:
    # The switch is the symbol's: refreshed by us, it would keep a dead younger run's orders.
    if desk[STOPPING] == 0 and desk[YOUNGER_RUN] == 0:
        desk[SWITCH_ASKED_NS] = desk[MONO_NS]
        ask(desk, REFRESH_COUNTDOWN, SWITCH_NS // _MS)
