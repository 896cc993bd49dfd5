"""Trading client against a venue that misbehaves: whatever happens, each request has one end."""

import asyncio
import time
from dataclasses import replace

import pytest

from exchange.binance.trading import LANE_LENGTH, PLACE_WORKERS, BinanceVenue
from exchange.types import (
    AccountSnapshot,
    Alert,
    Cancel,
    ClockMeasured,
    DepthSnapshot,
    FetchAccount,
    FetchSnapshot,
    FetchTrades,
    Fill,
    Link,
    LinkDown,
    LinkUp,
    ListenKeyExpired,
    MarketFrame,
    OrderStatus,
    Outcome,
    Place,
    QueryOrder,
    Reconnect,
    RefreshCountdown,
    Reply,
    Severity,
    Side,
    TradesSnapshot,
)
from tests.exchange.binance.fake_venue import (
    BALANCE,
    CANCEL,
    COUNTDOWN,
    DEPTH,
    KEEP_LISTEN_KEY,
    NEW_LISTEN_KEY,
    PLACE,
    POSITION,
    TIME,
    FakeVenue,
    Fault,
    running,
)
from tests.exchange.binance.test_user_events import order_trade_update


def bid(request_id: int = 1, client_order_id: str = "mm-1") -> Place:
    return Place(
        request_id=request_id,
        client_order_id=client_order_id,
        side=Side.BUY,
        price_ticks=1001,
        qty_lots=3,
    )


async def reply_to_a_bid(venue: FakeVenue, *faults: Fault) -> Reply:
    """How a placing ends when the venue meets it with these faults."""
    venue.fail(PLACE, *faults)
    async with running(venue.settings) as (client, heard):
        client.send(bid())
        return await heard.next(Reply)


async def test_a_placed_order_is_told_on_the_grid() -> None:
    """Post-only, with our id, in plain decimals."""
    async with FakeVenue() as venue:
        reply = await reply_to_a_bid(venue)

        sent = next(parameters for endpoint, parameters in venue.asked if endpoint == PLACE)

    assert reply.outcome is Outcome.DONE
    assert reply.order is not None
    assert (reply.order.price_ticks, reply.order.qty_lots) == (1001, 3)
    assert reply.order.status is OrderStatus.NEW
    assert reply.round_trip_ns > 0
    assert (sent["price"], sent["quantity"], sent["timeInForce"]) == ("100.1", "0.003", "GTX")
    assert list(sent)[-1] == "signature"


async def test_a_market_order_has_neither_price_nor_time_in_force() -> None:
    async with FakeVenue() as venue, running(venue.settings) as (client, heard):
        client.send(
            Place(
                request_id=1,
                client_order_id="mm-1",
                side=Side.SELL,
                price_ticks=0,
                qty_lots=4,
                reduce_only=True,
                market=True,
            )
        )
        await heard.next(Reply)
        sent = next(parameters for endpoint, parameters in venue.asked if endpoint == PLACE)

    assert sent["type"] == "MARKET"
    assert sent["reduceOnly"] == "true"
    assert not {"price", "timeInForce"} & set(sent)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(executed=True),
        Fault(),
        Fault(503, message="Unknown error, please check your request", executed=True),
        Fault(408, -1007, "Timeout waiting for response from backend server.", executed=True),
        Fault(502, message="<html>bad gateway</html>"),
        Fault(200, message="not json", executed=True),
    ],
    ids=["lost after", "lost before", "503 unknown", "408", "502", "garbled"],
)
async def test_an_order_whose_answer_was_lost_is_unknown(fault: Fault) -> None:
    """Executed or not, only a query can show; calling it refused would forget an order."""
    async with FakeVenue() as venue:
        reply = await reply_to_a_bid(venue, fault)

        assert reply.outcome is Outcome.UNKNOWN
        assert venue.times_asked(PLACE) == 1


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault(400, -5022, "Post Only order will be rejected."), -5022),
        (Fault(503, message="Service Unavailable."), 0),
        (Fault(503, -1008, "Request throttled by system-level protection."), -1008),
        (Fault(429, -1015, "Too many new orders."), -1015),
    ],
    ids=["post only", "unavailable", "overload", "order limit"],
)
async def test_a_refused_order_is_told_with_its_code(fault: Fault, code: int) -> None:
    async with FakeVenue() as venue:
        reply = await reply_to_a_bid(venue, fault)

    assert (reply.outcome, reply.code) == (Outcome.REFUSED, code)


