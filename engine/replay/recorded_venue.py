"""Recorded venue: it answers the desk as the real one would have, on a virtual clock.

It keeps the two clocks of a replay apart. What the recording says happened at the venue
moves the venue's book and fills our orders by queue position; what we send arrives there
after the order latency, and what it answers arrives here after the response latency.
Nothing overtakes anything on either way. Own orders move nothing in the recorded market.

- ``venue[VENUE_SIZE]``: single numbers, the ``V_`` indices; then rings of requests and answers on
  their way, in the order of their arrival, and of the orders that answers name.
- ``orders``: every order that was accepted, a row of ``ORDER_WIDTH`` by its number.
- ``fills``: every fill, in the venue's order: rows of ``engine.core.inputs``.
- ``money``: our account; see ``engine.replay.venue_money``.
- ``ints``, ``floats``, ``count``, ``out``: what rests; see ``exchange.simulation``.

Source: the replay rules, sections 2 to 8; unless asked for hftbacktest's own fills, with partial
fills done right (section 9).
"""

from dataclasses import dataclass

import numpy as np

from engine.core.desk_layout import (
    COMMAND_KIND,
    COMMAND_NUMBER,
    COMMAND_PRICE_TICKS,
    COMMAND_QTY_LOTS,
    COMMAND_REQUEST,
    COMMAND_SIDE,
    COMMAND_VALUE,
    COMMAND_WIDTH,
    INPUT_WIDTH,
)
from engine.core.inputs import (
    ACCOUNT_COST_E8,
    ACCOUNT_EXCH_NS,
    ACCOUNT_LOTS,
    ACCOUNT_SNAPSHOT,
    ACCOUNT_UPDATE,
    ACCOUNT_WALLET_E8,
    DONE,
    FILL,
    FILL_EXCH_NS,
    FILL_FEE_E8,
    FILL_IS_MAKER,
    FILL_TRADE_ID,
    INPUT_KIND,
    INPUT_MONO_NS,
    INPUT_RECV_NS,
    LINK_UP,
    LIST_ASKED_NS,
    LIST_SINCE_MS,
    OF_EPOCH,
    OF_LINK,
    OF_NUMBER,
    OF_PRICE_TICKS,
    OF_QTY_LOTS,
    OF_SIDE,
    ORDER_UPDATE,
    REFUSED,
    REPLY,
    REPLY_CODE,
    REPLY_OUTCOME,
    REPLY_REQUEST,
    REPLY_ROUND_TRIP_NS,
    SNAPSHOT_ASKED_NS,
    SNAPSHOT_WALLET_EXCH_NS,
    TRADES_SNAPSHOT,
    UPDATE_EXCH_NS,
    UPDATE_FILLED_LOTS,
    UPDATE_HAS_POSITION,
    UPDATE_HAS_WALLET,
    UPDATE_IS_FINAL,
    UPDATE_IS_FUNDING,
    UPDATE_MOVED_E8,
)
from engine.core.request_tracker import (
    CANCEL,
    CLOSE_AT_MARKET,
    FETCH_ACCOUNT,
    FETCH_SNAPSHOT,
    FETCH_TRADES,
    PLACE,
    QUERY_ORDER,
)
from engine.replay.event_window import NEVER_NS, enlarged
from engine.replay.venue_money import (
    M_LOTS,
    M_WALLET_CHANGED_NS,
    M_WALLET_E8,
    book_fill,
    new_money,
    pay_funding,
    reported_cost_e8,
)
from exchange.book import best_of, level_lots, lots_ahead
from exchange.event_columns import FUNDING_E8, MARK_E8, NEXT_FUNDING_NS, NO_FUNDING
from exchange.instrument import Instrument
from exchange.jit import FloatArray, IntArray, borrowed, inlined, new_ints, njit, piece
from exchange.market_layout import BOOK_SIZE, RECORDED, RECORDED_SIZE, new_region
from exchange.queue_models import QueueModel
from exchange.simulation import (
    I_KEY,
    I_WIDTH,
    O_KEY,
    O_LEAVES,
    O_LOTS,
    O_WIDTH,
    RestingOrders,
    accept_order,
    cancel_order,
    meets_touch,
)

MOST_RESTING = 256
IN_FLIGHT = 4096
"""Requests, and answers, that can be under way at once."""
NAMED = 2 * IN_FLIGHT
"""Orders that the answers under way can name, a list of all that rest among them."""

