"""Replay driver: the same trader, fed from recordings on a virtual clock.

A first fast pass finds the clock shift and the range of latencies; the second plays the
file. Four sources take their turns by time and, at one instant, in this order: local data,
answers, the venue's own data, requests reaching the venue; then the timer's step.

Source: the replay rules, sections 1 and 2.
"""

import heapq
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import NamedTuple

from engine.config.desk import Config
from engine.core.settings import STEP_NS
from engine.core.trader import Trader
from engine.core.view import DeskView, Mode
from engine.core.view_builder import ViewBuilder
from engine.errors import RecordingError
from engine.replay.performance import Performance, SessionRecorder
from engine.replay.recorded_venue import RecordedVenue, ReplayRules
from exchange.binance import frames
from exchange.errors import Garbled
from exchange.instrument import E8
from exchange.market_events import DepthDiff, MarketMessage, Snapshot, TouchUpdate, TradePrint
from exchange.recording.reader import LatencyScan, Recording, scan_latency
from exchange.types import DepthSnapshot, Event, Fill, Link, LinkUp, MarketFrame, Side, Tick

_NS_PER_MS = 1_000_000
_SNAPSHOT_START = b'{"lastUpdateId"'
_MOVES_THE_VENUE = (
    DepthDiff,
    TradePrint,
    Snapshot,
    TouchUpdate,
)


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


class _Turn(NamedTuple):
    """Scheduled step: something that a recorded message does, at its time."""

    at_ns: int
    rank: int
    number: int
    """Of all turns ever scheduled: what happens at one instant keeps the order of its file."""
    raw: bytes
    message: MarketMessage | None


_LOCAL, _ANSWER, _VENUE, _REQUEST, _STEP = range(5)


