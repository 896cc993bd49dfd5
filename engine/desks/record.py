"""Desk record: what an engine was started with, kept in its desk's folder for later commands.

A console attaches by the desk's name alone, and a stop that finds the engine dead must know
which venue and symbol to ask. No secret is written.
"""

import os
from pathlib import Path

import msgspec

from engine.config.desk import Config
from engine.config.paper import settled
from engine.errors import StartError
from engine.process.paths import DeskPaths

_WITH_SECRETS = "paper.accounts="


class DeskRecord(msgspec.Struct, frozen=True):
    """One start of one engine."""

    config: Config
    """As it was settled then, without the further accounts of the paper exchange."""
    config_path: str
    overrides: list[str]

    @property
    def arguments(self) -> list[str]:
        """The command-line arguments that name this config again."""
        return config_arguments(Path(self.config_path), self.overrides)


def config_arguments(config_path: Path, overrides: list[str]) -> list[str]:
    """The command-line arguments that name this config again, from any folder."""
    sets = [part for text in overrides for part in ("--set", settled(text))]
    return ["--config", str(config_path.resolve()), *sets]


def write_record(paths: DeskPaths, config: Config, config_path: Path, overrides: list[str]) -> None:
    """Note the start of an engine, which holds the desk's lock.

    Raises:
        StartError: When it cannot be written.
    """
    paper = msgspec.structs.replace(config.paper, accounts=())
    record = DeskRecord(
        config=msgspec.structs.replace(config, paper=paper),
        config_path=str(config_path.resolve()),
        overrides=[settled(text) for text in overrides if not text.startswith(_WITH_SECRETS)],
    )
    fresh = paths.record.with_suffix(".new")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "wb") as stream:
            stream.write(msgspec.json.format(msgspec.json.encode(record)))
        fresh.replace(paths.record)
    except OSError as error:
        raise StartError(f"cannot write {fresh}: {error.strerror}") from error


def read_record(paths: DeskPaths) -> DeskRecord | None:
    """What the newest engine of this desk was started with; None when none was noted.

    Raises:
        StartError: When there is a record that cannot be read.
    """
    try:
        return msgspec.json.decode(paths.record.read_bytes(), type=DeskRecord)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StartError(f"cannot read {paths.record}: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise StartError(
            f"{paths.record} is of another version or torn ({error}); "
            "name the desk by its --config and --set instead"
        ) from error
