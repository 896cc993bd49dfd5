"""Calibration: which numbers the desk takes from a tape, and what it does without good ones."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from engine.core.calibration import sample
from engine.core.desk_layout import MIDS_KEPT, MONO_NS, VOLATILITY_STEPS, new_desk, new_reals
from engine.core.fill_intensity import count_print
from engine.core.settings import STEP_NS, DeskSettings, IntensityName, VolatilityName
from engine.core.states import Mode
from engine.core.trader import Trader
from engine.core.volatility import add_mid, last_mids, sampled_mids, unbroken_mids
from exchange.jit import FloatArray, IntArray
from exchange.market_layout import NO_ASK, NO_BID
from exchange.types import Side, Tick
from tests.engine.virtual_desk import GRID, SETTINGS, VirtualDesk

S_NS = 1_000_000_000
SIXTY = replace(SETTINGS, window_s=60.0, nearest_ticks=0.0)
MID = 600_000


class Tape:
    """Synthetic market that trades around a mid of its own; time goes on as it is played."""

    def __init__(self, settings: DeskSettings = SIXTY, seed: int = 1) -> None:
        self.trader = Trader(settings, GRID, Mode.PAPER, epoch=1, own_in_book=True)
        self.calibrator = self.trader.calibrator
        self.random = np.random.default_rng(seed)
        self.now_ns = 0
        self.mid = float(MID)
        self.touch = (MID - 1, MID + 1)

    def play(self, seconds: float, A: float = 6.0, k: float = 0.12, sigma: float = 3.0) -> None:
        """Steps of 100 ms; orders on both sides at rate A, as deep as k says."""
        for _ in range(round(seconds * 10)):
            self.now_ns += STEP_NS
            self.mid += sigma * 0.1**0.5 * self.random.standard_normal()
            self.touch = (round(self.mid) - 1, round(self.mid) + 1)
            for aggressor in Side:
                for _ in range(self.random.poisson(A * 0.1)):
                    self.strike(aggressor, self.random.exponential(1 / k))
            self.step()

    def black_out(self, seconds: float) -> None:
        """The book is lost, while prints go on coming."""
        for _ in range(round(seconds * 10)):
            self.now_ns += STEP_NS
            for aggressor in Side:
                for _ in range(self.random.poisson(0.6)):
                    self.strike(aggressor, self.random.exponential(1 / 0.12))
            self.step(touch=(NO_BID, NO_ASK))

    def strike(self, aggressor: Side, depth: float) -> None:
        """One market order; within a tick of the mid there is nothing to print at."""
        if depth >= 1.0:
            self.now_ns += 2_000_000
            price = sum(self.touch) // 2 + aggressor * int(depth)
            self.print(aggressor, price, self.now_ns)

    def print(self, aggressor: Side, price_ticks: int, exch_ns: int) -> None:
        """One print, seen against the touch that stands."""
        trader = self.trader
        trader.desk[MONO_NS] = self.now_ns
        count_print(trader.desk, trader.reals, int(aggressor), price_ticks, exch_ns, *self.touch)

    def step(self, *, touch: tuple[int, int] | None = None, tape_up: bool = True) -> None:
        """The timer's step."""
        trader = self.trader
        trader.desk[MONO_NS] = self.now_ns
        sample(trader.desk, trader.reals, *(touch or self.touch), tape_up, self.now_ns)
        trader.wording.say(Tick(recv_ns=self.now_ns, mono_ns=self.now_ns))

    @property
    def said(self) -> list[str]:
        return [record.text for record in self.trader.log.since(0)]


@pytest.mark.parametrize("intensity", get_args(IntensityName))
def test_every_estimator_finds_the_market_s_numbers(intensity: IntensityName) -> None:
    """Least squares only roughly; a tenth of a thousand arrivals is what it needs to get near."""
    tape = Tape(replace(SIXTY, window_s=300.0, intensity=intensity))
    tape.play(320)

    fit = tape.calibrator.fit
    assert fit is not None
    assert fit.source == "fit"
    assert fit.A_per_s == pytest.approx(6.0, rel=0.25)
    assert fit.k_per_tick == pytest.approx(0.12, rel=0.25)


