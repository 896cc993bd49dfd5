"""What the market is like, apart from any quote: how much it moves, flickers and wanders.

Nothing here moves a quote. Times of the touch and the tape are the venue's; trades explain
retreats that the book shows later, so touches wait for one book interval before they count.
"""

import math
from collections import deque

import numpy as np

from engine.core.log import DeskLog
from engine.core.settings import STEP_NS
from engine.core.view import FlickerView, NoiseView, RegimeView, WatchView
from engine.models.flicker import BOOK_INTERVAL_NS, SECOND_NS, Flicker, FlickerWindow
from engine.models.flicker_alarm import WORDS, FlickerAlarm, FlickerDay, flicker_level
from engine.models.regime import ADVICE, FEWEST_DAYS, RegimeWatch
from engine.models.spread import WINDOW, gain_curve, noise_spread, sample_gain
from engine.models.window_volatility import WindowVolatility
from exchange.types import Severity, Side

_STEPS_A_SECOND = SECOND_NS // STEP_NS
_LEAP_NS = 5 * SECOND_NS
_MOST_WAITING = 4_096
_CURVE_POINTS = 24
_FEWEST_READINGS = 100
_CURVE_SIGMAS = 3.0
_LEVELS = ("quiet", "notice", "warning", "alarm")
_SEVERITIES = (Severity.INFO, Severity.INFO, Severity.WARNING, Severity.ALARM)

Touch = tuple[int, int, int, int]
"""``(bid_ticks, bid_lots, ask_ticks, ask_lots)``."""


class FlickerWatch:
    """Both measures of the last minute, by snapshots and by every update, and their alarm."""

    def __init__(self, log: DeskLog) -> None:
        self._log = log
        self._snapshots = FlickerWindow(slot_ns=SECOND_NS)
        self._updates = FlickerWindow()
        self._waiting: deque[tuple[int, Touch]] = deque()
        self._stood: Touch | None = None
        self._fed_ns = self._heard_ns = 0
        self._alarm = FlickerAlarm()
        self._day = FlickerDay()
        self._minute = -1
        self._level = 0
        self.view: FlickerView | None = None

    def receive_print(self, exch_ns: int, aggressor: Side, price_ticks: int, lots: int) -> None:
        for window in (self._snapshots, self._updates):
            window.receive_trade(exch_ns, aggressor, price_ticks, lots)

    def receive_touch(self, exch_ns: int, touch: Touch) -> None:
        """Others' touch after one book message; counted once its trades had time to arrive."""
        if self._heard_ns and not -BOOK_INTERVAL_NS <= exch_ns - self._heard_ns <= _LEAP_NS:
            self.lose()  # the venue's clock leapt, or its feed was silent: a new beginning
            self._fed_ns = 0
        self._heard_ns = exch_ns
        self._waiting.append((exch_ns, touch))
        while self._waiting and (
            self._waiting[0][0] <= exch_ns - BOOK_INTERVAL_NS or len(self._waiting) > _MOST_WAITING
        ):
            self._feed(*self._waiting.popleft())

    def lose(self) -> None:
        """No two-sided book: what stood before is not known any more."""
        self._waiting.clear()
        self._stood = None
        self._snapshots.skip()
        self._updates.skip()

    def _feed(self, exch_ns: int, touch: Touch) -> None:
        exch_ns = max(exch_ns, self._fed_ns)  # two streams, each in order, not together
        second = exch_ns // SECOND_NS
        if self._stood is not None and second > self._fed_ns // SECOND_NS:
            self._snapshots.receive_touch(second * SECOND_NS, *self._stood)
        self._updates.receive_touch(exch_ns, *touch)
        self._stood, self._fed_ns = touch, exch_ns

    def step(self) -> None:
        """Once a second: read, judge and remember."""
        if self._stood is None:
            self.view = None
            return
        by_second, by_update = (w.read(self._fed_ns) for w in (self._snapshots, self._updates))
        now_s = self._fed_ns / SECOND_NS
        minute = self._fed_ns // (60 * SECOND_NS)
        if minute != self._minute:
            if self._minute >= 0:  # the one in which we came was not seen whole
                self._day.receive(by_second.bid, now_s)
                self._day.receive(by_second.ask, now_s)
            self._minute = minute
        level, chance = self._judge(by_second)
        level = self._alarm.receive(level, now_s)
        if level > self._level:
            text = f"flicker {_LEVELS[level]}: {WORDS[level]}"
            self._log.note(_SEVERITIES[level], text)
        self._level = level
        self.view = self._portray(by_second, by_update, level, chance)

    @property
    def _usual(self) -> float:
        """The market's own 98 % point; nan before enough minutes were seen to have one."""
        return self._day.quantile(0.98) if self._day.n >= _FEWEST_READINGS else math.nan

    def _judge(self, read: Flicker) -> tuple[int, float]:
        """The side that deserves more, where both measures agree: moved, and by cancelling."""
        usual = self._usual
        sides = (
            (read.bid, read.star_bid, read.bid_chance),
            (read.ask, read.star_ask, read.ask_chance),
        )
        judged = [
            (min(flicker_level(D, usual, p), flicker_level(star, usual, p)), p)
            for D, star, p in sides
        ]
        return max(judged, key=lambda side: (side[0], -side[1]))

    def _portray(
        self, by_second: Flicker, by_update: Flicker, level: int, chance: float
    ) -> FlickerView:
        return FlickerView(
            bid=by_second.bid,
            star_bid=by_second.star_bid,
            star_ask=by_second.star_ask,
            update_bid=by_update.bid,
            update_star_bid=by_update.star_bid,
            update_star_ask=by_update.star_ask,
            moves_bid=by_second.moves_bid,
            moves_ask=by_second.moves_ask,
            chance=chance,
            level=_LEVELS[level],
            words=WORDS[level],
            usual=number(self._usual),
            share_inside=number(self._day.share_inside),
            minutes=self._day.n // 2,
        )


