"""Benchmark of tick to order, socket to socket: a live desk beside a bare echo, on loopback.

Three processes. The *exchange* is the embedded one with two symbols, in each of which the best bid
steps up and down again when it is told so; most frames change only a size there. The *desk* is
``LiveDesk`` with everything that it has, its kernels, streams, lanes and signed requests, on the
first symbol. The *echo* is the least that a program in Python can do on the second: the same
websocket library reads each frame, and where the bid is another, as many bytes as an order of the
desk has are written at once to a socket that was opened long before.

A trip begins as the exchange is about to write the frame of the new touch, and ends as it has read
the first order that follows: with the desk the cancel of a bid that stands wrong now, or the bid
that takes its place. Both are stamps of the exchange's own clock, which the desk's stamps in
between share. Desk and echo take turns, so that what else the machine does meets both. The settings
let each step of the touch move one bid and nothing else, at a pace that keeps the desk within four
fifths of its order budget, so that it is never held back by it.
"""

import asyncio
import logging
import signal
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, suppress
from dataclasses import asdict, dataclass, replace
from enum import Enum, auto
from itertools import pairwise
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import numpy as np
import structlog
import uvloop
from aiohttp.web_protocol import RequestHandler
from rich.table import Table
from rich.text import Text
from websockets.asyncio.client import connect
from yarl import URL

from engine.bench.side_process import START_S, free_port, hear, side_process, tell
from engine.config.desk import Config
from engine.core.trader import Trader
from engine.desks.venue import desk_venue
from engine.errors import StartError
from engine.live import LiveDesk
from engine.process.heap import no_collections
from engine.process.lock import ProcessLock
from engine.process.paths import DeskPaths
from engine.process.warm_up import compile_first, warm_up
from exchange.binance.rest import Rest, _Call
from exchange.binance.settings import VenueSettings
from exchange.binance.signing import Credentials
from exchange.binance.trading import BinanceVenue
from exchange.errors import InvariantBroken
from exchange.paper import limits
from exchange.paper.matching.events import BACKGROUND, MatchEvent
from exchange.paper.matching.price_time import Matching
from exchange.paper.server.server import HOST, PaperServer, settle_heap
from exchange.paper.settings import PaperSettings
from exchange.types import Cancel, Command, Event, MarketFrame, Place, Side

MEDIAN_RATIO, P99_RATIO = 1.5, 2.0
"""Targets: the desk's trip, in trips of the echo."""

SETTINGS = (
    # Bids a grid interval of two ticks apart, and no fit, fill or age that could move them.
    *("strategy.gamma=0.01", "strategy.delta=1", "strategy.adj1=1.0", "strategy.adj2=1.0"),
    *("strategy.name=glft", "strategy.grid_num=1", "strategy.fair=mid"),
    *("calibration.window_s=3600", "calibration.recalibrate_s=86400"),
    *("calibration.prior_A_per_s=1.5", "calibration.prior_k_per_tick=0.5"),
    *("calibration.prior_sigma_ticks=0.1", "risk.freshness_ms=600000"),
    # The touch: 12 ticks wide and deep.
    *("paper.market=synthetic", "paper.half_spread_ticks=6", "paper.level_lots=1000000"),
    *("paper.regime=calm", "paper.undercutter_lots=0", "paper.flicker=none"),
)
"""What goes over the desk's own settings."""

_FRAMES_A_STEP = 10
"""Of so many frames one moves the touch; the others change a size there, as most do."""
_EVERY_S = 0.002
"""Between two frames."""
_ORDERS_PER_S = 12.0
"""Over all turns: the desk slows down by itself from 16 a second, or 240 of ten seconds."""
_STEP_TICKS = 4
_LEVEL_LOTS = 1_000_000  # so many that no change of a size empties one
_LONGEST_TRIP_NS = 20_000_000
"""What comes later follows from something else."""
_WARM_STEPS = 20
"""Of the turns that nobody counts: connections are opened by them."""
_PATIENCE_S = 30.0
_UNLIMITED = 10**9  # stands for each request limit of the exchange
_ECHO_SYMBOL = "ECHOUSDT"
_ORDERS = (b"POST /fapi/v1/order?", b"DELETE /fapi/v1/order?")


