"""The configs that ship with the programs are found by the name that every page calls them by."""

from pathlib import Path

import pytest

from engine.config.desk import load_config
from engine.config.paper import settled
from engine.config.shipped_files import DEFAULT_CONFIG, SHIPPED, meant_file


def test_the_usual_desk_can_be_read() -> None:
    """It is what ``./run`` opens."""
    assert load_config(DEFAULT_CONFIG).name == "paper.toml"


def test_a_shipped_config_is_found_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert meant_file(Path("configs/study.toml")) == SHIPPED / "study.toml"
    assert settled("paper.faults=configs/faults.toml") == f"paper.faults={SHIPPED / 'faults.toml'}"


def test_a_file_of_one_s_own_goes_before_the_shipped_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An edited copy must never be passed over for the original."""
    monkeypatch.chdir(tmp_path)
    own = Path("configs/paper.toml")
    own.parent.mkdir()
    own.touch()

    assert meant_file(own) == own


@pytest.mark.parametrize("name", ["configs/papier.toml", "paper.toml", "/configs/paper.toml"])
def test_other_names_mean_themselves(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the refusal names the file that was asked for."""
    monkeypatch.chdir(tmp_path)

    assert meant_file(Path(name)) == Path(name)
