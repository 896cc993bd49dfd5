"""Process launcher: an engine or an exchange of its own session, which outlives this terminal."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from engine.config.desk import Config, load_config
from engine.console.client import ConsoleClient
from engine.console.protocol import Role, Welcome
from engine.core.states import Mode
from engine.desks.desks import Desk, desk_meant, desk_of, every_desk, not_running, own_paths
from engine.desks.record import config_arguments, read_record
from engine.errors import EngineError, Interrupted, NoEngine, NotVerified, StartError
from engine.process.interruption import Interruption
from engine.process.lock import lock_owner
from engine.process.paths import DeskPaths
from engine.process.warm_up import compile_first

_ENGINE_PATIENCE_S = 60.0  # imports and kernels from the cache, on a slow machine
_END_PATIENCE_S = 30.0  # longer than the some 21 s in which an engine that is signalled ends
_EXCHANGE_END_PATIENCE_S = 5.0  # it closes its sockets within 3 s
_FIRST_LOOK_S = 0.02
_LOG_TAIL_BYTES = 2000  # the reason of an end is in the last lines
_NEW_RUN = "==== a new run"


def ensure_engine(
    config_path: Path,
    overrides: list[str],
    say: Callable[[str], None],
    interruption: Interruption,
    meanwhile: Callable[[], None] = lambda: None,
) -> DeskPaths:
    """Make sure that an engine runs for this config, and give the paths of its desk.

    Args:
        overrides: ``section.key=value`` texts over the file.
        say: Called with one line on what is being waited for.
        interruption: Of the caller, which takes note of signals all the while.
        meanwhile: Work of the caller's own that may as well be done while the engine starts.

    Raises:
        EngineError: When the config is wrong or the engine does not come up; one line.
        Interrupted: When a signal came first; then nothing that this call started is left.
    """
    config = load_config(config_path, overrides)
    desk = desk_of(config, config_path, overrides)
    running = asyncio.run(engine_welcome(desk.paths))
    if running is not None:
        _compare(running, desk, config, overrides, say)
        return desk.paths
    paths = own_paths(config)
    had_exchange = lock_owner(paths.exchange_lock(config.paper.port)) is not None
    compile_first()
    if config.mode is Mode.PAPER and config.paper_settings().plays_recordings:
        compile_first("exchange")
    if interruption.came:
        raise Interrupted("interrupted; nothing was started")
    say(f"starting the engine of desk {desk.name} (log: {paths.engine_log})")
    arguments = config_arguments(config_path, overrides)
    started = start_detached(["run", *arguments], paths.engine_log)
    try:
        meanwhile()
        wait_until(
            lambda: asyncio.run(engine_welcome(paths)) is not None,
            started,
            paths.engine_log,
            "engine",
            interruption,
        )
    except BaseException:  # what was started for nothing must not trade unseen
        _end_again(started, desk_of(config, config_path, overrides), had_exchange=had_exchange)
        raise
    return paths


def running_desk(name: str | None, config_path: Path | None, overrides: list[str]) -> DeskPaths:
    """The paths of a desk whose engine runs; starts nothing.

    Args:
        name: Of the desk; None for the desk of the config.

    Raises:
        NoEngine: When none runs.
        EngineError: When the config is wrong.
    """
    desk = desk_meant(name, config_path, overrides)
    if desk.engine_pid is None:
        raise not_running(desk)
    return desk.paths


def _compare(
    running: Welcome,
    desk: Desk,
    config: Config,
    overrides: list[str],
    say: Callable[[str], None],
) -> None:
    """Say so when the engine that runs was started with other settings than these.

    Raises:
        StartError: When one was given as an option that the engine does not run with: it cannot
            take it, and to drop it in silence would be worse.
    """
    if running.digest == config.digest:
        return
    commands = desk.commands
    noted = read_record(desk.paths)
    differing = [
        text for text in overrides if noted is None or _setting(text, config, noted.config)
    ]
    if differing:
        raise StartError(
            f"desk {desk.name} runs already, and not with {', '.join(differing)}; end it first: "
            f"{commands.stop}; or attach to it as it is: {commands.attach}"
        )
    say(
        f"desk {desk.name} goes on with the settings that it was started with "
        f"({running.config}); for others end it first: {commands.stop}"
    )


def _setting(override: str, one: Config, other: Config) -> bool:
    """Do two configs differ in what an override sets?"""
    section, key = re.split(r"[.=]", override)[:2]
    if (section, key) == ("desk", "name"):
        return False  # both are of the desk that was found by it
    return bool(getattr(getattr(one, section), key) != getattr(getattr(other, section), key))


async def engine_welcome(paths: DeskPaths) -> Welcome | None:
    """What the engine on the desk's socket says of itself; None when none answers."""
    try:
        client = await ConsoleClient.connect(paths.socket, Role.WATCHER)
    except NoEngine:
        return None
    await client.close()
    return client.welcome


