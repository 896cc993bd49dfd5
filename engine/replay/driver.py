"""Replay: the desk's own decisions over recordings, on a virtual clock.

A first reading finds the shift of the receive times; the second is played by the compiled loop of
``engine.replay.desk_loop``. Where that returns, what it wanted of Python is done here.

Source: the replay rules, sections 1 and 2.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from engine.config.desk import Config
from engine.core.checkpoint import Checkpoint
from engine.core.desk_layout import COMMANDS, MARKET, ORDERS_SENT, PRIVATE, PUBLIC
from engine.core.explain import REASONS
from engine.core.inputs import INPUT_KIND, TICK
from engine.core.quoter import branch_name
from engine.core.settings import STEP_NS
from engine.core.states import Mode
from engine.core.trader import Trader
from engine.errors import ConfigError, RecordingError
from engine.replay import desk_loop as loop
from engine.replay.event_window import NEVER_NS, EventWindow, enlarged
from engine.replay.performance import Fills, Performance, SessionTally, StepSeries, columns, judge
from engine.replay.recorded_files import RecordedFiles
from engine.replay.recorded_venue import (
    IN_FLIGHT,
    REFUSALS,
    V_ANSWERS,
    RecordedVenue,
    ReplayRules,
    connect,
)
from engine.view.desk_view import DeskView
from engine.view.view_builder import ViewBuilder
from exchange.binance.recorded_events import Stretch
from exchange.errors import InvariantBroken
from exchange.event_columns import RAW_AT, RAW_SIZE, WIDTH
from exchange.instrument import E8
from exchange.jit import IntArray, new_ints
from exchange.market_layout import GREW_FOR_NS
from exchange.types import Alert, Command, MarketFrame, Side

EPOCH = int("replay", 36)
_NS_PER_MS = 1_000_000
_FUNDING_NS = 8 * 3600 * 10**9
"""Between the venue's usual funding times, counted from midnight."""
_STEPS, _HEARD, _ORDERS = 1 << 14, 1 << 12, 1 << 12
"""Rows that are made free at a time."""
_BRANCHES = ("none", branch_name(spectral=False), branch_name(spectral=True))


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
    fills: IntArray
    """int64[fills, INPUT_WIDTH] of ``engine.core.inputs``, in the venue's order."""
    orders_placed: int
    refusals: dict[int, int]
    performance: Performance
    reasons: dict[str, Counter[str]]
    """Per side, how many 100 ms steps each reason ruled."""
    fits: Counter[str]
    """How many 100 ms steps each kind of fit stood: prior, fit, widened, none."""
    branches: Counter[str]
    """How many of them each branch of the model quoted."""
    last_words: dict[str, str]
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


class FrameListener(Protocol):
    """Has the trader receive each market message, as it does live, in place of the loop."""

    def receive(self, trader: Trader, frame: MarketFrame) -> list[Command]: ...


