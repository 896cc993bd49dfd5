"""Replay loop: compiled, it does what a trader does that is fed one event at a time."""

import gzip
import itertools
import random
from pathlib import Path

import pytest

from engine.bench.latency import Timing
from engine.config.desk import Config, load_config
from engine.core.desk_layout import SEEN, SEEN_KEPT, note_rows, seen_row
from engine.core.inputs import FILL_EXCH_NS, FILL_FEE_E8, OF_PRICE_TICKS, OF_QTY_LOTS, OF_SIDE
from engine.core.trader import Trader
from engine.errors import ConfigError, EngineError
from engine.replay import desk_loop as loop
from engine.replay.driver import FrameListener, Replay, ReplayResult
from engine.replay.recorded_venue import IN_FLIGHT, V_REQUESTS
from engine.replay.venue_money import (
    M_LOTS,
    M_WALLET_E8,
    book_fill,
    new_money,
    pay_funding,
    told_cost_e8,
)
from exchange.errors import ExchangeError
from exchange.instrument import E8, Instrument
from exchange.jit import IntArray, in_python
from exchange.paper.account.account import Account, Holding, Mark, divide_rounded
from exchange.types import Side
from tests.naive.replay import NaiveReplay
from tests.places import INPUTS, THIN, USDM

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
NEXO = (
    "desk.symbol=NEXOUSDT",
    "instrument.tick_size=0.001",
    "instrument.lot_size=0.01",
    "strategy.order_qty=10",
    "strategy.max_position=200",
)
BTC = Instrument.from_steps("BTCUSDT", "0.1", "0.001")
OF_FILL = [FILL_EXCH_NS, OF_SIDE, OF_PRICE_TICKS, OF_QTY_LOTS, FILL_FEE_E8]


