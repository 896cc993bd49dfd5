"""Order book: the array book agrees with a dict, wherever the price goes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.book import UNKNOWN_LOTS, Book
from exchange.jit import IntArray
from exchange.market_layout import LOW, MOST_FAR, WINDOW_TICKS
from exchange.types import Side
from tests.naive.book import NaiveBook

SIDES = (Side.BUY, Side.SELL)

# Prices crowd around a few places far apart, so that levels leave the window and come back.
prices = st.one_of(
    st.integers(1_000_000, 1_000_040),
    st.integers(1_000_000 - WINDOW_TICKS, 1_000_000 + WINDOW_TICKS),
    st.integers(0, 9_000_000),
)
levels = st.lists(
    st.tuples(st.sampled_from(SIDES), prices, st.one_of(st.just(0), st.integers(1, 9))),
    max_size=12,
)


def ints(*values: int) -> IntArray:
    return np.array(values, dtype=np.int64)


NONE = ints()


def book_of(bids: dict[int, int], asks: dict[int, int]) -> Book:
    book = Book()
    book.load(ints(*bids), ints(*bids.values()), ints(*asks), ints(*asks.values()))
    return book


def ladder(book: Book, side: Side, depth: int = 64) -> list[tuple[int, int]]:
    ticks, lots = np.zeros(depth, dtype=np.int64), np.zeros(depth, dtype=np.int64)
    count = book.top(side, depth, ticks, lots)
    return list(zip(ticks[:count].tolist(), lots[:count].tolist(), strict=True))


def apply_to_both(book: Book, naive: NaiveBook, message: list[tuple[Side, int, int]]) -> None:
    bids = [(ticks, lots) for side, ticks, lots in message if side is Side.BUY]
    asks = [(ticks, lots) for side, ticks, lots in message if side is Side.SELL]
    book.apply(
        ints(*[ticks for ticks, _ in bids]),
        ints(*[lots for _, lots in bids]),
        ints(*[ticks for ticks, _ in asks]),
        ints(*[lots for _, lots in asks]),
    )
    for side, ticks, lots in message:
        naive.set(side, ticks, lots)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.lists(
            st.tuples(st.sampled_from(SIDES), st.integers(0, 2 * WINDOW_TICKS), st.integers(0, 2)),
            max_size=3,
        ),
        max_size=8,
    )
)
def test_the_window_follows_the_touch(messages: list[list[tuple[Side, int, int]]]) -> None:
    """Also a touch of one side: the price of a listing that has no other yet."""
    book, naive = Book(), NaiveBook()
    for message in messages:
        apply_to_both(book, naive, message)
        sides = [t for t in (book.best_bid_ticks, book.best_ask_ticks) if t is not None]
        low = int(book.region[LOW])
        if sides:
            off_centre = sum(sides) // len(sides) - (low + WINDOW_TICKS // 2)
            assert off_centre <= WINDOW_TICKS // 4
            assert low == 0 or off_centre >= -WINDOW_TICKS // 4


def test_empty_book_has_no_touch() -> None:
    """No price is a price: an absent side is None, never zero."""
    book = Book()

    assert (book.best_bid_ticks, book.best_ask_ticks) == (None, None)
    assert not book.crossed


def test_size_zero_deletes_and_the_next_level_becomes_best() -> None:
    """Quantities are absolute, and zero is the venue's way to delete."""
    book = book_of({100: 5, 98: 7}, {101: 4})

    book.apply(ints(100), ints(0), NONE, NONE)

    assert book.best_bid_ticks == 98
    assert book.lots_at(Side.BUY, 100) == 0


def test_deleting_an_unknown_level_is_normal() -> None:
    """The snapshot is a window; deletions beyond it still arrive."""
    book = book_of({100: 5}, {101: 4})

    book.apply(ints(7, 10**9), ints(0, 0), NONE, NONE)

    assert book.level_count == 2


def test_crossed_book_says_so() -> None:
    """A bid at the ask means that something upstream was lost."""
    book = book_of({100: 5}, {101: 4})

    book.apply(ints(101), ints(1), NONE, NONE)

    assert book.crossed


def test_load_forgets_what_stood_before() -> None:
    """A snapshot replaces; a ghost level would be quoted against for hours."""
    book = book_of({100: 5, 10**7: 1}, {101: 4, 2 * 10**7: 9})

    book.load(ints(200), ints(1), ints(201), ints(2))

    assert ladder(book, Side.BUY) == [(200, 1)]
    assert ladder(book, Side.SELL) == [(201, 2)]


def test_newer_touch_sweeps_the_levels_that_it_contradicts() -> None:
    """The ticker runs ahead of the depth stream; what it passed is gone."""
    book = book_of({100: 5, 99: 2}, {101: 4, 103: 6})

    book.set_touch(99, 3, 102, 8)

    assert ladder(book, Side.BUY) == [(99, 3)]
    assert ladder(book, Side.SELL) == [(102, 8), (103, 6)]


def test_touch_with_an_empty_side_leaves_that_side_alone() -> None:
    """Price 0 with size 0 is how a ticker says nothing about a side."""
    book = book_of({100: 5}, {101: 4})

    book.set_touch(0, 0, 101, 9)

    assert ladder(book, Side.BUY) == [(100, 5)]


def test_top_reads_on_beyond_the_window() -> None:
    """The trader may scroll to a bid at 1,000 USDT while the touch is at 60,000."""
    book = book_of({600_000: 5, 10_000: 600}, {600_001: 4})

    assert ladder(book, Side.BUY) == [(600_000, 5), (10_000, 600)]


