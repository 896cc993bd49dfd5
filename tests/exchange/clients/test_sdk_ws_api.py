"""Official SDK, client of the WebSocket trading API, on every method that it knows."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from binance_common.utils import get_timestamp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests.exchange.clients.exchange import SYMBOL, Exchange, exchange
from tests.exchange.clients.sdk import missing, sdk
from tests.exchange.paper.bench import ACCOUNT

# The SDK still calls aiohttp by an older parameter.
pytestmark = pytest.mark.filterwarnings(
    "ignore:parameter 'timeout' of type 'float':DeprecationWarning"
)


@asynccontextmanager
async def connected(exchange: Exchange, **options: object) -> AsyncIterator[Any]:
    api = sdk(exchange, **options).websocket_api
    await api.create_connection()
    try:
        yield api
    finally:
        await api.close_connection(close_session=True)


def place(api: Any, client_order_id: str = "a", price: float = 60_000.0) -> Awaitable[Any]:
    """Rest a post-only bid of 0.010."""
    placed: Awaitable[Any] = api.new_order(
        symbol=SYMBOL,
        side="BUY",
        type="LIMIT",
        time_in_force="GTX",
        quantity=0.01,
        price=price,
        new_client_order_id=client_order_id,
    )
    return placed


async def test_an_order_is_placed_modified_asked_about_and_cancelled(quiet: Exchange) -> None:
    async with connected(quiet) as api:
        placed = (await place(api)).data()
        quiet.other.take("SELL", 60_000.0, 0.004)
        changed = (
            await api.modify_order(
                symbol=SYMBOL,
                side="BUY",
                quantity=0.02,
                price=59_999.9,
                order_id=placed.result.order_id,
                modify_id=5,
            )
        ).data()
        asked = (await api.query_order(symbol=SYMBOL, orig_client_order_id="a")).data()
        gone = (await api.cancel_order(symbol=SYMBOL, order_id=placed.result.order_id)).data()

    answers = (placed, changed, asked, gone)
    assert [answer.status for answer in answers] == [200] * 4
    assert [answer.result.status for answer in answers] == [
        *("NEW", "PARTIALLY_FILLED", "PARTIALLY_FILLED", "CANCELED")
    ]
    assert [answer.result.executed_qty for answer in answers] == ["0.000", *["0.004"] * 3]
    assert (changed.result.price, changed.result.modify_id) == ("59999.9", 5)
    assert [lack for answer in answers for lack in missing(answer)] == []
    assert quiet.open_ids() == []


@pytest.mark.parametrize("client_order_id", ["a:b/c.1", "A_b-2"])
async def test_any_client_order_id_survives_the_signature(
    quiet: Exchange, client_order_id: str
) -> None:
    """The SDK signs it percent-encoded, and sends it plain."""
    async with connected(quiet) as api:
        placed = (await place(api, client_order_id)).data()

    assert placed.result.client_order_id == client_order_id


async def test_refusals_come_with_the_codes_of_rest(
    quiet: Exchange, log: pytest.LogCaptureFixture
) -> None:
    async with connected(quiet) as api:
        crossing = (await place(api, price=60_000.4)).data()
        unknown = (await api.cancel_order(symbol=SYMBOL, orig_client_order_id="a")).data()
        late = await api.send_signed_message(
            {
                "method": "v2/account.balance",
                "params": {"timestamp": get_timestamp() - 60_000},
            },
        )
    log.clear()

    refusals = (crossing, unknown, late.data())
    assert [refusal["error"]["code"] for refusal in refusals] == [-5022, -2011, -1021]
    assert quiet.open_ids() == []


async def test_a_session_once_opened_needs_no_more_signatures() -> None:
    """With an Ed25519 key: one signed logon, then orders that carry neither key nor signature."""
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    account = replace(ACCOUNT, api_secret=public.decode())
    with exchange(accounts=(account,)) as served:
        async with connected(served, api_secret=None, private_key=private) as api:
            logon = {"method": "session.logon", "params": {}}
            opened = await api.send_signed_message(logon, api.signer, session_logon=True)
            placed = (await place(api)).data()
            status = await api.send_message({"method": "session.status", "params": {}})
            logout = {"method": "session.logout", "params": {}}
            closed = await api.send_message(logout, session_logout=True)

    assert placed.result.status == "NEW"
    assert [answer.data()["result"]["apiKey"] for answer in (opened, status, closed)] == [
        *(ACCOUNT.api_key, ACCOUNT.api_key, None)
    ]


METHODS: dict[str, Callable[[Any], Awaitable[Any]]] = {
    "depth": lambda api: api.order_book(symbol=SYMBOL, limit=5),
    "ticker.book": lambda api: api.symbol_order_book_ticker(symbol=SYMBOL),
    "ticker.book of all": lambda api: api.symbol_order_book_ticker(),
    "ticker.price": lambda api: api.symbol_price_ticker(symbol=SYMBOL),
    "ticker.price of all": lambda api: api.symbol_price_ticker(),
    "account.position": lambda api: api.position_information(symbol=SYMBOL),
    "v2/account.position": lambda api: api.position_information_v2(symbol=SYMBOL),
    "account.balance": lambda api: api.futures_account_balance(),
    "v2/account.balance": lambda api: api.futures_account_balance_v2(),
    "account.status": lambda api: api.account_information(),
    "v2/account.status": lambda api: api.account_information_v2(),
    "userDataStream.start": lambda api: api.start_user_data_stream(),
}


@pytest.mark.parametrize("method", METHODS)
async def test_the_model_of_an_answer_finds_every_field(quiet: Exchange, method: str) -> None:
    async with connected(quiet) as api:
        await place(api)
        quiet.other.take("SELL", 60_000.0, 0.004)
        answer = (await METHODS[method](api)).data()
    answer = getattr(answer, "actual_instance", answer)

    assert answer.status == 200
    # The SDK's model of a book looks for its sides one floor too high.
    lacks = [lack for lack in missing(answer) if lack not in (".bids", ".asks")]
    assert lacks == []


async def test_a_listen_key_is_kept_and_ended_by_its_three_methods(
    quiet: Exchange, log: pytest.LogCaptureFixture
) -> None:
    async with connected(quiet) as api:
        started = (await api.start_user_data_stream()).data()
        kept = (await api.keepalive_user_data_stream()).data()
        ended = (await api.close_user_data_stream()).data()
        missed = (await api.keepalive_user_data_stream()).data()
    log.clear()

    assert started.result.listen_key == kept.result.listen_key
    assert (ended.status, ended.result) == (200, {})
    assert missed["error"]["code"] == -1125


async def test_rate_limits_are_told_with_every_order_unless_switched_off(quiet: Exchange) -> None:
    told: list[Any] = []
    for wanted in (True, False):
        async with connected(quiet, return_rate_limits=wanted) as api:
            told.append((await place(api, f"order{len(told)}")).rate_limits)

    assert {
        (limit.rateLimitType, limit.interval, limit.intervalNum): (limit.limit, limit.count)
        for limit in told[0]
        if limit.rateLimitType == "ORDERS"
    } == {("ORDERS", "SECOND", 10): (300, 1), ("ORDERS", "MINUTE", 1): (1200, 1)}
    assert ("REQUEST_WEIGHT", 2400) in {(row.rateLimitType, row.limit) for row in told[0]}
    assert told[1] == []
    assert quiet.open_ids() == ["order0", "order1"]
