"""Official SDK, stream client: every stream delivers, and its strict models take every message."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from exchange.instrument import E8
from tests.exchange.clients.book import StreamedBook, sides
from tests.exchange.clients.exchange import DEADLINE_S, SYMBOL, Exchange, Heard, exchange
from tests.exchange.clients.sdk import missing, sdk
from tests.exchange.paper.bench import ACCOUNT, LIVELY, OTHER_ACCOUNT

STREAM_SYMBOL = SYMBOL.lower()


@asynccontextmanager
async def connected(exchange: Exchange) -> AsyncIterator[Any]:
    """The three sockets that the SDK opens at once."""
    streams = sdk(exchange).websocket_streams
    await streams.create_connection()
    try:
        yield streams
    finally:
        await streams.close_connection(close_session=True)


async def settled(streams: Any) -> None:
    """Wait until the exchange knows what the SDK subscribed to, which the SDK itself does not."""
    for connection in streams.connections:
        question = {"method": "LIST_SUBSCRIPTIONS", "id": connection.url_path}
        await (await streams.send_message(question, connection))


async def listening(stream: Awaitable[Any]) -> Heard:
    heard = Heard()
    (await stream).on("message", heard.tell)
    return heard


STREAMS: dict[str, Callable[[Any], Awaitable[Any]]] = {
    "aggTrade": lambda s: s.aggregate_trade_streams(symbol=STREAM_SYMBOL),
    "markPrice": lambda s: s.mark_price_stream(symbol=STREAM_SYMBOL),
    "markPrice@1s": lambda s: s.mark_price_stream(symbol=STREAM_SYMBOL, update_speed="1s"),
    "!markPrice@arr": lambda s: s.mark_price_stream_for_all_market(update_speed="1s"),
    "kline": lambda s: s.kline_candlestick_streams(symbol=STREAM_SYMBOL, interval="1m"),
    "miniTicker": lambda s: s.individual_symbol_mini_ticker_stream(symbol=STREAM_SYMBOL),
    "!miniTicker@arr": lambda s: s.all_market_mini_tickers_stream(),
    "ticker": lambda s: s.individual_symbol_ticker_streams(symbol=STREAM_SYMBOL),
    "!ticker@arr": lambda s: s.all_market_tickers_streams(),
    "bookTicker": lambda s: s.individual_symbol_book_ticker_streams(symbol=STREAM_SYMBOL),
    "!bookTicker": lambda s: s.all_book_tickers_stream(),
    "depth": lambda s: s.diff_book_depth_streams(symbol=STREAM_SYMBOL),
    "depth@500ms": lambda s: s.diff_book_depth_streams(symbol=STREAM_SYMBOL, update_speed="500ms"),
    "depth5": lambda s: s.partial_book_depth_streams(symbol=STREAM_SYMBOL, levels="5"),
    "depth20@100ms": lambda s: s.partial_book_depth_streams(
        symbol=STREAM_SYMBOL, levels="20", update_speed="100ms"
    ),
    "rpiDepth": lambda s: s.rpi_diff_book_depth_streams(symbol=STREAM_SYMBOL),
}


async def test_every_market_stream_speaks_and_its_model_finds_every_field(
    lively: Exchange,
) -> None:
    """All at once, since the slowest publishes every five seconds."""
    at_once = asyncio.Semaphore(3)  # the venue hangs up at more than ten messages a second

    async def first_message(subscribe: Callable[[Any], Awaitable[Any]]) -> list[str]:
        async with at_once:
            heard = await listening(subscribe(streams))
        try:
            return list(missing(await heard.until(lambda _: True)))
        except TimeoutError:
            return ["everything"]

    async with connected(lively) as streams:
        lacks = await asyncio.gather(*map(first_message, STREAMS.values()))

    assert {name: lack for name, lack in zip(STREAMS, lacks, strict=True) if lack} == {}


async def test_a_local_book_stays_in_step_with_the_exchange(lively: Exchange) -> None:
    """By the venue's recipe, to the last level, at the same update id."""
    book = StreamedBook()
    async with connected(lively) as streams:
        rest = sdk(lively).rest_api
        diffs = await listening(
            streams.diff_book_depth_streams(symbol=STREAM_SYMBOL, update_speed="100ms")
        )
        first = await diffs.until(lambda _: True)
        book.start(rest.order_book(symbol=SYMBOL, limit=1000).data().to_dict())
        book.apply(first.to_dict())
        async with asyncio.timeout(DEADLINE_S):
            while True:
                book.apply((await diffs.until(lambda _: True)).to_dict())
                own = lively.depth()
                if book.joined > 20 and own["lastUpdateId"] == book.last_id:
                    break

    assert book.levels == sides(own["bids"], own["asks"])


