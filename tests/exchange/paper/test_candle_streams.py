"""Kline streams as trades happen: published when trades change them, and closed once."""

from itertools import pairwise
from typing import Any

from exchange.instrument import DecimalGrid
from exchange.paper.matching.events import BACKGROUND, Traded
from exchange.paper.tape.candles import MINUTE_MS
from exchange.types import Side
from tests.exchange.paper.bench import LIVELY, Desk, frames, paper_settings
from tests.naive.candles import NaiveCandles

STREAM = "btcusdt@kline_1m"


def to_the_next_minute(desk: Desk) -> None:
    desk.pass_ms(MINUTE_MS - desk.venue.now_ms % MINUTE_MS)


def short(event: dict[str, Any]) -> tuple[object, ...]:
    """Opening time, close, number of trades, whether closed."""
    candle = event["k"]
    return candle["t"], candle["c"], candle["n"], candle["x"]


def test_a_candle_is_told_a_moment_after_the_trade() -> None:
    desk = Desk()
    stream = desk.listen(STREAM)

    desk.place(price="60000.4")
    desk.place("SELL", "59999.6", quantity="0.030")
    desk.pass_ms(250)
    (event,) = frames(stream)

    opened_ms = desk.venue.now_ms // MINUTE_MS * MINUTE_MS
    first, last = (trade.trade_id for trade in desk.symbol_account.trades)
    assert event == {
        "e": "kline",
        "E": desk.venue.now_ms,
        "s": "BTCUSDT",
        "k": {
            "t": opened_ms,
            "T": opened_ms + 59_999,
            "s": "BTCUSDT",
            "i": "1m",
            "f": first,
            "L": last,
            "o": "60000.4",
            "c": "59999.6",
            "h": "60000.4",
            "l": "59999.6",
            "v": "0.040",
            "n": 2,
            "x": False,
            "q": "2399.99200000",
            "V": "0.010",
            "Q": "600.00400000",
            "B": "0",
        },
    }


def test_the_candle_of_a_pairs_perpetual_names_pair_and_contract() -> None:
    desk = Desk()
    stream = desk.listen("btcusdt_perpetual@continuousKline_1h")

    desk.place(price="60000.4")
    desk.pass_ms(250)
    (event,) = frames(stream)

    head = {key: event[key] for key in ("e", "E", "ps", "ct")}
    assert head == {
        "e": "continuous_kline",
        "E": desk.venue.now_ms,
        "ps": "BTCUSDT",
        "ct": "PERPETUAL",
    }
    assert (event["k"]["i"], event["k"]["v"], "s" in event["k"]) == ("1h", "0.010", False)


def test_nothing_is_told_while_nobody_trades() -> None:
    desk = Desk()
    desk.place(price="60000.4")
    stream = desk.listen(STREAM)

    for _ in range(8):
        desk.pass_ms(250)

    assert len(frames(stream)) == 1


def test_a_candle_closes_once_at_its_end_even_when_nobody_traded_in_it() -> None:
    desk = Desk()
    stream = desk.listen(STREAM)
    desk.place(price="60000.4")
    desk.pass_ms(250)
    frames(stream)

    to_the_next_minute(desk)
    opened_ms = desk.venue.now_ms - MINUTE_MS
    for _ in range(4):
        desk.pass_ms(15_000)

    closed, flat = frames(stream)
    assert (*short(closed), closed["E"]) == (opened_ms, "60000.4", 1, True, opened_ms + MINUTE_MS)
    assert short(flat) == (opened_ms + MINUTE_MS, "60000.4", 0, True)
    assert (flat["k"]["f"], flat["k"]["L"], flat["k"]["v"]) == (-1, -1, "0.000")
    assert flat["E"] == opened_ms + 2 * MINUTE_MS


def test_a_candle_that_ends_right_after_somebody_began_to_listen_is_closed_too() -> None:
    desk = Desk()
    desk.place(price="60000.4")
    desk.pass_ms(MINUTE_MS - desk.venue.now_ms % MINUTE_MS - 10)
    stream = desk.listen(STREAM)

    desk.pass_ms(10)

    assert [short(event)[2:] for event in frames(stream)] == [(1, True)]


def test_who_listens_later_hears_first_where_the_candle_stands() -> None:
    desk = Desk()
    desk.place(price="60000.4")
    first = desk.listen(STREAM)
    desk.pass_ms(250)
    desk.pubsub.remove(first)
    desk.pass_ms(250)

    second = desk.listen(STREAM)
    desk.pass_ms(250)

    assert [short(event)[2:] for event in frames(second)] == [(1, False)]


def test_closed_candles_are_what_the_raw_trades_make() -> None:
    """Five minutes of a lively market; each candle closes once, in turn, and REST agrees."""
    desk = Desk(paper_settings(LIVELY))
    trades = desk.listen("btcusdt@trade")
    klines = {name: desk.listen(f"btcusdt@kline_{name}") for name in ("1m", "3m")}
    twin = NaiveCandles()
    for _ in range(1200):
        desk.pass_ms(250)
        twin.tape += [(event["T"], trade_of(event)) for event in frames(trades)]

    for name, stream in klines.items():
        closed = [event["k"] for event in frames(stream) if event["k"]["x"]]
        rows = desk.get("/fapi/v1/klines", symbol="BTCUSDT", interval=name)
        naive = [(*row[:6], row[7], row[9]) for row in twin.rows(name, desk.venue.now_ms)]
        told = [in_units(k["t"], *(k[key] for key in "ohlcvV"), trades=k["n"]) for k in closed]
        asked = [in_units(*row[:6], row[9], trades=row[8]) for row in rows]
        assert all(after["t"] == before["T"] + 1 for before, after in pairwise(closed))
        assert asked == naive
        assert told == naive[:-1]
        assert len(told) == {"1m": 5, "3m": 2}[name]


TICK, LOT = DecimalGrid("0.1"), DecimalGrid("0.001")


def trade_of(event: dict[str, Any]) -> Traded:
    side = Side.SELL if event["m"] else Side.BUY
    price, lots = TICK.count(event["p"]), LOT.count(event["q"])
    return Traded(event["t"], price, lots, side, 1, BACKGROUND, 2, BACKGROUND)


def in_units(opened_ms: int, *texts: str, trades: int) -> tuple[int, ...]:
    """Four prices and two volumes."""
    prices, volumes = texts[:4], texts[4:]
    return (opened_ms, *map(TICK.count, prices), *map(LOT.count, volumes), trades)
