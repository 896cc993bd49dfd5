"""Stream watchdog: a private stream that is up and carries nothing counts as down."""

from dataclasses import replace

import pytest

from engine.core import orders
from engine.core.actions import Action
from engine.core.desk_layout import new_desk
from engine.core.order_names import OrderName
from engine.core.states import SideReason
from engine.core.stream_watchdog import PATIENCE_NS, PAUSE_NS, progress
from exchange.paper.faults.plan import FaultPlan
from exchange.paper.matching.events import BACKGROUND
from exchange.types import Link, ListenKeyExpired, Place, Reconnect, Side, TimeInForce
from tests.engine.core.blocks import Watchdog
from tests.engine.desk_trials import WORLDS
from tests.engine.network_faults import private_late, private_stalled, replies_late
from tests.engine.virtual_desk import CALM, SETTINGS, VirtualDesk, desk_that_gave_up

NS_PER_S = 1_000_000_000
FOR_GOOD = 1_000
A, B, C = (OrderName(1, number) for number in (1, 2, 3))


def reconnects(desk: VirtualDesk) -> list[str]:
    """Why the private stream was asked for anew, each time."""
    return [
        command.reason
        for command in desk.commands
        if isinstance(command, Reconnect) and command.link is Link.PRIVATE
    ]


def details(desk: VirtualDesk) -> set[str]:
    return {why.detail for why in desk.trader.side_status.values()}


# ------------------------------------------------------------ what is owed


def test_a_stream_that_told_in_time_owes_nothing() -> None:
    """A fill, an end and an account, each reported by the last moment."""
    watchdog = Watchdog(new_desk())
    watchdog.expect_order(A, progress(0, False), 0)
    watchdog.expect_order(A, progress(2, True), 1)
    watchdog.expect_account(10 * NS_PER_S, 0)

    watchdog.hear_order(A, progress(2, True), PATIENCE_NS)
    watchdog.hear_account(10 * NS_PER_S, PATIENCE_NS)

    assert watchdog.overdue(9 * PATIENCE_NS) == ""


@pytest.mark.parametrize("told", [progress(0, False), progress(2, False)])
def test_a_stream_that_stops_halfway_is_overdue(told: int) -> None:
    """It reported that the order was taken, or filled, and never that it ended."""
    watchdog = Watchdog(new_desk())
    watchdog.expect_order(A, progress(2, True), 0)
    watchdog.hear_order(A, told, NS_PER_S)

    assert watchdog.overdue(NS_PER_S + PATIENCE_NS) == ""
    assert watchdog.overdue(NS_PER_S + PATIENCE_NS + 1) == "silent about mdesk-1-1"


def test_every_event_of_an_order_raises_its_progress() -> None:
    """Taken, filled in part, cancelled; taken, filled."""
    cancelled = [progress(0, False), progress(2, False), progress(2, True)]
    filled = [progress(0, False), progress(3, True)]

    assert cancelled == sorted(set(cancelled))
    assert filled == sorted(set(filled))


def test_an_account_may_be_told_before_its_fill_and_bear_an_earlier_stamp() -> None:
    """The venue sends it first."""
    watchdog = Watchdog(new_desk())

    watchdog.hear_account(10 * NS_PER_S - 5_000_000, 0)
    watchdog.expect_account(10 * NS_PER_S, 1)

    assert watchdog.overdue(9 * PATIENCE_NS) == ""


def test_a_new_connection_owes_nothing_of_what_the_last_one_lost() -> None:
    """What was said while the line was down is not said again."""
    watchdog = Watchdog(new_desk())
    watchdog.expect_order(A, 1, 0)
    watchdog.expect_account(NS_PER_S, 0)

    watchdog.start_over()

    assert watchdog.overdue(9 * PATIENCE_NS) == ""


