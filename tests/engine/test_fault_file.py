"""Fault file loader."""

from pathlib import Path

import pytest

from engine.config.fault_file import load_faults
from engine.errors import ConfigError
from exchange.errors import SettingsError

EXAMPLE = Path(__file__).resolve().parents[2] / "configs" / "faults.toml"


def test_the_bad_day_is_a_plan() -> None:
    """It is documentation that runs."""
    plan = load_faults(EXAMPLE)

    assert plan.seed == 1
    assert {"drop_reply", "refuse", "delay", "cut", "stall", "restart"} <= {
        str(fault.__struct_config__.tag) for fault in plan.faults
    }


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"seed = ", "is not TOML: "),
        (b"\xff", "cannot be read: "),
        (None, "no such file; try configs/faults.toml"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, raw: bytes | None, told: str) -> None:
    path = tmp_path / "f.toml"
    if raw is not None:
        path.write_bytes(raw)

    with pytest.raises(ConfigError) as refused:
        load_faults(path)

    assert str(refused.value).startswith(f"{path}: {told}")


def test_a_slip_names_file_fault_key_and_fix(tmp_path: Path) -> None:
    path = tmp_path / "f.toml"
    path.write_text('[[fault]]\nkind = "stall"\nat_s = 1\nfor_ms = 5\n', encoding="utf-8")

    with pytest.raises(SettingsError) as refused:
        load_faults(path)

    assert str(refused.value) == (
        f"{path}: fault 1 (stall): for_ms: is not a setting of this; did you mean for_s?"
    )
