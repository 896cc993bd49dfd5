"""The ``tui`` command: starts an engine when none runs, and opens the desk on it."""

import importlib
import sys
from pathlib import Path
from typing import Annotated

import typer

import tui
from engine.errors import EngineError

EXIT_NO_TERMINAL = 2

_EXAMPLES = """
Examples:

  tui                                    the paper desk; starts its engine if none runs

  tui --set strategy.gamma=0.05          the same with another risk aversion

  tui --config configs/study.toml        another desk

  tui --read-only                        watch a running desk
"""

app = typer.Typer(add_completion=False, rich_markup_mode=None)


def _paper_config() -> Path:
    return Path(tui.__file__).parent.parent / "configs" / "paper.toml"


@app.command(help="Open the desk. Closing it stops nothing: the engine goes on.", epilog=_EXAMPLES)
def desk(
    config: Annotated[
        Path | None, typer.Option(help="The desk's TOML file.", show_default="configs/paper.toml")
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Goes over the file; repeatable."),
    ] = None,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Watch only: every key that commands is refused.")
    ] = False,
) -> None:
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        _complain("this is no terminal; for a desk without a screen: ./run engine run")
        raise typer.Exit(EXIT_NO_TERMINAL)
    try:
        from engine.launch import ensure_engine

        places = ensure_engine(
            config or _paper_config(), overrides or [], _complain, meanwhile=_load_the_screen
        )
    except EngineError as error:
        _complain(str(error))
        raise typer.Exit(error.exit_code) from error
    from tui.app import DeskApp

    screen = DeskApp(places.socket, read_only=read_only)
    screen.run()
    raise typer.Exit(screen.return_code or 0)


def _load_the_screen() -> None:
    """Import the toolkit, a third of a second, while the engine starts."""
    importlib.import_module("tui.app")


def _complain(text: str) -> None:
    print(f"tui: {text}", file=sys.stderr)


def main() -> None:
    app()
