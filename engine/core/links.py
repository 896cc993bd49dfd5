"""Links of the desk: which streams are up, when each was heard, and why one is not."""

from engine.core.desk_layout import (
    LINK_CONNECTS,
    LINK_HEARD_NS,
    LINK_IS_UP,
    MARKET,
    NEVER_NS,
    PRIVATE,
    PUBLIC,
    link_row,
)
from exchange.jit import IntArray, in_python
from exchange.types import Link

_NUMBERS = {Link.PRIVATE: PRIVATE, Link.PUBLIC: PUBLIC, Link.MARKET: MARKET}
LINKS = {number: link for link, number in _NUMBERS.items()}
"""By their number in the desk block."""


class LinkState:
    """State of one connection, as of the last event about it: a reader of the desk block.

    Args:
        row: int64[3], the link's in the desk block.
    """

    def __init__(self, row: IntArray) -> None:
        self._row = row
        self._lost = "never connected"

    @property
    def up(self) -> bool:
        return bool(self._row[LINK_IS_UP])

    @property
    def detail(self) -> str:
        """Why it is down; empty while it is up."""
        return "" if self.up else self._lost

    @property
    def reconnects(self) -> int:
        """How often it came up again; -1 before it first did."""
        return int(self._row[LINK_CONNECTS]) - 1

    @property
    def heard_ns(self) -> int | None:
        """Monotonic time of the last message; None before the first."""
        heard_ns = int(self._row[LINK_HEARD_NS])
        return None if heard_ns == NEVER_NS else heard_ns

    def lose(self, reason: str) -> None:
        """It is down, for this reason."""
        self._lost = reason


class LinkStates:
    """The state of every link.

    Args:
        desk: int64[DESK_SIZE].
    """

    def __init__(self, desk: IntArray) -> None:
        self._states = {
            link: LinkState(in_python(link_row)(desk, number)) for link, number in _NUMBERS.items()
        }

    def __getitem__(self, link: Link) -> LinkState:
        return self._states[link]
