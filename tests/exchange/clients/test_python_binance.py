"""python-binance trades on the exchange: REST, streams and the WebSocket trading API."""

import asyncio
import warnings
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from tests.exchange.clients.book import StreamedBook, sides
from tests.exchange.clients.exchange import DEADLINE_S, SYMBOL, Exchange, until
from tests.exchange.paper.bench import KEY, SECRET

with warnings.catch_warnings():
    # It still imports the older half of websockets.
    warnings.simplefilter("ignore", DeprecationWarning)
    from binance import AsyncClient, BinanceSocketManager
    from binance.exceptions import BinanceAPIException

STREAM_SYMBOL = SYMBOL.lower()


@asynccontextmanager
async def connected(exchange: Exchange) -> AsyncIterator[Any]:
    with pytest.MonkeyPatch.context() as urls:
        urls.setattr(AsyncClient, "WS_FUTURES_URL", f"{exchange.ws}/ws-fapi/v1")
        client = AsyncClient(KEY, SECRET)
    client.FUTURES_URL = f"{exchange.http}/fapi"
    try:
        yield client
    finally:
        await stop_reading()
        await client.ws_future.close()
        await client.close_connection()


@asynccontextmanager
async def listening(client: Any, exchange: Exchange, *streams: str) -> AsyncIterator[Any]:
    """A socket with market streams of ``/public``, or of the user's own where none is named."""
    manager = BinanceSocketManager(client)
    manager.FSTREAM_URL = f"{exchange.ws}/"
    if streams:
        socket = manager.futures_multiplex_socket(list(streams), category="public")
    else:
        socket = manager.futures_user_socket()
    await socket.connect()
    try:
        yield socket
    finally:
        await stop_reading()
        await socket.close()


async def stop_reading() -> None:
    """Else closing any of its sockets waits for ten seconds of silence."""
    readers = [task for task in asyncio.all_tasks() if "_read_loop" in str(task.get_coro())]
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)


def post_only(client_order_id: str, price: str = "60000.0") -> dict[str, str]:
    """A bid of 0.010."""
    return {
        "symbol": SYMBOL,
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTX",
        "quantity": "0.010",
        "price": price,
        "newClientOrderId": client_order_id,
    }


# ------------------------------------------------------------ REST


async def test_the_instrument_is_described(quiet: Exchange) -> None:
    async with connected(quiet) as client:
        info = await client.futures_exchange_info()

    (symbol,) = [row for row in info["symbols"] if row["symbol"] == SYMBOL]
    filters = {row["filterType"]: row for row in symbol["filters"]}
    assert (symbol["status"], symbol["contractType"]) == ("TRADING", "PERPETUAL")
    assert filters["PRICE_FILTER"]["tickSize"] == "0.1"
    assert filters["LOT_SIZE"]["stepSize"] == "0.001"


async def test_an_order_is_placed_filled_in_part_modified_and_cancelled(quiet: Exchange) -> None:
    async with connected(quiet) as client:
        placed = await client.futures_create_order(**post_only("a"))
        quiet.other.take("SELL", 60_000.0, 0.004)
        asked = await client.futures_get_order(symbol=SYMBOL, origClientOrderId="a")
        changed = await client.futures_modify_order(
            symbol=SYMBOL, side="BUY", quantity="0.020", price="59999.9", orderId=asked["orderId"]
        )
        gone = await client.futures_cancel_order(symbol=SYMBOL, origClientOrderId="a")

    answers = (placed, asked, changed, gone)
    assert [(answer["status"], answer["executedQty"]) for answer in answers] == [
        ("NEW", "0.000"),
        ("PARTIALLY_FILLED", "0.004"),
        ("PARTIALLY_FILLED", "0.004"),
        ("CANCELED", "0.004"),
    ]
    assert (changed["price"], changed["origQty"]) == ("59999.9", "0.020")
    assert quiet.open_ids() == []


async def test_an_order_without_an_id_gets_the_librarys_own(quiet: Exchange) -> None:
    order = post_only("")
    del order["newClientOrderId"]
    async with connected(quiet) as client:
        await client.futures_create_order(**order)

    (client_order_id,) = quiet.open_ids()
    assert client_order_id.startswith("x-Cb7ytekJ")


