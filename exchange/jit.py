"""The one door to numba: compile options, the cache folder, and the warm-up.

A kernel is a function of annotated scalars and contiguous arrays. Its signature is read
from its annotations, so that every kernel can be compiled, or loaded from the cache, for
its real types before anything else starts; no kernel ever compiles while trading.

The cache folder is keyed by a hash of every kernel's source, numba's version and the CPU:
numba's own check misses a callee that changed in another file.
"""

import hashlib
import os
import platform
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, get_args, get_origin, get_type_hints

import numba
import numpy as np
from numba import types as nb
from numpy.typing import NDArray

IntArray: TypeAlias = NDArray[np.int64]
"""A contiguous int64 array of one dimension."""
FloatArray: TypeAlias = NDArray[np.float64]
"""A contiguous float64 array of one dimension."""

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

_ROOT = Path(__file__).resolve().parent.parent
_KERNEL_ROOMS = ("exchange", "engine/models", "engine/core")
_KEPT_CACHES = 4

_registry: list[Any] = []


def _kernel_sources() -> list[Path]:
    files = (path for room in _KERNEL_ROOMS for path in sorted((_ROOT / room).glob("*.py")))
    return [path for path in files if b"from exchange.jit import" in path.read_bytes()]


def cache_folder() -> Path:
    """Where compiled kernels of exactly this code, numba and CPU are kept."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    digest = hashlib.sha256()
    for path in [Path(__file__), *_kernel_sources()]:
        digest.update(path.read_bytes())
    digest.update(f"{numba.__version__} {platform.processor()} {platform.machine()}".encode())
    return base / "makers-desk" / "jit" / digest.hexdigest()[:16]


numba.config.CACHE_DIR = str(cache_folder())


def njit(kernel: Kernel) -> Kernel:
    """Compile a kernel, cached on disk, without Python objects."""
    compiled = numba.njit(cache=True, nogil=True)(kernel)
    _registry.append(compiled)
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
        return nb.Tuple([_numba_type(part) for part in get_args(hint)])
    raise TypeError(f"a kernel cannot take {hint!r}")


def signature_of(function: Callable[..., Any]) -> tuple[Any, ...]:
    """The numba argument types that a kernel's annotations promise."""
    hints = get_type_hints(function)
    hints.pop("return", None)
    return tuple(_numba_type(hint) for hint in hints.values())


def warm_up() -> Iterator[tuple[int, int, str]]:
    """Compile or load every imported kernel, one at a time.

    Yields:
        ``(done, total, name)`` after each kernel, for a progress bar.
    """
    if numba.config.DISABLE_JIT:
        return
    _forget_old_caches()
    for done, kernel in enumerate(list(_registry), start=1):
        kernel.compile(signature_of(kernel.py_func))
        yield done, len(_registry), kernel.__name__


def is_warm() -> bool:
    """Has this exact code been compiled on this machine before?"""
    return (cache_folder() / "warm").exists()


def mark_warm() -> None:
    """Note that every kernel is in the cache."""
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "warm").touch()


def _forget_old_caches() -> None:
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    siblings = sorted(folder.parent.iterdir(), key=lambda path: path.stat().st_mtime)
    for old in [path for path in siblings if path != folder][: -_KEPT_CACHES or None]:
        shutil.rmtree(old, ignore_errors=True)
