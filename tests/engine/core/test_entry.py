"""Order entry by itself: what it sends, what it makes of each answer, and what it then refuses."""

from dataclasses import replace

import numpy as np
import pytest

from engine.core import orders
from engine.core.account import REST_LAG_NS
from engine.core.breakers import side_closed_ns, touch_changed
from engine.core.budgets import orders_left, spend_orders, turn_budget
from engine.core.desk_layout import (
    BREAKER_REFUSALS,
    BREAKER_STEP_AWAY_TICKS,
    BREAKER_WAITS_FOR_TOUCH,
    FATAL_CODE,
    MISSES_FILLS,
    ORDER_ABSENCES,
    ORDER_SLOTS,
    STATUS_RULE,
    THROTTLED_UNTIL_NS,
    order_column,
    side_breaker,
    side_status,
)
from engine.core.entry import close_position, mark_missing, reconcile, watch_orders
from engine.core.error_counts import count_error
from engine.core.inputs import NO_PARTS, InputTyper
from engine.core.moment import stamp
from engine.core.orders import STATE_NAMES
from engine.core.quoting_rules import QUOTING
from engine.core.refusals import RejectAction, reject_action
from engine.core.replies import hear_reply
from engine.core.request_tracker import RequestTracker
from engine.core.states import Mode
from engine.core.trader import Trader
from exchange.jit import in_python
from exchange.types import (
    Cancel,
    Command,
    Outcome,
    Place,
    QueryOrder,
    Reply,
    Side,
    SyncClock,
    TimeInForce,
)
from tests.engine.core.blocks import WrittenTable
from tests.engine.virtual_desk import GRID, SETTINGS

S = 1_000_000_000
MS = 1_000_000
LOTS = SETTINGS.order_lots
START_NS = 60_000 * 60 * S
"""Begins a window of the budget."""

UNFORESEEN, TAKES, LATE, LIMIT, NAME_TAKEN, KEY = -2019, -5022, -1021, -1015, -4116, -2015
"""One code for each way of taking a refusal, in the order of ``RejectAction``."""


