"""REST client of the venue: one method a call, each answered in our types or with an error.

A request is held for the budget first, then stamped, signed and sent, in that order, so
that no wait can make a stamp old. A refused stamp is measured and tried again once.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self, TypeAlias, TypeVar

import aiohttp
import orjson
from yarl import URL

from exchange.binance.clock import ClockSample, VenueClock
from exchange.binance.errors import Kind, NotSent, Unproven, classify
from exchange.binance.limits import Lane, RequestBudget, RequestCost
from exchange.binance.settings import VenueSettings
from exchange.binance.signing import Credentials, encoded, signed_query
from exchange.binance.user_events import (
    FLAT,
    Position,
    Wallet,
    is_quote_asset,
    order_has_ended,
    order_update_from_rest,
    position_from_rest,
    wallet_from_rest,
)
from exchange.errors import ExchangeError, Garbled, OffGrid, Refused, Throttled, Unreachable
from exchange.instrument import DecimalGrid, Instrument, e8_from_text
from exchange.types import OrderUpdate, Outcome, Place

BATCH_SIZE = 10
"""How many orders one batch cancel may name."""
TRADES_PAGE = 1000
"""The most rows that the venue gives at once: after a full page there may be more."""
PLACE_RETRY_WITHIN_NS = 500_000_000
"""A quote whose stamp was refused is sent anew only at once: by then it may be unwanted."""
KEEPALIVE_S = 60.0  # a new connection costs round trips that a quote should not wait for
CANCEL_WINDOW_MS = 5000  # a stale quote must not execute late, but a late cancel is welcome

_DEPTH_WEIGHTS = {5: 2, 10: 2, 20: 2, 50: 2, 100: 5, 500: 10, 1000: 20}  # the venue's, by ``limit``
_ONE = RequestCost(weight=1)
_ONE_ORDER = RequestCost(orders_10s=1, orders_1m=1)
_PATIENCE_MS = {Lane.CANCEL: 1500, Lane.PLACE: 0, Lane.POLL: 1500}
"""How long a lane waits for its budget before it gives up: a quote is stale at once."""

Parameters: TypeAlias = Mapping[str, str | int]
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class _Call:
    """One request, before it is stamped and signed."""

    method: str
    path: str
    parameters: Parameters = field(default_factory=dict)
    cost: RequestCost = _ONE
    lane: Lane = Lane.POLL
    keyed: bool = False
    """Carries the API key."""
    window_ms: int | None = None
    """How late it may arrive; set on signed calls only."""


_NO_TIMEOUT = aiohttp.ClientTimeout(total=None)


class Rest:
    """Calls over one HTTP session, with a clock and a budget that other sessions may share.

    Every call raises ``Refused`` when the venue said no, ``Throttled`` when a limit stands in
    the way, ``NotSent`` when no connection could be opened, another ``Unreachable`` when the
    end of the request is unknown, and ``Garbled`` when the answer makes no sense.

    Args:
        session: Owned and closed by the caller.
        settings: Where the venue is.
        credentials: Whose account.
        clock: Shared by everything that signs; by default our own until it is synced.
        budget: Shared by everything that asks from this address.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        settings: VenueSettings,
        credentials: Credentials,
        clock: VenueClock | None = None,
        budget: RequestBudget | None = None,
    ) -> None:
        self._session = session
        self._url = settings.rest_url.rstrip("/")
        self._credentials = credentials
        self._clock = clock or VenueClock(time.time_ns(), time.monotonic_ns())
        self._budget = budget or RequestBudget()
        self._recv_window_ms = settings.recv_window_ms
        self._timeout_s = settings.request_timeout_s

    @classmethod
    @asynccontextmanager
    async def opened(
        cls,
        settings: VenueSettings,
        credentials: Credentials,
        clock: VenueClock | None = None,
        budget: RequestBudget | None = None,
        connections: int = 4,
    ) -> AsyncIterator[Self]:
        """Calls over a session of their own, closed at the end."""
        connector = aiohttp.TCPConnector(limit=connections, keepalive_timeout=KEEPALIVE_S)
        async with aiohttp.ClientSession(connector=connector) as session:
            yield cls(session, settings, credentials, clock, budget)

    # ------------------------------------------------------------ the market

    async def exchange_info(self) -> dict[str, Any]:
        return _mapping(await self._ask(_Call("GET", "/fapi/v1/exchangeInfo")))

    async def instrument(self, symbol: str) -> Instrument:
        """The symbol's grid as the venue states it now.

        Raises:
            Refused: -1121 when the venue does not list the symbol.
        """
        info = await self.exchange_info()
        try:
            row = next((row for row in info["symbols"] if row["symbol"] == symbol), None)
            if row is None:
                raise Refused(-1121, f"{symbol} is not listed")
            filters = {each["filterType"]: each for each in row["filters"]}
            return Instrument(
                symbol,
                DecimalGrid(filters["PRICE_FILTER"]["tickSize"]),
                DecimalGrid(filters["LOT_SIZE"]["stepSize"]),
                e8_from_text(filters.get("MIN_NOTIONAL", {}).get("notional", "0")),
            )
        except (KeyError, TypeError, OffGrid) as error:
            raise Garbled("filters", str(error)) from error

    async def server_time(self) -> int:
        """The venue's clock, in milliseconds."""
        answer = _mapping(await self._ask(_Call("GET", "/fapi/v1/time")))
        return _field(answer, "serverTime", int)

    async def sync_clock(self, samples: int = 5) -> None:
        """Measure the venue's clock anew."""
        taken: list[ClockSample] = []
        for _ in range(samples):
            sent_ns = time.monotonic_ns()
            venue_ms = await self.server_time()
            taken.append(ClockSample(sent_ns, time.monotonic_ns(), venue_ms))
        self._clock.learn(taken)

    async def depth_snapshot(self, symbol: str, limit: int = 1000) -> bytes:
        """The book as the venue sent it, unread."""
        parameters: Parameters = {"symbol": symbol, "limit": limit}
        cost = RequestCost(weight=_DEPTH_WEIGHTS[limit])
        return await self._ask(_Call("GET", "/fapi/v1/depth", parameters, cost))

    # ------------------------------------------------------------ orders

    async def place(self, instrument: Instrument, place: Place) -> OrderUpdate:
        parameters: dict[str, str | int] = {
            "symbol": instrument.symbol,
            "side": place.side.name,
            "type": "MARKET" if place.market else "LIMIT",
            "quantity": instrument.qty.text(place.qty_lots),
            "newClientOrderId": place.client_order_id,
            # The venue's default differs between endpoints and over time.
            "selfTradePreventionMode": "EXPIRE_MAKER",
        }
        if not place.market:
            parameters["price"] = instrument.price.text(place.price_ticks)
            parameters["timeInForce"] = place.time_in_force.value
        if place.reduce_only:
            parameters["reduceOnly"] = "true"
        return await self._order(
            instrument,
            self._signed("POST", "/fapi/v1/order", parameters, _ONE_ORDER, Lane.PLACE),
        )

    async def cancel(self, instrument: Instrument, client_order_id: str) -> OrderUpdate:
        parameters = {"symbol": instrument.symbol, "origClientOrderId": client_order_id}
        return await self._order(
            instrument, self._signed("DELETE", "/fapi/v1/order", parameters, lane=Lane.CANCEL)
        )

    async def batch_cancel(self, symbol: str, client_order_ids: list[str]) -> list[int]:
        """Cancel up to ten orders by client id.

        Returns:
            The code of each, in the order given: 0 when it was cancelled.
        """
        parameters = {
            "symbol": symbol,
            "origClientOrderIdList": orjson.dumps(client_order_ids).decode(),
        }
        answer = await self._ask(
            self._signed("DELETE", "/fapi/v1/batchOrders", parameters, lane=Lane.CANCEL)
        )
        return [row.get("code", 0) for row in _rows(answer)]

    async def query(self, instrument: Instrument, client_order_id: str) -> OrderUpdate:
        parameters = {"symbol": instrument.symbol, "origClientOrderId": client_order_id}
        return await self._order(instrument, self._signed("GET", "/fapi/v1/order", parameters))

    async def query_by_venue_id(self, instrument: Instrument, venue_order_id: int) -> OrderUpdate:
        parameters: Parameters = {"symbol": instrument.symbol, "orderId": venue_order_id}
        return await self._order(instrument, self._signed("GET", "/fapi/v1/order", parameters))

    async def open_orders(self, instrument: Instrument) -> tuple[OrderUpdate, ...]:
        """Every open order on the symbol, whoever placed it."""
        answer = await self._ask(
            self._signed("GET", "/fapi/v1/openOrders", {"symbol": instrument.symbol})
        )
        stamps = time.time_ns(), time.monotonic_ns()
        return tuple(order_update_from_rest(row, instrument, *stamps) for row in _rows(answer))

    async def open_client_ids(self, symbol: str) -> list[str]:
        """Client ids of every open order on the symbol, with nothing else of them read."""
        answer = await self._ask(
            self._signed("GET", "/fapi/v1/openOrders", {"symbol": symbol}, lane=Lane.CANCEL)
        )
        return [_field(row, "clientOrderId", str) for row in _rows(answer)]

    async def has_ended(self, symbol: str, client_order_id: str) -> bool:
        """Does the venue say that this order is over? Nothing else of it is read."""
        parameters = {"symbol": symbol, "origClientOrderId": client_order_id}
        answer = await self._ask(
            self._signed("GET", "/fapi/v1/order", parameters, lane=Lane.CANCEL)
        )
        return order_has_ended(_mapping(answer))

    async def countdown(self, symbol: str, countdown_ms: int) -> None:
        """Arm the dead man's switch on the whole symbol, or disarm it with 0."""
        parameters: Parameters = {"symbol": symbol, "countdownTime": countdown_ms}
        await self._ask(
            self._signed(
                "POST",
                "/fapi/v1/countdownCancelAll",
                parameters,
                RequestCost(weight=10),
                Lane.CANCEL,
            )
        )

    # ------------------------------------------------------------ the account

    async def position(self, instrument: Instrument) -> Position:
        """What is held; an account without position and orders is not listed at all."""
        parameters = {"symbol": instrument.symbol}
        answer = await self._ask(
            self._signed("GET", "/fapi/v3/positionRisk", parameters, RequestCost(weight=5))
        )
        for row in _rows(answer):
            if row.get("symbol") == instrument.symbol and row.get("positionSide") == "BOTH":
                return position_from_rest(row, instrument)
        return FLAT

    async def wallet(self, instrument: Instrument) -> Wallet:
        """Wallet balance of the quote asset."""
        answer = await self._ask(self._signed("GET", "/fapi/v3/balance", {}, RequestCost(weight=5)))
        for row in _rows(answer):
            if is_quote_asset(_field(row, "asset", str), instrument):
                return wallet_from_rest(row)
        return Wallet(0, 0)

    async def user_trades(self, symbol: str, since_ms: int) -> list[dict[str, Any]]:
        """Our own trades since then as the venue lists them, oldest first, every page."""
        rows = await self._trades_page({"symbol": symbol, "startTime": since_ms})
        page = rows
        while len(page) == TRADES_PAGE:
            page = await self._trades_page(
                {"symbol": symbol, "fromId": _field(page[-1], "id", int) + 1}
            )
            rows += page
        return rows

    async def listen_key_create(self) -> str:
        """The account's listen key: the one in use, prolonged, or a new one."""
        answer = await self._ask(_Call("POST", "/fapi/v1/listenKey", keyed=True))
        return _field(_mapping(answer), "listenKey", str)

    async def listen_key_keepalive(self) -> None:
        """Prolong the listen key by an hour; refused with -1125 when there is none."""
        await self._ask(_Call("PUT", "/fapi/v1/listenKey", keyed=True))

    # ------------------------------------------------------------ how a call is made

    def _signed(
        self,
        method: str,
        path: str,
        parameters: Parameters,
        cost: RequestCost = _ONE,
        lane: Lane = Lane.POLL,
    ) -> _Call:
        window_ms = self._recv_window_ms
        if lane is not Lane.PLACE:
            window_ms = max(window_ms, CANCEL_WINDOW_MS)
        return _Call(method, path, parameters, cost, lane, keyed=True, window_ms=window_ms)

    async def _order(self, instrument: Instrument, call: _Call) -> OrderUpdate:
        answer = _mapping(await self._ask(call))
        return order_update_from_rest(answer, instrument, time.time_ns(), time.monotonic_ns())

    async def _trades_page(self, parameters: Parameters) -> list[dict[str, Any]]:
        whole = {**parameters, "limit": TRADES_PAGE}
        return _rows(
            await self._ask(
                self._signed("GET", "/fapi/v1/userTrades", whole, RequestCost(weight=5))
            )
        )

    async def _ask(self, call: _Call) -> bytes:
        within_ns = PLACE_RETRY_WITHIN_NS if call.lane is Lane.PLACE else 1 << 62
        retry_until_ns = time.monotonic_ns() + within_ns
        try:
            return await self._attempt(call)
        except Refused as refusal:
            if refusal.code != -1021 or time.monotonic_ns() > retry_until_ns:
                raise
            try:
                await self.sync_clock(samples=3)
            except ExchangeError:
                raise refusal from None  # nothing new was learnt, so nothing new would come
            if time.monotonic_ns() > retry_until_ns:
                raise
            return await self._attempt(call)

    async def _attempt(self, call: _Call) -> bytes:
        await self._wait_for_budget(call)
        asked_ms = self._now_ms()
        self._budget.spend(asked_ms, call.cost)
        headers = {"X-MBX-APIKEY": self._credentials.api_key} if call.keyed else {}
        try:
            async with (
                # Not aiohttp's own timeout: that one can swallow a cancellation that comes
                # in the same turn of the loop, and a stop would then wait for ever.
                asyncio.timeout(self._timeout_s),
                self._session.request(
                    call.method,
                    self._target(call),
                    headers=headers,
                    timeout=_NO_TIMEOUT,
                    allow_redirects=False,
                ) as response,
            ):
                body = await response.read()
        except aiohttp.ClientConnectorError as error:
            raise NotSent(f"no connection: {type(error).__name__}") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            # The text may quote the address with its signature, so only the name is shown.
            raise Unreachable(f"no answer: {type(error).__name__}") from error
        self._budget.correct(asked_ms, self._now_ms(), response.headers)
        self._judge(response, body)
        return body

    def _target(self, call: _Call) -> URL:
        query = encoded(call.parameters)
        if call.window_ms is not None:
            stamped = {
                **call.parameters,
                "recvWindow": call.window_ms,
                "timestamp": self._clock.timestamp_ms(time.monotonic_ns()),
            }
            query = signed_query(stamped, self._credentials)
        # Already encoded: what is signed must be sent to the letter.
        return URL(f"{self._url}{call.path}?{query}", encoded=True)

    async def _wait_for_budget(self, call: _Call) -> None:
        wait_ms = self._budget.wait_ms(self._now_ms(), call.cost, call.lane)
        if wait_ms and (patience_ms := _PATIENCE_MS[call.lane]):
            await asyncio.sleep(min(wait_ms, patience_ms) / 1000)
            wait_ms = self._budget.wait_ms(self._now_ms(), call.cost, call.lane)
        if wait_ms:
            banned = self._budget.counts(self._now_ms()).blocked_ms > 0
            code = -1015 if call.cost.orders_10s and not banned else -1003
            raise Throttled(code, f"held back by our own budget for {wait_ms} ms", 0)

    def _judge(self, response: aiohttp.ClientResponse, body: bytes) -> None:
        """Raise what an answer means, unless it means done."""
        code, message = _error_in(body)
        outcome, kind = classify(response.status, code, message)
        if outcome is Outcome.DONE:
            return
        if outcome is Outcome.UNKNOWN:
            raise Unproven(code, message, response.status)
        if kind is Kind.LIMIT:
            self._budget.refused(
                self._now_ms(), response.status, code, message, _retry_after_s(response.headers)
            )
            raise Throttled(code, message, response.status)
        raise Refused(code, message, response.status)

    def _now_ms(self) -> int:
        return self._clock.now_ms(time.monotonic_ns())


def _error_in(body: bytes) -> tuple[int, str]:
    """Code and text of an error body; code 0 when it is none."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return 0, body[:200].decode("utf-8", "replace")
    if not isinstance(answer, dict):
        return 0, ""
    code, message = answer.get("code", 0), answer.get("msg", "")
    return (code if isinstance(code, int) else 0), str(message)


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    text = headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else None


def _mapping(body: bytes) -> dict[str, Any]:
    answer = _loaded(body)
    if not isinstance(answer, dict):
        raise Garbled("answer is no object", body)
    return answer


def _rows(body: bytes) -> list[dict[str, Any]]:
    answer = _loaded(body)
    if not isinstance(answer, list) or not all(isinstance(row, dict) for row in answer):
        raise Garbled("answer is no list of objects", body)
    return answer


def _loaded(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Garbled("answer is no JSON", body) from error


def _field(row: Mapping[str, Any], name: str, kind: type[Value]) -> Value:
    value = row.get(name)
    if not isinstance(value, kind):
        raise Garbled(f"{name} is no {kind.__name__}", str(dict(row)))
    return value