async def test_an_unanswered_order_is_unknown_after_the_deadline() -> None:
    async with FakeVenue() as venue:
        patient = running(replace(venue.settings, request_timeout_s=0.2))
        async with patient as (client, heard):
            await heard.next(LinkUp)
            venue.answers_held = asyncio.Event()
            client.send(bid())

            reply = await heard.next(Reply)
            venue.answers_held.set()

    assert reply.outcome is Outcome.UNKNOWN


async def test_an_order_that_met_no_listener_was_not_placed() -> None:
    """No connection, no bytes: the only failure that proves something."""
    async with FakeVenue() as venue:
        settings = venue.settings
    async with running(settings) as (client, heard):
        client.send(bid())

        reply = await heard.next(Reply)

    assert (reply.outcome, reply.code) == (Outcome.REFUSED, 0)


async def test_a_refused_stamp_is_measured_and_tried_once_more() -> None:
    """Ahead or behind, the fresh offset mends it, and the order was not executed before."""
    async with FakeVenue() as venue, running(venue.settings) as (client, heard):
        await heard.next(LinkUp)
        venue.clock_ahead_ms = 90_000
        client.send(bid())

        reply = await heard.next(Reply)

        assert reply.outcome is Outcome.DONE
        assert venue.times_asked(PLACE) == 2
        assert client.clock_offset_ms() == pytest.approx(90_000, abs=500)


async def test_a_stamp_refused_twice_is_told() -> None:
    refused = Fault(400, -1021, "Timestamp for this request was 1000ms ahead.")
    async with FakeVenue() as venue:
        reply = await reply_to_a_bid(venue, refused, refused)

        assert (reply.outcome, reply.code) == (Outcome.REFUSED, -1021)
        assert venue.times_asked(PLACE) == 2


async def test_a_quote_whose_stamp_was_refused_late_is_not_sent_again() -> None:
    """Seconds later the trader may have panicked, or given the order up for absent."""
    late = Fault(400, -1021, "outside of the recvWindow", after_s=0.6)
    async with FakeVenue() as venue:
        reply = await reply_to_a_bid(venue, late)

        assert (reply.outcome, reply.code) == (Outcome.REFUSED, -1021)
        assert venue.times_asked(PLACE) == 1


async def test_cancelling_what_is_gone_is_refused_and_says_nothing_of_why() -> None:
    async with FakeVenue() as venue, running(venue.settings) as (client, heard):
        client.send(Cancel(request_id=5, client_order_id="mm-gone"))

        reply = await heard.next(Reply)

    assert (reply.request_id, reply.outcome, reply.code) == (5, Outcome.REFUSED, -2011)


async def test_cancels_pass_while_every_placing_hangs() -> None:
    """Their workers and connections are their own."""
    async with FakeVenue() as venue, running(venue.settings) as (client, heard):
        venue.rest_order("mm-old")
        venue.fail(PLACE, *[Fault(503, message="Unknown error")] * 50)
        for number in range(50):
            client.send(bid(number, f"mm-{number}"))
        client.send(Cancel(request_id=1000, client_order_id="mm-old"))

        replies = {(await heard.next(Reply)).request_id for _ in range(51)}

    assert replies == {*range(50), 1000}


async def test_a_placing_beyond_the_lane_is_refused_at_once() -> None:
    """Waiting quotes are stale quotes."""
    async with FakeVenue() as venue:

        def flood(client: BinanceVenue) -> None:
            for number in range(LANE_LENGTH + 1):
                client.send(bid(number))

        async with running(venue.settings, before=flood) as (_, heard):
            first = await heard.next(Reply)

    assert (first.request_id, first.outcome) == (LANE_LENGTH, Outcome.REFUSED)


async def test_a_query_finds_an_order_or_says_that_there_is_none() -> None:
    async with FakeVenue() as venue, running(venue.settings) as (client, heard):
        venue.rest_order("mm-1")
        client.send(QueryOrder(request_id=1, client_order_id="mm-1"))
        found = await heard.next(Reply)
        client.send(QueryOrder(request_id=2, client_order_id="mm-2"))
        missing = await heard.next(Reply)

    assert found.outcome is Outcome.DONE
    assert found.order is not None
    assert (missing.outcome, missing.code) == (Outcome.REFUSED, -2013)


