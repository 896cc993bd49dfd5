"""ccxt trades on the exchange by its unified API: REST, its streams, and orders by socket."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import ccxt.pro
import pytest

from tests.exchange.clients.book import sides
from tests.exchange.clients.exchange import DEADLINE_S, SYMBOL, Exchange, Heard, until
from tests.exchange.paper.bench import KEY, SECRET

UNIFIED = "BTC/USDT:USDT"


@asynccontextmanager
async def connected(exchange: Exchange) -> AsyncIterator[Any]:
    """ccxt with its markets loaded, of linear futures alone."""
    client = ccxt.pro.binanceusdm(
        {
            "apiKey": KEY,
            "secret": SECRET,
            "enableRateLimit": False,  # else ccxt waits for its own limits, not the exchange's
            "options": {"fetchMarkets": {"types": ["linear"]}, "fetchCurrencies": False},
        }
    )
    for name in ("fapiPublic", "fapiPrivate"):
        for suffix, version in (("", "v1"), ("V2", "v2"), ("V3", "v3")):
            client.urls["api"][name + suffix] = f"{exchange.http}/fapi/{version}"
    client.urls["api"]["ws"]["linear"] = f"{exchange.ws}/ws"
    client.urls["api"]["ws"]["ws-api"]["linear"] = f"{exchange.ws}/ws-fapi/v1"
    try:
        await client.load_markets()
        yield client
    finally:
        await client.close()


def post_only(client_order_id: str, price: float = 60_000.0) -> tuple[Any, ...]:
    """A bid of 0.010, as ccxt takes its arguments."""
    params = {"timeInForce": "GTX", "newClientOrderId": client_order_id}
    return UNIFIED, "limit", "buy", 0.01, price, params


# ------------------------------------------------------------ REST


async def test_the_market_is_read_with_its_grid_and_fees(quiet: Exchange) -> None:
    async with connected(quiet) as client:
        market = client.market(UNIFIED)
        fee = await client.fetch_trading_fee(UNIFIED)

    assert list(client.markets) == [UNIFIED]
    assert (market["id"], market["linear"], market["active"]) == (SYMBOL, True, True)
    assert market["precision"] == {"amount": 0.001, "price": 0.1, "base": 1e-8, "quote": 1e-8}
    assert market["limits"]["cost"]["min"] == 5.0
    assert (fee["maker"], fee["taker"]) == (0.0002, 0.0005)


async def test_an_order_is_placed_filled_in_part_modified_and_cancelled(quiet: Exchange) -> None:
    async with connected(quiet) as client:
        placed = await client.create_order(*post_only("a"))
        quiet.other.take("SELL", 60_000.0, 0.004)
        filled = await client.fetch_order(placed["id"], UNIFIED)
        changed = await client.edit_order(placed["id"], UNIFIED, "limit", "buy", 0.02, 59_999.9)
        gone = await client.cancel_order(placed["id"], UNIFIED)
        (trade,) = await client.fetch_my_trades(UNIFIED)

    answers = (placed, filled, changed, gone)
    assert [(answer["status"], answer["filled"], answer["price"]) for answer in answers] == [
        ("open", 0.0, 60_000.0),
        ("open", 0.004, 60_000.0),
        ("open", 0.004, 59_999.9),
        ("canceled", 0.004, 59_999.9),
    ]
    assert {answer["id"] for answer in answers} == {placed["id"]}
    assert (placed["clientOrderId"], placed["postOnly"], changed["amount"]) == ("a", True, 0.02)
    assert (trade["order"], trade["takerOrMaker"], trade["cost"]) == (placed["id"], "maker", 240.0)
    assert trade["fee"] == {"cost": 0.048, "currency": "USDT"}
    assert quiet.open_ids() == []


async def test_refusals_are_raised_with_the_venues_codes(quiet: Exchange) -> None:
    async with connected(quiet) as client:
        with pytest.raises(ccxt.pro.ExchangeError, match="-5022"):
            await client.create_order(*post_only("a", 60_000.4))
        with pytest.raises(ccxt.pro.OrderNotFound, match="-2011"):
            await client.cancel_order("1", UNIFIED)
        client.options["timeDifference"] = 60_000
        with pytest.raises(ccxt.pro.InvalidNonce, match=r"-1021.*outside of the recvWindow"):
            await client.fetch_open_orders(UNIFIED)
        client.options["timeDifference"] = -5_000
        with pytest.raises(ccxt.pro.InvalidNonce, match=r"-1021.*1000ms ahead"):
            await client.fetch_open_orders(UNIFIED)


async def test_a_batch_is_placed_changed_and_cancelled(quiet: Exchange) -> None:
    """ccxt spells the list of ids in small letters, as the venue lets it."""
    keys = ("symbol", "type", "side", "amount", "price", "params")
    orders = [
        dict(zip(keys, post_only(f"b{i}", price), strict=True))
        for i, price in enumerate((59_999.7, 59_999.8, 59_999.9))
    ]
    async with connected(quiet) as client:
        placed = await client.create_orders(orders)
        ids = [order["id"] for order in placed]
        changes = [
            {"id": id_, "symbol": UNIFIED, "type": "limit", "side": "buy", "amount": 0.02}
            | {"price": 59_999.5}
            for id_ in ids[:2]
        ]
        changed = await client.edit_orders(changes)
        gone = await client.cancel_orders(ids[1:], UNIFIED)

    assert [order["clientOrderId"] for order in placed] == ["b0", "b1", "b2"]
    assert [order["amount"] for order in changed] == [0.02, 0.02]
    assert [order["status"] for order in gone] == ["canceled"] * 2
    assert quiet.open_ids() == ["b0"]


async def test_the_countdown_cancels_everything_by_itself(quiet: Exchange) -> None:
    async with connected(quiet) as client:
        await client.create_order(*post_only("a"))
        armed = await client.fapiPrivatePostCountdownCancelAll(
            {"symbol": SYMBOL, "countdownTime": 100}
        )

    assert armed == {"symbol": SYMBOL, "countdownTime": "100"}
    until(lambda: quiet.open_ids() == [])


async def test_questions_about_the_account_agree(quiet: Exchange) -> None:
    """After buying 0.004 at 60,000 as a maker: 240 of notional, 0.048 of fee."""
    async with connected(quiet) as client:
        await client.create_order(*post_only("a"))
        quiet.other.take("SELL", 60_000.0, 0.004)
        await client.set_leverage(7, UNIFIED)
        (position,) = await client.fetch_positions([UNIFIED])
        balance = await client.fetch_balance()
        leverage = await client.fetch_leverage(UNIFIED)
        tiers = await client.fetch_market_leverage_tiers(UNIFIED)
        mode = await client.fetch_position_mode(UNIFIED)

    assert (position["contracts"], position["side"], position["entryPrice"]) == (
        *(0.004, "long", 60_000.0),
    )
    assert balance["USDT"]["total"] == 9999.952
    assert leverage["longLeverage"] == 7
    assert tiers[0]["minNotional"] == 0
    assert tiers[0]["maxLeverage"] >= tiers[-1]["maxLeverage"]
    assert mode["hedged"] is False


async def test_prices_agree_whichever_way_they_are_asked_for(lively: Exchange) -> None:
    """The day's extremes are asked for last, so they span every trade that was reported before."""
    until(lambda: bool(lively.ours.ask("GET", "/fapi/v1/trades", symbol=SYMBOL)))
    async with connected(lively) as client:
        trades = await client.fetch_trades(UNIFIED)
        candles = await client.fetch_ohlcv(UNIFIED)
        book = await client.fetch_order_book(UNIFIED)
        touch = (await client.fetch_bids_asks([UNIFIED]))[UNIFIED]
        mark = await client.fetch_mark_price(UNIFIED)
        funding = await client.fetch_funding_rate(UNIFIED)
        day = await client.fetch_ticker(UNIFIED)
        days = await client.fetch_tickers([UNIFIED])

    traded = [trade["price"] for trade in trades]
    traded += [price for candle in candles for price in candle[1:5]]
    assert day["low"] <= min(traded)
    assert max(traded) <= day["high"]
    assert list(days) == [UNIFIED]
    assert touch["bid"] < touch["ask"]
    near = (book["bids"][0][0], touch["bid"], mark["markPrice"], funding["markPrice"], day["last"])
    assert near == pytest.approx((60_000,) * 5, rel=0.01)


