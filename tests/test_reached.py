"""Dead code check: code that nobody can run is not kept as if somebody did.

Every public function, class and constant of ``engine.models`` is used by a command, through
whatever other code; what is not is named here, with the reason why it stays. Names are followed
through imports, not through attributes of objects: a method counts with its class.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MODELS = "engine.models."

TUTORIAL = "the study's and the tutorial's own estimator, beside which ours is set"
BY_DEPTH = "the likelihood of depths known exactly, which the level counts are held against"
OWN_WAITS = "what live fills are compared with: the rate at one depth, with its exact interval"
CHECK = "the reference's check values of a formula whose siblings are quoted by"
STAYS = {
    "tutorial_intensity": dict.fromkeys(
        (
            "WINDOW_S",
            "repair_half_ticks",
            "tutorial_maxima",
            "unsaturated_rate",
        ),
        TUTORIAL,
    ),
    "volatility": {"demeaned_sigma": TUTORIAL, "parkinson_sigma": "another estimator, by range"},
    "intensity": dict.fromkeys(
        ("DepthTally", "fit_side", "fit_tally", "tally", "shrink"), BY_DEPTH
    ),
    "own_fills": dict.fromkeys(("fit_rates", "fit_waits", "virtual_waits"), OWN_WAITS),
    "roundtrip": {"average_cost": "what a position history says of each round trip"},
    "stationary": dict.fromkeys(("half_life_s", "pull_half_life"), "the optimum to search for"),
    "avellaneda": dict.fromkeys(("indifference_ask", "indifference_bid", "least_omega"), CHECK),
    "glft": dict.fromkeys(("closed_policy", "drift_skew", "glft_quote"), CHECK),
    "spread": {"best_off_centre": CHECK},
}

Name = tuple[str, str]
"""Module and name."""


class Module:
    """What one file defines at its top, and which names each of that uses."""

    def __init__(self, path: Path) -> None:
        self.name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        self.defined: dict[str, set[str]] = {}
        self.imported: dict[str, Name] = {}
        self.runs: set[str] = set()
        for node in ast.parse(path.read_text()).body:
            used = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
            used |= {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}
            names = list(_defines(node))
            self.defined.update(dict.fromkeys(names, used))
            self.runs |= used if not names else set()
            for part in ast.walk(node):
                if isinstance(part, ast.ImportFrom) and part.module:
                    for alias in part.names:
                        self.imported[alias.asname or alias.name] = (part.module, alias.name)

    def meant(self, used: set[str]) -> Iterator[Name]:
        """Whose names these are."""
        for name in used:
            if name in self.defined:
                yield self.name, name
            elif name in self.imported:
                yield self.imported[name]


def _defines(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Assign(targets=targets):
            for target in targets:
                yield from (part.id for part in ast.walk(target) if isinstance(part, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name


def unreached() -> set[Name]:
    """Public names of the models that nothing outside them leads to."""
    paths = (path for room in ("engine", "exchange", "tui") for path in (ROOT / room).rglob("*.py"))
    modules = {module.name: module for module in map(Module, paths)}
    reached: set[Name] = set()
    todo: list[Name] = []
    for module in modules.values():
        if not module.name.startswith(MODELS):
            todo += module.meant(module.runs.union(*module.defined.values()))
    while todo:
        found = todo.pop()
        module_of = modules.get(found[0])
        if found not in reached and module_of is not None and found[1] in module_of.defined:
            reached.add(found)
            todo += module_of.meant(module_of.defined[found[1]])
    models = (module for name, module in modules.items() if name.startswith(MODELS))
    public = {(m.name, name) for m in models for name in m.defined if not name.startswith("_")}
    return public - reached


def test_what_no_command_reaches_is_declared_with_a_reason() -> None:
    """A name that is reached by now, or gone, is struck off the list as well."""
    declared = {(MODELS + module, name) for module, names in STAYS.items() for name in names}

    assert unreached() == declared
