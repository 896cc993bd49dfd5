"""Fill simulation: fills of our own orders in a market that was recorded without them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.errors import InvariantBroken, SettingsError
from exchange.instrument import Instrument
from exchange.market_layout import NO_ASK, NO_BID
from exchange.queue_models import QueueModel
from exchange.simulation import (
    RestingOrders,
    meets_touch,
    queue_after_depth,
    share_behind,
)
from exchange.types import Side
from tests.naive.peer_exchange import PeerExchange, market_in_exchange_order, peer_fills
from tests.naive.resting import NaiveOrders
from tests.places import USDM

BUY, SELL = Side.BUY, Side.SELL


def resting_buy(qty_lots: int = 10, ahead: int = 0, *, whole_fills: bool = False) -> RestingOrders:
    """A table with one buy at 100 ticks, key 1, behind ``ahead`` lots."""
    orders = RestingOrders(model=QueueModel.RISK_AVERSE, whole_fills=whole_fills)
    orders.accept(1, BUY, 100, qty_lots, ahead)
    return orders


def fills_of_sale(orders: RestingOrders, price_ticks: int, lots: int) -> list[tuple[int, int, int]]:
    return orders.fills(orders.on_trade(SELL, price_ticks, lots))


# ---------------------------------------------------------------- the queue


@pytest.mark.parametrize(
    ("model", "share"),
    [
        (QueueModel.LOG, 0.547319169713),
        (QueueModel.LOG2, 0.811507562957),
        (QueueModel.POWER, 0.692307692308),
        (QueueModel.POWER2, 0.36),
        (QueueModel.POWER3, 0.84),
    ],
)
def test_share_behind_matches_the_published_values(model: QueueModel, share: float) -> None:
    """Four ahead, six behind, exponent 2: the values of the models' reference."""
    assert share_behind(model, 2.0, 4.0, 6.0) == pytest.approx(share, abs=1e-12)


@pytest.mark.parametrize("model", list(QueueModel)[1:])
def test_empty_queue_has_everything_behind_it(model: QueueModel) -> None:
    """Nobody ahead can cancel, and 0/0 must not reach the front."""
    assert share_behind(model, 2.0, 0.0, 5.0) == 1.0
    assert queue_after_depth(False, model, 2.0, 1.0, 0.0, 0.0, 0, 0) == 0.0


@pytest.mark.parametrize(
    ("model", "power", "front"), [(QueueModel.LOG, 1.0, -3.0), (QueueModel.POWER, 1.5, -1.0)]
)
def test_where_a_model_says_nothing_the_peer_puts_the_level_ahead_of_us(
    model: QueueModel, power: float, front: float
) -> None:
    """With the peer, whose minimum passes over what is no number; ours takes a share of 1."""
    assert queue_after_depth(True, model, power, 1.0, front, 0.0, 10, 4) == 4.0
    assert queue_after_depth(False, model, power, 1.0, front, 0.0, 10, 4) == front


@pytest.mark.parametrize(("new_lots", "printed", "front"), [(7, 1.0, 3.68), (3, 0.0, 2.88)])
def test_cancellation_is_shared_between_front_and_back(
    new_lots: int, printed: float, front: float
) -> None:
    """Published steps of power3(2) from four ahead of ten."""
    found = queue_after_depth(False, QueueModel.POWER3, 2.0, 1.0, 4.0, printed, 10, new_lots)

    assert found == pytest.approx(front)


def test_growing_level_leaves_our_place_alone() -> None:
    """Who comes later stands behind us."""
    assert queue_after_depth(False, QueueModel.LOG, 2.0, 1.0, 4.0, 0.0, 10, 12) == 4.0


def test_risk_averse_front_is_capped_by_the_level() -> None:
    """Nobody can stand before us who is not there any more."""
    assert queue_after_depth(False, QueueModel.RISK_AVERSE, 2.0, 1.0, 4.0, 0.0, 10, 3) == 3.0


def test_log_model_speaks_of_contracts() -> None:
    """In lots of 0.001 the logarithm is nearly linear: six in ten of it was behind."""
    front = queue_after_depth(False, QueueModel.LOG, 2.0, 0.001, 400.0, 0.0, 1000, 900)

    assert front == pytest.approx(400 - 100 * (1 - share_behind(QueueModel.LOG, 2.0, 0.4, 0.6)))