# ---------------------------------------------------------------- the exchange's process


class Due(Enum):
    """What a ``SteppingTouch`` does next."""

    NOTHING = auto()
    SIZE = auto()
    """The best bid shows a lot less."""
    STEP = auto()


class SteppingTouch:
    """The background as it opened, whose best bid steps up and down when told; a ``MarketSource``.

    Args:
        matching: Its bids and asks rest there already.
    """

    def __init__(self, matching: Matching) -> None:
        self._matching = matching
        bid_ticks, ask_ticks = matching.best_bid_ticks, matching.best_ask_ticks
        if bid_ticks is None or ask_ticks is None:
            raise InvariantBroken("a background that opened has both sides")
        self._bid_ticks, self._mid_ticks = bid_ticks, (bid_ticks + ask_ticks) / 2
        self._rests = self._best = matching.queue(Side.BUY, bid_ticks)[0][0]
        self.due = Due.NOTHING
        """What the next ``advance`` does."""

    @property
    def mark_ticks(self) -> float:
        return self._mid_ticks

    @property
    def ending(self) -> str:
        return ""

    def advance(self, _now_ns: int) -> Iterator[list[MatchEvent]]:
        """As ``MarketSource.advance``."""
        due, self.due = self.due, Due.NOTHING
        if due is Due.SIZE and (order := self._matching.resting(self._best)) is not None:
            self._matching.shrink(self._best, order.left_lots - 1)
        if due is Due.STEP:
            yield self._step()

    def _step(self) -> list[MatchEvent]:
        if self._best != self._rests:
            above, self._best = self._best, self._rests
            return self._matching.cancel(above)
        price_ticks = self._bid_ticks + _STEP_TICKS
        events = self._matching.submit(BACKGROUND, Side.BUY, _LEVEL_LOTS, price_ticks)
        self._best = self._matching.last_order_id
        return events


@dataclass(frozen=True, slots=True)
class Trip:
    """One step of the touch that an order followed, by the exchange's stamps."""

    sent_ns: int
    """Just before the frame was written."""
    heard_ns: int
    """As the first order had been read."""
    order_bytes: int


class _Gate:
    """Where frames leave and orders arrive: one trip at a time."""

    def __init__(self) -> None:
        self.trips: list[Trip] = []
        self._symbol = b""
        self._sent_ns = 0

    def open(self, symbol: str) -> None:
        """A frame of this symbol is about to be written."""
        self._symbol = f"symbol={symbol}".encode()
        self._sent_ns = time.monotonic_ns()

    def hear(self, data: bytes) -> None:
        """Take note of bytes that a client wrote, if they are the order that is waited for."""
        heard_ns = time.monotonic_ns()
        if self._sent_ns and data.startswith(_ORDERS) and self._symbol in data:
            if heard_ns - self._sent_ns < _LONGEST_TRIP_NS:
                self.trips.append(Trip(self._sent_ns, heard_ns, len(data)))
            self._sent_ns = 0


