"""Flattening: a position is closed at market, whatever the venue answers and in what order."""

from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.actions import Action
from engine.core.desk_layout import FLATTEN_BY_LIMIT, new_desk
from engine.core.error_counts import ErrorCounts
from engine.core.flatten import PATIENCE_NS, Flatten, ask_flatten, refuse_closing, step_flatten
from engine.core.states import FlattenState
from exchange.types import Cancel, Link, LinkDown, Outcome, Place, QueryOrder
from tests.engine.network_faults import (
    market_lost,
    private_cut,
    private_late,
    private_repeated,
    replies_lost,
    requests_lost,
    trades_late,
)
from tests.engine.virtual_desk import MARKET, MS, SETTINGS, VirtualDesk

PASSING = (-1008, -1021, -1003, -4118, -2022, -2027, -4131, -4005, 0)
LOSSY = (
    replies_lost(0.2),
    requests_lost(0.2),
    private_repeated(0.2),
    private_late(0.3),
    market_lost(0.01),
    private_cut(4.0),
    trades_late(300.0),
)
SYMBOL = "BTCUSDT"


class RefusingDesk(VirtualDesk):
    """Desk whose venue refuses closing orders, by chance or so many times, before one is taken."""

    def __init__(self, seed: int, held_lots: int = 19) -> None:
        super().__init__(seed, opening_lots=held_lots, market=replace(MARKET, A_per_s=0.001))
        self.refusals_left = 0
        self.refuse_chance = 0.0
        self.codes: tuple[int, ...] = PASSING
        self.closing: list[Place] = []

    def _answer_order(self, command: Place | Cancel | QueryOrder, sent_ms: float) -> None:
        if isinstance(command, Place) and command.reduce_only:
            self.closing.append(command)
            if self.refusals_left > 0 or self._chance(self.refuse_chance):
                self.refusals_left -= 1
                code = self._rng.choice(self.codes)
                refuse = partial(self._reply, command.request_id, Outcome.REFUSED, code)
                self._later(5, partial(refuse, message="told by the test"))
                return
        super()._answer_order(command, sent_ms)

    @property
    def held(self) -> int:
        return self.symbol_account.holding.lots

    def until_ended(self) -> None:
        self.run_until(lambda: not self.trader.flatten.closing, limit_s=30.0)


def quoting(desk: RefusingDesk) -> RefusingDesk:
    desk.run_until(lambda: len(desk.our_open_orders) > SETTINGS.grid_num)
    return desk


# ------------------------------------------------------------ the machine alone

Answer = tuple[str, int]
ANSWERS = st.lists(
    st.one_of(
        st.tuples(st.just("refused"), st.sampled_from(PASSING)),
        st.tuples(st.sampled_from(["filled", "partly", "absent"]), st.integers(1, 9)),
    ),
    max_size=60,
)


@given(st.integers(-40, 40), ANSWERS)
def test_it_never_asks_for_more_than_is_held_and_always_ends(
    held: int, answers: list[Answer]
) -> None:
    """Whatever each order comes to, the position only shrinks, and the end is the truth."""
    desk, mono_ns = new_desk(), 0
    flatten = Flatten(desk, ErrorCounts(desk))
    ask_flatten(desk, mono_ns)
    answers = list(answers)
    while flatten.closing:
        mono_ns += 100 * MS
        lots = step_flatten(desk, held, True, True, mono_ns)
        if lots == 0:
            continue
        assert 0 < lots <= abs(held)
        kind, n = answers.pop() if answers else ("filled", 0)
        if kind == "refused":
            refuse_closing(desk, n, mono_ns)
        elif kind != "absent":
            filled = min(n, lots) if kind == "partly" else lots
            held -= filled if held > 0 else -filled

    assert mono_ns <= PATIENCE_NS + 100 * MS
    assert (flatten.state is FlattenState.FLAT) == (held == 0)


