"""Book without a snapshot: its touch against that of the book which a snapshot made."""

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from exchange.binance.frames import decode
from exchange.book import UNKNOWN_LOTS
from exchange.depth_sync import GAP, STANDS_NS, STANDS_UNTOLD_NS, growth_in_words
from exchange.instrument import Instrument
from exchange.jit import IntArray
from exchange.market_events import DepthDiff, MarketMessage, Snapshot, TouchUpdate
from exchange.recorded_book import RecordedBook
from exchange.recording.reader import Recording
from exchange.simulation import RestingOrders
from exchange.types import Side
from tests.exchange.synced import SyncedMarket
from tests.places import COINM, SPOT, THIN, USDM

S = 1_000_000_000
LASTS_S = 200


class Market(NamedTuple):
    path: Path
    grid: Instrument


FUTURES = Market(USDM, Instrument.from_steps("BTCUSDT", "0.1", "0.001"))
INVERSE = Market(COINM, Instrument.from_steps("BTCUSD_PERP", "0.1", "1"))
BUSY_SPOT = Market(SPOT, Instrument.from_steps("BTCUSDT", "0.01", "0.00000001"))
THIN_SPOT = Market(THIN, Instrument.from_steps("NEXOUSDT", "0.001", "0.01"))


@cache
def words_of(market: Market) -> list[tuple[int, MarketMessage]]:
    """Receive time and message of everything about the book."""
    lines = ((line.recv_ns, decode(line.raw, market.grid)) for line in Recording(market.path))
    about_the_book = (DepthDiff, Snapshot, TouchUpdate)
    return [(recv_ns, word) for recv_ns, word in lines if isinstance(word, about_the_book)]


def touches(words: Iterable[MarketMessage]) -> Iterator[tuple[int, tuple[int | None, int | None]]]:
    """Id and touch after each diff that the book trusted."""
    book = RecordedBook(RestingOrders(1))
    for word in words:
        book.on_message(word)
        if isinstance(word, DepthDiff) and book.trusted:
            yield word.last_id, (book.book.best_bid_ticks, book.book.best_ask_ticks)


@cache
def true_touches(market: Market) -> dict[int, tuple[int | None, int | None]]:
    return dict(touches(word for _, word in words_of(market)))


def from_the_middle(market: Market, start_s: int, *, tickers: bool) -> list[MarketMessage]:
    """Some of a recording as a day file has it: no snapshot, whatever the second it begins."""
    left_out = Snapshot if tickers else Snapshot | TouchUpdate
    begin_ns = words_of(market)[0][0] + start_s * S
    return [
        word
        for recv_ns, word in words_of(market)
        if begin_ns <= recv_ns < begin_ns + LASTS_S * S and not isinstance(word, left_out)
    ]


@pytest.mark.parametrize("tickers", [True, False], ids=["with-ticker", "diffs-alone"])
@pytest.mark.parametrize("start_s", [1, 40, 80, 120])
@pytest.mark.parametrize(
    "market", [FUTURES, INVERSE, BUSY_SPOT, THIN_SPOT], ids=["usdm", "coinm", "spot", "thin"]
)
def test_a_trusted_book_has_the_touch_that_a_snapshot_would_have_given(
    market: Market, start_s: int, tickers: bool
) -> None:
    """That of the snapshot's book, or of a ticker that is ahead of it."""
    words = from_the_middle(market, start_s, tickers=tickers)
    truth = true_touches(market) | touches_of_tickers_ahead(words)

    met = [(touch, truth[last_id]) for last_id, touch in touches(words) if last_id in truth]

    assert len(met) > 10
    assert sum(touch == true for touch, true in met) >= 0.998 * len(met)


def touches_of_tickers_ahead(
    words: list[MarketMessage],
) -> dict[int, tuple[int | None, int | None]]:
    """By the id of each diff that came behind its ticker."""
    newest: TouchUpdate | None = None
    ahead: dict[int, tuple[int | None, int | None]] = {}
    for word in words:
        if isinstance(word, TouchUpdate):
            newest = word
        elif isinstance(word, DepthDiff) and newest and newest.update_id > word.last_id:
            ahead[word.last_id] = (newest.bid_ticks, newest.ask_ticks)
    return ahead


# ---------------------------------------------------------------- message by message


def ints(values: Iterable[int]) -> IntArray:
    return np.array(list(values), dtype=np.int64)


def diff(
    number: int, at_s: float, bids: dict[int, int] | None = None, asks: dict[int, int] | None = None
) -> DepthDiff:
    """Number ``n`` ends at id ``10 n``."""
    bids, asks = bids or {}, asks or {}
    last_id, ns = 10 * number, round(at_s * S)
    sides = (ints(bids), ints(bids.values()), ints(asks), ints(asks.values()))
    return DepthDiff(last_id - 9, last_id, last_id - 10, ns, *sides)


def ticker(update_id: int, bid: int, ask: int, lots: int = 5) -> TouchUpdate:
    return TouchUpdate(update_id, 0, bid, lots, ask, lots)


def snapshot(last_id: int) -> Snapshot:
    return Snapshot(last_id, 0, ints([100]), ints([7]), ints([101]), ints([7]))


STANDS_S, UNTOLD_S = STANDS_NS // S, STANDS_UNTOLD_NS // S
FIRST = diff(1, 0, {99: 1, 98: 2}, {102: 1, 103: 2})


def grown() -> RecordedBook:
    """Bids 99, 98 and asks 102, 103 by diffs; 100 to 102 by the ticker; trusted."""
    book = RecordedBook(RestingOrders(4))
    for word in (FIRST, ticker(11, 100, 102), diff(2, STANDS_S, {97: 3})):
        book.on_message(word)
    return book