@pytest.mark.parametrize(("speaks", "pauses"), [(False, True), (True, False)])
def test_quotes_wait_only_when_one_connection_after_another_is_mute(
    speaks: bool, pauses: bool
) -> None:
    """A single false alarm costs a connection, and no pause."""
    watchdog = Watchdog(new_desk())
    late_ns = PATIENCE_NS + 1
    watchdog.expect_order(A, 1, 0)
    assert watchdog.overdue(late_ns)
    assert watchdog.paused_until_ns == 0
    watchdog.start_over()

    if speaks:
        watchdog.hear_order(B, 1, late_ns)
    watchdog.expect_order(C, 1, late_ns)
    assert watchdog.overdue(2 * late_ns)

    assert watchdog.paused_until_ns == (2 * late_ns + PAUSE_NS if pauses else 0)


def test_what_is_owed_longest_is_named_and_what_was_told_is_not() -> None:
    """Whichever of several came between."""
    watchdog = Watchdog(new_desk())
    for since_ns, name in enumerate((A, B, C)):
        watchdog.expect_order(name, progress(2, True), since_ns)

    watchdog.hear_order(A, progress(2, False), NS_PER_S)  # its end is owed from now on
    named = [watchdog.overdue(PATIENCE_NS + 2)]
    watchdog.hear_order(B, progress(2, True), NS_PER_S)
    named.append(watchdog.overdue(PATIENCE_NS + 3))
    watchdog.hear_order(C, progress(2, True), NS_PER_S)
    named.append(watchdog.overdue(PATIENCE_NS + NS_PER_S))
    named.append(watchdog.overdue(PATIENCE_NS + NS_PER_S + 1))

    assert named == [
        "silent about mdesk-1-2",
        "silent about mdesk-1-3",
        "",
        "silent about mdesk-1-1",
    ]


def test_a_foreign_order_proves_the_stream_alive() -> None:
    watchdog = Watchdog(new_desk())
    for at_ns in (PATIENCE_NS + 1, 2 * PATIENCE_NS + 2):
        watchdog.start_over()
        watchdog.hear_order(None, 1, 0)
        watchdog.expect_order(A, 1, at_ns - PATIENCE_NS - 1)
        assert watchdog.overdue(at_ns)

    assert watchdog.paused_until_ns == 0


# ------------------------------------------------------------ the whole desk


def test_a_placing_s_own_answer_is_not_the_stream_s_word() -> None:
    """Every answer brings its order, which once made it look reported at once."""
    desk = VirtualDesk(market=CALM)
    desk.mute_private()

    desk.run(1.0)

    table = desk.trader.table
    assert table.count(orders.ACKED) == 2 * SETTINGS.grid_num == table.live

    told = VirtualDesk(market=CALM)
    told.run(1.0)

    assert told.trader.table.count(orders.RESTING) == 2 * SETTINGS.grid_num


def test_a_mute_private_stream_is_given_up_and_the_account_compared_anew() -> None:
    """The desk once quoted on for a minute, wrong by up to 12 of 30 lots."""
    desk = VirtualDesk(2)
    desk.run(12.0)
    desk.mute_private()

    desk.run_until(lambda: bool(reconnects(desk)), limit_s=8.0)

    assert {why.reason for why in desk.trader.side_status.values()} == {SideReason.LINK_DOWN}
    (detail,) = details(desk)
    assert detail.startswith("private stream: silent about mdesk-tests1-")
    assert not any(desk.trader.wanted.values())

    placed = sum(isinstance(command, Place) for command in desk.commands)
    desk.run(60.0)

    assert len(reconnects(desk)) == 1
    assert sum(isinstance(command, Place) for command in desk.commands) > placed + 10
    desk.operate(Action.PAUSE)
    desk.run(2.0)
    assert desk.trader.ledger.position_lots == desk.symbol_account.holding.lots
    assert desk.trader.ledger.fills == len(desk.symbol_account.trades)


