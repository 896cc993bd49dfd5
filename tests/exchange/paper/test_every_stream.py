"""Stream names: whatever a client may ask for, it delivers or is refused with an error."""

import orjson
import pytest

from exchange.instrument import Instrument
from exchange.paper.account.orders import NewOrder
from exchange.paper.background.recorded import open_recording
from exchange.paper.pubsub.pubsub import Prefix, PubSub, SubscriberQueue
from exchange.paper.settings import Listing, PaperSettings, RecordedMarket
from exchange.paper.streams.stream_socket import StreamSocket
from exchange.paper.venue.market import Opened
from exchange.paper.venue.venue import PaperVenue
from exchange.types import Side
from tests.exchange.paper.bench import ACCOUNT, BITCOIN, LIVELY, Desk, frames, paper_settings
from tests.exchange.paper.test_recorded import AS_RECORDED, START_MS, Tape

SPEEDS = ("", "@0ms", "@100ms", "@250ms", "@500ms")
INTERVALS = [
    "1m",
    "3m",
    "5m",
    "15m",
    "30m",
    "1h",
    "2h",
    "4h",
    "6h",
    "8h",
    "12h",
    "1d",
    "3d",
    "1w",
    "1M",
]

DELIVERED = [
    *(f"btcusdt@{kind}" for kind in ("aggTrade", "trade", "bookTicker", "forceOrder")),
    *(f"btcusdt@{kind}" for kind in ("markPrice", "markPrice@1s", "miniTicker", "ticker")),
    *(f"btcusdt@depth{levels}{speed}" for levels in ("", 5, 10, 20) for speed in SPEEDS),
    "btcusdt@rpiDepth@500ms",
    *(f"btcusdt@kline_{interval}" for interval in INTERVALS),
    *(f"btcusdt_perpetual@continuousKline_{interval}" for interval in INTERVALS),
    *("!bookTicker", "!markPrice@arr", "!markPrice@arr@1s", "!miniTicker@arr", "!ticker@arr"),
    *("!forceOrder@arr", "BTCUSDT@aggTrade", "BTCUSDT@depth@0ms"),
]

REFUSED = [
    *(f"btcusdt@depth{what}" for what in ("@50ms", "@1000ms", "7", "5@10ms", "@")),
    *(f"btcusdt@kline_{interval}" for interval in ("1s", "2m", "1y", "")),
    *("btcusdt_perpetual@continuousKline_1s", "btcusdt_next_quarter@continuousKline_1m"),
    *(
        "btcusdt@rpiDepth",
        "btcusdt@rpiDepth@100ms",
        "btcusdt@markPrice@3s",
        "btcusdt@compositeIndex",
    ),
    *("!assetIndex@arr", "btcusd@assetIndex", "tradingSession", "!markPrice@arr@3s", "!depth"),
    *("dogeusdt@trade", "btcusdt@nonsense", "btcusdt", "@trade", "a" * 64, ""),
]


class Reader:
    """One stream connection of a venue, with everything that came."""

    def __init__(self, pubsub: PubSub, now_ms: int = 0) -> None:
        self.queue = SubscriberQueue(Prefix.ANY, lambda: None, lambda: None, combined=False)
        self.talk = StreamSocket(pubsub, self.queue, now_ms)

    def subscribe(self, *names: str) -> dict[str, object]:
        asked = {"method": "SUBSCRIBE", "params": list(names), "id": 1}
        told = self.talk.answer(orjson.dumps(asked).decode(), 0).frame
        assert told is not None
        answer: dict[str, object] = orjson.loads(told)
        return answer


def test_what_is_acknowledged_comes() -> None:
    """Each on a connection of its own, in a market with trades and one liquidation."""
    desk = Desk(paper_settings(LIVELY))
    readers = {name: Reader(desk.pubsub) for name in DELIVERED}
    answers = [reader.subscribe(name) for name, reader in readers.items()]
    desk.symbol_account.place(NewOrder("doomed", Side.BUY, 100, None))
    heard: set[str] = set()
    for _ in range(400):
        desk.pass_ms(50)
        heard |= {name for name, reader in readers.items() if frames(reader.queue)}
        if len(heard) == len(DELIVERED) - 2:
            desk.client.account.wallet_e8 = 0  # the two that are missing report liquidations

    assert answers == [{"result": None, "id": 1}] * len(DELIVERED)
    assert sorted(set(DELIVERED) - heard) == []


@pytest.mark.parametrize("name", REFUSED)
def test_what_will_never_come_is_refused_with_all_that_was_asked_for_with_it(name: str) -> None:
    reader = Reader(Desk().pubsub)

    told = reader.subscribe("btcusdt@trade", name)

    assert told == {
        "error": {"code": 2, "msg": f"Invalid request: there is no stream {name}"},
        "id": 1,
    }
    assert list(reader.queue.names) == []


def test_an_address_is_told_what_there_is_not_and_hears_the_rest() -> None:
    reader = Reader(Desk().pubsub)

    reply = reader.talk.open(["btcusdt@trade", "btcusdt@nonsense"])

    assert reply.frame is not None
    assert b"btcusdt@nonsense" in reply.frame
    assert reply.close is None
    assert list(reader.queue.names) == ["btcusdt@trade"]


def test_a_number_in_the_place_of_a_stream_is_nothing_to_speak_of() -> None:
    """So ccxt opens its connections."""
    assert Reader(Desk().pubsub).talk.open(["3"]).frame is None


def test_a_listen_key_is_a_stream_as_long_as_it_lives() -> None:
    desk = Desk()
    key = desk.client.user_stream.start(desk.venue.now_ms)
    alive = Reader(desk.pubsub).subscribe(key)
    desk.client.user_stream.expire(desk.venue.now_ms)
    dead = Reader(desk.pubsub).subscribe(key)

    assert (alive, "error" in dead) == ({"result": None, "id": 1}, True)


@pytest.mark.parametrize("name", REFUSED)
def test_a_strict_exchange_acknowledges_anything_as_the_venue_does(name: str) -> None:
    pubsub = PubSub(strict=True)

    assert Reader(pubsub).subscribe(name) == {"result": None, "id": 1}


def test_a_contract_is_told_of_when_its_status_changes() -> None:
    """A recording's symbol halts in the gap before its first diff, trades, and closes."""
    tape = Tape().snapshot(500).diff(500).sold(600).sold(900)
    pubsub = PubSub()
    settings = PaperSettings(
        port=0,
        listings=(Listing(BITCOIN, AS_RECORDED),),
        accounts=(ACCOUNT,),
    )

    def opener(market: RecordedMarket, grid: Instrument, first_id: int) -> Opened:
        return open_recording(market, grid, tape.lines, first_id)

    venue = PaperVenue(settings, pubsub, START_MS * 10**6, opener)
    reader = Reader(pubsub)
    reader.subscribe("!contractInfo")
    for _ in range(60):
        venue.advance(venue.now_ns + 50 * 10**6)

    told = frames(reader.queue)
    assert [(event["e"], event["s"], event["cs"]) for event in told] == [
        ("contractInfo", "BTCUSDT", "TRADING"),
        ("contractInfo", "BTCUSDT", "CLOSE"),
    ]
