"""Desk lookup: which desk a command means, and whether its engine runs."""

from dataclasses import dataclass
from pathlib import Path

from engine.config.desk import Config, load_config
from engine.config.shipped_files import DEFAULT_CONFIG
from engine.desks.record import DeskRecord, read_record
from engine.errors import ConfigError, NoEngine, StartError
from engine.process.hints import DeskCommands, pasteable
from engine.process.lock import lock_owner
from engine.process.paths import DeskPaths, known_desks, made_private, paths_of


@dataclass(frozen=True, slots=True)
class Desk:
    """One desk of this machine, running or not."""

    paths: DeskPaths
    config: Config | None
    """What its engine runs with; where none ever ran, what the command line says. None when
    neither says."""
    start: str
    """The command that starts it again."""

    @property
    def name(self) -> str:
        return self.paths.name

    @property
    def commands(self) -> DeskCommands:
        return DeskCommands.of(self.name)

    @property
    def engine_pid(self) -> int | None:
        """Process id of its engine, or None when none runs."""
        return lock_owner(self.paths.engine_lock)

    @property
    def is_dead(self) -> bool:
        """Did its engine end without a clean stop? Then orders of ours may rest."""
        return self.engine_pid is None and (
            self.paths.socket.exists() or _says_something(self.paths.engine_lock)
        )

    @property
    def exchange_pid(self) -> int | None:
        """Process id of the paper exchange that it trades on, or None."""
        if self.config is None:
            return None
        return lock_owner(self.paths.exchange_lock(self.config.paper.port))


def desk_called(name: str) -> Desk:
    """The desk of this name.

    Raises:
        NoEngine: When no desk of this name ever ran here.
    """
    if name not in [paths.name for paths in known_desks()]:
        raise NoEngine(f"no desk is called {name!r}; {running_desks()}")
    return _as_noted(paths_of(name))


def desk_meant(name: str | None, config_path: Path | None, overrides: list[str]) -> Desk:
    """The desk of a name, or without one the desk of a config, or else the usual one.

    Raises:
        ConfigError: When both are given, or the config is wrong.
        NoEngine: When no desk of this name ever ran here.
    """
    if name is None:
        path = config_path or DEFAULT_CONFIG
        return desk_of(load_config(path, overrides), path, overrides)
    if config_path is not None or overrides:
        raise ConfigError(
            "--desk", name, "names a desk as it was started; leave --config and --set out"
        )
    return desk_called(name)


def desk_of(config: Config, config_path: Path, overrides: list[str]) -> Desk:
    """The desk of this config, which the newest engine may have run with other settings."""
    paths = paths_of(config.desk_name)
    asked = DeskRecord(config, str(config_path), overrides)
    try:
        noted = read_record(paths)
    except StartError:
        noted = None  # the config that was given says as much
    return Desk(paths, (noted or asked).config, _start_command(asked))


def own_paths(config: Config) -> DeskPaths:
    """Where the desk of this config lives, made if missing.

    Raises:
        StartError: When its folder is not to be had, or another desk's orders may be forgotten
            by taking it.
    """
    paths = made_private(paths_of(config.desk_name))
    try:
        noted = read_record(paths)
    except StartError:
        return paths
    if noted is not None and _account(noted.config) != _account(config):
        before = _as_noted(paths)
        if before.is_dead:
            raise StartError(
                f"desk {before.name} was {' '.join(map(str, _account(noted.config)))} and its "
                f"engine died; what it left must be cancelled first: {before.commands.stop}"
            )
    return paths


def every_desk() -> list[Desk]:
    """Every desk that ever ran on this machine, by name."""
    return [_as_noted(paths) for paths in known_desks()]


def running_desks() -> str:
    """Which desks run, as a text, with the command that shows them."""
    names = [desk.name for desk in every_desk() if desk.engine_pid is not None]
    if not names:
        return "no desk runs"
    return f"running: {', '.join(names)} ({pasteable('engine', 'list')})"


def not_running(desk: Desk) -> NoEngine:
    """What to say to somebody who wants to look at a desk whose engine does not run."""
    if desk.is_dead:
        return NoEngine(
            f"the engine of desk {desk.name} is dead; cancel what it left: {desk.commands.stop}"
        )
    start = f"; start it: {desk.start}" if desk.start else ""
    return NoEngine(f"no engine runs for desk {desk.name}; {running_desks()}{start}")


def _as_noted(paths: DeskPaths) -> Desk:
    try:
        noted = read_record(paths)
    except StartError:
        noted = None
    if noted is None:
        return Desk(paths, None, "")
    return Desk(paths, noted.config, _start_command(noted))


def _start_command(record: DeskRecord) -> str:
    arguments = record.arguments
    if arguments[:2] == ["--config", str(DEFAULT_CONFIG)]:
        arguments = arguments[2:]
    return pasteable("tui", *arguments)


def _account(config: Config) -> tuple[str, str, int]:
    """Whose orders an engine of this config would take for its own."""
    return config.desk.mode, config.desk.symbol, config.paper.port


def _says_something(lock: Path) -> bool:
    try:
        return lock.stat().st_size > 0
    except FileNotFoundError:
        return False