(
    V_EPOCH,
    V_ORDER_LATENCY_NS,
    V_RESPONSE_LATENCY_NS,
    V_BY_PEER,  # do orders fill whole, by hftbacktest's rules?
    V_REQUESTS_FIRST,
    V_REQUESTS,
    V_ANSWERS_FIRST,
    V_ANSWERS,
    V_LAST_ARRIVAL_NS,
    V_LAST_ANSWER_NS,
    V_NAMED,  # orders that answers have named so far
    V_NAMED_FIRST,  # of them, the first that an answer on its way may name
    V_FUNDING_NS,  # when the newest mark price says that funding is paid; NEVER_NS: it does not
    V_FUNDING_E8,
    V_MARK_E8,
    V_MARKED,  # was a mark price recorded, without which no funding is paid?
    V_FILLS,  # rows of ``fills``
    V_FULL,  # has more been under way than there is room for?
) = range(18)

R_AT, R_COMMAND = range(2)
R_WIDTH = R_COMMAND + COMMAND_WIDTH
"""A request: when it arrives, and the command."""
A_AT, A_LIST, A_FROM, A_COUNT, A_INPUT = range(5)
A_WIDTH = A_INPUT + INPUT_WIDTH
"""An answer: when it arrives, where what it is made of lies, and the input that it is."""
OF_NONE, OF_ORDERS, OF_FILLS = range(3)
"""An answer is made of orders in the ring of those that are named, or of fills, from ``A_FROM``."""

_REQUESTS_AT = 24  # behind the single numbers, at the start of a cache line
_ANSWERS_AT = _REQUESTS_AT + IN_FLIGHT * R_WIDTH
_NAMED_AT = _ANSWERS_AT + IN_FLIGHT * A_WIDTH
VENUE_SIZE = _NAMED_AT + NAMED * INPUT_WIDTH

(
    ORDER_SIDE,
    ORDER_PRICE_TICKS,
    ORDER_QTY_LOTS,  # 0 of an order that was never accepted
    ORDER_FILLED_LOTS,
    ORDER_IS_FINAL,
    ORDER_CHANGED_NS,
    ORDER_FILL_HEARD,  # has a fill of it reached the desk?
) = range(7)
ORDER_WIDTH = 7

_NS_PER_MS = 1_000_000

NO_SUCH_ORDER, UNKNOWN_ORDER, NO_MARKET_ORDERS, WOULD_TAKE, TOO_MANY = (
    -2013,
    -2011,
    -1116,
    -5022,
    -2025,
)
REFUSALS = {
    NO_SUCH_ORDER: "Order does not exist.",
    UNKNOWN_ORDER: "Unknown order sent.",
    NO_MARKET_ORDERS: "A recording takes no market orders.",
    WOULD_TAKE: "The order would take; post-only.",
    TOO_MANY: "Reach max open order limit.",
}


# ---------------------------------------------------------------- the two ways between


@inlined
def _request_row(venue: IntArray, number: int) -> IntArray:
    at = _REQUESTS_AT + number % IN_FLIGHT * R_WIDTH
    return venue[at : at + R_WIDTH]


@inlined
def answer_row(venue: IntArray, number: int) -> IntArray:
    """An answer, by its number from the first: int64[A_WIDTH]."""
    at = _ANSWERS_AT + number % IN_FLIGHT * A_WIDTH
    return venue[at : at + A_WIDTH]


@inlined
def named_orders(venue: IntArray, first: int, count: int) -> IntArray:
    """Orders that an answer names: int64[count * INPUT_WIDTH]."""
    at = _NAMED_AT + first % NAMED * INPUT_WIDTH
    return venue[at : at + count * INPUT_WIDTH]


@inlined
def next_request_ns(venue: IntArray) -> int:
    """When the earliest request arrives."""
    first = _request_row(venue, venue[V_REQUESTS_FIRST])
    return int(first[R_AT]) if venue[V_REQUESTS] > 0 else NEVER_NS


@inlined
def next_answer_ns(venue: IntArray) -> int:
    """When the earliest answer arrives."""
    first = answer_row(venue, venue[V_ANSWERS_FIRST])
    return int(first[A_AT]) if venue[V_ANSWERS] > 0 else NEVER_NS


