"""Position keeping: position, cost and realised profit, in the venue's order of executions.

Fills reach us late, twice and out of order, and what a sell realises depends on what was
bought before it. So executions are kept sorted by the venue's stamp and trade id, and one
that arrives late is slipped into its place and those after it are counted again.

A position that the venue states is a *base*: it holds every execution up to its stamp, known
to us or not. One that arrives later but is stamped before it is in it already.

All lies in the desk block, see ``engine.core.desk_layout``. Money is exact up to 9e18, 90 billion
of the quote asset; settings that could come near that are refused.
"""

from engine.core.desk_layout import (
    AFTER_ALL_TRADES,
    BOOKED,
    COST_BEFORE_E8,
    COST_E8,
    EXECUTION_EPOCH,
    EXECUTION_EXCH_NS,
    EXECUTION_LOTS,
    EXECUTION_MONEY_E8,
    EXECUTION_NUMBER,
    EXECUTION_SLOTS,
    EXECUTION_TRADE_ID,
    EXECUTION_WIDTH,
    EXECUTIONS_COUNT,
    EXECUTIONS_FIRST,
    EXECUTIONS_KEPT,
    FLOOR_EXCH_NS,
    FLOOR_TRADE_ID,
    HISTORY,
    HISTORY_ADDED,
    HISTORY_KEPT,
    LOTS_BEFORE,
    POSITION_LOTS,
    REALISED_BEFORE_E8,
    REALISED_E8,
    TRADE_SLOTS,
    execution_row,
    history_ids,
    trade_keys,
    trade_values,
)
from exchange.int_map import FREE, find_key, remove_slot
from exchange.jit import IntArray, borrowed, njit, piece

NO_TRADE = -1


@njit
def open_position(desk: IntArray, lots: int, cost_e8: int, exch_ns: int) -> None:
    """Start from a position of the venue's: everything up to its stamp is history."""
    desk[POSITION_LOTS], desk[COST_E8] = lots, cost_e8
    desk[FLOOR_EXCH_NS], desk[FLOOR_TRADE_ID] = exch_ns, AFTER_ALL_TRADES


@njit
def knows_trade(desk: IntArray, trade_id: int, exch_ns: int) -> bool:
    """Is this execution booked already, or part of what we started from?"""
    desk = borrowed(desk)
    return _is_history(desk, trade_id, exch_ns) or _trade_kind(desk, trade_id) == BOOKED


@njit
def note_history(desk: IntArray, trade_id: int, exch_ns: int) -> bool:
    """Note a trade at or before the opening; True the first time."""
    desk = borrowed(desk)
    if _trade_kind(desk, trade_id) != 0:
        return False
    ids, at = history_ids(desk), desk[HISTORY_ADDED] % HISTORY_KEPT
    if desk[HISTORY_ADDED] >= HISTORY_KEPT and _trade_kind(desk, ids[at]) == HISTORY:
        _forget_trade(desk, ids[at])
    ids[at] = trade_id
    desk[HISTORY_ADDED] += 1
    _remember_trade(desk, trade_id, HISTORY)
    return _is_history(desk, trade_id, exch_ns)


@njit
def book_execution(
    desk: IntArray,
    trade_id: int,
    exch_ns: int,
    signed_lots: int,
    money_e8: int,
    epoch: int,
    number: int,
) -> None:
    """Take an execution that is not known yet into its place.

    Args:
        signed_lots: Positive when bought.
        money_e8: Its notional, with the sign of the lots.
        epoch: Of the order of ours that it filled, as its ``number``; 0 of none.
    """
    desk = borrowed(desk)
    _remember_trade(desk, trade_id, BOOKED)
    place = _make_place(desk, exch_ns, trade_id)
    row = execution_row(desk, place)
    row[EXECUTION_LOTS], row[EXECUTION_MONEY_E8] = signed_lots, money_e8
    row[EXECUTION_EPOCH], row[EXECUTION_NUMBER] = epoch, number
    _count_from(desk, place)


