"""The pages say what is so: links lead somewhere, commands are taken, names exist."""

import ast
import re
import shlex
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, get_args
from xml.etree import ElementTree

import msgspec
import pytest
import typer

from engine import cli as engine_cli
from engine.config.desk import RENAMED, Config, load_config
from engine.console.protocol import Role
from engine.core.actions import Action
from engine.core.orders import STATE_NAMES
from engine.core.states import FitKind, FlattenState, Mode, RiskState, SideReason
from engine.process.paths import paths_of
from exchange.paper.faults.plan import RENAMED as RENAMED_IN_FAULTS
from exchange.paper.faults.plan import parse_plan
from exchange.types import Link, Outcome
from tui import cli as tui_cli

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
PAGES = [README, ROOT / "CHANGELOG.md", *sorted(DOCS.glob("*.md"))]
PAPER = ROOT / "configs" / "paper.toml"
FLOORS = ("tui", "engine", "exchange")
PROGRAMS = {
    "engine": typer.main.get_command(engine_cli.app),
    "tui": typer.main.get_command(tui_cli.app),
}

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
CODE = re.compile(r"`([^`\n]+)`")
SETTING = re.compile(r"([a-z]+)\.([A-Za-z_]\w*)(?: = .*)?")
PYTHON_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def inline_code(page: Path) -> list[str]:
    return CODE.findall(FENCE.sub("", text_of(page)))


def page_name(page: Path) -> str:
    return page.name


each_page = pytest.mark.parametrize("page", PAGES, ids=page_name)


# ---------------------------------------------------------------- links


def anchors(page: Path) -> set[str]:
    """Of each heading, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", text_of(page)), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    }


def dead_links(page: Path) -> Iterator[str]:
    for target in LINK.findall(text_of(page)):
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        inside = found.is_relative_to(ROOT)
        if "://" in target:
            continue
        if not inside or not found.exists() or (anchor and anchor not in anchors(found)):
            yield target


@each_page
def test_every_link_leads_somewhere(page: Path) -> None:
    assert list(dead_links(page)) == []


def test_every_page_is_reached_from_the_readme() -> None:
    linked = {(ROOT / target).resolve() for target in LINK.findall(text_of(README))}

    assert [page.name for page in DOCS.glob("*.md") if page not in linked] == []


def test_the_readme_is_read_in_one_go() -> None:
    assert len(text_of(README).splitlines()) <= 120


def test_the_picture_is_small_and_fetches_nothing() -> None:
    """A picture of the real screen, of nobody's machine."""
    picture = DOCS / "desk.svg"
    drawn = picture.read_text(encoding="utf-8")
    said = "".join(ElementTree.fromstring(drawn).itertext()).replace("\xa0", " ")

    assert picture.stat().st_size < 150_000
    assert all(words in said for words in ("PAPER", "BTCUSDT", "ctrl+x PANIC", "skew·q"))
    assert not re.search(r"/(home|root|tmp|work|Users)/|url\(.?https?:", drawn)


# ---------------------------------------------------------------- commands


def commands_in(page: Path) -> Iterator[list[str]]:
    """Words of each ``engine ...`` or ``tui ...``, in blocks and in the text."""
    blocks = [body.splitlines() for _language, body in FENCE.findall(text_of(page))]
    for line in [*(line for block in blocks for line in block), *inline_code(page)]:
        try:
            words = shlex.split(line, comments=True)
        except ValueError:
            continue  # a lone quote: no command
        if words[:1] == ["./run"]:
            words = words[1:]
            if words[:1] and words[0] in ("test", "lock"):
                continue
            if not words or words[0].startswith("-"):
                words = ["tui", *words]
        if words and words[0] in PROGRAMS:
            yield words


def exists(path: str) -> bool:
    return (ROOT / path).exists()


def complaint(words: list[str]) -> str:
    """Why the program would not take these words; empty when it would."""
    command: Any = PROGRAMS[words[0]]
    rest = words[1:]
    while rest and hasattr(command, "commands"):
        if rest[0] not in command.commands:
            return f"{' '.join(words)}: no command {rest[0]}"
        command, rest = command.commands[rest[0]], rest[1:]
    if not rest:
        return ""  # named, not quoted to be run
    if missing := [word for word in rest if word.startswith("configs/") and not exists(word)]:
        return f"{' '.join(words)}: no file {missing[0]}"
    try:
        given = command.make_context(command.name, rest).params
        load_config(
            ROOT / (given.get("config") or PAPER),
            list(given.get("set_") or given.get("overrides") or ()),
        )
    except Exception as error:  # click's own, which typer carries under changing names
        return f"{' '.join(words)}: {getattr(error, 'message', error)}"
    return ""


@each_page
def test_every_command_is_taken_by_its_program(page: Path) -> None:
    """Options, values and settings alike; what a reader pastes must not be refused."""
    assert [wrong for words in commands_in(page) if (wrong := complaint(words))] == []


