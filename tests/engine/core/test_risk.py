"""What halts the desk, what is said of it, and what ends it."""

import pytest

from engine.core.actions import Action
from engine.core.explain import evidence
from engine.core.risk import RiskGate
from engine.core.view import LeftView, RiskState
from exchange.types import Outcome
from tests.engine.virtual_desk import Faults, VirtualDesk


def test_a_loss_is_final_and_says_what_helps() -> None:
    gate = RiskGate(100.0)

    assert gate.check_loss(-100.5, 0.0)
    assert (gate.detail, gate.cure) == (
        "loss 100.50 of 100.00 USDT",
        "a restart with a higher risk.max_loss_pct",
    )
    assert not gate.resume()


def test_a_final_halt_hides_behind_no_later_one() -> None:
    """A panic after a loss once showed "r resumes", and r refused."""
    gate = RiskGate(100.0)
    gate.check_loss(-100.5, 0.0)
    gate.halt("panic by the operator", "r")

    assert gate.detail.startswith("loss")
    assert "restart" in gate.cure


def test_a_halted_desk_that_loses_on_is_halted_for_good() -> None:
    """Else r would quote for one step and halt again."""
    gate = RiskGate(100.0)
    gate.halt("panic by the operator", "r")

    assert gate.check_loss(0.0, 101.0)
    assert gate.final


def test_the_deepest_drawdown_is_remembered() -> None:
    gate = RiskGate(100.0)
    for drawdown in (3.0, 7.5, 1.0):
        gate.check_loss(0.0, drawdown)

    assert gate.max_drawdown_usdt == 7.5


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (LeftView(8, 8, proven=False), "gate closed; 8 orders of ours unknown, asking"),
        (LeftView(1, 0, proven=False), "gate closed; 1 order of ours being cancelled"),
        (LeftView(3, 1, proven=False), "1 order of ours unknown, asking, 2 being cancelled"),
        (LeftView(0, 0, proven=False), "asking whether any order of ours is left"),
        (LeftView(0, 0, proven=True), "no order of ours left, verified"),
    ],
)
def test_only_evidence_is_said(left: LeftView, said: str) -> None:
    assert said in evidence(left)


def _proven(desk: VirtualDesk) -> bool:
    left = desk.trader.left
    return left is not None and left.proven


@pytest.mark.parametrize("action", [Action.PANIC, Action.PAUSE])
def test_only_the_venues_own_list_proves_that_nothing_is_left(action: Action) -> None:
    desk = VirtualDesk()
    desk.run(3.0)
    assert not _proven(desk)
    desk.operate(action)
    assert not _proven(desk)
    desk.run_until(lambda: _proven(desk))

    assert not desk.our_open_orders


def test_with_a_dead_venue_orders_are_unknown_and_nothing_is_proven() -> None:
    desk = VirtualDesk()
    desk.run(3.0)
    open_before = len(desk.our_open_orders)
    desk._faults = Faults(request_lost=1.0)
    desk.cut_private(3600.0)
    desk.operate(Action.PANIC)
    desk.run(8.0)

    assert desk.trader.left == LeftView(open_before, open_before, proven=False)


def test_a_resume_is_for_the_halt_that_was_seen() -> None:
    """Asked before a panic and agreed to after it, it would lift what nobody has looked at."""
    desk = VirtualDesk()
    desk.run(3.0)
    desk.operate(Action.PAUSE)
    seen = desk.trader.gate.halts
    desk.operate(Action.PANIC)

    refused = desk.operate(Action.RESUME, expected=seen)
    states = [desk.trader.gate.state]
    obeyed = desk.operate(Action.RESUME, expected=desk.trader.gate.halts)
    states.append(desk.trader.gate.state)

    assert refused == "halted since you were asked: panic by the operator; look again"
    assert obeyed is None
    assert states == [RiskState.HALTED, RiskState.ACTIVE]


def test_a_key_that_the_venue_refuses_says_mend_it() -> None:
    desk = VirtualDesk()
    desk.run(3.0)
    desk._answer_order = lambda command, sent_ms: desk._reply(  # type: ignore[method-assign]
        command.request_id, Outcome.REFUSED, -2015, message="Invalid API-key"
    )
    desk.run_until(lambda: desk.trader.gate.state is RiskState.HALTED)

    assert desk.trader.gate.cure == "mend it, then r"
    assert desk.trader.resume_refused == ""