def test_connections_that_are_mute_one_after_another_are_hardly_quoted_upon() -> None:
    """Each is tried with quotes for a moment, and then nothing stands for a while."""
    desk = VirtualDesk(2)
    desk.run(12.0)
    desk.mute_private(connections=FOR_GOOD)
    quoted_s = 0
    said: set[str] = set()

    for _ in range(180):
        desk.run(1.0)
        quoted_s += bool(desk.our_open_orders)
        said |= details(desk)

    assert 4 <= len(reconnects(desk)) <= 180 * NS_PER_S // PAUSE_NS + 2
    assert quoted_s < 180 / 3
    assert "private stream told of no order, on two connections" in said
    desk.mute_private(connections=0)
    desk.run(PAUSE_NS / NS_PER_S + 10.0)
    assert desk.our_open_orders


def test_an_end_that_only_its_answer_tells_is_owed_by_the_stream() -> None:
    """A side taken off places nothing that a silent stream could be known by."""
    desk = VirtualDesk(market=CALM)
    desk.run(2.0)
    desk.mute_private()

    desk.operate(Action.SIDE_OFF, "ask")
    desk.run_until(lambda: bool(reconnects(desk)), limit_s=8.0)

    assert reconnects(desk)[0].startswith("silent about mdesk-")


def test_a_fill_that_only_rest_tells_is_owed_by_the_stream() -> None:
    """A desk at its limit places nothing either."""
    desk = VirtualDesk(market=CALM, settings=replace(SETTINGS, max_position_lots=3))
    desk.run(2.0)
    desk.operate(Action.SIDE_OFF, "ask")
    desk.run(6.0)
    desk.mute_private()
    placed = sum(isinstance(command, Place) for command in desk.commands)

    (bid,) = desk.our_open_orders
    sold = desk.matching.submit(BACKGROUND, Side.SELL, 10**6, bid.price_ticks, TimeInForce.IOC)
    desk.book.apply_events(sold)
    desk.run_until(lambda: bool(reconnects(desk)), limit_s=25.0)

    assert desk.trader.ledger.position_lots == 3
    assert sum(isinstance(command, Place) for command in desk.commands) == placed
    assert reconnects(desk) == [f"silent about {bid.client_order_id}"]


def test_fills_without_their_account_cost_one_connection_and_no_more() -> None:
    """Funding and the wallet are reported nowhere else; our count of the position stands."""
    desk = VirtualDesk(2)
    desk.run(12.0)
    desk.mute_private("ACCOUNT_UPDATE", connections=FOR_GOOD)

    desk.run(60.0)

    assert reconnects(desk) == ["silent about the account after a fill"]
    assert desk.our_open_orders


@pytest.mark.parametrize("seed", range(3))
def test_a_stream_that_only_stalls_is_kept(seed: int) -> None:
    """Up to 4 s come at once, and nothing is lost; answers are late besides."""
    faults = (private_stalled(4.0), private_late(0.1), replies_late(0.05))
    desk = VirtualDesk(seed, FaultPlan(faults))

    desk.run(60.0)

    assert not reconnects(desk)


@pytest.mark.parametrize("world", WORLDS)
def test_no_network_makes_a_stream_that_speaks_look_mute(world: str) -> None:
    """Cuts, losses, lag and late orders leave debts to nobody."""
    desk = VirtualDesk(5, WORLDS[world].faults)

    for _ in range(3):
        desk.run(20.0)
        desk.kill()

    assert not reconnects(desk)


def test_an_order_found_after_a_restart_is_owed_by_no_stream() -> None:
    """It was reported to the run that placed it."""
    desk = desk_that_gave_up()
    desk.mute_private("ORDER_TRADE_UPDATE")

    desk.deliver_placings()
    desk.run(15.0)

    assert not desk.our_open_orders
    assert not reconnects(desk)


def test_an_expired_listen_key_ends_quoting_until_the_new_connection_is_compared() -> None:
    """An answer that was under way once reconciled the account on the dead connection."""
    desk = VirtualDesk(market=CALM)
    desk.run(2.0)

    desk.feed(ListenKeyExpired)

    assert {why.reason for why in desk.trader.side_status.values()} == {SideReason.LINK_DOWN}
    assert details(desk) == {"private stream: listen key expired"}
    desk.run(2.0)
    assert len(desk.our_open_orders) == 2 * SETTINGS.grid_num