async def test_the_account_is_told_whole_before_its_reply() -> None:
    """Orders of others included: the trader shows them, and leaves them alone."""
    async with FakeVenue() as venue, running(venue.settings) as (client, heard):
        venue.rest_order("mm-1")
        venue.rest_order("web_foreign")
        client.send(FetchAccount(request_id=9))

        account = await heard.next(AccountSnapshot)
        reply = await heard.next(Reply)

    assert (account.position_lots, account.wallet_e8) == (-4, 10_025_000_000)
    assert (account.position_exch_ns, account.wallet_exch_ns) == (1002 * 10**6, 1003 * 10**6)
    assert account.entry_price_e8 == 10_015_000_000
    assert [order.client_order_id for order in account.open_orders] == ["mm-1", "web_foreign"]
    assert account.asked_mono_ns < account.mono_ns
    assert (reply.request_id, reply.outcome) == (9, Outcome.DONE)


@pytest.mark.parametrize(("endpoint", "named"), [(POSITION, "position"), (BALANCE, "wallet")])
async def test_the_call_of_an_account_that_fails_is_named(endpoint: str, named: str) -> None:
    """Three calls make one account; which of them is down is what a person needs to know."""
    async with FakeVenue() as venue, running(venue.settings) as (client, heard):
        venue.fail(endpoint, Fault(500, message="down"))
        client.send(FetchAccount(request_id=9))

        reply = await heard.next(Reply)

    assert reply.outcome is Outcome.UNKNOWN
    assert reply.message.startswith(f"{named}: HTTP 500")


async def test_the_venue_s_clock_is_told_whenever_it_was_measured() -> None:
    """How late a book is can be judged by the clock that stamped it only."""
    async with FakeVenue() as venue, running(venue.settings) as (_client, heard):
        first = await heard.next(ClockMeasured)

    assert abs(first.mono_ns + first.venue_minus_mono_ns - first.recv_ns) < 10**9


async def test_own_trades_are_told_with_the_name_of_their_order() -> None:
    """The list names only the venue's id; an order that even the venue forgot has no name."""
    trade = {
        "side": "BUY", "price": "100.1", "qty": "0.003", "maker": True, "commission": "0.01",
        "commissionAsset": "USDT", "time": 1001,
    }  # fmt: skip
    async with FakeVenue() as venue, running(venue.settings) as (client, heard):
        venue.rest_order("mm-1")
        venue.trades = [{**trade, "id": 5, "orderId": 1}, {**trade, "id": 6, "orderId": 404}]
        client.send(FetchTrades(request_id=3, since_ms=0))

        trades = await heard.next(TradesSnapshot)

    assert [(fill.trade_id, fill.client_order_id) for fill in trades.fills] == [
        (5, "mm-1"),
        (6, ""),
    ]


async def test_a_young_trade_whose_order_a_node_does_not_know_is_listed_again_with_its_name() -> (
    None
):
    """Booked without a name it left its order waiting for the fill, and the position for ever
    NOT FLAT: only a node that lags can know the trade and not the order."""
    trade = {
        "side": "BUY", "price": "100.1", "qty": "0.003", "maker": True, "commission": "0.01",
        "commissionAsset": "USDT", "time": time.time_ns() // 1_000_000, "id": 5, "orderId": 1,
    }  # fmt: skip
    async with FakeVenue() as venue:
        settings = replace(venue.settings, rest_lag_ms=60_000)
        async with running(settings) as (client, heard):
            venue.rest_order("mm-1")
            venue.trades = [trade]
            venue.reads_lag_s = 30.0
            client.send(FetchTrades(request_id=1, since_ms=0))
            unanswered = await heard.next(Reply)
            venue.reads_lag_s = 0.0
            client.send(FetchTrades(request_id=2, since_ms=0))
            trades = await heard.next(TradesSnapshot)

    assert (unanswered.outcome, unanswered.code) == (Outcome.REFUSED, -2013)
    assert unanswered.message.startswith("order of a trade")
    assert [fill.client_order_id for fill in trades.fills] == ["mm-1"]


