"""JIT cache folder: where compiled kernels are kept, known without importing numba.

The folder is keyed by a hash of every source under ``engine`` and ``exchange``, numba's version and
the CPU: numba's own check misses a callee or a constant that changed in another file, and a kernel
with an old layout writes into its neighbour's numbers. It is keyed by each file's path
and time as well, because those are what numba knows a file by: to numba the same code in
another folder, such as a wheel beside a checkout, has never been compiled.
"""

import functools
import hashlib
import os
import platform
import shutil
import time
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from exchange.errors import SettingsError

_ROOT = Path(os.path.abspath(__file__)).parent.parent  # links kept: numba does not follow them
_KEPT_S = 7 * 86400
"""How long kernels of other code are kept after they were last compiled into."""


@functools.cache  # once a process: the code that runs is the code as it was at its start
def cache_folder() -> Path:
    """Where compiled kernels of exactly this code, as it lies here, numba and CPU are kept."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    digest = hashlib.sha256()
    for package in ("exchange", "engine"):
        for path in sorted((_ROOT / package).rglob("*.py")):
            digest.update(f"{path} {path.stat().st_mtime_ns} ".encode() + path.read_bytes())
    checked = os.environ.get("NUMBA_BOUNDSCHECK", "")  # other code, of which numba takes no note
    digest.update(f"{version('numba')} {platform.machine()} {_cpu_model()} {checked}".encode())
    return base / "makers-desk" / "jit" / digest.hexdigest()[:16]


def open_cache() -> Path:
    """The cache folder, made if missing.

    Raises:
        SettingsError: When it cannot be written.
    """
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise SettingsError(
            f"the folder for compiled kernels {folder} cannot be written ({error.strerror}); "
            "mend it or set XDG_CACHE_HOME to a folder of yours"
        ) from error
    return folder


def is_warm(kind: str) -> bool:
    """Was what this kind of process calls compiled here before, from exactly this code?"""
    return _mark(kind).exists()


def mark_warm(kind: str) -> None:
    """Note that all of it is in the cache, and forget what other code left long ago."""
    folder = open_cache()
    _mark(kind).touch()
    for other in folder.parent.iterdir():
        with suppress(FileNotFoundError):  # another process forgets it too
            if other != folder and time.time() - other.stat().st_mtime > _KEPT_S:
                shutil.rmtree(other, ignore_errors=True)


def _mark(kind: str) -> Path:
    return cache_folder() / f"warm-{kind.replace(' ', '-')}"


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith("model name")), "")
