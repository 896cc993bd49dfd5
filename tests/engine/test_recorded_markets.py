"""Recorded markets: the same quotes on one recording, in a replay and through the exchange."""

import gzip
import itertools
import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from engine.replay.event_window import NEVER_NS
from engine.replay.recorded_venue import RecordedVenue, ReplayRules
from exchange.event_columns import KIND, WIDTH, write_row
from exchange.instrument import Instrument
from exchange.paper.background.recorded import open_recording
from exchange.paper.matching.events import Accepted, Traded
from exchange.paper.settings import RecordedMarket
from exchange.queue_models import QUEUE_MODELS, QueueModelName
from exchange.recorded_book import RecordedBook
from exchange.recording.reader import Recording
from exchange.simulation import RestingOrders
from exchange.types import AccountUpdate, Cancel, Command, Event, Place, Side, TimeInForce
from tests.naive.peer_exchange import PeerMessage, market_in_exchange_order, peer_fills
from tests.places import USDM

GRID = Instrument.from_steps("BTCUSDT", "0.1", "0.001")
MS = 1_000_000
EVERY_NS = 250 * MS
LIVES_NS = 3_000 * MS
DISTANCES = (0, 3, 0, 12, 1, 40)
SIZES = (5, 800, 40, 3000)
ACCOUNT = 1
OPENING_E8 = 500_000_000_000


class Request(NamedTuple):
    """Scheduled request, made between two messages of the recording."""

    at_ns: int
    name: str
    order: tuple[Side, int, int] | None
    """Side, ticks and lots of a post-only order; None cancels it."""


