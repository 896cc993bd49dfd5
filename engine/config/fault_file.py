"""Loader of fault files: TOML to a checked plan of faults."""

from pathlib import Path

from engine.config.toml_file import read_toml
from exchange.paper.faults.plan import FaultPlan, parse_plan


def load_faults(path: Path) -> FaultPlan:
    """Read and check a fault file.

    Raises:
        ConfigError: When it cannot be read, or is not TOML.
        SettingsError: Names the file, the fault, the key and the fix.
    """
    return parse_plan(read_toml(path, "configs/faults.toml"), str(path))
