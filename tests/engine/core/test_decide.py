"""Decision, on the block alone: no trader, no venue, only numbers that were written there."""

import numpy as np
import pytest

from engine.core.decide import decide
from engine.core.desk_layout import (
    COMMAND_KIND,
    COMMAND_PRICE_TICKS,
    COMMAND_QTY_LOTS,
    COMMAND_SIDE,
    COMMANDS,
    COMMANDS_KEPT,
    FLATTEN_BY_LIMIT,
    FLATTEN_TRIES,
    MAX_LOSS_USDT,
    ORDER_LOTS,
    ORDER_SLOTS,
    POSITION_LOTS,
    command_row,
    new_desk,
    new_reals,
)
from engine.core.explain import SideStatus
from engine.core.flatten import ask_flatten
from engine.core.orders import DONE, add_order, report_filled
from engine.core.request_tracker import (
    CLOSE_AT_MARKET,
    CLOSE_AT_PRICE,
    FETCH_ACCOUNT,
    RequestTracker,
    ask,
)
from engine.core.states import Mode, SideReason
from engine.core.trader import Trader
from exchange.book import Book
from exchange.errors import InvariantBroken
from exchange.jit import FloatArray, IntArray, in_python
from exchange.market_layout import JOINED, new_region
from exchange.types import Side
from tests.engine.virtual_desk import GRID, SETTINGS

S = 1_000_000_000
BID, ASK = 600_000, 600_007


class Block:
    """A desk that holds something, and a market at 600,000 by 600,007."""

    def __init__(self, held_lots: int) -> None:
        self.desk: IntArray = new_desk()
        self.reals: FloatArray = new_reals()
        self.market = new_region()
        ticks, lots = np.array([BID, ASK]), np.array([10, 10])
        Book(self.market).apply(ticks[:1], lots[:1], ticks[1:], lots[1:])
        self.market[JOINED] = 1
        self.desk[POSITION_LOTS] = held_lots
        self.desk[ORDER_LOTS], self.reals[MAX_LOSS_USDT] = 3, 100.0

    def commands(self, mono_ns: int) -> list[dict[int, int]]:
        """What is decided now."""
        decide(self.desk, self.reals, self.market, mono_ns, mono_ns)
        rows = [in_python(command_row)(self.desk, i) for i in range(self.desk[COMMANDS])]
        self.desk[COMMANDS] = 0
        return [dict(enumerate(row.tolist())) for row in rows]


@pytest.mark.parametrize(("held_lots", "side", "price"), [(7, -1, BID), (-7, 1, ASK)])
def test_a_limit_that_closes_takes_at_the_other_sides_best(
    held_lots: int, side: int, price: int
) -> None:
    """At our own side's best it would rest, and it may not."""
    block = Block(held_lots)
    ask_flatten(block.desk, S)
    block.desk[FLATTEN_BY_LIMIT] = 1

    (closing,) = block.commands(S)

    assert closing[COMMAND_KIND] == CLOSE_AT_PRICE
    assert (closing[COMMAND_SIDE], closing[COMMAND_QTY_LOTS]) == (side, 7)
    assert closing[COMMAND_PRICE_TICKS] == price


def test_a_position_closes_at_market_first() -> None:
    block = Block(7)
    ask_flatten(block.desk, S)

    (closing,) = block.commands(S)

    assert (closing[COMMAND_KIND], closing[COMMAND_PRICE_TICKS]) == (CLOSE_AT_MARKET, 0)


def test_a_full_order_table_costs_a_flatten_no_try() -> None:
    """Orders that are over keep their slots until the book has passed their end."""
    block = Block(7)
    for number in range(1, ORDER_SLOTS + 1):
        add_order(block.desk, 1, number, 1, BID, 3, S, DONE)
    ask_flatten(block.desk, S)

    full = block.commands(S)
    tries = int(block.desk[FLATTEN_TRIES])
    block.commands(4 * S)  # which releases them at its end
    later = block.commands(4 * S + 1)

    assert (full, tries) == ([], 0)
    assert [row[COMMAND_KIND] for row in later] == [CLOSE_AT_MARKET]


def test_a_fill_that_is_not_booked_keeps_a_flatten_waiting() -> None:
    block = Block(7)
    slot = add_order(block.desk, 1, 1, -1, ASK, 3, S, DONE)
    report_filled(block.desk, slot, 3)
    ask_flatten(block.desk, S)

    assert block.commands(S) == []


def test_before_its_first_event_a_desk_quotes_nothing_and_says_so() -> None:
    """A screen may look that early; zeros once read as quoting."""
    trader = Trader(SETTINGS, GRID, Mode.PAPER, epoch=1, own_in_book=True)

    never = SideStatus(SideReason.LINK_DOWN, "private stream: never connected", "reconnecting")
    assert trader.side_status == dict.fromkeys(Side, never)


def test_more_commands_than_there_is_room_for_end_the_session() -> None:
    """One lost without a word might be the cancel that mattered."""
    desk = new_desk()
    tracker = RequestTracker(desk)
    for _ in range(COMMANDS_KEPT + 1):
        ask(desk, FETCH_ACCOUNT, 0)

    with pytest.raises(InvariantBroken, match=f"room for {COMMANDS_KEPT}"):
        tracker.take()
