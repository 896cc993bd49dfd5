"""Recorded matching: which account gets what of prints, quotes and each other."""

import random

import pytest

from exchange.paper.matching.events import (
    BACKGROUND,
    NO_ORDER_ID,
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
from exchange.paper.matching.recorded import RecordedMatching
from exchange.types import Side, TimeInForce
from tests.exchange.paper.recordings import (
    ASKS,
    BIDS,
    GRID,
    bought,
    diff,
    opened,
    snapshot,
    sold,
)
from tests.naive.peer_exchange import PeerMessage, market_in_exchange_order
from tests.places import USDM

ACCOUNT, OTHER = 1, 2
BUY, SELL = Side.BUY, Side.SELL
GTX, IOC, FOK, GTC = TimeInForce.GTX, TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTC
REFUSED = [Rejected(ACCOUNT, Refusal.NOT_OPEN)]


def rest(
    market: RecordedMatching, side: Side, price_ticks: int, lots: int = 5, owner: int = ACCOUNT
) -> int:
    """Rest a post-only order; its id."""
    events = market.submit(owner, side, lots, price_ticks, GTX)
    assert isinstance(events[0], Accepted)
    return events[0].venue_order_id


def trades(events: list[MatchEvent]) -> list[tuple[int, int, int]]:
    """``(price, lots, whose order rested)`` of every trade."""
    return [(e.price_ticks, e.qty_lots, e.maker_owner) for e in events if isinstance(e, Traded)]


# ---------------------------------------------------------------- the published book


def test_the_book_is_the_recording_s_and_the_accounts_orders() -> None:
    market = opened()
    rest(market, BUY, 101, 7)
    rest(market, BUY, 100, 5)
    rest(market, BUY, 100, 1, OTHER)
    rest(market, SELL, 104, 2)

    assert market.levels(BUY) == [(101, 7), (100, 16), (99, 20), (98, 30)]
    assert market.levels(SELL, 2) == [(103, 10), (104, 22)]
    assert market.lots_at(BUY, 100) == 16
    assert market.touch() == (101, 7, 103, 10)


def test_cancelled_order_leaves_the_recorded_book() -> None:
    market = opened()
    order = rest(market, BUY, 101, 7)

    assert market.cancel(order) == [Cancelled(order, ACCOUNT, 7)]
    assert market.cancel(order) == []
    assert market.touch() == (100, 10, 103, 10)


def test_order_expired_by_rule_says_so() -> None:
    market = opened()
    order = rest(market, BUY, 101, 7)

    events = market.expire(order, Expiry.REDUCE_ONLY)

    assert events == [Expired(order, ACCOUNT, 7, Expiry.REDUCE_ONLY)]
    assert market.best_bid_ticks == 100
    assert market.expire(order, Expiry.REDUCE_ONLY) == []


def test_changes_name_every_level_that_the_recording_or_an_account_touched() -> None:
    """And their ids chain, with holes where the venue's would have them."""
    market = opened()
    opening = market.take_changes(skip_ids=3)
    rest(market, BUY, 101)
    market.on_message(diff(3, {99: 0}, {110: 4}))

    changes = market.take_changes()

    assert opening is not None
    assert (set(opening.bid_ticks), set(opening.ask_ticks)) == (set(BIDS), set(ASKS))
    assert changes is not None
    assert (set(changes.bid_ticks), set(changes.ask_ticks)) == ({101, 99}, {110})
    assert changes.first_id == opening.last_id + 4
    assert changes.last_id == market.last_update_id == changes.first_id + 1
    assert market.take_changes() is None


# ---------------------------------------------------------------- queue position


def test_order_waits_for_the_lots_that_stood_before_it() -> None:
    """Ten ahead: the first nine fill nobody, the next four bring three beyond the queue."""
    market = opened()
    order = rest(market, BUY, 100, 5)

    before = market.on_message(sold(100, 9))
    events = market.on_message(sold(100, 4))

    assert trades(before) == [(100, 9, BACKGROUND)]
    assert trades(events) == [(100, 3, ACCOUNT), (100, 1, BACKGROUND)]
    resting = market.resting(order)
    assert resting is not None
    assert resting.left_lots == 2
    assert market.lots_at(BUY, 100) == 12


def test_trade_that_fills_an_order_tells_both_sides() -> None:
    market = opened(first_id=50)
    order = rest(market, BUY, 101, 5)

    events = market.on_message(sold(101, 5))

    assert events == [Traded(50, 101, 5, SELL, NO_ORDER_ID, BACKGROUND, order, ACCOUNT)]
    assert market.next_trade_id == 51
    assert market.resting(order) is None


def test_recorded_prints_keep_their_volume_and_get_ids_in_turn() -> None:
    market = opened()
    rest(market, BUY, 101, 5)

    events = [*market.on_message(sold(101, 12)), *market.on_message(bought(103, 4))]

    assert [e.trade_id for e in events if isinstance(e, Traded)] == [1, 2, 3]
    assert trades(events) == [(101, 5, ACCOUNT), (101, 7, BACKGROUND), (103, 4, BACKGROUND)]


def test_print_through_an_order_fills_it_whatever_its_size() -> None:
    """Five of the print's three lots: the seller came past a better price."""
    market = opened()
    rest(market, BUY, 101, 5)

    assert trades(market.on_message(sold(100, 3))) == [(101, 5, ACCOUNT)]


def test_touch_that_moves_onto_an_order_fills_it_with_a_print_of_its_own() -> None:
    market = opened()
    order = rest(market, BUY, 101, 5)

    events = market.on_message(diff(3, asks={101: 2}))

    assert events == [Traded(1, 101, 5, SELL, NO_ORDER_ID, BACKGROUND, order, ACCOUNT)]
    assert market.touch() == (100, 10, 101, 2)


def test_orders_of_two_accounts_share_a_print_by_age() -> None:
    market = opened()
    rest(market, BUY, 101, 5, OTHER)
    rest(market, BUY, 101, 5, ACCOUNT)

    assert trades(market.on_message(sold(101, 7))) == [(101, 5, OTHER), (101, 2, ACCOUNT)]


def test_shrunk_order_keeps_its_place_in_the_queue() -> None:
    market = opened()
    order = rest(market, BUY, 100, 9)
    market.on_message(sold(100, 8))

    market.shrink(order, 4)

    assert market.lots_at(BUY, 100) == 14
    assert trades(market.on_message(sold(100, 20))) == [(100, 4, ACCOUNT), (100, 16, BACKGROUND)]


def test_amended_order_goes_to_the_back_of_the_queue() -> None:
    market = opened()
    order = rest(market, BUY, 100, 5)
    market.on_message(sold(100, 8))

    events = market.amend(order, 100, 6, post_only=True)

    assert events == [Amended(order, ACCOUNT, 100, 6)]
    assert trades(market.on_message(sold(100, 10))) == [(100, 10, BACKGROUND)]
    assert trades(market.on_message(sold(100, 1))) == [(100, 1, ACCOUNT)]


def test_post_only_order_amended_into_the_other_side_is_cancelled() -> None:
    market = opened()
    order = rest(market, BUY, 100, 5)

    assert market.amend(order, 103, 5, post_only=True) == [Cancelled(order, ACCOUNT, 5)]
    assert market.amend(order, 103, 5, post_only=True) == []


def test_order_amended_through_the_other_side_takes_and_rests_what_is_left() -> None:
    market = opened()
    order = rest(market, BUY, 100, 5)

    events = market.amend(order, 103, 12, post_only=False)

    assert trades(events) == [(103, 10, BACKGROUND)]
    assert market.touch() == (103, 2, 104, 20)


def test_more_orders_rest_than_the_table_first_held() -> None:
    market = opened()
    for _ in range(1_000):
        rest(market, BUY, 101, 1)

    assert market.lots_at(BUY, 101) == 1_000
    assert len(trades(market.on_message(sold(100, 1)))) == 1_000


# ---------------------------------------------------------------- takers


@pytest.mark.parametrize(
    ("price_ticks", "time_in_force", "ended"),
    [
        (104, IOC, Expiry.IOC_REMAINDER),
        (None, GTC, None),
        (104, GTC, None),
    ],
)
def test_taker_walks_the_book_from_the_best_price(
    price_ticks: int | None, time_in_force: TimeInForce, ended: Expiry | None
) -> None:
    market = opened()

    events = market.submit(ACCOUNT, BUY, 31, price_ticks, time_in_force)

    walked = [(103, 10, BACKGROUND), (104, 20, BACKGROUND)]
    assert trades(events) == (walked if price_ticks else [*walked, (105, 1, BACKGROUND)])
    assert [e.reason for e in events if isinstance(e, Expired)] == ([ended] if ended else [])


def test_market_order_beyond_the_book_expires_with_what_is_left() -> None:
    market = opened()

    events = market.submit(ACCOUNT, SELL, 61, None)

    assert events[-1] == Expired(1, ACCOUNT, 1, Expiry.MARKET_REMAINDER)
    assert market.touch() == (0, 0, 103, 10)


def test_what_a_taker_took_stays_taken_until_the_recording_speaks_of_it() -> None:
    """Another level's change says nothing of this one."""
    market = opened()
    market.submit(ACCOUNT, BUY, 13, 104, IOC)
    taken = market.levels(SELL)
    market.on_message(diff(3, asks={105: 31}))
    still_taken = market.levels(SELL)
    again = market.submit(ACCOUNT, BUY, 50, 103, IOC)
    market.on_message(diff(4, asks={103: 8}))

    assert taken == [(104, 17), (105, 30)]
    assert still_taken == [(104, 17), (105, 31)]
    assert trades(again) == []
    assert market.levels(SELL) == [(103, 8), (104, 17), (105, 31)]


def test_level_that_was_touched_by_a_taker_is_among_the_changes() -> None:
    market = opened()
    market.take_changes()

    market.submit(ACCOUNT, BUY, 13, 104, IOC)

    changes = market.take_changes()
    assert changes is not None
    assert changes.ask_ticks == {103, 104}


def test_at_one_price_recorded_lots_come_first_and_then_orders_by_age() -> None:
    market = opened()
    rest(market, SELL, 103, 5, OTHER)
    rest(market, SELL, 103, 5, 3)

    events = market.submit(ACCOUNT, BUY, 17, None)

    assert trades(events) == [(103, 10, BACKGROUND), (103, 5, OTHER), (103, 2, 3)]
    assert market.lots_at(SELL, 103) == 3


def test_taker_meets_a_better_order_of_another_account_first() -> None:
    market = opened()
    maker = rest(market, SELL, 102, 5, OTHER)

    events = market.submit(ACCOUNT, BUY, 6, None)

    assert events[1] == Traded(1, 102, 5, BUY, 2, ACCOUNT, maker, OTHER)
    assert events[2] == Traded(2, 103, 1, BUY, 2, ACCOUNT, NO_ORDER_ID, BACKGROUND)


@pytest.mark.parametrize("side", list(Side))
def test_post_only_order_that_would_take_is_refused(side: Side) -> None:
    market = opened()

    events = market.submit(ACCOUNT, side, 1, 103 if side is BUY else 100, GTX)

    assert events == [Rejected(ACCOUNT, Refusal.WOULD_TAKE)]
    assert market.last_order_id == 0


def test_post_only_order_does_not_take_another_account_s_either() -> None:
    market = opened()
    rest(market, SELL, 102, 5, OTHER)

    assert market.submit(ACCOUNT, BUY, 1, 102, GTX) == [Rejected(ACCOUNT, Refusal.WOULD_TAKE)]


def test_fill_or_kill_counts_what_is_published_and_not_taken() -> None:
    market = opened()
    rest(market, SELL, 104, 5, OTHER)
    market.submit(ACCOUNT, BUY, 4, 103, IOC)

    refused = market.submit(ACCOUNT, BUY, 32, 104, FOK)
    filled = market.submit(ACCOUNT, BUY, 31, 104, FOK)

    assert refused == [Rejected(ACCOUNT, Refusal.NOT_FILLABLE)]
    assert trades(filled) == [(103, 6, BACKGROUND), (104, 20, BACKGROUND), (104, 5, OTHER)]


@pytest.mark.parametrize(
    ("mode", "traded", "maker_stays", "ended"),
    [
        (SelfTrade.NONE, [(102, 5, ACCOUNT), (103, 4, BACKGROUND)], False, None),
        (SelfTrade.EXPIRE_MAKER, [(103, 9, BACKGROUND)], False, None),
        (SelfTrade.EXPIRE_TAKER, [], True, Expiry.SELF_TRADE),
        (SelfTrade.EXPIRE_BOTH, [], False, Expiry.SELF_TRADE),
    ],
)
def test_account_that_meets_itself_gets_what_it_asked_for(
    mode: SelfTrade,
    traded: list[tuple[int, int, int]],
    maker_stays: bool,
    ended: Expiry | None,
) -> None:
    market = opened()
    maker = rest(market, SELL, 102, 5)

    events = market.submit(ACCOUNT, BUY, 9, 103, GTC, mode)

    assert trades(events) == traded
    assert (market.resting(maker) is not None) is maker_stays
    ends = [e.reason for e in events if isinstance(e, Expired) and e.venue_order_id != maker]
    assert ends == ([ended] if ended else [])


def test_rest_of_a_taker_trades_with_quotes_that_come_back_and_only_so_much() -> None:
    """Ten were there and are bought; six come back, and six more are bought, not all."""
    market = opened()
    market.submit(ACCOUNT, BUY, 30, 103, GTC)
    assert market.touch() == (103, 20, 104, 20)

    events = market.on_message(diff(3, asks={103: 6}))

    assert trades(events) == [(103, 6, ACCOUNT)]
    assert market.touch() == (103, 14, 104, 20)


# ---------------------------------------------------------------- when nothing can trade


def test_before_the_first_snapshot_nothing_can_trade() -> None:
    market = RecordedMatching(GRID, "log")
    before = market.submit(ACCOUNT, BUY, 1, 100)
    market.on_message(snapshot(1))
    unmet = market.submit(ACCOUNT, BUY, 1, 100)
    market.on_message(diff(2))

    assert before == unmet == REFUSED
    assert market.last_order_id == 0
    assert rest(market, BUY, 100) == 1


def test_after_a_gap_orders_can_only_be_cancelled() -> None:
    market = opened()
    first, second = rest(market, BUY, 101), rest(market, BUY, 99)
    market.on_message(diff(9, asks={102: 1}))

    assert not market.open
    assert market.submit(ACCOUNT, BUY, 1, None) == REFUSED
    assert market.amend(first, 100, 1, post_only=False) == REFUSED
    assert market.resting(first) is not None
    assert trades(market.on_message(sold(90, 1_000))) == [(90, 1_000, BACKGROUND)]
    assert market.touch() == (101, 5, 103, 10)
    assert market.cancel(second) == [Cancelled(second, ACCOUNT, 5)]


def test_snapshot_after_a_gap_opens_the_market_again() -> None:
    """And what it moved past has been passed; every level of either book may have changed."""
    market = opened()
    rest(market, BUY, 101)
    rest(market, BUY, 96)
    market.on_message(diff(9))
    market.take_changes()

    events = [
        *market.on_message(snapshot(10, {97: 1}, {99: 1, 100: 2})),
        *market.on_message(diff(11)),
    ]

    assert trades(events) == [(101, 5, ACCOUNT)]
    assert market.open
    assert market.levels(BUY) == [(97, 1), (96, 5)]
    assert market.levels(SELL) == [(99, 1), (100, 2)]
    changes = market.take_changes()
    assert changes is not None
    assert changes.bid_ticks == {101, 100, 99, 98, 97, 96}
    assert changes.ask_ticks == {99, 100, 103, 104, 105}


def test_snapshot_forgets_what_takers_took() -> None:
    market = opened()
    market.submit(ACCOUNT, BUY, 4, 103, IOC)

    market.on_message(snapshot(10))

    assert market.lots_at(SELL, 103) == 10


def test_recording_whose_book_is_crossed_is_not_traded_on() -> None:
    """Bid at or above ask: something was lost that no id shows."""
    market = opened()
    market.on_message(diff(3, {104: 1}))

    assert market.submit(ACCOUNT, BUY, 1, 90) == REFUSED


def test_closed_market_lets_orders_be_cancelled_and_nothing_else() -> None:
    market = opened()
    order = rest(market, BUY, 101)

    market.close()

    assert market.submit(ACCOUNT, BUY, 1, 90) == REFUSED
    assert market.amend(order, 100, 1, post_only=False) == REFUSED
    assert market.cancel(order) == [Cancelled(order, ACCOUNT, 5)]


# ---------------------------------------------------------------- at random


class Crowd:
    """Three accounts that do anything at all, and the book-keeping of their lots."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.market = RecordedMatching(GRID, "log")
        self.left: dict[int, int] = {}
        """Lots of every order that should rest."""
        self.made = 0

    def on_message(self, message: PeerMessage) -> None:
        before = self.market.next_trade_id
        events = self.market.on_message(message)
        self._book(events)
        assert self.market.next_trade_id - before == len(trades(events))

    def act(self) -> None:
        if not self.market.open:
            return
        kind = self.draw.uniform(0.55 * (len(self.left) > 40), 1.0)
        if kind < 0.55 or not self.left:
            self._submit()
        elif kind < 0.7:
            self._book(self.market.cancel(self._some()))
        elif kind < 0.8:
            order = self._some()
            lots = self.draw.randint(1, self.left[order])
            self.market.shrink(order, lots)
            self.left[order] = lots
        else:
            self._amend()

    def _some(self) -> int:
        return self.draw.choice(list(self.left))

    def _price(self) -> int:
        bid, ask = self.market.best_bid_ticks, self.market.best_ask_ticks
        assert bid is not None
        assert ask is not None
        return self.draw.randint(bid - 8, ask + 8)

    def _submit(self) -> None:
        draw = self.draw
        side, lots = draw.choice(list(Side)), draw.choice((1, 7, 50, 2_000, 30_000))
        price = None if draw.random() < 0.05 else self._price()
        tif = GTC if price is None else draw.choice(list(TimeInForce))
        owner, mode = draw.randint(1, 3), draw.choice(list(SelfTrade))
        events = self.market.submit(owner, side, lots, price, tif, mode)
        if isinstance(events[0], Accepted):
            self.left[events[0].venue_order_id] = lots
        self._book(events)
        self._forget_filled()

    def _amend(self) -> None:
        order, lots = self._some(), self.draw.randint(1, 500)
        mode, post_only = self.draw.choice(list(SelfTrade)), self.draw.random() < 0.5
        events = self.market.amend(order, self._price(), lots, post_only=post_only, self_trade=mode)
        if isinstance(events[0], Amended):
            self.left[order] = lots
        self._book(events)

    def _book(self, events: list[MatchEvent]) -> None:
        for event in events:
            if isinstance(event, Traded):
                assert event.qty_lots > 0
                self.made += event.maker_owner != BACKGROUND
                for order in (event.taker_order_id, event.maker_order_id):
                    if order != NO_ORDER_ID:
                        self.left[order] -= event.qty_lots
            elif isinstance(event, Cancelled | Expired):
                assert self.left.pop(event.venue_order_id) == event.left_lots
        self._forget_filled()

    def _forget_filled(self) -> None:
        assert all(lots >= 0 for lots in self.left.values())
        self.left = {order: lots for order, lots in self.left.items() if lots}

    def check(self) -> None:
        """Every lot is accounted for, and the book is one that a venue could show."""
        market = self.market
        if not market.open:
            return
        bid, ask = market.best_bid_ticks, market.best_ask_ticks
        assert bid is not None
        assert ask is not None
        assert bid < ask
        published: dict[tuple[Side, int], int] = {}
        for order, lots in self.left.items():
            resting = market.resting(order)
            assert resting is not None
            assert resting.left_lots == lots == market._table.leaves(order)
            place = (resting.side, resting.price_ticks)
            published[place] = published.get(place, 0) + lots
        assert len(market._table) == len(self.left)
        for side, best in ((BUY, bid), (SELL, ask)):
            top = market.levels(side, 30)
            assert top[0] == (best, market.lots_at(side, top[0][0]))
            for price, lots in top:
                assert lots >= max(1, published.get((side, price), 0))


@pytest.fixture(scope="module")
def messages() -> list[PeerMessage]:
    """The first messages that move the real market: about half a minute."""
    return market_in_exchange_order(USDM, GRID)[:2_500]


@pytest.mark.parametrize("seed", range(4))
def test_whatever_accounts_do_the_book_stays_whole(seed: int, messages: list[PeerMessage]) -> None:
    """A real recording, three accounts at random: never crossed, and no lot made or lost."""
    crowd = Crowd(seed)
    for message in messages:
        crowd.on_message(message)
        crowd.act()
        crowd.check()

    assert crowd.made > 100


def test_a_print_fills_of_a_reduce_only_order_what_the_position_leaves() -> None:
    """Eleven lots stand in front at 100; a print of 40 would fill all five, and two may go."""
    market = opened()
    market.room = lambda _order, _events: 2
    (placed,) = market.submit(1, Side.BUY, 5, 100, TimeInForce.GTX, reduce_only=True)
    assert isinstance(placed, Accepted)

    events = market.on_message(sold(100, 40))

    trades = [e for e in events if isinstance(e, Traded)]
    ended = [e for e in events if isinstance(e, Expired)]
    assert [(t.maker_owner, t.qty_lots) for t in trades] == [(1, 2), (BACKGROUND, 38)]
    assert [(e.left_lots, e.reason) for e in ended] == [(3, Expiry.REDUCE_ONLY)]
    assert market.resting(placed.venue_order_id) is None


def test_a_taker_takes_of_a_reduce_only_order_what_the_position_leaves() -> None:
    """Inside the spread, where nobody else stands."""
    market = opened()
    market.room = lambda _order, events: (
        2 - sum(e.qty_lots for e in events if isinstance(e, Traded) and e.maker_owner == 1)
    )
    market.submit(1, Side.SELL, 5, 102, TimeInForce.GTX, reduce_only=True)

    assert market.submit(2, Side.BUY, 3, 102, TimeInForce.FOK) == [
        Rejected(2, Refusal.NOT_FILLABLE)
    ]
    events = market.submit(2, Side.BUY, 3, 102, TimeInForce.IOC)

    assert [e.qty_lots for e in events if isinstance(e, Traded)] == [2]
    assert [(e.owner, e.left_lots) for e in events if isinstance(e, Expired)] == [(1, 3), (2, 1)]
