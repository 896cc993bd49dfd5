"""Naive replay: the trader fed with events one turn at a time, as a live desk is.

Five sources take their turns by time and, at one instant, in this order: local data, answers,
funding, the venue's own data, requests reaching the venue; then the timer's step. Everything is an
object and passes through ``Trader.receive``.

Source: the replay rules, sections 1 and 2.
"""

from collections import Counter
from contextlib import closing
from enum import IntEnum
from pathlib import Path

from engine.config.desk import Config
from engine.core import orders
from engine.core.settings import STEP_NS
from engine.core.states import Mode
from engine.core.trader import Trader
from engine.models.maker import best_working
from engine.replay.driver import EPOCH, replay_rules
from engine.replay.event_window import NEVER_NS, EventWindow
from engine.replay.recorded_files import RecordedFiles
from engine.view.view_builder import ViewBuilder
from exchange.binance.recorded_events import Stretch
from exchange.event_columns import EXCH_NS, KIND, RAW_AT, RAW_SIZE, RECV_NS, SNAPSHOT, WIDTH
from exchange.instrument import E8
from exchange.jit import IntArray
from exchange.types import (
    Cancel,
    Command,
    DepthSnapshot,
    Event,
    Fill,
    Link,
    LinkUp,
    MarketFrame,
    Place,
    Side,
    Tick,
)
from tests.naive.recorded_venue import RecordedVenue


class _Rank(IntEnum):
    """Who goes first at one instant."""

    LOCAL = 0
    ANSWER = 1
    FUNDING = 2
    VENUE = 3
    REQUEST = 4
    STEP = 5


class NaiveReplay:
    """One trader over some recordings, and what it did."""

    def __init__(self, config: Config, paths: list[Path]) -> None:
        self._config = config
        self._files = RecordedFiles(config, paths, lambda _done, _total: None, peers=False)
        grid = config.grid()
        self.venue = RecordedVenue(
            grid, replay_rules(config), wallet_e8=round(config.desk.capital_usdt * E8)
        )
        self.trader = Trader(
            config.desk_settings(replay=True),
            grid,
            Mode.REPLAY,
            epoch=EPOCH,
            own_in_book=False,
            recorded=True,
        )
        self._events: _Events  # of the run
        self.now_ns = self._next_step_ns = 0
        self._view_builder = ViewBuilder(self.trader)
        self.commands: list[tuple[int, Command]] = []
        """Each with its time."""
        self.steps: list[tuple[int, ...]] = []
        """As the rows of ``StepSeries``."""
        self.told: list[tuple[int, ...]] = []
        """As the rows of ``Fills``."""
        self.orders_filled: set[str] = set()
        self.last_mid2 = 0
        self.fits: Counter[str] = Counter()
        self.branches: Counter[str] = Counter()
        self.reasons: dict[str, Counter[str]] = {"bid": Counter(), "ask": Counter()}

    def run(self) -> "NaiveReplay":
        """Play everything."""
        files = self._files
        files.put_in_order()
        shift_ns = files.scan(round(self._config.replay.feed_latency_ms * 1e6))
        self._connect(files.first_local_ns + shift_ns)
        events = self._events = _Events(shift_ns)
        with closing(files.read_into(events.window, shift_ns)) as stretches:
            for stretch in stretches:
                events.take(stretch)
                self._play_until(events.window.safe_ns(shift_ns))
                events.forget()
        self._play_until(NEVER_NS)
        self._view_builder.build(self.now_ns, self.now_ns)
        return self

    @property
    def orders(self) -> int:
        return sum(isinstance(command, Place) for _, command in self.commands)

    @property
    def cancels(self) -> int:
        return sum(isinstance(command, Cancel) for _, command in self.commands)

    # ------------------------------------------------------------ playing

    def _connect(self, first_ns: int) -> None:
        self.now_ns = first_ns
        self._next_step_ns = first_ns + STEP_NS
        for link in Link:
            self._feed(LinkUp(recv_ns=first_ns, mono_ns=first_ns, link=link))

    def _play_until(self, end_ns: int) -> None:
        """Let everything happen that happens before ``end_ns``, or all that is left."""
        events, venue = self._events, self.venue
        while True:
            at_ns, rank = self._next_turn()
            if at_ns >= end_ns or events.over:
                return
            self.now_ns = max(self.now_ns, at_ns)
            match rank:
                case _Rank.LOCAL:
                    self._hear(at_ns, *events.hear())
                case _Rank.ANSWER:
                    answers = venue.take_answers()
                    self._feed(*answers)
                    self._note_told(answers)
                case _Rank.FUNDING:
                    venue.pay_funding()
                case _Rank.VENUE:
                    kind, row = events.happen()
                    venue.on_event(at_ns, kind, row, events.window.ticks, events.window.lots)
                case _Rank.REQUEST:
                    venue.take_request()
                case _Rank.STEP:
                    self._step()

    def _next_turn(self) -> tuple[int, _Rank]:
        """Time and rank of what happens next."""
        return min(
            (self._events.local.next_ns, _Rank.LOCAL),
            (self.venue.next_answer_ns(), _Rank.ANSWER),
            (self.venue.next_funding_ns(), _Rank.FUNDING),
            (self._events.venue.next_ns, _Rank.VENUE),
            (self.venue.next_request_ns(), _Rank.REQUEST),
            (self._next_step_ns, _Rank.STEP),
        )

    def _hear(self, at_ns: int, kind: int, raw: bytes) -> None:
        event = DepthSnapshot if kind == SNAPSHOT else MarketFrame
        self._feed(event(recv_ns=at_ns, mono_ns=at_ns, raw=raw))
        touch = self.trader.market.touch
        if touch is not None:
            self.last_mid2 = touch[0] + touch[1]

    def _step(self) -> None:
        self._feed(Tick(recv_ns=self._next_step_ns, mono_ns=self._next_step_ns))
        self._next_step_ns += STEP_NS
        self._note_step()
        for name, side in (("bid", Side.BUY), ("ask", Side.SELL)):
            self.reasons[name][self.trader.side_reason(side).value] += 1
        self.fits[self._view_builder.fit_kind().value] += 1
        self.branches[self.trader.branch] += 1

    def _feed(self, *events: Event) -> None:
        for command in self.trader.receive(*events):
            self.commands.append((events[-1].mono_ns, command))
            self.venue.send(command, events[-1].mono_ns)

    # ------------------------------------------------------------ what it did

    def _note_step(self) -> None:
        trader, table = self.trader, self.trader.table
        bid, ask = best_working(
            table.state, table.side, table.price_ticks, orders.ACKED, orders.CANCELLING
        )
        ledger, touch = trader.ledger, trader.market.touch
        mid2 = sum(touch) if touch is not None else 0
        self.steps.append((trader.recv_ns, ledger.total_e8, ledger.position_lots, mid2, bid, ask))

    def _note_told(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Fill):
                self.orders_filled.add(event.client_order_id)
                price, mid2 = event.price_ticks, self.last_mid2 or 2 * event.price_ticks
                of_order = (event.side, price, event.qty_lots, event.maker)
                self.told.append((event.recv_ns, *of_order, event.fee_e8, mid2))