@given(
    model=st.sampled_from(list(QueueModel)),
    power=st.sampled_from([1.0, 1.5, 2.0, 3.0]),
    old=st.integers(0, 1000),
    ahead=st.floats(0.0, 1.0),
    new=st.integers(0, 1000),
    printed=st.integers(0, 1000),
)
def test_depth_change_never_sets_us_back(
    model: QueueModel, power: float, old: int, ahead: float, new: int, printed: int
) -> None:
    """Time priority: no change of the level can put more before us than there was."""
    front = queue_after_depth(False, model, power, 0.5, ahead * old, float(printed), old, new)

    assert front <= min(ahead * old, new) + 1e-9


# ---------------------------------------------------------------- prints and crosses


@pytest.mark.parametrize("whole_fills", [False, True])
def test_print_through_our_price_fills_us_in_full(whole_fills: bool) -> None:
    """The seller came past us: nothing stood before us any more, whatever its size."""
    orders = resting_buy(qty_lots=10, ahead=500, whole_fills=whole_fills)

    assert fills_of_sale(orders, 99, 1) == [(1, 10, 0)]
    assert len(orders) == 0


def test_print_at_our_price_fills_what_it_brings_beyond_the_queue() -> None:
    """Seven lots ahead, ten sold: three are ours and seven of ours remain."""
    assert fills_of_sale(resting_buy(qty_lots=10, ahead=7), 100, 10) == [(1, 3, 7)]


def test_print_that_only_empties_the_queue_fills_nothing() -> None:
    """Reaching us is not trading with us."""
    assert fills_of_sale(resting_buy(ahead=7), 100, 7) == []


def test_parts_add_up_to_the_order() -> None:
    """After 4 and 6 of 10, ten are filled; the peer's strategy sees only the last part."""
    orders = resting_buy(qty_lots=10)

    parts = fills_of_sale(orders, 100, 4) + fills_of_sale(orders, 100, 6)

    assert parts == [(1, 4, 6), (1, 6, 0)]


def test_exactly_exhausted_order_is_gone() -> None:
    """In the peer it stays as a zombie, and the next print there ends the backtest."""
    orders = resting_buy(qty_lots=10)
    fills_of_sale(orders, 100, 10)

    assert fills_of_sale(orders, 100, 10) == []
    assert len(orders) == 0


def test_whole_fills_give_all_for_one_lot_beyond() -> None:
    """The comparison's own rule, optimistic on purpose."""
    assert fills_of_sale(resting_buy(ahead=7, whole_fills=True), 100, 8) == [(1, 10, 0)]


def test_one_print_is_spent_once_over_several_orders() -> None:
    """Five lots cannot fill two orders of four; the older one comes first."""
    orders = resting_buy(qty_lots=4)
    orders.accept(2, BUY, 100, 4, 0)

    assert fills_of_sale(orders, 100, 5) == [(1, 4, 0), (2, 1, 3)]


def test_print_spent_on_a_better_order_is_not_there_for_a_worse_one() -> None:
    """The seller met our bid at 101 first."""
    orders = resting_buy(qty_lots=4)
    orders.accept(2, BUY, 101, 5, 0)

    assert fills_of_sale(orders, 100, 6) == [(2, 5, 0), (1, 1, 3)]


def test_cancelled_order_fills_no_more() -> None:
    """And what was left of it is reported once."""
    orders = resting_buy(qty_lots=10)
    fills_of_sale(orders, 100, 4)

    assert [orders.cancel(1), orders.cancel(1)] == [6, 0]
    assert fills_of_sale(orders, 99, 50) == []


def test_buyers_print_leaves_our_buys_alone() -> None:
    """Buyers trade with sellers, even at our own price."""
    orders = resting_buy()

    assert orders.on_trade(BUY, 100, 50) == 0


def test_ask_that_falls_onto_our_bid_fills_it() -> None:
    """In the recorded market our order was not there to meet it; it would have been."""
    orders = resting_buy(qty_lots=10, ahead=500)

    assert orders.on_best_ask_lowered(101) == 0
    assert orders.fills(orders.on_best_ask_lowered(100)) == [(1, 10, 0)]


