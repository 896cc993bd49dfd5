"""Bench of latency: each market message of a recording is timed, and each is of one kind."""

import json
from pathlib import Path

import pytest

from engine.bench.latency import Latency
from tests.engine.recorded_desks import engine_command
from tests.places import BASE


def test_it_times_every_message_of_a_recording(capsys: pytest.CaptureFixture[str]) -> None:
    """Of the machine it asserts nothing, but that a kernel is not entered for free."""
    over = ("--set", "calibration.window_s=10", "--json")

    assert engine_command("bench", "latency", str(BASE), *over) in (0, 1)

    told = json.loads(capsys.readouterr().out)
    figures = {figure["name"].strip(): figure for figure in told["figures"]}
    kinds = ("of them, our quotes stay", "of them, orders go out")
    assert figures["nothing changes"]["count"] > 1000
    assert figures["a new touch"]["count"] == sum(figures[kind]["count"] for kind in kinds) > 0
    assert figures["reading the message"]["median_us"] > figures["reading the clock"]["median_us"]
    assert BASE.name in told["word"]


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