@pytest.mark.parametrize("volatility", get_args(VolatilityName))
def test_every_volatility_finds_the_market_s_sigma(volatility: VolatilityName) -> None:
    """In spite of a mid that moves by whole ticks."""
    tape = Tape(replace(SIXTY, window_s=300.0, volatility=volatility))
    tape.play(320)

    reading = tape.calibrator.reading
    assert reading is not None
    assert reading.sigma == pytest.approx(3.0, rel=0.2)
    assert reading.sigma_interval[0] < reading.sigma < reading.sigma_interval[1]


def test_a_fast_sample_takes_tick_rounding_for_volatility() -> None:
    """The desk's first default read 7 to 9 where the truth was 6; a second is slow enough."""
    calm = [Tape(replace(SIXTY, volatility_step_s=step_s)) for step_s in (0.1, 1.0)]
    for tape in calm:
        tape.play(90, sigma=0.4)

    fast, slow = (tape.calibrator.reading.sigma for tape in calm if tape.calibrator.reading)
    assert fast > 1.5 * 0.4
    assert slow == pytest.approx(0.4, rel=0.5)


def test_the_paper_exchange_s_truth_comes_back_through_the_wire() -> None:
    """Frames, touch, stamps, levels and likelihood in one: A 4, k 0.12, sigma 6."""
    desk = VirtualDesk(settings=replace(SETTINGS, window_s=200.0))
    desk.run(201.0)

    reading = desk.trader.calibrator.reading
    assert reading is not None
    assert reading.both.A_per_s == pytest.approx(4.0, rel=0.2)
    assert reading.both.k_per_tick == pytest.approx(0.12, rel=0.15)
    assert reading.sigma == pytest.approx(6.0, rel=0.25)


def test_nothing_is_fitted_before_a_whole_window_was_seen() -> None:
    """Until then the prior stands, and the note says how far it is."""
    tape = Tape()
    tape.play(31)

    assert tape.calibrator.fit is not None
    assert tape.calibrator.fit.source == "prior"
    assert tape.calibrator.note == "30 s of the 60 s window seen"


def test_too_few_market_orders_leave_the_prior_and_say_how_many() -> None:
    """Nineteen events are no fit; the operator's prior is better."""
    tape = Tape()
    tape.play(70, A=0.1)

    assert tape.calibrator.fit is not None
    assert tape.calibrator.fit.source == "prior"
    assert tape.calibrator.note.startswith("too few market orders (")
    assert "of 20 on one side" in tape.calibrator.note


def test_without_a_prior_and_without_a_fit_there_is_nothing_to_quote() -> None:
    """A guess would be somebody's money."""
    tape = Tape(replace(SIXTY, prior=None))
    tape.play(70, A=0.1)

    assert tape.calibrator.fit is None
    assert tape.calibrator.note.startswith("too few market orders")  # and not how old a prior is


def test_a_dry_market_is_quoted_with_the_last_good_fit_widened() -> None:
    """Lower A and lower k both widen; fresh volatility is still used."""
    tape = Tape()
    tape.play(70)
    good = tape.calibrator.fit
    tape.play(70, A=0.02)
    held = tape.calibrator.fit

    assert good is not None
    assert held is not None
    assert held.widened
    assert held.A_per_s < 0.95 * good.A_per_s
    assert held.k_per_tick < 0.98 * good.k_per_tick
    assert any(text.endswith("quoting the last good fit, widened") for text in tape.said)


def test_an_old_fit_is_not_quoted_for_ever() -> None:
    """Beyond hold_s there is no fit, and so no quote."""
    tape = Tape(replace(SIXTY, hold_s=30.0))
    tape.play(70)
    tape.play(100, A=0.02)

    assert tape.calibrator.fit is None


def test_depths_that_no_exponential_describes_are_refused() -> None:
    """Six orders in seven stop at the touch, as on the real future: a wall, not a decay."""
    tape = Tape()
    for _ in range(650):
        tape.play(0.1, A=0.0)
        tape.strike(Side.BUY, 1.0)
        tape.strike(Side.SELL, 15.0 if tape.random.random() < 0.15 else 1.0)

    assert tape.calibrator.note.startswith("depths are far from exponential (misfit 0.")
    assert tape.calibrator.fit is not None
    assert tape.calibrator.fit.source == "prior"


def test_refusal_and_recovery_are_each_logged_once() -> None:
    """A line every five seconds would bury the log."""
    tape = Tape()
    tape.play(70)
    tape.play(80, A=0.02)
    tape.play(90)

    told = [text for text in tape.said if text.startswith("calibration")]
    assert len(told) == 2
    assert told[1] == "calibration: fitted again"


