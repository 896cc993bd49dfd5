"""Help dialog: the keys that work, read from the bindings themselves."""

from rich.table import Table
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from tui.screens.dialog import Dialog


class HelpDialog(Dialog[None]):
    """A table of keys and what they do."""

    def __init__(self, table: list[tuple[str, str]]) -> None:
        super().__init__()
        self._table = table

    def compose(self) -> ComposeResult:
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(no_wrap=True)
        grid.add_column()
        for keys, says in self._table:
            grid.add_row(keys, says)
        with VerticalScroll(id="question"):
            yield Static(grid)
            yield Static("esc back", id="answers")

    def on_mount(self) -> None:
        self.query_one("#question").border_title = "keys"
