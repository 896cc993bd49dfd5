"""The matching engine, by its rules one at a time and against its plain twin at random."""

import random

import pytest

from exchange.paper.matching import (
    Accepted,
    Cancelled,
    Expired,
    Expiry,
    MatchEvent,
    Matching,
    Owner,
    Refusal,
    Refused,
    Traded,
)
from exchange.types import Side, TimeInForce
from tests.naive.matching import NaiveMatching

ACCOUNT, BACKGROUND = Owner.ACCOUNT, Owner.BACKGROUND
BUY, SELL = Side.BUY, Side.SELL


def fills(events: list[MatchEvent]) -> list[tuple[int, int, int]]:
    """``(maker, price, size)`` of every trade."""
    return [
        (event.maker_order_id, event.price_ticks, event.qty_lots)
        for event in events
        if isinstance(event, Traded)
    ]


def rest(engine: Matching, side: Side, price_ticks: int, lots: int = 5) -> int:
    """Rest a background order; its id."""
    engine.submit(BACKGROUND, side, lots, price_ticks)
    return engine.last_order_id


def test_a_taker_meets_the_best_price_first_and_pays_what_the_maker_asked() -> None:
    engine = Matching()
    dear, cheap = rest(engine, SELL, 102), rest(engine, SELL, 101)

    events = engine.submit(ACCOUNT, BUY, 7, 105)

    assert fills(events) == [(cheap, 101, 5), (dear, 102, 2)]


def test_at_one_price_the_oldest_order_trades_first() -> None:
    engine = Matching()
    first, second = rest(engine, BUY, 100), rest(engine, BUY, 100)

    events = engine.submit(ACCOUNT, SELL, 6, None)

    assert fills(events) == [(first, 100, 5), (second, 100, 1)]


def test_shrinking_keeps_the_place_in_the_queue() -> None:
    engine = Matching()
    first, second = rest(engine, BUY, 100), rest(engine, BUY, 100)

    engine.shrink(first, 2)

    assert engine.queue(BUY, 100) == [(first, 2), (second, 5)]


def test_a_post_only_order_that_would_take_leaves_no_trace() -> None:
    engine = Matching()
    rest(engine, SELL, 101)
    before = engine.last_order_id

    events = engine.submit(ACCOUNT, BUY, 1, 101, TimeInForce.GTX)

    assert events == [Refused(ACCOUNT, Refusal.WOULD_TAKE)]
    assert engine.last_order_id == before


def test_fill_or_kill_does_not_count_on_the_accounts_own_orders() -> None:
    """They would expire rather than trade, and the order would be left half filled."""
    engine = Matching()
    rest(engine, SELL, 101, 3)
    engine.submit(ACCOUNT, SELL, 5, 101)

    events = engine.submit(ACCOUNT, BUY, 5, 101, TimeInForce.FOK)

    assert events == [Refused(ACCOUNT, Refusal.NOT_FILLABLE)]


def test_the_rest_of_an_immediate_order_expires() -> None:
    engine = Matching()
    rest(engine, SELL, 101)

    events = engine.submit(ACCOUNT, BUY, 8, 101, TimeInForce.IOC)

    assert events[-1] == Expired(engine.last_order_id, ACCOUNT, 3, Expiry.IOC_REMAINDER)


def test_a_market_order_on_an_empty_book_expires_whole() -> None:
    engine = Matching()

    events = engine.submit(ACCOUNT, BUY, 8, None)

    assert events == [
        Accepted(1, ACCOUNT, BUY, 8),
        Expired(1, ACCOUNT, 8, Expiry.MARKET_REMAINDER),
    ]


def test_the_accounts_own_maker_expires_and_the_taker_goes_on() -> None:
    engine = Matching()
    engine.submit(ACCOUNT, SELL, 5, 101)
    own = engine.last_order_id
    other = rest(engine, SELL, 101)

    events = engine.submit(ACCOUNT, BUY, 2, 101)

    assert Expired(own, ACCOUNT, 5, Expiry.SELF_TRADE) in events
    assert fills(events) == [(other, 101, 2)]