@njit
def adopt_base(desk: IntArray, lots: int, cost_e8: int, exch_ns: int) -> None:
    """From this stamp on the position was what the venue says."""
    desk = borrowed(desk)
    place = _make_place(desk, exch_ns, AFTER_ALL_TRADES)
    row = execution_row(desk, place)
    row[EXECUTION_LOTS], row[EXECUTION_MONEY_E8] = lots, cost_e8
    row[EXECUTION_EPOCH] = row[EXECUTION_NUMBER] = 0
    _count_from(desk, place)


@njit
def lots_apart(desk: IntArray, exch_ns: int, lots: int) -> tuple[bool, int]:
    """A position stamped by the venue less the nearest of what ours may have been then.

    Several executions share a millisecond, and a stamp does not say after which of them: so it
    may have been what stood after any of that very stamp, or what stood then.

    Returns:
        Whether that is known, which it is not of a time too long ago, and the difference.
    """
    desk = borrowed(desk)
    if exch_ns < desk[FLOOR_EXCH_NS]:
        return False, 0
    place = _place_of(desk, exch_ns, AFTER_ALL_TRADES)
    apart = lots - _lots_before(desk, place)
    while place > 1 and execution_row(desk, place - 2)[EXECUTION_EXCH_NS] == exch_ns:
        place -= 1
        other = lots - _lots_before(desk, place)
        apart = other if abs(other) < abs(apart) else apart
    return True, int(apart)


@njit
def newest_trade(desk: IntArray) -> tuple[int, int]:
    """Stamp and id of the newest execution booked; ``NO_TRADE`` in both before the first."""
    desk = borrowed(desk)
    for i in range(desk[EXECUTIONS_COUNT] - 1, -1, -1):
        row = execution_row(desk, i)
        if row[EXECUTION_TRADE_ID] != AFTER_ALL_TRADES:
            return int(row[EXECUTION_EXCH_NS]), int(row[EXECUTION_TRADE_ID])
    return NO_TRADE, NO_TRADE


@njit
def newest_exch_ns(desk: IntArray) -> int:
    """The venue's stamp on the newest execution or base, or on the opening."""
    desk = borrowed(desk)
    count = desk[EXECUTIONS_COUNT]
    return int(execution_row(desk, count - 1)[EXECUTION_EXCH_NS] if count else desk[FLOOR_EXCH_NS])


@njit
def order_lots(desk: IntArray, epoch: int, number: int) -> int:
    """Lots booked for one order of ours, of the executions that are kept."""
    desk = borrowed(desk)
    lots = 0
    for i in range(desk[EXECUTIONS_COUNT]):
        row = execution_row(desk, i)
        if row[EXECUTION_EPOCH] == epoch and row[EXECUTION_NUMBER] == number:
            lots += abs(row[EXECUTION_LOTS])
    return lots


# ---------------------------------------------------------------- which trades are known


@piece
def _is_history(desk: IntArray, trade_id: int, exch_ns: int) -> bool:
    floor_ns = desk[FLOOR_EXCH_NS]
    return bool(exch_ns < floor_ns or (exch_ns == floor_ns and trade_id <= desk[FLOOR_TRADE_ID]))


@piece
def _trade_kind(desk: IntArray, trade_id: int) -> int:
    """``BOOKED``, ``HISTORY``, or 0 of a trade that is not known."""
    keys = trade_keys(desk)
    slot = find_key(keys, TRADE_SLOTS, trade_id)
    return int(trade_values(desk)[slot]) if keys[slot] != FREE else 0


@piece
def _remember_trade(desk: IntArray, trade_id: int, kind: int) -> None:
    keys = trade_keys(desk)
    slot = find_key(keys, TRADE_SLOTS, trade_id)
    keys[slot] = trade_id
    trade_values(desk)[slot] = kind


@piece
def _forget_trade(desk: IntArray, trade_id: int) -> None:
    keys = trade_keys(desk)
    slot = find_key(keys, TRADE_SLOTS, trade_id)
    if keys[slot] != FREE:
        remove_slot(keys, trade_values(desk), TRADE_SLOTS, slot)


# ---------------------------------------------------------------- how it is counted


@piece
def _place_of(desk: IntArray, exch_ns: int, trade_id: int) -> int:
    """How many entries stand at or before a stamp and trade id."""
    low, high = 0, desk[EXECUTIONS_COUNT]
    while low < high:
        middle = (low + high) // 2
        row = execution_row(desk, middle)
        at_ns = row[EXECUTION_EXCH_NS]
        if at_ns < exch_ns or (at_ns == exch_ns and row[EXECUTION_TRADE_ID] <= trade_id):
            low = middle + 1
        else:
            high = middle
    return int(low)


