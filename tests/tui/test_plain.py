"""ASCII update: what a terminal without other signs is sent."""

import io

from rich.console import Console
from textual._compositor import CompositorUpdate

from tui.terminal.plain import PlainUpdate, in_ascii, plain


class Drawn(CompositorUpdate):
    """Screen update as some widget made it."""

    def render_segments(self, console: Console) -> str:
        del console
        return "\x1b[3;4H\x1b[1m▲ 5 − ▁▂ 정지 √s\x1b[0m"


def test_an_update_is_sent_in_ascii_with_its_columns_kept() -> None:
    """A scroll bar, a name or a message of the venue may hold any sign."""
    sent = PlainUpdate(Drawn()).render_segments(Console(file=io.StringIO()))

    assert sent == "\x1b[3;4H\x1b[1m^ 5 - ?? ???? ?s\x1b[0m"


def test_signs_of_no_width_leave_none() -> None:
    assert in_ascii("e\u0301") == "e"


def test_nothing_to_send_stays_nothing() -> None:
    assert plain(None) is None
