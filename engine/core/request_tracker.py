"""Request tracker: commands on their way out, and the requests that still wait for an answer."""

from collections.abc import Callable
from typing import Any

from exchange.types import Command, Reply, Request


class RequestTracker:
    """Collects what one decision asks for; numbers what will be answered."""

    def __init__(self) -> None:
        self._commands: list[Command] = []
        self._open: dict[int, Request] = {}
        self._next_request = 1

    def put(self, *commands: Command) -> None:
        self._commands += commands

    def ask(self, kind: Callable[..., Request], **fields: Any) -> None:
        """Put a request of this kind, under the next number."""
        request = kind(request_id=self._next_request, **fields)
        self._next_request += 1
        self._open[request.request_id] = request
        self._commands.append(request)

    def answered(self, reply: Reply) -> Request | None:
        """The request that this reply ends; None when it was ended before."""
        return self._open.pop(reply.request_id, None)

    def take(self) -> list[Command]:
        commands, self._commands = self._commands, []
        return commands
