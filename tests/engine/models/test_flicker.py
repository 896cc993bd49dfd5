"""Flicker of the touch: the reference's small books, and a slow twin on random ones."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.models.flicker import (
    GAP_NS,
    SECOND_NS,
    WINDOW_NS,
    Flicker,
    FlickerWindow,
    flicker_ratio,
    one_sided_chance,
)
from tests.naive.flicker import NaiveFlicker

LOTS = 10
MS = 1_000_000


class Touch:
    """A touch that moves by half seconds, whose retreats are sold into or cancelled."""

    def __init__(self, bid: int = 100, ask: int = 110) -> None:
        self.window = FlickerWindow()
        self.time_ns, self.bid, self.ask = 0, bid, ask
        self.show()

    def show(self) -> None:
        self.window.receive_touch(self.time_ns, self.bid, LOTS, self.ask, LOTS)
        self.time_ns += SECOND_NS // 2

    def move_bid(self, ticks: int, sold: float = 0.0) -> None:
        """Move the bid, after selling a share of what stood there."""
        self.window.receive_trade(self.time_ns - 1, -1, self.bid, round(sold * LOTS))
        self.bid += ticks
        self.show()

    def move_ask(self, ticks: int, bought: float = 0.0) -> None:
        self.window.receive_trade(self.time_ns - 1, 1, self.ask, round(bought * LOTS))
        self.ask += ticks
        self.show()

    def read(self) -> Flicker:
        return self.window.read(self.time_ns)


def snapshots(bids: list[int], asks: list[int]) -> Flicker:
    """One-second snapshots, as the study took them."""
    window = FlickerWindow(slot_ns=SECOND_NS)
    for second, (bid, ask) in enumerate(zip(bids, asks, strict=True)):
        window.receive_touch(second * SECOND_NS, bid, LOTS, ask, LOTS)
    return window.read((len(bids) - 1) * SECOND_NS)


@pytest.mark.parametrize(
    ("bids", "asks", "moves", "D"),
    [
        ([100, 101, 100, 101, 100, 100, 101, 100], [103] * 8, (6, 0), 7),
        ([10, 11, 12, 13], [12, 13, 14, 15], (3, 3), 1),
        ([5] * 4, [6] * 4, (0, 0), 1),
        ([100, 101, 100, 101, 100], [103, 103, 102, 103, 103], (4, 2), 5 / 3),
    ],
)
def test_plain_measure_of_the_reference_s_books(
    bids: list[int], asks: list[int], moves: tuple[int, int], D: float
) -> None:
    """Seven is what the study saw beside an ask that did not move."""
    seen = snapshots(bids, asks)

    assert (seen.moves_bid, seen.moves_ask) == moves
    assert (seen.bid, seen.ask) == pytest.approx((D, 1 / D))


@pytest.mark.parametrize(("sold", "star"), [(10, 1.0), (0, 21.0), (4, 13.0)])
def test_quotes_eaten_by_trades_are_no_bluff(sold: int, star: float) -> None:
    """Ten times up a tick and back: the plain measure is 21, whoever ended it."""
    touch = Touch()
    for i in range(10):
        touch.move_bid(1)
        touch.move_bid(-1, sold=1.0 if i < sold else 0.0)

    assert touch.read().bid == 21.0
    assert touch.read().star_bid == pytest.approx(star)
    assert touch.read().star_ask == pytest.approx(1 / star)


def test_the_ask_side_mirrors_the_bid_side() -> None:
    """Six cancelled, four bought."""
    touch = Touch()
    for i in range(10):
        touch.move_ask(-1)
        touch.move_ask(1, bought=1.0 if i < 4 else 0.0)

    assert touch.read().ask == 21.0
    assert touch.read().star_ask == pytest.approx(13.0)


def test_a_quote_eaten_in_part_counts_for_the_rest() -> None:
    """Forty per cent sold, the rest withdrawn."""
    touch = Touch()
    touch.move_bid(1)
    touch.move_bid(-1, sold=0.4)

    assert touch.read().bid == 3.0
    assert touch.read().star_bid == pytest.approx(2.2)


def test_steps_that_stay_are_price_discovery() -> None:
    """Five ticks up, and there it stands."""
    touch = Touch()
    for _ in range(5):
        touch.move_bid(1)

    assert (touch.read().bid, touch.read().star_bid) == (6.0, 1.0)


def test_only_what_came_within_the_window_can_be_taken_back() -> None:
    """Two down from a level that stood before, two up, two down: one round trip of two ticks."""
    touch = Touch()
    for ticks in (-2, 2, -2):
        touch.move_bid(ticks)

    assert (touch.read().bid, touch.read().star_bid) == (7.0, 5.0)


def test_a_trend_flickers_on_neither_side() -> None:
    """Ten times the bid steps up after the ask was bought away."""
    touch = Touch()
    for _ in range(10):
        touch.move_ask(1, bought=1.0)
        touch.move_bid(1)

    assert (touch.read().bid, touch.read().star_bid) == (1.0, 1.0)


def test_a_trade_is_spent_only_once() -> None:
    """One sale cannot excuse two cancellations, though both follow within the tolerance."""
    window = FlickerWindow()
    for ms, bid in enumerate([100, 101, 100, 101, 100]):
        if ms == 2:
            window.receive_trade(ms * MS - 1, -1, 101, LOTS)
        window.receive_touch(ms * MS, bid, LOTS, 110, LOTS)

    assert window.read(5 * MS).star_bid == 3.0


def test_a_book_that_lags_its_trades_is_forgiven() -> None:
    """The trade came, the book was shown once more unchanged, and only then the retreat."""
    window = FlickerWindow()
    for time_ns, bid in [(0, 100), (10 * MS, 101)]:
        window.receive_touch(time_ns, bid, LOTS, 110, LOTS)
    window.receive_trade(15 * MS, -1, 101, LOTS)
    for time_ns, bid in [(20 * MS, 101), (90 * MS, 100)]:
        window.receive_touch(time_ns, bid, LOTS, 110, LOTS)

    assert window.read(90 * MS).star_bid == 1.0


@pytest.mark.parametrize(("sold", "star"), [(1, 2.998), (500, 2.0), (1000, 1.0)])
def test_dust_sold_excuses_no_more_than_dust(sold: int, star: float) -> None:
    """A thousand lots placed, nearly all cancelled and the rest sold: the last size is blind."""
    window = FlickerWindow()
    for ms, bid, lots in [(0, 100, 10), (10, 101, 1000), (20, 101, sold)]:
        window.receive_touch(ms * MS, bid, lots, 110, LOTS)
    window.receive_trade(25 * MS, -1, 101, sold)
    window.receive_touch(30 * MS, 100, 10, 110, LOTS)

    assert window.read(30 * MS).star_bid == pytest.approx(star)


def test_what_was_sold_while_a_quote_grew_counts_from_when_it_was_the_best() -> None:
    """Sold in three goes between book messages: each is part of the same answer."""
    window = FlickerWindow()
    window.receive_touch(0, 100, LOTS, 110, LOTS)
    for i in range(3):
        window.receive_touch((10 + 10 * i) * MS, 101, 9, 110, LOTS)
        window.receive_trade((15 + 10 * i) * MS, -1, 101, 3)
    window.receive_touch(60 * MS, 100, LOTS, 110, LOTS)

    assert window.read(60 * MS).star_bid == 1.0


def test_a_sale_in_the_millisecond_of_the_rise_is_its_own() -> None:
    """Stamps are whole milliseconds: placed, sold into and gone can bear the same one."""
    window = FlickerWindow()
    window.receive_touch(0, 100, LOTS, 110, LOTS)
    window.receive_trade(10 * MS, -1, 101, LOTS)
    for bid in (101, 100):
        window.receive_touch(10 * MS, bid, LOTS, 110, LOTS)

    assert window.read(10 * MS).star_bid == 1.0


def test_a_retreat_without_a_tape_is_counted_apart() -> None:
    """Neither a bluff nor an answer: nobody saw what was sold."""
    window = FlickerWindow()
    for ms, bid, seen in [(0, 100, True), (10, 101, False), (20, 100, True), (30, 101, True)]:
        window.receive_touch(ms * MS, bid, LOTS, 110, LOTS, tape_seen=seen)
    window.receive_touch(40 * MS, 100, LOTS, 110, LOTS)

    read = window.read(40 * MS)
    assert (read.bid, read.star_bid, read.unjudged) == (5.0, 3.0, 2)


def test_old_steps_may_be_withdrawn_freely() -> None:
    """A quote that stood for more than the window was no bluff."""
    touch = Touch()
    touch.move_bid(1)
    for _ in range(125):
        touch.show()
    touch.move_bid(-1)

    assert (touch.read().bid, touch.read().star_bid) == (2.0, 1.0)


def test_a_minute_later_all_is_forgotten() -> None:
    """The window rolls, also when it is only read."""
    touch = Touch()
    touch.move_bid(1)

    assert touch.window.read(touch.time_ns + WINDOW_NS).bid == 1.0


def test_a_broken_book_breaks_the_pair_and_nothing_else() -> None:
    """Neither the change into it nor the one out of it counts, but earlier ones stay."""
    touch = Touch()
    touch.move_bid(1)
    touch.window.skip()
    touch.move_bid(-50)

    assert (touch.read().bid, touch.read().star_bid) == (2.0, 1.0)


def test_a_gap_in_the_feed_starts_the_window_anew() -> None:
    """What happened meanwhile is anybody's guess."""
    touch = Touch()
    touch.move_bid(1)
    touch.time_ns += GAP_NS
    touch.move_bid(5)

    assert touch.read().bid == 1.0


