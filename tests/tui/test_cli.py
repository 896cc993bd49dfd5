"""Command line of the screen."""

import os
import subprocess
import sys

RUN = [sys.executable, "-c", "from tui.cli import main; main()"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*RUN, *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={**os.environ, "MAKERS_DESK_RUN": "./run"},
    )


def test_without_a_terminal_it_says_so_and_exits_2() -> None:
    """From cron or a pipe a screen would hang unseen."""
    done = run()

    assert done.returncode == 2
    assert done.stderr == (
        "tui: this is no terminal; for a desk without a screen: ./run engine run\n"
    )


def test_help_shows_examples_without_loading_the_screen() -> None:
    done = run("--help")

    assert done.returncode == 0
    assert "tui --set strategy.gamma=0.05" in done.stdout


def test_the_command_line_does_not_wait_for_the_toolkit() -> None:
    """The engine's start must not stand behind the import of textual."""
    code = "import sys, tui.cli; print('textual' in sys.modules, 'numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["False", "False"]
