"""Market state: messages heard, the touch of a moment ago, and tables that nobody empties."""

import numpy as np
import pytest

from engine.core.desk_layout import (
    DESK_SIZE,
    NOTES,
    ORDER_SLOTS,
    SEEN,
    SEEN_KEPT,
    new_desk,
    new_reals,
    note_row,
    own_lots,
    scratch,
)
from engine.core.hear import IS_NONSENSE, SEEN_FULL
from engine.core.links import LinkStates
from engine.core.market import MarketState
from engine.core.notes import BOOK_DISTRUSTED
from exchange.jit import in_python
from exchange.market import touch_before
from exchange.market_layout import NO_ASK, NO_BID
from exchange.types import Link
from tests.engine.virtual_desk import GRID

S_NS = 1_000_000_000
DIFF = (
    b'{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1000,"T":1000,'
    b'"s":"BTCUSDT","U":1,"u":2,"pu":0,"b":[],"a":[]}}'
)
PRINT = (
    b'{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":2500,"s":"BTCUSDT","a":1,'
    b'"p":"100.4","q":"1.000","f":1,"l":1,"T":2500,"m":true}}'
)


def ticker(update_id: int, bid: str, ask: str, exch_ms: int) -> bytes:
    """One best bid and ask, as the venue sends it."""
    return (
        b'{"stream":"btcusdt@bookTicker","data":{"e":"bookTicker","u":%d,"s":"BTCUSDT",'
        b'"b":"%s","B":"1.000","a":"%s","A":"2.000","T":%d,"E":%d}}'
        % (update_id, bid.encode(), ask.encode(), exch_ms, exch_ms)
    )


class HeardMarket(MarketState):
    """A market state whose surroundings a test can look at."""

    def __init__(self) -> None:
        self.desk = new_desk()
        self.links = LinkStates(self.desk)
        super().__init__(GRID, self.desk, new_reals(), own_in_book=False)


def market_that_moved(padding: int = 0) -> HeardMarket:
    """At 1 s the touch is 100.0 by 100.2, at 2 s it is 100.4 by 100.6.

    Args:
        padding: Of the snapshot, in spaces.
    """
    market = HeardMarket()
    market.receive_snapshot(
        b'{"lastUpdateId":1,%s"E":0,"T":0,"bids":[["100.0","1.000"]],"asks":[["100.2","1.000"]]}'
        % (b" " * padding)
    )
    market.hear(DIFF, S_NS, S_NS)
    market.hear(ticker(3, "100.4", "100.6", 2000), 2 * S_NS, 2 * S_NS)
    return market


def test_a_print_is_seen_against_the_touch_before_it() -> None:
    """The ticker with the sweep's outcome often arrives first, with the sweep's own stamp."""
    market = market_that_moved()

    assert market.touch == (1004, 1006)
    assert touch_before(market.region, 2 * S_NS) == (1000, 1002)
    assert touch_before(market.region, 2 * S_NS + 1) == (1004, 1006)


def test_what_was_before_the_first_touch_is_not_known() -> None:
    """An older print than any touch is left out of the calibration."""
    assert touch_before(market_that_moved().region, S_NS) == (NO_BID, NO_ASK)


def test_sizes_at_the_touch_come_with_it() -> None:
    """The weighted mid and the flicker's round trips need them."""
    assert market_that_moved().touch_lots == (1000, 2000)


@pytest.mark.parametrize(
    "last", [DIFF, PRINT, ticker(4, "100.5", "100.6", 3000)], ids=["diff", "print", "ticker"]
)
def test_an_empty_message_is_nonsense_and_not_the_last_one_again(last: bytes) -> None:
    """The row that the last one left was once applied anew: a stream that says nothing seemed
    alive, and a print was counted twice."""
    market = market_that_moved()
    market.hear(last, 3 * S_NS, 3 * S_NS)
    heard_ns = [market.links[link].heard_ns for link in Link]

    market.hear(b"", 9 * S_NS, 9 * S_NS)

    assert [market.links[link].heard_ns for link in Link] == heard_ns
    assert not market.trusted
    newest = in_python(note_row)(market.desk, int(market.desk[NOTES]) - 1).tolist()
    assert (newest[0], newest[2]) == (BOOK_DISTRUSTED, IS_NONSENSE)
    assert market.nonsense


def test_a_message_longer_than_any_before_it_is_read_and_so_is_the_next() -> None:
    """The scanner's memory grows, and the kernel is handed the new one."""
    market, usual = market_that_moved(padding=100_000), market_that_moved()

    assert market._scanner.wire.size > usual._scanner.wire.size
    assert market.touch == usual.touch == (1004, 1006)


def test_what_nobody_takes_spoils_nothing() -> None:
    """Rows once went on into the next table, and then beyond the block."""
    market = market_that_moved()
    for i in range(SEEN_KEPT + 100):
        heard = market.hear(ticker(4 + i, "100.4", "100.6", 3000), 3 * S_NS, 3 * S_NS)

    assert heard & SEEN_FULL
    assert market.desk[SEEN] == SEEN_KEPT
    assert market.desk.size == DESK_SIZE
    for table in (in_python(own_lots)(market.desk), in_python(scratch)(market.desk, 0)):
        np.testing.assert_array_equal(table, np.zeros(ORDER_SLOTS, dtype=np.int64))
