"""Market monitor: flicker, volatility by window, the noise model and the regime, as shown."""

import math

import numpy as np
import pytest

from engine.core.log import DeskLog
from engine.core.market_monitor import FlickerWatch, MarketMonitor
from engine.models.flicker import SECOND_NS
from exchange.types import Side

MS = 1_000_000
START_NS = 1_800_000_000 * SECOND_NS


class Book:
    """Synthetic book: a touch that somebody plays with."""

    def __init__(self) -> None:
        self.log = DeskLog()
        self.watch = FlickerWatch(self.log)
        self.now_ns = START_NS
        self.show(100)

    def show(self, bid: int, ask: int = 110, wait_ms: int = 500) -> None:
        """The touch after a while, repeated as a live feed would, and the tape goes on."""
        self.now_ns += wait_ms * MS
        self.watch.receive_touch(self.now_ns, (bid, 10, ask, 10))
        self.watch.hear_tape(self.now_ns)

    def sell(self, price: int, lots: int = 10) -> None:
        """A seller takes what stands there; the book shows it later."""
        self.watch.receive_print(self.now_ns + 1, Side.SELL, price, lots)

    def settle(self) -> None:
        """Let what waits for its trades be counted, and judge."""
        for _ in range(8):
            self.show(100)
        self.watch.step()

    def flicker(self, times: int, *, sold: bool = False, wait_ms: int = 500) -> None:
        """The bid steps up and goes again: cancelled, or sold into."""
        for _ in range(times):
            self.show(101, wait_ms=wait_ms)
            if sold:
                self.show(101, wait_ms=wait_ms)
                self.sell(101)
            self.show(100, wait_ms=50 if sold else wait_ms)


@pytest.fixture
def book() -> Book:
    return Book()


def test_a_still_book_has_no_flicker(book: Book) -> None:
    """One tick over one tick."""
    book.flicker(0)
    book.settle()

    assert book.watch.view is not None
    assert book.watch.view.bid == 1.0
    assert book.watch.view.level == "quiet"


def test_a_cancelled_bid_flickers_in_both_measures(book: Book) -> None:
    """Case 2 of the study: ten times up and gone is 21 to 1."""
    book.flicker(10)
    book.settle()

    view = book.watch.view
    assert view is not None
    assert view.update_bid == 21.0
    assert view.update_star_bid == 21.0
    assert view.update_star_ask == pytest.approx(1 / 21)


def test_an_eaten_bid_flickers_only_in_the_plain_measure(book: Book) -> None:
    """Case 1: a bid that is sold into has done what a bid is for; nobody is warned."""
    book.flicker(28, sold=True, wait_ms=1000)
    book.settle()

    view = book.watch.view
    assert view is not None
    assert view.bid > 20
    assert view.star_bid == 1.0
    assert view.level == "quiet"


def test_a_trade_that_is_heard_after_its_book_still_explains_it(book: Book) -> None:
    """Streams differ in delay: the touch waits until the tape has passed its stamp."""
    for _ in range(5):
        book.show(101)
        sold_ns = book.now_ns + 1
        book.show(100)
        book.watch.receive_print(sold_ns, Side.SELL, 101, 10)
    book.settle()

    assert book.watch.view is not None
    assert book.watch.view.update_star_bid == 1.0


def test_retreats_are_not_judged_while_the_tape_is_away(book: Book) -> None:
    """They say nothing of who ended them, and the view says how many there were."""
    book.flicker(5)
    book.settle()
    book.watch.lose_tape()
    for _ in range(5):
        book.now_ns += 500 * MS
        book.watch.receive_touch(book.now_ns, (101, 10, 110, 10))
        book.now_ns += 500 * MS
        book.watch.receive_touch(book.now_ns, (100, 10, 110, 10))
    book.settle()

    view = book.watch.view
    assert view is not None
    assert (view.update_bid, view.update_star_bid, view.unjudged) == (21.0, 11.0, 10)


