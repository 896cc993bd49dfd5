"""Whole file: what a replay writes takes its place at the end, or not at all."""

import os
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Self

from engine.errors import RecordingError


class WholeFile(AbstractContextManager["WholeFile"]):
    """A file that takes its place whole: until then, what stands there stays.

    Opened before anything is played, since a path that cannot be written would cost the run.

    Args:
        path: A device or a pipe is written as it is.
        recordings: What is to be played, none of which it may be.
        option: That named it.

    Raises:
        RecordingError: When it cannot be written, or is one of the recordings.
    """

    def __init__(self, path: Path, recordings: list[Path], option: str) -> None:
        self.path = path
        if path.exists() and any(path.samefile(recording) for recording in recordings):
            raise RecordingError(path, None, f"is to be replayed; give {option} another name")
        replaces = path.is_file() or not path.exists()
        self._place = path.resolve() if replaces else path  # a link goes on leading there
        self._part = self._place.with_name(f"{path.name}.part") if replaces else path
        try:
            self.stream = self._part.open("wb")
        except OSError as error:
            raise self.unwritten(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_details: object) -> None:
        with suppress(OSError):  # of a full disk, which was told already
            self.stream.close()
        if self._part != self._place:
            self._part.unlink(missing_ok=True)

    def put_in_place(self) -> None:
        """All is written."""
        self.stream.close()
        if self._part != self._place:
            os.replace(self._part, self._place)

    def unwritten(self, error: OSError) -> RecordingError:
        """What to say when writing failed."""
        return RecordingError(self.path, None, f"cannot be written: {error.strerror}")