@pytest.fixture(scope="module")
def minute(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recording") / "minute.dat"
    with gzip.open(USDM) as lines:
        path.write_bytes(b"".join(itertools.islice(lines, 15_000)))
    return path


class Noted(Replay):
    """A replay whose notes can be looked into."""

    def __init__(self, config: Config, path: Path, listener: FrameListener | None = None) -> None:
        super().__init__(config, [path], lambda _done, _total: None, listener=listener)
        self.result: ReplayResult = self.run()

    def steps(self) -> IntArray:
        return self._steps.reshape(-1, loop.STEP_WIDTH)[: self.count(loop.C_STEPS)]

    def told(self) -> IntArray:
        return self._told.reshape(-1, loop.TOLD_WIDTH)[: self.count(loop.C_TOLD)]

    def count(self, number: int) -> int:
        return int(self._clock[number])


@pytest.mark.parametrize(
    "over",
    [
        ("calibration.window_s=5",),
        ("calibration.window_s=5", "strategy.fair=microprice", "strategy.grid_num=3"),
        ("calibration.window_s=5", "strategy.fair=depth_weighted", "strategy.fair_qty=1"),
        ("calibration.window_s=5", "replay.fills=hftbacktest"),
        ("calibration.window_s=5", "replay.order_latency_ms=0", "replay.response_latency_ms=0"),
        ("calibration.window_s=5", "replay.order_latency_ms=250", "replay.response_latency_ms=400"),
        ("calibration.window_s=5", "strategy.max_position=0.006"),
        ("calibration.window_s=1000",),
    ],
)
def test_it_is_the_naive_replay_number_for_number(minute: Path, over: tuple[str, ...]) -> None:
    """Fills, steps, counts, and at the end every number of the desk's memory."""
    config = load_config(CONFIGS / "paper.toml", list(over))

    same(Noted(config, minute), NaiveReplay(config, [minute]).run())


@pytest.mark.parametrize(
    "file", sorted(INPUTS.glob("*/*.gz")), ids=lambda file: f"{file.parent.name}/{file.stem}"
)
def test_so_it_is_for_recordings_as_people_have_them(file: Path) -> None:
    """Torn, out of order, across a funding time, without the snapshot or with another's."""
    config = load_config(CONFIGS / "paper.toml", ["calibration.window_s=5"])
    try:
        naive = NaiveReplay(config, [file]).run()
    except (EngineError, ExchangeError) as refused:
        with pytest.raises(type(refused)):
            Noted(config, file)
    else:
        same(Noted(config, file), naive)


def test_so_it_is_for_spot_which_tells_no_time_with_its_ticker() -> None:
    """A third of its messages have none: they happen when they are received."""
    config = load_config(CONFIGS / "paper.toml", [*NEXO, "calibration.window_s=60"])

    same(Noted(config, THIN), NaiveReplay(config, [THIN]).run())


def test_money_is_that_of_the_exchange_s_own_books() -> None:
    """Fills and funding of all sizes, some beyond what fits 64 bits when it is multiplied."""
    rng = random.Random(5)
    for size in (3, 1_000, 100_000_000):
        account = Account(5 * 10**17, 0.0002, 0.0)
        holding = account.holdings["BTCUSDT"] = Holding(BTC, Mark())
        money = new_money(BTC, 5 * 10**17, 0.0002)
        for at_ns in range(1, 2_000):
            lots, ticks = rng.randint(1, size), rng.randint(1, 10**12 // size)
            side = rng.choice(tuple(Side))
            booked = account.book_fill("BTCUSDT", side, ticks, lots, maker=True)
            assert book_fill(money, int(side), ticks, lots, at_ns) == booked.fee_e8
            holding.mark.price_e8 = ticks * 10**7
            rate_e8 = rng.randint(-75_000, 75_000)
            paid_e8 = divide_rounded(holding.notional_e8 * rate_e8, E8)
            account.wallet_e8 -= paid_e8
            assert pay_funding(money, holding.mark.price_e8, rate_e8, at_ns) == paid_e8
            told_e8 = BTC.value_e8(holding.lots, holding.entry_price_e8)
            assert told_cost_e8(money) == pytest.approx(told_e8, abs=1)
            assert [money[M_LOTS], money[M_WALLET_E8]] == [holding.lots, account.wallet_e8]


def test_a_listener_that_hears_the_messages_changes_nothing(minute: Path) -> None:
    """``Trader.receive``, which a live desk calls, leads to the same as the loop's own kernels."""
    config = load_config(CONFIGS / "paper.toml", ["calibration.window_s=5"])
    heard = Timing()

    by_receive, by_loop = Noted(config, minute, heard), Noted(config, minute)

    assert sum(map(len, heard.spent_ns.values())) > 10_000
    assert (by_receive.steps() == by_loop.steps()).all()
    assert (by_receive.told() == by_loop.told()).all()
    assert not by_receive.trader.memory.difference(by_loop.trader.memory)


def test_a_latency_that_lets_too_much_be_under_way_is_refused(minute: Path) -> None:
    """In one line that names the setting, not with orders that were never answered."""
    over = ["calibration.window_s=5", "replay.order_latency_ms=40000", "strategy.grid_num=20"]
    config = load_config(CONFIGS / "paper.toml", over)
    replay = Replay(config, [minute], lambda _done, _total: None)
    replay._venue.venue[V_REQUESTS] = IN_FLIGHT

    with pytest.raises(ConfigError, match="lets more than 4096"):
        replay.run()


def same(ours: Noted, naive: NaiveReplay) -> None:
    """One is the other."""
    result = ours.result
    fills = [
        (fill.exch_ns, fill.side, fill.price_ticks, fill.qty_lots, fill.fee_e8)
        for fill in naive.venue.fills
    ]
    assert result.fills[:, OF_FILL].tolist() == [list(fill) for fill in fills]
    assert ours.steps().tolist() == [list(row) for row in naive.steps]
    assert ours.told().tolist() == [list(row) for row in naive.told]
    assert (result.reasons, result.fits, result.branches) == (
        naive.reasons,
        naive.fits,
        naive.branches,
    )
    counts = (loop.C_ORDERS, loop.C_CANCELS, loop.C_ORDERS_FILLED, loop.C_MID2)
    filled = len(naive.orders_filled)
    assert [ours.count(number) for number in counts] == [
        *(naive.orders, naive.cancels, filled, naive.last_mid2)
    ]
    assert result.grown_ns == naive.venue.grown_ns
    assert not unlike(ours.trader, naive.trader)


def unlike(ours: Trader, naive: Trader) -> str:
    """The first number of the memory that differs, but for notes that only one of them words."""
    for trader in (ours, naive):
        in_python(note_rows)(trader.desk).fill(0)
        trader.desk[SEEN] = 0
        for number in range(SEEN_KEPT):
            in_python(seen_row)(trader.desk, number).fill(0)
    return ours.memory.difference(naive.memory)
