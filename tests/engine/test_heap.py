"""Heap of a process that starts: collections wait, and come back."""

import gc

import pytest

from engine.process.heap import no_collections


def test_no_garbage_is_collected_meanwhile_and_it_is_afterwards() -> None:
    """A process that trades for weeks must not be left without."""
    with no_collections():
        meanwhile = gc.isenabled()

    assert (meanwhile, gc.isenabled()) == (False, True)


def test_it_comes_back_after_an_error_and_inside_another() -> None:
    with pytest.raises(RuntimeError, match="told"), no_collections(), no_collections():
        raise RuntimeError("told by the test")

    assert gc.isenabled()
