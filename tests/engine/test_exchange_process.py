"""Exchange process (``engine exchange``): what it says of the market that it plays."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.places import USDM
from tests.processes import DeskProcesses, desk_processes


@pytest.fixture
def desk() -> Iterator[DeskProcesses]:
    with desk_processes() as desk:
        yield desk


def said_until(desk: DeskProcesses, recording: Path, words: str) -> list[str]:
    """What ``engine exchange`` says of a recording up to a line with this text."""
    exchange = desk.start("exchange", "--market", str(recording), "--speed", "5")
    said: list[str] = []
    try:
        assert exchange.stdout is not None
        for line in exchange.stdout:
            said.append(line)
            if words in line:
                break
    finally:
        exchange.kill()
        exchange.communicate()
    return said


def lines(count: int) -> list[bytes]:
    with gzip.open(USDM) as stream:
        return [next(stream) for _ in range(count)]


def test_the_end_of_a_recording_is_told(desk: DeskProcesses, tmp_path: Path) -> None:
    path = tmp_path / "short.dat"
    path.write_bytes(b"".join(lines(2_000)))

    said = said_until(desk, path, "is closed")

    assert said[-1] == "exchange: BTCUSDT is closed: the recording is over\n"


def test_the_tear_of_a_recording_is_told(desk: DeskProcesses, tmp_path: Path) -> None:
    path = tmp_path / "torn.dat.gz"
    path.write_bytes(gzip.compress(b"".join(lines(2_000)))[:-400])

    said = said_until(desk, path, "is closed")

    assert f"exchange: BTCUSDT is closed: {path}, line " in said[-1]


def test_a_gap_of_a_recording_is_told(desk: DeskProcesses, tmp_path: Path) -> None:
    """One diff in the middle is missing."""
    path = tmp_path / "gap.dat"
    kept = lines(4_000)
    diffs = [i for i, line in enumerate(kept) if b"depthUpdate" in line]
    del kept[diffs[len(diffs) // 2]]
    path.write_bytes(b"".join(kept))

    said = said_until(desk, path, "has a gap")

    assert said[-1].startswith("exchange: BTCUSDT takes cancels alone: its recording has a gap")
