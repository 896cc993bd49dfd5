"""WebSocket trading API (ws-fapi): trading over one socket, frame in and frame out.

Its methods mean REST endpoints, and are answered by them; only sessions are its own.
"""

from collections.abc import Mapping
from urllib.parse import urlencode

import orjson

from exchange.errors import Refused
from exchange.paper import limits
from exchange.paper.api.dispatcher import Answered, Call, Dispatcher
from exchange.paper.api.params import Params, error, plain
from exchange.paper.pubsub.pubsub import Payload
from exchange.paper.streams.stream_socket import StreamReply
from exchange.paper.venue.client import Client
from exchange.paper.venue.venue import PaperVenue

HANDSHAKE_WEIGHT = 5  # the venue's, as the next
SESSION_WEIGHT = 2

_MEANS = {
    "depth": "GET /fapi/v1/depth",
    "ticker.book": "GET /fapi/v1/ticker/bookTicker",
    "ticker.price": "GET /fapi/v2/ticker/price",
    "order.place": "POST /fapi/v1/order",
    "order.modify": "PUT /fapi/v1/order",
    "order.cancel": "DELETE /fapi/v1/order",
    "order.status": "GET /fapi/v1/order",
    "algoOrder.place": "POST /fapi/v1/algoOrder",
    "algoOrder.cancel": "DELETE /fapi/v1/algoOrder",
    "account.position": "GET /fapi/v2/positionRisk",
    "v2/account.position": "GET /fapi/v3/positionRisk",
    "account.balance": "GET /fapi/v2/balance",
    "v2/account.balance": "GET /fapi/v3/balance",
    "account.status": "GET /fapi/v2/account",
    "v2/account.status": "GET /fapi/v3/account",
    "userDataStream.start": "POST /fapi/v1/listenKey",
    "userDataStream.ping": "PUT /fapi/v1/listenKey",
    "userDataStream.stop": "DELETE /fapi/v1/listenKey",
}


class WsSession:
    """One socket of the trading API.

    Args:
        query: Of the handshake; may switch the rate limits in the answers off.

    Raises:
        Refused: When the handshake's weight is no longer to be had.
    """

    def __init__(self, dispatcher: Dispatcher, venue: PaperVenue, query: Mapping[str, str]) -> None:
        self._dispatcher = dispatcher
        self._venue = venue
        self._shows_limits = query.get("returnRateLimits") != "false"
        self._connected_ms = dispatcher.now_ms
        self._client: Client | None = None
        self._authorised_ms: int | None = None
        dispatcher.spend(HANDSHAKE_WEIGHT)

    def call(self, text: str) -> str:
        """The REST call that a text means; empty for one that means none."""
        try:
            return _MEANS.get(str(_parsed(text).get("method")), "")
        except Refused:
            return ""

    def answer(self, text: str, _now_ms: int) -> StreamReply:
        """Answer one text; never raises for what a client sent."""
        asked: object = None
        shows_limits = self._shows_limits
        try:
            asked = _parsed(text)
            params = asked.get("params") or {}
            if not isinstance(params, dict):
                raise Refused(-1102, "Mandatory parameter 'params' was malformed.")
            shows_limits = params.get("returnRateLimits", shows_limits) not in (False, "false")
            admitted = self._answer(asked.get("method"), params)
        except Refused as refused:
            answer: Payload = {"status": refused.http_status, "error": error(refused)}
            client, orders = None, False
        else:
            answer = {"status": 200, "result": admitted.body}
            client, orders = admitted.client, admitted.orders
        if shows_limits:
            answer["rateLimits"] = self._rate_limits(client if orders else None)
        asked_id = asked.get("id") if isinstance(asked, dict) else None
        echoed = asked_id if isinstance(asked_id, str | int) else None
        return StreamReply(orjson.dumps({"id": echoed} | answer))

    def _answer(self, method: object, params: Payload) -> Answered:
        if not isinstance(method, str):
            raise Refused(-1102, "Mandatory parameter 'method' was not sent, or malformed.")
        call = _call(_MEANS.get(method, method), params, self._client)
        match method:
            case "session.logon":
                self._dispatcher.spend(SESSION_WEIGHT)
                self._client = self._dispatcher.log_on(call)
                self._authorised_ms = self._dispatcher.now_ms
            case "session.status":
                self._dispatcher.spend(SESSION_WEIGHT)
            case "session.logout":
                self._dispatcher.spend(SESSION_WEIGHT)
                self._client = self._authorised_ms = None
            case _ if method in _MEANS:
                return self._dispatcher.admit(call)
            case _:
                raise Refused(-1020, f"This operation is not supported: method {method!r}.")
        return Answered(self._status(), self._client, orders=False)

    def _status(self) -> Payload:
        return {
            "apiKey": self._client.api_key if self._client is not None else None,
            "authorizedSince": self._authorised_ms,
            "connectedSince": self._connected_ms,
            "returnRateLimits": self._shows_limits,
            "serverTime": self._dispatcher.now_ms,
        }

    def _rate_limits(self, client: Client | None) -> list[Payload]:
        now_ms = self._venue.now_ms
        rows = [limits.weight_row() | {"count": self._dispatcher.weight.used(now_ms)}]
        if client is not None:
            in_10s, in_minute = client.limits.used(now_ms)
            counts = zip(limits.order_rows(), (in_minute, in_10s), strict=True)
            rows += [row | {"count": used} for row, used in counts]
        return rows


def _parsed(text: str) -> Payload:
    try:
        asked = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Refused(-1013, "Invalid message: not JSON.") from None
    if not isinstance(asked, dict):
        raise Refused(-1013, "Invalid message: not an object.")
    return asked


def _call(name: str, params: Payload, logged_on: Client | None) -> Call:
    api_key = params.get("apiKey")
    signed = sorted((key, plain(value)) for key, value in params.items() if key != "signature")
    return Call(
        name=name,
        params=Params.from_json(params),
        api_key=api_key if isinstance(api_key, str) else None,
        # The venue has values signed as they are; the official SDK encodes them first.
        signed_texts=("&".join(f"{key}={value}" for key, value in signed), urlencode(signed)),
        logged_on=logged_on,
    )
