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
from exchange.paper.account.orders import NewOrder, OrderRecord
from exchange.paper.background.synthetic_flow import SyntheticFlow
from exchange.paper.matching.price_time import Matching
from exchange.paper.pubsub.pubsub import Prefix, PubSub, SubscriberQueue
from exchange.paper.settings import AccountSettings, Listing, PaperSettings, SyntheticMarket
from exchange.paper.venue.venue import PaperVenue
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
    Request,
    Side,
    Tick,
    TradesSnapshot,
)
from tests.engine.rest_node import RestNode

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
    max_misfit=0.1,
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

CALM = replace(MARKET, A_per_s=0.001, sigma_ticks=0.01)
"""Hardly anything moves, and hardly anybody trades."""


@dataclass(frozen=True)
class Faults:
    """Chances, each per message, and lengths."""

    reply_lost: float = 0.0
    """Executed, but the answer never comes: the shell reports unknown."""
    request_lost: float = 0.0
    """Never arrives; the shell cannot know and reports unknown too."""
    request_late: float = 0.0
    """Given up as unknown after half a second, and arrives up to 4.5 s after it was sent."""
    recv_window_ms: float = 1000.0
    """How late a placing may arrive and still be executed."""
    reply_late: float = 0.0
    """The answer comes 2 to 4.5 s later."""
    private_repeated: float = 0.0
    private_late: float = 0.0
    """Arrives 200 ms after its time, behind younger messages."""
    private_stalled_every_s: float = 0.0
    """Mean seconds between stalls of the private stream: up to 4 s of it come at once."""
    private_cut_every_s: float = 0.0
    """Mean seconds between cuts of the private stream; its messages are lost for a second."""
    market_lost: float = 0.0
    trades_late_ms: float = 0.0
    """By how much the list of our trades comes later than other answers."""
    rest_lag_ms: float = 0.0
    """How far the node that answers REST is behind, at most; it changes every second."""