def test_where_a_venue_can_be_asked_no_book_grows() -> None:
    """A live desk that trusted half a book would quote into the other half."""
    market = SyncedMarket()
    said = [word for n in range(1, 1000) for word in market.receive(diff(n, n, {9: 1}, {12: 1}))]

    assert said == ["fetch"]
    assert not market.trusted


@pytest.mark.parametrize(("told", "after_s"), [(True, STANDS_S), (False, UNTOLD_S)])
def test_a_book_is_trusted_once_both_sides_have_stood_for_a_while(told: bool, after_s: int) -> None:
    """Without a ticker the touch itself may not have been reported for a long time."""
    book = RecordedBook(RestingOrders(1))
    book.on_message(FIRST)
    if told:
        book.on_message(ticker(11, 100, 102))
    book.on_message(diff(2, after_s - 0.001))
    early = book.trusted

    book.on_message(diff(3, after_s))

    assert not early
    assert book.trusted
    assert book.grown
    assert book.grown_ns == [after_s * S]


def test_time_with_an_empty_side_does_not_count() -> None:
    book = RecordedBook(RestingOrders(1))
    for word in (FIRST, ticker(11, 99, 102), diff(2, 5, asks={102: 0, 103: 0})):
        book.on_message(word)
    book.on_message(diff(3, STANDS_S, asks={104: 1}))
    book.on_message(diff(4, 2 * STANDS_S - 1))
    early = book.trusted

    book.on_message(diff(5, 2 * STANDS_S))

    assert not early
    assert book.trusted


def test_a_gap_ends_the_trust_and_the_growth() -> None:
    """What was reported before it may have changed meanwhile."""
    book = grown()
    book.on_message(diff(4, 30, {90: 1}, {110: 1}))
    growing = RecordedBook(RestingOrders(1))
    for word in (FIRST, ticker(11, 100, 102), diff(3, STANDS_S, {90: 1}, {110: 1})):
        growing.on_message(word)

    assert book.found & GAP
    assert not book.trusted
    assert not growing.trusted


def test_after_a_gap_the_book_grows_anew() -> None:
    book = grown()
    book.on_message(diff(4, 30, {90: 1}, {110: 1}))
    book.on_message(ticker(41, 91, 109))

    book.on_message(diff(5, 30 + STANDS_S))

    assert book.trusted
    assert (book.book.best_bid_ticks, book.book.best_ask_ticks) == (91, 109)
    assert book.book.lots_at(Side.BUY, 99) == 0


def test_the_ticker_sets_the_touch_and_no_older_diff_undoes_it() -> None:
    book = grown()
    before = (book.book.best_bid_ticks, book.book.best_ask_ticks)

    book.on_message(ticker(45, 98, 101))
    book.on_message(diff(3, 20, {100: 9}))

    assert before == (100, 102)
    assert (book.book.best_bid_ticks, book.book.best_ask_ticks) == (98, 101)


def test_a_snapshot_takes_over_whether_or_not_it_is_behind() -> None:
    """It knows every level; what the diffs said since is written over it."""
    book = grown()
    book.on_message(diff(3, 20, {96: 4}))

    book.on_message(snapshot(25))

    assert book.trusted
    assert not book.grown
    assert book.book.best_bid_ticks == 100
    assert book.book.lots_at(Side.BUY, 96) == 4
    assert book.queue_lots(Side.BUY, 95) == 0


def test_depth_that_was_not_told_of_is_unknown_and_not_empty() -> None:
    """An order there is behind more than will trade, until somebody says what stands there."""
    book = grown()

    told = [book.queue_lots(Side.BUY, price) for price in (100, 99, 97, 96)]

    assert told == [5, 1, 3, UNKNOWN_LOTS]
    assert book.queue_lots(Side.BUY, 101) == 0  # better than the touch: nobody stands there


@pytest.mark.parametrize("told_lots", [0, 6])
def test_an_order_at_an_unknown_level_joins_behind_what_is_told_there_later(told_lots: int) -> None:
    book = grown()
    assert book.resting.accept(1, Side.BUY, 96, 10, book.queue_lots(Side.BUY, 96))
    unknown = book.resting.fills(book.resting.on_trade(Side.SELL, 96, 50))

    book.on_message(diff(3, 20, {96: told_lots}))
    known = book.resting.fills(book.resting.on_trade(Side.SELL, 96, 8))

    assert unknown == []
    assert known == [(1, 8 - told_lots, 10 - (8 - told_lots))]


def test_a_touch_that_the_ticker_moves_onto_an_order_fills_it() -> None:
    book = grown()
    assert book.resting.accept(1, Side.BUY, 100, 10, book.queue_lots(Side.BUY, 100))

    assert book.on_message(ticker(45, 98, 100)) == [(1, 10, 0)]


def test_results_say_how_their_books_came_about() -> None:
    once = "no snapshot: book grown from diffs, trusted after 10.0 s; depth not seen yet is unknown"

    assert growth_in_words([10 * S]) == once
    assert growth_in_words([12 * S, 10 * S, 10 * S]) == once.replace(
        ", trusted after 10.0 s", " 3 times, trusted after 10.0 to 12.0 s"
    )


def test_a_grown_book_names_every_level_told_of() -> None:
    """Levels that are known to be empty are not unknown."""
    book = RecordedBook(RestingOrders(1))
    for word in (FIRST, diff(2, 1, {98: 0}), diff(3, UNTOLD_S)):
        book.on_message(word)

    told = [book.queue_lots(Side.BUY, price) for price in (99, 98, 97)]

    assert told == [1, 0, UNKNOWN_LOTS]