def test_prints_of_one_market_order_count_once_at_the_deepest() -> None:
    """A sweep through five levels is one arrival; the next begins where prices step back."""
    tape = Tape()
    tape.play(62, A=0.0)
    for level in (1, 2, 2, 5, 1, 4):
        price = sum(tape.touch) // 2 + level
        tape.print(Side.BUY, price, 70 * S_NS)
    tape.play(5, A=0.0)

    reading = tape.calibrator.reading
    assert reading is not None
    assert (reading.ask.n, reading.bid.n) == (2, 0)


def mids_of(*mids: float, steps: int = 1) -> tuple[IntArray, FloatArray]:
    """A desk that keeps five mids, after these."""
    desk, reals = new_desk(), new_reals()
    desk[MIDS_KEPT], desk[VOLATILITY_STEPS] = 5, steps
    for mid in mids:
        add_mid(desk, reals, mid, 0.0)
    return desk, reals


def test_a_mid_window_is_contiguous_and_keeps_the_newest() -> None:
    """Its last sample is in every subsample."""
    window = mids_of(*map(float, range(8)), steps=2)

    assert last_mids(*window).tolist() == [3, 4, 5, 6, 7]
    assert sampled_mids(*window).tolist() == [3, 5, 7]


def test_a_hole_in_the_mids_ends_what_is_unbroken() -> None:
    """The two-scale sigma knows no nan."""
    window = mids_of(1.0, np.nan, 3.0, 4.0)

    assert unbroken_mids(*window).tolist() == [3, 4]


def test_the_quoted_rate_is_as_uncertain_as_its_poorer_half() -> None:
    """A of 3 and 1: by all arrivals together the 95 % interval held the truth in 91 of 100."""
    A_bid, A_ask, k, held = 3.0, 1.0, 0.12, 0
    for seed in range(200):
        tape = Tape(replace(SIXTY, window_s=100.0, recalibrate_s=100.0), seed)
        for _ in range(1020):
            tape.play(0.1, A=0.0, sigma=0.0)
            for aggressor, A in ((Side.SELL, A_bid), (Side.BUY, A_ask)):
                for _ in range(tape.random.poisson(A * 0.1)):
                    tape.strike(aggressor, tape.random.exponential(1 / k))
        reading = tape.calibrator.reading
        assert reading is not None
        low, high = reading.both.A_interval
        held += low <= (A_bid * A_ask) ** 0.5 <= high

    assert held / 200 == pytest.approx(0.95, abs=0.035)


@pytest.mark.parametrize("intensity", get_args(IntensityName))
def test_prints_without_a_book_are_no_arrivals(intensity: IntensityName) -> None:
    """Their time is not counted, so they must not be: A came out at six times the truth."""
    tape = Tape(replace(SIXTY, intensity=intensity))
    tape.play(70)
    tape.black_out(20)
    reading = tape.calibrator.reading

    assert reading is not None
    assert reading.both.A_per_s == pytest.approx(6.0, rel=0.4)


@pytest.mark.parametrize("intensity", get_args(IntensityName))
def test_a_window_hardly_seen_gives_no_fit(intensity: IntensityName) -> None:
    """Forty of sixty seconds without a book; and with none at all nothing breaks."""
    tape = Tape(replace(SIXTY, intensity=intensity))
    tape.play(70)
    tape.black_out(40)
    fit, note = tape.calibrator.fit, tape.calibrator.note
    tape.black_out(40)

    assert note == "the book was not seen long enough"
    assert fit is not None
    assert fit.widened


def test_both_sides_must_have_seen_enough() -> None:
    """A hundred sellers do not make up for three buyers."""
    tape = Tape()
    tape.play(2)
    for _ in range(650):
        tape.play(0.1, A=0.0)
        tape.strike(Side.SELL, tape.random.exponential(1 / 0.12) + 1.0)

    assert tape.calibrator.note.startswith("too few market orders")


def test_a_mid_that_stands_still_keeps_the_last_numbers_and_says_so() -> None:
    """A sigma of nought would take all skew from the quotes."""
    tape = Tape()
    tape.play(70)
    tape.play(75, sigma=0.0)

    fit = tape.calibrator.fit
    assert fit is not None
    assert fit.sigma_ticks > 0.0
    assert tape.calibrator.note == "the mid stood still"


