"""Market monitor: how much the market moves, flickers and wanders, apart from any quote.

Nothing here moves a quote. Times of the touch and the tape are the venue's.
"""

import math
from collections import deque

import numpy as np

from engine.core.desk_layout import (
    NO_TOUCH_SEEN,
    PRINT_SEEN,
    SEEN,
    TOUCH_SEEN,
    seen_row,
)
from engine.core.log import DeskLog
from engine.core.market_readings import FlickerView, NoiseView, RegimeView, WatchView
from engine.core.settings import STEP_NS
from engine.core.tape_merge import StampedPrint, TapeMerge, Touch
from engine.models.flicker import SECOND_NS, Flicker, FlickerWindow
from engine.models.flicker_alarm import WORDS, FlickerAlarm, FlickerDay, flicker_level
from engine.models.regime import ADVICE, FEWEST_DAYS, RegimeWatch
from engine.models.spread import WINDOW, gain_curve, noise_spread, sample_gain
from engine.models.window_volatility import WindowVolatility
from exchange.jit import IntArray, in_python
from exchange.types import Severity, Side

_STEPS_A_SECOND = SECOND_NS // STEP_NS
_LEAP_NS = 5 * SECOND_NS
_CURVE_POINTS = 24
_FEWEST_READINGS = 100  # of minutes, before a 98 % point of them means anything
_CURVE_SIGMAS = 3.0
_LEVELS = ("quiet", "notice", "warning", "alarm")
_SEVERITIES = (Severity.INFO, Severity.INFO, Severity.WARNING, Severity.ALARM)


def seen_rows(desk: IntArray) -> list[list[int]]:
    """What was seen of the market since it was taken last, oldest first; it is taken now."""
    rows = [in_python(seen_row)(desk, number).tolist() for number in range(int(desk[SEEN]))]
    desk[SEEN] = 0
    return rows


class FlickerWatch:
    """Both measures of the last minute, by snapshots and by every update, and their alarm."""

    def __init__(self, log: DeskLog) -> None:
        self._log = log
        self._alarm = FlickerAlarm()
        self._day = FlickerDay()
        self._minute = -1
        self._level = 0
        self.view: FlickerView | None = None
        self._start()

    def _start(self) -> None:
        self._snapshots = FlickerWindow(slot_ns=SECOND_NS)
        self._updates = FlickerWindow()
        self._merge = TapeMerge(self._take_print, self._take_touch)
        self._heard_ns = self._fed_ns = 0
        self._two_sided = False
        self._standing = False  # has the book shown both sides, since it was last lost?
        self._tape_seen = True  # since the last snapshot

    def receive_print(self, exch_ns: int, aggressor: Side, price_ticks: int, lots: int) -> None:
        self._merge.receive_print(exch_ns, aggressor, price_ticks, lots)

    def hear_tape(self, exch_ns: int) -> None:
        """Another message of the tape's link, by the venue's stamp."""
        self._merge.hear_tape(exch_ns)

    def lose_tape(self) -> None:
        """The tape's link is down."""
        self._merge.lose_tape()

    def receive_touch(self, exch_ns: int, touch: Touch) -> None:
        """Others' touch after one book message; counted once the tape has passed its stamp."""
        if exch_ns < self._heard_ns - _LEAP_NS:
            self._start()  # the venue's clock leapt back: a new beginning
        self._heard_ns = max(exch_ns, self._heard_ns)
        self._two_sided = True
        self._merge.receive_touch(exch_ns, touch)

    def lose(self) -> None:
        """No two-sided book: what stood before is not known any more."""
        if self._two_sided:
            self._two_sided = False
            self._merge.receive_touch(self._heard_ns, None)

    def _take_print(self, seen: StampedPrint) -> None:
        for window in (self._snapshots, self._updates):
            window.receive_trade(*seen)

    def _take_touch(self, exch_ns: int, touch: Touch | None, tape_seen: bool) -> None:
        second = exch_ns // SECOND_NS
        if self._standing and second > self._fed_ns // SECOND_NS:
            fullest = self._updates.fullest  # the size of the moment would be blind to dust
            self._snapshots.receive_touch(
                second * SECOND_NS, *fullest, tape_seen=self._tape_seen and tape_seen
            )
            self._tape_seen = True
        self._tape_seen = self._tape_seen and tape_seen
        self._standing = touch is not None
        self._fed_ns = exch_ns
        if touch is not None:
            self._updates.receive_touch(exch_ns, *touch, tape_seen=tape_seen)
        else:
            self._snapshots.skip()
            self._updates.skip()

    def step(self) -> None:
        """Once a second: read, judge and remember."""
        if not self._standing or not self._two_sided:
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
        self.view = self._build_view(by_second, by_update, level, chance)

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

    def _build_view(
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
            unjudged=by_update.unjudged,
        )


class MarketMonitor:
    """Monitor of everything that the screen shows of the market's nature.

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

    def take_seen(self, desk: IntArray) -> None:
        """Take what was seen of the market since the last time, in the order in which it came.

        Args:
            desk: int64[DESK_SIZE].
        """
        for kind, exch_ns, *seen in seen_rows(desk):
            if kind == TOUCH_SEEN:
                bid_ticks, bid_lots, ask_ticks, ask_lots = seen
                self.flicker.receive_touch(exch_ns, (bid_ticks, bid_lots, ask_ticks, ask_lots))
            elif kind == NO_TOUCH_SEEN:
                self.flicker.lose()
            elif kind == PRINT_SEEN:
                aggressor, price_ticks, lots, _ = seen
                self.flicker.receive_print(exch_ns, Side(aggressor), price_ticks, lots)
            else:
                self.flicker.hear_tape(exch_ns)

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
            regime=self._build_regime(),
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

    def _build_regime(self) -> RegimeView:
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
