"""Trader on a virtual clock: it quotes, explains, obeys, and never loses an order."""

from dataclasses import replace

import pytest

from engine.core.actions import Action
from engine.core.desk_layout import REQUEST_NUMBER, request_row
from engine.core.order_names import NOT_OURS, order_name
from engine.core.orders import NO_SLOT, slot_of
from engine.core.states import RiskState, SideReason
from engine.core.trader import COUNTDOWN_MS
from engine.view.desk_view import Preview
from engine.view.view_builder import preview
from exchange.jit import in_python
from exchange.market_layout import LATENCY_NS
from exchange.paper.account.orders import NewOrder
from exchange.paper.faults.plan import FaultPlan
from exchange.paper.matching.events import BACKGROUND
from exchange.types import (
    AccountSnapshot,
    Cancel,
    FetchSnapshot,
    Fill,
    Link,
    LinkDown,
    LinkUp,
    MarketFrame,
    OrderStatus,
    OrderUpdate,
    Outcome,
    Place,
    RefreshCountdown,
    Reply,
    Side,
    Tick,
    TimeInForce,
    TradesSnapshot,
)
from tests.engine.desk_trials import LOSSY, WORLDS, broken_invariants
from tests.engine.network_faults import market_lost, trades_late
from tests.engine.virtual_desk import CALM, MARKET, SETTINGS, VirtualDesk, desk_that_gave_up


def quoting_desk() -> VirtualDesk:
    desk = VirtualDesk(market=CALM)
    desk.run_until(lambda: len(desk.our_open_orders) == 2 * SETTINGS.grid_num)
    return desk


def reasons(desk: VirtualDesk) -> set[SideReason]:
    return {why.reason for why in desk.trader.side_status.values()}


def our_prices(desk: VirtualDesk) -> set[tuple[int, int | None]]:
    return {(order.side, order.price_ticks) for order in desk.our_open_orders}


def test_a_desk_with_a_prior_quotes_both_sides_at_once() -> None:
    """Connected, reconciled, armed and in step with the book: within the first second."""
    desk = VirtualDesk(market=CALM)

    desk.run(1.0)

    assert len(desk.our_open_orders) == 2 * SETTINGS.grid_num
    assert reasons(desk) == {SideReason.QUOTING}


def test_the_dead_man_s_switch_is_armed_before_the_first_quote() -> None:
    """A crash right after the first order must not leave it resting for ever."""
    desk = quoting_desk()

    kinds = [type(c) for c in desk.commands if isinstance(c, RefreshCountdown | Place)]

    assert kinds[0] is RefreshCountdown


def test_an_engine_that_dies_leaves_nothing_behind() -> None:
    """Nobody refreshes the switch any more, and the venue cancels by itself."""
    desk = quoting_desk()

    desk.exchange.advance(desk.now_ns + (COUNTDOWN_MS + 20) * 1_000_000)

    assert not desk.our_open_orders


def test_quotes_stand_on_grid_multiples_around_the_fair_price() -> None:
    """floor and ceil to multiples of the interval, in whole ticks, best first."""
    trader = quoting_desk().trader
    at, touch = trader.offsets, trader.market.touch
    assert at is not None
    assert touch is not None
    fair = sum(touch) / 2
    half_spread, _ = at.at(0.0)

    bids, asks = trader.wanted[Side.BUY], trader.wanted[Side.SELL]

    assert all(price % at.interval == 0 for price in bids + asks)
    assert 0 <= fair - half_spread - bids[0] < at.interval
    assert 0 <= asks[0] - (fair + half_spread) < at.interval


def test_our_own_quotes_do_not_move_our_fair_price() -> None:
    """Alone before a wide market we would otherwise chase our own quotes, and did: 54 times a s."""
    desk = VirtualDesk(market=replace(CALM, half_spread_ticks=60))

    desk.run(5.0)

    assert sum(isinstance(command, Place) for command in desk.commands) < 20
    assert desk.trader.market.touch == (desk.trader.market.book.best_bid_ticks, 600_060)


