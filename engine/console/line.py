"""Socket primitives of the console, as both of its ends use them."""

import asyncio
import contextlib
import socket
from pathlib import Path

from engine.console.protocol import (
    ToConsole,
    ToEngine,
    encode,
)

CHUNK_BYTES = 65536  # of one read; a console with more than this unread skips a view
HELLO_TIMEOUT_S = 2.0  # it is answered at once, or the process behind the socket hangs


def send(writer: asyncio.StreamWriter, message: ToConsole | ToEngine) -> None:
    """Send a message, unless the other end has closed."""
    if not writer.is_closing():  # uvloop raises on a line that is closed but not yet left
        writer.write(encode(message))


def somebody_listens(path: Path) -> bool:
    """Is a process behind this socket file, however well it is?"""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except BlockingIOError:
            return True  # it has no time even to let us in
        except OSError:
            return False
    return True


async def close(writer: asyncio.StreamWriter) -> None:
    """Write out what is left, as far as the other end takes it, and close."""
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