@njit
def send(venue: IntArray, commands: IntArray, now_ns: int) -> None:
    """Our side sends; what needs no answer from a recording is dropped.

    Args:
        commands: int64[n * COMMAND_WIDTH], of ``engine.core.request_tracker``.
    """
    venue = borrowed(venue)
    for at in range(0, commands.size, COMMAND_WIDTH):
        if commands[at + COMMAND_KIND] >= FETCH_SNAPSHOT:
            continue
        if venue[V_REQUESTS] == IN_FLIGHT:
            venue[V_FULL] = 1
            return
        row = _request_row(venue, venue[V_REQUESTS_FIRST] + venue[V_REQUESTS])
        venue[V_REQUESTS] += 1
        arrival_ns = max(now_ns + venue[V_ORDER_LATENCY_NS], venue[V_LAST_ARRIVAL_NS])
        row[R_AT] = venue[V_LAST_ARRIVAL_NS] = arrival_ns
        for i in range(COMMAND_WIDTH):
            row[R_COMMAND + i] = commands[at + i]


@piece
def _answer(venue: IntArray, now_ns: int, kind: int) -> IntArray:
    """The next free row of answers, empty but for its arrival and its kind."""
    if venue[V_ANSWERS] == IN_FLIGHT:
        venue[V_FULL] = 1
    else:
        venue[V_ANSWERS] += 1
    row = answer_row(venue, venue[V_ANSWERS_FIRST] + venue[V_ANSWERS] - 1)
    row[:] = 0
    arrival_ns = max(now_ns + venue[V_RESPONSE_LATENCY_NS], venue[V_LAST_ANSWER_NS])
    row[A_AT] = venue[V_LAST_ANSWER_NS] = arrival_ns
    row[A_INPUT + INPUT_KIND] = kind
    return row


@njit
def connect(venue: IntArray, link: int, at_ns: int) -> None:
    """A stream is up at our side at a time: the first thing that it hears."""
    row = _answer(borrowed(venue), at_ns - venue[V_RESPONSE_LATENCY_NS], LINK_UP)
    row[A_INPUT + OF_LINK] = link


@piece
def _write_order(venue: IntArray, orders: IntArray, number: int, row: IntArray) -> None:
    """Write an order as it stands now."""
    order = orders[number * ORDER_WIDTH : (number + 1) * ORDER_WIDTH]
    row[INPUT_KIND] = ORDER_UPDATE
    row[OF_EPOCH], row[OF_NUMBER] = venue[V_EPOCH], number
    row[OF_SIDE], row[OF_PRICE_TICKS] = order[ORDER_SIDE], order[ORDER_PRICE_TICKS]
    row[OF_QTY_LOTS], row[UPDATE_FILLED_LOTS] = order[ORDER_QTY_LOTS], order[ORDER_FILLED_LOTS]
    row[UPDATE_IS_FINAL] = order[ORDER_IS_FINAL]
    row[UPDATE_EXCH_NS] = order[ORDER_CHANGED_NS]


@piece
def room_for_names(venue: IntArray, count: int) -> int:
    """Where so many orders are named next, one after another."""
    if venue[V_NAMED] % NAMED + count > NAMED:
        venue[V_NAMED] += NAMED - venue[V_NAMED] % NAMED
    first = int(venue[V_NAMED])
    venue[V_NAMED] += count
    if venue[V_NAMED] - venue[V_NAMED_FIRST] > NAMED:
        venue[V_FULL] = 1
    return first


@piece
def _tell_order(venue: IntArray, orders: IntArray, number: int, now_ns: int) -> None:
    """The private stream reports an order as it stands now."""
    row = _answer(venue, now_ns, ORDER_UPDATE)
    _write_order(venue, orders, number, row[A_INPUT:])


@piece
def _tell_account(
    venue: IntArray,
    orders: IntArray,
    fills: IntArray,
    money: IntArray,
    ints: IntArray,
    resting: int,
    now_ns: int,
) -> None:
    """The account is listed, with the orders that rest."""
    row = _answer(venue, now_ns, ACCOUNT_SNAPSHOT)
    account = row[A_INPUT:]
    account[ACCOUNT_LOTS], account[ACCOUNT_COST_E8] = money[M_LOTS], reported_cost_e8(money)
    if venue[V_FILLS] > 0:
        newest = (venue[V_FILLS] - 1) * INPUT_WIDTH
        account[ACCOUNT_EXCH_NS] = fills[newest + FILL_EXCH_NS]
    account[ACCOUNT_WALLET_E8] = money[M_WALLET_E8]
    account[SNAPSHOT_WALLET_EXCH_NS] = money[M_WALLET_CHANGED_NS]
    account[SNAPSHOT_ASKED_NS] = now_ns - venue[V_ORDER_LATENCY_NS]
    first = room_for_names(venue, resting)
    row[A_LIST], row[A_FROM], row[A_COUNT] = OF_ORDERS, first, resting
    for i in range(resting):
        _write_order(venue, orders, ints[i * I_WIDTH + I_KEY], named_orders(venue, first + i, 1))


