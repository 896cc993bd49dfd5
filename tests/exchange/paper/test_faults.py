"""Fault decisions: when faults strike and what they decide; nothing here is broken in earnest."""

from collections.abc import Callable
from itertools import pairwise
from statistics import mean, stdev

import pytest

from exchange.errors import SettingsError
from exchange.paper.faults import plan
from exchange.paper.faults.faults import Faults, LostRequest, aims
from exchange.paper.faults.plan import AnyFault, FaultPlan
from exchange.paper.limits import OverLimit

START_MS = 1_700_000_000_000
PLACE, CANCEL = "POST /fapi/v1/order", "DELETE /fapi/v1/order"
TRADE, OTU = "public/btcusdt@trade", "private/ORDER_TRADE_UPDATE"
DIFF = "public/btcusdt@depth@100ms"


class Scene:
    """Faults under test, armed, on a clock that only the test moves."""

    def __init__(self, *faults: AnyFault, seed: int = 1) -> None:
        self.faults = Faults(FaultPlan(faults, seed), START_MS)
        self.server_faults: list[plan.Fault] = []
        self.at(0.0)

    def at(self, second: float) -> "Scene":
        self.now_ms = START_MS + round(second * 1000)
        self.server_faults += self.faults.advance(self.now_ms)
        return self

    def refused(self, call: str = PLACE) -> int | None:
        """The code."""
        refused = self.faults.refusal(call, self.now_ms)
        return None if refused is None else refused.code

    @property
    def story(self) -> list[tuple[float, str, str]]:
        """Every strike: second, name of the fault, what it struck."""
        return [((hit.time_ms - START_MS) / 1000, hit.name, hit.struck) for hit in self.faults.log]


def seconds_struck(fault: AnyFault, until_s: int = 20) -> list[int]:
    """In which seconds the fault strikes when it has one chance in each."""
    scene = Scene(fault)
    return [s for s in range(until_s) if scene.at(s).faults.verdict(DIFF, b"{}").lost]


# ---------------------------------------------------------------- when


@pytest.mark.parametrize(
    ("fault", "struck"),
    [
        (plan.DepthGap(at_s=3), [3]),
        (plan.DepthGap(at_s=2.5), [3]),
        (plan.DepthGap(every_s=6), [6, 12, 18]),
        (plan.DepthGap(at_s=1, every_s=6), [1, 7, 13, 19]),
        (plan.DepthGap(at_s=3, for_s=4), [3, 4, 5, 6]),
        (plan.DepthGap(every_s=8, for_s=2), [8, 9, 16, 17]),
        (plan.DepthGap(rate=1), list(range(20))),
        (plan.DepthGap(at_s=17, rate=1), [17, 18, 19]),
        (plan.DepthGap(at_s=3, for_s=4, rate=1), [3, 4, 5, 6]),
        (plan.DepthGap(every_s=6, count=2), [6, 12]),
        (plan.DepthGap(rate=1, count=3), [0, 1, 2]),
        (plan.DepthGap(at_s=3, for_s=4, count=2), [3, 4]),
    ],
)
def test_a_fault_strikes_when_it_says(fault: AnyFault, struck: list[int]) -> None:
    assert seconds_struck(fault) == struck


def test_moments_at_random_come_as_often_as_their_mean_says() -> None:
    """Exponential times between them: as widely spread as they are long."""
    gaps_s = [b - a for a, b in pairwise(moments_at_random(seed=1))]

    assert mean(gaps_s) == pytest.approx(5.0, rel=0.15)
    assert stdev(gaps_s) == pytest.approx(5.0, rel=0.2)


def test_moments_at_random_are_those_of_the_seed() -> None:
    assert moments_at_random(seed=1) == moments_at_random(seed=1) != moments_at_random(seed=2)


def moments_at_random(seed: int) -> list[float]:
    """The seconds of 5,000 in which a fault strikes that does so every 5 s in the mean."""
    scene = Scene(plan.Cut(mean_s=5.0), seed=seed)
    for tenth in range(50_000):
        scene.at(tenth / 10)
    return [second for second, _name, _struck in scene.story]


