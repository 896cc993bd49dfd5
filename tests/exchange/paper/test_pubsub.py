"""Publish and subscribe: prefixes, spellings, framings, and what one frame costs."""

from typing import Any

import orjson
import pytest

from exchange.paper.pubsub.pubsub import Prefix, PubSub, SubscriberQueue, home_of

TRADE: dict[str, object] = {"e": "trade", "p": "1.5"}


class Listener(SubscriberQueue):
    """Subscriber that counts how often it was woken, and in which haste."""

    def __init__(self, prefix: Prefix, *, combined: bool = False, **events: frozenset[str]) -> None:
        self.woken: list[bool] = []
        super().__init__(prefix, self._note, lambda: None, combined=combined, events=events)

    def _note(self) -> None:
        self.woken.append(self.urgent)

    def heard(self) -> list[Any]:
        return [orjson.loads(frame) for frame in self.take()]


def listener(pubsub: PubSub, prefix: Prefix, *names: str, combined: bool = False) -> Listener:
    made = Listener(prefix, combined=combined)
    pubsub.subscribe(made, names)
    return made


@pytest.mark.parametrize(
    ("name", "home"),
    [
        ("btcusdt@bookTicker", Prefix.PUBLIC),
        ("!bookTicker", Prefix.PUBLIC),
        ("btcusdt@depth", Prefix.PUBLIC),
        ("btcusdt@depth5@100ms", Prefix.PUBLIC),
        ("btcusdt@rpiDepth@500ms", Prefix.PUBLIC),
        ("btcusdt@trade", Prefix.PUBLIC),
        ("btcusdt@aggTrade", Prefix.MARKET),
        ("btcusdt@markPrice@1s", Prefix.MARKET),
        ("!markPrice@arr", Prefix.MARKET),
        ("!contractInfo", Prefix.MARKET),
        ("tradingSession", Prefix.MARKET),
        ("pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61", Prefix.PRIVATE),
    ],
)
def test_every_stream_has_one_home(name: str, home: Prefix) -> None:
    """Source: reference 1.2, the table of prefixes."""
    assert home_of(name) is home


@pytest.mark.parametrize("prefix", list(Prefix))
@pytest.mark.parametrize(
    ("name", "homes"),
    [
        ("btcusdt@trade", {Prefix.PUBLIC, Prefix.ANY}),
        ("btcusdt@aggTrade", {Prefix.MARKET}),
        ("listenkey", {Prefix.PRIVATE}),
    ],
)
def test_strict_delivers_on_a_streams_own_prefix_alone(
    prefix: Prefix, name: str, homes: set[Prefix]
) -> None:
    """As the venue does since 2026-04-23; paths without a prefix kept what ``/public`` has."""
    pubsub = PubSub(strict=True)
    queue = listener(pubsub, prefix, name)

    pubsub.publish(name, TRADE)

    assert queue.heard() == ([TRADE] if prefix in homes else [])
    assert list(queue.names) == [name]


@pytest.mark.parametrize("prefix", list(Prefix))
@pytest.mark.parametrize("name", ["btcusdt@trade", "btcusdt@aggTrade", "listenkey"])
def test_without_strict_every_prefix_carries_everything(prefix: Prefix, name: str) -> None:
    """Clients exist that know one path only."""
    pubsub = PubSub()
    queue = listener(pubsub, prefix, name)

    pubsub.publish(name, TRADE)

    assert queue.heard() == [TRADE]


def test_upper_case_symbols_are_folded_and_listen_keys_are_not() -> None:
    pubsub = PubSub()
    queue = listener(pubsub, Prefix.ANY, "BTCUSDT@depth@100ms", "AbC", "!miniTicker@arr")

    pubsub.publish("btcusdt@depth@100ms", TRADE)
    pubsub.publish("abc", TRADE)

    assert list(queue.names) == ["btcusdt@depth@100ms", "AbC", "!miniTicker@arr"]
    assert queue.heard() == [TRADE]


def test_strict_leaves_upper_case_symbols_silent() -> None:
    """Acknowledged and never delivered."""
    pubsub = PubSub(strict=True)
    queue = listener(pubsub, Prefix.PUBLIC, "BTCUSDT@trade")

    pubsub.publish("btcusdt@trade", TRADE)

    assert list(queue.names) == ["BTCUSDT@trade"]
    assert queue.heard() == []