@piece
def _make_place(desk: IntArray, exch_ns: int, trade_id: int) -> int:
    """Make room where an entry belongs, keyed and otherwise unwritten; which number it has."""
    place = _place_of(desk, exch_ns, trade_id)
    if place < desk[EXECUTIONS_COUNT]:
        _go_back_to(desk, place)
    for i in range(desk[EXECUTIONS_COUNT], place, -1):
        before, after = execution_row(desk, i - 1), execution_row(desk, i)
        for column in range(EXECUTION_WIDTH):
            after[column] = before[column]
    desk[EXECUTIONS_COUNT] += 1
    row = execution_row(desk, place)
    row[EXECUTION_EXCH_NS], row[EXECUTION_TRADE_ID] = exch_ns, trade_id
    return place


@piece
def _forget_oldest(desk: IntArray) -> None:
    oldest = execution_row(desk, 0)
    desk[FLOOR_EXCH_NS] = oldest[EXECUTION_EXCH_NS]
    desk[FLOOR_TRADE_ID] = oldest[EXECUTION_TRADE_ID]
    _forget_trade(desk, oldest[EXECUTION_TRADE_ID])
    desk[EXECUTIONS_FIRST] = (desk[EXECUTIONS_FIRST] + 1) % EXECUTION_SLOTS
    desk[EXECUTIONS_COUNT] -= 1


@piece
def _lots_before(desk: IntArray, place: int) -> int:
    if place == desk[EXECUTIONS_COUNT]:
        return int(desk[POSITION_LOTS])
    return int(execution_row(desk, place)[LOTS_BEFORE])


@piece
def _go_back_to(desk: IntArray, place: int) -> None:
    """The position is again what it was before an entry."""
    row = execution_row(desk, place)
    desk[POSITION_LOTS], desk[COST_E8] = row[LOTS_BEFORE], row[COST_BEFORE_E8]
    desk[REALISED_E8] = row[REALISED_BEFORE_E8]


@piece
def _count_from(desk: IntArray, place: int) -> None:
    for i in range(place, desk[EXECUTIONS_COUNT]):
        row = execution_row(desk, i)
        row[LOTS_BEFORE], row[COST_BEFORE_E8] = desk[POSITION_LOTS], desk[COST_E8]
        row[REALISED_BEFORE_E8] = desk[REALISED_E8]
        if row[EXECUTION_TRADE_ID] == AFTER_ALL_TRADES:
            desk[POSITION_LOTS], desk[COST_E8] = row[EXECUTION_LOTS], row[EXECUTION_MONEY_E8]
        else:
            _count_execution(desk, row[EXECUTION_LOTS], row[EXECUTION_MONEY_E8])
    if desk[EXECUTIONS_COUNT] > EXECUTIONS_KEPT:
        _forget_oldest(desk)


@piece
def _count_execution(desk: IntArray, signed_lots: int, money_e8: int) -> None:
    held = desk[POSITION_LOTS]
    if held != 0 and (held > 0) != (signed_lots > 0):
        closing = min(abs(held), abs(signed_lots))
        proceeds_e8 = _part_of(money_e8, closing, abs(signed_lots))
        closed_cost_e8 = _part_of(-desk[COST_E8], closing, abs(held))  # the cost that leaves
        desk[REALISED_E8] += closed_cost_e8 - proceeds_e8
        desk[COST_E8] += closed_cost_e8 - proceeds_e8
    desk[COST_E8] += money_e8
    desk[POSITION_LOTS] += signed_lots


@piece
def _part_of(amount: int, part: int, whole: int) -> int:
    """``amount * part // whole`` of a part that is none larger; their product would overflow.

    By two digits of the part in base 65,536, as on paper: exact up to a whole of 2**39.
    """
    rest, high, low = amount % whole, part >> 16, part & 0xFFFF
    upper = rest * high
    lower = (upper % whole << 16) + rest * low
    return int(amount // whole * part + (upper // whole << 16) + lower // whole)