class Bench:
    """Order entry with its surroundings, at a time that only the test moves."""

    def __init__(self, max_position_lots: int = SETTINGS.max_position_lots) -> None:
        settings = replace(SETTINGS, max_position_lots=max_position_lots)
        epoch = int("t", 36)
        self.trader = Trader(settings, GRID, Mode.PAPER, epoch=epoch, own_in_book=True)
        self.desk = self.trader.desk
        self.requests = RequestTracker(self.desk)
        self.table = WrittenTable(self.desk)
        self.now_ns = START_NS
        self.later(0)

    def later(self, ns: int) -> None:
        self.now_ns += ns
        stamp(self.desk, self.now_ns, self.now_ns)
        turn_budget(self.desk, self.now_ns)

    def watch(self, ns: int = 0) -> list[Command]:
        """What is asked when so much time has passed."""
        self.later(ns)
        watch_orders(self.desk, self.now_ns)
        return self.requests.take()

    def reconcile(self, side: Side, *wanted: int, held_lots: int = 0) -> list[Command]:
        ticks = np.array([*wanted, 0], dtype=np.int64)
        reconcile(self.desk, int(side), ticks, len(wanted), held_lots, self.now_ns)
        return self.requests.take()

    def close(self, lots: int = 7, price_ticks: int = 0) -> list[Command]:
        """Sell so much at once; what that asks for."""
        self.requests.take()
        close_position(self.desk, -1, lots, price_ticks, self.now_ns)
        return self.requests.take()

    def place(self, price_ticks: int = 100, side: Side = Side.BUY) -> Place:
        """Have this price wanted and nothing else, and give the placing that follows."""
        placed = [c for c in self.reconcile(side, price_ticks) if isinstance(c, Place)]
        assert len(placed) == 1
        return placed[0]

    def rest(self, price_ticks: int = 100, side: Side = Side.BUY) -> str:
        """An order of ours that rests; its client id."""
        name = self.place(price_ticks, side).client_order_id
        self.apply(name, orders.SEEN_LIVE)
        return name

    def apply(self, name: str, event: int) -> None:
        self.table.apply(self.slot(name), event, self.now_ns)

    def slot(self, name: str) -> int:
        slot = self.table.slot(name)
        assert slot is not None
        return slot

    def state(self, name: str) -> str:
        return STATE_NAMES[self.table.state[self.slot(name)]]

    def answer(
        self,
        request: Command,
        outcome: Outcome = Outcome.DONE,
        code: int = 0,
        round_trip_ns: int = 0,
    ) -> None:
        """Hand over the reply to a request, as the trader does."""
        assert isinstance(request, Place | Cancel | QueryOrder)
        reply = Reply(
            recv_ns=self.now_ns,
            mono_ns=self.now_ns,
            request_id=request.request_id,
            outcome=outcome,
            code=code,
            message="told by the test" if code else "",
            round_trip_ns=round_trip_ns,
        )
        hear_reply(self.desk, InputTyper(GRID).row(reply), NO_PARTS)
        self.trader.errors.keep_message(code, reply.message)
        self.trader.wording.say(reply)

    def refuse(self, code: int, side: Side = Side.BUY) -> Place:
        """Place an order and have it refused; the placing."""
        place = self.place(side=side)
        self.answer(place, Outcome.REFUSED, code)
        return place

    def breaker(self, side: Side = Side.BUY) -> list[int]:
        breaker: list[int] = in_python(side_breaker)(self.desk, int(side)).tolist()
        return breaker

    def absences(self, name: str) -> int:
        """How often the venue's word that there is no such order counted."""
        return int(in_python(order_column)(self.desk, ORDER_ABSENCES)[self.slot(name)])

    def closed_ns(self, side: Side = Side.BUY) -> int:
        """How much longer a breaker stays open."""
        return side_closed_ns(self.desk, int(side), self.now_ns)

    def blocked_by(self, side: Side) -> str:
        """What keeps a side that quotes from standing where it wants."""
        in_python(side_status)(self.desk, int(side))[STATUS_RULE] = QUOTING
        return self.trader.side_status[side].detail

    def mark_missing(self, listed: set[str], asked_ns: int) -> None:
        """The venue has listed these orders as open, and no other."""
        found = np.zeros(ORDER_SLOTS, dtype=np.int64)
        found[[self.slot(name) for name in listed]] = 1
        mark_missing(self.desk, found, asked_ns, self.now_ns)

    @property
    def fatal(self) -> str:
        """The refusal that only a person can mend."""
        code = int(self.desk[FATAL_CODE])
        return f"refused with {self.trader.errors.words(code)}" if code else ""

    @property
    def said(self) -> list[str]:
        return [record.text for record in self.trader.log.since(0)]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def prices(commands: list[Command]) -> list[int]:
    """Where orders are placed, and nothing but placings is asked."""
    return [c.price_ticks if isinstance(c, Place) else 0 for c in commands]


def cancelled(commands: list[Command]) -> list[str]:
    """Which orders are cancelled, and nothing else is asked."""
    return [c.client_order_id if isinstance(c, Cancel) else repr(c) for c in commands]


def asked_for(commands: list[Command]) -> list[str]:
    """Which orders are asked for, and nothing else is asked."""
    return [c.client_order_id if isinstance(c, QueryOrder) else repr(c) for c in commands]


# ------------------------------------------------------------ placing


def test_an_order_is_placed_post_only_and_named_for_its_run(bench: Bench) -> None:
    first, second = bench.reconcile(Side.SELL, 105, 110)

    assert first == Place(
        request_id=1,
        client_order_id="mdesk-t-1",
        side=Side.SELL,
        price_ticks=105,
        qty_lots=LOTS,
        time_in_force=TimeInForce.GTX,
        reduce_only=False,
        market=False,
    )
    assert isinstance(second, Place)
    assert (second.client_order_id, second.price_ticks) == ("mdesk-t-2", 110)


def test_an_order_is_in_the_table_before_it_is_sent(bench: Bench) -> None:
    """Its fill may overtake the answer to its placing."""
    place = bench.place(100)

    assert bench.state(place.client_order_id) == "placed"
    assert bench.table.open_lots(Side.BUY) == LOTS


