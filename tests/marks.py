"""Marks that tests of several rooms carry."""

import os

import pytest

needs_compiler = pytest.mark.skipif(
    bool(os.environ.get("NUMBA_DISABLE_JIT")), reason="kernels are plain functions in this run"
)