async def test_refusals_are_raised_with_the_venues_codes(quiet: Exchange) -> None:
    async with connected(quiet) as client:
        with pytest.raises(BinanceAPIException) as crossing:
            await client.futures_create_order(**post_only("a", "60000.4"))
        with pytest.raises(BinanceAPIException) as unknown:
            await client.futures_cancel_order(symbol=SYMBOL, origClientOrderId="a")
        client.timestamp_offset = -60_000
        with pytest.raises(BinanceAPIException) as late:
            await client.futures_get_open_orders(symbol=SYMBOL)
        client.timestamp_offset = 5_000
        with pytest.raises(BinanceAPIException) as early:
            await client.futures_get_open_orders(symbol=SYMBOL)

    refusals = [refused.value for refused in (crossing, unknown, late, early)]
    assert [refused.code for refused in refusals] == [-5022, -2011, -1021, -1021]
    assert [refused.status_code for refused in refusals] == [400] * 4
    assert "outside of the recvWindow" in refusals[2].message
    assert "1000ms ahead" in refusals[3].message


async def test_a_batch_is_placed_and_cancelled_in_one_request_each(quiet: Exchange) -> None:
    """The library spells the list of ids in small letters, as the venue lets it."""
    prices = ["59999.7", "59999.8", "60000.4", "59999.9", "60000.0"]
    orders = [post_only(f"b{i}", price) for i, price in enumerate(prices)]
    async with connected(quiet) as client:
        placed = await client.futures_place_batch_order(batchOrders=orders)
        ids = [placed[0]["orderId"], 1, placed[4]["orderId"]]
        gone = await client.futures_cancel_orders(symbol=SYMBOL, orderidlist=ids)

    assert [order.get("code", order.get("clientOrderId")) for order in placed] == [
        *("b0", "b1", -5022, "b3", "b4")
    ]
    assert [order.get("code", order.get("status")) for order in gone] == [
        *("CANCELED", -2011, "CANCELED")
    ]
    assert quiet.open_ids() == ["b1", "b3"]


async def test_the_countdown_cancels_everything_by_itself(quiet: Exchange) -> None:
    async with connected(quiet) as client:
        await client.futures_create_order(**post_only("a"))
        armed = await client.futures_countdown_cancel_all(symbol=SYMBOL, countdownTime=100)

    assert armed == {"symbol": SYMBOL, "countdownTime": "100"}
    until(lambda: quiet.open_ids() == [])


async def test_questions_about_the_account_agree(quiet: Exchange) -> None:
    """After buying 0.004 at 60,000 as a maker: 240 of notional, 0.048 of fee."""
    async with connected(quiet) as client:
        await client.futures_create_order(**post_only("a"))
        quiet.other.take("SELL", 60_000.0, 0.004)
        (trade,) = await client.futures_account_trades(symbol=SYMBOL)
        (balance,) = await client.futures_account_balance()
        (position,) = await client.futures_position_information(symbol=SYMBOL)
        account = await client.futures_account()
        (paid,) = await client.futures_income_history(symbol=SYMBOL, incomeType="COMMISSION")

    assert (trade["qty"], trade["quoteQty"], trade["commission"]) == (
        *("0.004", "240.00000000", "0.04800000"),
    )
    assert balance["balance"] == account["totalWalletBalance"] == "9999.95200000"
    assert (position["positionAmt"], position["entryPrice"]) == ("0.004", "60000.00000000")
    assert (paid["income"], paid["tradeId"]) == ("-0.04800000", str(trade["id"]))


async def test_questions_about_the_market_are_answered(lively: Exchange) -> None:
    until(lambda: bool(lively.ours.ask("GET", "/fapi/v1/trades", symbol=SYMBOL)))
    async with connected(lively) as client:
        ticker, day, candle, mark, interest, (trade, *_) = await asyncio.gather(
            client.futures_orderbook_ticker(symbol=SYMBOL),
            client.futures_ticker(symbol=SYMBOL),
            client.futures_klines(symbol=SYMBOL, interval="1m", limit=1),
            client.futures_mark_price(symbol=SYMBOL),
            client.futures_open_interest(symbol=SYMBOL),
            client.futures_recent_trades(symbol=SYMBOL),
        )

    assert float(ticker["bidPrice"]) < float(ticker["askPrice"])
    assert float(day["lowPrice"]) <= float(trade["price"]) <= float(day["highPrice"])
    assert len(candle[-1]) == 12
    assert float(mark["markPrice"]) == pytest.approx(60_000, rel=0.01)
    assert interest["symbol"] == SYMBOL


# ------------------------------------------------------------ streams


async def test_a_local_book_stays_in_step_with_the_exchange(lively: Exchange) -> None:
    """By the venue's recipe, to the last level, at the same update id."""
    book, stream = StreamedBook(), f"{STREAM_SYMBOL}@depth@100ms"
    async with connected(lively) as client, listening(client, lively, stream) as diffs:
        first = await diffs.recv()
        book.start(await client.futures_order_book(symbol=SYMBOL, limit=1000))
        book.apply(first["data"])
        async with asyncio.timeout(DEADLINE_S):
            while True:
                book.apply((await diffs.recv())["data"])
                own = await client.futures_order_book(symbol=SYMBOL, limit=1000)
                if book.joined > 20 and own["lastUpdateId"] == book.last_id:
                    break

    assert first["stream"] == stream
    assert book.levels == sides(own["bids"], own["asks"])


