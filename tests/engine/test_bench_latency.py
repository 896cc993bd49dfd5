"""Bench of latency: each message of a recording is timed, and a live desk beside an echo."""

import json
from dataclasses import replace
from pathlib import Path
from statistics import median

import pytest

from engine.bench.latency import Latency
from engine.bench.tick_to_order import (
    SETTINGS,
    STAGES,
    SocketFigures,
    Times,
    Trip,
    measure,
    stages_of,
)
from engine.config.desk import load_config
from engine.config.shipped_files import DEFAULT_CONFIG
from tests.engine.recorded_desks import engine_command
from tests.places import BASE


def test_it_times_every_message_of_a_recording(capsys: pytest.CaptureFixture[str]) -> None:
    """Of the machine it asserts nothing, but that a kernel is not entered for free."""
    over = ("--set", "calibration.window_s=10", "--pairs", "0", "--json")

    assert engine_command("bench", "latency", str(BASE), *over) in (0, 1)

    told = json.loads(capsys.readouterr().out)
    figures = {figure["name"].strip(): figure for figure in told["figures"]}
    kinds = ("of them, our quotes stay", "of them, orders go out")
    assert figures["nothing changes"]["count"] > 1000
    assert figures["a new touch"]["count"] == sum(figures[kind]["count"] for kind in kinds) > 0
    assert figures["reading the message"]["median_us"] > figures["reading the clock"]["median_us"]
    assert BASE.name in told["word"]
    assert told["sockets"] is None


@pytest.mark.needs_speed
def test_a_live_desk_and_an_echo_are_timed_in_turns_from_socket_to_socket() -> None:
    """Two turns each of a real desk; nothing is asserted of the machine, which may be busy."""
    config = load_config(DEFAULT_CONFIG, list(SETTINGS))
    done: list[tuple[int, int]] = []

    figures = measure(config, 2, 20, lambda turn, turns: done.append((turn, turns)))

    assert done == [(1, 2), (2, 2)]
    assert figures.holds in (True, False)
    for turn in (*figures.desk, *figures.echo):
        assert 10 <= len(turn.took_us) <= 20
        assert 0 < turn.median_us <= turn.p99_us
    told = figures.as_json()
    assert json.loads(json.dumps(told)) == told
    whole = median(took for turn in figures.desk for took in turn.took_us)
    assert {len(stage.took_us) for stage in figures.stages} == {len(figures.stages[0].took_us)}
    trips = zip(*(stage.took_us for stage in figures.stages), strict=True)
    assert median(sum(trip) for trip in trips) == pytest.approx(whole, rel=0.25)


def test_stages_of_a_trip_add_up_to_it() -> None:
    """A step that the desk's stamps do not fit, since they are of another, has no stages."""
    trips = [Trip(1_000, 90_000, 300), Trip(200_000, 260_000, 300)]
    stamps = [(11_000, 21_000, 41_000, 51_000, 80_000), (300_000, 1, 2, 3, 310_000)]

    parts = stages_of(trips, stamps)

    assert parts == [[10.0], [10.0], [20.0], [10.0], [29.0], [10.0]]
    assert len(parts) == len(STAGES)


def test_the_median_of_the_pairs_ratios_is_what_is_promised() -> None:
    """One pair that the machine disturbed decides nothing."""
    desk = [Times("desk", [took_us] * 3) for took_us in (140.0, 100.0, 900.0)]
    echo = [Times("echo", [100.0] * 3)] * 3

    figures = SocketFigures(desk, echo, [], steps=3, order_bytes=300)

    assert [ratio.median for ratio in figures.ratios] == [1.4, 1.4]
    assert figures.holds
    assert not replace(figures, desk=[Times("desk", [160.0])] * 3).holds


def test_a_file_without_market_messages_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty.dat"
    empty.touch()

    assert engine_command("bench", "latency", str(empty)) == 1

    assert str(empty) in capsys.readouterr().err


@pytest.mark.parametrize(
    ("latency", "holds"),
    [
        (Latency("a", 10, 2.4, 9.0, most_us=2.5), True),
        (Latency("a", 10, 2.6, 9.0, most_us=2.5), False),
        (Latency("a", 10, 2.6, 9.0), None),
        (Latency("a", 0, float("nan"), float("nan"), most_us=2.5), None),
    ],
)
def test_a_promise_holds_or_not_or_cannot_be_judged(latency: Latency, holds: bool | None) -> None:
    assert latency.holds is holds
