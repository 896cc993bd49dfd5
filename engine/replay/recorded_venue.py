"""Recorded venue: it answers the desk as the real one would have, on a virtual clock.

It keeps the two clocks of a replay apart. What the recording says happened at the venue
moves the venue's book and fills our orders by queue position; what we send arrives there
after the order latency, and what it answers arrives here after the response latency.
Nothing overtakes anything on either way. Own orders move nothing in the recorded market.

Orders, requests and answers are stepped by kernels; what the few fills and questions about the
account come to is made in Python, see ``engine.replay.venue_money``.

- ``venue[VENUE_SIZE]``: single numbers, the ``V_`` indices; then rings of requests and answers on
  their way, in the order of their arrival, and of the orders that answers name.
- ``orders``: every order that was accepted, a row of ``ORDER_WIDTH`` by its number.
- ``fills``: every fill, in the venue's order: rows of ``engine.core.inputs``.
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
    ACCOUNT_SNAPSHOT,
    ACCOUNT_UPDATE,
    DONE,
    FILL,
    FILL_EXCH_NS,
    INPUT_KIND,
    INPUT_MONO_NS,
    INPUT_RECV_NS,
    OF_EPOCH,
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
    TRADES_SNAPSHOT,
    UPDATE_EXCH_NS,
    UPDATE_FILLED_LOTS,
    UPDATE_IS_FINAL,
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
from engine.replay.event_window import NEVER_NS
from engine.replay.venue_money import VenueMoney
from exchange.book import best_of, level_lots, lots_ahead
from exchange.event_columns import FUNDING_E8, MARK_E8, NEXT_FUNDING_NS, NO_FUNDING
from exchange.instrument import Instrument
from exchange.jit import FloatArray, IntArray, borrowed, in_python, inlined, njit, piece
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
    V_FUNDING_NS,  # when the newest mark price says that funding is paid; NEVER_NS: it does not
    V_FUNDING_E8,
    V_MARK_E8,
    V_MARKED,  # was a mark price recorded, without which no funding is paid?
    V_FULL,  # has more been under way than there is room for?
) = range(16)

R_AT, R_COMMAND = range(2)
R_WIDTH = R_COMMAND + COMMAND_WIDTH
"""A request: when it arrives, and the command."""
A_AT, A_LIST, A_FROM, A_COUNT, A_INPUT = range(5)
A_WIDTH = A_INPUT + INPUT_WIDTH
"""An answer: when it arrives, where what it is made of lies, and the input that it is."""
OF_NONE, OF_ORDERS, OF_FILLS = range(3)
"""An answer is made of orders in the ring of those that are named, or of fills, from ``A_FROM``."""

_REQUESTS_AT = 16
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
    ORDER_TOLD,  # has a fill of it reached the desk?
) = range(7)
ORDER_WIDTH = 7

TAKEN = -1
"""A request was answered."""

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


@piece
def next_request_ns(venue: IntArray) -> int:
    """When the earliest request arrives."""
    first = _request_row(venue, venue[V_REQUESTS_FIRST])
    return int(first[R_AT]) if venue[V_REQUESTS] > 0 else NEVER_NS


@piece
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
def put_answer(
    venue: IntArray, now_ns: int, numbers: IntArray, made_of: int, first: int, count: int
) -> None:
    """The venue answers with an input that Python has made.

    Args:
        numbers: int64[INPUT_WIDTH], of ``engine.core.inputs``; its times are those of its arrival.
        made_of: ``OF_FILLS`` with the first and how many, or ``OF_NONE``.
    """
    row = _answer(borrowed(venue), now_ns, 0)
    row[A_LIST], row[A_FROM], row[A_COUNT] = made_of, first, count
    for i in range(INPUT_WIDTH):
        row[A_INPUT + i] = numbers[i]


@piece
def _name(venue: IntArray, orders: IntArray, number: int, row: IntArray) -> None:
    """Write an order as it stands now."""
    order = orders[number * ORDER_WIDTH : (number + 1) * ORDER_WIDTH]
    row[INPUT_KIND] = ORDER_UPDATE
    row[OF_EPOCH], row[OF_NUMBER] = venue[V_EPOCH], number
    row[OF_SIDE], row[OF_PRICE_TICKS] = order[ORDER_SIDE], order[ORDER_PRICE_TICKS]
    row[OF_QTY_LOTS], row[UPDATE_FILLED_LOTS] = order[ORDER_QTY_LOTS], order[ORDER_FILLED_LOTS]
    row[UPDATE_IS_FINAL] = order[ORDER_IS_FINAL]
    row[UPDATE_EXCH_NS] = order[ORDER_CHANGED_NS]


@piece
def _room_for_names(venue: IntArray, count: int) -> int:
    """Where so many orders are named next, one after another."""
    if venue[V_NAMED] % NAMED + count > NAMED:
        venue[V_NAMED] += NAMED - venue[V_NAMED] % NAMED
    first = int(venue[V_NAMED])
    venue[V_NAMED] += count
    return first


@njit
def tell_order(venue: IntArray, orders: IntArray, number: int, now_ns: int) -> None:
    """The private stream reports an order as it stands now."""
    row = _answer(borrowed(venue), now_ns, ORDER_UPDATE)
    _name(venue, orders, number, row[A_INPUT:])


@njit
def tell_account(
    venue: IntArray, orders: IntArray, ints: IntArray, resting: int, now_ns: int, numbers: IntArray
) -> None:
    """The account is listed, with the orders that rest.

    Args:
        resting: How many.
        numbers: int64[INPUT_WIDTH], as of ``put_answer``.
    """
    venue, orders, ints = borrowed(venue), borrowed(orders), borrowed(ints)
    row = _answer(venue, now_ns, ACCOUNT_SNAPSHOT)
    for i in range(INPUT_WIDTH):
        row[A_INPUT + i] = numbers[i]
    first = _room_for_names(venue, resting)
    row[A_LIST], row[A_FROM], row[A_COUNT] = OF_ORDERS, first, resting
    for i in range(resting):
        _name(venue, orders, ints[i * I_WIDTH + I_KEY], named_orders(venue, first + i, 1))


@piece
def _reply(venue: IntArray, request: int, outcome: int, code: int, now_ns: int) -> IntArray:
    row = _answer(venue, now_ns, REPLY)
    row[A_INPUT + REPLY_REQUEST], row[A_INPUT + REPLY_OUTCOME] = request, outcome
    row[A_INPUT + REPLY_CODE] = code
    return row


@njit
def refuse(venue: IntArray, request: int, code: int, now_ns: int) -> None:
    """A request is refused with a code of ``REFUSALS``."""
    _reply(borrowed(venue), request, REFUSED, code, now_ns)


@njit
def done(venue: IntArray, request: int, now_ns: int) -> None:
    """A request is done."""
    row = _reply(borrowed(venue), request, DONE, 0, now_ns)
    row[A_INPUT + REPLY_ROUND_TRIP_NS] = venue[V_ORDER_LATENCY_NS] + venue[V_RESPONSE_LATENCY_NS]


@piece
def _done_with(venue: IntArray, orders: IntArray, request: int, number: int, now_ns: int) -> None:
    """A request about an order is done; the order as it stands now."""
    done(venue, request, now_ns)
    row = answer_row(venue, venue[V_ANSWERS_FIRST] + venue[V_ANSWERS] - 1)
    first = _room_for_names(venue, 1)
    row[A_LIST], row[A_FROM], row[A_COUNT] = OF_ORDERS, first, 1
    _name(venue, orders, number, named_orders(venue, first, 1))


# ---------------------------------------------------------------- requests, at the venue


@njit
def take_request(
    venue: IntArray,
    orders: IntArray,
    book: IntArray,
    lot_size: float,
    ints: IntArray,
    floats: FloatArray,
    count: IntArray,
) -> int:
    """The earliest request reaches the venue and is done or refused.

    Args:
        book: int64[>= BOOK_SIZE], the venue's.

    Returns:
        ``TAKEN``, or the kind of one that Python has to answer, which stays the earliest.
    """
    venue, orders, book = borrowed(venue), borrowed(orders), borrowed(book)
    ints, floats, count = borrowed(ints), borrowed(floats), borrowed(count)
    row = _request_row(venue, venue[V_REQUESTS_FIRST])
    now_ns, command = row[R_AT], row[R_COMMAND:]
    kind, request, number = command[COMMAND_KIND], command[COMMAND_REQUEST], command[COMMAND_NUMBER]
    if kind in (FETCH_ACCOUNT, FETCH_TRADES):
        return int(kind)
    drop_request(venue)
    if PLACE <= kind < CANCEL:
        _place(venue, orders, book, lot_size, ints, floats, count, command, now_ns)
    elif kind == CANCEL:
        _cancel(venue, orders, ints, floats, count, request, number, now_ns)
    elif kind != QUERY_ORDER:
        done(venue, request, now_ns)
    elif _was_accepted(orders, number):
        _done_with(venue, orders, request, number, now_ns)
    else:
        refuse(venue, request, NO_SUCH_ORDER, now_ns)
    return TAKEN


@njit
def drop_request(venue: IntArray) -> None:
    """The earliest request is on its way no more."""
    venue[V_REQUESTS_FIRST] += 1
    venue[V_REQUESTS] -= 1


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
        refuse(venue, request, NO_MARKET_ORDERS, now_ns)
        return
    if meets_touch(side, price, best_of(book, -side)):
        refuse(venue, request, WOULD_TAKE, now_ns)
        return
    ahead = level_lots(book, side, price) if whole else lots_ahead(book, side, price)
    if not accept_order(whole, lot_size, ints, floats, count, number, side, price, lots, ahead):
        refuse(venue, request, TOO_MANY, now_ns)
        return
    order = orders[number * ORDER_WIDTH : (number + 1) * ORDER_WIDTH]
    order[ORDER_SIDE], order[ORDER_PRICE_TICKS], order[ORDER_QTY_LOTS] = side, price, lots
    order[ORDER_CHANGED_NS] = now_ns
    _done_with(venue, orders, request, number, now_ns)
    tell_order(venue, orders, number, now_ns)


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
        refuse(venue, request, UNKNOWN_ORDER, now_ns)
        return
    order = orders[number * ORDER_WIDTH : (number + 1) * ORDER_WIDTH]
    order[ORDER_IS_FINAL], order[ORDER_CHANGED_NS] = 1, now_ns
    _done_with(venue, orders, request, number, now_ns)
    tell_order(venue, orders, number, now_ns)


@piece
def hear_mark(venue: IntArray, row: IntArray, exch_ns: int) -> None:
    """A mark price; some go on naming a funding time that has passed, for a moment."""
    at_ns, rate_e8 = row[NEXT_FUNDING_NS], row[FUNDING_E8]
    announced = at_ns > exch_ns and rate_e8 != NO_FUNDING
    venue[V_FUNDING_NS] = at_ns if announced else NEVER_NS
    venue[V_FUNDING_E8] = rate_e8 if announced else 0
    venue[V_MARK_E8], venue[V_MARKED] = row[MARK_E8], 1


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
    """The venue's memory, and what it does in Python.

    Args:
        instrument: The recording's grid.
        wallet_e8: What the account starts with.
        epoch: Of the orders that are sent.
    """

    def __init__(
        self, instrument: Instrument, rules: ReplayRules, wallet_e8: int, epoch: int
    ) -> None:
        self.venue: IntArray = np.zeros(VENUE_SIZE, dtype=np.int64)
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
        self.orders: IntArray = np.zeros(ORDER_WIDTH, dtype=np.int64)
        self._instrument = instrument
        self._fills: IntArray = np.zeros(0, dtype=np.int64)
        self._filled = 0
        self._money = VenueMoney(instrument, wallet_e8, rules.maker_fee_rate)

    @property
    def fills(self) -> IntArray:
        """int64[fills, INPUT_WIDTH], in the venue's order, stamped with its time."""
        return self._fills.reshape(-1, INPUT_WIDTH)[: self._filled]

    @property
    def all_fills(self) -> IntArray:
        """The same one after another, with room behind them."""
        return self._fills

    @property
    def marked(self) -> bool:
        """Was a mark price recorded?"""
        return bool(self.venue[V_MARKED])

    def make_room(self, orders: int) -> None:
        """For orders up to a number."""
        if (orders + 1) * ORDER_WIDTH > self.orders.size:
            larger: IntArray = np.zeros(2 * (orders + 1) * ORDER_WIDTH, dtype=np.int64)
            larger[: self.orders.size] = self.orders
            self.orders = larger

    def book_fills(self, made: int, exch_ns: int) -> None:
        """Book what an event has filled, and report it.

        Args:
            made: How many fills lie in ``resting.out``.
        """
        for at in range(0, made * O_WIDTH, O_WIDTH):
            number = int(self.resting.out[at + O_KEY])
            lots, left = int(self.resting.out[at + O_LOTS]), int(self.resting.out[at + O_LEAVES])
            order = self.orders[number * ORDER_WIDTH : (number + 1) * ORDER_WIDTH]
            order[ORDER_FILLED_LOTS] += lots
            order[ORDER_CHANGED_NS], order[ORDER_IS_FINAL] = exch_ns, left == 0
            self._book_fill(
                number, int(order[ORDER_SIDE]), int(order[ORDER_PRICE_TICKS]), lots, exch_ns
            )

    def _book_fill(self, number: int, side: int, price_ticks: int, lots: int, exch_ns: int) -> None:
        fee_e8 = self._money.book_fill(side, price_ticks, lots, exch_ns)
        of_order = (int(self.venue[V_EPOCH]), number, side, price_ticks, lots)
        numbers = _input(FILL, *of_order, self._filled + 1, True, fee_e8, exch_ns)
        put_answer(self.venue, exch_ns, numbers, OF_NONE, 0, 0)
        numbers[[INPUT_RECV_NS, INPUT_MONO_NS]] = exch_ns
        self._keep_fill(numbers)
        tell_order(self.venue, self.orders, number, exch_ns)
        held, wallet_e8 = self._money.held, self._money.wallet_e8
        numbers = _input(ACCOUNT_UPDATE, *held, exch_ns, wallet_e8, True, True)
        put_answer(self.venue, exch_ns, numbers, OF_NONE, 0, 0)

    def _keep_fill(self, numbers: IntArray) -> None:
        at = self._filled * INPUT_WIDTH
        if at == self._fills.size:
            larger: IntArray = np.zeros(2 * at + 64 * INPUT_WIDTH, dtype=np.int64)
            larger[:at] = self._fills
            self._fills = larger
        self._fills[at : at + INPUT_WIDTH] = numbers
        self._filled += 1

    def pay_funding(self) -> None:
        """On what is held at its time, at the last mark before it."""
        at_ns, rate_e8 = int(self.venue[V_FUNDING_NS]), int(self.venue[V_FUNDING_E8])
        self.venue[V_FUNDING_NS] = NEVER_NS
        paid_e8 = self._money.pay_funding(int(self.venue[V_MARK_E8]), rate_e8, at_ns)
        if paid_e8 == 0:
            return
        # As the venue tells it: without a position, which has not changed.
        wallet_e8 = self._money.wallet_e8
        numbers = _input(ACCOUNT_UPDATE, 0, 0, at_ns, wallet_e8, False, True, -paid_e8, True)
        put_answer(self.venue, at_ns, numbers, OF_NONE, 0, 0)

    def answer_request(self) -> None:
        """Answer the earliest request, about the account or about trades."""
        row = in_python(_request_row)(self.venue, int(self.venue[V_REQUESTS_FIRST]))
        now_ns, command = int(row[R_AT]), row[R_COMMAND:]
        request, since_ms = int(command[COMMAND_REQUEST]), int(command[COMMAND_VALUE])
        asked_ns = now_ns - int(self.venue[V_ORDER_LATENCY_NS])
        kind = command[COMMAND_KIND]
        drop_request(self.venue)
        if kind == FETCH_ACCOUNT:
            changed_ns = int(self.fills[-1, FILL_EXCH_NS]) if self._filled else 0
            wallet = (self._money.wallet_e8, self._money.wallet_changed_ns)
            numbers = _input(ACCOUNT_SNAPSHOT, *self._money.held, changed_ns, *wallet, asked_ns)
            resting = self.resting
            tell_account(
                self.venue, self.orders, resting.ints, int(resting.count[0]), now_ns, numbers
            )
        else:
            since_ns = since_ms * 1_000_000
            first = int(np.searchsorted(self.fills[:, FILL_EXCH_NS], since_ns))
            numbers = _input(TRADES_SNAPSHOT, since_ms, asked_ns)
            put_answer(self.venue, now_ns, numbers, OF_FILLS, first, self._filled - first)
        done(self.venue, request, now_ns)


def _input(kind: int, *numbers: int) -> IntArray:
    """An input of ``engine.core.inputs``, its times still to be written."""
    row: IntArray = np.zeros(INPUT_WIDTH, dtype=np.int64)
    row[INPUT_KIND] = kind
    row[INPUT_MONO_NS + 1 : INPUT_MONO_NS + 1 + len(numbers)] = numbers
    return row
