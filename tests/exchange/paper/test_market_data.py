"""Market data streams: the book by the venue's rule, the tape, the tickers, of one and of all."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import orjson
import pytest

from exchange.instrument import E8, DecimalGrid
from exchange.paper.account.orders import OrderRecord
from exchange.paper.pubsub.pubsub import Prefix, SubscriberQueue
from exchange.types import Side, TimeInForce
from tests.exchange.paper.bench import (
    LIVELY,
    START_NS,
    Desk,
    frames,
    paper_settings,
    two_of_everything,
)

TICK, LOT = DecimalGrid("0.1"), DecimalGrid("0.001")


class FollowedBook:
    """A book kept as a careful client keeps it."""

    def __init__(self, snapshot: dict[str, Any]) -> None:
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}
        self.last_id: int = snapshot["lastUpdateId"]
        self._apply(snapshot["bids"], snapshot["asks"])

    def apply(self, diff: dict[str, Any]) -> None:
        self._apply(diff["b"], diff["a"])
        self.last_id = diff["u"]

    def _apply(self, bids: list[list[str]], asks: list[list[str]]) -> None:
        for book, levels in ((self.bids, bids), (self.asks, asks)):
            for price, qty in levels:
                book[TICK.count(price)] = LOT.count(qty)
                if not LOT.count(qty):
                    del book[TICK.count(price)]


@pytest.mark.parametrize(("speed", "period_ms"), [("@100ms", 100), ("", 250), ("@500ms", 500)])
def test_snapshot_and_diffs_give_the_exchanges_own_book(speed: str, period_ms: int) -> None:
    desk = Desk(paper_settings(LIVELY))
    stream = desk.listen(f"btcusdt@depth{speed}")
    desk.pass_ms(730)
    book = FollowedBook(
        orjson.loads(desk.ask("GET", "/fapi/v1/depth", query="symbol=BTCUSDT").body)
    )
    desk.pass_ms(period_ms - 730 % period_ms)
    kept = [diff for diff in frames(stream) if diff["u"] >= book.last_id]
    assert kept[0]["U"] <= book.last_id

    book.last_id = kept[0]["pu"]
    for _ in range(40):
        for diff in kept:
            assert diff["pu"] == book.last_id
            book.apply(diff)
        desk.pass_ms(period_ms)
        kept = frames(stream)
    for diff in kept:
        book.apply(diff)

    assert book.bids == dict(desk.matching.levels(Side.BUY))
    assert book.asks == dict(desk.matching.levels(Side.SELL))


def test_update_ids_are_sparse_as_at_the_venue() -> None:
    """A client that tests for consecutive ids is wrong there, and so must fail here."""
    desk = Desk(paper_settings(LIVELY))
    stream = desk.listen("btcusdt@depth@100ms")

    for _ in range(20):
        desk.pass_ms(100)

    assert all(b["U"] > a["u"] + 1 for a, b in pairwise(frames(stream)))


def test_every_change_of_the_touch_is_told() -> None:
    desk = Desk()
    stream = desk.listen("btcusdt@bookTicker")

    desk.place(price="59999.8")
    ticker = frames(stream)[-1]

    assert (ticker["b"], ticker["B"], ticker["a"]) == ("59999.8", "0.010", "60000.4")


def test_the_touch_is_not_told_while_it_stays() -> None:
    desk = Desk()
    stream = desk.listen("btcusdt@bookTicker")

    desk.place(price="59999.7")
    desk.place(price="59999.0")

    assert [ticker["b"] for ticker in frames(stream)] == ["59999.7"]


def test_touch_and_depth_share_their_update_ids() -> None:
    desk = Desk()
    stream = desk.listen("btcusdt@bookTicker", "btcusdt@depth@100ms")

    desk.place(price="59999.8")
    ticker = frames(stream)[-1]
    desk.pass_ms(100)
    diff = next(event for event in frames(stream) if event["e"] == "depthUpdate")

    assert diff["U"] <= ticker["u"] <= diff["u"]


def test_every_trade_is_told_at_once() -> None:
    desk = Desk()
    stream = desk.listen("btcusdt@trade")

    desk.place("SELL", "59999.6", quantity="0.020")
    (trade,) = frames(stream)

    assert trade == {
        "e": "trade",
        "E": desk.venue.now_ms,
        "T": desk.venue.now_ms,
        "s": "BTCUSDT",
        "t": desk.symbol_account.trades[-1].trade_id,
        "p": "59999.6",
        "q": "0.020",
        "X": "MARKET",
        "m": True,
    }


def test_aggregates_wait_a_moment_for_more_of_the_same() -> None:
    """And carry the time and the id of the first of them."""
    desk = Desk()
    stream = desk.listen("btcusdt@aggTrade")

    desk.place(price="60000.4")
    made_ms = desk.venue.now_ms
    desk.pass_ms(60)
    desk.place(price="60000.4")
    assert frames(stream) == []
    desk.pass_ms(40)
    (made,) = frames(stream)

    first, last = (trade.trade_id for trade in desk.symbol_account.trades)
    assert made == {
        "e": "aggTrade",
        "E": made_ms + 100,
        "s": "BTCUSDT",
        "a": made["a"],
        "p": "60000.4",
        "q": "0.020",
        "nq": "0.020",
        "f": first,
        "l": last,
        "T": made_ms,
        "m": False,
        "st": 1,
    }


def test_a_trade_the_other_way_ends_an_aggregate_at_once() -> None:
    desk = Desk()
    stream = desk.listen("btcusdt@aggTrade")

    desk.place(price="60000.4")
    desk.place("SELL", "59999.6")

    assert [made["m"] for made in frames(stream)] == [False]


@pytest.mark.parametrize("count", [5, 10, 20])
def test_a_partial_book_is_the_top_and_nothing_else(count: int) -> None:
    desk = Desk()
    stream = desk.listen(f"btcusdt@depth{count}@100ms")

    desk.pass_ms(100)
    (top,) = frames(stream)

    assert len(top["b"]) == len(top["a"]) == count
    assert top["b"][0][0] == "59999.6"
    assert top["a"][-1][0] == f"{60000.4 + 0.1 * (count - 1):.1f}"


def test_a_partial_book_carries_the_ids_of_its_changes() -> None:
    """The same as the diffs of the same speed, so they follow one another."""
    desk = Desk(paper_settings(LIVELY))
    tops, diffs = desk.listen("btcusdt@depth10@500ms"), desk.listen("btcusdt@depth@500ms")

    for _ in range(30):
        desk.pass_ms(50)

    ids = [(top["U"], top["u"], top["pu"]) for top in frames(tops)]
    assert ids == [(diff["U"], diff["u"], diff["pu"]) for diff in frames(diffs)]
    assert len(ids) == 3


def test_without_improved_prices_the_rpi_book_is_the_book() -> None:
    desk = Desk(paper_settings(LIVELY))
    improved, ordinary = desk.listen("btcusdt@rpiDepth@500ms"), desk.listen("btcusdt@depth@500ms")

    for _ in range(20):
        desk.pass_ms(50)

    told = frames(improved)
    assert told == frames(ordinary)
    assert len(told) == 2


def test_depth_says_which_market_and_when() -> None:
    desk = Desk()
    stream = desk.listen("btcusdt@depth@100ms")

    desk.pass_ms(100)
    (diff,) = frames(stream)

    kept = {key: diff[key] for key in ("e", "E", "T", "s", "ps", "st")}
    assert kept == {
        "e": "depthUpdate",
        "E": desk.venue.now_ms,
        "T": desk.venue.now_ms,
        "s": "BTCUSDT",
        "ps": "BTCUSDT",
        "st": 1,
    }


def test_mark_price_tells_the_next_funding() -> None:
    desk = Desk()
    stream = desk.listen("btcusdt@markPrice@1s")

    desk.pass_ms(1000)
    (mark,) = frames(stream)

    assert mark == {
        "e": "markPriceUpdate",
        "E": desk.venue.now_ms,
        "s": "BTCUSDT",
        "p": "60000.00000000",
        "ap": "60000.00000000",
        "i": "60000.00000000",
        "P": "60000.00000000",
        "r": "0.00000000",
        "T": desk.market.next_funding_ms,
        "st": 1,
    }


@pytest.mark.parametrize(
    ("name", "period_ms"),
    [
        ("btcusdt@depth", 250),
        ("btcusdt@depth@100ms", 100),
        ("btcusdt@depth@500ms", 500),
        ("btcusdt@depth5", 250),
        ("btcusdt@depth10@100ms", 100),
        ("btcusdt@depth20@500ms", 500),
        ("btcusdt@rpiDepth@500ms", 500),
        ("btcusdt@markPrice", 3000),
        ("btcusdt@markPrice@1s", 1000),
        ("btcusdt@kline_1m", 250),
        ("btcusdt@ticker", 2000),
        ("btcusdt@miniTicker", 2000),
        ("!bookTicker", 5000),
        ("!markPrice@arr", 3000),
        ("!markPrice@arr@1s", 1000),
        ("!ticker@arr", 1000),
        ("!miniTicker@arr", 1000),
    ],
)
def test_a_timed_stream_keeps_its_pace(name: str, period_ms: int) -> None:
    """Ten seconds in which something changes all the time."""
    desk = Desk()
    desk.place(price="60000.4")
    stream = desk.listen(name)
    spoken = []
    for _ in range(1000):
        desk.pass_ms(10)
        if desk.venue.now_ms % 50 == 30:
            desk.place(price="60000.4", quantity="0.001")
        spoken += [desk.venue.now_ms] * bool(frames(stream))

    start_ms = START_NS // 1_000_000
    first_ms = (start_ms // period_ms + 1) * period_ms
    assert spoken == list(range(first_ms, start_ms + 10_001, period_ms))


# ---------------------------------------------------------------- tickers


def test_a_ticker_tells_the_last_day_every_second_second() -> None:
    desk = Desk()
    desk.place(price="60000.4")
    desk.place("SELL", "59999.6", quantity="0.020")
    stream = desk.listen("btcusdt@ticker")
    for _ in range(40):
        desk.pass_ms(100)

    told = frames(stream)

    assert [ticker["E"] % 2000 for ticker in told] == [0, 0]
    first, last = (trade.trade_id for trade in desk.symbol_account.trades)
    assert told[-1] == {
        "e": "24hrTicker",
        "E": desk.venue.now_ms,
        "s": "BTCUSDT",
        "p": "-0.8",
        "P": "-0.001",
        "w": "59999.86666667",
        "c": "59999.6",
        "Q": "0.020",
        "o": "60000.4",
        "h": "60000.4",
        "l": "59999.6",
        "v": "0.030",
        "q": "1799.99600000",
        "O": (desk.venue.now_ms - 86_400_000) // 60_000 * 60_000,
        "C": desk.venue.now_ms,
        "F": first,
        "L": last,
        "n": 2,
        "ps": "BTCUSDT",
        "st": 1,
    }


def test_a_mini_ticker_is_the_short_form() -> None:
    desk = Desk()
    desk.place(price="60000.4")
    stream = desk.listen("btcusdt@miniTicker")

    desk.pass_ms(2000)
    (ticker,) = frames(stream)

    assert ticker == {
        "e": "24hrMiniTicker",
        "E": desk.venue.now_ms,
        "s": "BTCUSDT",
        "c": "60000.4",
        "o": "60000.4",
        "h": "60000.4",
        "l": "60000.4",
        "v": "0.010",
        "q": "600.00400000",
        "ps": "BTCUSDT",
        "st": 1,
    }


def test_there_is_no_ticker_before_the_first_trade() -> None:
    desk = Desk()
    stream = desk.listen("btcusdt@ticker", "btcusdt@miniTicker", "!ticker@arr", "!miniTicker@arr")

    desk.pass_ms(2000)

    assert frames(stream) == []


# ---------------------------------------------------------------- all symbols at once


def test_every_symbols_touch_comes_in_a_message_of_its_own() -> None:
    desk = Desk(two_of_everything())
    stream = desk.listen("!bookTicker")

    desk.pass_ms(5000)

    assert [(t["e"], t["s"], t["b"]) for t in frames(stream)] == [
        ("bookTicker", "BTCUSDT", "59999.6"),
        ("bookTicker", "ETHUSDT", "2999.96"),
    ]


def test_every_symbols_mark_comes_in_one_message() -> None:
    desk = Desk(two_of_everything())
    stream = desk.listen("!markPrice@arr@1s")

    desk.pass_ms(1000)

    (rows,) = frames(stream)
    assert [(row["e"], row["s"], row["p"]) for row in rows] == [
        ("markPriceUpdate", "BTCUSDT", "60000.00000000"),
        ("markPriceUpdate", "ETHUSDT", "3000.00000000"),
    ]


@pytest.mark.parametrize(
    ("name", "event"), [("!ticker@arr", "24hrTicker"), ("!miniTicker@arr", "24hrMiniTicker")]
)
def test_only_tickers_that_changed_are_told_together(name: str, event: str) -> None:
    desk = Desk(two_of_everything())
    stream = desk.listen(name)

    desk.place(price="60000.4")
    desk.place(symbol="ETHUSDT", price="3000.04")
    desk.pass_ms(1000)
    desk.pass_ms(1000)
    desk.place(symbol="ETHUSDT", price="3000.04")
    desk.pass_ms(1000)

    told = [[(row["e"], row["s"]) for row in rows] for rows in frames(stream)]
    assert told == [[(event, "BTCUSDT"), (event, "ETHUSDT")], [(event, "ETHUSDT")]]


def test_each_symbols_largest_liquidation_of_a_second_is_told() -> None:
    desk = Desk(two_of_everything())
    own, everybodys = desk.listen("btcusdt@forceOrder"), desk.listen("!forceOrder@arr")
    for number, lots in enumerate((30, 50, 40)):
        desk.market.note_liquidation(liquidation(number, lots))
    desk.venue.markets["ETHUSDT"].note_liquidation(liquidation(9, 7))

    desk.pass_ms(1000)
    desk.pass_ms(1000)

    (event,) = frames(own)
    assert event == {
        "e": "forceOrder",
        "E": desk.venue.now_ms - 1000,
        "o": {
            "s": "BTCUSDT",
            "S": "SELL",
            "o": "LIMIT",
            "f": "IOC",
            "q": "0.050",
            "p": "59000.0",
            "ap": "59100.00000000",
            "X": "FILLED",
            "l": "0.050",
            "z": "0.050",
            "T": 1,
        },
    }
    to_all = frames(everybodys)
    assert to_all[0] == event | {"ps": "BTCUSDT", "st": 1}
    assert [(e["ps"], e["o"]["q"]) for e in to_all] == [("BTCUSDT", "0.050"), ("ETHUSDT", "0.007")]


def liquidation(number: int, lots: int) -> OrderRecord:
    return OrderRecord(
        venue_order_id=number,
        client_order_id=f"autoclose-{number}",
        side=Side.SELL,
        price_ticks=590_000,
        qty_lots=lots,
        time_in_force=TimeInForce.IOC,
        reduce_only=True,
        created_ms=1,
        updated_ms=1,
        filled_lots=lots,
        filled_tick_lots=591_000 * lots,
        status="FILLED",
    )


def test_what_the_insurance_fund_takes_over_is_no_market_trade() -> None:
    """It is published as what it is on the raw stream, and counts nowhere else."""
    settings = paper_settings()
    poor = replace(settings.accounts[0], capital_e8=1_000 * E8)
    desk = Desk(replace(settings, accounts=(poor,)))
    desk.place("BUY", "60000.4", quantity="0.300")
    desk.withdraw_background()
    stream = desk.listen("btcusdt@trade")

    desk.flow.fair_ticks = 565_000.0
    desk.pass_ms(0)

    (trade,) = frames(stream)
    assert (trade["X"], trade["q"]) == ("INSURANCE_FUND", "0.300")
    assert [made.qty_lots for made in desk.market.tape.prints] == [300]
    assert desk.market.tape.day.at(desk.venue.now_ms).lots == 300


# ---------------------------------------------------------------- who receives


def test_a_reader_that_never_reads_is_hung_up_on() -> None:
    """And only that reader: the other one has everything."""
    desk = Desk(paper_settings(LIVELY))
    gone: list[bool] = []
    slow = SubscriberQueue(Prefix.ANY, lambda: None, lambda: gone.append(True), combined=False)
    desk.pubsub.subscribe(slow, ["btcusdt@trade"])
    quick = desk.listen("btcusdt@trade")
    received = 0

    while not gone:
        desk.pass_ms(1000)
        received += len(quick.take())

    assert received > len(slow.take())