@piece
def _list_fills(venue: IntArray, fills: IntArray, since_ms: int, now_ns: int) -> None:
    """Our trades from a time of the venue's on."""
    first = venue[V_FILLS]
    while first > 0 and fills[(first - 1) * INPUT_WIDTH + FILL_EXCH_NS] >= since_ms * _NS_PER_MS:
        first -= 1
    row = _answer(venue, now_ns, TRADES_SNAPSHOT)
    row[A_LIST], row[A_FROM], row[A_COUNT] = OF_FILLS, first, venue[V_FILLS] - first
    row[A_INPUT + LIST_SINCE_MS] = since_ms
    row[A_INPUT + LIST_ASKED_NS] = now_ns - venue[V_ORDER_LATENCY_NS]


@piece
def _reply(venue: IntArray, request: int, outcome: int, code: int, now_ns: int) -> IntArray:
    row = _answer(venue, now_ns, REPLY)
    row[A_INPUT + REPLY_REQUEST], row[A_INPUT + REPLY_OUTCOME] = request, outcome
    row[A_INPUT + REPLY_CODE] = code
    return row


@piece
def _refuse(venue: IntArray, request: int, code: int, now_ns: int) -> None:
    """A request is refused with a code of ``REFUSALS``."""
    _reply(venue, request, REFUSED, code, now_ns)


@piece
def _done(venue: IntArray, request: int, now_ns: int) -> IntArray:
    """A request is done."""
    row = _reply(venue, request, DONE, 0, now_ns)
    row[A_INPUT + REPLY_ROUND_TRIP_NS] = venue[V_ORDER_LATENCY_NS] + venue[V_RESPONSE_LATENCY_NS]
    return row


@piece
def _done_with(venue: IntArray, orders: IntArray, request: int, number: int, now_ns: int) -> None:
    """A request about an order is done; the order as it stands now."""
    row = _done(venue, request, now_ns)
    first = room_for_names(venue, 1)
    row[A_LIST], row[A_FROM], row[A_COUNT] = OF_ORDERS, first, 1
    _write_order(venue, orders, number, named_orders(venue, first, 1))


# ---------------------------------------------------------------- requests, at the venue


@njit
def take_request(
    venue: IntArray,
    orders: IntArray,
    fills: IntArray,
    money: IntArray,
    book: IntArray,
    lot_size: float,
    ints: IntArray,
    floats: FloatArray,
    count: IntArray,
) -> None:
    """The earliest request reaches the venue and is done or refused.

    Args:
        book: int64[>= BOOK_SIZE], the venue's.
    """
    venue, orders, book = borrowed(venue), borrowed(orders), borrowed(book)
    fills, money = borrowed(fills), borrowed(money)
    ints, floats, count = borrowed(ints), borrowed(floats), borrowed(count)
    row = _request_row(venue, venue[V_REQUESTS_FIRST])
    now_ns, command = row[R_AT], row[R_COMMAND:]
    kind, request, number = command[COMMAND_KIND], command[COMMAND_REQUEST], command[COMMAND_NUMBER]
    venue[V_REQUESTS_FIRST] += 1
    venue[V_REQUESTS] -= 1
    if PLACE <= kind < CANCEL:
        _place(venue, orders, book, lot_size, ints, floats, count, command, now_ns)
    elif kind == CANCEL:
        _cancel(venue, orders, ints, floats, count, request, number, now_ns)
    elif kind == QUERY_ORDER:
        if _was_accepted(orders, number):
            _done_with(venue, orders, request, number, now_ns)
        else:
            _refuse(venue, request, NO_SUCH_ORDER, now_ns)
    else:
        if kind == FETCH_ACCOUNT:
            _tell_account(venue, orders, fills, money, ints, count[0], now_ns)
        elif kind == FETCH_TRADES:
            _list_fills(venue, fills, command[COMMAND_VALUE], now_ns)
        _done(venue, request, now_ns)


@piece
def _was_accepted(orders: IntArray, number: int) -> bool:
    at = number * ORDER_WIDTH
    return 0 < number and at < orders.size and orders[at + ORDER_QTY_LOTS] > 0


