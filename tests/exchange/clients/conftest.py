"""Fixtures of the client tests: an exchange that stands still, one that does not, and the log."""

import logging
from collections.abc import Iterator

import pytest

from tests.exchange.clients.exchange import Exchange, exchange
from tests.exchange.paper.bench import LIVELY


@pytest.fixture
def quiet() -> Iterator[Exchange]:
    """Nothing moves but by the test's own orders."""
    with exchange() as served:
        yield served


@pytest.fixture(scope="module")
def lively() -> Iterator[Exchange]:
    """Everything moves; for tests that only look."""
    with exchange(LIVELY) as served:
        yield served


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Whoever complains fails the test: a client about an answer, or the server about itself.

    The official SDK raises nothing when an answer is not of its declared types; it logs that.
    """
    yield caplog
    said = [*caplog.get_records("setup"), *caplog.get_records("call")]
    assert [r.getMessage() for r in said if r.levelno >= logging.WARNING] == []
