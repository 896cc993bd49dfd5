"""View building changes nothing that a desk does, whatever the screen's clock says."""

import random
from dataclasses import replace

import pytest

from engine.console.protocol import Answer, encode
from engine.core.actions import Action
from engine.core.operator import TUNABLE
from engine.core.trader import Trader
from engine.view.desk_view import DeskView, Preview
from engine.view.view_builder import ViewBuilder, preview
from exchange.types import Command
from tests.engine.desk_trials import LOSSY
from tests.engine.virtual_desk import MARKET, VirtualDesk

S = 1_000_000_000
RESTLESS = replace(MARKET, sigma_ticks=60.0)
"""Moves so much that the desk comes to the end of its orders."""


def look(trader: Trader, now_ns: int, rng: random.Random) -> None:
    """Draw and preview at a moment that the desk may not have reached, or has long passed."""
    ahead_ns = rng.choice((0, 1, 5 * S, -5 * S, 3600 * S, -3600 * S))
    ViewBuilder(trader).build(now_ns + ahead_ns, now_ns + ahead_ns)
    preview(trader, rng.choice((*TUNABLE, "resume", "bid", "__class__")), rng.random())


def session(seed: int, *, watched: bool) -> tuple[list[Command], DeskView]:
    """A lossy session with an operator's commands in it; what was commanded, and how it ended."""
    desk = VirtualDesk(seed=seed, faults=LOSSY, market=RESTLESS)
    rng = random.Random(seed)
    for gamma in (0.02, 0.01, 0.05):
        desk.operate(Action.SET, "gamma", value=gamma)
        for _ in range(20):
            desk.run(rng.choice((0.005, 0.1, 0.3, 1.0)))
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