class Filled(NamedTuple):
    exch_ns: int
    name: str
    side: Side
    price_ticks: int
    lots: int


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first 30,000 messages of the real recording: about two minutes."""
    path = tmp_path_factory.mktemp("recording") / "minutes.dat"
    with gzip.open(USDM) as lines:
        path.write_bytes(b"".join(itertools.islice(lines, 30_000)))
    return path


@pytest.fixture(scope="module")
def messages(recording: Path) -> list[PeerMessage]:
    return market_in_exchange_order(recording, GRID)


@pytest.fixture(scope="module")
def schedule(messages: list[PeerMessage]) -> list[Request]:
    """Both sides every quarter of a second, at the touch and behind it, small and large."""
    requests = []
    seen = RecordedBook(RestingOrders(1))
    numbers = itertools.count()
    next_ns = messages[0].exch_ns + 2_000 * MS
    for message in messages:
        while message.exch_ns > next_ns:
            number = next(numbers)
            bid, ask = seen.book.best_bid_ticks, seen.book.best_ask_ticks
            assert bid is not None
            assert ask is not None
            away, lots = DISTANCES[number % len(DISTANCES)], SIZES[number % len(SIZES)]
            at_ns = next_ns + MS // 2  # the recording's times are whole milliseconds
            for name, order in (
                (f"b{number}", (Side.BUY, bid - away, lots)),
                (f"a{number}", (Side.SELL, ask + away, lots)),
            ):
                requests.append(Request(at_ns, name, order))
                requests.append(Request(at_ns + LIVES_NS, name, None))
            next_ns += EVERY_NS
        seen.on_message(message)
    return sorted(requests, key=lambda request: request.at_ns)


def replayed_venue(
    messages: list[PeerMessage],
    schedule: list[Request],
    queue: QueueModelName,
    maker_fee_rate: float = 0.0,
    *,
    peers: bool = False,
) -> RecordedVenue:
    """The venue of a replay, once everything asked of it and recorded has happened."""
    model, power = QUEUE_MODELS[queue]
    rules = ReplayRules(0, 0, model, power, maker_fee_rate, 0.0, peers=peers)
    venue = RecordedVenue(GRID, rules, OPENING_E8)
    for request in schedule:
        venue.send(_command(request), request.at_ns)
    row, (ticks, lots) = np.zeros(WIDTH, dtype=np.int64), np.zeros((2, 4096), dtype=np.int64)
    for message in messages:
        while venue.next_request_ns() < message.exch_ns:
            venue.take_request()
        write_row(message, row, ticks, lots, 0)
        venue.on_event(message.exch_ns, int(row[KIND]), row, ticks, lots)
    return venue


def fills_in_replay(
    messages: list[PeerMessage], schedule: list[Request], queue: QueueModelName
) -> list[Filled]:
    return [
        Filled(f.exch_ns, f.client_order_id, f.side, f.price_ticks, f.qty_lots)
        for f in replayed_venue(messages, schedule, queue).fills
    ]


def _command(request: Request) -> Command:
    if request.order is None:
        return Cancel(request_id=1, client_order_id=request.name)
    side, price_ticks, lots = request.order
    return Place(
        request_id=1,
        client_order_id=request.name,
        side=side,
        price_ticks=price_ticks,
        qty_lots=lots,
    )


def fills_in_the_exchange(
    recording: Path, schedule: list[Request], queue: QueueModelName, speed: float
) -> list[Filled]:
    market = RecordedMarket(recording, speed, queue)
    matching, flow = open_recording(market, GRID, Recording(recording))
    filled: list[Filled] = []
    orders: dict[str, int] = {}
    names: dict[int, str] = {}

    def live_until(exch_ns: int) -> None:
        for events in flow.advance(math.ceil((exch_ns - first_ns) / speed)):
            for event in events:
                if isinstance(event, Traded) and event.maker_owner == ACCOUNT:
                    name, side = names[event.maker_order_id], Side(-event.taker_side)
                    fill = Filled(flow.played_ns, name, side, event.price_ticks, event.qty_lots)
                    filled.append(fill)

    first_ns = 0
    live_until(0)
    first_ns = flow.played_ns
    for request in schedule:
        live_until(request.at_ns)
        if request.order is None:
            matching.cancel(orders.get(request.name, 0))
            continue
        side, price_ticks, lots = request.order
        events = matching.submit(ACCOUNT, side, lots, price_ticks, TimeInForce.GTX)
        if isinstance(events[0], Accepted):
            orders[request.name] = events[0].venue_order_id
            names[events[0].venue_order_id] = request.name
    live_until(schedule[-1].at_ns + 3_600_000 * MS)
    return filled


@pytest.mark.parametrize("queue", list(QUEUE_MODELS))
def test_a_recording_traded_on_fills_what_its_replay_fills(
    recording: Path, messages: list[PeerMessage], schedule: list[Request], queue: QueueModelName
) -> None:
    """Time, order, price and lots of every fill: two worlds, one truth."""
    replayed = fills_in_replay(messages, schedule, queue)

    traded = fills_in_the_exchange(recording, schedule, queue, speed=1.0)

    assert len(replayed) > 200
    assert any(fill.lots not in SIZES for fill in replayed)  # filled in part
    assert traded == replayed


def test_a_recording_played_faster_fills_the_same(
    recording: Path, messages: list[PeerMessage], schedule: list[Request]
) -> None:
    replayed = fills_in_replay(messages, schedule, "log")

    assert fills_in_the_exchange(recording, schedule, "log", speed=7.5) == replayed


@pytest.mark.parametrize(
    ("run", "queue"),
    [
        ("usdm_touch_risk", "risk_averse"),
        ("usdm_touch_log", "log"),
        ("usdm_near_log", "log"),
    ],
)
def test_by_hftbacktests_rules_a_venue_fills_when_that_program_did(
    run: str, queue: QueueModelName
) -> None:
    """The desk's own strategy can be judged by them; each order fills whole, at its time."""
    orders = peer_fills(run)
    schedule = [
        Request(entry.arrival_ns, str(number), (entry.side, entry.price_ticks, entry.qty_lots))
        for number, (entry, _) in enumerate(orders)
    ]
    schedule.sort(key=lambda request: request.at_ns)
    market = market_in_exchange_order(USDM, GRID)

    filled = replayed_venue(market, schedule, queue, peers=True).fills

    assert len(filled) == len(orders) > 600
    assert {fill.client_order_id: fill.exch_ns for fill in filled} == {
        str(number): filled_ns for number, (_, filled_ns) in enumerate(orders)
    }
    assert all(fill.qty_lots == 3 for fill in filled)


def test_the_wallet_of_a_replay_is_what_its_fills_make_it(
    messages: list[PeerMessage], schedule: list[Request]
) -> None:
    """Cash out and in, less the fees, and what is held at what it had cost."""
    venue = replayed_venue(messages, schedule, "log", maker_fee_rate=0.0002)
    *_, told = (event for event in _answers(venue) if isinstance(event, AccountUpdate))

    lots, cash, cost, fees = 0, Fraction(0), Fraction(0), Fraction(0)
    for fill in venue.fills:
        money = Fraction(fill.price_ticks * fill.qty_lots * GRID.tick_lot_e8)
        cash -= fill.side * money
        fees += money * Fraction(2, 10_000)
        closed = min(fill.qty_lots, abs(lots)) if lots * fill.side < 0 else 0
        if closed:
            cost -= cost * closed / abs(lots)
        cost += fill.side * money * (fill.qty_lots - closed) / fill.qty_lots
        lots += fill.side * fill.qty_lots
    fills = len(venue.fills)
    assert fills > 200
    assert told.position_lots == lots != 0
    assert told.wallet_e8 is not None
    assert abs(told.wallet_e8 - (OPENING_E8 + cash + cost - fees)) <= fills
    assert told.entry_price_e8 == pytest.approx(float(cost * 1000 / lots), rel=1e-12)


def _answers(venue: RecordedVenue) -> Iterator[Event]:
    while venue.next_answer_ns() < NEVER_NS:
        yield from venue.take_answers()
