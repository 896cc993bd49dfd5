"""Engine client of the screen: attaches, and again whenever the connection is lost."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.console.client import ConsoleClient
from engine.console.protocol import Answer, Goodbye, RecordsMessage, Role, ViewMessage, Welcome
from engine.core.actions import Action
from engine.errors import EngineError, NoEngine

RETRY_S = 1.0  # an engine that starts again should be on the screen at once


@dataclass(frozen=True, slots=True)
class LineLost:
    """Connection to the engine lost; ``reason`` is one line for the operator."""

    reason: str


Heard = Welcome | ViewMessage | RecordsMessage | Goodbye | LineLost


class EngineLine:
    """Reconnecting console client, attached for as long as ``run`` runs.

    Args:
        socket: Where the engine listens.
        role: The role to ask for.
        hear: Called with every message of the engine and with every loss of the connection.
        retry_s: Pause before attaching again.
    """

    def __init__(
        self, socket: Path, role: Role, hear: Callable[[Heard], None], retry_s: float = RETRY_S
    ) -> None:
        self._socket = socket
        self._role = role
        self._hear = hear
        self._retry_s = retry_s
        self._client: ConsoleClient | None = None
        self._pid: int | None = None
        self._last_record = 0

    async def run(self) -> None:
        """Attach, listen, and start over, until cancelled."""
        while True:
            try:
                await self._listen()
            except (EngineError, OSError) as error:
                self._hear(LineLost(str(error)))
            await asyncio.sleep(self._retry_s)

    async def ask(
        self, action: Action, name: str = "", value: float = 0.0, expected: float | None = None
    ) -> Answer:
        """Send a command at once and wait for its answer.

        Raises:
            NoEngine: When nobody is on the line, or it breaks before the answer.
        """
        if self._client is None:
            raise NoEngine("no engine on the line")
        return await self._client.ask(action, name, value, expected)

    async def _listen(self) -> None:
        client = await ConsoleClient.connect(self._socket, self._role, self._last_record)
        if self._last_record and client.welcome.pid != self._pid:
            # Another engine counts its records from one: what we saw is not a place in them.
            await client.close()
            self._last_record = 0
            client = await ConsoleClient.connect(self._socket, self._role)
        self._pid = client.welcome.pid
        self._client = client
        try:
            self._hear(client.welcome)
            async for message in client.messages():
                if isinstance(message, RecordsMessage) and message.records:
                    self._last_record = message.records[-1].number
                if not isinstance(message, Answer):
                    self._hear(message)
        finally:
            self._client = None
            await client.close()
        raise NoEngine("the engine closed the line")
