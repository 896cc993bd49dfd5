"""JIT compilation, the only import of numba: compile options, the cache folder, and the warm-up.

A kernel is a function of annotated scalars and contiguous arrays. Its signature is read
from its annotations, so that every kernel can be compiled, or loaded from the cache, for
its real types before anything else starts; no kernel ever compiles while trading.
"""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias, TypeVar, cast, get_args, get_origin, get_type_hints

import numba
import numpy as np
from numba import types as nb
from numpy.typing import NDArray

from exchange.jit_cache import open_cache

IntArray: TypeAlias = NDArray[np.int64]
"""A contiguous int64 array of one dimension."""
FloatArray: TypeAlias = NDArray[np.float64]
"""A contiguous float64 array of one dimension."""

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

_cold: list[Any] = []
"""Kernels that no warm-up has seen yet."""


setattr(numba.config, "CACHE_DIR", str(open_cache()))  # noqa: B010  # numba.config has no types


def njit(kernel: Kernel) -> Kernel:
    """Compile a kernel, cached on disk, without Python objects."""
    compiled = numba.njit(cache=True, nogil=True)(kernel)
    _cold.append(compiled)
    return cast(Kernel, compiled)


def _numba_type(hint: Any) -> Any:
    scalars = {int: nb.int64, float: nb.float64, bool: nb.boolean, type(None): nb.none}
    if hint in scalars:
        return scalars[hint]
    if hint == IntArray:
        return nb.int64[::1]
    if hint == FloatArray:
        return nb.float64[::1]
    if get_origin(hint) is tuple:
        parts = [_numba_type(part) for part in get_args(hint)]
        return nb.Tuple(parts)  # type: ignore[no-untyped-call]  # numba has no types of its own
    raise TypeError(f"a kernel cannot take {hint!r}")


def signature_of(function: Callable[..., Any]) -> tuple[Any, ...]:
    """The numba argument types that a kernel's annotations promise."""
    hints = get_type_hints(function)
    hints.pop("return", None)
    return tuple(_numba_type(hint) for hint in hints.values())


def warm_up() -> Iterator[tuple[int, int, str]]:
    """Compile or load every imported kernel that is still cold, one at a time.

    Afterwards they take other types only by converting them to those: an enum, which numba
    would compile anew for, becomes its integer. Hand over plain integers all the same: looking
    up what an enum is takes fifty times as long as the call.

    Yields:
        ``(done, total, name)`` after each kernel, for a progress bar.
    """
    if getattr(numba.config, "DISABLE_JIT"):  # noqa: B009  # numba.config has no types
        return
    total = len(_cold)
    while _cold:
        kernel = _cold.pop()
        kernel.compile(signature_of(kernel.py_func))
        kernel.disable_compile()
        yield total - len(_cold), total, kernel.__name__
