"""Stream protocol of one connection, without its socket: control messages, limits, lifetime.

Feed it texts and the time; send what it answers, and close where it says so.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import orjson

from exchange.paper.pubsub.pubsub import PubSub, SubscriberQueue

MOST_STREAMS = 1024  # a connection; the venue's limit, as the next
CONTROL_PER_S = 10
CONTROL_BURST = 15
"""What the venue answers of many messages sent at once."""

PING_MS = 180_000
PONG_DEADLINE_MS = 600_000
LIFE_MS = 86_400_000  # this and the two above are the venue's

POLICY_VIOLATION = 1008  # the close code of RFC 6455 that the venue uses too
UNKNOWN_PROPERTY, NOT_BOOLEAN, BAD_REQUEST, NOT_JSON, TOO_MANY_STREAMS = range(5)

_METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")


@dataclass(frozen=True, slots=True)
class Close:
    """How to end a connection."""

    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class StreamReply:
    """Reply of a connection to one message."""

    frame: bytes | None = None
    close: Close | None = None
    """Then end it, once the frame is out."""


class Conversation(Protocol):
    """Protocol behind one socket: a text in, a reply out."""

    def call(self, text: str, /) -> str:
        """What a fault can aim at, such as ``POST /fapi/v1/order``; empty for mere control."""

    def answer(self, text: str, now_ms: int) -> StreamReply:
        """Never raises for what a client sent."""


class Due(Enum):
    """Action that is due on a connection."""

    PING = "ping"
    DROP = "hang up: no pong for too long"
    GOODBYE = "close: a day is over"


class Lifetime:
    """When one connection is pinged, given up, and ended for its age."""

    def __init__(self, opened_ms: int) -> None:
        self._ends_ms = opened_ms + LIFE_MS
        self._pinged_ms = self._ponged_ms = opened_ms

    def heard_pong(self, now_ms: int) -> None:
        self._ponged_ms = now_ms

    def due(self, now_ms: int) -> Due | None:
        """What is to be done now; a ping once, an end until the connection has ended."""
        if now_ms >= self._ends_ms:
            return Due.GOODBYE
        if now_ms - self._ponged_ms >= PONG_DEADLINE_MS:
            return Due.DROP
        if now_ms - self._pinged_ms >= PING_MS:
            self._pinged_ms = now_ms
            return Due.PING
        return None


class _Bad(Exception):
    """A control message that is answered with an error."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class StreamSocket:
    """Control protocol of one stream connection.

    Args:
        now_ms: Of its opening.
    """

    def __init__(self, pubsub: PubSub, queue: SubscriberQueue, now_ms: int) -> None:
        self._pubsub = pubsub
        self._queue = queue
        self._allowed = float(CONTROL_BURST)
        self._counted_ms = now_ms

    def call(self, _text: str) -> str:
        """No control message is a call."""
        return ""

    def open(self, names: list[str]) -> StreamReply:
        """Subscribe to what the address asked for; what there is not is reported, the rest sent."""
        silent = set(self._pubsub.silent(names))
        try:
            self._subscribe([name for name in names if name not in silent])
        except _Bad as bad:
            return _refusal(bad, None)
        # ccxt numbers its connections in the place of a stream's name.
        missed = [name for name in names if name in silent and not name.isdigit()]
        return _refusal(_no_stream(missed), None) if missed else StreamReply()

    def answer(self, text: str, now_ms: int) -> StreamReply:
        """Answer one control message."""
        if not self._within_rate(now_ms):
            return StreamReply(close=Close(POLICY_VIOLATION, "Too many requests"))
        asked: object = None
        try:
            asked = orjson.loads(text)
            result, echoed = self._obey(asked)
        except orjson.JSONDecodeError as error:
            return _refusal(_Bad(NOT_JSON, f"Invalid JSON: {error}"), None)
        except _Bad as bad:
            return _refusal(bad, asked.get("id") if isinstance(asked, dict) else None)
        return StreamReply(orjson.dumps({"result": result, "id": echoed}))

    def _within_rate(self, now_ms: int) -> bool:
        earned = max(0, now_ms - self._counted_ms) * CONTROL_PER_S / 1000
        self._counted_ms = now_ms
        self._allowed = min(float(CONTROL_BURST), self._allowed + earned) - 1.0
        return self._allowed >= 0.0

    def _obey(self, asked: object) -> tuple[object, object]:
        """The result, and the id as it came."""
        if not isinstance(asked, dict) or "method" not in asked:
            raise _Bad(BAD_REQUEST, "Invalid request: missing field `method`")
        _check_id(asked.get("id"))
        method, params = asked["method"], asked.get("params", [])
        if method not in _METHODS:
            known = ", ".join(f"`{name}`" for name in _METHODS)
            raise _Bad(
                BAD_REQUEST, f"Invalid request: unknown variant `{method}`, expected one of {known}"
            )
        obeys: dict[str, Callable[[list[object]], object]] = {
            "SUBSCRIBE": self._on_subscribe,
            "UNSUBSCRIBE": self._on_unsubscribe,
            "SET_PROPERTY": self._on_set,
            "GET_PROPERTY": self._on_get,
        }
        if method == "LIST_SUBSCRIPTIONS":
            return list(self._queue.names), asked.get("id")
        if not isinstance(params, list):
            raise _Bad(BAD_REQUEST, "Invalid request: params must be an array")
        return obeys[method](params), asked.get("id")

    def _on_subscribe(self, params: list[object]) -> None:
        names = _names(params)
        silent = self._pubsub.silent(names)
        if silent:
            raise _no_stream(silent)
        self._subscribe(names)

    def _on_unsubscribe(self, params: list[object]) -> None:
        self._pubsub.unsubscribe(self._queue, _names(params))

    def _on_set(self, params: list[object]) -> None:
        _check_property(params, 2)
        if len(params) < 2 or not isinstance(params[1], bool):
            raise _Bad(NOT_BOOLEAN, "Invalid value type: expected Boolean")
        self._pubsub.set_combined(self._queue, combined=params[1])

    def _on_get(self, params: list[object]) -> bool:
        _check_property(params, 1)
        return self._queue.combined

    def _subscribe(self, names: list[str]) -> None:
        wanted = {self._pubsub.spelling(name) for name in names} | self._queue.names.keys()
        if len(wanted) > MOST_STREAMS:
            raise _Bad(TOO_MANY_STREAMS, f"Too many streams: at most {MOST_STREAMS} a connection")
        self._pubsub.subscribe(self._queue, names)