def run_exchange(settings: PaperSettings, parent: Connection) -> None:
    """Serve as long as the parent lives; step the touch of a symbol when told, and report trips.

    A message is a symbol and how many steps; the answer is the list of ``Trip``.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    limits.WEIGHT_PER_MINUTE = _UNLIMITED
    limits.ORDERS_PER_10S = limits.ORDERS_PER_MINUTE = _UNLIMITED
    settle_heap()
    server, gate = PaperServer(settings), _Gate()
    for market in server.venue.markets.values():
        assert isinstance(market.matching, Matching)  # it is no recording
        market.background = SteppingTouch(market.matching)
    received = RequestHandler.data_received

    def data_received(self: RequestHandler, data: bytes) -> None:
        gate.hear(data)
        received(self, data)

    RequestHandler.data_received = data_received  # type: ignore[method-assign]  # in this process

    async def until_told() -> None:
        asked: asyncio.Queue[tuple[str, int]] = asyncio.Queue()

        def obey() -> None:
            try:
                asked.put_nowait(parent.recv())
            except (EOFError, OSError):
                serving.cancel()
                playing.cancel()

        async def play() -> None:
            while True:
                symbol, steps = await asked.get()
                gate.trips.clear()
                await _play(server, gate, symbol, steps)
                parent.send(gate.trips)

        asyncio.get_running_loop().add_reader(parent.fileno(), obey)
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(
                server.run(lambda: parent.send("ready")), name="bench exchange"
            )
            playing = tasks.create_task(play(), name="bench market")

    uvloop.run(until_told())


async def _play(server: PaperServer, gate: _Gate, symbol: str, steps: int) -> None:
    source = server.venue.markets[symbol].background
    assert isinstance(source, SteppingTouch)
    for number in range(1, steps * _FRAMES_A_STEP + 1):
        await asyncio.sleep(_EVERY_S)
        steps_now = number % _FRAMES_A_STEP == 0
        source.due = Due.STEP if steps_now else Due.SIZE
        server.venue.advance(server.clock.now_ns())
        if steps_now:
            gate.open(symbol)
        server.writer.deliver()
    await asyncio.sleep(_EVERY_S * _FRAMES_A_STEP)


# ---------------------------------------------------------------- the desk's process


STAGES = (
    "frame written, read, parsed",
    "waiting for the trader",
    "heard and decided",
    "on its way to a sender",
    "worded and signed",
    "request written and read",
)
"""What a trip of the desk is made of, in order."""

Stamps = tuple[int, int, int, int, int]
"""As the frame was read, the trader began, it ended, the wording began, it ended; nanoseconds."""


class _Stopwatch:
    """Stamps of the trips of one desk."""

    def __init__(self) -> None:
        self.stamps: list[Stamps] = []
        self._frame: tuple[int, int, int] | None = None

    def decided(self, frame_ns: int, began_ns: int, ended_ns: int) -> None:
        """A frame led to orders, none of which was worded yet."""
        self._frame = (frame_ns, began_ns, ended_ns)

    def worded(self, began_ns: int, ended_ns: int) -> None:
        """An order was; the first since the frame counts."""
        if self._frame is not None:
            self.stamps.append((*self._frame, began_ns, ended_ns))
            self._frame = None


class _TimedTrader(Trader):
    stopwatch: _Stopwatch

    def receive(self, *events: Event) -> list[Command]:
        began_ns = time.monotonic_ns()
        commands = super().receive(*events)
        if commands and any(isinstance(command, Place | Cancel) for command in commands):
            frames = [event for event in events if isinstance(event, MarketFrame)]
            if frames:
                self.stopwatch.decided(frames[0].mono_ns, began_ns, time.monotonic_ns())
        return commands


class _TimedRest(Rest):
    stopwatch: _Stopwatch

    def _target(self, call: _Call) -> URL:
        began_ns = time.monotonic_ns()
        target = super()._target(call)
        if call.path == "/fapi/v1/order" and call.method != "GET":
            self.stopwatch.worded(began_ns, time.monotonic_ns())
        return target


class _TimedVenue(BinanceVenue):
    def _opened(self, connections: int) -> AbstractAsyncContextManager[Rest]:
        return _TimedRest.opened(
            self._settings, self._credentials, self._clock, self._budget, connections
        )


class _TimedDesk(LiveDesk):
    """A live desk whose venue is timed."""

    def __init__(
        self,
        trader: Trader,
        venue: VenueSettings,
        credentials: Credentials,
        paths: DeskPaths,
        locks: tuple[ProcessLock, ProcessLock],
    ) -> None:
        super().__init__(trader, venue, credentials, paths, *locks, digest="")
        self._venue = _TimedVenue(venue, credentials, trader.instrument, self._inputs.put)


def run_desk(config: Config, parent: Connection) -> None:
    """Trade until terminated; answer each message with the ``Stamps`` since the last one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    warm_up()
    stopwatch = _Stopwatch()
    with no_collections():
        venue, credentials = desk_venue(config)
        trader = _TimedTrader(
            config.desk_settings(),
            config.grid(),
            config.mode,
            epoch=time.time_ns() // 1_000_000,
            own_in_book=True,
        )
        trader.stopwatch = _TimedRest.stopwatch = stopwatch

    parent.send("ready")

    async def trade(desk: LiveDesk) -> None:
        def tell() -> None:
            with suppress(EOFError, OSError):
                parent.recv()
                parent.send(stopwatch.stamps)
                stopwatch.stamps.clear()
                return
            asyncio.get_running_loop().remove_reader(parent.fileno())

        asyncio.get_running_loop().add_reader(parent.fileno(), tell)
        await desk.run()

    with TemporaryDirectory(prefix="md") as folder:
        paths = DeskPaths(Path(folder) / "desk")
        paths.folder.mkdir()
        account = paths.account_lock(config.desk.mode, config.desk.symbol, config.paper.port)
        with ProcessLock(paths.engine_lock, "", "") as engine, ProcessLock(account, "", "") as held:
            uvloop.run(trade(_TimedDesk(trader, venue, credentials, paths, (engine, held))))