def test_nothing_is_sent_while_an_order_of_ours_may_live() -> None:
    desk = new_desk()
    ask_flatten(desk, 0)

    assert step_flatten(desk, 19, False, True, 0) == 0
    assert step_flatten(desk, 19, True, True, 1) == 19


def test_what_the_venue_has_not_confirmed_is_not_flat() -> None:
    """Nought by our own count alone proves nothing."""
    desk = new_desk()
    flatten = Flatten(desk, ErrorCounts(desk))
    ask_flatten(desk, 0)
    for mono_ns in range(0, PATIENCE_NS + MS, 100 * MS):
        step_flatten(desk, 0, True, False, mono_ns)

    assert flatten.failed


def test_a_size_refused_is_tried_in_pieces_and_a_price_as_a_limit() -> None:
    desk, mono_ns = new_desk(), 0
    ask_flatten(desk, 0)
    sent = []
    for code in (-4005, -4005, -4131, 0):
        sent.append((step_flatten(desk, 20, True, True, mono_ns), int(desk[FLATTEN_BY_LIMIT])))
        refuse_closing(desk, code, mono_ns)
        mono_ns += 3000 * MS

    assert sent == [(20, 0), (10, 0), (5, 0), (5, 1)]


def test_a_late_fill_after_the_end_is_still_told() -> None:
    desk = new_desk()
    flatten = Flatten(desk, ErrorCounts(desk))
    ask_flatten(desk, 0)
    step_flatten(desk, 19, False, True, PATIENCE_NS)
    assert flatten.failed
    step_flatten(desk, 0, True, True, PATIENCE_NS + 1)

    assert flatten.state is FlattenState.FLAT


# ------------------------------------------------------------ the whole desk


@pytest.mark.parametrize("code", [-1008, -4118, -2022, -2027, -4131, -4005, -1021, 0])
@pytest.mark.parametrize("ends", [True, False], ids=["stop", "F"])
def test_refusals_that_pass_are_tried_again_until_flat(code: int, ends: bool) -> None:
    """One refusal once left 19 lots behind, with exit 0."""
    desk = quoting(RefusingDesk(1))
    desk.codes, desk.refusals_left = (code,), 3
    problem = desk.operate(Action.STOP, "flatten") if ends else desk.operate(Action.FLATTEN, SYMBOL)
    desk.until_ended()

    assert problem is None
    assert desk.held == 0
    assert desk.trader.flatten.state is FlattenState.FLAT
    assert desk.trader.not_flat == ""
    assert len(desk.closing) >= 4


@pytest.mark.parametrize("held_lots", [19, 1])
def test_a_position_that_stays_is_not_flat(held_lots: int) -> None:
    """It says how much is left and the venue's last answer, and the stop still comes to its end."""
    desk = quoting(RefusingDesk(1, held_lots=held_lots))
    desk.refuse_chance, desk.codes = 1.0, (-1008,)
    desk.operate(Action.STOP, "flatten")
    desk.run_until(lambda: desk.trader.finished, limit_s=30.0)

    assert desk.trader.not_flat.startswith(f"NOT FLAT: 0.{held_lots:03} held")
    assert "-1008" in desk.trader.not_flat
    assert 5 < len(desk.closing) < 20


@pytest.mark.parametrize("seed", range(60))
def test_no_order_of_arrival_closes_too_much_or_tells_a_lie(seed: int) -> None:
    """Refused, lost, late, repeated, cut: the position only shrinks, and the end is the truth."""
    desk = quoting(RefusingDesk(seed, held_lots=1 + seed % 25))
    desk.arm(*LOSSY)
    desk.refuse_chance = 0.3
    desk.operate(Action.STOP, "flatten") if seed % 2 else desk.operate(Action.FLATTEN, SYMBOL)
    desk.run_until(lambda: bool(desk.closing) or not desk.trader.flatten.closing, limit_s=30.0)
    before = desk.held  # a quote whose cancel was lost may have turned it round by now
    sign = -desk.closing[0].side if desk.closing else 1
    while desk.trader.flatten.closing:
        desk.run(0.005)
        assert 0 <= sign * desk.held <= sign * before
        before = desk.held

    if desk.trader.flatten.state is FlattenState.FLAT:
        assert desk.held == 0
    else:
        assert desk.trader.not_flat
    assert all(order.side == -sign for order in desk.closing)