async def test_a_snapshot_is_asked_for_until_it_comes() -> None:
    async with FakeVenue() as venue, running(venue.settings) as (client, heard):
        venue.fail(DEPTH, Fault(502, message="bad gateway"))
        client.send(FetchSnapshot())

        snapshot = await heard.next(DepthSnapshot)
        trouble = await heard.troubles.get()

    assert b'"lastUpdateId"' in snapshot.raw
    assert trouble.startswith("depth snapshot")


async def test_a_countdown_is_answered_like_any_request() -> None:
    """A switch that was not armed must be known, for nothing else guards a dead host."""
    async with FakeVenue() as venue, running(venue.settings) as (client, heard):
        venue.fail(COUNTDOWN, Fault(400, -1121, "Invalid symbol."))
        client.send(RefreshCountdown(request_id=1, countdown_ms=30_000))
        client.send(RefreshCountdown(request_id=2, countdown_ms=30_000))

        ends = [((reply := await heard.next(Reply)).request_id, reply.outcome) for _ in range(2)]

    assert ends == [(1, Outcome.REFUSED), (2, Outcome.DONE)]


async def test_an_alert_is_not_the_venues_business() -> None:
    """The engine passes every command on, whomever it is for: the next one is met as ever."""
    async with FakeVenue() as venue, running(venue.settings) as (client, heard):
        client.send(Alert(severity=Severity.INFO, text="hello"))
        client.send(QueryOrder(request_id=1, client_order_id="mm-1"))
        reply = await heard.next(Reply)

    assert reply.request_id == 1
    assert "hello" not in repr(venue.asked)
    assert heard.troubles.empty()


async def test_the_budget_that_the_venue_tells_is_on_the_screen() -> None:
    async with FakeVenue() as venue, running(venue.settings) as (client, heard):
        client.send(bid())
        await heard.next(Reply)

        counts = client.budget_counts()

    assert (counts.orders_10s, counts.orders_1m) == (1, 1)


async def test_no_call_follows_a_ban() -> None:
    """Going on makes a ban longer."""
    banned = Fault(418, -1003, "Way too many requests; banned until 4102444800000.")
    async with FakeVenue() as venue, running(venue.settings) as (client, heard):
        await heard.next(LinkUp)
        venue.fail(PLACE, banned)
        client.send(bid(1))
        first = await heard.next(Reply)
        client.send(bid(2))
        second = await heard.next(Reply)

        assert (first.code, second.code) == (-1003, -1003)
        assert second.outcome is Outcome.REFUSED
        assert venue.times_asked(PLACE) == 1


async def test_a_placing_that_waited_too_long_for_its_turn_is_not_sent() -> None:
    """Stamped late, it would pass the venue's guard against stale quotes."""
    async with FakeVenue() as venue:
        hasty = replace(venue.settings, recv_window_ms=100, request_timeout_s=0.3)
        async with running(hasty) as (client, heard):
            for _ in Link:
                await heard.next(LinkUp)
            venue.answers_held = asyncio.Event()
            for number in range(PLACE_WORKERS + 1):
                client.send(bid(number))

            while (reply := await heard.next(Reply)).request_id != PLACE_WORKERS:
                pass
            venue.answers_held.set()

        assert reply.outcome is Outcome.REFUSED
        assert reply.message.startswith("stale")
        assert venue.times_asked(PLACE) == PLACE_WORKERS


# ---------------------------------------------------------------- streams


async def test_market_frames_arrive_as_they_were_sent() -> None:
    async with FakeVenue() as venue, running(venue.settings) as (_, heard):
        await venue.connection("/public/stream")
        await venue.push("/public/stream", {"stream": "btcusdt@bookTicker", "data": {}})

        frame = await heard.next(MarketFrame)

    assert frame.raw == b'{"stream":"btcusdt@bookTicker","data":{}}'
    assert frame.recv_ns > frame.mono_ns > 0


async def test_a_private_fill_is_told_before_its_order() -> None:
    async with FakeVenue() as venue, running(venue.settings) as (_, heard):
        await venue.connection("/private/ws")
        await venue.push("/private/ws", order_trade_update())

        fill = await heard.next(Fill)

    assert fill.trade_id == 77


