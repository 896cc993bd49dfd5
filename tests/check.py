"""The test command: format, lint, types, import contracts, then pytest with the given arguments.

Pytest runs in a process a core, each taking over tests from the slower (``-n0``: in one alone).
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
# Beyond a few, loading the kernels in each process costs more than it saves.
_SPREAD = ["-n", str(min(os.cpu_count() or 1, 4)), "--dist", "worksteal"]


def main() -> int:
    for name, (program, *arguments) in STEPS.items():
        print(f"== {name}", flush=True)
        if subprocess.call([BIN / program, *arguments], cwd=ROOT):
            print(f"check: {name} failed; see above", file=sys.stderr)
            return 1
    print("== tests", flush=True)
    return subprocess.call([BIN / "pytest", *_SPREAD, *sys.argv[1:]], cwd=ROOT)


if __name__ == "__main__":
    sys.exit(main())