def test_next_price_outward_is_found_on_either_side() -> None:
    """Also from where nobody stands, and as far as the map; then there is none."""
    book = book_of({100: 1, 97: 1}, {103: 1, 3_000_000: 1})

    assert [book.beyond(Side.BUY, ticks) for ticks in (100, 99, 97)] == [97, 97, None]
    assert [book.beyond(Side.SELL, ticks) for ticks in (102, 103, 3_000_000)] == [
        103,
        3_000_000,
        None,
    ]


def test_level_at_our_price_counts_only_what_others_have_there() -> None:
    """Our own size at the touch must not make us believe in the touch."""
    book = book_of({100: 5, 99: 2}, {101: 4})

    touch = book.touch_without_ours(ints(1), ints(100), ints(3), 1)

    assert touch == (100, 2, 101, 4)


def test_where_only_we_stand_the_touch_is_further_out() -> None:
    """Quoting alone inside the spread, we would otherwise chase our own quote."""
    book = book_of({100: 5, 99: 2}, {101: 4})

    touch = book.touch_without_ours(ints(1, 1, -1), ints(100, 99, 101), ints(5, 1, 4), 3)

    assert touch == (99, 1, None, 0)


def test_a_full_map_forgets_the_farthest_levels_and_knows_that_it_did() -> None:
    """Memory is bounded; what was dropped is unknown from then on, and not empty."""
    book = book_of({10**9: 1}, {10**9 + 1: 1})
    far = np.arange(1, MOST_FAR + 2, dtype=np.int64) * 1000

    book.apply(far, far, NONE, NONE)

    kept = [ticks for ticks in far.tolist() if book.lots_at(Side.BUY, ticks)]
    assert MOST_FAR // 2 < len(kept) <= MOST_FAR
    assert kept == far.tolist()[-len(kept) :]
    assert book.level_count == len(kept) + 2
    assert book.lots_ahead(Side.BUY, kept[0] - 1000) == UNKNOWN_LOTS
    assert book.lots_ahead(Side.BUY, kept[0] + 1) == 0
    assert book.lots_ahead(Side.BUY, kept[0]) == kept[0]


def test_a_full_map_does_not_forget_the_touch() -> None:
    """A book may jump far in one message, and its best be a far level until the window follows."""
    book = book_of({10**9: 1}, {10**9 + 1: 1})
    far = np.arange(1, MOST_FAR + 2, dtype=np.int64) * 1000
    bids = np.append(far, 10**9)

    book.apply(bids, np.append(far, 0), ints(5, 10**9 + 1), ints(3, 0))

    assert book.best_ask_ticks == 5
    assert book.lots_at(Side.SELL, 5) == 3


@settings(max_examples=150, deadline=None)
@given(messages=st.lists(levels, max_size=12))
def test_book_equals_its_naive_twin(messages: list[list[tuple[Side, int, int]]]) -> None:
    """Through window moves, far levels and deletions, every level is where a dict has it."""
    book, naive = Book(), NaiveBook()

    for message in messages:
        apply_to_both(book, naive, message)

        assert book.best_bid_ticks == naive.best(Side.BUY)
        assert book.best_ask_ticks == naive.best(Side.SELL)
    assert all(ladder(book, side, 200) == naive.ladder(side) for side in SIDES)


@settings(max_examples=60, deadline=None)
@given(message=levels, bid=prices, spread=st.integers(1, 5000))
def test_forced_touch_equals_its_naive_twin(
    message: list[tuple[Side, int, int]], bid: int, spread: int
) -> None:
    """Levels beyond the forced touch stay, whichever array they live in."""
    book, naive = Book(), NaiveBook()
    apply_to_both(book, naive, message)

    book.set_touch(bid, 3, bid + spread, 4)
    naive.set_touch(bid, 3, bid + spread, 4)

    assert all(ladder(book, side) == naive.ladder(side) for side in SIDES)


@settings(max_examples=100, deadline=None)
@given(message=levels, own=levels)
def test_touch_without_ours_equals_its_naive_twin(
    message: list[tuple[Side, int, int]], own: list[tuple[Side, int, int]]
) -> None:
    """Whatever part of the book is ours, the rest is others'."""
    book, naive = Book(), NaiveBook()
    apply_to_both(book, naive, message)
    ours = own + [(side, ticks, lots) for side, ticks, lots in message[::2]]

    touch = book.touch_without_ours(
        ints(*[side for side, _, _ in ours]),
        ints(*[ticks for _, ticks, _ in ours]),
        ints(*[lots for _, _, lots in ours]),
        len(ours),
    )

    expected = naive.best_without(Side.BUY, ours), naive.best_without(Side.SELL, ours)
    assert (touch[:2], touch[2:]) == expected


@pytest.mark.needs_speed
@pytest.mark.parametrize("seed", range(5))
def test_long_walk_keeps_every_level(seed: int) -> None:
    """A price that travels far folds levels in and out many times; none may be lost."""
    rng = np.random.default_rng(seed)
    book, naive = Book(), NaiveBook()
    centre = 60_000_000
    for _ in range(300):
        centre += int(rng.integers(-90_000, 90_001))
        bids = centre - rng.integers(1, 190_000, 8)
        asks = centre + rng.integers(1, 190_000, 8)
        message = [(Side.BUY, int(p), int(rng.integers(0, 4))) for p in bids]
        message += [(Side.SELL, int(p), int(rng.integers(0, 4))) for p in asks]
        # What the price walked over is gone from the real book too.
        message += [(Side.BUY, p, 0) for p, _ in naive.ladder(Side.BUY) if p >= centre]
        message += [(Side.SELL, p, 0) for p, _ in naive.ladder(Side.SELL) if p <= centre]
        apply_to_both(book, naive, message)

    assert not book.crossed
    assert all(ladder(book, side, 5000) == naive.ladder(side) for side in SIDES)
