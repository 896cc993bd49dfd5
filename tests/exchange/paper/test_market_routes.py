"""Market data over REST: what is answered, in which types, at what weight, and what is refused."""

from dataclasses import replace

import pytest

from exchange.paper.tape.candles import DAY_MS, HOUR_MS, MINUTE_MS
from tests.exchange.paper.bench import LIVELY, Desk, paper_settings, two_of_everything

FIRST_MINUTE_MS = 1_699_999_980_000
"""The minute in which the exchange opens."""


def traded_desk() -> Desk:
    """Bought 0.010 at 60,000.4, and a second later sold 0.020 at 59,999.6."""
    desk = Desk(two_of_everything())
    desk.place(price="60000.4")
    desk.pass_ms(1000)
    desk.place("SELL", "59999.6", quantity="0.020")
    desk.pass_ms(1000)
    return desk


def weight(desk: Desk, path: str, query: str) -> int:
    """What one call costs."""

    def used(query: str, path: str = "/fapi/v1/ping") -> int:
        return int(desk.ask("GET", path, query=query).headers["X-MBX-USED-WEIGHT-1M"])

    before = used("")
    return used(query, path) - before


# ---------------------------------------------------------------- weights and refusals


@pytest.mark.parametrize(
    ("path", "query", "expected"),
    [
        ("/fapi/v1/klines", "symbol=BTCUSDT&interval=1m&limit=99", 1),
        ("/fapi/v1/klines", "symbol=BTCUSDT&interval=1m&limit=100", 2),
        ("/fapi/v1/klines", "symbol=BTCUSDT&interval=1m&limit=499", 2),
        ("/fapi/v1/klines", "symbol=BTCUSDT&interval=1m", 5),
        ("/fapi/v1/klines", "symbol=BTCUSDT&interval=1m&limit=1000", 5),
        ("/fapi/v1/klines", "symbol=BTCUSDT&interval=1m&limit=1001", 10),
        ("/fapi/v1/continuousKlines", "pair=BTCUSDT&contractType=PERPETUAL&interval=1m", 5),
        ("/fapi/v1/aggTrades", "symbol=BTCUSDT", 20),
        ("/fapi/v1/historicalTrades", "symbol=BTCUSDT", 200),
        ("/fapi/v1/ticker/24hr", "symbol=BTCUSDT", 1),
        ("/fapi/v1/ticker/24hr", "", 40),
        ("/fapi/v1/ticker/price", "symbol=BTCUSDT", 1),
        ("/fapi/v2/ticker/price", "", 2),
        ("/fapi/v1/ticker/bookTicker", "symbol=BTCUSDT", 2),
        ("/fapi/v1/ticker/bookTicker", "", 5),
        ("/fapi/v1/premiumIndex", "", 10),
        ("/fapi/v1/rpiDepth", "symbol=BTCUSDT", 20),
        ("/fapi/v1/openInterest", "symbol=BTCUSDT", 1),
        ("/fapi/v1/fundingRate", "symbol=BTCUSDT", 0),
        ("/fapi/v1/fundingInfo", "", 0),
    ],
)
def test_a_call_weighs_what_the_venue_says(path: str, query: str, expected: int) -> None:
    assert weight(Desk(), path, query) == expected


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        ("/fapi/v1/klines", "symbol=NOSUCH&interval=1m", -1121),
        ("/fapi/v1/klines", "interval=1m", -1102),
        ("/fapi/v1/klines", "symbol=BTCUSDT", -1102),
        ("/fapi/v1/klines", "symbol=BTCUSDT&interval=7m", -1120),
        ("/fapi/v1/klines", "symbol=BTCUSDT&interval=1m&startTime=2&endTime=1", -1023),
        ("/fapi/v1/continuousKlines", "pair=NOSUCH&contractType=PERPETUAL&interval=1m", -4144),
        ("/fapi/v1/continuousKlines", "pair=BTCUSDT&interval=1m", -1102),
        ("/fapi/v1/continuousKlines", "pair=BTCUSDT&contractType=SOON&interval=1m", -1130),
        ("/fapi/v1/aggTrades", "", -1102),
        ("/fapi/v1/aggTrades", "symbol=NOSUCH", -1121),
        ("/fapi/v1/aggTrades", "symbol=BTCUSDT&fromId=1&startTime=1", -1128),
        ("/fapi/v1/aggTrades", "symbol=BTCUSDT&fromId=1&endTime=1", -1128),
        ("/fapi/v1/aggTrades", "symbol=BTCUSDT&startTime=5&endTime=3600006", -1127),
        ("/fapi/v1/historicalTrades", "symbol=NOSUCH", -1121),
        ("/fapi/v1/ticker/24hr", "symbol=NOSUCH", -1121),
        ("/fapi/v2/ticker/price", "symbol=NOSUCH", -1121),
        ("/fapi/v1/fundingRate", "symbol=NOSUCH", -1121),
        ("/fapi/v1/openInterest", "", -1102),
        ("/fapi/v1/rpiDepth", "symbol=BTCUSDT&limit=500", -4021),
    ],
)
def test_a_bad_question_is_refused_by_its_code(path: str, query: str, code: int) -> None:
    desk = Desk()
    params = dict(part.split("=") for part in query.split("&") if part)

    assert desk.get(path, **params)["code"] == code


