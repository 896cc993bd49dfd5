"""Warm-up: two processes compile, and what only half of them did is not taken for done."""

import signal
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path
from unittest.mock import patch

import pytest

from engine.errors import Interrupted, StartError
from engine.process import warm_up
from engine.process.warm_up import compile_first
from exchange import jit_cache
from exchange.jit_cache import is_warm
from tests.marks import needs_compiler

pytestmark = needs_compiler


@pytest.fixture(autouse=True)
def cold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache folder that holds nothing."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(jit_cache, "cache_folder", jit_cache.cache_folder.__wrapped__)


def compilers(
    *scripts: str, begun: list[subprocess.Popen[str]] | None = None
) -> AbstractContextManager[object]:
    """Two processes that do this instead of compiling.

    Args:
        begun: Takes them.
    """

    def start(_kind: str, part: int) -> subprocess.Popen[str]:
        process = subprocess.Popen(["sh", "-c", scripts[part]], stdout=subprocess.PIPE, text=True)
        if begun is not None:
            begun.append(process)
        return process

    return patch.object(warm_up, "_compiler", start)


def test_what_both_have_compiled_is_warm() -> None:
    with compilers("echo 2 a; echo 2 b", "echo 1 c"):
        compile_first("desk")

    assert is_warm("desk")
    assert not is_warm("desk replay")


@pytest.mark.parametrize("scripts", [("exit 1", "true"), ("true", "exit 1")])
def test_a_share_that_failed_leaves_nothing_warm(scripts: tuple[str, str]) -> None:
    with compilers(*scripts), pytest.raises(StartError, match="see above"):
        compile_first("desk")

    assert not is_warm("desk")


def test_the_first_failure_ends_the_other_compiler_too() -> None:
    """It would go on for two minutes, with a gigabyte, for nobody."""
    begun: list[subprocess.Popen[str]] = []

    with compilers("exit 1", "exec sleep 600", begun=begun), pytest.raises(StartError):
        compile_first("desk")

    assert begun[1].returncode == -signal.SIGKILL


def test_ctrl_c_is_no_failure() -> None:
    with compilers("exit 130", "exec sleep 60"), pytest.raises(Interrupted):
        compile_first("desk")

    assert not is_warm("desk")


def test_a_compiler_that_was_killed_is_named() -> None:
    """The kernel's own killer leaves no word above."""
    with compilers("kill -KILL $$", "true"), pytest.raises(StartError, match="SIGKILL"):
        compile_first("desk")
