"""Command line of the screen: ``tui`` starts an engine when none runs, and opens the desk on it."""

import importlib
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from engine.config.shipped_files import DEFAULT_CONFIG, meant_file
from engine.errors import EngineError, Interrupted
from engine.process.hints import pasteable
from engine.process.interruption import Interruption
from engine.process.paths import DeskPaths

EXIT_NO_TERMINAL = 2

_EXAMPLES = """
Examples:

  tui                                    the paper desk; starts its engine if none runs

  tui --set strategy.gamma=0.05          the same with another risk aversion

  tui --config configs/study.toml        another desk

  tui --desk paper-btcusdt-8611          a desk that runs, by its name (engine list)

  tui --read-only                        watch a desk that runs; starts nothing
"""

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(help="Open the desk. Closing it stops nothing: the engine goes on.", epilog=_EXAMPLES)
def desk(
    config: Annotated[
        Path | None,
        typer.Option(
            help="The desk's TOML file.",
            show_default="configs/paper.toml",
            callback=lambda given: given and meant_file(given),
        ),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Goes over the file; repeatable."),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option("--desk", metavar="NAME", help="A desk that runs, by its name; starts none."),
    ] = None,
    read_only: Annotated[
        bool,
        typer.Option(
            "--read-only", help="Watch only: starts nothing, and refuses every key that commands."
        ),
    ] = False,
) -> None:
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        run = pasteable("engine", "run")
        _complain(f"this is no terminal; for a desk without a screen: {run}")
        raise typer.Exit(EXIT_NO_TERMINAL)
    # From the end of the start on ctrl+c is the screen's, a key like others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interruption() as interruption:
            paths = _found(name, config, overrides or [], interruption, read_only=read_only)
    except EngineError as error:
        if isinstance(error, Interrupted):
            print(file=sys.stderr)  # below the ^C that the terminal wrote
        _complain(str(error))
        raise typer.Exit(error.exit_code) from error
    from tui.app import DeskApp

    screen = DeskApp(paths.socket, read_only=read_only)
    screen.run()
    if screen.farewell:
        print(screen.farewell)
    raise typer.Exit(screen.return_code or 0)


def _found(
    name: str | None,
    config: Path | None,
    overrides: list[str],
    interruption: Interruption,
    *,
    read_only: bool,
) -> DeskPaths:
    """The places of the desk that is meant; its engine is started only for one who may trade."""
    from engine.desks.launch import ensure_engine, running_desk

    if name is not None or read_only:
        return running_desk(name, config, overrides)
    path = config or DEFAULT_CONFIG
    return ensure_engine(path, overrides, _complain, interruption, meanwhile=_load_the_screen)


def _load_the_screen() -> None:
    """Import the toolkit, a third of a second, while the engine starts."""
    importlib.import_module("tui.app")


def _complain(text: str) -> None:
    print(f"tui: {text}", file=sys.stderr)


def main() -> None:
    app()
