"""Risk gate: what halts the desk, what is shown of it, and what ends it."""

from collections.abc import Callable

import pytest

from engine.core.actions import Action
from engine.core.desk_layout import FEES_E8, PEAK_E8, new_desk, new_reals
from engine.core.entry import send_order
from engine.core.error_counts import ErrorCounts
from engine.core.explain import LeftView, SideStatus, evidence
from engine.core.operator import OperatorCommand, refusal_among
from engine.core.request_tracker import PLACE, ask_about
from engine.core.risk import BY_PANIC, RiskGate, check_loss, halt, resume
from engine.core.states import RiskState, SideReason
from exchange.instrument import E8
from exchange.types import (
    Fill,
    OrderStatus,
    OrderUpdate,
    Outcome,
    Place,
    Reply,
    Severity,
    Side,
    Tick,
)
from tests.engine.core.heard import Heard, closed_elsewhere
from tests.engine.network_faults import requests_lost
from tests.engine.virtual_desk import GRID, VirtualDesk

S = 1_000_000_000

# ------------------------------------------------------------ the gate


class Gate(RiskGate):
    """A gate at a limit of 100 USDT, beside a ledger that says what the test wants."""

    def __init__(self) -> None:
        self.desk, self.reals = new_desk(), new_reals()
        super().__init__(self.desk, self.reals, 100.0, GRID, ErrorCounts(self.desk))

    def check(self, total_usdt: float, drawdown_usdt: float) -> bool:
        """Does this loss halt?"""
        self.desk[FEES_E8] = -round(total_usdt * E8)
        self.desk[PEAK_E8] = round((total_usdt + drawdown_usdt) * E8)
        halts = self.halts
        check_loss(self.desk, self.reals, 0)
        return self.halts > halts

    def panic(self) -> None:
        halt(self.desk, BY_PANIC, 0, 0, False, 0)

    def resume(self) -> bool:
        """Does it quote again?"""
        resume(self.desk)
        return self.state is RiskState.ACTIVE


def test_a_loss_is_final_and_says_what_helps() -> None:
    gate = Gate()

    assert gate.check(-100.5, 0.0)
    assert (gate.detail, gate.cure) == (
        "loss 100.50 of 100.00 USDT",
        "a restart with a higher risk.max_loss_pct",
    )
    assert not gate.resume()


def test_a_final_halt_hides_behind_no_later_one() -> None:
    """A panic after a loss once showed "r resumes", and r refused."""
    gate = Gate()
    gate.check(-100.5, 0.0)
    gate.panic()

    assert gate.detail.startswith("loss")
    assert "restart" in gate.cure


def test_a_halted_desk_that_loses_on_is_halted_for_good() -> None:
    """Else r would quote for one step and halt again."""
    gate = Gate()
    gate.panic()

    assert gate.check(0.0, 101.0)
    assert gate.final


def test_the_deepest_drawdown_is_remembered() -> None:
    gate = Gate()
    for drawdown in (3.0, 7.5, 1.0):
        gate.check(0.0, drawdown)

    assert gate.max_drawdown_usdt == 7.5


@pytest.mark.parametrize(
    ("total_usdt", "drawdown_usdt", "halts"),
    [(-99.99, 99.99, False), (-100.0, 0.0, True), (50.0, 100.0, True), (250.0, 0.0, False)],
    ids=["just within", "from the start", "from the peak", "a profit"],
)
def test_a_loss_counts_from_the_start_and_from_the_peak(
    total_usdt: float, drawdown_usdt: float, halts: bool
) -> None:
    gate = Gate()

    assert gate.check(total_usdt, drawdown_usdt) is halts
    assert (gate.state is RiskState.HALTED) is halts


def test_a_loss_is_told_once() -> None:
    """What the desk holds goes on moving; the alarm does not ring at each step."""
    gate = Gate()
    gate.check(-100.5, 0.0)

    assert not gate.check(-130.0, 0.0)
    assert gate.detail == "loss 100.50 of 100.00 USDT"
    assert gate.halts == 1


def test_a_resume_ends_a_halt_that_is_not_final_and_leaves_no_word_of_it() -> None:
    gate = Gate()
    gate.panic()

    assert gate.resume()
    assert (gate.state, gate.detail, gate.cure, gate.halts) == (RiskState.ACTIVE, "", "", 1)


# ------------------------------------------------------------ the halts of a desk


def operate(heard: Heard, action: Action) -> str | None:
    command = OperatorCommand(recv_ns=heard.now_ns, mono_ns=heard.now_ns, action=action)
    return refusal_among(heard.trader.receive(command))


def panic() -> Heard:
    heard = Heard()
    operate(heard, Action.PANIC)
    return heard


def refused_key() -> Heard:
    heard = Heard()
    desk = heard.trader.desk
    ask_about(desk, PLACE, send_order(desk, 1, 600_000, 3, heard.now_ns))
    heard.tell(Tick)
    (place,) = (command for command in heard.sent if isinstance(command, Place))
    heard.tell(
        Reply,
        request_id=place.request_id,
        outcome=Outcome.REFUSED,
        code=-2015,
        message="Invalid API-key",
        round_trip_ns=0,
    )
    return heard


