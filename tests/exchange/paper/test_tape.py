"""Trade aggregation: how the venue puts trades together before it publishes them."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from exchange.paper.matching.events import BACKGROUND, Traded
from exchange.paper.tape.tape import GATHERING_MS, Aggregate, Tape
from exchange.types import Side

turns = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 60, GATHERING_MS - 1, GATHERING_MS, 500]),
        st.lists(
            st.tuples(st.integers(100, 101), st.integers(1, 9), st.sampled_from(Side)), max_size=4
        ),
    ),
    max_size=40,
)


def play(turns: list[tuple[int, list[tuple[int, int, Side]]]]) -> tuple[Tape, list[Aggregate]]:
    """A tape that lived through it, and the aggregates in the order of publishing."""
    tape, told = Tape(first_id=7), []
    now_ms, trade_id = 1_700_000_000_000, 1
    for gap_ms, made in turns:
        now_ms += gap_ms
        told += tape.advance(now_ms)
        trades = [
            Traded(trade_id + i, price, lots, side, 1, BACKGROUND, 2, BACKGROUND)
            for i, (price, lots, side) in enumerate(made)
        ]
        trade_id += len(trades)
        told += tape.note(trades, now_ms)
    told += tape.advance(now_ms + GATHERING_MS)
    return tape, told


@given(turns=turns)
def test_aggregates_hold_every_trade_once_and_only_like_ones(
    turns: list[tuple[int, list[tuple[int, int, Side]]]],
) -> None:
    tape, told = play(turns)

    held = []
    for made in told:
        within = [t for t in tape.prints if made.first_trade_id <= t.trade_id <= made.last_trade_id]
        held += within
        assert {(t.price_ticks, t.taker_side) for t in within} == {
            (made.price_ticks, made.taker_side)
        }
        assert made.qty_lots == sum(t.qty_lots for t in within)
        assert made.time_ms == within[0].time_ms
        assert within[-1].time_ms - made.time_ms < GATHERING_MS
    assert held == list(tape.prints)
    assert told == list(tape.aggregates)


@given(turns=turns)
def test_no_two_aggregates_in_a_row_could_have_been_one(
    turns: list[tuple[int, list[tuple[int, int, Side]]]],
) -> None:
    tape, told = play(turns)
    time_of = {made.trade_id: made.time_ms for made in tape.prints}

    for before, after in pairwise(told):
        assert after.aggregate_id == before.aggregate_id + 1
        alike = (before.price_ticks, before.taker_side) == (after.price_ticks, after.taker_side)
        assert not (alike and time_of[after.first_trade_id] - before.time_ms < GATHERING_MS)
