"""The README's picture of the desk, taken from one that runs.

python -m tests.tui.picture second docs/desk.svg     # the desk of this name (engine list)
"""

import asyncio
import re
import sys
from pathlib import Path

from engine.process.paths import paths_of
from tui.app import DeskApp

COLUMNS, ROWS = 120, 38
LOOK_S = 4.0
"""A view has come by then, and the log has its lines."""


async def taken_from(name: str) -> str:
    """The screen of a desk that runs, as SVG."""
    app = DeskApp(paths_of(name).socket)
    async with app.run_test(size=(COLUMNS, ROWS), notifications=True) as pilot:
        await pilot.pause(LOOK_S)
        return app.export_screenshot(simplify=True)


def slim(svg: str) -> str:
    """The same picture in half the bytes, and without the fonts that it would fetch."""
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    # Each line is cut to its own row, which nothing leaves; a terminal is drawn cell by cell.
    svg = re.sub(
        r'<clipPath id="terminal-\d+-line-\d+">.*?</clipPath>\s*', "", svg, flags=re.DOTALL
    )
    svg = re.sub(r' clip-path="url\(#terminal-\d+-line-\d+\)"', "", svg)
    svg = re.sub(r"terminal-\d+-", "d-", svg)
    svg = re.sub(r'shape-rendering="crispEdges"', "", svg)
    return re.sub(r"(\d+\.\d)\d+(?=\")", r"\1", svg)


if __name__ == "__main__":
    _, desk, target = sys.argv
    Path(target).write_text(slim(asyncio.run(taken_from(desk))), encoding="utf-8")