def test_a_quote_there_three_seconds_in_ten_moves_25_times_a_minute() -> None:
    """Seen by snapshots: 2·f·(1-f) changes a second, each second on its own."""
    there = np.random.default_rng(1).random((200, 61)) < 0.3

    counts = [snapshots([100 + int(up) for up in minute], [110] * 61).moves_bid for minute in there]

    assert np.mean(counts) == pytest.approx(60 * 2 * 0.3 * 0.7, rel=0.03)


def test_flicker_that_snapshots_miss_is_seen_by_events() -> None:
    """A bid present for a tenth of every second, between the seconds."""
    by_second, by_event = FlickerWindow(slot_ns=SECOND_NS), FlickerWindow()
    for second in range(61):
        by_second.receive_touch(second * SECOND_NS, 100, LOTS, 110, LOTS)
        for ms, bid in [(0, 100), (400, 101), (500, 100)]:
            by_event.receive_touch(second * SECOND_NS + ms * MS, bid, LOTS, 110, LOTS)

    assert by_second.read(60 * SECOND_NS).bid == 1.0
    assert by_event.read(60 * SECOND_NS + 500 * MS).star_bid > 100.0


moves = st.lists(
    st.tuples(st.integers(1, 1900), st.integers(90, 99), st.integers(101, 110), st.integers(1, 20)),
    min_size=1,
    max_size=120,
)
prints = st.lists(
    st.tuples(st.sampled_from([-1, 1]), st.integers(90, 110), st.integers(1, 20)), max_size=120
)


