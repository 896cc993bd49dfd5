"""Who hears what: prefixes, spellings, framings, and what one frame costs."""

from typing import Any

import orjson
import pytest

from exchange.paper.pubsub.pubsub import Hub, Mailbox, Prefix, home_of

TRADE: dict[str, object] = {"e": "trade", "p": "1.5"}


class Listener(Mailbox):
    """A mailbox that counts how often it was woken, and in which haste."""

    def __init__(self, prefix: Prefix, *, combined: bool = False, **events: frozenset[str]) -> None:
        self.woken: list[bool] = []
        super().__init__(prefix, self._note, lambda: None, combined=combined, events=events)

    def _note(self) -> None:
        self.woken.append(self.urgent)

    def heard(self) -> list[Any]:
        return [orjson.loads(frame) for frame in self.take()]


def listener(hub: Hub, prefix: Prefix, *names: str, combined: bool = False) -> Listener:
    made = Listener(prefix, combined=combined)
    hub.subscribe(made, names)
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
    hub = Hub(strict=True)
    mailbox = listener(hub, prefix, name)

    hub.publish(name, TRADE)

    assert mailbox.heard() == ([TRADE] if prefix in homes else [])
    assert list(mailbox.names) == [name]


@pytest.mark.parametrize("prefix", list(Prefix))
@pytest.mark.parametrize("name", ["btcusdt@trade", "btcusdt@aggTrade", "listenkey"])
def test_without_strict_every_prefix_carries_everything(prefix: Prefix, name: str) -> None:
    """Clients exist that know one path only."""
    hub = Hub()
    mailbox = listener(hub, prefix, name)

    hub.publish(name, TRADE)

    assert mailbox.heard() == [TRADE]


def test_upper_case_symbols_are_folded_and_listen_keys_are_not() -> None:
    hub = Hub()
    mailbox = listener(hub, Prefix.ANY, "BTCUSDT@depth@100ms", "AbC", "!miniTicker@arr")

    hub.publish("btcusdt@depth@100ms", TRADE)
    hub.publish("abc", TRADE)

    assert list(mailbox.names) == ["btcusdt@depth@100ms", "AbC", "!miniTicker@arr"]
    assert mailbox.heard() == [TRADE]


def test_strict_leaves_upper_case_symbols_silent() -> None:
    """Acknowledged and never delivered."""
    hub = Hub(strict=True)
    mailbox = listener(hub, Prefix.PUBLIC, "BTCUSDT@trade")

    hub.publish("btcusdt@trade", TRADE)

    assert list(mailbox.names) == ["BTCUSDT@trade"]
    assert mailbox.heard() == []


def test_upper_case_unsubscribes_what_upper_case_subscribed() -> None:
    hub = Hub()
    mailbox = listener(hub, Prefix.ANY, "BTCUSDT@trade")

    hub.unsubscribe(mailbox, ["BTCUSDT@trade"])

    assert (list(mailbox.names), hub.wanted("btcusdt@trade")) == ([], False)


def test_one_frame_serves_all_who_hear_it_in_the_same_framing() -> None:
    """Encoding and framing are paid once for twenty readers."""
    built: list[bytes] = []

    def frame(raw: bytes) -> bytes:
        built.append(raw)
        return raw + b"!"

    hub = Hub(frame=frame)
    raw = [listener(hub, Prefix.PUBLIC, "a@trade") for _ in range(10)]
    combined = [listener(hub, Prefix.PUBLIC, "a@trade", combined=True) for _ in range(10)]

    hub.publish("a@trade", {"e": "trade"})
    first, *others = [mailbox.take()[0] for mailbox in raw]
    named = {mailbox.take()[0] for mailbox in combined}

    assert built == [b'{"e":"trade"}', b'{"stream":"a@trade","data":{"e":"trade"}}']
    assert all(other is first for other in others)
    assert named == {b'{"stream":"a@trade","data":{"e":"trade"}}!'}


def test_a_stream_of_all_symbols_carries_an_array() -> None:
    hub = Hub()
    mailbox = listener(hub, Prefix.MARKET, "!markPrice@arr")

    hub.publish("!markPrice@arr", [{"e": "markPriceUpdate"}])

    assert mailbox.heard() == [[{"e": "markPriceUpdate"}]]


def test_a_changed_framing_holds_for_what_comes_next() -> None:
    hub = Hub()
    mailbox = listener(hub, Prefix.ANY, "a@trade", "b@trade")

    hub.publish("a@trade", TRADE)
    hub.set_combined(mailbox, combined=True)
    hub.publish("a@trade", TRADE)

    assert mailbox.heard() == [TRADE, {"stream": "a@trade", "data": TRADE}]
    assert list(mailbox.names) == ["a@trade", "b@trade"]


def test_each_listen_key_has_its_own_choice_of_events() -> None:
    hub = Hub()
    mailbox = Listener(Prefix.PRIVATE, k1=frozenset({"ACCOUNT_UPDATE"}))
    hub.subscribe(mailbox, ["k1", "k2"])

    for name in ("k1", "k2"):
        for event in ("ACCOUNT_UPDATE", "ORDER_TRADE_UPDATE"):
            hub.publish(name, {"e": event, "key": name})

    assert [(told["key"], told["e"]) for told in mailbox.heard()] == [
        ("k1", "ACCOUNT_UPDATE"),
        ("k2", "ACCOUNT_UPDATE"),
        ("k2", "ORDER_TRADE_UPDATE"),
    ]


def test_market_frames_wake_once_and_user_events_at_once() -> None:
    """The first may wait for company; an order's owner waits for nobody."""
    hub = Hub()
    mailbox = listener(hub, Prefix.ANY, "a@trade", "listenkey")

    hub.publish("a@trade", TRADE)
    hub.publish("a@trade", TRADE)
    hub.publish("listenkey", {"e": "ACCOUNT_UPDATE"})
    hub.publish("listenkey", {"e": "ACCOUNT_UPDATE"})
    after_burst = list(mailbox.woken)
    mailbox.take()
    hub.publish("a@trade", TRADE)

    assert after_burst == [False, True]
    assert mailbox.woken == [False, True, False]


def test_nobody_left_means_nothing_is_built() -> None:
    hub = Hub()
    one, other = (listener(hub, Prefix.ANY, "a@trade") for _ in range(2))

    hub.remove(one)
    still = hub.wanted("a@trade")
    hub.remove(other)

    assert (still, hub.wanted("a@trade")) == (True, False)
