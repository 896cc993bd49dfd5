"""The exchanges that clients meet: one that stands still and one that does not."""

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
