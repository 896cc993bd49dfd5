"""One process per desk: a lock file that the kernel lets go of when its holder dies."""

import fcntl
import os
from pathlib import Path
from types import TracebackType

from engine.errors import StartError


class ProcessLock:
    """Held for as long as the ``with`` block runs; the file holds the owner's process id.

    Args:
        what: Who holds it, for the message, such as ``an engine``.
        remedy: What to do when it is held.
    """

    def __init__(self, path: Path, what: str, remedy: str) -> None:
        self._path = path
        self._what = what
        self._remedy = remedy
        self._descriptor = -1

    def __enter__(self) -> None:
        try:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = self._path.read_text(encoding="ascii").strip()
            os.close(self._descriptor)
            raise StartError(
                f"{self._what} already runs for this desk (process {owner}); {self._remedy}"
            ) from None
        except OSError as error:
            raise StartError(f"cannot lock {self._path}: {error.strerror}") from error
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, str(os.getpid()).encode("ascii"))

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)


def lock_owner(path: Path) -> int | None:
    """Process id of whoever holds this lock now, or None."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = path.read_text(encoding="ascii").strip()
        return int(text) if text.isdigit() else None
    finally:
        os.close(descriptor)
    return None