@pytest.mark.parametrize(
    "words",
    ["engine pause", "engine stop --now", "tui --set strategy.gama=1", "engine exchange --port x"],
)
def test_a_wrong_command_would_be_noticed(words: str) -> None:
    assert complaint(words.split()) != ""


def test_the_readme_names_every_command() -> None:
    named = {" ".join(words) for words in commands_in(README)}
    wanted = {"tui"}
    for name, command in PROGRAMS["engine"].commands.items():  # type: ignore[attr-defined]  # a group
        below = getattr(command, "commands", {})
        wanted |= {f"engine {name} {each}" for each in below} or {f"engine {name}"}

    assert wanted - named == set()


def unfound_tests(page: Path) -> Iterator[str]:
    """Files, modules and ``-k`` words that no test answers to."""
    for code in [*inline_code(page), *(body for _language, body in FENCE.findall(text_of(page)))]:
        for module in re.findall(r"python -m (tests[\w.]+)", code):
            if not exists(f"{module.replace('.', '/')}.py"):
                yield module
        if not code.startswith("pytest "):
            continue
        words = shlex.split(code)[1:]
        chosen = words.pop(words.index("-k") + 1) if "-k" in words else ""
        files = [word for word in words if word != "-k"]
        yield from (file for file in files if not exists(file))
        named = " ".join(name for file in files if exists(file) for name in names_in(ROOT / file))
        yield from (
            word for word in re.findall(r"\w+", chosen) if word not in f"{named} or and not"
        )


def names_in(file: Path) -> list[str]:
    return re.findall(r"def (test_\w+)", text_of(file))


@each_page
def test_every_test_named_is_there(page: Path) -> None:
    """A command that runs no test shows nothing."""
    assert list(unfound_tests(page)) == []


# ---------------------------------------------------------------- settings


def settings() -> set[str]:
    """Every ``section.key`` of a config."""
    found = set()
    for section in msgspec.structs.fields(Config):
        if isinstance(section.type, type) and issubclass(section.type, msgspec.Struct):
            keys = msgspec.structs.fields(section.type)
            found |= {f"{section.name}.{key.name}" for key in keys}
    return found


def test_the_configuration_page_tells_every_setting() -> None:
    told = set(inline_code(DOCS / "configuration.md"))

    assert settings() - told == set()
    assert (RENAMED.keys() | set(RENAMED.values())) - told == set()
    assert (RENAMED_IN_FAULTS.keys() | set(RENAMED_IN_FAULTS.values())) - told == set()


@each_page
def test_every_setting_in_the_text_exists(page: Path) -> None:
    sections = {name.partition(".")[0] for name in settings()}
    shown = [found for code in inline_code(page) if (found := SETTING.fullmatch(code))]
    named = {f"{found[1]}.{found[2]}" for found in shown if found[1] in sections}
    files = {name for name in named if name.endswith((".toml", ".md", ".py"))}

    assert named - files - settings() - RENAMED.keys() == set()


@each_page
def test_every_block_of_toml_is_taken(page: Path, tmp_path: Path) -> None:
    for language, body in FENCE.findall(text_of(page)):
        if language != "toml":
            continue
        if "[[fault]]" in body:
            parse_plan(tomllib.loads(body), page.name)
        else:
            path = tmp_path / "config.toml"
            path.write_text(f"{text_of(PAPER)}\n{body}", encoding="utf-8")
            load_config(path).paper_settings()


def test_values_named_for_a_choice_are_its_values() -> None:
    """``"mle"`` and the like, in the rows that list what may be chosen."""
    rows = re.findall(r"^\| `(\w+)\.(\w+)` \| (.*) \|$", text_of(DOCS / "configuration.md"), re.M)
    types = {
        f"{section.name}.{key.name}": key.type
        for section in msgspec.structs.fields(Config)
        if hasattr(section.type, "__struct_fields__")
        for key in msgspec.structs.fields(section.type)
    }
    wrong = []
    for section, key, meaning in rows:
        choices = {
            each for each in get_args(types.get(f"{section}.{key}")) if isinstance(each, str)
        }
        told = set(re.findall(r'`"(\w+)"`', meaning))
        if choices and told != choices:
            wrong.append((f"{section}.{key}", told ^ choices))

    assert wrong == []


def test_the_desks_page_names_files_as_a_desk_does() -> None:
    named = {
        code for code in inline_code(DOCS / "desks.md") if re.fullmatch(r"[a-z]+\.[a-z]+", code)
    }
    paths = paths_of("any")
    files = {paths.socket, paths.engine_log, paths.exchange_log, paths.record}

    assert named == {file.name for file in files}


# ---------------------------------------------------------------- names


