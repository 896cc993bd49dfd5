"""Where the configs that ship with the programs are: in a checkout, or in an installed wheel.

They are called ``configs/NAME`` on every page and in every example, so that name leads to them
from any folder that holds no such file of its own.
"""

from pathlib import Path

_BESIDE_THE_PACKAGES = Path(__file__).resolve().parents[2] / "configs"
_IN_THE_WHEEL = Path(__file__).resolve().parent / "shipped"  # put there by pyproject.toml

SHIPPED = _IN_THE_WHEEL if _IN_THE_WHEEL.is_dir() else _BESIDE_THE_PACKAGES
"""The folder of the configs that ship with the programs."""

DEFAULT_CONFIG = SHIPPED / "paper.toml"
"""The desk that is meant where none is named."""


def meant_file(path: Path) -> Path:
    """The file that a name on the command line means.

    Args:
        path: As given; one that exists means itself.

    Returns:
        For ``configs/NAME`` the shipped file of that name, if there is one; else ``path``.
    """
    shipped = SHIPPED / path.name
    if path.parent != Path("configs") or path.exists() or not shipped.is_file():
        return path
    return shipped