def test_fills_and_positions_agree_with_the_exchange() -> None:
    """Two minutes of a busy market, every fill booked once."""
    desk = VirtualDesk()

    desk.run(120.0)
    desk.operate(Action.PAUSE)
    desk.run(1.0)

    assert desk.trader.ledger.fills == len(desk.symbol_account.trades) > 50
    assert desk.trader.ledger.position_lots == desk.symbol_account.holding.lots


def test_our_books_explain_the_wallet_to_the_last_unit() -> None:
    """Realised profit and fees by our count are what the venue's wallet moved by."""
    desk = VirtualDesk()
    desk.run(60.0)
    desk.operate(Action.PAUSE)
    desk.run(1.0)
    ledger = desk.trader.ledger

    residual = desk.trader.account.residual_e8(ledger.realised_e8 - ledger.fees_e8)

    assert residual is not None
    assert abs(residual) <= ledger.fills


def test_funding_is_booked_and_explains_the_wallet() -> None:
    """A settlement at 1 % of a long of 0.020: 12 USDT, and nothing is left unexplained."""
    desk = VirtualDesk(opening_lots=20)
    desk.operate(Action.PAUSE)
    desk.run(2.0)

    desk.book.funding_rate = 0.01
    desk.symbol_account.settle_funding()
    desk.run(1.0)

    ledger, account = desk.trader.ledger, desk.trader.account
    explained = ledger.realised_e8 - ledger.fees_e8 - ledger.funding_e8
    assert ledger.funding_e8 == pytest.approx(12 * 10**8, rel=0.01)
    assert account.residual_e8(explained) == 0


def test_pause_empties_our_side_of_the_book_within_100_ms() -> None:
    """One key, no confirmation."""
    desk = quoting_desk()

    desk.operate(Action.PAUSE)
    desk.run(0.1)

    assert not desk.our_open_orders
    assert reasons(desk) == {SideReason.PAUSED}


def test_resume_quotes_again() -> None:
    """The way back from a pause."""
    desk = quoting_desk()
    desk.operate(Action.PAUSE)
    desk.run(1.0)

    desk.operate(Action.RESUME)
    desk.run(1.0)

    assert len(desk.our_open_orders) == 2 * SETTINGS.grid_num


@pytest.mark.parametrize(("name", "side"), [("bid", Side.BUY), ("ask", Side.SELL)])
def test_one_side_off_leaves_the_other_alone(name: str, side: Side) -> None:
    """Risk-reducing and one-sided."""
    desk = quoting_desk()

    desk.operate(Action.SIDE_OFF, name)
    desk.run(0.5)

    assert {order.side for order in desk.our_open_orders} == {Side(-side)}
    assert desk.trader.side_status[side].reason is SideReason.SIDE_OFF


def test_panic_halts_cancels_and_says_when_nothing_is_left() -> None:
    """The log shows that the venue, not our table, said so."""
    desk = quoting_desk()

    desk.operate(Action.PANIC)
    desk.run(0.5)

    assert not desk.our_open_orders
    assert desk.trader.gate.state is RiskState.HALTED
    assert any("verified: no order of ours" in r.text for r in desk.trader.log.since(0))


def test_a_new_gamma_moves_the_quotes_as_its_preview_said() -> None:
    """What enter confirms is what then stands in the book."""
    desk = quoting_desk()
    promised = preview(desk.trader, "gamma", 0.5)
    assert isinstance(promised, Preview)

    desk.operate(Action.SET, "gamma", value=0.5, expected=SETTINGS.gamma)
    desk.run(1.0)

    assert promised.new_bid_ticks != promised.old_bid_ticks
    assert (Side.BUY, promised.new_bid_ticks) in our_prices(desk)
    assert (Side.SELL, promised.new_ask_ticks) in our_prices(desk)