def younger_run() -> Heard:
    heard = Heard()
    heard.tell(
        OrderUpdate,
        client_order_id="mdesk-zzzzzz-1",
        venue_order_id=1,
        side=Side.BUY,
        status=OrderStatus.NEW,
        price_ticks=600_000,
        qty_lots=3,
        filled_lots=0,
        exch_ns=10 * S,
    )
    return heard


def liquidation() -> Heard:
    heard = Heard()
    heard.fill(1, 10 * S, Side.BUY, 200)
    heard.tell(
        Fill,
        trade_id=2,
        client_order_id="autoclose-1",
        side=Side.SELL,
        price_ticks=261_421,
        qty_lots=200,
        maker=False,
        fee_e8=0,
        exch_ns=11 * S,
        forced="liquidated",
    )
    return heard


def vanished_position() -> Heard:
    heard = closed_elsewhere()
    for _ in range(15):
        heard.account(0, 20 * S)
        heard.later(1 * S)
        heard.trades(heard.a_fill(1, 10 * S, Side.BUY, 3))
    return heard


HALTS = [
    (panic, "panic by the operator", "r", False),
    (refused_key, "refused with -2015 Invalid API-key", "mend it, then r", False),
    (
        younger_run,
        "another engine trades here: mdesk-zzzzzz-1",
        "a restart, once the other has ended",
        True,
    ),
    (
        liquidation,
        "liquidated: the venue closed 0.200 of our position",
        "a restart, once you know why",
        True,
    ),
    (
        vanished_position,
        "the venue holds 0.000, our trades make 0.003: it was closed without a trade of ours",
        "a restart, once you know why",
        True,
    ),
]
NAMES = [cause.__name__ for cause, *_ in HALTS]


@pytest.mark.parametrize(("cause", "detail", "cure", "final"), HALTS, ids=NAMES)
def test_a_halt_says_what_it_is_and_what_ends_it(
    cause: Callable[[], Heard], detail: str, cure: str, final: bool
) -> None:
    """On both sides of the screen, and once in the log as an alarm."""
    trader = cause().trader

    gate = trader.gate
    assert (gate.state, gate.detail, gate.cure, gate.final, gate.halts) == (
        RiskState.HALTED,
        detail,
        cure,
        final,
        1,
    )
    assert trader.side_status == dict.fromkeys(Side, SideStatus(SideReason.HALTED, detail, cure))
    alarms = [r.text for r in trader.log.since(0) if r.severity == Severity.ALARM]
    assert alarms[-1] == f"halted: {detail}; ends it: {cure}"


@pytest.mark.parametrize(("cause", "detail", "cure", "final"), HALTS, ids=NAMES)
def test_a_halt_is_ended_by_what_it_names_and_by_nothing_less(
    cause: Callable[[], Heard], detail: str, cure: str, final: bool
) -> None:
    heard = cause()

    refused = operate(heard, Action.RESUME)

    if final:
        assert refused == f"halted for good: {detail}; what helps: {cure}"
        assert heard.trader.gate.state is RiskState.HALTED
    else:
        assert refused is None
        assert heard.trader.gate.state is RiskState.ACTIVE


def test_refusals_told_together_halt_once() -> None:
    """A whole grid is refused for one key: one alarm, and one halt to resume from."""
    heard = Heard()
    desk = heard.trader.desk
    for _ in range(3):
        ask_about(desk, PLACE, send_order(desk, 1, 600_000, 3, heard.now_ns))
    heard.tell(Tick)
    replies = [
        Reply(
            recv_ns=heard.now_ns,
            mono_ns=heard.now_ns,
            request_id=command.request_id,
            outcome=Outcome.REFUSED,
            code=-2015,
            message="Invalid API-key",
            round_trip_ns=0,
        )
        for command in heard.sent
        if isinstance(command, Place)
    ]

    heard.trader.receive(*replies)

    assert len(replies) == 3
    assert heard.trader.gate.halts == 1


def test_a_halt_forgets_the_refusal_that_it_came_of() -> None:
    """Mended and resumed, the desk would halt at the next step again."""
    heard = refused_key()
    operate(heard, Action.RESUME)

    heard.tell(Tick)

    assert heard.trader.gate.state is RiskState.ACTIVE


# ------------------------------------------------------------ what is proven


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
    desk.arm(requests_lost(1.0))
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
    # Replaced on this desk alone: none of its faults refuses a key.
    desk._answer_order = lambda command, sent_ms: desk._reply(  # type: ignore[method-assign]
        command.request_id, Outcome.REFUSED, -2015, message="Invalid API-key"
    )
    desk.run_until(lambda: desk.trader.gate.state is RiskState.HALTED)

    assert desk.trader.gate.cure == "mend it, then r"
    assert desk.trader.resume_refused == ""