def test_bid_that_rises_onto_our_ask_fills_it() -> None:
    """The mirror, which the sign of a side must get right."""
    orders = RestingOrders()
    orders.accept(5, SELL, 105, 2, 9)

    assert orders.on_best_bid_raised(104) == 0
    assert orders.fills(orders.on_best_bid_raised(106)) == [(5, 2, 0)]


def test_depth_moves_us_only_at_our_own_price_and_side() -> None:
    """A level elsewhere says nothing of our queue."""
    orders = resting_buy(ahead=500)

    orders.on_level(BUY, 99, 500, 0)
    orders.on_level(SELL, 100, 500, 0)
    assert orders.front(1) == 500

    orders.on_level(BUY, 100, 500, 20)
    assert orders.front(1) == 20


def test_prints_are_not_counted_again_as_cancellations() -> None:
    """The depth change that a print caused carries no news of the queue."""
    orders = RestingOrders(model=QueueModel.POWER, power=2.0)
    orders.accept(1, BUY, 100, 1, 10)
    orders.on_level(BUY, 100, 10, 20)
    orders.on_trade(SELL, 100, 4)

    orders.on_level(BUY, 100, 20, 16)

    assert orders.front(1) == 6


def test_full_table_refuses_and_keeps_what_it_has() -> None:
    """Overflow is an answer: the caller refuses the order as a venue would."""
    orders = RestingOrders(capacity=1)
    orders.accept(1, BUY, 100, 1, 0)

    assert not orders.accept(2, BUY, 99, 1, 0)
    assert len(orders) == 1


def test_full_table_makes_room_and_forgets_nobody() -> None:
    """The queue that was waited through stays waited through, and both can fill at once."""
    orders = RestingOrders(capacity=1, model=QueueModel.RISK_AVERSE)
    orders.accept(1, BUY, 100, 1, 7)

    orders.make_room()
    assert orders.accept(2, BUY, 99, 3, 0)

    assert orders.front(1) == 7.0
    assert fills_of_sale(orders, 98, 9) == [(1, 1, 0), (2, 3, 0)]


def test_room_is_made_only_where_there_is_none() -> None:
    orders = RestingOrders(capacity=2)
    orders.accept(1, BUY, 100, 1, 0)

    orders.make_room()

    assert orders.ints.size == RestingOrders(capacity=2).ints.size


def test_shrunk_order_keeps_its_place_and_fills_what_is_left() -> None:
    orders = resting_buy(qty_lots=10, ahead=4)

    orders.shrink(1, 3)

    assert orders.front(1) == 4.0
    assert fills_of_sale(orders, 100, 9) == [(1, 3, 0)]


@pytest.mark.parametrize(("key", "lots"), [(1, 0), (1, 11), (2, 5)])
def test_order_shrinks_to_something_smaller_or_not_at_all(key: int, lots: int) -> None:
    """Anything else is our own bug; nothing left is a cancel."""
    with pytest.raises(InvariantBroken):
        resting_buy(qty_lots=10).shrink(key, lots)


def test_prices_of_a_side_are_those_where_its_orders_rest() -> None:
    orders = resting_buy()
    orders.accept(2, BUY, 98, 1, 0)
    orders.accept(3, BUY, 98, 1, 0)
    orders.accept(4, SELL, 105, 1, 0)

    assert orders.prices(BUY) == {98, 100}
    assert orders.prices(SELL) == {105}


@pytest.mark.parametrize(("key", "lots"), [(1, 5), (2, 0)], ids=["key in use", "no size"])
def test_order_that_cannot_be_is_our_own_bug(key: int, lots: int) -> None:
    """Two orders under one key would hide each other's fills."""
    with pytest.raises(InvariantBroken):
        resting_buy().accept(key, BUY, 100, lots, 0)


@pytest.mark.parametrize("options", [{"capacity": 0}, {"power": 0.0}, {"lot_size": float("nan")}])
def test_table_with_impossible_numbers_is_refused(options: dict[str, float]) -> None:
    """Found at construction and not as a nan in a queue."""
    with pytest.raises(SettingsError):
        RestingOrders(**options)  # type: ignore[arg-type]  # wrong on purpose


