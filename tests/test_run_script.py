"""Run script (``./run``) on machines that are not as they should be: one clear line, not zero."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.processes import ROOT

PYTHONS = ("python3", "python3.11", "python3.12", "python3.13", "python3.14")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What a clone holds before its first start, in a folder with a space in its name."""
    folder = tmp_path / "a clone"
    folder.mkdir()
    for name in ("run", "pyproject.toml", "requirements.lock", "requirements-test.lock"):
        shutil.copy(ROOT / name, folder / name)
    return folder


def pretend(folder: Path, script: str) -> Path:
    """A folder of programs in which every Python is this shell script."""
    programs = folder / "bin"
    programs.mkdir()
    for name in PYTHONS:
        path = programs / name
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="ascii")
        path.chmod(0o755)
    return programs


def run(checkout: Path, programs: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [checkout / "run", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        env={"PATH": f"{programs}:/usr/bin:/bin", "HOME": str(checkout)},
    )


def assert_one_line(done: subprocess.CompletedProcess[str], *texts: str) -> None:
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert all(text in done.stderr for text in texts)


def test_too_old_a_python_is_named_with_what_is_needed(checkout: Path, tmp_path: Path) -> None:
    """Debian of the year before last."""
    programs = pretend(tmp_path, '[ "$1" = --version ] && echo "Python 3.9.2" || exit 1')

    assert_one_line(run(checkout, programs), "Python 3.11 or newer", "Python 3.9.2", "PYTHON=")


def test_a_python_without_venv_says_what_to_install(checkout: Path, tmp_path: Path) -> None:
    """Debian ships venv apart."""
    programs = pretend(tmp_path, 'case "$2" in *venv*) exit 1;; esac')

    assert_one_line(run(checkout, programs), "no venv module", "apt install python3-venv")


def test_an_unknown_command_names_the_help(checkout: Path, tmp_path: Path) -> None:
    """A typo must not start an installation."""
    programs = pretend(tmp_path, "exit 1")

    assert_one_line(run(checkout, programs, "tiu"), "'tiu' is not a command here", "--help")


def test_help_needs_no_python(checkout: Path, tmp_path: Path) -> None:
    """It is read before anything is installed."""
    done = run(checkout, pretend(tmp_path, "exit 1"), "--help")

    assert done.returncode == 0
    assert "./run test" in done.stdout
    assert "./run lock" in done.stdout
    assert "set -eu" not in done.stdout


def test_a_folder_that_cannot_be_written_is_named(checkout: Path, tmp_path: Path) -> None:
    """A clone on a read-only disk."""
    programs = pretend(tmp_path, 'case "$2" in venv) exit 1;; esac')

    done = run(checkout, programs)

    assert done.returncode == 1
    assert f"cannot create {checkout}/.venv" in done.stderr


def test_no_lock_file_names_a_package_registry() -> None:
    """Where packages come from is each machine's own affair."""
    for name in ("requirements.lock", "requirements-test.lock"):
        text = (ROOT / name).read_text(encoding="ascii")

        assert "://" not in text
        assert "--hash=sha256:" in text


def test_the_tests_run_on_the_packages_that_the_desk_runs_on() -> None:
    """A client under test that pins an old one must not decide what is tested."""
    desk, tests = (
        dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / name).read_text(encoding="ascii"), re.M))
        for name in ("requirements.lock", "requirements-test.lock")
    )

    assert desk.items() <= tests.items()
