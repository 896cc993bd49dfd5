"""The door by which a fault file comes in."""

import tomllib
from pathlib import Path

from engine.errors import ConfigError
from exchange.paper.fault_plan import FaultPlan, parse_plan


def load_faults(path: Path) -> FaultPlan:
    """Read and check a fault file.

    Raises:
        ConfigError: When it cannot be read, or is not TOML.
        SettingsError: Names the file, the fault, the key and the fix.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(path, "", "no such file; try configs/faults.toml") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(path, "", f"cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(path, "", f"is not TOML: {error}") from error
    return parse_plan(tables, str(path))
