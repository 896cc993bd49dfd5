"""Heap of a process that starts: modules and kernels, none of which is garbage."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collections() -> Iterator[None]:
    """Build something that stays without looking through it for garbage again and again.

    That took a quarter of a replay's start. Later collections leave out what was built, too.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.freeze()
            gc.enable()
