"""Market source: everybody in a market but the accounts, whichever market it is."""

from collections.abc import Iterator
from typing import Protocol

from exchange.paper.matching.events import MatchEvent

LONGEST_LEAP_NS = 30_000_000_000
"""After a longer sleep of the process a market goes on as if it had slept too."""


class MarketSource(Protocol):
    """Everybody in the market but the accounts."""

    @property
    def mark_ticks(self) -> float:
        """The mark price: always positive, and not on the tick grid."""

    @property
    def ending(self) -> str:
        """Why the market is over, so that nothing will ever trade again; empty before."""

    def advance(self, now_ns: int) -> Iterator[list[MatchEvent]]:
        """Advance to now, one batch of events after another.

        Exhaust it, and book each batch of events before asking for the next: the next order
        meets the book as it then is. An empty batch says that the book moved without a trade.
        The first call only opens the market. How often it is called makes no difference to
        what happens, short of ``LONGEST_LEAP_NS``.
        """