def test_nothing_meets_an_empty_side() -> None:
    """Post-only against no ask at all is accepted."""
    assert not meets_touch(1, 10**9, NO_ASK)
    assert not meets_touch(-1, 0, NO_BID)
    assert meets_touch(1, 101, 101)


prices = st.integers(95, 105)
sides = st.sampled_from([BUY, SELL])
events = st.lists(
    st.one_of(
        st.tuples(st.just("accept"), sides, prices, st.integers(1, 9), st.integers(0, 20)),
        st.tuples(st.just("cancel"), st.integers(0, 20)),
        st.tuples(st.just("trade"), sides, prices, st.integers(1, 30)),
        st.tuples(st.just("level"), sides, prices, st.integers(0, 30), st.integers(0, 30)),
        st.tuples(st.just("touch"), sides, prices),
    ),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(history=events, model=st.sampled_from(list(QueueModel)))
def test_orders_equal_their_naive_twin(
    history: list[tuple[object, ...]], model: QueueModel
) -> None:
    """Any history of prints, depth, orders and cancels ends alike, fill by fill."""
    fast, slow = RestingOrders(model=model, power=2.0), NaiveOrders(model, 2.0)
    for key, event in enumerate(history):
        match event:
            case ("accept", Side() as side, int(price), int(lots), int(level)):
                level += sum(price == other.price_ticks for other in slow.orders)
                fast.accept(key, side, price, lots, level)
                slow.accept(key, side, price, lots, level)
            case ("cancel", int(target)):
                fast.cancel(target)
                slow.cancel(target)
            case ("trade", Side() as side, int(price), int(lots)):
                fills = fast.fills(fast.on_trade(side, price, lots))
                assert fills == slow.on_trade(side, price, lots)
            case ("level", Side() as side, int(price), int(old), int(new)):
                old = max([old, *(int(other.front) + 1 for other in slow.orders)])
                fast.on_level(side, price, old, new)
                slow.on_level(side, price, old, new)
            case ("touch", Side() as side, int(price)):
                number = (
                    fast.on_best_ask_lowered(price)
                    if side is BUY
                    else fast.on_best_bid_raised(price)
                )
                assert fast.fills(number) == slow.on_touch(side, price)
    for order in slow.orders:
        assert fast.leaves(order.key) == order.leaves
        assert fast.front(order.key) == pytest.approx(order.front)


@given(
    queues=st.lists(st.tuples(st.integers(1, 9), st.integers(0, 20)), min_size=1, max_size=6),
    prints=st.lists(st.integers(1, 15), max_size=12),
)
def test_orders_at_one_price_never_fill_more_than_was_printed(
    queues: list[tuple[int, int]], prints: list[int]
) -> None:
    """Whatever the fronts, volume is spent once and the shortest queue is waited for."""
    orders = RestingOrders()
    for key, (lots, ahead) in enumerate(queues):
        orders.accept(key, BUY, 100, lots, ahead)

    filled = [sum(lots for _, lots, _ in fills_of_sale(orders, 100, size)) for size in prints]

    assert all(lots <= size for lots, size in zip(filled, prints, strict=True))
    assert sum(filled) <= max(0, sum(prints) - min(ahead for _, ahead in queues))


@pytest.mark.needs_speed
@pytest.mark.parametrize(
    ("run", "model", "fills"),
    [
        ("usdm_touch_risk", QueueModel.RISK_AVERSE, 1153),
        ("usdm_touch_log", QueueModel.LOG, 1181),
        ("usdm_near_log", QueueModel.LOG, 650),
    ],
)
def test_whole_fills_happen_when_the_peers_did(run: str, model: QueueModel, fills: int) -> None:
    """Real orders in a real market: to the nanosecond, each where hftbacktest filled it."""
    expected = peer_fills(run)
    peer = PeerExchange(model, 3.0, "0.001", [entry for entry, _ in expected])

    for word in market_in_exchange_order(USDM, Instrument.from_steps("BTCUSDT", "0.1", "0.001")):
        peer.on_message(word)

    assert len(expected) == fills
    assert peer.filled_ns == {key: filled_ns for key, (_, filled_ns) in enumerate(expected)}