def test_random_moments_begin_where_a_first_is_given() -> None:
    scene = Scene(plan.Cut(at_s=3.0, mean_s=1e6)).at(2.9)
    before = list(scene.server_faults)

    assert (before, len(scene.at(3.0).server_faults)) == ([], 1)


def test_a_sleep_over_random_moments_owes_one_strike() -> None:
    assert len(Scene(plan.Cut(mean_s=1.0)).at(100_000).server_faults) == 1


def test_a_moment_waits_for_something_to_strike() -> None:
    """A gap at 3 s takes the first diff after it, whenever that comes."""
    scene = Scene(plan.DepthGap(at_s=3)).at(3).at(9)

    assert [scene.faults.verdict(DIFF, b"{}").lost for _ in range(2)] == [True, False]


def test_a_sleep_over_many_moments_owes_one_strike() -> None:
    scene = Scene(plan.DepthGap(every_s=1)).at(1000)

    assert [scene.faults.verdict(DIFF, b"{}").lost for _ in range(2)] == [True, False]
    assert scene.at(1001).faults.verdict(DIFF, b"{}").lost


def test_a_rate_is_the_chance_of_each() -> None:
    scene = Scene(plan.DepthGap(rate=0.25))
    lost = sum(scene.faults.verdict(DIFF, b"{}").lost for _ in range(8000))

    assert lost == pytest.approx(2000, abs=4 * 39)


def test_seconds_count_from_the_arming() -> None:
    scene = Scene().at(100)
    scene.faults.arm(plan.DepthGap(at_s=5))

    assert not scene.at(104).faults.verdict(DIFF, b"{}").lost
    assert scene.at(105).faults.verdict(DIFF, b"{}").lost


def test_after_a_sleep_only_the_newest_moment_counts() -> None:
    """Of limits every 10 s for 3 s, the one of second 100 is in force in second 101."""
    scene = Scene(plan.RateLimit(every_s=10.0, for_s=3.0))

    assert scene.at(101).refused() == -1003
    assert scene.at(104).refused() is None
    assert scene.at(111).refused() == -1003


def test_an_episode_begins_no_oftener_than_it_may() -> None:
    scene = Scene(plan.Ban(every_s=2.0, for_s=1.0, count=2))

    assert [scene.at(s).refused() is not None for s in range(9)] == [
        *(False, False, True, False, True),
        *(False, False, False, False),
    ]


# ---------------------------------------------------------------- seeds


def traffic(scene: Scene) -> list[object]:
    """A minute of requests and frames, and everything that became of them."""
    found: list[object] = []
    for i in range(600):
        scene.at(i / 10)
        found.append(scene.refused())
        found.append(scene.faults.delay_ms("reply", PLACE))
        found.append(scene.faults.drops_reply(CANCEL))
        verdict = scene.faults.verdict(DIFF if i % 2 else OTU, b'{"e":"depthUpdate"}')
        found.append((verdict.lost, verdict.copies, verdict.swapped, verdict.raw))
    return found


MIXED: tuple[AnyFault, ...] = (
    plan.Refuse(rate=0.1, code=-5022),
    plan.Delay(rate=0.5, on="reply", wait=plan.Exponential(mean_ms=4.0)),
    plan.DropReply(rate=0.05),
    plan.Duplicate(rate=0.1),
    plan.Corrupt(rate=0.1),
    plan.DepthGap(every_s=7.0),
)


def test_the_same_seed_with_the_same_traffic_gives_the_same_failures() -> None:
    one, other = Scene(*MIXED, seed=5), Scene(*MIXED, seed=5)

    assert traffic(one) == traffic(other)
    assert one.story == other.story
    assert len(one.story) > 300
    assert {name for _, name, _ in one.story} == {
        "refuse",
        "delay",
        "drop_reply",
        "duplicate",
        "corrupt",
        "depth_gap",
    }


