"""Bench of the replay: what it measures alone, and what it promises beside hftbacktest."""

import gzip
import json
import sys
from pathlib import Path

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


def test_what_hftbacktest_cannot_convert_is_refused_before_anything_is_timed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its conversion opens gzip and nothing else."""
    peer, plain = tmp_path / "python", tmp_path / "plain.dat"
    peer.write_text("#!/bin/sh\necho 2.4.4\n", encoding="ascii")
    peer.chmod(0o755)
    plain.write_bytes(gzip.decompress(BASE.read_bytes()))

    assert engine_command("bench", "replay", str(plain), "--peer", str(peer)) == 1

    assert "plain.dat: hftbacktest converts nothing but gzip" in capsys.readouterr().err


def test_a_peer_that_fails_is_told_by_its_last_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    peer = tmp_path / "python"
    peer.write_text('#!/bin/sh\n[ "$1" = -c ] && echo 2.4.4 || { echo the end >&2; exit 3; }\n')
    peer.chmod(0o755)
    over = ("--set", "calibration.window_s=10", "--rounds", "1")

    assert engine_command("bench", "replay", str(BASE), *over, "--peer", str(peer)) == 1

    assert "failed: the end" in capsys.readouterr().err


@pytest.mark.parametrize(("said", "is_what"), [("", "no Python"), ("1.8.4", "hftbacktest 1.8.4")])
def test_what_is_no_peer_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], said: str, is_what: str
) -> None:
    """All that is promised is promised beside one version."""
    peer = tmp_path / "python"
    peer.write_text(f"#!/bin/sh\necho {said}\n")
    peer.chmod(0o755)

    assert engine_command("bench", "replay", str(BASE), "--peer", str(peer)) == 1

    assert f"is {is_what}; hftbacktest 2.4.4 is compared" in capsys.readouterr().err
