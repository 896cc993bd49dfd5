"""Recorded markets: the same quotes on one recording, in a replay and through the exchange."""

import gzip
import itertools
import math
from collections import deque
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from engine.core.desk_layout import (
    COMMAND_KIND,
    COMMAND_NUMBER,
    COMMAND_PRICE_TICKS,
    COMMAND_QTY_LOTS,
    COMMAND_REQUEST,
    COMMAND_SIDE,
    COMMAND_WIDTH,
)
from engine.core.inputs import (
    ACCOUNT_COST_E8,
    ACCOUNT_LOTS,
    ACCOUNT_UPDATE,
    ACCOUNT_WALLET_E8,
    FILL_EXCH_NS,
    INPUT_KIND,
    OF_NUMBER,
    OF_PRICE_TICKS,
    OF_QTY_LOTS,
    OF_SIDE,
)
from engine.core.request_tracker import CANCEL, PLACE
from engine.replay.recorded_venue import (
    A_INPUT,
    V_ANSWERS,
    V_ANSWERS_FIRST,
    RecordedVenue,
    ReplayRules,
    answer_row,
    book_fills,
    send,
    take_request,
)
from exchange.event_columns import WIDTH, write_row
from exchange.instrument import Instrument
from exchange.jit import IntArray, in_python
from exchange.paper.background.recorded import open_recording
from exchange.paper.matching.events import Accepted, Traded
from exchange.paper.settings import RecordedMarket
from exchange.peer_exchange import peer_step
from exchange.queue_models import QUEUE_MODELS, QueueModelName
from exchange.recorded_book import RecordedBook, recorded_step
from exchange.recording.reader import Recording
from exchange.simulation import RestingOrders
from exchange.types import Side, TimeInForce
from tests.naive.peer_exchange import PeerMessage, market_in_exchange_order, peer_fills
from tests.places import USDM

GRID = Instrument.from_steps("BTCUSDT", "0.1", "0.001")
MS = 1_000_000
EVERY_NS = 250 * MS
LIVES_NS = 3_000 * MS
DISTANCES = (0, 3, 0, 12, 1, 40)
SIZES = (5, 800, 40, 3000)
ACCOUNT = 1
EPOCH = 1
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
    rules = ReplayRules(0, 0, model, power, maker_fee_rate, peers=peers)
    venue = RecordedVenue(GRID, rules, OPENING_E8, EPOCH)
    names = {name: number for number, name in enumerate(_names(schedule), 1)}
    venue.make_room(len(names))
    waiting = deque(schedule)
    resting, region = venue.resting, venue.region
    book = (int(resting.model), resting.power, resting.lot_size)
    table = (resting.ints, resting.floats, resting.count)
    row, (ticks, lots) = np.zeros(WIDTH, dtype=np.int64), np.zeros((2, 4096), dtype=np.int64)
    for message in messages:
        while waiting and waiting[0].at_ns < message.exch_ns:
            request = waiting.popleft()
            send(venue.venue, _command(request, names[request.name]), request.at_ns)
            rooms = (venue.venue, venue.orders, venue.fills, venue.money)
            take_request(*rooms, region, resting.lot_size, *table)
            while venue.venue[V_ANSWERS] > 1000:  # nobody hears them
                _drop_answer(venue)
        write_row(message, row, ticks, lots, 0)
        if peers:
            made = peer_step(region, *book, *table, row, ticks, lots, resting.out)
        else:
            _, made = recorded_step(region, *book, *table, row, ticks, lots, resting.out)
        if made:
            venue.make_room(len(names))
            rooms = (venue.venue, venue.orders, venue.fills, venue.money)
            book_fills(*rooms, resting.out, made, message.exch_ns)
    return venue


def _names(schedule: list[Request]) -> list[str]:
    return [request.name for request in schedule if request.order is not None]


def _drop_answer(venue: RecordedVenue) -> IntArray:
    row: IntArray = in_python(answer_row)(venue.venue, int(venue.venue[V_ANSWERS_FIRST]))
    venue.venue[V_ANSWERS_FIRST] += 1
    venue.venue[V_ANSWERS] -= 1
    return row[A_INPUT:].copy()


def fills_in_replay(
    messages: list[PeerMessage], schedule: list[Request], queue: QueueModelName
) -> list[Filled]:
    names = _names(schedule)
    return [
        Filled(fill[FILL_EXCH_NS], names[fill[OF_NUMBER] - 1], Side(fill[OF_SIDE]), *of_order(fill))
        for fill in replayed_venue(messages, schedule, queue).filled.tolist()
    ]


def of_order(fill: list[int]) -> tuple[int, int]:
    return fill[OF_PRICE_TICKS], fill[OF_QTY_LOTS]


def _command(request: Request, number: int) -> IntArray:
    row = np.zeros(COMMAND_WIDTH, dtype=np.int64)
    row[COMMAND_KIND], row[COMMAND_REQUEST], row[COMMAND_NUMBER] = CANCEL, 1, number
    if request.order is not None:
        row[COMMAND_KIND] = PLACE
        row[[COMMAND_SIDE, COMMAND_PRICE_TICKS, COMMAND_QTY_LOTS]] = request.order
    return row


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

    filled = replayed_venue(market, schedule, queue, peers=True).filled

    assert len(filled) == len(orders) > 600
    names = _names(schedule)
    assert {names[fill[OF_NUMBER] - 1]: fill[FILL_EXCH_NS] for fill in filled.tolist()} == {
        str(number): filled_ns for number, (_, filled_ns) in enumerate(orders)
    }
    assert (filled[:, OF_QTY_LOTS] == 3).all()


def test_the_wallet_of_a_replay_is_what_its_fills_make_it(
    messages: list[PeerMessage], schedule: list[Request]
) -> None:
    """Cash out and in, less the fees, and what is held at what it had cost."""
    venue = replayed_venue(messages, schedule, "log", maker_fee_rate=0.0002)
    answers = [_drop_answer(venue) for _ in range(venue.venue[V_ANSWERS])]
    *_, told = (answer for answer in answers if answer[INPUT_KIND] == ACCOUNT_UPDATE)

    lots, cash, cost, fees = 0, Fraction(0), Fraction(0), Fraction(0)
    for fill in venue.filled.tolist():
        (price_ticks, filled_lots), side = of_order(fill), fill[OF_SIDE]
        money = Fraction(price_ticks * filled_lots * GRID.tick_lot_e8)
        cash -= side * money
        fees += money * Fraction(2, 10_000)
        closed = min(filled_lots, abs(lots)) if lots * side < 0 else 0
        if closed:
            cost -= cost * closed / abs(lots)
        cost += side * money * (filled_lots - closed) / filled_lots
        lots += side * filled_lots
    fills = len(venue.filled)
    assert fills > 200
    assert told[ACCOUNT_LOTS] == lots != 0
    assert abs(told[ACCOUNT_WALLET_E8] - (OPENING_E8 + cash + cost - fees)) <= fills
    assert told[ACCOUNT_COST_E8] == pytest.approx(float(cost), rel=1e-12)