async def test_a_cut_socket_is_told_and_replaced() -> None:
    async with FakeVenue() as venue, running(venue.settings) as (_, heard):
        await venue.connection("/private/ws")
        venue.drop_connection("/private/ws")

        down = await heard.next(LinkDown)
        await venue.connection("/private/ws")
        up = await heard.next(LinkUp)

    assert down.link is up.link is Link.PRIVATE


async def test_a_silent_socket_is_replaced_although_it_is_open() -> None:
    """An open socket with an acknowledged subscription can be dead for ever."""
    async with FakeVenue() as venue:
        impatient = replace(venue.settings, freshness_ms=50)
        async with running(impatient) as (_, heard):
            down = await heard.next(LinkDown)
            await venue.connection("/public/stream")
            await venue.connection("/public/stream")

    assert down.link is Link.PUBLIC
    assert down.reason == "silent for 50 ms"


async def test_a_link_is_renewed_when_the_trader_asks() -> None:
    async with FakeVenue() as venue, running(venue.settings) as (client, heard):
        await venue.connection("/market/stream")
        while (await heard.next(LinkUp)).link is not Link.MARKET:
            pass
        client.send(Reconnect(link=Link.MARKET, reason="the tape stands still"))

        down = await heard.next(LinkDown)
        await venue.connection("/market/stream")

    assert (down.link, down.reason) == (Link.MARKET, "the tape stands still")


async def test_a_new_private_link_asks_for_the_listen_key_again() -> None:
    """An expired key leaves the socket open and silent; the trader then asks for a new link."""
    async with FakeVenue() as venue, running(venue.settings) as (client, heard):
        await venue.connection("/private/ws")
        await venue.push("/private/ws", {"e": "listenKeyExpired", "E": 1, "listenKey": "k1"})
        await heard.next(ListenKeyExpired)
        client.send(Reconnect(link=Link.PRIVATE, reason="listen key expired"))

        await heard.next(LinkDown)
        await venue.connection("/private/ws")

        assert venue.keys_given == 2


async def test_a_listen_key_that_cannot_be_prolonged_is_replaced() -> None:
    async with FakeVenue() as venue:
        venue.fail(KEEP_LISTEN_KEY, Fault(400, -1125, "This listenKey does not exist."))
        hasty = replace(venue.settings, listen_key_refresh_s=0.3)
        async with running(hasty):
            await venue.connection("/private/ws")
            await venue.connection("/private/ws")

            assert venue.keys_given == 2


async def test_the_private_link_is_tried_until_a_listen_key_is_given() -> None:
    """It is up only when its socket is open, and not when the key came."""
    async with FakeVenue() as venue:
        venue.fail(NEW_LISTEN_KEY, Fault(), Fault(503, message="Service Unavailable."))
        async with running(venue.settings) as (_, heard):
            downs = [await heard.next(LinkDown) for _ in range(2)]
            while (await heard.next(LinkUp)).link is not Link.PRIVATE:
                pass

    assert {down.link for down in downs} == {Link.PRIVATE}


async def test_a_garbled_private_event_costs_the_connection() -> None:
    """What it said is lost, so the account must be asked again, and a new link brings that."""
    async with FakeVenue() as venue, running(venue.settings) as (_, heard):
        await venue.connection("/private/ws")
        await venue.push("/private/ws", order_trade_update(q="many"))

        down = await heard.next(LinkDown)

    assert down.reason.startswith("Garbled")


async def test_a_venue_that_is_not_there_ends_nothing() -> None:
    """The session outlives any number of failures, and stops when it is asked to."""
    async with FakeVenue() as venue:
        venue.fail(TIME, *[Fault()] * 3)
        settings = venue.settings
    async with running(settings) as (_, heard):
        downs = {(await heard.next(LinkDown)).link for _ in range(3)}

    assert downs == set(Link)


async def test_cancels_keep_their_code_when_the_answer_is_lost() -> None:
    async with FakeVenue() as venue, running(venue.settings) as (client, heard):
        venue.rest_order("mm-1")
        venue.fail(CANCEL, Fault(408, -1007, "Timeout.", executed=True))
        client.send(Cancel(request_id=1, client_order_id="mm-1"))

        reply = await heard.next(Reply)

    assert (reply.outcome, reply.code) == (Outcome.UNKNOWN, -1007)