def _check_id(given: object) -> None:
    """Texts are not documented as ids, but the venue's own client sends them."""
    if given is None or isinstance(given, str):
        return
    if isinstance(given, bool) or not isinstance(given, int) or given < 0:
        raise _Bad(BAD_REQUEST, "Invalid request: request ID must be an unsigned integer")


def _no_stream(names: list[str]) -> _Bad:
    return _Bad(BAD_REQUEST, f"Invalid request: there is no stream {', '.join(names)}")


def _names(params: list[object]) -> list[str]:
    names = [name for name in params if isinstance(name, str)]
    if len(names) < len(params):
        raise _Bad(BAD_REQUEST, "Invalid request: a stream's name must be a string")
    return names


def _check_property(params: list[object], most: int) -> None:
    if not params or not isinstance(params[0], str):
        raise _Bad(BAD_REQUEST, "Invalid request: property name must be a string")
    if len(params) > most:
        raise _Bad(BAD_REQUEST, "Invalid request: too many parameters")
    if params[0] != "combined":
        raise _Bad(UNKNOWN_PROPERTY, f"Unknown property {params[0]}")


def _refusal(bad: _Bad, echoed: object) -> StreamReply:
    """An error frame, with the id where one came; two of the errors end the connection."""
    body: dict[str, object] = {"error": {"code": bad.code, "msg": bad.text}}
    if isinstance(echoed, (str, int)):
        body["id"] = echoed
    ends = bad.code in (NOT_JSON, TOO_MANY_STREAMS)
    return StreamReply(orjson.dumps(body), Close(POLICY_VIOLATION, bad.text) if ends else None)
