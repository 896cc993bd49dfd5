"""Fake engine that decides nothing: a real console server fed with scripted views.

It records every command it is given and answers as the real one would.
"""

import asyncio
from pathlib import Path
from typing import Any

import msgspec

from engine.console.protocol import VERSION, Answer, CommandMessage, Goodbye, Role, Welcome
from engine.console.server import ConsoleServer
from engine.core.actions import Action
from engine.core.log import Record, RecordKind
from engine.core.states import FitKind, Mode, RiskState, SideReason
from engine.view.desk_view import (
    BookView,
    DeskView,
    ErrorView,
    InventoryView,
    LinkView,
    MoneyView,
    OrderView,
    Preview,
    QuoteView,
    SideView,
    SwitchView,
)
from tests.tui.fake_market import calibration, watch

MID_TICKS = 642_503
NOON_NS = 1_700_000_000_000_000_000
QUOTING = SideView(SideReason.QUOTING, "", "")


def order(side: int, price_ticks: int, state: str = "resting", qty_lots: int = 3) -> OrderView:
    """An order of ours with an id made of its price."""
    return OrderView(f"md7-{price_ticks}", side, price_ticks, qty_lots, 0, state, 1800)


def book(mid_ticks: int = MID_TICKS, levels: int = 40, **changes: Any) -> BookView:
    """A dense book, two ticks wide, whose sizes differ from price to price."""
    bids = [(mid_ticks - 1 - i, 40 + (mid_ticks - i) * 37 % 211) for i in range(levels)]
    asks = [(mid_ticks + 1 + i, 40 + (mid_ticks + i) * 53 % 223) for i in range(levels)]
    fields: dict[str, Any] = {
        "bids": bids,
        "asks": asks,
        "last_ticks": mid_ticks + 1,
        "last_side": 1,
        "trusted": True,
        "age_ms": 12,
    }
    return BookView(**fields | changes)


def quote(mid_ticks: int = MID_TICKS, **changes: Any) -> QuoteView:
    """A quote that satisfies the closed form: 4 = (2.8 + 1/2 0.5 4.8) 1, 0.24 = 0.072 3.333."""
    fields: dict[str, Any] = {
        "fair_ticks": mid_ticks + 0.21,
        "fair_kind": "mid",
        "reservation_ticks": mid_ticks - 0.03,
        "half_spread_ticks": 4.0,
        "inventory_skew_ticks": 0.24,
        "skew_ticks_per_lot": 0.072,
        "branch": "closed form",
        "validity": 0.012,
        "bound_fills": 20,
        "c1_ticks": 2.8,
        "c2": 0.5,
        "gamma": 0.05,
        "delta": 1.0,
        "adj1": 1.0,
        "adj2": 0.03,
        "A_per_s": 0.92,
        "k_per_tick": 0.31,
        "sigma_ticks": 4.8,
        "fit": FitKind.FIT,
        "fit_note": "",
        "fit_age_s": 12.0,
        "grid_interval_ticks": 4,
        "order_qty_lots": 3,
        "grid_num": 3,
        "bid_ticks": [mid_ticks - 5, mid_ticks - 9, mid_ticks - 13],
        "ask_ticks": [mid_ticks + 5, mid_ticks + 9, mid_ticks + 13],
        "bid_clamped": False,
        "ask_clamped": False,
    }
    return QuoteView(**fields | changes)


def table_quote(**changes: Any) -> QuoteView:
    """The same from the spectral table, a little wider and steeper than the closed form."""
    fields: dict[str, Any] = {
        "reservation_ticks": MID_TICKS - 0.05,
        "half_spread_ticks": 4.12,
        "inventory_skew_ticks": 0.26,
        "skew_ticks_per_lot": 0.081,
        "branch": "spectral table",
        "validity": 0.41,
    }
    return quote(**fields | changes)


EMPTY_QUOTE = quote(
    fair_ticks=None,
    reservation_ticks=None,
    half_spread_ticks=None,
    inventory_skew_ticks=None,
    skew_ticks_per_lot=None,
    branch="",
    validity=None,
    c1_ticks=None,
    c2=None,
    A_per_s=None,
    k_per_tick=None,
    sigma_ticks=None,
    fit=FitKind.NONE,
    fit_note="too few market orders (12 of 20 on one side)",
    fit_age_s=None,
    grid_interval_ticks=None,
    bid_ticks=[],
    ask_ticks=[],
)


def money(**changes: Any) -> MoneyView:
    fields: dict[str, Any] = {
        "total_usdt": 12.3457,
        "spread_usdt": 20.1200,
        "inventory_usdt": -5.1943,
        "fees_usdt": -2.5800,
        "funding_usdt": 0.0,
        "capital_usdt": 10000.0,
        "wallet_usdt": 10012.34,
        "residual_usdt": 0.0,
        "drawdown_usdt": 3.21,
        "fills": 128,
        "volume_usdt": 24_690.0,
        "maker_fills": 128,
    }
    return MoneyView(**fields | changes)


