"""A trader that is told of its account by hand, event by event, without any exchange."""

from engine.core.states import Mode
from engine.core.trader import Trader
from exchange.types import (
    AccountSnapshot,
    AccountUpdate,
    Command,
    Event,
    Fill,
    Link,
    LinkUp,
    OrderUpdate,
    Side,
    Tick,
    TradesSnapshot,
)
from tests.engine.virtual_desk import GRID, SETTINGS

MS = 1_000_000
S = 1000 * MS


class Heard:
    """A trader that is told of its account by hand, at times of our choosing."""

    def __init__(self, *, opened: bool = True) -> None:
        self.trader = Trader(SETTINGS, GRID, Mode.PAPER, epoch=int("one", 36), own_in_book=True)
        self.now_ns = 1000 * S
        self.sent: list[Command] = []
        self.tell(LinkUp, link=Link.PRIVATE)
        if opened:
            self.trades()
            self.account(0, 0)

    def tell(self, kind: type[Event], **fields: object) -> None:
        event = kind(recv_ns=self.now_ns, mono_ns=self.now_ns, **fields)
        self.sent += self.trader.receive(event)

    def fill(self, trade_id: int, exch_ns: int, side: Side, lots: int) -> None:
        self.tell_fill(self.a_fill(trade_id, exch_ns, side, lots))

    def tell_fill(self, fill: Fill) -> None:
        self.sent += self.trader.receive(fill)

    def a_fill(self, trade_id: int, exch_ns: int, side: Side, lots: int) -> Fill:
        return Fill(
            recv_ns=self.now_ns,
            mono_ns=self.now_ns,
            trade_id=trade_id,
            client_order_id=f"mdesk-one-{trade_id}",
            side=side,
            price_ticks=600_000,
            qty_lots=lots,
            maker=True,
            fee_e8=0,
            exch_ns=exch_ns,
        )

    def trades(self, *fills: Fill, asked_ns: int | None = None) -> None:
        asked_ns = self.now_ns if asked_ns is None else asked_ns
        self.tell(TradesSnapshot, fills=fills, since_ms=0, asked_mono_ns=asked_ns)

    def account(
        self,
        lots: int,
        exch_ns: int,
        wallet_exch_ns: int = 0,
        open_orders: tuple[OrderUpdate, ...] = (),
    ) -> None:
        self.tell(
            AccountSnapshot,
            position_lots=lots,
            position_exch_ns=exch_ns,
            entry_price_e8=60_000 * 10**8 if lots else 0,
            wallet_e8=5000 * 10**8,
            wallet_exch_ns=wallet_exch_ns,
            open_orders=open_orders,
            asked_mono_ns=self.now_ns,
        )

    def pushed(self, lots: int, exch_ns: int) -> None:
        self.tell(
            AccountUpdate,
            position_lots=lots,
            wallet_e8=5000 * 10**8,
            reason="ORDER",
            exch_ns=exch_ns,
            entry_price_e8=60_000 * 10**8,
        )

    def later(self, ns: int) -> None:
        self.now_ns += ns
        self.tell(Tick)

    @property
    def lots(self) -> int:
        return self.trader.ledger.position_lots


def closed_elsewhere() -> Heard:
    """A trader that held 3 lots when the private stream said 0, with no trade of ours."""
    heard = Heard()
    heard.fill(1, 10 * S, Side.BUY, 3)
    heard.pushed(3, 10 * S)
    heard.later(1 * S)
    heard.pushed(0, 20 * S)
    return heard
