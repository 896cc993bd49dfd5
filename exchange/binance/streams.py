"""Stream client: one websocket that reconnects for ever and says when it is up."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NoReturn

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from exchange.binance.connection import Backoff, Freshness
from exchange.errors import VenueError

OPEN_TIMEOUT_S = 5.0  # as long as any request may take
CLOSE_TIMEOUT_S = 0.5  # a dead peer answers no close frame, and the next try is waiting
A_DAY_MS = 86_400_000
"""Longer than the venue keeps any connection."""
STEADY_NS = 5_000_000_000
"""A connection that lasted this long counts as a success even when it carried nothing."""

_NETWORK_ERRORS = (OSError, TimeoutError, EOFError, WebSocketException, VenueError)

FrameReceiver = Callable[[bytes, int, int], None]


class Stream:
    """One websocket, opened again whenever it is lost, silent too long or dropped on request.

    Args:
        address: The URL, or what gives it for the next try; that may itself ask the venue
            and may raise ``VenueError``.
        on_frame: Called with each frame, ``recv_ns`` and ``mono_ns``. A ``VenueError`` that it
            raises costs the connection.
        on_up: Called when a connection is open.
        on_down: Called with a reason when a connection is lost, and for every try that
            never opened.
        freshness_ms: The longest silence before a connection counts as dead. The default is
            for streams where silence is normal and only unanswered pings show it.
        ping_interval_s: Seconds between pings, and for how long one may stay unanswered;
            None for no pings.
        random: Numbers in [0, 1) for the jitter of the waits between tries.
    """

    def __init__(
        self,
        address: str | Callable[[], Awaitable[str]],
        on_frame: FrameReceiver,
        on_up: Callable[[], None],
        on_down: Callable[[str], None],
        freshness_ms: int = A_DAY_MS,
        ping_interval_s: float | None = None,
        random: Callable[[], float] = random.random,
    ) -> None:
        self._address = address
        self._on_frame = on_frame
        self._on_up = on_up
        self._on_down = on_down
        self._freshness_ms = freshness_ms
        self._ping_interval_s = ping_interval_s
        self._backoff = Backoff(random)
        self._socket: ClientConnection | None = None
        self._drop_reason = ""

    async def run(self) -> None:
        """Keep one connection open until cancelled."""
        while True:
            started_ns = time.monotonic_ns()
            try:
                await self._hold_one_connection()
            except _NETWORK_ERRORS as error:
                reason = self._drop_reason or _reason(error)
            if time.monotonic_ns() - started_ns >= STEADY_NS:
                self._backoff.reset()
            self._on_down(reason)
            await asyncio.sleep(self._backoff.next_ms() / 1000)

    def drop(self, reason: str) -> None:
        """Cut the present connection, if there is one, so that a new one replaces it."""
        if self._socket is not None:
            self._drop_reason = reason
            self._socket.transport.abort()

    async def _hold_one_connection(self) -> NoReturn:
        """Open a connection and read it until an error ends it."""
        self._drop_reason = ""
        address = self._address if isinstance(self._address, str) else await self._address()
        async with connect(
            address,
            compression=None,  # the few bytes saved would be paid for in microseconds
            proxy=None,  # else websockets would take one from the environment
            open_timeout=OPEN_TIMEOUT_S,
            close_timeout=CLOSE_TIMEOUT_S,
            ping_interval=self._ping_interval_s,
            ping_timeout=self._ping_interval_s,
        ) as socket:
            self._socket = socket
            try:
                self._on_up()
                await self._read_until_silent(socket)
                self.drop(f"silent for {self._freshness_ms} ms")
                raise TimeoutError
            finally:
                self._socket = None

    async def _read_until_silent(self, socket: ClientConnection) -> None:
        freshness = Freshness(self._freshness_ms * 1_000_000)
        freshness.heard(time.monotonic_ns())
        # The timer is set once a deadline, not once a frame: when it rings, the loop looks
        # whether anything came meanwhile.
        while not freshness.stale(time.monotonic_ns()):
            left_s = freshness.left_ns(time.monotonic_ns()) / 1e9
            with suppress(TimeoutError):
                async with asyncio.timeout(left_s):
                    await self._read(socket, freshness)

    async def _read(self, socket: ClientConnection, freshness: Freshness) -> NoReturn:
        while True:
            raw = await socket.recv(decode=False)
            recv_ns, mono_ns = time.time_ns(), time.monotonic_ns()
            freshness.heard(mono_ns)
            self._backoff.reset()
            self._on_frame(raw, recv_ns, mono_ns)


def _reason(error: BaseException) -> str:
    """What to log of an error; never an address, which may hold a listen key."""
    if isinstance(error, (OSError, ConnectionClosed, InvalidStatus, VenueError)):
        return f"{type(error).__name__}: {error}".removesuffix(": ")
    return type(error).__name__
