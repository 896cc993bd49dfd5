"""Import contracts: each one breaks on an arrow that it forbids, named by contract and arrow."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("tui", "engine", "exchange")

ARROWS = [
    ("exchange.types", "engine.errors", "Floors"),
    ("engine.errors", "tui.themes", "Floors"),
    ("engine.core.trader", "engine.replay.performance", "Rooms of the engine"),
    ("engine.process.lock", "engine.desks.desks", "Rooms of the engine"),
    ("engine.config.desk", "engine.console.protocol", "Rooms of the engine"),
    ("exchange.simulation", "exchange.paper.settings", "Rooms of the market"),
    ("exchange.binance.rest", "exchange.binance.trading", "Rooms of the venue's client"),
    ("exchange.paper.matching.events", "exchange.paper.settings", "Rooms of the embedded exchange"),
    ("exchange.paper.streams.user_stream", "exchange.paper.venue.market", "Rooms of the embedded"),
    ("exchange.paper.venue.venue", "exchange.binance.rest", "is not built from the client"),
    ("exchange.paper.api.keys", "exchange.binance.signing", "is not built from the client"),
    ("tui.widgets.panel", "tui.app", "Rooms of the screen"),
    ("tui.render.banner", "engine.live", "Pictures are drawn from a view alone"),
    ("tui.render.draw.lines", "textual", "without textual"),
    ("tui.render.draw.lines", "tui.render.money", "What pictures are made of knows no view"),
    ("tui.client", "engine.console.server", "The screen attaches to an engine"),
    ("tui.widgets.panel", "engine.core.trader", "neither trader nor market"),
    ("tui.screens.desk", "exchange.paper.venue.venue", "neither trader nor market"),
    ("engine.core.entry", "exchange.binance.rest", "What decides knows no socket"),
    ("engine.core.entry", "exchange.binance.connection", "What decides knows no socket"),
    ("engine.models.glft", "exchange.book", "The mathematics knows nothing but numba"),
    ("engine.models.glft", "exchange.types", "The mathematics knows nothing but numba"),
]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages and their contracts, to draw arrows in."""
    tree = tmp_path_factory.mktemp("tree")
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, tree / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(ROOT / "pyproject.toml", tree)
    return tree


def broken_contracts(tree: Path) -> str:
    """What the linter says of the contracts that do not hold; empty when all do."""
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [linter, "--no-cache"],
        cwd=tree,
        env={"PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    return done.stdout if done.returncode else ""


def test_all_contracts_hold_in_the_copy(tree: Path) -> None:
    assert broken_contracts(tree) == ""


@pytest.mark.parametrize(("source", "target", "contract"), ARROWS)
def test_a_forbidden_arrow_breaks_its_contract(
    tree: Path, source: str, target: str, contract: str
) -> None:
    module = tree.joinpath(*source.split(".")).with_suffix(".py")
    text = module.read_text()
    module.write_text(f"{text}\nimport {target}\n")
    try:
        said = broken_contracts(tree)
    finally:
        module.write_text(text)

    assert any(contract in line and line.endswith("BROKEN") for line in said.splitlines()), said
    assert f"{source} -> {target}" in said


def test_a_new_room_must_be_given_its_place(tree: Path) -> None:
    """An exhaustive contract names what is missing."""
    room = tree / "engine" / "attic.py"
    room.write_text("")
    try:
        said = broken_contracts(tree)
    finally:
        room.unlink()

    assert "attic" in said