class _Clock:
    """The events in the order of one side, as far as they were played."""

    def __init__(self) -> None:
        self.next_ns = NEVER_NS
        """When the next of them is due."""
        self.done = 0
        self._order: list[int] = []
        self._times_ns: list[int] = []

    def set(self, order: IntArray, times_ns: IntArray) -> None:
        """The order of all rows that there are."""
        self._order, self._times_ns = order.tolist(), [*times_ns.tolist(), NEVER_NS]
        self.next_ns = self._times_ns[self.done]

    def take(self) -> int:
        """The next row's number."""
        self.done += 1
        self.next_ns = self._times_ns[self.done]
        return self._order[self.done - 1]


class _Events:
    """The recorded events that are still to be played, by both clocks.

    Args:
        shift_ns: Added to every receive time.
    """

    def __init__(self, shift_ns: int) -> None:
        self._shift_ns = shift_ns
        self.window = EventWindow()
        self.local, self.venue = _Clock(), _Clock()
        self._raw: list[bytes] = []  # by row, as the kinds
        self._kinds: list[int] = []

    @property
    def over(self) -> bool:
        """Has everything happened?"""
        return self.local.next_ns == self.venue.next_ns == NEVER_NS

    def take(self, stretch: Stretch) -> None:
        """Keep the messages of a stretch that the window has taken in."""
        table = stretch.rows.reshape(-1, WIDTH)[: stretch.count]
        text = stretch.text.data
        ends = table[:, RAW_AT] + table[:, RAW_SIZE]
        for at, end in zip(table[:, RAW_AT].tolist(), ends.tolist(), strict=True):
            self._raw.append(bytes(text[at:end]))
        self._kinds.extend(table[:, KIND].tolist())
        self._set_clocks()

    def forget(self) -> None:
        """Let go of what both clocks have passed."""
        gone = self.window.drop_heard(self.local.done, self.venue.done)
        self.local.done -= gone
        self.venue.done -= gone
        del self._raw[:gone], self._kinds[:gone]
        self._set_clocks()

    def hear(self) -> tuple[int, bytes]:
        """Kind and message of what reaches us next."""
        number = self.local.take()
        return self._kinds[number], self._raw[number]

    def happen(self) -> tuple[int, IntArray]:
        """Kind and row of what happens next at the venue."""
        number = self.venue.take()
        return self._kinds[number], self.window.rows[number * WIDTH : (number + 1) * WIDTH]

    def _set_clocks(self) -> None:
        window = self.window
        rows = window.rows.reshape(-1, WIDTH)
        local, venue = window.by_local[: window.events], window.by_exch[: window.events]
        self.local.set(local, rows[local, RECV_NS] + self._shift_ns)
        self.venue.set(venue, rows[venue, EXCH_NS])
