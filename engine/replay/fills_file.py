"""Fills file: each fill of a replay as a line of CSV."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

from engine.errors import RecordingError

FillRow: TypeAlias = tuple[int, str, str, str, int]
"""The venue's time in ns, B or S, price and size as texts, and 1 for a maker."""


def write_fills(path: Path, rows: Iterable[FillRow]) -> None:
    """Write the rows under their names.

    Raises:
        RecordingError: When the file cannot be written.
    """
    try:
        with path.open("w", newline="", encoding="ascii") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(("exch_ns", "side", "price", "qty", "maker"))
            writer.writerows(rows)
    except OSError as error:
        raise RecordingError(path, None, f"cannot be written: {error.strerror}") from error
