"""Fault files: what they may say, and how a slip is reported."""

import tomllib

import pytest

from exchange.errors import SettingsError
from exchange.paper.faults import plan
from exchange.paper.faults.plan import FaultPlan, parse_fault, parse_plan
from exchange.paper.rng import SplitMix64

WHOLE_FILE = """
seed = 7

[[fault]]
kind = "cut"
name = "lose the book"
at_s = 10
streams = ["public/*"]
"""

EVERY_KIND: list[tuple[str, plan.AnyFault]] = [
    ("kind='cut'\nat_s=1", plan.Cut(at_s=1.0)),
    ("kind='stall'\nat_s=1\nfor_s=2", plan.Stall(at_s=1.0, for_s=2.0)),
    (
        "kind='delay'\nrate=1\non='reply'\nwait={distribution='constant', ms=5}",
        plan.Delay(rate=1.0, on="reply", wait=plan.Constant(ms=5.0)),
    ),
    ("kind='duplicate'\nrate=0.5", plan.Duplicate(rate=0.5)),
    ("kind='reorder'\nrate=0.5", plan.Reorder(rate=0.5)),
    ("kind='drop_reply'\nrate=0.5", plan.DropReply(rate=0.5)),
    (
        "kind='drop_request'\nrate=0.5\nwait={distribution='constant', ms=5}",
        plan.DropRequest(rate=0.5, wait=plan.Constant(ms=5.0)),
    ),
    ("kind='drop_frame'\nmean_s=3", plan.DropFrame(mean_s=3.0)),
    (
        "kind='stale_account'\nrate=1\nage_s=2\nyoungest_s=0\nredrawn_s=1",
        plan.StaleAccount(rate=1.0, age_s=2.0, youngest_s=0.0, redrawn_s=1.0),
    ),
    ("kind='corrupt'\nrate=0.5\nhow='truncate'", plan.Corrupt(rate=0.5, how="truncate")),
    ("kind='depth_gap'\nevery_s=3", plan.DepthGap(every_s=3.0)),
    ("kind='stale_snapshot'\nat_s=0\nage_s=2", plan.StaleSnapshot(at_s=0.0, age_s=2.0)),
    ("kind='clock_skew'\nat_s=0\nskew_ms=-1500", plan.ClockSkew(at_s=0.0, skew_ms=-1500)),
    (
        "kind='refuse'\nrate=0.1\ncode=-5022\ncalls=['POST /fapi/v1/order']",
        plan.Refuse(rate=0.1, code=-5022, calls=("POST /fapi/v1/order",)),
    ),
    ("kind='rate_limit'\nat_s=5\nfor_s=10", plan.RateLimit(at_s=5.0, for_s=10.0)),
    ("kind='ban'\nat_s=5\nfor_s=120", plan.Ban(at_s=5.0, for_s=120.0)),
    (
        "kind='listen_key_loss'\nat_s=5\nannounced=false",
        plan.ListenKeyLoss(at_s=5.0, announced=False),
    ),
    ("kind='restart'\nat_s=5\nfor_s=3", plan.Restart(at_s=5.0, for_s=3.0)),
]


def refusal(text: str) -> str:
    with pytest.raises(SettingsError) as refused:
        parse_plan(tomllib.loads(text), "f.toml")
    return str(refused.value)


def fault(text: str) -> str:
    """What is said of a file with one such fault."""
    return refusal(f"[[fault]]\n{text}")


@pytest.mark.parametrize(("text", "meant"), EVERY_KIND, ids=[text for text, _ in EVERY_KIND])
def test_every_kind_is_read(text: str, meant: plan.AnyFault) -> None:
    assert parse_fault(tomllib.loads(text), "x") == meant


def test_a_file_has_a_seed_and_faults_in_order() -> None:
    with pytest.raises(SettingsError, match="use letters, digits"):
        parse_plan(tomllib.loads(WHOLE_FILE), "f.toml")
    read = parse_plan(tomllib.loads(WHOLE_FILE.replace("lose the book", "book")), "f.toml")

    assert read == FaultPlan((plan.Cut(name="book", at_s=10.0, streams=("public/*",)),), seed=7)


