"""Terminal for tests: tmux on a server of its own, typed into and read from."""

import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

PATIENCE_S = 90.0
"""For what a machine under load comes to in the end: no test waits for this to be slow."""
_LOOK_AGAIN_S = 0.05


class Terminal:
    """One tmux session running one command.

    Args:
        folder: For the server's socket; short, since its path is.
        environment: What the command sees on top of what this process does.
    """

    def __init__(
        self, folder: Path, columns: int, rows: int, command: str, environment: Mapping[str, str]
    ) -> None:
        self._server = folder / f"t{columns}-{time.monotonic_ns()}"
        settings = [part for name, text in environment.items() for part in ("-e", f"{name}={text}")]
        size = ("-x", str(columns), "-y", str(rows))
        # What a command said at its end must stay to be read.
        keep = ("set-option", "-g", "remain-on-exit", "on", ";")
        self._tmux("-f", "/dev/null", *keep, "new-session", "-d", *size, *settings, command)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the window on whatever runs in it, as a lost connection does."""
        subprocess.run(["tmux", "-S", self._server, "kill-server"], check=False, timeout=10)

    def press(self, *keys: str) -> None:
        """Type keys by tmux's names for them."""
        for key in keys:
            self._tmux("send-keys", key)

    def text(self) -> str:
        """What stands on the screen now; when its program ends, tmux scrolls a line away."""
        screen = self._tmux("capture-pane", "-p")
        ended = "Pane is dead" in screen
        return self._tmux("capture-pane", "-p", "-S", "-1") if ended else screen

    def shows(self, *texts: str, within_s: float = 30.0) -> str:
        """Wait until all texts stand on the screen together; the screen that showed them."""
        screen = ""

        def seen() -> bool:
            nonlocal screen
            screen = self.text()
            return all(text in screen for text in texts)

        wait_for(seen, lambda: f"{texts} did not all appear on:\n{screen}", within_s)
        return screen

    def _tmux(self, *arguments: str) -> str:
        done = subprocess.run(
            ["tmux", "-S", self._server, *arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
        return done.stdout


def wait_for(
    condition: Callable[[], bool], otherwise: Callable[[], str], within_s: float = PATIENCE_S
) -> None:
    """Look again and again until something outside this process holds."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, otherwise()
        time.sleep(_LOOK_AGAIN_S)
