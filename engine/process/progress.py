"""Progress bar of a command that reads files."""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn


def reading_bar(text: str) -> AbstractContextManager[Callable[[int, int], None]]:
    """A progress bar on a terminal, and nothing elsewhere; called with what is done, and all.

    Args:
        text: What is being done.
    """
    if not sys.stderr.isatty():
        return nullcontext(lambda _done, _total: None)
    return _Bar(text)


class _Bar(AbstractContextManager[Callable[[int, int], None]]):
    def __init__(self, text: str) -> None:
        self._progress = Progress(
            TextColumn(text),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._progress.add_task("", total=None)

    def __enter__(self) -> Callable[[int, int], None]:
        self._progress.start()
        return lambda done, total: self._progress.update(self._task, completed=done, total=total)

    def __exit__(self, *_details: object) -> None:
        self._progress.stop()
