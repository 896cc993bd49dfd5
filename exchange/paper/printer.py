"""Lines to the terminal from a thread of its own: the exchange goes on when nobody reads them."""

import os
import queue
import threading
from contextlib import suppress

KEPT_LINES = 10_000
STDOUT = 1


class Printer:
    """Prints in order, and drops what finds no room, since whoever should read does not.

    Args:
        fd: Where to; the lock of a stream object could hold up the end of the process.
    """

    def __init__(self, fd: int = STDOUT, most: int = KEPT_LINES) -> None:
        self._fd = fd
        self._lines: queue.Queue[str] = queue.Queue(maxsize=most)
        self._lost = 0
        threading.Thread(target=self._run, name="printer", daemon=True).start()

    def say(self, line: str) -> None:
        """Never waits."""
        try:
            if self._lost:
                self._lines.put_nowait(f"exchange: {self._lost} lines were not read and are lost")
                self._lost = 0
            self._lines.put_nowait(line)
        except queue.Full:
            self._lost += 1

    def _run(self) -> None:
        while True:
            with suppress(OSError):  # a full disk, or a pipe that was closed
                os.write(self._fd, f"{self._lines.get()}\n".encode())
