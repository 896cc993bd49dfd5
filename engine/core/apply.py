"""Applying: one input of any kind but market data, taken into the desk block; nothing is decided.

Market messages have a way of their own, see ``engine.core.hear``. What follows from either is
decided once for all that arrived together, see ``engine.core.decide``.
"""

from engine.core.account import lose_account
from engine.core.account_reports import hear_account_snapshot, hear_account_update, hear_trades
from engine.core.calibration import sample
from engine.core.desk_layout import (
    CLOCK_MEASURED as CLOCK_IS_MEASURED,
)
from engine.core.desk_layout import (
    LINK_CONNECTS,
    LINK_IS_UP,
    MARKET,
    MONO_NS,
    OWED_EPOCH,
    OWED_NUMBER,
    PRIVATE,
    PUBLIC,
    RESYNCS,
    VENUE_MINUS_MONO_NS,
    link_row,
    owed_row,
)
from engine.core.entry import watch_orders
from engine.core.fills import take_fill
from engine.core.inputs import (
    ACCOUNT_SNAPSHOT,
    ACCOUNT_UPDATE,
    CLOCK_MEASURED,
    CLOCK_MINUS_MONO_NS,
    FILL,
    FILL_EXCH_NS,
    INPUT_KIND,
    INPUT_MONO_NS,
    INPUT_RECV_NS,
    LINK_DOWN,
    LINK_UP,
    LISTEN_KEY_EXPIRED,
    OF_LINK,
    OPERATOR_COMMAND,
    ORDER_UPDATE,
    REPLY,
    TICK,
    TRADES_SNAPSHOT,
)
from engine.core.moment import stamp
from engine.core.notes import LINK_BACK, LINK_LOST, note
from engine.core.obey import obey
from engine.core.own_intensity import add_exposure
from engine.core.polling import begin_polling, poll
from engine.core.quoter import refit_table
from engine.core.replies import hear_reply
from engine.core.reports import hear_update
from engine.core.request_tracker import RECONNECT, tell
from engine.core.settings import STEP_NS
from engine.core.stream_watchdog import (
    AN_ORDER,
    NO_LISTEN_KEY,
    NOTHING,
    overdue,
    owe_account,
    owe_nothing,
)
from engine.core.touch import see_touch
from exchange.jit import FloatArray, IntArray, borrowed, njit, piece
from exchange.market import lose_market
from exchange.market_layout import NO_BID, TOUCH_ASK, TOUCH_BID

_STEP_S = STEP_NS / 1e9


@njit
def apply_input(
    desk: IntArray, reals: FloatArray, market: IntArray, row: IntArray, parts: IntArray
) -> None:
    """Take in what has arrived.

    Args:
        desk: int64[DESK_SIZE], as ``reals`` of ``engine.core.desk_layout``.
        market: int64[MARKET_SIZE] of ``exchange.market_layout``.
        row: int64[INPUT_WIDTH] of ``engine.core.inputs``.
        parts: int64[n * INPUT_WIDTH], what it is made of.
    """
    desk, reals, market = borrowed(desk), borrowed(reals), borrowed(market)
    row, parts = borrowed(row), borrowed(parts)
    stamp(desk, row[INPUT_RECV_NS], row[INPUT_MONO_NS])
    kind = row[INPUT_KIND]
    if kind == TICK:
        _step(desk, reals, market)
    elif kind == REPLY:
        hear_reply(desk, row, parts)
    elif kind == ORDER_UPDATE:
        hear_update(desk, row)
    elif kind == FILL:
        owe_account(desk, row[FILL_EXCH_NS], desk[MONO_NS])
        take_fill(desk, market, row)
    elif kind == ACCOUNT_UPDATE:
        hear_account_update(desk, market, row)
    elif kind == ACCOUNT_SNAPSHOT:
        hear_account_snapshot(desk, market, row, parts)
    elif kind == TRADES_SNAPSHOT:
        hear_trades(desk, market, row, parts)
    elif kind == OPERATOR_COMMAND:
        obey(desk, reals, row)
    else:
        _apply_rare(desk, market, row)


@piece
def _apply_rare(desk: IntArray, market: IntArray, row: IntArray) -> None:
    kind = row[INPUT_KIND]
    if kind == LINK_UP:
        _connect(desk, row[OF_LINK])
    elif kind == LINK_DOWN:
        _lose(desk, market, row[OF_LINK], NOTHING, 0, 0)
    elif kind == LISTEN_KEY_EXPIRED:
        _give_up_private(desk, market, NO_LISTEN_KEY, 0, 0)
    elif kind == CLOCK_MEASURED:
        desk[CLOCK_IS_MEASURED] = 1
        desk[VENUE_MINUS_MONO_NS] = row[CLOCK_MINUS_MONO_NS]


@piece
def _step(desk: IntArray, reals: FloatArray, market: IntArray) -> None:
    """100 ms have passed: the market is sampled, and what was waited for too long is asked for."""
    tape_up = link_row(desk, MARKET)[LINK_IS_UP] == 1
    if sample(desk, reals, market[TOUCH_BID], market[TOUCH_ASK], tape_up, desk[MONO_NS]):
        refit_table(desk, reals)
    if market[TOUCH_BID] != NO_BID:
        add_exposure(desk, reals, 0.5 * (market[TOUCH_BID] + market[TOUCH_ASK]), _STEP_S)
    watch_orders(desk, desk[MONO_NS])
    if link_row(desk, PRIVATE)[LINK_IS_UP] == 0:
        return
    poll(desk)
    oldest = owed_row(desk, 0)
    epoch, number = oldest[OWED_EPOCH], oldest[OWED_NUMBER]
    why = overdue(desk, desk[MONO_NS])
    if why == AN_ORDER:
        _give_up_private(desk, market, why, epoch, number)
    elif why != NOTHING:
        _give_up_private(desk, market, why, 0, 0)


@piece
def _connect(desk: IntArray, link: int) -> None:
    row = link_row(desk, link)
    row[LINK_IS_UP] = 1
    row[LINK_CONNECTS] += 1
    if row[LINK_CONNECTS] > 1:
        note(desk, LINK_BACK, link, 0, 0, 0)
    if link == PRIVATE:
        owe_nothing(desk)
        begin_polling(desk)


@piece
def _lose(desk: IntArray, market: IntArray, link: int, why: int, epoch: int, number: int) -> None:
    row = link_row(desk, link)
    note(desk, LINK_LOST, 2 * link + row[LINK_IS_UP], why, epoch, number)
    row[LINK_IS_UP] = 0
    if link == PUBLIC:
        lose_market(market)
        desk[RESYNCS] = 0
        see_touch(desk, market)
    elif link == PRIVATE:
        lose_account(desk)


@piece
def _give_up_private(desk: IntArray, market: IntArray, why: int, epoch: int, number: int) -> None:
    """A private stream that is open but dead is lost; a new one comes and is compared."""
    _lose(desk, market, PRIVATE, why, epoch, number)
    tell(desk, RECONNECT, why, epoch, number)
