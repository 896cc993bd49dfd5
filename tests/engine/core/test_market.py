"""Touch history: what the trader knows of the touch a moment ago."""

from engine.core.desk_layout import new_desk, new_reals
from engine.core.links import LinkStates
from engine.core.log import DeskLog
from engine.core.market import MarketState
from engine.core.request_tracker import RequestTracker
from tests.engine.virtual_desk import GRID

S_NS = 1_000_000_000


def ticker(update_id: int, bid: str, ask: str, exch_ms: int) -> bytes:
    """One best bid and ask, as the venue sends it."""
    return (
        b'{"stream":"btcusdt@bookTicker","data":{"e":"bookTicker","u":%d,"s":"BTCUSDT",'
        b'"b":"%s","B":"1.000","a":"%s","A":"2.000","T":%d,"E":%d}}'
        % (update_id, bid.encode(), ask.encode(), exch_ms, exch_ms)
    )


def market_that_moved() -> MarketState:
    """At 1 s the touch is 100.0 by 100.2, at 2 s it is 100.4 by 100.6."""
    desk = new_desk()
    market = MarketState(
        GRID,
        desk,
        new_reals(),
        LinkStates(desk),
        RequestTracker(desk),
        DeskLog(),
        own_in_book=False,
    )
    market.receive_snapshot(
        b'{"lastUpdateId":1,"E":0,"T":0,"bids":[["100.0","1.000"]],"asks":[["100.2","1.000"]]}', 0
    )
    market.hear(
        b'{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1000,"T":1000,'
        b'"s":"BTCUSDT","U":1,"u":2,"pu":0,"b":[],"a":[]}}',
        S_NS,
        S_NS,
    )
    market.hear(ticker(3, "100.4", "100.6", 2000), 2 * S_NS, 2 * S_NS)
    return market


def test_a_print_is_seen_against_the_touch_before_it() -> None:
    """The ticker with the sweep's outcome often arrives first, with the sweep's own stamp."""
    market = market_that_moved()

    assert market.touch == (1004, 1006)
    assert market.touch_before(2 * S_NS) == (1000, 1002)
    assert market.touch_before(2 * S_NS + 1) == (1004, 1006)


def test_what_was_before_the_first_touch_is_not_known() -> None:
    """An older print than any touch is left out of the calibration."""
    assert market_that_moved().touch_before(S_NS) is None


def test_sizes_at_the_touch_come_with_it() -> None:
    """The weighted mid and the flicker's round trips need them."""
    assert market_that_moved().touch_lots == (1000, 2000)