class Replay:
    """One trader over one or more recordings.

    Args:
        config: What the desk would run live.
        report: Called with bytes read and bytes in all, both passes together.
        watchers: Shown the desk's memory at each step of the timer.
        listener: Hears the market's messages, one by one.
    """

    def __init__(
        self,
        config: Config,
        paths: list[Path],
        report: Callable[[int, int], None],
        watchers: Sequence[StepWatcher] = (),
        listener: FrameListener | None = None,
    ) -> None:
        if "_" in config.desk.symbol:
            raise RecordingError(
                paths[0],
                None,
                f"{config.desk.symbol} is an inverse or dated contract; only linear perpetuals",
            )
        self._config, self._watchers, self._listener = config, watchers, listener
        self._files = RecordedFiles(config, paths, report, peers=False)
        self._grid = config.grid()
        self._venue = RecordedVenue(
            self._grid, replay_rules(config), round(config.desk.capital_usdt * E8), EPOCH
        )
        self.trader = Trader(
            config.desk_settings(replay=True),
            self._grid,
            Mode.REPLAY,
            epoch=EPOCH,
            own_in_book=False,
            recorded=True,
        )
        self._clock = new_ints(loop.CLOCK)
        self._clock[loop.C_TICK + INPUT_KIND] = TICK
        self._clock[loop.C_WATCHED] = bool(watchers)
        self._clock[loop.C_HANDS_OUT] = listener is not None
        self._codes = loop.loop_codes()
        self._steps: IntArray = np.zeros(0, dtype=np.int64)
        self._heard_fills: IntArray = np.zeros(0, dtype=np.int64)
        self._window = EventWindow()
        self._raw: list[bytes] = []  # by row, where a listener is to hear them
        self._grown_ns: list[int] = []

    def run(self) -> ReplayResult:
        """Play everything.

        Raises:
            RecordingError: When a file is not of this config's symbol or grid.
            RecordingGarbled: When a line is no message.
            ConfigError: When more orders or requests are under way than there is room for.
        """
        files, clock, window = self._files, self._clock, self._window
        files.put_in_order()
        shift_ns = files.scan(round(self._config.replay.feed_latency_ms * _NS_PER_MS))
        clock[loop.C_SHIFT] = shift_ns
        first_ns = files.first_local_ns + shift_ns
        self._connect(first_ns)
        with closing(files.read_into(window, shift_ns)) as stretches:
            for stretch in stretches:
                if self._listener is not None:
                    self._raw += _messages(stretch)
                self._play_until(window.safe_ns(shift_ns))
                self._forget()
        self._play_until(NEVER_NS)
        return self._result(first_ns, shift_ns)

    # ------------------------------------------------------------ playing

    def _connect(self, first_ns: int) -> None:
        """All streams are up, one after the other."""
        clock = self._clock
        clock[loop.C_NOW], clock[loop.C_STEP_AT] = first_ns, first_ns + STEP_NS
        self._make_room()
        trader, venue = self.trader, self._venue
        for link in (PRIVATE, PUBLIC, MARKET):
            connect(venue.venue, link, first_ns)
            loop.hear_answers(
                clock,
                self._codes,
                trader.desk,
                trader.reals,
                trader.market.region,
                venue.venue,
                venue.orders,
                venue.fills,
                self._heard_fills,
            )

    def _play_until(self, end_ns: int) -> None:
        """Let everything happen that happens before ``end_ns``, or all that is left."""
        trader, venue, clock, window = self.trader, self._venue, self._clock, self._window
        resting = venue.resting
        while True:
            why = loop.run_desk(
                clock,
                self._codes,
                trader.desk,
                trader.reals,
                trader.market.region,
                venue.venue,
                venue.region,
                int(resting.model),
                resting.power,
                resting.lot_size,
                resting.ints,
                resting.floats,
                resting.count,
                resting.out,
                venue.orders,
                venue.fills,
                venue.money,
                self._steps,
                self._heard_fills,
                window.rows,
                window.ticks,
                window.lots,
                window.by_local,
                window.by_exch,
                window.events,
                end_ns,
            )
            if why == loop.PLAYED:
                return
            self._serve(why)

    def _serve(self, why: int) -> None:
        """Do what the loop has returned for."""
        trader, venue, clock = self.trader, self._venue, self._clock
        if why == loop.BOOK_GREW:
            self._grown_ns.append(int(venue.region[GREW_FOR_NS]))
        elif why == loop.LEARNS:
            trader.fair.step(int(clock[loop.C_STEP_AT]))
        elif why == loop.STEPPED:
            for watcher in self._watchers:
                watcher.on_step(trader.mono_ns, trader.memory)
        elif why == loop.REFUSED_ANEW:
            for code in trader.errors.by_code():
                trader.errors.keep_message(code, REFUSALS[code])
        elif why == loop.HANDED_OUT:
            self._hand_out()
        elif why == loop.NO_ROOM:
            self._make_room()
        else:
            self._fail(why)

    def _fail(self, why: int) -> None:
        if why == loop.FULL:
            raise ConfigError(
                self._config.source,
                "replay.order_latency_ms",
                f"lets more than {IN_FLIGHT} requests or answers be under way at once; lower it, "
                "replay.response_latency_ms or strategy.grid_num",
            )
        what = "the order table is full" if why == loop.TABLE_IS_FULL else "too many commands"
        raise InvariantBroken(f"{what} at {int(self._clock[loop.C_NOW])} ns")

    def _hand_out(self) -> None:
        """The listener's trader receives the next message, and its commands leave."""
        clock, trader = self._clock, self.trader
        assert self._listener is not None
        number = int(self._window.by_local[clock[loop.C_LOCAL]])
        at_ns = int(clock[loop.C_NOW])
        frame = MarketFrame(recv_ns=at_ns, mono_ns=at_ns, raw=self._raw[number])
        commands = self._listener.receive(trader, frame)
        # Those that were worded lie in the block still.
        trader.desk[COMMANDS] = sum(not isinstance(command, Alert) for command in commands)
        region = trader.market.region
        loop.take_heard(clock, trader.desk, region, self._venue.venue, at_ns)

    def _make_room(self) -> None:
        clock, venue = self._clock, self._venue
        steps, answers = int(clock[loop.C_STEPS]), int(venue.venue[V_ANSWERS])
        heard = int(clock[loop.C_HEARD]) + answers + _HEARD
        self._steps = enlarged(self._steps, (steps + _STEPS) * loop.STEP_WIDTH)
        self._heard_fills = enlarged(self._heard_fills, heard * loop.FILL_WIDTH)
        venue.make_room(int(self.trader.desk[ORDERS_SENT]) + _ORDERS)

    def _forget(self) -> None:
        """Let go of what both clocks have passed."""
        clock = self._clock
        gone = self._window.drop_heard(int(clock[loop.C_LOCAL]), int(clock[loop.C_EXCH]))
        clock[loop.C_LOCAL] -= gone
        clock[loop.C_EXCH] -= gone
        del self._raw[:gone]

    # ------------------------------------------------------------ when it is over

    def _result(self, first_ns: int, shift_ns: int) -> ReplayResult:
        files, trader, clock, venue = self._files, self.trader, self._clock, self._venue
        now_ns = int(clock[loop.C_NOW])
        refusals = {code: seen.count for code, seen in sorted(trader.errors.by_code().items())}
        rules = {"bid": loop.C_BID_RULES, "ask": loop.C_ASK_RULES}
        return ReplayResult(
            files=[str(path) for path in files.paths],
            reordered=files.reordered,
            span_s=files.span_ns / 1e9,
            clock_shift_ms=shift_ns / _NS_PER_MS,
            lines=files.lines,
            unfunded=0 if venue.marked else _funding_times(first_ns, now_ns),
            tears=files.tears,
            grown_ns=self._grown_ns,
            view=ViewBuilder(trader).build(now_ns, now_ns),
            fills=venue.filled,
            orders_placed=int(clock[loop.C_ORDERS]),
            refusals=refusals,
            performance=self._performance(refusals),
            reasons={
                side: self._counted(at, [REASONS[rule].value for rule in sorted(REASONS)])
                for side, at in rules.items()
            },
            fits=self._counted(loop.C_FITS, loop.FITS),
            branches=self._counted(loop.C_BRANCHES, _BRANCHES),
            last_words={"bid": self._why(Side.BUY), "ask": self._why(Side.SELL)},
        )

    def _counted(self, at: int, names: Sequence[str]) -> Counter[str]:
        """How many steps went by each name, from a place of ``clock`` on."""
        counts: Counter[str] = Counter()
        for name, steps in zip(names, self._clock[at:].tolist(), strict=False):
            counts[name] += steps
        return +counts

    def _performance(self, refusals: dict[int, int]) -> Performance:
        clock = self._clock
        steps, heard = int(clock[loop.C_STEPS]), int(clock[loop.C_HEARD])
        return judge(
            self.trader.ledger,
            self._grid,
            StepSeries(*columns(self._steps, steps, loop.STEP_WIDTH)),
            Fills(*columns(self._heard_fills, heard, loop.FILL_WIDTH)),
            SessionTally(
                orders=int(clock[loop.C_ORDERS]),
                cancels=int(clock[loop.C_CANCELS]),
                ordered_lots=int(clock[loop.C_ORDERED_LOTS]),
                orders_filled=int(clock[loop.C_ORDERS_FILLED]),
                refusals=refusals,
            ),
            int(clock[loop.C_MID2]),
            self._config.desk.capital_usdt,
        )

    def _why(self, side: Side) -> str:
        why = self.trader.side_status[side]
        return why.reason.value + (f" ({why.detail})" if why.detail else "")


def replay_rules(config: Config) -> ReplayRules:
    """By which rules a config wants its orders filled."""
    replay = config.replay
    queue, power = replay.queue_model
    return ReplayRules(
        order_latency_ns=round(replay.order_latency_ms * _NS_PER_MS),
        response_latency_ns=round(replay.response_latency_ms * _NS_PER_MS),
        queue=queue,
        queue_power=power,
        maker_fee_rate=replay.maker_fee_rate,
        peers=replay.fills == "hftbacktest",
    )


def _funding_times(first_ns: int, last_ns: int) -> int:
    return last_ns // _FUNDING_NS - first_ns // _FUNDING_NS


def _messages(stretch: Stretch) -> list[bytes]:
    """The text of each of a stretch's messages."""
    table, text = stretch.rows.reshape(-1, WIDTH)[: stretch.count], stretch.text.data
    ends = table[:, RAW_AT] + table[:, RAW_SIZE]
    spans = zip(table[:, RAW_AT].tolist(), ends.tolist(), strict=True)
    return [bytes(text[at:end]) for at, end in spans]