class VirtualDesk:
    """One trader, one exchange, and the lines between them."""

    def __init__(
        self,
        seed: int = 1,
        faults: Faults = Faults(),
        settings: DeskSettings = SETTINGS,
        market: SyntheticMarket = MARKET,
        opening_lots: int = 0,
        our_clock_ahead_s: float = 0.0,
    ) -> None:
        self.now_ns = START_NS
        self.commands: list[Command] = []
        """Everything that the trader ever asked for."""
        self._dice = random.Random(seed)
        self._faults = faults
        self._our_clock_ahead_ns = round(our_clock_ahead_s * 1e9)
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._turns = count()
        self._queues: dict[Link, SubscriberQueue] = {}
        self._private_up_ns = self._public_up_ns = self._stalled_until_ns = 0
        self._private_cuts = 0
        self._muted: tuple[bytes, ...] = ()
        self._mute_cuts = 0
        self._failing: dict[type[Command], str] = {}
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
        self._pubsub = PubSub()
        self.exchange = PaperVenue(paper, self._pubsub, START_NS - 1000 * MS)
        self.book = self.exchange.markets[GRID.symbol]
        matching, flow = self.book.matching, self.book.background
        assert isinstance(matching, Matching)
        assert isinstance(flow, SyntheticFlow)
        self.matching, self.flow = matching, flow
        self.client = self.exchange.clients[0]
        self.symbol_account = self.exchange.symbol_account(self.client, GRID.symbol)
        self._subscribe(Link.PUBLIC, Prefix.PUBLIC, "btcusdt@depth@100ms", "btcusdt@bookTicker")
        self._subscribe(Link.MARKET, Prefix.MARKET, "btcusdt@aggTrade", "btcusdt@markPrice@1s")
        listen_key = self.client.user_stream.start(self.exchange.now_ms)
        self._subscribe(Link.PRIVATE, Prefix.PRIVATE, listen_key)
        self.node = RestNode(self._pubsub, self.symbol_account, GRID, listen_key)
        if opening_lots:
            side = Side.BUY if opening_lots > 0 else Side.SELL
            self.symbol_account.place(NewOrder("earlier", side, abs(opening_lots), None))
        self.exchange.advance(START_NS)
        self._settings = settings
        self._runs = count(1)
        self.trader = self._new_trader(recent_run=False)
        for link in Link:
            self.feed(LinkUp, link=link)

    def _new_trader(self, *, recent_run: bool) -> Trader:
        return Trader(
            self._settings,
            GRID,
            Mode.PAPER,
            epoch=f"tests{next(self._runs)}",
            own_in_book=True,
            recent_run=recent_run,
        )

    def kill(self) -> None:
        """The engine is killed and started again: what was under way stays so, unheard."""
        self._private_cuts += 1
        self.trader = self._new_trader(recent_run=True)
        for order in self.our_open_orders:
            self.symbol_account.cancel(order)  # as a start does, over a session of its own
        for link in Link:
            self.feed(LinkUp, link=link)

    def end_faults(self) -> None:
        """From now on nothing more is lost, late or behind."""
        self._faults = Faults()
        self.node.lag_ms = 0.0

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
        self.node.note(self.now_ns)
        self._carry_frames()
        while self._due and self._due[0][0] <= self.now_ns:
            heapq.heappop(self._due)[2]()
        if self.now_ns % (100 * MS) == 0:
            self.feed(Tick)
            self._maybe_cut()
        if self.now_ns % (1000 * MS) == 0 and self._faults.rest_lag_ms:
            self.node.lag_ms = self._dice.uniform(0.0, self._faults.rest_lag_ms)

    def _later(self, delay_ms: float, act: Callable[[], None]) -> None:
        due_ns = self.now_ns + round(delay_ms * MS)
        heapq.heappush(self._due, (due_ns, next(self._turns), act))

    # ------------------------------------------------------------ the trader's side

    def feed(self, kind: type[Event], **fields: object) -> None:
        """Hand the trader an event that arrives now."""
        self.hand(kind(recv_ns=self._wall_ns, mono_ns=self.now_ns, **fields))

    @property
    def _wall_ns(self) -> int:
        return self.now_ns + self._our_clock_ahead_ns

    def hand(self, *events: Event) -> None:
        self._carry_out(self.trader.receive(*events))

    def operate(self, action: Action, name: str = "", **fields: float) -> str | None:
        problem, commands = self.trader.operate(
            OperatorCommand(
                recv_ns=self._wall_ns, mono_ns=self.now_ns, action=action, name=name, **fields
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
        queue = SubscriberQueue(prefix, lambda: None, lambda: None, combined=True)
        self._pubsub.subscribe(queue, names)
        self._queues[link] = queue

    def _chance(self, chance: float) -> bool:
        return chance > 0 and self._dice.random() < chance

    def _carry_frames(self) -> None:
        for link, queue in self._queues.items():
            for raw in queue.take():
                if link is Link.PRIVATE:
                    self._carry_private(raw)
                elif link is Link.PUBLIC and self.now_ns < self._public_up_ns:
                    continue
                elif not self._chance(self._faults.market_lost):
                    self._later(2, partial(self.feed, MarketFrame, raw=raw))

    def _carry_private(self, raw: bytes) -> None:
        if self.now_ns < self._private_up_ns:
            return
        if self._private_cuts < self._mute_cuts and any(kind in raw for kind in self._muted):
            return
        delay_ms = 200.0 if self._chance(self._faults.private_late) else 2.0
        delay_ms += max(self._stalled_until_ns - self.now_ns, 0) / MS
        connection = self._private_cuts
        for _ in range(2 if self._chance(self._faults.private_repeated) else 1):
            self._later(delay_ms, lambda: self._deliver_private(raw, connection))

    def _deliver_private(self, raw: bytes, connection: int) -> None:
        if connection == self._private_cuts:
            self.hand(*user_events.decode(raw, GRID, self._wall_ns, self.now_ns))

    def _maybe_cut(self) -> None:
        faults = self._faults
        if self.now_ns <= max(self._private_up_ns, self._stalled_until_ns):
            return
        if faults.private_cut_every_s and self._chance(0.1 / faults.private_cut_every_s):
            self.cut_private(1.0)
        elif faults.private_stalled_every_s and self._chance(0.1 / faults.private_stalled_every_s):
            self._stalled_until_ns = self.now_ns + round(self._dice.uniform(0.5, 4.0) * 1e9)

    def cut_private(self, seconds: float, reason: str = "cut") -> None:
        """Lose the private stream, and everything said on it, for a while."""
        self._private_cuts += 1
        connection, trader = self._private_cuts, self.trader
        self._private_up_ns = self.now_ns + round(seconds * 1e9)
        self.feed(LinkDown, link=Link.PRIVATE, reason=reason)

        def reconnect() -> None:
            if connection == self._private_cuts and trader is self.trader:
                self.feed(LinkUp, link=Link.PRIVATE)

        self._later(seconds * 1000, reconnect)

    def mute_private(self, *kinds: str, connections: int = 1) -> None:
        """Leave the private stream up, but lose events of these kinds, or all.

        Args:
            connections: How many are mute, the present one and those after it.
        """
        self._muted = tuple(kind.encode() for kind in kinds) or (b"",)
        self._mute_cuts = self._private_cuts + connections

    def cut_public(self, seconds: float) -> None:
        """Lose the book's stream for a while; the tape goes on on its own line."""
        self._public_up_ns = self.now_ns + round(seconds * 1e9)
        self.feed(LinkDown, link=Link.PUBLIC, reason="cut")
        self._later(seconds * 1000, lambda: self.feed(LinkUp, link=Link.PUBLIC))

    # ------------------------------------------------------------ the venue's side

    def refuse(self, kind: type[Request], message: str) -> None:
        """From now on the venue answers every request of one kind with an HTTP error."""
        self._failing[kind] = message

    def _obey(self, command: Command) -> None:
        failing = self._failing.get(type(command))
        if failing is not None and isinstance(command, Request):
            self._reply_later(command, 10.0, Outcome.UNKNOWN, message=failing)
            return
        match command:
            case FetchSnapshot():
                self._later(10 + command.wait_ms, self._answer_snapshot)
            case FetchAccount():
                asked_ns = self.now_ns
                self._later(5, lambda: self._answer_account(command, asked_ns))
            case FetchTrades():
                asked_ns = self.now_ns
                self._later(5, lambda: self._answer_trades(command, asked_ns))
            case RefreshCountdown():
                self._later(5, lambda: self._answer_countdown(command))
            case Place() | Cancel():
                self._send_order(command)
            case QueryOrder() if self._chance(self._faults.request_lost):
                self._reply_later(command, 500.0, Outcome.UNKNOWN)
            case QueryOrder():
                self._later(5, lambda: self._answer_order(command, 5.0))
            case Reconnect(link=Link.PRIVATE, reason=reason):
                self.cut_private(0.2, reason)
            case Alert() | Reconnect():
                pass

    def _answer_snapshot(self) -> None:
        raw = orjson.dumps(self.book.market_data.depth(1000, self.exchange.now_ms))
        self._later(5, lambda: self.feed(DepthSnapshot, raw=raw))

    def _answer_account(self, command: FetchAccount, asked_ns: int) -> None:
        position, wallet = self.node.position(self.now_ns), self.node.wallet(self.now_ns)
        open_orders = self.node.open_orders(self.now_ns)
        self._answer(
            command,
            AccountSnapshot,
            position_lots=position.lots,
            position_exch_ns=position.exch_ns,
            entry_price_e8=position.entry_price_e8,
            wallet_e8=wallet.balance_e8,
            wallet_exch_ns=wallet.exch_ns,
            open_orders=open_orders,
            asked_mono_ns=asked_ns,
        )

    def _answer_trades(self, command: FetchTrades, asked_ns: int) -> None:
        fills = self.node.trades(self.now_ns, command.since_ms)
        self._answer(
            command,
            TradesSnapshot,
            delay_ms=self._faults.trades_late_ms,
            fills=fills,
            since_ms=command.since_ms,
            asked_mono_ns=asked_ns,
        )

    def _answer(
        self, command: Request, kind: type[Event], delay_ms: float = 0.0, **fields: object
    ) -> None:
        """Hand the run that asked what it asked for, and then its reply."""
        trader = self.trader

        def arrive() -> None:
            if trader is self.trader:
                self.feed(kind, **fields)
                self._reply(command.request_id)

        self._later(5 + delay_ms + self._reply_delay_ms(), arrive)

    def _reply_delay_ms(self) -> float:
        late = self._chance(self._faults.reply_late)
        return self._dice.uniform(2000.0, 4500.0) if late else 0.0

    def _answer_countdown(self, command: RefreshCountdown) -> None:
        self.symbol_account.arm_countdown(command.countdown_ms)
        self._reply_later(command, 5.0)

    def _send_order(self, command: Place | Cancel) -> None:
        if self._chance(self._faults.request_lost):
            self._reply_later(command, 500.0, Outcome.UNKNOWN)
        elif self._chance(self._faults.request_late):
            self._reply_later(command, 500.0, Outcome.UNKNOWN)
            late_ms = self._dice.uniform(0.0, 4500.0)
            if isinstance(command, Cancel) or late_ms <= self._faults.recv_window_ms:
                self._later(late_ms, lambda: self._execute_unheard(command))
        else:
            self._later(5, lambda: self._answer_order(command, 5.0))

    def _answer_order(self, command: Place | Cancel | QueryOrder, sent_ms: float) -> None:
        delay_ms = 5 + self._reply_delay_ms()
        trip_ms = sent_ms + delay_ms
        try:
            order = self.execute(command)
        except Refused as refusal:
            code, text = refusal.code, refusal.message
            self._reply_later(
                command, delay_ms, Outcome.REFUSED, code, message=text, trip_ms=trip_ms
            )
            return
        if self._chance(self._faults.reply_lost):
            self._reply_later(command, 500.0, Outcome.UNKNOWN)
            return
        self._reply_later(command, delay_ms, order=order, trip_ms=trip_ms)

    def _execute_unheard(self, command: Place | Cancel) -> None:
        with contextlib.suppress(Refused):
            self.execute(command)

    def execute(self, command: Place | Cancel | QueryOrder) -> OrderUpdate:
        """Let a request reach the exchange at this moment; raises ``Refused``."""
        if isinstance(command, QueryOrder):
            return self.node.order(self.now_ns, command.client_order_id)
        if isinstance(command, Place):
            price_ticks = None if command.market else command.price_ticks
            order = self.symbol_account.place(
                NewOrder(
                    client_order_id=command.client_order_id,
                    side=command.side,
                    qty_lots=command.qty_lots,
                    price_ticks=price_ticks,
                    time_in_force=command.time_in_force,
                    reduce_only=command.reduce_only,
                )
            )
        else:
            order = self.symbol_account.cancel(
                self.symbol_account.orders.find(None, command.client_order_id)
            )
        row = self.book.wire.order_record(order)
        return user_events.order_update_from_rest(row, GRID, self.now_ns, self.now_ns)

    def _reply_later(
        self,
        command: Request,
        delay_ms: float,
        outcome: Outcome = Outcome.DONE,
        code: int = 0,
        order: OrderUpdate | None = None,
        message: str = "",
        trip_ms: float = 10.0,
    ) -> None:
        trader = self.trader

        def arrive() -> None:
            if trader is self.trader:
                self._reply(command.request_id, outcome, code, order, message, trip_ms)

        self._later(delay_ms, arrive)

    def _reply(
        self,
        request_id: int,
        outcome: Outcome = Outcome.DONE,
        code: int = 0,
        order: OrderUpdate | None = None,
        message: str = "",
        trip_ms: float = 10.0,
    ) -> None:
        self.feed(
            Reply,
            request_id=request_id,
            outcome=outcome,
            code=code,
            message=message,
            order=order,
            round_trip_ns=round(trip_ms * MS),
        )

    def deliver_placings(self) -> None:
        """Let every order that was ever placed reach the exchange after all."""
        for command in list(self.commands):
            if isinstance(command, Place):
                self.execute(command)

    # ------------------------------------------------------------ what tests ask

    @property
    def our_open_orders(self) -> list[OrderRecord]:
        """As the exchange has them."""
        return [
            order
            for order in self.symbol_account.orders.open.values()
            if order.client_order_id.startswith(OUR_PREFIX)
        ]


def desk_that_gave_up() -> VirtualDesk:
    """A paused desk whose placings were lost on the way, and which has proven them absent."""
    desk = VirtualDesk(market=CALM, faults=Faults(request_lost=1.0))
    desk.run_until(lambda: any(isinstance(command, Place) for command in desk.commands))
    desk.operate(Action.PAUSE)
    desk.end_faults()
    desk.run_until(lambda: desk.trader.table.live == 0)
    return desk