def test_an_order_where_it_is_wanted_keeps_its_queue(bench: Bench) -> None:
    bench.rest(100)

    assert bench.reconcile(Side.BUY, 100) == []


def test_a_price_that_is_not_wanted_is_cancelled_and_the_new_one_placed_at_once(
    bench: Bench,
) -> None:
    old = bench.rest(100)

    cancel, place = bench.reconcile(Side.BUY, 101)

    assert cancel == Cancel(request_id=2, client_order_id=old)
    assert isinstance(place, Place)
    assert place.price_ticks == 101


def test_one_side_knows_nothing_of_the_other(bench: Bench) -> None:
    bench.rest(100)

    assert bench.reconcile(Side.SELL) == []


@pytest.mark.parametrize(
    ("side", "held_lots", "room"),
    [
        (Side.BUY, 0, 10),
        (Side.BUY, 24, 2),
        (Side.BUY, 25, 1),
        (Side.BUY, 30, 0),
        (Side.BUY, 31, 0),
        (Side.BUY, -30, 12),
        (Side.SELL, 24, 12),
        (Side.SELL, -24, 2),
    ],
)
def test_no_more_is_placed_than_the_limit_bears_were_all_of_it_filled(
    bench: Bench, side: Side, held_lots: int, room: int
) -> None:
    wanted = range(100, 112)

    placed = bench.reconcile(side, *wanted, held_lots=held_lots)

    assert prices(placed) == list(wanted)[:room]


def test_what_is_open_counts_against_the_limit_until_it_is_gone(bench: Bench) -> None:
    """Also while it is being cancelled: it may be filled first."""
    name = bench.rest(100)

    (cancel,) = bench.reconcile(Side.BUY, held_lots=27)
    while_cancelled = bench.reconcile(Side.BUY, 101, held_lots=27)
    bench.answer(cancel)

    assert cancelled([cancel]) == [name]
    assert while_cancelled == []
    assert prices(bench.reconcile(Side.BUY, 101, held_lots=27)) == [101]


def test_no_more_is_placed_than_the_venue_takes_and_every_cancel_goes(bench: Bench) -> None:
    name = bench.rest(100)
    spend_orders(bench.desk, 298)
    bench.later(S)

    cancel, last = bench.reconcile(Side.BUY, 101, 102, 103)
    assert isinstance(last, Place)
    bench.answer(last)
    afterwards = bench.reconcile(Side.BUY, 104)

    assert (cancelled([cancel]), prices([last])) == ([name], [101])
    assert cancelled(afterwards) == [last.client_order_id]
    assert bench.blocked_by(Side.BUY) == "the venue's order limit is used up"


def test_near_the_end_of_the_budget_requotes_stay_a_second_apart(bench: Bench) -> None:
    spend_orders(bench.desk, 240)

    placed: list[list[int]] = []
    for wait_ns in (0, S - 1, 1):
        bench.later(wait_ns)
        placed.append(prices(bench.reconcile(Side.BUY, 100 + len(placed))))

    assert placed == [[100], [], [102]]


def test_a_full_table_takes_no_more() -> None:
    """It would raise, and a session with it."""
    bench = Bench(max_position_lots=10_000)
    bench.reconcile(Side.BUY, *range(1, ORDER_SLOTS))

    placed = bench.reconcile(Side.SELL, 1000, 1001, 1002)

    assert prices(placed) == [1000]


# ------------------------------------------------------------ one action in flight


def test_an_order_on_its_way_is_not_cancelled_before_it_is_taken(bench: Bench) -> None:
    """A cancel that overtakes its placing is refused, and the order rests all the same."""
    place = bench.place(100)

    early = bench.reconcile(Side.BUY)
    bench.answer(place)
    late = bench.reconcile(Side.BUY)

    assert early == []
    assert cancelled(late) == [place.client_order_id]


