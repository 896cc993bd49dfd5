"""Fills file: each fill of a replay as a line of CSV."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

from engine.replay.whole_file import WholeFile

FillRow: TypeAlias = tuple[int, str, str, str, int]
"""The venue's time in ns, B or S, price and size as texts, and 1 for a maker."""


class FillsFile(WholeFile):
    """A file of fills, which takes its place whole.

    Args:
        path: As of ``WholeFile``, as ``recordings``.
    """

    def __init__(self, path: Path, recordings: list[Path]) -> None:
        super().__init__(path, recordings, "--fills")

    def write(self, rows: Iterable[FillRow]) -> None:
        """Write the rows under their names, and put the file in its place.

        Raises:
            RecordingError: When that fails.
        """
        try:
            text = io.TextIOWrapper(self.stream, newline="", encoding="ascii")
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(("exch_ns", "side", "price", "qty", "maker"))
            writer.writerows(rows)
            text.flush()
            self.put_in_place()
        except OSError as error:
            raise self.unwritten(error) from error