def test_upper_case_unsubscribes_what_upper_case_subscribed() -> None:
    pubsub = PubSub()
    queue = listener(pubsub, Prefix.ANY, "BTCUSDT@trade")

    pubsub.unsubscribe(queue, ["BTCUSDT@trade"])

    assert (list(queue.names), pubsub.wanted("btcusdt@trade")) == ([], False)


def test_one_frame_serves_all_who_hear_it_in_the_same_framing() -> None:
    """Encoding and framing are paid once for twenty readers."""
    built: list[bytes] = []

    def frame(raw: bytes) -> bytes:
        built.append(raw)
        return raw + b"!"

    pubsub = PubSub(frame=frame)
    raw = [listener(pubsub, Prefix.PUBLIC, "a@trade") for _ in range(10)]
    combined = [listener(pubsub, Prefix.PUBLIC, "a@trade", combined=True) for _ in range(10)]

    pubsub.publish("a@trade", {"e": "trade"})
    first, *others = [queue.take()[0] for queue in raw]
    named = {queue.take()[0] for queue in combined}

    assert built == [b'{"e":"trade"}', b'{"stream":"a@trade","data":{"e":"trade"}}']
    assert all(other is first for other in others)
    assert named == {b'{"stream":"a@trade","data":{"e":"trade"}}!'}


def test_a_stream_of_all_symbols_carries_an_array() -> None:
    pubsub = PubSub()
    queue = listener(pubsub, Prefix.MARKET, "!markPrice@arr")

    pubsub.publish("!markPrice@arr", [{"e": "markPriceUpdate"}])

    assert queue.heard() == [[{"e": "markPriceUpdate"}]]


def test_a_changed_framing_holds_for_what_comes_next() -> None:
    pubsub = PubSub()
    queue = listener(pubsub, Prefix.ANY, "a@trade", "b@trade")

    pubsub.publish("a@trade", TRADE)
    pubsub.set_combined(queue, combined=True)
    pubsub.publish("a@trade", TRADE)

    assert queue.heard() == [TRADE, {"stream": "a@trade", "data": TRADE}]
    assert list(queue.names) == ["a@trade", "b@trade"]


def test_each_listen_key_has_its_own_choice_of_events() -> None:
    pubsub = PubSub()
    queue = Listener(Prefix.PRIVATE, k1=frozenset({"ACCOUNT_UPDATE"}))
    pubsub.subscribe(queue, ["k1", "k2"])

    for name in ("k1", "k2"):
        for event in ("ACCOUNT_UPDATE", "ORDER_TRADE_UPDATE"):
            pubsub.publish(name, {"e": event, "key": name})

    assert [(told["key"], told["e"]) for told in queue.heard()] == [
        ("k1", "ACCOUNT_UPDATE"),
        ("k2", "ACCOUNT_UPDATE"),
        ("k2", "ORDER_TRADE_UPDATE"),
    ]


def test_market_frames_wake_once_and_user_events_at_once() -> None:
    """The first may wait for company; an order's owner waits for nobody."""
    pubsub = PubSub()
    queue = listener(pubsub, Prefix.ANY, "a@trade", "listenkey")

    pubsub.publish("a@trade", TRADE)
    pubsub.publish("a@trade", TRADE)
    pubsub.publish("listenkey", {"e": "ACCOUNT_UPDATE"})
    pubsub.publish("listenkey", {"e": "ACCOUNT_UPDATE"})
    after_burst = list(queue.woken)
    queue.take()
    pubsub.publish("a@trade", TRADE)

    assert after_burst == [False, True]
    assert queue.woken == [False, True, False]


def test_nobody_left_means_nothing_is_built() -> None:
    pubsub = PubSub()
    one, other = (listener(pubsub, Prefix.ANY, "a@trade") for _ in range(2))

    pubsub.remove(one)
    still = pubsub.wanted("a@trade")
    pubsub.remove(other)

    assert (still, pubsub.wanted("a@trade")) == (True, False)
