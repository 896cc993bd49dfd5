"""A whole desk with its exchange in one process, on a clock that only the test moves.

The trader is the real one, the exchange is the real embedded one without its sockets, and
what stands between them can be slow, lose, repeat and cut. A seed makes it repeatable.
"""

import contextlib
import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import count

import orjson

from engine.core.actions import Action
from engine.core.operator import OperatorCommand
from engine.core.settings import DeskSettings
from engine.core.trader import OUR_PREFIX, Trader
from engine.core.view import Mode
from exchange.binance import user_events
from exchange.errors import Refused
from exchange.instrument import Instrument
from exchange.paper.flow import Flow
from exchange.paper.hub import Hub, Mailbox, Prefix
from exchange.paper.matching import Matching
from exchange.paper.orders import NewOrder, OrderRecord
from exchange.paper.settings import AccountSettings, Listing, PaperSettings, SyntheticMarket
from exchange.paper.venue import PaperVenue
from exchange.types import (
    AccountSnapshot,
    Alert,
    Cancel,
    Command,
    DepthSnapshot,
    Event,
    FetchAccount,
    FetchSnapshot,
    FetchTrades,
    Link,
    LinkDown,
    LinkUp,
    MarketFrame,
    OrderUpdate,
    Outcome,
    Place,
    QueryOrder,
    Reconnect,
    RefreshCountdown,
    Reply,
    Side,
    Tick,
    TradesSnapshot,
)

MS = 1_000_000
START_NS = 1_800_000_000_000 * MS
GRID = Instrument.from_steps("BTCUSDT", "0.1", "0.001")

SETTINGS = DeskSettings(
    config="test",
    symbol="BTCUSDT",
    capital_usdt=5000.0,
    gamma=0.01,
    delta=1.0,
    adj1=1.0,
    adj2=1.0,
    order_lots=3,
    max_position_lots=30,
    grid_num=3,
    window_s=600.0,
    recalibrate_s=5.0,
    fair="mid",
    fair_lots=0,
    maker_fee_rate=0.0,
    intensity="mle",
    levels=20,
    nearest_ticks=2.0,
    widest_gap=0.1,
    hold_s=600.0,
    volatility="realised",
    volatility_step_s=1.0,
    prior=(1.5, 0.12, 6.0),
    max_loss_usdt=1e9,
    freshness_ms=3000,
)
MARKET = SyntheticMarket(
    seed=1,
    start_price_ticks=600_000,
    sigma_ticks=6.0,
    A_per_s=4.0,
    k_per_tick=0.12,
    half_spread_ticks=4,
    depth_levels=30,
    level_lots=800,
)


@dataclass(frozen=True)
class Faults:
    """Chances, each per message."""

    reply_lost: float = 0.0
    """Executed, but the answer never comes: the shell reports unknown."""
    request_lost: float = 0.0
    """Never arrives; the shell cannot know and reports unknown too."""
    request_late: float = 0.0
    """Arrives four seconds after the shell gave it up as unknown."""
    private_repeated: float = 0.0
    private_late: float = 0.0
    """Arrives 200 ms after its time, behind younger messages."""
    market_lost: float = 0.0
    trades_late_ms: float = 0.0
    """By how much the list of our trades comes later than other answers."""
    private_cut_every_s: float = 0.0
    """Mean seconds between cuts of the private stream; its messages are lost for a second."""


