"""Account reconciliation: the venue's report counts for the moment of its stamp, and no other."""

from dataclasses import replace
from functools import partial
from itertools import permutations
from typing import Any

import msgspec
import pytest

from engine.core.account import REST_LAG_NS, AccountReconciler
from engine.core.actions import Action
from engine.core.desk_layout import RECONCILED, new_desk
from engine.core.operator import OperatorCommand
from engine.core.quoting_rules import QUOTING, account_rule
from engine.core.request_tracker import FETCH_ACCOUNT
from engine.core.states import FlattenState, RiskState, SideReason
from engine.view.view_builder import ViewBuilder
from exchange.paper.account.orders import OrderRecord
from exchange.paper.faults.plan import FaultPlan
from exchange.paper.matching.events import BACKGROUND
from exchange.types import (
    AccountUpdate,
    Cancel,
    ClockMeasured,
    FetchAccount,
    FetchTrades,
    Fill,
    Link,
    LinkDown,
    LinkUp,
    OrderStatus,
    OrderUpdate,
    Place,
    QueryOrder,
    Side,
    TimeInForce,
)
from tests.engine.core.blocks import WrittenTable
from tests.engine.core.heard import Heard, closed_elsewhere
from tests.engine.network_faults import replies_lost, rest_lags, trades_late
from tests.engine.virtual_desk import CALM, GRID, SETTINGS, VirtualDesk

MS = 1_000_000
S = 1000 * MS


# ------------------------------------------------------------ arrival orders, by hand


def part_filled(client_order_id: str, exch_ns: int) -> dict[str, Any]:
    """The fields of an update on an order of which 2 of 4 lots are filled."""
    return {
        "client_order_id": client_order_id,
        "venue_order_id": 1,
        "side": Side.BUY,
        "status": OrderStatus.PARTIALLY_FILLED,
        "price_ticks": 600_000,
        "qty_lots": 4,
        "filled_lots": 2,
        "exch_ns": exch_ns,
    }


