"""Frame faults: what happens to frames on their way, on a clock that only the test moves."""

from typing import Any

import orjson
import pytest

from exchange.paper.faults import plan
from exchange.paper.faults.delay_queue import DelayQueue
from exchange.paper.faults.depth_memory import DepthMemory
from exchange.paper.faults.faults import Faults
from exchange.paper.faults.frame_faults import FrameFaults
from exchange.paper.faults.plan import AnyFault, FaultPlan

MS_NS = 1_000_000
KEY = "listenkey"


class Way:
    """Frame path from the pub/sub to the queues."""

    def __init__(self, *faults: AnyFault) -> None:
        self.faults = Faults(FaultPlan(faults))
        self.later = DelayQueue()
        self.frame_faults = FrameFaults(self.faults, self.later, self._arrive, lambda: self.now_ns)
        self.arrived: list[Any] = []
        self.now_ns = 0
        self.faults.advance(0)

    def send(self, name: str, event: str, **fields: object) -> None:
        payload: dict[str, object] = {"e": event} | fields
        self.frame_faults.carry(name, payload, orjson.dumps(payload))

    def pass_ms(self, ms: float) -> None:
        self.now_ns += round(ms * MS_NS)
        self.faults.advance(self.now_ns // MS_NS)
        self.later.run(self.now_ns)

    def _arrive(self, name: str, raw: bytes, event: str) -> None:
        told = orjson.loads(raw)
        assert event == told["e"]
        self.arrived.append(told.get("n", f"{name}:{event}"))


def test_without_faults_everything_arrives_at_once() -> None:
    way = Way()

    way.send("a@trade", "trade", n=1)

    assert way.arrived == [1]


def test_a_swapped_event_comes_after_the_next_of_another_type() -> None:
    """The money before the order, as the venue does not promise not to."""
    way = Way(plan.Reorder(rate=1.0, count=1, streams=("ORDER_TRADE_UPDATE",)))

    way.send(KEY, "ORDER_TRADE_UPDATE")
    way.send(KEY, "ACCOUNT_UPDATE")
    way.pass_ms(5000)

    assert way.arrived == [f"{KEY}:ACCOUNT_UPDATE", f"{KEY}:ORDER_TRADE_UPDATE"]


def test_events_of_one_type_never_change_places() -> None:
    way = Way(plan.Reorder(rate=1.0, count=1))

    for i in range(3):
        way.send("a@depth", "depthUpdate", n=i)

    assert way.arrived == [0, 1, 2]


def test_neighbours_are_of_one_symbol() -> None:
    way = Way(plan.Reorder(rate=1.0, count=1))

    way.send("a@trade", "trade", n="a")
    way.send("b@depth", "depthUpdate", n="b")
    way.send("a@depth", "depthUpdate", n="a2")

    assert way.arrived == ["b", "a2", "a"]


def test_a_frame_without_a_neighbour_comes_after_a_second() -> None:
    way = Way(plan.Reorder(rate=1.0, count=1))

    way.send("a@trade", "trade", n=1)
    way.pass_ms(999)
    before = list(way.arrived)
    way.pass_ms(1)

    assert (before, way.arrived) == ([], [1])


def test_disarming_leaves_no_frame_behind() -> None:
    way = Way(plan.Reorder(rate=1.0))

    way.send("a@trade", "trade", n=1)
    way.faults.disarm_all()
    way.send("a@trade", "trade", n=2)

    assert way.arrived == [1, 2]


def test_a_delayed_stream_keeps_its_order_and_holds_up_no_other() -> None:
    way = Way(
        plan.Delay(
            at_s=0.0, on="frame", wait=plan.Constant(ms=20.0), streams=("a@trade",), name="once"
        )
    )

    way.send("a@trade", "trade", n=1)
    way.send("a@trade", "trade", n=2)
    way.send("b@trade", "trade", n=3)
    way.pass_ms(19)
    early = list(way.arrived)
    way.pass_ms(1)
    way.send("a@trade", "trade", n=4)

    assert early == [3]
    assert way.arrived == [3, 1, 2, 4]


def test_a_duplicate_comes_right_behind() -> None:
    way = Way(plan.Duplicate(at_s=0.0))

    way.send("a@trade", "trade", n=1)
    way.send("a@trade", "trade", n=2)

    assert way.arrived == [1, 1, 2]


def test_a_frame_that_is_late_out_of_order_comes_behind_younger_ones() -> None:
    wait = plan.Constant(ms=200)
    way = Way(plan.Delay(at_s=0.0, on="frame", wait=wait, in_order=False))

    way.send("a@trade", "trade", n=1)
    way.send("a@trade", "trade", n=2)
    before = list(way.arrived)
    way.pass_ms(200)

    assert (before, way.arrived) == ([2], [2, 1])


def test_a_stalled_stream_says_all_at_once_whatever_is_late_besides() -> None:
    """What is late out of order passes nothing that waits already."""
    way = Way(
        plan.Delay(at_s=0.0, on="frame", wait=plan.Constant(ms=3000)),
        plan.Delay(at_s=1.0, on="frame", wait=plan.Constant(ms=200), in_order=False),
    )

    way.send("a@trade", "trade", n=1)
    way.pass_ms(1000)
    way.send("a@trade", "trade", n=2)
    way.send("a@trade", "trade", n=3)
    way.pass_ms(1999)
    before = list(way.arrived)
    way.pass_ms(1)

    assert (before, way.arrived) == ([], [1, 2, 3])


def test_a_dropped_frame_is_lost_whatever_its_stream() -> None:
    way = Way(plan.DropFrame(at_s=0.0))

    way.send("a@trade", "trade", n=1)
    way.send("a@trade", "trade", n=2)
    way.pass_ms(10_000)

    assert way.arrived == [2]


def test_a_lost_diff_is_lost_for_good() -> None:
    way = Way(plan.DepthGap(at_s=0.0))

    way.send("a@depth", "depthUpdate", n=1)
    way.send("a@depth", "depthUpdate", n=2)
    way.pass_ms(10_000)

    assert way.arrived == [2]


def test_the_clients_order_is_named_where_one_is_struck() -> None:
    way = Way(plan.Duplicate(rate=1.0))

    way.send(KEY, "ORDER_TRADE_UPDATE", o={"c": "mine"})
    way.send(KEY, "TRADE_LITE", c="mine")
    way.send("a@trade", "trade")

    assert [hit.struck for hit in way.faults.log] == [
        "private/ORDER_TRADE_UPDATE mine",
        "private/TRADE_LITE mine",
        "public/a@trade",
    ]


def test_no_listen_key_is_ever_told() -> None:
    way = Way(plan.Duplicate(rate=1.0), plan.Cut(rate=1.0))

    way.send(KEY, "listenKeyExpired", listenKey=KEY)

    assert KEY not in str(way.faults.log)


def test_lanes_keep_their_order_and_the_rest_goes_by_time() -> None:
    done: list[str] = []
    later = DelayQueue()
    later.put("x", 30, lambda: done.append("x30"))
    later.put("x", 10, lambda: done.append("x10, behind"))
    later.put("y", 20, lambda: done.append("y20"))
    later.put("y", 20, lambda: done.append("y20 too"))

    next_ns = later.next_ns
    later.run(29)
    before = list(done)
    later.run(30)

    assert (next_ns, before) == (20, ["y20", "y20 too"])
    assert done == ["y20", "y20 too", "x30", "x10, behind"]
    assert (later.holds("x"), later.next_ns) == (False, None)


def test_only_an_earlier_time_asks_for_an_earlier_look() -> None:
    asked: list[int] = []
    later = DelayQueue(lambda: asked.append(1))

    for due_ns in (50, 60, 40, 40):
        later.put(due_ns, due_ns, lambda: None)

    assert len(asked) == 2


def test_what_is_done_late_may_put_more_in() -> None:
    done: list[int] = []
    later = DelayQueue()
    later.put("x", 10, lambda: later.put("x", 15, lambda: done.append(15)))

    later.run(20)

    assert done == [15]


@pytest.mark.parametrize("age_ms", [0, 700, 5000])
def test_memory_recalls_a_book_at_least_so_old(age_ms: int) -> None:
    memory = DepthMemory()
    for now_ms in range(0, 2001, 100):
        if memory.due(now_ms):
            memory.keep(now_ms, {"E": now_ms, "bids": [1, 2, 3], "asks": [4, 5, 6]})

    recalled = memory.recall(age_ms, 2, 2000)

    expected = {0: 1800, 700: 1200, 5000: 0}[age_ms]
    assert recalled == {"E": expected, "bids": [1, 2], "asks": [4, 5]}


def test_memory_holds_one_minute() -> None:
    memory = DepthMemory()
    for now_ms in range(0, 120_001, 1000):
        memory.keep(now_ms, {"E": now_ms, "bids": [], "asks": []})

    assert memory.recall(999_999, 5, 120_000) == {"E": 59_000, "bids": [], "asks": []}