def test_a_search_of_an_hour_is_not_too_long() -> None:
    """Public clients ask for exactly that."""
    desk = Desk()

    hour = {"startTime": 5, "endTime": HOUR_MS + 5}
    assert desk.get("/fapi/v1/aggTrades", symbol="BTCUSDT", **hour) == []


def test_old_trades_are_told_only_to_whoever_has_a_key() -> None:
    desk = Desk()

    answer = desk.ask("GET", "/fapi/v1/historicalTrades", query="symbol=BTCUSDT", key=None)

    assert answer.status == 401


# ---------------------------------------------------------------- trades


def test_trades_are_told_oldest_first() -> None:
    desk = traded_desk()
    first, last = (trade.trade_id for trade in desk.symbol_account.trades)

    rows = desk.get("/fapi/v1/trades", symbol="BTCUSDT")

    assert [row["id"] for row in rows] == [first, last]
    assert rows[1] == {
        "id": last,
        "price": "59999.6",
        "qty": "0.020",
        "quoteQty": "1199.99200000",
        "time": desk.venue.now_ms - 1000,
        "isBuyerMaker": True,
        "isRPITrade": False,
    }
    assert desk.get("/fapi/v1/trades", symbol="BTCUSDT", limit=1) == rows[1:]


def test_old_trades_can_be_asked_for_from_an_id_on() -> None:
    desk = traded_desk()
    rows = desk.get("/fapi/v1/historicalTrades", symbol="BTCUSDT")
    first, last = (row["id"] for row in rows)

    def of(**params: object) -> list[int]:
        found = desk.get("/fapi/v1/historicalTrades", symbol="BTCUSDT", **params)
        return [row["id"] for row in found]

    assert rows == desk.get("/fapi/v1/trades", symbol="BTCUSDT")
    assert of(fromId=first) == [first, last]
    assert of(fromId=last) == [last]
    assert of(fromId=last + 1) == []
    assert of(fromId=0, limit=1) == [first]
    assert of(limit=1) == [last]


def test_a_hundred_old_trades_are_told_unless_more_are_wanted() -> None:
    desk = Desk()
    for _ in range(101):
        desk.place(price="60000.4", quantity="0.001")

    assert len(desk.get("/fapi/v1/historicalTrades", symbol="BTCUSDT")) == 100
    assert len(desk.get("/fapi/v1/historicalTrades", symbol="BTCUSDT", limit=500)) == 101


