"""Starting an engine or an exchange as a process of its own, which outlives this terminal."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from engine.config import Config, load_config
from engine.console import ConsoleClient
from engine.errors import NoEngine, StartError
from engine.paper_config import settled
from engine.places import Places, places_for
from engine.protocol import Role, Welcome
from engine.warm import warm_up_first

_ENGINE_PATIENCE_S = 60.0
_FIRST_LOOK_S = 0.02
_LOG_TAIL_BYTES = 2000


def ensure_engine(
    config_path: Path,
    overrides: list[str],
    say: Callable[[str], None],
    meanwhile: Callable[[], None] = lambda: None,
) -> Places:
    """Make sure that an engine runs for this config, and give the places of its desk.

    Args:
        overrides: ``section.key=value`` texts over the file.
        say: Told in one line what is being waited for.
        meanwhile: Work of the caller's own that may as well be done while the engine starts.

    Raises:
        EngineError: When the config is wrong or the engine does not come up; one line.
    """
    config = load_config(config_path, overrides)
    places = desk_places(config)
    running = asyncio.run(engine_welcome(places))
    if running is not None:
        _compare(running, config, overrides, say)
        return places
    warm_up_first()
    say(f"starting the engine (log: {places.engine_log})")
    started = start_detached(["run", *config_arguments(config_path, overrides)], places.engine_log)
    meanwhile()
    wait_until(
        lambda: asyncio.run(engine_welcome(places)) is not None,
        started,
        places.engine_log,
        "engine",
    )
    return places


def desk_places(config: Config) -> Places:
    """Where the desk of this config lives."""
    return places_for(config.desk.mode, config.desk.symbol, config.paper.port)


def config_arguments(config_path: Path, overrides: list[str]) -> list[str]:
    """The command-line arguments that name this config again."""
    sets = [part for text in overrides for part in ("--set", settled(text))]
    return ["--config", str(config_path.resolve()), *sets]


def _compare(
    running: Welcome, config: Config, overrides: list[str], say: Callable[[str], None]
) -> None:
    """Say so when the engine that runs was started with other settings than these.

    Raises:
        StartError: When settings were given by hand, which an engine that runs cannot take.
    """
    if running.digest == config.digest:
        return
    way_out = "end it first (./run engine stop) for these settings to count"
    if overrides:
        raise StartError(
            f"an engine runs already, with other settings ({running.config}); {way_out}, "
            "or attach without --set"
        )
    say(f"the engine that runs was started with other settings ({running.config}); {way_out}")


async def engine_welcome(places: Places) -> Welcome | None:
    """What the engine on the desk's socket says of itself; None when none answers."""
    try:
        client = await ConsoleClient.connect(places.socket, Role.WATCHER)
    except NoEngine:
        return None
    await client.close()
    return client.welcome


def start_detached(arguments: list[str], log: Path) -> "subprocess.Popen[bytes]":
    """Run ``engine ARGUMENTS`` in a session of its own, its words going to a log file.

    Raises:
        StartError: When the log cannot be written.
    """
    try:
        stream = log.open("ab")
    except OSError as error:
        raise StartError(f"cannot write {log}: {error.strerror}") from error
    with stream:
        return subprocess.Popen(
            [sys.executable, "-m", "engine", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
            cwd="/",
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )


def wait_until(
    ready: Callable[[], bool], process: "subprocess.Popen[bytes]", log: Path, name: str
) -> None:
    """Wait until a process that was just started is ready.

    Raises:
        StartError: When it ends first, with its own last words, or takes too long.
    """
    pause_s = _FIRST_LOOK_S
    deadline_s = time.monotonic() + _ENGINE_PATIENCE_S
    while not ready():
        if process.poll() is not None:
            raise StartError(last_words(log) or f"the {name} ended at once; see {log}")
        if time.monotonic() > deadline_s:
            process.terminate()  # what was started for nothing must not trade unseen
            raise StartError(f"the {name} did not come up in time and was ended; see {log}")
        time.sleep(pause_s)


def last_words(log: Path) -> str:
    """The last line of a log that says why a process ended."""
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - _LOG_TAIL_BYTES))
        lines = stream.read().decode("utf-8", "replace").splitlines()
    said = [line for line in lines if line.startswith(("engine: ", "exchange: "))]
    return said[-1].partition(": ")[2] if said else ""