def test_a_change_that_expects_another_value_is_refused() -> None:
    """Two consoles must not push gamma twice without seeing each other."""
    desk = quoting_desk()

    problem = desk.operate(Action.SET, "gamma", value=0.5, expected=0.02)

    assert problem == "gamma is 0.01 by now, not 0.02; look again"
    assert desk.trader.operator.tuning.gamma == SETTINGS.gamma


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_nonsense_for_gamma_is_refused(value: float) -> None:
    """The model divides by it."""
    assert "gamma must be above 0" in (
        quoting_desk().operate(Action.SET, "gamma", value=value) or ""
    )


def test_a_stop_cancels_and_never_places_again() -> None:
    """Money safety: nothing is sent into the market while shutting down."""
    desk = VirtualDesk()
    desk.run(5.0)

    desk.operate(Action.STOP, "keep")
    sent = len(desk.commands)
    desk.run_until(lambda: desk.trader.finished)

    assert not desk.our_open_orders
    assert not any(isinstance(command, Place) for command in desk.commands[sent:])


def test_a_stop_with_flatten_closes_the_position_after_the_quotes_are_gone() -> None:
    """One reduce-only market order, and only then."""
    desk = VirtualDesk()
    desk.run_until(lambda: abs(desk.trader.ledger.position_lots) >= 6)

    desk.operate(Action.STOP, "flatten")
    desk.run_until(lambda: desk.trader.finished)

    assert desk.symbol_account.holding.lots == 0
    assert not desk.our_open_orders


@pytest.mark.parametrize("name", ["by-hand", "mdesk-my_bot-7", "mdesk-tests1-01"])
def test_foreign_orders_are_shown_and_never_touched(name: str) -> None:
    """Somebody trades manually on the same account, or by a name that is almost ours."""
    desk = quoting_desk()
    price_ticks = MARKET.start_price_ticks - 500
    desk.symbol_account.place(NewOrder(name, Side.BUY, 5, price_ticks, TimeInForce.GTC))
    desk.run(1.0)

    desk.operate(Action.PANIC)
    desk.run(5.0)

    assert [order.client_order_id for order in desk.symbol_account.orders.open.values()] == [name]
    assert name in desk.trader.account.foreign
    assert not desk.trader.owns(name)
    assert any("verified: no order of ours" in r.text for r in desk.trader.log.since(0))


def test_orders_of_an_earlier_run_are_found_and_cancelled() -> None:
    """They carry our prefix and another epoch."""
    desk = VirtualDesk(market=CALM)
    price_ticks = MARKET.start_price_ticks - 500
    desk.symbol_account.place(NewOrder("mdesk-old-9", Side.BUY, 3, price_ticks, TimeInForce.GTX))

    desk.run(2.0)

    assert "mdesk-old-9" not in {order.client_order_id for order in desk.our_open_orders}


def test_an_order_that_arrives_after_it_was_given_up_is_found_and_cancelled() -> None:
    """Two queries said that there is none; then the network delivered it after all."""
    desk = desk_that_gave_up()

    desk.deliver_placings()
    arrived = len(desk.our_open_orders)
    desk.run(1.0)

    assert arrived > 0
    assert not desk.our_open_orders


def test_a_late_event_of_an_order_long_done_changes_nothing() -> None:
    """It is asked for once more, found to be over, and forgotten."""
    desk = VirtualDesk()
    desk.run_until(lambda: desk.trader.ledger.fills >= 3)
    desk.operate(Action.PAUSE)
    desk.run(3.0)
    fill = desk.symbol_account.trades[0]
    order = next(o for o in desk.symbol_account.orders if o.venue_order_id == fill.venue_order_id)
    held = desk.trader.ledger.position_lots

    desk.feed(
        OrderUpdate,
        client_order_id=order.client_order_id,
        venue_order_id=order.venue_order_id,
        side=order.side,
        status=OrderStatus.NEW,
        price_ticks=order.price_ticks or 0,
        qty_lots=order.qty_lots,
        filled_lots=0,
        exch_ns=desk.now_ns,
    )
    desk.run(5.0)

    assert desk.trader.ledger.position_lots == held == desk.symbol_account.holding.lots
    assert not desk.trader.table.used


