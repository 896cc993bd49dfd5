"""Signal handling at start-up: signals that ask a process to end before it is up."""

import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class Interruption:
    """Takes note of the signals that ask this process to end, for as long as the block runs.

    Noted and not raised: an exception could fall between a process and its name, and then
    nobody would end it.
    """

    def __init__(self) -> None:
        self.came = False
        self._then: Callable[[], object] | None = None
        self._before: dict[int, object] = {}

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            if signal.getsignal(number) == self._note:  # else somebody inside took it over
                signal.signal(number, handler)  # type: ignore[arg-type]  # as signal gave it

    def then(self, act: Callable[[], object]) -> None:
        """What to do when one comes, or at once when one has come."""
        self._then = act
        if self.came:
            act()

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.came = True
        if self._then is not None:
            self._then()