async def test_settings_of_the_market_and_the_account_are_read(quiet: Exchange) -> None:
    async with connected(quiet) as client:
        interest = await client.fetch_open_interest(UNIFIED)
        leverages = await client.fetch_leverages([UNIFIED])
        modes = await client.fetch_margin_modes([UNIFIED])
        early = await client.fetch_time() - client.milliseconds()

    assert (interest["symbol"], interest["openInterestAmount"]) == (UNIFIED, 0.0)
    assert leverages[UNIFIED]["longLeverage"] == 20
    assert modes[UNIFIED]["marginMode"] == "cross"
    assert abs(early) < 1000


# ------------------------------------------------------------ streams


async def test_a_local_book_stays_in_step_with_the_exchange(lively: Exchange) -> None:
    """ccxt keeps it itself; it is the exchange's to the last level at the same update id."""
    async with connected(lively) as client, asyncio.timeout(DEADLINE_S):
        ids = set()
        while True:
            book = await client.watch_order_book(UNIFIED)
            ids.add(book["nonce"])
            own = lively.depth()
            if len(ids) > 20 and own["lastUpdateId"] == book["nonce"]:
                break

    assert sides(book["bids"], book["asks"]) == sides(own["bids"], own["asks"])


async def last_trade(client: Any) -> Any:
    return (await client.watch_trades(UNIFIED))[-1]["price"]