async def test_user_events_tell_an_order_its_fill_and_its_end(quiet: Exchange) -> None:
    async with connected(quiet) as client, listening(client, quiet) as events:
        await client.futures_create_order(**post_only("a"))
        heard = [await events.recv()]
        quiet.other.take("SELL", 60_000.0, 0.004)
        heard += [await events.recv() for _ in range(3)]
        await client.futures_cancel_order(symbol=SYMBOL, origClientOrderId="a")
        heard.append(await events.recv())

    assert [event["e"] for event in (heard[0], heard[4])] == ["ORDER_TRADE_UPDATE"] * 2
    assert [event["o"]["X"] for event in (heard[0], heard[4])] == ["NEW", "CANCELED"]
    fill = {event["e"]: event for event in heard[1:4]}
    assert sorted(fill) == ["ACCOUNT_UPDATE", "ORDER_TRADE_UPDATE", "TRADE_LITE"]
    assert fill["ORDER_TRADE_UPDATE"]["o"]["X"] == "PARTIALLY_FILLED"
    assert fill["ORDER_TRADE_UPDATE"]["o"]["t"] == fill["TRADE_LITE"]["t"]
    assert fill["ACCOUNT_UPDATE"]["a"]["P"][0]["pa"] == "0.004"


async def test_closing_a_listen_key_silences_the_user_stream(quiet: Exchange) -> None:
    """And a new key delivers again; the socket of the old one stays open."""
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(connected(quiet))
        old = await stack.enter_async_context(listening(client, quiet))
        await client.futures_stream_close(await client.futures_stream_get_listen_key())
        new = await stack.enter_async_context(listening(client, quiet))
        await client.futures_create_order(**post_only("a"))
        heard = await new.recv()
        assert old._queue.empty()

    assert heard["o"]["c"] == "a"


# ------------------------------------------------------------ the WebSocket trading API


async def test_the_socket_places_modifies_asks_and_cancels(quiet: Exchange) -> None:
    async with connected(quiet) as client:
        placed = await client.ws_futures_create_order(**post_only("a"))
        quiet.other.take("SELL", 60_000.0, 0.004)
        changed = await client.ws_futures_edit_order(
            symbol=SYMBOL, side="BUY", quantity="0.020", price="59999.9", orderId=placed["orderId"]
        )
        asked = await client.ws_futures_get_order(symbol=SYMBOL, origClientOrderId="a")
        gone = await client.ws_futures_cancel_order(symbol=SYMBOL, origClientOrderId="a")

    assert [(answer["status"], answer["price"]) for answer in (placed, changed, asked, gone)] == [
        ("NEW", "60000.0"),
        ("PARTIALLY_FILLED", "59999.9"),
        ("PARTIALLY_FILLED", "59999.9"),
        ("CANCELED", "59999.9"),
    ]
    assert quiet.open_ids() == []


async def test_the_socket_refuses_by_the_same_codes(quiet: Exchange) -> None:
    async with connected(quiet) as client:
        with pytest.raises(BinanceAPIException) as crossing:
            await client.ws_futures_create_order(**post_only("a", "60000.4"))
        with pytest.raises(BinanceAPIException) as unknown:
            await client.ws_futures_cancel_order(symbol=SYMBOL, origClientOrderId="a")
        with pytest.raises(BinanceAPIException) as late:
            await client.ws_futures_v2_account_balance(timestamp=1_700_000_000_000)

    refusals = [refused.value for refused in (crossing, unknown, late)]
    assert [refused.code for refused in refusals] == [-5022, -2011, -1021]
    assert [refused.status_code for refused in refusals] == [400] * 3


async def test_the_socket_answers_questions(quiet: Exchange) -> None:
    async with connected(quiet) as client:
        book = await client.ws_futures_get_order_book(symbol=SYMBOL, limit=5)
        ticker = await client.ws_futures_get_order_book_ticker(symbol=SYMBOL)
        price = await client.ws_futures_get_all_tickers(symbol=SYMBOL)
        (balance,) = await client.ws_futures_v2_account_balance()
        account = await client.ws_futures_v2_account_status()
        positions = await client.ws_futures_v2_account_position()

    assert (book["bids"][0][0], ticker["bidPrice"]) == ("59999.6", "59999.6")
    assert price["symbol"] == SYMBOL
    assert (balance["balance"], account["totalWalletBalance"]) == ("10000.00000000",) * 2
    assert positions == []