def test_an_order_is_cancelled_once(bench: Bench) -> None:
    bench.rest(100)

    asked = [len(bench.reconcile(Side.BUY)) for _ in range(3)]

    assert asked == [1, 0, 0]


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.UNKNOWN])
def test_a_price_is_left_alone_until_its_old_order_is_proven_gone(
    bench: Bench, outcome: Outcome
) -> None:
    """Being cancelled, and then with an outcome that nobody knows."""
    bench.rest(100)
    (cancel,) = bench.reconcile(Side.BUY)

    cancelling = bench.reconcile(Side.BUY, 100)
    bench.answer(cancel, outcome, -2011 if outcome is Outcome.REFUSED else 0)
    unknown = bench.reconcile(Side.BUY, 100)

    assert cancelling == unknown == []


def test_a_price_is_free_again_once_its_cancel_is_done(bench: Bench) -> None:
    bench.rest(100)
    (cancel,) = bench.reconcile(Side.BUY)

    bench.answer(cancel)

    assert prices(bench.reconcile(Side.BUY, 100)) == [100]


# ------------------------------------------------------------ closing


@pytest.mark.parametrize(("price_ticks", "market"), [(0, True), (99, False)])
def test_closing_reduces_only_and_takes_at_once(
    bench: Bench, price_ticks: int, market: bool
) -> None:
    (place,) = bench.close(7, price_ticks)

    assert isinstance(place, Place)
    assert place.client_order_id == "mdesk-t-1"
    assert (place.side, place.qty_lots, place.price_ticks) == (Side.SELL, 7, price_ticks)
    assert (place.time_in_force, place.reduce_only) == (TimeInForce.IOC, True)
    assert place.market is market


def test_a_closing_order_without_room_costs_nothing(bench: Bench) -> None:
    for _ in range(ORDER_SLOTS):
        bench.close()
    before = orders_left(bench.desk)

    assert bench.close() == []
    assert orders_left(bench.desk) == before == 300 - ORDER_SLOTS


def test_closing_waits_for_nothing_that_placing_waits_for(bench: Bench) -> None:
    bench.refuse(LIMIT, Side.SELL)
    spend_orders(bench.desk, 300)

    assert len(bench.close()) == 1


# ------------------------------------------------------------ answers to a placing


def test_an_order_that_was_taken_is_no_refusal_and_its_round_trip_counts(bench: Bench) -> None:
    place = bench.place()

    bench.answer(place, round_trip_ns=3 * MS)

    assert bench.state(place.client_order_id) == "acked"
    assert bench.trader.round_trips_ns == [3 * MS]


def test_an_answer_that_comes_after_the_order_was_forgotten_changes_nothing(bench: Bench) -> None:
    place = bench.place()
    bench.apply(place.client_order_id, orders.SEEN_FINAL)
    bench.later(10 * S)
    bench.table.release_finished(0, bench.now_ns)

    bench.answer(place, Outcome.REFUSED, KEY)

    assert bench.table.slot(place.client_order_id) is None
    assert bench.fatal == ""


@pytest.mark.parametrize(
    ("code", "action"),
    zip((UNFORESEEN, TAKES, LATE, LIMIT, NAME_TAKEN, KEY), RejectAction, strict=True),
)
def test_each_way_of_taking_a_refusal_is_tried_below(code: int, action: RejectAction) -> None:
    assert RejectAction(reject_action(code)) is action


@pytest.mark.parametrize("code", [UNFORESEEN, TAKES, LATE, LIMIT, KEY])
def test_a_refused_order_is_over(bench: Bench, code: int) -> None:
    place = bench.refuse(code)

    assert bench.state(place.client_order_id) == "done"
    assert bench.table.open_lots(Side.BUY) == 0


def test_a_refusal_that_nobody_foresaw_is_tried_again_until_the_third(bench: Bench) -> None:
    open_ns = []
    for _ in range(3):
        bench.refuse(UNFORESEEN)
        open_ns.append(bench.closed_ns())

    assert open_ns == [0, 0, 5 * S]
    assert bench.said == [f"bid closed for a while: {UNFORESEEN} told by the test"]