async def last_of_day(client: Any) -> Any:
    return (await client.watch_ticker(UNIFIED))["last"]


async def best_bid(client: Any) -> Any:
    return (await client.watch_bids_asks([UNIFIED]))[UNIFIED]["bid"]


async def mark(client: Any) -> Any:
    return (await client.watch_mark_price(UNIFIED))["markPrice"]


async def last_candle(client: Any) -> Any:
    return (await client.watch_ohlcv(UNIFIED))[-1][4]


@pytest.mark.parametrize("price", [last_trade, last_of_day, best_bid, mark, last_candle])
async def test_a_market_stream_tells_a_price(
    lively: Exchange, price: Callable[[Any], Awaitable[Any]]
) -> None:
    async with connected(lively) as client, asyncio.timeout(DEADLINE_S):
        assert await price(client) == pytest.approx(60_000, rel=0.01)


@asynccontextmanager
async def watching(watch: Callable[[], Awaitable[Any]]) -> AsyncIterator[Heard]:
    """Whatever one of ccxt's ``watch_*`` methods returns, again and again."""
    heard = Heard()

    async def listen() -> None:
        while True:
            for row in await watch():
                heard.tell(dict(row))

    async with asyncio.TaskGroup() as tasks:
        listener = tasks.create_task(listen(), name="watch")
        yield heard
        listener.cancel()