class VirtualDesk:
    """One trader, one exchange, and the lines between them."""

    def __init__(
        self,
        seed: int = 1,
        faults: Faults = Faults(),
        settings: DeskSettings = SETTINGS,
        market: SyntheticMarket = MARKET,
        opening_lots: int = 0,
    ) -> None:
        self.now_ns = START_NS
        self.commands: list[Command] = []
        """Everything that the trader ever asked for."""
        self._dice = random.Random(seed)
        self._faults = faults
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._turns = count()
        self._mailboxes: dict[Link, Mailbox] = {}
        self._private_up_ns = self._public_up_ns = 0
        account = AccountSettings(
            name="desk",
            api_key="k",
            api_secret="s",
            capital_e8=500_000_000_000,
            maker_fee_rate=0.0002,
            taker_fee_rate=0.0005,
        )
        listing = Listing(GRID, replace(market, seed=seed))
        paper = PaperSettings(port=0, listings=(listing,), accounts=(account,))
        self._hub = Hub()
        self.exchange = PaperVenue(paper, self._hub, START_NS - 1000 * MS)
        self.book = self.exchange.markets[GRID.symbol]
        matching, flow = self.book.matching, self.book.background
        assert isinstance(matching, Matching)
        assert isinstance(flow, Flow)
        self.matching, self.flow = matching, flow
        self.member = self.exchange.members[0]
        self.seat = self.exchange.seat(self.member, GRID.symbol)
        if opening_lots:
            self.seat.place(NewOrder("earlier", Side.BUY, opening_lots, None))
        self.exchange.advance(START_NS)
        self.trader = Trader(settings, GRID, Mode.PAPER, epoch="tests", own_in_book=True)
        self._subscribe(Link.PUBLIC, Prefix.PUBLIC, "btcusdt@depth@100ms", "btcusdt@bookTicker")
        self._subscribe(Link.MARKET, Prefix.MARKET, "btcusdt@aggTrade", "btcusdt@markPrice@1s")
        listen_key = self.member.user_stream.start(self.exchange.now_ms)
        self._subscribe(Link.PRIVATE, Prefix.PRIVATE, listen_key)
        for link in Link:
            self.feed(LinkUp, link=link)

    # ------------------------------------------------------------ time

    def run(self, seconds: float) -> None:
        """Let the whole world live on for so long."""
        end_ns = self.now_ns + round(seconds * 1e9)
        while self.now_ns < end_ns:
            self._step()

    def run_until(self, condition: Callable[[], bool], limit_s: float = 60.0) -> None:
        """Let it live until something holds; fails the test when it never does."""
        end_ns = self.now_ns + round(limit_s * 1e9)
        while not condition():
            assert self.now_ns < end_ns, "it never came to pass"
            self._step()

    def _step(self) -> None:
        self.now_ns += 5 * MS
        self.exchange.advance(self.now_ns)
        self._carry_frames()
        while self._due and self._due[0][0] <= self.now_ns:
            heapq.heappop(self._due)[2]()
        if self.now_ns % (100 * MS) == 0:
            self.feed(Tick)
            self._maybe_cut()

    def _later(self, delay_ms: float, act: Callable[[], None]) -> None:
        due_ns = self.now_ns + round(delay_ms * MS)
        heapq.heappush(self._due, (due_ns, next(self._turns), act))

    # ------------------------------------------------------------ the trader's side

    def feed(self, kind: type[Event], **fields: object) -> None:
        """Hand the trader an event that arrives now."""
        self.hand(kind(recv_ns=self.now_ns, mono_ns=self.now_ns, **fields))

    def hand(self, *events: Event) -> None:
        self._carry_out(self.trader.receive(*events))

    def operate(self, action: Action, name: str = "", **fields: float) -> str | None:
        problem, commands = self.trader.operate(
            OperatorCommand(
                recv_ns=self.now_ns, mono_ns=self.now_ns, action=action, name=name, **fields
            )
        )
        self._carry_out(commands)
        return problem

    def _carry_out(self, commands: list[Command]) -> None:
        for command in commands:
            self.commands.append(command)
            self._obey(command)

    # ------------------------------------------------------------ the lines between

    def _subscribe(self, link: Link, prefix: Prefix, *names: str) -> None:
        mailbox = Mailbox(prefix, lambda: None, lambda: None, combined=True)
        self._hub.subscribe(mailbox, names)
        self._mailboxes[link] = mailbox

    def _chance(self, chance: float) -> bool:
        return chance > 0 and self._dice.random() < chance

    def _carry_frames(self) -> None:
        for link, mailbox in self._mailboxes.items():
            for raw in mailbox.take():
                if link is Link.PRIVATE:
                    self._carry_private(raw)
                elif link is Link.PUBLIC and self.now_ns < self._public_up_ns:
                    continue
                elif not self._chance(self._faults.market_lost):
                    self._later(2, partial(self.feed, MarketFrame, raw=raw))

    def _carry_private(self, raw: bytes) -> None:
        if self.now_ns < self._private_up_ns:
            return
        delay_ms = 200 if self._chance(self._faults.private_late) else 2
        for _ in range(2 if self._chance(self._faults.private_repeated) else 1):
            self._later(delay_ms, lambda: self._deliver_private(raw))

    def _deliver_private(self, raw: bytes) -> None:
        self.hand(*user_events.decode(raw, GRID, self.now_ns, self.now_ns))

    def _maybe_cut(self) -> None:
        every_s = self._faults.private_cut_every_s
        if every_s and self.now_ns > self._private_up_ns and self._chance(0.1 / every_s):
            self.cut_private(1.0)

    def cut_private(self, seconds: float) -> None:
        """Lose the private stream, and everything said on it, for a while."""
        self._private_up_ns = self.now_ns + round(seconds * 1e9)
        self.feed(LinkDown, link=Link.PRIVATE, reason="cut")
        self._later(seconds * 1000, lambda: self.feed(LinkUp, link=Link.PRIVATE))

    def cut_public(self, seconds: float) -> None:
        """Lose the book's stream for a while; the tape goes on on its own line."""
        self._public_up_ns = self.now_ns + round(seconds * 1e9)
        self.feed(LinkDown, link=Link.PUBLIC, reason="cut")
        self._later(seconds * 1000, lambda: self.feed(LinkUp, link=Link.PUBLIC))

    # ------------------------------------------------------------ the venue's side

    def _obey(self, command: Command) -> None:
        match command:
            case FetchSnapshot():
                self._later(10 + command.wait_ms, self._answer_snapshot)
            case FetchAccount():
                asked_ns = self.now_ns
                self._later(5, lambda: self._answer_account(command, asked_ns))
            case FetchTrades():
                self._later(5, lambda: self._answer_trades(command))
            case RefreshCountdown():
                self._later(5, lambda: self._answer_countdown(command))
            case Place() | Cancel() | QueryOrder():
                self._later(5, lambda: self._answer_order(command))
            case Reconnect(link=Link.PRIVATE):
                self.cut_private(0.2)
            case Alert() | Reconnect():
                pass

    def _answer_snapshot(self) -> None:
        raw = orjson.dumps(self.book.market_data.depth(1000, self.exchange.now_ms))
        self._later(5, lambda: self.feed(DepthSnapshot, raw=raw))

    def _answer_account(self, command: FetchAccount, asked_ns: int) -> None:
        snapshot = (self.seat.holding.lots, self.member.account.wallet_e8)
        rows = tuple(self._update(order) for order in self.seat.orders.open.values())

        def arrive() -> None:
            self.feed(
                AccountSnapshot,
                position_lots=snapshot[0],
                wallet_e8=snapshot[1],
                open_orders=rows,
                asked_mono_ns=asked_ns,
            )
            self._reply(command.request_id)

        self._later(5, arrive)

    def _answer_trades(self, command: FetchTrades) -> None:
        rows = [self.book.wire.user_trade(trade) for trade in self.seat.trades]
        names = {order.venue_order_id: order.client_order_id for order in self.seat.orders}
        fills = tuple(
            user_events.fill_from_rest(row, names[int(str(row["orderId"]))], GRID, 0, 0)
            for row in rows
        )
        delay_ms = 5 + self._faults.trades_late_ms
        self._later(delay_ms, lambda: self.feed(TradesSnapshot, fills=fills))
        self._later(delay_ms, lambda: self._reply(command.request_id))

    def _answer_countdown(self, command: RefreshCountdown) -> None:
        self.seat.arm_countdown(command.countdown_ms)
        self._later(5, lambda: self._reply(command.request_id))

    def _answer_order(self, command: Place | Cancel | QueryOrder) -> None:
        if self._chance(self._faults.request_lost):
            self._later(500, lambda: self._reply(command.request_id, Outcome.UNKNOWN))
            return
        if isinstance(command, Place) and self._chance(self._faults.request_late):
            self._later(500, lambda: self._reply(command.request_id, Outcome.UNKNOWN))
            self._later(4500, lambda: self._execute_late(command))
            return
        try:
            order = self._update(self._execute(command))
        except Refused as refusal:
            code, text = refusal.code, refusal.message
            self._later(
                5, lambda: self._reply(command.request_id, Outcome.REFUSED, code, message=text)
            )
            return
        if self._chance(self._faults.reply_lost):
            self._later(500, lambda: self._reply(command.request_id, Outcome.UNKNOWN))
            return
        self._later(5, lambda: self._reply(command.request_id, order=order))

    def _execute_late(self, command: Place) -> None:
        with contextlib.suppress(Refused):
            self._execute(command)

    def _execute(self, command: Place | Cancel | QueryOrder) -> OrderRecord:
        if isinstance(command, Place):
            price_ticks = None if command.market else command.price_ticks
            return self.seat.place(
                NewOrder(
                    client_order_id=command.client_order_id,
                    side=command.side,
                    qty_lots=command.qty_lots,
                    price_ticks=price_ticks,
                    time_in_force=command.time_in_force,
                    reduce_only=command.reduce_only,
                )
            )
        order = self.seat.orders.find(None, command.client_order_id)
        if isinstance(command, Cancel):
            return self.seat.cancel(order)
        if order is None:
            raise Refused(-2013, "Order does not exist.")
        return order

    def _update(self, order: OrderRecord) -> OrderUpdate:
        row = self.book.wire.order_record(order)
        return user_events.order_update_from_rest(row, GRID, self.now_ns, self.now_ns)

    def _reply(
        self,
        request_id: int,
        outcome: Outcome = Outcome.DONE,
        code: int = 0,
        order: OrderUpdate | None = None,
        message: str = "",
    ) -> None:
        self.feed(
            Reply,
            request_id=request_id,
            outcome=outcome,
            code=code,
            message=message,
            order=order,
            round_trip_ns=10 * MS,
        )

    # ------------------------------------------------------------ what tests ask

    @property
    def our_open_orders(self) -> list[OrderRecord]:
        """As the exchange has them."""
        return [
            order
            for order in self.seat.orders.open.values()
            if order.client_order_id.startswith(OUR_PREFIX)
        ]
