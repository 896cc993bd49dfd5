"""Side processes of a benchmark: each with a line to its parent, heard with patience, and ended."""

import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from engine.errors import StartError
from exchange.paper.server.server import HOST

START_S = 20.0  # a fresh process must import and open its sockets first
_END_S = 10.0  # a desk cancels what rests before it ends


def settle(processor: int) -> None:
    """Stay on one processor, and leave it to the parent to be interrupted."""
    os.sched_setaffinity(0, {processor})
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def side_process(target: Callable[..., None], *arguments: object) -> Iterator[Connection]:
    """A process of its own with a line to it, ended with the block."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=target, args=(*arguments, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        yield ours
    finally:
        ours.close()
        process.terminate()
        process.join(_END_S)
        process.kill()  # one that has ended stays so
        process.join()


def tell(line: Connection, message: object, who: str) -> None:
    """Send a process a message.

    Raises:
        StartError: When it has ended.
    """
    try:
        line.send(message)
    except OSError as error:
        raise StartError(f"the bench's {who} has ended") from error


def hear(line: Connection, patience_s: float, who: str) -> Any:
    """The next message from a process.

    Raises:
        StartError: When none comes.
    """
    try:
        if line.poll(patience_s):
            return line.recv()
    except (EOFError, OSError):
        pass
    raise StartError(f"the bench's {who} ended or stayed silent; is the machine very busy?")


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