@given(moves=moves, prints=prints)
def test_window_agrees_with_the_pseudo_code(
    moves: list[tuple[int, int, int, int]], prints: list[tuple[int, int, int]]
) -> None:
    """Random touches and prints over some minutes, against lists that forget nothing."""
    window, naive = FlickerWindow(), NaiveFlicker(WINDOW_NS)
    time_ns = 0
    for i, (wait_ms, bid, ask, lots) in enumerate(moves):
        time_ns += wait_ms * MS
        for either in (window, naive):
            for trade in prints[i : i + 1]:
                either.receive_trade(time_ns - 1, *trade)
            either.receive_touch(time_ns, bid, lots, ask, lots)

    slot_ns = WINDOW_NS // 600
    slots = set(range(time_ns // slot_ns - 599, time_ns // slot_ns + 1))
    seen = window.read(time_ns)
    assert seen.bid == pytest.approx(naive.ratio(slots, slot_ns, star=False))
    assert seen.star_bid == pytest.approx(naive.ratio(slots, slot_ns, star=True))


@given(own=st.floats(0, 1e4), other=st.floats(0, 1e4), epsilon=st.floats(0.1, 10))
def test_the_two_sides_are_each_other_s_inverse(own: float, other: float, epsilon: float) -> None:
    """One number says it for both."""
    assert flicker_ratio(own, other, epsilon) * flicker_ratio(other, own, epsilon) == pytest.approx(
        1.0
    )


def test_without_epsilon_a_still_side_leaves_it_undefined() -> None:
    """Undefined, and not infinitely suspicious."""
    assert math.isnan(flicker_ratio(6.0, 0.0, 0.0))
    assert math.isnan(flicker_ratio(0.0, 0.0, 0.0))


@pytest.mark.parametrize(
    ("own", "other", "chance"),
    [(6, 0, 0.015625), (20, 0, 9.53674316406e-7), (12, 2, 0.0064697265625), (0, 0, 1.0)],
)
def test_chance_of_so_one_sided_a_minute(own: int, other: int, chance: float) -> None:
    """Each move a toss of a coin."""
    assert one_sided_chance(own, other) == pytest.approx(chance, rel=1e-9)


@given(own=st.integers(0, 400), other=st.integers(0, 400))
def test_chance_is_the_sum_of_the_tail(own: int, other: int) -> None:
    """In whole numbers."""
    n = own + other
    exact = sum(math.comb(n, i) for i in range(own, n + 1)) / 2**n

    assert one_sided_chance(own, other) == pytest.approx(exact, rel=1e-9)
