"""Errors of the engine, as one tree.

    EngineError
    ├── ConfigError      the operator, before start: names file, key and fix
    ├── StartError       the machine: a lock, socket, port or folder that is not to be had
    ├── RecordingError   a recording that cannot be read; names file and line
    ├── ReplayDiffers    a replay that is not the one it was compared with
    ├── ProtocolError    a console and an engine that do not understand each other
    ├── NoEngine         nobody listens on the console socket
    ├── Interrupted      a signal came before there was anything to stop
    ├── SessionCrashed   our own failure; the stop path was taken all the same
    ├── NotVerified      a stop that could not prove that no order of ours is left
    └── NotFlat          a position that was to be closed remains

The command line turns each of them into one line and a non-zero exit.
"""

from pathlib import Path


class EngineError(Exception):
    """Root of every error raised by ``engine``."""

    exit_code = 1
    """What the command line ends with."""


class ConfigError(EngineError):
    """A setting that is unknown, missing or out of range."""

    def __init__(self, source: str | Path, key: str, problem: str) -> None:
        super().__init__(f"{source}: {key}: {problem}" if key else f"{source}: {problem}")
        self.source = str(source)
        self.key = key
        self.problem = problem


class StartError(EngineError):
    """Something on this machine is in the way; the message says what and what to do."""


class RecordingError(EngineError):
    """A recording that is torn, foreign or does not fit the config."""

    def __init__(self, path: str | Path, line: int | None, problem: str) -> None:
        where = f"{path}, line {line}" if line else str(path)
        super().__init__(f"{where}: {problem}")
        self.path = str(path)
        self.line = line


class ReplayDiffers(EngineError):
    """A replay went another way than the one that it was compared with; says where first."""


class ProtocolError(EngineError):
    """Bytes on the console socket that are not of the console protocol."""


class NoEngine(EngineError):
    """Nobody listens on the console socket."""

    exit_code = 3


class Interrupted(EngineError):
    """A signal came before the desk was up; what was started is ended again."""

    exit_code = 130


class SessionCrashed(EngineError):
    """A failure of our own ended the session; the log holds its trace."""


class NotVerified(EngineError):
    """The stop ended without proof that no order of ours is left at the venue."""

    exit_code = 4


class NotFlat(EngineError):
    """A position that was to be closed remains, or is not known to be closed."""

    exit_code = 5