def test_an_order_of_unknown_fate_is_proven_before_another_is_sent() -> None:
    """The first was executed and only its answer lost: nothing more is sent."""
    desk = quoting(RefusingDesk(1))
    desk.arm(replies_lost(1.0))
    desk.operate(Action.FLATTEN, SYMBOL)
    desk.run_until(lambda: bool(desk.closing))
    desk.end_faults()
    desk.until_ended()

    assert desk.held == 0
    assert len(desk.closing) == 1


def test_the_engine_stays_paused_after_a_flatten() -> None:
    desk = quoting(RefusingDesk(1))
    desk.operate(Action.FLATTEN, SYMBOL)
    desk.until_ended()
    desk.run(2.0)

    assert desk.held == 0
    assert not desk.our_open_orders
    assert desk.trader.operator.paused
    assert not desk.trader.operator.stopping


def test_a_halted_desk_can_be_flattened() -> None:
    """It stays halted: closing what is held mends nothing."""
    desk = quoting(RefusingDesk(1))
    desk.operate(Action.PANIC)
    desk.operate(Action.FLATTEN, SYMBOL)
    desk.until_ended()

    assert desk.held == 0
    assert desk.trader.gate.detail == "panic by the operator"


@pytest.mark.parametrize("name", ["", "btcusd", "ETHUSDT"])
def test_flatten_wants_the_symbol_from_every_console(name: str) -> None:
    desk = quoting(RefusingDesk(1))
    problem = desk.operate(Action.FLATTEN, name)
    desk.run(1.0)

    assert problem is not None
    assert desk.held == 19


def test_resume_waits_for_a_flatten_to_end() -> None:
    desk = quoting(RefusingDesk(1))
    desk.refuse_chance = 1.0
    desk.operate(Action.FLATTEN, SYMBOL)

    assert "flattening" in str(desk.operate(Action.RESUME))


@pytest.mark.parametrize(("action", "name"), [(Action.PANIC, ""), (Action.STOP, "keep")])
def test_panic_and_a_stop_that_keeps_end_a_flatten(action: Action, name: str) -> None:
    """The last command of the operator counts, and nothing more is sent."""
    desk = quoting(RefusingDesk(1))
    desk.refuse_chance, desk.codes = 1.0, (-1008,)
    desk.operate(Action.FLATTEN, SYMBOL)
    desk.run(3.0)
    desk.operate(action, name)
    sent = len(desk.closing)
    desk.refuse_chance = 0.0
    desk.run(5.0)

    assert len(desk.closing) == sent
    assert desk.held == 19


def test_a_closing_order_is_no_quote_to_be_cancelled() -> None:
    desk = quoting(RefusingDesk(1))
    desk.run(1.0)
    desk.operate(Action.FLATTEN, SYMBOL)
    desk.until_ended()
    names = {order.client_order_id for order in desk.closing}

    cancelled = {c.client_order_id for c in desk.commands if isinstance(c, Cancel)}
    assert names
    assert not names & cancelled


def test_with_the_private_line_down_flat_is_not_claimed() -> None:
    """Nobody can confirm it, so it is not said."""
    desk = quoting(RefusingDesk(1))
    desk.feed(LinkDown, link=Link.PRIVATE, reason="cut by the test")
    desk._private_up_ns = desk.now_ns + 3600 * 1000 * MS
    desk.operate(Action.STOP, "flatten")
    desk.until_ended()

    assert desk.trader.not_flat
