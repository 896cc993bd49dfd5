"""A whole desk with its exchange in one process, on a clock that only the test moves.

The trader is the real one, the exchange is the real embedded one without its sockets, and
what stands between them can be slow, lose, repeat and cut, as a plan of the exchange's own
faults says. A seed makes it repeatable.
"""

import contextlib
import heapq
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Literal, TypeAlias

import orjson

from engine.core.actions import Action
from engine.core.operator import OperatorCommand, OperatorRefusal, refusal_among
from engine.core.order_names import is_ours
from engine.core.settings import DeskSettings
from engine.core.states import Mode
from engine.core.trader import Trader
from exchange.binance import user_events
from exchange.errors import Refused
from exchange.instrument import Instrument
from exchange.paper.account.orders import NewOrder, OrderRecord
from exchange.paper.background.synthetic_flow import SyntheticFlow
from exchange.paper.faults import plan
from exchange.paper.faults.delay_queue import DelayQueue
from exchange.paper.faults.faults import NOTHING, Faults, LostRequest, ServerFault, aims
from exchange.paper.faults.frame_faults import FrameFaults
from exchange.paper.faults.plan import AnyFault, FaultPlan
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
from tests.engine import network_faults, rest_node
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


RECV_WINDOW_MS = 1000.0
"""How late a placing may arrive and still be executed; a cancel always is."""

RECONNECT_S = 1.0
"""Until the desk is back on a stream that was cut off."""

UNANSWERED_MS = 500.0
"""When the desk gives up a request whose connection was cut off."""

_Fallible: TypeAlias = Place | Cancel | QueryOrder | FetchAccount | FetchTrades

_CALLS: dict[type[Command], tuple[str, ...]] = {
    Place: ("POST /fapi/v1/order",),
    Cancel: ("DELETE /fapi/v1/order",),
    QueryOrder: (rest_node.ORDER,),
    FetchAccount: (rest_node.POSITION, rest_node.BALANCE, rest_node.OPEN_ORDERS),
    FetchTrades: (rest_node.TRADES,),
}
"""The requests that a fault can strike; all others are answered at once."""

_PLAYED = (
    *(plan.Cut, plan.Delay, plan.Duplicate, plan.Reorder, plan.Corrupt, plan.DropFrame),
    *(plan.DepthGap, plan.DropRequest, plan.DropReply, plan.StaleAccount),
)