@piece
def _place(
    venue: IntArray,
    orders: IntArray,
    book: IntArray,
    lot_size: float,
    ints: IntArray,
    floats: FloatArray,
    count: IntArray,
    command: IntArray,
    now_ns: int,
) -> None:
    request, number = command[COMMAND_REQUEST], command[COMMAND_NUMBER]
    side, price, lots = (
        command[COMMAND_SIDE],
        command[COMMAND_PRICE_TICKS],
        command[COMMAND_QTY_LOTS],
    )
    whole = venue[V_BY_PEER] == 1
    if command[COMMAND_KIND] == CLOSE_AT_MARKET:
        _refuse(venue, request, NO_MARKET_ORDERS, now_ns)
        return
    if meets_touch(side, price, best_of(book, -side)):
        _refuse(venue, request, WOULD_TAKE, now_ns)
        return
    ahead = level_lots(book, side, price) if whole else lots_ahead(book, side, price)
    if not accept_order(whole, lot_size, ints, floats, count, number, side, price, lots, ahead):
        _refuse(venue, request, TOO_MANY, now_ns)
        return
    order = orders[number * ORDER_WIDTH : (number + 1) * ORDER_WIDTH]
    order[ORDER_SIDE], order[ORDER_PRICE_TICKS], order[ORDER_QTY_LOTS] = side, price, lots
    order[ORDER_CHANGED_NS] = now_ns
    _done_with(venue, orders, request, number, now_ns)
    _tell_order(venue, orders, number, now_ns)


@piece
def _cancel(
    venue: IntArray,
    orders: IntArray,
    ints: IntArray,
    floats: FloatArray,
    count: IntArray,
    request: int,
    number: int,
    now_ns: int,
) -> None:
    if cancel_order(ints, floats, count, number) == 0:
        _refuse(venue, request, UNKNOWN_ORDER, now_ns)
        return
    order = orders[number * ORDER_WIDTH : (number + 1) * ORDER_WIDTH]
    order[ORDER_IS_FINAL], order[ORDER_CHANGED_NS] = 1, now_ns
    _done_with(venue, orders, request, number, now_ns)
    _tell_order(venue, orders, number, now_ns)


@piece
def hear_mark(venue: IntArray, row: IntArray, exch_ns: int) -> None:
    """A mark price; some go on naming a funding time that has passed, for a moment."""
    at_ns, rate_e8 = row[NEXT_FUNDING_NS], row[FUNDING_E8]
    announced = at_ns > exch_ns and rate_e8 != NO_FUNDING
    venue[V_FUNDING_NS] = at_ns if announced else NEVER_NS
    venue[V_FUNDING_E8] = rate_e8 if announced else 0
    venue[V_MARK_E8], venue[V_MARKED] = row[MARK_E8], 1


# ---------------------------------------------------------------- fills and funding


@njit
def book_fills(
    venue: IntArray,
    orders: IntArray,
    fills: IntArray,
    money: IntArray,
    out: IntArray,
    made: int,
    exch_ns: int,
) -> None:
    """Book what an event has filled, and report it.

    Args:
        out: Of ``exchange.simulation``.
        made: How many fills lie there.
    """
    venue, orders, fills = borrowed(venue), borrowed(orders), borrowed(fills)
    money, out = borrowed(money), borrowed(out)
    for at in range(0, made * O_WIDTH, O_WIDTH):
        number, lots = out[at + O_KEY], out[at + O_LOTS]
        order = orders[number * ORDER_WIDTH : (number + 1) * ORDER_WIDTH]
        order[ORDER_FILLED_LOTS] += lots
        order[ORDER_CHANGED_NS], order[ORDER_IS_FINAL] = exch_ns, int(out[at + O_LEAVES] == 0)
        side, price = order[ORDER_SIDE], order[ORDER_PRICE_TICKS]
        fee_e8 = book_fill(money, side, price, lots, exch_ns)
        row = _answer(venue, exch_ns, FILL)
        fill = row[A_INPUT:]
        fill[OF_EPOCH], fill[OF_NUMBER], fill[OF_SIDE] = venue[V_EPOCH], number, side
        fill[OF_PRICE_TICKS], fill[OF_QTY_LOTS] = price, lots
        fill[FILL_TRADE_ID], fill[FILL_IS_MAKER] = venue[V_FILLS] + 1, 1
        fill[FILL_FEE_E8], fill[FILL_EXCH_NS] = fee_e8, exch_ns
        _keep_fill(venue, fills, fill, exch_ns)
        _tell_order(venue, orders, number, exch_ns)
        _tell_money(venue, money, exch_ns)


