"""Where a desk keeps its lock, socket and logs: one private folder per venue and symbol."""

import os
from dataclasses import dataclass
from pathlib import Path

from engine.errors import StartError

_LONGEST_SOCKET_PATH = 107


@dataclass(frozen=True, slots=True)
class Places:
    """The files of one desk."""

    folder: Path

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
    def exchange_lock(self) -> Path:
        return self.folder / "exchange.lock"

    @property
    def exchange_log(self) -> Path:
        return self.folder / "exchange.log"


def places_for(mode: str, symbol: str, port: int) -> Places:
    """The places of the desk on this account, made private if missing.

    Args:
        port: The paper exchange's port; desks on different exchanges are different desks.

    Raises:
        StartError: When the folder cannot be written or its path is too long for a socket.
    """
    base = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    if not base.is_absolute():
        raise StartError(f"XDG_STATE_HOME must be an absolute path, not {base}")
    folder = base / "makers-desk" / f"{mode}-{symbol.lower()}-{port}"
    places = Places(folder)
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
    if len(os.fsencode(places.socket)) > _LONGEST_SOCKET_PATH:
        raise StartError(
            f"the path {places.socket} is too long for a Unix socket; "
            "set XDG_STATE_HOME to a shorter folder"
        )
    return places


def _refuse_strangers(*folders: Path) -> None:
    """Whoever owns a folder can put another socket or lock into it at any time, even root's."""
    for folder in folders:
        owner = folder.stat().st_uid
        if owner != os.getuid():
            raise StartError(
                f"the state folder {folder} belongs to another user ({owner}); "
                "set XDG_STATE_HOME to a folder of yours"
            )
