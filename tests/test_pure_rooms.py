"""Purity of the pure rooms: they wait for nothing, read no clock and draw no random numbers."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PURE = (
    "exchange/types.py",
    "exchange/errors.py",
    "exchange/instrument.py",
    "exchange/market_events.py",
    "exchange/event_columns.py",
    "exchange/market_layout.py",
    "exchange/book.py",
    "exchange/depth_sync.py",
    "exchange/market.py",
    "exchange/simulation.py",
    "exchange/recorded_book.py",
    "exchange/peer_exchange.py",
    "exchange/queue_models.py",
    "exchange/jit.py",
    *(
        f"exchange/binance/{name}.py"
        for name in (
            "frames",
            "scanner",
            "signing",
            "clock",
            "limits",
            "user_events",
            "connection",
            "errors",
        )
    ),
    # Of the embedded exchange everything but the sockets.
    *sorted(
        str(path.relative_to(ROOT))
        for path in (ROOT / "exchange" / "paper").rglob("*.py")
        if path.name != "__init__.py" and path.parent.name != "server"
    ),
    "engine/core/*.py",
    "engine/models/*.py",
)
STRANGERS = ("asyncio", "aiohttp", "websockets", "textual", "uvloop")
"""Whoever imports one of these can wait, or draw."""
IMPURE = {
    "time": {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns"},
    "datetime": {"now", "today", "utcnow"},
    "date": {"today"},
    "os": {"urandom"},
}
"""Names that read a clock or a well of randomness, by what stands before the dot."""
RANDOM = ("random", "secrets", "uuid")


def pure_files() -> list[Path]:
    return sorted(path for pattern in PURE for path in ROOT.glob(pattern))


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def impurities(source: str) -> list[str]:
    """Every call and import in a source that reads a clock or a file, or draws random numbers."""
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute(value=ast.Name(id=owner), attr=name) if name in IMPURE.get(
                owner, ()
            ):
                found.append(f"{owner}.{name}, line {node.lineno}")
            case ast.Attribute(value=ast.Attribute(attr=owner), attr=name) if name in IMPURE.get(
                owner, ()
            ):
                found.append(f"{owner}.{name}, line {node.lineno}")
            case ast.Attribute(value=ast.Name(id="np" | "numpy"), attr="random"):
                found.append(f"numpy.random, line {node.lineno}")
            case ast.Call(func=ast.Name(id="open")):
                found.append(f"open, line {node.lineno}")
            case ast.Import(names=names):
                found += [f"import {n.name}, line {node.lineno}" for n in names if n.name in RANDOM]
            case ast.ImportFrom(module=str(module), names=names):
                if module in RANDOM:
                    found.append(f"from {module}, line {node.lineno}")
                elif module in IMPURE:
                    found += [
                        f"from {module} import {n.name}, line {node.lineno}"
                        for n in names
                        if n.name in IMPURE[module]
                    ]
    return found


def test_clean_interpreter_meets_no_stranger_in_the_pure_rooms() -> None:
    """So the whole desk can run in one process on a virtual clock, which is how its safety
    is proven; one convenient import would end that unnoticed."""
    modules = [module_name(path) for path in pure_files()]
    code = (
        "import importlib, sys\n"
        f"for name in {modules!r}:\n"
        "    importlib.import_module(name)\n"
        f"    met = sorted(set({STRANGERS!r}) & set(sys.modules))\n"
        "    if met: sys.exit(f'{name} brought in {met}')\n"
    )

    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("path", pure_files(), ids=module_name)
def test_pure_room_reads_no_clock_and_draws_nothing(path: Path) -> None:
    """Time arrives inside events; a room that asks for it replays differently."""
    assert impurities(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "import time\ntime.monotonic()",
        "from time import time_ns",
        "import datetime\ndatetime.datetime.now()",
        "from datetime import datetime\ndatetime.now()",
        "import random",
        "from secrets import token_hex",
        "import numpy as np\nnp.random.default_rng()",
        "open('/dev/null')",
    ],
)
def test_search_for_impurities_finds_them(source: str) -> None:
    """A test that finds nothing must be able to."""
    assert len(impurities(source)) == 1