def test_another_seed_gives_other_failures() -> None:
    one, other = Scene(*MIXED, seed=5), Scene(*MIXED, seed=6)
    traffic(one)
    traffic(other)

    assert one.story != other.story


def test_one_more_fault_shifts_nobody_elses_draws() -> None:
    """Else narrowing a failure down by taking faults away would change it."""
    alone, together = (
        Scene(*MIXED, seed=5),
        Scene(plan.DepthGap(rate=0.3, name="more"), *MIXED, seed=5),
    )
    traffic(alone)
    traffic(together)

    assert [told for told in together.story if told[1] != "more"] == alone.story


def test_two_faults_of_a_kind_draw_apart() -> None:
    scene = Scene(plan.Refuse(rate=0.5, code=-5022), plan.Refuse(rate=0.5, code=-1008))
    codes = [scene.refused() for _ in range(400)]

    assert {trigger.name for trigger in scene.faults.triggers} == {"refuse", "refuse-2"}
    assert codes.count(-5022) == pytest.approx(200, abs=40)
    assert codes.count(-1008) == pytest.approx(100, abs=35)


# ---------------------------------------------------------------- targets


@pytest.mark.parametrize(
    ("patterns", "label", "hit"),
    [
        (("*",), TRADE, True),
        (("public/*",), TRADE, True),
        (("market/*",), TRADE, False),
        (("btcusdt@*",), TRADE, True),
        (("*@depth*",), DIFF, True),
        (("*@depth*",), TRADE, False),
        (("ORDER_*",), OTU, True),
        (("private/*",), "private/", True),
        (("market/*", "private/*"), OTU, True),
        (("BTCUSDT@*",), TRADE, False),
    ],
)
def test_patterns_aim_at_streams_with_or_without_their_prefix(
    patterns: tuple[str, ...], label: str, hit: bool
) -> None:
    assert aims(patterns, label) is hit


def test_only_the_calls_aimed_at_are_refused() -> None:
    scene = Scene(plan.Refuse(rate=1.0, code=-2011, calls=("DELETE *",)))

    assert (scene.refused(PLACE), scene.refused(CANCEL)) == (None, -2011)


@pytest.mark.parametrize("stream", ["btcusdt@depth5@100ms", "btcusdt@depth20", "btcusdt@trade"])
def test_a_depth_gap_leaves_alone_what_has_no_chain(stream: str) -> None:
    assert not Scene(plan.DepthGap(rate=1)).faults.verdict(f"public/{stream}", b"{}").lost


# ---------------------------------------------------------------- requests


def test_a_refusal_is_told_in_the_venues_words_or_in_ones_own() -> None:
    scene = Scene(
        plan.Refuse(at_s=0.0, code=-1000, status=500, text="no"), plan.Refuse(at_s=0.0, code=-1008)
    )
    first, second = (scene.faults.refusal(PLACE, scene.now_ms, "id7") for _ in range(2))

    assert first is not None
    assert second is not None
    assert (first.code, first.http_status, first.message) == (-1000, 500, "no")
    assert (second.code, second.http_status) == (-1008, 503)
    assert scene.story == [
        (0.0, "refuse", "POST /fapi/v1/order id7"),
        (0.0, "refuse-2", "POST /fapi/v1/order id7"),
    ]


def test_an_executed_refusal_only_takes_the_answers_place() -> None:
    scene = Scene(plan.Refuse(rate=1.0, code=-1000, executed=True))
    lost = scene.faults.lost_answer(PLACE, scene.now_ms)

    assert scene.refused() is None
    assert lost is not None
    assert (lost.code, lost.http_status) == (-1000, 503)


def test_a_refusal_without_execution_takes_no_answers_place() -> None:
    scene = Scene(plan.Refuse(rate=1.0, code=-1000))

    assert scene.faults.lost_answer(PLACE, scene.now_ms) is None


