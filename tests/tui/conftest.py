"""Fixtures of the screen tests: a desk on a fake engine, and the helpers they share."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.tui.fake_engine import FakeEngine
from tui.app import DeskApp
from tui.render.draw.glyphs import UNICODE, Glyphs
from tui.screens.dialog import Dialog

PATIENCE_S = 60.0
"""For what comes at once on an idle machine; tests share theirs with others."""
USUAL = (120, 40)
SMALL = (80, 24)
LARGE = (200, 60)


class Desk:
    """A running app, its pilot and the engine it is attached to."""

    def __init__(self, app: DeskApp, pilot: Pilot[None], engine: FakeEngine) -> None:
        self.app = app
        self.pilot = pilot
        self.engine = engine

    def text(self) -> str:
        """Everything on the screen, as lines of text."""
        return "\n".join(strip.text for strip in self.app.screen._compositor.render_strips())

    async def until(self, claim: Callable[[], bool], what: str = "") -> None:
        """Go on until the claim holds, while the engine publishes as it does in life."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not claim():
                    self.engine.publish()
                    await self.pilot.pause(0.02)
        except TimeoutError:
            pytest.fail(f"never came: {what or claim}\n{self.text()}")

    async def sees(self, *words: str) -> None:
        """Wait until every text is on the screen."""
        await self.until(lambda: all(word in self.text() for word in words), f"{words}")

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def settled(self) -> None:
        """Wait until the dialog in front takes an answer."""

        def ready() -> bool:
            screen = self.app.screen
            return isinstance(screen, Dialog) and screen.settled

        await self.until(ready, "a settled dialog")

    async def previewed(self) -> None:
        """Wait until the dialog in front shows its preview and takes an answer."""
        await self.settled()
        await self.until(lambda: self.app.screen.has_class("-previewed"), "a preview")


@asynccontextmanager
async def open_desk(
    socket: Path,
    size: tuple[int, int] = USUAL,
    *,
    read_only: bool = False,
    glyphs: Glyphs = UNICODE,
    **view: Any,
) -> AsyncIterator[Desk]:
    """A desk on a fake engine that shows a view with these changes."""
    engine = FakeEngine(socket)
    if view:
        engine.show(**view)
    await engine.open()
    app = DeskApp(socket, read_only=read_only, retry_s=0.05, glyphs=glyphs)
    try:
        async with app.run_test(size=size, notifications=True) as pilot:
            desk = Desk(app, pilot, engine)
            await desk.sees("BTCUSDT")
            yield desk
    finally:
        await engine.close()


@pytest.fixture
def socket(tmp_path: Path) -> Path:
    return tmp_path / "engine.sock"