def test_a_breaker_closes_its_own_side_alone(bench: Bench) -> None:
    for _ in range(3):
        bench.refuse(UNFORESEEN, Side.SELL)

    assert bench.closed_ns() == 0
    assert bench.said == [f"ask closed for a while: {UNFORESEEN} told by the test"]


def test_a_breaker_is_half_open_after_five_seconds(bench: Bench) -> None:
    """One order tries; its refusal opens it again at once."""
    for _ in range(3):
        bench.refuse(UNFORESEEN)

    bench.later(5 * S - 1)
    still_ns = bench.closed_ns()
    bench.later(1)
    half_open_ns = bench.closed_ns()
    bench.refuse(UNFORESEEN)

    assert (still_ns, half_open_ns) == (1, 0)
    assert bench.closed_ns() == 5 * S


def test_an_order_taken_by_a_half_open_breaker_closes_it(bench: Bench) -> None:
    for _ in range(3):
        bench.refuse(UNFORESEEN)
    bench.later(5 * S)
    bench.answer(bench.place(100))
    bench.reconcile(Side.BUY)

    for price_ticks in (101, 102):
        bench.answer(bench.place(price_ticks), Outcome.REFUSED, UNFORESEEN)

    assert bench.closed_ns() == 0


def test_an_order_that_would_take_waits_for_the_touch_to_change(bench: Bench) -> None:
    """Our book is late; the same price at the same touch would be refused again."""
    bench.refuse(TAKES)

    at_the_same_touch = bench.reconcile(Side.BUY, 100)
    other_side = bench.reconcile(Side.SELL, 105)
    touch_changed(bench.desk)
    afterwards = bench.reconcile(Side.BUY, 99)

    assert at_the_same_touch == []
    assert (prices(other_side), prices(afterwards)) == ([105], [99])


def test_an_order_that_would_take_keeps_a_tick_away_until_one_is_taken(bench: Bench) -> None:
    bench.refuse(TAKES)
    touch_changed(bench.desk)
    after_refusal = bench.breaker()[BREAKER_STEP_AWAY_TICKS]

    bench.answer(bench.place(99))

    assert (after_refusal, bench.breaker()[BREAKER_STEP_AWAY_TICKS]) == (1, 0)


def test_a_grid_that_would_take_is_refused_once_and_not_once_an_order(bench: Bench) -> None:
    """One late book, told several times, opens no breaker."""
    for place in bench.reconcile(Side.BUY, 100, 99, 98, 97):
        bench.answer(place, Outcome.REFUSED, TAKES)

    assert bench.breaker()[BREAKER_REFUSALS] == 1


def test_a_book_that_is_late_at_three_touches_opens_the_breaker(bench: Bench) -> None:
    for _ in range(3):
        bench.refuse(TAKES)
        touch_changed(bench.desk)

    assert bench.closed_ns() == 5 * S


@pytest.mark.parametrize(
    ("code", "seconds", "why"),
    [(LATE, 5, "our clock or sending is late"), (LIMIT, 10, "the venue's limit is used up")],
)
def test_both_sides_hold_placing_while_our_clock_or_the_limit_mends(
    bench: Bench, code: int, seconds: int, why: str
) -> None:
    bench.refuse(code)
    bench.requests.take()

    held = [bench.blocked_by(side) for side in Side]
    bench.later(seconds * S - 1)
    placed = [prices(bench.reconcile(Side.SELL, 105))]
    bench.later(1)
    placed.append(prices(bench.reconcile(Side.SELL, 105)))

    assert held == [f"placing held {seconds} s more"] * 2
    assert placed == [[], [105]]
    assert bench.said == [f"placing held for {seconds} s: {why}"]


def test_cancels_go_while_placing_is_held(bench: Bench) -> None:
    name = bench.rest(105, Side.SELL)
    bench.refuse(LIMIT)

    assert cancelled(bench.reconcile(Side.SELL)) == [name]


def test_a_grid_refused_for_the_limit_holds_placing_once(bench: Bench) -> None:
    for place in bench.reconcile(Side.BUY, 100, 99):
        bench.answer(place, Outcome.REFUSED, LIMIT)

    assert len(bench.said) == 1