# ---------------------------------------------------------------- the echo's process


class _Ignored(asyncio.Protocol):
    """Answers that nobody reads."""


def run_echo(port: int, order_bytes: int, parent: Connection) -> None:
    """Write so many bytes for each frame with another bid than the last, until terminated."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    request = _request(order_bytes)

    async def echo() -> None:
        loop = asyncio.get_running_loop()
        orders, _ = await loop.create_connection(_Ignored, HOST, port)
        address = f"ws://{HOST}:{port}/public/stream?streams={_ECHO_SYMBOL.lower()}@bookTicker"
        async with connect(address, compression=None, proxy=None, ping_interval=None) as frames:
            parent.send("ready")
            last = b""
            while True:
                frame = await frames.recv(decode=False)
                at = frame.find(b'"b":"')
                if (bid := frame[at : at + 12]) != last:
                    orders.write(request)
                    last = bid

    uvloop.run(echo())


def _request(size_bytes: int) -> bytes:
    """An order that the exchange refuses, so long."""
    head = f"DELETE /fapi/v1/order?symbol={_ECHO_SYMBOL}&origClientOrderId="
    tail = f" HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 0\r\n\r\n"
    return f"{head}{'x' * (size_bytes - len(head) - len(tail))}{tail}".encode()


# ---------------------------------------------------------------- figures


@dataclass(frozen=True, slots=True)
class Times:
    """How long the trips of one turn took, or one stage of them."""

    name: str
    took_us: list[float]

    @property
    def median_us(self) -> float:
        return self._percentile(50)

    @property
    def p99_us(self) -> float:
        return self._percentile(99)

    def _percentile(self, percent: float) -> float:
        return float(np.percentile(self.took_us, percent)) if self.took_us else float("nan")


@dataclass(frozen=True, slots=True)
class Ratio:
    """The desk in trips of the echo, pair by pair."""

    name: str
    of_pairs: list[float]
    at_most: float
    """What the median of the pairs is promised not to be above."""

    @property
    def median(self) -> float:
        return float(np.median(self.of_pairs))

    @property
    def holds(self) -> bool:
        return self.median <= self.at_most


@dataclass(frozen=True, slots=True)
class SocketFigures:
    """Pair by pair the desk's trips and the echo's, and where the time of the desk's went."""

    desk: list[Times]
    echo: list[Times]
    stages: list[Times]
    steps: int
    """Of the touch in each turn."""
    order_bytes: int

    @property
    def ratios(self) -> tuple[Ratio, Ratio]:
        """At the median and at the 99th percentile."""
        pairs = list(zip(self.desk, self.echo, strict=True))
        medians = [desk.median_us / echo.median_us for desk, echo in pairs]
        p99s = [desk.p99_us / echo.p99_us for desk, echo in pairs]
        return Ratio("median", medians, MEDIAN_RATIO), Ratio("p99", p99s, P99_RATIO)

    @property
    def holds(self) -> bool:
        return all(ratio.holds for ratio in self.ratios)

    @property
    def word(self) -> str:
        answered = sum(len(turn.took_us) for turn in self.desk)
        return (
            f"{len(self.desk)} pairs of turns; {answered:,} of {self.steps * len(self.desk):,} "
            f"steps led to an order, of {self.order_bytes} bytes."
        )

    def as_json(self) -> dict[str, object]:
        """Every figure: pair by pair, the ratios, and the stages over all pairs."""
        times = [*zip(self.desk, self.echo, strict=True)]
        return {
            "pairs": [{each.name: _as_json(each) for each in pair} for pair in times],
            "ratios": [
                {**asdict(ratio), "median": ratio.median, "holds": ratio.holds}
                for ratio in self.ratios
            ],
            "stages": [{"name": stage.name, **_as_json(stage)} for stage in self.stages],
            "word": self.word,
        }


