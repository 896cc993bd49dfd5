"""A picture of every page at every size, compared cell by cell, colours and all.

After a change that is meant, ``pytest tests/tui/test_snapshots.py --snapshot-update`` takes them
anew; look at each one before it is committed.
"""

import math
from pathlib import Path
from types import SimpleNamespace

import pytest
from pytest_textual_snapshot import SVGImageExtension
from syrupy.assertion import SnapshotAssertion

import tui.app
from tests.tui.conftest import LARGE, SMALL, USUAL, Desk, open_desk
from tests.tui.fake_engine import MID_TICKS, NOON_NS, desk_view, money
from tui.render.frame import Frame
from tui.screens.desk import DeskScreen
from tui.screens.layout import NEEDS, PANELS, Page, dropped

_VIEWS = 60
_VIEW_NS = 500_000_000
_LOOKS = 300

WORDS = {
    "ladder": "── spread 0.2",
    "inventory": "q +3.33",
    "quote": "wide 1.0",
    "money": "PnL +12.3",
    "venue": "×12",
    "orders": "md7-642498",
    "links": "1 reconnect",
    "price-chart": "mid and our quotes",
    "money-chart": "seen by this screen",
    "model": "0.281–0.335",
    "market": "each second",
    "log": "book joined",
}
"""What a panel says once it is drawn; the pictures wait for it."""
NEWEST = "22:13:20"
"""The time of the newest view, in the header."""


@pytest.fixture(autouse=True)
def _same_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The age of a view stands still, and the colours are those of no particular terminal."""
    monkeypatch.setattr(tui.app, "time", SimpleNamespace(monotonic=lambda: 0.0))
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.fixture
def picture(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(SVGImageExtension)


def play(desk: Desk) -> None:
    """Half a minute of market before the view that is pictured, so that charts have a past."""
    screen = desk.app.screen
    assert isinstance(screen, DeskScreen)
    for i in range(-_VIEWS, 0):
        view = desk_view(
            MID_TICKS + round(6 * math.sin(i / 5)),
            recv_ns=NOON_NS + i * _VIEW_NS,
            money=money(total_usdt=12.3457 + 2 * math.sin(i / 9)),
        )
        screen.show(Frame(view))


def words(page: Page, size: tuple[int, int]) -> list[str]:
    """What says that every panel of the page is drawn."""
    columns, rows = size
    inside = (columns - 2, rows - 2)
    shown = PANELS - dropped(*inside, page)
    return [WORDS[name] for name in NEEDS[page] if name in shown]


async def draw(desk: Desk, page: Page, size: tuple[int, int]) -> None:
    """Bring a page on the screen, and wait until all of it is there."""
    play(desk)
    desk.engine.say("book joined")
    desk.engine.show(recv_ns=NOON_NS)
    if page is not Page.DESK:
        await desk.press("2")
    await desk.sees(NEWEST, *words(page, size))
    desk.app.clear_notifications()  # such as of a line that broke on a machine that stood still
    await desk.pilot.pause()


async def settled(desk: Desk) -> str:
    """The picture once it stands still, with the desk on it.

    A dialog is drawn before what lies behind it, which follows with the engine's next view; and
    on a busy machine a panel may say its words before the last view came to it.
    """
    before = ""
    for _ in range(_LOOKS):
        desk.engine.show(recv_ns=NOON_NS)
        await desk.pilot.pause(0.1)
        newest = desk.app.export_screenshot()
        if newest == before and "PAPER" in newest:
            return newest
        before = newest
    pytest.fail("the picture never stood still")


SIZES = pytest.mark.parametrize("size", [SMALL, USUAL, LARGE], ids=lambda s: f"{s[0]}x{s[1]}")


@SIZES
@pytest.mark.parametrize("page", list(Page))
async def test_a_page_looks_as_it_did(
    socket: Path, picture: SnapshotAssertion, page: Page, size: tuple[int, int]
) -> None:
    start_ns = NOON_NS - (_VIEWS + 1) * _VIEW_NS
    async with open_desk(socket, size, recv_ns=start_ns) as desk:
        await draw(desk, page, size)

        assert await settled(desk) == picture


@SIZES
async def test_the_help_looks_as_it_did(
    socket: Path, picture: SnapshotAssertion, size: tuple[int, int]
) -> None:
    start_ns = NOON_NS - (_VIEWS + 1) * _VIEW_NS
    async with open_desk(socket, size, recv_ns=start_ns) as desk:
        await draw(desk, Page.DESK, size)  # it shows around the dialog
        await desk.press("question_mark")
        await desk.sees("━ keys ━", "cancel all of ours and halt")

        assert await settled(desk) == picture
