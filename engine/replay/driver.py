"""Replay driver: the same trader, fed from recordings on a virtual clock.

A first reading finds the shift of the receive times; the second is played. Four sources take
their turns by time and, at one instant, in this order: local data, answers, the venue's own
data, requests reaching the venue; then the timer's step.

Source: the replay rules, sections 1 and 2.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Protocol

from engine.config.desk import Config
from engine.core.checkpoint import Checkpoint
from engine.core.settings import STEP_NS
from engine.core.states import Mode
from engine.core.trader import Trader
from engine.errors import RecordingError
from engine.replay.event_window import NEVER_NS, EventWindow
from engine.replay.performance import Performance, SessionRecorder
from engine.replay.recorded_files import RecordedFiles
from engine.replay.recorded_venue import RecordedVenue, ReplayRules
from engine.view.desk_view import DeskView
from engine.view.view_builder import ViewBuilder
from exchange.binance.recorded_events import Stretch
from exchange.event_columns import EXCH_NS, KIND, RAW_AT, RAW_SIZE, RECV_NS, SNAPSHOT, WIDTH
from exchange.instrument import E8
from exchange.jit import IntArray
from exchange.types import (
    Command,
    DepthSnapshot,
    Event,
    Fill,
    Link,
    LinkUp,
    MarketFrame,
    Side,
    Tick,
)

_EPOCH = int("replay", 36)
_NS_PER_MS = 1_000_000
_FUNDING_NS = 8 * 3600 * 10**9
"""Between the venue's usual funding times, counted from midnight."""


@dataclass(slots=True)
class ReplayResult:
    """Result of a replay: what became of one desk over some recordings."""

    files: list[str]
    """In order of time, as they were played."""
    reordered: bool
    """Were they given in another?"""
    span_s: float
    clock_shift_ms: float
    """Added to every receive time, so that the fastest message took ``feed_latency_ms``."""
    lines: int
    unfunded: int
    """Funding times that passed without a recorded mark price, so that nothing was paid."""
    tears: list[str]
    grown_ns: list[int]
    """How long each book grew from diffs until it was trusted, for want of a snapshot."""
    view: DeskView
    fills: list[Fill]
    orders_placed: int
    refusals: dict[int, int]
    performance: Performance
    reasons: dict[str, Counter[str]] = field(default_factory=dict)
    """Per side, how many 100 ms steps each reason ruled."""
    fits: Counter[str] = field(default_factory=Counter)
    """How many 100 ms steps each kind of fit stood: prior, fit, widened, none."""
    branches: Counter[str] = field(default_factory=Counter)
    """How many of them each branch of the model quoted."""
    last_words: dict[str, str] = field(default_factory=dict)
    """Per side, the last reason in full."""

    @property
    def never_quoted(self) -> str:
        """Why not one order was ever placed, as a text; empty when some were."""
        if self.orders_placed:
            return ""
        parts = []
        for side, counts in self.reasons.items():
            (reason, steps), *_ = counts.most_common(1) or [("no step was played", 0)]
            seconds = steps * STEP_NS / 1e9
            parts.append(f"{side}: {reason} for {seconds:.0f} of {self.span_s:.0f} s")
        messages = set(self.last_words.values())
        return f"nothing was quoted. {'; '.join(parts)}. At the end: {'; '.join(sorted(messages))}"


class StepWatcher(Protocol):
    """Looks at the desk's memory at each step, and changes nothing."""

    def on_step(self, at_ns: int, memory: Checkpoint) -> None: ...


class _Rank(IntEnum):
    """Who goes first at one instant."""

    LOCAL = 0
    ANSWER = 1
    FUNDING = 2
    VENUE = 3
    REQUEST = 4
    STEP = 5


