"""Quoting rules: why a side quotes, or which rule forbids it, the value against the limit.

The first rule that holds is the one that is shown, and they come in the order of whose word
outranks whose:

1. the operator: stopping, halted, paused, this side off;
2. what is known: both links, our orders as the private stream reports them, the account, the dead
   man's switch, a book, its age and its way to us, a fit of the model and a quote of its making;
3. the side itself: its breaker, and room for one more order up to the inventory limit.

``judge_sides`` writes each side's rule into its ``side_status``; ``engine.core.explain`` words it.
"""

from engine.core.account import REST_LAG_NS, doubt_forbids, is_settled
from engine.core.breakers import refusal_code, side_closed_ns
from engine.core.desk_layout import (
    ASK_OFF,
    BID_OFF,
    COMPARED_NS,
    DISPUTED,
    DOUBT_APART_LOTS,
    EVIDENCE_LOTS,
    FITTED,
    FRESHNESS_MS,
    GRID_NUM,
    HALTED,
    LINK_HEARD_NS,
    LINK_IS_UP,
    MAX_POSITION_LOTS,
    ORDER_LOTS,
    PAUSED,
    PAUSED_UNTIL_NS,
    POSITION_LOTS,
    PRIVATE,
    PUBLIC,
    RECONCILED,
    STATUS_LIMIT,
    STATUS_RULE,
    STATUS_VALUE,
    STOPPING,
    SWITCH_ARMED_NS,
    TABLE_FILLS,
    evidence_row,
    link_row,
    side_status,
)
from exchange.jit import IntArray, borrowed, inlined, njit, piece
from exchange.market_layout import LATENCY_KNOWN, LATENCY_NS, NO_BID, TOUCH_BID

_S = 1_000_000_000
_MS = 1_000_000
SWITCH_NS = 30 * _S
"""The longest that orders outlive an engine that died: the venue's switch cancels them."""
ACCOUNT_EVERY_NS = 10 * _S
COMPARED_WITHIN_NS = 3 * ACCOUNT_EVERY_NS
"""An account not compared for so long is not known: quoting ends."""

RULES = range(20)
(
    LINK_IS_DOWN,  # value: which; 0, since nothing is connected before the first decision
    QUOTING,
    IS_STOPPING,
    IS_HALTED,
    IS_PAUSED,
    SIDE_IS_OFF,
    STREAM_IS_MUTE,  # value: for how long quotes wait
    NEVER_COMPARED,
    COMPARED_LONG_AGO,  # ns
    PAST_UNSETTLED,
    POSITION_DISPUTED,  # value: the venue's lots; limit: ours of that moment
    SWITCH_NOT_ARMED,
    NO_BOOK,
    BOOK_IS_OLD,  # ms
    BOOK_IS_LATE,  # ms
    NO_FIT,
    NO_FINITE_QUOTE,
    BREAKER_IS_OPEN,  # value: for how long; limit: the code that opened it
    AT_LIMIT,  # lots
    NO_PRICE,  # value: ticks
) = RULES
"""The rules; ns, unless another unit of the value stands beside it."""


@njit
def judge_sides(desk: IntArray, market: IntArray, mono_ns: int) -> None:
    """Write each side's first rule that forbids it, or that it quotes."""
    desk = borrowed(desk)
    known = _data_rule(desk, market, mono_ns)
    for side in (1, -1):
        ruling = _operator_rule(desk, side)
        if ruling[0] == QUOTING:
            ruling = known
        if ruling[0] == QUOTING:
            ruling = _side_rule(desk, side, mono_ns)
        write_status(desk, side, ruling[0], ruling[1], ruling[2])


@inlined
def write_status(desk: IntArray, side: int, rule: int, value: int, limit: int) -> None:
    """This is the rule of a side now."""
    status = side_status(desk, side)
    status[STATUS_RULE], status[STATUS_VALUE], status[STATUS_LIMIT] = rule, value, limit


