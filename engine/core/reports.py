"""Order reports: what the venue tells of one order, from whatever channel, and what it means to us.

An order that is in the table is stepped through its life. One that is not is somebody else's, or of
an earlier run, or was given up too early: ours is taken in, so that it is cancelled unless it is
wanted. An order of a younger run ends this one, since two engines on one account would fight.
"""

from engine.core.desk_layout import (
    EPOCH,
    LINK_HEARD_NS,
    MONO_NS,
    ORDER_BOOKED_LOTS,
    ORDER_PLACED_NS,
    ORDER_PROGRESS,
    PRIVATE,
    PRIVATE_UP_NS,
    YOUNGER_RUN,
    link_row,
    order_column,
)
from engine.core.inputs import (
    OF_EPOCH,
    OF_NUMBER,
    OF_PRICE_TICKS,
    OF_QTY_LOTS,
    OF_SIDE,
    UPDATE_EXCH_NS,
    UPDATE_FILLED_LOTS,
    UPDATE_IS_FINAL,
)
from engine.core.notes import ORDER_FOUND, TABLE_FULL, note
from engine.core.orders import (
    NO_SLOT,
    RESTING,
    SEEN_LIVE,
    add_order,
    apply_event,
    end_order,
    has_ended,
    report_filled,
    settle_reported,
    slot_of,
)
from engine.core.position import order_lots
from engine.core.risk import BY_YOUNGER_RUN, halt
from engine.core.stream_watchdog import hear_order, owe_order, progress
from exchange.jit import IntArray, njit, piece


@piece
def hear_update(desk: IntArray, update: IntArray) -> None:
    """The private stream reports an order.

    Args:
        update: int64[INPUT_WIDTH], an ``ORDER_UPDATE`` of ``engine.core.inputs``.
    """
    link_row(desk, PRIVATE)[LINK_HEARD_NS] = desk[MONO_NS]
    learn(desk, update, SEEN_LIVE)
    reached = _progress(update)
    hear_order(desk, update[OF_EPOCH], update[OF_NUMBER], reached, desk[MONO_NS])
    slot = slot_of(desk, update[OF_EPOCH], update[OF_NUMBER])
    if slot != NO_SLOT:
        reported = order_column(desk, ORDER_PROGRESS)
        reported[slot] = max(reported[slot], reached)


@njit
def learn_by_rest(desk: IntArray, update: IntArray, alive: int) -> None:
    """Apply a report that the private stream owes too, if it was up at the placing.

    Args:
        update: As of ``hear_update``.
        alive: The event that it is to the order when it is not over.
    """
    learn(desk, update, alive)
    slot = slot_of(desk, update[OF_EPOCH], update[OF_NUMBER])
    if slot == NO_SLOT or order_column(desk, ORDER_PLACED_NS)[slot] <= desk[PRIVATE_UP_NS]:
        return
    known = _progress(update)
    if order_column(desk, ORDER_PROGRESS)[slot] < known:
        owe_order(desk, update[OF_EPOCH], update[OF_NUMBER], known, desk[MONO_NS])


@njit
def learn(desk: IntArray, update: IntArray, alive: int) -> None:
    """Apply a report of one order, from whatever channel it came; as ``learn_by_rest``."""
    slot = slot_of(desk, update[OF_EPOCH], update[OF_NUMBER])
    if slot == NO_SLOT:
        _learn_stranger(desk, update)
        return
    report_filled(desk, slot, update[UPDATE_FILLED_LOTS])
    if update[UPDATE_IS_FINAL] == 1:
        end_order(desk, slot, update[UPDATE_EXCH_NS], desk[MONO_NS])
    else:
        apply_event(desk, slot, alive, desk[MONO_NS])


@piece
def _learn_stranger(desk: IntArray, update: IntArray) -> None:
    """An order that is not in the table."""
    epoch, number = update[OF_EPOCH], update[OF_NUMBER]
    if number == 0 or has_ended(desk, epoch, number):
        return
    if epoch > desk[EPOCH]:
        _meet_younger_run(desk, epoch, number)
    elif update[UPDATE_IS_FINAL] == 0:
        _adopt(desk, update)


@piece
def _meet_younger_run(desk: IntArray, epoch: int, number: int) -> None:
    """Two engines on one account: ours, the older, lets go of it for good."""
    if desk[YOUNGER_RUN] == 0:
        desk[YOUNGER_RUN] = 1
        halt(desk, BY_YOUNGER_RUN, epoch, number, True, desk[MONO_NS])


@piece
def _adopt(desk: IntArray, update: IntArray) -> None:
    """Take an order of ours into the table, where it is cancelled unless it is wanted.

    One of this run was taken for absent and then arrived after all, or a late event
    reports one long done; a cancel and a query find out which.
    """
    epoch, number, lots = update[OF_EPOCH], update[OF_NUMBER], update[OF_QTY_LOTS]
    side, price = update[OF_SIDE], update[OF_PRICE_TICKS]
    slot = add_order(desk, epoch, number, side, price, lots, desk[MONO_NS], RESTING)
    if slot == NO_SLOT:
        note(desk, TABLE_FULL, epoch, number, 0, 0)
        return
    # Whatever was reported of it may have been reported before we knew it.
    order_column(desk, ORDER_PROGRESS)[slot] = progress(lots, True)
    order_column(desk, ORDER_BOOKED_LOTS)[slot] = order_lots(desk, epoch, number)
    report_filled(desk, slot, update[UPDATE_FILLED_LOTS])
    if epoch != desk[EPOCH]:
        settle_reported(desk, slot)  # the position that this run started from holds them
    note(desk, ORDER_FOUND, epoch, number, 0, 0)


@piece
def _progress(update: IntArray) -> int:
    return progress(update[UPDATE_FILLED_LOTS], update[UPDATE_IS_FINAL] == 1)