@pytest.mark.parametrize(("code", "measures"), [(LATE, True), (LIMIT, False)])
def test_a_late_clock_is_measured_again(bench: Bench, code: int, measures: bool) -> None:
    bench.refuse(code)

    assert bench.requests.take() == ([SyncClock()] if measures else [])


def test_a_name_that_is_taken_is_an_order_of_ours_to_be_asked_for(bench: Bench) -> None:
    """The placing came twice; the first may rest."""
    place = bench.refuse(NAME_TAKEN)

    assert bench.state(place.client_order_id) == "unknown"
    assert bench.reconcile(Side.BUY, 100) == []
    assert asked_for(bench.watch(301 * MS)) == [place.client_order_id]


def test_a_key_that_the_venue_refuses_is_fatal(bench: Bench) -> None:
    bench.refuse(KEY)

    assert bench.fatal == f"refused with {KEY} told by the test"


@pytest.mark.parametrize("code", [UNFORESEEN, TAKES, LIMIT])
def test_a_refused_closing_says_nothing_of_quotes(bench: Bench, code: int) -> None:
    """It paces itself; thrice refused it would keep both sides from quoting."""
    for _ in range(3):
        (place,) = bench.close()
        bench.answer(place, Outcome.REFUSED, code)

    breaker = bench.breaker(Side.SELL)
    assert (breaker[BREAKER_REFUSALS], breaker[BREAKER_WAITS_FOR_TOUCH]) == (0, 0)
    assert bench.blocked_by(Side.SELL) == ""


def test_a_closing_refused_for_our_key_is_fatal_too(bench: Bench) -> None:
    (place,) = bench.close()

    bench.answer(place, Outcome.REFUSED, KEY)

    assert bench.fatal.startswith(f"refused with {KEY}")


def test_errors_are_counted_by_code_with_their_newest_words(bench: Bench) -> None:
    for code, message in ((-1021, "early"), (-5022, "takes"), (-1021, "late")):
        bench.later(S)
        count_error(bench.desk, code)
        bench.trader.errors.keep_message(code, message)

    errors = bench.trader.errors.by_code()
    counted = errors[-1021]
    assert sorted(errors) == [-5022, -1021]
    assert (counted.count, counted.last_message, counted.mono_ns) == (2, "late", bench.now_ns)


# ------------------------------------------------------------ outcomes that nobody knows


def unknown(bench: Bench) -> str:
    """An order whose placing was never answered; its client id."""
    place = bench.place()
    bench.answer(place, Outcome.UNKNOWN)
    return place.client_order_id


def test_an_unknown_outcome_is_no_refusal_and_is_said(bench: Bench) -> None:
    """The order may live: its size counts, and its price is not placed at again."""
    name = unknown(bench)

    assert bench.state(name) == "unknown"
    assert bench.table.open_lots(Side.BUY) == LOTS
    assert bench.reconcile(Side.BUY, 100) == []
    assert bench.blocked_by(Side.BUY) == "1 with unknown outcome, asking"
    assert bench.blocked_by(Side.SELL) == ""
    assert bench.said == [f"{name}: outcome unknown, asking"]


def test_an_unknown_order_is_asked_for_soon_and_then_every_second(bench: Bench) -> None:
    name = unknown(bench)

    asked = [asked_for(bench.watch(ns)) for ns in (300 * MS, MS, S, MS)]

    assert asked == [[], [name], [], [name]]


def absent(bench: Bench, times: int, round_trip_ns: int = 0) -> None:
    """The venue says so often, each time that it is asked, that it knows no such order."""
    for _ in range(times):
        (query,) = bench.watch(S + MS)
        bench.answer(query, Outcome.REFUSED, -2013, round_trip_ns)


def test_two_absences_long_after_the_placing_prove_an_order_gone(bench: Bench) -> None:
    name = unknown(bench)
    bench.later(REST_LAG_NS)

    states = []
    for _ in range(2):
        absent(bench, 1)
        states.append(bench.state(name))

    assert states == ["unknown", "done"]
    assert prices(bench.reconcile(Side.BUY, 100)) == [100]