@njit
def grid_size(desk: IntArray, side: int) -> int:
    """Orders that the inventory limit leaves room for, were all of them filled."""
    room = desk[MAX_POSITION_LOTS] - side * desk[POSITION_LOTS]
    return int(min(desk[GRID_NUM], room // desk[ORDER_LOTS]))


@piece
def _operator_rule(desk: IntArray, side: int) -> tuple[int, int, int]:
    if desk[STOPPING] == 1:
        return IS_STOPPING, 0, 0
    if desk[HALTED] == 1:
        return IS_HALTED, 0, 0
    if desk[PAUSED] == 1:
        return IS_PAUSED, 0, 0
    off = desk[BID_OFF] if side > 0 else desk[ASK_OFF]
    return (SIDE_IS_OFF, 0, 0) if off == 1 else (QUOTING, 0, 0)


@piece
def _data_rule(desk: IntArray, market: IntArray, mono_ns: int) -> tuple[int, int, int]:
    for link in (PRIVATE, PUBLIC):
        if link_row(desk, link)[LINK_IS_UP] == 0:
            return LINK_IS_DOWN, link, 0
    if desk[PAUSED_UNTIL_NS] > mono_ns:
        return STREAM_IS_MUTE, desk[PAUSED_UNTIL_NS] - mono_ns, 0
    ruling = account_rule(desk, mono_ns)
    if ruling[0] != QUOTING:
        return ruling
    if mono_ns - desk[SWITCH_ARMED_NS] > SWITCH_NS:
        return SWITCH_NOT_ARMED, 0, 0
    return _book_rule(desk, market, mono_ns)


@njit
def account_rule(desk: IntArray, mono_ns: int) -> tuple[int, int, int]:
    """Is what we hold known well enough to quote?"""
    if desk[RECONCILED] == 0:
        return NEVER_COMPARED, 0, 0
    age_ns = mono_ns - desk[COMPARED_NS]
    if age_ns > COMPARED_WITHIN_NS:
        return COMPARED_LONG_AGO, age_ns, COMPARED_WITHIN_NS
    if not is_settled(desk):
        return PAST_UNSETTLED, 0, REST_LAG_NS
    if doubt_forbids(desk, mono_ns):
        theirs = evidence_row(desk, DISPUTED)[EVIDENCE_LOTS]
        return POSITION_DISPUTED, theirs, theirs - desk[DOUBT_APART_LOTS]
    return QUOTING, 0, 0


@piece
def _book_rule(desk: IntArray, market: IntArray, mono_ns: int) -> tuple[int, int, int]:
    """Is there a book of this moment, and a quote to lay into it?"""
    if market[TOUCH_BID] == NO_BID:
        return NO_BOOK, 0, 0
    limit_ms = desk[FRESHNESS_MS]
    age_ms = (mono_ns - link_row(desk, PUBLIC)[LINK_HEARD_NS]) // _MS
    if age_ms > limit_ms:
        return BOOK_IS_OLD, age_ms, limit_ms
    late_ms = market[LATENCY_NS] // _MS if market[LATENCY_KNOWN] == 1 else 0
    if late_ms > limit_ms:
        return BOOK_IS_LATE, late_ms, limit_ms
    if desk[TABLE_FILLS] == 0:
        return (NO_FINITE_QUOTE, 0, 0) if desk[FITTED] == 1 else (NO_FIT, 0, 0)
    return QUOTING, 0, 0


@piece
def _side_rule(desk: IntArray, side: int, mono_ns: int) -> tuple[int, int, int]:
    closed_ns = side_closed_ns(desk, side, mono_ns)
    if closed_ns > 0:
        return BREAKER_IS_OPEN, closed_ns, refusal_code(desk, side)
    if grid_size(desk, side) < 1:
        return AT_LIMIT, abs(desk[POSITION_LOTS]), desk[MAX_POSITION_LOTS]
    return QUOTING, 0, 0