def test_aggregates_can_be_asked_for_by_id_and_by_time() -> None:
    desk = traded_desk()
    made_ms = desk.venue.now_ms - 2000
    rows = desk.get("/fapi/v1/aggTrades", symbol="BTCUSDT")
    first, last = (row["a"] for row in rows)

    def of(**params: object) -> list[int]:
        return [row["a"] for row in desk.get("/fapi/v1/aggTrades", symbol="BTCUSDT", **params)]

    trade_id = desk.symbol_account.trades[0].trade_id
    assert rows[0] == {
        "a": first,
        "p": "60000.4",
        "q": "0.010",
        "nq": "0.010",
        "f": trade_id,
        "l": trade_id,
        "T": made_ms,
        "m": False,
    }
    assert last == first + 1
    assert of(fromId=last) == [last]
    assert of(fromId=first, limit=1) == [first]
    assert of(limit=1) == [last]
    assert of(startTime=made_ms) == [first, last]
    assert of(startTime=made_ms + 1) == [last]
    assert of(startTime=made_ms, limit=1) == [first]
    assert of(endTime=made_ms + 999) == [first]
    assert of(endTime=made_ms + 1000, limit=1) == [last]


# ---------------------------------------------------------------- candles


def test_candles_begin_with_the_first_trade() -> None:
    desk = Desk()
    desk.pass_ms(5 * MINUTE_MS)

    assert desk.get("/fapi/v1/klines", symbol="BTCUSDT", interval="1m") == []


def test_a_candle_is_a_row_of_twelve() -> None:
    desk = traded_desk()

    (row,) = desk.get("/fapi/v1/klines", symbol="BTCUSDT", interval="1m")

    assert row == [
        FIRST_MINUTE_MS,
        "60000.4",
        "60000.4",
        "59999.6",
        "59999.6",
        "0.030",
        FIRST_MINUTE_MS + 59_999,
        "1799.99600000",
        2,
        "0.010",
        "600.00400000",
        "0",
    ]


