"""Where compiled kernels are kept, known without importing numba.

The folder is keyed by a hash of every kernel's source, numba's version and the CPU:
numba's own check misses a callee that changed in another file.
"""

import hashlib
import os
import platform
import shutil
from importlib.metadata import version
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
_KERNEL_ROOMS = ("exchange", "exchange/binance", "engine/models", "engine/core")
_KEPT_CACHES = 4


def cache_folder() -> Path:
    """Where compiled kernels of exactly this code, numba and CPU are kept."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    digest = hashlib.sha256()
    for room in _KERNEL_ROOMS:
        for path in sorted((_ROOT / room).glob("*.py")):
            source = path.read_bytes()
            if b"from exchange.jit import" in source or path.name == "jit.py":
                digest.update(source)
    digest.update(f"{version('numba')} {platform.machine()} {_cpu_model()}".encode())
    return base / "makers-desk" / "jit" / digest.hexdigest()[:16]


def is_warm() -> bool:
    """Has this exact code been compiled on this machine before?"""
    return (cache_folder() / "warm").exists()


def mark_warm() -> None:
    """Note that every kernel is in the cache."""
    (cache_folder() / "warm").touch()


def forget_old_caches() -> None:
    """Make this code's folder, and delete all but the newest few of other code."""
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    others = [path for path in folder.parent.iterdir() if path != folder]
    others.sort(key=lambda path: path.stat().st_mtime)
    for old in others[:-_KEPT_CACHES]:
        shutil.rmtree(old, ignore_errors=True)


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith("model name")), "")
