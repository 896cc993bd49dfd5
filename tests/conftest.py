"""Suite set-up: kernels run as in the desk, compiled beforehand and for their own types alone."""

import pytest

from exchange.jit import warm_up


def pytest_collection_finish(session: pytest.Session) -> None:
    """A wrong type fails here then, and not first in a process that trades."""
    if session.items:
        for _step in warm_up():
            pass
