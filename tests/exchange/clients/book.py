"""Local order book by the venue's own recipe, for clients that only pass its messages on."""

from typing import Any

Levels = dict[float, float]


class StreamedBook:
    """One snapshot and every diff after it.

    Source: the venue's "How to manage a local order book correctly".
    """

    def __init__(self) -> None:
        self.last_id = 0
        self.joined = 0
        """Diffs applied since the snapshot."""
        self._bids: Levels = {}
        self._asks: Levels = {}

    def start(self, snapshot: Any) -> None:
        """Begin anew from a REST snapshot."""
        self.last_id, self.joined = snapshot["lastUpdateId"], 0
        self._bids, self._asks = sides(snapshot["bids"], snapshot["asks"])

    def apply(self, diff: Any) -> None:
        """Take the next diff; one that is inside the snapshot changes nothing."""
        if diff["u"] < self.last_id:
            return
        if self.joined:
            assert diff["pu"] == self.last_id, "the stream has a gap"
        else:
            assert diff["U"] <= self.last_id, "the snapshot is older than the stream"
        for held, changed in ((self._bids, diff["b"]), (self._asks, diff["a"])):
            for price, quantity in changed:
                held[float(price)] = float(quantity)
                if not float(quantity):
                    del held[float(price)]
        self.last_id = diff["u"]
        self.joined += 1

    @property
    def levels(self) -> tuple[Levels, Levels]:
        return self._bids, self._asks


def sides(bids: Any, asks: Any) -> tuple[Levels, Levels]:
    """Rows of price and quantity, in whatever spelling, by price."""
    return (
        {float(price): float(quantity) for price, quantity, *_ in bids},
        {float(price): float(quantity) for price, quantity, *_ in asks},
    )
