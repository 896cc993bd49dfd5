"""Request timeout: gives up on requests whose head or body never comes whole.

aiohttp bounds a connection's silence between requests, but not before the first one.
"""

import asyncio

from aiohttp import web

PATIENCE_S = 10.0
"""For a whole request to come."""


class HalfSent:
    """Timeout of unfinished requests on the connections of one server."""

    def __init__(self) -> None:
        self._served: set[object] = set()
        self._since_s: dict[web.RequestHandler, float] = {}

    def served(self, request: web.BaseRequest) -> None:
        """A connection's first request has a whole head."""
        self._served.add(request.protocol)

    def sweep(self, server: web.Server, now_s: float) -> None:
        """End the connections that have sent no whole head for too long."""
        connected = server.connections
        self._served.intersection_update(connected)
        self._since_s = {p: self._since_s.get(p, now_s) for p in connected if p not in self._served}
        for protocol, since_s in self._since_s.items():
            if now_s - since_s >= PATIENCE_S and protocol.transport is not None:
                protocol.transport.abort()


async def read_body(request: web.BaseRequest) -> bytes:
    """The whole body.

    Raises:
        RequestPayloadError: When it is garbled, or does not come.
    """
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await request.read()
    except TimeoutError:
        raise web.RequestPayloadError(f"it did not come within {PATIENCE_S:g} s") from None