def test_a_list_asked_before_a_position_was_adopted_books_nothing_twice() -> None:
    """The ledger once ended at 0 for a venue at -6: the adopted position held those fills."""
    heard = Heard()
    missed = [heard.a_fill(1, 10 * S, Side.SELL, 3), heard.a_fill(2, 11 * S, Side.SELL, 3)]
    asked_early_ns = heard.now_ns
    for _ in range(4):
        heard.account(-6, 11 * S)
        heard.later(REST_LAG_NS // 2)
        heard.trades()
    assert heard.lots == -6

    heard.trades(*missed, asked_ns=asked_early_ns)

    assert heard.lots == -6
    assert heard.trader.ledger.fills == 2


@pytest.mark.parametrize("order", list(permutations(range(5))))
def test_no_order_of_arrival_counts_a_fill_twice_or_forgets_one(order: tuple[int, ...]) -> None:
    """Two fills, their push, a REST row between them and one after, in all 120 orders."""
    heard = Heard()
    first = heard.a_fill(1, 10 * S, Side.BUY, 3)
    second = heard.a_fill(2, 11 * S, Side.BUY, 2)
    events = [
        partial(heard.tell_fill, first),
        partial(heard.trades, first, second),
        partial(heard.pushed, 5, 11 * S),
        partial(heard.account, 3, 10 * S),
        partial(heard.account, 5, 11 * S),
    ]

    for number in order:
        events[number]()
        heard.later(100 * MS)

    assert heard.lots == 5
    assert heard.trader.ledger.fills == 2
    assert not heard.trader.account.doubted


def test_an_answer_older_than_our_fills_is_held_against_what_we_held_then() -> None:
    """A node some seconds behind agrees with us as of its own time."""
    heard = Heard()
    heard.fill(1, 10 * S, Side.BUY, 3)
    heard.fill(2, 20 * S, Side.BUY, 3)

    for _ in range(4):
        heard.account(3, 10 * S)
        heard.later(1 * S)
        heard.trades()

    assert heard.lots == 6
    assert not heard.trader.account.doubted


def test_a_node_that_stands_still_is_neither_believed_nor_quoted_upon() -> None:
    """It agreed with what we held once, for ever, and nobody noticed that it had stopped."""
    heard = Heard()
    heard.fill(1, 10 * S, Side.BUY, 3)
    heard.fill(2, 20 * S, Side.BUY, 3)

    for _ in range(40):
        heard.account(3, 10 * S)
        heard.later(1 * S)
        heard.trades()

    assert heard.lots == 6
    assert account_rule(heard.trader.desk, heard.now_ns)[0] != QUOTING


def test_a_stamp_just_before_its_trade_is_no_double_count() -> None:
    """A venue may stamp a position a millisecond before the trade that made it."""
    heard = Heard()
    heard.later(1 * S)
    heard.fill(1, 10 * S, Side.BUY, 3)

    for _ in range(12):
        heard.account(3, 10 * S - MS)
        heard.later(1 * S)
        heard.trades()

    assert heard.lots == 3
    assert not heard.trader.account.doubted


@pytest.mark.parametrize("reconnected", [False, True])
def test_a_position_that_is_only_not_listed_is_not_taken_for_closed(reconnected: bool) -> None:
    """Six seconds of empty answers once halted the desk for good; it is still in our trades."""
    heard = Heard()
    heard.fill(1, 10 * S, Side.BUY, 3)
    heard.pushed(3, 10 * S)
    if reconnected:
        heard.tell(LinkDown, link=Link.PRIVATE, reason="cut")
        heard.tell(LinkUp, link=Link.PRIVATE)

    for _ in range(30):
        heard.account(0, 0)
        heard.later(1 * S)
        heard.trades(heard.a_fill(1, 10 * S, Side.BUY, 3))

    assert heard.lots == 3
    assert heard.trader.gate.state is RiskState.ACTIVE
    assert {why.quotes for why in heard.trader.side_status.values()} == {False}


def test_an_exchange_that_forgot_our_trades_too_is_believed() -> None:
    """The paper exchange died and came back with nothing: the desk starts over with it."""
    heard = Heard()
    heard.fill(1, 10 * S, Side.BUY, 3)

    for _ in range(15):
        heard.account(0, 0)
        heard.later(1 * S)
        heard.trades()

    assert heard.lots == 0
    assert heard.trader.gate.state is RiskState.ACTIVE


@pytest.mark.parametrize("told", ["nothing", "another", "old"])
def test_flat_is_said_when_the_venue_has_said_so_since_and_not_before(told: str) -> None:
    """Never compared, in doubt, or older than the closing fill: each was called "confirmed"."""
    heard = Heard()
    heard.fill(1, 10 * S, Side.BUY, 3)
    commands = heard.trader.receive(
        OperatorCommand(
            recv_ns=heard.now_ns, mono_ns=heard.now_ns, action=Action.FLATTEN, name="BTCUSDT"
        )
    )
    (closing,) = (command for command in commands if isinstance(command, Place))
    fill = heard.a_fill(2, 20 * S, Side.SELL, 3)
    heard.later(1 * S)
    heard.tell_fill(msgspec.structs.replace(fill, client_order_id=closing.client_order_id))
    if told == "another":
        heard.account(7, 30 * S)
    elif told == "old":
        heard.account(3, 10 * S)
    heard.later(200 * MS)
    assert heard.trader.flatten.closing

    heard.pushed(0, 40 * S)
    heard.later(200 * MS)

    assert heard.trader.flatten.state is FlattenState.FLAT


def test_a_wallet_older_than_the_position_opens_after_the_longest_lag() -> None:
    """A fee in another asset, or none, moves the position and not the wallet."""
    heard = Heard(opened=False)
    for _ in range(8):
        heard.trades(heard.a_fill(1, 9 * S, Side.BUY, 3))
        heard.account(3, 10 * S, wallet_exch_ns=5 * S)
        heard.later(1 * S)

    assert heard.trader.account.opened
    assert heard.lots == 3


def test_trades_missed_before_the_first_agreement_are_asked_for_by_the_venue_s_clock() -> None:
    """Our wall clock, ten minutes ahead, once asked for the venue's future."""
    desk = VirtualDesk(market=CALM, our_clock_ahead_s=600.0)
    desk.feed(ClockMeasured, venue_minus_mono_ns=0)
    desk.cut_private(0.2)
    desk.run(1.0)

    asked = [command for command in desk.commands if isinstance(command, FetchTrades)]

    assert asked[-1].since_ms * MS < desk.now_ns


def test_a_position_that_moved_and_came_back_is_asked_for_until_a_list_is_here() -> None:
    """One failed request must not be the last."""
    heard = Heard()
    heard.account(0, 30 * S)
    asked = sum(isinstance(command, FetchTrades) for command in heard.sent)

    for _ in range(5):
        heard.later(1 * S)

    assert sum(isinstance(command, FetchTrades) for command in heard.sent) >= asked + 4


def test_an_order_filled_before_our_opening_is_done_with_all_the_same() -> None:
    """Its slot was held for ever, its lots counted, and no flatten could begin."""
    heard = Heard(opened=False)
    name = "mdesk-abc-1"
    for status, filled in ((OrderStatus.NEW, 0), (OrderStatus.FILLED, 3)):
        heard.tell(
            OrderUpdate,
            client_order_id=name,
            venue_order_id=1,
            side=Side.BUY,
            status=status,
            price_ticks=600_000,
            qty_lots=3,
            filled_lots=filled,
            exch_ns=10 * S,
        )
    heard.account(3, 10 * S)
    fill = heard.a_fill(1, 10 * S, Side.BUY, 3)
    for _ in range(2):
        heard.trades(msgspec.structs.replace(fill, client_order_id=name))
    heard.later(3 * S)

    assert heard.lots == 3
    assert not heard.trader.table.used


def test_a_row_that_contradicts_the_stream_for_its_own_stamp_pulls_no_quote_at_once() -> None:
    """A proxy or a node with the new stamp on the old position; the stream knows better."""
    heard = Heard()
    heard.fill(1, 10 * S, Side.BUY, 3)
    heard.pushed(3, 10 * S)

    heard.account(0, 10 * S)
    heard.later(2 * S)

    assert heard.lots == 3
    assert not heard.trader.account.doubt_forbids(heard.now_ns)


def test_a_position_that_the_venue_insists_on_is_adopted_after_the_longest_lag() -> None:
    """No trade explains it, and no node can be so far behind."""
    heard = Heard()
    for _ in range(3):
        heard.account(7, 20 * S)
        heard.trades()
        heard.later(1 * S)
    assert heard.lots == 0
    assert {why.reason for why in heard.trader.side_status.values()} != {SideReason.QUOTING}

    heard.later(REST_LAG_NS)
    heard.trades()
    heard.account(7, 20 * S)

    assert heard.lots == 7
    assert heard.trader.ledger.cost_e8 == 7 * 600_000 * GRID.tick_lot_e8


@pytest.mark.parametrize("stamp_s", [20, 0], ids=["listed", "not listed"])
def test_a_position_closed_without_a_trade_of_ours_halts(stamp_s: int) -> None:
    """The stream says so, and REST lists no flat account: the desk once went on from 0."""
    heard = closed_elsewhere()

    for _ in range(15):
        heard.account(0, stamp_s * S)
        heard.later(1 * S)
        heard.trades(heard.a_fill(1, 10 * S, Side.BUY, 3))

    assert heard.lots == 0
    assert heard.trader.gate.state is RiskState.HALTED
    assert "closed without a trade of ours" in heard.trader.gate.detail


def test_what_closed_the_position_is_not_unsaid_by_an_older_row() -> None:
    """A node that is behind agrees with us, between two that are not."""
    heard = closed_elsewhere()

    for turn in range(15):
        heard.account(0, 0)
        if turn < 3:
            heard.account(3, 10 * S)
        heard.later(1 * S)
        heard.trades(heard.a_fill(1, 10 * S, Side.BUY, 3))

    assert heard.trader.gate.state is RiskState.HALTED


def test_a_list_behind_our_newest_trade_has_not_forgotten_it() -> None:
    """Two dying orders traded just now: the closed position halts all the same."""
    heard = closed_elsewhere()
    heard.later(REST_LAG_NS + S)
    heard.fill(2, 30 * S, Side.BUY, 3)
    heard.fill(3, 31 * S, Side.SELL, 3)

    heard.trades(heard.a_fill(1, 10 * S, Side.BUY, 3))
    heard.account(0, 31 * S)

    assert heard.lots == 0
    assert heard.trader.gate.state is RiskState.HALTED


def test_a_row_behind_our_fills_makes_no_unlisted_position_credible() -> None:
    """It is stamped, and says nothing of what came after its stamp."""
    heard = Heard()
    fills = [
        heard.a_fill(1, 5 * S, Side.BUY, 3),
        heard.a_fill(2, 6 * S, Side.SELL, 3),
        heard.a_fill(3, 10 * S, Side.BUY, 3),
    ]
    for fill in fills:
        heard.tell_fill(fill)
    heard.later(REST_LAG_NS + S)
    heard.account(0, 6 * S)

    for _ in range(8):
        heard.later(1 * S)
        heard.trades(*fills)
        heard.account(0, 0)

    assert heard.lots == 3
    assert account_rule(heard.trader.desk, heard.now_ns)[0] != QUOTING


def test_an_adopted_position_keeps_the_fill_that_its_row_lacks() -> None:
    """Two fills in a third of a second, and a node that knows the first alone."""
    heard = Heard()
    for _ in range(5):
        heard.account(7, 20 * S)
        heard.later(1 * S)
        heard.trades()
    heard.fill(1, 30 * S, Side.BUY, 2)
    heard.fill(2, 30 * S + 300 * MS, Side.BUY, 3)
    heard.account(9, 30 * S)
    assert heard.lots == 5

    heard.later(REST_LAG_NS)
    heard.trades()
    heard.account(12, 30 * S + 300 * MS)

    assert heard.lots == 12
    assert not heard.trader.account.doubted


def test_no_list_of_trades_begins_more_than_a_week_ago() -> None:
    """Of one that does, the venue leaves out what is newer than a week after its beginning."""
    heard = Heard()
    heard.tell(ClockMeasured, venue_minus_mono_ns=0)
    heard.fill(1, heard.now_ns, Side.BUY, 3)
    heard.pushed(3, heard.now_ns)
    heard.now_ns += 8 * 86_400 * S

    heard.tell(LinkDown, link=Link.PRIVATE, reason="cut")
    heard.tell(LinkUp, link=Link.PRIVATE)

    asked = [c for c in heard.sent if isinstance(c, FetchTrades)][-1]
    assert heard.now_ns // MS - asked.since_ms <= 7 * 86_400_000


@pytest.mark.parametrize("hint", ["position", "order"])
def test_a_push_that_agrees_outruns_no_trade_that_no_list_has_brought(hint: str) -> None:
    """A round trip was missed; the stream reports later moments while no list can be had."""
    heard = Heard()
    heard.fill(1, 400 * S, Side.BUY, 3)
    heard.pushed(3, 400 * S)
    if hint == "position":
        heard.account(3, 500 * S)
    else:
        row = part_filled("mdesk-one-9", exch_ns=500 * S)
        heard.tell(OrderUpdate, **row)
        heard.tell(OrderUpdate, **{**row, "status": OrderStatus.CANCELED})
    heard.later(3 * S)

    heard.pushed(3, 900 * S)
    heard.later(2 * S)

    asked = [c for c in heard.sent if isinstance(c, FetchTrades)][-1]
    assert asked.since_ms < 500_000
    before = len(heard.sent)
    heard.later(2 * S)
    assert any(isinstance(c, FetchTrades) for c in heard.sent[before:])


def test_an_order_of_an_earlier_run_is_not_filled_twice() -> None:
    """Its fill is in the list of orders already, and listed as a trade a moment later."""
    heard = Heard(opened=False)
    heard.trades()
    row = part_filled("mdesk-abc-1", exch_ns=12 * S)
    heard.account(0, 10 * S, open_orders=(OrderUpdate(recv_ns=0, mono_ns=0, **row),))

    fill = heard.a_fill(1, 12 * S, Side.BUY, 2)
    heard.trades(msgspec.structs.replace(fill, client_order_id="mdesk-abc-1"))

    slot = WrittenTable(heard.trader.desk).slot("mdesk-abc-1")
    assert heard.lots == 2
    assert slot is not None
    assert heard.trader.table.booked_lots[slot] == 2
    assert heard.trader.table.live == 1


def test_fills_of_one_millisecond_may_be_told_between_any_two_of_them() -> None:
    """A sweep fills four quotes under one stamp, and the venue pushes a position after each."""
    heard = Heard()
    for number in range(1, 5):
        heard.fill(number, 10 * S, Side.BUY, 1)
        heard.pushed(number, 10 * S)
    heard.account(2, 10 * S)

    assert heard.lots == 4
    assert not heard.trader.account.doubted


# ------------------------------------------------------------ restarts


@pytest.mark.parametrize("lots", [9, -9])
def test_after_a_restart_cost_and_break_even_are_the_venue_s(lots: int) -> None:
    """It once was 0, with a residual of 180 USDT that grew for good."""
    desk = VirtualDesk(opening_lots=lots)
    desk.operate(Action.PAUSE)
    desk.run(2.0)

    view = ViewBuilder(desk.trader).build(desk.now_ns, desk.now_ns)

    entry_ticks = desk.symbol_account.holding.entry_price_e8 / 10**7
    assert view.inventory.break_even_ticks == pytest.approx(entry_ticks, abs=1.0)
    assert desk.trader.ledger.cost_e8 == pytest.approx(desk.symbol_account.holding.cost_e8, abs=1)
    assert view.money.residual_usdt == 0.0


@pytest.mark.parametrize("seed", range(3))
def test_a_killed_engine_s_successor_explains_the_wallet(seed: int) -> None:
    """It starts in the middle of a position, and trades on."""
    desk = VirtualDesk(seed)
    desk.run_until(lambda: abs(desk.trader.ledger.position_lots) >= 6)
    desk.kill()
    desk.run(30.0)
    desk.operate(Action.PAUSE)
    desk.run(1.0)
    ledger = desk.trader.ledger

    assert ledger.fills > 5
    assert ledger.position_lots == desk.symbol_account.holding.lots
    residual_e8 = desk.trader.account.residual_e8(ledger.realised_e8 - ledger.fees_e8)
    assert residual_e8 is not None
    assert abs(residual_e8) <= ledger.fills


# ------------------------------------------------------------ what only lags


@pytest.mark.parametrize("lag_s", [1.5, 4.5])
def test_a_restart_within_the_lag_of_rest_keeps_the_limit(lag_s: float) -> None:
    """Flat and quiet until a sweep filled the whole grid: no node knew of it yet."""
    settings = replace(SETTINGS, grid_num=10)
    faults = FaultPlan((rest_lags(lag_s),))
    desk = VirtualDesk(5, faults, settings=settings, market=CALM)
    desk.run_until(lambda: len(bids(desk)) == settings.grid_num)
    sweep(desk)
    desk.run(0.2)
    assert desk.symbol_account.holding.lots == settings.max_position_lots

    desk.kill()
    for _ in range(80):
        desk.run(0.1)
        if bids(desk):
            sweep(desk)
        assert desk.symbol_account.holding.worst_lots <= settings.max_position_lots

    assert desk.trader.ledger.position_lots == desk.symbol_account.holding.lots
    assert any(why.quotes for why in desk.trader.side_status.values())


def bids(desk: VirtualDesk) -> list[OrderRecord]:
    return [order for order in desk.our_open_orders if order.side is Side.BUY]


def sweep(desk: VirtualDesk) -> None:
    """Sell through every bid of ours."""
    lowest = min(order.price_ticks or 0 for order in bids(desk))
    lots = sum(desk.matching.levels_within(Side.BUY, lowest))
    turn = desk.matching.submit(BACKGROUND, Side.SELL, lots, lowest, TimeInForce.IOC)
    desk.book.apply_events(turn)


@pytest.mark.parametrize("lag_s", [0.3, 2.0, 4.5])
def test_rest_that_lags_moves_no_position(lag_s: float) -> None:
    """Half of all looks at a busy market were wrong by up to 27 of 60 lots."""
    desk = VirtualDesk(2, FaultPlan((rest_lags(lag_s, from_s=2.0),)))
    desk.run(2.0)
    for _ in range(400):
        desk.run(0.1)
        apart = desk.trader.ledger.position_lots - desk.symbol_account.holding.lots
        assert abs(apart) <= SETTINGS.order_lots * SETTINGS.grid_num

    assert desk.trader.ledger.fills > 10
    assert not any("took the venue's word" in r.text for r in desk.trader.log.since(0))


def test_an_order_that_a_lagging_node_has_not_heard_of_is_not_given_up() -> None:
    """Its -2013 is older than our order; taken for proof, the order would rest unseen."""
    desk = VirtualDesk(market=CALM, faults=FaultPlan((replies_lost(1.0), rest_lags(4.0))))
    desk.run_until(lambda: len(desk.our_open_orders) > 0)

    for _ in range(60):
        desk.run(0.1)
        known = {desk.trader.table.client_order_id(slot) for slot in desk.trader.table.used}
        assert {order.client_order_id for order in desk.our_open_orders} <= known


def test_an_old_word_on_an_order_that_ended_is_not_taken_for_a_new_one() -> None:
    """A lagging list of open orders names it still; it was adopted, and cancelled in vain."""
    desk = VirtualDesk(market=CALM)
    desk.run(2.0)
    order = desk.our_open_orders[0]
    row = desk.book.wire.order_record(order)
    desk.operate(Action.PAUSE)
    desk.run(3.0)
    sent = len(desk.commands)

    desk.feed(
        OrderUpdate,
        client_order_id=order.client_order_id,
        venue_order_id=order.venue_order_id,
        side=order.side,
        status=OrderStatus.NEW,
        price_ticks=order.price_ticks or 0,
        qty_lots=order.qty_lots,
        filled_lots=0,
        exch_ns=int(str(row["updateTime"])) * MS,
    )
    desk.run(0.5)

    assert not any(isinstance(c, Cancel | QueryOrder) for c in desk.commands[sent:])


# ------------------------------------------------------------ what is not known


def test_an_account_that_is_not_compared_any_more_ends_quoting() -> None:
    """``/balance`` at 500 once left 45 s of quoting on nothing, without a warning."""
    desk = VirtualDesk(market=CALM)
    desk.run(3.0)
    desk.refuse(FetchAccount, "wallet: HTTP 500, 0: down")

    desk.run(35.0)

    assert not desk.our_open_orders
    (why,) = set(desk.trader.side_status.values())
    assert why.reason is SideReason.RECONCILING
    assert why.detail.startswith("account not compared for")
    assert why.detail.endswith("of 30 s: wallet: HTTP 500, 0: down")


def test_an_account_that_never_was_compared_says_what_fails() -> None:
    """At the start it once said "not compared yet" for ever, and no reason."""
    desk = VirtualDesk(market=CALM)
    desk.refuse(FetchAccount, "position: HTTP 500, 0: down")

    desk.run(3.0)

    details = {why.detail for why in desk.trader.side_status.values()}
    assert details == {"account not compared yet: position: HTTP 500, 0: down"}


def test_what_fails_is_named_as_long_as_it_fails() -> None:
    """Our trades are listed all the while; their answer once wiped the reason off the screen."""
    desk = VirtualDesk(market=CALM, faults=FaultPlan((trades_late(300.0),)))
    desk.refuse(FetchAccount, "position: HTTP 500, 0: down")
    desk.run(1.0)

    for _ in range(600):
        desk.run(0.005)
        assert {why.detail for why in desk.trader.side_status.values()} == {
            "account not compared yet: position: HTTP 500, 0: down"
        }


def test_a_question_that_is_not_asked_any_more_explains_nothing() -> None:
    """A list of trades that failed once was named for ever after, whatever failed then."""
    desk = VirtualDesk(market=CALM)
    desk.run(1.0)
    desk.refuse(FetchTrades, "own trades: HTTP 500")
    desk.cut_private(0.2)
    desk.run(2.0)
    assert desk.trader.desk[RECONCILED]

    desk.refuse(FetchAccount, "wallet: HTTP 500")
    desk.run(35.0)

    (detail,) = {why.detail for why in desk.trader.side_status.values()}
    assert detail.endswith("of 30 s: wallet: HTTP 500")


def test_an_answer_to_an_older_question_is_not_taken_for_the_newest() -> None:
    """It took 4 s to fail, and what was asked after it has been answered."""
    account = AccountReconciler(new_desk())

    account.note_answer(FETCH_ACCOUNT, 2, "")
    account.note_answer(FETCH_ACCOUNT, 1, "wallet: HTTP 500")

    assert not account.troubles


@pytest.mark.parametrize("ahead_s", [30.0, -30.0])
def test_lateness_is_judged_by_the_venue_s_clock(ahead_s: float) -> None:
    """A wrong clock of ours makes no book late, and none fresh."""
    desk = VirtualDesk(market=CALM, our_clock_ahead_s=ahead_s)
    desk.feed(ClockMeasured, venue_minus_mono_ns=0)

    desk.run(2.0)

    assert len(desk.our_open_orders) == 2 * SETTINGS.grid_num
    assert desk.trader.market.feed_latency_ns is not None
    assert abs(desk.trader.market.feed_latency_ns) < S


# ------------------------------------------------------------ the venue closes for us


@pytest.mark.parametrize("forced", ["liquidated", "deleveraged", "settled"])
def test_a_position_closed_by_the_venue_is_booked_and_halts(forced: str) -> None:
    """Off the tick as it may be; the desk once went on believing in +0.200 for good."""
    heard = Heard()
    heard.fill(1, 10 * S, Side.BUY, 200)

    heard.tell(
        Fill,
        trade_id=2,
        client_order_id="autoclose-1",
        side=Side.SELL,
        price_ticks=261_421,
        off_tick_e8=4_000_000,
        qty_lots=200,
        maker=False,
        fee_e8=0,
        exch_ns=11 * S,
        forced=forced,
    )

    assert heard.lots == 0
    assert heard.trader.gate.state is RiskState.HALTED
    assert forced in heard.trader.gate.detail
    realised = 200 * (261_421 - 600_000) * GRID.tick_lot_e8 + 4_000_000
    assert heard.trader.ledger.realised_e8 == realised


def test_a_real_liquidation_is_heard_by_the_whole_desk() -> None:
    """The embedded exchange takes the position; the desk knows, and stands still."""
    desk = VirtualDesk(market=CALM, opening_lots=300)
    desk.run(2.0)

    desk.client.pay(GRID.symbol, "TRANSFER", -499_000_000_000, desk.exchange.now_ms)
    desk.run_until(lambda: desk.symbol_account.holding.lots == 0)
    desk.run(1.0)

    assert desk.trader.ledger.position_lots == 0
    assert "liquidated" in desk.trader.gate.detail
    assert not desk.our_open_orders


def test_money_that_is_moved_is_no_profit() -> None:
    """A deposit changes what the wallet is compared with, and not what is unexplained."""
    heard = Heard()

    heard.tell(
        AccountUpdate,
        position_lots=None,
        wallet_e8=5100 * 10**8,
        reason="DEPOSIT",
        exch_ns=20 * S,
        moved_e8=100 * 10**8,
    )

    assert heard.trader.account.residual_e8(0) == 0


def test_funding_told_twice_is_charged_once() -> None:
    """Two sockets on one key both report it."""
    heard = Heard()
    for _ in range(2):
        heard.tell(
            AccountUpdate,
            position_lots=None,
            wallet_e8=4999 * 10**8,
            reason="FUNDING_FEE",
            exch_ns=20 * S,
            moved_e8=-(10**8),
        )

    assert heard.trader.ledger.funding_e8 == 10**8
