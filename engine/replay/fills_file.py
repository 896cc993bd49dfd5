"""Fills file: each fill of a replay as a line of CSV."""

import csv
import os
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeAlias

from engine.errors import RecordingError

FillRow: TypeAlias = tuple[int, str, str, str, int]
"""The venue's time in ns, B or S, price and size as texts, and 1 for a maker."""


class FillsFile(AbstractContextManager["FillsFile"]):
    """A file that takes its place whole: until then, what stands there stays.

    Opened before anything is played, since a path that cannot be written would cost the run.

    Args:
        path: A device or a pipe is written as it is.
        recordings: What is to be played, none of which it may be.

    Raises:
        RecordingError: When it cannot be written, or is one of the recordings.
    """

    def __init__(self, path: Path, recordings: list[Path]) -> None:
        self._path = path
        if path.exists() and any(path.samefile(recording) for recording in recordings):
            raise RecordingError(path, None, "is to be replayed; give --fills another name")
        replaces = path.is_file() or not path.exists()
        self._place = path.resolve() if replaces else path  # a link goes on leading there
        self._part = self._place.with_name(f"{path.name}.part") if replaces else path
        try:
            self._stream = self._part.open("w", newline="", encoding="ascii")
        except OSError as error:
            raise self._unwritten(error) from error

    def __exit__(self, *_details: object) -> None:
        self._stream.close()
        if self._part != self._place:
            self._part.unlink(missing_ok=True)

    def write(self, rows: Iterable[FillRow]) -> None:
        """Write the rows under their names, and put the file in its place.

        Raises:
            RecordingError: When that fails.
        """
        try:
            writer = csv.writer(self._stream, lineterminator="\n")
            writer.writerow(("exch_ns", "side", "price", "qty", "maker"))
            writer.writerows(rows)
            self._stream.close()
            if self._part != self._place:
                os.replace(self._part, self._place)
        except OSError as error:
            raise self._unwritten(error) from error

    def _unwritten(self, error: OSError) -> RecordingError:
        return RecordingError(self._path, None, f"cannot be written: {error.strerror}")
