"""Tape merge: what the desk says of the touch depends on the venue's stamps, not on delays."""

import gzip
import heapq
import itertools
import random
from dataclasses import dataclass
from typing import Any

import pytest

from engine.core import tape_merge
from engine.core.desk_layout import PRINT_SEEN, SEEN, new_desk, new_reals, seen_row
from engine.core.log import DeskLog
from engine.core.market import MarketState
from engine.core.market_monitor import FlickerWatch
from engine.core.market_readings import FlickerView
from engine.core.tape_merge import MARGIN_NS, PATIENCE_NS, StampedPrint, TapeMerge, Touch
from engine.models.flicker import SECOND_NS, WINDOW_NS
from exchange.instrument import Instrument
from exchange.jit import in_python
from exchange.market_layout import TOUCH_EXCH_NS
from exchange.types import Side
from tests.naive.flicker import NaiveFlicker
from tests.places import USDM

MS = 1_000_000
GRID = Instrument.from_steps("BTCUSDT", "0.1", "0.001")
START_NS = 1_800_000_000 * SECOND_NS
QUIET: Touch = (100, 10, 110, 10)


@dataclass
class Market:
    """Half a minute of a touch that is bettered, eaten and cancelled, as the venue stamped it."""

    book: list[tuple[int, Touch]]
    tape: list[StampedPrint]
    marks: list[int]


def market(seed: int) -> Market:
    """Eaten quotes and bluffs on both sides, some quiet, some within one millisecond."""
    random_ = random.Random(seed)
    now_ns = START_NS
    book, tape = [(now_ns, QUIET)], []
    while now_ns < START_NS + 30 * SECOND_NS:
        now_ns += random_.choice((0, 1, 7, 40, 300, 1200)) * MS
        side, lots = random_.choice(tuple(Side)), random_.randint(1, 20)
        bettered = (101, lots, 110, 10) if side is Side.BUY else (100, 10, 109, lots)
        book.append((now_ns, bettered))
        price = bettered[0] if side is Side.BUY else bettered[2]
        for _ in range(random_.randint(0, 3)):
            now_ns += random_.choice((0, 0, 1, 3)) * MS
            tape.append((now_ns, Side(-side), price, random_.randint(1, lots)))
        now_ns += random_.choice((0, 1, 5, 90)) * MS
        book.append((now_ns, QUIET))
    end_ns = now_ns + MARGIN_NS + SECOND_NS
    book += [(ns, QUIET) for ns in range(now_ns + SECOND_NS, end_ns, SECOND_NS)]
    marks = list(range(START_NS - SECOND_NS, end_ns + 2 * MARGIN_NS, SECOND_NS))
    return Market(book, tape, marks)


Delays = dict[str, float]
"""Largest delay of the book and of the tape's link, ms."""


def as_heard(of: Market, delays: Delays, seed: int) -> list[tuple[str, Any]]:
    """Both streams by arrival: each late by itself and for a while, and in its own order."""
    random_ = random.Random(seed)
    arriving: list[tuple[float, int, str, tuple[str, Any]]] = []
    book = [(ns, ("touch", (ns, touch))) for ns, touch in of.book]
    prints = [(seen[0], ("print", seen)) for seen in of.tape]
    marks = [(ns, ("mark", ns)) for ns in of.marks]
    for name, stream in (("book", book), ("tape", list(heapq.merge(prints, marks, key=_stamp)))):
        last = 0.0
        for i, (ns, heard) in enumerate(stream):
            last = max(last, ns + random_.random() * delays[name] * MS)
            heapq.heappush(arriving, (last, i, name, heard))
    return [heapq.heappop(arriving)[-1] for _ in range(len(arriving))]


def _stamp(heard: tuple[int, Any]) -> int:
    return heard[0]


def judged(of: Market, delays: Delays, seed: int = 0) -> FlickerView:
    """What the watch says when all has arrived."""
    watch = FlickerWatch(DeskLog())
    for kind, what in as_heard(of, delays, seed):
        match kind, what:
            case "touch", (int(exch_ns), touch):
                watch.receive_touch(exch_ns, touch)
            case "print", seen:
                watch.receive_print(*seen)
            case "mark", int(exch_ns):
                watch.hear_tape(exch_ns)
    watch.step()
    assert watch.view is not None
    return watch.view


def true_star_bid(of: Market) -> float:
    """D* of the bid by the plain twin, fed everything in the venue's order."""
    naive = NaiveFlicker(WINDOW_NS)
    for exch_ns, aggressor, price, lots in of.tape:
        naive.receive_trade(exch_ns, aggressor, price, lots)
    for exch_ns, touch in of.book:
        naive.receive_touch(exch_ns, *touch)
    last = of.book[-1][0] // (100 * MS)
    return naive.ratio(set(range(last - 599, last + 1)), 100 * MS, star=True)


@pytest.mark.parametrize("seed", range(40))
def test_no_order_of_arrival_changes_what_is_said(seed: int) -> None:
    """Prints up to 155 ms late made bluffs of eaten quotes, where the touch waited for 100."""
    played = market(seed)
    together = judged(played, {"book": 0.0, "tape": 0.0})

    for book_ms, tape_ms in ((0, 155), (0, 2000), (155, 0), (2000, 0), (900, 900)):
        assert judged(played, {"book": book_ms, "tape": tape_ms}, seed) == together
    assert together.update_star_bid == pytest.approx(true_star_bid(played))
    assert together.unjudged == 0


