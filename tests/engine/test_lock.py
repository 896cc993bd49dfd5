"""Process lock: one process per desk, whatever somebody does to the lock file meanwhile."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from engine.errors import StartError
from engine.process.lock import ProcessLock, lock_owner
from engine.process.paths import made_private, paths_of


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "engine.lock"


def lock(path: Path) -> ProcessLock:
    return ProcessLock(path, "an engine", "end it first")


def test_the_lock_tells_its_owner_and_refuses_a_second(path: Path) -> None:
    with lock(path):
        assert lock_owner(path) == os.getpid()
        with pytest.raises(StartError, match=f"already runs.*process {os.getpid()}"), lock(path):
            pass
        assert lock_owner(path) == os.getpid()

    assert lock_owner(path) is None


def test_a_lock_tells_how_long_ago_it_was_last_kept(path: Path) -> None:
    """A start that comes soon after must reckon with what the last run left under way."""
    day_ns = 86_400 * 10**9
    with lock(path) as first:
        assert first.idle_ns > day_ns
        os.utime(path, (0, 0))
        first.keep()

    with lock(path) as second:
        assert second.idle_ns < 60 * 10**9
    os.utime(path, (0, 0))
    with lock(path) as third:
        assert third.idle_ns > day_ns


def test_a_lock_ends_with_its_process(path: Path) -> None:
    """kill -9 leaves a file, and nothing that holds it."""
    holds = (
        "import sys, pathlib; from engine.process.lock import ProcessLock;"
        "ProcessLock(pathlib.Path(sys.argv[1]), '', '').__enter__();"
        "print(flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holds, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert lock_owner(path) == holder.pid
        holder.kill()

    assert lock_owner(path) is None
    with lock(path):
        pass


def test_asking_who_holds_a_lock_never_refuses_one_who_takes_it(path: Path) -> None:
    """Screens and ``engine stop`` look again and again, also while an engine starts."""
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            lock_owner(path)

    lookers = [threading.Thread(target=look) for _ in range(2)]
    for looker in lookers:
        looker.start()
    try:
        for _ in range(300):
            with lock(path):
                pass
    finally:
        over.set()
        for looker in lookers:
            looker.join()


def test_a_link_in_its_place_is_refused_and_its_target_stays_whole(
    path: Path, tmp_path: Path
) -> None:
    """It once emptied the file that the link led to."""
    target = tmp_path / "thesis"
    target.write_text("years of work")
    path.symlink_to(target)

    with pytest.raises(StartError, match="symbolic link"), lock(path):
        pass

    assert target.read_text() == "years of work"
    assert lock_owner(path) is None


def test_a_second_name_of_another_file_is_refused_too(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "thesis"
    target.write_text("years of work")
    path.hardlink_to(target)

    with pytest.raises(StartError, match="no lock file of ours"), lock(path):
        pass

    assert target.read_text() == "years of work"


def test_a_deleted_lock_is_made_anew_by_its_holder(path: Path) -> None:
    """A tidy-up of old files must not let a second engine in."""
    with lock(path) as held:
        path.unlink()
        assert lock_owner(path) is None

        held.keep()

        assert lock_owner(path) == os.getpid()
        with pytest.raises(StartError, match="already runs"), lock(path):
            pass


def test_a_holder_learns_that_another_took_its_place(path: Path) -> None:
    with lock(path) as held:
        path.unlink()
        with lock(path), pytest.raises(StartError, match="already runs"):
            held.keep()


@pytest.fixture
def state_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Short: the path of a socket below pytest's own folders may be longer than a socket's may."""
    with TemporaryDirectory(prefix="md") as folder:
        monkeypatch.setenv("XDG_STATE_HOME", folder)
        yield


@pytest.mark.usefixtures("state_home")
def test_a_state_folder_of_another_user_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its owner could put a socket of his own there, and root would be let in."""
    ours = made_private(paths_of("paper-btcusdt-1"))
    if os.getuid() == 0:
        os.chown(ours.folder, 12345, 12345)
    else:
        monkeypatch.setattr(os, "getuid", lambda: 12345)

    with pytest.raises(StartError, match="another user"):
        made_private(paths_of("paper-btcusdt-1"))
