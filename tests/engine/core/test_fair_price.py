"""Fair price of each kind, read off a real book with our own orders in it."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest

from engine.core.desk_layout import (
    FAIR_LEVELS,
    MICROPRICE_LEARNT,
    microprice_table,
    new_desk,
    new_reals,
)
from engine.core.fair_price import FairPrice, fair_price, note_fair_touch
from engine.core.log import DeskLog
from engine.core.settings import FairName
from engine.core.touch import read_others
from exchange.jit import IntArray, in_python
from exchange.market_layout import (
    TOUCH_ASK,
    TOUCH_ASK_LOTS,
    TOUCH_BID,
    TOUCH_BID_LOTS,
    new_region,
)
from exchange.types import Side
from tests.engine.virtual_desk import SETTINGS, VirtualDesk


def desk_with(fair: FairName, fair_lots: int = 0) -> VirtualDesk:
    desk = VirtualDesk(settings=replace(SETTINGS, fair=fair, fair_lots=fair_lots))
    desk.run(5.0)
    return desk


def touch_of(bid: tuple[int, int], ask: tuple[int, int]) -> IntArray:
    """A market whose touch is this: price and lots of either side."""
    market = new_region()
    market[TOUCH_BID], market[TOUCH_BID_LOTS] = bid
    market[TOUCH_ASK], market[TOUCH_ASK_LOTS] = ask
    return market


def test_weighted_mid_leans_to_the_thinner_side() -> None:
    """Much on the bid lifts it towards the ask; ours does not count."""
    trader = desk_with("weighted_mid").trader
    assert trader.market.touch is not None
    (bid, ask), (bid_lots, ask_lots) = trader.market.touch, trader.market.touch_lots

    assert trader.fair_ticks == pytest.approx(bid + (ask - bid) * bid_lots / (bid_lots + ask_lots))


def test_depth_weighted_price_looks_through_our_own_orders() -> None:
    """Else our own grid would move the price that it is laid around."""
    trader = desk_with("depth_weighted", fair_lots=2000).trader
    table = trader.table
    bid_ticks, bid_lots = np.zeros((2, FAIR_LEVELS), dtype=np.int64)
    read_others(trader.desk, trader.market.region, 1, bid_ticks, bid_lots)
    seen = bid_lots > 0
    others = dict(zip(bid_ticks[seen].tolist(), bid_lots[seen].tolist(), strict=True))
    resting = [(int(table.price_ticks[slot]), int(table.qty_lots[slot])) for slot in table.used]

    assert trader.fair_ticks is not None
    assert trader.market.touch is not None
    assert trader.market.touch[0] < trader.fair_ticks < trader.market.touch[1]
    ours = [(price, lots) for price, lots in resting if price in others]
    assert ours
    for price, lots in ours:
        assert others[price] == trader.market.book.lots_at(Side.BUY, price) - lots


def test_microprice_is_the_mid_until_it_is_learnt() -> None:
    """The screen names the kind that is in use, not the one that was wished for."""
    trader = desk_with("microprice").trader

    assert trader.market.touch is not None
    assert trader.fair.kind == "mid"
    assert trader.fair_ticks == sum(trader.market.touch) / 2


def test_microprice_is_learnt_from_the_touches_seen() -> None:
    """A heavy bid is followed by a rise here, so a heavy bid is worth more."""
    desk, reals, log = new_desk(), new_reals(), DeskLog()
    fair = FairPrice(desk, reals, replace(SETTINGS, fair="microprice"), log)
    bid = 1000
    for i in range(4000):
        heavy = i % 2 == 0
        note_fair_touch(desk, bid, 90 if heavy else 50, bid + 1, 10 if heavy else 50)
        bid += heavy and i % 4 == 0
        bid -= i % 4 == 3
    fair.step(1)

    market = touch_of((1000, 90), (1001, 10))
    assert 1000.5 < fair_price(desk, reals, market) <= 1001
    assert fair.kind == "microprice"
    assert "micro-price" in log.since(0)[0].text


def test_a_wall_on_one_side_all_minute_teaches_no_absurd_price() -> None:
    """States that no passage joins once gave 450 million ticks for a mid of 600,000."""
    desk, reals, random = new_desk(), new_reals(), Random(3)
    fair = FairPrice(desk, reals, replace(SETTINGS, fair="microprice"), DeskLog())
    bid = 600_000
    for _ in range(1500):
        note_fair_touch(desk, bid, random.randint(800, 999), bid + 1, random.randint(10, 200))
        bid += random.random() < 0.01
    fair.step(1)

    assert 600_000 <= fair_price(desk, reals, touch_of((600_000, 900), (600_001, 100))) <= 600_001
    assert desk[MICROPRICE_LEARNT] == 1
    assert max(abs(in_python(microprice_table)(reals))) < 100


def test_a_market_too_wide_to_learn_from_is_quoted_around_the_mid() -> None:
    """The paper exchange's spread is nine ticks: the screen must not call that a micro-price."""
    desk = VirtualDesk(settings=replace(SETTINGS, fair="microprice"))
    desk.run(70.0)

    assert desk.trader.fair.kind == "mid"
    assert not any("micro-price" in record.text for record in desk.trader.log.since(0))