def test_an_absence_soon_after_the_placing_proves_nothing(bench: Bench) -> None:
    """It may still be on its way, or the node that answers behind the one that took it."""
    name = unknown(bench)

    absent(bench, 5)

    assert bench.now_ns - START_NS < REST_LAG_NS + S
    assert bench.absences(name) == 0


def test_an_absence_is_as_old_as_its_question(bench: Bench) -> None:
    """Asked within the lag, it proves nothing however late the answer comes."""
    name = unknown(bench)
    bench.later(REST_LAG_NS)

    counted = []
    for times in (3, 1):
        absent(bench, times, round_trip_ns=3 * S)
        counted.append(bench.absences(name))

    assert counted == [0, 1]


def test_an_order_in_a_slot_that_another_left_is_absent_for_the_first_time(bench: Bench) -> None:
    """One word of a lagging node would end it, and it would rest unseen."""
    gone = unknown(bench)
    bench.later(REST_LAG_NS + S)
    absent(bench, 2)
    bench.later(3 * S)
    slot = bench.slot(gone)
    bench.table.release_finished(0, bench.now_ns)
    name = unknown(bench)
    bench.later(REST_LAG_NS + S)

    absent(bench, 1)

    assert bench.slot(name) == slot
    assert (bench.absences(name), bench.state(name)) == (1, "unknown")


def test_what_waited_longest_is_asked_for_first(bench: Bench) -> None:
    """Also where a younger order has the slot of one that is over."""
    first, second = bench.reconcile(Side.BUY, 100, 99)
    bench.answer(first, Outcome.REFUSED, UNFORESEEN)
    bench.later(3 * S)
    bench.table.release_finished(0, bench.now_ns)
    (third,) = bench.reconcile(Side.SELL, 105)
    for place in (second, third):
        bench.answer(place, Outcome.UNKNOWN)

    asked = asked_for(bench.watch(S))

    assert isinstance(second, Place)
    assert isinstance(third, Place)
    assert bench.slot(third.client_order_id) < bench.slot(second.client_order_id)
    assert asked == [second.client_order_id, third.client_order_id]


def test_a_sign_of_life_between_two_absences_takes_the_first_back(bench: Bench) -> None:
    name = unknown(bench)
    bench.later(REST_LAG_NS)
    absent(bench, 1)

    bench.apply(name, orders.SEEN_LIVE)
    bench.apply(name, orders.OUTCOME_UNKNOWN)
    bench.later(REST_LAG_NS)
    absent(bench, 1)

    assert bench.state(name) == "unknown"


@pytest.mark.parametrize(
    ("outcome", "code"),
    [(Outcome.REFUSED, -1003), (Outcome.UNKNOWN, 0), (Outcome.DONE, 0)],
)
def test_only_the_venues_word_that_there_is_no_such_order_counts_as_absence(
    bench: Bench, outcome: Outcome, code: int
) -> None:
    name = unknown(bench)
    bench.later(REST_LAG_NS)

    for _ in range(3):
        (query,) = bench.watch(S + MS)
        bench.answer(query, outcome, code)

    assert bench.state(name) == "unknown"


def test_an_unknown_order_that_is_seen_is_unknown_no_more(bench: Bench) -> None:
    name = unknown(bench)

    bench.apply(name, orders.SEEN_LIVE)

    assert bench.blocked_by(Side.BUY) == ""
    assert bench.watch(10 * S) == []


def test_a_placing_that_is_never_answered_becomes_unknown(bench: Bench) -> None:
    place = bench.place()

    bench.watch(5 * S)
    in_time = bench.state(place.client_order_id)
    bench.watch(MS)

    assert (in_time, bench.state(place.client_order_id)) == ("placed", "unknown")


def test_a_cancel_that_is_never_answered_becomes_unknown(bench: Bench) -> None:
    name = bench.rest()
    bench.reconcile(Side.BUY)

    bench.watch(5 * S)
    in_time = bench.state(name)
    bench.watch(MS)

    assert (in_time, bench.state(name)) == ("cancelling", "unknown")