def test_a_rate_limit_refuses_everything_for_its_time() -> None:
    scene = Scene(plan.RateLimit(at_s=2.0, for_s=3.0))
    codes = [scene.at(s).refused("GET /fapi/v1/time") for s in range(7)]
    refused = (
        Scene(plan.RateLimit(at_s=0.0, for_s=3.0)).at(0.5).faults.refusal(PLACE, START_MS + 500)
    )

    assert codes == [None, None, -1003, -1003, -1003, None, None]
    assert isinstance(refused, OverLimit)
    assert refused.http_status == 429
    assert refused.headers == {"Retry-After": "3", "X-MBX-USED-WEIGHT-1M": "2401"}


def test_a_ban_tells_when_it_ends() -> None:
    refused = Scene(plan.Ban(at_s=0.0, for_s=120.0)).at(20).faults.refusal(PLACE, START_MS + 20_000)

    assert isinstance(refused, OverLimit)
    assert (refused.code, refused.http_status) == (-1003, 418)
    assert f"banned until {START_MS + 120_000}." in refused.message
    assert refused.headers == {"Retry-After": "100"}


def test_a_ban_can_come_by_chance_and_then_lasts() -> None:
    scene = Scene(plan.Ban(rate=0.01, for_s=2.0, count=1))
    refused = [scene.at(i / 10).refused() is not None for i in range(1000)]
    first = refused.index(True)

    assert refused[first : first + 20] == [True] * 20
    assert sum(refused) == 20


def test_a_rate_from_a_moment_on_begins_no_episode_before() -> None:
    scene = Scene(plan.Ban(at_s=5.0, rate=1.0, for_s=1.0, count=1))

    assert [scene.at(s).refused() for s in range(7)] == [None] * 5 + [-1003, None]


def test_a_dropped_request_never_arrives_or_after_its_wait() -> None:
    never, late = (
        Scene(plan.DropRequest(rate=1.0, calls=("POST *",), wait=wait)).faults
        for wait in (None, plan.Constant(ms=5.0))
    )

    assert never.lost_request(PLACE, "id7") == LostRequest(arrives_ms=None)
    assert late.lost_request(PLACE, "id7") == LostRequest(arrives_ms=5.0)
    assert late.lost_request(CANCEL) is None
    assert [hit.struck for faults in (never, late) for hit in faults.log] == [
        "POST /fapi/v1/order id7",
        "POST /fapi/v1/order id7, arrives after 5.0 ms",
    ]


def test_the_age_of_a_read_is_drawn_and_stands_for_its_time() -> None:
    fault = plan.StaleAccount(rate=1.0, age_s=2.5, youngest_s=0.5, redrawn_s=1.0)
    scene = Scene(fault)
    ages_ms = [scene.faults.account_lag_ms("GET x", START_MS + 100 * i) for i in range(2000)]

    assert all(len(set(ages_ms[i : i + 10])) == 1 for i in range(0, 2000, 10))
    assert len(set(ages_ms)) == 200
    assert 500 <= min(filter(None, ages_ms)) < 700
    assert 2300 < max(filter(None, ages_ms)) <= 2500
    assert scene.faults.longest_lag_ms == 2500


def test_delays_of_requests_and_replies_are_apart_and_add_up() -> None:
    constant = plan.Constant(ms=5.0)
    scene = Scene(
        plan.Delay(rate=1.0, on="request", wait=constant),
        plan.Delay(rate=1.0, on="reply", wait=constant),
        plan.Delay(rate=1.0, on="reply", wait=constant, calls=("DELETE *",)),
    )
    faults = scene.faults

    assert faults.delay_ms("request", PLACE) == 5.0
    assert (faults.delay_ms("reply", PLACE), faults.delay_ms("reply", CANCEL)) == (5.0, 10.0)


def test_a_delay_of_everything_is_told_once_and_one_by_chance_each_time() -> None:
    """A line for each of ten thousand frames a second would hide the rest."""
    wait = plan.Constant(ms=5.0)
    scene = Scene(
        plan.Delay(at_s=0.0, for_s=100.0, on="reply", wait=wait, name="all"),
        plan.Delay(rate=0.999999, on="reply", wait=wait, name="some"),
    )
    for _ in range(5):
        scene.faults.delay_ms("reply", PLACE, "id7")
    told = [name for _, name, _ in scene.story]

    assert (told.count("all"), told.count("some")) == (1, 5)
    assert scene.story[0][2] == "reply of POST /fapi/v1/order id7 by 5.0 ms"


