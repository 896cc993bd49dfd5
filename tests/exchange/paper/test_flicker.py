"""Flicker generator: one side of the touch shakes, and the tape says why or does not."""

from dataclasses import replace
from itertools import pairwise

import pytest

from exchange.paper.background.flicker import EPISODE_S, PAUSE_S
from exchange.paper.background.synthetic_flow import STEP_NS, STEP_S, SyntheticFlow
from exchange.paper.matching.events import Traded
from exchange.paper.matching.price_time import Matching
from exchange.paper.settings import FlickerCase
from exchange.types import Side
from tests.exchange.paper.bench import LIVELY

PAUSE, EPISODE = round(PAUSE_S / STEP_S), round(EPISODE_S / STEP_S)


class Shaken:
    """A lively market with flicker, step by step."""

    def __init__(self, flicker: FlickerCase, **changes: int) -> None:
        self.matching = Matching()
        market = replace(LIVELY, flicker=flicker, **changes)  # type: ignore[arg-type]  # of numbers alone
        self.flow = SyntheticFlow(market, self.matching)
        self.steps = -1
        self.live(PAUSE)

    def live(self, steps: int) -> list[Traded]:
        trades = []
        for _ in range(steps):
            self.steps += 1
            for events in self.flow.advance(self.steps * STEP_NS):
                trades += [event for event in events if isinstance(event, Traded)]
        return trades

    def episode(self) -> tuple[list[int], list[int], list[Traded]]:
        """The best bid and ask of each step, and the trades, until one ends."""
        bids, asks, trades = [], [], []
        for _ in range(EPISODE):
            trades += self.live(1)
            bid, _, ask, _ = self.matching.touch()
            bids.append(bid)
            asks.append(ask)
        return bids, asks, trades


def changes(prices: list[int]) -> int:
    return sum(a != b for a, b in pairwise(prices))


@pytest.mark.parametrize("flicker", ["case1", "case2"])
def test_one_side_shakes_about_once_a_second_and_the_other_stands_still(
    flicker: FlickerCase,
) -> None:
    shaken = Shaken(flicker)
    bids, asks, _ = shaken.episode()
    still, moving = sorted((bids, asks), key=changes)

    # What a sweep just before it had eaten still comes back.
    assert changes(still[50:]) == 0
    assert EPISODE_S / 1.25 < changes(moving[50:]) < EPISODE_S / 0.75


def test_in_case_1_every_quote_is_eaten_whole() -> None:
    """By takers of the other side, one print each, as many as the quotes that went."""
    shaken = Shaken("case1")
    bids, asks, trades = shaken.episode()
    side = Side.BUY if changes(bids) > changes(asks) else Side.SELL
    moving = bids if side is Side.BUY else asks

    came = sum(side * (b - a) > 0 for a, b in pairwise(moving))
    assert {trade.taker_side for trade in trades} == {Side(-side)}
    assert {trade.qty_lots for trade in trades} == {40}
    assert len(trades) == pytest.approx(came, abs=2)


def test_in_case_2_nothing_trades_at_all() -> None:
    assert Shaken("case2").episode()[2] == []


def test_between_episodes_the_market_lives_as_always() -> None:
    shaken = Shaken("case2")
    shaken.episode()
    fair = shaken.flow.fair_ticks
    trades = shaken.live(PAUSE - 1)

    assert len(trades) > 100
    assert shaken.flow.fair_ticks != fair
    assert shaken.episode()[2] == []


def test_sides_take_turns_by_chance() -> None:
    """Both have been shaken after a few episodes."""
    shaken = Shaken("case2", depth_levels=5)
    shook = set()
    for _ in range(8):
        bids, asks, _ = shaken.episode()
        shook.add(changes(bids[50:]) > changes(asks[50:]))
        shaken.live(PAUSE)

    assert shook == {True, False}


def test_where_the_spread_is_one_tick_there_is_no_room_to_flicker() -> None:
    """An account stands right before the other side."""
    shaken = Shaken("case2")
    shaken.live(1)
    _, _, ask, _ = shaken.matching.touch()
    shaken.matching.submit(1, Side.BUY, 5, ask - 1)
    bids, asks, _ = shaken.episode()

    assert set(bids[:-1]) == {ask - 1}
    assert set(asks[:-1]) == {ask}


def test_a_wick_on_command_does_not_wait_for_an_episode_to_end() -> None:
    shaken = Shaken("case2")
    shaken.live(50)
    fair = shaken.flow.fair_ticks
    shaken.flow.wick(Side.SELL)
    shaken.live(100)

    assert shaken.flow.fair_ticks < 0.91 * fair
