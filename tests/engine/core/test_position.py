"""Position keeping: the same result in whatever order executions reach us."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from engine.core.position import PositionBook
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


def book(position: PositionBook, trade: Trade) -> None:
    """Take a trade as the ledger does: once."""
    if not position.knows(trade.trade_id, trade.exch_ns):
        position.book(*trade)


@given(TRADES, st.integers(0, 10**6))
def test_late_and_repeated_executions_change_nothing(
    rows: list[tuple[int, int, bool, int]], seed: int
) -> None:
    """What a sell realises depends on what was bought before it, not on what reached us first."""
    trades = in_venue_order(rows)
    arrivals = trades + trades[::2]
    Random(seed).shuffle(arrivals)
    position = PositionBook()

    for trade in arrivals:
        book(position, trade)

    lots, cost_e8, realised_e8 = position_after(trades)
    assert position.lots == lots
    # A half-closed cost is rounded to the unit, here down and there down.
    assert (position.cost_e8, position.realised_e8) == (cost_e8, realised_e8)


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
    position = PositionBook()

    for trade in arrivals[:adopted_after]:
        book(position, trade)
    position.adopt(stated[0], stated[1], stamp)
    for trade in arrivals[adopted_after:]:
        book(position, trade)

    lots, cost_e8, realised_e8 = position_after(trades)
    assert (position.lots, position.cost_e8) == (lots, cost_e8)
    assert position.realised_e8 == realised_e8


@given(TRADES)
def test_what_was_held_at_a_stamp_is_any_of_what_its_trades_left(
    rows: list[tuple[int, int, bool, int]],
) -> None:
    """A stamp in milliseconds does not say after which of the trades that share it."""
    trades = in_venue_order(rows)
    position = PositionBook()
    for trade in trades:
        book(position, trade)

    for stamp in range(1, trades[-1].exch_ns + 2):
        before = [trade for trade in trades if trade.exch_ns < stamp]
        at = [trade for trade in trades if trade.exch_ns == stamp]
        expected = {position_after(before + at[:n])[0] for n in range(1 if at else 0, len(at) + 1)}
        assert position.lots_at(stamp) == expected


def test_trades_up_to_the_opening_are_history() -> None:
    """They are inside the position that the venue stated, by its own stamp."""
    position = PositionBook()
    position.open(5, 5000, exch_ns=10)

    for trade in (Trade(1, 9, 2, 2000), Trade(2, 10, 2, 2000), Trade(3, 11, -1, -1001)):
        book(position, trade)

    assert position.lots == 4
    assert position.realised_e8 == 1


def test_what_is_too_old_to_be_remembered_is_never_booked_again() -> None:
    """A list of trades may reach back further than the memory does."""
    position = PositionBook()
    trades = [Trade(i, i, 1, 1000) for i in range(1, 20_101)]
    for trade in trades:
        book(position, trade)

    for trade in trades:
        book(position, trade)

    assert position.lots == len(trades)
    assert position.lots_at(50) is None
