"""Replay of the tutorial strategy on hftbacktest's exchange: compiled from text to fills.

A recording is played while it is read, a stretch at a time, in constant memory. Where a message was
received before its venue time, the recording is read to its end to find the constant that moves all
receive times behind their venue times, and then played from the start.

Source: the replay rules.
"""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from engine.config.desk import Config
from engine.replay import peer_loop as loop
from engine.replay.event_window import NEVER_NS, admit, drop_heard, scan_times
from engine.replay.peer_run import PeerRun
from engine.replay.recorded_files import RecordedFiles
from exchange.binance.scanner import scan_lines
from exchange.jit import FloatArray, IntArray

_NS_PER_MS = 1_000_000

KERNELS = (scan_lines, scan_times, admit, drop_heard, loop.has_room, loop.run_peer)
"""All that this replay calls: to load the others takes longer than a short recording."""


@dataclass(slots=True)
class TutorialResult:
    """What became of the tutorial over some recordings."""

    files: list[str]
    reordered: bool
    """Were they given in another order?"""
    lines: int
    events: int
    span_s: float
    clock_shift_ms: float
    tears: list[str]
    fills: IntArray
    """int64[fills, FILL_WIDTH], by the columns of ``peer_loop``, in the venue's order."""
    order_lots: int
    submits: int
    cancels: int
    endless: bool
    """Were its orders still refused again and again ``TAIL_STEPS`` after the last event?"""
    position: float
    """As the strategy sees it, in contracts."""
    balance_usdt: float | None
    """None, as the fees, for a contract that is not linear."""
    fees_usdt: float | None
    equity_usdt: float | None
    """None without a mid at the end too."""
    trace: FloatArray
    """float64[fits, TRACE_WIDTH], a row for each time that a fit was due."""


class TutorialReplay:
    """The tutorial over one or more recordings.

    Args:
        report: Called with bytes read and bytes in all, which grow when a shift must be found.
        quotes: Without, the market plays to its end and no step stops it: for measuring.
    """

    def __init__(
        self,
        config: Config,
        paths: list[Path],
        report: Callable[[int, int], None],
        *,
        quotes: bool = True,
    ) -> None:
        self._config = config
        self._files = RecordedFiles(config, paths, report, peers=True)
        self._base_ns = round(config.replay.feed_latency_ms * _NS_PER_MS)
        self._quotes = quotes

    def run(self) -> TutorialResult:
        """Play everything.

        Raises:
            ConfigError: When more orders or requests are under way than there is room for.
            RecordingError: When a file is not of this config's symbol, or a line reaches back
                too far.
            RecordingGarbled: When a line is no message.
        """
        self._files.put_in_order()
        shift_ns = 0
        while (result := self._play(shift_ns)) is None:
            shift_ns = self._files.scan(self._base_ns)
        return result

    def time_in_memory(self) -> float:
        """Seconds that the loop alone takes, every event in memory before it begins.

        Raises:
            RecordingError: As ``run``.
            RecordingGarbled: As ``run``.
        """
        shift_ns = self._files.scan(self._base_ns)
        run = PeerRun(self._config, shift_ns, quotes=self._quotes)
        for _ in self._files.read_into(run.window, shift_ns):
            pass
        run.begin(self._files.first_ns(shift_ns))
        began_s = time.perf_counter()
        run.play(NEVER_NS)
        return time.perf_counter() - began_s

    def _play(self, shift_ns: int) -> TutorialResult | None:
        """None as soon as a message was received before its venue time."""
        files, run = self._files, PeerRun(self._config, shift_ns, quotes=self._quotes)
        begun = False
        with closing(files.read_into(run.window, shift_ns)) as stretches:
            for _ in stretches:
                if files.least_latency_ns + shift_ns < 0:
                    return None
                safe_ns = run.window.safe_ns(shift_ns)
                if not begun and safe_ns > files.first_ns(shift_ns):
                    run.begin(files.first_ns(shift_ns))
                    begun = True
                if begun:
                    run.play(safe_ns)
        if not begun:
            run.begin(files.first_ns(shift_ns))
        run.play(NEVER_NS)
        return self._result(run, shift_ns)

    def _result(self, run: PeerRun, shift_ns: int) -> TutorialResult:
        config, files = self._config, self._files
        balance, fees, equity = self._money(run)
        return TutorialResult(
            files=[str(path) for path in files.paths],
            reordered=files.reordered,
            lines=files.lines,
            events=files.events,
            span_s=files.span_ns / 1e9,
            clock_shift_ms=shift_ns / _NS_PER_MS,
            tears=files.tears,
            fills=run.fills,
            order_lots=config.desk_settings(replay=True).order_lots,
            submits=run.submits,
            cancels=run.cancels,
            endless=run.endless,
            position=run.position,
            balance_usdt=balance,
            fees_usdt=fees,
            equity_usdt=equity,
            trace=run.trace,
        )

    def _money(self, run: PeerRun) -> tuple[float | None, float | None, float | None]:
        """Balance, fees and equity of a linear contract."""
        config, rows = self._config, run.fills
        if "_" in config.desk.symbol:
            return None, None, None
        qty = float(config.strategy.order_qty)
        money = rows[:, loop.FILL_PRICE] * config.grid().price.value * qty
        balance = 0.0 - float((money * rows[:, loop.FILL_SIDE]).sum())
        fees = float(money.sum()) * config.replay.maker_fee_rate
        position = float(rows[:, loop.FILL_SIDE].sum()) * qty
        mid = run.mid
        return balance, fees, None if mid is None else balance + position * mid - fees