def test_a_position_from_before_is_taken_over_at_no_profit() -> None:
    """The engine starts anew on an account that is already long."""
    desk = VirtualDesk(market=CALM, opening_lots=9)

    desk.run(1.0)

    assert desk.trader.ledger.position_lots == 9
    assert desk.trader.ledger.fees_e8 == 0


@pytest.mark.parametrize("skew_s", [-3, 0, 3])
def test_trades_from_before_the_start_are_history_whatever_the_clocks_say(skew_s: int) -> None:
    """The recorder of the real files ran 1.27 s behind the venue; ours may do the same."""
    desk = VirtualDesk(market=CALM, opening_lots=9, our_clock_ahead_s=skew_s)
    desk.run(0.2)
    earlier = desk.symbol_account.trades[-1]

    desk.feed(
        TradesSnapshot,
        fills=(
            Fill(
                recv_ns=0,
                mono_ns=0,
                trade_id=earlier.trade_id,
                client_order_id="earlier",
                side=Side.BUY,
                price_ticks=earlier.price_ticks,
                qty_lots=9,
                maker=False,
                fee_e8=0,
                exch_ns=earlier.time_ms * 1_000_000,
            ),
        ),
        since_ms=0,
        asked_mono_ns=desk.now_ns,
    )

    assert desk.trader.ledger.position_lots == 9


def test_at_the_inventory_limit_only_the_other_side_quotes() -> None:
    """And the side that does not says what would let it."""
    desk = VirtualDesk(market=CALM, opening_lots=SETTINGS.max_position_lots)

    desk.run(8.0)

    why = desk.trader.side_status[Side.BUY]
    assert {order.side for order in desk.our_open_orders} == {Side.SELL}
    assert (why.reason, why.detail, why.clears) == (
        *(SideReason.AT_LIMIT, "0.030 of 0.030"),
        "a sell",
    )


def test_stale_data_pulls_every_quote() -> None:
    """The sockets stay open and say nothing, the most common failure of all."""
    desk = quoting_desk()
    desk.arm(market_lost(1.0))

    desk.run(SETTINGS.freshness_ms / 1000 + 0.3)

    assert not desk.our_open_orders
    assert reasons(desk) == {SideReason.STALE}


@pytest.mark.parametrize("link", [Link.PUBLIC, Link.PRIVATE])
def test_a_lost_link_pulls_every_quote(link: Link) -> None:
    """Disconnecting cancels nothing at this venue, so we do."""
    desk = quoting_desk()

    desk.feed(LinkDown, link=link, reason="cut")
    desk.run(0.1)

    assert not desk.our_open_orders
    assert reasons(desk) == {SideReason.LINK_DOWN}


def test_a_lost_market_message_resynchronises_the_book() -> None:
    """A gap is noticed by the chain of ids, never bridged."""
    desk = quoting_desk()
    before = sum(isinstance(command, FetchSnapshot) for command in desk.commands)
    desk.arm(market_lost(0.5))
    desk.run(2.0)
    desk.end_faults()

    desk.run(2.0)

    assert sum(isinstance(c, FetchSnapshot) for c in desk.commands) > before
    assert reasons(desk) == {SideReason.QUOTING}


def test_nonsense_on_the_market_stream_costs_the_book_and_nothing_else() -> None:
    """Bad data is worse than none: distrust, say so, fetch anew."""
    desk = quoting_desk()

    desk.feed(MarketFrame, raw=b'{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate"')
    assert reasons(desk) == {SideReason.NO_BOOK}
    desk.run(1.0)

    assert reasons(desk) == {SideReason.QUOTING}


