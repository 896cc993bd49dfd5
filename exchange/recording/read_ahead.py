"""Read-ahead: an iterator that runs on a thread of its own, a few items before they are taken."""

import queue
import threading
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager
from typing import Generic, TypeVar

Item = TypeVar("Item")


class ReadAhead(AbstractContextManager[Iterator[Item]], Generic[Item]):
    """A context of which the value is the iterator; leaving it ends the thread.

    Args:
        items: Run on the thread, which closes it; what it raises is raised where items are taken.
        most: Items that may wait to be taken.
        name: Of the thread.
    """

    def __init__(self, items: Generator[Item, None, None], most: int, name: str) -> None:
        self._items = items
        self._waiting: queue.Queue[Item | Exception | None] = queue.Queue(most)
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def __enter__(self) -> Iterator[Item]:
        self._thread.start()
        return self._taken()

    def __exit__(self, *_details: object) -> None:
        self._left.set()
        while self._thread.is_alive():  # it may wait for room
            try:
                self._waiting.get(timeout=0.01)
            except queue.Empty:
                continue
        self._thread.join()

    def _run(self) -> None:
        try:
            for item in self._items:
                self._waiting.put(item)
                if self._left.is_set():
                    break
            self._items.close()
        except Exception as error:  # raised again where the items are taken
            self._waiting.put(error)
        else:
            self._waiting.put(None)

    def _taken(self) -> Iterator[Item]:
        while (item := self._waiting.get()) is not None:
            if isinstance(item, Exception):
                raise item
            yield item
