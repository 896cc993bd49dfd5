"""Operator actions: everything that can be asked of a desk from a console."""

from enum import StrEnum


class Action(StrEnum):
    """What an operator can ask. The first six only ever reduce risk."""

    PAUSE = "pause"
    PANIC = "panic"
    SIDE_OFF = "side_off"
    STOP = "stop"
    """Cancel ours, verify, end the engine. ``name`` is ``keep`` or ``flatten``."""
    FLATTEN = "flatten"
    """Pause, then close the position at market; the engine stays. ``name`` is the symbol."""
    PING = "ping"
    RESUME = "resume"
    SIDE_ON = "side_on"
    PREVIEW = "preview"
    """What would the quotes be with ``name`` at ``value``? Changes nothing."""
    SET = "set"
    """Set ``name`` to ``value``, provided that it still is ``expected``."""