class Replay:
    """One trader over one or more recordings.

    Args:
        config: What the desk would run live.
        report: Called with bytes read and bytes in all, both passes together.
    """

    def __init__(
        self, config: Config, files: list[Path], report: Callable[[int, int], None]
    ) -> None:
        self._config = config
        self._files = files
        self._report = report
        self._total_bytes = 2 * sum(path.stat().st_size for path in files)
        self._read_bytes = 0
        self._reordered = False
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
            ),
            wallet_e8=round(config.desk.capital_usdt * E8),
        )
        self._trader = Trader(
            config.desk_settings(replay=True),
            self._grid,
            Mode.REPLAY,
            epoch="replay",
            own_in_book=False,
            recorded=True,
        )
        self._turns: list[_Turn] = []
        self._numbers = count()
        self._recorder = SessionRecorder(self._trader)
        self._now_ns = 0
        self._next_step_ns = 0
        self._view_builder = ViewBuilder(self._trader)
        self._fits: Counter[str] = Counter()
        self._branches: Counter[str] = Counter()
        self._reasons: dict[str, Counter[str]] = {"bid": Counter(), "ask": Counter()}
        self._tears: list[str] = []

    def run(self) -> ReplayResult:
        """Play everything.

        Raises:
            RecordingError: When a file is not of this config's symbol or grid.
            RecordingGarbled: When a line is no message.
        """
        scans = self._scan_in_order()
        floor_ns = round(self._config.replay.feed_latency_ms * _NS_PER_MS)
        shift_ns = max(0, floor_ns - min(scan.min_ns for scan in scans))
        horizon_ns = max(scan.max_ns for scan in scans) + shift_ns
        first_ns = scans[0].first_recv_ns + shift_ns
        self._connect(first_ns)
        for path in self._files:
            self._play_file(path, shift_ns, horizon_ns)
        self._play_until(None)
        lasting_ns = max(scan.last_recv_ns for scan in scans) + shift_ns - first_ns
        return ReplayResult(
            files=[str(path) for path in self._files],
            reordered=self._reordered,
            span_s=lasting_ns / 1e9,
            clock_shift_ms=shift_ns / _NS_PER_MS,
            lines=sum(scan.lines for scan in scans),
            tears=self._tears,
            grown_ns=self._venue.grown_ns,
            view=self._view_builder.build(self._now_ns, self._now_ns),
            fills=self._venue.fills,
            orders_placed=self._recorder.tally.orders,
            refusals={code: seen.count for code, seen in sorted(self._trader.entry.errors.items())},
            performance=self._recorder.judge(self._config.desk.capital_usdt),
            reasons=self._reasons,
            fits=self._fits,
            branches=self._branches,
            last_words={"bid": self._why(Side.BUY), "ask": self._why(Side.SELL)},
        )

    # ------------------------------------------------------------ reading

    def _scan_in_order(self) -> list[LatencyScan]:
        """What every file holds, the files put in order of time: they continue one another."""
        scans = {number: self._scan(path) for number, path in enumerate(self._files)}
        order = sorted(scans, key=lambda number: scans[number].first_recv_ns)
        self._reordered = order != list(scans)
        self._files = [self._files[number] for number in order]
        return [scans[number] for number in order]

    def _scan(self, path: Path) -> LatencyScan:
        before = self._read_bytes
        scan = scan_latency(path, lambda done, _: self._report(before + done, self._total_bytes))
        self._read_bytes = before + path.stat().st_size
        wanted = self._config.desk.symbol.upper()
        if not scan.lines:
            raise RecordingError(path, None, "holds no line")
        if wanted not in scan.symbols:
            held = ", ".join(scan.symbols) or "no symbol"
            raise RecordingError(
                path,
                None,
                f"holds {held}, but desk.symbol is {wanted}; give --set desk.symbol=... with "
                "its --set instrument.tick_size=... and instrument.lot_size=...",
            )
        if "_" in wanted:
            raise RecordingError(
                path, None, f"{wanted} is an inverse or dated contract; only linear perpetuals"
            )
        return scan

    def _play_file(self, path: Path, shift_ns: int, horizon_ns: int) -> None:
        recording = Recording(path)
        before = self._read_bytes
        for number, recv_ns, raw in recording:
            local_ns = recv_ns + shift_ns
            self._schedule(path, number, local_ns, raw)
            if number % 256 == 0:
                # No later line can have happened at the venue before this.
                self._play_until(local_ns - horizon_ns)
                self._report(before + recording.consumed_bytes, self._total_bytes)
        self._read_bytes = before + recording.total_bytes
        if recording.tear is not None:
            self._tears.append(f"{path}: {recording.tear.text}")

    def _schedule(self, path: Path, number: int, local_ns: int, raw: bytes) -> None:
        try:
            message = frames.decode(raw, self._grid)
        except Garbled as error:
            raise RecordingError(path, number, error.what) from error
        if isinstance(message, _MOVES_THE_VENUE):
            venue_ns = message.exch_ns or local_ns
            heapq.heappush(self._turns, _Turn(venue_ns, _VENUE, next(self._numbers), raw, message))
        heapq.heappush(self._turns, _Turn(local_ns, _LOCAL, next(self._numbers), raw, None))

    # ------------------------------------------------------------ playing

    def _connect(self, first_ns: int) -> None:
        self._now_ns = first_ns
        self._next_step_ns = first_ns + STEP_NS
        for link in Link:
            self._feed(LinkUp(recv_ns=first_ns, mono_ns=first_ns, link=link))

    def _play_until(self, end_ns: int | None) -> None:
        """Let everything happen that happens before ``end_ns``, or all that is left."""
        while True:
            at_ns, rank = self._next_turn()
            if rank < 0 or (end_ns is not None and at_ns >= end_ns):
                return
            self._now_ns = max(self._now_ns, at_ns)
            match rank:
                case 0:
                    self._hear(heapq.heappop(self._turns))
                case 1:
                    answers = self._venue.take_answers()
                    self._feed(*answers)
                    self._recorder.note_told(answers)
                case 2:
                    turn = heapq.heappop(self._turns)
                    if turn.message is not None:
                        self._venue.on_message(turn.message, turn.at_ns)
                case 3:
                    self._venue.take_request()
                case 4:
                    self._step()

    def _next_turn(self) -> tuple[int, int]:
        """Time and rank of what happens next; rank -1 when the recording is over."""
        if not self._turns:
            return 0, -1
        best = (self._turns[0].at_ns, self._turns[0].rank)
        for at_ns, rank in (
            (self._venue.next_answer_ns(), _ANSWER),
            (self._venue.next_request_ns(), _REQUEST),
            (self._next_step_ns, _STEP),
        ):
            if at_ns is not None and (at_ns, rank) < best:
                best = (at_ns, rank)
        return best

    def _hear(self, turn: _Turn) -> None:
        kind = DepthSnapshot if turn.raw.startswith(_SNAPSHOT_START) else MarketFrame
        self._feed(kind(recv_ns=turn.at_ns, mono_ns=turn.at_ns, raw=turn.raw))
        self._recorder.note_market()

    def _step(self) -> None:
        self._feed(Tick(recv_ns=self._next_step_ns, mono_ns=self._next_step_ns))
        self._next_step_ns += STEP_NS
        self._recorder.note_step()
        for name, side in (("bid", Side.BUY), ("ask", Side.SELL)):
            self._reasons[name][self._trader.side_status[side].reason.value] += 1
        self._fits[self._view_builder.fit_kind().value] += 1
        at = self._trader.offsets
        self._branches[at.branch if at else "none"] += 1

    def _feed(self, *events: Event) -> None:
        for command in self._trader.receive(*events):
            self._recorder.note_command(command)
            self._venue.send(command, events[-1].mono_ns)

    def _why(self, side: Side) -> str:
        why = self._trader.side_status[side]
        return why.reason.value + (f" ({why.detail})" if why.detail else "")