def test_candles_can_be_asked_for_by_time_and_number() -> None:
    desk = traded_desk()
    desk.pass_ms(5 * MINUTE_MS)

    def of(**params: object) -> list[int]:
        rows = desk.get("/fapi/v1/klines", symbol="BTCUSDT", interval="1m", **params)
        return [(row[0] - FIRST_MINUTE_MS) // MINUTE_MS for row in rows]

    third_ms = FIRST_MINUTE_MS + 2 * MINUTE_MS
    assert of() == [0, 1, 2, 3, 4, 5]
    assert of(limit=2) == [4, 5]
    assert of(startTime=third_ms) == [2, 3, 4, 5]
    assert of(startTime=third_ms + 1) == [3, 4, 5]
    assert of(startTime=third_ms, limit=2) == [2, 3]
    assert of(endTime=third_ms) == [0, 1, 2]
    assert of(endTime=third_ms, limit=2) == [1, 2]
    assert of(startTime=third_ms, endTime=third_ms + MINUTE_MS) == [2, 3]


def test_fifteen_hundred_candles_are_the_most() -> None:
    desk = traded_desk()
    desk.pass_ms(1600 * MINUTE_MS)

    rows = desk.get("/fapi/v1/klines", symbol="BTCUSDT", interval="1m", limit=1500)
    more = desk.get("/fapi/v1/klines", symbol="BTCUSDT", interval="1m", limit=1501)

    assert len(rows) == 1500
    assert more["code"] == -1130
    assert rows[-1][0] == FIRST_MINUTE_MS + 1600 * MINUTE_MS


def test_a_pairs_perpetual_has_the_symbols_candles() -> None:
    desk = traded_desk()
    contract = {"pair": "BTCUSDT", "contractType": "PERPETUAL"}

    rows = desk.get("/fapi/v1/continuousKlines", interval="1w", **contract)

    assert rows == desk.get("/fapi/v1/klines", symbol="BTCUSDT", interval="1w")
    assert rows[0][0] == 1_699_833_600_000  # Monday 2023-11-13


# ---------------------------------------------------------------- tickers


def test_the_day_is_told_of_one_symbol_or_of_all() -> None:
    desk = traded_desk()
    first, last = (trade.trade_id for trade in desk.symbol_account.trades)

    row = desk.get("/fapi/v1/ticker/24hr", symbol="BTCUSDT")

    assert row == {
        "symbol": "BTCUSDT",
        "priceChange": "-0.8",
        "priceChangePercent": "-0.001",
        "weightedAvgPrice": "59999.86666667",
        "lastPrice": "59999.6",
        "lastQty": "0.020",
        "openPrice": "60000.4",
        "highPrice": "60000.4",
        "lowPrice": "59999.6",
        "volume": "0.030",
        "quoteVolume": "1799.99600000",
        "openTime": FIRST_MINUTE_MS - DAY_MS,
        "closeTime": desk.venue.now_ms,
        "firstId": first,
        "lastId": last,
        "count": 2,
    }
    every = desk.get("/fapi/v1/ticker/24hr")
    assert every[0] == row
    assert [r["symbol"] for r in every] == ["BTCUSDT", "ETHUSDT"]


def test_a_symbol_that_never_traded_has_a_day_of_nothing() -> None:
    row = traded_desk().get("/fapi/v1/ticker/24hr", symbol="ETHUSDT")

    assert (row["lastPrice"], row["volume"], row["priceChangePercent"]) == ("0", "0.000", "0.000")
    assert (row["weightedAvgPrice"], row["firstId"], row["count"]) == ("0", -1, 0)


def test_what_was_traded_a_day_ago_drops_out() -> None:
    desk = traded_desk()

    desk.pass_ms(DAY_MS + MINUTE_MS)
    row = desk.get("/fapi/v1/ticker/24hr", symbol="BTCUSDT")

    assert (row["count"], row["volume"], row["firstId"]) == (0, "0.000", -1)
    assert (row["openPrice"], row["lastPrice"], row["priceChange"]) == ("59999.6", "59999.6", "0.0")


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_the_last_price_is_told_of_one_symbol_or_of_all(version: str) -> None:
    desk = traded_desk()
    now_ms = desk.venue.now_ms

    one = desk.get(f"/fapi/{version}/ticker/price", symbol="BTCUSDT")

    assert one == {"symbol": "BTCUSDT", "price": "59999.6", "time": now_ms}
    never_traded = {"symbol": "ETHUSDT", "price": "3000.00", "time": now_ms}
    assert desk.get(f"/fapi/{version}/ticker/price") == [one, never_traded]


def test_the_touch_is_told_of_all_symbols() -> None:
    rows = Desk(two_of_everything()).get("/fapi/v1/ticker/bookTicker")

    assert [(row["symbol"], row["bidPrice"], row["askPrice"]) for row in rows] == [
        ("BTCUSDT", "59999.6", "60000.4"),
        ("ETHUSDT", "2999.96", "3000.04"),
    ]


# ---------------------------------------------------------------- books, marks, funding, interest


def test_a_snapshot_is_the_top_of_the_book_at_this_moment() -> None:
    desk = Desk()

    snapshot = desk.get("/fapi/v1/depth", symbol="BTCUSDT", limit=5)

    bids, asks = snapshot.pop("bids"), snapshot.pop("asks")
    now_ms = desk.venue.now_ms
    update_id = desk.market.matching.last_update_id
    assert snapshot == {"lastUpdateId": update_id, "E": now_ms, "T": now_ms}
    assert [price for price, _ in bids] == ["59999.6", "59999.5", "59999.4", "59999.3", "59999.2"]
    assert [price for price, _ in asks] == ["60000.4", "60000.5", "60000.6", "60000.7", "60000.8"]


def test_the_rpi_book_is_the_book() -> None:
    desk = Desk(paper_settings(LIVELY))

    rpi = desk.get("/fapi/v1/rpiDepth", symbol="BTCUSDT", limit=1000)

    assert rpi == desk.get("/fapi/v1/depth", symbol="BTCUSDT", limit=1000)


def funded_desk(interval_h: int = 8) -> Desk:
    """Both symbols have settled their funding twice."""
    settings = two_of_everything()
    listings = tuple(
        replace(listing, funding_rate=rate, funding_interval_h=interval_h)
        for listing, rate in zip(settings.listings, (0.0001, -0.00025), strict=True)
    )
    desk = Desk(replace(settings, listings=listings))
    for _ in range(2):
        desk.pass_ms(desk.market.next_funding_ms - desk.venue.now_ms)
    return desk


def test_the_mark_is_told_with_its_next_funding() -> None:
    desk = funded_desk()

    row = desk.get("/fapi/v1/premiumIndex", symbol="ETHUSDT")

    assert row == {
        "symbol": "ETHUSDT",
        "markPrice": "3000.00000000",
        "indexPrice": "3000.00000000",
        "estimatedSettlePrice": "3000.00000000",
        "lastFundingRate": "-0.00025000",
        "interestRate": "0.00010000",
        "nextFundingTime": desk.market.next_funding_ms,
        "time": desk.venue.now_ms,
    }
    assert desk.get("/fapi/v1/premiumIndex")[1] == row


def test_a_hundred_settlements_are_told_unless_more_are_wanted() -> None:
    desk = Desk()
    for _ in range(101):
        desk.market.note_funding()

    assert len(desk.get("/fapi/v1/fundingRate", symbol="BTCUSDT")) == 100
    assert len(desk.get("/fapi/v1/fundingRate", symbol="BTCUSDT", limit=1000)) == 101


def test_past_funding_is_told_oldest_first() -> None:
    desk = funded_desk()
    second_ms = desk.venue.now_ms
    first_ms = second_ms - 8 * HOUR_MS

    rows = desk.get("/fapi/v1/fundingRate", symbol="ETHUSDT")
    every = desk.get("/fapi/v1/fundingRate")
    later = desk.get("/fapi/v1/fundingRate", symbol="BTCUSDT", startTime=first_ms + 1)

    assert [row["fundingTime"] for row in rows] == [first_ms, second_ms]
    assert rows[0] == {
        "symbol": "ETHUSDT",
        "fundingRate": "-0.00025000",
        "fundingTime": first_ms,
        "markPrice": "3000.00000000",
        "rateType": "Regular",
    }
    assert [row["fundingTime"] for row in every] == [first_ms, first_ms, second_ms, second_ms]
    assert [row["fundingTime"] for row in later] == [second_ms]
    assert desk.get("/fapi/v1/fundingRate", symbol="BTCUSDT", limit=1) == later


def test_only_unusual_funding_is_listed() -> None:
    assert funded_desk(8).get("/fapi/v1/fundingInfo") == []
    assert funded_desk(4).get("/fapi/v1/fundingInfo")[0] == {
        "symbol": "BTCUSDT",
        "adjustedFundingRateCap": "0.02000000",
        "adjustedFundingRateFloor": "-0.02000000",
        "fundingIntervalHours": 4,
        "disclaimer": False,
    }


def test_funding_may_be_asked_for_so_often_in_five_minutes() -> None:
    desk = Desk()
    desk.pass_ms(300_000 - desk.venue.now_ms % 300_000)
    for _ in range(250):
        assert desk.get("/fapi/v1/fundingRate") == desk.get("/fapi/v1/fundingInfo")

    assert desk.ask("GET", "/fapi/v1/fundingInfo").status == 429
    desk.pass_ms(300_000)
    assert desk.ask("GET", "/fapi/v1/fundingInfo").status == 200


def test_open_interest_counts_the_background_as_one_party() -> None:
    """Long 0.030 and short 0.010 among the accounts: the background is short the rest."""
    desk = Desk(two_of_everything())
    desk.place(price="60000.4", quantity="0.030")
    desk.beside(1).place("SELL", "59999.6")

    row = desk.get("/fapi/v1/openInterest", symbol="BTCUSDT")

    assert row == {"symbol": "BTCUSDT", "openInterest": "0.030", "time": desk.venue.now_ms}
    desk.beside(1).place("SELL", "59999.6", quantity="0.040")
    assert desk.get("/fapi/v1/openInterest", symbol="BTCUSDT")["openInterest"] == "0.050"
