"""The test command: format, lint, types, import contracts, then pytest with the given arguments.

Pytest runs in a process a core, each taking over tests from the slower (``-n0``: in one alone).
Before that, unless arguments are given, the tests of the kernels run as plain Python, where what
only the compiler accepts shows, and those of the kernels that share one array run compiled with
every index checked: beyond its own numbers a kernel would read and write its neighbour's.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
STEPS = {
    "format": ["ruff", "format", "--check", "."],
    "lint": ["ruff", "check", "."],
    "types": ["mypy"],
    "import contracts": ["lint-imports"],
}
KERNEL_TESTS = [
    "tests/engine/models",
    "tests/engine/core/test_breakers.py",
    "tests/engine/core/test_budgets.py",
    "tests/engine/core/test_decide.py",
    "tests/engine/core/test_entry.py",
    "tests/engine/core/test_ledger.py",
    "tests/engine/core/test_market.py",
    "tests/engine/core/test_orders.py",
    "tests/engine/core/test_own_intensity.py",
    "tests/engine/core/test_position.py",
    "tests/engine/core/test_quoter.py",
    "tests/exchange/test_book.py",
    "tests/exchange/test_frames.py",
    "tests/exchange/test_int_map.py",
    "tests/exchange/test_simulation.py",
]
CHECKED_TESTS = [
    "tests/engine/test_recorded_files.py",
    "tests/engine/test_replay_loop.py",
    "tests/engine/test_tutorial.py",
    "tests/engine/core/test_block.py",
    "tests/engine/core/test_breakers.py",
    "tests/engine/core/test_budgets.py",
    "tests/engine/core/test_calibration.py",
    "tests/engine/core/test_decide.py",
    "tests/engine/core/test_entry.py",
    "tests/engine/core/test_fair_price.py",
    "tests/engine/core/test_flatten.py",
    "tests/engine/core/test_ledger.py",
    "tests/engine/core/test_market.py",
    "tests/engine/core/test_orders.py",
    "tests/engine/core/test_position.py",
    "tests/engine/core/test_reconcile.py",
    "tests/engine/core/test_risk.py",
    "tests/engine/core/test_stream_watchdog.py",
    "tests/engine/core/test_tape_merge.py",
    "tests/engine/core/test_trader.py",
    "tests/engine/core/test_wording.py",
    "tests/exchange/binance/test_recorded_events.py",
    "tests/exchange/binance/test_scanner.py",
    "tests/exchange/test_book.py",
    "tests/exchange/test_depth_sync.py",
    "tests/exchange/test_growing_book.py",
    "tests/exchange/test_peer_exchange.py",
    "tests/exchange/test_simulation.py",
    "tests/exchange/paper/test_recorded.py",
]
# Beyond a few, loading the kernels in each process costs more than it saves.
_SPREAD = ["-n", str(min(os.cpu_count() or 1, 4)), "--dist", "worksteal"]


def main() -> int:
    for name, (program, *arguments) in STEPS.items():
        print(f"== {name}", flush=True)
        if subprocess.call([BIN / program, *arguments], cwd=ROOT):
            print(f"check: {name} failed; see above", file=sys.stderr)
            return 1
    asked = sys.argv[1:]
    if not asked:
        for name, holds in _KERNELS.items():
            print(f"== {name}", flush=True)
            if not holds():
                print(f"check: {name}, failed; see above", file=sys.stderr)
                return 1
    print("== tests", flush=True)
    return _pytest(*asked)


def _hold_uncompiled() -> bool:
    return not _pytest("-m", "not needs_speed", *KERNEL_TESTS, NUMBA_DISABLE_JIT="1")


def _hold_checked() -> bool:
    return not _pytest(*CHECKED_TESTS, NUMBA_BOUNDSCHECK="1")


_KERNELS = {
    "kernels, not compiled": _hold_uncompiled,
    "kernels, every index checked": _hold_checked,
}


def _pytest(*arguments: str, **environment: str) -> int:
    command = [str(BIN / "pytest"), *_SPREAD, *arguments]
    return subprocess.call(command, cwd=ROOT, env=os.environ | environment)


if __name__ == "__main__":
    sys.exit(main())
