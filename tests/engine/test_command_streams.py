"""Streams of commands: what a trader was fed can be fed again, and a difference is worded."""

from pathlib import Path

import pytest

from exchange.types import RefreshCountdown
from tests.engine.command_streams import feed, live

STREAM = "hostile/0"


@pytest.mark.needs_speed
def test_what_was_fed_can_be_fed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Losses, kills, a restart and an operator's keys among it."""
    live(tmp_path, STREAM)

    assert feed(tmp_path, STREAM) == (STREAM, "")

    def shorter(request_id: int, countdown_ms: int) -> RefreshCountdown:
        return RefreshCountdown(request_id=request_id, countdown_ms=countdown_ms - 10_000)

    monkeypatch.setattr("engine.core.request_tracker.RefreshCountdown", shorter)
    _, difference = feed(tmp_path, STREAM)
    assert "of trader 0 (" in difference
    assert "countdown_ms=20000" in difference
    assert "expected was" in difference
    assert "countdown_ms=30000" in difference