def desk_view(mid_ticks: int = MID_TICKS, **changes: Any) -> DeskView:
    """A desk that quotes three a side and holds a little."""
    quoted = quote(mid_ticks)
    fields: dict[str, Any] = {
        "mode": Mode.PAPER,
        "symbol": "BTCUSDT",
        "config": "paper.toml",
        "tick_size": "0.1",
        "lot_size": "0.001",
        "quote_asset": "USDT",
        "recv_ns": NOON_NS,
        "uptime_s": 754.0,
        "risk": RiskState.ACTIVE,
        "risk_detail": "",
        "paused": False,
        "stopping": False,
        "bid": QUOTING,
        "ask": QUOTING,
        "book": book(mid_ticks),
        "orders": [
            *(order(+1, ticks) for ticks in quoted.bid_ticks),
            *(order(-1, ticks) for ticks in quoted.ask_ticks),
        ],
        "quote": quoted,
        "calibration": calibration(),
        "watch": watch(),
        "inventory": InventoryView(10 / 3, 10, 120, 19, -9, 642_480),
        "money": money(),
        "links": [
            LinkView("public", True, 12, 0, ""),
            LinkView("market", True, 80, 0, ""),
            LinkView("private", True, 950, 1, ""),
        ],
        "errors": [
            ErrorView(-2011, 0, "", 0.0),
            ErrorView(-1021, 0, "", 0.0),
            ErrorView(-5022, 12, "Post only order will be rejected", 3.0),
        ],
        "round_trip_ms": 3.2,
        "feed_latency_ms": 1.4,
        "orders_10s": 12,
        "orders_1m": 40,
        "orders_10s_limit": 300,
        "orders_1m_limit": 1200,
        "switch": SwitchView(countdown_s=30.0, age_s=6.5),
    }
    return DeskView(**fields | changes)


def record(number: int, text: str, **changes: Any) -> Record:
    fields: dict[str, Any] = {"kind": RecordKind.LOG, "severity": "info"}
    return Record(number=number, recv_ns=NOON_NS, text=text, **fields | changes)


class FakeEngine:
    """Serves a real console socket; ``view`` is what it shows, ``commands`` what it was sent."""

    def __init__(self, socket: Path, view: DeskView | None = None, pid: int = 4242) -> None:
        self.view = view or desk_view()
        self.commands: list[CommandMessage] = []
        self.records: list[Record] = []
        self.refuse: dict[Action, str] = {}
        welcome = Welcome(VERSION, Role.WRITER, pid, self.view.config, self.view.symbol)
        self.failures: list[Exception] = []
        self._server = ConsoleServer(
            socket,
            welcome,
            lambda command, answer: answer(self._obey(command)),
            self.failures.append,
            self._records_since,
        )

    async def open(self) -> None:
        await self._server.open()

    async def close(self, goodbye: Goodbye | None = None) -> None:
        """Say goodbye, and wait until every console has left."""
        await self._server.close(goodbye or Goodbye(verified=True, text="no order of ours is left"))
        for _ in range(200):
            if self._server._consoles:
                await asyncio.sleep(0.01)

    def show(self, **changes: Any) -> None:
        """Change the view and send it."""
        self.view = msgspec.structs.replace(self.view, **changes)
        self.publish()

    def publish(self) -> None:
        self._server.publish(self.view)

    def say(self, text: str, **changes: Any) -> None:
        self.records.append(record(len(self.records) + 1, text, **changes))
        self.publish()

    @property
    def orders(self) -> list[CommandMessage]:
        """What it was asked to do, previews left out: one may come after what was agreed to."""
        return [c for c in self.commands if c.action is not Action.PREVIEW]

    def actions(self) -> list[Action]:
        """What it was told, previews left out."""
        return [c.action for c in self.orders]

    def cut(self) -> None:
        """Die without a final report."""
        for console in list(self._server._consoles):
            console.drop()
        if self._server._server is not None:
            self._server._server.close()

    def _records_since(self, number: int) -> list[Record]:
        return self.records[number:]

    def _obey(self, command: CommandMessage) -> Answer:
        self.commands.append(command)
        refusal = self.refuse.get(command.action)
        if refusal is not None:
            return Answer(command.command_id, accepted=False, text=refusal)
        preview = self._preview(command) if command.action is Action.PREVIEW else None
        text = f"{command.action} {command.name}".strip()
        return Answer(command.command_id, accepted=True, text=text, preview=preview)

    def _preview(self, command: CommandMessage) -> Preview:
        quoted = self.view.quote
        wider = round(20 * (command.value - quoted.gamma))
        return Preview(
            name=command.name,
            old_value=quoted.gamma,
            new_value=command.value,
            old_bid_ticks=MID_TICKS - 5,
            old_ask_ticks=MID_TICKS + 5,
            new_bid_ticks=MID_TICKS - 5 - wider,
            new_ask_ticks=MID_TICKS + 5 + wider,
            old_half_spread_ticks=4.0,
            new_half_spread_ticks=4.0 + wider,
            old_skew_ticks_per_lot=0.072,
            new_skew_ticks_per_lot=0.075,
            nearer=False,
        )