def _as_json(times: Times) -> dict[str, float]:
    return {
        "count": len(times.took_us),
        "median_us": times.median_us,
        "p99_us": times.p99_us,
    }


def socket_table(figures: SocketFigures) -> Table:
    """Trips of both, their ratios, and the stages of the desk's, for the terminal."""
    table = Table(box=None, pad_edge=False, caption=Text(figures.word, "italic dim"))
    table.add_column("socket to socket", no_wrap=True)
    for head in ("count", "median", "p99", "target", "holds"):
        table.add_column(head, justify="right", no_wrap=True)
    for turns in (figures.desk, figures.echo):
        count = sum(len(turn.took_us) for turn in turns)
        median = float(np.median([turn.median_us for turn in turns]))
        p99 = float(np.median([turn.p99_us for turn in turns]))
        table.add_row(turns[0].name, f"{count:,}", f"{median:,.0f} µs", f"{p99:,.0f} µs")
    ratios = figures.ratios
    targets = ", ".join(f"≤ {ratio.at_most:g}" for ratio in ratios)
    holds = ", ".join("yes" if ratio.holds else "no" for ratio in ratios)
    table.add_row("desk / echo", "", *(f"{each.median:.2f}" for each in ratios), targets, holds)
    table.add_row("  of a pair, least", "", *(f"{min(each.of_pairs):.2f}" for each in ratios))
    table.add_row("  of a pair, most", "", *(f"{max(each.of_pairs):.2f}" for each in ratios))
    for stage in figures.stages:
        median_text, p99_text = f"{stage.median_us:,.0f} µs", f"{stage.p99_us:,.0f} µs"
        table.add_row(f"  {stage.name}", f"{len(stage.took_us):,}", median_text, p99_text)
    return table


def stages_of(trips: list[Trip], stamps: list[Stamps]) -> list[list[float]]:
    """The parts of each trip whose stamps are there, in microseconds."""
    parts: list[list[float]] = [[] for _ in STAGES]
    began = [each[0] for each in stamps]
    for trip in trips:
        at = bisect_left(began, trip.sent_ns)
        if at == len(stamps) or stamps[at][-1] > trip.heard_ns:
            continue
        moments = (trip.sent_ns, *stamps[at], trip.heard_ns)
        for part, (start_ns, end_ns) in zip(parts, pairwise(moments), strict=True):
            part.append((end_ns - start_ns) / 1e3)
    return parts