def test_a_failed_cancel_is_asked_about_when_the_stream_says_nothing(bench: Bench) -> None:
    """-2011 may mean filled, cancelled, or not there yet."""
    name = bench.rest()
    (cancel,) = bench.reconcile(Side.BUY)
    bench.answer(cancel, Outcome.REFUSED, -2011)

    asked = [asked_for(bench.watch(ns)) for ns in (300 * MS, MS)]

    assert asked == [[], [name]]


def test_a_cancel_that_is_done_ends_the_order_and_its_round_trip_counts(bench: Bench) -> None:
    name = bench.rest()
    (cancel,) = bench.reconcile(Side.BUY)

    bench.answer(cancel, round_trip_ns=4 * MS)

    assert bench.state(name) == "done"
    assert bench.trader.round_trips_ns == [4 * MS]


def test_fills_that_are_told_of_and_do_not_come_are_missed_after_half_a_second(
    bench: Bench,
) -> None:
    name = bench.rest()
    bench.table.report_filled(bench.slot(name), 2)
    bench.apply(name, orders.SEEN_FINAL)

    missed = []
    for ns in (500 * MS, MS):
        bench.watch(ns)
        missed.append(bool(bench.desk[MISSES_FILLS]))
    bench.table.book_fill(bench.slot(name), 2, 0, bench.now_ns)
    bench.watch()
    missed.append(bool(bench.desk[MISSES_FILLS]))

    assert missed == [False, True, False]


# ------------------------------------------------------------ lists of open orders


def test_an_order_that_should_be_listed_and_is_not_is_asked_for(bench: Bench) -> None:
    """Filled, cancelled or lost: the list does not say which."""
    gone, there = bench.rest(100), bench.rest(105, Side.SELL)
    bench.later(REST_LAG_NS + 1)

    bench.mark_missing({there}, bench.now_ns)

    assert (bench.state(gone), bench.state(there)) == ("unknown", "resting")
    assert asked_for(bench.watch(301 * MS)) == [gone]


def test_an_order_younger_than_a_lagging_list_is_not_missed(bench: Bench) -> None:
    name = bench.rest()
    bench.later(REST_LAG_NS)

    bench.mark_missing(set(), bench.now_ns)

    assert bench.state(name) == "resting"


def test_a_list_that_was_asked_for_long_ago_is_as_old_as_its_question(bench: Bench) -> None:
    asked_ns = bench.now_ns
    name = bench.rest()
    bench.later(10 * S)

    bench.mark_missing(set(), asked_ns)

    assert bench.state(name) == "resting"


def test_an_order_that_is_not_answered_yet_is_not_missed_in_a_list(bench: Bench) -> None:
    place = bench.place()
    bench.later(10 * S)

    bench.mark_missing(set(), bench.now_ns)

    assert bench.state(place.client_order_id) == "placed"


def test_an_order_being_cancelled_that_is_not_listed_is_asked_for(bench: Bench) -> None:
    name = bench.rest()
    bench.reconcile(Side.BUY)
    bench.later(REST_LAG_NS + 1)

    bench.mark_missing(set(), bench.now_ns)

    assert bench.state(name) == "unknown"


# ------------------------------------------------------------ what is in the way


def test_nothing_in_the_way_is_said_as_nothing(bench: Bench) -> None:
    bench.rest()

    assert [bench.blocked_by(side) for side in Side] == ["", ""]


def test_what_matters_most_is_said_first(bench: Bench) -> None:
    """An unknown order, then a hold, then the limit."""
    name = unknown(bench)
    bench.refuse(LIMIT, Side.SELL)
    spend_orders(bench.desk, 300)

    said = [bench.blocked_by(Side.BUY)]
    bench.apply(name, orders.SEEN_LIVE)
    said.append(bench.blocked_by(Side.BUY))
    bench.later(9_600 * MS)
    bench.desk[THROTTLED_UNTIL_NS] = bench.now_ns
    said.append(bench.blocked_by(Side.BUY))

    assert said == [
        "1 with unknown outcome, asking",
        "placing held 10 s more",
        "the venue's order limit is used up",
    ]
