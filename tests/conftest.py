"""Suite set-up: kernels run as in the desk, compiled beforehand and for their own types alone."""

import os
from typing import Any

import pytest

from exchange.jit import cold_kernels, warm_up


def pytest_collection_finish(session: pytest.Session) -> None:
    """A wrong type fails here then, and not first in a process that trades."""
    if session.items:
        for _step in warm_up(_in_turn()):
            pass


def _in_turn() -> list[Any]:
    """Every kernel; each other of pytest's processes begins at the end.

    Where nothing is compiled yet they meet half-way, and load what the other has compiled. In the
    same order each would compile all of it.
    """
    kernels = cold_kernels()
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return kernels[::-1] if number % 2 else kernels