def test_a_loss_beyond_the_limit_halts_for_good() -> None:
    """No key resumes it; only a restart with another limit does."""
    desk = VirtualDesk(settings=replace(SETTINGS, max_loss_usdt=0.01))

    desk.run_until(lambda: desk.trader.gate.state is RiskState.HALTED)
    desk.run(0.5)

    assert not desk.our_open_orders
    assert "halted for good" in (desk.operate(Action.RESUME) or "")


def test_a_post_only_refusal_is_not_repeated_unchanged() -> None:
    """-5022 proves our book late: one tick away, and not before the touch has changed."""
    desk = quoting_desk()
    desk.operate(Action.PAUSE)
    desk.run(1.0)
    desk.operate(Action.RESUME)
    in_front = desk.trader.wanted[Side.BUY][-1]  # before our order gets there
    desk.matching.submit(BACKGROUND, Side.SELL, 10**6, in_front, TimeInForce.GTC)

    desk.run(2.0)

    assert 1 <= desk.trader.errors.by_code()[-5022].count < 2 * SETTINGS.grid_num
    bids = [price for side, price in our_prices(desk) if side is Side.BUY and price is not None]
    assert max(bids) < in_front


def test_after_a_lost_link_the_switch_is_armed_anew_before_any_quote() -> None:
    """A venue that restarted has forgotten it; eight orders once rested for ever."""
    desk = quoting_desk()
    desk.symbol_account.arm_countdown(0)
    sent = len(desk.commands)

    desk.cut_private(0.5)
    desk.run(3.0)

    kinds = [type(c) for c in desk.commands[sent:] if isinstance(c, RefreshCountdown | Place)]
    assert kinds[0] is RefreshCountdown
    assert Place in kinds


def test_an_arming_asked_before_a_lost_link_arms_nothing_after_it() -> None:
    """Its answer may be of the venue as it was before a restart."""
    desk = quoting_desk()
    late = next(c for c in reversed(desk.commands) if isinstance(c, RefreshCountdown))
    number = late.request_id
    in_python(request_row)(desk.trader.desk, number)[REQUEST_NUMBER] = number
    desk.feed(LinkDown, link=Link.PRIVATE, reason="cut")
    desk.run(0.2)
    desk.feed(LinkUp, link=Link.PRIVATE)

    desk.feed(Reply, request_id=late.request_id, outcome=Outcome.DONE, round_trip_ns=1_000_000_000)
    desk.feed(
        AccountSnapshot,
        position_lots=0,
        position_exch_ns=0,
        entry_price_e8=0,
        wallet_e8=0,
        wallet_exch_ns=0,
        open_orders=(),
        asked_mono_ns=desk.now_ns,
    )

    assert {why.detail for why in desk.trader.side_status.values()} == {
        "dead man's switch not armed"
    }


@pytest.mark.parametrize("seed", range(6))
def test_a_list_of_trades_that_comes_late_books_no_fill_twice(seed: int) -> None:
    """The venue's position must not be adopted while the fills that explain it are on their way."""
    desk = VirtualDesk(seed, FaultPlan((trades_late(300.0),)))
    desk.run(3.0)
    for _ in range(4):
        desk._private_up_ns = desk.now_ns + 4_000_000_000  # silent, and no event reports it
        desk.run(12.0)
    desk.operate(Action.PAUSE)
    desk.run(25.0)

    assert desk.trader.ledger.position_lots == desk.symbol_account.holding.lots