class MarketWatch:
    """Everything that the screen shows of the market's nature.

    Args:
        maker_fee_rate: Of the notional, a rebate negative.
    """

    def __init__(self, maker_fee_rate: float, log: DeskLog) -> None:
        self._fee_rate = maker_fee_rate
        self.flicker = FlickerWatch(log)
        self._volatility = WindowVolatility()
        self._regime = RegimeWatch()
        self._mids: deque[float] = deque(maxlen=WINDOW)
        self._noise: NoiseView | None = None
        self._steps = 0

    def step(self, mid_ticks: float, mono_ns: int) -> None:
        """One 100 ms step; every tenth is a sample.

        Args:
            mid_ticks: nan where there is no two-sided book.
        """
        self._steps += 1
        if self._steps % _STEPS_A_SECOND:
            return
        now_s = mono_ns / SECOND_NS
        self._volatility.receive_mid(mid_ticks, now_s)
        self._regime.receive_mid(mid_ticks, now_s)
        self.flicker.step()
        self._mids.append(mid_ticks)
        self._noise = self._read_noise()

    def view(self, mono_ns: int) -> WatchView:
        readings = self._volatility.read(mono_ns / SECOND_NS)
        windows = zip(self._volatility.windows_s.tolist(), readings, strict=True)
        return WatchView(
            volatility=[
                (window_s, sigma, seen_s)
                for window_s, (sigma, seen_s) in windows
                if not math.isnan(sigma)
            ],
            flicker=self.flicker.view,
            noise=self._noise,
            regime=self._portray_regime(),
        )

    def _read_noise(self) -> NoiseView | None:
        mids = np.array(self._mids)
        mids = mids[~np.isnan(mids)]
        if mids.size < WINDOW:
            return None
        fee_ticks = -self._fee_rate * float(mids[-1])  # a rebate is positive there
        found = noise_spread(mids, fee_ticks)
        if found is None:
            return None
        half_spreads = np.linspace(0.0, _CURVE_SIGMAS * found.sigma_ticks, _CURVE_POINTS)
        model, sample = np.zeros(_CURVE_POINTS), np.zeros(_CURVE_POINTS)
        gain_curve(half_spreads, found.sigma_ticks, fee_ticks, 0.0, model)
        sample_gain(mids - mids.mean(), half_spreads, fee_ticks, sample)
        return NoiseView(
            sigma_ticks=found.sigma_ticks,
            shift_ticks=found.shift_ticks,
            half_spread_ticks=found.half_spread_ticks,
            gain_ticks=found.gain_ticks,
            n=found.n,
            curve=list(zip(half_spreads.tolist(), model.tolist(), sample.tolist(), strict=True)),
        )

    def _portray_regime(self) -> RegimeView:
        regime = self._regime
        return RegimeView(
            daily_high=bool(regime.cell & 2),
            intraday_high=bool(regime.cell & 1),
            known=regime.known,
            advice=ADVICE[regime.cell],
            history_days=regime.history_days,
            wanted_days=FEWEST_DAYS,
            efficiency=number(regime.efficiency),
        )


def number(value: float) -> float | None:
    """None for nan, which never travels in a view."""
    return None if math.isnan(value) else value