class VirtualDesk:
    """One trader, one exchange, and the lines between them.

    Args:
        faults: What goes wrong between them; its seconds count from the start, its seed is ours.
    """

    def __init__(
        self,
        seed: int = 1,
        faults: FaultPlan = NOTHING,
        settings: DeskSettings = SETTINGS,
        market: SyntheticMarket = MARKET,
        opening_lots: int = 0,
        our_clock_ahead_s: float = 0.0,
    ) -> None:
        self.now_ns = START_NS
        self.commands: list[Command] = []
        """Everything that the trader ever asked for."""
        self._rng = random.Random(seed)
        self.faults = Faults(FaultPlan(seed=seed), START_NS // MS)
        self.arm(*faults.faults)
        self._our_clock_ahead_ns = round(our_clock_ahead_s * 1e9)
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._turns = count()
        self._queues: dict[Link, SubscriberQueue] = {}
        self._private_up_ns = self._public_up_ns = 0
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
        self._late_frames = DelayQueue()
        frame_faults = FrameFaults(
            self.faults, self._late_frames, self._pubsub.deliver, lambda: self.now_ns
        )
        self._pubsub.detour = frame_faults.carry
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
        self._node = RestNode(self.exchange, self.client, GRID, self.faults)
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
            epoch=int(f"tests{next(self._runs)}", 36),
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

    def arm(self, *faults: AnyFault) -> None:
        """From now on these go wrong too."""
        for fault in faults:
            assert isinstance(fault, _PLAYED), f"{type(fault).__name__} is not played here"
            self.faults.arm(fault)

    def end_faults(self) -> None:
        """From now on nothing more is lost, late or behind."""
        self.faults.disarm_all()

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
        for fault in self.faults.advance(self.now_ns // MS):
            self._apply_fault(fault)
        self.exchange.advance(self.now_ns)
        self._late_frames.run(self.now_ns)
        self._node.remember()
        self._carry_frames()
        while self._due and self._due[0][0] <= self.now_ns:
            heapq.heappop(self._due)[2]()
        if self.now_ns % (100 * MS) == 0:
            self.feed(Tick)

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
        commands = self.trader.receive(
            OperatorCommand(
                recv_ns=self._wall_ns, mono_ns=self.now_ns, action=action, name=name, **fields
            )
        )
        problem = refusal_among(commands)
        self._carry_out([each for each in commands if not isinstance(each, OperatorRefusal)])
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
        return chance > 0 and self._rng.random() < chance

    def _carry_frames(self) -> None:
        for link, queue in self._queues.items():
            for raw in queue.take():
                if link is Link.PRIVATE:
                    self._carry_private(raw)
                elif link is Link.PUBLIC and self.now_ns < self._public_up_ns:
                    continue
                else:
                    self._later(2, partial(self.feed, MarketFrame, raw=raw))

    def _carry_private(self, raw: bytes) -> None:
        if self.now_ns < self._private_up_ns:
            return
        if self._private_cuts < self._mute_cuts and any(kind in raw for kind in self._muted):
            return
        self._later(2, partial(self._deliver_private, raw, self._private_cuts))

    def _deliver_private(self, raw: bytes, connection: int) -> None:
        if connection == self._private_cuts:
            self.hand(*user_events.decode(raw, GRID, self._wall_ns, self.now_ns))

    def _apply_fault(self, fault: ServerFault) -> None:
        """Lose the streams that a cut aims at, where they are up."""
        assert isinstance(fault, plan.Cut)
        if aims(fault.streams, "private/") and self.now_ns >= self._private_up_ns:
            self.cut_private(RECONNECT_S)
        if aims(fault.streams, "public/") and self.now_ns >= self._public_up_ns:
            self.cut_public(RECONNECT_S)

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
            case FetchAccount() | FetchTrades() | Place() | Cancel() | QueryOrder():
                self._send(command)
            case RefreshCountdown():
                self._later(5, lambda: self._answer_countdown(command))
            case Reconnect(link=Link.PRIVATE, reason=reason):
                self.cut_private(0.2, reason)
            case Alert() | Reconnect():
                pass

    def _answer_snapshot(self) -> None:
        raw = orjson.dumps(self.book.market_data.depth(1000, self.exchange.now_ms))
        self._later(5, lambda: self.feed(DepthSnapshot, raw=raw))

    # ------------------------------------------------------------ what a fault can strike

    def _send(self, command: _Fallible) -> None:
        lost = self._lost_request(command)
        if lost is None:
            sent_ms = 5.0 + self._delay_ms("request", command)
            self._later(sent_ms, partial(self._receive, command, sent_ms, self.now_ns))
            return
        self._reply_later(command, UNANSWERED_MS, Outcome.UNKNOWN)
        if lost.arrives_ms is not None and isinstance(command, Place | Cancel):
            self._later(lost.arrives_ms, partial(self._execute_unheard, command, lost.arrives_ms))

    def _receive(self, command: _Fallible, sent_ms: float, asked_ns: int) -> None:
        match command:
            case FetchAccount():
                self._answer_account(command, asked_ns)
            case FetchTrades():
                self._answer_trades(command, asked_ns)
            case _:
                self._answer_order(command, sent_ms)

    def _lost_request(self, command: _Fallible) -> LostRequest | None:
        found = (self.faults.lost_request(*call) for call in _calls(command))
        return next((lost for lost in found if lost is not None), None)

    def _delay_ms(self, on: Literal["request", "reply"], command: _Fallible) -> float:
        """Of the slowest where a command is several requests."""
        return max(self.faults.delay_ms(on, *call) for call in _calls(command))

    def _drops_reply(self, command: _Fallible) -> bool:
        return any(self.faults.drops_reply(*call) for call in _calls(command))

    def _answer_account(self, command: FetchAccount, asked_ns: int) -> None:
        position, wallet = self._node.position(), self._node.wallet()
        open_orders = self._node.open_orders(self.now_ns)
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
        fills = self._node.trades(command.since_ms, self.now_ns)
        self._answer(
            command,
            TradesSnapshot,
            fills=fills,
            since_ms=command.since_ms,
            asked_mono_ns=asked_ns,
        )

    def _answer(
        self, command: FetchAccount | FetchTrades, kind: type[Event], **fields: object
    ) -> None:
        """Hand the run that asked what it asked for, and then its reply."""
        trader = self.trader
        if self._drops_reply(command):
            self._reply_later(command, UNANSWERED_MS, Outcome.UNKNOWN)
            return

        def arrive() -> None:
            if trader is self.trader:
                self.feed(kind, **fields)
                self._reply(command.request_id)

        self._later(5 + self._delay_ms("reply", command), arrive)

    def _answer_countdown(self, command: RefreshCountdown) -> None:
        self.symbol_account.arm_countdown(command.countdown_ms)
        self._reply_later(command, 5.0)

    def _answer_order(self, command: Place | Cancel | QueryOrder, sent_ms: float) -> None:
        delay_ms = 5 + self._delay_ms("reply", command)
        trip_ms = sent_ms + delay_ms
        try:
            order = self._judge(command, sent_ms)
        except Refused as refusal:
            code, text = refusal.code, refusal.message
            self._reply_later(
                command, delay_ms, Outcome.REFUSED, code, message=text, trip_ms=trip_ms
            )
            return
        if self._drops_reply(command):
            self._reply_later(command, UNANSWERED_MS, Outcome.UNKNOWN)
            return
        self._reply_later(command, delay_ms, order=order, trip_ms=trip_ms)

    def _execute_unheard(self, command: Place | Cancel, sent_ms: float) -> None:
        with contextlib.suppress(Refused):
            self._judge(command, sent_ms)

    def _judge(self, command: Place | Cancel | QueryOrder, sent_ms: float) -> OrderUpdate:
        """Execute what arrives in time; raises ``Refused``."""
        if isinstance(command, Place) and sent_ms > RECV_WINDOW_MS:
            raise Refused(-1021, "Timestamp for this request is outside of the recvWindow.")
        return self.execute(command)

    def execute(self, command: Place | Cancel | QueryOrder) -> OrderUpdate:
        """Let a request reach the exchange at this moment; raises ``Refused``."""
        if isinstance(command, QueryOrder):
            return self._node.order(command.client_order_id, self.now_ns)
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
            if is_ours(order.client_order_id)
        ]


def _calls(command: _Fallible) -> Iterator[tuple[str, str]]:
    """Every request that a command is, and the client's order id that it names."""
    order = "" if isinstance(command, FetchAccount | FetchTrades) else command.client_order_id
    return ((call, order) for call in _CALLS[type(command)])


def desk_that_gave_up() -> VirtualDesk:
    """A paused desk whose placings were lost on the way, and which has proven them absent."""
    desk = VirtualDesk(market=CALM, faults=FaultPlan((network_faults.requests_lost(1.0),)))
    desk.run_until(lambda: any(isinstance(command, Place) for command in desk.commands))
    desk.operate(Action.PAUSE)
    desk.end_faults()
    desk.run_until(lambda: desk.trader.table.live == 0)
    return desk