class Heard:
    """Tape merge under test, and what it handed on."""

    def __init__(self) -> None:
        self.prints: list[StampedPrint] = []
        self.touches: list[tuple[int, bool]] = []
        self.merge = TapeMerge(self.prints.append, self.take)

    def take(self, exch_ns: int, _touch: Touch | None, tape_seen: bool) -> None:
        self.touches.append((exch_ns, tape_seen))


def test_a_touch_waits_for_a_print_beyond_its_millisecond() -> None:
    """Another print of the same one may still come."""
    heard = Heard()
    heard.merge.receive_print(5 * MS, Side.BUY, 110, 1)
    heard.merge.receive_touch(7 * MS, QUIET)
    heard.merge.receive_print(7 * MS, Side.BUY, 110, 1)
    assert heard.touches == []

    heard.merge.receive_print(8 * MS, Side.BUY, 110, 1)

    assert heard.touches == [(7 * MS, True)]
    assert len(heard.prints) == 2


def test_other_messages_of_the_link_speak_for_a_quiet_tape() -> None:
    """Less a margin: they do not come from where prints do."""
    heard = Heard()
    heard.merge.hear_tape(0)
    heard.merge.receive_touch(SECOND_NS, QUIET)
    heard.merge.hear_tape(SECOND_NS + MARGIN_NS)
    assert heard.touches == []

    heard.merge.hear_tape(SECOND_NS + MARGIN_NS + 1)

    assert heard.touches == [(SECOND_NS, True)]


@pytest.mark.parametrize("lost_first", [False, True])
def test_a_hole_in_the_tape_is_unseen_whether_its_touches_come_before_or_after(
    lost_first: bool,
) -> None:
    """From the last stamp before the loss to the first one after it; and before the first."""
    heard = Heard()
    heard.merge.receive_print(10 * MS, Side.BUY, 110, 1)
    if lost_first:
        heard.merge.lose_tape()
    for ms in (9, 10, 15, 20):
        heard.merge.receive_touch(ms * MS, QUIET)
    if not lost_first:
        heard.merge.lose_tape()
    for ms in (20, 25):
        heard.merge.receive_print(ms * MS, Side.BUY, 110, 1)

    assert heard.touches == [(9 * MS, False), (10 * MS, False), (15 * MS, False), (20 * MS, True)]


def test_a_tape_that_says_nothing_holds_the_book_back_for_ten_seconds() -> None:
    """Memory is bounded by time too; what goes out then goes out as unseen."""
    heard = Heard()
    for i in range(31):
        heard.merge.receive_touch(i * SECOND_NS, QUIET)

    assert [exch_ns for exch_ns, _ in heard.touches] == [
        i * SECOND_NS for i in range(31 - 1 - PATIENCE_NS // SECOND_NS)
    ]
    assert not any(seen for _, seen in heard.touches)


def test_no_flood_makes_it_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    """More touches, or prints, than there is room for push the oldest out."""
    monkeypatch.setattr(tape_merge, "MOST_WAITING", 50)
    monkeypatch.setattr(tape_merge, "MOST_PRINTS", 20)
    heard = Heard()
    for i in range(200):
        heard.merge.receive_touch(i, QUIET)
    assert len(heard.touches) == 150

    for _ in range(100):
        heard.merge.receive_print(40, Side.SELL, 100, 1)

    assert len(heard.prints) == 80


def recorded_market() -> Market:
    """The first minute and a half of the real future, by the venue's stamps."""
    desk = new_desk()
    seen = MarketState(
        GRID,
        desk,
        new_reals(),
        own_in_book=False,
    )
    of = Market([], [], [])
    with gzip.open(USDM) as lines:
        for line in itertools.islice(lines, 20_000):
            recv_ns, _, raw = line.strip().partition(b" ")
            if b"lastUpdateId" in raw[:40]:
                seen.receive_snapshot(raw)
                continue
            desk[SEEN] = 0  # what is seen is taken at once
            seen.hear(raw, int(recv_ns), int(recv_ns))
            kind, *noted = in_python(seen_row)(desk, 0).tolist()
            if desk[SEEN] and kind == PRINT_SEEN:
                exch_ns, aggressor, price_ticks, lots, _ = noted
                of.tape.append((exch_ns, Side(aggressor), price_ticks, lots))
            elif seen.touch is not None:
                (bid, ask), (bid_lots, ask_lots) = seen.touch, seen.touch_lots
                last_ns = of.book[-1][0] if of.book else 0
                touch = (bid, bid_lots, ask, ask_lots)
                of.book.append((max(last_ns, int(seen.region[TOUCH_EXCH_NS])), touch))
    of.marks.append(of.book[-1][0] + MARGIN_NS + MS)
    return of


def test_eaten_quotes_of_the_real_future_are_no_bluffs_however_late_their_prints() -> None:
    """Recorded, 155 ms and 2 s late: what the plain twin says that was fed all in order."""
    recorded = recorded_market()
    together = judged(recorded, {"book": 0.0, "tape": 0.0})

    for tape_ms in (155, 2000):
        assert judged(recorded, {"book": 0.0, "tape": tape_ms}) == together
    assert together.update_star_bid == pytest.approx(true_star_bid(recorded))