# ---------------------------------------------------------------- the conductor


def measure(
    config: Config, pairs: int, steps: int, report: Callable[[int, int], None]
) -> SocketFigures:
    """Let desk and echo take turns.

    Args:
        config: With ``SETTINGS`` over it.
        pairs: How many turns of each.
        steps: Of the touch in a turn; of more than 200 the desk's orders of ten seconds run short.
        report: Called with turns done and turns in all.

    Raises:
        StartError: When a process of the bench does not come up, or one of the two sends no orders.
    """
    compile_first("desk")
    config = msgspec.structs.replace(
        config, paper=msgspec.structs.replace(config.paper, port=free_port())
    )
    settings, symbol = config.paper_settings(), config.desk.symbol
    listing = settings.listings[0]
    other = replace(listing, instrument=replace(listing.instrument, symbol=_ECHO_SYMBOL))
    settings = replace(settings, listings=(listing, other), faults=None, admin_port=None)
    desks: list[Times] = []
    echoes: list[Times] = []
    parts: list[list[float]] = [[] for _ in STAGES]
    with ExitStack() as stack:
        exchange = stack.enter_context(side_process(run_exchange, settings))
        hear(exchange, START_S, "exchange")
        desk = stack.enter_context(side_process(run_desk, config))
        hear(desk, 3 * START_S, "desk")
        order_bytes = _settled_bytes(exchange, symbol)
        echo = stack.enter_context(side_process(run_echo, settings.port, order_bytes))
        hear(echo, START_S, "echo")
        _turn(exchange, _ECHO_SYMBOL, _WARM_STEPS)
        time.sleep(
            10.0 - time.time() % 10.0
        )  # what was spent so far is of the budget's last window
        for turn in range(pairs):
            began_s = time.monotonic()
            tell(desk, "forget", "desk")
            hear(desk, START_S, "desk")
            trips = _turn(exchange, symbol, steps)
            tell(desk, "stamps", "desk")
            stamps = hear(desk, START_S, "desk")
            for part, more in zip(parts, stages_of(trips, stamps), strict=True):
                part.extend(more)
            desks.append(_times("desk", trips))
            echoes.append(_times("echo", _turn(exchange, _ECHO_SYMBOL, steps)))
            report(turn + 1, pairs)
            if turn + 1 < pairs:
                time.sleep(max(0.0, began_s + steps / _ORDERS_PER_S - time.monotonic()))
    if not all(turn.took_us for turn in (*desks, *echoes)):
        raise StartError("a whole turn of the bench had no order; is the machine very busy?")
    stages = [Times(name, part) for name, part in zip(STAGES, parts, strict=True)]
    return SocketFigures(desks, echoes, stages, steps, order_bytes)


def _settled_bytes(exchange: Connection, symbol: str) -> int:
    """Step the touch until the desk answers each step: how long its orders are.

    Raises:
        StartError: When it never does.
    """
    until_s = time.monotonic() + _PATIENCE_S
    while time.monotonic() < until_s:
        trips = _turn(exchange, symbol, _WARM_STEPS)
        if len(trips) >= _WARM_STEPS - 1:
            return sorted(trip.order_bytes for trip in trips)[len(trips) // 2]
    raise StartError(
        f"the bench's desk sent no orders for {_PATIENCE_S:g} s; what stands in its way?"
    )


def _turn(exchange: Connection, symbol: str, steps: int) -> list[Trip]:
    tell(exchange, (symbol, steps), "exchange")
    trips: list[Trip] = hear(
        exchange, 2 * steps * _FRAMES_A_STEP * _EVERY_S + _PATIENCE_S, "exchange"
    )
    return trips


def _times(name: str, trips: list[Trip]) -> Times:
    return Times(name, [(trip.heard_ns - trip.sent_ns) / 1e3 for trip in trips])
