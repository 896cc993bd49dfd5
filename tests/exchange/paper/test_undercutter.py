"""Undercutter, a maker that steps ahead of the accounts: when, how far, and when no more."""

import math
from dataclasses import replace

import pytest

from exchange.paper.background.synthetic_flow import STEP_NS, SyntheticFlow
from exchange.paper.background.undercutter import FASTEST_S, SLOWEST_S
from exchange.paper.matching.events import BACKGROUND, Traded
from exchange.paper.matching.price_time import Matching
from exchange.paper.settings import SyntheticMarket
from exchange.types import Side, TimeInForce
from tests.exchange.paper.bench import LIVELY, QUIET

ACCOUNT = 1
FAIR = QUIET.start_price_ticks
CONTESTED = replace(QUIET, undercutter_lots=30)
"""599,996 to 600,004, and somebody who may step up to 599,999 or down to 600,001."""
SLOWEST_STEPS = math.ceil(SLOWEST_S * 1e9 / STEP_NS) + 1
FASTEST_STEPS = math.floor(FASTEST_S * 1e9 / STEP_NS)

both_sides = pytest.mark.parametrize("side", list(Side))


class Contest:
    """A market with an undercutter, one of its steps at a time."""

    def __init__(self, market: SyntheticMarket = CONTESTED) -> None:
        self.matching = Matching()
        self.flow = SyntheticFlow(market, self.matching)
        self.steps = 0
        self.trades: list[Traded] = []
        self.live(0)

    def live(self, steps: int = SLOWEST_STEPS) -> None:
        self.steps += steps
        for events in self.flow.advance(self.steps * STEP_NS):
            self.trades += [event for event in events if isinstance(event, Traded)]

    def quote(self, side: Side, away_ticks: int, lots: int = 5) -> int:
        """An account's order so many ticks from the fair value; its id."""
        price_ticks = FAIR - side * away_ticks
        self.matching.submit(ACCOUNT, side, lots, price_ticks, TimeInForce.GTX)
        return self.matching.last_order_id

    def best(self, side: Side) -> tuple[int, int]:
        """How far the best quote is from the fair value, and its lots."""
        price_ticks, lots = self.matching.levels(side, 1)[0]
        return side * (FAIR - price_ticks), lots


@both_sides
def test_an_account_inside_the_spread_is_stepped_ahead_of_by_one_tick(side: Side) -> None:
    contest = Contest()
    contest.quote(side, 3)
    contest.live(FASTEST_STEPS - 1)
    too_early = contest.best(side)
    contest.live(SLOWEST_STEPS)

    assert too_early == (3, 5)
    assert contest.best(side) == (2, 30)


@both_sides
def test_an_account_at_the_touch_is_stepped_ahead_of_too(side: Side) -> None:
    contest = Contest()
    contest.quote(side, 4)
    contest.live()

    assert contest.best(side) == (3, 30)


@both_sides
def test_an_account_behind_the_touch_bothers_nobody(side: Side) -> None:
    contest = Contest()
    before = contest.best(side)
    contest.quote(side, 5)
    contest.live()

    assert contest.best(side) == before


@both_sides
def test_it_goes_on_up_to_its_edge_and_then_gives_up(side: Side) -> None:
    """A quarter of a half spread of four ticks: one from the fair value and never nearer."""
    contest = Contest()
    bests = []
    for away in (3, 2, 1):
        contest.quote(side, away)
        contest.live()
        bests.append(contest.best(side))
    contest.live()

    assert bests == [(2, 30), (1, 30), (1, 5)]


@both_sides
def test_where_the_spread_is_one_tick_it_leaves_everybody_alone(side: Side) -> None:
    contest = Contest()
    contest.quote(side, 3)
    contest.quote(Side(-side), -2)
    for _ in range(3):
        contest.live()

    assert contest.best(side) == (3, 5)
    assert contest.best(Side(-side)) == (-2, 5)


@both_sides
def test_it_leaves_when_nobody_is_left_to_beat(side: Side) -> None:
    contest = Contest()
    before = contest.best(side)
    order = contest.quote(side, 3)
    contest.live()
    contest.matching.cancel(order)
    contest.live()

    assert contest.best(side) == before


@both_sides
def test_it_stays_one_tick_ahead_of_who_steps_back(side: Side) -> None:
    contest = Contest()
    order = contest.quote(side, 2)
    contest.live()
    contest.matching.amend(order, FAIR - side * 4, 5, post_only=True)
    contest.live()

    assert contest.best(side) == (3, 30)


@both_sides
def test_it_withdraws_at_once_when_the_fair_value_comes_near(side: Side) -> None:
    contest = Contest()
    contest.quote(side, 3)
    contest.live()
    contest.flow.fair_ticks = FAIR - side * 1.5
    contest.live(1)

    assert contest.best(side) == (3, 5)


@both_sides
def test_what_trades_with_it_trades_with_the_background(side: Side) -> None:
    contest = Contest()
    contest.quote(side, 3)
    contest.live()

    events = contest.matching.submit(2, Side(-side), 7, None)

    traded = [event for event in events if isinstance(event, Traded)]
    assert [(t.price_ticks, t.qty_lots, t.maker_owner) for t in traded] == [
        (FAIR - side * 2, 7, BACKGROUND)
    ]


def test_once_eaten_it_comes_again() -> None:
    contest = Contest()
    contest.quote(Side.BUY, 3)
    contest.live()
    contest.matching.submit(2, Side.SELL, 30, FAIR - 2, TimeInForce.IOC)
    eaten = contest.best(Side.BUY)
    contest.live()

    assert eaten == (3, 5)
    assert contest.best(Side.BUY) == (2, 30)


def test_without_accounts_the_market_does_not_know_that_it_is_there() -> None:
    """Every trade is the same, with it and without."""
    with_it, without = Contest(replace(LIVELY, undercutter_lots=30)), Contest(LIVELY)
    for contest in (with_it, without):
        contest.live(50 * 20)

    assert with_it.trades == without.trades
    assert with_it.matching.levels(Side.BUY) == without.matching.levels(Side.BUY)


def test_in_a_moving_market_it_never_quotes_through_the_fair_value() -> None:
    """An account that joins the touch twice a second, for a minute, on both sides."""
    contest = Contest(replace(LIVELY, undercutter_lots=30))
    ours: list[int] = []
    ahead = 0
    for step in range(50 * 60):
        if step % 25 == 0:
            for number in ours:
                contest.matching.cancel(number)
            bid, _, ask, _ = contest.matching.touch()
            ours = []
            for side, price_ticks in ((Side.BUY, bid), (Side.SELL, ask)):
                contest.matching.submit(ACCOUNT, side, 5, price_ticks, TimeInForce.GTX)
                ours.append(contest.matching.last_order_id)
        contest.live(1)
        for side in Side:
            price_ticks, lots = contest.matching.levels(side, 1)[0]
            edge_ticks = side * (contest.flow.fair_ticks - price_ticks)
            if lots == 30:
                ahead += 1
                assert edge_ticks >= 1.0

    assert ahead > 300