class Replay:
    """One trader over one or more recordings.

    Args:
        config: What the desk would run live.
        report: Called with bytes read and bytes in all, both passes together.
        watchers: Shown the desk's memory at each step of the timer.
    """

    def __init__(
        self,
        config: Config,
        paths: list[Path],
        report: Callable[[int, int], None],
        watchers: Sequence[StepWatcher] = (),
    ) -> None:
        if "_" in config.desk.symbol:
            raise RecordingError(
                paths[0],
                None,
                f"{config.desk.symbol} is an inverse or dated contract; only linear perpetuals",
            )
        self._config, self._watchers = config, watchers
        self._files = RecordedFiles(config, paths, report, peers=False)
        self._grid = config.grid()
        queue, power = config.replay.queue_model
        replay = config.replay
        self._venue = RecordedVenue(
            self._grid,
            ReplayRules(
                order_latency_ns=round(replay.order_latency_ms * _NS_PER_MS),
                response_latency_ns=round(replay.response_latency_ms * _NS_PER_MS),
                queue=queue,
                queue_power=power,
                maker_fee_rate=replay.maker_fee_rate,
                taker_fee_rate=replay.taker_fee_rate,
                peers=replay.fills == "hftbacktest",
            ),
            wallet_e8=round(config.desk.capital_usdt * E8),
        )
        self.trader = Trader(
            config.desk_settings(replay=True),
            self._grid,
            Mode.REPLAY,
            epoch=_EPOCH,
            own_in_book=False,
            recorded=True,
        )
        self._events: _Events  # of the run
        self._recorder = SessionRecorder(self.trader)
        self._now_ns = 0
        self._next_step_ns = 0
        self._view_builder = ViewBuilder(self.trader)
        self._fits: Counter[str] = Counter()
        self._branches: Counter[str] = Counter()
        self._reasons: dict[str, Counter[str]] = {"bid": Counter(), "ask": Counter()}

    def run(self) -> ReplayResult:
        """Play everything.

        Raises:
            RecordingError: When a file is not of this config's symbol or grid.
            RecordingGarbled: When a line is no message.
        """
        files = self._files
        files.put_in_order()
        shift_ns = files.scan(round(self._config.replay.feed_latency_ms * _NS_PER_MS))
        first_ns = files.first_local_ns + shift_ns
        self._connect(first_ns)
        events = self._events = _Events(shift_ns)
        with closing(files.read_into(events.window, shift_ns)) as stretches:
            for stretch in stretches:
                events.take(stretch)
                self._play_until(events.window.safe_ns(shift_ns))
                events.forget()
        self._play_until(NEVER_NS)
        return ReplayResult(
            files=[str(path) for path in files.paths],
            reordered=files.reordered,
            span_s=files.span_ns / 1e9,
            clock_shift_ms=shift_ns / _NS_PER_MS,
            lines=files.lines,
            unfunded=0 if self._venue.marked else _funding_times(first_ns, self._now_ns),
            tears=files.tears,
            grown_ns=self._venue.grown_ns,
            view=self._view_builder.build(self._now_ns, self._now_ns),
            fills=self._venue.fills,
            orders_placed=self._recorder.tally.orders,
            refusals={
                code: seen.count for code, seen in sorted(self.trader.errors.by_code().items())
            },
            performance=self._recorder.judge(self._config.desk.capital_usdt),
            reasons=self._reasons,
            fits=self._fits,
            branches=self._branches,
            last_words={"bid": self._why(Side.BUY), "ask": self._why(Side.SELL)},
        )

    # ------------------------------------------------------------ playing

    def _connect(self, first_ns: int) -> None:
        self._now_ns = first_ns
        self._next_step_ns = first_ns + STEP_NS
        for link in Link:
            self._feed(LinkUp(recv_ns=first_ns, mono_ns=first_ns, link=link))

    def _play_until(self, end_ns: int) -> None:
        """Let everything happen that happens before ``end_ns``, or all that is left."""
        events, venue = self._events, self._venue
        while True:
            at_ns, rank = self._next_turn()
            if at_ns >= end_ns or events.over:
                return
            self._now_ns = max(self._now_ns, at_ns)
            match rank:
                case _Rank.LOCAL:
                    self._hear(at_ns, *events.hear())
                case _Rank.ANSWER:
                    answers = venue.take_answers()
                    self._feed(*answers)
                    self._recorder.note_told(answers)
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
            (self._venue.next_answer_ns(), _Rank.ANSWER),
            (self._venue.next_funding_ns(), _Rank.FUNDING),
            (self._events.venue.next_ns, _Rank.VENUE),
            (self._venue.next_request_ns(), _Rank.REQUEST),
            (self._next_step_ns, _Rank.STEP),
        )

    def _hear(self, at_ns: int, kind: int, raw: bytes) -> None:
        event = DepthSnapshot if kind == SNAPSHOT else MarketFrame
        self._feed(event(recv_ns=at_ns, mono_ns=at_ns, raw=raw))
        self._recorder.note_market()

    def _step(self) -> None:
        self._feed(Tick(recv_ns=self._next_step_ns, mono_ns=self._next_step_ns))
        self._next_step_ns += STEP_NS
        self._recorder.note_step()
        for name, side in (("bid", Side.BUY), ("ask", Side.SELL)):
            self._reasons[name][self.trader.side_reason(side).value] += 1
        self._fits[self._view_builder.fit_kind().value] += 1
        self._branches[self.trader.branch] += 1
        for watcher in self._watchers:
            watcher.on_step(self.trader.mono_ns, self.trader.memory)

    def _feed(self, *events: Event) -> None:
        for command in self._receive(*events):
            self._recorder.note_command(command)
            self._venue.send(command, events[-1].mono_ns)

    def _receive(self, *events: Event) -> list[Command]:
        return self.trader.receive(*events)

    def _why(self, side: Side) -> str:
        why = self.trader.side_status[side]
        return why.reason.value + (f" ({why.detail})" if why.detail else "")


def _funding_times(first_ns: int, last_ns: int) -> int:
    return last_ns // _FUNDING_NS - first_ns // _FUNDING_NS


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
