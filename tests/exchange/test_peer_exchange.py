"""Exchange of hftbacktest, compiled: the best prices and fills of its twin, level by level."""

from typing import Any, TypeAlias

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.event_columns import WIDTH, write_row
from exchange.jit import FloatArray, IntArray, njit
from exchange.market_events import DepthDiff, Snapshot, TradePrint
from exchange.market_layout import (
    BEST_ASK,
    BEST_BID,
    FURTHEST_ASK,
    FURTHEST_BID,
    HIDDEN_ASK,
    HIDDEN_BID,
    LOW,
    NO_ASK,
    NO_BID,
)
from exchange.peer_exchange import PeerBook, peer_depth_on_both
from exchange.queue_models import QueueModel
from exchange.simulation import Filled, RestingOrders
from exchange.types import Side
from tests.naive.peer_exchange import Entry, PeerExchange, PeerMessage

Levels: TypeAlias = list[tuple[int, int]]
"""Ticks and lots, in the order told."""


def sorted_levels(levels: dict[int, int]) -> Levels:
    """As Binance tells them: each price once, the lowest first."""
    return sorted(levels.items())


NUMBERS = (BEST_BID, BEST_ASK, LOW, FURTHEST_BID, FURTHEST_ASK, HIDDEN_BID, HIDDEN_ASK)
"""Of a book: the best, where the window begins, and the marks of what is not seen."""
_PRICES = st.integers(1000, 1015)
_SIDES = st.sampled_from(Side)
_levels = st.lists(st.tuples(_PRICES, st.integers(0, 4)), max_size=6)
_in_order = st.dictionaries(_PRICES, st.integers(0, 4), max_size=6).map(sorted_levels)
_diffs = st.tuples(_levels | _in_order, _levels | _in_order)
_full = st.dictionaries(_PRICES, st.integers(1, 4), max_size=6).map(sorted_levels)
_snapshots = st.tuples(st.just("snapshot"), _full, _full)
_prints = st.tuples(_SIDES, _PRICES, st.integers(1, 6))
_orders = st.tuples(st.integers(0, 30), _SIDES, _PRICES)

Change: TypeAlias = tuple[Any, ...]
"""Levels of both sides; the same behind the word "snapshot"; aggressor, price and size."""


def columns(*sides: Levels) -> list[IntArray]:
    """Ticks and lots of each side, in the order given."""
    return [
        np.array([level[column] for level in side], dtype=np.int64)
        for side in sides
        for column in (0, 1)
    ]


def message_of(at_ns: int, change: Change, shift: int) -> PeerMessage:
    """A change of the market as the venue tells it; a snapshot's levels begin at the best."""
    if isinstance(change[0], Side):
        aggressor, price, size = change
        return TradePrint(at_ns, at_ns, price + shift, size, aggressor)
    bids, asks = ([(p + shift, q) for p, q in side] for side in change[-2:])
    if len(change) == 2:
        return DepthDiff(at_ns, at_ns, at_ns - 1, at_ns, *columns(bids, asks))
    return Snapshot(at_ns, at_ns, *columns(bids[::-1], asks))


@settings(max_examples=1_500, deadline=None)
@given(
    market=st.lists(_diffs | _prints | _snapshots, min_size=1, max_size=30),
    orders=st.lists(_orders, min_size=1, max_size=12),
    model=st.sampled_from(QueueModel),
    power=st.sampled_from((0.5, 1.5, 2.0, 3.0)),
    far=st.booleans(),
)
def test_a_diff_at_once_is_its_levels_in_turn(
    market: list[Change],
    orders: list[tuple[int, Side, int]],
    model: QueueModel,
    power: float,
    far: bool,
) -> None:
    """Crossed diffs, hidden levels, the best emptied and set again: the order leaves no trace."""
    shift = 400_000 if far else 0  # beyond the window that the book begins with
    entries = [Entry(at, side, price + shift, 3) for at, side, price in orders]
    twin = PeerExchange(model, power, "0.001", entries)
    book = PeerBook(RestingOrders(64, model, power, 0.001, whole_fills=True))
    waiting = sorted(range(len(entries)), key=lambda i: entries[i].arrival_ns)
    filled: dict[int, int] = {}
    row, (ticks, lots) = np.zeros(WIDTH, dtype=np.int64), np.zeros((2, 64), dtype=np.int64)
    for at_ns, change in enumerate(market, 1):
        message = message_of(at_ns, change, shift)
        while waiting and entries[waiting[0]].arrival_ns < at_ns:
            accept(book, entries, waiting.pop(0))
        write_row(message, row, ticks, lots, 0)
        for key, _, _ in book.on_event(row, ticks, lots):
            filled[key] = at_ns
        twin.on_message(message)

        touch = book.book.best_bid_ticks, book.book.best_ask_ticks
        best = twin.best[Side.BUY], twin.best[Side.SELL]
        assert touch == tuple(None if ticks in (NO_BID, NO_ASK) else ticks for ticks in best)
    assert filled == twin.filled_ns


