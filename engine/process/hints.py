"""Shell hints: commands for the trader to paste into the shell that started this program."""

import os
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Self

STARTED_BY = "MAKERS_DESK_RUN"
"""Environment variable in which ``./run`` notes how it was typed."""


def pasteable(program: str, *arguments: str) -> str:
    """``engine`` or ``tui`` with these arguments, as that shell would find it."""
    run = os.environ.get(STARTED_BY)
    words = [run, program] if run else [_as_found(program)]
    return shlex.join([*words, *arguments])


def _as_found(program: str) -> str:
    beside = Path(sys.executable).with_name(program)
    found = shutil.which(program)
    if not beside.exists() or (found is not None and Path(found).samefile(beside)):
        return program
    return str(beside)


@dataclass(frozen=True, slots=True)
class DeskCommands:
    """Shell commands that address one desk."""

    attach: str
    status: str
    stop: str

    @classmethod
    def of(cls, name: str) -> Self:
        """The commands that address the desk of this name, whatever others run."""
        return cls(
            attach=pasteable("tui", "--desk", name),
            status=pasteable("engine", "status", "--desk", name),
            stop=pasteable("engine", "stop", "--desk", name),
        )


USUAL = DeskCommands("tui", "engine status", "engine stop")
"""Those of the desk that is meant where none is named."""
