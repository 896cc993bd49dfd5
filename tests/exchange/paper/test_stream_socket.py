"""Stream protocol of one connection, message by message; no socket is open here."""

from typing import Any

import orjson
import pytest

from exchange.paper.pubsub.pubsub import Prefix, PubSub, SubscriberQueue
from exchange.paper.streams.stream_socket import Close, Due, Lifetime, StreamSocket

OPENED_MS = 1_700_000_000_000


class Talk:
    """Stream connection on a clock that only the test moves."""

    def __init__(self) -> None:
        self.pubsub = PubSub(strict=True)  # any name is a stream
        self.queue = SubscriberQueue(Prefix.ANY, lambda: None, lambda: None, combined=False)
        self.socket = StreamSocket(self.pubsub, self.queue, OPENED_MS)
        self.now_ms = OPENED_MS

    def say(self, text: str) -> tuple[Any, Close | None]:
        """What comes back, and how the connection ends if it does."""
        reply = self.socket.answer(text, self.now_ms)
        return orjson.loads(reply.frame) if reply.frame is not None else None, reply.close

    def ask(self, method: str, *params: object, **fields: object) -> Any:
        self.now_ms += 1000
        told, close = self.say(
            orjson.dumps({"method": method, "params": list(params)} | fields).decode()
        )
        assert close is None
        return told


@pytest.mark.parametrize("echoed", [7, 0, "a-b", "9f3c0b1e-7f0c-4d6e-9a53-0a6a4b1f2c3d", None])
def test_ids_come_back_with_their_type(echoed: object) -> None:
    """Documented are integers; the venue's own client sends texts."""
    assert Talk().ask("SUBSCRIBE", "a@trade", id=echoed) == {"result": None, "id": echoed}


@pytest.mark.parametrize("echoed", [-1, 1.5, True, [1], {"a": 1}])
def test_ids_that_are_no_ids_are_refused(echoed: object) -> None:
    told = Talk().ask("SUBSCRIBE", "a@trade", id=echoed)

    assert told["error"]["code"] == 2
    assert "request ID" in told["error"]["msg"]


def test_subscriptions_are_listed_in_their_order() -> None:
    talk = Talk()
    talk.ask("SUBSCRIBE", "b@trade", "a@trade", "c@trade", id=1)
    talk.ask("UNSUBSCRIBE", "a@trade", id=2)

    assert talk.ask("LIST_SUBSCRIPTIONS", id=3) == {"result": ["b@trade", "c@trade"], "id": 3}


def test_the_framing_can_be_asked_and_changed() -> None:
    talk = Talk()
    before = talk.ask("GET_PROPERTY", "combined", id=1)
    changed = talk.ask("SET_PROPERTY", "combined", True, id=2)
    after = talk.ask("GET_PROPERTY", "combined", id=3)

    assert (before["result"], changed["result"], after["result"]) == (False, None, True)


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("SET_PROPERTY", ["framed", True], 0),
        ("GET_PROPERTY", ["framed"], 0),
        ("SET_PROPERTY", ["combined", "yes"], 1),
        ("SET_PROPERTY", ["combined"], 1),
        ("SET_PROPERTY", [], 2),
        ("GET_PROPERTY", [5], 2),
        ("SET_PROPERTY", ["combined", True, True], 2),
        ("GET_PROPERTY", ["combined", True], 2),
        ("SUBSCRIBE", [5], 2),
        ("SUBSCRIBED", ["a@trade"], 2),
    ],
)
def test_wrong_control_messages_are_told_apart(
    method: str, params: list[object], code: int
) -> None:
    """Codes of reference 1.3; the id helps a client find which of its requests it was."""
    talk = Talk()
    told = talk.ask(method, *params, id="x")

    assert (told["error"]["code"], told["id"]) == (code, "x")
    assert list(talk.queue.names) == []


@pytest.mark.parametrize("text", ["{}", "[]", "5", '{"id":1}', '{"method":"SUBSCRIBE","params":5}'])
def test_json_that_is_no_request_is_refused_and_talked_on(text: str) -> None:
    told, close = Talk().say(text)

    assert (told["error"]["code"], close) == (2, None)


def test_text_that_is_not_json_is_answered_and_ends_it() -> None:
    told, close = Talk().say("hello")

    assert told["error"]["code"] == 3
    assert close is not None
    assert close.code == 1008


def test_stream_1025_ends_the_connection() -> None:
    talk = Talk()
    full = [f"s{i}@trade" for i in range(1024)]
    talk.ask("SUBSCRIBE", *full, id=1)
    again = talk.ask("SUBSCRIBE", "s0@trade", id=2)
    told, close = talk.say('{"method":"SUBSCRIBE","params":["one@trade"],"id":3}')

    assert again == {"result": None, "id": 2}
    assert (told["error"]["code"], told["id"]) == (4, 3)
    assert close is not None
    assert close.code == 1008


def test_an_address_with_1025_streams_is_closed_too() -> None:
    reply = Talk().socket.open([f"s{i}@trade" for i in range(1025)])

    assert reply.close is not None
    assert reply.close.code == 1008


def test_of_forty_messages_at_once_fifteen_are_answered() -> None:
    """Seen at the venue; then it closes with 1008."""
    talk = Talk()
    answers = [talk.say('{"method":"LIST_SUBSCRIPTIONS","id":1}') for _ in range(16)]

    assert all(told is not None for told, _ in answers[:15])
    assert answers[15] == (None, Close(1008, "Too many requests"))


def test_ten_messages_a_second_go_on_for_ever() -> None:
    talk = Talk()
    closes = set()
    for _ in range(300):
        talk.now_ms += 100
        closes.add(talk.say('{"method":"LIST_SUBSCRIPTIONS","id":1}')[1])

    assert closes == {None}


def test_eleven_messages_a_second_do_not() -> None:
    talk = Talk()
    answered = 0
    while talk.say('{"method":"LIST_SUBSCRIPTIONS","id":1}')[1] is None:
        talk.now_ms += 90
        answered += 1

    assert 100 < answered < 200


def due_within(lifetime: Lifetime, minutes: int, *, pongs: bool) -> list[tuple[int, Due]]:
    """What falls due, looking once a second, and in which second."""
    found = []
    for second in range(1, minutes * 60 + 1):
        now_ms = OPENED_MS + second * 1000
        due = lifetime.due(now_ms)
        if due is not None:
            found.append((second, due))
            if due is Due.PING and pongs:
                lifetime.heard_pong(now_ms)
    return found


def test_pings_come_every_three_minutes() -> None:
    assert due_within(Lifetime(OPENED_MS), 10, pongs=True) == [
        (180, Due.PING),
        (360, Due.PING),
        (540, Due.PING),
    ]


def test_ten_minutes_without_a_pong_end_it() -> None:
    found = due_within(Lifetime(OPENED_MS), 10, pongs=False)

    assert found[-1] == (600, Due.DROP)
    assert [due for _, due in found[:-1]] == [Due.PING] * 3


def test_no_connection_outlives_the_day() -> None:
    lifetime = Lifetime(OPENED_MS)
    found = due_within(lifetime, 24 * 60, pongs=True)

    assert {due for second, due in found if second < 86_400} == {Due.PING}
    assert found[-1] == (86_400, Due.GOODBYE)