def start_detached(arguments: list[str], log: Path) -> "subprocess.Popen[bytes]":
    """Run ``engine ARGUMENTS`` in a session of its own, its output going to a log file.

    Raises:
        StartError: When the log cannot be written.
    """
    try:
        with log.open("ab") as stream:
            stream.write(f"{_NEW_RUN}: engine {arguments[0]}\n".encode())
            stream.flush()
            return subprocess.Popen(
                [sys.executable, "-m", "engine", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
                cwd="/",
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
    except OSError as error:
        raise StartError(f"cannot write {log}: {error.strerror}") from error


def wait_until(
    ready: Callable[[], bool],
    process: "subprocess.Popen[bytes]",
    log: Path,
    name: str,
    interruption: Interruption | None = None,
) -> None:
    """Wait until a process that was just started is ready; a caller ends what is not.

    Raises:
        StartError: When it ends first, with the last line of its log, or takes too long.
        Interrupted: When a signal came first.
    """
    pause_s = _FIRST_LOOK_S
    deadline_s = time.monotonic() + _ENGINE_PATIENCE_S
    while not ready():
        if process.poll() is not None:
            raise StartError(last_words(log) or f"the {name} ended at once; see {log}")
        if interruption is not None and interruption.came:
            break
        if time.monotonic() > deadline_s:
            raise StartError(f"the {name} did not come up in time and is ended; see {log}")
        time.sleep(pause_s)
    if interruption is not None and interruption.came:
        raise Interrupted("interrupted; what was started is ended again, nothing quotes on")


def _end_again(started: "subprocess.Popen[bytes]", desk: Desk, *, had_exchange: bool) -> None:
    """End an engine that was started for nothing, and the exchange if it came with it.

    Raises:
        NotVerified: When the engine does not say that it has left nothing.
    """
    started.terminate()
    try:
        code = started.wait(_END_PATIENCE_S)
    except subprocess.TimeoutExpired:
        raise NotVerified(
            f"the engine that was started (process {started.pid}) does not end; see "
            f"{desk.paths.engine_log}, and then: {desk.commands.stop}"
        ) from None
    if code == NotVerified.exit_code:
        raise NotVerified(last_words(desk.paths.engine_log))
    if not had_exchange:
        end_exchange(desk)


def end_exchange(desk: Desk) -> str:
    """End the paper exchange that a desk traded on, unless an engine trades there still.

    Returns:
        What became of it; empty when none runs.

    Raises:
        EngineError: When it does not end.
    """
    owner = desk.exchange_pid
    if owner is None or desk.config is None:
        return ""
    port = desk.config.paper.port
    others = [  # this desk too, if somebody started it again meanwhile
        other.name
        for other in every_desk()
        if other.engine_pid is not None
        and other.config is not None
        and other.config.paper.port == port
    ]
    if others:
        return f"goes on, for {', '.join(others)}"
    os.kill(owner, signal.SIGTERM)
    wait_for_exit(desk.paths.exchange_lock(port), _EXCHANGE_END_PATIENCE_S)
    return "stopped"


def wait_for_exit(lock: Path, patience_s: float) -> None:
    """Wait until whoever holds a lock has let it go.

    Raises:
        EngineError: When it does not.
    """
    deadline_s = time.monotonic() + patience_s
    while (owner := lock_owner(lock)) is not None:
        if time.monotonic() > deadline_s:
            raise EngineError(f"process {owner}, which holds {lock}, does not end")
        time.sleep(_FIRST_LOOK_S)


def last_words(log: Path) -> str:
    """The line of a log that says why the newest process ended; empty when none does."""
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - _LOG_TAIL_BYTES))
        text = stream.read().decode("utf-8", "replace")
    lines = text.rpartition(_NEW_RUN)[2].splitlines()
    said = [line for line in lines if line.startswith(("engine: ", "exchange: "))]
    return said[-1].partition(": ")[2] if said else ""