def test_the_noise_ratio_is_high_where_the_quotes_bounce() -> None:
    """Sampled over clean: a bounce of two ticks each way on a mid that hardly moves."""
    tape = Tape(replace(SIXTY, volatility_step_s=0.1))
    for i in range(900):
        tape.now_ns += STEP_NS
        mid = MID + 2 * (i % 2) + i // 60
        tape.step(touch=(mid - 1, mid + 1))

    reading = tape.calibrator.reading
    assert reading is not None
    assert reading.noise_ratio > 3.0


def test_an_ewma_starts_from_a_whole_window() -> None:
    """Begun at the second change, a lucky pair would still weigh a third of it."""
    sigmas = []
    for seed in range(12):
        tape = Tape(replace(SIXTY, volatility="ewma"), seed)
        tape.play(66, A=0.5)
        assert tape.calibrator.reading is not None
        sigmas.append(tape.calibrator.reading.sigma)

    assert np.std(sigmas) < 0.15 * 3.0
    assert np.mean(sigmas) == pytest.approx(3.0, rel=0.12)


@pytest.mark.parametrize("intensity", ["mle", "online"])
def test_a_book_that_is_away_for_part_of_the_time_costs_a_nothing(intensity: IntensityName) -> None:
    """The fading estimate counted that time as if nobody had come: 0.58 of the truth."""
    tape = Tape(replace(SIXTY, window_s=100.0, intensity=intensity))
    for _ in range(12):
        tape.play(12)
        tape.black_out(8)

    assert tape.calibrator.reading is not None
    assert tape.calibrator.reading.both.A_per_s == pytest.approx(6.0, rel=0.15)


def test_time_without_a_tape_is_not_time_without_orders() -> None:
    """Its link was down: nothing could arrive, so nothing is said of it."""
    tape = Tape(replace(SIXTY, window_s=100.0))
    for _ in range(12):
        tape.play(6)
        for _ in range(40):
            tape.now_ns += STEP_NS
            tape.step(tape_up=False)

    assert tape.calibrator.reading is not None
    assert tape.calibrator.reading.both.A_per_s == pytest.approx(6.0, rel=0.15)


def test_a_stalled_engine_counts_the_time_that_its_prints_took() -> None:
    """They are all there when it wakes; a tenth of a second for two of them made A too high."""
    tape = Tape(replace(SIXTY, window_s=100.0))
    for _ in range(60):
        for _ in range(20):
            tape.now_ns += STEP_NS
            for aggressor in Side:
                for _ in range(tape.random.poisson(0.6)):
                    tape.strike(aggressor, tape.random.exponential(1 / 0.12))
        tape.step()

    assert tape.calibrator.reading is not None
    assert tape.calibrator.reading.both.A_per_s == pytest.approx(6.0, rel=0.15)


def test_bursts_widen_the_interval_by_whose_end_a_held_fit_is_quoted() -> None:
    """Orders in tens: the market after them is dry, and what was seen of them is hardly known."""
    alone, bursts = Tape(), Tape()
    alone.play(70)
    for _ in range(700):
        bursts.play(0.1, A=0.0)
        for side in Side:
            if bursts.random.random() < 0.06:
                for _ in range(10):
                    bursts.strike(side, bursts.random.exponential(1 / 0.12))

    calm, wild = alone.calibrator.reading, bursts.calibrator.reading
    assert calm is not None
    assert wild is not None
    assert calm.both.A_dispersion < 2.0
    assert wild.both.A_dispersion > 4.0
    assert wild.both.A_interval[0] < 0.8 * wild.both.A_per_s
    bursts.play(70, A=0.02)
    held = bursts.calibrator.fit
    assert held is not None
    assert held.widened
    assert held.A_per_s < 0.8 * wild.both.A_per_s


def test_an_order_that_turns_out_deeper_is_deeper_in_the_fading_estimate_too() -> None:
    """Else every sweep would count as a touch there, and k come out high."""
    tape = Tape(replace(SIXTY, intensity="online"))
    tape.play(2, A=0.0)
    for _ in range(650):
        tape.play(0.1, A=0.0)
        for side in Side:
            middle, depth = sum(tape.touch) // 2, 1 + int(tape.random.exponential(1 / 0.12))
            tape.now_ns += 2_000_000
            for level in range(1, depth + 1):
                tape.print(side, middle + side * level, tape.now_ns)

    reading = tape.calibrator.reading
    assert reading is not None
    assert reading.both.k_per_tick == pytest.approx(0.12, rel=0.1)
