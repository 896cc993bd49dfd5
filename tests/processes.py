"""Desk processes for tests: folders and a port of their own, and the truth from the exchange."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from engine.config.paper import PAPER_API_KEY, PAPER_API_SECRET
from engine.console.client import ConsoleClient
from engine.console.protocol import Answer, Role
from engine.core.actions import Action
from engine.core.order_names import is_ours
from engine.process.lock import lock_owner
from engine.process.paths import DeskPaths
from exchange.binance.rest import Rest
from exchange.binance.signing import Credentials
from exchange.binance.trading import VenueSettings
from exchange.instrument import Instrument
from exchange.types import OrderUpdate
from tests.terminal import wait_for

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
GRID = Instrument.from_steps("BTCUSDT", "0.1", "0.001")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class DeskProcesses:
    """Runs ``engine`` and ``tui`` for one desk that no other test shares.

    Args:
        folder: State folder; short, for the socket's sake.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.arguments = ("--set", f"paper.port={self.port}")
        self.environment = {"XDG_STATE_HOME": str(folder)}
        self.paths = DeskPaths(folder / "makers-desk" / f"paper-btcusdt-{self.port}")
        self._started: list[subprocess.Popen[str]] = []

    @property
    def exchange_lock(self) -> Path:
        return self.paths.exchange_lock(self.port)

    def engine(self, *arguments: str, timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Run ``engine ARGUMENTS`` to its end."""
        return subprocess.run(
            [BIN / "engine", *arguments, *self.arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
            env={**os.environ, **self.environment},
        )

    def start(
        self, *arguments: str, stdout: int = subprocess.PIPE, stderr: int = subprocess.STDOUT
    ) -> "subprocess.Popen[str]":
        """Start ``engine ARGUMENTS`` and leave it running; it dies with the test."""
        return self.start_program(str(BIN / "engine"), *arguments, stdout=stdout, stderr=stderr)

    def start_program(
        self, *command: str, stdout: int = subprocess.PIPE, stderr: int = subprocess.STDOUT
    ) -> "subprocess.Popen[str]":
        """Start any program with this desk's arguments; it dies with the test."""
        started = subprocess.Popen(
            [*command, *self.arguments],
            stdout=stdout,
            stderr=stderr,
            text=True,
            cwd=ROOT,
            env={**os.environ, **self.environment},
        )
        self._started.append(started)
        return started

    def status(self) -> dict[str, Any]:
        """The engine's view; empty while none answers."""
        done = self.engine("status", "--json")
        view: dict[str, Any] = json.loads(done.stdout) if done.returncode == 0 else {}
        return view

    def command(self, action: Action) -> Answer:
        """Ask something of the engine as a screen does."""
        return asyncio.run(self._command(action))

    async def _command(self, action: Action) -> Answer:
        client = await ConsoleClient.connect(self.paths.socket, Role.WRITER)

        async def listen() -> None:
            async for _ in client.messages():
                pass

        listening = asyncio.create_task(listen())
        try:
            return await client.ask(action)
        finally:
            listening.cancel()
            await client.close()

    @property
    def quotes(self) -> bool:
        view = self.status()
        return bool(view) and view["bid"]["reason"] == view["ask"]["reason"] == "quoting"

    def our_orders(self) -> list[OrderUpdate]:
        """What the exchange says is open and ours."""
        return asyncio.run(self._ask_exchange())

    async def _ask_exchange(self) -> list[OrderUpdate]:
        settings = VenueSettings(
            rest_url=f"http://127.0.0.1:{self.port}",
            stream_url=f"ws://127.0.0.1:{self.port}",
            symbol="BTCUSDT",
            recv_window_ms=5000,
            freshness_ms=3000,
            rest_lag_ms=0,
        )
        async with Rest.opened(settings, Credentials(PAPER_API_KEY, PAPER_API_SECRET)) as rest:
            await rest.sync_clock()
            orders = await rest.open_orders(GRID)
        return [order for order in orders if is_ours(order.client_order_id)]

    def kill(self, lock: Path) -> None:
        """kill -9 whoever holds a lock."""
        owner = lock_owner(lock)
        assert owner is not None
        os.kill(owner, signal.SIGKILL)

    def end(self) -> None:
        for lock in (self.paths.engine_lock, self.exchange_lock):
            owner = lock_owner(lock)
            if owner is not None:
                os.kill(owner, signal.SIGKILL)
        for started in self._started:
            started.kill()
            if started.stdout is None or started.stdout.closed:
                started.wait()
            else:
                started.communicate()


@contextmanager
def lagging_exchange(desk: DeskProcesses, age_s: float) -> Iterator[Callable[[], None]]:
    """An exchange for this desk whose reads of orders are so old, until what it gives is called."""
    admin_port = free_port()
    exchange = desk.start("exchange", "--admin-port", str(admin_port))
    try:
        wait_for(lambda: _listens(admin_port), lambda: "no exchange")
        calls = ["GET */openOrders", "GET */order"]
        fault = {"kind": "stale_account", "age_s": age_s, "rate": 1.0, "calls": calls}
        asked_for(admin_port, "/faults", fault)
        yield lambda: asked_for(admin_port, "/faults", method="DELETE")
    finally:
        exchange.kill()
        exchange.communicate()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def asked_for(admin_port: int, path: str, body: object = None, method: str | None = None) -> Any:
    """What the exchange's admin port answers; a body is posted as JSON."""
    data = None if body is None else json.dumps(body).encode()
    request = Request(
        f"http://127.0.0.1:{admin_port}{path}",
        data,
        {"Content-Type": "application/json"},
        method=method,
    )
    with urlopen(request, timeout=5) as answer:
        return json.load(answer)


@contextmanager
def desk_processes() -> Iterator[DeskProcesses]:
    """A desk in a short-named folder, with nothing of it left afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="md"))
    desk = DeskProcesses(folder)
    try:
        yield desk
    finally:
        desk.end()
        shutil.rmtree(folder)
