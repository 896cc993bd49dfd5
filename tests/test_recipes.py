"""The recipes of CONTRIBUTING.md, followed: a toy panel, endpoint and estimator with their tests.

Each patch is what a contributor would write by the recipe of its name. One that no longer applies
or passes means that the recipe is out of date as well: mend both. To make a patch anew, apply it
to a copy of the tree by hand, change it there, and save ``git diff``.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
RECIPES = ROOT / "tests" / "recipes"
TREE = ("engine", "exchange", "tui", "tests", "configs", "docs")
PARTS = {
    "panel": ["tests/tui/test_activity.py", "tests/tui/test_renders.py", "-k", "activity or fits"],
    "endpoint": ["tests/exchange/paper/test_market_routes.py"],
    "estimator": [
        "tests/engine/models/test_volatility.py",
        "tests/engine/core/test_calibration.py",
        "tests/test_reached.py",
        "-k",
        "absolute or every_volatility or reaches",
    ],
}
"""What to run of each patch's tests, and of those that look at whatever there is of its kind."""


def run(copy: Path, *command: str | Path) -> None:
    """Run a command in the copy, on the copy's code; its words are shown where it fails."""
    # Compiled, the kernels would take a minute; each result is the same without.
    environment = {**os.environ, "PYTHONPATH": str(copy), "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run(
        command,
        cwd=copy,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The tree in a folder of its own."""
    ignored = shutil.ignore_patterns("__pycache__", "recipes")
    for name in TREE:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def touched(patch: Path) -> list[str]:
    """The Python files that a patch writes."""
    return re.findall(r"^\+\+\+ b/(\S+\.py)$", patch.read_text(encoding="utf-8"), re.M)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", sorted(PARTS))
def test_a_recipe_leads_to_code_that_passes_the_checks(copy: Path, name: str) -> None:
    """Format, lint and types of what it writes, the import contracts, and the tests it brings."""
    patch = RECIPES / f"{name}.patch"
    programs = Path(sys.executable).parent

    run(copy, "git", "apply", patch)
    files = touched(patch)

    run(copy, programs / "ruff", "format", "--check", *files)
    run(copy, programs / "ruff", "check", *files)
    run(copy, programs / "mypy", *files)
    run(copy, programs / "lint-imports", "--no-cache")
    run(copy, sys.executable, "-m", "pytest", "-n0", "-p", "no:cacheprovider", *PARTS[name])


def test_every_patch_is_of_a_recipe() -> None:
    """A recipe is a section of CONTRIBUTING.md."""
    recipes = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")

    assert sorted(path.stem for path in RECIPES.iterdir()) == sorted(PARTS)
    for name in PARTS:
        assert re.search(rf"^### .*\b{name}$", recipes, re.M)