async def test_user_events_tell_an_order_its_fill_and_its_end(quiet: Exchange) -> None:
    """One event of each kind, parsed by the SDK's own models."""
    client = sdk(quiet)
    listen_key = client.rest_api.start_user_data_stream().data().listen_key
    async with connected(quiet) as streams:
        heard = await listening(streams.user_data(listen_key))
        await settled(streams)
        client.rest_api.new_order(
            symbol=SYMBOL,
            side="BUY",
            type="LIMIT",
            time_in_force="GTX",
            quantity=0.01,
            price=60_000.0,
            new_client_order_id="a",
        )
        new = await heard.until(lambda event: True)
        quiet.other.take("SELL", 60_000.0, 0.004)
        await heard.until(is_called("AccountUpdate"))
        client.rest_api.modify_order(
            symbol=SYMBOL, side="BUY", quantity=0.02, price=59_999.9, orig_client_order_id="a"
        )
        client.rest_api.cancel_order(symbol=SYMBOL, orig_client_order_id="a")
        await heard.until(lambda event: told(event).endswith("CANCELED"))
        client.rest_api.change_initial_leverage(symbol=SYMBOL, leverage=7)
        await heard.until(is_called("AccountConfigUpdate"))

    assert told(new) == "OrderTradeUpdate NEW NEW"
    assert sorted(told(event) for event in heard.all) == [
        "AccountConfigUpdate",
        "AccountUpdate",
        "OrderTradeUpdate AMENDMENT PARTIALLY_FILLED",
        "OrderTradeUpdate CANCELED CANCELED",
        "OrderTradeUpdate NEW NEW",
        "OrderTradeUpdate TRADE PARTIALLY_FILLED",
        "TradeLite",
    ]
    assert [lack for event in heard.all for lack in missing(event)] == []


async def test_a_liquidation_is_told_to_the_whole_market() -> None:
    """In a market this wild either the long or the short is liquidated within seconds."""
    small = [replace(account, capital_e8=10 * E8) for account in (ACCOUNT, OTHER_ACCOUNT)]
    with exchange(replace(LIVELY, sigma_ticks=3000.0), tuple(small)) as wild:
        async with connected(wild) as streams:
            here = await listening(streams.liquidation_order_streams(symbol=STREAM_SYMBOL))
            everywhere = await listening(streams.all_market_liquidation_order_streams())
            await settled(streams)
            for account, side in ((wild.ours, "BUY"), (wild.other, "SELL")):
                account.ask("POST", "/fapi/v1/leverage", symbol=SYMBOL, leverage=125)
                account.ask(
                    *("POST", "/fapi/v1/order"),
                    symbol=SYMBOL,
                    side=side,
                    type="MARKET",
                    quantity=0.018,
                )
            told = [await heard.until(lambda _: True) for heard in (here, everywhere)]
        rows = [
            account.ask("GET", "/fapi/v1/forceOrders", symbol=SYMBOL, autoCloseType="LIQUIDATION")
            for account in (wild.ours, wild.other)
        ]

    assert [order.o.s for order in told] == [SYMBOL] * 2
    assert [lack for order in told for lack in missing(order)] == []
    assert {row["clientOrderId"].partition("-")[0] for row in rows[0] + rows[1]} == {"autoclose"}


def is_called(name: str) -> Callable[[Any], bool]:
    return lambda event: told(event) == name


def told(event: Any) -> str:
    """A user event as a short sentence."""
    event = event.actual_instance
    order = getattr(event, "o", None)
    return f"{type(event).__name__} {order.x} {order.X}" if order else type(event).__name__
