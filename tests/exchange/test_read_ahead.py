"""Read-ahead: the same items in the same order, errors where they belong, no thread left over."""

import threading
from collections.abc import Generator

import pytest

from exchange.recording.read_ahead import ReadAhead


def counted(closed: list[bool], end: int, error: Exception | None = None) -> Generator[int]:
    try:
        yield from range(end)
        if error is not None:
            raise error
    finally:
        closed.append(True)


@pytest.mark.parametrize("most", [1, 3, 100])
def test_items_come_in_order(most: int) -> None:
    closed: list[bool] = []

    with ReadAhead(counted(closed, 50), most, "count") as items:
        assert list(items) == list(range(50))

    assert closed == [True]


def test_an_error_comes_after_the_items_before_it() -> None:
    with ReadAhead(counted([], 5, ValueError("torn")), 2, "count") as items:
        assert [next(items) for _ in range(5)] == list(range(5))
        with pytest.raises(ValueError, match="torn"):
            next(items)


@pytest.mark.parametrize("taken", [0, 1, 7])
def test_leaving_early_ends_the_thread_and_closes_what_it_ran(taken: int) -> None:
    closed: list[bool] = []

    with ReadAhead(counted(closed, 10**9), 2, "left early") as items:
        for _ in range(taken):
            next(items)

    assert closed == [True]
    assert not [thread for thread in threading.enumerate() if thread.name == "left early"]
