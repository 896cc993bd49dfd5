"""Looking at a desk changes nothing that it does, whatever the screen's clock says."""

import random
from dataclasses import replace

import pytest

from engine.console.protocol import Answer, encode
from engine.core.actions import Action
from engine.core.budgets import OrderBudget
from engine.core.operator import TUNABLE
from engine.core.trader import Trader
from engine.core.view import DeskView, Preview
from engine.core.view_builder import ViewBuilder, preview
from exchange.types import Command
from tests.engine.desk_trials import LOSSY
from tests.engine.virtual_desk import MARKET, VirtualDesk

S = 1_000_000_000
RESTLESS = replace(MARKET, sigma_ticks=60.0)
"""Moves so much that the desk comes to the end of its orders."""
MINUTE = 60 * S


def look(trader: Trader, now_ns: int, dice: random.Random) -> None:
    """Draw and preview at a moment that the desk may not have reached, or has long passed."""
    ahead_ns = dice.choice((0, 1, 5 * S, -5 * S, 3600 * S, -3600 * S))
    ViewBuilder(trader).build(now_ns + ahead_ns, now_ns + ahead_ns)
    preview(trader, dice.choice((*TUNABLE, "resume", "bid", "__class__")), dice.random())


def session(seed: int, *, watched: bool) -> tuple[list[Command], DeskView]:
    """A lossy session with the trader's hand in it; what was commanded, and how it ended."""
    desk = VirtualDesk(seed=seed, faults=LOSSY, market=RESTLESS)
    dice = random.Random(seed)
    for gamma in (0.02, 0.01, 0.05):
        desk.operate(Action.SET, "gamma", value=gamma)
        for _ in range(20):
            desk.run(dice.choice((0.005, 0.1, 0.3, 1.0)))
            if watched:
                look(desk.trader, desk.now_ns, random.Random(desk.now_ns))
    return desk.commands, ViewBuilder(desk.trader).build(desk.now_ns, desk.now_ns)


@pytest.mark.parametrize("seed", range(6))
def test_a_desk_that_is_watched_decides_as_one_that_is_not(seed: int) -> None:
    """A view drawn late in a window once gave the desk a fresh budget of orders."""
    assert session(seed, watched=True) == session(seed, watched=False)


@pytest.mark.parametrize("name", ["__class__", "__doc__", "delta", "nothing", ""])
def test_a_preview_of_any_name_can_travel(name: str) -> None:
    """A console names what it likes; an answer that cannot be encoded once cost it its line."""
    desk = VirtualDesk()
    desk.run(1.0)

    found = preview(desk.trader, name, 1.0)

    assert isinstance(found, Preview)
    assert encode(Answer(1, accepted=True, text="", preview=found))


def spent(budget: OrderBudget) -> OrderBudget:
    budget.spend(300)
    return budget


def test_a_window_that_the_clock_has_left_starts_anew() -> None:
    budget = OrderBudget()
    budget.turn(5 * S)
    spent(budget)
    assert (budget.left, budget.requote_interval_ns) == (0, S)

    budget.turn(10 * S)

    assert budget.counts == [0, 300]
    assert budget.left == 300


@pytest.mark.parametrize("back_ns", [1, S, 10 * S, 25 * S, 24 * 60 * MINUTE])
def test_a_clock_that_is_set_back_gives_no_fresh_budget(back_ns: int) -> None:
    """The venue goes on counting in the window that it was in."""
    budget = OrderBudget()
    budget.turn(1_000 * MINUTE * 60)
    spent(budget)

    budget.turn(1_000 * MINUTE * 60 - back_ns)

    assert budget.left == 0


def test_a_clock_that_leapt_ahead_and_was_set_right_holds_the_desk_no_longer_than_a_window() -> (
    None
):
    budget = OrderBudget()
    budget.turn(MINUTE)
    budget.turn(24 * 60 * MINUTE)
    spent(budget)

    budget.turn(2 * MINUTE)
    assert budget.left == 0
    budget.turn(3 * MINUTE)

    assert budget.counts == [0, 0]