def test_an_empty_file_arms_nothing() -> None:
    assert parse_plan({}, "f.toml") == FaultPlan((), 0)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sed = 1", "f.toml: sed: is not a setting; known here: seed, fault"),
        ("seed = 1.5", "f.toml: seed: must be a whole number"),
        ("seed = true", "f.toml: seed: must be a whole number"),
        ("fault = 3", "f.toml: fault: write each fault as a table [[fault]]"),
        ("fault = [3]", "f.toml: fault 1: must be a table of keys"),
    ],
)
def test_a_file_with_a_slip_is_refused(text: str, told: str) -> None:
    assert refusal(text) == told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("at_s = 1", "kind: is missing; known here: cut, stall"),
        ("kind = 'cutt'", "kind: 'cutt' is none; did you mean cut?"),
        ("kind = 'cut'\nat_s = 1\nstream = ['*']", "stream: is not a setting of this; did you m"),
        ("kind = 'listen_key_loss'\nat_s = 1\ntold = true", "told: is called announced now"),
        ("kind = 'cut'\nat_s = 1\ntold = true", "told: is not a setting of this; known here: kind"),
        ("kind = 'cut'", "at_s: is missing; say when with at_s or every_s or mean_s or rate"),
        (
            "kind = 'restart'\nfor_s = 1",
            "at_s: is missing; say when with at_s or every_s or mean_s",
        ),
        ("kind = 'stall'\nat_s = 1", "for_s: is missing"),
        ("kind = 'cut'\nat_s = -1", "at_s: expected `float` >= 0"),
        ("kind = 'cut'\nevery_s = 0", "every_s: expected `float` >= 0.001"),
        ("kind = 'cut'\nrate = 0", "rate: expected `float` > 0"),
        ("kind = 'cut'\nrate = 1.5", "rate: expected `float` <= 1"),
        ("kind = 'cut'\nat_s = 1\ncount = 0", "count: expected `int` >= 1"),
        ("kind = 'cut'\nat_s = 1\nstreams = '*'", "streams: expected `array`, got `str`; list pa"),
        ("kind = 'cut'\nrate = 0.1\nevery_s = 5", "for_s: is missing; with every_s and rate"),
        ("kind = 'cut'\nrate = 0.1\nfor_s = 5", "for_s: has no beginning; add at_s or every_s"),
        ("kind = 'ban'\nrate = 0.1\nevery_s = 5\nfor_s = 1", "every_s: does not go with rate"),
        ("kind = 'cut'\nmean_s = 5\nevery_s = 5", "mean_s: does not go with every_s"),
        ("kind = 'cut'\nrate = 0.1\nmean_s = 5", "for_s: is missing; with mean_s and rate"),
        ("kind = 'ban'\nrate = 0.1\nmean_s = 5\nfor_s = 1", "mean_s: does not go with rate"),
        (
            "kind = 'delay'\nrate = 1\non = 'reply'\nin_order = false\n"
            "wait = {distribution = 'constant', ms = 5}",
            'in_order: says nothing about on = "reply"',
        ),
        ("kind = 'stale_account'\nrate = 1\nyoungest_s = 2", "youngest_s: is larger than age_s"),
        ("kind = 'stale_account'\nrate = 1\nredrawn_s = 2", "redrawn_s: says nothing without"),
        ("kind = 'refuse'\nat_s = 1", "code: is missing"),
        ("kind = 'refuse'\nat_s = 1\ncode = -9", "text: is missing; the exchange has no words"),
        (
            "kind = 'refuse'\nat_s = 1\ncode = -5022\ncalls = ['/x']",
            "calls: expected `str` matching",
        ),
        ("kind = 'refuse'\nat_s = 1\ncode = -5022\nstatus = 200", "status: expected `int` >= 400"),
        ("kind = 'delay'\nrate = 1\non = 'x'\nwait = {}", "on: invalid enum value 'x'; known here"),
        ("kind = 'delay'\nrate = 1\non = 'reply'", "wait: is missing"),
        (
            "kind = 'delay'\nrate = 1\non = 'reply'\nwait = {distribution = 'norm'}",
            "wait.distribution: invalid value 'norm'; known here: constant, uniform",
        ),
        (
            "kind = 'delay'\nrate = 1\non = 'reply'\nwait = {distribution='constant', mean_ms=1}",
            "wait.mean_ms: is not a setting of this; ",
        ),
        (
            "kind='delay'\nrate=1\non='reply'\nwait={distribution='uniform', low_ms=2, high_ms=1}",
            "wait.high_ms: is smaller than wait.low_ms",
        ),
        (
            "kind='delay'\nrate=1\non='reply'\nwait={distribution='constant', ms=1}\nstreams=['a']",
            'streams: says nothing about on = "reply"; remove it',
        ),
        (
            "kind='delay'\nrate=1\non='frame'\nwait={distribution='constant', ms=1}\ncalls=['* *']",
            'calls: says nothing about on = "frame"; remove it',
        ),
    ],
)
def test_a_fault_with_a_slip_names_key_and_fix(text: str, told: str) -> None:
    """The file, which fault, which key, what to do."""
    said = fault(text).removeprefix("f.toml: fault 1")

    assert said.partition(": ")[2].startswith(told)


def test_a_name_is_given_once() -> None:
    twice = "[[fault]]\nkind = 'cut'\nat_s = 1\nname = 'a'\n" * 2

    unnamed = "[[fault]]\nkind = 'cut'\nat_s = 1\n" * 2 + "name = 'cut'\n"

    assert refusal(twice) == "f.toml: fault 2: name: a is taken; choose another"
    assert refusal(unnamed) == "f.toml: fault 2: name: cut is taken; choose another"


@pytest.mark.parametrize(
    ("code", "status"),
    [(-1000, 503), (-1007, 408), (-1008, 503), (-1021, 400), (-2011, 400), (-5028, 400)],
)
def test_known_codes_come_with_the_venues_status_and_words(code: int, status: int) -> None:
    told = plan.Refuse(at_s=0.0, code=code).status_and_text

    assert told[0] == status
    assert len(told[1]) > 10


def test_status_and_text_of_ones_own_go_over_the_known() -> None:
    fault = plan.Refuse(at_s=0.0, code=-1000, status=500, text="Service Unavailable.")

    assert fault.status_and_text == (500, "Service Unavailable.")


@pytest.mark.parametrize(
    ("wait", "mean_ms"),
    [
        (plan.Constant(ms=3.0), 3.0),
        (plan.Uniform(low_ms=2.0, high_ms=6.0), 4.0),
        (plan.Exponential(mean_ms=5.0), 5.0),
        (plan.Lognormal(median_ms=2.0, sigma=0.5), 2.0 * 2.718281828**0.125),
    ],
)
def test_delays_have_the_mean_of_their_distribution(wait: plan.Wait, mean_ms: float) -> None:
    random = SplitMix64(1)
    draws = [wait.draw_ms(random) for _ in range(20_000)]

    assert min(draws) >= 0
    assert sum(draws) / len(draws) == pytest.approx(mean_ms, rel=0.03)