def test_an_account_asked_before_a_link_was_lost_reconciles_nothing() -> None:
    """It cannot know what happened while the line was down."""
    desk = quoting_desk()
    asked_ns = desk.now_ns
    desk.feed(LinkDown, link=Link.PRIVATE, reason="cut")
    desk.run(0.2)
    desk.feed(LinkUp, link=Link.PRIVATE)

    desk.feed(
        AccountSnapshot,
        position_lots=0,
        position_exch_ns=0,
        entry_price_e8=0,
        wallet_e8=0,
        wallet_exch_ns=0,
        open_orders=(),
        asked_mono_ns=asked_ns,
    )

    assert reasons(desk) == {SideReason.RECONCILING}


def test_verified_is_said_of_the_venue_s_list_and_not_of_our_table() -> None:
    """An order that our table lacks must not be declared gone."""
    desk = quoting_desk()
    desk.operate(Action.PANIC)
    order = OrderUpdate(
        recv_ns=0,
        mono_ns=0,
        client_order_id="mdesk-tests-999",
        venue_order_id=1,
        side=Side.BUY,
        status=OrderStatus.NEW,
        price_ticks=599_000,
        qty_lots=3,
        filled_lots=0,
        exch_ns=desk.now_ns,
    )
    for _ in range(5):
        desk.feed(
            AccountSnapshot,
            position_lots=0,
            position_exch_ns=0,
            entry_price_e8=0,
            wallet_e8=0,
            wallet_exch_ns=0,
            open_orders=(order,),
            asked_mono_ns=desk.now_ns,
        )

    assert not any("verified" in record.text for record in desk.trader.log.since(0))
    assert slot_of(desk.trader.desk, *(order_name("mdesk-tests-999") or NOT_OURS)) != NO_SLOT


def test_an_order_of_a_younger_run_halts_the_desk_for_good() -> None:
    """Another engine was started on the same account: two would fight over every order."""
    desk = quoting_desk()

    desk.symbol_account.place(NewOrder("mdesk-zzzzzz-1", Side.BUY, 3, 599_000, TimeInForce.GTX))
    desk.run(1.0)

    assert [order.client_order_id for order in desk.our_open_orders] == ["mdesk-zzzzzz-1"]
    assert "another engine trades here" in desk.trader.gate.detail
    assert "halted for good" in (desk.operate(Action.RESUME) or "")


def test_data_that_arrives_late_is_stale_however_fast_it_comes() -> None:
    """After a frozen process wakes, old frames pour in one after the other."""
    desk = quoting_desk()
    desk.trader.market.region[LATENCY_NS] = (SETTINGS.freshness_ms + 500) * 1_000_000

    desk.feed(Tick)

    assert reasons(desk) == {SideReason.STALE}


@pytest.mark.parametrize("adj1", [1e5, 1e12, 1e18])
def test_no_width_sends_a_price_that_cannot_be(adj1: float) -> None:
    """Below zero or beyond 64 bits: the side quotes nothing instead."""
    desk = quoting_desk()

    desk.operate(Action.SET, "adj1", value=adj1)
    desk.run(1.0)

    assert all(order.price_ticks and order.price_ticks > 0 for order in desk.our_open_orders)
    assert -4164 not in desk.trader.errors.by_code()


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("seed", range(12))
def test_whatever_the_network_does_the_exchange_agrees_with_us_in_the_end(
    seed: int, world: str
) -> None:
    """Losses, lateness, lag, kills and keys; thousands of seeds: ``tests.engine.desk_trials``."""
    assert broken_invariants(WORLDS[world], seed) == []


def test_the_same_seed_gives_the_same_commands() -> None:
    """Nothing in the deciding rooms reads a clock or draws random numbers."""
    first, second = VirtualDesk(3, LOSSY), VirtualDesk(3, LOSSY)

    for desk in (first, second):
        desk.run(10.0)

    assert first.commands == second.commands


def test_orders_that_may_stay_are_not_replaced() -> None:
    """In a still market nothing is cancelled, so queues are kept."""
    desk = quoting_desk()
    sent = len(desk.commands)

    desk.run(5.0)

    assert not any(isinstance(c, Place | Cancel) for c in desk.commands[sent:])