@njit
def change_both(
    book: IntArray,
    local_book: IntArray,
    model: int,
    power: float,
    ints: IntArray,
    floats: FloatArray,
    count: IntArray,
    none: IntArray,
    row: IntArray,
    ticks: IntArray,
    lots: IntArray,
    out: IntArray,
) -> int:
    """The kernel under test, as Python can call it."""
    return peer_depth_on_both(
        book, local_book, row, ticks, lots, model, power, 0.001, ints, floats, count, none, out
    )


@settings(max_examples=1_000, deadline=None)
@given(
    market=st.lists(
        st.tuples(st.sampled_from(("both", "both", "exchange", "local")), _diffs | _snapshots),
        min_size=1,
        max_size=30,
    ),
    orders=st.lists(st.tuples(_SIDES, _PRICES), max_size=6),
    model=st.sampled_from(QueueModel),
    shifts=st.sampled_from(((0, 0), (400_000, 400_000), (0, 400_000))),
)
def test_a_change_of_both_books_is_one_of_each(
    market: list[tuple[str, Change]],
    orders: list[tuple[Side, int]],
    model: QueueModel,
    shifts: tuple[int, int],
) -> None:
    """However the two differ before: changes that one of them never heard, and other windows."""
    together, apart = [
        [PeerBook(RestingOrders(8, model, 2.0, 0.001, whole_fills=True)) for _ in range(2)]
        for _ in range(2)
    ]
    row, (ticks, lots) = np.zeros(WIDTH, dtype=np.int64), np.zeros((2, 64), dtype=np.int64)
    for pair in (together, apart):
        for key, (side, price) in enumerate(orders):
            pair[0].resting.accept(key, side, price + shifts[0], 3, 1)
    for at_ns, (who, change) in enumerate(market, 1):
        write_row(message_of(at_ns, change, shifts[at_ns % 2]), row, ticks, lots, 0)
        if who == "both":
            resting, none = together[0].resting, together[1].resting.count
            made = change_both(
                together[0].region,
                together[1].region,
                int(model),
                2.0,
                resting.ints,
                resting.floats,
                resting.count,
                none,
                row,
                ticks,
                lots,
                resting.out,
            )
            filled = resting.fills(made)
        elif who == "exchange":
            filled = together[0].on_event(row, ticks, lots)
        else:
            filled = together[1].on_event(row, ticks, lots)
        alone: list[Filled] = []
        for book in apart if who == "both" else [apart[who == "local"]]:
            alone += book.on_event(row, ticks, lots)

        assert filled == alone
        for one, other in zip(together, apart, strict=True):
            assert [one.region[at] for at in NUMBERS] == [other.region[at] for at in NUMBERS]
            assert levels_of(one) == levels_of(other)
            assert list(one.resting.floats) == list(other.resting.floats)


def levels_of(book: PeerBook) -> list[int]:
    """Lots at each price that the tests name, of both sides."""
    return [
        book.queue_lots(side, price + shift)
        for side in Side
        for shift in (0, 400_000)
        for price in range(1000, 1016)
    ]


def accept(book: PeerBook, entries: list[Entry], key: int) -> None:
    """Rest an order, unless it would take."""
    entry = entries[key]
    buys = entry.side is Side.BUY
    other = book.book.best_ask_ticks if buys else book.book.best_bid_ticks
    if other is None or entry.side * entry.price_ticks < entry.side * other:
        ahead = book.queue_lots(entry.side, entry.price_ticks)
        book.resting.accept(key, entry.side, entry.price_ticks, entry.qty_lots, ahead)


def test_a_message_that_moves_no_book_moves_nothing() -> None:
    book = PeerBook(RestingOrders(4, whole_fills=True))
    row, pool = np.zeros(WIDTH, dtype=np.int64), np.zeros(8, dtype=np.int64)
    aggregate = TradePrint(1, 1, 1000, 5, Side.SELL, aggregate=True)
    write_row(aggregate, row, pool, pool, 0)
    book.resting.accept(1, Side.BUY, 1001, 3, 0)

    assert book.on_event(row, pool, pool) == []
