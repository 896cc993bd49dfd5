"""TOML loader: a file is read whole, or refused with its name."""

import tomllib
from pathlib import Path
from typing import Any

from engine.errors import ConfigError


def read_toml(path: Path, example: str) -> dict[str, Any]:
    """The tables of a file.

    Args:
        example: A file of the kind that exists, for who names one that does not.

    Raises:
        ConfigError: When it cannot be read, or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(path, "", f"no such file; try {example}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(path, "", f"cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(path, "", f"is not TOML: {error}") from error
