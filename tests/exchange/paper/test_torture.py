"""Randomised stress: accounts do whatever comes up on a market at its worst; nothing is lost."""

import random
from dataclasses import replace

import pytest

from exchange.instrument import E8
from exchange.paper.matching.events import BACKGROUND, MatchEvent, Traded
from exchange.paper.settings import Listing, Regime
from exchange.paper.venue.market import Market
from exchange.types import Side
from tests.exchange.paper.bench import (
    ACCOUNT,
    BITCOIN,
    ETHER,
    LIVELY,
    Desk,
    paper_settings,
)

CAPITALS_USDT = (100, 5_000, 200_000)
ORDER, ALL_OPEN = "/fapi/v1/order", "/fapi/v1/allOpenOrders"


class Torture:
    """Three accounts of different means in two symbols.

    Args:
        seed: Of everything.
    """

    def __init__(self, seed: int, regime: Regime) -> None:
        self.rng = random.Random(seed)
        lively = replace(LIVELY, seed=seed, regime=regime, sigma_ticks=60.0, level_lots=20)
        listings = (
            Listing(BITCOIN, lively, funding_rate=0.003, funding_interval_h=1),
            Listing(ETHER, replace(lively, start_price_ticks=300_000), funding_rate=-0.002),
        )
        accounts = tuple(
            replace(ACCOUNT, name=f"a{i}", api_key=f"k{i}", capital_e8=capital * E8)
            for i, capital in enumerate(CAPITALS_USDT)
        )
        first = Desk(replace(paper_settings(), listings=listings, accounts=accounts))
        self.desks = [first, first.beside(1), first.beside(2)]
        self.venue = first.venue
        self.background = dict.fromkeys(self.venue.markets, 0)
        self.background_e8 = 0
        """What the background has taken in for what it gave, and the fees of all."""
        for market in self.venue.markets.values():
            self._watch(market)

    def _watch(self, market: Market) -> None:
        take = market.apply_events

        def watching(events: list[MatchEvent]) -> None:
            for event in events:
                if isinstance(event, Traded):
                    self._count(market, event)
            take(events)

        market.apply_events = watching  # type: ignore[method-assign]  # it only looks on

    def _count(self, market: Market, trade: Traded) -> None:
        bought = trade.taker_side * (trade.taker_owner == BACKGROUND)
        bought -= trade.taker_side * (trade.maker_owner == BACKGROUND)
        self.background[market.symbol] += bought * trade.qty_lots
        money_e8 = trade.price_ticks * trade.qty_lots * market.wire.instrument.tick_lot_e8
        self.background_e8 -= bought * money_e8

    # ------------------------------------------------------------ random actions

    def act(self) -> None:
        desk, draw = self.rng.choice(self.desks), self.rng
        symbol = draw.choice(list(self.venue.markets))
        match draw.randrange(10):
            case 0 | 1 | 2 | 3 | 4:
                self._place(desk, symbol)
            case 5:
                self._modify(desk, symbol)
            case 6:
                desk.call("DELETE", ALL_OPEN, symbol=symbol)
            case 7:
                leverage = draw.choice((1, 20, 50, 125))
                desk.call("POST", "/fapi/v1/leverage", symbol=symbol, leverage=leverage)
            case 8:
                desk.pass_ms(draw.choice((1, 40, 2_000, 8_000)))
            case 9:
                self._flatten(desk, symbol)

    def _price(self, symbol: str) -> str:
        market = self.venue.markets[symbol]
        mid = market.mark.price_e8 / market.wire.tick_e8
        return market.wire.price(round(mid * (1 + self.rng.gauss(0, 0.004))))

    def _place(self, desk: Desk, symbol: str) -> None:
        draw = self.rng
        desk.place(
            draw.choice(("BUY", "SELL")),
            self._price(symbol),
            symbol=symbol,
            quantity=f"{draw.choice((0.001, 0.01, 0.05, 0.4)):.3f}",
            timeInForce=draw.choice(("GTC", "GTC", "GTX", "IOC", "FOK")),
            reduceOnly=draw.choice(("true", "false", "false")),
            selfTradePreventionMode=draw.choice(("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER")),
        )

    def _modify(self, desk: Desk, symbol: str) -> None:
        symbol_account = self.venue.symbol_account(desk.client, symbol)
        for order in list(symbol_account.orders.open.values())[:2]:
            desk.call(
                "PUT",
                ORDER,
                symbol=symbol,
                orderId=order.venue_order_id,
                side=order.side.name,
                price=self._price(symbol),
                quantity=f"{self.rng.choice((0.002, 0.02, 0.1)):.3f}",
            )

    def _flatten(self, desk: Desk, symbol: str) -> None:
        held = self.venue.symbol_account(desk.client, symbol).holding.lots
        if held:
            desk.call(
                "POST",
                ORDER,
                symbol=symbol,
                side="SELL" if held > 0 else "BUY",
                type="MARKET",
                quantity=f"{abs(held) / 1000:.3f}",
                reduceOnly="true",
            )

    # ------------------------------------------------------------ what must hold

    def check(self) -> None:
        fund = self.venue.insurance.account
        accounts = [desk.client.account for desk in self.desks]
        for symbol, market in self.venue.markets.items():
            lots = [account.holdings[symbol].lots for account in (*accounts, fund)]
            assert sum(lots) + self.background[symbol] == 0
            bid, _, ask, _ = market.matching.touch()
            assert not bid or not ask or bid < ask
        cost_e8 = sum(h.cost_e8 for a in (*accounts, fund) for h in a.holdings.values())
        wallets_e8 = sum(a.wallet_e8 + a.fees_e8 for a in (*accounts, fund))
        funding_e8 = sum(
            income.income_e8
            for desk in self.desks
            for income in desk.client.incomes
            if income.kind == "FUNDING_FEE"
        )
        started_e8 = sum(CAPITALS_USDT) * E8
        assert wallets_e8 - cost_e8 + self.background_e8 - funding_e8 == started_e8
        for desk in self.desks:
            self._check_account(desk)

    def _check_account(self, desk: Desk) -> None:
        for symbol_account in self.venue.symbol_accounts(desk.client):
            held = symbol_account.holding
            assert held.bids_lots == sum(
                o.left_lots for o in symbol_account.orders.on_side(Side.BUY)
            )
            assert held.asks_lots == sum(
                o.left_lots for o in symbol_account.orders.on_side(Side.SELL)
            )
            for order in symbol_account.orders.open.values():
                if order.reduce_only:
                    assert order.side * held.lots < 0
                    assert order.left_lots <= abs(held.lots)
        if not any(
            symbol_account.holding.lots
            for symbol_account in self.venue.symbol_accounts(desk.client)
        ):
            assert desk.client.account.wallet_e8 >= 0


@pytest.mark.parametrize("seed", range(6))
def test_nothing_is_lost_whatever_the_accounts_do(seed: int) -> None:
    regime: Regime = ("calm", "jump", "wick")[seed % 3]
    world = Torture(seed, regime)
    for _ in range(250):
        world.act()
        world.venue.advance(world.venue.now_ns)
        world.check()

    assert (
        sum(
            len(symbol_account.trades)
            for d in world.desks
            for symbol_account in world.venue.symbol_accounts(d.client)
        )
        > 50
    )