def test_a_tape_that_never_speaks_judges_nobody(book: Book) -> None:
    """After ten seconds of waiting the plain measure goes on without it."""
    silent = FlickerWatch(DeskLog())
    for i in range(60):
        silent.receive_touch(START_NS + i * SECOND_NS // 2, (100 + i % 2, 10, 110, 10))
    silent.step()

    view = silent.view
    assert view is not None
    assert view.update_bid > 10.0
    assert view.update_star_bid == 1.0
    assert view.unjudged > 10


def test_dust_sold_between_two_snapshots_excuses_nothing(book: Book) -> None:
    """Placed with ten lots and cut to one before the second ends: the snapshot saw dust."""
    for _ in range(6):
        for bid, lots, wait_ms in ((101, 10, 100), (101, 1, 500)):
            book.now_ns += wait_ms * MS
            book.watch.receive_touch(book.now_ns, (bid, lots, 110, 10))
        book.now_ns += 400 * MS
        book.watch.receive_touch(book.now_ns, (101, 1, 110, 10))
        book.sell(101, lots=1)
        book.show(100, wait_ms=100)
        book.show(100, wait_ms=900)
    book.settle()

    view = book.watch.view
    assert view is not None
    assert view.star_bid == pytest.approx(1 + 5 * 2 * 0.9)


def test_snapshots_see_less_than_every_update(book: Book) -> None:
    """A quote that comes and goes within a second is not there when the second ends."""
    for _ in range(20):
        book.show(101, wait_ms=300)
        book.show(100, wait_ms=300)
        book.show(100, wait_ms=400)
    book.settle()

    view = book.watch.view
    assert view is not None
    assert view.update_bid == 41.0
    assert view.bid < 5.0


def test_far_too_much_flicker_is_told_once(book: Book) -> None:
    """An alarm is a line in the log when it begins, not each second."""
    for _ in range(30):
        book.flicker(1, wait_ms=1000)
        book.watch.step()

    told = [r.text for r in book.log.since(0) if r.text.startswith("flicker alarm")]
    assert len(told) == 1
    assert "side of the touch" in told[0]


def test_a_minute_is_counted_once_for_each_side(book: Book) -> None:
    """The day's distribution is of minutes, however often it is read."""
    for _ in range(180):
        book.show(100, wait_ms=1000)
        book.watch.step()

    assert book.watch.view is not None
    assert 2 <= book.watch.view.minutes <= 3


def test_a_market_s_own_habit_raises_the_notice(book: Book) -> None:
    """What is usual here after fifty minutes of it deserves no alert."""
    levels = []
    for _ in range(60 * 60):
        book.show(100 + book.now_ns // SECOND_NS % 2 * 4, wait_ms=1000)
        book.watch.step()
        if book.watch.view is not None:  # not while the tape has not come so far
            levels.append(book.watch.view.level)

    view = book.watch.view
    assert view is not None
    assert view.usual is not None
    assert view.usual > 3.1
    assert "warning" in levels or "alarm" in levels


def test_a_lost_book_shows_no_flicker(book: Book) -> None:
    """What stood before is not known any more."""
    book.flicker(10)
    book.watch.lose()
    book.watch.step()

    assert book.watch.view is None


def brownian(watch: MarketMonitor, seconds: int, sigma: float = 2.0) -> int:
    """Feed a wandering mid, ten samples a second; the time it ended."""
    random = np.random.default_rng(1)
    mids = 600_000 + sigma * np.sqrt(0.1) * random.standard_normal(seconds * 10).cumsum()
    for i, mid in enumerate(mids):
        watch.step(float(mid), START_NS + i * SECOND_NS // 10)
    return START_NS + (seconds * 10 - 1) * SECOND_NS // 10


def test_volatility_is_the_same_over_every_window_of_a_brownian_mid() -> None:
    """And windows that are longer than the session say how little they saw."""
    watch = MarketMonitor(0.0, DeskLog())
    end_ns = brownian(watch, 900)

    windows = {
        window_s: (sigma, seen_s) for window_s, sigma, seen_s in watch.view(end_ns).volatility
    }

    assert min(windows) == 10.0  # sampled by the second: one change is no volatility
    assert windows[600.0][0] == pytest.approx(2.0, rel=0.15)
    assert windows[86400.0][0] == pytest.approx(2.0, rel=0.15)
    assert windows[86400.0][1] == pytest.approx(899, abs=1)


def test_the_noise_model_gives_its_optimum_and_a_curve_to_draw() -> None:
    """x* = 0.7518 sigma of the last minute's own seconds, without a fee."""
    watch = MarketMonitor(0.0, DeskLog())
    noise = watch.view(brownian(watch, 61)).noise

    assert noise is not None
    assert noise.n == 60
    assert noise.half_spread_ticks == pytest.approx(0.751791524694 * noise.sigma_ticks)
    best = max(gain for _, gain, _ in noise.curve)
    assert best == pytest.approx(noise.gain_ticks, rel=0.01)


def test_a_fee_widens_the_noise_model_s_spread() -> None:
    """Two basis points of 60,000 are 120 ticks: only a far quote earns that back."""
    free, charged = MarketMonitor(0.0, DeskLog()), MarketMonitor(1e-6, DeskLog())
    spreads = [watch.view(brownian(watch, 61)).noise for watch in (free, charged)]

    assert spreads[0] is not None
    assert spreads[1] is not None
    assert spreads[1].half_spread_ticks > spreads[0].half_spread_ticks


def test_a_mid_that_stands_still_leaves_the_noise_model_nothing() -> None:
    """No deviation, nothing to gain."""
    watch = MarketMonitor(0.0, DeskLog())
    for i in range(700):
        watch.step(600_000.0, START_NS + i * SECOND_NS // 10)

    assert watch.view(START_NS + 70 * SECOND_NS).noise is None


def test_nan_mids_leave_no_trace() -> None:
    """Without a two-sided book there is no sample, and a view never carries a nan."""
    watch = MarketMonitor(0.0, DeskLog())
    for i in range(100):
        watch.step(math.nan, START_NS + i * SECOND_NS // 10)

    view = watch.view(START_NS + 10 * SECOND_NS)
    assert view.volatility == []
    assert view.noise is None
    assert not view.regime.known
