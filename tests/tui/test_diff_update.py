"""Terminal diff update: few bytes travel, and the terminal ends up showing the same."""

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual._compositor import ChopsUpdate
from textual.strip import Strip

from tui.terminal.diff_update import DiffUpdate, diff_update
from tui.terminal.strips import changed_runs, strip_of

TRUECOLOR = Console(color_system="truecolor", force_terminal=True)
TEAL, ORANGE = Style.parse("#00ffff on #101010"), Style.parse("bold #ff8000 on #101010")

words = st.text(st.sampled_from("ab 주문●"), min_size=0, max_size=30)


def plain_strip(text: str) -> Strip:
    return strip_of(Text(text), 30, Style.null(), lambda _names: Style.null())


@given(words, words)
def test_the_runs_hold_every_changed_cell(old: str, new: str) -> None:
    """Painting only the runs over the old line gives the new line, wide characters included."""
    before, after = plain_strip(old), plain_strip(new)
    painted, at = [], 0
    for start, end in changed_runs(before, after):
        painted += [before.crop(at, start), after.crop(start, end)]
        at = end
    painted.append(before.crop(at, 30))

    assert Strip.join(painted).text == after.text


def sent(strip: Strip, *runs: tuple[int, int]) -> str:
    """What goes to the terminal for some runs of a strip at column 4 of row 2."""
    spans = [(2, 4 + start, 4 + end) for start, end in runs]
    update = diff_update(
        ChopsUpdate([{}, {}, {4: strip}], spans, [[], [], [4 + strip.cell_length]])
    )
    assert isinstance(update, DiffUpdate)
    return update.render_segments(TRUECOLOR)


def test_only_the_changed_cells_are_sent() -> None:
    strip = Strip([Segment("64250.1 0.250", TEAL)])

    assert sent(strip, (6, 7)) == "\x1b[3;11H\x1b[38;2;0;255;255;48;2;16;16;16m1\x1b[0m"


def test_a_style_is_said_once_for_all_runs_that_share_it() -> None:
    strip = Strip([Segment("64250.1 0.250", TEAL)])

    assert sent(strip, (0, 2), (10, 12)).count("38;2;0;255;255") == 1


def test_a_background_that_stays_is_not_said_again() -> None:
    dim = Style.parse("#505050 on #101010")
    strip = Strip([Segment("ab", TEAL), Segment("cd", dim)])

    assert "ab\x1b[38;2;80;80;80mcd\x1b[0m" in sent(strip, (0, 4))


def test_bold_is_taken_back() -> None:
    strip = Strip([Segment("ab", ORANGE), Segment("cd", TEAL)])

    assert "ab\x1b[0;38;2;0;255;255;48;2;16;16;16mcd" in sent(strip, (0, 4))