async def test_user_events_tell_an_order_its_fill_and_its_end(quiet: Exchange) -> None:
    async with (
        connected(quiet) as client,
        watching(client.watch_orders) as orders,
        watching(client.watch_my_trades) as trades,
        watching(client.watch_positions) as positions,
    ):
        await hears(client)
        placed = await client.create_order(*post_only("a"))
        await orders.until(lambda order: order["clientOrderId"] == "a")
        quiet.other.take("SELL", 60_000.0, 0.004)
        filled = await orders.until(lambda order: order["filled"] == 0.004)
        trade = await trades.until(lambda trade: trade["order"] == placed["id"])
        position = await positions.until(lambda position: position["contracts"] == 0.004)
        await client.edit_order(placed["id"], UNIFIED, "limit", "buy", 0.02, 59_999.9)
        changed = await orders.until(lambda order: order["amount"] == 0.02)
        await client.cancel_order(placed["id"], UNIFIED)
        gone = await orders.until(lambda order: order["status"] == "canceled")

    assert (filled["status"], filled["remaining"]) == ("open", 0.006)
    assert (trade["takerOrMaker"], trade["fee"]["cost"]) == ("maker", 0.048)
    assert (position["side"], position["entryPrice"]) == ("long", 60_000.0)
    assert changed["price"] == 59_999.9
    assert (gone["id"], gone["filled"]) == (placed["id"], 0.004)


async def test_the_watched_balance_follows_the_wallet(quiet: Exchange) -> None:
    async with connected(quiet) as client:
        watched = asyncio.create_task(client.watch_balance(), name="watch balance")
        await hears(client)
        await client.create_order(*post_only("a"))
        quiet.other.take("SELL", 60_000.0, 0.004)
        async with asyncio.timeout(DEADLINE_S):
            while (await watched)["USDT"]["total"] != 9999.952:
                watched = asyncio.create_task(client.watch_balance(), name="watch balance")


async def hears(client: Any) -> None:
    """Wait until ccxt's socket for user events is open."""
    async with asyncio.timeout(DEADLINE_S):
        while not any(  # noqa: ASYNC110  # there is no event to wait for
            "/private/" in url and c.isConnected for url, c in client.clients.items()
        ):
            await asyncio.sleep(0.01)  # ccxt announces it to nobody


# ------------------------------------------------------------ the WebSocket trading API


async def test_the_socket_places_modifies_asks_and_cancels(quiet: Exchange) -> None:
    async with connected(quiet) as client:
        placed = await client.create_order_ws(*post_only("a:b/c.1"))
        quiet.other.take("SELL", 60_000.0, 0.004)
        changed = await client.edit_order_ws(placed["id"], UNIFIED, "limit", "buy", 0.02, 59_999.9)
        asked = await client.fetch_order_ws(placed["id"], UNIFIED)
        gone = await client.cancel_order_ws(placed["id"], UNIFIED)

    answers = (placed, changed, asked, gone)
    assert [(answer["status"], answer["filled"], answer["price"]) for answer in answers] == [
        ("open", 0.0, 60_000.0),
        ("open", 0.004, 59_999.9),
        ("open", 0.004, 59_999.9),
        ("canceled", 0.004, 59_999.9),
    ]
    assert placed["clientOrderId"] == "a:b/c.1"
    assert quiet.open_ids() == []


async def test_the_socket_refuses_by_the_same_codes(quiet: Exchange) -> None:
    async with connected(quiet) as client:
        with pytest.raises(ccxt.pro.ExchangeError, match="-5022"):
            await client.create_order_ws(*post_only("a", 60_000.4))
        with pytest.raises(ccxt.pro.ExchangeError, match="-2011"):
            await client.cancel_order_ws("1", UNIFIED)
        client.options["timeDifference"] = 60_000
        with pytest.raises(ccxt.pro.InvalidNonce, match="-1021"):
            await client.create_order_ws(*post_only("a"))

    assert quiet.open_ids() == []


async def test_the_socket_answers_questions_about_the_account(quiet: Exchange) -> None:
    async with connected(quiet) as client:
        balance = await client.fetch_balance_ws()
        positions = await client.fetch_positions_ws([UNIFIED])
        book = await client.fetch_order_book_ws(UNIFIED, 5)

    assert balance["USDT"]["total"] == 10_000.0
    assert positions == []
    assert book["bids"][0][0] == 59_999.6