def test_a_delay_of_everything_is_told_at_each_of_its_openings() -> None:
    wait = plan.Constant(ms=5.0)
    scene = Scene(plan.Delay(every_s=10.0, for_s=5.0, on="reply", wait=wait))
    for second in range(30):
        scene.at(second).faults.delay_ms("reply", PLACE)

    assert [second for second, _, _ in scene.story] == [10.0, 20.0]


def test_the_clock_is_wrong_for_its_time() -> None:
    scene = Scene(plan.ClockSkew(at_s=2.0, for_s=2.0, skew_ms=-1500))

    assert [scene.at(s).faults.skew_ms(scene.now_ms) for s in range(6)] == [
        0,
        0,
        -1500,
        -1500,
        0,
        0,
    ]


def test_the_clock_stays_wrong_where_no_end_is_said() -> None:
    scene = Scene(plan.ClockSkew(at_s=2.0, skew_ms=300)).at(2).at(80_000)

    assert scene.faults.skew_ms(scene.now_ms) == 300


# ---------------------------------------------------------------- sockets and frames


@pytest.mark.parametrize(
    "fault",
    [plan.Cut(at_s=3.0), plan.ListenKeyLoss(at_s=3.0), plan.Restart(at_s=3.0, for_s=1.0)],
)
def test_server_faults_come_at_their_moment_and_once(fault: AnyFault) -> None:
    scene = Scene(fault)
    seen = [len(scene.at(s).server_faults) for s in range(6)]

    assert seen == [0, 0, 0, 1, 1, 1]
    assert scene.server_faults == [fault]
    assert len(scene.story) == 1


def test_a_frame_can_be_the_one_that_cuts() -> None:
    cut = plan.Cut(rate=1.0, streams=("private/*",))
    scene = Scene(cut)
    scene.faults.verdict(TRADE, b"{}")
    scene.at(1)
    before = list(scene.server_faults)
    scene.faults.verdict(OTU, b"{}", "id7")
    scene.at(2)

    assert (before, scene.server_faults) == ([], [cut])
    assert scene.story == [(1.0, "cut", "private/ORDER_TRADE_UPDATE id7")]


def test_a_cut_that_lasts_takes_the_sockets_that_speak() -> None:
    """So that whoever comes back in that time is cut off again."""
    cut = plan.Cut(at_s=1.0, for_s=5.0)
    scene = Scene(cut).at(1)
    before = list(scene.server_faults)
    for second in (2, 3, 6):
        scene.at(second).faults.verdict(TRADE, b"{}")
    scene.at(7)

    assert (before, scene.server_faults) == ([], [cut, cut])


def test_a_frame_can_be_the_first_of_a_silence() -> None:
    scene = Scene(plan.Stall(rate=1.0, for_s=2.0, streams=("public/*",)))
    for second in (1.0, 2.0):
        scene.at(second).faults.verdict(TRADE, b"{}")
    silent = scene.faults.silences(["public/"])
    heard = not scene.at(3).faults.silences(["public/"])

    assert (silent, heard) == (True, True)
    assert scene.story == [(1.0, "stall", TRADE)]


def test_a_stall_silences_whatever_carries_its_streams() -> None:
    scene = Scene(plan.Stall(at_s=1.0, for_s=2.0, streams=("private/*",)))
    private, public = ["private/"], ["public/", TRADE]
    heard = [
        (scene.at(s).faults.silences(private), scene.faults.silences(public)) for s in range(4)
    ]

    assert heard == [(False, False), (True, False), (True, False), (False, False)]


