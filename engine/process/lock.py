"""Process lock: one process a desk, by a file lock that the kernel drops when its holder dies.

The lock belongs to an open file description, since of such a lock it can be asked whether it
is held: a look-up that took it for a moment would refuse an engine that starts just then.
"""

import errno
import fcntl
import os
import stat
import struct
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from engine.errors import StartError

_FLOCK = struct.Struct("hhqqi4x")
"""Linux's ``struct flock``: kind, whence, start, length (0: all of it), process."""
_WHOLE_FILE = (os.SEEK_SET, 0, 0, 0)
KEEP_EVERY_NS = 1_000_000_000
"""How often a holder notes in the file's time that it lives."""
_FOR_EVER_NS = 1 << 62  # where there was no lock file, nobody ever held it
_OWNER_PATIENCE_S = 1.0
"""A process that has just taken the lock writes its id within microseconds."""


class ProcessLock:
    """File lock for as long as the ``with`` block runs; the file holds the owner's process id.

    Args:
        what: Who holds it, for the message, such as ``an engine``.
        remedy: What to do when it is held.
    """

    def __init__(self, path: Path, what: str, remedy: str) -> None:
        self._path = path
        self._what = what
        self._remedy = remedy
        self._descriptor = -1
        self.idle_ns = _FOR_EVER_NS
        """For how long no other had held it when it was taken, at least."""

    def __enter__(self) -> Self:
        with suppress(FileNotFoundError):
            kept_until_ns = self._path.lstat().st_mtime_ns + KEEP_EVERY_NS
            self.idle_ns = max(time.time_ns() - kept_until_ns, 0)
        self._take()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)

    def keep(self) -> None:
        """Note in its time that we live; make it anew when it was deleted.

        Without it a second process could start beside us.

        Raises:
            StartError: When one did, or the file cannot be made.
        """
        os.utime(self._descriptor)
        if not _names(self._path, self._descriptor):
            nameless = self._descriptor
            self._take()
            os.close(nameless)

    def _take(self) -> None:
        try:
            descriptor = self._locked()
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise StartError(f"{self._path} is a symbolic link; remove it") from error
            raise StartError(f"cannot lock {self._path}: {error.strerror}") from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode("ascii"))
        self._descriptor = descriptor

    def _locked(self) -> int:
        while True:
            # A link would have us empty whatever it leads to.
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            try:
                self._check_file(descriptor)
                wanted = _FLOCK.pack(fcntl.F_WRLCK, *_WHOLE_FILE)
                fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, wanted)
                if _names(self._path, descriptor):
                    return descriptor
            except BlockingIOError:
                os.close(descriptor)
                raise StartError(
                    f"{self._what} already runs for this desk "
                    f"(process {lock_owner(self._path)}); {self._remedy}"
                ) from None
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)  # deleted between opening and locking

    def _check_file(self, descriptor: int) -> None:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1 or found.st_uid != os.getuid():
            raise StartError(f"{self._path} is no lock file of ours; look at it, then remove it")


def lock_owner(path: Path) -> int | None:
    """Process id of whoever holds this lock now, or None."""
    deadline_s = time.monotonic() + _OWNER_PATIENCE_S
    while True:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return None  # the one who locks it says what is wrong with it
        try:
            if not _held(descriptor):
                return None
            text = os.read(descriptor, 20)
        finally:
            os.close(descriptor)
        if text.isdigit():
            return int(text)
        if time.monotonic() > deadline_s:
            return None
        time.sleep(0.001)


def _held(descriptor: int) -> bool:
    wanted = _FLOCK.pack(fcntl.F_WRLCK, *_WHOLE_FILE)
    kind, *_ = _FLOCK.unpack(fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, wanted))
    return bool(kind != fcntl.F_UNLCK)


def _names(path: Path, descriptor: int) -> bool:
    """Is the file at this path the one that we hold open?"""
    try:
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