def test_cancelling_twice_says_nothing_the_second_time() -> None:
    engine = Matching()
    order = rest(engine, BUY, 100)

    assert engine.cancel(order) == [Cancelled(order, BACKGROUND, 5)]
    assert engine.cancel(order) == []


def test_ids_start_from_the_base_that_was_handed_in() -> None:
    engine = Matching(7_000)

    assert rest(engine, BUY, 100) == 7_000


def test_changes_name_each_touched_level_once_and_skip_ids_afterwards() -> None:
    engine = Matching(1)
    rest(engine, BUY, 100)
    rest(engine, BUY, 100)
    rest(engine, SELL, 105)

    first = engine.take_changes(skip_ids=3)
    rest(engine, BUY, 99)
    second = engine.take_changes()

    assert first is not None
    assert second is not None
    assert list(first.bid_ticks) == [100]
    assert list(first.ask_ticks) == [105]
    assert second.first_id == first.last_id + 4
    assert engine.take_changes() is None


@pytest.mark.parametrize("seed", range(30))
def test_random_orders_trade_and_queue_as_in_the_plain_twin(seed: int) -> None:
    """Same trades, same expiries, same queues, whatever 300 orders arrive in whatever order."""
    draw = random.Random(seed)
    engine, twin = Matching(), NaiveMatching()
    trades: list[tuple[int, int, int, int]] = []
    expired: list[int] = []

    for _ in range(300):
        if draw.random() < 0.25:
            number = draw.randint(1, max(1, engine.last_order_id))
            assert bool(engine.cancel(number)) == twin.cancel(number)
            continue
        owner, side = draw.choice([ACCOUNT, BACKGROUND]), draw.choice([BUY, SELL])
        lots, price = draw.randint(1, 9), draw.choice([*range(95, 106), None])
        tif = TimeInForce.GTC if price is None else draw.choice(list(TimeInForce))
        events = engine.submit(owner, side, lots, price, tif)
        assert twin.submit(owner, side, lots, price, tif) == isinstance(events[0], Accepted)
        for event in events:
            if isinstance(event, Traded):
                pair = (event.maker_order_id, event.taker_order_id)
                trades.append((*pair, event.price_ticks, event.qty_lots))
            elif isinstance(event, Expired):
                expired.append(event.venue_order_id)

    assert trades == twin.trades
    assert expired == twin.expired
    for price in range(95, 106):
        for side in Side:
            assert engine.queue(side, price) == twin.queue(side, price)
            assert engine.lots_at(side, price) == sum(q for _, q in twin.queue(side, price))


@pytest.mark.parametrize("seed", range(10))
def test_every_contract_is_resting_traded_cancelled_or_expired(seed: int) -> None:
    """What went in equals what came out, twice over for the two sides of a trade."""
    draw = random.Random(seed)
    engine = Matching()
    entered = left = 0

    for _ in range(500):
        events = engine.cancel(draw.randint(1, max(1, engine.last_order_id)))
        events += engine.submit(
            draw.choice([ACCOUNT, BACKGROUND]),
            draw.choice([BUY, SELL]),
            draw.randint(1, 9),
            draw.randint(95, 105),
            draw.choice(list(TimeInForce)),
        )
        for event in events:
            if isinstance(event, Accepted):
                entered += event.qty_lots
            elif isinstance(event, Traded):
                left += 2 * event.qty_lots
            elif isinstance(event, Cancelled | Expired):
                left += event.left_lots
    resting = sum(lots for side in Side for _, lots in engine.levels(side))

    assert entered == left + resting


@pytest.mark.parametrize("seed", range(10))
def test_the_book_is_never_crossed(seed: int) -> None:
    draw = random.Random(seed)
    engine = Matching()

    for _ in range(500):
        engine.cancel(draw.randint(1, max(1, engine.last_order_id)))
        engine.submit(
            draw.choice([ACCOUNT, BACKGROUND]),
            draw.choice([BUY, SELL]),
            draw.randint(1, 9),
            draw.randint(95, 105),
        )
        bid, ask = engine.best_bid_ticks, engine.best_ask_ticks
        assert bid is None or ask is None or bid < ask
        assert bid == max((p for p, _ in engine.levels(BUY)), default=None)
        assert ask == min((p for p, _ in engine.levels(SELL)), default=None)