def test_a_stall_answers_pings_unless_told_otherwise() -> None:
    polite = Scene(plan.Stall(at_s=0.0, for_s=2.0)).faults
    rude = Scene(plan.Stall(at_s=0.0, for_s=2.0, pongs=False)).faults

    assert not polite.silences(["public/"], pongs=True)
    assert rude.silences(["public/"], pongs=True)


def test_a_flipped_bit_is_no_utf_8_and_nothing_else_changes() -> None:
    raw = b'{"e":"trade","p":"59999.5"}'
    damaged = Scene(plan.Corrupt(rate=1.0)).faults.verdict(TRADE, raw).raw
    differing = [i for i in range(len(raw)) if raw[i] != damaged[i]]

    assert len(damaged) == len(raw)
    assert len(differing) == 1
    with pytest.raises(UnicodeDecodeError):
        damaged.decode()


def test_a_truncated_frame_is_a_beginning() -> None:
    raw = b'{"e":"trade","p":"59999.5"}'
    damaged = Scene(plan.Corrupt(rate=1.0, how="truncate")).faults.verdict(TRADE, raw).raw

    assert len(damaged) < len(raw)
    assert raw.startswith(damaged)


# ---------------------------------------------------------------- arming


def test_with_nothing_armed_all_is_well() -> None:
    faults = Faults()
    verdict = faults.verdict(TRADE, b"x")

    assert (verdict.raw, verdict.lost, verdict.copies, verdict.swapped, verdict.delay_ms) == (
        b"x",
        False,
        1,
        False,
        0,
    )
    assert (faults.refusal(PLACE, 0), faults.drops_reply(PLACE), faults.skew_ms(0)) == (
        None,
        False,
        0,
    )
    assert (faults.on_frames, faults.advance(1), list(faults.log)) == (False, [], [])


@pytest.mark.parametrize(
    "disarm", [lambda faults: faults.disarm("refuse"), lambda faults: faults.disarm_all()]
)
def test_disarming_ends_it(disarm: Callable[[Faults], object]) -> None:
    scene = Scene(plan.Refuse(rate=1.0, code=-5022))
    before = scene.refused()
    disarm(scene.faults)

    assert (before, scene.refused(), scene.faults.triggers) == (-5022, None, [])


def test_disarming_an_unknown_name_says_so() -> None:
    assert not Scene(plan.Cut(at_s=9.0)).faults.disarm("cat")


def test_a_name_in_use_cannot_be_armed_again() -> None:
    scene = Scene(plan.Cut(at_s=9.0, name="a"))

    with pytest.raises(SettingsError, match="a is taken"):
        scene.faults.arm(plan.Cut(at_s=9.0, name="a"))


def test_every_strike_is_told_as_it_is_kept() -> None:
    told: list[object] = []
    faults = Faults(FaultPlan((plan.Refuse(rate=1.0, code=-5022),)), START_MS, told.append)
    faults.advance(START_MS + 5)
    faults.refusal(PLACE, START_MS + 5, "id7")

    assert told == list(faults.log)
    assert faults.log[0].as_row() == {
        "time_ms": START_MS + 5,
        "number": 1,
        "name": "refuse",
        "kind": "refuse",
        "struck": "POST /fapi/v1/order id7",
    }


def test_the_log_keeps_the_newest_thousand() -> None:
    faults = Faults(FaultPlan((plan.Refuse(rate=1.0, code=-5022),)), START_MS)
    for i in range(1500):
        faults.refusal(PLACE, START_MS, str(i))

    assert (len(faults.log), faults.log[-1].struck) == (1000, "POST /fapi/v1/order 1499")


def test_a_row_tells_what_was_armed_and_what_it_did() -> None:
    scene = Scene(plan.Refuse(rate=1.0, code=-5022, count=1))
    scene.refused()

    assert scene.faults.triggers[0].as_row() == {
        "kind": "refuse",
        "name": "refuse",
        "rate": 1.0,
        "count": 1,
        "code": -5022,
        "executed": False,
        "calls": ("*",),
        "number": 1,
        "struck": 1,
        "spent": True,
    }
