"""Market sources: whichever it is, the venue meets the same book and the same background."""

from collections.abc import Callable

import pytest

from exchange.paper.background.recorded import open_recording
from exchange.paper.background.source import MarketSource
from exchange.paper.background.synthetic_flow import SyntheticFlow
from exchange.paper.matching.events import Accepted, Cancelled
from exchange.paper.matching.order_book import OrderBook
from exchange.paper.matching.price_time import Matching
from exchange.paper.settings import RecordedMarket
from exchange.recording.reader import Recording
from exchange.types import Side, TimeInForce
from tests.exchange.paper.bench import LIVELY
from tests.exchange.paper.recordings import GRID
from tests.places import USDM


def synthetic() -> tuple[OrderBook, MarketSource]:
    matching = Matching()
    return matching, SyntheticFlow(LIVELY, matching)


def recorded() -> tuple[OrderBook, MarketSource]:
    return open_recording(RecordedMarket(USDM), GRID, Recording(USDM))


@pytest.mark.parametrize("market", [synthetic, recorded], ids=["synthetic", "recorded"])
def test_any_market_opens_moves_and_takes_orders(
    market: Callable[[], tuple[OrderBook, MarketSource]],
) -> None:
    """Also a type check: both engines and both backgrounds are what the protocols ask for."""
    matcher, background = market()
    for now_ms in (0, 3_000):
        for _ in background.advance(now_ms * 1_000_000):
            pass
    bid, bid_lots, ask, _ = matcher.touch()
    (placed,) = matcher.submit(1, Side.BUY, 7, bid, TimeInForce.GTX)
    assert isinstance(placed, Accepted)
    order = placed.venue_order_id
    matcher.shrink(order, 5)

    assert bid < background.mark_ticks < ask
    assert not background.ending
    assert matcher.levels(Side.BUY, 1) == [(bid, bid_lots + 5)]
    assert matcher.take_changes() is not None
    assert matcher.cancel(order) == [Cancelled(order, 1, 5)]
    assert matcher.lots_at(Side.BUY, bid) == bid_lots
