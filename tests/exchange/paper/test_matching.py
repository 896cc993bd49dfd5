"""Matching engine, by its rules one at a time and against its plain twin at random."""

import pytest

from exchange.paper.matching.events import (
    BACKGROUND,
    Accepted,
    Amended,
    Cancelled,
    Expired,
    Expiry,
    MatchEvent,
    Refusal,
    Rejected,
    SelfTrade,
    Traded,
)
from exchange.paper.matching.price_time import Matching
from exchange.types import Side, TimeInForce
from tests.exchange.paper.twins import Twins

ACCOUNT, OTHER = 1, 2
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

    assert events == [Rejected(ACCOUNT, Refusal.WOULD_TAKE)]
    assert engine.last_order_id == before


def test_fill_or_kill_trades_with_the_accounts_own_orders() -> None:
    """Self-trade prevention has no effect on it: all or nothing counts everything that stands."""
    engine = Matching()
    rest(engine, SELL, 101, 3)
    engine.submit(ACCOUNT, SELL, 5, 101)
    own = engine.last_order_id

    events = engine.submit(ACCOUNT, BUY, 5, 101, TimeInForce.FOK)

    assert fills(events)[-1] == (own, 101, 2)


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


@pytest.mark.parametrize(
    ("mode", "maker_goes", "taker_goes"),
    [
        (SelfTrade.EXPIRE_MAKER, True, False),
        (SelfTrade.EXPIRE_TAKER, False, True),
        (SelfTrade.EXPIRE_BOTH, True, True),
    ],
)
def test_the_takers_mode_decides_who_goes(
    mode: SelfTrade, maker_goes: bool, taker_goes: bool
) -> None:
    """What the resting order once asked for is irrelevant."""
    engine = Matching()
    engine.submit(ACCOUNT, SELL, 5, 101)
    own = engine.last_order_id

    events = engine.submit(ACCOUNT, BUY, 2, 101, self_trade=mode)
    taker = engine.last_order_id

    assert (Expired(own, ACCOUNT, 5, Expiry.SELF_TRADE) in events) == maker_goes
    assert (Expired(taker, ACCOUNT, 2, Expiry.SELF_TRADE) in events) == taker_goes
    assert fills(events) == []


def test_an_immediate_taker_that_meets_itself_says_so() -> None:
    """Its remainder has a reason of its own."""
    engine = Matching()
    engine.submit(ACCOUNT, SELL, 5, 101)

    events = engine.submit(ACCOUNT, BUY, 2, 101, TimeInForce.IOC, SelfTrade.EXPIRE_TAKER)

    assert events[-1] == Expired(engine.last_order_id, ACCOUNT, 2, Expiry.IOC_SELF_TRADE)


def test_two_accounts_trade_with_each_other() -> None:
    """Self-trade is about one account, not about everybody who has a key."""
    engine = Matching()
    engine.submit(OTHER, SELL, 5, 101)

    assert fills(engine.submit(ACCOUNT, BUY, 5, 101)) == [(1, 101, 5)]


def test_an_amended_order_goes_to_the_back_of_the_queue() -> None:
    """Even when only its size fell."""
    engine = Matching()
    first, second = rest(engine, BUY, 100), rest(engine, BUY, 100)

    events = engine.amend(first, 100, 2, post_only=False)

    assert events == [Amended(first, BACKGROUND, 100, 2)]
    assert engine.queue(BUY, 100) == [(second, 5), (first, 2)]


def test_an_amended_order_takes_where_its_new_price_crosses() -> None:
    engine = Matching()
    bid, ask = rest(engine, BUY, 99), rest(engine, SELL, 101, 3)

    events = engine.amend(bid, 101, 5, post_only=False)

    assert fills(events) == [(ask, 101, 3)]
    assert engine.queue(BUY, 101) == [(bid, 2)]


def test_a_post_only_order_amended_across_is_lost() -> None:
    """The quote is gone, not merely refused: the venue's own trap."""
    engine = Matching()
    bid = rest(engine, BUY, 99)
    rest(engine, SELL, 101)

    events = engine.amend(bid, 101, 5, post_only=True)

    assert events == [Cancelled(bid, BACKGROUND, 5)]
    assert engine.best_bid_ticks is None


def test_amending_what_does_not_rest_says_nothing() -> None:
    assert Matching().amend(1, 100, 5, post_only=False) == []


@pytest.mark.parametrize("seed", range(10))
def test_a_million_random_turns_leave_both_twins_alike(seed: int) -> None:
    """Same trades, expiries, queues and touch, never crossed, and no contract lost or made."""
    Twins(seed).play(100_000)
