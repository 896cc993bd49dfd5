"""Position keeping: the same result in whatever order executions reach us."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from engine.core.desk_layout import (
    COST_E8,
    EXECUTIONS_KEPT,
    HISTORY_KEPT,
    POSITION_LOTS,
    REALISED_E8,
    new_desk,
)
from engine.core.position import (
    adopt_base,
    book_execution,
    knows_trade,
    lots_apart,
    newest_exch_ns,
    newest_trade,
    note_history,
    open_position,
    order_lots,
)
from exchange.jit import IntArray
from tests.naive.position import Trade, position_after

TRADES = st.lists(
    st.tuples(st.integers(0, 3), st.integers(1, 9), st.booleans(), st.integers(990, 1010)),
    min_size=1,
    max_size=25,
)


def in_venue_order(rows: list[tuple[int, int, bool, int]]) -> list[Trade]:
    """Trades of a venue: ids ascend, stamps never fall, and several share a millisecond."""
    exch_ns, trades = 1, []
    for number, (pause, lots, buys, price) in enumerate(rows):
        exch_ns += pause
        signed = lots if buys else -lots
        trades.append(Trade(number, exch_ns, signed, signed * price))
    return trades


def book(desk: IntArray, trade: Trade, epoch: int = 0, number: int = 0) -> None:
    """Take a trade as the ledger does: once."""
    if not knows_trade(desk, trade.trade_id, trade.exch_ns):
        book_execution(desk, *trade, epoch, number)


def position_of(desk: IntArray) -> tuple[int, int, int]:
    """Lots, cost and realised profit."""
    return int(desk[POSITION_LOTS]), int(desk[COST_E8]), int(desk[REALISED_E8])


@given(TRADES, st.integers(0, 10**6))
def test_late_and_repeated_executions_change_nothing(
    rows: list[tuple[int, int, bool, int]], seed: int
) -> None:
    """What a sell realises depends on what was bought before it, not on what reached us first."""
    trades = in_venue_order(rows)
    arrivals = trades + trades[::2]
    Random(seed).shuffle(arrivals)
    desk = new_desk()

    for trade in arrivals:
        book(desk, trade)

    # A half-closed cost is rounded to the unit, here down and there down.
    assert position_of(desk) == position_after(trades)


@given(TRADES, st.integers(0, 10**6), st.data())
def test_a_position_adopted_at_any_moment_holds_what_traded_before_it(
    rows: list[tuple[int, int, bool, int]], seed: int, data: st.DataObject
) -> None:
    """Adopted between any two arrivals: no trade counts twice, and none is forgotten."""
    trades = in_venue_order(rows)
    stamps = sorted({trade.exch_ns for trade in trades})
    stamp = data.draw(st.sampled_from(stamps))
    stated = position_after([trade for trade in trades if trade.exch_ns <= stamp])
    arrivals = trades + trades[::3]
    Random(seed).shuffle(arrivals)
    adopted_after = data.draw(st.integers(0, len(arrivals)))
    desk = new_desk()

    for trade in arrivals[:adopted_after]:
        book(desk, trade)
    adopt_base(desk, stated[0], stated[1], stamp)
    for trade in arrivals[adopted_after:]:
        book(desk, trade)

    assert position_of(desk) == position_after(trades)


@given(TRADES)
def test_what_was_held_at_a_stamp_is_any_of_what_its_trades_left(
    rows: list[tuple[int, int, bool, int]],
) -> None:
    """A stamp in milliseconds does not say after which of the trades that share it."""
    trades = in_venue_order(rows)
    desk = new_desk()
    for trade in trades:
        book(desk, trade)

    for stamp in range(1, trades[-1].exch_ns + 2):
        before = [trade for trade in trades if trade.exch_ns < stamp]
        at = [trade for trade in trades if trade.exch_ns == stamp]
        expected = {position_after(before + at[:n])[0] for n in range(1 if at else 0, len(at) + 1)}
        for lots in range(min(expected) - 2, max(expected) + 3):
            known, apart = lots_apart(desk, stamp, lots)
            assert known
            assert lots - apart in expected
            assert abs(apart) == min(abs(lots - each) for each in expected)


def test_trades_up_to_the_opening_are_history() -> None:
    """They are inside the position that the venue stated, by its own stamp."""
    desk = new_desk()
    open_position(desk, 5, 5000, 10)

    for trade in (Trade(1, 9, 2, 2000), Trade(2, 10, 2, 2000), Trade(3, 11, -1, -1001)):
        book(desk, trade)

    assert position_of(desk) == (4, 4000, 1)


def test_a_trade_of_the_past_is_noted_once_and_one_of_the_present_never() -> None:
    """What the opening holds still filled the order that it was of."""
    desk = new_desk()
    open_position(desk, 5, 5000, 10)

    noted = [note_history(desk, 1, 9), note_history(desk, 1, 9), note_history(desk, 2, 11)]

    assert noted == [True, False, False]


def test_of_past_trades_the_oldest_noted_is_forgotten() -> None:
    desk = new_desk()
    open_position(desk, 5, 5000, 10)

    for trade_id in range(HISTORY_KEPT + 1):
        assert note_history(desk, trade_id, 9)

    assert note_history(desk, 0, 9)
    assert not note_history(desk, HISTORY_KEPT, 9)


def test_what_is_too_old_to_be_remembered_is_never_booked_again() -> None:
    """A list of trades may reach back further than the memory does."""
    desk = new_desk()
    trades = [Trade(i, i, 1, 1000) for i in range(1, EXECUTIONS_KEPT + 101)]
    for trade in trades:
        book(desk, trade)

    for trade in trades:
        book(desk, trade)

    assert desk[POSITION_LOTS] == len(trades)
    assert lots_apart(desk, 50, 50) == (False, 0)
    assert lots_apart(desk, 200, 200) == (True, 0)


def test_a_late_execution_finds_its_place_in_a_memory_that_is_full() -> None:
    """The ring has turned: what is oldest no longer stands first in it."""
    desk = new_desk()
    trades = [Trade(i, 10 * i, 1, 1000) for i in range(1, EXECUTIONS_KEPT + 101)]
    for trade in trades:
        book(desk, trade)
    late = Trade(10**9, 10 * EXECUTIONS_KEPT + 5, -7, -7700)

    book(desk, late)

    assert position_of(desk)[::2] == (len(trades) - 7, 700)
    assert lots_apart(desk, late.exch_ns, EXECUTIONS_KEPT - 7) == (True, 0)
    assert lots_apart(desk, late.exch_ns - 5, EXECUTIONS_KEPT) == (True, 0)


def test_what_is_older_than_a_full_memory_makes_nothing_be_booked_twice() -> None:
    """It is counted and forgotten at once; what stood first stays known."""
    desk = new_desk()
    trades = [Trade(i, 10 * i, 1, 1000 + i) for i in range(1, EXECUTIONS_KEPT + 1)]
    for trade in trades:
        book(desk, trade)
    older = Trade(10**9, 5, -3, -2700)
    newer = Trade(10**9 + 1, 10**9, 1, 1000)

    for trade in (older, newer, older, *trades[:2]):
        book(desk, trade)

    assert position_of(desk) == position_after([older, *trades, newer])


def test_a_trade_that_was_history_and_is_booked_stays_booked() -> None:
    """By its first stamp it was in the opening, by its second it is not."""
    desk = new_desk()
    open_position(desk, 5, 5000, 10)
    note_history(desk, 7, 9)
    book(desk, Trade(7, 11, 1, 1000))
    for trade_id in range(100, 100 + HISTORY_KEPT):
        note_history(desk, trade_id, 9)

    book(desk, Trade(7, 11, 1, 1000))

    assert desk[POSITION_LOTS] == 6


def test_the_newest_trade_is_no_base() -> None:
    desk = new_desk()
    before = newest_trade(desk), newest_exch_ns(desk)
    book(desk, Trade(7, 20, 1, 1000))
    adopt_base(desk, 5, 5000, 30)

    assert before == ((-1, -1), -1)
    assert newest_trade(desk) == (20, 7)
    assert newest_exch_ns(desk) == 30


def test_lots_of_an_order_are_its_own() -> None:
    """Of this run and of an earlier one that gave the same number."""
    desk = new_desk()
    book(desk, Trade(1, 1, 2, 2000), 7, 1)
    book(desk, Trade(2, 2, -3, -3000), 7, 2)
    book(desk, Trade(3, 3, 1, 1000), 7, 1)
    book(desk, Trade(4, 4, 5, 5000), 6, 1)
    adopt_base(desk, 9, 9000, 5)

    assert [order_lots(desk, 7, 1), order_lots(desk, 7, 2), order_lots(desk, 6, 1)] == [3, 3, 5]


@given(
    st.lists(
        st.tuples(
            st.integers(-(2**38), 2**38), st.integers(1, 10**6), st.integers(-(10**9), 10**9)
        ),
        min_size=1,
        max_size=6,
    )
)
def test_large_positions_are_counted_to_the_unit(rows: list[tuple[int, int, int]]) -> None:
    """Cost times lots is beyond an int64 by far."""
    desk, trades, held = new_desk(), [], 0
    for number, (target, price_e8, off_tick_e8) in enumerate(rows):
        if target != held:
            signed = target - held
            trades.append(Trade(number, number, signed, signed * price_e8 + off_tick_e8))
            held = target

    for trade in trades:
        book(desk, trade)

    assert position_of(desk) == position_after(trades)
