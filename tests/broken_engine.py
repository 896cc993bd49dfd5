"""Fault injection: an engine with a fault, ``python -m tests.broken_engine FAULT run ...``.

A fault of the strategy strikes once, and only where an operator's command led there, so that
nothing else can reveal it. The rest is the engine as it is.
"""

import sys
from collections.abc import Callable
from typing import Any

import engine.live
from engine.cli import main
from engine.core.trader import Trader
from engine.view.view_builder import ViewBuilder


class Fault(Exception):
    """Injected error: what the strategy would raise."""


_to_come = [Fault("a kernel has no answer")]


def _strike() -> None:
    if _to_come:
        raise _to_come.pop()


def _before(owner: Any, name: str, condition: Callable[[Any], bool]) -> None:
    """Raise once where ``owner.name`` is called and the condition holds of its first argument."""
    whole = getattr(owner, name)

    def broken(subject: Any, *rest: Any) -> Any:
        if condition(subject):
            _strike()
        return whole(subject, *rest)

    setattr(owner, name, broken)


def _in_preview() -> None:
    def preview(*_arguments: object) -> None:
        raise Fault("a kernel has no answer")

    setattr(engine.live, "preview", preview)  # noqa: B010  # for mypy it is not there


def _in_log() -> None:
    """Every line of the way out fails."""
    from engine.commands.run import UncrashableLog

    whole = UncrashableLog.msg

    def msg(log: UncrashableLog, line: str) -> None:
        if any(word in line for word in ("stopping", "crashed", "verified")):
            raise Fault("no log")
        whole(log, line)

    for name in ("msg", "log", "debug", "info", "warning", "error", "critical", "exception"):
        setattr(UncrashableLog, name, msg)


FAULTS: dict[str, Callable[[], None]] = {
    "deciding after a stop": lambda: _before(Trader, "_decide", lambda t: t.operator.stopping),
    "deciding after a pause": lambda: _before(Trader, "_decide", lambda t: t.operator.paused),
    "deciding after a panic": lambda: _before(
        Trader, "_decide", lambda t: t.gate.detail.startswith("panic")
    ),
    "drawing": lambda: _before(ViewBuilder, "build", lambda _view_builder: True),
    "preview": _in_preview,
    "log": _in_log,
}


if __name__ == "__main__":
    fault = sys.argv.pop(1)
    FAULTS[fault]()
    main()
