"""Replay loop: compiled, it does what a trader does that is fed one event at a time."""

import gzip
import itertools
import random
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from engine.bench.latency import Timing
from engine.config.desk import Config, load_config
from engine.core.desk_layout import SEEN, SEEN_KEPT, note_rows, seen_row
from engine.core.inputs import FILL_EXCH_NS, FILL_FEE_E8, OF_PRICE_TICKS, OF_QTY_LOTS, OF_SIDE
from engine.core.trader import Trader
from engine.errors import ConfigError, EngineError
from engine.replay import desk_loop as loop
from engine.replay.driver import FrameListener, Replay, ReplayResult
from engine.replay.recorded_venue import (
    IN_FLIGHT,
    NAMED,
    V_ANSWERS,
    V_FULL,
    V_NAMED,
    V_NAMED_FIRST,
    V_REQUESTS,
    VENUE_SIZE,
    room_for_names,
)
from engine.replay.venue_money import (
    M_COST_E8,
    M_LOTS,
    M_WALLET_E8,
    book_fill,
    new_money,
    pay_funding,
    reported_cost_e8,
)
from exchange.errors import ExchangeError
from exchange.instrument import E8, Instrument, e8_from_text
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
COIN = Instrument.from_steps("PEPEUSDT", "0.00000001", "1")
BALES = Instrument.from_steps("BALEUSDT", "0.000001", "50")
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
        return self._heard_fills.reshape(-1, loop.FILL_WIDTH)[: self.count(loop.C_HEARD)]

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


@pytest.mark.parametrize("most_lots", [3, 1_000, 2**31, 2**38])
@pytest.mark.parametrize("grid", [BTC, COIN, BALES], ids=lambda grid: grid.symbol)
def test_money_is_that_of_the_exchange_s_own_books(grid: Instrument, most_lots: int) -> None:
    """Fills and funding up to the largest that the settings allow."""
    rng, symbol, opening_e8 = random.Random(most_lots), grid.symbol, 5 * 10**16
    account = Account(opening_e8, 0.0002, 0.0)
    holding = account.holdings[symbol] = Holding(grid, Mark())
    money = new_money(grid, opening_e8, 0.0002)
    most_ticks = max(10**16 // grid.tick_lot_e8 // most_lots, 2)
    for at_ns in range(1, 1_000):
        lots, ticks = rng.randint(1, most_lots), rng.randint(1, most_ticks)
        against = -1 if holding.lots > 0 else 1
        side = Side(against) if abs(holding.lots) > most_lots else rng.choice(tuple(Side))
        booked = account.book_fill(symbol, side, ticks, lots, maker=True)
        assert book_fill(money, int(side), ticks, lots, at_ns) == booked.fee_e8
        holding.mark.price_e8 = ticks * e8_from_text(grid.price.step)
        rate_e8 = rng.randint(-75_000, 75_000)
        paid_e8 = divide_rounded(holding.notional_e8 * rate_e8, E8)
        account.wallet_e8 -= paid_e8
        assert pay_funding(money, holding.mark.price_e8, rate_e8, at_ns) == paid_e8
        reported_e8 = grid.value_e8(holding.lots, holding.entry_price_e8)
        assert reported_cost_e8(money) == reported_e8
        assert [money[M_LOTS], money[M_WALLET_E8]] == [holding.lots, account.wallet_e8]


@pytest.mark.parametrize("cost_e8", [9_000_000_000_001, 9_000_000_000_004])
def test_a_cost_of_half_a_unit_is_rounded_as_the_desk_does(cost_e8: int) -> None:
    """A BTC and a half at an odd price: to the even."""
    money = new_money(BTC, 0, 0.0)
    money[M_LOTS], money[M_COST_E8] = 1500, cost_e8

    assert reported_cost_e8(money) == BTC.value_e8(1500, round(Fraction(2 * cost_e8, 3)))


def test_orders_named_by_too_many_answers_are_not_written_over() -> None:
    """The replay ends with a word instead, as when too much is under way."""
    venue = np.zeros(VENUE_SIZE, dtype=np.int64)
    venue[V_NAMED] = venue[V_NAMED_FIRST] + NAMED - 1
    room = in_python(room_for_names)

    assert room(venue, 1) == NAMED - 1
    assert venue[V_FULL] == 0
    room(venue, 1)
    assert venue[V_FULL] == 1


def test_a_listener_that_hears_the_messages_changes_nothing(minute: Path) -> None:
    """``Trader.receive``, which a live desk calls, leads to the same as the loop's own kernels."""
    config = load_config(CONFIGS / "paper.toml", ["calibration.window_s=5"])
    heard = Timing()

    by_receive, by_loop = Noted(config, minute, heard), Noted(config, minute)

    assert sum(map(len, heard.spent_ns.values())) > 10_000
    assert (by_receive.steps() == by_loop.steps()).all()
    assert (by_receive.told() == by_loop.told()).all()
    assert not by_receive.trader.memory.difference(by_loop.trader.memory)


@pytest.mark.parametrize("full", [V_REQUESTS, V_ANSWERS])
def test_a_latency_that_lets_too_much_be_under_way_is_refused(minute: Path, full: int) -> None:
    """In one line that names the setting, not with orders that were never answered."""
    config = load_config(CONFIGS / "paper.toml", ["calibration.window_s=5"])
    replay = Replay(config, [minute], lambda _done, _total: None)
    replay._venue.venue[full] = IN_FLIGHT

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