class _Names(ast.NodeVisitor):
    """What the code defines: every name, and of each class its members."""

    def __init__(self) -> None:
        self.all: set[str] = set()
        self.members: dict[str, set[str]] = {}
        self.bases: dict[str, set[str]] = {}
        self._inside: list[str] = []

    def _add(self, name: str) -> None:
        self.all.add(name)
        if self._inside:
            self.members[self._inside[-1]].add(name)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._add(node.name)
        self.members.setdefault(node.name, set())
        bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
        self.bases.setdefault(node.name, set()).update(bases)
        self._inside.append(node.name)
        self.generic_visit(node)
        self._inside.pop()

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._add(node.name)
        self.all |= {argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)}
        self.generic_visit(node)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Store):
            self._add(node.id)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if isinstance(node.ctx, ast.Store):
            self._add(node.attr)

    def member(self, owner: str, name: str) -> bool:
        own = name in self.members.get(owner, ())
        return own or any(self.member(base, name) for base in self.bases.get(owner, ()))


@cache
def names_in_the_code() -> _Names:
    names = _Names()
    for floor in FLOORS:
        for path in sorted((ROOT / floor).rglob("*.py")):
            names.all |= {path.stem, path.parent.name}
            names.visit(ast.parse(path.read_text(encoding="utf-8")))
    return names


def is_known(name: str) -> bool:
    """A name, ``Class.member``, or ``module.name``, as the code has it."""
    names, parts = names_in_the_code(), name.split(".")
    if len(parts) == 1:
        return name in names.all or name in FLOORS
    owner, member = parts[-2:]
    modules = [path for floor in FLOORS for path in (ROOT / floor).rglob(f"{owner}.py")]
    return names.member(owner, member) or any(f"def {member}(" in text_of(p) for p in modules)


def unknown_names(page: Path) -> list[str]:
    """Paths that are not there, and names that nothing bears."""
    unknown = []
    for code in inline_code(page):
        if "/" in code and re.fullmatch(r"[\w./]+", code):
            if not code.startswith("./") and not exists(code):
                unknown.append(code)
        elif PYTHON_NAME.fullmatch(code.removesuffix("()")):
            if exists(code) or code.startswith("__"):
                continue
            if not is_known(code.removesuffix("()")):
                unknown.append(code)
    return unknown


def test_the_architecture_names_what_exists() -> None:
    assert unknown_names(DOCS / "architecture.md") == []


@pytest.mark.parametrize("name", ["Trader.decide_all", "Nobody", "frames.nothing", "Market.q"])
def test_a_name_that_nothing_bears_would_be_noticed(name: str) -> None:
    assert not is_known(name)


def test_the_architecture_has_a_line_for_every_room() -> None:
    told = text_of(DOCS / "architecture.md")
    rooms = {path.parent for floor in FLOORS for path in (ROOT / floor).rglob("__init__.py")}
    files = {
        path
        for house in (*FLOORS, "exchange/paper")
        for path in (ROOT / house).glob("*.py")
        if not path.name.startswith("__")
    }
    wanted = {f"{room.relative_to(ROOT)}/" for room in rooms} | {
        str(path.relative_to(ROOT)) for path in files
    }

    assert sorted(name for name in wanted if f"`{name}`" not in told) == []


def glossary() -> list[tuple[str, str]]:
    rows = re.findall(r"^\| (.+?) \| (.+) \|$", text_of(DOCS / "glossary.md"), re.MULTILINE)
    return [row for row in rows if row[0] not in ("word", "---")]


def test_the_glossary_is_in_order_and_tells_each_word_once() -> None:
    words = [word.replace("`", "") for word, _meaning in glossary()]

    assert words == sorted(set(words), key=lambda word: (word.casefold(), word))


def test_code_words_of_the_glossary_are_in_the_code() -> None:
    """As a name, or as a value that settings, views or protocols carry."""
    sources = [path for floor in FLOORS for path in (ROOT / floor).rglob("*.py")]
    values = set(re.findall(r'"([\w ]+)"', "".join(map(text_of, sources))))
    shown = {code for row in glossary() for text in row for code in CODE.findall(text)}
    plain = {code for code in shown if re.fullmatch(r"\w+", code)}

    assert sorted(code for code in plain if not is_known(code) and code not in values) == []


@pytest.mark.parametrize(
    "kind", [SideReason, Mode, RiskState, FitKind, Action, Role, Link, Outcome]
)
def test_the_glossary_explains_what_screen_and_protocol_say(kind: Any) -> None:
    told = text_of(DOCS / "glossary.md")

    assert [word.value for word in kind if not re.search(rf"\b{word.value}\b", told)] == []


def test_the_glossary_explains_every_state_of_an_order() -> None:
    words = {word for word, _meaning in glossary()}

    assert set(STATE_NAMES) - {"free"} - words == set()
    assert FlattenState.NOT_FLAT.value in words
