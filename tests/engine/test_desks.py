"""Desk lookup: which desk a command means, and the commands that it gives in return."""

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.config.desk import load_config
from engine.config.shipped_files import DEFAULT_CONFIG
from engine.desks.desks import desk_called, desk_meant, own_paths
from engine.desks.record import read_record
from engine.errors import ConfigError, NoEngine, StartError
from engine.process.hints import pasteable
from tests.engine.recorded_desks import started, state_folder


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with state_folder(monkeypatch) as folder:
        yield folder


def test_a_desk_is_called_by_what_it_trades_and_where() -> None:
    assert desk_meant(None, None, ["paper.port=9000"]).name == "paper-btcusdt-9000"
    assert desk_meant(None, None, ["desk.name=btc"]).name == "btc"


@pytest.mark.parametrize("name", ["../up", ".hidden", "a b", "", "-x", "x" * 41, "a\n"])
def test_a_name_that_is_no_folder_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=r"desk\.name"):
        load_config(DEFAULT_CONFIG, [f"desk.name={name}"])


@pytest.mark.parametrize("name", ["nobody", "../makers-desk", ""])
def test_a_name_that_nobody_bears_is_refused_and_makes_no_folder(name: str, state: Path) -> None:
    with pytest.raises(NoEngine, match="no desk is called"):
        desk_called(name)
    assert not state.exists()


def test_a_name_goes_without_settings() -> None:
    """One of the two would be dropped in silence."""
    started("desk.name=btc")

    with pytest.raises(ConfigError, match="leave --config and --set out"):
        desk_meant("btc", None, ["strategy.gamma=0.1"])
    with pytest.raises(ConfigError, match="leave --config and --set out"):
        desk_meant("btc", DEFAULT_CONFIG, [])


def test_a_desk_knows_what_it_was_started_with() -> None:
    started("desk.name=btc", "paper.port=9000", "strategy.gamma=0.1")

    desk = desk_called("btc")

    assert desk.config is not None
    assert (desk.config.paper.port, desk.config.strategy.gamma) == (9000, 0.1)
    assert desk.start == (
        "./run tui --set desk.name=btc --set paper.port=9000 --set strategy.gamma=0.1"
    )


def test_no_secret_is_noted() -> None:
    account = '[{name = "other", api_key = "k", api_secret = "hush", capital_usdt = 1}]'
    paths = started(f"paper.accounts={account}")

    assert read_record(paths) is not None
    assert "hush" not in paths.record.read_text(encoding="utf-8")
    assert paths.record.stat().st_mode & 0o077 == 0


def test_a_dead_desk_of_another_account_must_be_stopped_before_its_name_is_taken() -> None:
    """Its record alone says where its orders may rest."""
    started("desk.name=btc", "paper.port=9000", die=True)
    other = load_config(DEFAULT_CONFIG, ["desk.name=btc", "paper.port=9001"])

    with pytest.raises(StartError, match="engine stop --desk btc"):
        own_paths(other)

    started("desk.name=btc", "paper.port=9000")
    assert own_paths(other).name == "btc"


def test_a_record_of_another_version_says_what_to_do() -> None:
    paths = started("desk.name=btc")
    paths.record.write_text('{"config": 1}', encoding="ascii")

    with pytest.raises(StartError, match="--config"):
        read_record(paths)
    assert desk_called("btc").config is None


def test_a_command_is_what_the_shell_would_find(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pasteable("engine", "stop", "--desk", "a b") == "./run engine stop --desk 'a b'"

    monkeypatch.setenv("MAKERS_DESK_RUN", "/my desk/run")
    assert pasteable("tui") == "'/my desk/run' tui"

    monkeypatch.delenv("MAKERS_DESK_RUN")
    monkeypatch.setenv("PATH", "/nowhere")
    program, *_rest = shlex.split(pasteable("engine", "list"))
    assert program == str(Path(sys.executable).with_name("engine"))
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    assert pasteable("engine", "list") == "engine list"
