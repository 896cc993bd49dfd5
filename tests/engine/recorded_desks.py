"""Desks of which a test's own state folder knows, and commands about them in this process."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from engine.cli import app, guarded
from engine.config.desk import load_config
from engine.config.shipped_files import DEFAULT_CONFIG
from engine.desks.desks import own_paths
from engine.desks.record import write_record
from engine.process.paths import DeskPaths


@contextmanager
def state_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state folder; short, for the socket's sake, which pytest's own are not."""
    with TemporaryDirectory(prefix="md") as folder:
        monkeypatch.setenv("XDG_STATE_HOME", folder)
        monkeypatch.setenv("MAKERS_DESK_RUN", "./run")
        yield Path(folder) / "makers-desk"


def started(*overrides: str, die: bool = False) -> DeskPaths:
    """The places of a desk whose engine ran once and ended, with its last word or without."""
    config = load_config(DEFAULT_CONFIG, list(overrides))
    paths = own_paths(config)
    write_record(paths, config, DEFAULT_CONFIG, list(overrides))
    paths.engine_lock.write_text("4242" if die else "", encoding="ascii")
    return paths


def engine_command(*arguments: str) -> int:
    """Run ``engine ARGUMENTS`` in this process; its exit code."""
    try:
        return guarded(partial(app, list(arguments)))
    except SystemExit as end:
        return int(end.code or 0)
