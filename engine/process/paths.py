"""Desk folders: locks, sockets and logs in one private folder a desk, named as the desk is."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.errors import StartError

_LONGEST_SOCKET_PATH = 107  # Linux's ``sun_path`` is 108 bytes with its final zero


@dataclass(frozen=True, slots=True)
class DeskPaths:
    """The files of one desk, in a folder that bears its name."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def socket(self) -> Path:
        return self.folder / "engine.sock"

    @property
    def engine_lock(self) -> Path:
        return self.folder / "engine.lock"

    @property
    def engine_log(self) -> Path:
        return self.folder / "engine.log"

    @property
    def exchange_log(self) -> Path:
        return self.folder / "exchange.log"

    @property
    def record(self) -> Path:
        """What the engine was started with."""
        return self.folder / "started.json"

    def account_lock(self, mode: str, symbol: str, port: int) -> Path:
        """Held by the engine on this account and symbol, whatever its desk is called."""
        return self.folder.parent / f"account-{mode}-{symbol.lower()}-{port}.lock"

    def exchange_lock(self, port: int) -> Path:
        """Held by the paper exchange on this port, which several desks may trade on."""
        return self.folder.parent / f"exchange-{port}.lock"


def paths_of(name: str) -> DeskPaths:
    """The paths of the desk of this name, whether they exist or not.

    Raises:
        StartError: When the machine's state folder is not to be had.
    """
    return DeskPaths(_home() / name)


def known_desks() -> Iterator[DeskPaths]:
    """Every desk that ever ran here, by name."""
    try:
        folders = sorted(_home().iterdir())
    except FileNotFoundError:
        return
    except OSError as error:
        raise StartError(f"cannot read {_home()}: {error.strerror}") from error
    yield from (DeskPaths(folder) for folder in folders if folder.is_dir())


def made_private(paths: DeskPaths) -> DeskPaths:
    """The same paths, made if missing, for this user alone.

    Raises:
        StartError: When the folder cannot be written or its path is too long for a socket.
    """
    folder = paths.folder
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _refuse_strangers(folder.parent, folder)
        folder.chmod(0o700)
        probe = folder / ".probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise StartError(
            f"the state folder {folder} cannot be written ({error.strerror}); "
            "mend it or set XDG_STATE_HOME to a folder of yours"
        ) from error
    if len(os.fsencode(paths.socket)) > _LONGEST_SOCKET_PATH:
        raise StartError(
            f"the path {paths.socket} is too long for a Unix socket; "
            "set XDG_STATE_HOME to a shorter folder, or give the desk a shorter name"
        )
    return paths


def _home() -> Path:
    base = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    if not base.is_absolute():
        raise StartError(f"XDG_STATE_HOME must be an absolute path, not {base}")
    return base / "makers-desk"


def _refuse_strangers(*folders: Path) -> None:
    """Whoever owns a folder can put another socket or lock into it at any time, even root's."""
    for folder in folders:
        owner = folder.stat().st_uid
        if owner != os.getuid():
            raise StartError(
                f"the state folder {folder} belongs to another user ({owner}); "
                "set XDG_STATE_HOME to a folder of yours"
            )
