"""Bench of the replay: what it measures alone, and what it promises beside hftbacktest."""

import json
import sys

import pytest

from engine.bench.replay import Figure
from tests.engine.recorded_desks import engine_command
from tests.places import BASE


def test_without_hftbacktest_it_measures_itself(capsys: pytest.CaptureFixture[str]) -> None:
    """Most machines do not have it; the figures stand alone there."""
    over = ("--set", "calibration.window_s=10", "--rounds", "1", "--peer", sys.executable)

    assert engine_command("bench", "replay", str(BASE), *over, "--json") in (0, 1)

    told = json.loads(capsys.readouterr().out)
    assert told["equal_fills"] is None
    figures = {figure["name"]: figure for figure in told["figures"]}
    assert all(figure["peer"] is None and figure["ours"] > 0 for figure in figures.values())
    assert figures["peak memory"]["ours"] > 50


@pytest.mark.parametrize(
    ("figure", "holds"),
    [
        (Figure("loop", 1.0, 6.0, "s", least_ratio=6.0), True),
        (Figure("loop", 1.0, 5.9, "s", least_ratio=6.0), False),
        (Figure("loop", 1.0, None, "s", least_ratio=6.0), None),
        (Figure("memory", 401.0, None, "MB", most=400.0), False),
        (Figure("rate", 801.0, None, "MB/s", least=800.0), True),
        (Figure("process", 1.0, None, "s"), None),
    ],
)
def test_a_promise_holds_or_not_or_cannot_be_judged(figure: Figure, holds: bool | None) -> None:
    assert figure.holds is holds


def test_only_the_tutorial_is_compared(capsys: pytest.CaptureFixture[str]) -> None:
    """hftbacktest has no such desk."""
    assert engine_command("bench", "replay", str(BASE), "--config", "configs/paper.toml") == 1

    assert "strategy.name" in capsys.readouterr().err
