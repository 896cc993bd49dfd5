"""Stdout writer on a thread of its own: whoever prints goes on when nobody reads."""

import os
import queue
import threading
from contextlib import suppress

KEPT_LINES = 10_000  # memory is bounded when nobody reads
STDOUT = 1


class StdoutWriter:
    """Prints in order, and drops what finds no room, since whoever should read does not.

    Args:
        fd: Where to; the lock of a stream object could hold up the end of the process.
        name: Of the program, to report lines that were lost.
    """

    def __init__(self, fd: int = STDOUT, most: int = KEPT_LINES, name: str = "exchange") -> None:
        self._fd = fd
        self._name = name
        self._lines: queue.Queue[str] = queue.Queue(maxsize=most)
        self._lost = 0
        threading.Thread(target=self._run, name="stdout writer", daemon=True).start()

    def say(self, line: str) -> None:
        """Never waits."""
        try:
            if self._lost:
                self._lines.put_nowait(
                    f"{self._name}: {self._lost} lines were not read and are lost"
                )
                self._lost = 0
            self._lines.put_nowait(line)
        except queue.Full:
            self._lost += 1

    def drain(self, patience_s: float) -> None:
        """Wait until everything is written, or for so long: a process ends with its last lines."""
        with self._lines.all_tasks_done:
            self._lines.all_tasks_done.wait_for(
                lambda: not self._lines.unfinished_tasks, patience_s
            )

    def _run(self) -> None:
        while True:
            line = self._lines.get()
            with suppress(OSError):  # a full disk, or a pipe that was closed
                os.write(self._fd, f"{line}\n".encode(errors="replace"))
            self._lines.task_done()