@piece
def _keep_fill(venue: IntArray, fills: IntArray, fill: IntArray, exch_ns: int) -> None:
    at = venue[V_FILLS] * INPUT_WIDTH
    venue[V_FILLS] += 1
    for i in range(INPUT_WIDTH):
        fills[at + i] = fill[i]
    fills[at + INPUT_RECV_NS] = fills[at + INPUT_MONO_NS] = exch_ns


@piece
def _tell_money(venue: IntArray, money: IntArray, exch_ns: int) -> None:
    """The private stream reports position and wallet after a fill."""
    row = _answer(venue, exch_ns, ACCOUNT_UPDATE)
    account = row[A_INPUT:]
    account[ACCOUNT_LOTS], account[ACCOUNT_COST_E8] = money[M_LOTS], reported_cost_e8(money)
    account[ACCOUNT_EXCH_NS], account[ACCOUNT_WALLET_E8] = exch_ns, money[M_WALLET_E8]
    account[UPDATE_HAS_POSITION] = account[UPDATE_HAS_WALLET] = 1


@piece
def fund(venue: IntArray, money: IntArray) -> None:
    """Pay funding on what is held at its time, at the last mark before it."""
    at_ns, rate_e8 = venue[V_FUNDING_NS], venue[V_FUNDING_E8]
    venue[V_FUNDING_NS] = NEVER_NS
    paid_e8 = pay_funding(money, venue[V_MARK_E8], rate_e8, at_ns)
    if paid_e8 == 0:
        return
    # As the venue tells it: without a position, which has not changed.
    row = _answer(venue, at_ns, ACCOUNT_UPDATE)
    account = row[A_INPUT:]
    account[ACCOUNT_EXCH_NS], account[ACCOUNT_WALLET_E8] = at_ns, money[M_WALLET_E8]
    account[UPDATE_HAS_WALLET] = account[UPDATE_IS_FUNDING] = 1
    account[UPDATE_MOVED_E8] = -paid_e8


# ---------------------------------------------------------------- the venue


@dataclass(frozen=True, slots=True)
class ReplayRules:
    """Latencies, queue model and fees of a replay."""

    order_latency_ns: int
    response_latency_ns: int
    queue: QueueModel
    queue_power: float
    maker_fee_rate: float
    peers: bool
    """Do orders fill whole, by hftbacktest's rules?"""


class RecordedVenue:
    """The venue's memory.

    Args:
        instrument: The recording's grid.
        wallet_e8: What the account starts with.
        epoch: Of the orders that are sent.
    """

    def __init__(
        self, instrument: Instrument, rules: ReplayRules, wallet_e8: int, epoch: int
    ) -> None:
        self.venue: IntArray = new_ints(VENUE_SIZE)
        self.venue[V_EPOCH], self.venue[V_BY_PEER] = epoch, rules.peers
        self.venue[V_ORDER_LATENCY_NS] = rules.order_latency_ns
        self.venue[V_RESPONSE_LATENCY_NS] = rules.response_latency_ns
        self.venue[V_FUNDING_NS] = NEVER_NS
        self.region = new_region(BOOK_SIZE if rules.peers else RECORDED_SIZE)
        if not rules.peers:
            self.region[RECORDED] = 1
        self.resting = RestingOrders(
            MOST_RESTING,
            rules.queue,
            rules.queue_power,
            instrument.qty.value,
            whole_fills=rules.peers,
        )
        self.money = new_money(instrument, wallet_e8, rules.maker_fee_rate)
        self.orders: IntArray = np.zeros(0, dtype=np.int64)
        self.fills: IntArray = np.zeros(0, dtype=np.int64)
        self.make_room(0)

    @property
    def filled(self) -> IntArray:
        """int64[fills, INPUT_WIDTH], in the venue's order, stamped with its time."""
        return self.fills.reshape(-1, INPUT_WIDTH)[: self.venue[V_FILLS]]

    @property
    def marked(self) -> bool:
        """Was a mark price recorded?"""
        return bool(self.venue[V_MARKED])

    def make_room(self, orders: int) -> None:
        """For orders up to a number, and for what the next event may fill."""
        self.orders = enlarged(self.orders, (orders + 1) * ORDER_WIDTH)
        fills = int(self.venue[V_FILLS]) + MOST_RESTING
        self.fills = enlarged(self.fills, fills * INPUT_WIDTH)
